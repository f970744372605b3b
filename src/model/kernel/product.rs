//! The product of rows with a packed weight matrix, x·Wᵀ, every element of which is summed in one fixed
//! order.
//!
//! An element's bits depend on its row of x and its row of W alone: not on how many rows go together, nor on
//! the threads, nor on the processor's instructions. Weights are read once for all rows, from first to last.

use std::cell::RefCell;
use std::sync::OnceLock;

use super::math::gelu;
use super::matrix::{BLOCK, ByteRows, Matrix, Shape, WeightType, blocks, round_row};
use super::simd::{LANES, Plain, Simd};
use super::team::Team;

/// Inputs of a float product that are summed before their sum is added to the others': sums of sums lose
/// less.
const CHUNK: usize = 128;
/// Bytes of x that stay in the second-level cache while W passes.
const ROW_BLOCK_BYTES: usize = 512 << 10;
/// Panels that a tile may have.
const MOST_PANELS: usize = 3;
/// Tasks per thread: enough to share the work evenly when one thread is held up, few enough to cost nothing.
const TASKS_PER_THREAD: usize = 6;
/// Multiplications that are worth a second thread.
const TASK_WORK: usize = 1 << 17;

/// What becomes of a sum.
#[derive(Clone, Copy, Debug)]
pub enum Finish<'a> {
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

/// Rows of x in the type of the weights.
#[derive(Clone, Copy)]
enum Operand<'a> {
    Floats(&'a [f32]),
    Bytes(&'a ByteRows),
}

/// A part of a product: some rows with some panels.
#[derive(Clone, Copy)]
struct Part<'a> {
    x: Operand<'a>,
    matrix: &'a Matrix,
    rows: (usize, usize),
    panels: (usize, usize),
    finish: Finish<'a>,
    y: Out,
    kernel: Kernel,
}

/// Where elements go; (row, output) at row·stride + output.
#[derive(Clone, Copy)]
struct Out {
    first: *mut f32,
    stride: usize,
}

// SAFETY: each part has rows and columns of its own.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

/// A tile's first row and panel, and how many panels it has.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    panel: usize,
    panels: usize,
}

/// A row's sums with one panel.
type Sums = [f32; LANES];

/// The functions of one kind of processor.
#[derive(Clone, Copy)]
struct Kernel {
    name: &'static str,
    product: unsafe fn(&Part),
    finish: unsafe fn(&Part, Place, &[Sums]),
    round: unsafe fn(&[f32], &mut [i8], &mut [f32], &mut [i32]),
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
                pub unsafe fn finish(part: &super::Part, place: super::Place, sums: &[super::Sums]) {
                    unsafe { super::finish(part, place, sums) }
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
            finish: $name::finish,
            round: $name::round,
        }
    };
}

const PLAIN: Kernel = kernel!(plain);

/// The kernels that this processor can run, the best one last.
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

/// The best kernel for this processor.
fn kernel() -> Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    *KERNEL.get_or_init(|| kernels().pop().unwrap_or(PLAIN))
}

/// The instructions that products run on, as a user knows them.
pub fn instructions() -> &'static str {
    kernel().name
}

thread_local! {
    static BYTE_ROWS: RefCell<ByteRows> = RefCell::default();
}

/// x (rows, inputs) · W (outputs, inputs)ᵀ into y, whose rows begin `stride` apart.
///
/// # Panics
/// If x is not whole rows, y is too short, or a bias or scale is not one per output.
pub fn product(team: &Team, x: &[f32], matrix: &Matrix, finish: Finish, y: &mut [f32], stride: usize) {
    product_by(kernel(), team, x, matrix, finish, (y, stride));
}

fn product_by(
    kernel: Kernel,
    team: &Team,
    x: &[f32],
    matrix: &Matrix,
    finish: Finish,
    (y, stride): (&mut [f32], usize),
) {
    let shape = matrix.shape();
    let rows = x.len() / shape.inputs.max(1);
    // What follows goes by raw pointers.
    assert!(x.len() == rows * shape.inputs && stride >= shape.outputs);
    assert!(rows == 0 || y.len() >= (rows - 1) * stride + shape.outputs);
    let per_output = |values: &[f32]| values.len() == shape.outputs;
    assert!(match finish {
        Finish::Store | Finish::Add => true,
        Finish::Bias(bias) | Finish::BiasGelu(bias) => per_output(bias),
        Finish::AddScaled { bias, scale } => per_output(bias) && per_output(scale),
    });
    let whole = Part {
        x: Operand::Floats(x),
        matrix,
        rows: (0, rows),
        panels: (0, shape.panels()),
        finish,
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

/// A place that several threads write to, each to a part of its own.
pub(super) struct Shared<T>(pub *mut T);

// SAFETY: whoever takes a part promises that nobody else has it.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
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

/// What a tile asks for while it computes, so that memory works at the same time: its share of the panels
/// that come next, as lines of each pair of blocks. (A product of floats gained nothing by it.)
#[derive(Clone, Copy)]
struct Ahead {
    from: *const u8,
    panel_bytes: usize,
    panels: usize,
    lines: (usize, usize),
}

/// Cache lines of a pair of blocks.
const STRETCH: usize = 17;
/// With more tiles than this, what is left to each is not worth asking for.
const MOST_ASKING: usize = 8;

impl Ahead {
    /// Asks for this tile's lines of a pair of blocks.
    #[inline(always)]
    fn ask<S: Simd>(self, pair: usize) {
        for panel in 0..self.panels {
            let from = self.from.wrapping_add(panel * self.panel_bytes + pair * STRETCH * 64);
            for line in self.lines.0..self.lines.1 {
                S::prefetch(from.wrapping_add(line * 64));
            }
        }
    }
}

/// A part, tile by tile: a few panels, and all rows with them.
///
/// # Safety
/// The processor must have the instructions of `S`; the part must lie in its operands.
#[inline(always)]
unsafe fn part<S: Simd>(part: &Part) {
    let tile = match part.x {
        Operand::Floats(_) => S::FLOAT_TILE,
        Operand::Bytes(_) => S::BYTE_TILE,
    };
    let panel_bytes = part.matrix.shape().panel_bytes();
    let tiles = (part.rows.1 - part.rows.0).div_ceil(tile.rows);
    let mut panel = part.panels.0;
    while panel < part.panels.1 {
        let panels = (part.panels.1 - panel).min(tile.panels);
        let mut row = part.rows.0;
        while row < part.rows.1 {
            let rows = (part.rows.1 - row).min(tile.rows);
            let number = (row - part.rows.0) / tile.rows;
            let share = |number: usize| match tiles {
                2..=MOST_ASKING => (STRETCH * number).div_ceil(tiles),
                _ => 0,
            };
            let ahead = Ahead {
                from: part.matrix.bytes().as_ptr().wrapping_add((panel + panels) * panel_bytes),
                panel_bytes,
                panels,
                lines: (share(number), share(number + 1)),
            };
            // SAFETY: the caller's promise.
            unsafe {
                match part.x {
                    Operand::Floats(x) => match (rows, panels) {
                        (1, 1) => floats::<S, 1, 1>(x, part, row, panel),
                        (2, 1) => floats::<S, 2, 1>(x, part, row, panel),
                        (3, 1) => floats::<S, 3, 1>(x, part, row, panel),
                        (4, 1) => floats::<S, 4, 1>(x, part, row, panel),
                        (5, 1) => floats::<S, 5, 1>(x, part, row, panel),
                        (6, 1) => floats::<S, 6, 1>(x, part, row, panel),
                        (7, 1) => floats::<S, 7, 1>(x, part, row, panel),
                        (_, 1) => floats::<S, 8, 1>(x, part, row, panel),
                        (1, 2) => floats::<S, 1, 2>(x, part, row, panel),
                        (2, 2) => floats::<S, 2, 2>(x, part, row, panel),
                        (3, 2) => floats::<S, 3, 2>(x, part, row, panel),
                        (4, 2) => floats::<S, 4, 2>(x, part, row, panel),
                        (5, 2) => floats::<S, 5, 2>(x, part, row, panel),
                        (6, 2) => floats::<S, 6, 2>(x, part, row, panel),
                        (7, 2) => floats::<S, 7, 2>(x, part, row, panel),
                        (_, 2) => floats::<S, 8, 2>(x, part, row, panel),
                        (1, _) => floats::<S, 1, 3>(x, part, row, panel),
                        (2, _) => floats::<S, 2, 3>(x, part, row, panel),
                        (3, _) => floats::<S, 3, 3>(x, part, row, panel),
                        (4, _) => floats::<S, 4, 3>(x, part, row, panel),
                        (5, _) => floats::<S, 5, 3>(x, part, row, panel),
                        (6, _) => floats::<S, 6, 3>(x, part, row, panel),
                        (7, _) => floats::<S, 7, 3>(x, part, row, panel),
                        (_, _) => floats::<S, 8, 3>(x, part, row, panel),
                    },
                    Operand::Bytes(x) => match (rows, panels) {
                        (1, 1) => bytes::<S, 1, 1>(x, part, (row, panel), ahead),
                        (2, 1) => bytes::<S, 2, 1>(x, part, (row, panel), ahead),
                        (3, 1) => bytes::<S, 3, 1>(x, part, (row, panel), ahead),
                        (_, 1) => bytes::<S, 4, 1>(x, part, (row, panel), ahead),
                        (1, 2) => bytes::<S, 1, 2>(x, part, (row, panel), ahead),
                        (2, 2) => bytes::<S, 2, 2>(x, part, (row, panel), ahead),
                        (3, 2) => bytes::<S, 3, 2>(x, part, (row, panel), ahead),
                        (_, 2) => bytes::<S, 4, 2>(x, part, (row, panel), ahead),
                        (1, _) => bytes::<S, 1, 3>(x, part, (row, panel), ahead),
                        (2, _) => bytes::<S, 2, 3>(x, part, (row, panel), ahead),
                        (3, _) => bytes::<S, 3, 3>(x, part, (row, panel), ahead),
                        (_, _) => bytes::<S, 4, 3>(x, part, (row, panel), ahead),
                    },
                }
            }
            row += rows;
        }
        panel += panels;
    }
    if let Finish::BiasGelu(_) = part.finish {
        let outputs = part.matrix.shape().outputs;
        let (first, last) = (part.panels.0 * LANES, (part.panels.1 * LANES).min(outputs));
        for row in part.rows.0..part.rows.1 {
            // SAFETY: the place lies in y and belongs to this part.
            let y = unsafe {
                std::slice::from_raw_parts_mut(part.y.first.add(row * part.y.stride + first), last - first)
            };
            for value in y {
                *value = gelu(*value);
            }
        }
    }
}

/// M rows with N panels of floats. Each element is summed over the inputs in order, chunk by chunk.
///
/// # Safety
/// As [`part`].
#[inline(always)]
unsafe fn floats<S: Simd, const M: usize, const N: usize>(x: &[f32], part: &Part, row: usize, panel: usize) {
    if const { M > S::FLOAT_TILE.rows || N > S::FLOAT_TILE.panels } {
        return;
    }
    let Shape { inputs, .. } = part.matrix.shape();
    let panel_bytes = part.matrix.shape().panel_bytes();
    // SAFETY: the rows and panels lie in the operands.
    unsafe {
        let x: [*const f32; M] = std::array::from_fn(|m| x.as_ptr().add((row + m) * inputs));
        let w: [*const f32; N] =
            std::array::from_fn(|n| part.matrix.bytes().as_ptr().add((panel + n) * panel_bytes).cast());
        let mut totals = [[[0f32; LANES]; N]; M];
        let mut start = 0;
        loop {
            let end = (start + CHUNK).min(inputs);
            let mut sums = [[S::zero(); N]; M];
            for i in start..end {
                let weights: [S::Floats; N] = std::array::from_fn(|n| S::load(w[n].add(i * LANES)));
                for m in 0..M {
                    let x = S::splat(*x[m].add(i));
                    for n in 0..N {
                        sums[m][n] = S::mul_add(x, weights[n], sums[m][n]);
                    }
                }
            }
            for (totals, sums) in totals.iter_mut().flatten().zip(sums.into_iter().flatten()) {
                let total = if start == 0 { sums } else { S::add(S::load(totals.as_ptr()), sums) };
                S::store(total, totals.as_mut_ptr());
            }
            start = end;
            if start == inputs {
                break;
            }
        }
        (part.kernel.finish)(part, Place { row, panel, panels: N }, totals.as_flattened());
    }
}

/// M rows with N panels of bytes. The sums of a block are whole numbers; blocks are summed in order.
///
/// # Safety
/// As [`part`].
#[inline(always)]
unsafe fn bytes<S: Simd, const M: usize, const N: usize>(
    x: &ByteRows,
    part: &Part,
    (row, panel): (usize, usize),
    ahead: Ahead,
) {
    if const { M > S::BYTE_TILE.rows || N > S::BYTE_TILE.panels } {
        return;
    }
    let blocks = part.matrix.shape().blocks();
    let panel_bytes = part.matrix.shape().panel_bytes();
    // SAFETY: the rows and panels lie in the operands.
    unsafe {
        let inputs = x.bytes.as_ptr().add(row * blocks * BLOCK);
        let scales = x.scales.as_ptr().add(row * blocks);
        let offsets = x.offsets.as_ptr().add(row * blocks);
        let mut w: [*const u8; N] =
            std::array::from_fn(|n| part.matrix.bytes().as_ptr().add((panel + n) * panel_bytes));
        let mut totals = [[S::zero(); N]; M];
        for pair in 0..blocks / 2 {
            ahead.ask::<S>(pair);
            for half in 0..2 {
                let block = 2 * pair + half;
                let mut sums: [[S::Sums; N]; M] =
                    std::array::from_fn(|m| [S::start(*offsets.add(m * blocks + block)); N]);
                for four in 0..BLOCK / 4 {
                    let weights: [S::Bytes; N] =
                        std::array::from_fn(|n| S::bytes(w[n].add(half * LANES * BLOCK + four * 4 * LANES)));
                    for m in 0..M {
                        let x = S::four(inputs.add((m * blocks + block) * BLOCK + 4 * four));
                        for n in 0..N {
                            sums[m][n] = S::dot(sums[m][n], weights[n], x);
                        }
                    }
                }
                let weight_scales: [S::Floats; N] =
                    std::array::from_fn(|n| S::scales(w[n].add(2 * LANES * BLOCK + half * 2 * LANES).cast()));
                for m in 0..M {
                    let scale = S::splat(*scales.add(m * blocks + block));
                    for n in 0..N {
                        let scale = S::mul(weight_scales[n], scale);
                        totals[m][n] = S::mul_add(S::to_floats(sums[m][n]), scale, totals[m][n]);
                    }
                }
            }
            for w in &mut w {
                *w = w.add(2 * LANES * (BLOCK + 2));
            }
        }
        let mut stored = [[[0f32; LANES]; N]; M];
        for (stored, totals) in stored.iter_mut().flatten().zip(totals.into_iter().flatten()) {
            S::store(totals, stored.as_mut_ptr());
        }
        (part.kernel.finish)(part, Place { row, panel, panels: N }, stored.as_flattened());
    }
}

/// Puts a tile's sums, row by row, where they belong.
///
/// # Safety
/// As [`part`].
#[inline(always)]
unsafe fn finish(part: &Part, place: Place, sums: &[Sums]) {
    let outputs = part.matrix.shape().outputs;
    for (m, sums) in sums.chunks_exact(place.panels).enumerate() {
        for (n, sums) in sums.iter().enumerate() {
            let first = (place.panel + n) * LANES;
            let count = LANES.min(outputs - first);
            // SAFETY: the place lies in y and belongs to this part.
            let y = unsafe {
                let y = part.y.first.add((place.row + m) * part.y.stride + first);
                std::slice::from_raw_parts_mut(y, count)
            };
            // With a count that the compiler knows, this becomes vectors.
            match y.as_mut_array::<LANES>() {
                Some(y) => finish_lanes(part.finish, first, sums, y),
                None => finish_lanes(part.finish, first, &sums[..count], y),
            }
        }
    }
}

#[inline(always)]
fn finish_lanes(finish: Finish, first: usize, sums: &[f32], y: &mut [f32]) {
    let count = y.len();
    match finish {
        Finish::Store => y.copy_from_slice(sums),
        // Of a GELU there is one for the whole of a part's row, which makes better vectors.
        Finish::Bias(bias) | Finish::BiasGelu(bias) => {
            for ((y, sum), bias) in y.iter_mut().zip(sums).zip(&bias[first..first + count]) {
                *y = sum + bias;
            }
        }
        Finish::Add => {
            for (y, sum) in y.iter_mut().zip(sums) {
                *y += sum;
            }
        }
        Finish::AddScaled { bias, scale } => {
            let per_output = bias[first..first + count].iter().zip(&scale[first..first + count]);
            for ((y, sum), (bias, scale)) in y.iter_mut().zip(sums).zip(per_output) {
                *y += (sum + bias) * scale;
            }
        }
    }
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
