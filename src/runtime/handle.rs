//! The handle of an engine: opens devices, takes requests, and ends all work when its last clone is dropped.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::model::Model;
use super::options::{EngineOptions, Notice};
use super::render::render_codes;
use super::speech::{Event, Speech};
use super::state::RunState;
use super::stats::{self, DeviceStats, Stats};
use super::worker::work;
use crate::backend::{GROUP_STEPS, MemoryProbe, Rendered, Renderer, SAMPLE_RATE};
use crate::device::DeviceChoice;
use crate::device::Precision;
use crate::engine::{Codes, Refined, Request};
use crate::error::{Error, Result};
use crate::loading::LoadedModel;
use crate::speech::{Composer, Line, SpeechRequest, Voices};
use crate::voice::VoicePrompt;

/// An engine: ChatTTS, loaded and ready to speak. Clone it, send it, and speak with it from any number of
/// threads at once.
///
/// Requests share the slots of all devices. When the last clone is dropped, running requests are interrupted,
/// and all memory is freed.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    state: Arc<RunState>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    composer: Arc<Composer>,
    devices: Vec<Device>,
}

/// Holds the data of a device that are needed outside its worker.
struct Device {
    name: String,
    slots: usize,
    pages: usize,
    precision: Precision,
    renderer: Arc<Renderer>,
    memory: Option<MemoryProbe>,
}

impl Engine {
    /// Opens a model and loads it on its devices; one from the hub is downloaded first if it is not in the cache.
    ///
    /// # Errors
    /// [`Error::ModelNotFound`] and [`Error::Download`] if its files cannot be had, an error naming the invalid
    /// file and tensor, [`Error::Device`] if a device cannot be used.
    pub fn open(options: EngineOptions) -> Result<Self> {
        let model = Model::open(&options)?;
        let voices = Voices::new(&model.checkpoint, options.registry.clone());
        let composer = Composer { homophones: options.homophones.clone(), ..Composer::new(voices) };
        Engine::start(model, Arc::new(composer), &options)
    }

    /// Loads an opened model on the devices of these options.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn start(model: Model, composer: Arc<Composer>, options: &EngineOptions) -> Result<Self> {
        options.set_threads()?;
        let devices: Vec<DeviceChoice> =
            options.devices.choices()?.into_iter().map(|device| device.resolve().0).collect();
        let model = match devices.first() {
            Some(first) => model.packed(*first, options),
            None => model,
        };
        let load = |device: DeviceChoice| {
            let start = Instant::now();
            let loaded = LoadedModel::open(model.checkpoint.clone(), options.load_options(device))?;
            options.notify(&Notice::Loaded {
                device: loaded.device_name(),
                precision: loaded.precision(),
                seconds: start.elapsed().as_secs_f64(),
                doubts: &loaded.doubts,
            });
            Ok(loaded)
        };
        // Each copies the same pages to a card of its own.
        let loaded: Vec<Result<LoadedModel>> = match devices[..] {
            [device] => vec![load(device)],
            _ => std::thread::scope(|scope| {
                let spawn = |device: &DeviceChoice| {
                    let (load, device) = (&load, *device);
                    std::thread::Builder::new().spawn_scoped(scope, move || load(device))
                };
                let loading: Vec<_> = devices.iter().map(spawn).collect();
                let loaded = loading.into_iter().map(|thread| match thread.map_err(Error::Threads)?.join() {
                    Ok(model) => model,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                // All are waited for, whichever fails.
                loaded.collect()
            }),
        };
        Engine::of_models(loaded.into_iter().collect::<Result<_>>()?, composer, options)
    }

    /// Makes an engine of models that are loaded.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, or no thread can be started.
    pub(crate) fn of_models(
        models: Vec<LoadedModel>,
        composer: Arc<Composer>,
        options: &EngineOptions,
    ) -> Result<Self> {
        if models.is_empty() {
            return Err(Error::Device("there is none to speak with".into()));
        }
        let state = Arc::new(RunState::new(models.len(), options.observer.clone()));
        let device = |model: &LoadedModel| Device {
            name: model.device_name.clone(),
            slots: model.slots,
            pages: model.pages,
            precision: model.precision,
            renderer: Arc::clone(&model.renderer),
            memory: model.memory.clone(),
        };
        let devices = models.iter().map(device).collect();
        let inner = Inner { state: Arc::clone(&state), workers: Mutex::default(), composer, devices };
        for (device, mut model) in models.into_iter().enumerate() {
            let state = Arc::clone(&state);
            let worker = std::thread::Builder::new()
                .name(format!("chattts-{device}"))
                .spawn(move || work(&mut model, device, &state))
                .map_err(Error::Threads)?;
            inner.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
        Ok(Engine(Arc::new(inner)))
    }

    /// Speaks a text. The result streams its sound as it is made; the sound does not depend on other requests.
    ///
    /// # Errors
    /// An error of the request; [`Error::Device`] if no device is left.
    pub fn speak(&self, request: SpeechRequest) -> Result<Speech> {
        request.overrides.validate()?;
        self.speak_line(self.compose(&request)?)
    }

    /// Speaks a composed line.
    ///
    /// # Errors
    /// As [`Engine::speak`].
    pub fn speak_line(&self, line: Line) -> Result<Speech> {
        Speech::new(&self.0.state, line, false)
    }

    /// Composes a request without speaking it.
    ///
    /// # Errors
    /// An error of the request.
    pub fn compose(&self, request: &SpeechRequest) -> Result<Line> {
        self.0.composer.compose(request)
    }

    /// Rewrites each piece of a line with pauses, laughs and fillers; the events are [`Event::Refined`] and
    /// [`Event::Done`].
    ///
    /// # Errors
    /// As [`Engine::speak`].
    pub fn refine_line(&self, line: Line) -> Result<Speech> {
        Speech::new(&self.0.state, line, true)
    }

    /// Rewrites a text with pauses, laughs and fillers.
    ///
    /// # Errors
    /// As [`Engine::speak`]; the error that prevented refining.
    pub fn refine(&self, request: &SpeechRequest) -> Result<Refined> {
        let mut request = request.clone();
        request.overrides.split = Some(false);
        for event in self.refine_line(self.compose(&request)?)? {
            if let Event::Refined { refined, .. } = event? {
                return Ok(refined);
            }
        }
        Err(Error::Interrupted)
    }

    /// Makes the wave of given codes, through the DVAE: one row per codebook (4), codes 0 to 624.
    ///
    /// # Errors
    /// [`Error::Speaker`] if rows are missing, of unequal length, or a code is out of range.
    pub fn decode(&self, codes: &[Vec<u16>]) -> Result<Rendered> {
        self.renderer()?.from_long_codes(codes, GROUP_STEPS)
    }

    /// Makes the wave of codes that the model drew.
    ///
    /// # Errors
    /// An error of the device.
    pub fn render(&self, codes: &Codes) -> Result<Rendered> {
        one(render_codes(self.renderer()?, codes.decoder, &[codes])?)
    }

    /// Returns the codes of a spoken sample (24 kHz, mono), one per 512 samples: with its words, they are a
    /// voice to continue.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the sample is too short to hold a code or holds a value that is not a number.
    pub fn encode(&self, wave: &[f32]) -> Result<VoicePrompt> {
        self.renderer()?.encode(wave)
    }

    fn renderer(&self) -> Result<&Renderer> {
        let first = self.0.devices.first();
        first.map(|device| &*device.renderer).ok_or_else(|| Error::Device("there is none".into()))
    }

    /// Returns the composer, with the voices of this model.
    pub fn composer(&self) -> &Composer {
        &self.0.composer
    }

    /// Returns the error of the last device, if all have failed.
    pub fn failure(&self) -> Option<Error> {
        self.0.state.fatal()
    }

    /// Returns the samples per second that the model itself makes.
    pub fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }

    /// Returns each device's name and the type in which it computes.
    pub fn devices(&self) -> impl Iterator<Item = (&str, Precision)> {
        self.0.devices.iter().map(|device| (device.name.as_str(), device.precision))
    }

    /// Returns the number of texts that all devices can work on together.
    pub fn slots(&self) -> usize {
        self.0.devices.iter().map(|device| device.slots).sum()
    }

    /// Returns the counters of the engine's work so far, and of its current work.
    pub fn stats(&self) -> Stats {
        use std::sync::atomic::Ordering::Relaxed;
        let state = &self.0.state;
        let counters = &state.counters;
        let device = |(number, device): (usize, &Device)| DeviceStats {
            name: device.name.clone(),
            slots: device.slots,
            slots_held: state.held.get(number).map_or(0, |held| held.load(Relaxed)),
            pages: device.pages,
            pages_held: state.pages.get(number).map_or(0, |pages| pages.load(Relaxed)),
            has_failed: state.has_failed.get(number).is_some_and(|failed| failed.load(Relaxed)),
            memory: device.memory.as_ref().and_then(|probe| probe()),
        };
        Stats {
            queued: state.queued(),
            running: stats::get(&counters.running) as usize,
            completed: stats::get(&counters.completed),
            failed: stats::get(&counters.failed),
            cancelled: stats::get(&counters.cancelled),
            steps: stats::get(&counters.steps),
            tokens: stats::get(&counters.tokens),
            audio_seconds: stats::get(&counters.samples) as f64 / f64::from(SAMPLE_RATE),
            queue_time: stats::recorded(&counters.queue_time),
            first_sound: stats::recorded(&counters.first_sound),
            devices: self.0.devices.iter().enumerate().map(device).collect(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.state.close();
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            // A worker's panic has been told to its lines.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let devices: Vec<_> = self.devices().collect();
        f.debug_struct("Engine")
            .field("devices", &devices)
            .field("slots", &self.slots())
            .finish_non_exhaustive()
    }
}

fn one<T>(values: Vec<T>) -> Result<T> {
    let none = || Error::Device("the model returned nothing for a sequence".into());
    values.into_iter().next().ok_or_else(none)
}

/// Measures the time from a request to the first samples of its stream, with a worker of its own.
///
/// # Errors
/// [`Error::Interrupted`] if `go_on` breaks; the error that prevented the sound.
pub(crate) fn first_sound(
    model: &mut LoadedModel,
    request: &Request,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<Duration> {
    let state = Arc::new(RunState::new(1, None));
    std::thread::scope(|scope| {
        let worker = Arc::clone(&state);
        std::thread::Builder::new()
            .spawn_scoped(scope, move || work(model, 0, &worker))
            .map_err(Error::Threads)?;
        let _closed = CloseOnDrop(&state);
        let start = Instant::now();
        let mut speech = Speech::new(&state, Line::of_request(request.clone()), false)?;
        while let Some(event) = speech.next_within(Duration::from_millis(10)) {
            if matches!(event?, Some(Event::Samples(_))) {
                return Ok(start.elapsed());
            }
            if go_on().is_break() {
                return Err(Error::Interrupted);
            }
        }
        Err(Error::Audio("a speech without a sample".into()))
    })
}

struct CloseOnDrop<'a>(&'a RunState);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
