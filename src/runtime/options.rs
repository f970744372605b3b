//! Options for opening an engine, and its notices while it runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::device::{BackendChoice, DeviceChoice, Devices, LoadOptions, Precision};
use crate::error::{Error, Result};
use crate::hub::{HubConfig, Transfer};
use crate::text::Homophones;
use crate::voice::Registry;

/// The number of texts that are worked on together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchSize {
    /// As many as improve the device's throughput and fit in its free memory.
    #[default]
    Auto,
    /// As [`BatchSize::Auto`], and no more than there are texts.
    UpTo(usize),
    /// Exactly this number, at least 1.
    Fixed(usize),
}

impl BatchSize {
    /// The number of texts that keep a processor's units busy; more only cost memory.
    const ENOUGH: usize = 16;
    /// The number of texts from which a card gains little by more; how many its memory holds is only known once
    /// the model is loaded.
    const ENOUGH_ON_CARD: usize = 256;
    /// The most bytes that one text takes: keys and values of 4096 positions.
    const BYTES_EACH: u64 = 512 << 20;

    /// Returns the number for a device, and whether fewer are acceptable.
    pub fn on(self, device: DeviceChoice) -> (usize, bool) {
        match (self, device) {
            (BatchSize::Fixed(size), _) => (size, false),
            (BatchSize::UpTo(most), device) => {
                let (size, fewer) = BatchSize::Auto.on(device);
                (size.min(most.max(1)), fewer)
            }
            (BatchSize::Auto, DeviceChoice::Cuda(_)) => (Self::ENOUGH_ON_CARD, true),
            (BatchSize::Auto, _) => {
                // A system that does not say gets one text at a time.
                let free = sysinfo::System::new().map_or(0, |mut system| {
                    system.refresh_memory();
                    let available = system.available_memory();
                    system.cgroup_limits().map_or(available, |limits| limits.free_memory.min(available))
                });
                let size = usize::try_from(free / 2 / Self::BYTES_EACH).unwrap_or(Self::ENOUGH);
                (size.clamp(1, Self::ENOUGH), false)
            }
        }
    }
}

/// Reports an event of the engine while it is opened and while it runs; errors of requests go to the requests.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Files are not here yet and will be downloaded.
    Downloading,
    /// Progress of a download.
    Transfer(Transfer<'a>),
    /// A large model's weights are being written to the cache, packed, so that they load faster the next time.
    Packing {
        /// The file.
        file: PathBuf,
    },
    /// The weights cannot be kept packed, which only costs time.
    PackingFailed {
        /// The reason.
        error: &'a Error,
    },
    /// A device is ready.
    Loaded {
        /// Name of the device: `cpu`, `cuda:0 (NVIDIA H100)`.
        device: &'a str,
        /// The type it computes in.
        precision: Precision,
        /// Seconds that loading took.
        seconds: f64,
        /// What was found wrong with it when it was tried, for which it computes in another way than it could.
        doubts: &'a [String],
    },
    /// A device failed and is no longer used; the others continue.
    DeviceFailed {
        /// Name of the device.
        device: &'a str,
        /// The reason.
        error: &'a Error,
        /// Number of lines it had started, which the others now speak from their start.
        lines: usize,
    },
}

/// Receives notices; it may be called by any thread, and should return soon.
pub type Observer = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Holds the options for opening an engine.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineOptions {
    /// A folder, a file of packed weights, a repository, or `demo`, `noise` and `noise-full`.
    pub model: String,
    /// The devices on which it runs.
    pub devices: Devices,
    /// What computes on them.
    pub backend: BackendChoice,
    /// The type in which it computes.
    pub precision: Precision,
    /// Texts that are worked on together, on each device.
    pub batch_size: BatchSize,
    /// The share of a card's free memory that texts worked on may take, above 0 and at most 1.
    pub memory_fraction: f64,
    /// Number of threads with which a processor computes; None for one per core. The threads belong to the
    /// process: the first engine to set their number decides.
    pub threads: Option<usize>,
    /// The hub and the cache of downloaded repositories.
    pub hub: HubConfig,
    /// The folder in which large models are kept packed; None keeps none.
    pub cache: Option<PathBuf>,
    /// The voices that are known by name.
    pub registry: Registry,
    /// Characters that the model misreads.
    pub homophones: Option<Homophones>,
    /// Receives the notices of the engine.
    pub observer: Option<Observer>,
}

impl EngineOptions {
    /// Makes options for a model on the best device there is. No environment variable is read.
    pub fn new(model: impl Into<String>) -> Self {
        EngineOptions {
            model: model.into(),
            devices: Devices::default(),
            backend: BackendChoice::default(),
            precision: Precision::default(),
            batch_size: BatchSize::default(),
            memory_fraction: LoadOptions::default().memory_fraction,
            threads: None,
            hub: HubConfig::default(),
            cache: None,
            registry: Registry::shipped(),
            homophones: None,
            observer: None,
        }
    }

    /// Makes options as [`EngineOptions::new`] does, with the settings of Hugging Face's variables
    /// ([`HubConfig::from_env`]).
    pub fn from_env(model: impl Into<String>) -> Self {
        EngineOptions { hub: HubConfig::from_env(), ..EngineOptions::new(model) }
    }

    /// Returns the options for loading a model on one of the devices.
    pub fn load_options(&self, device: DeviceChoice) -> LoadOptions {
        let (batch_size, fewer) = self.batch_size.on(device);
        let EngineOptions { backend, precision, memory_fraction, .. } = *self;
        LoadOptions { device, backend, precision, batch_size, fewer, memory_fraction }
    }

    /// Sets the number of the process's threads, as opening a model does.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the process already computes with another number, or so many cannot be had;
    /// [`Error::Threads`] if the system gives none.
    pub fn set_threads(&self) -> Result<()> {
        crate::threads::start(self.threads)
    }

    pub(super) fn notify(&self, notice: &Notice) {
        if let Some(observer) = &self.observer {
            observer(notice);
        }
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EngineOptions { model, devices, backend, precision, batch_size, threads, .. } = self;
        f.debug_struct("EngineOptions")
            .field("model", model)
            .field("devices", devices)
            .field("backend", backend)
            .field("precision", precision)
            .field("batch_size", batch_size)
            .field("threads", threads)
            .finish_non_exhaustive()
    }
}
