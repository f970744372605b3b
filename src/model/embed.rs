//! Embeddings of text and codes, and the heads that turn hidden states into logits.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};

use super::linear::{Linear, weight_norm};
use super::weights::{ANY, Table, WeightFile};
use crate::error::{Error, Result};

/// Names what goes in at one position.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A text token.
    Text(u32),
    /// The place of the speaker's vector, already of unit length.
    Speaker(std::sync::Arc<[f32]>),
    /// One code per codebook.
    Codes(Vec<u32>),
}

/// Names the logits that a sequence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The text vocabulary, for refining.
    Text,
    /// Each codebook's vocabulary, side by side, for speech.
    Codes,
}

/// Holds embedding tables and output heads (`Embed.safetensors`).
pub struct Embed {
    /// (text tokens, hidden).
    text: Table,
    /// Per codebook (code tokens, hidden).
    codes: Vec<Table>,
    head_codes: Linear,
    /// Most runs never refine a text, so its head is read when it is first asked for.
    head_text: OnceLock<Linear>,
    file: WeightFile,
    text_tokens: usize,
    code_tokens: usize,
    hidden: usize,
}

impl Embed {
    /// Loads `Embed.safetensors` for a model of the given hidden width.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(file: &WeightFile, hidden: usize, device: &Device) -> Result<Self> {
        let weights = file.root(DType::F32, device);
        let codebooks = weights.count("emb_code", "weight");
        if codebooks == 0 {
            return Err(Error::MissingTensor {
                file: file.path().into(),
                tensor: "emb_code.0.weight".into(),
            });
        }
        let text_tokens = weights.check("emb_text.weight", &[ANY, hidden])?[0];
        let code_tokens = weights.check("emb_code.0.weight", &[ANY, hidden])?[0];
        let codes = (0..codebooks)
            .map(|i| weights.table(&format!("emb_code.{i}.weight"), &[code_tokens, hidden]))
            .collect::<Result<Vec<_>>>()?;
        let head_codes = weights.matrix("head_code", (codebooks * code_tokens, hidden), || {
            let heads = (0..codebooks)
                .map(|i| weight_norm(&weights.at(format!("head_code.{i}")), code_tokens, hidden))
                .collect::<Result<Vec<_>>>()?;
            Ok(Tensor::cat(&heads, 0)?)
        })?;
        let parts = weights.at("head_text.parametrizations.weight");
        parts.check("original0", &[text_tokens, 1])?;
        parts.check("original1", &[text_tokens, hidden])?;
        Ok(Embed {
            text: weights.table("emb_text.weight", &[text_tokens, hidden])?,
            codes,
            head_codes: Linear::of(head_codes),
            head_text: OnceLock::new(),
            text_tokens,
            code_tokens,
            hidden,
            file: file.clone(),
        })
    }

    /// Returns the head for text.
    ///
    /// # Errors
    /// A tensor of another type.
    pub fn head_text(&self) -> Result<&Linear> {
        if let Some(head) = self.head_text.get() {
            return Ok(head);
        }
        let weights = self.file.root(DType::F32, &Device::Cpu);
        let head = weights.matrix("head_text", (self.text_tokens, self.hidden), || {
            weight_norm(&weights.at("head_text"), self.text_tokens, self.hidden)
        })?;
        Ok(self.head_text.get_or_init(|| Linear::of(head)))
    }

    /// Returns the table of text, (text tokens, hidden), and those of the codebooks, one after another.
    #[cfg(feature = "cuda")]
    pub fn tables(&self) -> (&[f32], Vec<f32>) {
        (self.text.values(), self.codes.iter().flat_map(|table| table.values()).copied().collect())
    }

    /// Returns a head's weight, ([`Embed::width`], hidden).
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    #[cfg(feature = "cuda")]
    pub fn head_weight(&self, head: Head) -> Result<Tensor> {
        let weights = self.file.root(DType::F32, &Device::Cpu);
        if head == Head::Text {
            return weight_norm(&weights.at("head_text"), self.text_tokens, self.hidden);
        }
        let heads = (0..self.codebooks())
            .map(|i| weight_norm(&weights.at(format!("head_code.{i}")), self.code_tokens, self.hidden))
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(&heads, 0)?)
    }

    /// Checks that an input is one of this model's.
    ///
    /// # Errors
    /// [`Error::Speaker`] if a speaker vector or a code does not belong to this model.
    pub fn check(&self, input: &Input) -> Result<()> {
        match input {
            Input::Text(id) if *id as usize >= self.text_tokens => Err(Error::EmptyText(format!(
                "the tokenizer gave token {id}, the model knows {}; they do not belong together",
                self.text_tokens
            ))),
            Input::Speaker(vector) if vector.len() != self.hidden => Err(Error::Speaker(format!(
                "a speaker vector of {} values; this model takes {}",
                vector.len(),
                self.hidden
            ))),
            Input::Codes(codes)
                if codes.len() != self.codebooks()
                    || codes.iter().any(|code| *code as usize >= self.code_tokens) =>
            {
                Err(Error::Speaker(format!(
                    "codes {codes:?}; this model takes {} below {}",
                    self.codebooks(),
                    self.code_tokens
                )))
            }
            _ => Ok(()),
        }
    }

    /// Codebooks (4).
    pub fn codebooks(&self) -> usize {
        self.codes.len()
    }

    /// Returns how many codes a codebook has, the end token included (626).
    pub fn code_tokens(&self) -> usize {
        self.code_tokens
    }

    /// Returns how many text tokens there are (21178).
    pub fn text_tokens(&self) -> usize {
        self.text_tokens
    }

    /// Returns the width of a hidden state.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Returns how many logits a row has under a head.
    pub fn width(&self, head: Head) -> usize {
        match head {
            Head::Text => self.text_tokens,
            Head::Codes => self.codebooks() * self.code_tokens,
        }
    }

    /// Embeds positions, row by row: (rows, hidden).
    ///
    /// # Errors
    /// [`Error::Speaker`] if a speaker vector or a code does not belong to this model.
    pub fn embed<'a>(&self, inputs: impl Iterator<Item = &'a Input>, rows: &mut [f32]) -> Result<()> {
        let hidden = self.hidden;
        let row_of = |table: &Table, row: u32, to: &mut [f32]| {
            let from = &table.values()[row as usize * hidden..][..hidden];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        for (input, row) in inputs.zip(rows.chunks_exact_mut(hidden)) {
            self.check(input)?;
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

    /// Computes the first rows of hidden states (…, hidden) → those of logits (…, [`Embed::width`]).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn logits(&self, hidden: &Tensor, head: Head, logits: &Tensor, rows: usize) -> Result<()> {
        match head {
            Head::Text => self.head_text()?.forward_into(hidden, logits, rows),
            Head::Codes => self.head_codes.forward_into(hidden, logits, rows),
        }
    }
}
