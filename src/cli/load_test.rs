//! Runs `load-test`: sends requests to a running service at given rates, or so many at a time, and says how it
//! answers.
//!
//! At a rate, requests have their times before the first is sent, and latency counts from there, so that a service
//! that stalls cannot hide it by holding back who would measure it (coordinated omission).

mod client;
mod figures;
mod plot;
mod watch;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chattts_rs::Error;
use serde_json::{Map, Value, json};

pub use self::client::agent;
use self::client::{Answer, Client, Outcome};
use self::figures::{Load, Step, table};
use self::watch::Watch;
use super::args::{Arrivals, LoadTestArgs};
use super::output::{print_line, write_file};
use super::{Context, Usage};

/// The texts that are spoken unless others are given: of one and of several seconds, in both languages.
const TEXTS: [&str; 8] = [
    "Hello there.",
    "Your order has been sent and will arrive on Tuesday.",
    "The quick brown fox jumps over the lazy dog, and nobody knows why.",
    "Please hold the line; the next free colleague is yours.",
    "你好，世界。",
    "今天天气很好，我们去公园走走吧。",
    "The train to the airport leaves from platform five in ten minutes. Please have your tickets ready.",
    "欢迎致电，请选择语言。",
];
/// The most requests of a step whose times are laid out.
const MOST_REQUESTS: f64 = 10_000_000.0;
/// The time that a client waits who sends one request after the other, when one was refused.
const PAUSE: Duration = Duration::from_millis(200);
/// The time after which a waiting thread looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

pub fn run(context: &Context, args: &LoadTestArgs) -> anyhow::Result<()> {
    let texts = texts(args)?;
    let client = Client::new(args, fields(args)?, key(args)?)?;
    let watch = Watch::new(&args.url);
    let loads: Vec<Load> = match args.rate.is_empty() {
        false => args.rate.iter().map(|rate| Load::Rate(*rate)).collect(),
        true => args.concurrency.iter().map(|number| Load::Concurrency(*number)).collect(),
    };
    context.interrupt.watch();
    let mut steps = Vec::new();
    for (number, load) in loads.iter().enumerate() {
        context.report.busy(&load.to_string(), number, loads.len());
        let step = step(context, args, *load, &client, &texts, &watch);
        context.report.clear();
        let step = step?;
        let unheard = step.answered + step.refused + step.failed == 0 && context.interrupt.check().is_break();
        if !unheard {
            steps.push(step);
        }
        if context.interrupt.check().is_break() {
            break;
        }
    }
    report(args, &steps)?;
    if context.interrupt.check().is_break() {
        return Err(Error::Interrupted.into());
    }
    let (failed, total) = steps.iter().fold((0, 0), |(f, t), step| (f + step.failed, t + step.sent));
    anyhow::ensure!(failed == 0, "{failed} of {total} requests failed");
    Ok(())
}

fn texts(args: &LoadTestArgs) -> anyhow::Result<Vec<String>> {
    let Some(file) = &args.file else { return Ok(TEXTS.map(String::from).to_vec()) };
    let place = || format!("--file {}", file.display());
    let text = std::fs::read_to_string(file).with_context(place)?;
    let texts: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect();
    match texts.is_empty() {
        true => Err(Usage(format!("{}: it holds no text; write one a line", place())).into()),
        false => Ok(texts),
    }
}

/// Returns the fields that all requests have.
fn fields(args: &LoadTestArgs) -> Result<Map<String, Value>, Usage> {
    let fields = args.fields.as_deref().unwrap_or("{}");
    let mut fields: Map<String, Value> = serde_json::from_str(fields)
        .map_err(|e| Usage(format!("--fields {fields}: not a JSON object: {e}")))?;
    fields.insert("response_format".into(), args.format.as_str().into());
    Ok(fields)
}

fn key(args: &LoadTestArgs) -> anyhow::Result<Option<String>> {
    let Some(file) = &args.api_key_file else { return Ok(None) };
    let place = || format!("--api-key-file {}", file.display());
    let text = std::fs::read_to_string(file).with_context(place)?;
    let mut keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let key = keys.next().map(String::from);
    key.map(Some).ok_or_else(|| Usage(format!("{}: it holds no key", place())).into())
}

/// Sends the requests of one step, and waits for their answers.
fn step(
    context: &Context,
    args: &LoadTestArgs,
    load: Load,
    client: &Client,
    texts: &[String],
    watch: &Watch,
) -> anyhow::Result<Step> {
    let times = match load {
        Load::Rate(rate) => Some(arrivals(args, rate)?),
        Load::Concurrency(_) => None,
    };
    let most = times.as_ref().map_or(args.requests.map_or(ENOUGH, |n| n as usize), Vec::len);
    let clients = match load {
        Load::Rate(_) => (args.clients as usize).min(most),
        Load::Concurrency(number) => number as usize,
    };
    let until = args.requests.is_none().then(|| Duration::from_secs_f64(args.duration));
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::new());
    let is_over = || context.interrupt.check().is_break();
    let before = watch.look();
    let start = Instant::now();
    let send = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let planned = match &times {
                Some(times) => times.get(number).copied(),
                None => Some(start.elapsed()).filter(|now| until.is_none_or(|until| *now < until)),
            };
            let Some(planned) = planned.filter(|_| number < most) else { return };
            if wait(start + planned, &is_over).is_break() {
                return;
            }
            let (text, seed) = (&texts[number % texts.len()], args.seed.wrapping_add(number as u32));
            let answer = client.ask(text, seed, start, planned, &is_over);
            let was_refused = times.is_none() && !matches!(answer.outcome, Outcome::Spoken(_));
            answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            if was_refused && wait(Instant::now() + PAUSE, &is_over).is_break() {
                return;
            }
        }
    };
    let seen = std::thread::scope(|scope| {
        let watching = watch.start(scope);
        let mut threads = Vec::new();
        for _ in 0..clients {
            let thread = std::thread::Builder::new().stack_size(CLIENT_STACK).spawn_scoped(scope, send);
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    // Those that are there end by themselves.
                    next.store(ENOUGH, Ordering::Relaxed);
                    watching.stop();
                    return Err(anyhow::anyhow!("no thread for client {}: {error}", threads.len() + 1));
                }
            }
        }
        for thread in threads {
            let _ = thread.join();
        }
        Ok(watching.stop())
    })?;
    let after = watch.look_when_idle();
    let answers: Vec<Answer> = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let service = json!({ "before": before, "during": seen.unwrap_or_default(), "after": after });
    Ok(Step::of(load, &answers, service))
}

/// More requests than any step has.
const ENOUGH: usize = usize::MAX / 2;
/// The bytes of a client's stack.
const CLIENT_STACK: usize = 1 << 20;

/// Lays out when requests are sent, in time from the start.
fn arrivals(args: &LoadTestArgs, rate: f64) -> Result<Vec<Duration>, Usage> {
    if args.requests.is_none() && rate * args.duration > MOST_REQUESTS {
        return Err(Usage(format!(
            "--rate {rate} --duration {}: these are too many requests",
            args.duration
        )));
    }
    let mut noise = Noise(args.seed.into());
    let mut times = Vec::new();
    let mut time = 0.0;
    loop {
        let is_last = match args.requests {
            Some(most) => times.len() >= most as usize,
            None => time >= args.duration,
        };
        if is_last {
            return Ok(times);
        }
        times.push(Duration::from_secs_f64(time));
        time += match args.arrivals {
            Arrivals::Constant => 1.0 / rate,
            Arrivals::Poisson => -noise.unit().ln() / rate,
        };
    }
}

/// Random numbers for the times between arrivals (SplitMix64), the same in every run.
struct Noise(u64);

impl Noise {
    /// Returns a number above 0 and at most 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((bits ^ (bits >> 31)) >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}

/// Sleeps until a time, unless it is over before.
fn wait(until: Instant, is_over: &dyn Fn() -> bool) -> ControlFlow<()> {
    loop {
        if is_over() {
            return ControlFlow::Break(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return ControlFlow::Continue(());
        }
        std::thread::sleep(left.min(LOOK));
    }
}

fn report(args: &LoadTestArgs, steps: &[Step]) -> anyhow::Result<()> {
    let all = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "url": args.url,
        "format": args.format,
        "arrivals": (!args.rate.is_empty()).then(|| super::bench::name(&args.arrivals)),
        "steps": steps,
    });
    if let Some(file) = &args.plot {
        write_file(file, plot::svg(steps).as_bytes())?;
    }
    match &args.json {
        Some(file) if file.as_os_str() == "-" => print_line(&all.to_string()),
        file => {
            if let Some(file) = file {
                write_file(file, format!("{all:#}\n").as_bytes())?;
            }
            print_line(&table(steps))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser as _;

    fn args(flags: &[&str]) -> LoadTestArgs {
        let all = [&["chattts-rs", "load-test", "http://127.0.0.1:1"], flags].concat();
        match Cli::try_parse_from(all).unwrap().command {
            Command::LoadTest(args) => *args,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn requests_come_at_their_rate() {
        let constant = args(&["--rate", "4", "--duration", "2", "--arrivals", "constant"]);
        let times = arrivals(&constant, 4.0).unwrap();
        assert_eq!(times, (0..8).map(|n| Duration::from_millis(250 * n)).collect::<Vec<_>>());
        let poisson = args(&["--rate", "100", "--duration", "100"]);
        let times = arrivals(&poisson, 100.0).unwrap();
        assert!((9_500..10_500).contains(&times.len()), "{}", times.len());
        // Gaps of a Poisson process vary as much as they are long.
        let gaps: Vec<f64> = times.windows(2).map(|two| (two[1] - two[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.1, "{mean} {variance}");
        let counted = args(&["--rate", "4", "--requests", "5"]);
        assert_eq!(arrivals(&counted, 4.0).unwrap().len(), 5);
    }
}
