//! Keys and values of past positions, allocated once, written in place.

use half::f16;
use half::vec::HalfBitsVecExt;

use super::WeightType;
use super::kernel::{self, AttentionRows, CacheShape, Team};
use crate::backend::memory;
use crate::backend::networks::GptConfig;
use crate::error::Result;

/// Holds the keys and values of a fixed number of sequences ("slots") of bounded length.
pub struct KvCache {
    layers: Vec<Numbers>,
    shape: CacheShape,
}

enum Numbers {
    F32(Vec<f32>),
    F16(Vec<f16>),
}

impl KvCache {
    /// Makes a cache for `slots` sequences, in f32 beside weights in f32, else in f16. Memory is taken as positions
    /// are written.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn new(model: &GptConfig, slots: usize, kind: WeightType) -> Result<Self> {
        let capacity = model.max_positions;
        let shape = CacheShape { slots, heads: model.heads, head_size: model.head_size(), capacity };
        let what = || format!("{slots} × {capacity} positions of a layer");
        let layer = || {
            Ok(match kind {
                WeightType::F32 => Numbers::F32(memory::zeros(shape.size(), &what)?),
                // As bits, since zeros of f16 would be written one by one.
                WeightType::Q8 => {
                    Numbers::F16(memory::zeros::<u16>(shape.size(), &what)?.reinterpret_into::<f16>())
                }
            })
        };
        let layers = (0..model.layers).map(|_| layer()).collect::<Result<Vec<_>>>()?;
        Ok(KvCache { layers, shape })
    }

    /// Returns true if a slot and position lie in it.
    pub fn holds(&self, slot: u32, position: u32) -> bool {
        self.shape.holds(slot as usize, position as usize)
    }

    /// Returns its sizes.
    pub fn shape(&self) -> CacheShape {
        self.shape
    }

    /// Writes the rows' keys and values into a layer and computes their attention over it into `out` (rows, hidden).
    /// Every row must lie in the cache.
    pub fn attend(&mut self, layer: usize, rows: AttentionRows, out: &mut [f32]) {
        let (team, shape) = (Team::global(), self.shape);
        match &mut self.layers[layer] {
            Numbers::F32(cache) => {
                kernel::store(team, rows, cache, shape);
                kernel::attend(team, rows, cache, shape, out);
            }
            Numbers::F16(cache) => {
                kernel::store(team, rows, cache, shape);
                kernel::attend(team, rows, cache, shape, out);
            }
        }
    }
}
