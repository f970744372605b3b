//! What somebody tries who has read nothing yet, or comes from another program.

mod common;

use std::fs;
use std::process::Stdio;

use common::hub_server::HubServer;
use common::{Program, Ran, tiny_model, wav};

const NOISE: [&str; 6] = ["--model", "noise", "--seed", "5", "--max-tokens", "20"];

fn synth(p: &Program, args: &[&str]) -> Ran {
    p.run(&[&["synth"], args, &NOISE].concat())
}

fn synth_ok(p: &Program, args: &[&str]) -> Ran {
    p.spoken(&[&["synth"], args, &NOISE].concat())
}

/// Fails the test unless the program refuses this, says why, and leaves nothing behind.
fn refused(p: &Program, args: &[&str], reasons: &[&str]) {
    let before = fs::read_dir(p.dir.path()).unwrap().count();
    let ran = synth(p, args);
    assert!(matches!(ran.code, Some(1 | 2)), "{args:?}: {ran:?}");
    for reason in reasons {
        assert!(ran.err.contains(reason), "{args:?}: {reason:?} is not in {}", ran.err);
    }
    assert_eq!(fs::read_dir(p.dir.path()).unwrap().count(), before, "{args:?}");
}

fn begins(p: &Program, file: &str, magic: &[u8]) {
    let bytes = fs::read(p.path(file)).unwrap();
    assert!(bytes.starts_with(magic), "{file}: {:?}", &bytes[..4]);
}

#[test]
fn the_extension_chooses_the_format() {
    let p = Program::new();
    for file in ["a.flac", "a.wav", "a.WAV", "a", "a.ulaw", "a.pcm", "a.raw", "a.mp3", "a.opus", "a.ogg"] {
        synth_ok(&p, &["-t", "hello", "-o", file]);
    }
    begins(&p, "a.flac", b"fLaC");
    begins(&p, "a.mp3", b"\xff\xf3");
    begins(&p, "a.opus", b"OggS");
    assert_eq!(fs::read(p.path("a.opus")).unwrap(), fs::read(p.path("a.ogg")).unwrap());
    for file in ["a.wav", "a.WAV", "a", "a.ulaw"] {
        begins(&p, file, b"RIFF");
    }
    assert_eq!(fs::read(p.path("a.pcm")).unwrap(), fs::read(p.path("a.raw")).unwrap());
    assert_eq!(fs::read(p.path("a.ulaw")).unwrap()[20], 7, "the tag of µ-law");
    synth_ok(&p, &["-t", "hello", "-o", "a.dat", "--format", "flac"]);
    begins(&p, "a.dat", b"fLaC");
    synth_ok(&p, &["-t", "hello", "-o", "b.wav", "--format", "alaw"]);
    assert_eq!(fs::read(p.path("b.wav")).unwrap()[20], 6, "the tag of A-law");

    refused(
        &p,
        &["-t", "x", "-o", "c.flac", "--format", "wav"],
        &["would be flac by its name", "--format is wav"],
    );
    refused(&p, &["-t", "x", "-o", "c.m4a"], &["m4a is not built in", ".wav, .flac"]);
    refused(&p, &["-t", "x", "-o", "c.ogg", "--format", "wav"], &["c.ogg would be opus by its name"]);
    refused(&p, &["-t", "x", "-o", "c.foo"], &[".foo is no format", "--format"]);
    p.ok(&["roles", "preview", "2", "--model", "noise", "-o", "d.flac"]);
    begins(&p, "d.flac", b"fLaC");
}

#[test]
fn names_of_lines_choose_the_format_too() {
    let p = Program::new();
    p.write(
        "m.jsonl",
        "{\"text\": \"a\", \"out\": \"a.flac\"}\n{\"text\": \"b\", \"out\": \"b\"}\n{\"text\": \"c\", \"id\": \"c\"}\n",
    );
    synth_ok(&p, &["-f", "m.jsonl", "--out-dir", "d", "--name", "{id}"]);
    begins(&p, "d/a.flac", b"fLaC");
    begins(&p, "d/b", b"RIFF");
    begins(&p, "d/c.wav", b"RIFF");
    synth_ok(&p, &["-t", "a", "-t", "b", "--out-dir", "e", "--name", "{index}.flac"]);
    begins(&p, "e/0.flac", b"fLaC");
    synth_ok(&p, &["-t", "a", "-t", "b", "--out-dir", "e", "--name", "{index}", "--format", "flac"]);
    refused(&p, &["-t", "a", "--out-dir", "f", "--name", "{id}.m4a"], &["--name {id}.m4a", "not built in"]);
    p.write("bad.jsonl", "{\"text\": \"a\", \"out\": \"a.m4a\"}\n{\"text\": \"b\", \"out\": \"b.wav\"}\n");
    let ran = synth(&p, &["-f", "bad.jsonl", "--out-dir", "g", "--format", "flac"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("bad.jsonl:1: `out`: a.m4a: m4a is not built in"), "{}", ran.err);
    assert!(ran.err.contains("bad.jsonl:2: `out`: b.wav would be wav"), "{}", ran.err);
}

#[test]
fn a_text_alone_speaks_into_a_file_of_its_name() {
    let p = Program::new();
    let ran = p.ok(&[&["Hello, you!"], &NOISE[..]].concat());
    assert_eq!(ran.out, "Hello-you.wav\n");
    assert!(ran.err.contains("speaking with the model noise"), "{}", ran.err);
    let first = fs::read(p.path("Hello-you.wav")).unwrap();
    assert!(!wav(&first).1.is_empty());
    assert_eq!(synth_ok(&p, &["Hello, you!"]).out, "Hello-you-2.wav\n");
    assert_eq!(fs::read(p.path("Hello-you-2.wav")).unwrap(), first, "the same speech");
    assert_eq!(synth_ok(&p, &["-t", "../你好/", "--format", "flac"]).out, "你好.flac\n");
    p.write("my_notes.txt", "one\ntwo\n");
    assert_eq!(p.ok(&[&["-f", "my_notes.txt"], &NOISE[..]].concat()).out, "my_notes.wav\n");
    p.write("once.srt", "mine");
    assert_eq!(synth_ok(&p, &["once", "--subtitles", "srt"]).out, "once-2.wav\n");
    assert_eq!(fs::read(p.path("once.srt")).unwrap(), b"mine");
    for command in ["say", "speak", "tts"] {
        p.ok(&[&[command, "hi", "-o", "hi.wav"], &NOISE[..]].concat());
    }
    let ran = p.run_with_input(&[&["synth"], &NOISE[..]].concat(), b"from a pipe\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "from-a-pipe.wav\n"), "{ran:?}");
}

/// Waits until a run has begun its file.
fn wait_for_part(p: &Program) {
    let is_part = |entry: fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".part");
    for _ in 0..6000 {
        if fs::read_dir(p.dir.path()).unwrap().flatten().any(is_part) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("no file is begun");
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced_where_no_name_was_given() {
    let p = Program::new();
    let start = |more: &[&str]| {
        let mut command = p.chattts();
        // Long enough to be still at work when its file has begun.
        command.args(["synth", "hello", "world", "--model", "noise", "--seed", "5", "--max-tokens", "1500"]);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let run = start(&["--subtitles", "srt", "--json"]);
    wait_for_part(&p);
    // Not replaced but added: if the run were over, this would fail.
    fs::File::create_new(p.path("hello.wav")).unwrap();
    let ended = run.wait_with_output().unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{out} {}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(fs::read(p.path("hello.wav")).unwrap(), b"", "it stays as it is");
    assert!(!p.path("hello.srt").exists(), "subtitles of another name");
    for line in out.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["path"], "hello-2.wav");
    }
    assert_eq!(out.lines().count(), 2);
    assert!(!wav(&fs::read(p.path("hello-2.wav")).unwrap()).1.is_empty() && p.path("hello-2.srt").exists());

    // The same of two runs at once, and of subtitles alone.
    let runs = [start(&[]), start(&[])];
    wait_for_part(&p);
    let names = runs.map(|run| String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap());
    let mut names: Vec<&str> = names.iter().map(|name| name.trim_end()).collect();
    names.sort_unstable();
    assert_eq!(names, ["hello-3.wav", "hello-4.wav"]);
    let [one, other] = ["hello-3.wav", "hello-4.wav"].map(|name| fs::read(p.path(name)).unwrap());
    assert!(one == other && !wav(&one).1.is_empty());
    let run = start(&["--subtitles", "vtt"]);
    wait_for_part(&p);
    fs::File::create_new(p.path("hello-5.vtt")).unwrap();
    assert_eq!(run.wait_with_output().unwrap().stdout, b"hello-6.wav\n");
    assert_eq!(fs::read(p.path("hello-5.vtt")).unwrap(), b"");
    assert!(!p.path("hello-5.wav").exists());
    assert!(
        !fs::read_dir(p.dir.path())
            .unwrap()
            .flatten()
            .any(|e| e.file_name().to_string_lossy().ends_with(".part"))
    );
}

#[cfg(unix)]
#[test]
fn a_finished_file_is_played_by_the_first_player_that_is_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let p = Program::new();
    let bin = p.path("bin");
    fs::create_dir(&bin).unwrap();
    let p = p.env("PATH", bin.to_str().unwrap());
    let player = |name: &str, code: i32| {
        let path = bin.join(name);
        let script = "for word in \"$@\"; do echo \"$word\"; done > \"$0.played\";";
        fs::write(&path, format!("#!/bin/sh\n{script}\necho noise\nexit {code}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let played = |name: &str| fs::read_to_string(bin.join(format!("{name}.played"))).unwrap_or_default();

    refused(&p, &["hello", "--play"], &["no player", "pw-play, paplay, aplay, afplay, ffplay, play"]);
    player("ffplay", 0);
    player("play", 7);
    let ran = synth_ok(&p, &["hello", "--play"]);
    assert_eq!(ran.out, "hello.wav\n", "the player's own words are not among the files");
    assert!(ran.err.contains("playing with") && ran.err.contains("/ffplay"), "{}", ran.err);
    assert_eq!(played("ffplay"), "-nodisp\n-autoexit\n./hello.wav\n");
    player("aplay", 0);
    synth_ok(&p, &["hello", "--play", "-o", "d/-a.wav"]);
    assert_eq!(played("aplay"), "./d/-a.wav\n");
    // This one takes all that is not WAV for samples.
    synth_ok(&p, &["hello", "--play", "-o", "a.flac"]);
    assert!(played("ffplay").ends_with("./a.flac\n") && !played("aplay").contains("flac"));

    player("pw-play", 3);
    let before = fs::read(p.path("hello.wav")).unwrap();
    let ran = synth(&p, &["hello", "--play", "-o", "hello.wav"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("/pw-play failed") && ran.err.contains("the file is whole"), "{}", ran.err);
    assert_eq!((fs::read(p.path("hello.wav")).unwrap(), ran.out.as_str()), (before, "hello.wav\n"));
    refused(&p, &["hello", "--play", "--out-dir", "e"], &["--play", "--out-dir"]);
    refused(&p, &["hello", "--play", "-o", "-"], &["--play", "standard output"]);
    refused(&p, &["hello", "--play", "-o", "a.raw"], &["--play", "raw"]);
}

#[test]
fn weights_are_not_downloaded_unasked() {
    let server = HubServer::start(tiny_model());
    let p = Program::new().env("HF_ENDPOINT", &server.url());
    for args in [vec!["hello"], vec!["synth", "hello"], vec!["hello", "-o", "a.wav"], vec!["-t", "hello"]] {
        let ran = p.run(&args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        for said in ["2Noise/ChatTTS", "1.1 GB", "--model demo", "chattts-rs model download", "CC BY-NC 4.0"]
        {
            assert!(ran.err.contains(said), "{args:?}: {said} is not in {}", ran.err);
        }
        assert_eq!(ran.err.lines().filter(|line| line.starts_with("seed")).count(), 0);
    }
    assert_eq!(server.requests().len(), 0);
    assert_eq!(fs::read_dir(p.dir.path()).unwrap().count(), 0);
    // What is asked for, by its name or by a file to write, is downloaded as ever.
    p.spoken(&["hello", "--model", "2Noise/ChatTTS", "--max-tokens", "20"]);
    assert!(server.requests().len() > 1);
    let ran = p.spoken(&["hello", "--max-tokens", "20"]);
    assert!(ran.out.ends_with("hello-2.wav\n") && ran.err.contains("the model 2Noise/ChatTTS"), "{ran:?}");
}

#[test]
fn a_command_that_is_misspelt_or_out_of_place_is_not_spoken() {
    let p = Program::new();
    let cases: [(&[&str], &str); 5] = [
        (&["sinth", "hello"], "did you mean `synth`"),
        (&["rolse", "list"], "did you mean `roles`"),
        (&["--model", "noise", "roles", "list"], "the command goes before its flags"),
        (&["--list-voices"], "chattts-rs roles list"),
        (&["synth", "--list-voices"], "chattts-rs roles list"),
    ];
    for (args, said) in cases {
        let ran = p.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    assert_eq!(fs::read_dir(p.dir.path()).unwrap().count(), 0);
}

#[test]
fn flags_of_other_programs_mean_what_they_mean_there() {
    let p = Program::new();
    p.write("lines.txt", "hello\n");
    let speak = |args: &[&str]| synth_ok(&p, args).stdout;
    let plain = speak(&["-t", "hello", "-o", "-"]);
    assert_eq!(speak(&["--input", "lines.txt", "--output", "-"]), plain);
    assert_eq!(speak(&["-i", "lines.txt", "-w", "-"]), plain);
    assert_eq!(speak(&["-t", "hello", "-o", "-", "--language", "en"]), plain);
    let other = speak(&["-t", "hello", "-o", "-", "--role", "4099"]);
    assert_ne!(other, plain);
    for flag in ["--voice", "--speaker"] {
        assert_eq!(speak(&["-t", "hello", "-o", "-", flag, "4099"]), other);
    }
    let slow = speak(&["-t", "hello", "-o", "-", "--prompt", "[speed_0]"]);
    assert_ne!(slow, plain);
    assert_eq!(speak(&["-t", "hello", "-o", "-", "--prompt", "speed_0"]), slow);
    assert_eq!(speak(&["-t", "hello", "-o", "-", "--speed", "1"]), plain);
    let twice = wav(&speak(&["-t", "hello", "-o", "-", "--speed", "2"])).1;
    assert_eq!(twice.len(), wav(&plain).1.len().div_ceil(2));
    for speed in ["175", "0", "0.2", "fast"] {
        refused(
            &p,
            &["-t", "x", "-o", "a.wav", "--speed", speed],
            &["--speed", "from 0.25 to 4", "[speed_N] of a prompt"],
        );
    }
    refused(&p, &["-t", "x", "-o", "a.wav", "--voice-codes", "v.safetensors"], &["--voice-text"]);
}

#[test]
fn prompts_need_no_brackets() {
    let p = Program::new();
    let speak = |prompt: &str| synth_ok(&p, &["-t", "hello", "-o", "-", "--prompt", prompt]).stdout;
    assert_eq!(speak("oral_2 break_6"), speak("[oral_2][break_6]"));
    refused(
        &p,
        &["-t", "x", "-o", "a.wav", "--prompt", "speed_10"],
        &["unknown control tag speed_10", "[speed_9]"],
    );
}

#[test]
fn a_text_that_is_a_file_is_asked_about() {
    let p = Program::new();
    p.write("notes.txt", "hello\n");
    p.write("README", "hello\n");
    refused(&p, &["notes.txt"], &["--file notes.txt", "--text notes.txt"]);
    let ran = p.run(&["notes.txt", "--model", "noise"]);
    assert!(ran.code == Some(2) && ran.err.contains("--file notes.txt"), "{ran:?}");
    let ran = p.run(&["normalize", "notes.txt"]);
    assert!(ran.code == Some(2) && ran.err.contains("--file notes.txt"), "{ran:?}");
    synth_ok(&p, &["--text", "notes.txt", "-o", "a.wav"]);
    synth_ok(&p, &["README", "-o", "a.wav"]);
    synth_ok(&p, &["nowhere.txt", "-o", "a.wav"]);
}

#[test]
fn manifests_are_known_by_their_names_and_forms() {
    let p = Program::new();
    let csv = "id,text,seed\r\na,\"one, two\",5\r\nb,\"three\r\nfour\",6\r\n";
    let array = r#"[{"id": "a", "text": "one, two", "seed": 5},
 {"id": "b", "text": "three\r\nfour", "seed": 6}]"#;
    let lines = array.trim_matches(['[', ']']).replace(",\n", "\n");
    for (file, content) in
        [("m.csv", csv), ("m.json", array), ("m.jsonl", &lines), ("lines.json", &lines), ("m.CSV", csv)]
    {
        p.write(file, content);
        synth_ok(&p, &["-f", file, "--out-dir", "d", "--name", &format!("{file}-{{id}}.wav")]);
    }
    let first = |name: &str| fs::read(p.path("d").join(name)).unwrap();
    for file in ["m.json", "m.jsonl", "lines.json", "m.CSV"] {
        for id in ["a", "b"] {
            assert_eq!(first(&format!("{file}-{id}.wav")), first(&format!("m.csv-{id}.wav")), "{file}");
        }
    }
    for content in [csv, array, &lines] {
        let args =
            [&["synth", "--json-input", "--out-dir", "d", "--name", "piped-{id}"][..], &NOISE].concat();
        let ran = p.run_with_input(&args, content.as_bytes());
        assert!(ran.err.contains("2 spoken"), "{ran:?}");
        assert_eq!(first("piped-b.wav"), first("m.csv-b.wav"));
    }
    p.write("names.csv", "name,words\na,b\n");
    refused(&p, &["-f", "names.csv", "--out-dir", "e"], &["names.csv: ", "no column `text`"]);
    p.write("torn.csv", "text\n\"a\n");
    refused(&p, &["-f", "torn.csv", "--out-dir", "e"], &["torn.csv: line 2", "never closed"]);
    refused(&p, &["-f", "m.csv"], &["--out-dir", "--out"]);
    p.write("voice.csv", "text,voice\nhello,anna\n");
    let ran = synth(&p, &["-f", "voice.csv", "-o", "v.wav"]);
    assert!(ran.code == Some(1) && ran.err.contains("voice.csv:2") && ran.err.contains("`role`"), "{ran:?}");
}

#[test]
fn utf16_is_named_with_the_way_out() {
    let p = Program::new();
    let little: Vec<u8> = "\u{feff}hello\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = "\u{feff}hello\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        for file in ["u.txt", "u.csv"] {
            p.write(file, &bytes);
            refused(
                &p,
                &["-f", file, "-o", "a.wav"],
                &[&format!("{file} is UTF-16"), "iconv -f UTF-16 -t UTF-8"],
            );
        }
        let ran = p.run_with_input(&["normalize"], &bytes);
        assert!(ran.code == Some(1) && ran.err.contains("stdin is UTF-16"), "{ran:?}");
    }
}

#[test]
fn a_misspelt_control_token_is_warned_about() {
    let p = Program::new();
    for args in [vec!["-t", "one [uv_brake] two"], vec!["-t", "one [uv_brake] two", "--no-normalize"]] {
        let ran = synth_ok(&p, &[&args[..], &["-o", "a.wav"]].concat());
        let said = "warning: text: [uv_brake] at character 5 is no control token; did you mean [uv_break]?";
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    assert!(p.ok(&["normalize", "one [lauhg] two"]).err.contains("did you mean [laugh]?"));
    for text in ["one [uv_break] two", "see [1] and [sic]"] {
        assert!(!synth_ok(&p, &["-t", text, "-o", "a.wav"]).err.contains("control token"), "{text}");
    }
}

#[test]
fn the_report_goes_to_standard_output() {
    let p = Program::new();
    let ran = synth_ok(&p, &["-t", "a", "-t", "b", "--out-dir", "d", "--report", "-"]);
    let records: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record["path"].as_str().unwrap().starts_with("d/")), "{}", ran.out);
    assert!(!p.path("-").exists());
    refused(&p, &["-t", "a", "-o", "-", "--report", "-"], &["standard output carries the audio"]);
}

#[test]
fn a_drawn_seed_is_printed_where_something_was_spoken() {
    let p = Program::new();
    let seeds = |ran: &Ran| ran.err.lines().filter(|line| line.starts_with("seed ")).count();
    let speak = |args: &[&str]| p.run(&[&["synth", "--model", "noise", "--max-tokens", "20"], args].concat());
    assert_eq!(seeds(&speak(&["-t", "hello", "-o", "a.wav"])), 1);
    assert_eq!(seeds(&speak(&["-t", "hello", "-o", "a.wav", "--seed", "5"])), 0);
    assert_eq!(seeds(&speak(&["-t", "hello", "--stream"])), 1);
    assert_eq!(seeds(&speak(&["-t", "hello", "-o", "a.wav", "--dry-run"])), 0);
    let ran = speak(&["-t", "？！", "-o", "b.wav"]);
    assert_eq!((ran.code, seeds(&ran)), (Some(1), 0), "{ran:?}");
    let ran = p.run(&["synth", "-t", "x", "-o", "a.wav", "--offline"]);
    assert_eq!((ran.code, seeds(&ran)), (Some(1), 0), "{ran:?}");
}

#[test]
fn a_file_s_folder_is_made() {
    let p = Program::new();
    assert_eq!(synth_ok(&p, &["-t", "hello", "-o", "new/deep/a.wav"]).out, "new/deep/a.wav\n");
    assert!(p.path("new/deep/a.wav").exists());
    p.ok(&["roles", "preview", "2", "--model", "noise", "-o", "other/a.wav"]);
    assert!(p.path("other/a.wav").exists());
}

#[test]
fn help_begins_with_examples_and_the_short_one_is_short() {
    let p = Program::new();
    for args in [["synth", "-h"], ["synth", "--help"]] {
        let help = p.ok(&args).out;
        assert!(help.starts_with("Examples:\n  chattts-rs synth "), "{help}");
    }
    let short = p.ok(&["synth", "-h"]).out;
    assert!(short.lines().count() <= 60, "{} lines:\n{short}", short.lines().count());
    for flag in
        ["--text", "--file", "--out ", "--out-dir", "--role", "--speed", "--seed", "--model", "--resume"]
    {
        assert!(short.contains(flag), "{flag} is not in {short}");
    }
    let long = p.ok(&["synth", "--help"]).out;
    for heading in ["Input:", "Output:", "Voice:", "Generation:", "Model:", "Many lines:", "Exit codes:"] {
        assert!(long.contains(&format!("\n{heading}\n")), "{heading} is not in {long}");
    }
    assert!(long.contains("as they are finished"));
    assert!(p.ok(&["--help"]).out.starts_with("Examples:\n  chattts-rs \"Hello there.\""));
}
