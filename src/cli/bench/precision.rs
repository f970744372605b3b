//! Runs `bench --precision`.

use std::str::FromStr as _;

use chattts_rs::bench::{Machine, Reference, WordErrors};
use chattts_rs::{BackendChoice, DeviceChoice, Devices, LoadOptions, LoadedModel, Precision};
use serde_json::json;

use super::super::Context;
use super::super::args::{BenchArgs, ModelArgs};
use super::super::output::print_line;
use super::{Kind, checkpoint, headline, name, table, words};

pub fn run(context: &Context, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    // Single precision on the processor is what all are compared with, those of a card too.
    let (device, _) = Devices::from_str(&args.device)?.choices()?[0].resolve();
    let types: &[Precision] = match device {
        DeviceChoice::Cuda(_) => {
            &[Precision::F32, Precision::F16, Precision::Bf16, Precision::Q8, Precision::F16Kv8]
        }
        _ => &[Precision::Q8],
    };
    let mut kinds = Kind::all(args, types);
    if args.dtype.is_empty() {
        kinds.retain(|kind| kind.backend != BackendChoice::Candle);
        let all = [Precision::F32, Precision::F16, Precision::Bf16];
        let candle = args.backend.iter().filter(|backend| **backend == BackendChoice::Candle);
        kinds.extend(candle.flat_map(|backend| all.map(|dtype| Kind { backend: *backend, dtype })));
    }
    for kind in &kinds {
        kind.backend.precision(device, kind.dtype)?;
    }
    let single_precision = Kind { backend: BackendChoice::Auto, dtype: Precision::F32 };
    interrupt.watch();
    let go_on = || interrupt.check();
    let load = |device, kind: Kind| -> anyhow::Result<(LoadedModel, String)> {
        let compute = LoadOptions {
            device,
            backend: kind.backend,
            precision: kind.dtype,
            batch_size: Reference::LINES,
            memory_fraction: args.memory_fraction,
            ..LoadOptions::default()
        };
        let tts = LoadedModel::open(checkpoint(model, &compute)?, compute)?;
        let weights = match device {
            DeviceChoice::Cuda(number) => format!("{} cuda:{number}", kind.label(tts.precision())),
            _ => kind.label(tts.precision()),
        };
        Ok((tts, weights))
    };
    let total = kinds.len() + 1;
    let misheard = |device, kind: Kind| -> anyhow::Result<Option<WordErrors>> {
        let Some(recogniser) = &args.recogniser else { return Ok(None) };
        Ok(Some(words::errors(args, model, (device, kind), recogniser, &go_on)?))
    };
    let mut results: Vec<(Kind, table::Compared)> = Vec::new();
    let mut compared = || -> anyhow::Result<(Reference, Option<WordErrors>)> {
        report.busy(&"speaking in f32", 0, total);
        let (mut single, _) = load(DeviceChoice::Cpu, single_precision)?;
        let reference = Reference::speak(&mut single, args.tokens.into(), args.seed, &go_on)?;
        // Its memory is the next one's.
        drop(single);
        let word_errors = misheard(DeviceChoice::Cpu, single_precision)?;
        for (index, kind) in kinds.iter().enumerate() {
            report.busy(&format!("comparing {}", kind.label(kind.dtype)), index + 1, total);
            let (mut tts, weights) = load(device, *kind)?;
            let agreement = reference.compare(&mut tts, weights, &go_on)?;
            drop(tts);
            let word_errors = misheard(device, *kind)?;
            results.push((*kind, table::Compared { agreement, word_errors }));
        }
        Ok((reference, word_errors))
    };
    let compared = compared();
    report.clear();
    let (reference, word_errors) = compared?;
    let tokens: Vec<usize> = reference.lines().iter().map(|codes| codes.tokens.len()).collect();

    let machine = Machine::this();
    if args.json {
        let results = results
            .iter()
            .map(|(kind, compared)| Ok(kind.named(serde_json::to_value(compared)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let options = json!({
            "backend": kinds.iter().map(|kind| name(&kind.backend)).collect::<Vec<_>>(),
            "dtype": kinds.iter().map(|kind| name(&kind.dtype)).collect::<Vec<_>>(),
            "tokens": args.tokens,
            "device": args.device,
            "seed": args.seed,
        });
        return print_line(
            &json!({ "machine": machine, "version": env!("CARGO_PKG_VERSION"),
            "model": model.name(), "options": options, "line_tokens": tokens,
            "f32_word_errors": word_errors, "results": results })
            .to_string(),
        );
    }
    print_line(&headline(&machine))?;
    print_line(&format!(
        "{}: against f32, {} lines of {} tokens together, seed {}",
        model.name(),
        tokens.len(),
        tokens.iter().sum::<usize>(),
        args.seed
    ))?;
    if let Some(found) = word_errors {
        let rate = table::percent(found.rate());
        print_line(&format!("f32 itself: {rate} % of {} words misheard", found.words))?;
    }
    print_line(&table::precision(results.iter().map(|(_, compared)| compared)))?;
    print_line("")?;
    print_line(&table::layers(results.iter().map(|(_, compared)| &compared.agreement)))
}
