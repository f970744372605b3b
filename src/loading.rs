//! Loads an opened checkpoint onto a device, as an engine and a renderer.

use std::sync::Arc;

use crate::backend::{self, Backend, Checkpoint, MemoryProbe, Renderer, WeightType};
use crate::device::{LoadOptions, Precision};
use crate::engine::{EngineCore, PAGE, Step};
use crate::error::{Error, Result};
use crate::voice::{SeedKind, Speaker, SpeakerStats};

/// Runs the model's steps; the device decides which implementation it is.
pub(crate) type AnyStep = Box<dyn Step + Send>;

/// Holds a model on its device, for measuring it step by step; [`Engine`](crate::Engine) speaks with it.
pub struct LoadedModel {
    pub(crate) engine: EngineCore<AnyStep>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) stats: Option<SpeakerStats>,
    pub(crate) slots: usize,
    /// Pages of keys and values that they may take together.
    pub(crate) pages: usize,
    pub(crate) precision: Precision,
    pub(crate) device_name: String,
    /// What was found wrong with the device.
    pub(crate) doubts: Vec<String>,
    pub(crate) memory: Option<MemoryProbe>,
}

impl LoadedModel {
    /// Loads an opened checkpoint.
    ///
    /// # Errors
    /// An error naming the invalid file and tensor; [`Error::Device`] if the device cannot be used.
    pub fn open(checkpoint: Checkpoint, options: LoadOptions) -> Result<Self> {
        LoadedModel::open_on(&*backend::open(options.device, options.backend)?, checkpoint, options)
    }

    /// Loads an opened checkpoint as [`LoadedModel::open`] does, on a device that is open.
    pub(crate) fn open_on(
        backend: &dyn Backend,
        mut checkpoint: Checkpoint,
        options: LoadOptions,
    ) -> Result<Self> {
        crate::threads::start(None)?;
        let fraction = options.memory_fraction;
        if !(fraction > 0.0 && fraction <= 1.0) {
            let reason = format!("{fraction} is not above 0 and at most 1");
            return Err(Error::parameter("memory-fraction", reason));
        }
        let precision = match (checkpoint.packed, options.precision) {
            (Some(WeightType::F32), Precision::Auto) => Precision::F32,
            (Some(WeightType::Q8), Precision::Auto) => Precision::Q8,
            (_, precision) => precision,
        };
        let precision = backend.precision(precision)?;
        if checkpoint.packed.is_some() && !backend.takes_packed() {
            return Err(Error::Device(format!(
                "this model is packed for processors; give {} the folder or the repository it was made from",
                backend.name()
            )));
        }
        let stats = checkpoint.stats.take();
        let (parts, vocabulary) =
            rayon::join(|| backend.load(&checkpoint, precision, &options), || checkpoint.vocabulary());
        let (parts, vocabulary) = (parts?, vocabulary?);
        let all = parts.slots * vocabulary.max_positions.div_ceil(PAGE);
        Ok(LoadedModel {
            pages: parts.pages.unwrap_or(all),
            engine: EngineCore::new(vocabulary, parts.slots, parts.step),
            renderer: Arc::new(Renderer::new(checkpoint.config.hidden, parts.renderer)),
            stats,
            slots: parts.slots,
            precision,
            device_name: backend.name(),
            doubts: backend.doubts(),
            memory: backend.memory(),
        })
    }

    /// Draws the voice of a seed.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the model is of its own width and has no statistics of voices.
    pub(crate) fn speaker(&self, kind: SeedKind, seed: u64) -> Result<Speaker> {
        self.stats.as_ref().ok_or_else(SpeakerStats::missing)?.sample(kind, seed)
    }

    /// Returns the type in which it computes; never [`Precision::Auto`].
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Returns the device's name, such as `cpu`.
    pub fn device_name(&self) -> &str {
        &self.device_name
    }

    /// Returns what turns its codes and hidden states into waves.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// Returns the number of texts that are worked on together.
    pub fn batch_size(&self) -> usize {
        self.slots
    }
}
