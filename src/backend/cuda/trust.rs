//! Finds out whether a card can be trusted with the kernels before it speaks: once for each card, driver and build.
//!
//! All kernels run beside their twins, then a small model speaks on the card as on the processor, in graphs, beside
//! lookahead and many times over. What fails is switched off in order, [`RUNGS`]; where nothing is left the card is not
//! used. The outcome is kept in a file that is written before each attempt, so that a card that takes the whole
//! process with it, or never answers, is tried with less the next time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use super::driver::Driver;
use super::kernels::{Dtype, Kernels};
use super::layout::CardLayout;
use super::llama::CardLlama;
use super::plan::Slots;
use super::renderer::CardRenderer;
use super::shared::PAGE;
use super::step::CardStep;
use super::switches::Switches;
use super::{check, driver_version, types};
use crate::backend::render::{Render, Source, Wanted};
use crate::backend::{Checkpoint, NOISE_SEED, alike};
use crate::device::Precision;
use crate::engine::Hiddens;
use crate::error::{Error, Result};
use crate::hub::NoiseSize;
use crate::stamp;

/// Switches something off.
type SwitchOff = fn(&mut Switches);

/// What is switched off, one more at each attempt: its name, and how.
const RUNGS: [(&str, SwitchOff); 5] = [
    ("clusters", |switches| switches.clusters = false),
    ("overlap", |switches| switches.overlap = false),
    ("shared tiles", |switches| switches.shared_tiles = false),
    ("graphs", |switches| switches.graphs = false),
    ("fused norms", |switches| switches.fused_norms = false),
];
/// The longest that an attempt may take; it takes a second or two.
const LIMIT: Duration = Duration::from_secs(30);

/// Says how far a card is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// How many of [`RUNGS`] are switched off; none if nothing that is left computes what it should.
    rung: Option<usize>,
    /// What was found wrong, in order.
    failures: Vec<String>,
}

impl Trust {
    const FULL: Trust = Trust { rung: Some(0), failures: Vec::new() };

    /// Returns true if the card computes what it should, in whatever way.
    pub fn holds(&self) -> bool {
        self.rung.is_some()
    }

    /// Returns the names of what had to be switched off.
    pub fn without(&self) -> Vec<&'static str> {
        RUNGS.iter().take(self.rung.unwrap_or(RUNGS.len())).map(|(name, _)| *name).collect()
    }

    /// Returns what was found wrong, in the order it was tried.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Returns how to launch on the card, of what is asked for.
    pub(super) fn switches(&self, asked: Switches) -> Option<Switches> {
        self.rung.map(|rung| lowered(asked, rung))
    }
}

/// Switches off the first `rung` of what can be.
fn lowered(mut switches: Switches, rung: usize) -> Switches {
    RUNGS.iter().take(rung).for_each(|(_, switch_off)| switch_off(&mut switches));
    switches
}

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Keeps what is found out about cards in a folder, from one process to the next; the first call counts.
pub fn remember_in(folder: PathBuf) {
    FOLDER.get_or_init(|| folder);
}

/// Returns the place for what is known of a card in this process.
fn known(number: usize) -> Arc<Mutex<Option<Trust>>> {
    static KNOWN: Mutex<BTreeMap<usize, Arc<Mutex<Option<Trust>>>>> = Mutex::new(BTreeMap::new());
    Arc::clone(KNOWN.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default())
}

/// Returns how far an opened card is trusted; it is tried if that is not known yet.
///
/// # Errors
/// [`Error::BadFile`] if the small model is not in order.
pub fn of(driver: &Arc<dyn Driver>, number: usize) -> Result<Trust> {
    if !driver.is_doubtful() {
        return Ok(Trust::FULL);
    }
    let known = known(number);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(trust) => Ok(trust.clone()),
        None => Ok(known.insert(Examination::of(driver, number).run(LIMIT)?).clone()),
    }
}

/// Tries a card anew, whatever is known of it.
///
/// # Errors
/// As [`of`].
pub fn examine(driver: &Arc<dyn Driver>, number: usize) -> Result<Trust> {
    if !driver.is_doubtful() {
        return Ok(Trust::FULL);
    }
    let examination = Examination::of(driver, number);
    examination.forget();
    examination.run(LIMIT)
}

struct Examination {
    driver: Arc<dyn Driver>,
    /// What the card, its driver and this build are known by.
    key: String,
    /// Where the outcome is kept.
    file: Option<PathBuf>,
    attempt: fn(&Arc<dyn Driver>) -> Result<()>,
}

/// First words of a line of the file.
const HOLDS: &str = "holds";
const TRYING: &str = "trying";

/// Returns what the card of a name, its driver and this build are known by.
fn key(name: &str) -> String {
    let (major, minor) = driver_version().unwrap_or_default();
    let kernels = crc32fast::hash(super::card::PTX.as_bytes());
    format!("{name} · CUDA {major}.{minor} · {} {kernels:08x}", env!("CARGO_PKG_VERSION"))
}

fn file(number: usize) -> Option<PathBuf> {
    FOLDER.get().map(|folder| folder.join("cards").join(format!("cuda-{number}")))
}

/// Reads what an earlier process found: the rung it stood on, whether that held, and what failed before.
fn earlier(file: Option<&Path>, key: &str) -> Option<(usize, bool, Vec<String>)> {
    let mut lines = stamp::read(file?).into_iter();
    if lines.next()? != key {
        return None;
    }
    let state = lines.next()?;
    let (state, rung) = state.split_once(' ')?;
    Some((rung.parse().ok()?, state == HOLDS, lines.collect()))
}

/// Returns true if this process or an earlier one found that a card of this name can be trusted, for which it need not
/// be opened.
pub fn held_before(name: &str, number: usize) -> bool {
    let known = known(number);
    if let Some(trust) = &*known.lock().unwrap_or_else(PoisonError::into_inner) {
        return trust.holds();
    }
    matches!(earlier(file(number).as_deref(), &key(name)), Some((_, true, _)))
}

impl Examination {
    fn of(driver: &Arc<dyn Driver>, number: usize) -> Self {
        Examination { driver: Arc::clone(driver), key: key(driver.name()), file: file(number), attempt }
    }

    fn keep(&self, state: &str, rung: usize, failures: &[String]) {
        let Some(file) = &self.file else { return };
        if let Some(folder) = file.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let mut lines = vec![self.key.clone(), format!("{state} {rung}")];
        lines.extend(failures.iter().map(|failure| failure.replace('\n', " ")));
        stamp::write(file, &lines);
    }

    fn forget(&self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }

    fn run(&self, limit: Duration) -> Result<Trust> {
        let (mut rung, mut failures) = match earlier(self.file.as_deref(), &self.key) {
            Some((rung, true, failures)) => return Ok(Trust { rung: Some(rung), failures }),
            // It never said how that ended.
            Some((rung, false, mut failures)) => {
                failures.push(format!("{}: it took the process with it", named(rung)));
                (rung + 1, failures)
            }
            None => (0, Vec::new()),
        };
        while rung <= RUNGS.len() {
            self.keep(TRYING, rung, &failures);
            let driver = self.driver.another(lowered(Switches::current(), rung), true);
            let attempt = self.attempt;
            let found = driver.and_then(|driver| within(limit, move || attempt(&driver)));
            let Err(error) = found else {
                self.keep(HOLDS, rung, &failures);
                return Ok(Trust { rung: Some(rung), failures });
            };
            failures.push(format!("{}: {error}", named(rung)));
            rung += 1;
            // What has failed for good, or does not answer, can be tried with less by the next process only.
            let answers = Arc::clone(&self.driver);
            if within(limit, move || answers.synchronize()).is_err() {
                self.keep(TRYING, rung.saturating_sub(1), &failures[..failures.len() - 1]);
                return Ok(Trust { rung: None, failures });
            }
        }
        self.keep(TRYING, rung, &failures);
        Ok(Trust { rung: None, failures })
    }
}

/// Names what is on at a rung, for a failure.
fn named(rung: usize) -> String {
    match rung.checked_sub(1).and_then(|last| RUNGS.get(..=last)) {
        None => "with all that makes it fast".into(),
        Some(off) => {
            let names: Vec<&str> = off.iter().map(|(name, _)| *name).collect();
            format!("without {}", names.join(", "))
        }
    }
}

/// Runs something on a thread of its own for at most so long; one that takes longer is left behind.
fn within(limit: Duration, run: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let (done, answer) = mpsc::channel();
    std::thread::Builder::new()
        .name("chattts-card".into())
        .spawn(move || {
            let _ = done.send(run());
        })
        .map_err(Error::Threads)?;
    answer
        .recv_timeout(limit)
        .unwrap_or_else(|_| Err(Error::Device(format!("no answer within {:.1} s", limit.as_secs_f64()))))
}

/// Tries everything once as a driver's switches say.
fn attempt(driver: &Arc<dyn Driver>) -> Result<()> {
    kernels(driver)?;
    speaking(driver)?;
    short_of_pages(driver)?;
    rendering(driver)
}

/// Runs every kernel beside its twin.
fn kernels(driver: &Arc<dyn Driver>) -> Result<()> {
    let all = check::all(driver, 1)?;
    let wrong: Vec<String> =
        all.into_iter().filter(|found| !found.holds()).map(|found| found.kernel).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::Device(format!("computes wrongly: {}", wrong.join(", ")))),
    }
}

/// Speaks in single precision what a processor speaks, and in each type the same every time.
fn speaking(driver: &Arc<dyn Driver>) -> Result<()> {
    let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED)?;
    for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::F16Kv8] {
        let mut first = None;
        for time in 1..=driver.repeats() {
            let step = on_card(&checkpoint, driver, precision)?;
            let found = match (&first, precision) {
                (None, Precision::F32) => alike::speaking(&checkpoint, step)?,
                _ => alike::speak(&checkpoint, step)?,
            };
            if first.as_ref().is_some_and(|first| *first != found) {
                let reason =
                    format!("speaks other tokens than it should in {}, time {time}", precision.name());
                return Err(Error::Device(reason));
            }
            first.get_or_insert(found);
        }
    }
    Ok(())
}

/// Speaks the same where pages run out, so that a line goes in again from its start, as where they do not.
fn short_of_pages(driver: &Arc<dyn Driver>) -> Result<()> {
    let mut checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED)?;
    // Of each line a page and the beginning of another, all of them together four.
    checkpoint.config.max_positions = 4 * PAGE as usize;
    let beginning = "好".repeat(100);
    let speak = |is_short: bool| {
        let mut step = on_card(&checkpoint, driver, Precision::F16)?;
        if is_short {
            step.limit(1);
        }
        alike::speak_after(&checkpoint, step, &beginning)
    };
    match speak(true)? == speak(false)? {
        true => Ok(()),
        false => Err(Error::Device("speaks otherwise where it is short of memory".into())),
    }
}

fn on_card(checkpoint: &Checkpoint, driver: &Arc<dyn Driver>, precision: Precision) -> Result<CardStep> {
    let (kind, eight_bits) = types(precision);
    let layout = CardLayout { kernels: Kernels::new(Arc::clone(driver)), kind, eight_bits };
    let slots = Slots { wanted: alike::SLOTS, fewer: false, memory_fraction: 0.9 };
    CardStep::new(CardLlama::load(checkpoint, layout)?, slots)
}

/// Compares mels and waves with those of the processor, and those of states that stayed on the card with those of the
/// same states from memory.
fn rendering(driver: &Arc<dyn Driver>) -> Result<()> {
    let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED)?;
    let card = CardRenderer::load(&checkpoint, &Kernels::new(Arc::clone(driver)), Dtype::F32, 64)?;
    alike::rendering(&checkpoint, &card)?;
    let spoken = alike::speak(&checkpoint, on_card(&checkpoint, driver, Precision::F32)?)?;
    let lent: Vec<&Hiddens> = spoken.iter().map(|codes| &codes.hiddens).collect();
    let copied = lent.iter().map(|hiddens| Ok(hiddens.values()?.into_owned().into()));
    let copied = copied.collect::<Result<Vec<Hiddens>>>()?;
    let copied: Vec<&Hiddens> = copied.iter().collect();
    let render = |all: &[&Hiddens]| card.render(Source::Hiddens(all), Wanted::Both);
    match render(&lent)? == render(&copied)? {
        true => Ok(()),
        false => Err(Error::Device("renders what stays on it otherwise than what is copied".into())),
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
#[path = "trust_tests.rs"]
mod tests;
