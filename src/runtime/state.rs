//! The state that the workers of an engine share: the queue, the counters, and whether it is closed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::channel::{Channel, Message};
use super::options::{Notice, Observer};
use super::stats::{self, Counters};
use crate::error::{Error, Result};
use crate::speech::{Line, Priority};

/// The order in which jobs are taken: by priority, then by arrival.
pub(super) type JobId = (Priority, u64);

/// A line on its way through the engine.
pub(super) struct Job {
    pub id: JobId,
    pub line: Line,
    /// Whether only its text is to be refined.
    pub refines_only: bool,
    pub channel: Arc<Channel>,
    pub submitted: Instant,
    /// Whether a device failed while it worked on this line; a second failure may be the line's fault.
    pub is_suspect: bool,
    /// Number of whole pieces that the reader has, and of samples of the piece after them.
    pub sent: (usize, usize),
}

impl Drop for Job {
    /// Sends an error, so that no reader waits for a line that was lost.
    fn drop(&mut self) {
        self.channel
            .send(Message::Failed(Error::Internal("the thread that worked on it has stopped".into())));
    }
}

/// Holds the state that the devices' workers and the handles of an engine share.
pub(super) struct RunState {
    queue: Mutex<Queue>,
    changed: Condvar,
    next_id: AtomicU64,
    is_closed: AtomicBool,
    /// Number of waiting interactive jobs, so that workers need not lock to know that there is none.
    interactive: AtomicUsize,
    pub counters: Counters,
    pub observer: Option<Observer>,
    /// Slots that each device holds.
    pub held: Vec<AtomicUsize>,
    /// Pages of keys and values that the texts of each device have begun.
    pub pages: Vec<AtomicUsize>,
    pub has_failed: Vec<AtomicBool>,
}

struct Queue {
    jobs: BTreeMap<JobId, Box<Job>>,
    /// A counter that rises with every change that a waiting worker may want to see.
    generation: u64,
    /// Devices that have not failed.
    devices: usize,
    /// The error of the last device, once all have failed.
    fatal: Option<String>,
}

impl RunState {
    pub fn new(devices: usize, observer: Option<Observer>) -> Self {
        let queue = Queue { jobs: BTreeMap::new(), generation: 0, devices, fatal: None };
        RunState {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
            next_id: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            interactive: AtomicUsize::new(0),
            counters: Counters::default(),
            observer,
            held: (0..devices).map(|_| AtomicUsize::new(0)).collect(),
            pages: (0..devices).map(|_| AtomicUsize::new(0)).collect(),
            has_failed: (0..devices).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// Queues a line.
    pub fn submit(&self, line: Line, refines_only: bool) -> Result<Arc<Channel>> {
        let channel = Arc::new(Channel::new());
        let id = (line.priority, self.next_id.fetch_add(1, Ordering::Relaxed));
        let job = Box::new(Job {
            id,
            line,
            refines_only,
            channel: Arc::clone(&channel),
            submitted: Instant::now(),
            is_suspect: false,
            sent: (0, 0),
        });
        let mut queue = self.lock();
        if let Some(reason) = &queue.fatal {
            return Err(Error::Device(reason.clone()));
        }
        if self.is_closed() {
            return Err(Error::Interrupted);
        }
        self.push(&mut queue, job);
        queue.generation += 1;
        self.changed.notify_all();
        Ok(channel)
    }

    fn push(&self, queue: &mut Queue, job: Box<Job>) {
        self.interactive.fetch_add(usize::from(job.id.0 == Priority::Interactive), Ordering::Relaxed);
        queue.jobs.insert(job.id, job);
    }

    /// Takes the first waiting line of at most this priority.
    pub fn take(&self, up_to: Priority) -> Option<Box<Job>> {
        if up_to == Priority::Interactive && self.interactive.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut queue = self.lock();
        loop {
            let entry = queue.jobs.first_entry().filter(|entry| entry.key().0 <= up_to)?;
            let job = entry.remove();
            self.interactive.fetch_sub(usize::from(job.id.0 == Priority::Interactive), Ordering::Relaxed);
            if !job.channel.is_cancelled() {
                return Some(job);
            }
            stats::add(&self.counters.cancelled, 1);
        }
    }

    pub fn queued(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Tells waiting workers that something has changed.
    pub fn wake(&self) {
        self.lock().generation += 1;
        self.changed.notify_all();
    }

    /// Returns the number of changes so far; a worker reads it before it looks for work.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Waits until there is a change that the worker has not seen.
    pub fn wait(&self, seen: u64) {
        let mut queue = self.lock();
        while queue.generation == seen && !self.is_closed() {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes back the lines that a failed device had started. A line that was given back before is refused with
    /// the error, because it may be the cause of the failures. If no device is left, all waiting lines are
    /// refused.
    pub fn give_back(
        &self,
        device: usize,
        name: &str,
        error: &Error,
        jobs: impl IntoIterator<Item = Box<Job>>,
    ) {
        let reason = match error {
            Error::Device(reason) => format!("{name}: {reason}"),
            other => format!("{name}: {other}"),
        };
        if let Some(failed) = self.has_failed.get(device) {
            failed.store(true, Ordering::Relaxed);
        }
        let mut refused = Vec::new();
        let mut returned = 0;
        let others = {
            let mut queue = self.lock();
            queue.devices = queue.devices.saturating_sub(1);
            let others = queue.devices > 0;
            for mut job in jobs {
                if others && !std::mem::replace(&mut job.is_suspect, true) {
                    returned += 1;
                    self.push(&mut queue, job);
                } else {
                    refused.push(job);
                }
            }
            if !others {
                queue.fatal = Some(reason.clone());
                refused.extend(std::mem::take(&mut queue.jobs).into_values());
            }
            queue.generation += 1;
            others
        };
        self.changed.notify_all();
        if others {
            self.notify(&Notice::DeviceFailed { device: name, error, lines: returned });
        }
        for job in refused {
            stats::add(&self.counters.failed, 1);
            job.channel.send(Message::Failed(Error::Device(reason.clone())));
        }
    }

    /// Returns the error of the last device, if no device is left.
    pub fn fatal(&self) -> Option<Error> {
        self.lock().fatal.clone().map(Error::Device)
    }

    /// Ends all work; waiting and running lines are interrupted.
    pub fn close(&self) {
        let jobs = {
            let mut queue = self.lock();
            self.is_closed.store(true, Ordering::Relaxed);
            std::mem::take(&mut queue.jobs)
        };
        self.changed.notify_all();
        jobs.into_values().for_each(|job| job.channel.cancel());
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    pub fn notify(&self, notice: &Notice) {
        if let Some(observer) = &self.observer {
            observer(notice);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
