//! Runs `devices`, which lists the devices that can compute here.

use chattts_rs::backend::instructions;
use chattts_rs::bench::Machine;
use chattts_rs::{BackendChoice, DeviceChoice};
use serde_json::{Value, json};

use super::Context;
use super::args::DevicesArgs;
use super::output::print_line;

pub fn run(context: &Context, args: &DevicesArgs) -> anyhow::Result<()> {
    if args.backend == BackendChoice::Candle {
        return check_candle(args.json);
    }
    let cards = cards(args.json);
    let machine = Machine::this();
    if args.json {
        let cpu = json!({
            "device": "cpu",
            "name": machine.cpu,
            "cores": machine.cores,
            "memory_total": machine.memory_bytes,
            "instructions": instructions(),
        });
        let checks = if args.check { checks(context, &cards)? } else { Checks::default() };
        let mut all = cards.to_json();
        all["cpu"] = cpu;
        if args.check {
            all["checks"] = checks.json.into();
            all["trust"] = checks.trust.into();
        }
        print_line(&all.to_string())?;
        return checks.verdict;
    }
    for line in cards.lines() {
        print_line(&line)?;
    }
    print_line(&format!(
        "{:8} {}, {} cores, {:.0} GiB, {}",
        "cpu",
        if machine.cpu.is_empty() { "unknown processor" } else { &machine.cpu },
        machine.cores,
        machine.memory_bytes as f64 / GIB,
        instructions()
    ))?;
    if let Some(reason) = &cards.reason {
        context.report.note(reason);
    }
    if !args.check {
        return Ok(());
    }
    let checks = checks(context, &cards)?;
    for line in &checks.lines {
        print_line(line)?;
    }
    checks.verdict
}

/// Runs a small model by candle on every device beside the processor's kernels.
fn check_candle(json: bool) -> anyhow::Result<()> {
    let cards = cards(false).all.into_iter().map(|card| DeviceChoice::Cuda(card.number));
    let mut checks = Vec::new();
    let mut verdict = Ok(());
    for device in std::iter::once(DeviceChoice::Cpu).chain(cards) {
        let name = match device {
            DeviceChoice::Cuda(number) => format!("cuda:{number}"),
            _ => "cpu".into(),
        };
        let found = chattts_rs::backend::check(device, BackendChoice::Candle);
        let reason = found.as_ref().err().map(ToString::to_string);
        if json {
            checks.push(json!({ "device": name, "holds": reason.is_none(), "error": reason }));
        } else {
            let speaks = reason.as_deref().unwrap_or("speaks as it should by candle");
            print_line(&format!("{name:8} {speaks}"))?;
        }
        if let Err(error) = found {
            verdict = Err(anyhow::anyhow!("{name} by candle: {error}"));
        }
    }
    if json {
        print_line(&json!({ "backend": "candle", "checks": checks }).to_string())?;
    }
    verdict
}

const GIB: f64 = (1u64 << 30) as f64;

/// A card in the list.
struct Card {
    number: usize,
    name: String,
    capability: (i32, i32),
    /// Free and total memory in bytes, or the driver's error.
    memory: Result<(u64, u64), String>,
    is_supported: bool,
    multiprocessors: Option<u32>,
    /// Bytes a second, as the driver says.
    bandwidth: Option<u64>,
    /// How it is used: what is switched off and what was found wrong, or why it is not used.
    #[cfg(feature = "cuda-kernels")]
    trust: Option<Result<chattts_rs::backend::cuda::Trust, String>>,
}

impl Card {
    /// Returns how it is used, and why.
    fn path(&self) -> Value {
        #[cfg(feature = "cuda-kernels")]
        return match &self.trust {
            Some(Ok(trust)) => json!({
                "backend": trust.holds().then_some("native"),
                "without": trust.without(),
                "failures": trust.failures(),
            }),
            Some(Err(error)) => json!({ "backend": null, "failures": [error] }),
            None => Value::Null,
        };
        #[cfg(not(feature = "cuda-kernels"))]
        Value::Null
    }
}

#[derive(Default)]
struct Cards {
    all: Vec<Card>,
    driver: Option<(i32, i32)>,
    /// The reason why there is none, or why one is not listed.
    reason: Option<String>,
}

impl Cards {
    fn driver(&self) -> String {
        self.driver.map_or_else(String::new, |(major, minor)| format!("{major}.{minor}"))
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|card| {
            let memory = match &card.memory {
                Ok((free, total)) => {
                    format!("{:.1} of {:.1} GiB free", *free as f64 / GIB, *total as f64 / GIB)
                }
                Err(reason) => reason.clone(),
            };
            let (major, minor) = card.capability;
            let old = if card.is_supported { "" } else { " (too old: 8.0 or newer is needed)" };
            format!(
                "{:8} {}, {memory}, compute capability {major}.{minor}{old}, driver for CUDA {}",
                format!("cuda:{}", card.number),
                card.name,
                self.driver()
            )
        })
    }

    fn to_json(&self) -> Value {
        let card = |card: &Card| {
            let memory = card.memory.as_ref().ok();
            json!({
                "device": format!("cuda:{}", card.number),
                "name": card.name,
                "compute_capability": format!("{}.{}", card.capability.0, card.capability.1),
                "supported": card.is_supported,
                "multiprocessors": card.multiprocessors,
                "memory_bandwidth": card.bandwidth,
                "path": card.path(),
                "memory_free": memory.map(|memory| memory.0),
                "memory_total": memory.map(|memory| memory.1),
                "error": card.memory.as_ref().err(),
            })
        };
        json!({
            "cuda": self.all.iter().map(card).collect::<Vec<_>>(),
            "cuda_driver": self.driver.map(|_| self.driver()),
            "cuda_error": self.reason,
        })
    }
}

/// Lists the cards; for JSON they are tried, if that is not known.
#[cfg(feature = "cuda-kernels")]
fn cards(json: bool) -> Cards {
    use chattts_rs::backend::cuda::{CardInfo, count, driver_version, trust};
    let count = match count() {
        Ok(0) => return Cards { reason: Some("no NVIDIA card was found".into()), ..Cards::default() },
        Ok(count) => count,
        Err(error) => return Cards { reason: Some(error.to_string()), ..Cards::default() },
    };
    let mut cards = Cards { driver: driver_version(), ..Cards::default() };
    for number in 0..count {
        match CardInfo::of(number) {
            Ok(info) => cards.all.push(Card {
                number,
                capability: info.capability,
                memory: info.memory().map(|m| (m.free, m.total)).map_err(|e| e.to_string()),
                is_supported: info.is_supported(),
                multiprocessors: info.multiprocessors,
                bandwidth: info.bandwidth,
                trust: (json && info.is_supported()).then(|| trust(number).map_err(|e| e.to_string())),
                name: info.name,
            }),
            Err(error) => cards.reason = Some(error.to_string()),
        }
    }
    cards
}

#[cfg(not(feature = "cuda-kernels"))]
fn cards(_: bool) -> Cards {
    Cards {
        reason: Some("this build has no CUDA support, so cards are not looked for".into()),
        ..Cards::default()
    }
}

/// Results of the kernels' checks.
struct Checks {
    lines: Vec<String>,
    json: Vec<Value>,
    /// How far each card is trusted.
    trust: Vec<Value>,
    verdict: anyhow::Result<()>,
}

impl Default for Checks {
    fn default() -> Self {
        Checks { lines: Vec::new(), json: Vec::new(), trust: Vec::new(), verdict: Ok(()) }
    }
}

#[cfg(feature = "cuda-kernels")]
fn checks(context: &Context, cards: &Cards) -> anyhow::Result<Checks> {
    let mut checks = Checks::default();
    let usable: Vec<usize> =
        cards.all.iter().filter(|card| card.is_supported).map(|card| card.number).collect();
    if usable.is_empty() {
        anyhow::bail!("there is no card to check");
    }
    let (mut wrong, mut distrusted) = (0, Vec::new());
    for number in usable {
        context.report.busy(&format!("checking cuda:{number}"), 0, 1);
        let findings = chattts_rs::backend::cuda::check(number, 1);
        let trust = chattts_rs::backend::cuda::examine(number);
        context.report.clear();
        for finding in findings? {
            let verdict = if finding.holds() { "ok" } else { "WRONG" };
            wrong += usize::from(!finding.holds());
            checks.lines.push(format!(
                "cuda:{number}   {:42} {:3} shapes, worst {:.1e} of {:.1e}  {verdict}",
                finding.kernel, finding.shapes, finding.worst, finding.allowed
            ));
            checks.json.push(json!({
                "device": format!("cuda:{number}"),
                "kernel": finding.kernel,
                "shapes": finding.shapes,
                "worst": finding.worst,
                "allowed": finding.allowed,
                "holds": finding.holds(),
            }));
        }
        let trust = trust?;
        let verdict = match (trust.holds(), trust.without().as_slice()) {
            (true, []) => "speaks as it should, with all that makes it fast".to_string(),
            (true, without) => format!("speaks as it should without {}", without.join(", ")),
            (false, _) => "is not used".to_string(),
        };
        checks.lines.push(format!("cuda:{number}   {verdict}"));
        checks.lines.extend(trust.failures().iter().map(|failure| format!("cuda:{number}   {failure}")));
        if !trust.holds() {
            distrusted.push(format!("cuda:{number} is not used: {}", trust.failures().join("; ")));
        }
        checks.trust.push(json!({
            "device": format!("cuda:{number}"),
            "holds": trust.holds(),
            "without": trust.without(),
            "failures": trust.failures(),
        }));
    }
    if let Some(reason) = distrusted.first() {
        checks.verdict = Err(anyhow::anyhow!("{reason}"));
    }
    if wrong > 0 {
        checks.verdict =
            Err(anyhow::anyhow!("{wrong} checks failed: this card does not compute what it should"));
    }
    Ok(checks)
}

#[cfg(not(feature = "cuda-kernels"))]
fn checks(_: &Context, _: &Cards) -> anyhow::Result<Checks> {
    anyhow::bail!("this build has no CUDA support, so there is no card to check");
}
