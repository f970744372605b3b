//! The state of a service: its engine, whether it takes requests, and what it counts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::admission::Entry;
use super::batch::BatchLimits;
use super::memory::Memory;
use super::metrics::Now;
use super::otlp::Tracer;
use super::store::VoiceStore;
use super::{
    Admission, Client, Metrics, Notice, Refusal, RefusalKind, RequestRecord, ServiceOptions, Ticket,
    TraceOptions,
};
use crate::error::{Error, Result};
use crate::runtime::Engine;
use crate::speech::{Priority, SpeechRequest};
use crate::text::Tokenizer;

/// The text that is spoken, and heard by nobody, before the first request.
const WARM_UP: &str = "Hello there.";
/// The most tokens of that speech: enough to have made sound.
const WARM_UP_TOKENS: usize = 48;
/// The time after which to ask again while the model is loading.
const LOADING_RETRY: Duration = Duration::from_secs(5);
/// The time after which to ask again where nothing is known of how long requests take, and the most.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// The most bytes of uploads that are being received.
const UPLOADS: usize = 64 << 20;

/// A model that is ready to speak.
pub struct Loaded {
    /// The engine.
    pub engine: Engine,
    /// The tokenizer, by which the tokens of a text are counted.
    pub tokenizer: Tokenizer,
}

/// Says what a service does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The model is being loaded.
    Loading,
    /// Requests are taken.
    Ready,
    /// Those that are running end; no others are taken.
    Draining,
    /// No device is left.
    Failed,
}

/// A service: an engine, and who may use it when.
pub struct Service {
    pub(super) options: ServiceOptions,
    pub(super) admission: Arc<Admission>,
    pub(super) metrics: Metrics,
    pub(super) batch_limits: BatchLimits,
    pub(super) store: VoiceStore,
    /// The memory for uploads.
    pub(super) uploads: Memory,
    pub(super) tracer: OnceLock<Tracer>,
    /// The threads that encode.
    pub(super) encoders: OnceLock<tokio::runtime::Handle>,
    loaded: OnceLock<Loaded>,
    is_draining: AtomicBool,
    in_flight: AtomicUsize,
    connections: AtomicUsize,
}

impl Service {
    /// Makes a service without a model.
    pub fn new(options: ServiceOptions) -> Arc<Self> {
        Arc::new(Service {
            admission: Admission::new(options.queue),
            metrics: Metrics::default(),
            batch_limits: BatchLimits::default(),
            store: VoiceStore::new(options.voices_file.clone(), options.voices),
            uploads: Memory::new(UPLOADS),
            options,
            tracer: OnceLock::new(),
            encoders: OnceLock::new(),
            loaded: OnceLock::new(),
            is_draining: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        })
    }

    /// Sends the traces of the requests that come from now on.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the address is none; [`Error::Threads`] if there is no thread to send them.
    pub fn send_traces(&self, options: TraceOptions) -> Result<()> {
        let tracer = Tracer::start(options, self.metrics.spans.clone(), self.options.observer.clone())?;
        // The first one stays.
        let _ = self.tracer.set(tracer);
        Ok(())
    }

    /// Waits at most this long until the traces of the requests that have ended are sent.
    pub fn flush_traces(&self, time: Duration) {
        if let Some(tracer) = self.tracer.get() {
            tracer.flush(time);
        }
    }

    /// Takes a loaded model, speaks with it once, and begins to take requests.
    ///
    /// # Errors
    /// The error that prevented the first speech.
    pub fn begin(&self, loaded: Loaded) -> Result<()> {
        let mut request = SpeechRequest::new(WARM_UP);
        request.overrides.sampling.seed = Some(0);
        request.overrides.sampling.max_tokens = Some(WARM_UP_TOKENS);
        match loaded.engine.speak(request)?.collect_wave() {
            // Random weights may have nothing to say to it.
            Ok(_) | Err(Error::EndedAtOnce { .. } | Error::Audio(_)) => {}
            Err(error) => return Err(error),
        }
        let slots = loaded.engine.slots();
        self.store.open(&loaded.engine.composer().voices.registry());
        if self.loaded.set(loaded).is_ok() {
            self.admission.open(slots);
        }
        Ok(())
    }

    /// Takes no requests any more.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
        self.notify(&Notice::Draining { running: self.in_flight() });
    }

    /// Tells what it does with requests.
    pub fn phase(&self) -> Phase {
        match self.loaded.get() {
            _ if self.is_draining.load(Ordering::SeqCst) => Phase::Draining,
            None => Phase::Loading,
            Some(loaded) if loaded.engine.failure().is_some() => Phase::Failed,
            Some(_) => Phase::Ready,
        }
    }

    /// Returns the model, if requests are taken.
    ///
    /// # Errors
    /// [`RefusalKind::Unavailable`] that says why they are not.
    pub fn loaded(&self) -> Result<&Loaded, Refusal> {
        let unavailable = |message: &str| Refusal::new(RefusalKind::Unavailable, message);
        match (self.phase(), self.loaded.get()) {
            (Phase::Ready, Some(loaded)) => Ok(loaded),
            (Phase::Draining, _) => Err(unavailable("the service is ending").after(RETRY)),
            (Phase::Failed, _) => Err(unavailable("no device is left to speak with")),
            _ => Err(unavailable("the model is being loaded").after(LOADING_RETRY)),
        }
    }

    /// Returns the model, whether requests are taken or not, for those that were.
    pub(super) fn model(&self) -> Result<&Loaded, Refusal> {
        self.loaded.get().map_or_else(|| self.loaded(), Ok)
    }

    /// Returns the error of the last device, if all have failed.
    pub fn failure(&self) -> Option<Error> {
        self.loaded.get().and_then(|loaded| loaded.engine.failure())
    }

    /// Begins to follow a request.
    pub fn ticket(self: &Arc<Self>, record: RequestRecord) -> Ticket {
        Ticket::new(self, record)
    }

    /// Returns the number of requests that have not ended.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Returns the number of open connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns the metrics as text.
    pub fn metrics(&self) -> String {
        self.metrics.text(Now {
            is_ready: self.phase() == Phase::Ready,
            queue: self.options.queue,
            waiting: self.admission.waiting(),
            in_flight: self.in_flight(),
            connections: self.connections(),
            stats: self.loaded.get().map(|loaded| loaded.engine.stats()),
        })
    }

    pub(super) fn count_in_flight(&self, change: isize) {
        self.in_flight.fetch_add(change.cast_unsigned(), Ordering::SeqCst);
    }

    pub(super) fn count_connections(&self, change: isize) {
        self.connections.fetch_add(change.cast_unsigned(), Ordering::SeqCst);
    }

    pub(super) fn notify(&self, notice: &Notice) {
        if let Some(observer) = &self.options.observer {
            observer(notice);
        }
    }

    /// Refuses a request for which there is no place in the queue.
    pub(super) fn full(&self) -> Refusal {
        let waiting = self.admission.waiting();
        let slots = self.loaded.get().map_or(1, |loaded| loaded.engine.slots().max(1));
        let each = self.metrics.mean_speech().unwrap_or(RETRY);
        // The time in which half of those that wait are through.
        let time = each.mul_f64((waiting as f64 / 2.0 / slots as f64).max(1.0));
        let message = format!("{waiting} requests wait already, as many as may; try again later");
        Refusal::new(RefusalKind::Busy, message).after(time.clamp(RETRY, LONGEST_RETRY))
    }

    /// Takes a place for a request of this client.
    pub(super) fn enter(&self, client: Client, priority: Priority) -> Result<Entry, Refusal> {
        self.admission.enter(client, priority).map_err(|_| self.full())
    }

    /// Runs what encodes: apart from the threads that serve connections, where there are others.
    pub(super) fn spawn(&self, encoding: impl Future<Output = ()> + Send + 'static) {
        match self.encoders.get() {
            Some(runtime) => drop(runtime.spawn(encoding)),
            None => drop(tokio::spawn(encoding)),
        }
    }

    /// Refuses a request of this client if there is no place for it now.
    pub(super) fn check_place(&self, client: Client) -> Result<(), Refusal> {
        match self.admission.is_full(client) {
            true => Err(self.full()),
            false => Ok(()),
        }
    }
}
