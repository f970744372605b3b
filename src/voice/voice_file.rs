//! Reads a voice from any file in which voices circulate.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use super::codec::{Speaker, VoicePrompt};
use super::{base16384, files, json_file, torch_file};
use crate::error::{Error, Result};

/// The number of values of a published voice.
pub(super) const WIDTH: usize = 768;
/// The most bytes of a file with a voice; cards of Speech-AI-Forge carry sounds.
const MAX_BYTES: u64 = 32 << 20;
/// The part of a message that says which voices can be read.
const KNOWN: &str =
    "a voice is 768 numbers or a voice string, in .txt, .pt, .csv, .json, .npy or .safetensors";

/// The voice that a file or a string holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FileVoice {
    /// A speaker vector.
    Speaker(Speaker),
    /// The codes of a spoken sample.
    Codes(VoicePrompt),
}

impl FileVoice {
    /// Reads a speaker string or a voice-prompt string. White space anywhere in it is ignored, and a byte
    /// order mark before it.
    ///
    /// # Errors
    /// [`Error::Speaker`] that says why it is neither.
    pub fn decode(text: &str) -> Result<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect();
        // A prompt begins with its number of codebooks, which no LZMA2 stream begins with.
        match base16384::decode(&text).as_deref() {
            Ok([1..=16, 0, ..]) if Speaker::decode(&text).is_err() => {
                VoicePrompt::decode(&text).map(FileVoice::Codes)
            }
            _ => Speaker::decode(&text).map(FileVoice::Speaker),
        }
    }
}

/// Says how a file keeps its floating-point numbers, little-endian.
#[derive(Clone, Copy, Debug)]
pub(super) enum Floats {
    /// IEEE 754, two bytes.
    Half,
    /// The upper half of a single-precision number.
    Brain,
    Single,
    Double,
}

impl Floats {
    pub(super) fn bytes(self) -> usize {
        match self {
            Floats::Half | Floats::Brain => 2,
            Floats::Single => 4,
            Floats::Double => 8,
        }
    }

    pub(super) fn read(self, bytes: &[u8]) -> Vec<f64> {
        fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.as_chunks::<N>().0.iter().map(|b| number(*b)).collect()
        }
        match self {
            Floats::Half => each(bytes, |b| f16::from_le_bytes(b).to_f64()),
            Floats::Brain => each(bytes, |b| bf16::from_le_bytes(b).to_f64()),
            Floats::Single => each(bytes, |b| f32::from_le_bytes(b).into()),
            Floats::Double => each(bytes, f64::from_le_bytes),
        }
    }
}

/// The content of a file, before it is taken for a voice.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Text(String),
    Numbers(Vec<f64>),
}

impl Content {
    /// Tells whether a text begins as a voice string does.
    pub(super) fn may_be_voice(text: &str) -> bool {
        text.trim_start_matches('\u{feff}').trim_start().chars().next().is_some_and(base16384::is_data)
    }

    fn voice(self) -> Result<FileVoice, String> {
        match self {
            Content::Text(text) => FileVoice::decode(&text).map_err(reason),
            Content::Numbers(numbers) => speaker(&numbers).map(FileVoice::Speaker),
        }
    }
}

/// Returns an error's reason, without the words that begin every error about a voice.
fn reason(error: Error) -> String {
    match error {
        Error::Speaker(reason) => reason,
        other => other.to_string(),
    }
}

fn speaker(numbers: &[f64]) -> Result<Speaker, String> {
    if numbers.len() != WIDTH {
        return Err(format!("it holds {} numbers; a voice has {WIDTH}", numbers.len()));
    }
    Speaker::new(numbers.iter().map(|x| f16::from_f64(*x)).collect()).map_err(reason)
}

/// Reads a voice from a file. The content of the file decides how it is read, not its name:
///
/// - a text with a speaker string or a voice-prompt string, or with 768 numbers (lines, commas, …);
/// - a tensor of 768 numbers or a string, as PyTorch (`.pt`) or Python's pickle saves it, which is read
///   without running anything;
/// - a `.npy` file or a safetensors file of 768 numbers, or one of `codes` as [`super::read_codes`] reads it;
/// - JSON with one such string or array of 768 numbers in it, as `.spkv1.json` of Speech-AI-Forge has.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::BadFile`] that says what it holds instead.
pub fn read_speaker(path: &Path) -> Result<FileVoice> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        let reason = format!("it is larger than {} MiB and no voice; {KNOWN}", MAX_BYTES >> 20);
        return Err(Error::bad_file(path, reason));
    }
    if is_safetensors(&bytes) {
        let file = files::open(path, &bytes)?;
        if file.names().contains(&files::CODES) {
            return files::codes_in(path, &file).map(FileVoice::Codes);
        }
        return tensor(&file).and_then(Content::voice).map_err(|e| Error::bad_file(path, e));
    }
    content(&bytes).and_then(Content::voice).map_err(|e| Error::bad_file(path, e))
}

fn content(bytes: &[u8]) -> Result<Content, String> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => return torch_file::read_zip(bytes),
        [0x80, 2..=5, ..] => return torch_file::read_pickle(bytes),
        [0x93, b'N', b'U', b'M', b'P', b'Y', rest @ ..] => return npy(rest),
        _ => {}
    }
    let text = std::str::from_utf8(bytes).map_err(|_| format!("it is {}; {KNOWN}", foreign(bytes)))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        None => Err(format!("it is empty; {KNOWN}")),
        Some('{' | '[') => json_file::read(text),
        Some(c) if base16384::is_data(c) => Ok(Content::Text(text.to_string())),
        Some(_) => numbers(text).map(Content::Numbers),
    }
}

/// Tells whether a file is a safetensors file: eight bytes of the header's length, then the header, which is
/// JSON.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.split_first_chunk::<8>().is_some_and(|(length, rest)| {
        rest.first() == Some(&b'{') && u64::from_le_bytes(*length) <= rest.len() as u64
    })
}

fn foreign(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'R', b'I', b'F', b'F', ..] | [b'f', b'L', b'a', b'C', ..] | [b'I', b'D', b'3', ..] => {
            "a sound, whose voice must be encoded first"
        }
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, ..] => "a picture",
        [0x1f, 0x8b, ..] => "packed with gzip",
        _ => "neither text nor a known kind of file",
    }
}

/// Reads numbers with white space, commas or semicolons between them.
fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let mut numbers = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for word in line.split([',', ';', ' ', '\t', '\r']).filter(|word| !word.is_empty()) {
            // What the file holds instead is not shown: it may be nobody's business.
            let number = word
                .trim_matches(['"', '\''])
                .parse()
                .map_err(|_| format!("line {} holds what is no number; {KNOWN}, without a heading", i + 1))?;
            numbers.push(number);
        }
    }
    Ok(numbers)
}

/// Reads the only tensor of a safetensors file.
fn tensor(file: &SafeTensors) -> Result<Content, String> {
    let names = file.names();
    let &[name] = names.as_slice() else {
        return Err(format!("it holds {} tensors; a voice is one tensor, or `codes`", names.len()));
    };
    let tensor = file.tensor(name).map_err(|e| e.to_string())?;
    if tensor.shape().iter().filter(|length| **length != 1).count() > 1 {
        return Err(format!("its tensor has shape {:?}; a voice is a vector", tensor.shape()));
    }
    let floats = match tensor.dtype() {
        Dtype::F16 => Floats::Half,
        Dtype::BF16 => Floats::Brain,
        Dtype::F32 => Floats::Single,
        Dtype::F64 => Floats::Double,
        other => return Err(format!("its tensor is {other:?}; F16, BF16, F32 and F64 are read")),
    };
    Ok(Content::Numbers(floats.read(tensor.data())))
}

/// Reads a NumPy file after its magic: version, length of the header, header, values.
fn npy(bytes: &[u8]) -> Result<Content, String> {
    let cut = || "it is a NumPy file, but cut off".to_string();
    let (header, values) = match bytes {
        [1, _, a, b, rest @ ..] => rest.split_at_checked(u16::from_le_bytes([*a, *b]).into()),
        [2 | 3, _, a, b, c, d, rest @ ..] => {
            rest.split_at_checked(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => None,
    }
    .ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    let kinds = [("'<f2'", Floats::Half), ("'<f4'", Floats::Single), ("'<f8'", Floats::Double)];
    let Some((_, floats)) = kinds.into_iter().find(|(name, _)| header.contains(name)) else {
        return Err("it is a NumPy file of another type of numbers; <f2, <f4 and <f8 are read".into());
    };
    Ok(Content::Numbers(floats.read(values)))
}

#[cfg(test)]
#[path = "voice_file_tests.rs"]
mod tests;
