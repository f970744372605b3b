//! Row by row: norms, gates, and convolutions along each channel.

use super::math::silu;
use super::product::Shared;
use super::simd::{LANES, sum};
use super::team::Team;

/// Rows of a task.
const ROWS: usize = 4;
/// Numbers below which one thread is as fast as several.
const ALONE: usize = 16 << 10;

/// Compiles a function for the widest vectors there are, too; all give the same bits, since nothing in it
/// is reordered or contracted.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) {
            #[inline(always)]
            fn body($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) {
                    body($($argument),*);
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
                fn avx512($($argument: $type),*) {
                    body($($argument),*);
                }
                let level = $crate::backend::cpu::kernel::level();
                if level.avx512 {
                    // SAFETY: the processor has the instructions.
                    return unsafe { avx512($($argument),*) };
                }
                if level.avx2 {
                    // SAFETY: the processor has the instructions.
                    return unsafe { avx2($($argument),*) };
                }
            }
            body($($argument),*);
        }
    };
}

/// Calls `row(index, its part of out)` for each row of `out`, on several threads when there is enough to do.
pub fn for_rows(team: &Team, out: &mut [f32], width: usize, row: impl Fn(usize, &mut [f32]) + Sync) {
    let count = out.len() / width.max(1);
    if out.len() < ALONE {
        out.chunks_exact_mut(width).enumerate().for_each(|(index, out)| row(index, out));
        return;
    }
    let out = Shared(out.as_mut_ptr());
    team.run(count.div_ceil(ROWS), |task| {
        let out = &out;
        for index in task * ROWS..((task + 1) * ROWS).min(count) {
            // SAFETY: a row is one task's alone and lies in `out`.
            row(index, unsafe { out.slice(index * width, width) });
        }
    });
}

/// Computes x/√(mean x² + eps)·weight of each row (width of `weight`).
pub fn rms_norm(team: &Team, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    for_rows(team, out, width, |row, out| rms_norm_row(&x[row * width..][..width], weight, eps, out));
}

vectorised! {
    fn rms_norm_row(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
        let squares = sum_of(x, |v| v * v);
        let scale = 1.0 / (squares / x.len() as f32 + eps).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * scale * weight;
        }
    }
}

/// Computes (x − mean)/√(variance + eps)·weight + bias of each row.
pub fn layer_norm(team: &Team, x: &[f32], (weight, bias): (&[f32], &[f32]), eps: f32, out: &mut [f32]) {
    let width = weight.len();
    for_rows(team, out, width, |row, out| layer_norm_row(&x[row * width..][..width], weight, bias, eps, out));
}

vectorised! {
    fn layer_norm_row(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) {
        let mean = sum_of(x, |v| v) / x.len() as f32;
        let squares = sum_of(x, |v| (v - mean) * (v - mean));
        let scale = 1.0 / (squares / x.len() as f32 + eps).sqrt();
        for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
            *out = (x - mean) * scale * weight + bias;
        }
    }
}

/// Sums f(x), sixteen sums side by side.
#[inline(always)]
fn sum_of(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for x in whole {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += f(*x);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += f(*x);
    }
    sum(sums)
}

/// Computes silu(gate)·up of rows that hold the gate first, `width` wide, then as many of up.
pub fn silu_gate(team: &Team, gate_up: &[f32], width: usize, out: &mut [f32]) {
    for_rows(team, out, width, |row, out| {
        let (gate, up) = gate_up[2 * row * width..][..2 * width].split_at(width);
        silu_gate_row(gate, up, out);
    });
}

vectorised! {
    fn silu_gate_row(gate: &[f32], up: &[f32], out: &mut [f32]) {
        for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
            *out = silu(*gate) * up;
        }
    }
}

vectorised! {
    /// Adds weight·x to `to`.
    pub fn add_weighted(to: &mut [f32], weight: &[f32], x: &[f32]) {
        for ((to, weight), x) in to.iter_mut().zip(weight).zip(x) {
            *to += weight * x;
        }
    }
}
