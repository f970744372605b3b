//! A linear layer over rows.

use std::borrow::Cow;

use candle_core::{DType, Tensor};

use super::kernel::{Epilogue, Matrix, Shape, WeightType};
use super::ops::{Apply, Multiply};
use super::weights::Weights;
use crate::error::Result;

/// Computes y = x·Wᵀ + b over rows: (rows, in) → (rows, out). A row's bits do not depend on the rows beside
/// it.
pub struct Linear {
    matrix: Matrix,
    bias: Option<Vec<f32>>,
}

impl Linear {
    /// Packs a weight (out, in) and takes a bias (out).
    ///
    /// # Errors
    /// If the weight is no matrix of f32.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, kind: WeightType) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        let values = weight.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let matrix = Matrix::pack(&values, Shape { outputs, inputs, kind })?;
        Ok(Linear { matrix, bias: bias.map(|bias| bias.to_vec1()).transpose()? })
    }

    /// Wraps a weight that is packed already.
    pub fn of(matrix: Matrix) -> Self {
        Linear { matrix, bias: None }
    }

    /// Loads `weight` and `bias` under the given name.
    ///
    /// # Errors
    /// A missing tensor or another shape.
    pub fn load(weights: &Weights, outputs: usize, inputs: usize) -> Result<Self> {
        let bias = weights.tensor("bias", &[outputs])?;
        let outputs = bias.dim(0)?;
        Linear::load_shaped(weights, outputs, inputs, Some(&bias), || {
            weights.raw("weight", &[outputs, inputs])
        })
    }

    /// Loads what `make` makes of `weight`, a matrix (outputs, inputs), with a bias.
    ///
    /// # Errors
    /// A missing tensor or another shape.
    pub fn load_shaped(
        weights: &Weights,
        outputs: usize,
        inputs: usize,
        bias: Option<&Tensor>,
        make: impl FnOnce() -> Result<Tensor>,
    ) -> Result<Self> {
        let matrix = weights.matrix("matrix", (outputs, inputs), make)?;
        let bias = bias.map(|bias| bias.to_dtype(DType::F32)?.to_vec1()).transpose()?;
        Ok(Linear { matrix, bias })
    }

    /// Loads several bias-less layers over the same input as one, their outputs side by side.
    ///
    /// # Errors
    /// A missing tensor or another shape.
    pub fn load_joined(weights: &Weights, names: &[&str], outputs: usize, inputs: usize) -> Result<Self> {
        let matrix = weights.matrix(&names.join("+"), (names.len() * outputs, inputs), || {
            let parts = names
                .iter()
                .map(|name| weights.at(name).raw("weight", &[outputs, inputs]))
                .collect::<Result<Vec<_>>>()?;
            Ok(Tensor::cat(&parts, 0)?)
        })?;
        Ok(Linear::of(matrix))
    }

    /// Returns how many values go in.
    pub fn inputs(&self) -> usize {
        self.matrix.shape().inputs
    }

    /// Returns how many values come out.
    pub fn outputs(&self) -> usize {
        self.matrix.shape().outputs
    }

    fn bias_or_zeros(&self) -> Cow<'_, [f32]> {
        match &self.bias {
            Some(bias) => Cow::Borrowed(bias),
            None => Cow::Owned(vec![0.0; self.outputs()]),
        }
    }

    fn epilogue(&self) -> Epilogue<'_> {
        match &self.bias {
            Some(bias) => Epilogue::Bias(bias),
            None => Epilogue::Store,
        }
    }

    /// Computes (rows, in) → (rows, out).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.apply_op1_no_bwd(&Multiply { matrix: &self.matrix, epilogue: self.epilogue() })?)
    }

    /// Computes (rows, in) → (rows, out), through an exact GELU.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward_gelu(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias_or_zeros();
        let epilogue = Epilogue::BiasGelu(&bias);
        Ok(x.apply_op1_no_bwd(&Multiply { matrix: &self.matrix, epilogue })?)
    }

    /// Computes x (rows, in) into y (rows, out), through an exact GELU.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn gelu_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        let bias = self.bias_or_zeros();
        let epilogue = Epilogue::BiasGelu(&bias);
        Ok(y.inplace_op2(x, &Apply { matrix: &self.matrix, epilogue, rows: x.dim(0)? })?)
    }

    /// Computes the first rows of x (…, in) into those of y (…, out).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward_into(&self, x: &Tensor, y: &Tensor, rows: usize) -> Result<()> {
        Ok(y.inplace_op2(x, &Apply { matrix: &self.matrix, epilogue: self.epilogue(), rows })?)
    }

    /// Adds the first rows' products to y; for layers without a bias.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn add_to(&self, x: &Tensor, y: &Tensor, rows: usize) -> Result<()> {
        Ok(y.inplace_op2(x, &Apply { matrix: &self.matrix, epilogue: Epilogue::Add, rows })?)
    }

    /// Adds scale·(x·Wᵀ + b) to y, one scale per output.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn add_scaled_to(&self, x: &Tensor, scale: &[f32], y: &Tensor) -> Result<()> {
        let bias = self.bias_or_zeros();
        let epilogue = Epilogue::AddScaled { bias: &bias, scale };
        Ok(y.inplace_op2(x, &Apply { matrix: &self.matrix, epilogue, rows: x.dim(0)? })?)
    }
}

/// Reads a weight stored as direction v and length g per row: W[r] = g[r]·v[r]/‖v[r]‖₂.
pub fn weight_norm(weights: &Weights, outputs: usize, inputs: usize) -> Result<Tensor> {
    let parts = weights.at("parametrizations.weight");
    let length = parts.raw("original0", &[outputs, 1])?;
    let direction = parts.raw("original1", &[outputs, inputs])?;
    let norm = direction.sqr()?.sum_keepdim(candle_core::D::Minus1)?.sqrt()?;
    Ok(direction.broadcast_mul(&(length / norm)?)?)
}
