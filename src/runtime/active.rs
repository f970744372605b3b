//! One line on a device: which of its pieces may start, and what its reader has.

use std::collections::BTreeMap;
use std::time::Instant;

use super::channel::{Message, Times};
use super::speech::Trace;
use super::state::Job;
use crate::backend::{HOP, SAMPLE_RATE};
use crate::engine::FinishReason;
use crate::speech::{Line, Priority};
use crate::voice::{VoicePrompt, VoiceSample};

/// The number of steps after which a stream's new samples are first asked for. It grows up to [`RAREST_LOOK`], since
/// each look reads all of the renderer's weights and, on some devices, computes the frames within reach again.
const FIRST_LOOK: usize = 16;
const RAREST_LOOK: usize = 192;
/// The samples that a token becomes.
const TOKEN_SAMPLES: usize = 2 * HOP;

/// A line that has been started.
pub(super) struct Active {
    pub job: Box<Job>,
    /// The line's voices; the first piece of each voice without a sample sets it.
    pub samples: Vec<Option<VoiceSample>>,
    /// Pieces that can be submitted, in order, each with its attempt.
    pub ready: BTreeMap<usize, u64>,
    /// Complete pieces that wait for those before them.
    pub finished: BTreeMap<usize, Finished>,
    /// The piece whose samples the reader gets; `made` is the number of them that were made.
    pub next: usize,
    pub made: usize,
    pub look: Look,
    /// Number of samples that the reader got, of all pieces.
    pub given: usize,
    pub tokens: usize,
    /// The last seed that a piece needed.
    pub seed: u64,
    pub finish: FinishReason,
    pub times: Times,
    /// Whether the reader was told that it has started.
    pub is_announced: bool,
}

pub(super) struct Finished {
    /// Samples that were not given out yet.
    pub samples: Vec<f32>,
    pub trace: Option<Box<Trace>>,
}

/// Says when the stream of a line's next piece is rendered again.
pub(super) struct Look {
    pub at: usize,
    pub every: usize,
    /// Number of steps that the renderer has.
    pub taken: usize,
    pub is_awaited: bool,
}

impl Default for Look {
    fn default() -> Self {
        Look { at: FIRST_LOOK, every: FIRST_LOOK, taken: 0, is_awaited: false }
    }
}

impl Active {
    pub fn new(job: Box<Job>) -> Self {
        let line = &job.line;
        let samples: Vec<_> = line.voices.iter().map(|voice| voice.sample.clone()).collect();
        let mut active = Active {
            samples,
            ready: BTreeMap::new(),
            finished: BTreeMap::new(),
            next: 0,
            made: 0,
            look: Look::default(),
            given: 0,
            tokens: 0,
            seed: line.request.seed,
            finish: FinishReason::End,
            times: Times::default(),
            is_announced: false,
            job,
        };
        // With a voice of a sample all pieces go at once; else the first one sets the voice.
        let first: Vec<usize> = (0..active.job.line.pieces.len())
            .filter(|piece| {
                let voice = active.job.line.pieces[*piece].voice;
                active.samples.get(voice).is_some_and(Option::is_some)
                    || active.spoken_by(voice).next() == Some(*piece)
            })
            .collect();
        active.ready = first.into_iter().map(|piece| (piece, 0)).collect();
        active
    }

    /// Returns the pieces that a voice speaks, in order.
    pub fn spoken_by(&self, voice: usize) -> impl Iterator<Item = usize> {
        let pieces = self.job.line.pieces.iter().enumerate();
        pieces.filter(move |(_, piece)| piece.voice == voice).map(|(number, _)| number)
    }

    /// Returns the pieces that wait for this one, whose sound becomes their voice.
    pub fn waiting_for(&self, piece: usize) -> Vec<usize> {
        let voice = self.job.line.pieces[piece].voice;
        if self.samples.get(voice).is_none_or(Option::is_some) {
            return Vec::new();
        }
        let mut pieces = self.spoken_by(voice);
        if pieces.next() == Some(piece) { pieces.collect() } else { Vec::new() }
    }

    pub fn streams(&self) -> bool {
        let Line { priority, streams, traces, post_process, .. } = &self.job.line;
        *priority == Priority::Interactive && *streams && !traces && post_process.can_stream()
    }

    /// Tells whether another piece may be submitted: a slow reader holds its own line back.
    pub fn may_submit(&self) -> bool {
        !self.ready.is_empty() && !self.job.channel.is_full()
    }

    /// Sets when to look at the stream again, after a look that brought sound or none. Whoever hears it in real time
    /// must not run dry. A line that comes more slowly than it is heard has gaps anyway, of which few are better than
    /// many, and the others pay for its looks.
    pub fn look_again(&mut self, is_heard: bool) {
        let look = &mut self.look;
        look.is_awaited = false;
        if is_heard {
            let time = self.job.submitted.elapsed();
            let drawing = time.saturating_sub(self.times.queued).as_secs_f64();
            let drawn = self.tokens + look.taken;
            let seconds = |samples: usize| samples as f64 / f64::from(SAMPLE_RATE);
            look.every = if seconds(drawn * TOKEN_SAMPLES) < drawing {
                RAREST_LOOK
            } else {
                let heard = time.saturating_sub(self.times.first_sound.unwrap_or(time)).as_secs_f64();
                let ahead = (seconds(self.given) - heard).max(0.0);
                // Half of it is left for the renderer.
                (look.every * 3 / 2).max((ahead / 2.0 * drawn as f64 / drawing) as usize)
            };
            look.every = look.every.min(RAREST_LOOK);
        }
        look.at = look.taken + look.every;
    }

    /// Sends the reader samples of the next piece, without those that it got before a device failed.
    pub fn send(&mut self, samples: Vec<f32>) -> bool {
        let (pieces, sent) = self.job.sent;
        let skipped = match self.next.cmp(&pieces) {
            std::cmp::Ordering::Less => samples.len(),
            std::cmp::Ordering::Equal => sent.saturating_sub(self.made).min(samples.len()),
            std::cmp::Ordering::Greater => 0,
        };
        self.made += samples.len();
        let samples = if skipped > 0 { samples[skipped..].to_vec() } else { samples };
        if samples.is_empty() {
            return false;
        }
        self.job.sent = (self.next, self.made);
        self.given += samples.len();
        self.job.channel.send(Message::Samples(samples));
        let is_first = self.times.first_sound.is_none();
        self.times.first_sound.get_or_insert_with(|| self.job.submitted.elapsed());
        is_first
    }

    pub fn end_piece(&mut self, trace: Option<Box<Trace>>) {
        if self.next >= self.job.sent.0 {
            if let Some(trace) = trace {
                self.job.channel.send(Message::Trace(trace));
            }
            self.job.channel.send(Message::PieceEnd);
            self.job.sent = (self.next + 1, 0);
        }
        self.next += 1;
        self.made = 0;
        self.look = Look::default();
    }
}

impl Active {
    /// Notes that a prompt has been taken in.
    pub fn prefilled(&mut self) {
        self.times.prefilled.get_or_insert_with(|| self.job.submitted.elapsed());
    }

    /// Notes that a piece's last token has been drawn.
    pub fn decoded(&mut self) {
        self.prefilled();
        self.times.decoded = Some(self.job.submitted.elapsed());
    }

    /// Notes when a sound was made.
    pub fn rendered(&mut self, (begin, end): (Instant, Instant)) {
        let since = |time: Instant| time.saturating_duration_since(self.job.submitted);
        let first = self.times.rendered.map_or_else(|| since(begin), |(first, _)| first);
        self.times.rendered = Some((first, since(end)));
        self.times.rendering += end.saturating_duration_since(begin);
    }

    /// Gives the other pieces of a voice the sound of its first piece, which has been spoken.
    pub fn set_voice(&mut self, piece: usize, codes: VoicePrompt) {
        let waiting = self.waiting_for(piece);
        let spoken = &self.job.line.pieces[piece];
        self.samples[spoken.voice] = Some(VoiceSample { codes, text: spoken.text.clone() });
        self.ready.extend(waiting.into_iter().map(|piece| (piece, 0)));
    }
}
