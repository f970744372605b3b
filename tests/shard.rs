//! Several runs that fill one folder: `synth --shard`, `status` and `merge`.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Program, Ran, files_in};
use serde_json::Value;

const LINES: usize = 24;

fn write_lines(p: &Program, lines: usize) {
    let row =
        |i: usize| format!("{{\"id\": \"line-{i}\", \"text\": \"Line number {i}.\", \"max_tokens\": 24}}\n");
    fs::write(p.path("lines.jsonl"), (0..lines).map(row).collect::<String>()).unwrap();
}

const SYNTH: [&str; 9] =
    ["synth", "-m", "noise", "-f", "lines.jsonl", "--name", "{id}", "--resume", "--out-dir"];

fn shard(p: &Program, dir: &str, of: &str, more: &[&str]) -> Ran {
    p.spoken(&[&SYNTH[..], &[dir, "--shard", of], more].concat())
}

/// Starts a run, and waits until it has made so many files.
fn begin(p: &Program, args: &[&str], dir: &str, files: usize) -> Child {
    let mut child = p.chattts().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !p.path(dir).exists() || files_in(&p.path(dir)) < files {
        assert!(start.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

/// The sound files of a folder, by name.
fn sounds(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap());
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    let read = |file: fs::DirEntry| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap());
    files.map(read).filter(|(name, _)| name.ends_with(".wav")).collect()
}

fn status(p: &Program, dir: &str) -> (Value, Option<i32>) {
    let output = p.run(&["status", dir, "--json"]);
    (serde_json::from_slice(&output.stdout).unwrap(), output.code)
}

#[test]
fn shards_of_any_count_fill_a_folder_as_one_run_does() {
    let p = Program::new();
    write_lines(&p, LINES);
    p.spoken(&[&SYNTH[..], &["whole"]].concat());
    let whole = sounds(&p.path("whole"));
    assert_eq!(whole.len(), LINES);

    shard(&p, "out", "0/3", &[]);
    let (first, code) = status(&p, "out");
    assert_eq!((first["lines"].as_u64(), code), (Some(LINES as u64), Some(1)));
    let done = first["done"].as_u64().unwrap() as usize;
    assert!(done > 0 && done < LINES && sounds(&p.path("out")).len() == done);
    assert_eq!(first["missing"].as_u64().unwrap() as usize, LINES - done);

    // Another count redoes nothing.
    for index in 0..2 {
        let said = shard(&p, "out", &format!("{index}/2"), &[]).err;
        assert!(said.contains(&format!("shard {index}/2 by --shard: ")), "{said}");
    }
    let (all, code) = status(&p, "out");
    assert_eq!((all["done"].as_u64(), all["missing"].as_u64(), code), (Some(LINES as u64), Some(0), Some(0)));
    let spoken = |shard: &Value| shard["device_seconds"].as_f64().unwrap() > 0.0;
    assert!(all["shards"].as_array().unwrap().iter().all(spoken), "{all}");
    assert!(sounds(&p.path("out")) == whole, "the bytes are those of one run");
    let records = |state: &str| fs::read_to_string(p.path("out/.chattts-rs").join(state)).unwrap();
    let skipped = (0..2).map(|i| records(&format!("report-{i}-of-2.jsonl")));
    let skipped: usize = skipped.map(|report| report.matches("\"skipped\"").count()).sum();
    assert_eq!(skipped, done);

    p.ok(&["merge", "out", "--report", "report.jsonl"]);
    let report = fs::read_to_string(p.path("report.jsonl")).unwrap();
    let index = |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap() as usize;
    assert_eq!(report.lines().map(index).collect::<Vec<_>>(), (0..LINES).collect::<Vec<_>>());
    let ledgers = fs::read_dir(p.path("out/.chattts-rs")).unwrap();
    let ledgers =
        ledgers.filter(|file| file.as_ref().unwrap().file_name().to_str().unwrap().starts_with("ledger"));
    assert_eq!(ledgers.count(), 1);
    // And one run of the whole finds nothing to do.
    let again = p.ok(&[&SYNTH[..], &["out", "--dry-run"]].concat());
    assert_eq!(again.out.matches("skip\t").count(), LINES);
}

#[test]
fn files_of_lines_that_are_gone_are_removed_by_the_last_shard() {
    let p = Program::new();
    write_lines(&p, LINES);
    for of in ["0/2", "1/2"] {
        shard(&p, "out", of, &[]);
    }
    write_lines(&p, LINES - 6);
    let first = shard(&p, "out", "0/2", &["--prune"]).err;
    assert!(first.contains("--prune is left to the last shard; not complete: 1"), "{first}");
    assert_eq!(sounds(&p.path("out")).len(), LINES);
    let second = shard(&p, "out", "1/2", &["--prune"]).err;
    assert_eq!(second.matches("removed out/line-").count(), 6, "{second}");
    assert_eq!(sounds(&p.path("out")).len(), LINES - 6);
}

#[test]
fn a_shard_that_is_killed_goes_on_where_it_was() {
    let p = Program::new();
    write_lines(&p, 400);
    let mut child = begin(&p, &[&SYNTH[..], &["out", "--shard", "1/2"]].concat(), "out", 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let (broken, code) = status(&p, "out");
    let of = |status: &Value, key: &str| status["shards"][1][key].clone();
    assert_eq!(
        (code, of(&broken, "has_ended"), of(&broken, "is_running")),
        (Some(1), false.into(), false.into())
    );
    let before = sounds(&p.path("out"));
    shard(&p, "out", "1/2", &[]);
    let (ended, _) = status(&p, "out");
    assert_eq!(of(&ended, "done"), of(&ended, "lines"));
    let after = sounds(&p.path("out"));
    let report = fs::read_to_string(p.path("out/.chattts-rs/report-1-of-2.jsonl")).unwrap();
    assert_eq!(after.len(), report.lines().count());
    assert!(report.matches("\"skipped\"").count() + 1 >= before.len());
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
}

#[test]
fn what_would_let_shards_disagree_is_refused() {
    let p = Program::new();
    write_lines(&p, 2);
    for (more, words) in [
        (&["--name", "{text}"][..], "{index} and {id} alone"),
        (&["--report", "r.jsonl"], "--report"),
        (&["--voice-from-first"], "--voice-from-first"),
    ] {
        let synth = ["synth", "-m", "noise", "-f", "lines.jsonl", "--out-dir", "o", "--shard", "0/2"];
        let ran = p.run(&[&synth[..], more].concat());
        assert!(ran.code == Some(2) && ran.err.contains(words), "{ran:?}");
    }
    let ran = p.run(&["synth", "-m", "noise", "-f", "lines.jsonl", "--out-dir", "o", "--shard", "auto"]);
    assert!(ran.code == Some(2) && ran.err.contains("JOB_COMPLETION_INDEX"), "{ran:?}");
    // Each of them would speak all lines.
    for output in [&["-o", "a.wav"][..], &["--stream"]] {
        let ran = p.run(&[&["synth", "-m", "noise", "-f", "lines.jsonl", "--shard", "0/2"], output].concat());
        assert!(ran.code == Some(2) && ran.err.contains("--out-dir"), "{ran:?}");
    }
    for command in ["status", "merge"] {
        let ran = p.run(&[command, "o"]);
        assert!(ran.code == Some(2) && ran.err.contains("no folder that"), "{ran:?}");
    }
    assert!(!p.path("o").exists());
}

#[test]
fn a_shard_without_lines_is_done_at_once() {
    let p = Program::new();
    write_lines(&p, 1);
    for index in 0..3 {
        // A single line that is cut off is not counted aloud.
        let of = format!("{index}/3");
        let ran = p.run(&[&SYNTH[..], &["out", "--shard", &of, "--prune"]].concat());
        assert!(ran.code < Some(2), "{ran:?}");
    }
    let (all, code) = status(&p, "out");
    assert_eq!((all["done"].as_u64(), code), (Some(1), Some(0)), "{all}");
}

#[test]
fn a_folder_that_another_run_holds_may_be_had_later() {
    let p = Program::new();
    write_lines(&p, 400);
    let mut child = begin(&p, &[&SYNTH[..], &["out", "--shard", "0/2"]].concat(), "out", 1);
    for args in [&["out", "--shard", "0/2"][..], &["out"]] {
        let ran = p.run(&[&SYNTH[..], args].concat());
        assert_eq!(ran.code, Some(75), "{ran:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn termination_lets_lines_that_were_begun_end_within_the_grace() {
    use std::os::unix::process::ExitStatusExt as _;
    let p = Program::new();
    let row = |i: usize| {
        let tokens = 100 + i * 137 % 300;
        format!("{{\"text\": \"Line number {i}.\", \"min_tokens\": {tokens}, \"max_tokens\": {tokens}}}\n")
    };
    p.write("lines.jsonl", (0..400).map(row).collect::<String>());
    for (grace, ended) in [("60", 4..60), ("0", 0..3)] {
        let dir = format!("out-{grace}");
        let more = [&dir, "--shard", "0/1", "--batch-size", "4", "--grace", grace];
        let mut child = begin(&p, &[&SYNTH[..], &more].concat(), &dir, 2);
        let before = files_in(&p.path(&dir));
        assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(143), None));
        let files = files_in(&p.path(&dir));
        assert!(ended.contains(&(files - before)), "{} lines ended after the signal", files - before);
        let report = fs::read_to_string(p.path(&dir).join(".chattts-rs/report-0-of-1.jsonl")).unwrap();
        assert_eq!(report.lines().count(), files, "every file is reported");
    }
}
