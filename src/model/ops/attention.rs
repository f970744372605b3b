//! Rotary embedding, the write into the KV cache, and attention over what is in it.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, bail};

use super::{f32s, f32s_mut, first, first_mut};
pub use crate::model::kernel::RopeTable;
use crate::model::kernel::{self, AttentionRows, CacheShape, Team};

/// Checks what the two operations have in common: the rows' places and their queries, keys and values.
fn rows_of<'a>(
    qkv: &'a [f32],
    places: &'a [(u32, u32)],
    rope: &'a RopeTable,
    shape: CacheShape,
    name: &str,
) -> Result<AttentionRows<'a>> {
    for (slot, position) in places {
        if !shape.holds(*slot as usize, *position as usize) || *position as usize >= rope.positions() {
            bail!(
                "{name}: slot {slot}, position {position} lie outside {} slots of {} positions",
                shape.slots,
                shape.capacity.min(rope.positions())
            );
        }
    }
    let qkv = first(qkv, 3 * places.len() * shape.heads * shape.head_size, name)?;
    Ok(AttentionRows { qkv, places, rope })
}

/// Writes the keys, turned by their positions, and values of `qkv` (rows, 3·hidden) into a layer's cache.
pub struct StoreKv<'a> {
    /// Slot and position of each row.
    pub places: &'a [(u32, u32)],
    /// The rotary embedding.
    pub rope: &'a RopeTable,
    /// The cache's sizes.
    pub shape: CacheShape,
}

impl InplaceOp2 for StoreKv<'_> {
    fn name(&self) -> &'static str {
        "store-kv"
    }

    fn cpu_fwd(
        &self,
        cache: &mut CpuStorage,
        _: &Layout,
        qkv: &CpuStorage,
        qkv_layout: &Layout,
    ) -> Result<()> {
        let qkv = f32s(qkv, qkv_layout, self.name())?;
        let rows = rows_of(qkv, self.places, self.rope, self.shape, self.name())?;
        match cache {
            CpuStorage::F32(cache) => kernel::store(Team::global(), rows, cache, self.shape),
            CpuStorage::F16(cache) => kernel::store(Team::global(), rows, cache, self.shape),
            _ => bail!("store-kv: the cache is neither f32 nor f16"),
        }
        Ok(())
    }
}

/// Computes attention of the queries in `qkv` (rows, 3·hidden) over a layer's cache into `out` (rows,
/// hidden), each row over the positions of its slot up to its own. A row's result does not depend on the
/// other rows.
pub struct Attention<'a> {
    /// Slot and position of each row.
    pub places: &'a [(u32, u32)],
    /// The rotary embedding.
    pub rope: &'a RopeTable,
    /// The cache's sizes.
    pub shape: CacheShape,
}

impl InplaceOp3 for Attention<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        qkv: &CpuStorage,
        qkv_layout: &Layout,
        cache: &CpuStorage,
        _: &Layout,
    ) -> Result<()> {
        let qkv = f32s(qkv, qkv_layout, self.name())?;
        let rows = rows_of(qkv, self.places, self.rope, self.shape, self.name())?;
        let out = f32s_mut(out, out_layout, self.name())?;
        let out = first_mut(out, self.places.len() * self.shape.heads * self.shape.head_size, self.name())?;
        match cache {
            CpuStorage::F32(cache) => kernel::attend(Team::global(), rows, cache, self.shape, out),
            CpuStorage::F16(cache) => kernel::attend(Team::global(), rows, cache, self.shape, out),
            _ => bail!("attention: the cache is neither f32 nor f16"),
        }
        Ok(())
    }
}
