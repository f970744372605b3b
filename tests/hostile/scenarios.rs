//! What happens to the program, by kinds of hostility.

use std::ffi::{CString, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::case::{CANARY, Case, Input, Outcome, Output, Run, Status, contains};
use super::common::hub_server::{HubServer, REPO};
use super::common::{fixtures, tiny_model};
use super::content::{self, damage, distort};
use super::flags;
use super::random::Random;

type Scenario = fn(&mut Case) -> Outcome;

/// The kinds of cases, in turn.
const KINDS: &[(&str, Scenario)] = &[
    ("texts", texts),
    ("flags", any_flags),
    ("manifest", manifest),
    ("signals", signals),
    ("flags", any_flags),
    ("voices", voices),
    ("places", places),
    ("streams", streams),
    ("flags", any_flags),
    ("model", model),
    ("manifest", manifest),
    ("limits", limits),
    ("texts", texts),
    ("roles", roles),
    ("flags", any_flags),
    ("environment", environment),
    ("model", model),
    ("hub", hub),
];

pub fn name(case: u64) -> &'static str {
    KINDS[case as usize % KINDS.len()].0
}

pub fn run(case: &mut Case, number: u64) -> Outcome {
    KINDS[number as usize % KINDS.len()].1(case)
}

/// Makes all folders such that they can be removed.
pub fn unlock(root: &Path) {
    if root.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        let _ = fs::set_permissions(root, fs::Permissions::from_mode(0o755));
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            unlock(&entry.path());
        }
    }
}

fn pipe(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: it is a string that ends.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Returns a moment of a run that takes so long.
fn moment(random: &mut Random, length: Duration) -> Duration {
    length.mul_f64(random.below(1200) as f64 / 1000.0)
}

/// Lets the surroundings of a run be hostile now and then.
fn spice(random: &mut Random, run: &mut Run) {
    match random.below(24) {
        0 => run.output = Output::Full,
        1 => run.output = Output::Closed,
        2 => run.output = Output::Head(random.below(100)),
        3 => run.input = Input::Closed,
        4 => run.input = Input::Place("/"),
        5 => run.input = Input::Place("/dev/zero"),
        6 => run.input = Input::Bytes(content::bytes(random)),
        7 => run.env.push(("HOME", None)),
        8 => run.env.push(("TMPDIR", Some("/nowhere".into()))),
        9 => run.env.push(("LANG", Some("C".into()))),
        10 => run.env.push(("CHATTTS_RS_CACHE", Some("../outside".into()))),
        _ => {}
    }
}

fn texts(case: &mut Case) -> Outcome {
    let random = &mut case.random;
    let is_long = random.one_in(6);
    let bytes = if is_long { content::long(random) } else { content::bytes(random) };
    let text = content::text(random).replace('\0', "");
    let command = random.pick(&["normalize", "normalize", "tokenize", "synth", "synth", "refine"]);
    let mut run = Run::new(&[command]);
    if command != "normalize" {
        run.arg("-m").arg(if random.one_in(8) { "demo" } else { "noise" });
    }
    if matches!(command, "synth" | "refine") {
        run.arg("--max-tokens").arg("6").arg("--seed").arg("5");
    }
    if command == "synth" {
        match random.below(4) {
            0 => run.arg("--stream"),
            1 => run.arg("-o").arg("made/a.flac"),
            2 => run.arg("--out-dir").arg("made").arg("--name").arg(random.pick(&[
                "{text}",
                "{index}-{role}",
                "{hash}",
            ])),
            _ => run.arg("-o").arg("made/a.wav").arg("--subtitles").arg("srt"),
        };
    }
    let is_reading = matches!(command, "synth" | "normalize");
    for (flag, takes) in [
        ("--ssml", is_reading),
        ("--markdown", is_reading),
        ("--strict", command != "tokenize"),
        ("--name-emoji", command != "tokenize"),
        ("--json", matches!(command, "normalize" | "tokenize")),
    ] {
        if takes && random.one_in(4) {
            run.arg(flag);
        }
    }
    match random.below(3) {
        0 if !is_long => {
            run.arg("-t").arg(&text);
        }
        1 => {
            run.arg("-f").arg("text.txt");
        }
        _ => run.input = Input::Bytes(bytes.clone()),
    }
    run.text = text.len().max(bytes.len());
    run.is_long = is_long || run.text > 2000;
    spice(random, &mut run);
    case.write("text.txt", bytes);
    case.run(run).map(drop)
}

/// Puts files of all kinds where flags may name them.
fn furnish(case: &mut Case) {
    let voices = fixtures().join("voices");
    case.copy(&voices.join("f16.pt"), "voice.pt");
    case.copy(&voices.join("f32.npy"), "voice.npy");
    case.copy(&fixtures().join("samples/speech.wav"), "sample.wav");
    case.copy(&fixtures().join("tiny/expected/decode-codes.safetensors"), "codes.safetensors");
    case.write("text.txt", "你好，世界。\nHello there.\n");
    case.write(
        "rows.jsonl",
        "{\"text\": \"你好。\", \"id\": \"a\"}\n{\"text\": \"x\", \"role\": \"voice.pt\"}\n",
    );
    case.write("menu.csv", "id,text,role,speed\nwelcome,\"你好。\",2222,\nhold,\"Hello.\",4099,4\n");
    case.write("roles.toml", ROLES);
    case.write("homophones.json", "{\"好\": \"郝\"}");
    fs::create_dir_all(case.path("made")).unwrap();
}

const ROLES: &str = "# mine\n[roles.anna]\nseed = 2222\nnote = \"calm\"\n\n[roles.berta]\nseed = \"torch-f16:4099\"\n\n\
    [roles.7]\nmix = [[\"anna\", 0.7], [\"berta\", 0.3]]\n";

fn any_flags(case: &mut Case) -> Outcome {
    furnish(case);
    case.copy(&tiny_model(), "model");
    pipe(&case.path("fifo"));
    let lab = case.lab;
    let known = match case.random.below(3) {
        0 => lab.commands.iter().find(|known| known.words == ["synth"]).unwrap(),
        _ => &lab.commands[case.random.below(lab.commands.len())],
    };
    let args = flags::line(&mut case.random, known);
    let mut run = Run::new(&args);
    // What flags name is waited for, if it is a pipe; what they ask for may be much.
    run.is_long = true;
    if case.random.one_in(2) {
        run.input = Input::Bytes("你好。\n".into());
    }
    spice(&mut case.random, &mut run);
    case.run(run).map(drop)
}

fn rows(random: &mut Random) -> Vec<Value> {
    const OUTS: &[&str] = &[
        "a.wav",
        "A.WAV",
        "a.flac",
        "b/c/d.wav",
        "folder.wav",
        "link/evil.wav",
        "../evil.wav",
        "/tmp/evil.wav",
        ".",
        "",
        "..",
        ".chattts-rs/ledger.jsonl",
        ".chattts-rs/x.wav",
        "locked/x.wav",
        "file/x.wav",
        "x.mp3",
        "CON.wav",
        "a:b.wav",
        "\u{1b}[31m.wav",
        "\u{202e}vaw.x",
        "a\nb.wav",
        "report.jsonl",
        "evil.wav",
        "...wav",
        "a\u{0}.wav",
        "~/x.wav",
        "out.raw",
    ];
    const ROLES: &[&str] = &[
        "2222",
        "none",
        "voice.pt",
        "fifo",
        "link.pt",
        "../outside/secret.txt",
        "../outside/secret.json",
        "../outside/secret.csv",
        "../outside/secret.pt",
        "../outside/secret.wav",
        "/proc/self/environ",
        "/proc/self/mem",
        "/dev/zero",
        "/dev/stdin",
        "/dev/tty",
        "/etc/shadow",
        "/etc/passwd",
        "mix:2222*0.5+/etc/passwd*0.5",
        "mix:2222*0.5+../outside/secret.pt*0.5",
        "made",
        "sample.wav",
        "\u{1b}[31m",
        "anna",
        "18446744073709551616",
        "rows.jsonl",
        "a\u{0}b",
    ];
    let mut rows = Vec::new();
    for number in 0..1 + random.below(8) {
        let mut row = json!({"text": content::text(random), "max_tokens": 5});
        for _ in 0..random.below(4) {
            let value = match random.below(6) {
                0 => json!(random.next() as i64),
                1 => json!(f64::from_bits(random.next())),
                2 => json!([null, {"a": [1e300]}]),
                3 => json!(random.one_in(2)),
                4 => Value::Null,
                _ => json!(content::value(random).to_string_lossy()),
            };
            let keys = chattts_rs::batch::manifest::Row::keys();
            row[keys[random.below(keys.len())]] = value;
        }
        row["max_tokens"] = json!(5);
        if random.one_in(2) {
            row["out"] = json!(match random.below(12) {
                0 => format!("{}.wav", "x".repeat(random.below(300))),
                1 => format!("{}x.wav", "d/".repeat(random.below(3000))),
                _ => random.pick(OUTS).into(),
            });
        }
        if random.one_in(2) {
            let key = random.pick(&["role", "voice", "voice_codes"]);
            row[key] = json!(random.pick(ROLES));
            row["role_text"] = if random.one_in(3) { json!("你好") } else { Value::Null };
        }
        if random.one_in(4) {
            let name = random.pick(ROLES).replace('\0', "");
            row["text"] = json!(format!("<speak><voice name=\"{name}\">你好</voice></speak>"));
            row["ssml"] = json!(true);
        }
        if random.one_in(3) {
            row["id"] = json!(format!("{number}/../\u{1b}"));
        }
        rows.push(row);
    }
    rows
}

fn manifest(case: &mut Case) -> Outcome {
    furnish(case);
    pipe(&case.path("fifo"));
    fs::create_dir_all(case.path("made/folder.wav")).unwrap();
    fs::create_dir_all(case.path("made/locked")).unwrap();
    set_mode(&case.path("made/locked"), 0o555);
    case.write("made/file", "mine");
    symlink(case.root.join("outside"), case.path("made/link")).unwrap();
    symlink(case.root.join("outside/secret.wav"), case.path("made/evil.wav")).unwrap();
    symlink(case.root.join("outside/secret.pt"), case.path("link.pt")).unwrap();
    let rows = rows(&mut case.random);
    let random = &mut case.random;
    let (name, mut bytes) = match random.below(4) {
        0 => ("rows.json", json!(rows).to_string().into_bytes()),
        1 => {
            let keys = ["id", "text", "role", "out", "seed", "speed"];
            let cell = |row: &Value, key: &str| {
                format!("\"{}\"", row[key].as_str().unwrap_or_default().replace('"', "\"\""))
            };
            let line = |row: &Value| keys.map(|key| cell(row, key)).join(",") + "\n";
            ("rows.csv", (keys.join(",") + "\n" + &rows.iter().map(line).collect::<String>()).into_bytes())
        }
        _ => ("rows.jsonl", rows.iter().map(|row| format!("{row}\n")).collect::<String>().into_bytes()),
    };
    match random.below(8) {
        0 => damage(random, &mut bytes),
        1 => bytes = distort(random, &String::from_utf8_lossy(&bytes)).into_bytes(),
        _ => {}
    }
    let mut run = Run::new(&[
        "synth",
        "-m",
        "noise",
        "-f",
        name,
        "--seed",
        "5",
        "--max-tokens",
        "5",
        "--out-dir",
        "made",
    ]);
    for more in [
        &["--report", "made/report.jsonl"][..],
        &["--json"],
        &["--resume"],
        &["--fail-fast"],
        &["--subtitles", "vtt"],
        &["--name", "{id}-{role}-{text}"],
        &["--dry-run"],
        &["--prune"],
        &["--json-input"],
        &["--ssml"],
        &["--voice-from-first"],
        &["--format", "flac"],
        &["--format", "mp3"],
        &["--format", "opus"],
        &["--speed", "1.5"],
    ] {
        if random.one_in(5) {
            run.args.extend(more.iter().map(OsString::from));
        }
    }
    // With it a pipe is waited for, as for any program that is told to read one.
    let allows_files = random.one_in(4);
    if allows_files {
        run.arg("--allow-files");
    }
    // A thousand sentences take long too.
    run.is_long = allows_files || bytes.len() > 4096;
    spice(random, &mut run);
    case.write(name, bytes);
    let ended = case.run(run)?;
    let files = fs::read_dir(case.root.join("work")).unwrap().count();
    match (ended.code(), files) {
        (Some(2), _) => Ok(()),
        _ if case.path("evil.wav").exists() || Path::new("/tmp/evil.wav").exists() => {
            Err("writes outside the folder".into())
        }
        _ => Ok(()),
    }
}

fn places(case: &mut Case) -> Outcome {
    furnish(case);
    let (made, outside) = (case.path("made"), case.root.join("outside"));
    let state = made.join(".chattts-rs");
    let secret = outside.join("secret.txt");
    let mut target = vec!["--out-dir", "made", "--resume"];
    match case.random.below(16) {
        0 => symlink(&outside, &state).unwrap(),
        kind @ 1..=6 => {
            fs::create_dir(&state).unwrap();
            let file = state.join(["lock", "ledger.jsonl"][kind % 2]);
            match kind {
                1 | 2 => symlink(&secret, &file).unwrap(),
                3 => pipe(&file),
                4 => fs::create_dir(&file).unwrap(),
                _ => {
                    let mut bytes = b"{\"name\":\"00000.wav\",\"key\":\"0\",\"sha256\":\"0\",\"bytes\":1,\"seconds\":1e999,\"seed\":0,\"time\":0}\n".repeat(3);
                    damage(&mut case.random, &mut bytes);
                    fs::write(&file, bytes).unwrap();
                }
            }
        }
        7 => symlink(outside.join("secret.wav"), made.join("00000.wav")).unwrap(),
        8 => fs::create_dir(made.join("00000.wav")).unwrap(),
        9 => set_mode(&made, 0o555),
        10 => set_mode(&made, 0o777),
        11 => set_mode(&made, 0),
        12 => symlink(&secret, case.path(".roles.toml.lock")).unwrap(),
        13 => {
            symlink(outside.join("secret.toml"), case.path("made.jsonl")).unwrap();
            target = vec!["--out-dir", "made", "--report", "made/.chattts-rs/ledger.jsonl"];
        }
        14 => target = vec!["--out", "made/deep/\u{1b}[31m/a.wav"],
        _ => {}
    }
    let lines = "你好，世界。\n".repeat(12);
    case.write("lines.txt", lines);
    let mut run = Run::new(
        &[&["synth", "-m", "noise", "-f", "lines.txt", "--seed", "5", "--max-tokens", "60"][..], &target]
            .concat(),
    );
    run.lists = true;
    let at = moment(&mut case.random, Duration::from_millis(250));
    match case.random.below(6) {
        0 => run.deed = Some((at, Box::new(|work| drop(fs::rename(work.join("made"), work.join("moved")))))),
        1 => run.deed = Some((at, Box::new(|work| drop(fs::remove_dir_all(work.join("made")))))),
        2 => {
            run.deed = Some((
                at,
                Box::new(|work| {
                    let _ = fs::rename(work.join("made"), work.join("moved"));
                    let _ = fs::create_dir(work.join("made"));
                }),
            ));
        }
        3 => {
            run.deed = Some((
                at,
                Box::new(|work| {
                    drop(fs::set_permissions(work.join("made"), fs::Permissions::from_mode(0o555)))
                }),
            ))
        }
        4 => run.limits.push(('f', 1 + case.random.below(60) as u64)),
        _ => {}
    }
    if run.deed.is_some() {
        // The list may be older than what happened then.
        run.lists = false;
    }
    case.run(run)?;
    let edit = case.random.pick(&["add", "remove", "list"]);
    let mut run = Run::new(&["roles", edit, "--roles", "roles.toml"]);
    match edit {
        "add" => {
            run.arg("clara").arg("17");
        }
        "remove" => {
            run.arg("anna");
        }
        _ => {}
    }
    case.run(run).map(drop)
}

fn streams(case: &mut Case) -> Outcome {
    furnish(case);
    let random = &mut case.random;
    let commands: &[&[&str]] = &[
        &["synth", "-m", "noise", "--max-tokens", "40", "-t", "你好", "-o", "-"],
        &["synth", "-m", "noise", "--max-tokens", "40", "-t", "你好", "--stream", "--format", "raw"],
        &["synth", "-m", "noise", "--max-tokens", "10", "-f", "text.txt", "--out-dir", "made"],
        &["synth", "-m", "noise", "--max-tokens", "10", "-f", "text.txt", "--out-dir", "made", "--json"],
        &["synth", "-m", "noise", "--max-tokens", "10", "-f", "rows.jsonl", "--out-dir", "made", "--dry-run"],
        &["synth", "-m", "noise", "--max-tokens", "10", "--out-dir", "made", "-f", "-"],
        &["normalize", "-f", "text.txt"],
        &["normalize", "--json", "-f", "-"],
        &["tokenize", "-m", "noise", "-f", "text.txt"],
        &["refine", "-m", "noise", "--max-tokens", "10"],
        &["roles", "list", "--roles", "roles.toml"],
        &["roles", "show", "--roles", "roles.toml", "anna"],
        &["completions", "zsh"],
        &["man"],
        &["--help"],
        &["synth", "--help"],
        &["decode", "-m", "noise", "--codes", "codes.safetensors", "-o", "-"],
        &["model", "path", "-m", "model"],
        &["devices"],
    ];
    let args = commands[random.below(commands.len())];
    let mut run = Run::new(args);
    run.output = match random.below(4) {
        0 => Output::Read,
        1 => Output::Full,
        2 => Output::Closed,
        _ => Output::Head(random.below(60)),
    };
    run.input = match random.below(6) {
        0 => Input::Closed,
        1 => Input::Place("/"),
        2 => Input::Place("/dev/zero"),
        3 => Input::Place("/dev/full"),
        4 => Input::Bytes(content::bytes(random)),
        _ => Input::Bytes("你好。\n".repeat(1 + random.below(2000)).into()),
    };
    run.is_long = true;
    let is_full = run.output == Output::Full;
    let is_help = args.contains(&"--help");
    let ended = case.run(run)?;
    match ended.code() {
        // Without a text there is nothing to write.
        Some(0) if is_full && !is_help && !args.contains(&"-") && args[0] != "refine" => {
            Err("calls it done, and nothing could be written".into())
        }
        _ => Ok(()),
    }
}

/// Signals at any time, then `--resume`: what is there in the end is what an undisturbed run makes.
fn signals(case: &mut Case) -> Outcome {
    let lists: &[(&str, usize, &[&str])] = &[
        ("今天天气很好，我们去公园。\n", 10, &["--max-tokens", "60"]),
        ("hello world, what is this\n", 16, &["--max-tokens", "30", "--format", "flac", "--batch-size", "2"]),
        (
            "好。\n",
            24,
            &["--max-tokens", "40", "--subtitles", "srt", "--sample-rate", "8000", "--dtype", "f32"],
        ),
        (
            "一二三。what is your name. \n",
            8,
            &["--max-tokens", "90", "--voice-from-first", "--trim", "--threads", "1"],
        ),
    ];
    let (line, count, more) = lists[case.random.below(lists.len())];
    case.write("lines.txt", line.repeat(count));
    let fixed = ["synth", "-m", "noise", "-f", "lines.txt", "--seed", "5", "--resume", "--out-dir"];
    let args = |folder: &'static str| [&fixed[..], &[folder], more].concat();
    let undisturbed = |folder| {
        let mut run = Run::new(&args(folder));
        run.codes = vec![0, 1];
        run.lists = true;
        run
    };
    let key = format!("{more:?}");
    let known = case.lab.whole.lock().unwrap().get(&key).cloned();
    let whole = match known {
        Some(whole) => whole,
        None => {
            let ended = case.run(undisturbed("whole"))?;
            let whole = case.made("whole");
            if whole.len() < count {
                return Err(format!("{} files of {count}: {}", whole.len(), ended.text()));
            }
            case.lab.whole.lock().unwrap().insert(key, whole.clone());
            whole
        }
    };
    for _ in 0..1 + case.random.below(3) {
        let mut run = Run::new(&args("made"));
        run.codes = vec![0, 1];
        let random = &mut case.random;
        let length = Duration::from_millis(*[60, 200, 500][random.below(3)..].first().unwrap());
        for _ in 0..1 + random.below(2) {
            let at = moment(random, length);
            match [
                libc::SIGTERM,
                libc::SIGINT,
                libc::SIGHUP,
                libc::SIGKILL,
                libc::SIGPIPE,
                libc::SIGXFSZ,
                libc::SIGSTOP,
            ][random.below(7)]
            {
                libc::SIGSTOP => {
                    let after = moment(random, Duration::from_millis(200));
                    run.signals.extend([(at, libc::SIGSTOP), (at + after, libc::SIGCONT)]);
                }
                signal => run.signals.push((at, signal)),
            }
        }
        match random.below(8) {
            0 => run.limits.push(('f', 1 + random.below(60) as u64)),
            1 => run.output = Output::Head(random.below(30)),
            2 => run.output = Output::Full,
            _ => {}
        }
        case.run(run)?;
        for (name, bytes) in case.made("made") {
            let is_part = name.to_string_lossy().starts_with(".chattts-");
            if !is_part && whole.get(&name) != Some(&bytes) {
                return Err(format!("{} is not what an undisturbed run makes", name.display()));
            }
        }
    }
    let ended = case.run(undisturbed("made"))?;
    let made = case.made("made");
    let differing: Vec<_> =
        whole.iter().filter(|(name, bytes)| made.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    let more: Vec<_> = made.keys().filter(|name| !whole.contains_key(*name)).collect();
    match differing.is_empty() && more.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "after --resume {differing:?} differ, and {more:?} should not be there: {}",
            ended.text()
        )),
    }
}

fn voices(case: &mut Case) -> Outcome {
    let voices = fixtures().join("voices");
    let random = &mut case.random;
    let wave: Vec<f32> = super::common::sample(4.0, 24_000);
    let (name, mut bytes) = match random.below(9) {
        0 => {
            let name = random.pick(&[
                "bf16.pt",
                "f16.pt",
                "f64.pt",
                "in-dict.pt",
                "old-f32.pt",
                "old-string.pt",
                "hostile.pt",
                "view.pt",
                "pickle2-string.pt",
                "pickle5-string.pt",
                "two.pt",
            ]);
            ("voice.pt", fs::read(voices.join(name)).unwrap())
        }
        1 => ("voice.npy", fs::read(voices.join("f32.npy")).unwrap()),
        2 => ("voice.txt", fs::read(voices.join("string.txt")).unwrap()),
        3 => (
            "voice.csv",
            (0..768).map(|i| format!("{},", f64::from(i) / 100.0)).collect::<String>().into_bytes(),
        ),
        4 => (
            "voice.json",
            json!((0..768).map(|i| f64::from(i) / 99.0).collect::<Vec<_>>()).to_string().into_bytes(),
        ),
        5 => ("voice.wav", chattts_rs::audio::wav(&wave, 24_000).unwrap()),
        6 => {
            let encoding =
                chattts_rs::audio::Encoding::new(chattts_rs::audio::Format::Flac, None, None).unwrap();
            ("voice.flac", chattts_rs::audio::encode(&wave, &encoding).unwrap())
        }
        7 => ("voice.mp3", fs::read(fixtures().join("audio/sweep.mp3")).unwrap()),
        _ => (
            "voice.safetensors",
            fs::read(fixtures().join("tiny/expected/decode-codes.safetensors")).unwrap(),
        ),
    };
    match random.below(10) {
        0 => {}
        1 if bytes.is_ascii() => bytes = distort(random, &String::from_utf8_lossy(&bytes)).into_bytes(),
        2 => bytes = format!("{CANARY}\n{CANARY},{CANARY}\n").repeat(1 + random.below(400)).into_bytes(),
        _ => damage(random, &mut bytes),
    }
    // Another kind than the name says.
    let name = if random.one_in(8) {
        random.pick(&["voice.pt", "voice.npy", "voice.wav", "voice.mp3", "voice.json", "voice"])
    } else {
        name
    };
    case.write(name, bytes);
    let random = &mut case.random;
    let mut run = match random.below(7) {
        0 => Run::new(&["roles", "import", name, "--name", "anna", "--roles", "roles.toml"]),
        1 => Run::new(&["roles", "add", "anna", name, "--roles", "roles.toml"]),
        2 => Run::new(&[
            "roles",
            "clone",
            "-m",
            "noise",
            "--wav",
            name,
            "--text",
            "你好",
            "--name",
            "anna",
            "--roles",
            "roles.toml",
        ]),
        3 => Run::new(&["roles", "export", name]),
        4 => Run::new(&["decode", "-m", "noise", "--codes", name, "-o", "made/a.wav"]),
        5 => Run::new(&[
            "synth",
            "-m",
            "noise",
            "-t",
            "好",
            "--max-tokens",
            "5",
            "-o",
            "made/a.wav",
            "--voice-codes",
            name,
            "--voice-text",
            "好",
        ]),
        _ => Run::new(&[
            "synth",
            "-m",
            "noise",
            "-t",
            "好",
            "--max-tokens",
            "5",
            "-o",
            "made/a.wav",
            "--role",
            name,
        ]),
    };
    if run.args[0] == "synth" && random.one_in(2) && !run.args.iter().any(|arg| arg == "--voice-codes") {
        run.arg("--role-text").arg("你好");
    }
    // Codes of minutes of speech.
    run.is_long = true;
    case.run(run)?;
    if case.path("roles.toml").exists() {
        let mut run = Run::new(&["roles", "list", "--json", "--roles", "roles.toml"]);
        run.codes = vec![0];
        case.run(run)?;
    }
    Ok(())
}

fn roles(case: &mut Case) -> Outcome {
    furnish(case);
    let random = &mut case.random;
    let mut bytes = ROLES.as_bytes().to_vec();
    for _ in 0..random.below(4) {
        match random.below(5) {
            0 => damage(random, &mut bytes),
            1 => bytes.extend(format!("[roles.{}]\nseed = 5\n", content::text(random)).into_bytes()),
            2 => bytes.extend(
                format!(
                    "[roles.x{}]\n{} = '{}'\n",
                    random.below(99),
                    random.pick(&["seed", "mix", "speaker", "note", "codes", "sed"]),
                    content::value(random).to_string_lossy()
                )
                .into_bytes(),
            ),
            3 => bytes.extend("[roles.anna]\nmix = [[\"anna\", 1.0]]\n".bytes()),
            _ => bytes = distort(random, &String::from_utf8_lossy(&bytes)).into_bytes(),
        }
    }
    let before = bytes.clone();
    let value = content::value(random);
    let value = if contains(value.as_bytes(), b"\0") { "x".into() } else { value };
    let mut run = match random.below(8) {
        0 => Run::new(&["roles", "list"]),
        1 => Run::new(&["roles", "show", random.pick(&["anna", "7", "berta"])]),
        2 => Run::new(&["roles", "add", "clara", "17", "--note"]),
        3 => Run::new(&["roles", "add"]),
        4 => Run::new(&["roles", "remove", random.pick(&["anna", "7", "berta", "x"])]),
        5 => Run::new(&["roles", "import", "roles.toml", "--name"]),
        6 => Run::new(&["roles", "export", "anna", "-m", "noise"]),
        _ => Run::new(&[
            "synth",
            "-m",
            "noise",
            "--max-tokens",
            "5",
            "-t",
            "好",
            "-o",
            "made/a.wav",
            "--role",
            random.pick(&["anna", "7"]),
        ]),
    };
    match run.args.last().and_then(|arg| arg.to_str()) {
        Some("--note" | "--name") => {
            run.arg(&value);
        }
        Some("add") => {
            run.arg("--").arg(&value).arg("2222");
        }
        _ => {}
    }
    run.args.insert(
        run.args.iter().position(|arg| arg == "--").unwrap_or(run.args.len()),
        "--roles=roles.toml".into(),
    );
    case.write("roles.toml", bytes);
    if case.random.one_in(6) {
        run.limits.push(('f', 0));
    }
    let ended = case.run(run)?;
    let after = fs::read(case.path("roles.toml")).unwrap_or_default();
    match ended.status {
        Status::Code(0) => {
            let mut run = Run::new(&["roles", "list", "--json", "--roles", "roles.toml"]);
            run.codes = vec![0];
            case.run(run).map(drop)
        }
        _ if after == before => Ok(()),
        _ => Err("fails and changes the file of roles".into()),
    }
}

fn model(case: &mut Case) -> Outcome {
    furnish(case);
    let is_packed = case.random.one_in(3);
    let mut deed = None;
    if is_packed {
        fs::copy(&case.lab.packed, case.path("packed.safetensors")).unwrap();
        let mut bytes = fs::read(case.path("packed.safetensors")).unwrap();
        let random = &mut case.random;
        match random.below(4) {
            0 => damage(random, &mut bytes),
            1 => {
                // In the header, which says what lies where.
                let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
                let header = distort(random, &String::from_utf8_lossy(&bytes[8..8 + length]));
                let body = bytes.split_off(8 + length);
                bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &body].concat();
            }
            _ => {
                let kind = random.below(4);
                let at = moment(random, Duration::from_millis(300));
                let junk = random.bytes(5000);
                deed = Some((
                    at,
                    Box::new(move |work: &Path| {
                        use std::os::unix::fs::FileExt as _;
                        let path = work.join("packed.safetensors");
                        let file = fs::OpenOptions::new().write(true).open(&path);
                        let _ = match (kind, file) {
                            (0, Ok(file)) => file.set_len(4096),
                            (1, Ok(file)) => file.set_len(0),
                            (2, Ok(file)) => file.write_all_at(&junk, 1 << 20),
                            _ => fs::remove_file(&path),
                        };
                    }) as super::case::Deed,
                ));
            }
        }
        case.write("packed.safetensors", bytes);
    } else {
        case.copy(&tiny_model(), "model");
        let random = &mut case.random;
        let name = random.pick(&[
            "gpt/config.json",
            "gpt/config.json",
            "gpt/model.safetensors",
            "Embed.safetensors",
            "Decoder.safetensors",
            "DVAE.safetensors",
            "Vocos.safetensors",
            "spk_stat.safetensors",
            "tokenizer/tokenizer.json",
            "tokenizer/special_tokens_map.json",
            "tokenizer/tokenizer_config.json",
        ]);
        let name = format!("model/asset/{name}");
        let mut bytes = fs::read(case.path(&name)).unwrap();
        let random = &mut case.random;
        match random.below(8) {
            0 => bytes = b"<html>not found</html>".to_vec(),
            1..=4 if name.ends_with(".json") => {
                bytes = distort(random, &String::from_utf8_lossy(&bytes)).into_bytes()
            }
            1..=3 => {
                let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
                let header = distort(random, &String::from_utf8_lossy(&bytes[8..8 + length]));
                let body = bytes.split_off(8 + length);
                bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &body].concat();
            }
            4 => {
                // Weights of any size, and such as are no numbers.
                let from = random.below(bytes.len());
                let value = *[f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, -1e30]
                    .get(random.below(5))
                    .unwrap();
                let count = 1 + random.below(400);
                for chunk in bytes[from & !3..].chunks_exact_mut(4).take(count) {
                    chunk.copy_from_slice(&value.to_le_bytes());
                }
            }
            _ => damage(random, &mut bytes),
        }
        case.write(&name, bytes);
        if case.random.one_in(20) {
            fs::remove_file(case.path(&name)).unwrap();
            pipe(&case.path(&name));
        }
    }
    let which = if is_packed { "packed.safetensors" } else { "model" };
    let random = &mut case.random;
    let mut run = match random.below(if deed.is_some() { 3 } else { 9 }) {
        0..=2 => {
            Run::new(&["synth", "-f", "lines.txt", "--out-dir", "made", "--max-tokens", "80", "--seed", "5"])
        }
        3 => Run::new(&["tokenize", "-t", "你好 [laugh] x"]),
        4 => Run::new(&["refine", "-t", "你好", "--max-tokens", "9"]),
        5 => Run::new(&["model", "verify"]),
        6 => Run::new(&["model", "convert", "made/packed.safetensors"]),
        7 => Run::new(&["decode", "--codes", "codes.safetensors", "-o", "made/a.wav"]),
        _ => Run::new(&[
            "synth",
            "-t",
            "好",
            "-o",
            "made/a.wav",
            "--max-tokens",
            "9",
            "--role",
            "2222",
            "--no-decoder",
        ]),
    };
    run.arg("-m").arg(which);
    if random.one_in(4) && run.args[0] == "synth" {
        run.arg("--dtype").arg("f32");
    }
    run.deed = deed;
    case.write("lines.txt", "今天天气很好，我们去公园。\n".repeat(6));
    case.run(run).map(drop)
}

fn limits(case: &mut Case) -> Outcome {
    furnish(case);
    let random = &mut case.random;
    let commands: &[&[&str]] = &[
        &["synth", "-m", "noise", "-t", "你好", "--max-tokens", "24", "-o", "made/a.wav"],
        &["synth", "-m", "demo", "-t", "你好", "--max-tokens", "24", "-o", "made/a.wav"],
        &[
            "synth",
            "-m",
            "noise",
            "-f",
            "text.txt",
            "--max-tokens",
            "24",
            "--out-dir",
            "made",
            "--threads",
            "8",
        ],
        &["synth", "-m", "noise", "-f", "text.txt", "--max-tokens", "24", "--stream"],
        &["normalize", "-f", "text.txt"],
        &["tokenize", "-m", "noise", "-t", "你好"],
        &["refine", "-m", "noise", "-t", "你好", "--max-tokens", "9"],
        &["model", "noise", "made"],
        &["model", "convert", "made/p.safetensors", "-m", "noise"],
        &["roles", "add", "x", "sample.wav", "--roles", "roles.toml"],
        &[
            "roles",
            "clone",
            "-m",
            "noise",
            "--wav",
            "sample.wav",
            "--text",
            "你好",
            "--name",
            "x",
            "--roles",
            "roles.toml",
        ],
        &["model", "download", "-m", "someone/tiny"],
        &["decode", "-m", "noise", "--codes", "codes.safetensors", "-o", "made/a.wav"],
        &["man", "made"],
        &["--help"],
    ];
    let mut run = Run::new(commands[random.below(commands.len())]);
    let limit = match random.below(5) {
        0 | 1 => ('v', (120 + random.below(180) as u64) << 10),
        2 => ('u', 1 + random.below(12) as u64),
        3 => ('n', 8 + random.below(13) as u64),
        _ => ('f', random.below(100) as u64),
    };
    run.limits.push(limit);
    run.is_long = true;
    spice(random, &mut run);
    case.run(run).map(drop)
}

fn environment(case: &mut Case) -> Outcome {
    furnish(case);
    let random = &mut case.random;
    const VARIABLES: &[&str] = &[
        "HOME",
        "TMPDIR",
        "LANG",
        "LC_ALL",
        "RAYON_NUM_THREADS",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "CHATTTS_RS_CACHE",
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_TOKEN",
        "HF_HUB_OFFLINE",
        "HF_ENDPOINT",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "TERM",
        "COLUMNS",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "PATH",
        "CHATTTS_RS_GRAPHS",
        "RUST_MIN_STACK",
        "https_proxy",
        "HTTP_PROXY",
        "ALL_PROXY",
        "RUST_LOG",
        "OMP_NUM_THREADS",
        "CANDLE_NUM_THREADS",
        "CUDA_VISIBLE_DEVICES",
        "HF_HUB_DOWNLOAD_TIMEOUT",
    ];
    const VALUES: &[&str] = &[
        "",
        "0",
        "-1",
        "abc",
        "1",
        "99999999999999999999",
        "/dev/null",
        "/nowhere",
        "text.txt",
        "/",
        "\u{1b}[31m",
        "C",
        "zh_CN.GBK",
        "on",
        "off",
        "made",
        "../outside/secret.txt",
        "http://127.0.0.1:9",
        "http://[",
        "socks5://127.0.0.1:9",
        "file:///etc/passwd",
        "/dev/zero",
        ".",
        "\u{202e}\r\n",
    ];
    let commands: &[&[&str]] = &[
        &["synth", "-m", "noise", "-t", "你好", "--max-tokens", "9", "-o", "made/a.wav"],
        &["synth", "-m", "model", "-t", "你好", "--max-tokens", "9", "-o", "made/a.wav", "--role", "2222"],
        &["synth", "hello", "--max-tokens", "9"],
        &["roles", "list"],
        &["roles", "add", "anna", "2222"],
        &["model", "path"],
        &["model", "download"],
        &["model", "verify"],
        &["devices"],
        &["normalize", "-t", "第3届"],
        &["normalize", "--bogus\u{1b}[31m"],
        &["--help"],
    ];
    let args = commands[random.below(commands.len())];
    let mut run = Run::new(args);
    for _ in 0..1 + random.below(4) {
        let name = random.pick(VARIABLES);
        let value: Option<OsString> = match random.below(8) {
            0 => None,
            1 => Some(OsString::from_vec(random.bytes(9).into_iter().map(|b| b.max(1)).collect())),
            _ => Some(random.pick(VALUES).into()),
        };
        // Nothing leaves this machine.
        if name != "HF_ENDPOINT"
            || value.as_ref().is_some_and(|value| value.to_string_lossy().starts_with("http://127"))
        {
            run.env.push((name, value));
        }
    }
    // An environment may name an address at which nobody answers, where a few attempts are made.
    run.is_long = true;
    let is_colour = run.env.iter().any(|(name, value)| *name == "CLICOLOR_FORCE" && value.is_some());
    if is_colour {
        // The colours are asked for.
        run.env.push(("NO_COLOR", Some("1".into())));
        run.env.push(("CLICOLOR_FORCE", None));
    }
    case.copy(&tiny_model(), "model");
    case.run(run).map(drop)
}

fn hub(case: &mut Case) -> Outcome {
    let server = HubServer::start(tiny_model());
    server.serve_as(REPO);
    let random = &mut case.random;
    const FILES: &[&str] = &[
        "asset/gpt/model.safetensors",
        "asset/Embed.safetensors",
        "asset/Vocos.safetensors",
        "asset/tokenizer/tokenizer.json",
        "asset/gpt/config.json",
    ];
    for _ in 0..random.below(4) {
        let file = random.pick(FILES);
        match random.below(9) {
            0 => server.cut(file, random.below(100_000), 1 + random.below(2)),
            1 => server.refuse(file, [404, 403, 429, 500, 503, 302][random.below(6)], 1),
            2 => server.corrupt(file),
            3 => server.hide(file),
            4 => server.forge_etag(random.pick(&["../../x", "", "\u{1b}[31m", "a/b", "0123"])),
            5 => server.ignore_ranges(),
            6 => server.without_length(),
            7 => server.endless(file),
            _ => server.without_linked_etag(),
        }
    }
    let url = server.url();
    for round in 0..2 {
        let random = &mut case.random;
        let mut run = match random.below(3) {
            0 => Run::new(&["model", "download"]),
            1 => Run::new(&["synth", "-m", REPO, "-t", "你好", "--max-tokens", "5", "-o", "made/a.wav"]),
            _ => Run::new(&["tokenize", "-t", "你好"]),
        };
        run.env.push(("HF_ENDPOINT", Some(url.clone().into())));
        run.is_long = true;
        if round == 0 && random.one_in(3) {
            let at = moment(random, Duration::from_millis(400));
            run.signals.push((at, [libc::SIGKILL, libc::SIGTERM, libc::SIGINT][random.below(3)]));
        }
        case.run(run)?;
    }
    Ok(())
}
