//! Counters of an engine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// Statistics of the durations of one kind, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Number of durations.
    pub count: u64,
    /// Sum of the durations.
    pub total: f64,
    /// The longest duration.
    pub longest: f64,
}

/// The current state of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceStats {
    /// Name of the device.
    pub name: String,
    /// Number of texts that it can work on together.
    pub slots: usize,
    /// Number of texts that it works on.
    pub slots_held: usize,
    /// Pages of keys and values, of 128 positions, that its slots have.
    pub pages: usize,
    /// Pages that those texts have begun.
    pub pages_held: usize,
    /// Whether it has failed and is no longer used.
    pub has_failed: bool,
    /// Bytes of its own memory that are free, and all of them; None for a device without memory of its own.
    pub memory: Option<(u64, u64)>,
}

/// The counters of an engine since it was opened, and its current work. They are cheap to read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Number of requests that wait for a device.
    pub queued: usize,
    /// Number of requests that a device works on.
    pub running: usize,
    /// Number of requests that were spoken to their end.
    pub completed: u64,
    /// Number of requests that failed.
    pub failed: u64,
    /// Number of requests that were cancelled, or whose reader was dropped.
    pub cancelled: u64,
    /// Number of steps of all devices.
    pub steps: u64,
    /// Number of tokens that were drawn.
    pub tokens: u64,
    /// Seconds of audio that were made, before it is trimmed and joined.
    pub audio_seconds: f64,
    /// Time from a request to its first step.
    pub queue_time: Timing,
    /// Time from a request to its first samples.
    pub first_sound: Timing,
    /// The devices, in their order.
    pub devices: Vec<DeviceStats>,
}

#[derive(Default)]
pub(super) struct Counters {
    pub completed: AtomicU64,
    pub failed: AtomicU64,
    pub cancelled: AtomicU64,
    pub steps: AtomicU64,
    pub tokens: AtomicU64,
    pub samples: AtomicU64,
    pub running: AtomicU64,
    pub queue_time: Mutex<Timing>,
    pub first_sound: Mutex<Timing>,
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

pub(super) fn sub(counter: &AtomicU64, count: u64) {
    counter.fetch_sub(count, Ordering::Relaxed);
}

pub(super) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub(super) fn record(timing: &Mutex<Timing>, time: Duration) {
    let mut timing = timing.lock().unwrap_or_else(PoisonError::into_inner);
    timing.count += 1;
    timing.total += time.as_secs_f64();
    timing.longest = timing.longest.max(time.as_secs_f64());
}

pub(super) fn recorded(timing: &Mutex<Timing>) -> Timing {
    *timing.lock().unwrap_or_else(PoisonError::into_inner)
}
