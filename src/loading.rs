//! Loads an opened checkpoint onto a device, as an engine and a renderer.

use std::sync::Arc;

use candle_core::{DType, Device};

use crate::device::{LoadOptions, MemoryProbe, OpenDevice, Precision};
use crate::engine::{EngineCore, ModelStep, Step, Vocabulary};
use crate::error::{Error, Result};
use crate::model::{Checkpoint, Embed, Llama, Renderer, WeightType};
use crate::text::Tokenizer;
use crate::voice::{SeedKind, Speaker, SpeakerStats};

/// Runs the model's steps; the device decides which implementation it is.
pub(crate) type AnyStep = Box<dyn Step + Send>;

/// The approximate number of steps whose codes are rendered together, because each of them takes memory several
/// times while it is rendered.
pub(crate) const GROUP_STEPS: usize = 1024;

/// Holds a model on its device, for measuring it step by step; [`Engine`](crate::Engine) speaks with it.
pub struct LoadedModel {
    pub(crate) engine: EngineCore<AnyStep>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) stats: Option<SpeakerStats>,
    pub(crate) slots: usize,
    pub(crate) precision: Precision,
    pub(crate) device_name: String,
    pub(crate) memory: Option<MemoryProbe>,
}

impl LoadedModel {
    /// Loads an opened checkpoint.
    ///
    /// # Errors
    /// An error naming the invalid file and tensor; [`Error::Device`] if the device cannot be used.
    pub fn open(checkpoint: Checkpoint, options: LoadOptions) -> Result<Self> {
        LoadedModel::open_with(checkpoint, options, |device| device)
    }

    /// Loads an opened checkpoint as [`LoadedModel::open`] does, on the device that `prepare` makes of the
    /// opened one.
    pub(crate) fn open_with(
        mut checkpoint: Checkpoint,
        options: LoadOptions,
        prepare: impl FnOnce(OpenDevice) -> OpenDevice,
    ) -> Result<Self> {
        crate::threads::start(None)?;
        let fraction = options.memory_fraction;
        if !(fraction > 0.0 && fraction <= 1.0) {
            let reason = format!("{fraction} is not above 0 and at most 1");
            return Err(Error::parameter("memory-fraction", reason));
        }
        let (choice, _) = options.device.resolve();
        let precision = match (checkpoint.packed, options.precision) {
            (Some(WeightType::F32), Precision::Auto) => Precision::F32,
            (Some(WeightType::Q8), Precision::Auto) => Precision::Q8,
            (_, precision) => precision,
        };
        let precision = choice.precision(precision)?;
        let (device, device_name) = choice.open()?;
        let stats = checkpoint.stats.take();
        let device = prepare(device);
        let memory = device.memory_probe();
        let (step, renderer, slots, vocabulary) = match device {
            OpenDevice::Processor => on_processor(checkpoint, precision, options)?,
            #[cfg(feature = "cuda")]
            OpenDevice::Card(driver) => on_card(checkpoint, precision, options, driver)?,
        };
        let engine = EngineCore::new(vocabulary, slots, step);
        Ok(LoadedModel { engine, renderer: Arc::new(renderer), stats, slots, precision, device_name, memory })
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

    /// Returns the number of texts that are worked on together.
    pub fn batch_size(&self) -> usize {
        self.slots
    }
}

type Parts = (AnyStep, Renderer, usize, Vocabulary);

fn on_processor(checkpoint: Checkpoint, precision: Precision, options: LoadOptions) -> Result<Parts> {
    let (device, slots) = (Device::Cpu, options.batch_size.max(1));
    let weight_type = precision.weight_type();
    if let Some(packed) = checkpoint.packed.filter(|packed| *packed != weight_type) {
        let reason =
            format!("{} was asked for; this model is packed in {}", weight_type.name(), packed.name());
        return Err(Error::parameter("dtype", reason));
    }
    let hidden = checkpoint.config.hidden;
    let ((llama, embed), (tokenizer, renderer)) = rayon::join(
        || {
            rayon::join(
                || Llama::load(&checkpoint.gpt, &checkpoint.config, weight_type, &device),
                || Embed::load(&checkpoint.embed, hidden, &device),
            )
        },
        || {
            rayon::join(
                || Tokenizer::from_json(&checkpoint.tokenizer.1, &checkpoint.tokenizer.0),
                || Renderer::load(checkpoint.clone(), weight_type, &device),
            )
        },
    );
    let (llama, embed) = (llama?, embed?);
    let vocabulary = vocabulary(&checkpoint, tokenizer?, &embed)?;
    let cache = match weight_type {
        WeightType::F32 => DType::F32,
        WeightType::Q8 => DType::F16,
    };
    let step: AnyStep = Box::new(ModelStep::new(embed, llama, slots, cache, &device)?);
    Ok((step, renderer?, slots, vocabulary))
}

#[cfg(feature = "cuda")]
fn on_card(
    checkpoint: Checkpoint,
    precision: Precision,
    options: LoadOptions,
    driver: std::sync::Arc<dyn crate::cuda::Driver>,
) -> Result<Parts> {
    use crate::cuda::{CardLlama, CardRenderer, CardStep, Dtype, Kernels, Slots, Weights};
    if checkpoint.packed.is_some() {
        return Err(Error::Device(
            "this model is packed for processors; give a card the folder or the repository it was made from"
                .into(),
        ));
    }
    let kind = match precision {
        Precision::F32 => Dtype::F32,
        Precision::Bf16 => Dtype::Bf16,
        _ => Dtype::F16,
    };
    let kernels = Kernels::new(driver);
    let (embed, tokenizer) = rayon::join(
        || Embed::load(&checkpoint.embed, checkpoint.config.hidden, &Device::Cpu),
        || Tokenizer::from_json(&checkpoint.tokenizer.1, &checkpoint.tokenizer.0),
    );
    let embed = embed?;
    let vocabulary = vocabulary(&checkpoint, tokenizer?, &embed)?;
    let weights = Weights { kind, quantized: precision == Precision::Q8 };
    let llama = CardLlama::load(&kernels, weights, &checkpoint.gpt, &checkpoint.config, embed)?;
    // Before the texts, which take what is left.
    // For the largest group, two frames a step, so that its memory is there when it is needed.
    let frames = 2 * (GROUP_STEPS + checkpoint.config.max_positions);
    let networks = Box::new(CardRenderer::load(&checkpoint, &kernels, kind, frames)?);
    let renderer = Renderer::new(checkpoint, networks);
    let slots = Slots {
        wanted: options.batch_size.max(1),
        fewer: options.fewer,
        memory_fraction: options.memory_fraction,
    };
    let step = CardStep::new(llama, slots)?;
    let slots = step.slots();
    Ok((Box::new(step), renderer, slots, vocabulary))
}

fn vocabulary(checkpoint: &Checkpoint, tokenizer: Tokenizer, embed: &Embed) -> Result<Vocabulary> {
    if tokenizer.size() > embed.text_tokens() {
        return Err(Error::Tokenizer {
            file: checkpoint.tokenizer.0.clone(),
            reason: format!(
                "it has {} tokens, {} embeds {}; they are not of one model",
                tokenizer.size(),
                checkpoint.embed.path().display(),
                embed.text_tokens()
            ),
        });
    }
    Ok(Vocabulary {
        tokenizer,
        codebooks: embed.codebooks(),
        code_tokens: embed.code_tokens(),
        text_tokens: embed.text_tokens(),
        hidden: checkpoint.config.hidden,
        max_positions: checkpoint.config.max_positions,
        refines: checkpoint.config.refines,
    })
}
