//! The Llama on candle's tensors. Our own rather than candle-transformers', whose cache holds one sequence; a test
//! compares the two.

use candle_core::{DType, Result, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::rope;

use super::CandleLayout;
use super::layers::multiply;
use crate::backend::networks::{GptConfig, Layer, Llama};

/// Positions by which the cache grows.
const POSITIONS: usize = 256;

/// Holds keys and values of every layer: (slots, capacity, hidden) each, of which the capacity grows.
pub struct Cache {
    layers: Vec<[Tensor; 2]>,
    /// The rotary embedding: cosines and sines, (positions, head size / 2).
    rotations: [Tensor; 2],
}

/// Places the rows of a pass: which sequences they are of, and where.
struct Rows {
    /// Of each row where it goes in the cache, if that were (slots·capacity, hidden): (rows, hidden).
    places: Tensor,
    /// Of each row its rotation, (rows, head size / 2) each.
    rotations: [Tensor; 2],
    /// The sequences' slots, (sequences).
    slots: Tensor,
    /// The row of each sequence and place in it, (sequences · most rows of a sequence); any row where there is none.
    grid: Tensor,
    /// 0 where a row attends to a position, −∞ elsewhere: (sequences, 1, most rows, length).
    mask: Tensor,
    /// Of each row its place in the grid, (rows).
    places_in_grid: Tensor,
    sequences: usize,
    length: usize,
}

impl Cache {
    /// Makes a cache for `slots` sequences.
    pub fn new(config: &GptConfig, layout: &CandleLayout, slots: usize) -> Result<Self> {
        let CandleLayout { device, dtype } = layout;
        let empty =
            || Tensor::zeros((slots, POSITIONS.min(config.max_positions), config.hidden), *dtype, device);
        let layers = (0..config.layers).map(|_| Ok([empty()?, empty()?])).collect::<Result<Vec<_>>>()?;
        let size = config.head_size();
        // Rounded in f32 as the reference does.
        let frequency = |i: usize| 1.0 / config.rope_theta.powf(2.0 * i as f32 / size as f32);
        let frequencies: Vec<f32> = (0..size / 2).map(frequency).collect();
        let positions = Tensor::arange(0f32, config.max_positions as f32, device)?.unsqueeze(1)?;
        let angles = positions.broadcast_mul(&Tensor::new(frequencies, device)?.unsqueeze(0)?)?;
        Ok(Cache { layers, rotations: [angles.cos()?, angles.sin()?] })
    }

    /// Places rows of (slot, position); those of a slot come one after another.
    fn rows(&mut self, places: &[(u32, u32)]) -> Result<Rows> {
        let length = places.iter().map(|(_, position)| *position as usize + 1).max().unwrap_or(0);
        let (_, capacity, hidden) = self.layers[0][0].dims3()?;
        if length > capacity {
            let missing = length.next_multiple_of(POSITIONS) - capacity;
            for tensor in self.layers.iter_mut().flatten() {
                *tensor = tensor.pad_with_zeros(1, 0, missing)?;
            }
        }
        let (_, capacity, _) = self.layers[0][0].dims3()?;
        let device = self.layers[0][0].device();
        let numbers = |numbers: Vec<u32>| Tensor::new(numbers, device);
        let sequences: Vec<&[(u32, u32)]> = places.chunk_by(|a, b| a.0 == b.0).collect();
        let most = sequences.iter().map(|rows| rows.len()).max().unwrap_or(0);
        let (mut grid, mut mask, mut places_in_grid) = (Vec::new(), Vec::new(), Vec::new());
        for (sequence, rows) in sequences.iter().enumerate() {
            for place in 0..most {
                // A place without a row attends to the first position, which is there.
                let position = rows.get(place).map_or(0, |(_, position)| *position as usize);
                mask.extend(
                    (0..length).map(|other| if other <= position { 0f32 } else { f32::NEG_INFINITY }),
                );
                let is_row = place < rows.len();
                grid.push(if is_row { places_in_grid.len() as u32 } else { 0 });
                if is_row {
                    places_in_grid.push((sequence * most + place) as u32);
                }
            }
        }
        let positions = numbers(places.iter().map(|(_, position)| *position).collect())?;
        let [cos, sin] = &self.rotations;
        let flat = places.iter().map(|(slot, position)| slot * capacity as u32 + position).collect();
        Ok(Rows {
            places: numbers(flat)?.unsqueeze(1)?.broadcast_as((places.len(), hidden))?.contiguous()?,
            rotations: [cos.index_select(&positions, 0)?, sin.index_select(&positions, 0)?],
            slots: numbers(sequences.iter().map(|rows| rows[0].0).collect())?,
            grid: numbers(grid)?,
            mask: Tensor::from_vec(mask, (sequences.len(), 1, most, length), device)?,
            places_in_grid: numbers(places_in_grid)?,
            sequences: sequences.len(),
            length,
        })
    }
}

impl Llama<CandleLayout> {
    /// Runs rows (rows, hidden) of (slot, position) through the layers; `after` sees what each layer leaves. A row attends
    /// to the positions of its slot up to its own; rows of one slot must come one after another, in order.
    pub fn run(
        &self,
        mut x: Tensor,
        places: &[(u32, u32)],
        cache: &mut Cache,
        after: &mut dyn FnMut(&Tensor) -> Result<()>,
    ) -> Result<Tensor> {
        let rows = cache.rows(places)?;
        let eps = self.config.norm_eps;
        for (layer, cache) in self.layers.iter().zip(&cache.layers) {
            let attended = self.attention(layer, &rms_norm(&x, &layer.input_norm, eps)?, &rows, cache)?;
            x = (x + multiply(&layer.output, &attended)?)?;
            let gate_up = multiply(&layer.gate_up, &rms_norm(&x, &layer.post_attention_norm, eps)?)?;
            let gate_up = gate_up.chunk(2, 1)?;
            x = (x + multiply(&layer.down, &(silu(&gate_up[0])? * &gate_up[1])?)?)?;
            after(&x)?;
        }
        Ok(x)
    }

    /// Computes the last norm of some rows, (picked, hidden).
    pub fn finish(&self, x: &Tensor, picked: Vec<u32>) -> Result<Tensor> {
        let picked = x.index_select(&Tensor::new(picked, x.device())?, 0)?;
        rms_norm(&picked, &self.norm, self.config.norm_eps)
    }

    fn attention(
        &self,
        layer: &Layer<CandleLayout>,
        x: &Tensor,
        rows: &Rows,
        [keys, values]: &[Tensor; 2],
    ) -> Result<Tensor> {
        let GptConfig { heads, hidden, .. } = self.config;
        let (count, size) = (x.dim(0)?, self.config.head_size());
        let qkv = multiply(&layer.qkv, x)?.chunk(3, 1)?;
        let rotated = |x: &Tensor| -> Result<Tensor> {
            let x = x.reshape((1, count, heads, size))?.transpose(1, 2)?.contiguous()?;
            let [cos, sin] = &rows.rotations;
            rope(&x, cos, sin)?.transpose(1, 2)?.reshape((count, hidden))
        };
        let dtype = keys.dtype();
        let keep = |cache: &Tensor, x: &Tensor| {
            cache.flatten(0, 1)?.scatter_set(&rows.places, &x.to_dtype(dtype)?.contiguous()?, 0)
        };
        keep(keys, &rotated(&qkv[1])?)?;
        keep(values, &qkv[2])?;

        // (sequences, heads, …, size), of which a query has as many rows as the longest sequence has in this pass.
        let of_heads = |x: &Tensor| {
            let length = x.elem_count() / (rows.sequences * hidden);
            x.reshape((rows.sequences, length, heads, size))?.transpose(1, 2)?.contiguous()
        };
        let past =
            |cache: &Tensor| of_heads(&cache.index_select(&rows.slots, 0)?.narrow(1, 0, rows.length)?);
        let queries = of_heads(&rotated(&qkv[0])?.index_select(&rows.grid, 0)?.to_dtype(dtype)?)?;
        let scores = queries.matmul(&past(keys)?.t()?)?.to_dtype(DType::F32)?;
        let scores = (scores / (size as f64).sqrt())?.broadcast_add(&rows.mask)?;
        let mixed = softmax_last_dim(&scores)?.to_dtype(dtype)?.matmul(&past(values)?)?;
        let mixed = mixed.transpose(1, 2)?.reshape(((), hidden))?.index_select(&rows.places_in_grid, 0)?;
        mixed.to_dtype(DType::F32)
    }
}
