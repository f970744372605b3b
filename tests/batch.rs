//! Many lines: the same bytes in any company, nothing done twice, nothing lost.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Program, finish, wav};
use serde_json::{Value, json};

/// Wave files in a folder and those below it: name → bytes.
fn waves(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if path.is_dir() {
            found.extend(waves(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else if name.ends_with(".wav") {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rows that differ in length, language, voice, refining and way of drawing.
fn rows() -> Vec<Value> {
    let texts = [
        "你好，世界。",
        "hello world, what is this",
        "好",
        "我们是一个人，大家好。今天说什么",
        "one two three",
    ];
    (0..40)
        .map(|i| {
            let mut row =
                json!({"id": format!("r{i}"), "text": texts[i % 5], "seed": i % 7, "max_tokens": 20 + i * 3});
            match i % 4 {
                1 => row["role"] = json!(format!("torch-f16:{i}")),
                2 => row["refine"] = json!(i % 8 == 2),
                3 => row["rng"] = json!("stream"),
                _ => {}
            }
            if i % 6 == 0 {
                row["decoder"] = json!(false);
            }
            if i % 9 == 4 {
                row["trim"] = json!(true);
                row["normalize_loudness"] = json!(-20 - i as i64 % 3);
            }
            if i % 13 == 5 {
                // Long enough to be spoken in pieces, which go through the model side by side.
                row["text"] = json!("今天天气很好。what is your name. ".repeat(24));
            }
            row
        })
        .collect()
}

fn manifest(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[test]
fn a_line_has_the_same_bytes_in_any_company_on_any_number_of_threads_and_in_any_order() {
    for dtype in ["f32", "q8"] {
        let p = Program::new();
        let rows = rows();
        p.write("rows.jsonl", manifest(&rows));
        // A fixed permutation: 17 has no factor in common with 40.
        let shuffled: Vec<Value> = (0..40).map(|i| rows[i * 17 % 40].clone()).collect();
        p.write("shuffled.jsonl", manifest(&shuffled));
        let speak = |file: &str, batch: &str, threads: &str| {
            let out = format!("{file}-{batch}-{threads}");
            p.spoken(&[
                "synth",
                "-m",
                "noise",
                "--json-input",
                "-f",
                file,
                "--out-dir",
                &out,
                "--name",
                "{id}.wav",
                "--batch-size",
                batch,
                "--threads",
                threads,
                "--dtype",
                dtype,
                "--seed",
                "1",
            ]);
            waves(&p.path(&out))
        };
        let alone = speak("rows.jsonl", "1", "1");
        assert_eq!(alone.len(), 40);
        for batch in ["1", "2", "3", "7", "16"] {
            for threads in ["1", "2"] {
                assert!(speak("rows.jsonl", batch, threads) == alone, "{dtype} {batch} {threads}");
            }
        }
        assert!(speak("shuffled.jsonl", "7", "2") == alone, "{dtype} shuffled");
    }
}

#[test]
fn only_what_changed_is_done_again_and_what_is_gone_can_be_removed() {
    let p = Program::new();
    let args = [
        "synth",
        "-m",
        "noise",
        "-f",
        "lines.txt",
        "--out-dir",
        "out",
        "--resume",
        "--max-tokens",
        "30",
        "--json",
    ];
    p.write("lines.txt", "one\ntwo\nthree\n");
    let status = |ran: common::Ran| -> Vec<String> {
        let mut records = records(&ran.out);
        records.sort_by_key(|record| record["index"].as_u64());
        records.iter().map(|record| record["status"].as_str().unwrap().to_string()).collect()
    };
    let first = p.spoken(&args);
    let sums = records(&first.out);
    assert!(status(first).iter().all(|s| s == "done" || s == "truncated"));
    for record in &sums {
        let bytes = fs::read(p.path(record["path"].as_str().unwrap())).unwrap();
        assert_eq!(record["sha256"], chattts_rs::speech::sha256(&bytes).as_str());
    }
    let before = waves(&p.path("out"));
    let again = p.ok(&[&args[..], &["-v"]].concat());
    assert!(!again.err.contains("loaded in"), "nothing to do, nothing loaded: {}", again.err);
    assert_eq!(status(again), ["skipped", "skipped", "skipped"]);

    p.write("lines.txt", "one\nTWO\nthree\nfour\n");
    let changed = status(p.spoken(&args));
    assert_eq!((changed[0].as_str(), changed[2].as_str()), ("skipped", "skipped"));
    assert!(changed[1] != "skipped" && changed[3] != "skipped", "{changed:?}");
    let after = waves(&p.path("out"));
    assert_eq!((&after["00000.wav"], &after["00002.wav"]), (&before["00000.wav"], &before["00002.wav"]));

    // Another parameter, another model, a file that was cut: done again.
    for more in [&["--role", "4099"][..], &["--dtype", "f32"], &["--trim"]] {
        let redone = status(p.spoken(&[&args[..], more].concat()));
        assert!(redone.iter().all(|s| s != "skipped"), "{more:?}: {redone:?}");
    }
    p.run(&args);
    fs::write(p.path("out/00002.wav"), b"RIFF").unwrap();
    let mended = status(p.spoken(&args));
    assert!(mended[2] != "skipped" && mended[0] == "skipped", "{mended:?}");

    fs::write(p.path("out/mine.wav"), b"not of any run").unwrap();
    p.write("lines.txt", "one\n");
    p.ok(&[&args[..], &["--prune"]].concat());
    assert_eq!(waves(&p.path("out")).into_keys().collect::<Vec<_>>(), ["00000.wav", "mine.wav"]);
}

#[test]
fn an_empty_list_does_not_remove_everything_and_auto_is_what_it_comes_to() {
    let p = Program::new();
    p.write("lines.txt", "one\n");
    let args = ["synth", "-m", "noise", "-f", "lines.txt", "--out-dir", "out", "--resume", "--prune"];
    p.spoken(&args);
    let ran = p.ok(&[&args[..], &["--dtype", "q8"]].concat());
    assert!(ran.out.is_empty(), "q8 is what auto is: {ran:?}");
    p.write("lines.txt", "");
    let ran = p.ok(&args);
    assert!(ran.err.contains("nothing was removed"), "{}", ran.err);
    assert_eq!(waves(&p.path("out")).len(), 1);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let p = Program::new();
    p.write("lines.txt", "one\ntwo\n");
    let args =
        ["synth", "-m", "noise", "-f", "lines.txt", "--out-dir", "out", "--resume", "--max-tokens", "20"];
    let ran = p.ok(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(ran.out, "speak\tout/00000.wav\tlines.txt:1\nspeak\tout/00001.wav\tlines.txt:2\n");
    assert!(!p.path("out").exists());
    p.spoken(&args);
    p.write("lines.txt", "one\ndeux\n");
    let ran = p.ok(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(ran.out, "skip\tout/00000.wav\tlines.txt:1\nspeak\tout/00001.wav\tlines.txt:2\n");
}

#[test]
fn names_follow_the_template_stay_in_the_folder_and_are_never_shared() {
    let p = Program::new();
    let rows = [
        json!({"text": "你好 world", "id": "a/../b"}),
        json!({"text": "hi", "id": "same"}),
        json!({"text": "ho", "id": "same"}),
        json!({"text": "x", "out": "sub/own.wav"}),
        json!({"text": "y", "out": "sub/own.wav"}),
        json!({"text": "z", "out": "../out.wav"}),
    ];
    p.write("rows.jsonl", manifest(&rows));
    let ran = p.run(&[
        "synth",
        "-m",
        "noise",
        "--json-input",
        "-f",
        "rows.jsonl",
        "--out-dir",
        "out",
        "--name",
        "{index:03}-{id}.wav",
        "--max-tokens",
        "20",
        "--seed",
        "3",
    ]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("rows.jsonl:5") && ran.err.contains("already the file of rows.jsonl:4"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("rows.jsonl:6") && ran.err.contains("2 of 6 utterances failed"), "{}", ran.err);
    let names: Vec<String> = waves(&p.path("out")).into_keys().collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(
        names.contains(&"001-same.wav".to_string()) && names.contains(&"sub/own.wav".to_string()),
        "{names:?}"
    );
    assert!(!p.path("out.wav").exists());
}

#[test]
fn a_bad_row_is_named_with_its_key_and_costs_itself_only() {
    let p = Program::new();
    p.write(
        "rows.jsonl",
        "{\"text\": \"one\"}\n{\"text\": \"two\", \"temprature\": 0.5}\nnot json\n{\"text\": \"three\", \"top_p\": 7}\n",
    );
    let args = [
        "synth",
        "-m",
        "noise",
        "--json-input",
        "-f",
        "rows.jsonl",
        "--out-dir",
        "out",
        "--max-tokens",
        "20",
    ];
    let ran = p.run(&[&args[..], &["--report", "report.jsonl"]].concat());
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("rows.jsonl:2") && ran.err.contains("temperature"), "{}", ran.err);
    assert!(ran.err.contains("rows.jsonl:3") && ran.err.contains("3 of 4 utterances failed"), "{}", ran.err);
    assert_eq!(waves(&p.path("out")).len(), 1);
    let report = records(&fs::read_to_string(p.path("report.jsonl")).unwrap());
    assert_eq!(report.iter().filter(|record| record["status"] == "failed").count(), 3);
    let done = report.iter().find(|record| record["index"] == 0).unwrap();
    assert!(done["seconds"].as_f64().unwrap() > 0.0 && done["tokens"].as_u64().unwrap() > 0, "{done}");
    // The first failure is the end where that is asked for.
    let fast =
        ["synth", "-m", "noise", "--json-input", "-f", "rows.jsonl", "--out-dir", "fast", "--fail-fast"];
    let ran = p.run(&fast);
    assert_ne!(ran.code, Some(0));
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let p = Program::new();
    p.write("lines.txt", "你好，世界。\n".repeat(3000));
    let args = ["synth", "-m", "noise", "-f", "lines.txt", "--out-dir", "out", "--seed", "5"];
    let mut first = p.chattts().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !p.path("out/00000.wav").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "no first file");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = p.run(&args);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.code, Some(75));
    assert!(second.err.contains("in use by process"), "{}", second.err);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_anywhere_leaves_whole_files_and_is_completed_by_another() {
    let p = Program::new();
    let lines: String =
        (0..60).map(|i| format!("{} 你好。\n", ["one", "two", "three", "four"][i % 4])).collect();
    p.write("lines.txt", lines);
    let args = |out: &str| -> Vec<String> {
        ["synth", "-m", "noise", "-f", "lines.txt", "--max-tokens", "25", "--resume", "-q", "--out-dir", out]
            .map(String::from)
            .to_vec()
    };
    let complete = |out: &str| p.spoken(&args(out).iter().map(String::as_str).collect::<Vec<_>>());
    complete("whole");
    let whole = waves(&p.path("whole"));
    for round in 0..100u64 {
        let out = format!("out{}", round / 10);
        let mut child =
            p.chattts().args(args(&out)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over the time that a run takes, in no order.
        std::thread::sleep(Duration::from_micros(3_000 + round * 7_919 % 97 * 1_500));
        child.kill().unwrap();
        child.wait().unwrap();
        if p.path(&out).exists() {
            for (name, bytes) in waves(&p.path(&out)) {
                assert!(bytes == whole[&name], "round {round}: {name}");
            }
        }
        if round % 10 == 9 {
            complete(&out);
            assert!(waves(&p.path(&out)) == whole, "completed after round {round}");
            assert_eq!(common::files_in(&p.path(&out)), whole.len(), "no part of a file is left");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_ends_the_run_with_whole_files_and_another_completes_it() {
    let p = Program::new().env("PROGRAM", env!("CARGO_BIN_EXE_chattts-rs"));
    let lines: String = (0..30).map(|i| format!("line {}\n", "abc ".repeat(i % 5 + 1))).collect();
    p.write("lines.txt", lines);
    let synth = "synth -m noise -f lines.txt --max-tokens 300 --resume --report report.jsonl --out-dir";
    // A limit on the size of a file stands in for the disk's end: writes fail in the middle of a file.
    let script = format!("trap '' XFSZ; ulimit -f 40; exec \"$PROGRAM\" {synth} out");
    let mut shell = p.command("bash");
    shell.args(["-c", &script]);
    let ran = finish(shell, b"");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("cannot write out/"), "{}", ran.err);
    records(&fs::read_to_string(p.path("report.jsonl")).unwrap());
    let args = |out: &'static str| -> Vec<&'static str> { synth.split(' ').chain([out]).collect() };
    p.spoken(&args("whole"));
    let whole = waves(&p.path("whole"));
    let partial = waves(&p.path("out"));
    assert!(partial.len() < whole.len() && partial.iter().all(|(name, bytes)| *bytes == whole[name]));
    assert_eq!(common::files_in(&p.path("out")), partial.len(), "no part of a file is left");
    p.spoken(&args("out"));
    assert!(waves(&p.path("out")) == whole);
}

#[test]
fn every_format_is_what_it_says() {
    let p = Program::new();
    let speak = |more: &[&str]| -> Vec<u8> {
        p.ok(&[&["synth", "-m", "noise", "-t", "你好", "--seed", "5", "-o", "-", "--max-tokens", "40"], more]
            .concat())
            .stdout
    };
    let plain = wav(&speak(&[])).1;
    let raw = speak(&["--format", "raw"]);
    let samples: Vec<i16> = raw.chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    assert_eq!(samples, plain);
    let flac = speak(&["--format", "flac"]);
    let samples: Vec<i16> =
        claxon::FlacReader::new(&flac[..]).unwrap().samples().map(|s| s.unwrap() as i16).collect();
    assert_eq!(samples, plain);
    for (format, tag) in [("ulaw", 7u8), ("alaw", 6)] {
        let file = speak(&["--format", format]);
        assert_eq!(
            (&file[..4], file[20], &file[24..28]),
            (&b"RIFF"[..], tag, &8000u32.to_le_bytes()[..]),
            "{format}"
        );
    }
    let opus = speak(&["--format", "opus"]);
    assert!(opus.starts_with(b"OggS") && opus.len() * 4 < raw.len(), "{} of {}", opus.len(), raw.len());
    let tagged = speak(&["--format", "mp3"]);
    assert!(tagged.windows(4).any(|four| four == b"Info") && tagged.len() * 2 < raw.len());
    let spec = |file: &[u8]| hound::WavReader::new(file).unwrap().spec();
    assert_eq!(spec(&speak(&["--bits", "24"])).bits_per_sample, 24);
    assert_eq!(spec(&speak(&["--bits", "32f"])).sample_format, hound::SampleFormat::Float);
    for bad in [
        &["--format", "flac", "--bits", "32f"][..],
        &["--format", "ulaw", "--bits", "16"],
        &["--format", "opus", "--bits", "16"],
        &["--format", "opus", "--sample-rate", "44100"],
        &["--format", "mp3", "--sample-rate", "9000"],
        &["--normalize-loudness", "5"],
    ] {
        let ran = p.run(&[&["synth", "-m", "noise", "-t", "x", "-o", "a"], bad].concat());
        assert_eq!(ran.code, Some(2), "{bad:?}: {ran:?}");
    }
    assert_ne!(wav(&speak(&["--normalize-loudness", "-30"])).1, plain);
}

#[test]
fn a_long_text_is_spoken_in_pieces_with_subtitles() {
    let p = Program::new();
    let text = "今天天气很好。".repeat(40);
    let args =
        ["synth", "-m", "noise", "-t", &text, "--seed", "5", "--max-tokens", "40", "--subtitles", "srt"];
    p.ok(&[&args[..], &["-o", "long.wav"]].concat());
    let srt = fs::read_to_string(p.path("long.srt")).unwrap();
    assert!(srt.contains("\n2\n") && srt.starts_with("1\n00:00:00,000 --> "), "{srt}");
    let seconds = wav(&fs::read(p.path("long.wav")).unwrap()).1.len() as f64 / 24_000.0;
    // Every piece was cut off at 40 tokens, 0.85 s; there are several.
    assert!(seconds > 1.0, "{seconds}");
    // Without splitting the sentences have their times all the same, estimated within the whole.
    p.ok(&[&args[..], &["-o", "one.wav", "--no-split"]].concat());
    assert!(fs::read_to_string(p.path("one.srt")).unwrap().contains("\n2\n"));
}

#[test]
fn the_speed_stretches_what_is_spoken_and_everything_that_tells_its_time() {
    let p = Program::new();
    p.write("rows.csv", "id,text,speed\nplain,你好。今天天气很好。,\nfast,你好。今天天气很好。,2\n");
    let args = [
        "synth",
        "-m",
        "noise",
        "-f",
        "rows.csv",
        "--out-dir",
        "out",
        "--name",
        "{id}",
        "--resume",
        "--json",
    ];
    let args = [&args[..], &["--seed", "5", "--max-tokens", "100", "--subtitles", "srt"]].concat();
    let first = records(&p.spoken(&args).out);
    let samples = |id: &str| wav(&fs::read(p.path(&format!("out/{id}.wav"))).unwrap()).1.len();
    assert_eq!(samples("fast"), samples("plain").div_ceil(2));
    let seconds =
        |id: &str| first.iter().find(|record| record["id"] == id).unwrap()["seconds"].as_f64().unwrap();
    assert!((seconds("plain") / seconds("fast") - 2.0).abs() < 1e-3);
    let end = |id: &str| -> f64 {
        let cues = fs::read_to_string(p.path(&format!("out/{id}.srt"))).unwrap();
        let end = cues.lines().rfind(|line| line.contains(" --> ")).unwrap().split(" --> ").nth(1).unwrap();
        end[6..].replace(',', ".").parse().unwrap()
    };
    assert!((end("plain") / end("fast") - 2.0).abs() < 0.01, "{} {}", end("plain"), end("fast"));
    let again = |more: &[&str]| -> Vec<Value> {
        records(&p.spoken(&[&args[..], more].concat()).out).iter().map(|r| r["status"].clone()).collect()
    };
    assert_eq!(again(&["--speed", "1"]), ["skipped", "skipped"], "1 is what is spoken without it");
    assert_eq!(again(&["--speed", "1.25"]).iter().filter(|status| *status == "skipped").count(), 1);
}

#[test]
fn a_line_that_is_cut_off_is_marked_and_told_by_the_exit_code() {
    let p = Program::new();
    p.write("lines.txt", "one two three\n你好，世界。\n");
    let args = ["synth", "-m", "noise", "-f", "lines.txt", "--out-dir", "out", "--seed", "5", "--json"];
    let ran = p.run(&[&args[..], &["--max-tokens", "3"]].concat());
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("2 of 2 utterances were cut off"), "{}", ran.err);
    assert!(records(&ran.out).iter().all(|record| record["status"] == "truncated"), "{}", ran.out);
    assert_eq!(waves(&p.path("out")).len(), 2);
}

#[test]
fn a_seed_that_ends_at_once_is_followed_by_the_next() {
    // With the end token as likely as any and nothing else to hold it back some seed draws it first.
    let p = Program::new();
    let rows: Vec<Value> = (0..60)
        .map(|i| json!({"text": "好", "seed": i, "temperature": 50, "top_p": 1, "top_k": 626, "max_tokens": 4}))
        .collect();
    p.write("rows.jsonl", manifest(&rows));
    let speak = |batch: &str| {
        let args = [
            "synth",
            "-m",
            "noise",
            "--json-input",
            "-f",
            "rows.jsonl",
            "--json",
            "--batch-size",
            batch,
            "--out-dir",
            batch,
        ];
        let mut records = records(&p.spoken(&args).out);
        records.sort_by_key(|record| record["index"].as_u64());
        records
            .into_iter()
            .map(|record| (record["seed"].as_u64().unwrap(), record["sha256"].to_string()))
            .collect::<Vec<_>>()
    };
    let alone = speak("1");
    assert!(alone.iter().enumerate().any(|(i, (seed, _))| *seed == i as u64 + 1), "no seed ended at once");
    assert!(alone == speak("16"));
}

#[test]
fn a_pipe_of_rows_is_a_batch_too() {
    let p = Program::new();
    let mut command = p.chattts();
    command.args([
        "synth",
        "-m",
        "noise",
        "--json-input",
        "--out-dir",
        "out",
        "--max-tokens",
        "20",
        "--seed",
        "1",
    ]);
    let ran = finish(command, b"{\"text\": \"one\", \"id\": 7}\n\n{\"text\": \"two\"}\n");
    assert!(matches!(ran.code, Some(0 | 1)) && !ran.err.contains("failed:"), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 2);
}
