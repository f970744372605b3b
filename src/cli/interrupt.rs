//! Ctrl-C and its kin: finish what is being written, then stop.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

/// Where a signal finds work that looks out for it, the first asks it to stop; otherwise, and the second
/// time, the program ends at once.
pub struct Interrupt {
    raised: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub fn install() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        let at_once = Arc::new(AtomicBool::new(true));
        for signal in TERM_SIGNALS {
            // In this order: the second signal finds what the first has set.
            flag::register_conditional_shutdown(*signal, super::INTERRUPTED.into(), Arc::clone(&at_once))?;
            flag::register(*signal, Arc::clone(&at_once))?;
            flag::register(*signal, Arc::clone(&raised))?;
        }
        Ok(Interrupt { raised, at_once })
    }

    /// From here on the caller asks [`Interrupt::check`].
    pub fn watch(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// Whether to go on.
    pub fn check(&self) -> ControlFlow<()> {
        match self.raised.load(Ordering::SeqCst) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
