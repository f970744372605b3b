//! The speech of one request, as it is made.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::channel::{Channel, Message, Received, Times};
use super::state::RunState;
use crate::backend::Mel;
use crate::engine::{Codes, FinishReason, Refined};
use crate::error::{Error, Result};
use crate::speech::{Piece, PostProcess, PostProcessor, Warning};

/// An event of a request. The order is: started, for each piece its refined text, its samples and its cues,
/// done; somewhere before the last samples, drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The request holds a slot.
    Started {
        /// Seconds that it waited.
        queued: f64,
    },
    /// A piece's text was refined; its speech follows, unless only refining was asked for.
    Refined {
        /// Number of the piece, from 0.
        piece: usize,
        /// The refined text.
        refined: Refined,
    },
    /// More samples, −1 to 1, at the rate that was asked for.
    Samples(Vec<f32>),
    /// A sentence that has been spoken.
    Cue {
        /// The sentence as it was written.
        text: String,
        /// Position of the sentence in the request's text, in bytes.
        range: Range<usize>,
        /// Begin of the sentence, in seconds from the start of the sound.
        start: f64,
        /// End of the sentence, in seconds from the start of the sound.
        end: f64,
    },
    /// The model's outputs for a piece, where they were asked for.
    #[serde(skip)]
    Trace(Box<Trace>),
    /// All tokens are drawn, and the request holds no slot any more; what is left of its sound follows.
    Drawn,
    /// The request is complete.
    Done(Summary),
}

impl Event {
    /// Returns the samples; an event without sound has none.
    pub fn samples(&self) -> &[f32] {
        match self {
            Event::Samples(samples) => samples,
            _ => &[],
        }
    }
}

/// Says how a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of samples that were given out.
    pub samples: u64,
    /// Samples per second.
    pub sample_rate: u32,
    /// Number of tokens that were drawn.
    pub tokens: usize,
    /// The seed of the speech: the one that was asked for, or a following one if that one ended at once.
    pub seed: u64,
    /// The seed that was asked for.
    pub asked_seed: u64,
    /// The reason why it ended; if pieces were cut off, that of the first of them.
    pub finish: FinishReason,
    /// Seconds from the request to its first step.
    pub queued: f64,
    /// Seconds from the request to its first samples, before post-processing.
    pub first_sound: Option<f64>,
    /// Seconds from the request to its last samples.
    pub total: f64,
    /// The stages between.
    #[serde(default)]
    pub stages: Stages,
}

/// The stages of a request, each with its begin and its end in seconds from the request. Those of several pieces
/// reach from the first begin to the last end; a wave is rendered while more tokens are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// The step that took the first prompt in.
    pub prefill: Option<(f64, f64)>,
    /// The steps after it, to the last token.
    pub decode: Option<(f64, f64)>,
    /// From the renderer's first work to its last.
    pub render: Option<(f64, f64)>,
    /// Seconds that the renderer worked; what it renders together with others counts whole.
    pub rendering: f64,
}

impl From<&Times> for Stages {
    fn from(times: &Times) -> Self {
        let seconds =
            |(begin, end): (Duration, Duration)| (begin.as_secs_f64(), end.max(begin).as_secs_f64());
        Stages {
            prefill: times.prefilled.map(|end| seconds((times.queued, end))),
            decode: times.prefilled.zip(times.decoded).map(seconds),
            render: times.rendered.map(seconds),
            rendering: times.rendering.as_secs_f64(),
        }
    }
}

impl Summary {
    /// Returns the length of the sound, in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate)
    }

    /// Tells whether a piece was cut off before the model ended it.
    pub fn is_truncated(&self) -> bool {
        self.finish != FinishReason::End
    }
}

/// The model's outputs for one piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Number of the piece, from 0.
    pub piece: usize,
    /// Samples at 24 kHz, about −1 to 1, before post-processing.
    pub wave: Vec<f32>,
    /// The log mel they were made from.
    pub mel: Mel,
    /// The codes that were drawn, their hidden states, and the refined text.
    pub codes: Codes,
}

/// The whole sound of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// The samples, −1 to 1.
    pub samples: Vec<f32>,
    /// Summary of how the request ended.
    pub summary: Summary,
}

/// A request's events, as they happen: an iterator that waits for the next one. Dropping it cancels the
/// request, whose slot is free with the next step. A slow reader holds back only its own request.
pub struct Speech {
    channel: Arc<Channel>,
    state: Arc<RunState>,
    pieces: Vec<Piece>,
    settings: PostProcess,
    asked_seed: u64,
    refines_only: bool,
    warnings: Vec<Warning>,
    /// The post-processor; None once the line is over.
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

/// Cancels a request from another thread.
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
            refines_only,
            warnings,
            processor,
            piece: 0,
            samples: 0,
            ready,
        })
    }

    /// Returns the warnings about the request for the user.
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

    /// Waits at most this long for the next event. Returns `Ok(None)` if none has come, and an iterator's
    /// `None` if no event will come any more.
    pub fn next_within(&mut self, time: Duration) -> Option<Result<Option<Event>>> {
        match self.advance(&mut |channel| channel.receive(Some(Instant::now() + time))) {
            Poll::Ready(event) => event.map(|event| event.map(Some)),
            Poll::Pending => Some(Ok(None)),
        }
    }

    /// Returns the next event if there is one; if not, the task is woken when there may be one.
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let waker = context.waker();
        self.advance(&mut |channel| channel.poll(waker))
    }

    /// Reads the request to its end.
    ///
    /// # Errors
    /// The error that ended the request early.
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
            Message::Drawn => self.ready.push_back(Event::Drawn),
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
                if self.samples == 0 && !self.refines_only {
                    let reason =
                        "the model's speech is all silence; another seed may help, if its weights are whole";
                    return Err(Error::Audio(reason.into()));
                }
                let Times { queued, first_sound, total, .. } = times;
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
                    stages: Stages::from(&times),
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
