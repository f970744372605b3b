//! A wave → codes: the DVAE's encoding half, by which a spoken sample becomes a voice prompt.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use realfft::{RealFftPlanner, RealToComplex};

use super::codes::CodeFinder;
use super::convnext::{Conv, taps_first};
use super::linear::Linear;
use super::mel_decoder::{MEL_CHANNELS, Stack};
use super::ops::Frames;
use super::vocos::{HOP, SAMPLE_RATE};
use super::weights::{ANY, WeightFile, Weights};
use crate::error::{Error, Result};

/// Frames that become one code.
const STRIDE: usize = 2;
/// Mel energies below this one count as it, so that silence has a logarithm.
const MIN_ENERGY: f64 = 1e-5;

/// Turns a wave into codes (the encoding half of `DVAE.safetensors`).
pub struct DvaeEncoder {
    mel: LogMel,
    /// (100); the mel is divided by it.
    coef: Tensor,
    widen: Conv,
    downsample: Downsample,
    stack: Stack,
    finder: CodeFinder,
}

impl DvaeEncoder {
    /// Loads the encoding half of the DVAE.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(file: &WeightFile, device: &Device) -> Result<Self> {
        let weights = file.root(DType::F32, device);
        let widen = Conv::load(&weights.at("downsample_conv.0"), MEL_CHANNELS, 3, true)?;
        let downsample = Downsample::load(&weights.at("downsample_conv.2"), widen.outputs())?;
        let stack = Stack::load(&weights.at("encoder"), downsample.product.outputs())?;
        let finder = CodeFinder::load(&weights.at("vq_layer.quantizer"), stack.outputs())?;
        Ok(DvaeEncoder {
            mel: LogMel::load(file, &weights.at("preprocessor_mel.mel_spec"))?,
            coef: weights.tensor("coef", &[1, MEL_CHANNELS, 1])?.reshape(MEL_CHANNELS)?,
            widen,
            downsample,
            stack,
            finder,
        })
    }

    /// Returns the samples of the shortest wave that can be encoded.
    pub fn min_samples(&self) -> usize {
        // The reflection at each end mirrors half a window around a sample that it leaves out; a code
        // takes two frames, and the second begins one hop into the wave.
        (self.mel.window.len() / 2 + 1).max((STRIDE - 1) * HOP)
    }

    /// Encodes a wave (24 kHz, mono) as one row of codes per codebook, each a code per 512 samples.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the wave is shorter than [`DvaeEncoder::min_samples`] or holds a value that is
    /// not a number; [`Error::NotANumber`] if the weights are damaged.
    pub fn encode(&self, wave: &[f32]) -> Result<Vec<Vec<u16>>> {
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
        let mel = self.mel.forward(wave, self.coef.device())?.broadcast_div(&self.coef)?;
        let frames = Frames { lengths: [mel.dim(0)?].into(), rows: mel };
        let x = self.widen.forward(&frames)?;
        let x = self.downsample.forward(&x.rows.gelu_erf()?)?.gelu_erf()?;
        let x = Frames { lengths: [x.dim(0)?].into(), rows: x };
        self.finder.codes(&self.stack.forward(&x)?.rows)
    }
}

/// Halves the frames by a convolution of kernel 4: stride 2, one frame of zeros at each end.
struct Downsample {
    product: Linear,
}

impl Downsample {
    const TAPS: usize = 2 * STRIDE;

    fn load(weights: &Weights, inputs: usize) -> Result<Self> {
        let outputs = weights.check("weight", &[ANY, inputs, Self::TAPS])?[0];
        let bias = weights.tensor("bias", &[outputs])?;
        let product = Linear::load_shaped(weights, outputs, Self::TAPS * inputs, Some(&bias), || {
            taps_first(&weights.raw("weight", &[outputs, inputs, Self::TAPS])?)
        })?;
        Ok(Downsample { product })
    }

    /// Computes (frames, inputs) → (frames / 2, outputs), at least two frames.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (frames, channels) = x.dims2()?;
        let codes = frames / STRIDE;
        // A window is two neighbouring pairs of frames, and each pair is in two windows. Of an odd number
        // of frames the last is seen through the last window's padding only.
        let padded = x.pad_with_zeros(0, 1, 1)?.narrow(0, 0, (codes + 1) * STRIDE)?;
        let pairs = padded.contiguous()?.reshape((codes + 1, STRIDE * channels))?;
        let windows = Tensor::cat(&[pairs.narrow(0, 0, codes)?, pairs.narrow(0, 1, codes)?], 1)?;
        self.product.forward(&windows)
    }
}

/// Turns a wave into a log mel: the magnitudes of a short-time Fourier transform through the stored mel
/// filters.
///
/// In double precision: under a pure tone most bands hold nothing but what the transform rounds off, and in
/// single precision that, and with it the codes, would depend on the processor.
struct LogMel {
    window: Vec<f64>,
    /// (bins, 100).
    filters: Tensor,
    fft: Arc<dyn RealToComplex<f64>>,
}

impl LogMel {
    fn load(file: &WeightFile, weights: &Weights) -> Result<Self> {
        let window = weights.to_dtype(DType::F64).at("spectrogram").tensor("window", &[ANY])?.to_vec1()?;
        if window.len() % 2 != 0 {
            return Err(Error::TensorShape {
                file: file.path().into(),
                tensor: "preprocessor_mel.mel_spec.spectrogram.window".into(),
                expected: "an even number".into(),
                found: vec![window.len()],
            });
        }
        let filters = weights.at("mel_scale").tensor("fb", &[window.len() / 2 + 1, MEL_CHANNELS])?;
        let fft = RealFftPlanner::new().plan_fft_forward(window.len());
        Ok(LogMel { window, filters, fft })
    }

    /// Turns a wave of more than half a window into (1 + samples / 256, 100), natural logarithms.
    fn forward(&self, wave: &[f32], device: &Device) -> Result<Tensor> {
        let bins = self.window.len() / 2 + 1;
        let magnitudes = self.magnitudes(wave)?;
        let magnitudes = Tensor::from_vec(magnitudes, (1 + wave.len() / HOP, bins), device)?;
        Ok(magnitudes.matmul(&self.filters)?.maximum(MIN_ENERGY)?.log()?)
    }

    /// Magnitudes row by row, (1 + samples / 256, bins): centred on multiples of the hop, as `torch.stft`.
    fn magnitudes(&self, wave: &[f32]) -> Result<Vec<f32>> {
        let (size, half) = (self.window.len(), self.window.len() / 2);
        let bins = half + 1;
        let frames = 1 + wave.len() / HOP;
        let padded = reflected(wave, half);
        let mut magnitudes = vec![0f32; frames * bins];
        magnitudes.par_chunks_exact_mut(bins).enumerate().try_for_each_init(
            || (self.fft.make_input_vec(), self.fft.make_output_vec(), self.fft.make_scratch_vec()),
            |(piece, spectrum, scratch), (frame, row)| {
                let samples = &padded[frame * HOP..][..size];
                for ((out, sample), weight) in piece.iter_mut().zip(samples).zip(&self.window) {
                    *out = *sample as f64 * weight;
                }
                self.fft
                    .process_with_scratch(piece, spectrum, scratch)
                    .map_err(|e| Error::Audio(format!("FFT: {e}")))?;
                for (magnitude, bin) in row.iter_mut().zip(spectrum.iter()) {
                    *magnitude = bin.norm() as f32;
                }
                Ok::<_, Error>(())
            },
        )?;
        Ok(magnitudes)
    }
}

/// Returns the wave with `margin` samples mirrored at each end, the end samples themselves not repeated; it
/// must be longer than the margin.
fn reflected(wave: &[f32], margin: usize) -> Vec<f32> {
    let before = wave[1..=margin].iter().rev();
    let after = wave[wave.len() - 1 - margin..wave.len() - 1].iter().rev();
    before.chain(wave).chain(after).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::WeightType;
    use std::f64::consts::PI;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn the_ends_are_mirrored_without_themselves() {
        assert_eq!(reflected(&[1.0, 2.0, 3.0, 4.0], 2), [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0]);
        assert_eq!(reflected(&[1.0, 2.0, 3.0], 2), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
    }

    /// Compares with the transform's definition, term by term.
    #[test]
    fn magnitudes_are_those_of_the_windowed_fourier_sum() {
        let size = 64usize;
        let window: Vec<f64> =
            (0..size).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / size as f64).cos()).collect();
        let mel = LogMel {
            fft: RealFftPlanner::new().plan_fft_forward(size),
            filters: Tensor::zeros((size / 2 + 1, MEL_CHANNELS), DType::F32, &Device::Cpu).unwrap(),
            window,
        };
        let wave = numbers(600);
        let found = mel.magnitudes(&wave).unwrap();
        assert_eq!(found.len(), 3 * (size / 2 + 1));
        let at = |t: isize| {
            let last = wave.len() as isize - 1;
            let mirrored = if t < 0 { -t } else { last - (last - t).abs() };
            wave[mirrored as usize] as f64
        };
        for (i, magnitude) in found.iter().enumerate() {
            let (frame, bin) = (i / (size / 2 + 1), i % (size / 2 + 1));
            let (mut re, mut im) = (0.0, 0.0);
            for (n, weight) in mel.window.iter().enumerate() {
                let value = at((frame * HOP + n) as isize - size as isize / 2) * weight;
                let angle = 2.0 * PI * (bin * n) as f64 / size as f64;
                re += value * angle.cos();
                im -= value * angle.sin();
            }
            assert!((re.hypot(im) - *magnitude as f64).abs() < 1e-4, "frame {frame}, bin {bin}");
        }
    }

    #[test]
    fn halving_equals_a_convolution_of_stride_two() {
        let (inputs, outputs) = (3, 4);
        let kernel = Tensor::from_vec(numbers(outputs * inputs * 4), (outputs, inputs, 4), &Device::Cpu);
        let kernel = kernel.unwrap();
        let matrix = taps_first(&kernel).unwrap();
        let downsample = Downsample { product: Linear::new(&matrix, None, WeightType::F32).unwrap() };
        for frames in [2usize, 3, 8, 47] {
            let x = Tensor::from_vec(numbers(frames * inputs), (frames, inputs), &Device::Cpu).unwrap();
            let expected = x.t().unwrap().unsqueeze(0).unwrap().contiguous().unwrap();
            let expected = expected.conv1d(&kernel, 1, 2, 1, 1).unwrap().squeeze(0).unwrap().t().unwrap();
            let found = downsample.forward(&x).unwrap();
            assert_eq!(found.dims(), [frames / 2, outputs]);
            let error = (found - expected).unwrap().abs().unwrap().max_all().unwrap();
            assert!(error.to_scalar::<f32>().unwrap() < 1e-5, "{frames} frames");
        }
    }
}
