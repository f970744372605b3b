//! How an engine is opened, and what it says while it runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::device::{DeviceChoice, Devices};
use crate::device::{LoadOptions, Precision};
use crate::error::{Error, Result};
use crate::hub::{HubConfig, Transfer};
use crate::text::Homophones;
use crate::voice::Registry;

/// Texts that are worked on together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchSize {
    /// As many as the device gains by, and its free memory holds.
    #[default]
    Auto,
    /// As [`BatchSize::Auto`], and no more than there is to do.
    UpTo(usize),
    /// So many, at least 1.
    Fixed(usize),
}

impl BatchSize {
    /// Past this the products keep a processor's units busy, and more texts only cost memory.
    const ENOUGH: usize = 16;
    /// Past this a card gains little by more; what its memory holds is found when the model is there.
    const ENOUGH_ON_CARD: usize = 256;
    /// What one text may come to: keys and values of 4096 positions.
    const BYTES_EACH: u64 = 512 << 20;

    /// Returns the number for a device, and whether fewer will do.
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

/// What an engine says while it is opened and while it runs; errors of requests go to the requests.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Files are not here yet and will be downloaded.
    Downloading,
    /// How a download goes.
    Transfer(Transfer<'a>),
    /// A large model's weights are written to the cache, packed, so that they load faster the next time.
    Packing {
        /// The file.
        file: PathBuf,
    },
    /// The weights cannot be kept packed, which costs nothing but time.
    PackingFailed {
        /// Why.
        error: &'a Error,
    },
    /// A device is ready.
    Loaded {
        /// As it is called: `cpu`, `cuda:0 (NVIDIA H100)`.
        device: &'a str,
        /// The type it computes in.
        precision: Precision,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// A device failed and does no more; others go on.
    DeviceFailed {
        /// As it is called.
        device: &'a str,
        /// Why.
        error: &'a Error,
        /// Lines it had started that the others now speak from their start.
        lines: usize,
    },
}

/// Hears notices; called by any thread, and should return soon.
pub type Observer = Arc<dyn Fn(&Notice) + Send + Sync>;

/// How an engine is opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineOptions {
    /// A folder, a file of packed weights, a repository, or `demo` and `demo-full`.
    pub model: String,
    /// Where it runs.
    pub devices: Devices,
    /// In which type it computes.
    pub precision: Precision,
    /// Texts that are worked on together, on each device.
    pub batch_size: BatchSize,
    /// The share of a card's free memory that texts worked on may take, above 0 and at most 1.
    pub memory_fraction: f64,
    /// Threads that a processor computes with, none for one per core. They are the process's: whoever is first
    /// decides.
    pub threads: Option<usize>,
    /// Where repositories are downloaded to and from.
    pub hub: HubConfig,
    /// The folder in which large models are kept packed, if they are.
    pub cache: Option<PathBuf>,
    /// The voices that are known by name.
    pub registry: Registry,
    /// Characters that the model misreads.
    pub homophones: Option<Homophones>,
    /// Hears what the engine has to say beside what it speaks.
    pub observer: Option<Observer>,
}

impl EngineOptions {
    /// Opens a model on the best device there is. No environment variable is read.
    pub fn new(model: impl Into<String>) -> Self {
        EngineOptions {
            model: model.into(),
            devices: Devices::default(),
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

    /// As [`EngineOptions::new`], with the settings of Hugging Face's variables ([`HubConfig::from_env`]).
    pub fn from_env(model: impl Into<String>) -> Self {
        EngineOptions { hub: HubConfig::from_env(), ..EngineOptions::new(model) }
    }

    /// Returns how a model is loaded on one of the devices.
    pub fn load_options(&self, device: DeviceChoice) -> LoadOptions {
        let (batch_size, fewer) = self.batch_size.on(device);
        let EngineOptions { precision, memory_fraction, .. } = *self;
        LoadOptions { device, precision, batch_size, fewer, memory_fraction }
    }

    /// Settles the number of the process's threads, as opening a model does.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the process computes with another number already.
    pub fn set_threads(&self) -> Result<()> {
        let Some(threads) = self.threads else { return Ok(()) };
        // A pool that is there already keeps its size.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        match rayon::current_num_threads() {
            is if is == threads => Ok(()),
            is => Err(Error::parameter("threads", format!("{threads}; this process computes with {is}"))),
        }
    }

    pub(super) fn notify(&self, notice: &Notice) {
        if let Some(observer) = &self.observer {
            observer(notice);
        }
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EngineOptions { model, devices, precision, batch_size, threads, .. } = self;
        f.debug_struct("EngineOptions")
            .field("model", model)
            .field("devices", devices)
            .field("precision", precision)
            .field("batch_size", batch_size)
            .field("threads", threads)
            .finish_non_exhaustive()
    }
}
