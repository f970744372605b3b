//! Turns flags into options, and checks them before anything is loaded.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use chattts_rs::hub::HubConfig;
use chattts_rs::speech::{Composer, Voices};
use chattts_rs::voice::Registry;
use chattts_rs::{
    BatchSize, DeviceChoice, Devices, Engine, EngineOptions, Error, Model, ModelSource, Notice,
};

use super::args::{ComputeArgs, ModelArgs};
use super::report::Report;
use super::{Context, Usage};

/// Returns the model that `--model` and `--offline` name.
pub fn model_source(args: &ModelArgs) -> chattts_rs::Result<(ModelSource, HubConfig)> {
    Ok((ModelSource::from_str(args.name())?, hub(args)))
}

fn hub(args: &ModelArgs) -> HubConfig {
    let mut config = HubConfig::from_env();
    config.offline |= args.offline;
    config
}

/// Makes options for a model without an observer of its notices.
pub fn quiet_engine(args: &ModelArgs) -> EngineOptions {
    let mut options = EngineOptions::new(args.name());
    options.hub = hub(args);
    options.cache = cache_folder();
    options
}

/// Makes options for a model whose notices are shown to the user.
pub fn engine(args: &ModelArgs, context: &Context) -> EngineOptions {
    let report = Arc::clone(&context.report);
    let mut options = quiet_engine(args);
    options.observer = Some(Arc::new(move |notice: &Notice| tell(&report, notice)));
    options
}

/// Adds the device and the type to compute in, for one device; prints the choice of `auto`.
pub fn compute(options: &mut EngineOptions, args: &ComputeArgs, report: &Report) -> anyhow::Result<()> {
    match devices(options, args, report)?[..] {
        [_] => Ok(()),
        _ => Err(several(args)),
    }
}

/// Adds the devices and the type to compute in, for one device or several.
pub fn devices(
    options: &mut EngineOptions,
    args: &ComputeArgs,
    report: &Report,
) -> chattts_rs::Result<Vec<DeviceChoice>> {
    options.backend = args.backend;
    options.precision = args.dtype;
    options.memory_fraction = args.memory_fraction;
    options.threads = args.threads.map(usize::from);
    let asked = Devices::from_str(&args.device)?.choices()?;
    let devices: Vec<DeviceChoice> = asked
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
        args.backend.precision(*device, args.dtype)?;
    }
    options.devices = Devices::from(devices.as_slice());
    Ok(devices)
}

/// Returns the error that refuses a list of devices.
pub fn several(args: &ComputeArgs) -> anyhow::Error {
    Usage(format!("--device {}: this works on one device; name one", args.device)).into()
}

/// Opens a model's files, downloading them first if need be.
pub fn open(options: &EngineOptions, context: &Context) -> anyhow::Result<Model> {
    if let ModelSource::Noise(size) = options.model.parse()? {
        let name = match size {
            chattts_rs::hub::NoiseSize::Tiny => "small random weights",
            chattts_rs::hub::NoiseSize::Full => "random weights of the published shapes",
        };
        let model = &options.model;
        context.report.note(&format!("note: {model} is a model of {name}; it speaks noise, not words"));
    }
    Ok(Model::open(options)?)
}

/// Loads a model for one text at a time.
pub fn load(options: &mut EngineOptions, context: &Context) -> anyhow::Result<Engine> {
    let model = open(options, context)?;
    options.batch_size = BatchSize::Fixed(1);
    start(model, Registry::shipped(), options)
}

/// Loads an opened model, with the voices of a registry.
pub fn start(model: Model, registry: Registry, options: &EngineOptions) -> anyhow::Result<Engine> {
    let composer = Composer::new(Voices::new(&model.checkpoint, registry));
    Ok(Engine::start(model, Arc::new(composer), options)?)
}

fn tell(report: &Report, notice: &Notice) {
    match notice {
        Notice::Downloading => report.note(super::model::LICENCE_NOTE),
        Notice::Transfer(event) => report.transfer(event),
        Notice::Packing { file } => {
            report.note(&format!("keeping the weights packed in {}", file.display()));
        }
        Notice::PackingFailed { error } => {
            report.warn(&format!("the weights cannot be kept packed, which would load faster: {error}"));
        }
        Notice::Loaded { device, precision, seconds, doubts } => {
            if !doubts.is_empty() {
                report.warn(&format!(
                    "computing on {device}, since that card did not pass: {}",
                    doubts.join("; ")
                ));
            }
            report.detail(&format!("{device}: loaded in {seconds:.2} s, in {}", precision.name()));
        }
        Notice::DeviceFailed { device, error, lines } => report.warn(&device_failed(device, error, *lines)),
        _ => {}
    }
}

/// Returns the message for a device that fails while others continue.
fn device_failed(device: &str, error: &Error, lines: usize) -> String {
    let reason = match error {
        Error::Device(reason) => reason.clone(),
        other => other.to_string(),
    };
    match lines {
        0 => format!("{device} failed: {reason}; the other devices go on"),
        1 => format!("{device} failed: {reason}; its line goes to the other devices"),
        lines => format!("{device} failed: {reason}; its {lines} lines go to the other devices"),
    }
}

/// The variable that names another folder for files that can be made again; `off` keeps none.
const CACHE: &str = "CHATTTS_RS_CACHE";

pub fn cache_folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    match std::env::var_os(CACHE) {
        Some(folder) if folder.is_empty() || folder == "off" => None,
        Some(folder) => Some(folder.into()),
        None => Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("chattts-rs")),
    }
}

/// Returns the seed that was asked for, or draws one and prints it.
pub fn seed(asked: Option<u64>, context: &Context) -> u64 {
    asked.unwrap_or_else(|| {
        let seed = chattts_rs::speech::random_seed();
        context.report.note(&format!("seed {seed}"));
        seed
    })
}

/// Reads `--batch-size`, the number of texts that are worked on together.
pub fn batch_size(text: &str) -> Result<BatchSize, Usage> {
    /// The largest number that is accepted.
    const MOST: usize = 1024;
    if text == "auto" {
        return Ok(BatchSize::Auto);
    }
    let size = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    size.map(BatchSize::Fixed).ok_or_else(|| Usage(format!("--batch-size {text}: auto, or 1 to {MOST}")))
}
