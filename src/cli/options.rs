//! From flags to what they ask for, checked before anything is loaded.

use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;
use std::time::Instant;

use chattts_rs::hub::{self, DemoSize, HubConfig};
use chattts_rs::model::{Checkpoint, DEMO_SEED};
use chattts_rs::{ChatTts, DeviceChoice, LoadOptions, ModelSource, NoiseMode, Precision, SamplingParams};

use super::args::{ComputeArgs, Dtype, ModelArgs, Rng, SamplingArgs};
use super::{Context, Usage};

/// Codebooks of every ChatTTS; the model's own count is checked again when it speaks.
pub const CODEBOOKS: usize = 4;

/// The model that `--model` and `--offline` mean.
pub fn model_source(args: &ModelArgs) -> chattts_rs::Result<(ModelSource, HubConfig)> {
    let mut config = HubConfig::from_env();
    config.offline |= args.offline;
    Ok((ModelSource::from_str(&args.model)?, config))
}

/// Opens a model's files, downloading them first if need be.
pub fn checkpoint(args: &ModelArgs, context: &Context) -> anyhow::Result<Checkpoint> {
    let (source, config) = model_source(args)?;
    if let ModelSource::Demo(size) = source {
        let name = match size {
            DemoSize::Tiny => "small random weights",
            DemoSize::Full => "random weights of the published shapes",
        };
        context.report.note(&format!("note: {source} is a model of {name}; it speaks noise, not words"));
        return Ok(Checkpoint::demo(size, DEMO_SEED)?);
    }
    let files = match hub::locate(&source, &config) {
        Ok(files) => files,
        Err(_) if matches!(source, ModelSource::Hub { .. }) && !config.offline => {
            context.report.note(super::model::LICENCE_NOTE);
            hub::fetch(&source, &config, &mut |event| context.report.transfer(event))?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Checkpoint::open(&files)?)
}

/// Loads a model and says how long it took.
pub fn load(model: &ModelArgs, compute: LoadOptions, context: &Context) -> anyhow::Result<ChatTts> {
    let checkpoint = checkpoint(model, context)?;
    let start = Instant::now();
    let tts = ChatTts::open(checkpoint, compute)?;
    context.report.detail(&format!("loaded in {:.2} s", start.elapsed().as_secs_f64()));
    Ok(tts)
}

/// Where and in what type to compute.
pub fn compute(args: &ComputeArgs) -> Result<LoadOptions, Usage> {
    let unknown = || Usage(format!("--device {}: auto, cpu, cuda and cuda:N are known", args.device));
    let device = match args.device.split_once(':') {
        None if args.device == "auto" => DeviceChoice::Auto,
        None if args.device == "cpu" => DeviceChoice::Cpu,
        None if args.device == "cuda" => DeviceChoice::Cuda(0),
        Some(("cuda", number)) => DeviceChoice::Cuda(number.parse().map_err(|_| unknown())?),
        _ => return Err(unknown()),
    };
    let precision = match args.dtype {
        Dtype::Auto => Precision::Auto,
        Dtype::F32 => Precision::F32,
        Dtype::Q8 => Precision::Q8,
    };
    Ok(LoadOptions { device, precision, ..LoadOptions::default() })
}

/// Sampling parameters where flags override defaults; `heads` are the codebooks, or 1 for text.
pub fn sampling(
    args: &SamplingArgs,
    defaults: SamplingParams,
    heads: usize,
) -> chattts_rs::Result<SamplingParams> {
    let params = SamplingParams {
        temperature: args.temperature.clone().unwrap_or(defaults.temperature),
        top_p: args.top_p.unwrap_or(defaults.top_p),
        top_k: args.top_k.unwrap_or(defaults.top_k),
        repetition_penalty: args.repetition_penalty.unwrap_or(defaults.repetition_penalty),
        max_tokens: args.max_tokens.unwrap_or(defaults.max_tokens),
        min_tokens: args.min_tokens.unwrap_or(defaults.min_tokens),
    };
    params.validate(heads)?;
    Ok(params)
}

impl From<Rng> for NoiseMode {
    fn from(rng: Rng) -> Self {
        match rng {
            Rng::Repeat => NoiseMode::Repeat,
            Rng::Stream => NoiseMode::Stream,
        }
    }
}

/// A generation seed, and whether it may be exchanged for another because nobody chose it.
pub struct Seed {
    pub value: u64,
    pub drawn: bool,
}

impl Seed {
    /// The seed asked for, or one that is drawn and printed.
    pub fn choose(asked: Option<u64>, context: &Context) -> Self {
        match asked {
            Some(value) => Seed { value, drawn: false },
            None => {
                let seed = Seed { value: draw(), drawn: true };
                context.report.note(&format!("seed {}", seed.value));
                seed
            }
        }
    }

    /// Another seed in place of a drawn one.
    pub fn redraw(&mut self, context: &Context) {
        let old = std::mem::replace(&mut self.value, draw());
        context.report.note(&format!("seed {old} ends at once; seed {} from here on", self.value));
    }
}

/// 32 random bits, which is what the generator takes; the standard library's hasher is keyed by the system.
fn draw() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() & u64::from(u32::MAX)
}
