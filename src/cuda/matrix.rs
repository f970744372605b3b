//! Weights of products, as their kernels read them.

use half::f16;
use rayon::prelude::*;

use super::driver::{Address, Buffer};
use super::kernels::{Dtype, Kernels};
use super::products::{Epilogue, INPUTS_MULTIPLE, OUTPUTS_MULTIPLE, ProductArgument};
use crate::error::{Error, Result};

/// A matrix (outputs, inputs) on a card, padded with zeros to whole tiles.
pub struct Matrix {
    buffer: Buffer<u8>,
    /// Where it is held in 8 bits, the scale of each [`SCALED`] neighbouring inputs of an output.
    scales: Option<Buffer<u8>>,
    kind: Dtype,
    outputs: usize,
    inputs: usize,
}

impl Matrix {
    /// Converts values, row by row, and copies them to the card.
    ///
    /// # Errors
    /// [`Error::Device`] if there are not outputs · inputs values, or the card has no memory for them.
    pub fn upload(
        kernels: &Kernels,
        kind: Dtype,
        values: &[f32],
        outputs: usize,
        inputs: usize,
    ) -> Result<Self> {
        check(values, outputs, inputs)?;
        let row = inputs.next_multiple_of(INPUTS_MULTIPLE) * kind.size();
        let mut bytes = vec![0u8; outputs.next_multiple_of(OUTPUTS_MULTIPLE) * row];
        bytes.par_chunks_exact_mut(row).zip(values.par_chunks_exact(inputs)).for_each(|(to, from)| {
            to[..inputs * kind.size()].copy_from_slice(&kind.encode(from));
        });
        let buffer = Buffer::from_slice(kernels.driver(), &bytes)?;
        Ok(Matrix { buffer, scales: None, kind, outputs, inputs })
    }

    /// The same in 8 bits, to be multiplied in [`Dtype::F16`].
    ///
    /// # Errors
    /// As [`Matrix::upload`].
    pub fn upload_quantized(
        kernels: &Kernels,
        values: &[f32],
        outputs: usize,
        inputs: usize,
    ) -> Result<Self> {
        check(values, outputs, inputs)?;
        let row = inputs.next_multiple_of(INPUTS_MULTIPLE);
        let rows = outputs.next_multiple_of(OUTPUTS_MULTIPLE);
        let (mut bytes, mut scales) = (vec![0u8; rows * row], vec![0u8; rows * row / SCALED * 2]);
        let to = bytes.par_chunks_exact_mut(row).zip(scales.par_chunks_exact_mut(row / SCALED * 2));
        to.zip(values.par_chunks_exact(inputs)).for_each(|((bytes, scales), from)| {
            let to = bytes.chunks_exact_mut(SCALED).zip(scales.chunks_exact_mut(2));
            for ((bytes, scale), from) in to.zip(from.chunks(SCALED)) {
                let (numbers, by) = quantized(from);
                bytes.iter_mut().zip(numbers).for_each(|(to, number)| *to = number.cast_unsigned());
                scale.copy_from_slice(&by.to_le_bytes());
            }
        });
        Ok(Matrix {
            buffer: Buffer::from_slice(kernels.driver(), &bytes)?,
            scales: Some(Buffer::from_slice(kernels.driver(), &scales)?),
            kind: Dtype::F16,
            outputs,
            inputs,
        })
    }

    /// The type of the weights, and of what they are multiplied with.
    pub fn kind(&self) -> Dtype {
        self.kind
    }

    /// Values that come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Values that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Weights of 8 bits, with those that pad them; 0 if they are of another type.
    pub fn quantized_len(&self) -> usize {
        self.scales.as_ref().map_or(0, |_| self.buffer.len())
    }

    /// Values from row to row of what goes in, those of the padding among them, which must be zeros.
    pub fn padded_inputs(&self) -> usize {
        self.inputs.next_multiple_of(INPUTS_MULTIPLE)
    }

    /// y = x·Wᵀ over rows of x (rows, padded inputs) and y (rows, outputs), and what follows it; without bias
    /// and scale. Whoever has other strides, or a bias, says so in the fields.
    pub fn product(&self, x: Address, y: Address, rows: usize, epilogue: Epilogue) -> ProductArgument {
        let width = if epilogue == Epilogue::SiluGate { self.outputs / 2 } else { self.outputs };
        ProductArgument {
            x,
            w: self.buffer.address(),
            y,
            rows: rows as u32,
            inputs: self.padded_inputs() as u32,
            outputs: self.outputs as u32,
            x_stride: self.padded_inputs() as u32,
            y_stride: width as u32,
            epilogue: epilogue as u32,
            scales: self.scales.as_ref().map_or(0, Buffer::address),
            ..ProductArgument::default()
        }
    }
}

fn check(values: &[f32], outputs: usize, inputs: usize) -> Result<()> {
    match !values.is_empty() && outputs.checked_mul(inputs) == Some(values.len()) {
        true => Ok(()),
        false => Err(Error::Device(format!("{} weights are no {outputs} × {inputs}", values.len()))),
    }
}

/// Values that share a scale.
pub const SCALED: usize = 32;

/// Values as whole numbers of 8 bits, and what these are times: the largest becomes 127.
pub fn quantized(values: &[f32]) -> (impl Iterator<Item = i8>, f16) {
    let largest = values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let scale = f16::from_f32(largest / 127.0);
    let by = if scale == f16::ZERO { 0.0 } else { 1.0 / scale.to_f32() };
    (values.iter().map(move |value| (value * by).round_ties_even() as i8), scale)
}

/// One value per output, zeros up to a whole number of tiles: a bias of a product whose padding is computed
/// too.
///
/// # Errors
/// [`Error::Device`] if the card has no memory for them.
pub fn upload_padded(kernels: &Kernels, values: &[f32]) -> Result<Buffer<f32>> {
    let mut padded = values.to_vec();
    padded.resize(values.len().next_multiple_of(OUTPUTS_MULTIPLE), 0.0);
    Buffer::from_slice(kernels.driver(), &padded)
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use std::sync::Arc;

    use super::super::driver::Driver;
    use super::super::emulated::Emulated;
    use super::*;

    #[test]
    fn a_matrix_of_any_shape_multiplies() {
        let card: Arc<dyn Driver> = Arc::new(Emulated::new(0, 1 << 24));
        let kernels = Kernels::new(card);
        let (rows, outputs, inputs) = (3, 5, 37);
        let values: Vec<f32> = (0..outputs * inputs).map(|i| (i % 7) as f32 - 3.0).collect();
        let x: Vec<f32> = (0..rows * inputs).map(|i| (i % 5) as f32 - 2.0).collect();
        let expected: Vec<f32> = x
            .chunks_exact(inputs)
            .flat_map(|x| values.chunks_exact(inputs).map(|w| x.iter().zip(w).map(|(x, w)| x * w).sum()))
            .collect();
        for kind in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            let matrix = Matrix::upload(&kernels, kind, &values, outputs, inputs).unwrap();
            assert_eq!((matrix.outputs(), matrix.inputs(), matrix.padded_inputs()), (5, 37, 64));
            let padded: Vec<f32> = x
                .chunks_exact(inputs)
                .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, 64 - inputs)))
                .collect();
            let x = Buffer::from_slice(kernels.driver(), &kind.encode(&padded)).unwrap();
            let y = Buffer::<f32>::new(kernels.driver(), rows * outputs).unwrap();
            kernels
                .product(kind, matrix.product(x.address(), y.address(), rows, Epilogue::Store), None)
                .unwrap();
            // Small whole numbers are exact in all types.
            assert_eq!(y.to_vec(rows * outputs).unwrap(), expected);
        }
        assert!(Matrix::upload(&kernels, Dtype::F32, &values, 4, inputs).is_err());
    }
}
