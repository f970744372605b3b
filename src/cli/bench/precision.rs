//! Runs `bench --precision`.

use std::str::FromStr as _;

use chattts_rs::bench::{Machine, Reference, WordErrors};
use chattts_rs::{DeviceChoice, Devices, LoadOptions, LoadedModel, Precision};
use serde_json::json;

use super::super::Context;
use super::super::args::{BenchArgs, ModelArgs};
use super::super::output::print_line;
use super::{checkpoint, headline, name, named, table, words};

pub fn run(context: &Context, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    // Single precision on the processor is what all are compared with, those of a card too.
    let (device, _) = Devices::from_str(&args.device)?.choices()?[0].resolve();
    let types: Vec<Precision> = match (args.dtype.is_empty(), device) {
        (false, _) => args.dtype.clone(),
        (true, DeviceChoice::Cuda(_)) => vec![Precision::F32, Precision::F16, Precision::Bf16, Precision::Q8],
        (true, _) => vec![Precision::Q8],
    };
    for dtype in &types {
        device.precision(*dtype)?;
    }
    interrupt.watch();
    let go_on = || interrupt.check();
    let load = |device, dtype: Precision| -> anyhow::Result<(LoadedModel, String)> {
        let compute = LoadOptions {
            device,
            precision: dtype,
            batch_size: Reference::LINES,
            memory_fraction: args.memory_fraction,
            ..LoadOptions::default()
        };
        let tts = LoadedModel::open(checkpoint(model, &compute)?, compute)?;
        let weights = match device {
            DeviceChoice::Cuda(number) => format!("{} cuda:{number}", tts.precision().name()),
            _ => tts.precision().name().to_string(),
        };
        Ok((tts, weights))
    };
    let total = types.len() + 1;
    let misheard = |device, dtype: Precision| -> anyhow::Result<Option<WordErrors>> {
        let Some(recogniser) = &args.recogniser else { return Ok(None) };
        Ok(Some(words::errors(args, model, (device, dtype), recogniser, &go_on)?))
    };
    let mut results: Vec<(Precision, table::Compared)> = Vec::new();
    let mut compared = || -> anyhow::Result<(Reference, Option<WordErrors>)> {
        report.busy(&"speaking in f32", 0, total);
        let (mut single, _) = load(DeviceChoice::Cpu, Precision::F32)?;
        let reference = Reference::speak(&mut single, args.tokens.into(), args.seed, &go_on)?;
        // Its memory is the next one's.
        drop(single);
        let word_errors = misheard(DeviceChoice::Cpu, Precision::F32)?;
        for (index, dtype) in types.iter().enumerate() {
            report.busy(&format!("comparing {}", name(*dtype)), index + 1, total);
            let (mut tts, weights) = load(device, *dtype)?;
            let agreement = reference.compare(&mut tts, weights, &go_on)?;
            drop(tts);
            let word_errors = misheard(device, *dtype)?;
            results.push((*dtype, table::Compared { agreement, word_errors }));
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
            .map(|(dtype, compared)| Ok(named(*dtype, serde_json::to_value(compared)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let options = json!({
            "dtype": types.iter().map(|dtype| name(*dtype)).collect::<Vec<_>>(),
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
