//! Between waves and spectra, on the processor: the mel of a spoken sample, and the wave of a predicted spectrum.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::mel::MEL_CHANNELS;
use super::vocos::HOP;
use crate::backend::weights::{ANY, Weights};
use crate::error::{Error, Result};

/// Mel energies below this one count as it, so that silence has a logarithm.
const MIN_ENERGY: f64 = 1e-5;
/// Frequencies above this magnitude are clipped to it.
const MAX_MAGNITUDE: f32 = 100.0;

/// Turns a wave into a log mel: the magnitudes of a short-time Fourier transform through the stored mel
/// filters.
///
/// In double precision: under a pure tone most bands hold nothing but what the transform rounds off, and in
/// single precision that, and with it the codes, would depend on the processor.
pub struct LogMel {
    window: Vec<f64>,
    /// (bins, 100).
    filters: Tensor,
    fft: Arc<dyn RealToComplex<f64>>,
}

impl LogMel {
    /// Loads the window and the mel filters.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(weights: &Weights) -> Result<Self> {
        let window = weights.at("spectrogram").numbers("window", ANY)?;
        let window: Vec<f64> = window.into_iter().map(f64::from).collect();
        if !window.len().is_multiple_of(2) {
            return Err(Error::TensorShape {
                file: weights.path().into(),
                tensor: "preprocessor_mel.mel_spec.spectrogram.window".into(),
                expected: "an even number".into(),
                found: vec![window.len()],
            });
        }
        let filters = weights.at("mel_scale").tensor("fb", &[window.len() / 2 + 1, MEL_CHANNELS])?;
        let fft = RealFftPlanner::new().plan_fft_forward(window.len());
        Ok(LogMel { window, filters, fft })
    }

    /// Returns the samples of the shortest wave that has a mel.
    pub fn min_samples(&self) -> usize {
        // The reflection at each end mirrors half a window around a sample that it leaves out.
        self.window.len() / 2 + 1
    }

    /// Turns a wave of at least [`LogMel::min_samples`] into (1 + samples / 256, 100), natural logarithms.
    ///
    /// # Errors
    /// If the transform fails.
    pub fn forward(&self, wave: &[f32]) -> Result<Vec<f32>> {
        let bins = self.window.len() / 2 + 1;
        let magnitudes = self.magnitudes(wave)?;
        let magnitudes = Tensor::from_vec(magnitudes, (1 + wave.len() / HOP, bins), &Device::Cpu)?;
        let mel = magnitudes.matmul(&self.filters)?.maximum(MIN_ENERGY)?.log()?;
        Ok(mel.flatten_all()?.to_vec1()?)
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

/// Computes the inverse short-time Fourier transform: centred, windowed, overlaps divided by the summed
/// squared windows, as `torch.istft`.
pub struct InverseStft {
    window: Vec<f32>,
    fft: Arc<dyn ComplexToReal<f32>>,
}

impl InverseStft {
    /// Makes the transform of a window.
    pub fn new(window: Vec<f32>) -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_inverse(window.len());
        InverseStft { window, fft }
    }

    /// Returns the window.
    #[cfg(feature = "cuda-kernels")]
    pub fn window(&self) -> &[f32] {
        &self.window
    }

    /// Transforms the spectra of several sequences, rows of log magnitudes, then phases: of `frames` rows
    /// (frames − 1)·256 samples each.
    ///
    /// # Errors
    /// If the transform fails.
    pub fn waves(&self, spectra: &[f32], lengths: &[usize]) -> Result<Vec<Vec<f32>>> {
        let width = self.window.len() + 2;
        let mut rest = spectra;
        let wave = |frames: &usize| {
            let (own, others) = rest.split_at(frames * width);
            rest = others;
            self.run(own, width)
        };
        lengths.iter().map(wave).collect()
    }

    /// Transforms rows of log magnitudes, then phases.
    fn run(&self, rows: &[f32], width: usize) -> Result<Vec<f32>> {
        let size = self.window.len();
        let frames = rows.len() / width;
        let scale = 1.0 / size as f32;
        let mut pieces = vec![0f32; frames * size];
        pieces.par_chunks_exact_mut(size).zip(rows.par_chunks_exact(width)).try_for_each_init(
            || (self.fft.make_input_vec(), self.fft.make_scratch_vec()),
            |(bins, scratch), (piece, row)| {
                let (magnitudes, phases) = row.split_at(width / 2);
                for ((bin, magnitude), phase) in bins.iter_mut().zip(magnitudes).zip(phases) {
                    let magnitude = magnitude.exp().min(MAX_MAGNITUDE);
                    *bin = Complex32::new(magnitude * phase.cos(), magnitude * phase.sin());
                }
                // A real signal has no imaginary part at 0 and half the sample rate.
                bins[0].im = 0.0;
                bins[width / 2 - 1].im = 0.0;
                self.fft
                    .process_with_scratch(bins, piece, scratch)
                    .map_err(|e| Error::Audio(format!("inverse FFT: {e}")))?;
                for (sample, weight) in piece.iter_mut().zip(&self.window) {
                    *sample *= weight * scale;
                }
                Ok::<_, Error>(())
            },
        )?;

        let length = size + HOP * frames.saturating_sub(1);
        let (mut wave, mut envelope) = (vec![0f32; length], vec![0f32; length]);
        for (frame, piece) in pieces.chunks_exact(size).enumerate() {
            let start = frame * HOP;
            for (i, (sample, weight)) in piece.iter().zip(&self.window).enumerate() {
                wave[start + i] += sample;
                envelope[start + i] += weight * weight;
            }
        }
        let centre = size / 2;
        let kept = centre..length - centre;
        Ok(wave[kept.clone()].iter().zip(&envelope[kept]).map(|(sample, weight)| sample / weight).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::PI;
    use std::f64::consts::TAU;

    use candle_core::DType;

    use super::*;

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
        let window: Vec<f64> = (0..size).map(|i| 0.5 - 0.5 * (TAU * i as f64 / size as f64).cos()).collect();
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
                let angle = TAU * (bin * n) as f64 / size as f64;
                re += value * angle.cos();
                im -= value * angle.sin();
            }
            assert!((re.hypot(im) - *magnitude as f64).abs() < 1e-4, "frame {frame}, bin {bin}");
        }
    }

    /// Checks that a stationary cosine's spectrum, frame by frame, comes back as that cosine.
    #[test]
    fn a_known_spectrum_becomes_its_cosine() {
        let size = 1024;
        let window: Vec<f32> =
            (0..size).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f32 / size as f32).cos()).collect();
        let (frames, bin, amplitude) = (20usize, 40usize, 0.25f32);
        let wave = |t: isize| amplitude * (2.0 * PI * bin as f32 * t as f32 / size as f32).cos();
        let width = size + 2;
        let mut rows = Vec::new();
        for frame in 0..frames {
            // Windowed cosine of an exact bin: amplitude·size/4 there, half of it on both sides, negated.
            let start = (frame * HOP) as isize - size as isize / 2;
            let phase = 2.0 * PI * bin as f32 * start as f32 / size as f32;
            let mut row = vec![-40.0; width / 2];
            row.extend(vec![0.0; width / 2]);
            for (offset, weight, turn) in [(-1isize, 0.5, PI), (0, 1.0, 0.0), (1, 0.5, PI)] {
                let at = (bin as isize + offset) as usize;
                row[at] = (amplitude * size as f32 / 4.0 * weight).ln();
                row[width / 2 + at] = phase + turn;
            }
            rows.extend(row);
        }
        let out = InverseStft::new(window).run(&rows, width).unwrap();
        assert_eq!(out.len(), (frames - 1) * HOP);
        for (t, sample) in out.iter().enumerate() {
            assert!((sample - wave(t as isize)).abs() < 1e-4, "sample {t}: {sample}");
        }
    }

    #[test]
    fn a_single_frame_has_no_samples() {
        let istft = InverseStft::new(vec![1.0; 1024]);
        assert!(istft.run(&vec![0.0; 1026], 1026).unwrap().is_empty());
    }
}
