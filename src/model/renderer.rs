//! From what the Llama computed to a wave: decoder or DVAE, then the vocoder.

use std::sync::OnceLock;

use candle_core::{Device, Tensor};

use super::checkpoint::Checkpoint;
use super::dvae_encoder::DvaeEncoder;
use super::kernel::WeightType;
use super::mel_decoder::{Dvae, HiddenDecoder, MEL_CHANNELS};
use super::ops::Frames;
use super::vocos::Vocos;
use super::wave_stream::Growing;
use super::weights::WeightFile;
use crate::error::{Error, Result};
use crate::speaker::VoicePrompt;

/// A log mel spectrogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Mel {
    /// Frames of 256 samples, row by row: (frames, 100).
    pub values: Vec<f32>,
}

impl Mel {
    /// How many frames.
    pub fn frames(&self) -> usize {
        self.values.len() / MEL_CHANNELS
    }

    /// Channel by channel: (100, frames), as the reference lays it out.
    pub fn by_channel(&self) -> Vec<f32> {
        (0..MEL_CHANNELS)
            .flat_map(|channel| self.values.iter().skip(channel).step_by(MEL_CHANNELS).copied())
            .collect()
    }
}

/// A wave and the mel it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The log mel.
    pub mel: Mel,
    /// Samples at 24 kHz, about −1 to 1.
    pub wave: Vec<f32>,
}

/// Hidden states or codes → mel → wave. Shared by threads; each call is on its own.
pub struct Renderer {
    device: Device,
    hidden: usize,
    decoder: HiddenDecoder,
    vocos: Vocos,
    // Most runs never need these, so each is read when it is first asked for.
    dvae: OnceLock<Dvae>,
    encoder: OnceLock<DvaeEncoder>,
    dvae_file: WeightFile,
}

impl Renderer {
    /// Loads the decoder and the vocoder of a checkpoint, their blocks' weights in the type asked for.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(checkpoint: Checkpoint, kind: WeightType, device: &Device) -> Result<Self> {
        let hidden = checkpoint.config.hidden;
        let (decoder, vocos) = rayon::join(
            || HiddenDecoder::load(&checkpoint.decoder, hidden, kind, device),
            || Vocos::load(&checkpoint.vocos, kind, device),
        );
        Ok(Renderer {
            device: device.clone(),
            hidden,
            decoder: decoder?,
            vocos: vocos?,
            dvae: OnceLock::new(),
            encoder: OnceLock::new(),
            dvae_file: checkpoint.dvae,
        })
    }

    fn dvae(&self) -> Result<&Dvae> {
        if let Some(dvae) = self.dvae.get() {
            return Ok(dvae);
        }
        let dvae = Dvae::load(&self.dvae_file, &self.device)?;
        Ok(self.dvae.get_or_init(|| dvae))
    }

    fn encoder(&self) -> Result<&DvaeEncoder> {
        if let Some(encoder) = self.encoder.get() {
            return Ok(encoder);
        }
        let encoder = DvaeEncoder::load(&self.dvae_file, &self.device)?;
        Ok(self.encoder.get_or_init(|| encoder))
    }

    /// Renders sequences of hidden states, each (steps, hidden) row by row and not empty.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a sequence is empty or of another width.
    pub fn from_hiddens(&self, sequences: &[&[f32]]) -> Result<Vec<Rendered>> {
        let lengths = sequences.iter().map(|s| s.len() / self.hidden);
        if let Some(bad) = sequences.iter().find(|s| s.is_empty() || !s.len().is_multiple_of(self.hidden)) {
            return Err(Error::parameter(
                "hiddens",
                format!("{} values are no rows of {}", bad.len(), self.hidden),
            ));
        }
        let lengths: std::sync::Arc<[usize]> = lengths.collect();
        let rows =
            Tensor::from_vec(sequences.concat(), (lengths.iter().sum::<usize>(), self.hidden), &self.device)?;
        self.render(self.decoder.forward(&Frames { rows, lengths })?)
    }

    /// Renders sequences of codes, one row per codebook each.
    ///
    /// # Errors
    /// If rows are missing, of unequal length, or a code is out of range.
    pub fn from_codes(&self, sequences: &[&[Vec<u16>]]) -> Result<Vec<Rendered>> {
        self.render(self.dvae()?.decode(sequences)?)
    }

    /// The codes of a spoken sample (24 kHz, mono), one per 512 samples.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the sample is too short to hold a code or holds a value that is not a number.
    pub fn encode(&self, wave: &[f32]) -> Result<VoicePrompt> {
        VoicePrompt::new(self.encoder()?.encode(wave)?)
    }

    /// Tokens of a growing sequence.
    pub(super) fn tokens_of(&self, source: Growing) -> usize {
        match source {
            Growing::Hiddens(rows) => rows.len() / self.hidden,
            Growing::Codes(steps) => steps.len(),
        }
    }

    /// How many frames to each side a mel frame and a spectrum frame depend on.
    pub(super) fn reach(&self, source: Growing) -> Result<(usize, usize)> {
        let mel = match source {
            Growing::Hiddens(_) => self.decoder.reach(),
            Growing::Codes(_) => self.dvae()?.reach(),
        };
        Ok((mel, self.vocos.reach()))
    }

    /// The mel of a growing sequence from a token on, as if it began there.
    pub(super) fn mel_from(&self, source: Growing, token: usize) -> Result<Frames> {
        match source {
            Growing::Hiddens(rows) => {
                let rows = &rows[token * self.hidden..];
                let steps = rows.len() / self.hidden;
                let rows = Tensor::from_slice(rows, (steps, self.hidden), &self.device)?;
                self.decoder.forward(&Frames { rows, lengths: [steps].into() })
            }
            Growing::Codes(steps) => {
                let books = steps.first().map_or(0, Vec::len);
                let book = |book: usize| steps[token..].iter().map(|step| step[book] as u16).collect();
                let rows: Vec<Vec<u16>> = (0..books).map(book).collect();
                self.dvae()?.decode(&[&rows])
            }
        }
    }

    /// The wave of one sequence's mel.
    pub(super) fn wave_of(&self, mel: &Frames) -> Result<Vec<f32>> {
        Ok(self.vocos.forward(mel)?.swap_remove(0))
    }

    fn render(&self, mel: Frames) -> Result<Vec<Rendered>> {
        let waves = self.vocos.forward(&mel)?;
        let values = mel.rows.flatten_all()?.to_vec1::<f32>()?;
        let mut rest = values.as_slice();
        Ok(mel
            .lengths
            .iter()
            .zip(waves)
            .map(|(frames, wave)| {
                let (own, others) = rest.split_at(frames * MEL_CHANNELS);
                rest = others;
                Rendered { mel: Mel { values: own.to_vec() }, wave }
            })
            .collect())
    }
}
