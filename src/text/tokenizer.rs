//! Text ↔ token ids: BERT WordPiece plus the control tokens.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The tokenizer of a checkpoint.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    control: Control,
}

/// Ids of the control tokens that prompts and decoding need.
struct Control {
    speaker: u32,
    end_of_refining: u32,
    first_steering: u32,
}

impl Tokenizer {
    /// From the content of a tokenizer.json; `path` is named in errors.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is no tokenizer, or one without ChatTTS's control tokens.
    pub fn from_json(json: &str, path: &Path) -> Result<Self> {
        let bad = |reason: String| Error::Tokenizer { file: path.to_path_buf(), reason };
        let mut inner = tokenizers::Tokenizer::from_str(json).map_err(|e| bad(e.to_string()))?;
        // The published file asks for exactly 256 tokens, which would cut long texts and pad short ones.
        inner.with_truncation(None).map_err(|e| bad(e.to_string()))?;
        inner.with_padding(None);
        let id =
            |token: &str| inner.token_to_id(token).ok_or_else(|| bad(format!("it has no token {token}")));
        let control = Control {
            speaker: id("[spk_emb]")?,
            end_of_refining: id("[Ebreak]")?,
            first_steering: id("[break_0]")?,
        };
        Ok(Tokenizer { inner, control })
    }

    /// Token ids of a text that may hold control tokens; none is added.
    ///
    /// # Errors
    /// [`Error::EmptyText`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false).map_err(|e| Error::EmptyText(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of token ids, control tokens included, as the reference joins them.
    ///
    /// # Errors
    /// [`Error::EmptyText`] if the tokenizer refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, false).map_err(|e| Error::EmptyText(e.to_string()))
    }

    /// Tokens it knows; ids are smaller.
    pub fn size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The word of an id, as the vocabulary writes it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id at whose place the speaker's vector goes.
    pub fn speaker_token(&self) -> u32 {
        self.control.speaker
    }

    /// The id that ends refining.
    pub fn end_of_refining(&self) -> u32 {
        self.control.end_of_refining
    }

    /// Ids from here on steer the model and are no part of a refined text.
    pub fn first_steering_token(&self) -> u32 {
        self.control.first_steering
    }
}
