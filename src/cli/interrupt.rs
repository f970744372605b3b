//! Handles Ctrl-C and similar signals: finishes the file that is being written, then stops.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

/// The base of the exit codes of a program that a signal ended; the signal's number is added: 130 for SIGINT,
/// 143 for SIGTERM, 129 for SIGHUP.
const SIGNALLED: i32 = 128;

/// Holds the signal that has arrived. While work looks out for them, the first signal asks it to stop; otherwise,
/// and at the second signal, the program ends at once.
pub struct Interrupt {
    /// The signal's number; 0 for none.
    raised: Arc<AtomicUsize>,
    at_once: Arc<AtomicBool>,
}

/// Returns SIGHUP where it is not to be ignored, as `nohup` has it. Where that cannot be told it keeps the system's
/// own action.
#[cfg(target_os = "linux")]
fn hangup() -> &'static [std::ffi::c_int] {
    const HANGUP: &[std::ffi::c_int] = &[signal_hook::consts::SIGHUP];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) if mask & 1 << (signal_hook::consts::SIGHUP - 1) == 0 => HANGUP,
        _ => &[],
    }
}

#[cfg(not(target_os = "linux"))]
fn hangup() -> &'static [std::ffi::c_int] {
    &[]
}

impl Interrupt {
    /// Installs the handlers of the signals.
    pub fn install() -> io::Result<Self> {
        let raised = Arc::new(AtomicUsize::new(0));
        let at_once = Arc::new(AtomicBool::new(true));
        #[cfg(unix)]
        {
            // A file that grows too large is then an error of its write, and not the program's end.
            flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
        }
        for signal in TERM_SIGNALS.iter().chain(hangup()) {
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

    /// Tells whether it was asked to end as schedulers ask, which then wait for a while.
    pub fn is_termination(&self) -> bool {
        self.raised.load(Ordering::SeqCst) == signal_hook::consts::SIGTERM as usize
    }

    /// Returns the exit code after an interrupt.
    pub fn exit_code(&self) -> u8 {
        (SIGNALLED as usize + self.raised.load(Ordering::SeqCst)) as u8
    }
}
