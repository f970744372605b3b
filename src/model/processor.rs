//! The networks after the Llama on the processor.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::checkpoint::Checkpoint;
use super::kernel::WeightType;
use super::mel_decoder::{Dvae, HiddenDecoder, MEL_CHANNELS};
use super::memory;
use super::ops::Frames;
use super::render::{Mel, Render, Rendered};
use super::vocos::Vocos;
use super::weights::WeightFile;
use crate::error::Result;

/// About the bytes that a frame takes at most while it is rendered: a row of a block's inner width and some of its
/// outer width, or the spectrum and the wave.
const BYTES_A_FRAME: usize = 16 << 10;

/// Runs the decoder and the vocoder, and the DVAE once it is needed.
pub struct Processor {
    device: Device,
    hidden: usize,
    decoder: HiddenDecoder,
    vocos: Vocos,
    // Most runs never need it, so it is read when it is first asked for.
    dvae: OnceLock<Dvae>,
    dvae_file: WeightFile,
}

impl Processor {
    /// Loads the decoder and the vocoder of a checkpoint, their blocks' weights in the type asked for.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(checkpoint: &Checkpoint, kind: WeightType, device: &Device) -> Result<Self> {
        let hidden = checkpoint.config.hidden;
        let (decoder, vocos) = rayon::join(
            || HiddenDecoder::load(&checkpoint.decoder, hidden, kind, device),
            || Vocos::load(&checkpoint.vocos, kind, device),
        );
        Ok(Processor {
            device: device.clone(),
            hidden,
            decoder: decoder?,
            vocos: vocos?,
            dvae: OnceLock::new(),
            dvae_file: checkpoint.dvae.clone(),
        })
    }

    fn dvae(&self) -> Result<&Dvae> {
        if let Some(dvae) = self.dvae.get() {
            return Ok(dvae);
        }
        let dvae = Dvae::load(&self.dvae_file, &self.device)?;
        Ok(self.dvae.get_or_init(|| dvae))
    }

    /// Asks for the memory that frames take while they are rendered.
    fn probe(&self, frames: usize) -> Result<()> {
        memory::probe(frames.saturating_mul(BYTES_A_FRAME), &|| format!("rendering {frames} frames"))
    }

    fn mel(&self, sequences: &[&[f32]]) -> Result<Frames> {
        let lengths: Arc<[usize]> = sequences.iter().map(|rows| rows.len() / self.hidden).collect();
        self.probe(2 * lengths.iter().sum::<usize>())?;
        let shape = (lengths.iter().sum::<usize>(), self.hidden);
        let rows = Tensor::from_vec(sequences.concat(), shape, &self.device)?;
        self.decoder.forward(&Frames { rows, lengths })
    }

    fn render(&self, mel: Frames) -> Result<Vec<Rendered>> {
        self.probe(mel.lengths.iter().sum())?;
        let waves = self.vocos.forward(&mel)?;
        let values = values(&mel)?;
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

fn values(mel: &Frames) -> Result<Vec<f32>> {
    Ok(mel.rows.flatten_all()?.to_vec1::<f32>()?)
}

impl Render for Processor {
    fn render_hiddens(&self, sequences: &[&[f32]]) -> Result<Vec<Rendered>> {
        self.render(self.mel(sequences)?)
    }

    fn render_codes(&self, sequences: &[&[Vec<u16>]]) -> Result<Vec<Rendered>> {
        self.render(self.dvae()?.decode(sequences)?)
    }

    fn mel_of_hiddens(&self, hiddens: &[f32]) -> Result<Mel> {
        Ok(Mel { values: values(&self.mel(&[hiddens])?)? })
    }

    fn mel_of_codes(&self, codes: &[Vec<u16>]) -> Result<Mel> {
        Ok(Mel { values: values(&self.dvae()?.decode(&[codes])?)? })
    }

    fn wave_of(&self, mel: &[f32]) -> Result<Vec<f32>> {
        let frames = mel.len() / MEL_CHANNELS;
        self.probe(frames)?;
        let rows = Tensor::from_slice(mel, (frames, MEL_CHANNELS), &self.device)?;
        Ok(self.vocos.forward(&Frames { rows, lengths: [frames].into() })?.swap_remove(0))
    }

    fn reach_of_hiddens(&self) -> usize {
        self.decoder.reach()
    }

    fn reach_of_codes(&self) -> Result<usize> {
        Ok(self.dvae()?.reach())
    }

    fn wave_reach(&self) -> usize {
        self.vocos.reach()
    }
}
