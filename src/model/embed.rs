//! Embeddings of text and codes, and the heads that turn hidden states into logits.

use candle_core::{D, DType, Device, Tensor};

use super::linear::Linear;
use super::weights::{ANY, WeightFile, Weights};
use crate::error::{Error, Result};

/// One position of input.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A text token.
    Text(u32),
    /// The place of the speaker's vector, already of unit length.
    Speaker(std::sync::Arc<[f32]>),
    /// One code per codebook.
    Codes(Vec<u32>),
}

/// Which logits a sequence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The text vocabulary, for refining.
    Text,
    /// Each codebook's vocabulary, side by side, for speech.
    Codes,
}

/// Embedding tables and output heads (`Embed.safetensors`).
pub struct Embed {
    /// Text, then each codebook, then one row of zeros: (text + codebooks·codes + 1, hidden). One table, so
    /// that every position is the sum of `codebooks` rows and a step is one lookup.
    table: Tensor,
    head_text: Linear,
    head_codes: Linear,
    text_tokens: usize,
    code_tokens: usize,
    codebooks: usize,
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
        let text = weights.tensor("emb_text.weight", &[ANY, hidden])?;
        let text_tokens = text.dim(0)?;
        let first = weights.tensor("emb_code.0.weight", &[ANY, hidden])?;
        let code_tokens = first.dim(0)?;
        let mut tables = vec![text, first];
        for i in 1..codebooks {
            tables.push(weights.tensor(&format!("emb_code.{i}.weight"), &[code_tokens, hidden])?);
        }
        tables.push(Tensor::zeros((1, hidden), DType::F32, device)?);

        let heads = (0..codebooks)
            .map(|i| weight_norm(&weights.at(format!("head_code.{i}")), code_tokens, hidden))
            .collect::<Result<Vec<_>>>()?;
        Ok(Embed {
            table: Tensor::cat(&tables, 0)?,
            head_text: Linear::new(weight_norm(&weights.at("head_text"), text_tokens, hidden)?, None)?,
            head_codes: Linear::new(Tensor::cat(&heads, 0)?, None)?,
            text_tokens,
            code_tokens,
            codebooks,
            hidden,
        })
    }

    /// Codebooks (4).
    pub fn codebooks(&self) -> usize {
        self.codebooks
    }

    /// Codes in a codebook, the end token included (626).
    pub fn code_tokens(&self) -> usize {
        self.code_tokens
    }

    /// Text tokens (21178).
    pub fn text_tokens(&self) -> usize {
        self.text_tokens
    }

    /// Width of a hidden state.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Logits per row under a head.
    pub fn width(&self, head: Head) -> usize {
        match head {
            Head::Text => self.text_tokens,
            Head::Codes => self.codebooks * self.code_tokens,
        }
    }

    /// Embeds positions: (rows, hidden).
    ///
    /// # Errors
    /// [`Error::Speaker`] if a speaker vector or a code does not belong to this model.
    pub fn embed(&self, inputs: &[Input]) -> Result<Tensor> {
        let zero_row = (self.text_tokens + self.codebooks * self.code_tokens) as u32;
        let mut index = vec![zero_row; inputs.len() * self.codebooks];
        for (input, index) in inputs.iter().zip(index.chunks_exact_mut(self.codebooks)) {
            match input {
                Input::Text(id) if (*id as usize) < self.text_tokens => index[0] = *id,
                Input::Text(id) => {
                    return Err(Error::EmptyText(format!(
                        "the tokenizer gave token {id}, the model knows {}; they do not belong together",
                        self.text_tokens
                    )));
                }
                Input::Speaker(vector) if vector.len() == self.hidden => {}
                Input::Speaker(vector) => {
                    return Err(Error::Speaker(format!(
                        "a speaker vector of {} values; this model takes {}",
                        vector.len(),
                        self.hidden
                    )));
                }
                Input::Codes(codes) => {
                    if codes.len() != self.codebooks || codes.iter().any(|c| *c as usize >= self.code_tokens)
                    {
                        return Err(Error::Speaker(format!(
                            "codes {codes:?}; this model takes {} below {}",
                            self.codebooks, self.code_tokens
                        )));
                    }
                    for (book, (index, code)) in index.iter_mut().zip(codes).enumerate() {
                        *index = (self.text_tokens + book * self.code_tokens) as u32 + code;
                    }
                }
            }
        }
        let device = self.table.device();
        let index = Tensor::from_vec(index, inputs.len() * self.codebooks, device)?;
        let x = self
            .table
            .index_select(&index, 0)?
            .reshape((inputs.len(), self.codebooks, self.hidden))?
            .sum(1)?;
        for (row, input) in inputs.iter().enumerate() {
            if let Input::Speaker(vector) = input {
                x.slice_set(&Tensor::from_slice(vector, (1, self.hidden), device)?, 0, row)?;
            }
        }
        Ok(x)
    }

    /// Hidden states (rows, hidden) → logits (rows, [`Embed::width`]).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn logits(&self, hidden: &Tensor, head: Head) -> Result<Tensor> {
        match head {
            Head::Text => self.head_text.forward(hidden),
            Head::Codes => self.head_codes.forward(hidden),
        }
    }
}

/// A weight stored as direction v and length g per row: W[r] = g[r]·v[r]/‖v[r]‖₂.
fn weight_norm(weights: &Weights, outputs: usize, inputs: usize) -> Result<Tensor> {
    let parts = weights.at("parametrizations.weight");
    let length = parts.tensor("original0", &[outputs, 1])?;
    let direction = parts.tensor("original1", &[outputs, inputs])?;
    let norm = direction.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
    Ok(direction.broadcast_mul(&(length / norm)?)?)
}
