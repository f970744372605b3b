//! Rotary embedding, the write into the KV cache, and attention over what is in it.

use candle_core::{CpuStorage, CustomOp3, Device, InplaceOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{f32s, f32s_mut, u32s};

/// Cosines and sines of the rotary embedding: (positions, head size), the first half of a row cosines,
/// the second sines.
pub struct RopeTable {
    table: Tensor,
}

impl RopeTable {
    /// For heads of `head_size` and positions below `positions`. Rounded in f32 as the reference does: at
    /// position 2000 the rounding of the angle shows in the fourth digit.
    pub fn new(head_size: usize, positions: usize, theta: f32, device: &Device) -> Result<Self> {
        let frequencies: Vec<f32> =
            (0..head_size).step_by(2).map(|i| 1.0 / theta.powf(i as f32 / head_size as f32)).collect();
        let mut data = Vec::with_capacity(positions * head_size);
        for position in 0..positions {
            let angle = |f: &f32| position as f32 * f;
            data.extend(frequencies.iter().map(|f| angle(f).cos()));
            data.extend(frequencies.iter().map(|f| angle(f).sin()));
        }
        Ok(RopeTable { table: Tensor::from_vec(data, (positions, head_size), device)? })
    }
}

/// Turns the queries and keys of `qkv` (rows, 3·hidden) by their positions, in place.
///
/// # Errors
/// If a position lies beyond the table.
pub fn rope_in_place(qkv: &Tensor, rows: &Tensor, table: &RopeTable) -> Result<()> {
    qkv.inplace_op3(rows, &table.table, &Rope)
}

struct Rope;

impl InplaceOp3 for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(
        &self,
        qkv: &mut CpuStorage,
        qkv_layout: &Layout,
        rows: &CpuStorage,
        rows_layout: &Layout,
        table: &CpuStorage,
        table_layout: &Layout,
    ) -> Result<()> {
        let (count, width) = qkv_layout.shape().dims2()?;
        let (positions, head_size) = table_layout.shape().dims2()?;
        let qkv = f32s_mut(qkv, qkv_layout, "rope")?;
        let rows = u32s(rows, rows_layout, "rope")?;
        let table = f32s(table, table_layout, "rope")?;
        debug_assert_eq!(rows.len(), 2 * count);
        let half = head_size / 2;
        for (row, at) in qkv.chunks_exact_mut(width).zip(rows.chunks_exact(2)) {
            let position = at[1] as usize;
            if position >= positions {
                bail!("rope: position {position} of {positions}");
            }
            let (cos, sin) = table[position * head_size..][..head_size].split_at(half);
            // Queries and keys are the first two thirds; values are not turned.
            for head in row[..width / 3 * 2].chunks_exact_mut(head_size) {
                let (low, high) = head.split_at_mut(half);
                for (((a, b), c), s) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                    (*a, *b) = (*a * c - *b * s, *b * c + *a * s);
                }
            }
        }
        Ok(())
    }
}

/// Where a (slot, head) of the cache begins: its keys, and the distance from keys to values.
struct CacheShape {
    slots: usize,
    heads: usize,
    capacity: usize,
    head_size: usize,
}

impl CacheShape {
    fn of(layout: &Layout) -> Result<Self> {
        match layout.dims() {
            [2, slots, heads, capacity, head_size] => {
                Ok(CacheShape { slots: *slots, heads: *heads, capacity: *capacity, head_size: *head_size })
            }
            other => bail!("kv cache: unexpected shape {other:?}"),
        }
    }

    fn start(&self, part: usize, slot: usize, head: usize) -> usize {
        ((part * self.slots + slot) * self.heads + head) * self.capacity * self.head_size
    }

    fn check(&self, slot: usize, position: usize) -> Result<()> {
        if slot >= self.slots || position >= self.capacity {
            bail!(
                "kv cache: slot {slot}, position {position} lie outside {} slots of {} positions",
                self.slots,
                self.capacity
            );
        }
        Ok(())
    }
}

/// Writes the keys and values of `qkv` (rows, 3·hidden) into a layer's cache at their rows' places.
pub struct StoreKv;

impl InplaceOp3 for StoreKv {
    fn name(&self) -> &'static str {
        "store-kv"
    }

    fn cpu_fwd(
        &self,
        cache: &mut CpuStorage,
        cache_layout: &Layout,
        qkv: &CpuStorage,
        qkv_layout: &Layout,
        rows: &CpuStorage,
        rows_layout: &Layout,
    ) -> Result<()> {
        let shape = CacheShape::of(cache_layout)?;
        let (_, width) = qkv_layout.shape().dims2()?;
        let cache = f32s_mut(cache, cache_layout, "store-kv")?;
        let qkv = f32s(qkv, qkv_layout, "store-kv")?;
        let rows = u32s(rows, rows_layout, "store-kv")?;
        let size = shape.head_size;
        for (row, at) in qkv.chunks_exact(width).zip(rows.chunks_exact(2)) {
            let (slot, position) = (at[0] as usize, at[1] as usize);
            shape.check(slot, position)?;
            for part in 0..2 {
                let values = &row[width / 3 * (part + 1)..][..width / 3];
                for (head, values) in values.chunks_exact(size).enumerate() {
                    let to = shape.start(part, slot, head) + position * size;
                    cache[to..to + size].copy_from_slice(values);
                }
            }
        }
        Ok(())
    }
}

/// Attention of the queries in `qkv` (rows, 3·hidden) over a layer's cache, each row over the positions of
/// its slot up to its own: (rows, hidden). A row's result does not depend on the other rows.
pub struct Attention;

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        qkv: &CpuStorage,
        qkv_layout: &Layout,
        cache: &CpuStorage,
        cache_layout: &Layout,
        rows: &CpuStorage,
        rows_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = CacheShape::of(cache_layout)?;
        let (count, width) = qkv_layout.shape().dims2()?;
        let hidden = width / 3;
        let qkv = f32s(qkv, qkv_layout, "attention")?;
        let cache = f32s(cache, cache_layout, "attention")?;
        let rows = u32s(rows, rows_layout, "attention")?;
        for at in rows.chunks_exact(2) {
            shape.check(at[0] as usize, at[1] as usize)?;
        }
        let size = shape.head_size;
        let mut out = vec![0f32; count * hidden];
        out.par_chunks_mut(size).enumerate().for_each_init(Vec::new, |scores, (index, out)| {
            let (row, head) = (index / shape.heads, index % shape.heads);
            let (slot, length) = (rows[2 * row] as usize, rows[2 * row + 1] as usize + 1);
            let query = &qkv[row * width + head * size..][..size];
            let keys = &cache[shape.start(0, slot, head)..][..length * size];
            let values = &cache[shape.start(1, slot, head)..][..length * size];
            attend(query, keys, values, scores, out);
        });
        Ok((CpuStorage::F32(out), (count, hidden).into()))
    }
}

/// One head of one row: softmax(q·Kᵀ/√d)·V.
fn attend(query: &[f32], keys: &[f32], values: &[f32], scores: &mut Vec<f32>, out: &mut [f32]) {
    let scale = 1.0 / (query.len() as f32).sqrt();
    scores.clear();
    scores.extend(keys.chunks_exact(query.len()).map(|key| dot(query, key) * scale));
    let best = scores.iter().fold(f32::NEG_INFINITY, |m, s| m.max(*s));
    let mut sum = 0f32;
    for score in scores.iter_mut() {
        *score = (*score - best).exp();
        sum += *score;
    }
    for (score, value) in scores.iter().zip(values.chunks_exact(query.len())) {
        for (o, v) in out.iter_mut().zip(value) {
            *o += score * v;
        }
    }
    for o in out.iter_mut() {
        *o /= sum;
    }
}

/// Eight partial sums, so that the compiler may use vector registers without changing the result.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0f32; LANES];
    let (a8, b8) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two slots, rows interleaved: each row must see its own slot's past and nothing else.
    #[test]
    fn attention_sees_its_slot_up_to_its_position() {
        let device = Device::Cpu;
        let (slots, heads, capacity, size) = (2, 2, 4, 4);
        let hidden = heads * size;
        let rows = [(0u32, 0u32), (0, 1), (1, 0), (0, 2)];
        let numbers: Vec<f32> =
            (0..rows.len() * 3 * hidden).map(|i| ((i * 7919) % 23) as f32 / 11.0 - 1.0).collect();
        let qkv = Tensor::from_vec(numbers.clone(), (rows.len(), 3 * hidden), &device).unwrap();
        let flat: Vec<u32> = rows.iter().flat_map(|(s, p)| [*s, *p]).collect();
        let table = Tensor::from_vec(flat, (rows.len(), 2), &device).unwrap();
        let cache =
            Tensor::zeros((2, slots, heads, capacity, size), candle_core::DType::F32, &device).unwrap();
        cache.inplace_op3(&qkv, &table, &StoreKv).unwrap();
        let out: Vec<Vec<f32>> = qkv.apply_op3_no_bwd(&cache, &table, &Attention).unwrap().to_vec2().unwrap();

        for (r, (slot, position)) in rows.iter().enumerate() {
            let past: Vec<usize> =
                (0..rows.len()).filter(|i| rows[*i].0 == *slot && rows[*i].1 <= *position).collect();
            for head in 0..heads {
                let part = |row: usize, which: usize| {
                    &numbers[row * 3 * hidden + which * hidden + head * size..][..size]
                };
                let scores: Vec<f64> = past
                    .iter()
                    .map(|p| {
                        (0..size).map(|i| (part(r, 0)[i] * part(*p, 1)[i]) as f64).sum::<f64>()
                            / (size as f64).sqrt()
                    })
                    .map(f64::exp)
                    .collect();
                let sum: f64 = scores.iter().sum();
                for i in 0..size {
                    let expected: f64 =
                        past.iter().zip(&scores).map(|(p, s)| s / sum * part(*p, 2)[i] as f64).sum();
                    assert!((out[r][head * size + i] as f64 - expected).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn a_row_outside_the_cache_is_an_error() {
        let device = Device::Cpu;
        let cache = Tensor::zeros((2, 1, 1, 4, 4), candle_core::DType::F32, &device).unwrap();
        let qkv = Tensor::zeros((1, 12), candle_core::DType::F32, &device).unwrap();
        for at in [[1u32, 0], [0, 4]] {
            let table = Tensor::new(&[at], &device).unwrap();
            assert!(cache.inplace_op3(&qkv, &table, &StoreKv).is_err());
            assert!(qkv.apply_op3_no_bwd(&cache, &table, &Attention).is_err());
        }
    }
}
