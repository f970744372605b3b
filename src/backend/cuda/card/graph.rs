//! Recorded launches.

use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::{Device, Graph};
use crate::error::Result;

/// Holds a captured step as a CUDA graph. Its stream is that of a card which outlives it: whoever captures
/// owns both.
pub struct CardGraph {
    pub device: Arc<Device>,
    pub executable: sys::CUgraphExec,
    pub stream: sys::CUstream,
}

// SAFETY: as of a card.
unsafe impl Send for CardGraph {}

impl Graph for CardGraph {
    fn replay(&self) -> Result<()> {
        self.device.bind()?;
        // SAFETY: both are alive.
        unsafe { result::graph::launch(self.executable, self.stream) }
            .map_err(|e| self.device.error("replaying a graph", e))
    }
}

impl Drop for CardGraph {
    fn drop(&mut self) {
        if self.device.make_current().is_ok() {
            // SAFETY: it is ours, and nobody plays it any more.
            let _ = unsafe { result::graph::exec_destroy(self.executable) };
        }
    }
}
