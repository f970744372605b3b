//! One request's speech, as it is made.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::channel::{Channel, Message, Received, Times};
use super::state::RunState;
use crate::engine::{Codes, FinishReason, Refined};
use crate::error::{Error, Result};
use crate::model::Mel;
use crate::speech::{Piece, PostProcess, PostProcessor, Warning};

/// What a request is told, in order: started, for each piece its refined text, its samples and its cues, done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// It holds a slot.
    Started {
        /// How long it waited, in seconds.
        queued: f64,
    },
    /// A piece's text was rewritten; its speech follows, unless refining is all that was asked for.
    Refined {
        /// Which piece, from 0.
        piece: usize,
        /// What became of its text.
        refined: Refined,
    },
    /// More sound, −1 to 1, at the rate that was asked for.
    Samples(Vec<f32>),
    /// A sentence that has been spoken.
    Cue {
        /// The sentence as it was written.
        text: String,
        /// Where it stands in the request's text, in bytes.
        range: Range<usize>,
        /// When it begins, in seconds from the start of the sound.
        start: f64,
        /// When it ends.
        end: f64,
    },
    /// What a piece was made from, where that was asked for.
    #[serde(skip)]
    Trace(Box<Trace>),
    /// All is said.
    Done(Summary),
}

impl Event {
    /// Returns the samples, none of an event that is not sound.
    pub fn samples(&self) -> &[f32] {
        match self {
            Event::Samples(samples) => samples,
            _ => &[],
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Samples that were given out.
    pub samples: u64,
    /// Samples per second.
    pub sample_rate: u32,
    /// Tokens that were drawn.
    pub tokens: usize,
    /// The seed it was spoken with: the one asked for, or a following one where that ended at once.
    pub seed: u64,
    /// The seed that was asked for.
    pub asked_seed: u64,
    /// Why it ended; if a piece was cut off, why the first of those was.
    pub finish: FinishReason,
    /// Seconds from the request to its first step.
    pub queued: f64,
    /// Seconds from the request to its first samples, before post-processing.
    pub first_sound: Option<f64>,
    /// Seconds from the request to its last samples.
    pub total: f64,
}

impl Summary {
    /// Returns how long the sound is, in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate)
    }

    /// Tells whether a piece was cut off before the model ended it.
    pub fn is_truncated(&self) -> bool {
        self.finish != FinishReason::End
    }
}

/// What the model computed of one piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Which piece, from 0.
    pub piece: usize,
    /// Samples at 24 kHz, about −1 to 1, before post-processing.
    pub wave: Vec<f32>,
    /// The log mel they were made from.
    pub mel: Mel,
    /// The codes that were drawn, their hidden states, and the refined text.
    pub codes: Codes,
}

/// All of a request's sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// The samples, −1 to 1.
    pub samples: Vec<f32>,
    /// How it was made.
    pub summary: Summary,
}

/// A request's events, as they happen: an iterator that waits for the next one. Dropping it cancels the request,
/// whose slot is free with the next step. A reader who is slow holds back this request alone.
pub struct Speech {
    channel: Arc<Channel>,
    state: Arc<RunState>,
    pieces: Vec<Piece>,
    settings: PostProcess,
    asked_seed: u64,
    warnings: Vec<Warning>,
    /// None once the line is over.
    processor: Option<PostProcessor>,
    piece: usize,
    samples: u64,
    ready: VecDeque<Event>,
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech")
            .field("piece", &self.piece)
            .field("samples", &self.samples)
            .finish_non_exhaustive()
    }
}

/// Cancels a request from elsewhere.
#[derive(Clone)]
pub struct Canceller {
    channel: Arc<Channel>,
    state: Arc<RunState>,
}

impl Canceller {
    /// Ends the request with [`Error::Interrupted`], unless it is over.
    pub fn cancel(&self) {
        self.channel.cancel();
        self.state.wake();
    }
}

impl Speech {
    pub(super) fn new(state: &Arc<RunState>, line: crate::speech::Line, refines_only: bool) -> Result<Self> {
        let processor = Some(PostProcessor::new(line.post_process)?);
        let (settings, asked_seed) = (line.post_process, line.request.seed);
        let (pieces, warnings) = (line.pieces.clone(), line.warnings.clone());
        let channel = state.submit(line, refines_only)?;
        let (state, ready) = (Arc::clone(state), VecDeque::new());
        Ok(Speech {
            channel,
            state,
            pieces,
            settings,
            asked_seed,
            warnings,
            processor,
            piece: 0,
            samples: 0,
            ready,
        })
    }

    /// Returns what a user should know of the request.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the samples per second of its sound.
    pub fn sample_rate(&self) -> u32 {
        self.settings.sample_rate
    }

    /// Ends the request with [`Error::Interrupted`], unless it is over.
    pub fn cancel(&self) {
        self.canceller().cancel();
    }

    /// Returns a handle that can cancel the request while another thread reads.
    pub fn canceller(&self) -> Canceller {
        Canceller { channel: Arc::clone(&self.channel), state: Arc::clone(&self.state) }
    }

    /// Waits for the next event until a time has passed; `Ok(None)` if none has come, and an iterator's `None` if
    /// nothing comes any more.
    pub fn next_within(&mut self, time: Duration) -> Option<Result<Option<Event>>> {
        match self.advance(&mut |channel| channel.receive(Some(Instant::now() + time))) {
            Poll::Ready(event) => event.map(|event| event.map(Some)),
            Poll::Pending => Some(Ok(None)),
        }
    }

    /// Returns the next event if it is there; if not, the task is woken when it may be.
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let waker = context.waker();
        self.advance(&mut |channel| channel.poll(waker))
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Why it was not spoken to its end.
    pub fn collect_wave(self) -> Result<Wave> {
        let mut samples = Vec::new();
        for event in self {
            match event? {
                Event::Samples(more) => samples.extend(more),
                Event::Done(summary) => return Ok(Wave { samples, summary }),
                _ => {}
            }
        }
        Err(Error::Interrupted)
    }

    fn advance(&mut self, receive: &mut dyn FnMut(&Channel) -> Received) -> Poll<Option<Result<Event>>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.processor.is_none() {
                return Poll::Ready(None);
            }
            let was_full = self.channel.is_full();
            let message = match receive(&self.channel) {
                Received::Message(message) => message,
                Received::Nothing => return Poll::Pending,
                Received::Over => Message::Failed(Error::Interrupted),
            };
            if was_full && !self.channel.is_full() {
                self.state.wake();
            }
            if let Err(error) = self.take(message) {
                self.processor = None;
                self.ready.clear();
                self.channel.cancel();
                self.state.wake();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Turns a message into events.
    fn take(&mut self, message: Message) -> Result<()> {
        let Some(processor) = &mut self.processor else { return Ok(()) };
        match message {
            Message::Started { queued } => {
                self.ready.push_back(Event::Started { queued: queued.as_secs_f64() });
            }
            Message::Refined { piece, refined } => self.ready.push_back(Event::Refined { piece, refined }),
            Message::Trace(trace) => self.ready.push_back(Event::Trace(trace)),
            Message::Samples(samples) => {
                let samples = processor.push(&samples)?;
                self.give(samples);
            }
            Message::PieceEnd => {
                let Some(piece) = self.pieces.get(self.piece) else { return Ok(()) };
                let (samples, cues) = processor.end_piece(piece)?;
                let ranges: Vec<_> = piece.cues.iter().map(|cue| cue.range.clone()).collect();
                self.piece += 1;
                self.give(samples);
                self.ready.extend(cues.into_iter().zip(ranges).map(|(cue, range)| Event::Cue {
                    text: cue.text,
                    range,
                    start: cue.start,
                    end: cue.end,
                }));
            }
            Message::Done { tokens, seed, finish, times } => {
                let rest = self.processor.take().map(PostProcessor::finish).transpose()?;
                self.give(rest.unwrap_or_default());
                let Times { queued, first_sound, total } = times;
                self.ready.push_back(Event::Done(Summary {
                    samples: self.samples,
                    sample_rate: self.settings.sample_rate,
                    tokens,
                    seed,
                    asked_seed: self.asked_seed,
                    finish,
                    queued: queued.as_secs_f64(),
                    first_sound: first_sound.map(|time| time.as_secs_f64()),
                    total: total.as_secs_f64(),
                }));
            }
            Message::Failed(error) => return Err(error),
        }
        Ok(())
    }

    fn give(&mut self, samples: Vec<f32>) {
        if !samples.is_empty() {
            self.samples += samples.len() as u64;
            self.ready.push_back(Event::Samples(samples));
        }
    }
}

impl Iterator for Speech {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance(&mut |channel| channel.receive(None)) {
            Poll::Ready(event) => event,
            // Without an end to its waiting there is always something.
            Poll::Pending => None,
        }
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        if self.processor.is_some() {
            self.cancel();
        }
    }
}
