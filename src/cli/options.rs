//! From flags to what they ask for, checked before anything is loaded.

use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use chattts_rs::batch::model_fingerprint;
use chattts_rs::hub::{self, DemoSize, HubConfig, ModelFiles};
use chattts_rs::model::{Checkpoint, DEMO_SEED};
use chattts_rs::{
    ChatTts, DeviceChoice, Devices, LoadOptions, ModelSource, NoiseMode, Precision, SamplingParams,
};

use super::args::{ComputeArgs, Dtype, ModelArgs, Rng, SamplingArgs};
use super::report::Report;
use super::{Context, Usage};

/// Codebooks of every ChatTTS; the model's own count is checked again when it speaks.
pub const CODEBOOKS: usize = 4;

/// The model that `--model` and `--offline` mean.
pub fn model_source(args: &ModelArgs) -> chattts_rs::Result<(ModelSource, HubConfig)> {
    let mut config = HubConfig::from_env();
    config.offline |= args.offline;
    Ok((ModelSource::from_str(&args.model)?, config))
}

/// A model's files, opened.
pub struct Opened {
    /// The files.
    pub checkpoint: Checkpoint,
    /// By what they are told apart from another model's.
    pub model: String,
}

/// Opens a model's files, downloading them first if need be.
pub fn open(args: &ModelArgs, context: &Context) -> anyhow::Result<Opened> {
    let (source, config) = model_source(args)?;
    if let ModelSource::Demo(size) = source {
        let name = match size {
            DemoSize::Tiny => "small random weights",
            DemoSize::Full => "random weights of the published shapes",
        };
        context.report.note(&format!("note: {source} is a model of {name}; it speaks noise, not words"));
        return Ok(Opened { checkpoint: Checkpoint::demo(size, DEMO_SEED)?, model: source.to_string() });
    }
    if let ModelSource::Packed(file) = source {
        let checkpoint = Checkpoint::open_packed(&file)?;
        return Ok(Opened { checkpoint, model: model_fingerprint(&[file])? });
    }
    opened(files(&source, &config, context)?)
}

/// Opens files that are in place.
pub fn opened(files: ModelFiles) -> anyhow::Result<Opened> {
    let checkpoint = Checkpoint::open(&files)?;
    let all =
        [files.decoder, files.dvae, files.embed, files.vocos, files.gpt_config, files.gpt, files.tokenizer];
    let all: Vec<PathBuf> = all.into_iter().chain(files.spk_stat).collect();
    Ok(Opened { checkpoint, model: model_fingerprint(&all)? })
}

/// A model's files, downloaded first if need be.
pub fn files(source: &ModelSource, config: &HubConfig, context: &Context) -> anyhow::Result<ModelFiles> {
    match hub::locate(source, config) {
        Ok(files) => Ok(files),
        Err(_) if matches!(source, ModelSource::Hub { .. }) && !config.offline => {
            context.report.note(super::model::LICENCE_NOTE);
            Ok(hub::fetch(source, config, &mut |event| context.report.transfer(event))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Loads a model and says how long it took.
pub fn load(model: &ModelArgs, compute: LoadOptions, context: &Context) -> anyhow::Result<ChatTts> {
    start(open(model, context)?, compute, context)
}

/// Loads an opened model and says how long it took.
pub fn start(opened: Opened, compute: LoadOptions, context: &Context) -> anyhow::Result<ChatTts> {
    load_on(packed(opened, &compute, &context.report), compute, context)
}

/// Loads an opened model on each of some devices.
pub fn start_all(
    opened: Opened,
    devices: &[DeviceChoice],
    compute: LoadOptions,
    context: &Context,
) -> anyhow::Result<Vec<ChatTts>> {
    let first = devices.first().map_or(compute, |device| LoadOptions { device: *device, ..compute });
    let checkpoint = packed(opened, &first, &context.report);
    let on = |device: DeviceChoice| load_on(checkpoint.clone(), LoadOptions { device, ..compute }, context);
    // Each copies the same pages to a card of its own.
    std::thread::scope(|scope| {
        let loading: Vec<_> = devices.iter().map(|device| scope.spawn(move || on(*device))).collect();
        let loaded = loading.into_iter().map(|thread| match thread.join() {
            Ok(model) => model,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All are waited for, whichever fails.
        loaded.collect::<Vec<_>>().into_iter().collect()
    })
}

fn load_on(checkpoint: Checkpoint, compute: LoadOptions, context: &Context) -> anyhow::Result<ChatTts> {
    let start = Instant::now();
    let tts = ChatTts::open(checkpoint, compute)?;
    let seconds = start.elapsed().as_secs_f64();
    let (device, dtype) = (tts.device_name(), tts.precision().name());
    context.report.detail(&format!("{device}: loaded in {seconds:.2} s, in {dtype}"));
    Ok(tts)
}

/// The same model from the cache folder, where it lies packed for processors; it is put there if it is not yet.
/// A model too small to gain by it stays as it is, and so does one that cannot be kept: it only takes longer to
/// load.
pub fn packed(opened: Opened, compute: &LoadOptions, report: &Report) -> Checkpoint {
    /// Weights of the language model that take longer to read than to map.
    const LARGE: u64 = 64 << 20;
    let Opened { checkpoint, model } = opened;
    let kind = match compute.device.precision(compute.precision) {
        Ok(precision) if compute.device == DeviceChoice::Cpu => precision.weight_type(),
        _ => return checkpoint,
    };
    let size = std::fs::metadata(checkpoint.gpt.path()).map_or(0, |meta| meta.len());
    let Some(folder) = cache_folder().filter(|_| checkpoint.packed.is_none() && size >= LARGE) else {
        return checkpoint;
    };
    let file = folder.join("packed").join(format!("{model}-{}.safetensors", kind.name()));
    let found = match Checkpoint::open_packed(&file) {
        Ok(found) => Ok(found),
        Err(_) => {
            report.note(&format!("keeping the weights packed in {}", file.display()));
            checkpoint.pack(&file, kind).and_then(|()| Checkpoint::open_packed(&file))
        }
    };
    found.unwrap_or_else(|error| {
        report.warn(&format!("the weights cannot be kept packed, which would load faster: {error}"));
        checkpoint
    })
}

/// Names another folder for what can be made again; `off` is none.
const CACHE: &str = "CHATTTS_RS_CACHE";

fn cache_folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    match std::env::var_os(CACHE) {
        Some(folder) if folder.is_empty() || folder == "off" => None,
        Some(folder) => Some(folder.into()),
        None => Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("chattts-rs")),
    }
}

/// In what type to compute, on one device.
pub fn compute(args: &ComputeArgs, report: &Report) -> anyhow::Result<LoadOptions> {
    match devices(args, report)?[..] {
        [device] => Ok(LoadOptions { device, ..all(args) }),
        _ => Err(several(args)),
    }
}

/// Refuses a list of devices.
pub fn several(args: &ComputeArgs) -> anyhow::Error {
    Usage(format!("--device {}: this works on one device; name one", args.device)).into()
}

/// What flags say of all devices.
pub fn all(args: &ComputeArgs) -> LoadOptions {
    let (precision, memory_fraction) = (args.dtype.into(), args.memory_fraction);
    LoadOptions { precision, memory_fraction, ..LoadOptions::default() }
}

/// Where to compute, one or several; what `auto` comes to is said.
pub fn devices(args: &ComputeArgs, report: &Report) -> chattts_rs::Result<Vec<DeviceChoice>> {
    let precision = args.dtype.into();
    let devices: Vec<DeviceChoice> = Devices::from_str(&args.device)?
        .choices()?
        .into_iter()
        .map(|device| {
            let (resolved, reason) = device.resolve();
            match (device, resolved, reason) {
                (DeviceChoice::Auto, DeviceChoice::Cuda(number), _) => {
                    report.note(&format!("on the card cuda:{number}"));
                }
                (DeviceChoice::Auto, _, Some(reason)) => {
                    report.note(&format!("on the processor, since no card can be used: {reason}"));
                }
                _ => {}
            }
            resolved
        })
        .collect();
    // Found before anything is downloaded.
    for device in &devices {
        device.precision(precision)?;
    }
    Ok(devices)
}

impl From<Dtype> for Precision {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Auto => Precision::Auto,
            Dtype::F32 => Precision::F32,
            Dtype::Q8 => Precision::Q8,
            Dtype::F16 => Precision::F16,
            Dtype::Bf16 => Precision::Bf16,
        }
    }
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

/// The seed asked for, or one that is drawn and printed.
pub fn seed(asked: Option<u64>, context: &Context) -> u64 {
    asked.unwrap_or_else(|| {
        let seed = draw();
        context.report.note(&format!("seed {seed}"));
        seed
    })
}

/// `--batch-size`: texts worked on together, and whether fewer will do.
pub fn batch_size(text: &str, device: DeviceChoice) -> Result<(usize, bool), Usage> {
    /// Past this the products keep a processor's units busy, and more texts only cost memory.
    const ENOUGH: usize = 16;
    /// Past this a card gains little by more; what its memory holds is found when the model is there.
    const ENOUGH_ON_CARD: usize = 256;
    /// What one text may come to: keys and values of 4096 positions.
    const BYTES_EACH: u64 = 512 << 20;
    /// The largest that is taken.
    const MOST: usize = 1024;
    if text != "auto" {
        let size = text.parse().ok().filter(|n| (1..=MOST).contains(n));
        let unknown = || Usage(format!("--batch-size {text}: auto, or 1 to {MOST}"));
        return Ok((size.ok_or_else(unknown)?, false));
    }
    if matches!(device, DeviceChoice::Cuda(_)) {
        return Ok((ENOUGH_ON_CARD, true));
    }
    // A system that does not say gets one text at a time.
    let free = sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        let available = system.available_memory();
        system.cgroup_limits().map_or(available, |limits| limits.free_memory.min(available))
    });
    Ok((usize::try_from(free / 2 / BYTES_EACH).unwrap_or(ENOUGH).clamp(1, ENOUGH), false))
}

/// 32 random bits, which is what the generator takes; the standard library's hasher is keyed by the system.
fn draw() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() & u64::from(u32::MAX)
}
