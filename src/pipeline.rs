//! Many lines in, many waves out: the engine steps, finished codes are rendered beside it, finished lines
//! are handed to writers, and a bounded queue between each keeps memory flat.
//!
//! The thread that calls [`run`] owns the model and steps the engine. One thread renders, grouping what is
//! ready; a few threads deliver. A writer that is slow holds the others up only when its queue is full.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::chat_tts::{ChatTts, Speech};
use crate::engine::{Codes, Decoder, Event, Finish, Goal, Request, RequestId, Voice, VoiceSample};
use crate::error::{Error, Result};
use crate::model::{Rendered, Renderer};

/// Steps whose codes are rendered together, about: what is rendered at once sits in memory several times.
pub(crate) const GROUP_STEPS: usize = 1024;
/// Threads that deliver.
const WRITERS: usize = 2;
/// How many seeds are tried for a text that ends at its first token.
const SEEDS: u64 = 8;

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
        self.pieces.iter().any(|piece| piece.codes.finish != Finish::End)
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
    /// How far, in lines, the engine may run ahead of the first line that is not delivered: for a receiver
    /// that needs them in order. None lets it run free.
    pub ahead: Option<usize>,
}

/// A piece of a line in the engine or at the renderer.
struct Piece {
    line: usize,
    number: usize,
    /// Which seed is tried, counted from the one asked for. Each piece counts for itself: what it is spoken
    /// with must not depend on when the others end.
    attempt: u64,
}

/// A line that is begun.
struct Begun {
    line: Line,
    /// The request's voice and the line's others; the first piece of each sets its sample.
    voices: Vec<Voice>,
    /// The last seed that a piece needed.
    seed: u64,
    pieces: Vec<Option<Speech>>,
    start: Instant,
}

impl Begun {
    /// The pieces that a voice speaks, in order.
    fn spoken_by(&self, voice: usize) -> impl Iterator<Item = usize> {
        let pieces = self.line.pieces.iter().enumerate();
        pieces.filter(move |(_, piece)| piece.voice == voice).map(|(number, _)| number)
    }

    /// The pieces that wait for this one, whose sound becomes their voice.
    fn waiting_for(&self, number: usize) -> Vec<usize> {
        let Some(voice) = self.line.pieces.get(number).map(|piece| piece.voice) else { return Vec::new() };
        if self.voices.get(voice).is_none_or(|voice| voice.sample.is_some()) {
            return Vec::new();
        }
        let mut pieces = self.spoken_by(voice);
        if pieces.next() == Some(number) { pieces.collect() } else { Vec::new() }
    }
}

/// Speaks lines and delivers their outcomes, from several threads and in any order. `observe` sees the
/// engine's events and may break off.
///
/// # Errors
/// [`Error::Interrupted`] if `observe` broke off; what the device said if it failed. What concerns one line
/// alone is its outcome.
pub fn run(
    tts: &mut ChatTts,
    lines: impl Iterator<Item = Line>,
    limits: Limits,
    deliver: &(dyn Fn(Outcome) + Sync),
    observe: impl FnMut(&Event) -> ControlFlow<()>,
) -> Result<()> {
    let slots = tts.batch_size();
    let renderer = tts.renderer();
    std::thread::scope(|scope| {
        let (codes_in, codes_out) = sync_channel(2 * slots);
        let (waves_in, waves_out) = sync_channel(2 * slots);
        let (done_in, done_out) = sync_channel(2 * WRITERS);
        let done_out = Arc::new(Mutex::new(done_out));
        scope.spawn({
            let renderer = Arc::clone(&renderer);
            move || render_loop(&renderer, &codes_out, &waves_in)
        });
        for _ in 0..WRITERS {
            let done_out = Arc::clone(&done_out);
            scope.spawn(move || {
                while let Some(outcome) = next(&done_out) {
                    deliver(outcome);
                }
            });
        }
        let mut conductor = Conductor {
            tts,
            renderer,
            limits,
            begun: HashMap::new(),
            running: HashMap::new(),
            next_id: 0,
            at_renderer: 0,
            codes: codes_in,
            waves: waves_out,
            done: done_in,
        };
        let result = conductor.conduct(lines, observe);
        conductor.tts.engine_mut().clear();
        result
    })
}

/// The next outcome for a writer; none when the run is over.
fn next(queue: &Mutex<Receiver<Outcome>>) -> Option<Outcome> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

struct Conductor<'a> {
    tts: &'a mut ChatTts,
    renderer: Arc<Renderer>,
    limits: Limits,
    /// By index.
    begun: HashMap<usize, Begun>,
    running: HashMap<RequestId, Piece>,
    next_id: RequestId,
    at_renderer: usize,
    codes: SyncSender<(Piece, Box<Codes>)>,
    waves: Receiver<(Piece, Result<Speech>)>,
    done: SyncSender<Outcome>,
}

impl Conductor<'_> {
    fn conduct(
        &mut self,
        lines: impl Iterator<Item = Line>,
        mut observe: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut lines = lines.peekable();
        loop {
            while self.may_begin() && lines.peek().is_some_and(|line| self.in_reach(line.index)) {
                let Some(line) = lines.next() else { break };
                self.begin(line)?;
            }
            self.take_waves()?;
            if self.tts.engine_mut().is_idle() {
                if self.at_renderer > 0 {
                    self.wait_for_wave()?;
                    continue;
                }
                if lines.peek().is_none() {
                    return Ok(());
                }
            }
            for event in self.tts.engine_mut().step()? {
                if observe(&event).is_break() {
                    return Err(Error::Interrupted);
                }
                self.take_event(event)?;
            }
        }
    }

    /// A line is begun when nothing waits for a slot, and waits for at most a step.
    fn may_begin(&mut self) -> bool {
        self.tts.engine_mut().waiting() == 0 && self.running.len() < self.tts.batch_size()
    }

    fn in_reach(&self, index: usize) -> bool {
        let first = self.begun.keys().min().copied().unwrap_or(index);
        self.limits.ahead.is_none_or(|ahead| index - first.min(index) <= ahead)
    }

    fn begin(&mut self, line: Line) -> Result<()> {
        let index = line.index;
        if line.pieces.is_empty() {
            return self.finish(index, Err(Error::EmptyText("the line has no pieces".into())));
        }
        let count = 1 + line.voices.len();
        if let Some(piece) = line.pieces.iter().find(|piece| piece.voice >= count) {
            let reason = format!("a piece asks for voice {} of {count}", piece.voice);
            return self.finish(index, Err(Error::parameter("voice", reason)));
        }
        let begun = Begun {
            voices: [&line.request.voice].into_iter().chain(&line.voices).cloned().collect(),
            seed: line.request.seed,
            pieces: line.pieces.iter().map(|_| None).collect(),
            start: Instant::now(),
            line,
        };
        // With a voice of a sample all pieces go at once; else the first one sets the voice.
        let first: Vec<usize> = (0..begun.voices.len())
            .flat_map(|voice| {
                let has_sample = begun.voices[voice].sample.is_some();
                begun.spoken_by(voice).take(if has_sample { usize::MAX } else { 1 })
            })
            .collect();
        self.begun.insert(index, begun);
        first.into_iter().for_each(|number| self.submit(index, number, 0));
        Ok(())
    }

    fn submit(&mut self, index: usize, number: usize, attempt: u64) {
        let Some(begun) = self.begun.get_mut(&index) else { return };
        let mut request = begun.line.request.clone();
        let piece = &begun.line.pieces[number];
        request.text.clone_from(&piece.text);
        request.voice.clone_from(&begun.voices[piece.voice]);
        if let Some(speed) = &piece.speed {
            request.speed.clone_from(speed);
        }
        request.seed = request.seed.wrapping_add(attempt);
        if attempt > 0 {
            begun.seed = request.seed;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.running.insert(id, Piece { line: index, number, attempt });
        self.tts.engine_mut().submit(id, Goal::Speak, request);
    }

    fn take_event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Spoken { id, codes } => {
                let Some(piece) = self.running.remove(&id) else { return Ok(()) };
                self.send(piece, codes)
            }
            Event::Failed { id, error } => {
                let Some(piece) = self.running.remove(&id) else { return Ok(()) };
                if matches!(error, Error::EndedAtOnce { .. }) && piece.attempt + 1 < SEEDS {
                    self.submit(piece.line, piece.number, piece.attempt + 1);
                    return Ok(());
                }
                self.finish(piece.line, Err(error))
            }
            _ => Ok(()),
        }
    }

    /// Hands codes to the renderer; while its queue is full, takes what it has finished.
    fn send(&mut self, piece: Piece, codes: Box<Codes>) -> Result<()> {
        let mut item = (piece, codes);
        loop {
            match self.codes.try_send(item) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) => {
                    item = back;
                    self.wait_for_wave()?;
                }
                Err(TrySendError::Disconnected(_)) => return Err(renderer_gone()),
            }
        }
        self.at_renderer += 1;
        Ok(())
    }

    fn take_waves(&mut self) -> Result<()> {
        loop {
            match self.waves.try_recv() {
                Ok((piece, speech)) => self.take_wave(&piece, speech)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(renderer_gone()),
            }
        }
    }

    fn wait_for_wave(&mut self) -> Result<()> {
        let (piece, speech) = self.waves.recv().map_err(|_| renderer_gone())?;
        self.take_wave(&piece, speech)
    }

    fn take_wave(&mut self, piece: &Piece, speech: Result<Speech>) -> Result<()> {
        self.at_renderer -= 1;
        let Some(begun) = self.begun.get_mut(&piece.line) else { return Ok(()) };
        let speech = match speech {
            Ok(speech) => speech,
            Err(error) => return self.finish(piece.line, Err(error)),
        };
        let waiting = begun.waiting_for(piece.number);
        if !waiting.is_empty() {
            let Text { text, voice, .. } = begun.line.pieces[piece.number].clone();
            match self.renderer.encode(&speech.wave) {
                Ok(codes) => begun.voices[voice].sample = Some(VoiceSample { codes, text }),
                Err(error) => return self.finish(piece.line, Err(error)),
            }
        }
        begun.pieces[piece.number] = Some(speech);
        if !waiting.is_empty() {
            waiting.into_iter().for_each(|number| self.submit(piece.line, number, 0));
            return Ok(());
        }
        if begun.pieces.iter().all(Option::is_some) {
            let spoken = Spoken {
                pieces: std::mem::take(&mut begun.pieces).into_iter().flatten().collect(),
                seed: begun.seed,
                time: begun.start.elapsed(),
            };
            return self.finish(piece.line, Ok(spoken));
        }
        Ok(())
    }

    fn finish(&mut self, index: usize, result: Result<Spoken>) -> Result<()> {
        self.begun.remove(&index);
        let gone = |_| Error::Audio("the threads that deliver have stopped".into());
        self.done.send(Outcome { index, result }).map_err(gone)
    }
}

fn renderer_gone() -> Error {
    Error::Audio("the thread that renders has stopped".into())
}

/// Renders what comes, grouped with what has come meanwhile, until nothing comes any more.
fn render_loop(
    renderer: &Renderer,
    codes: &Receiver<(Piece, Box<Codes>)>,
    waves: &SyncSender<(Piece, Result<Speech>)>,
) {
    while let Ok(first) = codes.recv() {
        let mut group = vec![first];
        let mut steps = group[0].1.tokens.len();
        while steps < GROUP_STEPS
            && let Ok(next) = codes.try_recv()
        {
            steps += next.1.tokens.len();
            group.push(next);
        }
        let (from_hiddens, from_codes): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|(_, codes)| codes.decoder == Decoder::HiddenStates);
        for (kind, group) in [(Decoder::HiddenStates, from_hiddens), (Decoder::Codes, from_codes)] {
            let rendered = render(renderer, kind, &group);
            for ((piece, codes), rendered) in group.into_iter().zip(rendered) {
                let speech = rendered.map(|Rendered { mel, wave }| Speech { wave, mel, codes: *codes });
                if waves.send((piece, speech)).is_err() {
                    return;
                }
            }
        }
    }
}

fn render(renderer: &Renderer, kind: Decoder, group: &[(Piece, Box<Codes>)]) -> Vec<Result<Rendered>> {
    if group.is_empty() {
        return Vec::new();
    }
    let all: Vec<&Codes> = group.iter().map(|(_, codes)| &**codes).collect();
    match render_codes(renderer, kind, &all) {
        Ok(rendered) => rendered.into_iter().map(Ok).collect(),
        // One that cannot be rendered must not cost the others.
        Err(_) => all
            .iter()
            .map(|codes| {
                let one = render_codes(renderer, kind, &[codes])?;
                one.into_iter().next().ok_or_else(|| Error::Audio("nothing was rendered".into()))
            })
            .collect(),
    }
}

/// Renders sequences of codes from their hidden states or from the codes alone.
pub(crate) fn render_codes(renderer: &Renderer, kind: Decoder, all: &[&Codes]) -> Result<Vec<Rendered>> {
    match kind {
        Decoder::HiddenStates => {
            renderer.from_hiddens(&all.iter().map(|codes| codes.hiddens.as_slice()).collect::<Vec<_>>())
        }
        Decoder::Codes => {
            let rows: Vec<_> = all.iter().map(|codes| codes.by_codebook()).collect();
            renderer.from_codes(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
        }
    }
}
