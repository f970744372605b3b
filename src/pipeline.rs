//! Many lines in, many waves out: the engines step, finished codes are rendered beside them, finished lines
//! are handed to writers, and a bounded queue between each keeps memory flat.
//!
//! Each device has a thread that steps its engine (the first device that of the caller) and one that
//! renders, grouping what is ready; they take lines from one queue whenever a slot is free, so that each does
//! what it can. A few threads deliver for all. A writer that is slow holds the others up only when its queue
//! is full.

mod conductor;
mod queue;
mod render;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::conductor::{Shared, work};
use self::queue::Queue;
pub(crate) use self::render::{GROUP_STEPS, render_codes};
use crate::chat_tts::{ChatTts, Speech};
use crate::engine::{Event, FinishReason, Request, Voice};
use crate::error::{Error, Result};

/// Threads that deliver, at least; as many as there are devices if those are more.
const WRITERS: usize = 2;

/// A line to be spoken: one text, or the pieces of a long one, in order.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its place among the lines, from 0, ascending.
    pub index: usize,
    /// What is spoken, piece by piece; pieces with the same voice sound like the first of them.
    pub pieces: Vec<Text>,
    /// Everything else; its text is not used.
    pub request: Request,
    /// Voices beside the request's own, for pieces that ask for them.
    pub voices: Vec<Voice>,
}

/// A piece of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What is spoken.
    pub text: String,
    /// Its own pace, `[speed_N]`, where it differs from the request's.
    pub speed: Option<String>,
    /// Which of the line's voices speaks: 0 is the request's, 1 the first of [`Line::voices`].
    pub voice: usize,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text { text, ..Text::default() }
    }
}

/// A line that is spoken.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// Its pieces, in order.
    pub pieces: Vec<Speech>,
    /// The seed it was spoken with: the one asked for, or a following one where that ended at once.
    pub seed: u64,
    /// From its start in the engine to its last wave.
    pub time: Duration,
}

impl Spoken {
    /// Whether a piece was cut off before the model ended.
    pub fn is_truncated(&self) -> bool {
        self.pieces.iter().any(|piece| piece.codes.finish != FinishReason::End)
    }

    /// Tokens drawn.
    pub fn tokens(&self) -> usize {
        self.pieces.iter().map(|piece| piece.codes.tokens.len()).sum()
    }
}

/// How a line ended.
pub struct Outcome {
    /// The line's index.
    pub index: usize,
    /// Its speech, or why there is none.
    pub result: Result<Spoken>,
}

/// Bounds of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// How far, in lines, the engines may run ahead of the first line that is not delivered: for a receiver
    /// that needs them in order. None lets it run free.
    pub ahead: Option<usize>,
}

/// What is said while lines are spoken.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// What happened in an engine; no two requests of a run have the same id.
    Event(&'a Event),
    /// A device failed and does no more in this run; others go on.
    DeviceFailed {
        /// [`ChatTts::device_name`].
        device: &'a str,
        /// Why.
        error: &'a Error,
        /// Lines it had begun that the others now speak from their start.
        lines: usize,
    },
}

/// Speaks lines with one model and delivers their outcomes, from several threads and in any order. `observe`
/// sees the engine's events and may break off.
///
/// # Errors
/// [`Error::Interrupted`] if `observe` broke off; what the device said if it failed. What concerns one line
/// alone is its outcome.
pub fn run(
    tts: &mut ChatTts,
    lines: impl Iterator<Item = Line> + Send,
    limits: Limits,
    deliver: &(dyn Fn(Outcome) + Sync),
    mut observe: impl FnMut(&Event) -> ControlFlow<()> + Send,
) -> Result<()> {
    run_all(std::slice::from_mut(tts), lines, limits, deliver, |notice| match notice {
        Notice::Event(event) => observe(event),
        Notice::DeviceFailed { .. } => ControlFlow::Continue(()),
    })
}

/// As [`run`], with several models, one per device, which must be the same model for a line to sound the same
/// wherever it is spoken.
///
/// Lines are taken one by one, under a lock, by whichever device has a free slot. What a device had begun when
/// it failed goes in front of the others' queue; a line that is there when a second device fails is delivered
/// as failed, for it may be the reason. `observe` is called by one thread at a time.
///
/// # Errors
/// [`Error::Interrupted`] if `observe` broke off; what the last device said if all have failed, or that there
/// is none. What concerns one line alone is its outcome.
pub fn run_all(
    models: &mut [ChatTts],
    mut lines: impl Iterator<Item = Line> + Send,
    limits: Limits,
    deliver: &(dyn Fn(Outcome) + Sync),
    mut observe: impl FnMut(Notice<'_>) -> ControlFlow<()> + Send,
) -> Result<()> {
    let devices = models.len();
    let Some((first, others)) = models.split_first_mut() else {
        return Err(Error::Device("there is none to speak with".into()));
    };
    let shared = Shared {
        queue: Queue::new(&mut lines, limits.ahead, devices),
        observe: Mutex::new(&mut observe),
        next_id: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        let writers = WRITERS.max(devices);
        let (done, outcomes) = sync_channel(2 * writers);
        let outcomes = Arc::new(Mutex::new(outcomes));
        for _ in 0..writers {
            let (outcomes, shared) = (Arc::clone(&outcomes), &shared);
            scope.spawn(move || {
                while let Some(outcome) = next(&outcomes) {
                    let _delivered = Delivered { queue: &shared.queue, index: outcome.index };
                    deliver(outcome);
                }
            });
        }
        // The writers alone hold it, so that it ends with them.
        drop(outcomes);
        for tts in others {
            let (done, shared) = (done.clone(), &shared);
            scope.spawn(move || work(tts, shared, done));
        }
        work(first, &shared, done);
    });
    shared.queue.result()
}

/// The next outcome for a writer; none when the run is over.
fn next(outcomes: &Mutex<Receiver<Outcome>>) -> Option<Outcome> {
    outcomes.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Tells the queue that a line is delivered, even if delivering it panicked: others may wait for it.
struct Delivered<'a, 'q> {
    queue: &'a Queue<'q>,
    index: usize,
}

impl Drop for Delivered<'_, '_> {
    fn drop(&mut self) {
        self.queue.delivered(self.index);
    }
}
