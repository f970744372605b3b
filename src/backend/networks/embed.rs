//! Embeddings of text and codes, and the heads that turn hidden states into logits: `Embed.safetensors`.

use super::layout::{Layout, MatrixWeight};
use crate::backend::weights::{ANY, Table, WeightFile};
use crate::engine::{Head, Input};
use crate::error::{Error, Result};

/// Holds the sizes of the embeddings and heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbedSizes {
    /// Text tokens there are (21178).
    pub text_tokens: usize,
    /// Codebooks (4).
    pub codebooks: usize,
    /// Codes of a codebook, the end token included (626).
    pub code_tokens: usize,
    /// Width of a hidden state (768).
    pub hidden: usize,
}

impl EmbedSizes {
    /// Reads the sizes from the header of a file, for a model of the given hidden width.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn read(file: &WeightFile, hidden: usize) -> Result<Self> {
        let weights = file.root();
        let codebooks = weights.count("emb_code", "weight");
        if codebooks == 0 {
            return Err(Error::MissingTensor {
                file: file.path().into(),
                tensor: "emb_code.0.weight".into(),
            });
        }
        let text_tokens = weights.check("emb_text.weight", &[ANY, hidden])?[0];
        let code_tokens = weights.check("emb_code.0.weight", &[ANY, hidden])?[0];
        let parts = weights.at("head_text.parametrizations.weight");
        parts.check("original0", &[text_tokens, 1])?;
        parts.check("original1", &[text_tokens, hidden])?;
        Ok(EmbedSizes { text_tokens, codebooks, code_tokens, hidden })
    }

    /// Returns how many logits a row has under a head.
    pub fn width(&self, head: Head) -> usize {
        match head {
            Head::Text => self.text_tokens,
            Head::Codes => self.codebooks * self.code_tokens,
        }
    }

    /// Checks that an input is one of this model's.
    ///
    /// # Errors
    /// [`Error::Speaker`] if a speaker vector or a code does not belong to this model.
    pub fn check(&self, input: &Input) -> Result<()> {
        let EmbedSizes { text_tokens, codebooks, code_tokens, hidden } = *self;
        match input {
            Input::Text(id) if *id as usize >= text_tokens => Err(Error::EmptyText(format!(
                "the tokenizer gave token {id}, the model knows {text_tokens}; they do not belong together"
            ))),
            Input::Speaker(vector) if vector.len() != hidden => Err(Error::Speaker(format!(
                "a speaker vector of {} values; this model takes {hidden}",
                vector.len()
            ))),
            Input::Codes(codes)
                if codes.len() != codebooks || codes.iter().any(|code| *code as usize >= code_tokens) =>
            {
                Err(Error::Speaker(format!(
                    "codes {codes:?}; this model takes {codebooks} below {code_tokens}"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Holds the embedding tables, on the processor, and knows the heads.
pub struct Embed {
    /// Its sizes.
    pub sizes: EmbedSizes,
    /// (text tokens, hidden).
    text: Table,
    /// Per codebook (code tokens, hidden).
    codes: Vec<Table>,
    file: WeightFile,
}

impl Embed {
    /// Loads the tables for a model of the given hidden width, and checks the heads.
    ///
    /// # Errors
    /// As [`EmbedSizes::read`].
    pub fn load(file: &WeightFile, hidden: usize) -> Result<Self> {
        let sizes = EmbedSizes::read(file, hidden)?;
        let EmbedSizes { text_tokens, codebooks, code_tokens, .. } = sizes;
        let weights = file.root();
        let table = |i| weights.table(&format!("emb_code.{i}.weight"), &[code_tokens, hidden]);
        Ok(Embed {
            sizes,
            text: weights.table("emb_text.weight", &[text_tokens, hidden])?,
            codes: (0..codebooks).map(table).collect::<Result<Vec<_>>>()?,
            file: file.clone(),
        })
    }

    /// Loads a head's weight, ([`EmbedSizes::width`], hidden). Most runs never refine a text, so that for text is better
    /// loaded when it is first asked for.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn head<L: Layout>(&self, head: Head, layout: &L) -> Result<L::Matrix> {
        let (names, tokens) = match head {
            Head::Text => (vec!["head_text".into()], self.sizes.text_tokens),
            Head::Codes => {
                let names = (0..self.sizes.codebooks).map(|i| format!("head_code.{i}"));
                (names.collect(), self.sizes.code_tokens)
            }
        };
        layout.matrix(&MatrixWeight::normed(&self.file.root(), names, (tokens, self.sizes.hidden)))
    }

    /// Returns the table of text, (text tokens, hidden), and those of the codebooks, one after another.
    #[cfg(feature = "cuda-kernels")]
    pub fn tables(&self) -> (&[f32], Vec<f32>) {
        (self.text.values(), self.codes.iter().flat_map(|table| table.values()).copied().collect())
    }

    /// Embeds positions, row by row: (rows, hidden).
    ///
    /// # Errors
    /// [`Error::Speaker`] if a speaker vector or a code does not belong to this model.
    pub fn embed<'a>(&self, inputs: impl Iterator<Item = &'a Input>, rows: &mut [f32]) -> Result<()> {
        let hidden = self.sizes.hidden;
        let row_of = |table: &Table, row: u32, to: &mut [f32]| {
            let from = &table.values()[row as usize * hidden..][..hidden];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        for (input, row) in inputs.zip(rows.chunks_exact_mut(hidden)) {
            self.sizes.check(input)?;
            row.fill(0.0);
            match input {
                Input::Text(id) => row_of(&self.text, *id, row),
                Input::Speaker(vector) => row.copy_from_slice(vector),
                Input::Codes(codes) => {
                    for (table, code) in self.codes.iter().zip(codes) {
                        row_of(table, *code, row);
                    }
                }
            }
        }
        Ok(())
    }
}
