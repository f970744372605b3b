//! Optimizations that may be switched off, to find a fault or to measure what it gains.

/// Says which of them are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// `CHATTTS_RS_FUSED_NORMS=off`: norms are kernels of their own.
    pub fused_norms: bool,
    /// `CHATTTS_RS_SHARED_TILES=off`: a tile of a product is one block's.
    pub shared_tiles: bool,
}

impl Switches {
    /// Reads them from the environment.
    pub fn from_env() -> Self {
        let on = |variable| std::env::var(variable).as_deref() != Ok("off");
        Switches { fused_norms: on("CHATTTS_RS_FUSED_NORMS"), shared_tiles: on("CHATTTS_RS_SHARED_TILES") }
    }
}
