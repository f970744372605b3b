//! Tiles of a product: a few rows with a few panels, summed in registers.

use super::math::gelu;
use super::matrix::{BLOCK, ByteRows, Shape};
use super::product::{Epilogue, Operand, Part, Place, Sums};
use super::simd::{LANES, Simd};

/// Inputs of a float product that are summed before their sum is added to the others': sums of sums lose
/// less.
const CHUNK: usize = 128;
/// Panels that a tile may have.
pub const MOST_PANELS: usize = 3;

/// Prefetches while a tile is computed, so that memory works at the same time: the tile's share of the panels
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

/// Computes a part, tile by tile: a few panels, and all rows with them.
///
/// # Safety
/// The processor must have the instructions of `S`; the part must lie in its operands.
#[inline(always)]
pub unsafe fn part<S: Simd>(part: &Part) {
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
                1..=MOST_ASKING => (STRETCH * number).div_ceil(tiles),
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
    if let Epilogue::BiasGelu(_) = part.epilogue {
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

/// Computes M rows with N panels of floats. Each element is summed over the inputs in order, chunk by chunk.
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
        let mut sums = [[S::zero(); N]; M];
        for (sums, totals) in sums.iter_mut().flatten().zip(totals.iter().flatten()) {
            *sums = S::load(totals.as_ptr());
        }
        place::<S, M, N>(part, row, panel, &sums);
    }
}

/// Computes M rows with N panels of bytes. The sums of a block are whole numbers; blocks are summed in order.
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
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let x = S::four(inputs.add((m * blocks + block) * BLOCK + 4 * four));
                        for (sum, weights) in sums.iter_mut().zip(weights) {
                            *sum = S::dot(*sum, weights, x);
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
        place::<S, M, N>(part, row, panel, &totals);
    }
}

/// Puts a tile's sums where they belong.
///
/// # Safety
/// As [`part`].
#[inline(always)]
unsafe fn place<S: Simd, const M: usize, const N: usize>(
    part: &Part,
    row: usize,
    panel: usize,
    sums: &[[S::Floats; N]; M],
) {
    let first = panel * LANES;
    // SAFETY: the place lies in y and belongs to this part; biases and scales are one per output.
    unsafe {
        if first + N * LANES > part.matrix.shape().outputs {
            let mut stored = [[[0f32; LANES]; N]; M];
            for (stored, sums) in stored.iter_mut().flatten().zip(sums.iter().flatten()) {
                S::store(*sums, stored.as_mut_ptr());
            }
            return (part.kernel.epilogue)(part, Place { row, panel, panels: N }, stored.as_flattened());
        }
        for (m, sums) in sums.iter().enumerate() {
            for (n, sums) in sums.iter().enumerate() {
                let at = first + n * LANES;
                let y = part.y.first.add((row + m) * part.y.stride + at);
                let value = match part.epilogue {
                    Epilogue::Store => *sums,
                    Epilogue::Bias(bias) | Epilogue::BiasGelu(bias) => {
                        S::add(*sums, S::load(bias.as_ptr().add(at)))
                    }
                    Epilogue::Add => S::add(S::load(y), *sums),
                    Epilogue::AddScaled { bias, scale } => {
                        let sums = S::add(*sums, S::load(bias.as_ptr().add(at)));
                        S::add(S::load(y), S::mul(sums, S::load(scale.as_ptr().add(at))))
                    }
                };
                S::store(value, y);
            }
        }
    }
}

/// Applies the epilogue where a panel is not whole: sums row by row.
///
/// # Safety
/// As [`part`].
#[inline(always)]
pub unsafe fn epilogue(part: &Part, place: Place, sums: &[Sums]) {
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
                Some(y) => epilogue_lanes(part.epilogue, first, sums, y),
                None => epilogue_lanes(part.epilogue, first, &sums[..count], y),
            }
        }
    }
}

#[inline(always)]
fn epilogue_lanes(epilogue: Epilogue, first: usize, sums: &[f32], y: &mut [f32]) {
    let count = y.len();
    match epilogue {
        Epilogue::Store => y.copy_from_slice(sums),
        // Of a GELU there is one for the whole of a part's row, which makes better vectors.
        Epilogue::Bias(bias) | Epilogue::BiasGelu(bias) => {
            for ((y, sum), bias) in y.iter_mut().zip(sums).zip(&bias[first..first + count]) {
                *y = sum + bias;
            }
        }
        Epilogue::Add => {
            for (y, sum) in y.iter_mut().zip(sums) {
                *y += sum;
            }
        }
        Epilogue::AddScaled { bias, scale } => {
            let per_output = bias[first..first + count].iter().zip(&scale[first..first + count]);
            for ((y, sum), (bias, scale)) in y.iter_mut().zip(sums).zip(per_output) {
                *y += (sum + bias) * scale;
            }
        }
    }
}
