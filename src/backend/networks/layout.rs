//! The boundary between what the networks are and the backends: each lays out weights its own way.

use candle_core::Tensor;

use crate::backend::cpu::kernel::{Matrix, Shape, WeightType};
use crate::backend::weights::Weights;
use crate::error::Result;

/// Lays out weights as one backend computes with them.
pub trait Layout: Sync {
    /// Holds the weight of a product, (outputs, inputs).
    type Matrix: Send + Sync;
    /// Holds numbers that are used one by one: a bias, a norm's weights, a scale.
    type Vector: Send + Sync;

    /// Lays out a matrix.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the device.
    fn matrix(&self, weight: &MatrixWeight) -> Result<Self::Matrix>;

    /// Lays out numbers, which are contiguous and in single precision.
    ///
    /// # Errors
    /// An error of the device.
    fn vector(&self, values: Tensor) -> Result<Self::Vector>;
}

/// Says which outputs of a matrix belong together, for backends that want those side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// None.
    Plain,
    /// A third each of queries, keys and values; in each head the first half is rotated with the second.
    QueriesKeysValues {
        /// Attention heads.
        heads: usize,
    },
    /// Gates, then as many of what they let through.
    GateUp,
}

/// Describes a matrix (outputs, inputs) of a network before it is laid out.
pub struct MatrixWeight<'a> {
    weights: &'a Weights<'a>,
    name: String,
    /// Rows.
    pub outputs: usize,
    /// Columns.
    pub inputs: usize,
    /// The outputs that belong together.
    #[cfg_attr(
        not(feature = "cuda-kernels"),
        expect(dead_code, reason = "only cards lay outputs side by side")
    )]
    pub order: Outputs,
    /// True at the ends of a network: few operations, and what is lost there is lost in every sample. Such a matrix
    /// is never held in fewer bits than single precision.
    pub exact: bool,
    make: Box<dyn Fn() -> Result<Tensor> + 'a>,
}

impl<'a> MatrixWeight<'a> {
    /// Describes what `make` makes of the tensors under `weights`, an (outputs, inputs) in single precision; a packed
    /// file has it under `name`.
    pub fn new(
        weights: &'a Weights<'a>,
        name: &str,
        (outputs, inputs): (usize, usize),
        make: impl Fn() -> Result<Tensor> + 'a,
    ) -> Self {
        let (name, order) = (name.to_string(), Outputs::Plain);
        MatrixWeight { weights, name, outputs, inputs, order, exact: false, make: Box::new(make) }
    }

    /// Describes several layers' weights over the same input, (outputs, inputs) each, as one, one below the other.
    pub fn joined(
        weights: &'a Weights<'a>,
        names: &'a [&'a str],
        (outputs, inputs): (usize, usize),
        order: Outputs,
    ) -> Self {
        let shape = (names.len() * outputs, inputs);
        let make = move || {
            let part = |name: &&str| weights.at(name).raw("weight", &[outputs, inputs]);
            let parts = names.iter().map(part).collect::<Result<Vec<_>>>()?;
            Ok(Tensor::cat(&parts, 0)?)
        };
        MatrixWeight { order, ..MatrixWeight::new(weights, &names.join("+"), shape, make) }
    }

    /// Describes a weight stored as direction v and length g per row, `W[r] = g[r]·v[r]/‖v[r]‖₂`.
    pub fn normed(weights: &'a Weights<'a>, names: Vec<String>, (outputs, inputs): (usize, usize)) -> Self {
        let shape = (names.len() * outputs, inputs);
        let name = names.first().map_or("", |name| name.split('.').next().unwrap_or(name)).to_string();
        let make = move || {
            let part = |name: &String| {
                let parts = weights.at(name).at("parametrizations.weight");
                let length = parts.raw("original0", &[outputs, 1])?;
                let direction = parts.raw("original1", &[outputs, inputs])?;
                let norm = direction.sqr()?.sum_keepdim(candle_core::D::Minus1)?.sqrt()?;
                Ok(direction.broadcast_mul(&(length / norm)?)?)
            };
            let parts = names.iter().map(part).collect::<Result<Vec<_>>>()?;
            Ok(Tensor::cat(&parts, 0)?)
        };
        MatrixWeight { exact: true, ..MatrixWeight::new(weights, &name, shape, make) }
    }

    /// Returns the same, held in single precision by every backend or not.
    pub fn exact(self, exact: bool) -> Self {
        MatrixWeight { exact, ..self }
    }

    /// Reads it as the checkpoint has it: (outputs, inputs) in single precision.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn tensor(&self) -> Result<Tensor> {
        (self.make)()
    }

    /// Returns it in the layout of the processor's kernels, as it lies in a packed file or newly made.
    ///
    /// # Errors
    /// As [`MatrixWeight::tensor`].
    pub fn packed(&self, kind: WeightType) -> Result<Matrix> {
        let kind = if self.exact { WeightType::F32 } else { kind };
        self.weights.matrix(
            &self.name,
            Shape { outputs: self.outputs, inputs: self.inputs, kind },
            &self.make,
        )
    }
}
