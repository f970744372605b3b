//! Keys and values of past positions, allocated once, written in place.

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// Which position of which slot each row of a step is. Lives on the device: it changes with every step.
pub struct Rows {
    /// u32 (rows, 2): slot, position.
    table: Tensor,
}

impl Rows {
    /// From (slot, position) of each row.
    ///
    /// # Errors
    /// If the device refuses the copy.
    pub fn new(rows: &[(u32, u32)], device: &Device) -> Result<Self> {
        let flat: Vec<u32> = rows.iter().flat_map(|(slot, position)| [*slot, *position]).collect();
        Ok(Rows { table: Tensor::from_vec(flat, (rows.len(), 2), device)? })
    }

    pub(super) fn table(&self) -> &Tensor {
        &self.table
    }
}

/// The keys and values of a fixed number of sequences ("slots") of bounded length.
pub struct KvCache {
    /// Per layer: (2, slots, heads, capacity, head size); keys, then values.
    layers: Vec<Tensor>,
    slots: usize,
    capacity: usize,
}

impl KvCache {
    /// A cache for `slots` sequences of at most `capacity` positions.
    ///
    /// # Errors
    /// [`Error::Device`] if the memory is not there.
    pub fn new(shape: &super::GptConfig, slots: usize, capacity: usize, device: &Device) -> Result<Self> {
        let size = (2, slots, shape.heads, capacity, shape.head_size());
        let layers = (0..shape.layers)
            .map(|_| Tensor::zeros(size, DType::F32, device))
            .collect::<candle_core::Result<Vec<_>>>()
            .map_err(|e| Error::Device(format!("no memory for {slots} × {capacity} positions: {e}")))?;
        Ok(KvCache { layers, slots, capacity })
    }

    pub(super) fn layer(&self, index: usize) -> &Tensor {
        &self.layers[index]
    }

    /// Sequences it holds.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Positions a sequence may have.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}
