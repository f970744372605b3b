//! `bench --precision`.

use chattts_rs::ChatTts;
use chattts_rs::bench::{Agreement, Machine, Reference};
use clap::ValueEnum;
use serde_json::json;

use super::super::Context;
use super::super::args::{BenchArgs, Dtype, ModelArgs};
use super::super::output::print_line;
use super::{checkpoint, compute, headline, name, named, table};

pub fn run(context: &Context, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    let types: Vec<Dtype> = if args.dtype.is_empty() {
        let all = Dtype::value_variants().iter().copied();
        all.filter(|dtype| !matches!(dtype, Dtype::Auto | Dtype::F32)).collect()
    } else {
        args.dtype.clone()
    };
    interrupt.watch();
    let go_on = || interrupt.check();
    let load = |dtype| -> anyhow::Result<(ChatTts, String)> {
        let compute = compute(args, dtype, Reference::LINES)?;
        let tts = ChatTts::open(checkpoint(model, &compute)?, compute)?;
        let weights = tts.weight_type().name().to_string();
        Ok((tts, weights))
    };
    let total = types.len() + 1;
    let mut results: Vec<(Dtype, Agreement)> = Vec::new();
    let mut compared = || -> anyhow::Result<Reference> {
        report.busy(&"speaking in f32", 0, total);
        let (mut single, _) = load(Dtype::F32)?;
        let reference = Reference::speak(&mut single, args.tokens.into(), args.seed, &go_on)?;
        // Its memory is the next one's.
        drop(single);
        for (index, dtype) in types.iter().enumerate() {
            report.busy(&format!("comparing {}", name(*dtype)), index + 1, total);
            let (mut tts, weights) = load(*dtype)?;
            results.push((*dtype, reference.compare(&mut tts, weights, &go_on)?));
        }
        Ok(reference)
    };
    let reference = compared();
    report.clear();
    let tokens: Vec<usize> = reference?.lines().iter().map(|codes| codes.tokens.len()).collect();

    let machine = Machine::this();
    if args.json {
        let results = results
            .iter()
            .map(|(dtype, agreement)| Ok(named(*dtype, serde_json::to_value(agreement)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let options = json!({
            "dtype": types.iter().map(|dtype| name(*dtype)).collect::<Vec<_>>(),
            "tokens": args.tokens,
            "device": args.device,
            "seed": args.seed,
        });
        return print_line(
            &json!({ "machine": machine, "version": env!("CARGO_PKG_VERSION"),
            "model": model.model, "options": options, "line_tokens": tokens, "results": results })
            .to_string(),
        );
    }
    print_line(&headline(&machine))?;
    print_line(&format!(
        "{}: against f32, {} lines of {} tokens together, seed {}",
        model.model,
        tokens.len(),
        tokens.iter().sum::<usize>(),
        args.seed
    ))?;
    print_line(&table::precision(results.iter().map(|(_, agreement)| agreement)))
}
