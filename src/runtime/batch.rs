//! Speaks many lines at once: takes them from an iterator as slots come free, and delivers each as a whole, in
//! any order.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::handle::Engine;
use super::speech::{Canceller, Event, Speech, Summary, Trace};
use crate::audio::subtitles::Cue;
use crate::engine::Refined;
use crate::error::{Error, Result};
use crate::speech::{Line, Priority};

/// The least number of threads that deliver; there are as many as devices if those are more.
const WRITERS: usize = 2;
/// The number of lines per slot that wait beside those that hold one.
const WAITING_PER_SLOT: usize = 2;
/// The time after which the caller is asked again whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// Limits of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The number of lines that the engine may run ahead of the first line that is not delivered, for a
    /// receiver that needs them in order. None lets it run free.
    pub ahead: Option<usize>,
}

/// The speech of a line.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The samples, at the rate of the post-processing.
    pub samples: Vec<f32>,
    /// The sentences, with the times at which they sound.
    pub cues: Vec<Cue>,
    /// The refined texts of its pieces, where they were refined.
    pub refined: Vec<Refined>,
    /// The model's outputs for its pieces, where they were asked for.
    pub traces: Vec<Trace>,
    /// Summary of how the line ended.
    pub summary: Summary,
}

/// Says how a line ended.
#[derive(Debug)]
pub struct Outcome {
    /// The line's index.
    pub index: usize,
    /// Speech of the line, or the error that prevented it.
    pub result: Result<Spoken>,
}

/// A line that is being spoken.
struct Open {
    speech: Speech,
    spoken: Parts,
    waker: Waker,
    is_over: bool,
}

#[derive(Default)]
struct Parts {
    samples: Vec<f32>,
    cues: Vec<Cue>,
    refined: Vec<Refined>,
    traces: Vec<Trace>,
}

impl Open {
    /// Reads the events that have come; returns the line's result once, when it ends.
    fn advance(&mut self, grow: &dyn Fn(&mut Vec<f32>)) -> Poll<Result<Spoken>> {
        if self.is_over {
            return Poll::Pending;
        }
        let result = self.read(grow);
        self.is_over = result.is_ready();
        result
    }

    fn read(&mut self, grow: &dyn Fn(&mut Vec<f32>)) -> Poll<Result<Spoken>> {
        loop {
            let event = self.speech.poll_event(&mut Context::from_waker(&self.waker));
            let Poll::Ready(event) = event else { return Poll::Pending };
            let parts = &mut self.spoken;
            match event {
                Some(Ok(Event::Samples(samples))) => {
                    parts.samples.extend(samples);
                    grow(&mut parts.samples);
                }
                Some(Ok(Event::Cue { text, start, end, .. })) => parts.cues.push(Cue { start, end, text }),
                Some(Ok(Event::Refined { refined, .. })) => parts.refined.push(refined),
                Some(Ok(Event::Trace(trace))) => parts.traces.push(*trace),
                Some(Ok(Event::Started { .. } | Event::Drawn)) => {}
                Some(Ok(Event::Done(summary))) => {
                    let Parts { samples, cues, refined, traces } = std::mem::take(parts);
                    return Poll::Ready(Ok(Spoken { samples, cues, refined, traces, summary }));
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Err(Error::Interrupted)),
            }
        }
    }
}

/// Wakes a writer when there are new events of a line.
struct News {
    index: usize,
    news: Sender<usize>,
}

impl Wake for News {
    fn wake(self: Arc<Self>) {
        // A batch that is over wants no news.
        let _ = self.news.send(self.index);
    }
}

/// Holds the state that the threads of a batch share.
struct Batch<'a> {
    engine: &'a Engine,
    deliver: &'a (dyn Fn(Outcome) + Sync),
    /// Sees a line's samples as they come, and may take them.
    grow: &'a (dyn Fn(usize, &mut Vec<f32>) + Sync),
    open: Mutex<HashMap<usize, Arc<Mutex<Open>>>>,
    /// Lines that were taken and are not delivered yet.
    undelivered: Mutex<BTreeMap<usize, Canceller>>,
    delivered: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Speaks lines in bulk and delivers their outcomes, from several threads and in any order. The lines'
    /// indices must ascend. They are taken one by one, by this thread, when a slot is nearly free, so that a
    /// slow iterator holds up no other request. `go_on` is asked many times a second and may break; lines that
    /// are finished by then are delivered.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `go_on` broke; the error of the last device if all have failed. An error of
    /// one line alone is that line's outcome.
    pub fn speak_all(
        &self,
        lines: impl IntoIterator<Item = (usize, Line)>,
        limits: Limits,
        deliver: &(dyn Fn(Outcome) + Sync),
        go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Result<()> {
        self.speak_all_growing(lines, limits, &|_, _| (), deliver, go_on)
    }

    /// Speaks lines in bulk as [`Engine::speak_all`] does. `grow` sees each line's samples as they come, those
    /// that it has left there before among them, and may take them, so that a long line needs no more memory than
    /// a short one; the outcome holds those that it has left.
    ///
    /// # Errors
    /// As [`Engine::speak_all`].
    pub fn speak_all_growing(
        &self,
        lines: impl IntoIterator<Item = (usize, Line)>,
        limits: Limits,
        grow: &(dyn Fn(usize, &mut Vec<f32>) + Sync),
        deliver: &(dyn Fn(Outcome) + Sync),
        mut go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Result<()> {
        let batch = Batch {
            engine: self,
            grow,
            deliver,
            open: Mutex::default(),
            undelivered: Mutex::default(),
            delivered: Condvar::new(),
        };
        let most = self.slots() * (1 + WAITING_PER_SLOT);
        let writers = WRITERS.max(self.devices().count());
        std::thread::scope(|scope| {
            let (news, newsletter) = channel();
            let newsletter = Arc::new(Mutex::new(newsletter));
            let mut writing = 0;
            for _ in 0..writers {
                let (newsletter, batch) = (Arc::clone(&newsletter), &batch);
                match std::thread::Builder::new().spawn_scoped(scope, move || batch.write(&newsletter)) {
                    Ok(_) => writing += 1,
                    // Those that are there do the work of the others.
                    Err(_) if writing > 0 => break,
                    Err(error) => return Err(Error::Threads(error)),
                }
            }
            let ended = batch.feed(lines, limits, most, &news, &mut go_on);
            let ended = ended.and_then(|()| batch.wait(|open| open.is_empty(), &mut go_on));
            if ended.is_err() {
                batch.cancel();
            }
            // One for each writer, so that they end although lines may still hold senders.
            for _ in 0..writing {
                let _ = news.send(usize::MAX);
            }
            ended
        })
    }
}

impl Batch<'_> {
    fn feed(
        &self,
        lines: impl IntoIterator<Item = (usize, Line)>,
        limits: Limits,
        most: usize,
        news: &Sender<usize>,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<()> {
        for (index, mut line) in lines {
            let is_near = |open: &BTreeMap<usize, _>| {
                let first = open.keys().next().copied().unwrap_or(index);
                open.len() < most && limits.ahead.is_none_or(|ahead| index.saturating_sub(first) <= ahead)
            };
            self.wait(is_near, go_on)?;
            line.priority = Priority::Bulk;
            match self.engine.speak_line(line) {
                Ok(speech) => {
                    lock(&self.undelivered).insert(index, speech.canceller());
                    let waker = Waker::from(Arc::new(News { index, news: news.clone() }));
                    let open = Open { speech, spoken: Parts::default(), waker, is_over: false };
                    lock(&self.open).insert(index, Arc::new(Mutex::new(open)));
                    // A first look, with which it begins to tell.
                    let _ = news.send(index);
                }
                Err(error) if self.engine.failure().is_some() => return Err(error),
                Err(error) => (self.deliver)(Outcome { index, result: Err(error) }),
            }
        }
        Ok(())
    }

    /// Waits until the lines that are not delivered satisfy `is_so`.
    fn wait(
        &self,
        is_so: impl Fn(&BTreeMap<usize, Canceller>) -> bool,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<()> {
        loop {
            if go_on().is_break() {
                return Err(Error::Interrupted);
            }
            if let Some(error) = self.engine.failure() {
                return Err(error);
            }
            let open = lock(&self.undelivered);
            if is_so(&open) {
                return Ok(());
            }
            let _ = self.delivered.wait_timeout(open, LOOK).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn cancel(&self) {
        let open = lock(&self.undelivered);
        open.values().for_each(Canceller::cancel);
    }

    /// Reads the lines that have new events, until the batch is over.
    fn write(&self, newsletter: &Mutex<Receiver<usize>>) {
        loop {
            let Ok(index) = lock(newsletter).recv() else { return };
            if index == usize::MAX {
                return;
            }
            let open = lock(&self.open).get(&index).cloned();
            if let Some(open) = open
                && let Poll::Ready(result) = lock(&open).advance(&|samples| (self.grow)(index, samples))
            {
                lock(&self.open).remove(&index);
                let _delivered = Delivered { batch: self, index };
                // What was interrupted, or ended with the last device, is no outcome.
                let is_lost = matches!(result, Err(Error::Interrupted))
                    || result.is_err() && self.engine.failure().is_some();
                if !is_lost {
                    (self.deliver)(Outcome { index, result });
                }
            }
        }
    }
}

/// Counts a line as delivered when it is dropped, even if delivering it panicked: other lines may wait for it.
struct Delivered<'a, 'b> {
    batch: &'a Batch<'b>,
    index: usize,
}

impl Drop for Delivered<'_, '_> {
    fn drop(&mut self) {
        lock(&self.batch.undelivered).remove(&self.index);
        self.batch.delivered.notify_all();
    }
}
