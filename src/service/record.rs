//! The record of a request: what the log and the metrics tell of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Notice, Service};

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RequestRecord {
    /// The id that the client gave it, or that was made for it.
    pub id: String,
    /// The name of what was asked for: `speech`, `normalize`, …
    pub api: &'static str,
    /// The status of the answer as HTTP counts it; 499 if the client had gone.
    pub status: u16,
    /// The kind of the error that ended it, before the answer or in the midst of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// The client.
    pub client: String,
    /// Number of characters of the text.
    pub characters: usize,
    /// Seconds of audio that were given out.
    pub audio_seconds: f64,
    /// Milliseconds that it waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<f64>,
    /// Milliseconds to its first audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<f64>,
    /// Milliseconds to its end.
    pub total_ms: f64,
    /// The seed of the speech.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The text, where it is to be logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Follows a request from its arrival to the end of its answer; when the last copy is dropped, the request is counted
/// and logged.
#[derive(Clone)]
pub struct Ticket(Arc<Inner>);

struct Inner {
    service: Arc<Service>,
    arrived: Instant,
    record: Mutex<RequestRecord>,
}

impl Ticket {
    pub(super) fn new(service: &Arc<Service>, record: RequestRecord) -> Self {
        service.count_in_flight(1);
        let (service, arrived) = (Arc::clone(service), Instant::now());
        Ticket(Arc::new(Inner { service, arrived, record: Mutex::new(record) }))
    }

    /// Returns the time since the request came.
    pub fn elapsed(&self) -> Duration {
        self.0.arrived.elapsed()
    }

    /// Gives access to the record.
    pub fn record(&self) -> MutexGuard<'_, RequestRecord> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a time in milliseconds, to the microsecond.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

impl Drop for Inner {
    fn drop(&mut self) {
        let record = self.record.get_mut().unwrap_or_else(PoisonError::into_inner);
        record.total_ms = milliseconds(self.arrived.elapsed());
        self.service.metrics.count(record);
        self.service.notify(&Notice::Request(record));
        self.service.count_in_flight(-1);
    }
}
