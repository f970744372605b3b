//! The layers of what follows the Llama: frames of several sequences at once without padding, channels last.

use std::ops::Range;
use std::sync::Arc;

use super::CpuLayout;
use super::kernel::{self, Epilogue, Team, add_weighted, for_rows, product};
use super::pass::Pass;
use crate::backend::networks::{Block, Conv, DEPTHWISE_TAPS, Linear, MelStack, NORM_EPS, Norm, Stack, Vocos};

/// Frames that are widened at once: what they are widened to stays in the cache until it is narrowed again.
const CHUNK: usize = 256;

/// Holds the frames of several sequences, one after another.
pub struct Frames {
    /// (Σ lengths, channels) row by row.
    pub rows: Vec<f32>,
    /// The first frame of each frame's sequence, and how many that has.
    segments: Arc<[(usize, usize)]>,
}

impl Frames {
    /// Takes the frames of sequences of these lengths.
    pub fn new(rows: Vec<f32>, lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut segments = Vec::new();
        for length in lengths {
            let start = segments.len();
            segments.extend(std::iter::repeat_n((start, length), length));
        }
        Frames { rows, segments: segments.into() }
    }

    /// Takes what became of these frames.
    pub fn with_rows(&self, rows: Vec<f32>) -> Self {
        Frames { rows, segments: Arc::clone(&self.segments) }
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.segments.len()
    }
}

impl Linear<CpuLayout> {
    fn run(&self, x: &[f32], epilogue: Epilogue, y: &mut [f32]) {
        product(Team::global(), x, &self.matrix, epilogue, y, self.outputs);
    }

    fn zeros(&self, x: &[f32]) -> Vec<f32> {
        vec![0.0; x.len() / self.inputs * self.outputs]
    }

    /// Computes (rows, inputs) → (rows, outputs).
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let mut y = self.zeros(x);
        self.run(x, self.bias.as_deref().map_or(Epilogue::Store, Epilogue::Bias), &mut y);
        y
    }

    /// Computes x (rows, inputs) into y (rows, outputs), through an exact GELU.
    fn gelu_into(&self, x: &[f32], y: &mut [f32]) {
        match &self.bias {
            Some(bias) => self.run(x, Epilogue::BiasGelu(bias), y),
            None => self.run(x, Epilogue::BiasGelu(&vec![0.0; self.outputs]), y),
        }
    }

    /// Adds scale·(x·Wᵀ + b) to y, one scale per output.
    fn add_scaled_to(&self, x: &[f32], scale: &[f32], y: &mut [f32]) {
        match &self.bias {
            Some(bias) => self.run(x, Epilogue::AddScaled { bias, scale }, y),
            None => self.run(x, Epilogue::AddScaled { bias: &vec![0.0; self.outputs], scale }, y),
        }
    }
}

impl Norm<CpuLayout> {
    /// Computes (rows, width) → (rows, width).
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        kernel::layer_norm(Team::global(), x, (&self.weight, &self.bias), NORM_EPS, &mut out);
        out
    }
}

impl Conv<CpuLayout> {
    /// Computes (frames, channels) → (frames, outputs).
    pub fn forward(&self, x: Frames, pass: &mut Pass) -> Frames {
        pass.layer(x, self.reach(), |x, frames| match self.taps {
            1 => self.product.forward(&x.rows[frames.start * self.channels()..frames.end * self.channels()]),
            taps => self.product.forward(&unfold(x, frames, self.channels(), taps)),
        })
    }

    /// Computes (frames, channels) → (frames, outputs), through a GELU.
    fn forward_gelu(&self, x: Frames, pass: &mut Pass) -> Frames {
        pass.layer(x, self.reach(), |x, frames| {
            let windows = unfold(x, frames, self.channels(), self.taps);
            let mut y = self.product.zeros(&windows);
            self.product.gelu_into(&windows, &mut y);
            y
        })
    }
}

impl Block<CpuLayout> {
    /// Computes (frames, width) → (frames, width).
    pub fn forward(&self, x: Frames, pass: &mut Pass) -> Frames {
        pass.layer(x, self.reach(), |x, frames| {
            let (width, inner) = (self.expand.inputs, self.expand.outputs);
            let mut out = x.rows[frames.start * width..frames.end * width].to_vec();
            let y = depthwise(x, frames, &self.depthwise, &self.depthwise_bias, self.dilation);
            let y = self.norm.forward(&y);
            let mut widened = vec![0.0; (y.len() / width).min(CHUNK) * inner];
            for (y, out) in y.chunks(CHUNK * width).zip(out.chunks_mut(CHUNK * width)) {
                let widened = &mut widened[..y.len() / width * inner];
                self.expand.gelu_into(y, widened);
                self.contract.add_scaled_to(widened, &self.scale, out);
            }
            out
        })
    }
}

impl Stack<CpuLayout> {
    /// Computes (frames, inputs) → (frames, outputs).
    pub fn forward(&self, x: Frames, pass: &mut Pass) -> Frames {
        let x = self.conv_in[0].forward_gelu(x, pass);
        let x = self.conv_in[1].forward(x, pass);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, pass));
        self.conv_out.forward(x, pass)
    }
}

impl MelStack<CpuLayout> {
    /// Computes features (tokens, C) of sequences of these lengths → log mel (2·tokens, 100). A token's channels are
    /// two frames, one after the other.
    pub fn forward(&self, features: Vec<f32>, lengths: &[usize], pass: &mut Pass) -> Frames {
        let frames = Frames::new(features, lengths.iter().map(|tokens| 2 * tokens));
        let x = self.stack.forward(frames, pass);
        let mut mel = self.out_conv.forward(x, pass);
        for row in mel.rows.chunks_exact_mut(self.coef.len()) {
            row.iter_mut().zip(&self.coef).for_each(|(value, coef)| *value *= coef);
        }
        mel
    }
}

impl Vocos<CpuLayout> {
    /// Computes log mels (frames, 100) → spectra (frames, bins): log magnitudes, then phases.
    pub fn spectra(&self, mels: Frames, pass: &mut Pass) -> Frames {
        let x = self.embed.forward(mels, pass);
        let x = x.with_rows(self.norm.forward(&x.rows));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, pass));
        x.with_rows(self.head.forward(&self.final_norm.forward(&x.rows)))
    }
}

/// Convolves each channel by itself, zero outside the sequence: x (frames, channels), weight (taps, channels), bias
/// (channels). Only the frames asked for.
fn depthwise(x: &Frames, frames: Range<usize>, weight: &[f32], bias: &[f32], dilation: usize) -> Vec<f32> {
    let channels = bias.len();
    let mut out = vec![0.0; frames.len() * channels];
    for_rows(Team::global(), &mut out, channels, |row, out| {
        let row = frames.start + row;
        let (start, length) = x.segments[row];
        out.copy_from_slice(bias);
        for (tap, weight) in weight.chunks_exact(channels).enumerate() {
            // The frame this tap looks at, counted from the sequence's start; checked before it is used.
            let frame = (row - start + tap * dilation).checked_sub(DEPTHWISE_TAPS / 2 * dilation);
            if let Some(frame) = frame.filter(|frame| *frame < length) {
                add_weighted(out, weight, &x.rows[(start + frame) * channels..][..channels]);
            }
        }
    });
    out
}

/// Lays the windows of a convolution side by side, zero outside the sequence, so that the convolution is a
/// product: (frames, channels) → (frames, taps·channels), of the frames asked for. The length is kept (odd taps, half
/// of them as padding).
fn unfold(x: &Frames, frames: Range<usize>, channels: usize, taps: usize) -> Vec<f32> {
    let width = taps * channels;
    let mut out = vec![0.0; frames.len() * width];
    for_rows(Team::global(), &mut out, width, |row, out| {
        let row = frames.start + row;
        let (start, length) = x.segments[row];
        for (tap, out) in out.chunks_exact_mut(channels).enumerate() {
            let frame = (row - start + tap).checked_sub(taps / 2);
            if let Some(frame) = frame.filter(|frame| *frame < length) {
                out.copy_from_slice(&x.rows[(start + frame) * channels..][..channels]);
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0).collect()
    }

    /// Computes candle's own convolution, sequence by sequence, as the second opinion.
    fn by_candle(
        x: &[f32],
        channels: usize,
        lengths: &[usize],
        kernel: &Tensor,
        dilation: usize,
        groups: usize,
    ) -> Vec<f32> {
        let taps = kernel.dim(2).unwrap();
        let (mut start, mut out) = (0, Vec::new());
        for length in lengths {
            let part = Tensor::from_slice(
                &x[start * channels..(start + length) * channels],
                (*length, channels),
                &Device::Cpu,
            );
            let part = part.unwrap().t().unwrap().unsqueeze(0).unwrap().contiguous().unwrap();
            let y = part.conv1d(kernel, taps / 2 * dilation, 1, dilation, groups).unwrap();
            out.extend(y.squeeze(0).unwrap().t().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap());
            start += length;
        }
        out
    }

    #[test]
    fn depthwise_equals_a_grouped_convolution_per_sequence() {
        let (channels, lengths) = (5, [1usize, 9, 30]);
        let rows: usize = lengths.iter().sum();
        let x = numbers(rows * channels);
        for dilation in [1, 2] {
            let weight = Tensor::from_vec(numbers(channels * 7), (channels, 1, 7), &Device::Cpu).unwrap();
            let expected = by_candle(&x, channels, &lengths, &weight, dilation, channels);
            let by_tap = weight.squeeze(1).unwrap().t().unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let out = depthwise(&Frames::new(x.clone(), lengths), 0..rows, &by_tap, &[0.0; 5], dilation);
            for (a, b) in out.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn unfold_and_product_equal_a_convolution_per_sequence() {
        let (channels, outputs, lengths) = (3, 4, [1usize, 2, 8]);
        let rows: usize = lengths.iter().sum();
        let x = numbers(rows * channels);
        let kernel =
            Tensor::from_vec(numbers(outputs * channels * 3), (outputs, channels, 3), &Device::Cpu).unwrap();
        let expected = by_candle(&x, channels, &lengths, &kernel, 1, 1);
        let windows = unfold(&Frames::new(x, lengths), 0..rows, channels, 3);
        let windows = Tensor::from_vec(windows, (rows, 3 * channels), &Device::Cpu).unwrap();
        let matrix = kernel.permute((0, 2, 1)).unwrap().reshape((outputs, 3 * channels)).unwrap();
        let out = windows.matmul(&matrix.t().unwrap()).unwrap();
        for (a, b) in out.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
