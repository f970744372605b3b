//! Runs `bench`: each measurement in its own process, so that the peak memory and the time from the start to
//! the first step are its own; or the comparison of types of weights with single precision; or a card's steps,
//! kernel by kernel.

mod child;
mod precision;
#[cfg(feature = "cuda-kernels")]
mod profile;
pub mod table;
mod words;

use chattts_rs::backend::Checkpoint;
use chattts_rs::bench::{Machine, Summary};
use chattts_rs::hub::{self, NoiseSize};
use chattts_rs::{
    BackendChoice, DeviceChoice, EngineOptions, Error, LoadOptions, Model, ModelSource, Precision,
};
use clap::ValueEnum;
use serde_json::{Value, json};

use self::child::Measurement;
use super::args::{BenchArgs, ComputeArgs, ModelArgs};
use super::output::print_line;
use super::report::Report;
use super::{Context, Usage, options};

pub fn run(context: &Context, args: &BenchArgs) -> anyhow::Result<()> {
    if let Some(since) = args.measure_since {
        return child::measure(args, since);
    }
    // What can be wrong with the flags is found before anything is downloaded.
    let any = Kind { backend: BackendChoice::Auto, dtype: Precision::Auto };
    let found = compute(args, any, 1)?;
    if args.profile && !matches!(found.device, DeviceChoice::Cuda(_)) {
        let device = &args.device;
        return Err(Usage(format!(
            "--profile times the kernels of NVIDIA cards, and --device {device} is the processor here"
        ))
        .into());
    }
    let model = model(context, args)?;
    if args.precision {
        return precision::run(context, args, &model);
    }
    #[cfg(feature = "cuda-kernels")]
    if args.profile {
        return profile::run(context, args, &model);
    }
    speed(context, args, &model)
}

fn speed(context: &Context, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    let kinds = Kind::all(args, &[Precision::Auto]);
    for kind in &kinds {
        compute(args, *kind, 1)?;
    }
    let mut measurements: Vec<Measurement> = kinds
        .iter()
        .flat_map(|kind| args.batch_size.iter().map(|size| Measurement::new(*kind, *size)))
        .collect();
    if !is_builtin(model)? {
        // Weights that are packed for the first time are no part of what is measured.
        for kind in &kinds {
            checkpoint(model, &compute(args, *kind, 1)?)?;
        }
    }
    interrupt.watch();
    for _ in 0..args.rounds {
        let total = measurements.len();
        for (index, measurement) in measurements.iter_mut().enumerate() {
            report.busy(&measurement.label(), index, total);
            let process = measurement.run(context, args, model);
            report.clear();
            measurement.processes.push(process?);
        }
    }
    let results: Vec<(Kind, Summary)> = measurements
        .iter()
        .filter_map(|m| Some((m.kind, Summary::of(&m.processes, m.batch_size.into(), args.tokens.into())?)))
        .collect();
    let machine = Machine::this();
    if args.json {
        let results = results
            .iter()
            .map(|(kind, summary)| Ok(kind.named(serde_json::to_value(summary)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let options = json!({
            "backend": args.backend.iter().map(name).collect::<Vec<_>>(),
            "dtype": args.dtype.iter().map(name).collect::<Vec<_>>(),
            "batch_size": args.batch_size,
            "tokens": args.tokens,
            "runs": args.runs,
            "warm_up": args.warm_up,
            "rounds": args.rounds,
            "device": args.device,
            "seed": args.seed,
        });
        return print_line(
            &json!({ "machine": machine, "version": env!("CARGO_PKG_VERSION"),
            "model": model.name(), "options": options, "results": results })
            .to_string(),
        );
    }
    print_line(&headline(&machine))?;
    if let Some((_, summary)) = results.first().filter(|(_, summary)| summary.device != "cpu") {
        print_line(&format!("on {}", summary.device))?;
    }
    let positions = results.first().map_or(0, |(_, summary)| summary.positions);
    let runs = match (args.runs, args.rounds) {
        (1, 1) => "1 run".into(),
        (runs, 1) => format!("medians of {runs} runs"),
        (runs, rounds) => {
            format!("medians of {} runs in {rounds} processes", u32::from(runs) * u32::from(rounds))
        }
    };
    print_line(&format!(
        "{}: prompts of {positions} positions, {} tokens a line; {runs} after {} to warm up",
        model.name(),
        args.tokens,
        args.warm_up
    ))?;
    print_line(&table::speed(results.iter().map(|(_, summary)| summary)))?;
    if is_builtin(model)? {
        report.note(
            "note: these weights are made in memory, which is what load is here, and a cold start means nothing; \
             `chattts-rs model noise DIR --size full` writes them to a folder for --model DIR",
        );
    }
    Ok(())
}

/// Describes the machine, in a line above a table.
fn headline(machine: &Machine) -> String {
    let cpu = if machine.cpu.is_empty() { "unknown processor" } else { &machine.cpu };
    let threads = if machine.threads == 1 { "thread" } else { "threads" };
    format!(
        "chattts-rs {} on {cpu}, {} {threads}, {:.0} GiB, {} {}",
        env!("CARGO_PKG_VERSION"),
        machine.threads,
        machine.memory_bytes as f64 / (1u64 << 30) as f64,
        machine.os,
        machine.arch
    )
}

/// Returns a value's name as its flag spells it.
pub fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
}

/// Says what computes, and in which type.
#[derive(Clone, Copy)]
struct Kind {
    backend: BackendChoice,
    dtype: Precision,
}

impl Kind {
    /// Returns each backend with each type that is asked for, or with these.
    fn all(args: &BenchArgs, types: &[Precision]) -> Vec<Kind> {
        let types = if args.dtype.is_empty() { types } else { &args.dtype };
        let with = |backend| types.iter().map(move |dtype| Kind { backend, dtype: *dtype });
        args.backend.iter().copied().flat_map(with).collect()
    }

    /// Names it in a table, by the type that it came to.
    fn label(self, precision: Precision) -> String {
        match self.backend {
            BackendChoice::Candle => format!("candle {}", precision.name()),
            _ => precision.name().into(),
        }
    }

    /// Adds what was asked for to a result's object.
    fn named(self, mut result: Value) -> Value {
        if let Value::Object(fields) = &mut result {
            fields.insert("backend".into(), name(&self.backend).into());
            fields.insert("dtype".into(), name(&self.dtype).into());
        }
        result
    }
}

/// Returns the options for loading a model; the device's name is shown above the figures.
fn compute(
    args: &BenchArgs,
    Kind { backend, dtype }: Kind,
    batch_size: usize,
) -> anyhow::Result<LoadOptions> {
    let compute = ComputeArgs {
        device: args.device.clone(),
        backend,
        dtype,
        memory_fraction: args.memory_fraction,
        threads: args.threads,
    };
    let mut options = EngineOptions::new("");
    options::compute(&mut options, &compute, &Report::new(true, false))?;
    options.set_threads()?;
    let device = options.devices.choices()?.first().copied().unwrap_or_default();
    Ok(LoadOptions { batch_size, fewer: false, ..options.load_options(device) })
}

/// Returns the model to measure, with its files in place.
fn model(context: &Context, args: &BenchArgs) -> anyhow::Result<ModelArgs> {
    let named = |source: ModelSource| ModelArgs { model: Some(source.to_string()), offline: args.offline };
    let Some(model) = &args.model else {
        let default = named(ModelSource::default());
        let (source, config) = options::model_source(&default)?;
        if hub::locate(&source, &config).is_ok() {
            return Ok(default);
        }
        context.report.note(
            "note: the weights are not in the cache (`chattts-rs model download` fetches them); measuring with \
             noise-full, random weights of the published shapes",
        );
        return Ok(named(ModelSource::Noise(NoiseSize::Full)));
    };
    let model = ModelArgs { model: Some(model.clone()), offline: args.offline };
    let (source, _) = options::model_source(&model)?;
    if !source.is_builtin() && !matches!(source, ModelSource::Packed(_)) {
        Model::files(&source, &options::engine(&model, context))?;
    }
    Ok(model)
}

fn is_builtin(model: &ModelArgs) -> Result<bool, Error> {
    Ok(options::model_source(model)?.0.is_builtin())
}

/// Opens the model, whose files are in place, as the commands that speak do.
fn checkpoint(model: &ModelArgs, compute: &LoadOptions) -> anyhow::Result<Checkpoint> {
    let mut options = options::quiet_engine(model);
    options.backend = compute.backend;
    options.precision = compute.precision;
    Ok(Model::open(&options)?.packed(compute.device, &options).checkpoint)
}
