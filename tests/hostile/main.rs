//! Runs the program under hostile conditions that a seed determines: texts, flags, manifests, places, signals,
//! damaged files, limits, environments. Whatever it meets, it ends in time and with an exit code that is written
//! down, says no more than it should, leaves whole files alone, and harms nothing else.
//!
//! `CHATTTS_RS_HOSTILE_RUNS` sets how many runs there are at least, `CHATTTS_RS_HOSTILE_SEED` another seed, and
//! `CHATTTS_RS_HOSTILE_CASE` the only case to try, whose folder is then kept.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod case;
mod content;
mod flags;
mod random;
mod scenarios;
mod sound;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use case::{Case, Ended};
use tempfile::TempDir;

/// The number of runs unless another one is asked for.
const RUNS: usize = 400;
/// The number of cases that are tried at once.
const AT_ONCE: u64 = 2;
/// The number of faults after which no more are looked for.
const FAULTS: usize = 12;
/// The first of the users without rights that the program runs as where the test is root, one for each worker so that
/// none counts another's processes.
const USER: u32 = 61_000;

/// What all cases share.
struct Lab {
    pub seed: u64,
    pub folder: TempDir,
    pub program: PathBuf,
    pub commands: Vec<flags::Known>,
    /// A model in one file.
    pub packed: PathBuf,
    /// What undisturbed runs make, by their arguments.
    pub whole: Mutex<BTreeMap<String, BTreeMap<PathBuf, Vec<u8>>>>,
    runs: AtomicUsize,
    /// Runs that ended by the C library's own hand, for want of memory.
    foreign: AtomicUsize,
    memory: AtomicI64,
    slowest: Mutex<Duration>,
}

impl Lab {
    fn new(seed: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("hostile-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // Where anybody may run it.
        let program = folder.path().join("chattts-rs");
        fs::copy(env!("CARGO_BIN_EXE_chattts-rs"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let user = is_root().then_some(USER);
        let commands = flags::ask(&program, user);
        let packed = folder.path().join("made/packed.safetensors");
        fs::create_dir(packed.parent().unwrap()).unwrap();
        if user.is_some() {
            chown(packed.parent().unwrap(), user, user).unwrap();
        }
        let mut convert = command(&program, user);
        convert.args(["model", "convert", "-m", "noise"]).arg(&packed).env("HOME", packed.parent().unwrap());
        assert!(convert.output().unwrap().status.success());
        let known: Vec<String> = commands.iter().map(|known| known.words.join(" ")).collect();
        for command in ["synth", "refine", "roles import", "model convert"] {
            assert!(known.iter().any(|other| other == command), "{command} is not in {known:?}");
        }
        let synth = commands.iter().find(|known| known.words == ["synth"]).unwrap();
        assert!(synth.flags.len() > 40, "{} flags of synth", synth.flags.len());
        Lab {
            seed,
            folder,
            program,
            commands,
            packed,
            whole: Mutex::default(),
            runs: AtomicUsize::new(0),
            foreign: AtomicUsize::new(0),
            memory: AtomicI64::new(0),
            slowest: Mutex::default(),
        }
    }

    fn count(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    fn note_foreign(&self) {
        self.foreign.fetch_add(1, Ordering::Relaxed);
    }

    fn measure(&self, ended: &Ended) {
        self.memory.fetch_max(ended.memory, Ordering::Relaxed);
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = (*slowest).max(ended.took);
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Makes a command that never runs as root.
fn command(program: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|e| panic!("{name}={value}: {e}")))
}

/// Tries a case; returns how it failed, if it did.
fn attempt(lab: &Lab, number: u64, user: Option<u32>, keep: bool) -> Option<String> {
    let mut case = Case::new(lab, number, user);
    let name = scenarios::name(number);
    let tried = std::panic::catch_unwind(AssertUnwindSafe(|| scenarios::run(&mut case, number)));
    let what = match tried {
        Ok(Ok(())) if !keep => {
            scenarios::unlock(&case.root);
            let _ = fs::remove_dir_all(&case.root);
            return None;
        }
        Ok(Ok(())) => {
            eprintln!("case {number} ({name}):\n  {}", case.commands.join("\n  "));
            return None;
        }
        Ok(Err(what)) => what,
        Err(panic) => format!("the test itself fails: {:?}", panic.downcast_ref::<String>()),
    };
    let commands = case.commands.join("\n  ");
    Some(format!(
        "case {number} ({name}), which CHATTTS_RS_HOSTILE_SEED={} CHATTTS_RS_HOSTILE_CASE={number} repeats: {what}\n  {commands}",
        lab.seed
    ))
}

#[test]
fn whatever_it_meets_the_program_ends_in_order() {
    let seed = setting("CHATTTS_RS_HOSTILE_SEED").unwrap_or(1);
    let runs = setting("CHATTTS_RS_HOSTILE_RUNS").map_or(RUNS, |runs| runs as usize);
    let only = setting("CHATTTS_RS_HOSTILE_CASE");
    let mut lab = Lab::new(seed);
    let is_root = is_root();
    let next = AtomicU64::new(0);
    let faults: Mutex<Vec<String>> = Mutex::default();
    let kinds: Mutex<BTreeMap<&str, (usize, Duration)>> = Mutex::default();
    let start = Instant::now();
    let work = |worker: u64| {
        let user = is_root.then(|| USER + (std::process::id() % 2000) * AT_ONCE as u32 + worker as u32);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if lab.runs.load(Ordering::Relaxed) >= runs || faults.lock().unwrap().len() >= FAULTS {
                return;
            }
            let start = Instant::now();
            if let Some(fault) = attempt(&lab, number, user, false) {
                eprintln!("{fault}");
                faults.lock().unwrap().push(fault);
            }
            let mut kinds = kinds.lock().unwrap();
            let kind = kinds.entry(scenarios::name(number)).or_default();
            *kind = (kind.0 + 1, kind.1 + start.elapsed());
        }
    };
    match only {
        Some(number) => faults.lock().unwrap().extend(attempt(&lab, number, is_root.then_some(USER), true)),
        None => std::thread::scope(|scope| {
            for worker in 0..AT_ONCE {
                let work = &work;
                scope.spawn(move || work(worker));
            }
        }),
    }
    let (count, foreign) = (lab.runs.load(Ordering::Relaxed), lab.foreign.load(Ordering::Relaxed));
    eprintln!(
        "{count} runs of seed {seed} in {:?}: {} faults; {foreign} ended by the C library for want of memory; {} KiB at \
         most, {:?} at most",
        start.elapsed(),
        faults.lock().unwrap().len(),
        lab.memory.load(Ordering::Relaxed),
        lab.slowest.lock().unwrap(),
    );
    for (kind, (cases, took)) in kinds.into_inner().unwrap() {
        eprintln!("  {kind}: {cases} cases in {took:?}");
    }
    let faults = faults.into_inner().unwrap();
    if !faults.is_empty() || only.is_some() {
        lab.folder.disable_cleanup(true);
        eprintln!("the folders of these cases are in {}", lab.folder.path().display());
    }
    assert!(faults.is_empty(), "{} faults:\n\n{}", faults.len(), faults.join("\n\n"));
}
