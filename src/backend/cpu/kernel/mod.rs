//! Where the time goes: products with packed weights, attention, and the threads that share them. The only
//! part of the crate that uses the processor's own instructions; what it computes is the same to the bit on
//! every processor, for any number of threads and rows.

mod attention;
pub mod math;
mod matrix;
mod product;
mod quantize;
mod rows;
mod simd;
mod team;
#[cfg(test)]
mod testing;
mod tile;

pub use attention::{AttentionRows, CacheShape, RopeTable, attend, store};
pub use matrix::{Matrix, Shape, WeightType};
pub use product::{Epilogue, instructions, product};
#[cfg(feature = "cuda-kernels")]
pub(crate) use quantize::quantize_block;
pub use rows::{add_weighted, for_rows, layer_norm, rms_norm, silu_gate};
#[cfg(feature = "cuda-kernels")]
pub(crate) use simd::BLOCK;
pub use team::Team;

/// Says which instructions are there.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Level {
    pub avx2: bool,
    pub avx512: bool,
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn level() -> Level {
    static LEVEL: std::sync::OnceLock<Level> = std::sync::OnceLock::new();
    *LEVEL.get_or_init(|| {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        let avx512 = avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni");
        Level { avx2, avx512 }
    })
}
