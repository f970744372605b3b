//! Ctrl-C and its kin: finish what is being written, then stop.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

/// A program that a signal ended exits with this and the signal's number: 130 for SIGINT, 143 for SIGTERM.
const SIGNALLED: i32 = 128;

/// Where a signal finds work that looks out for it, the first asks it to stop; otherwise, and the second
/// time, the program ends at once.
pub struct Interrupt {
    /// The signal's number; 0 for none.
    raised: Arc<AtomicUsize>,
    at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub fn install() -> io::Result<Self> {
        let raised = Arc::new(AtomicUsize::new(0));
        let at_once = Arc::new(AtomicBool::new(true));
        for signal in TERM_SIGNALS {
            // In this order: the second signal finds what the first has set.
            flag::register_conditional_shutdown(*signal, SIGNALLED + signal, Arc::clone(&at_once))?;
            flag::register(*signal, Arc::clone(&at_once))?;
            flag::register_usize(*signal, Arc::clone(&raised), *signal as usize)?;
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
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    /// What to exit with after an interrupt.
    pub fn exit_code(&self) -> u8 {
        (SIGNALLED as usize + self.raised.load(Ordering::SeqCst)) as u8
    }
}
