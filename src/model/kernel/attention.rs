//! Rotary embedding, the KV cache, and attention over what is in it.
//!
//! The cache lies in blocks of 16 positions: (slot, block, head), in each first the keys, dimension by
//! dimension 16 positions side by side, then the values, position by position. Scores of 16 positions and
//! sums of values are then made without adding up lanes, and a block is read from its first byte to its last.

use std::cell::RefCell;

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
    /// A head's width with what fills its last sixteen.
    fn width(self) -> usize {
        self.head_size.next_multiple_of(LANES)
    }

    fn block_size(self) -> usize {
        2 * LANES * self.width()
    }

    fn blocks(self) -> usize {
        self.capacity.div_ceil(LANES)
    }

    /// Numbers that a layer takes.
    pub fn size(self) -> usize {
        self.slots * self.blocks() * self.heads * self.block_size()
    }

    fn block(self, slot: usize, block: usize, head: usize) -> usize {
        ((slot * self.blocks() + block) * self.heads + head) * self.block_size()
    }

    /// Whether a slot and position lie in the cache.
    pub fn holds(self, slot: usize, position: usize) -> bool {
        slot < self.slots && position < self.capacity
    }
}

/// A number as the cache holds it.
pub trait Cached: Copy + Send + Sync {
    /// Sixteen of them as floats.
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

/// The rows of a step: their queries, keys and values side by side, and where each belongs.
#[derive(Clone, Copy)]
pub struct AttentionRows<'a> {
    /// (rows, 3·heads·head size).
    pub qkv: &'a [f32],
    /// Slot and position of each. All must lie in the cache.
    pub places: &'a [(u32, u32)],
    /// (positions, head size): cosines, then sines, of each position's angles.
    pub rope: &'a [f32],
}

impl<'a> AttentionRows<'a> {
    fn count(&self) -> usize {
        self.places.len()
    }

    fn place(&self, row: usize) -> (usize, usize) {
        (self.places[row].0 as usize, self.places[row].1 as usize)
    }

    /// Part 0, 1 or 2 (query, key, value) of a row's head.
    fn head(&self, shape: CacheShape, row: usize, part: usize, head: usize) -> &'a [f32] {
        let size = shape.head_size;
        &self.qkv[((3 * row + part) * shape.heads + head) * size..][..size]
    }

    /// A query or key turned by its position.
    fn turned(&self, shape: CacheShape, row: usize, part: usize, head: usize, to: &mut [f32]) {
        let size = shape.head_size;
        let (low, high) = self.head(shape, row, part, head).split_at(size / 2);
        let (cos, sin) = self.rope[self.place(row).1 * size..][..size].split_at(size / 2);
        let (to_low, to_high) = to[..size].split_at_mut(size / 2);
        for i in 0..size / 2 {
            to_low[i] = low[i] * cos[i] - high[i] * sin[i];
            to_high[i] = high[i] * cos[i] + low[i] * sin[i];
        }
    }
}

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

/// Writes the rows' keys, turned by their positions, and values into a layer's cache.
pub fn store<T: Cached>(rows: AttentionRows, cache: &mut [T], shape: CacheShape) {
    let (size, width) = (shape.head_size, shape.width());
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.turned.resize(width, 0.0);
        let mut rounded = [T::ZERO; 256];
        for row in 0..rows.count() {
            let (slot, position) = rows.place(row);
            let (block, lane) = (position / LANES, position % LANES);
            for head in 0..shape.heads {
                let to = &mut cache[shape.block(slot, block, head)..][..shape.block_size()];
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
        }
    });
}

/// Attention of each row over the positions of its slot up to its own, into `out` (rows, heads·head size).
/// A row's result does not depend on the other rows.
pub fn attend<T: Cached>(team: &Team, rows: AttentionRows, cache: &[T], shape: CacheShape, out: &mut [f32]) {
    let hidden = shape.heads * shape.head_size;
    assert!(out.len() >= rows.count() * hidden && cache.len() >= shape.size());
    assert!((0..rows.count()).all(|row| {
        let (slot, position) = rows.place(row);
        shape.holds(slot, position)
    }));
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

/// The blocks of one slot's head.
#[derive(Clone, Copy)]
struct Blocks<T> {
    first: *const T,
    stride: usize,
    width: usize,
}

/// softmax(q·Kᵀ)·V over `length` positions; q is scaled already.
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

/// Σ weight·value·scale over positions, of N times sixteen dimensions.
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
mod tests {
    use super::super::testing::numbers;
    use super::*;

    /// What attention is, in double precision.
    fn plain(rows: AttentionRows, shape: CacheShape, row: usize, head: usize) -> Vec<f64> {
        let (slot, position) = rows.place(row);
        let size = shape.head_size;
        let turned = |row, part| {
            let mut to = vec![0f32; size];
            rows.turned(shape, row, part, head, &mut to);
            to
        };
        let past: Vec<usize> = (0..rows.count())
            .filter(|other| rows.place(*other).0 == slot && rows.place(*other).1 <= position)
            .collect();
        assert_eq!(past.len(), position + 1);
        let query = turned(row, 0);
        let scores: Vec<f64> = past
            .iter()
            .map(|other| {
                let key = turned(*other, 1);
                let dot: f64 = query.iter().zip(&key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                (dot / (size as f64).sqrt()).exp()
            })
            .collect();
        let total: f64 = scores.iter().sum();
        (0..size)
            .map(|i| {
                let value = |other: &usize| f64::from(rows.head(shape, *other, 2, head)[i]);
                past.iter().zip(&scores).map(|(other, score)| value(other) * score / total).sum()
            })
            .collect()
    }

    fn rope(positions: usize, size: usize) -> Vec<f32> {
        (0..positions)
            .flat_map(|p| {
                let angle = move |i: usize| p as f32 * 10f32.powf(-(i as f32) / 7.0);
                (0..size / 2).map(move |i| angle(i).cos()).chain((0..size / 2).map(move |i| angle(i).sin()))
            })
            .collect()
    }

    #[test]
    fn it_is_attention_in_any_company() {
        for (heads, head_size, tolerance) in [(2, 16, 1e-5), (3, 64, 1e-5), (1, 22, 1e-5), (2, 96, 1e-5)] {
            let shape = CacheShape { slots: 3, heads, head_size, capacity: 40 };
            // Two slots, one of 37 positions, one of 16, all at once.
            let places: Vec<_> = (0..37).map(|p| (2, p)).chain((0..16).map(|p| (0, p))).collect();
            let qkv = numbers(53 * 3 * heads * head_size, 1);
            let rope = rope(40, head_size);
            let rows = AttentionRows { qkv: &qkv, places: &places, rope: &rope };
            let hidden = heads * head_size;
            let (mut cache, mut halves) = (vec![0f32; shape.size()], vec![f16::ZERO; shape.size()]);
            store(rows, &mut cache, shape);
            store(rows, &mut halves, shape);
            let (mut out, mut rough) = (vec![0f32; 53 * hidden], vec![0f32; 53 * hidden]);
            let team = Team::new(3);
            attend(&team, rows, &cache, shape, &mut out);
            attend(&team, rows, &halves, shape, &mut rough);
            for (row, (out, rough)) in out.chunks(hidden).zip(rough.chunks(hidden)).enumerate() {
                for head in 0..heads {
                    let exact = plain(rows, shape, row, head);
                    let range = head * head_size..(head + 1) * head_size;
                    for ((exact, found), rough) in exact.iter().zip(&out[range.clone()]).zip(&rough[range]) {
                        assert!((exact - f64::from(*found)).abs() < tolerance, "{exact} {found}");
                        assert!((exact - f64::from(*rough)).abs() < 2e-3, "{exact} {rough}");
                    }
                }
                // Alone, on one thread: the same bits.
                let alone = AttentionRows {
                    qkv: &qkv[row * 3 * hidden..(row + 1) * 3 * hidden],
                    places: &places[row..row + 1],
                    rope: &rope,
                };
                let mut single = vec![0f32; hidden];
                attend(&Team::new(1), alone, &cache, shape, &mut single);
                assert_eq!(single, out, "{row}");
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let (width, length) = (64, 41);
        let cache = numbers(3 * 2 * LANES * width, 5);
        let blocks = Blocks { first: cache.as_ptr(), stride: 2 * LANES * width, width };
        let scratch = || Scratch { turned: numbers(width, 6), scores: vec![0.0; 48], out: vec![0.0; width] };
        let mut plain = scratch();
        // SAFETY: three blocks hold 41 positions.
        unsafe { one_head::<Plain, f32>(blocks, length, &mut plain) };
        #[cfg(target_arch = "x86_64")]
        {
            use super::super::simd::x86::{Avx2, Avx512};
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
            unsafe fn avx512(blocks: Blocks<f32>, length: usize, scratch: &mut Scratch) {
                unsafe { one_head::<Avx512, f32>(blocks, length, scratch) }
            }
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn avx2(blocks: Blocks<f32>, length: usize, scratch: &mut Scratch) {
                unsafe { one_head::<Avx2, f32>(blocks, length, scratch) }
            }
            let level = super::super::level();
            let (mut wide, mut narrow) = (scratch(), scratch());
            if level.avx512 {
                // SAFETY: checked; as above.
                unsafe { avx512(blocks, length, &mut wide) };
                assert_eq!(wide.out, plain.out);
            }
            if level.avx2 {
                // SAFETY: checked; as above.
                unsafe { avx2(blocks, length, &mut narrow) };
                assert_eq!(narrow.out, plain.out);
            }
        }
    }
}
