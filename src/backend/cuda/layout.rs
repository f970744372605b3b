//! How a card holds weights: matrices padded to whole tiles, outputs that meet in one thread side by side.

use candle_core::Tensor;

use super::driver::Buffer;
use super::kernels::{Dtype, EightBits, Kernels};
use super::matrix::Matrix;
use super::products::OUTPUTS_MULTIPLE;
use crate::backend::networks::{Layout, MatrixWeight, Outputs};
use crate::error::Result;

/// Copies weights to a card.
#[derive(Clone)]
pub struct CardLayout {
    /// The card.
    pub kernels: Kernels,
    /// The type of what is multiplied.
    pub kind: Dtype,
    /// What is held in 8 bits; the type is [`Dtype::F16`] unless that is nothing.
    pub eight_bits: EightBits,
}

impl Layout for CardLayout {
    type Matrix = Matrix;
    type Vector = Buffer<f32>;

    fn matrix(&self, weight: &MatrixWeight) -> Result<Matrix> {
        let values = ordered(weight)?.flatten_all()?.to_vec1::<f32>()?;
        let (outputs, inputs) = (weight.outputs, weight.inputs);
        match (weight.exact, self.eight_bits) {
            (true, _) => Matrix::upload(&self.kernels, Dtype::F32, &values, outputs, inputs),
            (_, EightBits::Weights) => Matrix::upload_quantized(&self.kernels, &values, outputs, inputs),
            _ => Matrix::upload(&self.kernels, self.kind, &values, outputs, inputs),
        }
    }

    /// Uploads numbers, with zeros up to a whole number of tiles: they may be the bias of a product whose padding is
    /// computed too.
    fn vector(&self, values: Tensor) -> Result<Buffer<f32>> {
        let mut values = values.flatten_all()?.to_vec1::<f32>()?;
        values.resize(values.len().next_multiple_of(OUTPUTS_MULTIPLE), 0.0);
        Buffer::from_slice(self.kernels.driver(), &values)
    }
}

/// Returns a weight with outputs side by side whose sums meet in one thread.
fn ordered(weight: &MatrixWeight) -> Result<Tensor> {
    let (tensor, inputs) = (weight.tensor()?, weight.inputs);
    match weight.order {
        Outputs::Plain => Ok(tensor),
        // A gate and what it lets through.
        Outputs::GateUp => {
            Ok(tensor.reshape((2, weight.outputs / 2, inputs))?.transpose(0, 1)?.contiguous()?)
        }
        // What is rotated together, half a head apart.
        Outputs::QueriesKeysValues { heads } => {
            let hidden = weight.outputs / 3;
            let rotated =
                tensor.narrow(0, 0, 2 * hidden)?.reshape((2 * heads, 2, hidden / heads / 2, inputs))?;
            let rotated = rotated.transpose(1, 2)?.reshape((2 * hidden, inputs))?;
            Ok(Tensor::cat(&[rotated, tensor.narrow(0, 2 * hidden, hidden)?], 0)?)
        }
    }
}
