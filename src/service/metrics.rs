//! Metrics of the service, by the conventions of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::RequestRecord;
use super::cards::Cards;
use super::otlp::Counts;
use crate::runtime::{DeviceStats, Stats};

/// The type of the text of [`Service::metrics`](super::Service::metrics).
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds of whole requests: from a word on a card to a chapter on a small machine.
const REQUEST_SECONDS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0];
/// Seconds that somebody waits for a sound: below 100 ms it is at once.
const WAIT_SECONDS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0];
/// Compute time ÷ audio time; above 1 a listener hears gaps.
const FACTORS: [f64; 11] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 3.0, 6.0];

type Labels<const N: usize> = [(&'static str, String); N];
type Seconds = Counter<f64, AtomicU64>;

/// Holds the metrics of a service.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels<2>, Counter>,
    errors: Family<Labels<1>, Counter>,
    request_duration: Family<Labels<1>, Histogram, fn() -> Histogram>,
    queue_wait: Histogram,
    first_audio: Histogram,
    factor: Histogram,
    characters: Counter,
    audio_seconds: Seconds,
    steps: Counter,
    ready: Gauge,
    queue_size: Gauge,
    queue_capacity: Gauge,
    slots: Gauge,
    slots_held: Gauge,
    kv_pages: Gauge,
    kv_pages_held: Gauge,
    in_flight: Gauge,
    connections: Gauge,
    /// Spans of traces.
    pub(super) spans: Counts,
    /// Number of requests that were spoken, and the milliseconds that they took together.
    speeches: AtomicU64,
    speech_ms: AtomicU64,
}

impl Default for Metrics {
    /// Makes the metrics of a service that has done nothing yet.
    fn default() -> Self {
        let request_seconds: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS);
        let metrics = Metrics {
            registry: Registry::with_prefix("chattts"),
            requests: Family::default(),
            errors: Family::default(),
            request_duration: Family::new_with_constructor(request_seconds),
            queue_wait: Histogram::new(WAIT_SECONDS),
            first_audio: Histogram::new(WAIT_SECONDS),
            factor: Histogram::new(FACTORS),
            characters: Counter::default(),
            audio_seconds: Counter::default(),
            steps: Counter::default(),
            ready: Gauge::default(),
            queue_size: Gauge::default(),
            queue_capacity: Gauge::default(),
            slots: Gauge::default(),
            slots_held: Gauge::default(),
            kv_pages: Gauge::default(),
            kv_pages_held: Gauge::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            spans: Counts::default(),
            speeches: AtomicU64::new(0),
            speech_ms: AtomicU64::new(0),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        r.register("requests", "Requests that ended, by API and status", self.requests.clone());
        r.register("errors", "Requests that were refused, failed or cancelled, by kind", self.errors.clone());
        r.register(
            "request_duration_seconds",
            "Time from a request to the end of its answer",
            self.request_duration.clone(),
        );
        r.register(
            "queue_wait_seconds",
            "Time that a request waited for its turn and for a slot",
            self.queue_wait.clone(),
        );
        r.register(
            "first_audio_seconds",
            "Time from a request to the first audio of its answer",
            self.first_audio.clone(),
        );
        r.register(
            "real_time_factor",
            "Time in which a speech was made, without waiting, divided by its length",
            self.factor.clone(),
        );
        r.register("characters", "Characters of texts that were spoken", self.characters.clone());
        r.register("audio_seconds", "Seconds of audio that were given out", self.audio_seconds.clone());
        r.register("steps", "Steps of the model on all devices", self.steps.clone());
        r.register(
            "ready",
            "1 while requests are taken, 0 while the model loads and at the end",
            self.ready.clone(),
        );
        r.register("queue_capacity", "Requests that may wait for their turn", self.queue_capacity.clone());
        r.register("queue_size", "Requests that wait for their turn", self.queue_size.clone());
        r.register("slots", "Texts that all devices can work on together", self.slots.clone());
        r.register("slots_held", "Texts that the devices work on", self.slots_held.clone());
        r.register(
            "kv_pages",
            "Pages of keys and values, of 128 positions, of all slots",
            self.kv_pages.clone(),
        );
        r.register(
            "kv_pages_held",
            "Pages that the texts in the slots have begun",
            self.kv_pages_held.clone(),
        );
        r.register("requests_in_flight", "Requests that have not ended", self.in_flight.clone());
        r.register("connections", "Connections that are open", self.connections.clone());
        r.register("spans_sent", "Spans of traces that the collector has taken", self.spans.sent.clone());
        r.register("spans_dropped", "Spans of traces that were lost", self.spans.dropped.clone());
        r.register_collector(Box::new(Cards::default()));
        let build: Labels<1> = [("version", env!("CARGO_PKG_VERSION").into())];
        r.register("build", "The version of the program", Info::new(build));
        self
    }

    /// Counts a request that has ended.
    pub(super) fn count(&self, record: &RequestRecord) {
        let api = record.api.to_string();
        self.requests.get_or_create(&[("api", api.clone()), ("code", record.status.to_string())]).inc();
        self.request_duration.get_or_create(&[("api", api)]).observe(record.total_ms / 1e3);
        if let Some(kind) = record.error {
            self.errors.get_or_create(&[("kind", kind.to_string())]).inc();
        }
        if record.audio_seconds > 0.0 {
            self.speeches.fetch_add(1, Ordering::Relaxed);
            self.speech_ms.fetch_add(record.total_ms as u64, Ordering::Relaxed);
            self.characters.inc_by(record.characters as u64);
            self.audio_seconds.inc_by(record.audio_seconds);
        }
    }

    /// Counts the time that a request waited.
    pub(super) fn waited(&self, time: Duration) {
        self.queue_wait.observe(time.as_secs_f64());
    }

    /// Counts the time to the first audio of a request.
    pub(super) fn first_audio(&self, time: Duration) {
        self.first_audio.observe(time.as_secs_f64());
    }

    /// Counts the real-time factor of a speech.
    pub(super) fn spoken(&self, factor: f64) {
        self.factor.observe(factor);
    }

    /// Returns the mean time of the speeches that ended so far.
    pub(super) fn mean_speech(&self) -> Option<Duration> {
        let speeches = self.speeches.load(Ordering::Relaxed);
        (speeches > 0).then(|| Duration::from_millis(self.speech_ms.load(Ordering::Relaxed) / speeches))
    }

    /// Returns all metrics as text, with the numbers of now.
    pub(super) fn text(&self, now: Now) -> String {
        self.ready.set(now.is_ready.into());
        self.queue_size.set(now.waiting as i64);
        self.queue_capacity.set(now.queue as i64);
        self.in_flight.set(now.in_flight as i64);
        self.connections.set(now.connections as i64);
        if let Some(stats) = now.stats {
            self.steps.inner().store(stats.steps, Ordering::Relaxed);
            let sum =
                |count: fn(&DeviceStats) -> usize| stats.devices.iter().map(count).sum::<usize>() as i64;
            self.slots.set(sum(|device| device.slots));
            self.slots_held.set(sum(|device| device.slots_held));
            self.kv_pages.set(sum(|device| device.pages));
            self.kv_pages_held.set(sum(|device| device.pages_held));
        }
        let mut text = String::new();
        // A string takes whatever is written.
        if let Err(error) = encode(&mut text, &self.registry) {
            let _ = write!(text, "# {error}");
        }
        text
    }
}

/// The numbers that are read when they are asked for.
pub(super) struct Now {
    pub is_ready: bool,
    pub waiting: usize,
    pub queue: usize,
    pub in_flight: usize,
    pub connections: usize,
    pub stats: Option<Stats>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_are_those_that_prometheus_expects() {
        let metrics = Metrics::default();
        let record = RequestRecord {
            api: "speech",
            status: 429,
            error: Some("queue_full"),
            total_ms: 1500.0,
            ..RequestRecord::default()
        };
        metrics.count(&record);
        metrics.count(&RequestRecord {
            status: 200,
            error: None,
            audio_seconds: 2.5,
            characters: 7,
            ..record
        });
        let text = metrics.text(Now {
            is_ready: true,
            waiting: 3,
            queue: 64,
            in_flight: 1,
            connections: 2,
            stats: None,
        });
        for line in [
            "# TYPE chattts_requests counter",
            "chattts_requests_total{api=\"speech\",code=\"429\"} 1",
            "chattts_errors_total{kind=\"queue_full\"} 1",
            "chattts_request_duration_seconds_bucket{le=\"2.0\",api=\"speech\"} 2",
            "chattts_audio_seconds_total 2.5",
            "chattts_characters_total 7",
            "chattts_steps_total 0",
            "chattts_queue_size 3",
            "chattts_queue_capacity 64",
            "chattts_ready 1",
            "# TYPE chattts_real_time_factor histogram",
            "# TYPE chattts_queue_wait_seconds histogram",
            "# TYPE chattts_first_audio_seconds histogram",
            "# TYPE chattts_slots_held gauge",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("chattts_build_info{version=\""), "{text}");
        assert_eq!(metrics.mean_speech(), Some(Duration::from_millis(1500)));
    }
}
