//! Keys and values of past positions, allocated once, written in place.

use candle_core::{DType, Device, Tensor};
use half::f16;
use half::vec::HalfBitsVecExt;

use super::kernel::CacheShape;
use super::memory;
use crate::error::Result;

/// Holds the keys and values of a fixed number of sequences ("slots") of bounded length.
pub struct KvCache {
    layers: Vec<Tensor>,
    shape: CacheShape,
}

impl KvCache {
    /// Makes a cache for `slots` sequences of at most `capacity` positions, in f32 or f16. Memory is taken as
    /// positions are written.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn new(
        model: &super::GptConfig,
        slots: usize,
        capacity: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let shape = CacheShape { slots, heads: model.heads, head_size: model.head_size(), capacity };
        let what = || format!("{slots} × {capacity} positions of a layer");
        let layer = || -> Result<Tensor> {
            Ok(match dtype {
                // As bits, since zeros of f16 would be written one by one.
                DType::F16 => {
                    let zeros = memory::zeros::<u16>(shape.size(), &what)?;
                    Tensor::from_vec(zeros.reinterpret_into::<f16>(), shape.size(), device)?
                }
                DType::F32 => {
                    Tensor::from_vec(memory::zeros::<f32>(shape.size(), &what)?, shape.size(), device)?
                }
                dtype => Tensor::zeros(shape.size(), dtype, device)?,
            })
        };
        let layers = (0..model.layers).map(|_| layer()).collect::<Result<Vec<_>>>()?;
        Ok(KvCache { layers, shape })
    }

    pub(super) fn layer(&self, index: usize) -> &Tensor {
        &self.layers[index]
    }

    pub(super) fn shape(&self) -> CacheShape {
        self.shape
    }

    /// Returns how many sequences it holds.
    pub fn slots(&self) -> usize {
        self.shape.slots
    }

    /// Returns how many positions a sequence may have.
    pub fn capacity(&self) -> usize {
        self.shape.capacity
    }
}
