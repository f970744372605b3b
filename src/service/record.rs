//! The record of a request: what the log and the metrics tell of it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::trace::{Stage, spans};
use super::{Notice, Refusal, RefusalKind, Service, TraceContext};

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RequestRecord {
    /// The id that the client gave it, or that was made for it.
    pub id: String,
    /// Its place in a trace, if it is traced or its client told one.
    #[serde(flatten)]
    pub trace: Option<TraceContext>,
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

impl RequestRecord {
    /// The status of a request whose client has gone before its answer.
    pub const GONE: u16 = 499;

    /// Returns the record of a request that has come. Until it is answered its client counts as gone.
    pub fn begun(id: String, api: &'static str) -> Self {
        let error = Some(RefusalKind::Gone.name());
        RequestRecord { id, api, status: RequestRecord::GONE, error, ..RequestRecord::default() }
    }

    /// Notes how it was answered.
    pub fn end(&mut self, refusal: Option<&Refusal>) {
        self.status = refusal.map_or(200, |refusal| refusal.kind.status());
        self.error = refusal.map(|refusal| refusal.kind.name());
    }
}

/// Follows a request from its arrival to the end of its answer; when the last copy is dropped, the request is counted
/// and logged.
#[derive(Clone)]
pub struct Ticket(Arc<Inner>);

struct Inner {
    service: Arc<Service>,
    arrived: Instant,
    arrived_at: SystemTime,
    /// The time that its client gives it.
    limit: OnceLock<Duration>,
    record: Mutex<RequestRecord>,
    stages: Mutex<Vec<Stage>>,
}

impl Ticket {
    pub(super) fn new(service: &Arc<Service>, mut record: RequestRecord) -> Self {
        service.count_in_flight(1);
        if record.trace.is_none() && service.tracer.get().is_some() {
            record.trace = Some(TraceContext::begin());
        }
        Ticket(Arc::new(Inner {
            service: Arc::clone(service),
            arrived: Instant::now(),
            arrived_at: SystemTime::now(),
            limit: OnceLock::new(),
            record: Mutex::new(record),
            stages: Mutex::default(),
        }))
    }

    /// Gives the request no more time than this, of which the first word counts.
    pub fn limit(&self, time: Duration) {
        let _ = self.0.limit.set(time);
    }

    /// Returns when its answer must have ended.
    pub fn deadline(&self) -> tokio::time::Instant {
        let most = self.0.service.options.time_limit;
        let time = self.0.limit.get().map_or(most, |limit| most.min(*limit));
        (self.0.arrived + time).into()
    }

    /// Returns the time since the request came.
    pub fn elapsed(&self) -> Duration {
        self.0.arrived.elapsed()
    }

    /// Notes why the answer ended before its end. The first reason stays, unless it is that the client has gone: the
    /// others follow from it.
    pub(super) fn fail(&self, kind: RefusalKind) {
        let mut record = self.record();
        let gone = RefusalKind::Gone.name();
        if record.error.is_none_or(|noted| noted == gone && kind != RefusalKind::Gone) {
            record.error = Some(kind.name());
        }
    }

    /// Gives access to the record.
    pub fn record(&self) -> MutexGuard<'_, RequestRecord> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a stage of the request for its trace.
    pub(super) fn note(&self, stage: Stage) {
        self.0.stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
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
        if let Some(tracer) = self.service.tracer.get()
            && let Some(context) = record.trace.as_ref().filter(|context| context.is_sampled())
        {
            let stages = self.stages.get_mut().unwrap_or_else(PoisonError::into_inner);
            tracer.send(spans(record, context, stages, self.arrived_at));
        }
        self.service.notify(&Notice::Request(record));
        self.service.count_in_flight(-1);
    }
}
