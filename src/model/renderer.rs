//! From what the Llama computed to a wave: decoder or DVAE, then the vocoder.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::checkpoint::Checkpoint;
use super::dvae_encoder::DvaeEncoder;
use super::kernel::WeightType;
use super::mel_decoder::{Dvae, HiddenDecoder, MEL_CHANNELS};
use super::ops::Frames;
use super::vocos::Vocos;
use super::wave_stream::Growing;
use super::weights::WeightFile;
#[cfg(feature = "cuda")]
use crate::cuda::{CardRenderer, Dtype, Kernels};
use crate::error::{Error, Result};
use crate::voice::VoicePrompt;

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
    networks: Networks,
    // Most runs never need it, so it is read when it is first asked for.
    encoder: OnceLock<DvaeEncoder>,
    dvae_file: WeightFile,
}

/// Where the networks run.
enum Networks {
    Processor(Box<Processor>),
    #[cfg(feature = "cuda")]
    Card(Box<CardRenderer>),
}

struct Processor {
    device: Device,
    decoder: HiddenDecoder,
    vocos: Vocos,
    // As the encoder.
    dvae: OnceLock<Dvae>,
    dvae_file: WeightFile,
}

impl Processor {
    fn dvae(&self) -> Result<&Dvae> {
        if let Some(dvae) = self.dvae.get() {
            return Ok(dvae);
        }
        let dvae = Dvae::load(&self.dvae_file, &self.device)?;
        Ok(self.dvae.get_or_init(|| dvae))
    }

    /// The mel of sequences of hidden states.
    fn mel(&self, sequences: &[&[f32]], hidden: usize) -> Result<Frames> {
        let lengths: Arc<[usize]> = sequences.iter().map(|rows| rows.len() / hidden).collect();
        let shape = (lengths.iter().sum::<usize>(), hidden);
        let rows = Tensor::from_vec(sequences.concat(), shape, &self.device)?;
        self.decoder.forward(&Frames { rows, lengths })
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
        let processor = Processor {
            device: device.clone(),
            decoder: decoder?,
            vocos: vocos?,
            dvae: OnceLock::new(),
            dvae_file: checkpoint.dvae.clone(),
        };
        Ok(Renderer {
            device: device.clone(),
            hidden,
            networks: Networks::Processor(Box::new(processor)),
            encoder: OnceLock::new(),
            dvae_file: checkpoint.dvae,
        })
    }

    /// As [`Renderer::load`], onto a card; the encoder of voices stays on the processor.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; what the card says.
    #[cfg(feature = "cuda")]
    pub(crate) fn on_card(checkpoint: Checkpoint, kernels: &Kernels, kind: Dtype) -> Result<Self> {
        Ok(Renderer {
            device: Device::Cpu,
            hidden: checkpoint.config.hidden,
            networks: Networks::Card(Box::new(CardRenderer::load(&checkpoint, kernels, kind)?)),
            encoder: OnceLock::new(),
            dvae_file: checkpoint.dvae,
        })
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
        if let Some(bad) = sequences.iter().find(|s| s.is_empty() || !s.len().is_multiple_of(self.hidden)) {
            return Err(Error::parameter(
                "hiddens",
                format!("{} values are no rows of {}", bad.len(), self.hidden),
            ));
        }
        match &self.networks {
            Networks::Processor(processor) => processor.render(processor.mel(sequences, self.hidden)?),
            #[cfg(feature = "cuda")]
            Networks::Card(card) => card.render_hiddens(sequences),
        }
    }

    /// Renders sequences of codes, one row per codebook each.
    ///
    /// # Errors
    /// If rows are missing, of unequal length, or a code is out of range.
    pub fn from_codes(&self, sequences: &[&[Vec<u16>]]) -> Result<Vec<Rendered>> {
        match &self.networks {
            Networks::Processor(processor) => processor.render(processor.dvae()?.decode(sequences)?),
            #[cfg(feature = "cuda")]
            Networks::Card(card) => card.render_codes(sequences),
        }
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
        match &self.networks {
            Networks::Processor(processor) => {
                let mel = match source {
                    Growing::Hiddens(_) => processor.decoder.reach(),
                    Growing::Codes(_) => processor.dvae()?.reach(),
                };
                Ok((mel, processor.vocos.reach()))
            }
            #[cfg(feature = "cuda")]
            Networks::Card(card) => {
                Ok((card.mel_reach(matches!(source, Growing::Codes(_)))?, card.wave_reach()))
            }
        }
    }

    /// The mel of a growing sequence from a token on, as if it began there.
    pub(super) fn mel_from(&self, source: Growing, token: usize) -> Result<Frames> {
        match source {
            Growing::Hiddens(rows) => {
                let rows = &rows[token * self.hidden..];
                match &self.networks {
                    Networks::Processor(processor) => processor.mel(&[rows], self.hidden),
                    #[cfg(feature = "cuda")]
                    Networks::Card(card) => frames_of(card.mel_of_hiddens(rows)?),
                }
            }
            Growing::Codes(steps) => {
                let books = steps.first().map_or(0, Vec::len);
                let book = |book: usize| steps[token..].iter().map(|step| step[book] as u16).collect();
                let rows: Vec<Vec<u16>> = (0..books).map(book).collect();
                match &self.networks {
                    Networks::Processor(processor) => processor.dvae()?.decode(&[&rows]),
                    #[cfg(feature = "cuda")]
                    Networks::Card(card) => frames_of(card.mel_of_codes(&rows)?),
                }
            }
        }
    }

    /// The wave of one sequence's mel.
    pub(super) fn wave_of(&self, mel: &Frames) -> Result<Vec<f32>> {
        match &self.networks {
            Networks::Processor(processor) => Ok(processor.vocos.forward(mel)?.swap_remove(0)),
            #[cfg(feature = "cuda")]
            Networks::Card(card) => card.wave_of(&mel.rows.flatten_all()?.to_vec1::<f32>()?),
        }
    }
}

/// One sequence.
#[cfg(feature = "cuda")]
fn frames_of(mel: Mel) -> Result<Frames> {
    let frames = mel.frames();
    let rows = Tensor::from_vec(mel.values, (frames, MEL_CHANNELS), &Device::Cpu)?;
    Ok(Frames { rows, lengths: [frames].into() })
}
