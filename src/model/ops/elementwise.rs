//! Element-wise steps fused into one pass.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::f32s;
use super::math::silu;

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
        let mut out = vec![0f32; rows * width / 2];
        let of_row = |(out, row): (&mut [f32], &[f32])| {
            let (gate, up) = row.split_at(width / 2);
            gate_row(gate, up, out);
        };
        out.par_chunks_exact_mut(width / 2).zip(data.par_chunks_exact(width)).for_each(of_row);
        Ok((CpuStorage::F32(out), (rows, width / 2).into()))
    }
}

/// One row, in the widest vectors there are; they all give the same bits.
fn gate_row(gate: &[f32], up: &[f32], out: &mut [f32]) {
    #[inline(always)]
    fn body(gate: &[f32], up: &[f32], out: &mut [f32]) {
        for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
            *out = silu(*gate) * up;
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn avx2(gate: &[f32], up: &[f32], out: &mut [f32]) {
            body(gate, up, out);
        }
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn avx512(gate: &[f32], up: &[f32], out: &mut [f32]) {
            body(gate, up, out);
        }
        let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        if has_avx2 && is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the instructions.
            return unsafe { avx512(gate, up, out) };
        }
        if has_avx2 {
            // SAFETY: the processor has the instructions.
            return unsafe { avx2(gate, up, out) };
        }
    }
    body(gate, up, out);
}
