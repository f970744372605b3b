//! Little memory and few threads: the program works with what there is or says what is missing. It never panics and
//! is never ended by a signal.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use chattts_rs::backend::{Checkpoint, CpuStep, NOISE_SEED, WeightType};
use chattts_rs::hub::NoiseSize;
use common::{Program, Ran, finish};

/// The number of users for each run of these tests.
const USERS: u32 = 4;

/// Returns a user without processes, whom a limit on them binds; another one for each test, so that they do not
/// count one another's.
fn nobody(test: u32) -> u32 {
    20_000 + (std::process::id() * USERS + test) % 40_000
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
const SPEAK: [&str; 9] =
    ["synth", "-t", "你好，大家好", "--seed", "5", "--max-tokens", "24", "--min-tokens", "24"];

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Makes a command that runs the program within a limit, and as somebody whom the limit binds. None where the tools
/// for that are not there.
fn limited(p: &Program, test: u32, limit: &str) -> Option<Command> {
    if !has("prlimit") || (is_root() && !has("setpriv")) {
        return None;
    }
    // Where anybody may run it and write beside it.
    fs::set_permissions(p.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = p.path("chattts-rs");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_chattts-rs"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = match is_root() {
        true => {
            let nobody = nobody(test);
            let ids = [format!("--reuid={nobody}"), format!("--regid={nobody}")];
            let mut command = p.command("setpriv");
            command.args(ids).args(["--clear-groups", "prlimit"]);
            command
        }
        false => p.command("prlimit"),
    };
    command.arg(limit).arg("--").arg(program);
    Some(command)
}

/// Fails unless a run did its work, or ended with an error of its own.
fn assert_orderly(ran: &Ran, limit: &str) {
    // The C library's own end, where it has no memory for a thread's variables, and that of the standard library,
    // where it has none for the stack on which a thread's overflow would be told.
    if ran.err.contains("Fatal glibc error") || ran.err.contains("failed to allocate an alternative stack") {
        return;
    }
    assert!(matches!(ran.code, Some(0 | 1)), "{limit}: {ran:?}");
    assert!(!ran.err.contains("panicked") && !ran.err.contains("internal error"), "{limit}: {}", ran.err);
    assert_eq!(ran.code == Some(1), ran.err.contains("error: "), "{limit}: {}", ran.err);
}

#[test]
fn few_threads_are_used_and_none_is_an_error() {
    let p = Program::new();
    let mut outcomes = Vec::new();
    let plain = Program::new();
    plain.ok(&[&SPEAK[..], &["-m", "noise", "-o", "a.wav"]].concat());
    let plain = fs::read(plain.path("a.wav")).unwrap();
    for threads in [1, 2, 3, 4, 5, 6, 8, 10, 14, 20] {
        let limit = format!("--nproc={threads}");
        let Some(mut command) = limited(&p, 0, &limit) else { return };
        let out = format!("{threads}.wav");
        command.args(SPEAK).args(["-m", "noise", "-o", &out]);
        let ran = finish(command, b"");
        assert_orderly(&ran, &limit);
        match ran.code {
            Some(0) => assert!(fs::read(p.path(&out)).unwrap() == plain, "{limit}"),
            _ => assert!(ran.err.contains("no thread") && !p.path(&out).exists(), "{limit}: {}", ran.err),
        }
        outcomes.push(ran.code);
    }
    assert_eq!(outcomes.first(), Some(&Some(1)), "{outcomes:?}");
    // Others' processes count too, where they are the same user's.
    assert!(!is_root() || outcomes.last() == Some(&Some(0)), "{outcomes:?}");
}

#[test]
fn other_commands_without_a_thread_end_in_order() {
    let p = Program::new();
    let commands: [&[&str]; 4] = [
        &["model", "verify", "-m", "."],
        &["model", "noise", "made"],
        &["model", "download", "-m", "someone/tiny"],
        &["tokenize", "-m", "noise", "-t", "你好"],
    ];
    // With two or three there is a thread to compute with, and none to look up a name with.
    for (args, threads) in commands.iter().flat_map(|args| [1, 2, 3].map(|threads| (args, threads))) {
        let Some(mut command) = limited(&p, 1, &format!("--nproc={threads}")) else { return };
        command.args(*args).env("HF_ENDPOINT", "http://127.0.0.1:9");
        let ran = finish(command, b"");
        assert!(!ran.err.contains("panicked") && ran.code.is_some(), "{threads}, {args:?}: {ran:?}");
    }
}

#[test]
fn little_memory_is_an_error_that_says_how_much_was_asked_for() {
    let p = Program::new();
    for model in ["noise", "demo"] {
        for megabytes in [120, 160, 170, 180, 200, 240, 320] {
            let limit = format!("--as={}", megabytes << 20);
            let Some(mut command) = limited(&p, 2, &limit) else { return };
            command.args(SPEAK).args(["-m", model, "-o", "a.wav"]);
            let ran = finish(command, b"");
            assert_orderly(&ran, &format!("{model} {limit}"));
        }
    }
}

/// Returns how much memory this process holds, in bytes.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    4096 * statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
}

#[test]
fn positions_that_are_not_used_take_no_memory() {
    // 16 texts of which each may have 400 MB of keys and values.
    let mut checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
    checkpoint.config.max_positions = 1 << 18;
    for kind in [WeightType::Q8, WeightType::F32] {
        let before = resident();
        let step = CpuStep::load(&checkpoint, kind, 16).unwrap();
        let taken = resident().saturating_sub(before);
        drop(step);
        assert!(taken < 128 << 20, "{kind:?}: {taken} bytes");
    }
}
