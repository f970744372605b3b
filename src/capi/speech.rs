//! Requests that are started and read later.

use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use chattts_rs::{Canceller, Error, Event, Speech, SpeechRequest, Summary};

use super::border::{Failure, Result};
use super::open::{Call, Watch};
use super::table::Table;
use super::types::*;

static SPEECHES: Table<Started> = Table::new(2);

/// The longest time that is waited at once; a wait without end is many of these.
const LONGEST: Duration = Duration::from_secs(3600);

/// A request that was started.
pub struct Started {
    progress: Mutex<Progress>,
    canceller: Canceller,
    watch: Watch,
}

struct Progress {
    /// The request; None once it is over.
    speech: Option<Speech>,
    /// Samples that were not read yet.
    samples: Vec<f32>,
    end: Option<Result<Summary>>,
}

/// Starts a request and returns its handle.
pub fn start(call: &Call, request: &SpeechRequest, streams: bool) -> Result<usize> {
    let (speech, watch) = call.start(request, streams)?;
    let canceller = speech.canceller();
    let progress = Progress { speech: Some(speech), samples: Vec::new(), end: None };
    let started = Started { progress: Mutex::new(progress), canceller, watch };
    SPEECHES
        .insert(Arc::new(started))
        .ok_or_else(|| Failure::new(CHATTTS_DEVICE, "too many speeches are not freed"))
}

pub fn get(handle: usize) -> Result<Arc<Started>> {
    SPEECHES.get(handle).ok_or_else(Failure::handle)
}

/// Frees a speech, which is cancelled if it is not over.
pub fn free(handle: usize) -> Result<()> {
    let started = SPEECHES.remove(handle).ok_or_else(Failure::handle)?;
    started.canceller.cancel();
    Ok(())
}

/// The time until which a call waits, of milliseconds of which a negative number is no end.
pub fn until(timeout_ms: i64) -> Option<Instant> {
    let time = Duration::from_millis(u64::try_from(timeout_ms).ok()?);
    Instant::now().checked_add(time)
}

impl Started {
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// Takes in samples until the speech is over.
    pub fn wait(&self, until: Option<Instant>) -> Result<()> {
        self.with(|progress| match progress.advance(until, |_| false) {
            Some(Ok(_)) => Ok(()),
            Some(Err(failure)) => Err(failure),
            None => Err(pending()),
        })
    }

    /// Waits for samples or for the end, and gives out those that have come, at most `most` of them; none once the
    /// speech is over.
    pub fn read(
        &self,
        most: usize,
        until: Option<Instant>,
        give: impl FnOnce(&[f32]) -> Result<()>,
    ) -> Result<()> {
        self.with(|progress| {
            let end = progress.advance(until, |samples| !samples.is_empty());
            let count = progress.samples.len().min(most);
            match end {
                None if progress.samples.is_empty() => return Err(pending()),
                Some(Err(failure)) if progress.samples.is_empty() => return Err(failure),
                _ => give(progress.samples.get(..count).unwrap_or_default())?,
            }
            progress.samples.drain(..count);
            Ok(())
        })
    }

    pub fn summary(&self) -> Result<Summary> {
        self.with(|progress| progress.end.clone().unwrap_or_else(|| Err(pending())))
    }

    /// Works on the progress, unless another thread does.
    fn with<T>(&self, work: impl FnOnce(&mut Progress) -> Result<T>) -> Result<T> {
        // As long as this waits, the engine's destroyer does, unless it cancels.
        let _call = self.watch.open().and_then(Call::begin);
        match self.progress.try_lock() {
            Ok(mut progress) => work(&mut progress),
            Err(TryLockError::Poisoned(progress)) => work(&mut progress.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::new(CHATTTS_BUSY, "another thread reads the speech or waits for it"))
            }
        }
    }
}

fn pending() -> Failure {
    Failure::new(CHATTTS_PENDING, "the speech goes on")
}

impl Progress {
    /// Takes in what comes until the speech is over or `is_enough`. Returns how it ended, if it has.
    fn advance(
        &mut self,
        until: Option<Instant>,
        is_enough: impl Fn(&[f32]) -> bool,
    ) -> Option<Result<Summary>> {
        while let Some(speech) = &mut self.speech
            && !is_enough(&self.samples)
        {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match speech.next_within(left.unwrap_or(LONGEST).min(LONGEST)) {
                Some(Ok(Some(Event::Samples(samples)))) => self.samples.extend(samples),
                Some(Ok(Some(Event::Done(summary)))) => self.over(Ok(summary)),
                Some(Ok(Some(_))) => {}
                Some(Ok(None)) if left.is_some_and(|left| left.is_zero()) => return None,
                Some(Ok(None)) => {}
                Some(Err(error)) => self.over(Err(error.into())),
                None => self.over(Err(Error::Interrupted.into())),
            }
        }
        self.end.clone()
    }

    fn over(&mut self, end: Result<Summary>) {
        self.end = Some(end);
        self.speech = None;
    }
}
