//! The callback that takes the library's messages.

use std::ffi::{c_int, c_void};
use std::sync::{PoisonError, RwLock};

use chattts_rs::{Notice, Visible};

use super::border::{Inside, c_string, call_back};
use super::types::*;

struct Log {
    callback: unsafe extern "C" fn(*mut c_void, c_int, *const std::ffi::c_char),
    user: *mut c_void,
}

// SAFETY: the header says that any thread calls it, so the caller's data are for any thread.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

static LOG: RwLock<Option<Log>> = RwLock::new(None);

/// Sets who takes the messages from now on; when this returns, nobody else does any more.
pub fn set(callback: ChatttsOnLog, user: *mut c_void) {
    *LOG.write().unwrap_or_else(PoisonError::into_inner) = callback.map(|callback| Log { callback, user });
}

pub fn say(level: c_int, message: &str) {
    if let Some(log) = &*LOG.read().unwrap_or_else(PoisonError::into_inner) {
        let message = c_string(message);
        // SAFETY: the caller promised a function for this, until another one is set, which waits.
        call_back(Inside::Log, || unsafe { (log.callback)(log.user, level, message.as_ptr()) });
    }
}

/// Tells of what happens while an engine is opened and while it runs.
pub fn notice(notice: &Notice) {
    match notice {
        Notice::Downloading => say(CHATTTS_LOG_INFO, "downloading the model"),
        Notice::Packing { file } => {
            say(CHATTTS_LOG_INFO, &format!("keeping the weights packed in {}", Visible(file.display())));
        }
        Notice::PackingFailed { error } => {
            say(CHATTTS_LOG_WARNING, &format!("the weights cannot be kept packed: {error}"));
        }
        Notice::Loaded { device, precision, seconds, doubts } => {
            let precision = precision.name();
            for doubt in *doubts {
                say(CHATTTS_LOG_WARNING, &format!("{device}: {doubt}"));
            }
            say(CHATTTS_LOG_INFO, &format!("{device}: loaded in {seconds:.2} s, in {precision}"));
        }
        Notice::DeviceFailed { device, error, lines } => {
            let moved = format!("{lines} of its texts go to the other devices");
            say(CHATTTS_LOG_WARNING, &format!("{device} failed: {error}; {moved}"));
        }
        _ => {}
    }
}
