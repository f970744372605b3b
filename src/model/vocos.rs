//! Mel → wave: the Vocos vocoder (Siuzdak, 2023) and its inverse STFT.

use std::sync::Arc;

use candle_core::{DType, Device};
use rayon::prelude::*;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner};

use super::convnext::{Block, Conv, Norm};
use super::kernel::WeightType;
use super::linear::Linear;
use super::mel_decoder::MEL_CHANNELS;
use super::ops::Frames;
use super::weights::{ANY, WeightFile};
use crate::error::{Error, Result};

/// Samples per second of the model's audio.
pub const SAMPLE_RATE: u32 = 24_000;
/// Samples between frames.
pub const HOP: usize = 256;
/// Frequencies above this magnitude are clipped to it.
const MAX_MAGNITUDE: f32 = 100.0;

/// Runs the vocoder (`Vocos.safetensors`).
pub struct Vocos {
    embed: Conv,
    norm: Norm,
    blocks: Vec<Block>,
    final_norm: Norm,
    head: Linear,
    istft: InverseStft,
}

impl Vocos {
    /// Loads the vocoder, its blocks' weights in the type asked for.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(file: &WeightFile, kind: WeightType, device: &Device) -> Result<Self> {
        let weights = file.root(DType::F32, device).with_kind(kind);
        let backbone = weights.at("backbone");
        let embed = Conv::load(&backbone.at("embed"), MEL_CHANNELS, 7, true)?;
        let width = embed.outputs();
        let blocks = (0..backbone.count("convnext", "gamma"))
            .map(|i| Block::load(&backbone.at(format!("convnext.{i}")), width, "gamma", 1))
            .collect::<Result<Vec<_>>>()?;
        let window = weights.at("head.istft").tensor("window", &[ANY])?.to_vec1::<f32>()?;
        if window.len() % (2 * HOP) != 0 {
            return Err(Error::TensorShape {
                file: file.path().into(),
                tensor: "head.istft.window".into(),
                expected: format!("a multiple of {}", 2 * HOP),
                found: vec![window.len()],
            });
        }
        Ok(Vocos {
            norm: Norm::load(&backbone.at("norm"), width)?,
            blocks,
            final_norm: Norm::load(&backbone.at("final_layer_norm"), width)?,
            // One log magnitude and one phase per frequency from 0 to half the sample rate.
            head: Linear::load(&weights.at("head.out").with_kind(WeightType::F32), window.len() + 2, width)?,
            istft: InverseStft::new(window),
            embed,
        })
    }

    /// Returns how many frames to each side a frame of the spectrum depends on.
    pub fn reach(&self) -> usize {
        self.embed.reach() + self.blocks.iter().map(Block::reach).sum::<usize>()
    }

    /// Computes log mel (frames, 100) → one wave per sequence, (frames − 1)·256 samples at 24 kHz.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward(&self, mel: &Frames) -> Result<Vec<Vec<f32>>> {
        let x = self.embed.forward(mel)?;
        let x = x.with_rows(self.norm.forward(&x.rows)?);
        for block in &self.blocks {
            block.forward(&x)?;
        }
        let spectrum = self.head.forward(&self.final_norm.forward(&x.rows)?)?;
        let bins = spectrum.dim(1)?;
        let spectrum = spectrum.flatten_all()?.to_vec1::<f32>()?;
        let mut rest = spectrum.as_slice();
        mel.lengths
            .iter()
            .map(|frames| {
                let (own, others) = rest.split_at(frames * bins);
                rest = others;
                self.istft.run(own, bins)
            })
            .collect()
    }
}

/// Computes the inverse short-time Fourier transform: centred, windowed, overlaps divided by the summed
/// squared windows, as `torch.istft`.
struct InverseStft {
    window: Vec<f32>,
    fft: Arc<dyn ComplexToReal<f32>>,
}

impl InverseStft {
    fn new(window: Vec<f32>) -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_inverse(window.len());
        InverseStft { window, fft }
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
    use super::*;
    use std::f32::consts::PI;

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
