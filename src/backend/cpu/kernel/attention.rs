//! Rotary embedding, the KV cache, and attention over what is in it.
//!
//! The cache lies in blocks of 16 positions: (slot, block, head), in each first the keys, dimension by
//! dimension 16 positions side by side, then the values, position by position. Scores of 16 positions and
//! sums of values are then made without adding up lanes, and a block is read from its first byte to its last.

use std::cell::RefCell;
use std::sync::OnceLock;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::math::exp;
use super::product::Shared;
use super::simd::{LANES, Plain, Simd, sum};
use super::team::Team;

/// Sizes of a layer's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheShape {
    /// Sequences.
    pub slots: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head.
    pub head_size: usize,
    /// Positions of a sequence.
    pub capacity: usize,
}

impl CacheShape {
    /// Returns a head's width with what fills its last sixteen.
    fn width(self) -> usize {
        self.head_size.next_multiple_of(LANES)
    }

    fn block_size(self) -> usize {
        2 * LANES * self.width()
    }

    fn blocks(self) -> usize {
        self.capacity.div_ceil(LANES)
    }

    /// Returns how many numbers a layer takes.
    pub fn size(self) -> usize {
        self.slots * self.blocks() * self.heads * self.block_size()
    }

    fn block(self, slot: usize, block: usize, head: usize) -> usize {
        ((slot * self.blocks() + block) * self.heads + head) * self.block_size()
    }

    /// Returns true if a slot and position lie in the cache.
    pub fn holds(self, slot: usize, position: usize) -> bool {
        slot < self.slots && position < self.capacity
    }
}

/// Marks the types in which the cache may hold a number.
pub trait Cached: Copy + Send + Sync {
    /// Loads sixteen of them as floats.
    ///
    /// # Safety
    /// As [`Simd::load`].
    unsafe fn load<S: Simd>(from: *const Self) -> S::Floats;

    /// Rounds a head's numbers into `to`.
    fn round(from: &[f32], to: &mut [Self]);

    /// Zero.
    const ZERO: Self;
}

impl Cached for f32 {
    const ZERO: f32 = 0.0;

    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const f32) -> S::Floats {
        // SAFETY: the caller's promise.
        unsafe { S::load(from) }
    }

    fn round(from: &[f32], to: &mut [f32]) {
        to.copy_from_slice(from);
    }
}

impl Cached for f16 {
    const ZERO: f16 = f16::ZERO;

    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const f16) -> S::Floats {
        // SAFETY: the caller's promise.
        unsafe { S::load_half(from) }
    }

    fn round(from: &[f32], to: &mut [f16]) {
        to.convert_from_f32_slice(from);
    }
}

/// Positions whose rotations are computed together, when the first of them is asked for.
const ROTATIONS: usize = 256;

/// Cosines and sines of the rotary embedding: (positions, head size), the first half of a row cosines, the second
/// sines. Computed and kept as far as positions are used.
pub struct RopeTable {
    parts: Vec<OnceLock<Box<[f32]>>>,
    frequencies: Vec<f32>,
    head_size: usize,
    positions: usize,
}

impl RopeTable {
    /// Makes a table for heads of `head_size` and positions below `positions`. Rounded in f32 as the reference
    /// does: at position 2000 the rounding of the angle shows in the fourth digit.
    pub fn new(head_size: usize, positions: usize, theta: f32) -> Self {
        let frequencies =
            (0..head_size).step_by(2).map(|i| 1.0 / theta.powf(i as f32 / head_size as f32)).collect();
        let parts = (0..positions.div_ceil(ROTATIONS)).map(|_| OnceLock::new()).collect();
        RopeTable { parts, frequencies, head_size, positions }
    }

    /// Returns how many positions it has.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Returns a position's cosines, then its sines.
    fn row(&self, position: usize) -> &[f32] {
        let part = self.parts[position / ROTATIONS].get_or_init(|| self.part(position / ROTATIONS));
        &part[position % ROTATIONS * self.head_size..][..self.head_size]
    }

    fn part(&self, part: usize) -> Box<[f32]> {
        let mut table = Vec::with_capacity(ROTATIONS * self.head_size);
        for position in part * ROTATIONS..(part + 1) * ROTATIONS {
            let angle = |f: &f32| position as f32 * f;
            table.extend(self.frequencies.iter().map(|f| angle(f).cos()));
            table.extend(self.frequencies.iter().map(|f| angle(f).sin()));
        }
        table.into()
    }

    /// Returns (positions, head size): of each position the cosines, then the sines.
    #[cfg(any(test, feature = "cuda-kernels"))]
    pub fn values(&self) -> Vec<f32> {
        (0..self.positions).flat_map(|position| self.row(position)).copied().collect()
    }
}

/// Holds the rows of a step: their queries, keys and values side by side, and where each belongs.
#[derive(Clone, Copy)]
pub struct AttentionRows<'a> {
    /// (rows, 3·heads·head size).
    pub qkv: &'a [f32],
    /// Slot and position of each. All must lie in the cache.
    pub places: &'a [(u32, u32)],
    /// The rotations of at least their positions.
    pub rope: &'a RopeTable,
}

impl<'a> AttentionRows<'a> {
    fn count(&self) -> usize {
        self.places.len()
    }

    fn place(&self, row: usize) -> (usize, usize) {
        (self.places[row].0 as usize, self.places[row].1 as usize)
    }

    /// Returns part 0, 1 or 2 (query, key, value) of a row's head.
    fn head(&self, shape: CacheShape, row: usize, part: usize, head: usize) -> &'a [f32] {
        let size = shape.head_size;
        &self.qkv[((3 * row + part) * shape.heads + head) * size..][..size]
    }

    /// Returns a query or key rotated by its position.
    fn turned(&self, shape: CacheShape, row: usize, part: usize, head: usize, to: &mut [f32]) {
        let size = shape.head_size;
        let (low, high) = self.head(shape, row, part, head).split_at(size / 2);
        let (cos, sin) = self.rope.row(self.place(row).1).split_at(size / 2);
        let (to_low, to_high) = to[..size].split_at_mut(size / 2);
        for i in 0..size / 2 {
            to_low[i] = low[i] * cos[i] - high[i] * sin[i];
            to_high[i] = high[i] * cos[i] + low[i] * sin[i];
        }
    }
}

/// Rows whose keys and values one thread writes as fast as several.
const ROWS_TO_SHARE: usize = 4;

/// Buffers of a thread.
struct Scratch {
    turned: Vec<f32>,
    scores: Vec<f32>,
    out: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        const { RefCell::new(Scratch { turned: Vec::new(), scores: Vec::new(), out: Vec::new() }) };
}

/// Writes the rows' keys, turned by their positions, and values into a layer's cache, head by head.
///
/// # Panics
/// If the cache is too short or a row lies outside of it.
pub fn store<T: Cached>(team: &Team, rows: AttentionRows, cache: &mut [T], shape: CacheShape) {
    check(rows, cache, shape);
    let (size, width) = (shape.head_size, shape.width());
    let cache = Shared(cache.as_mut_ptr());
    let of_head = |head: usize| {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.turned.resize(width, 0.0);
            let mut rounded = [T::ZERO; 256];
            for row in 0..rows.count() {
                let (slot, position) = rows.place(row);
                let (block, lane) = (position / LANES, position % LANES);
                // SAFETY: a head's blocks are one task's alone; they lie in the cache.
                let to = unsafe { cache.slice(shape.block(slot, block, head), shape.block_size()) };
                let (keys, values) = to.split_at_mut(LANES * width);
                rows.turned(shape, row, 1, head, &mut scratch.turned);
                for (part, from) in scratch.turned[..size].chunks(rounded.len()).enumerate() {
                    let rounded = &mut rounded[..from.len()];
                    T::round(from, rounded);
                    for (i, key) in rounded.iter().enumerate() {
                        keys[(part * 256 + i) * LANES + lane] = *key;
                    }
                }
                T::round(rows.head(shape, row, 2, head), &mut values[lane * width..][..size]);
            }
        });
    };
    if rows.count() < ROWS_TO_SHARE {
        (0..shape.heads).for_each(of_head)
    } else {
        team.run(shape.heads, of_head)
    }
}

fn check<T>(rows: AttentionRows, cache: &[T], shape: CacheShape) {
    assert!(
        cache.len() >= shape.size() && rows.qkv.len() >= 3 * rows.count() * shape.heads * shape.head_size
    );
    assert!((0..rows.count()).all(|row| {
        let (slot, position) = rows.place(row);
        shape.holds(slot, position)
    }));
}

/// Computes attention of each row over the positions of its slot up to its own, into `out` (rows, heads·head
/// size). A row's result does not depend on the other rows.
///
/// # Panics
/// As [`store`], or if `out` is too short.
pub fn attend<T: Cached>(team: &Team, rows: AttentionRows, cache: &[T], shape: CacheShape, out: &mut [f32]) {
    let hidden = shape.heads * shape.head_size;
    assert!(out.len() >= rows.count() * hidden);
    check(rows, cache, shape);
    let out = Shared(out.as_mut_ptr());
    // A task is a head of one row; of many rows, several heads.
    let total = rows.count() * shape.heads;
    let each = total.div_ceil(16 * team.threads()).max(1);
    team.run(total.div_ceil(each), |task| {
        SCRATCH.with_borrow_mut(|scratch| {
            for index in task * each..((task + 1) * each).min(total) {
                // Heads of a row side by side, so that they read neighbouring parts of the cache.
                let (row, head) = (index / shape.heads, index % shape.heads);
                // SAFETY: a row's head is one task's alone.
                let out = unsafe { out.slice(row * hidden + head * shape.head_size, shape.head_size) };
                head_of_row(rows, cache, shape, (row, head), scratch, out);
            }
        });
    });
}

fn head_of_row<T: Cached>(
    rows: AttentionRows,
    cache: &[T],
    shape: CacheShape,
    (row, head): (usize, usize),
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let (slot, position) = rows.place(row);
    let length = position + 1;
    scratch.turned.clear();
    scratch.turned.resize(shape.width(), 0.0);
    rows.turned(shape, row, 0, head, &mut scratch.turned);
    let scale = 1.0 / (shape.head_size as f32).sqrt();
    scratch.turned.iter_mut().for_each(|q| *q *= scale);
    // All that will ever be needed at once, so that a longer past takes no memory.
    let missing = (shape.capacity + LANES).saturating_sub(scratch.scores.len());
    scratch.scores.reserve(missing);
    scratch.scores.resize(length.next_multiple_of(LANES), 0.0);
    scratch.out.resize(shape.width(), 0.0);
    let stride = shape.heads * shape.block_size();
    let first = shape.block(slot, 0, head);
    debug_assert!(first + (length.div_ceil(LANES) - 1) * stride + shape.block_size() <= cache.len());
    let blocks = Blocks { first: cache[first..].as_ptr(), stride, width: shape.width() };
    #[cfg(target_arch = "x86_64")]
    {
        use super::simd::x86::{Avx2, Avx512};
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
        unsafe fn avx512<T: Cached>(blocks: Blocks<T>, length: usize, scratch: &mut Scratch) {
            unsafe { one_head::<Avx512, T>(blocks, length, scratch) }
        }
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn avx2<T: Cached>(blocks: Blocks<T>, length: usize, scratch: &mut Scratch) {
            unsafe { one_head::<Avx2, T>(blocks, length, scratch) }
        }
        let level = super::level();
        // SAFETY: the processor has the instructions; the blocks lie in the cache.
        match (level.avx512, level.avx2) {
            (true, _) => unsafe { avx512(blocks, length, scratch) },
            (_, true) => unsafe { avx2(blocks, length, scratch) },
            _ => unsafe { one_head::<Plain, T>(blocks, length, scratch) },
        }
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: NEON is part of the architecture; the blocks lie in the cache.
    unsafe {
        one_head::<super::simd::arm::Neon, T>(blocks, length, scratch);
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    // SAFETY: the blocks lie in the cache.
    unsafe {
        one_head::<Plain, T>(blocks, length, scratch);
    }
    out.copy_from_slice(&scratch.out[..out.len()]);
}

/// Points to the blocks of one slot's head.
#[derive(Clone, Copy)]
struct Blocks<T> {
    first: *const T,
    stride: usize,
    width: usize,
}

/// Computes softmax(q·Kᵀ)·V over `length` positions; q is scaled already.
///
/// # Safety
/// The processor must have the instructions of `S`, the blocks hold `length` positions, the scratch have its
/// sizes.
#[inline(always)]
unsafe fn one_head<S: Simd, T: Cached>(blocks: Blocks<T>, length: usize, scratch: &mut Scratch) {
    /// Sums side by side, for the latency of a multiplication and addition.
    const CHAINS: usize = 4;
    let Scratch { turned: query, scores, out } = scratch;
    let Blocks { first, stride, width } = blocks;
    // SAFETY: the caller's promise; a width is a multiple of 16.
    unsafe {
        for (block, scores) in scores.chunks_exact_mut(LANES).enumerate() {
            let keys = first.add(block * stride);
            let mut sums = [S::zero(); CHAINS];
            for i in (0..width).step_by(CHAINS) {
                for (c, sum) in sums.iter_mut().enumerate() {
                    let keys = T::load::<S>(keys.add((i + c) * LANES));
                    *sum = S::mul_add(S::splat(query[i + c]), keys, *sum);
                }
            }
            let [a, b, c, d] = sums;
            S::store(S::add(S::add(a, b), S::add(c, d)), scores.as_mut_ptr());
        }
    }
    let inverse = 1.0 / softmax(scores, length);
    // SAFETY: as above.
    unsafe {
        for (start, out) in (0..width).step_by(CHAINS * LANES).zip(out.chunks_mut(CHAINS * LANES)) {
            let values = Blocks { first: first.add(LANES * width + start), ..blocks };
            match out.len() / LANES {
                1 => weigh::<S, T, 1>(values, &scores[..length], inverse, out),
                2 => weigh::<S, T, 2>(values, &scores[..length], inverse, out),
                3 => weigh::<S, T, 3>(values, &scores[..length], inverse, out),
                _ => weigh::<S, T, 4>(values, &scores[..length], inverse, out),
            }
        }
    }
}

/// Sums weight·value·scale over positions, of N times sixteen dimensions.
///
/// # Safety
/// As [`one_head`].
#[inline(always)]
unsafe fn weigh<S: Simd, T: Cached, const N: usize>(
    values: Blocks<T>,
    weights: &[f32],
    scale: f32,
    out: &mut [f32],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [S::zero(); N];
        for (block, weights) in weights.chunks(LANES).enumerate() {
            let block = values.first.add(block * values.stride);
            for (position, weight) in weights.iter().enumerate() {
                let values = block.add(position * values.width);
                let weight = S::splat(*weight);
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(weight, T::load::<S>(values.add(v * LANES)), *sum);
                }
            }
        }
        for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(LANES)) {
            S::store(S::mul(sum, S::splat(scale)), out.as_mut_ptr());
        }
    }
}

/// Turns the first `length` scores into e^(score − largest), the others into 0; their sum.
#[inline(always)]
fn softmax(scores: &mut [f32], length: usize) -> f32 {
    scores[length..].fill(f32::NEG_INFINITY);
    let (mut largest, mut sums) = ([f32::NEG_INFINITY; LANES], [0f32; LANES]);
    for scores in scores.as_chunks::<LANES>().0 {
        for (largest, score) in largest.iter_mut().zip(scores) {
            *largest = if score > largest { *score } else { *largest };
        }
    }
    let best = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut at = 0;
    for scores in scores.as_chunks_mut::<LANES>().0 {
        for score in scores.iter_mut() {
            *score = exp(*score - best);
        }
        if at + LANES > length {
            scores[length - at..].fill(0.0);
        }
        for (sum, score) in sums.iter_mut().zip(scores) {
            *sum += *score;
        }
        at += LANES;
    }
    sum(sums)
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
