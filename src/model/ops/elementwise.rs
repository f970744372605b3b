//! Norms and gates.

use candle_core::{
    CpuStorage, CustomOp3, InplaceOp1, InplaceOp2, InplaceOp3, Layout, Result, Shape, Tensor, bail,
};

use super::{f32s, f32s_mut, first, first_mut};
use crate::model::kernel::{self, Team};

/// Computes out = x/√(mean x² + eps)·weight of the first rows: (rows, width), weight (width).
pub struct RmsNorm {
    /// Rows; further ones are left as they are.
    pub rows: usize,
    /// Added to the mean.
    pub eps: f32,
}

impl InplaceOp3 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<()> {
        let weight = f32s(weight, weight_layout, "rms-norm")?;
        let count = self.rows * weight.len();
        let x = first(f32s(x, x_layout, "rms-norm")?, count, "rms-norm")?;
        let out = first_mut(f32s_mut(out, out_layout, "rms-norm")?, count, "rms-norm")?;
        kernel::rms_norm(Team::global(), x, weight, self.eps, out);
        Ok(())
    }
}

/// Computes out = silu(gate)·up of the first rows: out (rows, n), gate_up (rows, 2·n), whose rows hold the
/// gate first.
pub struct SiluGate {
    /// Rows; further ones are left as they are.
    pub rows: usize,
}

impl InplaceOp2 for SiluGate {
    fn name(&self) -> &'static str {
        "silu-gate"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        gate_up: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let (_, width) = out_layout.shape().dims2()?;
        if layout.shape().dims2()?.1 != 2 * width {
            bail!("silu-gate: gate and up are not {width} wide");
        }
        let gate_up = first(f32s(gate_up, layout, "silu-gate")?, 2 * self.rows * width, "silu-gate")?;
        let out = first_mut(f32s_mut(out, out_layout, "silu-gate")?, self.rows * width, "silu-gate")?;
        kernel::silu_gate(Team::global(), gate_up, width, out);
        Ok(())
    }
}

/// Lets a function write a tensor's elements from the first on.
pub struct Fill<F>(pub F);

impl<F: Fn(&mut [f32])> InplaceOp1 for Fill<F> {
    fn name(&self) -> &'static str {
        "fill"
    }

    fn cpu_fwd(&self, to: &mut CpuStorage, layout: &Layout) -> Result<()> {
        (self.0)(f32s_mut(to, layout, "fill")?);
        Ok(())
    }
}

/// Computes (x − mean)/√(variance + eps)·weight + bias of each row.
///
/// # Errors
/// If the operands are not contiguous f32 of one width.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Result<Tensor> {
    x.apply_op3_no_bwd(weight, bias, &LayerNorm { eps })
}

struct LayerNorm {
    eps: f32,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
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
        let (rows, width) = x_layout.shape().dims2()?;
        let x = f32s(x, x_layout, "layer-norm")?;
        let weight = first(f32s(weight, weight_layout, "layer-norm")?, width, "layer-norm")?;
        let bias = first(f32s(bias, bias_layout, "layer-norm")?, width, "layer-norm")?;
        let mut out = vec![0f32; rows * width];
        kernel::layer_norm(Team::global(), x, (weight, bias), self.eps, &mut out);
        Ok((CpuStorage::F32(out), (rows, width).into()))
    }
}
