//! The kernels as operations on tensors: rows of several sequences at once, written in place. Each is a
//! custom operation with a CPU path.

mod attention;
mod conv;
mod elementwise;
mod product;

pub use attention::{Attention, RopeTable, StoreKv};
pub use conv::{Depthwise, Frames, Unfold};
pub use elementwise::{Fill, RmsNorm, SiluGate, layer_norm};
pub use product::{Apply, Multiply};

use candle_core::{CpuStorage, Layout, Result, Tensor, bail};

/// Returns the contiguous f32 elements of an operand.
fn f32s<'a>(storage: &'a CpuStorage, layout: &Layout, name: &str) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&data[start..end]),
        (CpuStorage::F32(_), None) => bail!("{name}: the operand is not contiguous"),
        _ => bail!("{name}: the operand is not f32"),
    }
}

/// Returns the contiguous f32 elements of an operand that is written.
fn f32s_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout, name: &str) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&mut data[start..end]),
        (CpuStorage::F32(_), None) => bail!("{name}: the operand is not contiguous"),
        _ => bail!("{name}: the operand is not f32"),
    }
}

/// Returns the first `count` elements, if there are so many.
fn first<'a, T>(data: &'a [T], count: usize, name: &str) -> Result<&'a [T]> {
    match data.get(..count) {
        Some(data) => Ok(data),
        None => bail!("{name}: an operand of {} elements where {count} are needed", data.len()),
    }
}

/// Returns the same of an operand that is written.
fn first_mut<'a, T>(data: &'a mut [T], count: usize, name: &str) -> Result<&'a mut [T]> {
    let found = data.len();
    match data.get_mut(..count) {
        Some(data) => Ok(data),
        None => bail!("{name}: an operand of {found} elements where {count} are needed"),
    }
}

/// Calls `f` with the f32 elements of a tensor on the processor, without a copy.
///
/// # Errors
/// If it is elsewhere, of another type, or not contiguous.
pub fn with_f32s<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => Ok(f(f32s(storage, layout, "read")?)),
        _ => bail!("read: the tensor is not on the processor"),
    }
}
