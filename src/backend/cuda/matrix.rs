//! Weights of products, as their kernels read them.

use rayon::prelude::*;

use super::driver::{Address, Buffer};
use super::kernels::{Dtype, Kernels};
use super::products::{INPUTS_MULTIPLE, OUTPUTS_MULTIPLE};
use super::shared::{Epilogue, ProductArgument};
use crate::backend::cpu::kernel::{BLOCK, quantize_block};
use crate::error::{Error, Result};

/// Holds a matrix (outputs, inputs) on a card, padded with zeros to whole tiles.
pub struct Matrix {
    buffer: Buffer<u8>,
    /// The scale (bfloat16) of each [`BLOCK`] neighbouring inputs of an output, where weights are held in 8
    /// bits.
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

    /// Converts values to 8 bits, to be multiplied in [`Dtype::F16`], and copies them to the card.
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
        let blocks = row / BLOCK;
        let (mut bytes, mut scales) = (vec![0u8; rows * row], vec![0u8; rows * blocks * 2]);
        let to = bytes.par_chunks_exact_mut(row).zip(scales.par_chunks_exact_mut(blocks * 2));
        to.zip(values.par_chunks_exact(inputs)).for_each(|((bytes, scales), from)| {
            let to = bytes.chunks_exact_mut(BLOCK).zip(scales.chunks_exact_mut(2));
            for ((bytes, scale), from) in to.zip(from.chunks(BLOCK)) {
                let (numbers, by) = quantize_block(from);
                bytes.copy_from_slice(&numbers.map(i8::cast_unsigned));
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

    /// Returns where the weights lie.
    pub fn address(&self) -> Address {
        self.buffer.address()
    }

    /// Returns the type of the weights, and of what they are multiplied with.
    pub fn kind(&self) -> Dtype {
        self.kind
    }

    /// Returns how many values come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Returns how many weights of 8 bits there are, with those that pad them; 0 if they are of another type.
    pub fn quantized_len(&self) -> usize {
        self.scales.as_ref().map_or(0, |_| self.buffer.len())
    }

    /// Returns the values from row to row of what goes in, those of the padding among them, which must be
    /// zeros.
    pub fn padded_inputs(&self) -> usize {
        self.inputs.next_multiple_of(INPUTS_MULTIPLE)
    }

    /// Describes y = x·Wᵀ over rows of x (rows, padded inputs) and y (rows, outputs), and its epilogue;
    /// without bias and scale. Whoever has other strides, or a bias, says so in the fields.
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

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use std::sync::Arc;

    use half::f16;

    use super::super::driver::Driver;
    use super::super::emulated::Emulated;
    use super::super::products::Scratch;
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
            assert_eq!((matrix.outputs(), matrix.inputs, matrix.padded_inputs()), (5, 37, 64));
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

    #[test]
    fn weights_of_8_bits_are_those_of_the_processor_rounded_to_half_precision() {
        let card: Arc<dyn Driver> = Arc::new(Emulated::new(0, 1 << 24));
        let kernels = Kernels::new(card);
        let (outputs, inputs) = (6, 64);
        // Each output's weights of another size; half precision has no scale of some of them.
        let sizes = [1e-7f32, 3e-5, 0.02, 0.3, 5.0, 3e4];
        let sized = |(output, size): (usize, &f32)| {
            let weight = |i: usize| ((i * 37 + output * 11) % 127) as f32 / 63.0 - 1.0;
            (0..inputs).map(|i| weight(i) * size).collect::<Vec<_>>()
        };
        let weights: Vec<f32> = sizes.iter().enumerate().flat_map(sized).collect();
        let stood_for = weights.chunks_exact(BLOCK).flat_map(|block| {
            let (numbers, scale) = quantize_block(block);
            numbers.map(|number| f16::from_f32(f32::from(number) * scale.to_f32()).to_f32())
        });
        let expected: Vec<f32> = stood_for.collect();
        let matrix = Matrix::upload_quantized(&kernels, &weights, outputs, inputs).unwrap();
        let scratch = Scratch::new(kernels.driver(), matrix.quantized_len()).unwrap();
        // A one for each input, so that each product is a weight; by few rows and by many.
        for rows in [16, inputs] {
            let one = |row: usize| (0..inputs).map(move |input| f32::from(u8::from(input == row)));
            let x: Vec<f32> = (0..rows).flat_map(one).collect();
            let x = Buffer::from_slice(kernels.driver(), &Dtype::F16.encode(&x)).unwrap();
            let y = Buffer::<f32>::new(kernels.driver(), rows * outputs).unwrap();
            let product = matrix.product(x.address(), y.address(), rows, Epilogue::Store);
            kernels.product(Dtype::F16, product, Some(&scratch)).unwrap();
            for (row, found) in y.to_vec(rows * outputs).unwrap().chunks_exact(outputs).enumerate() {
                let expected = expected.iter().skip(row).step_by(inputs);
                assert!(found.iter().eq(expected), "input {row}: {found:?}");
            }
        }
    }
}
