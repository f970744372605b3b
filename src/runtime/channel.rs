//! The way of one request's sound from the worker to whoever reads it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::engine::{FinishReason, Refined};
use crate::error::Error;

use super::speech::Trace;

/// Samples that may wait to be read before the request is held back, 20 seconds: enough that a reader who looks
/// rarely never stops it, and little beside what it takes to make them.
pub(super) const READ_AHEAD: usize = 20 * crate::model::SAMPLE_RATE as usize;

/// What a worker says of a line, in order.
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
    Done {
        tokens: usize,
        seed: u64,
        finish: FinishReason,
        times: Times,
    },
    Failed(Error),
}

/// When things happened, counted from the request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub queued: Duration,
    pub first_sound: Option<Duration>,
    pub total: Duration,
}

/// Holds what was made and not read yet.
pub(super) struct Channel {
    state: Mutex<State>,
    readable: Condvar,
    is_cancelled: AtomicBool,
    /// Samples that wait.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    /// Who reads without blocking.
    waker: Option<Waker>,
    is_over: bool,
}

/// What a reader gets that does not wait for ever.
pub(super) enum Received {
    Message(Message),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
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

    /// Adds a message; one that ends the line is the last that counts.
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

    /// Takes the next message, waiting for it until then.
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

    /// Takes the next message; if there is none, `waker` is told when there is.
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

    /// Ends the line: what was made is read to its end, and then that it was interrupted.
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

    /// Tells whether the line is to be held back.
    pub fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= READ_AHEAD
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
