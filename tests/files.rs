//! What is written, read and named where something is in the way: closed pipes, full disks, links, devices,
//! names that meet.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Program, Ran, files_in, finish, tiny_model, wav};
use serde_json::{Value, json};

const HELLO: &str = "你好，世界。";
const SYNTH: [&str; 5] = ["synth", "-m", "noise", "--seed", "5"];

fn synth<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&SYNTH[..], args].concat()
}

/// As many lines that each end by themselves.
fn write_lines(p: &Program, count: usize) {
    p.write("lines.txt", format!("{HELLO}\n").repeat(count));
}

fn write_rows(p: &Program, rows: &[Value]) {
    p.write("rows.jsonl", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
}

fn manifest(p: &Program, rows: &[Value], more: &[&str]) -> Ran {
    write_rows(p, rows);
    let args = ["--json-input", "-f", "rows.jsonl", "--out-dir", "out", "--report", "report.jsonl"];
    p.run(&synth(&[&args[..], more].concat()))
}

fn records(p: &Program) -> Vec<Value> {
    let mut records: Vec<Value> = fs::read_to_string(p.path("report.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    records.sort_by_key(|record| record["index"].as_u64());
    records
}

fn statuses(p: &Program) -> Vec<String> {
    records(p).iter().map(|record| record["status"].as_str().unwrap().to_string()).collect()
}

/// Runs with standard output closed by its reader before anything is written.
fn without_reader(mut command: Command) -> Ran {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { code: output.status.code(), stdout: Vec::new(), out: String::new(), err }
}

#[test]
fn a_list_that_nobody_reads_ends_no_work() {
    let p = Program::new();
    write_lines(&p, 8);
    for (out, more) in [("a", &[][..]), ("b", &["--json"]), ("c", &["--report", "report.jsonl"])] {
        let mut command = p.chattts();
        command.args(synth(&[&["-f", "lines.txt", "--out-dir", out], more].concat()));
        let ran = without_reader(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(files_in(&p.path(out)), 8, "{more:?}");
        assert_eq!(ran.err.matches("standard output was closed").count(), 1, "{}", ran.err);
    }
    assert!(statuses(&p).iter().all(|status| status == "done"));
    // Where standard output is the result, the reader's leave is the end.
    let mut command = p.chattts();
    command.args(synth(&["-f", "lines.txt", "-o", "-"]));
    assert_eq!(without_reader(command).code, Some(0));
    let mut command = p.chattts();
    command.args(["roles", "list"]);
    assert_eq!(without_reader(command).code, Some(0));
    let mut command = p.chattts();
    command.args(synth(&["-f", "lines.txt", "-o", "one.wav"]));
    let ran = without_reader(command);
    assert!(ran.code == Some(0) && p.path("one.wav").exists() && ran.err.contains("was closed"), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_list_that_cannot_be_written_fails_the_run_at_its_end() {
    let p = Program::new();
    write_lines(&p, 5);
    for target in [["--out-dir", "out"], ["-o", "one.wav"]] {
        let mut command = p.chattts();
        command.args(synth(&[&["-f", "lines.txt"], &target[..]].concat()));
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert_eq!(
            err.matches("warning: cannot write to standard output: No space left").count(),
            1,
            "{err}"
        );
        assert!(err.contains("the files are written all the same"), "{err}");
    }
    assert_eq!(files_in(&p.path("out")), 5);
    assert!(p.path("one.wav").exists());
}

#[test]
fn manifests_and_ssml_name_files_in_their_folder_alone_and_no_content_is_quoted() {
    let p = Program::new();
    let model = tiny_model();
    let string = fs::read_to_string(common::fixtures().join("tiny/expected/speaker-2222.json")).unwrap();
    let string: Value = serde_json::from_str(&string).unwrap();
    fs::create_dir_all(p.path("job/voices")).unwrap();
    p.write("job/voices/anna.txt", string["speaker"].as_str().unwrap());
    p.write("anna.txt", string["speaker"].as_str().unwrap());
    p.write("secret.txt", "PASSWORD=tr0ub4dor");
    p.write("secret.json", "{\"tr0ub4dor\": [1, 2], \"x\": \"tr0ub4dor\"}");
    p.write("secret.csv", "tr0ub4dor,1");
    #[cfg(unix)]
    std::os::unix::fs::symlink(p.path("secret.txt"), p.path("job/voices/link.txt")).unwrap();
    let speak = |rows: &[Value], more: &[&str]| {
        p.write("job/rows.jsonl", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
        let model = model.to_str().unwrap();
        let fixed = ["synth", "-m", model, "--json-input", "-f", "job/rows.jsonl", "--out-dir", "out"];
        let fixed = [&fixed[..], &["--max-tokens", "20", "--seed", "5", "--report", "report.jsonl"]].concat();
        p.run(&[&fixed[..], more].concat())
    };
    let ssml = |name: &str| format!("<speak><voice name=\"{name}\">你好</voice></speak>");
    let mut outside = vec![
        json!({"text": "x", "role": "secret.txt"}),
        json!({"text": "x", "role": "job/../secret.csv"}),
        json!({"text": "x", "role": "mix:2222*0.5+secret.json*0.5"}),
        json!({"text": "x", "role": "/proc/self/environ"}),
        json!({"text": "x", "role": "s.wav", "role_text": "x"}),
        json!({"text": "x", "voice": "secret.txt", "voice_text": "x"}),
        json!({"text": ssml("secret.txt"), "ssml": true}),
    ];
    if cfg!(unix) {
        outside.push(json!({"text": "x", "role": "job/voices/link.txt"}));
    }
    let ran = speak(&outside, &[]);
    assert_eq!(ran.code, Some(1));
    let all = outside.len();
    assert_eq!(ran.err.matches("--allow-files").count(), all, "{}", ran.err);
    assert!(records(&p).iter().all(|record| record["error"].as_str().unwrap().contains("--allow-files")));
    let report = || fs::read_to_string(p.path("report.jsonl")).unwrap();
    assert!(!ran.err.contains("tr0ub4dor") && !report().contains("tr0ub4dor"), "{}", ran.err);
    // With the flag they are read, and still not quoted.
    let ran = speak(&outside, &["--allow-files"]);
    assert!(ran.err.contains(&format!("{all} of {all} utterances failed")), "{}", ran.err);
    for text in [&ran.err, &report()] {
        assert!(
            !text.contains("tr0ub4dor") && !text.contains("--allow-files") && !text.contains("HOME"),
            "{text}"
        );
    }
    let inside = [
        json!({"text": "x", "role": "job/voices/anna.txt"}),
        json!({"text": ssml("job/voices/anna.txt"), "ssml": true}),
    ];
    let ran = speak(&inside, &[]);
    assert!(!ran.err.contains("utterances failed"), "{}", ran.err);
    // A flag names what it likes, and without a file the current folder counts.
    let ran = speak(&[json!({"text": "x"})], &["--role", "anna.txt"]);
    assert!(!ran.err.contains("utterances failed"), "{}", ran.err);
    let model = model.to_str().unwrap();
    let piped =
        ["synth", "-m", model, "--json-input", "--out-dir", "piped", "--max-tokens", "20", "--seed", "5"];
    let ran = p.run_with_input(
        &piped,
        b"{\"text\": \"x\", \"role\": \"anna.txt\"}\n{\"text\": \"x\", \"role\": \"../a.txt\"}\n",
    );
    assert!(ran.err.contains("stdin:2") && ran.err.contains("1 of 2 utterances failed"), "{}", ran.err);
}

#[test]
fn a_file_that_cannot_be_written_costs_its_line_only() {
    let p = Program::new();
    fs::create_dir_all(p.path("out/folder.wav")).unwrap();
    p.write("out/file", "mine");
    let deep = format!("{}x.wav", format!("{}/", "d".repeat(200)).repeat(25));
    let mut rows = vec![
        json!({"text": HELLO, "out": "folder.wav"}),
        json!({"text": HELLO, "out": "file/x.wav"}),
        json!({"text": HELLO, "out": deep}),
        json!({"text": HELLO}),
        json!({"text": HELLO, "out": "new/x.wav"}),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(p.dir.path(), p.path("out/link")).unwrap();
        rows.push(json!({"text": HELLO, "out": "link/evil.wav"}));
    }
    let ran = manifest(&p, &rows, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let failed = ["failed", "failed", "failed", "done", "done", "failed"];
    assert_eq!(statuses(&p), failed[..rows.len()]);
    assert!(p.path("out/new/x.wav").exists() && !p.path("evil.wav").exists());
    assert_eq!(fs::read(p.path("out/file")).unwrap(), b"mine");
    for (line, reason) in [(1, "directory"), (2, "file"), (3, "too long")] {
        let said = ran.err.lines().find(|said| said.contains(&format!("rows.jsonl:{line}: "))).unwrap();
        assert!(said.contains(reason), "{said}");
    }
    assert!(
        !cfg!(unix) || ran.err.contains("rows.jsonl:6: out: link/evil.wav: a link leads out"),
        "{}",
        ran.err
    );
}

#[test]
fn no_two_files_of_a_run_have_one_name() {
    let p = Program::new();
    let rows: Vec<Value> = ["a.wav", "a.wave", "a.srt", "report.jsonl", "b.srt", "00000.safetensors"]
        .iter()
        .map(|out| json!({"text": HELLO, "out": out}))
        .collect();
    write_rows(&p, &rows);
    let args =
        ["--json-input", "-f", "rows.jsonl", "--out-dir", "out", "--subtitles", "srt", "--format", "wav"];
    let ran = p.run(&synth(&[&args[..], &["--report", "out/report.jsonl", "--dump", "out"]].concat()));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for (line, with) in [(2, "rows.jsonl:1"), (3, "rows.jsonl:1"), (4, "--report"), (6, "--dump")] {
        let said = ran.err.lines().find(|said| said.contains(&format!("rows.jsonl:{line}: "))).unwrap();
        assert!(said.contains(&format!("already the file of {with}")), "{said}");
    }
    for file in ["a.wav", "a.srt", "b.srt", "b.srt.srt", "report.jsonl", "00000.safetensors"] {
        assert!(p.path("out").join(file).exists(), "{file}");
    }
    assert!(!fs::read(p.path("out/a.srt")).unwrap().starts_with(b"RIFF"));
    // Names by the template give way.
    p.write("rows.jsonl", "{\"text\": \"你好\", \"out\": \"a.vtt\"}\n{\"text\": \"你好\", \"id\": \"a\"}\n");
    p.spoken(&synth(
        &[&args[..4], &["two", "--name", "{id}", "--subtitles", "vtt", "--format", "wav"]].concat(),
    ));
    for file in ["a.vtt", "a.vtt.vtt", "a-2.wav", "a-2.vtt"] {
        assert!(p.path("two").join(file).exists(), "{file}");
    }
    let one = |more: &[&str]| p.run(&synth(&[&["-t", HELLO], more].concat()));
    for (clash, what) in [
        (&["-o", "x.wav", "--report", "./x.wav"][..], "--report"),
        (&["-o", "x.wav", "--subtitles", "srt", "--report", "x.srt"], "--report"),
        (&["-o", "x/00000.safetensors", "--dump", "x"], "--dump"),
        (&["--out-dir", "x", "--report", "x/.chattts-rs/ledger.jsonl"], "--report"),
    ] {
        fs::create_dir_all(p.path("x")).unwrap();
        let ran = one(clash);
        assert!(ran.code == Some(2) && ran.err.contains(&format!("error: {what}: ")), "{clash:?}: {ran:?}");
    }
    assert_eq!(one(&["-o", "y.srt", "--subtitles", "srt", "--format", "wav"]).code, Some(0));
    assert!(fs::read(p.path("y.srt")).unwrap().starts_with(b"RIFF") && p.path("y.srt.srt").exists());
}

#[cfg(unix)]
fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_moved_away_ends_the_run_with_an_error() {
    let p = Program::new();
    write_lines(&p, 3000);
    let mut command = p.chattts();
    command.args(synth(&["-f", "lines.txt", "--out-dir", "out"]));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&p.path("out/00000.wav"));
    fs::rename(p.path("out"), p.path("moved")).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("moved or deleted"), "{err}");
    assert!(!p.path("out").exists(), "it is not made anew");
}

#[cfg(unix)]
#[test]
fn a_hangup_ends_like_a_termination_unless_it_is_ignored() {
    let run = |script: &str| {
        let p = Program::new().env("PROGRAM", env!("CARGO_BIN_EXE_chattts-rs"));
        write_lines(&p, 40);
        let mut command = p.command("bash");
        let script = format!("{script} exec \"$PROGRAM\" synth -m noise --seed 5 -f lines.txt --out-dir out");
        command.args(["-c", &script]);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&p.path("out/00000.wav"));
        assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let listed = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(files_in(&p.path("out")), listed, "no half-written file");
        (output.status.code(), listed)
    };
    if cfg!(target_os = "linux") {
        let (code, listed) = run("");
        assert!(code == Some(129) || (code == Some(0) && listed == 40), "{code:?}, {listed} files");
        assert_eq!(run("trap '' HUP;"), (Some(0), 40));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_grows_too_large_is_an_error_of_its_write() {
    let p = Program::new().env("PROGRAM", env!("CARGO_BIN_EXE_chattts-rs"));
    let rows =
        [json!({"text": HELLO}), json!({"text": HELLO, "sample_rate": 192_000}), json!({"text": HELLO})];
    write_rows(&p, &rows);
    let length = {
        p.ok(&synth(&["-t", HELLO, "-o", "one.wav"]));
        fs::metadata(p.path("one.wav")).unwrap().len()
    };
    let shell = |args: &str| {
        let kilobytes = length / 1024 + 8;
        let script = format!("ulimit -f {kilobytes}; exec \"$PROGRAM\" synth -m noise --seed 5 {args}");
        let mut shell = p.command("bash");
        shell.args(["-c", &script]);
        finish(shell, b"")
    };
    let ran = shell("--json-input -f rows.jsonl --out-dir out --report report.jsonl");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(statuses(&p), ["done", "failed", "done"]);
    assert!(ran.err.contains("rows.jsonl:2: cannot write out/00001.wav: File too large"), "{}", ran.err);
    assert_eq!(files_in(&p.path("out")), 2, "no part of a file is left");
    let ran = shell(&format!("-t '{HELLO}' --sample-rate 192000 -o large.wav"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("large.wav") && ran.err.contains("File too large"), "{}", ran.err);
    assert!(!p.path("large.wav").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn what_has_no_end_is_not_read_to_it() {
    let p = Program::new().env("PROGRAM", env!("CARGO_BIN_EXE_chattts-rs"));
    for (input, said) in [
        (&["-f", "/dev/zero"][..], "/dev/zero: more than 64 KiB"),
        (&["-t", "x", "--homophones", "/dev/zero"], "/dev/zero: it is larger than 64 KiB"),
        (&["-t", "x", "--voice-codes", "/dev/zero", "--voice-text", "x"], "/dev/zero: it is no regular file"),
        (&["-t", "x", "--roles", "/dev/zero"], "/dev/zero: it is larger than 64 KiB"),
        (&["-t", "x", "--role", "/dev/zero"], "/dev/zero"),
    ] {
        let start = Instant::now();
        let ran = p.run(&synth(&[input, &["-o", "a.wav"]].concat()));
        assert!(ran.code == Some(1) && ran.err.contains(said), "{input:?}: {ran:?}");
        assert!(start.elapsed() < Duration::from_secs(20), "{input:?}: {:?}", start.elapsed());
    }
    // From a pipe texts and tables come as ever.
    let script = format!(
        "\"$PROGRAM\" normalize -f <(echo 以後) --homophones <(echo '{{\"後\": \"后\"}}') && \
         \"$PROGRAM\" synth -m noise --seed 5 -f <(echo {HELLO}) -o b.wav < /dev/zero"
    );
    let mut shell = p.command("bash");
    shell.args(["-c", &script]);
    let ran = finish(shell, b"");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "以后\nb.wav\n"), "{ran:?}");
    let mut command = p.chattts();
    command.args(synth(&["-o", "c.wav"])).stdin(fs::File::open("/dev/zero").unwrap());
    let output = command.output().unwrap();
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("standard input: more than 64 KiB"),
        "{output:?}"
    );
}

#[test]
fn what_a_killed_run_left_beside_a_file_is_cleared_away_and_what_another_writes_is_not() {
    let p = Program::new();
    let (left, used) = (p.write(".chattts-left.part", "x"), p.write(".chattts-used.part", "x"));
    let held = fs::File::open(&used).unwrap();
    held.lock().unwrap();
    p.ok(&synth(&["-t", HELLO, "-o", "a.wav"]));
    assert!(!left.exists() && used.exists());
    drop(held);
}

#[test]
fn a_number_is_given_to_a_role_with_a_warning_and_that_of_a_shipped_one_only_if_asked() {
    let p = Program::new();
    let p = {
        let config = p.path("config");
        p.env("XDG_CONFIG_HOME", config.to_str().unwrap())
    };
    let ran = p.run(&["roles", "add", "2222", "5"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("the voice where none is named; --replace"), "{}", ran.err);
    assert!(p.ok(&["roles", "list"]).out.contains("2222\ttorch-f32:2222\tshipped"));
    let ran = p.ok(&["roles", "add", "7", "5"]);
    assert!(ran.err.contains("no longer the voice of seed 7, which is torch-f32:7"), "{}", ran.err);
    assert_eq!(p.ok(&["roles", "add", "anna", "5"]).err, "");
    p.ok(&["roles", "add", "2222", "5", "--replace"]);
    assert!(p.ok(&["roles", "list"]).out.contains("2222\ttorch-f32:5\t"));
}

#[test]
fn ids_that_are_numbers_are_reported_as_they_are_written() {
    let p = Program::new();
    p.write("rows.jsonl", format!(
        "{{\"text\": \"{HELLO}\", \"id\": 99999999999999999999}}\n{{\"text\": \"{HELLO}\", \"id\": 99999999999999999998}}\n"
    ));
    let args = [
        "--json-input",
        "-f",
        "rows.jsonl",
        "--out-dir",
        "out",
        "--report",
        "report.jsonl",
        "--name",
        "{id}.wav",
    ];
    p.ok(&synth(&args));
    let ids: Vec<Value> = records(&p).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, ["99999999999999999999", "99999999999999999998"]);
    assert!(p.path("out/99999999999999999998.wav").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_that_a_terminal_acts_on_reaches_it_and_paths_keep_their_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let p = Program::new();
    let name = "a\u{1b}]0;x\u{7}\n.jsonl";
    p.write(name, format!("{{\"text\": \"x\u{9b}2J\", \"strict\": true}}\n{{\"text\": \"\\u001b[31m{HELLO}\", \"id\": \"\\u001b[0m\"}}\nno\n"));
    let dir = std::ffi::OsStr::from_bytes(b"o\x1b[1m\xff");
    let mut command = p.chattts();
    command
        .args(synth(&["--json-input", "-f", name, "--report", "\u{1b}[2Jr.jsonl", "-v", "--out-dir"]))
        .arg(dir);
    let ran = finish(command, b"");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.err.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{:?}", ran.err);
    assert!(ran.err.contains("a\\u{1b}]0;x\\u{7}\\n.jsonl:3: "), "{}", ran.err);
    assert_eq!(ran.stdout, b"o\x1b[1m\xff/00001.wav\n");
}

#[test]
fn a_home_that_is_none_is_no_error() {
    let p = Program::new();
    for home in [Some("/dev/null"), Some("/nowhere/at/all"), None] {
        let mut command = p.chattts();
        command.args(synth(&["-t", HELLO, "-o", "a.wav"])).env_remove("XDG_CONFIG_HOME");
        match home {
            Some(home) => command.env("HOME", home),
            None => command.env_remove("HOME"),
        };
        let ran = finish(command, b"");
        assert_eq!(ran.code, Some(0), "{home:?}: {ran:?}");
    }
}

#[test]
fn many_roles_are_listed_in_no_time() {
    let p = Program::new();
    let roles: String =
        (0..20_000).map(|i| format!("[roles.r{i}]\nseed = {i}\nnote = \"one of many\"\n\n")).collect();
    p.write("roles.toml", roles);
    let start = Instant::now();
    let ran = p.ok(&["roles", "--roles", "roles.toml", "list"]);
    assert!(ran.out.lines().count() > 20_000);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_change_that_keeps_length_and_time_is_found_by_the_checksum() {
    let p = Program::new();
    write_lines(&p, 2);
    let args = synth(&["-f", "lines.txt", "--out-dir", "out", "--resume"]);
    p.ok(&args);
    let path = p.path("out/00001.wav");
    let whole = fs::read(&path).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, &changed).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(p.ok(&args).out, "");
    let dry = p.ok(&[&args[..], &["--verify", "--dry-run"]].concat()).out;
    assert_eq!(dry, "skip\tout/00000.wav\tlines.txt:1\nspeak\tout/00001.wav\tlines.txt:2\n");
    assert_eq!(p.ok(&[&args[..], &["--verify"]].concat()).out, "out/00001.wav\n");
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(p.run(&synth(&["-f", "lines.txt", "--out-dir", "out", "--verify"])).code, Some(2));
}

#[test]
fn a_joined_file_that_may_grow_beyond_wav_has_room_for_the_sizes_of_rf64() {
    let p = Program::new();
    let speak = |name: &str, more: &[&str]| {
        p.ok(&synth(&[&["-t", HELLO, "-o", name], more].concat()));
        fs::read(p.path(name)).unwrap()
    };
    let (plain, long) = (speak("a.wav", &[]), speak("b.wav", &["--max-tokens", "100000000"]));
    assert_eq!((&long[..4], &long[12..16]), (&b"RIFF"[..], &b"JUNK"[..]));
    assert_eq!(&plain[12..16], b"fmt ");
    assert!(wav(&long) == wav(&plain));
}
