//! Element-wise steps fused into one pass.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::f32s;

/// silu(gate)·up of `gate_up` (rows, 2·n), whose rows hold the gate first: (rows, n).
///
/// # Errors
/// If the operand is not a contiguous matrix of f32.
pub fn silu_gate(gate_up: &Tensor) -> Result<Tensor> {
    gate_up.apply_op1_no_bwd(&SiluGate)
}

struct SiluGate;

impl CustomOp1 for SiluGate {
    fn name(&self) -> &'static str {
        "silu-gate"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = layout.shape().dims2()?;
        let data = f32s(storage, layout, "silu-gate")?;
        let mut out = Vec::with_capacity(rows * width / 2);
        for row in data.chunks_exact(width) {
            let (gate, up) = row.split_at(width / 2);
            out.extend(gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u));
        }
        Ok((CpuStorage::F32(out), (rows, width / 2).into()))
    }
}
