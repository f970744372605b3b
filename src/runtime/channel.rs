//! The channel that carries one request's sound from the worker to its reader.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::engine::{FinishReason, Refined};
use crate::error::Error;

use super::speech::Trace;

/// The number of samples, 20 seconds of them, that may wait to be read before the request is held back: enough
/// that a reader who looks rarely never stops it, and little memory beside what making them takes.
pub(super) const READ_AHEAD: usize = 20 * crate::backend::SAMPLE_RATE as usize;

/// A worker's message about a line, in order.
pub(super) enum Message {
    Started {
        queued: Duration,
    },
    Refined {
        piece: usize,
        refined: Refined,
    },
    /// Samples of the current piece, at the model's rate.
    Samples(Vec<f32>),
    Trace(Box<Trace>),
    PieceEnd,
    /// The last token is drawn.
    Drawn,
    Done {
        tokens: usize,
        seed: u64,
        finish: FinishReason,
        times: Times,
    },
    Failed(Error),
}

/// The times of a request's stages, counted from the request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub queued: Duration,
    pub first_sound: Option<Duration>,
    pub total: Duration,
    /// Ends of the step that took the first prompt in, and of the last that drew a token.
    pub prefilled: Option<Duration>,
    pub decoded: Option<Duration>,
    /// Begin and end of the renderer's work, and the time it worked.
    pub rendered: Option<(Duration, Duration)>,
    pub rendering: Duration,
}

/// Holds the messages that were sent and not read yet.
pub(super) struct Channel {
    state: Mutex<State>,
    readable: Condvar,
    is_cancelled: AtomicBool,
    /// Number of samples that wait to be read.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    /// The waker of a reader that does not block.
    waker: Option<Waker>,
    is_over: bool,
}

/// The result of waiting for a message for a limited time.
pub(super) enum Received {
    Message(Message),
    /// No message has come yet.
    Nothing,
    /// No message will come any more.
    Over,
}

impl Channel {
    pub fn new() -> Self {
        Channel {
            state: Mutex::default(),
            readable: Condvar::new(),
            is_cancelled: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Sends a message; messages after one that ends the line are ignored.
    pub fn send(&self, message: Message) {
        let waker = {
            let mut state = self.lock();
            if state.is_over || self.is_cancelled() {
                return;
            }
            if let Message::Samples(samples) = &message {
                self.waiting.fetch_add(samples.len(), Ordering::Relaxed);
            }
            state.is_over = matches!(message, Message::Done { .. } | Message::Failed(_));
            state.messages.push_back(message);
            state.waker.take()
        };
        self.readable.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the next message, and waits for it until this time.
    pub fn receive(&self, until: Option<Instant>) -> Received {
        let mut state = self.lock();
        loop {
            if let Some(message) = self.pop(&mut state) {
                return message;
            }
            state = match until {
                None => self.readable.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let now = Instant::now();
                    if now >= until {
                        return Received::Nothing;
                    }
                    let waited = self.readable.wait_timeout(state, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Takes the next message; if there is none, `waker` is woken when there is one.
    pub fn poll(&self, waker: &Waker) -> Received {
        let mut state = self.lock();
        let message = self.pop(&mut state);
        message.unwrap_or_else(|| {
            state.waker = Some(waker.clone());
            Received::Nothing
        })
    }

    fn pop(&self, state: &mut State) -> Option<Received> {
        match state.messages.pop_front() {
            Some(message) => {
                if let Message::Samples(samples) = &message {
                    self.waiting.fetch_sub(samples.len(), Ordering::Relaxed);
                }
                Some(Received::Message(message))
            }
            None if state.is_over || self.is_cancelled() => Some(Received::Over),
            None => None,
        }
    }

    /// Ends the line. The reader first gets what was made so far, and then that it was interrupted.
    pub fn cancel(&self) {
        let waker = {
            let mut state = self.lock();
            if !state.is_over && !self.is_cancelled() {
                state.messages.push_back(Message::Failed(Error::Interrupted));
                state.is_over = true;
            }
            self.is_cancelled.store(true, Ordering::Relaxed);
            state.waker.take()
        };
        self.readable.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Tells whether the line must be held back.
    pub fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= READ_AHEAD
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
