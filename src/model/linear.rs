//! A linear layer over rows.

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};

use super::ops::{BiasedProduct, Product};
use super::weights::Weights;
use crate::error::Result;

/// In which type a layer's weights are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightType {
    /// Single precision.
    #[default]
    F32,
    /// Blocks of 32 numbers in 8 bits with a common scale (GGML's Q8_0); rows are rounded alike as they go
    /// in.
    Q8,
}

/// y = x·Wᵀ + b over rows: (rows, in) → (rows, out). A row's bits do not depend on the rows beside it.
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
    device: Device,
}

enum Weight {
    /// (out, in), as in the checkpoint.
    F32(Tensor),
    Q8(QMatMul),
}

impl Linear {
    /// From a weight (out, in) and a bias (out).
    ///
    /// # Errors
    /// If the weight cannot be laid out row by row.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        Ok(Linear { device: weight.device().clone(), weight: Weight::F32(weight.contiguous()?), bias })
    }

    /// The same layer with its weights in another type; a layer whose inputs do not fill whole blocks stays
    /// as it is.
    ///
    /// # Errors
    /// If the tensor library cannot quantise.
    pub fn into_type(self, to: WeightType) -> Result<Self> {
        let weight = match (self.weight, to) {
            (Weight::F32(weight), WeightType::Q8)
                if weight.dim(1)?.is_multiple_of(GgmlDType::Q8_0.block_size()) =>
            {
                Weight::Q8(QMatMul::from_qtensor(QTensor::quantize(&weight, GgmlDType::Q8_0)?)?)
            }
            (weight, _) => weight,
        };
        Ok(Linear { weight, ..self })
    }

    /// `weight` and `bias` under the given name.
    ///
    /// # Errors
    /// A missing tensor or another shape.
    pub fn load(weights: &Weights, outputs: usize, inputs: usize) -> Result<Self> {
        let bias = weights.tensor("bias", &[outputs])?;
        Linear::new(weights.tensor("weight", &[outputs, inputs])?, Some(bias))
    }

    /// Several bias-less layers over the same input as one, their outputs side by side.
    ///
    /// # Errors
    /// A missing tensor or another shape.
    pub fn load_joined(weights: &Weights, names: &[&str], outputs: usize, inputs: usize) -> Result<Self> {
        let parts = names
            .iter()
            .map(|name| weights.at(name).tensor("weight", &[outputs, inputs]))
            .collect::<Result<Vec<_>>>()?;
        match parts.as_slice() {
            [one] => Linear::new(one.clone(), None),
            several => Linear::new(Tensor::cat(several, 0)?, None),
        }
    }

    /// Where its weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// (rows, in) → (rows, out).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, false)
    }

    /// (rows, in) → (rows, out), through an exact GELU.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward_gelu(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, true)
    }

    fn run(&self, x: &Tensor, gelu: bool) -> Result<Tensor> {
        let y = match (&self.weight, &self.bias) {
            (Weight::F32(weight), Some(bias)) => {
                return Ok(x.apply_op3_no_bwd(weight, bias, &BiasedProduct { gelu })?);
            }
            (Weight::F32(weight), None) => x.apply_op2_no_bwd(weight, &Product)?,
            (Weight::Q8(weight), Some(bias)) => weight.forward(x)?.broadcast_add(bias)?,
            (Weight::Q8(weight), None) => weight.forward(x)?,
        };
        Ok(if gelu { y.gelu_erf()? } else { y })
    }
}
