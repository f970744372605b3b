//! The strings in which voices travel: base16384 over raw LZMA2.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use half::f16;
use lzma_rust2::{Lzma2Options, Lzma2Reader, Lzma2Writer};

use super::base16384;
use crate::error::{Error, Result};

/// The size of the reference's LZMA dictionary (preset 9). A decoder needs one at least as large; data this
/// small never fills it, so the encoder gets by with the smallest.
const DECODE_DICTIONARY: u32 = 1 << 26;
const ENCODE_DICTIONARY: u32 = 1 << 16;
/// The most bytes that a voice decompresses to; a damaged or hostile string must not fill the memory.
const MAX_BYTES: u64 = 16 << 20;

fn decompress(packed: &[u8]) -> std::result::Result<Vec<u8>, String> {
    // The dictionary is allocated whole: no larger than the data can be.
    let dictionary = DECODE_DICTIONARY.min(MAX_BYTES as u32);
    let mut bytes = Vec::new();
    let read = Lzma2Reader::new(packed, dictionary, None).take(MAX_BYTES + 1).read_to_end(&mut bytes);
    match read {
        Err(e) => Err(format!("its LZMA2 data is damaged ({e})")),
        Ok(n) if n as u64 > MAX_BYTES => Err("it holds more data than any voice".into()),
        Ok(_) => Ok(bytes),
    }
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    // Preset 9 extreme of liblzma.
    let mut options = Lzma2Options::with_preset(9);
    options.lzma_options.dict_size = ENCODE_DICTIONARY.max(bytes.len().next_power_of_two() as u32);
    options.lzma_options.nice_len = 273;
    options.lzma_options.depth_limit = 512;
    let failed = |e: std::io::Error| Error::Speaker(format!("cannot compress: {e}"));
    let mut writer = Lzma2Writer::new(Vec::new(), options);
    writer.write_all(bytes).map_err(failed)?;
    writer.finish().map_err(failed)
}

/// A speaker vector, which conditions the model on a voice. Its values are in half precision, as voices are
/// published.
#[derive(Clone, PartialEq)]
pub struct Speaker {
    /// The vector's values, shared because every line of a batch holds its speaker.
    values: Arc<[f16]>,
}

impl Speaker {
    /// Makes a speaker from its vector, one value per hidden unit of the model (768 for the published one).
    ///
    /// # Errors
    /// [`Error::Speaker`] if a value is not a number, or the vector is empty or zero and has no direction.
    pub fn new(values: Vec<f16>) -> Result<Self> {
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::Speaker(format!("value {} of the speaker vector is {}", i + 1, values[i])));
        }
        if values.iter().all(|v| *v == f16::ZERO) {
            return Err(Error::Speaker("the speaker vector is empty or all zeros".into()));
        }
        Ok(Speaker { values: values.into() })
    }

    /// Mixes voices: sums their vectors, each times its weight. The weights count as they are given and need
    /// not sum to 1. The sum is computed in single precision and rounded once.
    ///
    /// # Errors
    /// [`Error::Speaker`] if there is none to mix, a weight is no number, the vectors differ in length, or
    /// the sum is too large for half precision or zero.
    pub fn mix(parts: &[(Speaker, f32)]) -> Result<Self> {
        let Some((first, _)) = parts.first() else {
            return Err(Error::Speaker("a mix of no voices".into()));
        };
        let mut sum = vec![0f32; first.values.len()];
        for (i, (speaker, weight)) in parts.iter().enumerate() {
            if !weight.is_finite() {
                return Err(Error::Speaker(format!("weight {} of the mix is {weight}", i + 1)));
            }
            if speaker.values.len() != sum.len() {
                return Err(Error::Speaker(format!(
                    "voices of {} and {} values cannot be mixed; they are of different models",
                    sum.len(),
                    speaker.values.len()
                )));
            }
            for (sum, value) in sum.iter_mut().zip(speaker.values.iter()) {
                *sum += weight * value.to_f32();
            }
        }
        Speaker::new(sum.into_iter().map(f16::from_f32).collect())
    }

    /// Returns the vector.
    pub fn values(&self) -> &[f16] {
        &self.values
    }

    /// Reads a speaker string (about 860 characters, often starting 蘁淰).
    ///
    /// # Errors
    /// [`Error::Speaker`] that says what was found instead.
    pub fn decode(text: &str) -> Result<Self> {
        let bytes = base16384::decode(text)
            .and_then(|packed| decompress(&packed))
            .map_err(|e| Error::Speaker(format!("not a speaker string: {e}")))?;
        if bytes.is_empty() || bytes.len() % 2 != 0 {
            return Err(Error::Speaker(format!(
                "not a speaker string: it holds {} bytes, not a vector of half-precision numbers",
                bytes.len()
            )));
        }
        Speaker::new(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect())
    }

    /// Writes a string that this program and the reference read.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the compressor fails.
    pub fn encode(&self) -> Result<String> {
        let bytes: Vec<u8> = self.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Ok(base16384::encode(&compress(&bytes)?))
    }
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: Vec<f32> = self.values.iter().take(4).map(|v| v.to_f32()).collect();
        write!(f, "Speaker({} values: {head:?}…)", self.values.len())
    }
}

/// The codes of a spoken sample, which the model continues in the same voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoicePrompt {
    /// One row per codebook, all of one length; shared like a speaker's values.
    codes: Arc<[Vec<u16>]>,
}

impl VoicePrompt {
    /// Makes a prompt from its codes: one row per codebook (4), all equally long and not empty.
    ///
    /// # Errors
    /// [`Error::Speaker`] for ragged or empty rows.
    pub fn new(codes: Vec<Vec<u16>>) -> Result<Self> {
        let frames = codes.first().map_or(0, Vec::len);
        if frames == 0 || codes.iter().any(|row| row.len() != frames) {
            return Err(Error::Speaker(format!(
                "voice codes must be rows of one length, at least 1; the rows have {:?}",
                codes.iter().map(Vec::len).collect::<Vec<_>>()
            )));
        }
        Ok(VoicePrompt { codes: codes.into() })
    }

    /// Returns the codes, one row per codebook.
    pub fn codes(&self) -> &[Vec<u16>] {
        &self.codes
    }

    /// Returns the number of positions that the prompt takes.
    pub fn frames(&self) -> usize {
        self.codes[0].len()
    }

    /// Reads a voice-prompt string.
    ///
    /// # Errors
    /// [`Error::Speaker`] that says what was found instead.
    pub fn decode(text: &str) -> Result<Self> {
        let foreign = |e: String| Error::Speaker(format!("not a voice-prompt string: {e}"));
        let bytes = base16384::decode(text).map_err(foreign)?;
        let Some((header, packed)) = bytes.split_at_checked(4) else {
            return Err(foreign(format!("{} bytes are too few", bytes.len())));
        };
        let rows = u16::from_le_bytes([header[0], header[1]]) as usize;
        let frames = u16::from_le_bytes([header[2], header[3]]) as usize;
        let codes = decompress(packed).map_err(foreign)?;
        if rows == 0 || codes.len() != rows * frames * 2 {
            return Err(foreign(format!(
                "its header says {rows} × {frames} codes, it holds {} bytes",
                codes.len()
            )));
        }
        let codes: Vec<u16> = codes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        VoicePrompt::new(codes.chunks(frames.max(1)).map(<[u16]>::to_vec).collect())
    }

    /// Writes a string that this program and the reference read.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the prompt is longer than the format can say (65,535 frames).
    pub fn encode(&self) -> Result<String> {
        let too_long = |_| Error::Speaker("more codes than a voice-prompt string can hold".into());
        let rows = u16::try_from(self.codes.len()).map_err(too_long)?;
        let frames = u16::try_from(self.frames()).map_err(too_long)?;
        let mut bytes = [rows.to_le_bytes(), frames.to_le_bytes()].concat();
        let codes: Vec<u8> = self.codes.iter().flatten().flat_map(|c| c.to_le_bytes()).collect();
        bytes.extend(compress(&codes)?);
        Ok(base16384::encode(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speaker_comes_back_from_its_string() {
        let values: Vec<f16> = (0..768).map(|i| f16::from_f32((i as f32 * 0.37).sin() * 9.0)).collect();
        let speaker = Speaker::new(values).unwrap();
        assert_eq!(Speaker::decode(&speaker.encode().unwrap()).unwrap(), speaker);
    }

    #[test]
    fn vectors_without_a_direction_are_refused() {
        assert!(Speaker::new(vec![]).is_err());
        assert!(Speaker::new(vec![f16::ZERO; 8]).is_err());
        let e = Speaker::new(vec![f16::ONE, f16::NAN]).unwrap_err().to_string();
        assert!(e.contains("value 2") && e.contains("NaN"), "{e}");
    }

    #[test]
    fn a_mix_is_the_weighted_sum_rounded_once() {
        let speaker = |values: &[f32]| Speaker::new(values.iter().map(|v| f16::from_f32(*v)).collect());
        let (a, b) = (speaker(&[1.0, -2.0, 0.5]).unwrap(), speaker(&[3.0, 4.0, 2048.0]).unwrap());
        let mix = Speaker::mix(&[(a.clone(), 0.75), (b, 0.5)]).unwrap();
        assert_eq!(mix, speaker(&[2.25, 0.5, 1024.375]).unwrap());
        assert_eq!(Speaker::mix(&[(a.clone(), 1.0)]).unwrap(), a);
        // Products rounded one by one to half precision would not sum to the whole again.
        assert_eq!(Speaker::mix(&vec![(a.clone(), 1.0 / 3.0); 3]).unwrap(), a);
    }

    #[test]
    fn mixes_that_are_no_voice_are_refused() {
        let one = Speaker::new(vec![f16::ONE; 4]).unwrap();
        let other = Speaker::new(vec![f16::ONE; 8]).unwrap();
        let refused = |parts: &[(Speaker, f32)], word: &str| {
            let e = Speaker::mix(parts).unwrap_err().to_string();
            assert!(e.contains(word), "{e}");
        };
        refused(&[], "no voices");
        refused(&[(one.clone(), 1.0), (other, 1.0)], "4 and 8");
        refused(&[(one.clone(), f32::NAN)], "weight 1");
        refused(&[(one.clone(), 1.0), (one.clone(), -1.0)], "zeros");
        refused(&[(one, 1e9)], "value 1");
    }

    #[test]
    fn foreign_strings_say_what_is_wrong() {
        for text in ["", "hello", "一一一一", "蘁淰"] {
            let e = Speaker::decode(text).unwrap_err().to_string();
            assert!(e.starts_with("voice: "), "{text}: {e}");
            assert!(VoicePrompt::decode(text).is_err());
        }
    }

    #[test]
    fn a_voice_prompt_comes_back_from_its_string() {
        let prompt =
            VoicePrompt::new((0..4).map(|r| (0..47).map(|t| (r * 150 + t * 3) as u16).collect()).collect());
        let prompt = prompt.unwrap();
        assert_eq!(VoicePrompt::decode(&prompt.encode().unwrap()).unwrap(), prompt);
        assert!(VoicePrompt::new(vec![vec![1], vec![]]).is_err());
        assert!(VoicePrompt::new(vec![]).is_err());
    }
}
