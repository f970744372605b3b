//! Speaks many requests and calls back with each outcome.

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::ops::ControlFlow;
use std::ptr::null;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chattts_rs::speech::Line;
use chattts_rs::{Error, Limits, Outcome, Spoken};

use super::border::{Failure, Inside, Result, c_string, call_back};
use super::open::{Call, lock};
use super::types::*;
use super::{log, request, summary_of};

/// Calls back with outcomes, one at a time.
struct Receiver {
    callback: unsafe extern "C" fn(*mut c_void, *const ChatttsResult) -> c_int,
    user: Mutex<*mut c_void>,
    is_over: AtomicBool,
}

// SAFETY: the header says that threads call it one after another, and the lock holds them to it.
unsafe impl Send for Receiver {}
// SAFETY: as above.
unsafe impl Sync for Receiver {}

impl Receiver {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn deliver(&self, index: usize, result: Result<Spoken>) {
        let user = lock(&self.user);
        if self.is_over() {
            return;
        }
        let message = result.as_ref().err().map(|failure| c_string(&failure.message));
        let status = result.as_ref().err().map_or(CHATTTS_OK, |failure| failure.status);
        let spoken = result.ok();
        let summary = spoken.as_ref().map(|spoken| summary_of(&spoken.summary));
        let samples = spoken.as_ref().map(|spoken| spoken.samples.as_slice());
        let result = ChatttsResult {
            size: size_of::<ChatttsResult>(),
            index,
            samples: samples.map_or(null(), <[f32]>::as_ptr),
            samples_len: samples.map_or(0, <[f32]>::len),
            summary: summary.as_ref().map_or(null(), |summary| summary),
            message: message.as_ref().map_or(null(), |message| message.as_ptr()),
            status,
            reserved: 0,
        };
        // SAFETY: the caller gave a function for this; what the result points to lives until after it.
        let stops = call_back(Inside::Call, || unsafe { (self.callback)(*user, &result) }) != 0;
        self.is_over.fetch_or(stops, Ordering::Relaxed);
    }
}

/// Speaks all requests, as many at once as there are slots.
///
/// # Safety
/// `requests` point to `count` pointers to requests.
pub unsafe fn speak(
    call: &Call,
    requests: &[*const ChatttsRequest],
    callback: ChatttsOnResult,
    user: *mut c_void,
) -> Result<()> {
    let callback = callback.ok_or_else(|| Failure::parameter("on_result", "is NULL"))?;
    let receiver = Receiver { callback, user: Mutex::new(user), is_over: AtomicBool::new(false) };
    let compose = |asked: *const ChatttsRequest| -> Result<Line> {
        // SAFETY: as the caller promises.
        let (request, _) = unsafe { request::whole(asked) }?;
        request.overrides.validate()?;
        let line = call.engine().compose(&request)?;
        line.warnings.iter().for_each(|warning| log::say(CHATTTS_LOG_WARNING, &warning.message));
        Ok(line)
    };
    let lines = requests.iter().enumerate().filter_map(|(index, asked)| match compose(*asked) {
        Ok(line) => Some((index, line)),
        Err(failure) => {
            receiver.deliver(index, Err(failure));
            None
        }
    });
    let deliver = |outcome: Outcome| receiver.deliver(outcome.index, outcome.result.map_err(Failure::from));
    let go_on = || match receiver.is_over() || call.is_cancelled() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    call.engine().speak_all(lines, Limits::default(), &deliver, go_on)?;
    match receiver.is_over() {
        true => Err(Error::Interrupted.into()),
        false => Ok(()),
    }
}
