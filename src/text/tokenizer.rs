//! Text ↔ token ids: BERT WordPiece plus the control tokens.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{Decoder, DecoderWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerImpl};

use super::rules::Rules;
use crate::error::{Error, Result};

/// Holds the tokenizer of a checkpoint.
pub struct Tokenizer {
    inner: WordPieceTokenizer,
    control: Control,
}

/// Is the kind of tokenizer that ChatTTS has. Read as this its words go straight into their table.
type WordPieceTokenizer = TokenizerImpl<WordPiece, Rules, PreTokenizerWrapper, PostProcessorWrapper, Joiner>;

/// Joins tokens to a text as the decoder of a tokenizer.json does.
struct Joiner(DecoderWrapper);

impl<'de> Deserialize<'de> for Joiner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The library panics where it meets what is no JSON itself.
        let value = Value::deserialize(deserializer)?;
        if strips_ends(&value) {
            return Err(D::Error::custom(
                "its decoder strips the ends of tokens (`stop`), which is not done here",
            ));
        }
        DecoderWrapper::deserialize(value).map(Joiner).map_err(D::Error::custom)
    }
}

/// Returns true if a decoder takes signs off the ends of tokens, for which the library panics where a token is shorter.
fn strips_ends(decoder: &Value) -> bool {
    match decoder {
        Value::Object(fields) => {
            fields.get("stop").is_some_and(|stop| stop != 0) || fields.values().any(strips_ends)
        }
        Value::Array(decoders) => decoders.iter().any(strips_ends),
        _ => false,
    }
}

impl Decoder for Joiner {
    fn decode_chain(&self, tokens: Vec<String>) -> tokenizers::Result<Vec<String>> {
        self.0.decode_chain(tokens)
    }
}

/// Holds the ids of the control tokens that prompts and decoding need.
struct Control {
    speaker: u32,
    end_of_refining: u32,
    first_steering: u32,
}

impl Tokenizer {
    /// Reads the content of a tokenizer.json; `path` is named in errors.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is no tokenizer, or one without ChatTTS's control tokens.
    pub fn from_json(json: &str, path: &Path) -> Result<Self> {
        let bad = |reason: String| Error::Tokenizer { file: path.to_path_buf(), reason };
        let mut inner: WordPieceTokenizer =
            serde_json::from_str(json).map_err(|e| bad(format!("not a WordPiece tokenizer: {e}")))?;
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

    /// Returns the token ids of a text that may hold control tokens; none is added.
    ///
    /// # Errors
    /// [`Error::EmptyText`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false).map_err(|e| Error::EmptyText(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Returns the text of token ids, control tokens included, as the reference joins them.
    ///
    /// # Errors
    /// [`Error::EmptyText`] if the tokenizer refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, false).map_err(|e| Error::EmptyText(e.to_string()))
    }

    /// Returns how many tokens it knows; ids are smaller.
    pub fn size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Returns the word of an id, as the vocabulary writes it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Returns the id at whose place the speaker's vector goes.
    pub fn speaker_token(&self) -> u32 {
        self.control.speaker
    }

    /// Returns the id that ends refining.
    pub fn end_of_refining(&self) -> u32 {
        self.control.end_of_refining
    }

    /// Returns the first id of those that steer the model and are no part of a refined text.
    pub fn first_steering_token(&self) -> u32 {
        self.control.first_steering
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    const TEXTS: [&str; 10] = [
        "[Stts][spk_emb][speed_5]我们的 Hello World, café 123。[uv_break]OK[Ptts]",
        "naïve Ünïcode e\u{301}\u{323}a\u{30a} ǅ ß İI ﾊﾝｶｸ ｆｕｌｌ 𠮷 😀 👨‍👩‍👧 don't",
        "[laugh][laugh_0] [ laugh] [LAUGH] [lbreak]][break_6",
        "  tabs\tand\u{a0}spaces\u{3000}of\u{2003}all\r\nkinds\u{200b}\u{feff}\u{0}\u{fffd}\u{7} ",
        "",
        "한국어 العربية हिन्दी ไทย ①②½¥€—…「」『』～·",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
        "##ing [UNK] [PAD][CLS] [SEP][MASK] unbelievable tokenization isn't",
        "[Stts][empty_spk]Hello there, John's cat can't zorblatt! It's $5 o'clock's end.[Ptts]",
        "你好，世界！我用python写程序。Dr. Who的猫 don't‘t’s",
    ];

    #[test]
    fn a_decoder_that_strips_the_ends_of_tokens_is_refused() {
        let strip = |stop: usize| {
            let json = format!(
                r#"{{"type": "Sequence", "decoders": [{{"type": "Strip", "content": "a", "start": 1, "stop": {stop}}}]}}"#
            );
            serde_json::from_str::<Joiner>(&json)
        };
        assert_eq!(strip(0).unwrap().decode_chain(vec!["aab".into(), String::new()]).unwrap(), ["ab", ""]);
        assert!(strip(1).err().unwrap().to_string().contains("`stop`"));
    }

    #[test]
    fn read_as_word_pieces_it_is_what_the_library_reads() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let small = root.join("tests/fixtures/tiny/model/asset/tokenizer/tokenizer.json");
        let small = std::fs::read_to_string(small).unwrap();
        let (_, demo) = crate::backend::Checkpoint::demo().unwrap().tokenizer;
        // The published one, where it is at hand.
        let published = std::fs::read_to_string(root.join("../shared/tokenizer/tokenizer.json"));
        for json in [small, demo].into_iter().chain(published) {
            let ours = Tokenizer::from_json(&json, Path::new("tokenizer.json")).unwrap();
            let mut library = tokenizers::Tokenizer::from_str(&json).unwrap();
            library.with_truncation(None).unwrap().with_padding(None);
            assert_eq!(ours.size(), library.get_vocab_size(true));
            for text in TEXTS {
                let ids = library.encode_fast(text, false).unwrap().get_ids().to_vec();
                assert_eq!(ours.encode(text).unwrap(), ids, "{text}");
                assert_eq!(ours.decode(&ids).unwrap(), library.decode(&ids, false).unwrap());
            }
        }
    }

    #[test]
    fn what_the_library_panics_at_is_an_error() {
        for part in [
            r#""decoder": {"type": "WordPiece", "prefix": }"#,
            r#""decoder": {"type": "WordPiece", "prefix": "x""#,
            &format!(r#""decoder": {}1{}"#, "[".repeat(200), "]".repeat(200)),
            r#""normalizer": {"type": "Precompiled"}"#,
            r#""normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#,
            r#""normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled"}]}"#,
        ] {
            let error = Tokenizer::from_json(&format!("{{{part}}}"), Path::new("t.json")).err().unwrap();
            assert!(error.to_string().contains("not a WordPiece tokenizer"), "{part}: {error}");
        }
    }

    #[test]
    fn another_kind_of_model_is_refused() {
        let json = r#"{"model": {"type": "WordLevel", "unk_token": "[UNK]",
            "vocab": {"[UNK]": 0, "[spk_emb]": 1, "[Ebreak]": 2, "[break_0]": 3}}}"#;
        let error = Tokenizer::from_json(json, Path::new("tokenizer.json")).err().unwrap().to_string();
        assert!(error.contains("not a WordPiece tokenizer"), "{error}");
    }
}
