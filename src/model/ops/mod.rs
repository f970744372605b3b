//! Operations candle lacks in the form this model needs: rows of several sequences at once, written in
//! place, positions on the device. Each is a custom operation with a plain CPU path.

mod attention;
mod conv;
mod elementwise;
mod math;
mod product;
mod simd;

pub use attention::{Attention, RopeTable, StoreKv, rope_in_place};
pub use conv::{Depthwise, Frames, Unfold};
pub use elementwise::silu_gate;
pub use product::{BiasedProduct, Product};

use candle_core::{CpuStorage, Layout, Result, bail};

/// The contiguous f32 elements of an operand.
fn f32s<'a>(storage: &'a CpuStorage, layout: &Layout, name: &str) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&data[start..end]),
        (CpuStorage::F32(_), None) => bail!("{name}: the operand is not contiguous"),
        _ => bail!("{name}: the operand is not f32"),
    }
}

/// The contiguous f32 elements of an operand that is written.
fn f32s_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout, name: &str) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&mut data[start..end]),
        (CpuStorage::F32(_), None) => bail!("{name}: the operand is not contiguous"),
        _ => bail!("{name}: the operand is not f32"),
    }
}

/// The contiguous u32 elements of an operand.
fn u32s<'a>(storage: &'a CpuStorage, layout: &Layout, name: &str) -> Result<&'a [u32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::U32(data), Some((start, end))) => Ok(&data[start..end]),
        _ => bail!("{name}: the operand is not contiguous u32"),
    }
}
