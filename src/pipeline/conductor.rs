//! What one device does of a run: takes lines, steps its engine, hands codes to its renderer and speech to
//! the writers.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::queue::{GivenBack, Next, Queue};
use super::render::render_loop;
use super::{Line, Notice, Outcome, Spoken, Text};
use crate::chat_tts::{ChatTts, Speech};
use crate::engine::{Codes, Event, Goal, RequestId, Voice, VoiceSample};
use crate::error::{Error, Result};
use crate::model::Renderer;

/// How many seeds are tried for a text that ends at its first token.
const SEEDS: u64 = 8;

/// The caller's ear.
pub(super) type Observe<'a> = &'a mut (dyn FnMut(Notice<'_>) -> ControlFlow<()> + Send);

/// What the devices of a run share.
pub(super) struct Shared<'a> {
    pub queue: Queue<'a>,
    pub observe: Mutex<Observe<'a>>,
    /// Requests of all devices are numbered together, so that each event tells its request.
    pub next_id: AtomicU64,
}

impl Shared<'_> {
    /// Tells the caller, who may stop the run; whoever did so is told nothing more.
    fn tell<'n>(&self, notices: impl IntoIterator<Item = Notice<'n>>) {
        let mut observe = self.observe.lock().unwrap_or_else(PoisonError::into_inner);
        for notice in notices {
            if self.queue.is_stopped() {
                return;
            }
            if observe(notice).is_break() {
                self.queue.stop(Error::Interrupted);
            }
        }
    }
}

/// A piece of a line in the engine or at the renderer.
pub(super) struct Piece {
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

/// Why a device stops before the run is over.
enum Halt {
    /// Something that befalls all of them.
    Run(Error),
    /// It failed; others may go on.
    Device(Error),
}

/// Ends the run for the other devices if this one panics, so that they do not wait for its lines.
struct StopOnPanic<'a, 'q>(&'a Queue<'q>);

impl Drop for StopOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(Error::Device("a thread of another device has stopped".into()));
        }
    }
}

/// Speaks lines on one device until there are none, the run is stopped, or the device fails.
pub(super) fn work(tts: &mut ChatTts, shared: &Shared, done: SyncSender<Outcome>) {
    let _guard = StopOnPanic(&shared.queue);
    let slots = tts.batch_size();
    let renderer = tts.renderer();
    std::thread::scope(|scope| {
        let (codes_in, codes_out) = sync_channel(2 * slots);
        let (waves_in, waves_out) = sync_channel(2 * slots);
        scope.spawn({
            let renderer = Arc::clone(&renderer);
            move || render_loop(&renderer, &codes_out, &waves_in)
        });
        let mut conductor = Conductor {
            tts,
            renderer,
            shared,
            begun: HashMap::new(),
            running: HashMap::new(),
            at_renderer: 0,
            codes: codes_in,
            waves: waves_out,
            done,
        };
        let halt = match conductor.conduct() {
            // At once: the renderer, which is waited for at the end of this scope, may take its time.
            Err(Halt::Device(error)) => conductor.fail(error),
            other => other,
        };
        if let Err(Halt::Run(error) | Halt::Device(error)) = halt {
            shared.queue.stop(error);
        }
        conductor.tts.engine_mut().clear();
    });
}

struct Conductor<'a, 'q> {
    tts: &'a mut ChatTts,
    renderer: Arc<Renderer>,
    shared: &'a Shared<'q>,
    /// By index.
    begun: HashMap<usize, Begun>,
    running: HashMap<RequestId, Piece>,
    at_renderer: usize,
    codes: SyncSender<(Piece, Box<Codes>)>,
    waves: Receiver<(Piece, Result<Speech>)>,
    done: SyncSender<Outcome>,
}

/// Of so many slots, one may be filled in a step.
const SLOTS_FOR_A_LINE: usize = 16;

impl Conductor<'_, '_> {
    fn conduct(&mut self) -> Result<(), Halt> {
        while !self.shared.queue.is_stopped() {
            while self.may_begin() {
                match self.shared.queue.take() {
                    Next::Line(line) => self.begin(*line)?,
                    Next::Over if self.begun.is_empty() => return Ok(()),
                    Next::Over | Next::Later => break,
                }
            }
            self.take_waves()?;
            if self.tts.engine_mut().is_idle() {
                if self.at_renderer > 0 {
                    self.wait_for_wave()?;
                } else if let Some(line) = self.shared.queue.wait() {
                    self.begin(*line)?;
                } else {
                    return Ok(());
                }
                continue;
            }
            let events = self.tts.engine_mut().step().map_err(Halt::Device)?;
            self.shared.tell(events.iter().map(Notice::Event));
            if self.shared.queue.is_stopped() {
                break;
            }
            for event in events {
                self.take_event(event)?;
            }
        }
        Ok(())
    }

    /// Gives back what is begun. It is an error if nobody is left who could take it.
    fn fail(&mut self, error: Error) -> Result<(), Halt> {
        let lines = self.begun.drain().map(|(_, begun)| begun.line);
        let GivenBack { returned, refused, others } = self.shared.queue.give_back(lines);
        let device = self.tts.device_name();
        if others {
            self.shared.tell([Notice::DeviceFailed { device, error: &error, lines: returned }]);
        }
        let reason = match &error {
            Error::Device(reason) => format!("{device}: {reason}"),
            other => format!("{device}: {other}"),
        };
        for index in refused {
            self.finish(index, Err(Error::Device(reason.clone())))?;
        }
        if others { Ok(()) } else { Err(Halt::Device(error)) }
    }

    /// A line is begun when few wait for a slot, and waits for at most a step. Few, so that neither a device
    /// of many slots leaves nothing of a short list to the others, nor the prompts of many lines hold up those
    /// that are under way.
    fn may_begin(&mut self) -> bool {
        let slots = self.tts.batch_size();
        self.tts.engine_mut().waiting() < slots.div_ceil(SLOTS_FOR_A_LINE) && self.running.len() < slots
    }

    fn begin(&mut self, line: Line) -> Result<(), Halt> {
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
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        self.running.insert(id, Piece { line: index, number, attempt });
        self.tts.engine_mut().submit(id, Goal::Speak, request);
    }

    fn take_event(&mut self, event: Event) -> Result<(), Halt> {
        match event {
            Event::Spoken { id, codes } => {
                let Some(piece) = self.running.remove(&id) else { return Ok(()) };
                self.send(piece, codes)
            }
            Event::Failed { id, error } => {
                let Some(piece) = self.running.remove(&id) else { return Ok(()) };
                // Another piece of its line may have failed before.
                if !self.begun.contains_key(&piece.line) {
                    return Ok(());
                }
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
    fn send(&mut self, piece: Piece, codes: Box<Codes>) -> Result<(), Halt> {
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

    fn take_waves(&mut self) -> Result<(), Halt> {
        loop {
            match self.waves.try_recv() {
                Ok((piece, speech)) => self.take_wave(&piece, speech)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(renderer_gone()),
            }
        }
    }

    fn wait_for_wave(&mut self) -> Result<(), Halt> {
        let (piece, speech) = self.waves.recv().map_err(|_| renderer_gone())?;
        self.take_wave(&piece, speech)
    }

    fn take_wave(&mut self, piece: &Piece, speech: Result<Speech>) -> Result<(), Halt> {
        self.at_renderer -= 1;
        let Some(begun) = self.begun.get_mut(&piece.line) else { return Ok(()) };
        let speech = match speech {
            Ok(speech) => speech,
            Err(error) => return self.spoil(piece.line, error),
        };
        let waiting = begun.waiting_for(piece.number);
        if !waiting.is_empty() {
            let Text { text, voice, .. } = begun.line.pieces[piece.number].clone();
            match self.renderer.encode(&speech.wave) {
                Ok(codes) => begun.voices[voice].sample = Some(VoiceSample { codes, text }),
                Err(error) => return self.spoil(piece.line, error),
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

    /// A line cannot be rendered: its own fault, or the device's.
    fn spoil(&mut self, index: usize, error: Error) -> Result<(), Halt> {
        match error {
            error @ Error::Device(_) => Err(Halt::Device(error)),
            error => self.finish(index, Err(error)),
        }
    }

    fn finish(&mut self, index: usize, result: Result<Spoken>) -> Result<(), Halt> {
        self.begun.remove(&index);
        let gone = |_| Halt::Run(Error::Audio("the threads that deliver have stopped".into()));
        self.done.send(Outcome { index, result }).map_err(gone)?;
        self.shared.queue.finished();
        Ok(())
    }
}

fn renderer_gone() -> Halt {
    Halt::Run(Error::Audio("the thread that renders has stopped".into()))
}
