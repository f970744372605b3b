//! Handles Ctrl-C and similar signals: finishes the file that is being written, then stops.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

/// The base of the exit codes of a program that a signal ended; the signal's number is added: 130 for SIGINT,
/// 143 for SIGTERM.
const SIGNALLED: i32 = 128;

/// Holds the signal that has arrived. While work looks out for them, the first signal asks it to stop; otherwise,
/// and at the second signal, the program ends at once.
pub struct Interrupt {
    /// The signal's number; 0 for none.
    raised: Arc<AtomicUsize>,
    at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// Installs the handlers of the signals.
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

    /// Makes the first signal only ask for a stop; from here on the caller must ask [`Interrupt::check`].
    pub fn watch(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// Tells whether to go on.
    pub fn check(&self) -> ControlFlow<()> {
        match self.raised.load(Ordering::SeqCst) {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    /// Returns the exit code after an interrupt.
    pub fn exit_code(&self) -> u8 {
        (SIGNALLED as usize + self.raised.load(Ordering::SeqCst)) as u8
    }
}
