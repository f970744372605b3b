//! The product of rows with a packed weight matrix, x·Wᵀ, every element of which is summed in one fixed
//! order.
//!
//! An element's bits depend on its row of x and its row of W alone: not on how many rows go together, nor on
//! the threads, nor on the processor's instructions. Weights are read once for all rows, from first to last.

use std::cell::RefCell;
use std::sync::OnceLock;

use super::matrix::{BLOCK, ByteRows, Matrix, Shape, WeightType, blocks, round_row};
use super::simd::{LANES, Plain};
use super::team::Team;
use super::tile::{MOST_PANELS, epilogue, part};

/// Bytes of x that stay in the second-level cache while W passes.
const ROW_BLOCK_BYTES: usize = 512 << 10;
/// Tasks per thread: enough to share the work evenly when one thread is held up, few enough to cost nothing.
const TASKS_PER_THREAD: usize = 4;
/// Multiplications that are worth a second thread.
const TASK_WORK: usize = 1 << 17;

/// Names the epilogue of a product, which follows its sums.
#[derive(Clone, Copy, Debug)]
pub enum Epilogue<'a> {
    /// y = sum.
    Store,
    /// y = sum + bias.
    Bias(&'a [f32]),
    /// y = gelu(sum + bias).
    BiasGelu(&'a [f32]),
    /// y = y + sum.
    Add,
    /// y = y + scale·(sum + bias).
    AddScaled {
        /// One per output.
        bias: &'a [f32],
        /// One per output.
        scale: &'a [f32],
    },
}

/// Borrows rows of x in the type of the weights.
#[derive(Clone, Copy)]
pub(super) enum Operand<'a> {
    Floats(&'a [f32]),
    Bytes(&'a ByteRows),
}

/// Describes a part of a product: some rows with some panels.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub x: Operand<'a>,
    pub matrix: &'a Matrix,
    pub rows: (usize, usize),
    pub panels: (usize, usize),
    pub epilogue: Epilogue<'a>,
    pub y: Out,
    pub kernel: Kernel,
}

/// Says where elements go; (row, output) at row·stride + output.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub first: *mut f32,
    pub stride: usize,
}

// SAFETY: each part has rows and columns of its own.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

/// Places a tile: its first row and panel, and how many panels it has.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub row: usize,
    pub panel: usize,
    pub panels: usize,
}

/// Holds a row's sums with one panel.
pub(super) type Sums = [f32; LANES];

/// Rounds a row into bytes, the blocks' scales and their offsets.
type Round = unsafe fn(&[f32], &mut [i8], &mut [f32], &mut [i32]);

/// Holds the functions of one kind of processor.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    pub name: &'static str,
    pub product: unsafe fn(&Part),
    pub epilogue: unsafe fn(&Part, Place, &[Sums]),
    pub round: Round,
}

macro_rules! kernels {
    ($($(#[$attribute:meta])* $name:ident: $simd:ty;)*) => {
        $(
            mod $name {
                // SAFETY (all): named only where the processor has the instructions.
                $(#[$attribute])*
                pub unsafe fn product(part: &super::Part) {
                    unsafe { super::part::<$simd>(part) }
                }
                $(#[$attribute])*
                pub unsafe fn epilogue(part: &super::Part, place: super::Place, sums: &[super::Sums]) {
                    unsafe { super::epilogue(part, place, sums) }
                }
                $(#[$attribute])*
                pub unsafe fn round(
                    x: &[f32],
                    bytes: &mut [i8],
                    scales: &mut [f32],
                    offsets: &mut [i32],
                ) {
                    unsafe { super::round_row::<$simd>(x, bytes, scales, offsets) }
                }
            }
        )*
    };
}

#[cfg(target_arch = "x86_64")]
kernels! {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
    avx512: super::super::simd::x86::Avx512;
    #[target_feature(enable = "avxvnni,avx2,fma,f16c")]
    avx_vnni: super::super::simd::x86::AvxVnni;
    #[target_feature(enable = "avx2,fma,f16c")]
    avx2: super::super::simd::x86::Avx2;
}
#[cfg(target_arch = "aarch64")]
kernels! {
    neon: super::super::simd::arm::Neon;
}
kernels! {
    plain: super::Plain;
}

macro_rules! kernel {
    ($name:ident) => {
        Kernel {
            name: stringify!($name),
            product: $name::product,
            epilogue: $name::epilogue,
            round: $name::round,
        }
    };
}

const PLAIN: Kernel = kernel!(plain);

/// Returns the kernels that this processor can run, the best one last.
fn kernels() -> Vec<Kernel> {
    #[allow(unused_mut)]
    let mut kernels = vec![PLAIN];
    #[cfg(target_arch = "x86_64")]
    {
        let level = super::level();
        if level.avx2 {
            kernels.push(kernel!(avx2));
        }
        if level.avx2 && is_x86_feature_detected!("avxvnni") {
            kernels.push(kernel!(avx_vnni));
        }
        if level.avx512 {
            kernels.push(kernel!(avx512));
        }
    }
    #[cfg(target_arch = "aarch64")]
    kernels.push(kernel!(neon));
    kernels
}

/// Returns the best kernel for this processor.
fn kernel() -> Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    *KERNEL.get_or_init(|| kernels().pop().unwrap_or(PLAIN))
}

/// Returns the instructions that products run on, as a user knows them.
pub fn instructions() -> &'static str {
    kernel().name
}

thread_local! {
    static BYTE_ROWS: RefCell<ByteRows> = RefCell::default();
}

/// Computes x (rows, inputs) · W (outputs, inputs)ᵀ into y, whose rows begin `stride` apart.
///
/// # Panics
/// If x is not whole rows, y is too short, or a bias or scale is not one per output.
pub fn product(team: &Team, x: &[f32], matrix: &Matrix, epilogue: Epilogue, y: &mut [f32], stride: usize) {
    product_by(kernel(), team, x, matrix, epilogue, (y, stride));
}

fn product_by(
    kernel: Kernel,
    team: &Team,
    x: &[f32],
    matrix: &Matrix,
    epilogue: Epilogue,
    (y, stride): (&mut [f32], usize),
) {
    let shape = matrix.shape();
    let rows = x.len() / shape.inputs.max(1);
    // What follows goes by raw pointers.
    assert!(x.len() == rows * shape.inputs && stride >= shape.outputs);
    assert!(rows == 0 || y.len() >= (rows - 1) * stride + shape.outputs);
    let per_output = |values: &[f32]| values.len() == shape.outputs;
    assert!(match epilogue {
        Epilogue::Store | Epilogue::Add => true,
        Epilogue::Bias(bias) | Epilogue::BiasGelu(bias) => per_output(bias),
        Epilogue::AddScaled { bias, scale } => per_output(bias) && per_output(scale),
    });
    let whole = Part {
        x: Operand::Floats(x),
        matrix,
        rows: (0, rows),
        panels: (0, shape.panels()),
        epilogue,
        y: Out { first: y.as_mut_ptr(), stride },
        kernel,
    };
    match shape.kind {
        WeightType::F32 => share(team, whole),
        WeightType::Q8 => BYTE_ROWS.with_borrow_mut(|buffer| {
            buffer.resize(rows, shape.inputs);
            round(kernel, team, x, shape.inputs, buffer);
            share(team, Part { x: Operand::Bytes(buffer), ..whole });
        }),
    }
}

/// Rounds rows of x, in parallel when they are many.
fn round(kernel: Kernel, team: &Team, x: &[f32], inputs: usize, to: &mut ByteRows) {
    /// Rows of a task.
    const ROWS: usize = 8;
    let (rows, blocks) = (x.len() / inputs, blocks(inputs));
    let first =
        (Shared(to.bytes.as_mut_ptr()), Shared(to.scales.as_mut_ptr()), Shared(to.offsets.as_mut_ptr()));
    team.run(rows.div_ceil(ROWS), |task| {
        let first = &first;
        for row in task * ROWS..((task + 1) * ROWS).min(rows) {
            // SAFETY: `to` has room for the rows, of which each is this task's alone; the processor has the
            // kernel's instructions.
            unsafe {
                let bytes = first.0.slice(row * blocks * BLOCK, blocks * BLOCK);
                let scales = first.1.slice(row * blocks, blocks);
                let offsets = first.2.slice(row * blocks, blocks);
                (kernel.round)(&x[row * inputs..][..inputs], bytes, scales, offsets);
            }
        }
    });
}

/// Shares a place that several threads write to, each to a part of its own.
pub(super) struct Shared<T>(pub *mut T);

// SAFETY: whoever takes a part promises that nobody else has it.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Returns a part of the place.
    ///
    /// # Safety
    /// The part must lie in what the pointer points to, and nobody else may have it.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, start: usize, length: usize) -> &mut [T] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

/// Deals a product to the threads.
fn share(team: &Team, whole: Part) {
    let Shape { inputs, kind, .. } = whole.matrix.shape();
    let ((_, rows), (_, panels)) = (whole.rows, whole.panels);
    let row_bytes = match kind {
        WeightType::F32 => inputs * size_of::<f32>(),
        WeightType::Q8 => inputs,
    };
    let block = (ROW_BLOCK_BYTES / row_bytes.max(1)).next_multiple_of(LANES).max(LANES);
    let blocks = rows.div_ceil(block);
    // Tasks of whole tiles, each worth its while.
    let wanted = (TASKS_PER_THREAD * team.threads()).div_ceil(blocks.max(1));
    let least = TASK_WORK.div_ceil(LANES * inputs.max(1) * rows.clamp(1, block));
    let wide = panels.div_ceil(wanted).max(least).next_multiple_of(MOST_PANELS);
    let wide = if team.threads() == 1 { panels } else { wide };
    let across = panels.div_ceil(wide.max(1));
    team.run(blocks * across, |task| {
        let (row, panel) = (task / across * block, task % across * wide);
        let part = Part {
            rows: (row, (row + block).min(rows)),
            panels: (panel, (panel + wide).min(panels)),
            ..whole
        };
        // SAFETY: the processor has the kernel's instructions; parts share no element of y.
        unsafe { (whole.kernel.product)(&part) }
    });
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
