//! Wave → codes on the processor.

use candle_core::{Device, Tensor};

use super::layers::Frames;
use super::pass::Pass;
use super::{CpuLayout, DVAE};
use crate::backend::networks::{Encoder, Linear, MEL_CHANNELS, Quantizer, STRIDE, codes_of};
use crate::backend::weights::WeightFile;
use crate::error::Result;

/// Turns a wave into codes, by which a spoken sample becomes a voice prompt.
pub struct CpuEncoder(Encoder<CpuLayout>);

impl CpuEncoder {
    /// Loads the encoding half of `DVAE.safetensors`.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(file: &WeightFile) -> Result<Self> {
        Encoder::load(file, &DVAE).map(CpuEncoder)
    }

    /// Encodes a wave (24 kHz, mono) as one row of codes per codebook, each a code per 512 samples.
    ///
    /// # Errors
    /// [`Error::Speaker`](crate::Error::Speaker) if the wave is too short or holds a value that is not a number;
    /// [`Error::NotANumber`](crate::Error::NotANumber) if the weights are damaged.
    pub fn encode(&self, wave: &[f32]) -> Result<Vec<Vec<u16>>> {
        let Encoder { widen, downsample, stack, finder, .. } = &self.0;
        let mel = self.0.mel_of(wave)?;
        let frames = mel.len() / MEL_CHANNELS;
        let x = gelu(widen.forward(Frames::new(mel, [frames]), &mut Pass::Whole).rows)?;
        let x = gelu(halve(downsample, &x, frames))?;
        let features = stack.forward(Frames::new(x, [frames / STRIDE]), &mut Pass::Whole).rows;
        let width = stack.outputs() / finder.groups.len();
        let scalars = |(group, layer): (usize, &Linear<CpuLayout>)| {
            let rows = features.chunks_exact(stack.outputs());
            let own: Vec<f32> = rows.flat_map(|row| &row[group * width..][..width]).copied().collect();
            layer.forward(&own)
        };
        codes_of(finder.groups.iter().enumerate().map(scalars).collect())
    }
}

/// Computes an exact GELU as candle does, which the codes of old were made by.
fn gelu(x: Vec<f32>) -> Result<Vec<f32>> {
    let count = x.len();
    Ok(Tensor::from_vec(x, count, &Device::Cpu)?.gelu_erf()?.to_vec1()?)
}

/// Computes (frames, width) → (frames / 2, outputs), at least two frames: a window is four frames from every second
/// on, with a frame of zeros before the first. Of an odd number of frames the last is seen by the last window only.
fn halve(layer: &Linear<CpuLayout>, x: &[f32], frames: usize) -> Vec<f32> {
    let (codes, width) = (frames / STRIDE, layer.inputs / (2 * STRIDE));
    let mut windows = vec![0.0; codes * layer.inputs];
    for (code, window) in windows.chunks_exact_mut(layer.inputs).enumerate() {
        for (tap, to) in window.chunks_exact_mut(width).enumerate() {
            if let Some(frame) = (STRIDE * code + tap).checked_sub(1).filter(|frame| *frame < frames) {
                to.copy_from_slice(&x[frame * width..][..width]);
            }
        }
    }
    layer.forward(&windows)
}

impl Quantizer<CpuLayout> {
    /// Turns codes of several sequences, one row per codebook each, into features (tokens, width), and returns the
    /// tokens of each.
    ///
    /// # Errors
    /// [`Error::Speaker`](crate::Error::Speaker) if a row or a code is missing or out of range.
    pub fn features(&self, sequences: &[&[Vec<u16>]]) -> Result<(Vec<f32>, Vec<usize>)> {
        let (scalars, lengths) = self.scalars(sequences)?;
        let parts: Vec<_> = self.groups.iter().zip(&scalars).map(|(layer, x)| layer.forward(x)).collect();
        let tokens = lengths.iter().sum::<usize>();
        let row = |token: usize| {
            let part = move |(layer, values): (&Linear<CpuLayout>, &Vec<f32>)| {
                values[token * layer.outputs..][..layer.outputs].to_vec()
            };
            self.groups.iter().zip(&parts).flat_map(part)
        };
        Ok(((0..tokens).flat_map(row).collect(), lengths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::WeightType;
    use crate::backend::cpu::kernel::{Matrix, Shape};
    use crate::backend::networks::taps_first;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn halving_equals_a_convolution_of_stride_two() {
        let (inputs, outputs) = (3, 4);
        let kernel = Tensor::from_vec(numbers(outputs * inputs * 4), (outputs, inputs, 4), &Device::Cpu);
        let kernel = kernel.unwrap();
        let values = taps_first(&kernel).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let shape = Shape { outputs, inputs: 4 * inputs, kind: WeightType::F32 };
        let matrix = Matrix::pack(&values, shape).unwrap();
        let layer = Linear { matrix, bias: None, inputs: 4 * inputs, outputs };
        for frames in [2usize, 3, 8, 47] {
            let x = numbers(frames * inputs);
            let expected = Tensor::from_vec(x.clone(), (frames, inputs), &Device::Cpu).unwrap();
            let expected = expected.t().unwrap().unsqueeze(0).unwrap().contiguous().unwrap();
            let expected = expected.conv1d(&kernel, 1, 2, 1, 1).unwrap().squeeze(0).unwrap().t().unwrap();
            let found = halve(&layer, &x, frames);
            let found = Tensor::from_vec(found, (frames / 2, outputs), &Device::Cpu).unwrap();
            let error = (found - expected).unwrap().abs().unwrap().max_all().unwrap();
            assert!(error.to_scalar::<f32>().unwrap() < 1e-5, "{frames} frames");
        }
    }
}
