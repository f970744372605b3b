//! Products with packed weights.

use candle_core::{CpuStorage, CustomOp1, InplaceOp2, Layout, Result, Shape, bail};

use super::{f32s, f32s_mut, first, first_mut};
use crate::model::kernel::{Epilogue, Matrix, Team, product};

/// Computes y = epilogue(x·Wᵀ) as a new tensor: (rows, inputs) → (rows, outputs).
pub struct Multiply<'a> {
    /// W.
    pub matrix: &'a Matrix,
    /// The epilogue.
    pub epilogue: Epilogue<'a>,
}

impl CustomOp1 for Multiply<'_> {
    fn name(&self) -> &'static str {
        "multiply"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, inputs) = layout.shape().dims2()?;
        let shape = self.matrix.shape();
        if inputs != shape.inputs {
            bail!("multiply: rows of {inputs} values, weights of {}", shape.inputs);
        }
        let mut y = vec![0f32; rows * shape.outputs];
        let x = f32s(x, layout, "multiply")?;
        product(Team::global(), x, self.matrix, self.epilogue, &mut y, shape.outputs);
        Ok((CpuStorage::F32(y), (rows, shape.outputs).into()))
    }
}

/// Computes the same into the first rows of a tensor that is there.
pub struct Apply<'a> {
    /// W.
    pub matrix: &'a Matrix,
    /// The epilogue.
    pub epilogue: Epilogue<'a>,
    /// Rows; further ones are left as they are.
    pub rows: usize,
}

impl InplaceOp2 for Apply<'_> {
    fn name(&self) -> &'static str {
        "apply"
    }

    fn cpu_fwd(&self, y: &mut CpuStorage, y_layout: &Layout, x: &CpuStorage, layout: &Layout) -> Result<()> {
        let shape = self.matrix.shape();
        if layout.shape().dims2()?.1 != shape.inputs || y_layout.shape().dims2()?.1 != shape.outputs {
            bail!(
                "apply: {:?} → {:?}, weights of {} × {}",
                layout.dims(),
                y_layout.dims(),
                shape.outputs,
                shape.inputs
            );
        }
        let x = first(f32s(x, layout, "apply")?, self.rows * shape.inputs, "apply")?;
        let y = first_mut(f32s_mut(y, y_layout, "apply")?, self.rows * shape.outputs, "apply")?;
        product(Team::global(), x, self.matrix, self.epilogue, y, shape.outputs);
        Ok(())
    }
}
