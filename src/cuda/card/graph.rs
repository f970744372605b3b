//! Recorded launches.

use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::{Device, Recording};
use crate::error::Result;

/// A recorded step. Its stream is that of a card which outlives it: whoever records owns both.
pub struct Graph {
    pub device: Arc<Device>,
    pub executable: sys::CUgraphExec,
    pub stream: sys::CUstream,
}

// SAFETY: as of a card.
unsafe impl Send for Graph {}

impl Recording for Graph {
    fn play(&self) -> Result<()> {
        self.device.bind()?;
        // SAFETY: both are alive.
        unsafe { result::graph::launch(self.executable, self.stream) }
            .map_err(|e| self.device.error("playing a recorded step", e))
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if self.device.make_current().is_ok() {
            // SAFETY: it is ours, and nobody plays it any more.
            let _ = unsafe { result::graph::exec_destroy(self.executable) };
        }
    }
}
