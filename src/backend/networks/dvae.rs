//! The DVAE (`DVAE.safetensors`): its decoding half turns codes into a mel, its encoding half a wave into codes, by
//! which a spoken sample becomes a voice prompt.

use super::codes::{CodeFinder, Quantizer};
use super::convnext::{Conv, Linear};
use super::layout::Layout;
use super::mel::{MEL_CHANNELS, MelStack, Stack, coef};
use super::spectrum::LogMel;
use super::vocos::{HOP, SAMPLE_RATE};
use crate::backend::weights::{ANY, WeightFile};
use crate::error::{Error, Result};

/// Holds the decoding half: codes → mel.
pub struct Dvae<L: Layout> {
    /// Codes → features.
    pub quantizer: Quantizer<L>,
    /// Features → mel.
    pub stack: MelStack<L>,
}

impl<L: Layout> Dvae<L> {
    /// Loads the decoding half.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn load(file: &WeightFile, layout: &L) -> Result<Self> {
        let stack = MelStack::load(&file.root(), layout)?;
        let quantizer = Quantizer::load(file, stack.features(), layout)?;
        Ok(Dvae { quantizer, stack })
    }
}

/// Frames that become one code.
pub const STRIDE: usize = 2;

/// Holds the encoding half: wave → codes. A GELU follows each of the first two layers.
pub struct Encoder<L: Layout> {
    /// Wave → log mel; on the processor.
    pub mel: LogMel,
    /// The mel is divided by these, (100).
    pub coef: Vec<f32>,
    /// 100 → width.
    pub widen: Conv<L>,
    /// Halves the frames by a convolution of kernel 4 and stride 2, one frame of zeros at each end: (codes, 4·width) →
    /// (codes, width).
    pub downsample: Linear<L>,
    /// Width → features.
    pub stack: Stack<L>,
    /// Features → codes.
    pub finder: CodeFinder<L>,
}

impl<L: Layout> Encoder<L> {
    /// Loads the encoding half.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn load(file: &WeightFile, layout: &L) -> Result<Self> {
        let weights = file.root();
        let widen = Conv::load(&weights.at("downsample_conv.0"), MEL_CHANNELS, 3, true, layout)?;
        let shape = (ANY, widen.outputs(), 2 * STRIDE);
        let downsample = Linear::over_windows(&weights.at("downsample_conv.2"), shape, true, layout)?;
        let stack = Stack::load(&weights.at("encoder"), downsample.outputs, layout)?;
        Ok(Encoder {
            mel: LogMel::load(&weights.at("preprocessor_mel.mel_spec"))?,
            coef: coef(&weights)?.to_vec1()?,
            finder: CodeFinder::load(file, stack.outputs(), layout)?,
            widen,
            downsample,
            stack,
        })
    }

    /// Returns the samples of the shortest wave that can be encoded.
    pub fn min_samples(&self) -> usize {
        // A code takes two frames, and the second begins one hop into the wave.
        self.mel.min_samples().max((STRIDE - 1) * HOP)
    }

    /// Computes the mel that the layers encode, of a wave (24 kHz, mono): (frames, 100).
    ///
    /// # Errors
    /// [`Error::Speaker`] if the wave is shorter than [`Encoder::min_samples`] or holds a value that is not a number.
    pub fn mel_of(&self, wave: &[f32]) -> Result<Vec<f32>> {
        let least = self.min_samples();
        if wave.len() < least {
            return Err(Error::Speaker(format!(
                "a sample of {} values is too short; at least {least} at {SAMPLE_RATE} Hz make a code",
                wave.len()
            )));
        }
        if let Some(t) = wave.iter().position(|v| !v.is_finite()) {
            return Err(Error::Speaker(format!("value {t} of the sample is {}", wave[t])));
        }
        let mut mel = self.mel.forward(wave)?;
        for row in mel.chunks_exact_mut(MEL_CHANNELS) {
            row.iter_mut().zip(&self.coef).for_each(|(value, coef)| *value /= coef);
        }
        Ok(mel)
    }
}
