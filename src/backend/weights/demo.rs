//! The model that the program carries: a small voice of its own that speaks English and Mandarin. Its card,
//! `demo/CARD.md`, says what it was made of, what it is for and what not.
//!
//! What is embedded is what `packaging/voice/pack.py` writes: matrices in 8 bits with a scale a row, and the
//! tokenizer's pronunciations as a table apart from it. Read, it is a checkpoint in the published layout.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::checkpoint::Checkpoint;
use super::published::{FFT, Part, Published, hann_window, mel_filters};
use crate::backend::networks::MEL_CHANNELS;
use crate::error::{Error, Result};
use crate::hub::ModelSource;
use crate::voice::SpeakerStats;

static WEIGHTS: &[u8] = include_bytes!("demo/weights.safetensors");
static CONFIG: &str = include_str!("demo/config.json");
static TOKENIZER: &str = include_str!("demo/tokenizer.json");
static WORDS: &str = include_str!("demo/words.tsv");

/// The rule of the packed tokenizer for which the table of words stands.
const WORDS_RULE: &str = r#"{"type":"Replace","pattern":{"String":"@words"},"content":""}"#;
/// The character that token 0 is in the table of words, where two bytes hold it.
const NARROW: u32 = 0x100;
/// The character that token 0 is in a tokenizer.json.
const WIDE: u32 = 0xe000;
/// Ends the name under which the scales of a matrix's rows lie.
const SCALE: &str = ".scale";
/// The text head's directions, which are the embeddings of the text.
const TEXT_HEAD: &str = "head_text.parametrizations.weight.original1";
const TEXT_EMBEDDING: &str = "emb_text.weight";

type Formula = fn() -> Vec<f32>;

/// Tensors that are formulas and not kept: the file, the name, the shape.
const FORMULAS: [(&str, &str, &[usize], Formula); 5] = [
    ("DVAE", "preprocessor_mel.mel_spec.spectrogram.window", &[FFT], hann_window),
    ("DVAE", "preprocessor_mel.mel_spec.mel_scale.fb", &[FFT / 2 + 1, MEL_CHANNELS], mel_filters),
    ("Vocos", "head.istft.window", &[FFT], hann_window),
    ("Vocos", "feature_extractor.mel_spec.spectrogram.window", &[FFT], hann_window),
    ("Vocos", "feature_extractor.mel_spec.mel_scale.fb", &[FFT / 2 + 1, MEL_CHANNELS], mel_filters),
];

/// Gives the tensors of one file of the published layout.
struct DemoPart {
    file: &'static str,
    weights: Arc<SafeTensors<'static>>,
}

impl DemoPart {
    fn kept(&self, name: &str) -> Option<TensorView<'static>> {
        let name = if name == TEXT_HEAD { TEXT_EMBEDDING } else { name };
        self.weights.tensor(&format!("{}/{name}", self.file)).ok()
    }

    fn formulas(
        &self,
    ) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static [usize], Formula)> {
        FORMULAS.iter().filter(|(file, ..)| *file == self.file)
    }
}

impl Part for DemoPart {
    fn names(&self) -> Vec<String> {
        let prefix = format!("{}/", self.file);
        let kept = self.weights.names().into_iter().filter_map(|name| name.strip_prefix(&prefix));
        let kept = kept.filter(|name| !name.ends_with(SCALE)).map(String::from);
        let formulas = self.formulas().map(|(_, name, ..)| name.to_string());
        let tied = self.kept(TEXT_HEAD).map(|_| TEXT_HEAD.to_string());
        kept.chain(formulas).chain(tied).collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let formula = self.formulas().find(|(_, formula, ..)| *formula == name);
        formula.map(|(_, _, shape, _)| shape.to_vec()).or_else(|| Some(self.kept(name)?.shape().to_vec()))
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        if let Some((.., formula)) = self.formulas().find(|(_, formula, ..)| *formula == name) {
            return formula();
        }
        let Some(kept) = self.kept(name) else { return Vec::new() };
        let Dtype::I8 = kept.dtype() else { return floats(&kept) };
        let name = if name == TEXT_HEAD { TEXT_EMBEDDING } else { name };
        let scales = self.kept(&format!("{name}{SCALE}")).map(|scales| floats(&scales)).unwrap_or_default();
        let row = kept.data().len() / scales.len().max(1);
        let mut numbers = Vec::with_capacity(kept.data().len());
        for (row, scale) in kept.data().chunks_exact(row.max(1)).zip(scales) {
            numbers.extend(row.iter().map(|n| f32::from(n.cast_signed()) * scale));
        }
        numbers
    }
}

/// Reads the numbers of a tensor in f32 or f16.
fn floats(tensor: &TensorView) -> Vec<f32> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        _ => data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
    }
}

fn bad(reason: impl std::fmt::Display) -> Error {
    Error::bad_file(Path::new("demo"), reason.to_string())
}

fn published() -> Result<Published> {
    let weights = Arc::new(SafeTensors::deserialize(WEIGHTS).map_err(bad)?);
    let part = |file| Arc::new(DemoPart { file, weights: weights.clone() });
    let stats = |name: &str| -> Result<Vec<f16>> {
        let tensor = weights.tensor(&format!("spk_stat/{name}")).map_err(bad)?;
        Ok(floats(&tensor).into_iter().map(f16::from_f32).collect())
    };
    Ok(Published {
        config: CONFIG.into(),
        tokenizer: tokenizer_json()?,
        stats: SpeakerStats::new(stats("std")?, stats("mean")?)?,
        gpt: part("gpt/model"),
        embed: part("Embed"),
        decoder: part("Decoder"),
        dvae: part("DVAE"),
        vocos: part("Vocos"),
    })
}

/// Returns the tokenizer.json, the table of words written out as rules.
fn tokenizer_json() -> Result<String> {
    // Some megabytes, of which more than half are the words' rules; each is written out in about so many bytes.
    let mut json = String::new();
    let size = TOKENIZER.len() + 9 * WORDS.len();
    json.try_reserve_exact(size).map_err(|_| Error::memory("the tokenizer of demo", size))?;
    let (before, after) = TOKENIZER.split_once(WORDS_RULE).unwrap_or((TOKENIZER, ""));
    json.push_str(before);
    for (index, (word, phones)) in WORDS.lines().filter_map(|line| line.split_once('\t')).enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(r#"{"type":"Replace","pattern":{"Regex":"\\b"#);
        json.push_str(word);
        json.push_str(r#"\\b"},"content":""#);
        json.extend(phones.chars().filter_map(|c| char::from_u32(u32::from(c) + WIDE - NARROW)));
        json.push_str(r#""}"#);
    }
    json.push_str(after);
    Ok(json)
}

/// Returns a fingerprint of the embedded model, as the packing script computed it: 16 hexadecimal digits.
pub(crate) fn demo_fingerprint() -> Result<String> {
    let (_, metadata) = SafeTensors::read_metadata(WEIGHTS).map_err(bad)?;
    let fingerprint = metadata.metadata().as_ref().and_then(|facts| facts.get("fingerprint"));
    fingerprint.cloned().ok_or_else(|| bad("its weights have no fingerprint"))
}

impl Checkpoint {
    /// Returns the model that the program carries.
    ///
    /// # Errors
    /// None in practice.
    pub fn demo() -> Result<Self> {
        published()?.checkpoint(&ModelSource::Demo)
    }
}

/// Writes the model that the program carries in the published layout, as single precision: `dir/asset/…`, whose
/// path is returned.
///
/// # Errors
/// [`Error::BadFile`] if `dir` holds another model already, [`Error::Io`] if it cannot be written.
pub fn write_demo(dir: &Path) -> Result<PathBuf> {
    published()?.write(dir)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_what_is_embedded() {
        let weights = SafeTensors::deserialize(WEIGHTS).unwrap();
        let mut names = weights.names();
        names.sort();
        let mut hash = Sha256::new();
        for text in [CONFIG, TOKENIZER, WORDS] {
            hash.update(text);
        }
        for name in names {
            hash.update(name);
            hash.update(weights.tensor(name).unwrap().data());
        }
        let hex: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(demo_fingerprint().unwrap(), hex);
    }

    #[test]
    fn all_of_it_is_at_most_ten_megabytes() {
        assert!(WEIGHTS.len() + CONFIG.len() + TOKENIZER.len() + WORDS.len() <= 10_000_000);
    }

    #[test]
    fn the_table_of_words_takes_its_rules_place() {
        let json = tokenizer_json().unwrap();
        // It did not grow: there is no error for memory that is lacking then.
        assert_eq!(json.capacity(), TOKENIZER.len() + 9 * WORDS.len());
        assert!(TOKENIZER.contains(WORDS_RULE) && !json.contains("@words"));
        let rules =
            serde_json::from_str::<serde_json::Value>(&json).unwrap()["normalizer"]["normalizers"].take();
        let short =
            serde_json::from_str::<serde_json::Value>(TOKENIZER).unwrap()["normalizer"]["normalizers"].take();
        let (rules, short) = (rules.as_array().unwrap().len(), short.as_array().unwrap().len());
        assert_eq!(rules, short - 1 + WORDS.lines().count());
    }

    #[test]
    fn a_character_is_read_by_those_beside_it() {
        let tokenizer = Checkpoint::demo().unwrap().vocabulary().unwrap().tokenizer;
        let syllables = |text| tokenizer.encode(text).unwrap();
        for (text, alike) in [
            ("银行", "银航"),
            ("行走", "形走"),
            ("音乐", "音月"),
            ("长江", "常江"),
            ("长大", "掌大"),
            ("重庆", "虫庆"),
            ("重要", "众要"),
            ("睡觉", "睡叫"),
            ("首都", "首督"),
            ("归还", "归环"),
        ] {
            assert_eq!(syllables(text), syllables(alike), "{text}");
        }
    }

    #[test]
    fn a_matrix_is_its_rows_times_their_scales_and_the_text_head_the_embedding() {
        let weights = Arc::new(SafeTensors::deserialize(WEIGHTS).unwrap());
        let part = DemoPart { file: "Embed", weights: weights.clone() };
        let shape = part.shape(TEXT_EMBEDDING).unwrap();
        let numbers = part.numbers(TEXT_EMBEDDING);
        assert_eq!(numbers.len(), shape.iter().product::<usize>());
        let bytes = weights.tensor("Embed/emb_text.weight").unwrap();
        let scales = floats(&weights.tensor("Embed/emb_text.weight.scale").unwrap());
        let place = 3 * shape[1] + 5;
        assert_eq!(numbers[place], f32::from(bytes.data()[place].cast_signed()) * scales[3]);
        assert_eq!(part.numbers(TEXT_HEAD), numbers);
        assert!(part.names().iter().any(|name| name == TEXT_HEAD));
    }
}
