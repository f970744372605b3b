//! Runs `bench --profile`.

use chattts_rs::backend::cuda::Ceilings;
use chattts_rs::bench::{Machine, Profile, ProfileTest};
use chattts_rs::{BackendChoice, Precision};
use serde_json::{Value, json};

use super::super::Context;
use super::super::args::{BenchArgs, ModelArgs};
use super::super::output::print_line;
use super::table::{NONE, Table, number, percent};
use super::{Kind, checkpoint, compute, headline, name};

/// The results of one type: the card's limits, and a profile of each number of lines.
struct Measured {
    dtype: Precision,
    ceilings: Ceilings,
    profiles: Vec<Profile>,
}

/// Kernels are timed that are this program's own.
fn kind(dtype: Precision) -> Kind {
    Kind { backend: BackendChoice::Native, dtype }
}

pub fn run(context: &Context, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    let types = if args.dtype.is_empty() { vec![Precision::Auto] } else { args.dtype.clone() };
    let most = args.batch_size.iter().copied().max().unwrap_or(1);
    // One that a card does not compute in is found before any is loaded.
    for dtype in &types {
        let options = compute(args, kind(*dtype), most.into())?;
        options.backend.precision(options.device, options.precision)?;
    }
    interrupt.watch();
    let go_on = || interrupt.check();
    let total = types.len() * (args.batch_size.len() + 1);
    let mut done = 0;
    let mut results = Vec::with_capacity(types.len());
    for dtype in types {
        let mut busy = |what: String| {
            report.busy(&what, done, total);
            done += 1;
        };
        let mut measured = || -> anyhow::Result<Measured> {
            busy(format!("{}: what the card does at most, and loading", name(&dtype)));
            let options = compute(args, kind(dtype), most.into())?;
            let mut test = ProfileTest::open(checkpoint(model, &options)?, options)?;
            let mut profiles = Vec::with_capacity(args.batch_size.len());
            for size in &args.batch_size {
                busy(format!("{}, batch size {size}", name(&dtype)));
                let lines = (usize::from(*size), usize::from(args.tokens), args.seed);
                profiles.push(test.run(lines, (args.warm_up.into(), args.runs.into()), &go_on)?);
            }
            Ok(Measured { dtype, ceilings: *test.ceilings(), profiles })
        };
        let measured = measured();
        report.clear();
        results.push(measured?);
    }
    let machine = Machine::this();
    if args.json {
        let all: Vec<Value> = results.iter().map(Measured::json).collect::<anyhow::Result<_>>()?;
        let options = json!({
            "batch_size": args.batch_size,
            "tokens": args.tokens,
            "runs": args.runs,
            "warm_up": args.warm_up,
            "device": args.device,
            "seed": args.seed,
        });
        return print_line(
            &json!({ "machine": machine, "version": env!("CARGO_PKG_VERSION"),
            "model": model.name(), "options": options, "results": all })
            .to_string(),
        );
    }
    print_line(&headline(&machine))?;
    for (index, measured) in results.iter().enumerate() {
        if index == 0 {
            let device = measured.profiles.first().map_or("", |profile| profile.device.as_str());
            print_line(&format!("on {device}"))?;
        }
        print_line(&measured.text(model.name()))?;
    }
    Ok(())
}

impl Measured {
    fn json(&self) -> anyhow::Result<Value> {
        let value = json!({ "ceilings": self.ceilings, "profiles": serde_json::to_value(&self.profiles)? });
        Ok(kind(self.dtype).named(value))
    }

    fn text(&self, model: &str) -> String {
        let Ceilings { bytes_per_s, bytes_read, matrix_operations_per_s, single_operations_per_s, launch_s } =
            self.ceilings;
        let mut parts = vec![format!(
            "measured at most: {} GB/s from memory (of {:.0} MB), {} TFLOP/s of f16 matrices, {} TFLOP/s of f32; a \
             recorded launch {} µs",
            number(bytes_per_s / 1e9),
            bytes_read as f64 / 1e6,
            number(matrix_operations_per_s / 1e12),
            number(single_operations_per_s / 1e12),
            number(launch_s * 1e6),
        )];
        parts.push(steps(&self.profiles));
        for profile in &self.profiles {
            parts.push(format!(
                "\n{model} in {}, {} at once, {} positions each: {} steps timed kernel by kernel; one that does \
                 nothing {} µs",
                profile.weights,
                texts(profile.batch_size),
                number(profile.length),
                profile.timed_steps,
                number(profile.least_launch_s * 1e6),
            ));
            parts.push(by_part(profile));
            parts.push(by_kernel(profile));
        }
        parts.join("\n")
    }
}

fn texts(count: usize) -> String {
    if count == 1 { "1 text".into() } else { format!("{count} texts") }
}

fn microseconds(seconds: f64) -> String {
    number(seconds * 1e6)
}

/// Formats the steps as a table, one line for each number of texts.
fn steps(profiles: &[Profile]) -> String {
    let mut table = Table::new(&[
        ("weights", ""),
        ("texts", ""),
        ("positions", ""),
        ("step", "µs"),
        ("min–max", "µs"),
        ("decode", "steps/s"),
        ("floor", "µs"),
        ("over floor", "×"),
        ("graph", "µs"),
        ("kernels", "µs"),
    ]);
    for profile in profiles {
        let step = profile.step_s;
        table.row([
            profile.weights.clone(),
            profile.batch_size.to_string(),
            number(profile.length),
            microseconds(step.median),
            format!("{}–{}", microseconds(step.min), microseconds(step.max)),
            number(profile.batch_size as f64 / step.median),
            microseconds(profile.step_floor_s),
            number(profile.step_over_floor),
            profile.graph_s.map_or_else(|| NONE.into(), microseconds),
            microseconds(profile.kernels_s),
        ]);
    }
    table.print()
}

fn by_part(profile: &Profile) -> String {
    let mut table = Table::new(&[
        ("part", ""),
        ("time", "µs"),
        ("share", "%"),
        ("memory", "MB"),
        ("matrices", "GFLOP"),
        ("f32", "GFLOP"),
        ("floor", "µs"),
        ("over floor", "×"),
    ]);
    for part in &profile.parts {
        table.row([
            part.part.name().into(),
            microseconds(part.seconds),
            percent(part.share),
            number(part.work.bytes / 1e6),
            number(part.work.matrix_operations / 1e9),
            number(part.work.single_operations / 1e9),
            microseconds(part.floor),
            part.over_floor.map_or_else(|| NONE.into(), number),
        ]);
    }
    table.print()
}

fn by_kernel(profile: &Profile) -> String {
    let mut table = Table::new(&[
        ("kernel", ""),
        ("part", ""),
        ("launches", ""),
        ("time", "µs"),
        ("each", "µs"),
        ("share", "%"),
    ]);
    for kernel in &profile.kernels {
        table.row([
            kernel.kernel.clone(),
            kernel.part.name().into(),
            number(kernel.launches),
            microseconds(kernel.seconds),
            microseconds(kernel.seconds / kernel.launches),
            percent(kernel.share),
        ]);
    }
    table.print()
}
