//! The networks after the Llama on the processor.

use std::sync::Arc;

use super::growing::CpuWave;
use super::layers::Frames;
use super::pass::Pass;
use super::{CpuEncoder, CpuLayout, DVAE, WeightType};
use crate::backend::memory;
use crate::backend::networks::{Dvae, MEL_CHANNELS, MelStack, Vocos};
use crate::backend::render::{Growth, Later, Mel, Render, Rendered, Source, Wanted};
use crate::backend::weights::{Checkpoint, WeightFile};
use crate::engine::Decoder;
use crate::error::Result;

/// About the bytes that a frame takes at most while it is rendered: a row of a block's inner width and some of its
/// outer width, or the spectrum and the wave.
const BYTES_A_FRAME: usize = 16 << 10;

/// Runs the decoder and the vocoder, and the DVAE once it is needed.
pub struct CpuRenderer(Arc<Networks>);

/// The networks, shared with the waves that grow.
pub struct Networks {
    pub hidden: usize,
    pub decoder: MelStack<CpuLayout>,
    pub vocos: Vocos<CpuLayout>,
    // Most runs never need them, so they are read when they are first asked for.
    dvae: Later<Dvae<CpuLayout>>,
    encoder: Later<CpuEncoder>,
    dvae_file: WeightFile,
}

impl CpuRenderer {
    /// Loads the decoder and the vocoder of a checkpoint, their blocks' weights in the type asked for.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(checkpoint: &Checkpoint, kind: WeightType) -> Result<Self> {
        let (layout, hidden) = (CpuLayout(kind), checkpoint.config.hidden);
        let (decoder, vocos) = rayon::join(
            || MelStack::decoder(&checkpoint.decoder, hidden, &layout),
            || Vocos::load(&checkpoint.vocos, &layout),
        );
        Ok(CpuRenderer(Arc::new(Networks {
            hidden,
            decoder: decoder?,
            vocos: vocos?,
            dvae: Later::default(),
            encoder: Later::default(),
            dvae_file: checkpoint.dvae.clone(),
        })))
    }
}

impl Networks {
    /// Returns the DVAE's decoding half.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn dvae(&self) -> Result<&Dvae<CpuLayout>> {
        self.dvae.get(|| Dvae::load(&self.dvae_file, &DVAE))
    }

    fn mels(&self, source: Source) -> Result<Vec<Mel>> {
        let ask = |lengths: &[usize]| probe(2 * lengths.iter().sum::<usize>());
        match source {
            Source::Hiddens(sequences) => {
                let sequences =
                    sequences.iter().map(|hiddens| hiddens.values()).collect::<Result<Vec<_>>>()?;
                let lengths: Vec<usize> = sequences.iter().map(|rows| rows.len() / self.hidden).collect();
                ask(&lengths)?;
                Ok(split(&self.decoder.forward(sequences.concat(), &lengths, &mut Pass::Whole), &lengths))
            }
            Source::Codes(sequences) => {
                let Dvae { quantizer, stack } = self.dvae()?;
                let (features, lengths) = quantizer.features(sequences)?;
                ask(&lengths)?;
                Ok(split(&stack.forward(features, &lengths, &mut Pass::Whole), &lengths))
            }
            Source::Mels(mels) => Ok(mels.iter().map(|mel| Mel { values: mel.to_vec() }).collect()),
        }
    }

    fn waves(&self, mels: &[Mel]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = mels.iter().map(Mel::frames).collect();
        probe(lengths.iter().sum())?;
        let values = mels.iter().flat_map(|mel| &mel.values).copied().collect();
        let mels = Frames::new(values, lengths.iter().copied());
        self.vocos.istft.waves(&self.vocos.spectra(mels, &mut Pass::Whole).rows, &lengths)
    }
}

/// Asks for the memory that frames take while they are rendered.
pub fn probe(frames: usize) -> Result<()> {
    memory::probe(frames.saturating_mul(BYTES_A_FRAME), &|| format!("rendering {frames} frames"))
}

/// Returns the mel of each sequence of so many tokens.
fn split(mel: &Frames, lengths: &[usize]) -> Vec<Mel> {
    let mut rest = mel.rows.as_slice();
    let own = |tokens: &usize| {
        let (own, others) = rest.split_at(2 * tokens * MEL_CHANNELS);
        rest = others;
        Mel { values: own.to_vec() }
    };
    lengths.iter().map(own).collect()
}

impl Render for CpuRenderer {
    fn render(&self, source: Source, wanted: Wanted) -> Result<Vec<Rendered>> {
        let mels = self.0.mels(source)?;
        let waves = match wanted {
            Wanted::Mel => vec![Vec::new(); mels.len()],
            Wanted::Wave | Wanted::Both => self.0.waves(&mels)?,
        };
        let rendered = mels.into_iter().zip(waves).map(|(mel, wave)| Rendered { mel, wave });
        Ok(rendered.collect())
    }

    fn encode(&self, wave: &[f32]) -> Result<Vec<Vec<u16>>> {
        let Networks { encoder, dvae_file, .. } = &*self.0;
        encoder.get(|| CpuEncoder::load(dvae_file))?.encode(wave)
    }

    fn growth(&self, _: Decoder) -> Result<Growth> {
        Ok(Growth::Kept(Box::new(CpuWave::new(Arc::clone(&self.0)))))
    }
}
