//! Convolutions over time on rows (frames, channels), several sequences at once without padding frames.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::f32s;
use crate::model::kernel::{Team, add_weighted, for_rows};

/// Holds the frames of several sequences, one after another: rows (Σ lengths, channels).
#[derive(Clone)]
pub struct Frames {
    /// (Σ lengths, channels).
    pub rows: Tensor,
    /// Frames of each sequence.
    pub lengths: Arc<[usize]>,
}

impl Frames {
    /// Returns the same sequences with other rows.
    pub fn with_rows(&self, rows: Tensor) -> Frames {
        Frames { rows, lengths: self.lengths.clone() }
    }
}

/// Returns (start, length) of the sequence that each row belongs to.
fn segments(lengths: &[usize], rows: usize) -> Result<Vec<(usize, usize)>> {
    let mut of_row = Vec::with_capacity(rows);
    for length in lengths {
        let start = of_row.len();
        of_row.extend(std::iter::repeat_n((start, *length), *length));
    }
    if of_row.len() != rows {
        bail!("{} frames in the sequences' lengths, {rows} rows", of_row.len());
    }
    Ok(of_row)
}

/// Convolves each channel by itself with an odd kernel that keeps the length, zero outside the sequence: x
/// (frames, channels), weight (taps, channels), bias (channels).
pub struct Depthwise {
    /// Frames of each sequence.
    pub lengths: Arc<[usize]>,
    /// Distance between taps.
    pub dilation: usize,
}

impl CustomOp3 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, channels) = x_layout.shape().dims2()?;
        let (taps, _) = weight_layout.shape().dims2()?;
        let x = f32s(x, x_layout, "depthwise")?;
        let weight = f32s(weight, weight_layout, "depthwise")?;
        let bias = f32s(bias, bias_layout, "depthwise")?;
        let of_row = segments(&self.lengths, rows)?;
        let mut out = vec![0f32; rows * channels];
        for_rows(Team::global(), &mut out, channels, |row, out| {
            let (start, length) = of_row[row];
            out.copy_from_slice(bias);
            for (tap, weight) in weight.chunks_exact(channels).enumerate() {
                // The frame this tap looks at, counted from the sequence's start; checked before it is used.
                let Some(frame) = (row - start + tap * self.dilation).checked_sub(taps / 2 * self.dilation)
                else {
                    continue;
                };
                if frame < length {
                    add_weighted(out, weight, &x[(start + frame) * channels..][..channels]);
                }
            }
        });
        Ok((CpuStorage::F32(out), (rows, channels).into()))
    }
}

/// Lays the windows of a convolution side by side, zero outside the sequence, so that the convolution is a
/// matrix product: (frames, channels) → (frames, taps·channels). Length is kept (odd taps, half of them as
/// padding).
pub struct Unfold {
    /// Frames of each sequence.
    pub lengths: Arc<[usize]>,
    /// Width of the kernel.
    pub taps: usize,
}

impl CustomOp1 for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, channels) = layout.shape().dims2()?;
        let x = f32s(x, layout, "unfold")?;
        let of_row = segments(&self.lengths, rows)?;
        let width = self.taps * channels;
        let mut out = vec![0f32; rows * width];
        for_rows(Team::global(), &mut out, width, |row, out| {
            let (start, length) = of_row[row];
            for (tap, out) in out.chunks_exact_mut(channels).enumerate() {
                if let Some(frame) = (row - start + tap).checked_sub(self.taps / 2)
                    && frame < length
                {
                    out.copy_from_slice(&x[(start + frame) * channels..][..channels]);
                }
            }
        });
        Ok((CpuStorage::F32(out), (rows, width).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

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
            let rows_tensor = Tensor::from_slice(&x, (rows, channels), &Device::Cpu).unwrap();
            let by_tap = weight.squeeze(1).unwrap().t().unwrap().contiguous().unwrap();
            let bias = Tensor::zeros(channels, candle_core::DType::F32, &Device::Cpu).unwrap();
            let op = Depthwise { lengths: lengths.into(), dilation };
            let out = rows_tensor.apply_op3_no_bwd(&by_tap, &bias, &op).unwrap();
            for (a, b) in out.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().zip(&expected) {
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
        let op = Unfold { lengths: lengths.into(), taps: 3 };
        let windows =
            Tensor::from_slice(&x, (rows, channels), &Device::Cpu).unwrap().apply_op1_no_bwd(&op).unwrap();
        let matrix = kernel.permute((0, 2, 1)).unwrap().reshape((outputs, 3 * channels)).unwrap();
        let out = windows.matmul(&matrix.t().unwrap()).unwrap();
        for (a, b) in out.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
