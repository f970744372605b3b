//! Optimizations that may be switched off, to find a fault or to measure what it gains.

use std::sync::OnceLock;

use super::lookahead::{MOST_STEPS, STEPS};
use crate::error::{Error, Result};

/// Says which of them are on; the default has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Norms are computed by the products that follow, not by kernels of their own.
    pub fused_norms: bool,
    /// Blocks share a product's tiles where there are few.
    pub shared_tiles: bool,
    /// Lookahead steps are CUDA graphs; otherwise every kernel is launched by itself.
    pub graphs: bool,
    /// A kernel starts while the one before it ends.
    pub overlap: bool,
    /// Blocks that attend to one head of few rows bring what they find to one of them, where a card lets them.
    pub clusters: bool,
    /// Steps that are asked for at once, 1 to 64; 1 is none ahead.
    pub steps_ahead: usize,
}

impl Default for Switches {
    fn default() -> Self {
        Switches {
            fused_norms: true,
            shared_tiles: true,
            graphs: true,
            overlap: true,
            clusters: true,
            steps_ahead: STEPS,
        }
    }
}

/// The switches of this process.
static SWITCHES: OnceLock<Switches> = OnceLock::new();

impl Switches {
    /// Reads them from the environment: `off` in `CHATTTS_RS_FUSED_NORMS`, `_SHARED_TILES`, `_GRAPHS`, `_OVERLAP` and
    /// `_CLUSTERS`, a number in `_STEPS_AHEAD`.
    ///
    /// # Errors
    /// [`Error::Device`] for a number of steps that is not taken.
    pub fn from_env() -> Result<Self> {
        let variable = |name: &str| std::env::var(format!("CHATTTS_RS_{name}"));
        let is_on = |name| variable(name).as_deref() != Ok("off");
        let steps_ahead = match variable("STEPS_AHEAD") {
            Ok(text) => {
                let steps = text.parse().ok().filter(|steps| (1..=MOST_STEPS).contains(steps));
                let wrong =
                    || Error::Device(format!("CHATTTS_RS_STEPS_AHEAD={text}: 1 to {MOST_STEPS} are taken"));
                steps.ok_or_else(wrong)?
            }
            Err(_) => STEPS,
        };
        Ok(Switches {
            fused_norms: is_on("FUSED_NORMS"),
            shared_tiles: is_on("SHARED_TILES"),
            graphs: is_on("GRAPHS"),
            overlap: is_on("OVERLAP"),
            clusters: is_on("CLUSTERS"),
            steps_ahead,
        })
    }

    /// Takes them for all cards that this process opens from now on; those that were set first stay.
    pub fn set(self) {
        let _ = SWITCHES.set(self);
    }

    /// Returns those of this process.
    pub(super) fn current() -> Self {
        SWITCHES.get().copied().unwrap_or_default()
    }
}
