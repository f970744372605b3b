//! Open engines: their calls in progress, and the speeches that were too long for their buffers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chattts_rs::{Canceller, Engine, Speech, SpeechRequest, Wave};

use super::border::{Failure, Inside, Result, inside};
use super::log;
use super::table::Table;
use super::types::*;

/// The most speeches that an engine keeps for a larger buffer, and the samples of all but the newest of them.
const MOST_KEPT: usize = 16;
const MOST_SAMPLES: usize = 16 << 20;

static ENGINES: Table<Open> = Table::new(1);

/// An engine that C has opened.
pub struct Open {
    engine: Engine,
    kept: Mutex<Kept>,
    calls: Mutex<Calls>,
    ended: Condvar,
}

#[derive(Default)]
struct Calls {
    /// Calls in progress, for the end of which a destroyer waits.
    running: usize,
    is_closing: bool,
    is_cancelled: bool,
    /// What cancels the requests that are not over.
    cancellers: HashMap<u64, Canceller>,
    next: u64,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps an engine and returns its handle.
pub fn insert(engine: Engine) -> Result<usize> {
    let open = Open { engine, kept: Mutex::default(), calls: Mutex::default(), ended: Condvar::new() };
    ENGINES.insert(Arc::new(open)).ok_or_else(|| Failure::new(CHATTTS_DEVICE, "too many engines are open"))
}

/// Closes an engine: no call finds it any more, and those in progress end or are cancelled. Then its speeches that
/// are not over are cancelled.
pub fn destroy(handle: usize, waits: bool) -> Result<()> {
    if inside() != Inside::Nothing {
        let reason = "an engine cannot be destroyed inside a callback, which would wait for itself";
        return Err(Failure::new(CHATTTS_BUSY, reason));
    }
    let open = ENGINES.remove(handle).ok_or_else(Failure::handle)?;
    let mut calls = lock(&open.calls);
    calls.is_closing = true;
    if !waits {
        calls.cancel();
    }
    while calls.running > 0 {
        calls = open.ended.wait(calls).unwrap_or_else(PoisonError::into_inner);
    }
    calls.cancel();
    Ok(())
}

impl Calls {
    fn cancel(&mut self) {
        self.is_cancelled = true;
        self.cancellers.values().for_each(Canceller::cancel);
    }
}

/// A call in progress, which keeps its engine from being dropped.
pub struct Call(Arc<Open>);

impl Call {
    /// Begins a call of an engine.
    pub fn of(handle: usize) -> Result<Self> {
        ENGINES.get(handle).and_then(Call::begin).ok_or_else(Failure::handle)
    }

    /// Begins a call of an engine, unless that is being destroyed.
    pub fn begin(open: Arc<Open>) -> Option<Self> {
        let mut calls = lock(&open.calls);
        if calls.is_closing {
            return None;
        }
        calls.running += 1;
        drop(calls);
        Some(Call(open))
    }

    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub fn is_cancelled(&self) -> bool {
        lock(&self.0.calls).is_cancelled
    }

    /// Starts a request, which is cancelled with the engine as long as the watch lives.
    pub fn start(&self, request: &SpeechRequest, streams: bool) -> Result<(Speech, Watch)> {
        request.overrides.validate()?;
        let mut line = self.engine().compose(request)?;
        line.streams = streams;
        line.warnings.iter().for_each(|warning| log::say(CHATTTS_LOG_WARNING, &warning.message));
        let speech = self.engine().speak_line(line)?;
        let watch = Watch::new(&self.0, speech.canceller());
        Ok((speech, watch))
    }

    /// Speaks a request to its end, or takes its speech if that did not fit the last time.
    pub fn wave(&self, request: &SpeechRequest) -> Result<Wave> {
        if let Some(wave) = lock(&self.0.kept).take(request) {
            return Ok(wave);
        }
        let (speech, _watch) = self.start(request, false)?;
        Ok(speech.collect_wave()?)
    }

    /// Keeps a speech that did not fit for the next call with the same request.
    pub fn keep(&self, request: SpeechRequest, wave: Wave) {
        lock(&self.0.kept).keep(request, wave);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        lock(&self.0.calls).running -= 1;
        self.0.ended.notify_all();
    }
}

/// Has a request cancelled when its engine is destroyed.
pub struct Watch {
    open: std::sync::Weak<Open>,
    id: u64,
}

impl Watch {
    fn new(open: &Arc<Open>, canceller: Canceller) -> Self {
        let mut calls = lock(&open.calls);
        if calls.is_cancelled {
            canceller.cancel();
        }
        let id = calls.next;
        calls.next += 1;
        calls.cancellers.insert(id, canceller);
        Watch { open: Arc::downgrade(open), id }
    }

    /// Returns the engine, unless it was destroyed.
    pub fn open(&self) -> Option<Arc<Open>> {
        self.open.upgrade()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(open) = self.open.upgrade() {
            lock(&open.calls).cancellers.remove(&self.id);
        }
    }
}

/// Speeches that did not fit, the oldest first.
#[derive(Default)]
struct Kept(VecDeque<(SpeechRequest, Wave)>);

impl Kept {
    fn take(&mut self, request: &SpeechRequest) -> Option<Wave> {
        let place = self.0.iter().position(|(kept, _)| kept == request)?;
        self.0.remove(place).map(|(_, wave)| wave)
    }

    fn keep(&mut self, request: SpeechRequest, wave: Wave) {
        self.0.push_back((request, wave));
        while self.0.len() > MOST_KEPT || self.0.len() > 1 && self.samples() > MOST_SAMPLES {
            self.0.pop_front();
        }
    }

    fn samples(&self) -> usize {
        self.0.iter().map(|(_, wave)| wave.samples.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chattts_rs::{FinishReason, Summary};

    fn wave(samples: usize) -> Wave {
        let summary = Summary {
            samples: samples as u64,
            sample_rate: 24_000,
            tokens: 1,
            seed: 0,
            asked_seed: 0,
            finish: FinishReason::End,
            queued: 0.0,
            first_sound: None,
            total: 0.0,
            stages: chattts_rs::Stages::default(),
        };
        Wave { samples: vec![0.0; samples], summary }
    }

    #[test]
    fn what_is_kept_is_taken_once_and_bounded() {
        let mut kept = Kept::default();
        let request = |number: usize| SpeechRequest::new(format!("line {number}"));
        for number in 0..40 {
            kept.keep(request(number), wave(number));
        }
        assert_eq!(kept.0.len(), MOST_KEPT);
        assert!(kept.take(&request(0)).is_none(), "the oldest go first");
        assert_eq!(kept.take(&request(39)).unwrap().samples.len(), 39);
        assert!(kept.take(&request(39)).is_none(), "taken once");
        kept.keep(request(50), wave(MOST_SAMPLES + 1));
        assert_eq!(kept.0.len(), 1, "the newest is kept, however long");
        kept.keep(request(51), wave(1));
        assert!(kept.take(&request(50)).is_none() && kept.take(&request(51)).is_some());
    }
}
