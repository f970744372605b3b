//! The networks after the Llama on candle's tensors, one sequence after another.

use candle_core::Tensor;

use super::CandleLayout;
use crate::backend::networks::{Dvae, Encoder, Linear, MEL_CHANNELS, MelStack, STRIDE, Vocos, codes_of};
use crate::backend::render::{Growth, Later, Mel, Render, Rendered, Source, Wanted};
use crate::backend::weights::{Checkpoint, WeightFile};
use crate::engine::Decoder;
use crate::error::Result;

/// Runs the decoder and the vocoder, and the DVAE once it is needed.
pub struct CandleRenderer {
    layout: CandleLayout,
    hidden: usize,
    decoder: MelStack<CandleLayout>,
    vocos: Vocos<CandleLayout>,
    // Most runs never need them, so they are read when they are first asked for.
    dvae: Later<Dvae<CandleLayout>>,
    encoder: Later<Encoder<CandleLayout>>,
    dvae_file: WeightFile,
}

impl CandleRenderer {
    /// Loads the decoder and the vocoder of a checkpoint.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the device.
    pub fn load(checkpoint: &Checkpoint, layout: &CandleLayout) -> Result<Self> {
        let hidden = checkpoint.config.hidden;
        Ok(CandleRenderer {
            decoder: MelStack::decoder(&checkpoint.decoder, hidden, layout)?,
            vocos: Vocos::load(&checkpoint.vocos, layout)?,
            dvae: Later::default(),
            encoder: Later::default(),
            dvae_file: checkpoint.dvae.clone(),
            layout: layout.clone(),
            hidden,
        })
    }

    fn dvae(&self) -> Result<&Dvae<CandleLayout>> {
        self.dvae.get(|| Dvae::load(&self.dvae_file, &self.layout))
    }

    /// Puts rows on the device, (rows, width).
    fn rows(&self, values: &[f32], width: usize) -> Result<Tensor> {
        Ok(Tensor::from_slice(values, (values.len() / width, width), &self.layout.device)?)
    }

    /// Computes the log mel of one sequence of codes, (frames, 100).
    fn mel_of_codes(&self, codes: &[Vec<u16>]) -> Result<Tensor> {
        let Dvae { quantizer, stack } = self.dvae()?;
        let (scalars, _) = quantizer.scalars(&[codes])?;
        let features = quantizer.groups.iter().zip(&scalars);
        let features = features.map(|(layer, x)| Ok(layer.forward(&self.rows(x, layer.inputs)?)?));
        Ok(stack.forward(&Tensor::cat(&features.collect::<Result<Vec<_>>>()?, 1)?)?)
    }

    /// Computes the wave of a log mel (frames, 100).
    fn wave(&self, mel: &Tensor) -> Result<Vec<f32>> {
        let Vocos { embed, norm, blocks, final_norm, head, istft } = &self.vocos;
        let x = norm.forward(&embed.forward(mel)?)?;
        let x = blocks.iter().try_fold(x, |x, block| block.forward(&x))?;
        let spectrum = head.forward(&final_norm.forward(&x)?)?;
        let waves = istft.waves(&spectrum.flatten_all()?.to_vec1::<f32>()?, &[mel.dim(0)?])?;
        Ok(waves.concat())
    }
}

impl Render for CandleRenderer {
    fn render(&self, source: Source, wanted: Wanted) -> Result<Vec<Rendered>> {
        let mels: Vec<Tensor> = match source {
            Source::Hiddens(sequences) => sequences
                .iter()
                .map(|rows| Ok(self.decoder.forward(&self.rows(&rows.values()?, self.hidden)?)?))
                .collect::<Result<_>>()?,
            Source::Codes(sequences) => {
                sequences.iter().map(|codes| self.mel_of_codes(codes)).collect::<Result<_>>()?
            }
            Source::Mels(mels) => {
                mels.iter().map(|mel| self.rows(mel, MEL_CHANNELS)).collect::<Result<_>>()?
            }
        };
        let render = |mel: &Tensor| {
            let wave = if wanted == Wanted::Mel { Vec::new() } else { self.wave(mel)? };
            Ok(Rendered { mel: Mel { values: mel.flatten_all()?.to_vec1()? }, wave })
        };
        mels.iter().map(render).collect()
    }

    fn encode(&self, wave: &[f32]) -> Result<Vec<Vec<u16>>> {
        let encoder = self.encoder.get(|| Encoder::load(&self.dvae_file, &self.layout))?;
        let Encoder { widen, downsample, stack, finder, .. } = encoder;
        let x = widen.forward(&self.rows(&encoder.mel_of(wave)?, MEL_CHANNELS)?)?.gelu_erf()?;
        let (frames, width) = x.dims2()?;
        // A window of the convolution is two neighbouring pairs of frames, and each pair is in two windows. Of an odd
        // number of frames the last is seen through the last window's padding only.
        let codes = frames / STRIDE;
        let padded = x.pad_with_zeros(0, 1, 1)?.narrow(0, 0, (codes + 1) * STRIDE)?;
        let pairs = padded.contiguous()?.reshape((codes + 1, STRIDE * width))?;
        let windows = Tensor::cat(&[pairs.narrow(0, 0, codes)?, pairs.narrow(0, 1, codes)?], 1)?;
        let features = stack.forward(&downsample.forward(&windows)?.gelu_erf()?)?;
        let features = features.chunk(finder.groups.len(), 1)?;
        let scalars = |(layer, x): (&Linear<CandleLayout>, &Tensor)| {
            Ok(layer.forward(&x.contiguous()?)?.flatten_all()?.to_vec1()?)
        };
        codes_of(finder.groups.iter().zip(&features).map(scalars).collect::<Result<_>>()?)
    }

    fn growth(&self, decoder: Decoder) -> Result<Growth> {
        let mel_reach = match decoder {
            Decoder::HiddenStates => self.decoder.reach(),
            Decoder::Codes => self.dvae()?.stack.reach(),
        };
        Ok(Growth::Repeated { mel_reach, wave_reach: self.vocos.reach() })
    }
}
