//! A linear layer over rows.

use candle_core::{Device, Tensor};

use super::ops::Product;
use super::weights::Weights;
use crate::error::Result;

/// y = x·Wᵀ + b over rows: (rows, in) → (rows, out).
pub struct Linear {
    /// (out, in), as in the checkpoint.
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// From a weight (out, in) and a bias (out).
    ///
    /// # Errors
    /// If the weight cannot be laid out row by row.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        Ok(Linear { weight: weight.contiguous()?, bias })
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
        self.weight.device()
    }

    /// (rows, in) → (rows, out).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.apply_op2_no_bwd(&self.weight, &Product)?;
        Ok(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        })
    }
}
