//! Keys and values of past positions, allocated once, written in place.

use candle_core::{DType, Device, Tensor};
use half::f16;
use half::vec::HalfBitsVecExt;

use super::kernel::CacheShape;
use crate::error::{Error, Result};

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
    /// [`Error::Device`] if the memory is not there.
    pub fn new(
        model: &super::GptConfig,
        slots: usize,
        capacity: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let shape = CacheShape { slots, heads: model.heads, head_size: model.head_size(), capacity };
        let layer = || match dtype {
            // As bits, since zeros of f16 would be written one by one.
            DType::F16 => {
                Tensor::from_vec(vec![0u16; shape.size()].reinterpret_into::<f16>(), shape.size(), device)
            }
            dtype => Tensor::zeros(shape.size(), dtype, device),
        };
        let layers = (0..model.layers)
            .map(|_| layer())
            .collect::<candle_core::Result<Vec<_>>>()
            .map_err(|e| Error::Device(format!("no memory for {slots} × {capacity} positions: {e}")))?;
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
