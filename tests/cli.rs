//! The program from outside: what it writes, what it says, how it ends.

mod common;

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::hub_server::HubServer;
use common::{Program, tiny_model, wav, without_cards};

const HELLO: &str = "你好，世界。";

#[test]
fn a_text_becomes_a_wav_file_and_the_same_seed_the_same_one() {
    let p = Program::new();
    let ran = p.ok(&["synth", "--model", "noise", "--text", HELLO, "--seed", "5", "--out", "a.wav"]);
    assert_eq!(ran.out, "a.wav\n");
    assert!(ran.err.contains("speaks noise"), "{}", ran.err);
    let first = fs::read(p.path("a.wav")).unwrap();
    let (rate, samples) = wav(&first);
    assert_eq!(rate, 24_000);
    assert!(samples.iter().any(|s| s.unsigned_abs() > 100), "silent");

    p.ok(&["synth", "--model", "noise", HELLO, "--seed", "5", "-o", "b.wav", "--threads", "1"]);
    assert_eq!(fs::read(p.path("b.wav")).unwrap(), first, "the same seed");
    p.ok(&["synth", "--model", "noise", "-t", HELLO, "--seed", "6", "-o", "c.wav"]);
    assert_ne!(fs::read(p.path("c.wav")).unwrap(), first, "another seed");
    p.ok(&["synth", "--model", "noise", "-t", HELLO, "--seed", "5", "-o", "d.wav", "--role", "4099"]);
    assert_ne!(fs::read(p.path("d.wav")).unwrap(), first, "another voice");
    p.ok(&["synth", "--model", "noise", "-t", HELLO, "--seed", "5", "-o", "e.wav", "--role", "2222"]);
    assert_eq!(fs::read(p.path("e.wav")).unwrap(), first, "the default voice is the one --help names");
    let left = fs::read_dir(p.dir.path()).unwrap().count();
    assert_eq!(left, 5, "nothing but the files asked for");
}

#[test]
fn a_drawn_seed_is_printed_and_repeats_the_speech() {
    let p = Program::new();
    let ran = p.ok(&["synth", "--model", "noise", "-t", "hello", "-o", "a.wav"]);
    let seed = ran
        .err
        .lines()
        .rev()
        .find_map(|line| line.split("seed ").last()?.split(' ').next()?.parse::<u64>().ok());
    let seed = seed.expect("a seed on standard error").to_string();
    p.ok(&["synth", "--model", "noise", "-t", "hello", "-o", "b.wav", "--seed", &seed]);
    assert_eq!(fs::read(p.path("a.wav")).unwrap(), fs::read(p.path("b.wav")).unwrap());
}

#[test]
fn standard_output_carries_the_wav_alone() {
    let p = Program::new();
    let to_file = p.ok(&["synth", "--model", "noise", "-t", HELLO, "--seed", "5", "-o", "a.wav", "-q"]);
    assert_eq!(to_file.err, "");
    let ran = p.ok(&["synth", "--model", "noise", "-t", HELLO, "--seed", "5", "--out", "-"]);
    assert_eq!(ran.stdout, fs::read(p.path("a.wav")).unwrap());
}

#[test]
fn every_sample_rate_keeps_the_duration() {
    let p = Program::new();
    let seconds = |rate: u32| {
        let rate = rate.to_string();
        let ran = p.ok(&[
            "synth",
            "--model",
            "noise",
            "-t",
            HELLO,
            "--seed",
            "5",
            "-o",
            "-",
            "--sample-rate",
            &rate,
        ]);
        let (found, samples) = wav(&ran.stdout);
        assert_eq!(found.to_string(), rate);
        samples.len() as f64 / f64::from(found)
    };
    let native = seconds(24_000);
    for rate in [8_000, 16_000, 22_050, 44_100, 48_000] {
        assert!((seconds(rate) - native).abs() < 1e-3, "{rate} Hz");
    }
}

#[test]
fn a_file_of_forty_lines_becomes_forty_files_and_a_bad_line_costs_itself_only() {
    let p = Program::new();
    let mut text = Vec::from("\u{feff}第一句。\r\n\r\n".as_bytes());
    for i in 1..39 {
        text.extend(format!("line {}\n", "abc".repeat(i % 4 + 1)).bytes());
    }
    text.extend(b"broken \xff\xfe\nthe last, without an end");
    p.write("lines.txt", &text);
    let ran = p.run(&[
        "synth",
        "--model",
        "noise",
        "--file",
        "lines.txt",
        "--out-dir",
        "out/deep",
        "--seed",
        "5",
        "--max-tokens",
        "60",
    ]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("lines.txt:41: not UTF-8 at byte 8"), "{}", ran.err);
    assert!(ran.err.contains("1 of 41 utterances failed"), "{}", ran.err);
    let expected: Vec<String> =
        (0..41).filter(|i| *i != 39).map(|i| format!("out/deep/{i:05}.wav")).collect();
    // Lines come as they are finished.
    let mut written: Vec<&str> = ran.out.lines().collect();
    written.sort_unstable();
    assert_eq!(written, expected);
    for path in expected {
        assert!(!wav(&fs::read(p.path(&path)).unwrap()).1.is_empty());
    }
    assert_eq!(common::files_in(&p.path("out/deep")), 40);
}

#[test]
fn lines_of_a_pipe_are_joined_into_one_file() {
    let p = Program::new();
    let speak = |text: &str, out: &str| {
        p.ok(&["synth", "--model", "noise", "-t", text, "--seed", "5", "-o", out]);
        wav(&fs::read(p.path(out)).unwrap()).1
    };
    let separate = [speak("one", "1.wav"), speak("two", "2.wav")].concat();
    let args = ["synth", "--model", "noise", "--seed", "5", "-o", "both.wav"];
    assert_eq!(p.run_with_input(&args, b"one\n\ntwo\n").code, Some(0));
    assert_eq!(wav(&fs::read(p.path("both.wav")).unwrap()).1, separate);
}

#[test]
fn an_empty_input_is_an_error_where_a_file_was_asked_for() {
    let p = Program::new();
    let ran = p.run(&["synth", "--model", "noise", "-o", "a.wav"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("holds no text") && !p.path("a.wav").exists(), "{}", ran.err);
    assert_eq!(p.run(&["synth", "--model", "noise", "--out-dir", "out"]).code, Some(0));
}

#[test]
fn every_dropped_character_is_named() {
    let p = Program::new();
    let ran = p.ok(&[
        "synth",
        "--model",
        "noise",
        "-t",
        "总价是123元？한😀한",
        "--seed",
        "5",
        "-o",
        "a.wav",
        "--max-tokens",
        "20",
    ]);
    assert!(
        ran.err.contains("3 characters are not spoken: 한 (U+D55C) ×2 at character 9 ")
            && ran.err.contains("😀"),
        "{}",
        ran.err
    );
    let ran = p.run(&["synth", "--model", "noise", "-t", "？！", "--seed", "5", "-o", "b.wav"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nothing to speak"), "{}", ran.err);
    let ran =
        p.ok(&["synth", "--model", "noise", "-t", "？！", "--seed", "5", "-o", "b.wav", "--no-normalize"]);
    assert!(!ran.err.contains("not spoken"), "{}", ran.err);
}

#[test]
fn wrong_usage_is_told_before_any_model_is_looked_for() {
    let p = Program::new();
    // No model of this name can be had: whoever looked for it would fail with another code.
    let cases: &[(&[&str], &str)] = &[
        (&["synth", "-t", "x", "-o", "a.wav", "--out-dir", "d"], "cannot be used with"),
        (&["synth", "-t", "x", "-o", "a.wav", "--prompt", "[oral_2][speed_10]"], "[speed_0]…[speed_9]"),
        (&["synth", "-t", "x", "-o", "a.wav", "--prompt", "[oral_2]", "--no-refine"], "contradicts [oral_2]"),
        (&["synth", "-t", "x", "-o", "a.wav", "--refine", "--no-refine"], "cannot be used with"),
        (&["synth", "-t", "x", "-o", "a.wav", "--temperature", "0"], "temperature"),
        (&["synth", "-t", "x", "-o", "a.wav", "--temperature", "1,2"], "one per codebook (4)"),
        (&["synth", "-t", "x", "-o", "a.wav", "--top-p", "1.5"], "top-p"),
        (&["synth", "-t", "x", "-o", "a.wav", "--top-k", "-1"], "--top-k"),
        (&["synth", "-t", "x", "-o", "a.wav", "--seed", "abc"], "--seed"),
        (&["synth", "-t", "x", "-o", "a.wav", "--min-tokens", "9", "--max-tokens", "8"], "min-tokens"),
        (&["synth", "-t", "x", "-o", "a.wav", "--sample-rate", "100"], "sample-rate"),
        (&["synth", "-t", "x", "-o", "a.wav", "--role", "anna"], "torch-f16:N"),
        (&["synth", "-t", "x", "-o", "a.wav", "--role", "torch-f16:x"], "is no seed"),
        (&["synth", "-t", "x", "-o", "a.wav", "--voice-codes", "v.safetensors"], "--voice-text"),
        (&["synth", "-t", "x", "-o", "a.wav", "--device", "tpu"], "cuda:all are known"),
        (&["synth", "-t", "x", "-o", "a.wav", "--device", "cuda:0,1,1"], "cuda:1 is named twice"),
        (&["synth", "-t", "x", "--stream", "--device", "cuda:0,1"], "works on one device"),
        (&["refine", "-t", "x", "--device", "cuda:0,1"], "works on one device"),
        (&["roles", "preview", "2222", "-o", "a.wav", "--device", "cuda:0,1"], "works on one device"),
        (&["synth", "-t", "x", "-o", "a.wav", "--threads", "0"], "--threads"),
        (&["synth", "-t", "x", "-o", "."], "use --out-dir"),
        (&["synth", "-t", "x", "-o", "-", "--json"], "use --report"),
        (&["synth", "-t", "x", "-o", "a.wav", "--batch-size", "0"], "1 to 1024"),
        (&["synth", "-t", "x", "-o", "a.wav", "--name", "{id}.wav"], "--out-dir"),
        (&["synth", "-t", "x", "-o", "a.wav", "--resume"], "--out-dir"),
        (&["synth", "-t", "x", "--out-dir", "d", "--name", "../{id}.wav"], "name"),
        (&["synth", "-t", "x", "--out-dir", "d", "--name", "{who}.wav"], "who"),
        (&["synth", "-t", "x", "-o", "a.wav", "--model", "./nowhere"], "does not exist"),
        (&["refine", "-t", "x", "--prompt", "[speed_3]"], "steers speech"),
        (&["sinth"], "did you mean `synth`"),
        (&["decode", "-o", "a.wav"], "--codes"),
    ];
    for (args, message) in cases {
        let mut args = args.to_vec();
        if args[0] != "sinth" && !args.contains(&"--model") {
            args.extend(["--model", "no-one/nothing", "--offline"]);
        }
        let ran = p.run(&args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.err.contains(message), "{args:?}: {}", ran.err);
    }
    assert_eq!(fs::read_dir(p.dir.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn what_cannot_be_done_is_an_error_and_not_replaced() {
    let p = Program::new();
    let Some(said) = without_cards() else { return };
    for device in ["cuda", "cuda:1", "cuda:0,1", "cuda:all"] {
        let ran = p.run(&["synth", "--model", "noise", "-t", "x", "-o", "a.wav", "--device", device]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    p.write("file", "");
    let ran = p.run(&["synth", "--model", "noise", "-t", "x", "-o", "file/such/a.wav"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("file is not a folder"), "{}", ran.err);
    let ran = p.run(&["synth", "--model", "noise", "--file", "nowhere.txt", "-o", "a.wav"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("cannot read nowhere.txt"), "{}", ran.err);
    let long = "好".repeat(5000);
    let ran = p.run(&["synth", "--model", "noise", "-t", &long, "-o", "a.wav", "--no-split"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("too long") && !p.path("a.wav").exists(), "{}", ran.err);
}

#[test]
fn speech_that_is_cut_off_is_warned_about() {
    let p = Program::new();
    let ran =
        p.ok(&["synth", "--model", "noise", "-t", HELLO, "--seed", "5", "-o", "a.wav", "--max-tokens", "3"]);
    assert!(ran.err.contains("--max-tokens 3") && ran.err.contains("cut off"), "{}", ran.err);
}

#[test]
fn roles_come_as_seeds_strings_and_files() {
    let p = Program::new();
    let string = fs::read_to_string(common::fixtures().join("tiny/expected/speaker-2222.json")).unwrap();
    let string: serde_json::Value = serde_json::from_str(&string).unwrap();
    let string = string["speaker"].as_str().unwrap();
    p.write("anna.txt", format!("{string}\n"));
    p.write("plainly", format!("{string}\n"));
    p.write("torn.txt", string.chars().take(20).collect::<String>());
    let model = tiny_model();
    let speak = |role: &str| {
        let model = model.to_str().unwrap();
        p.run(&[
            "synth",
            "-m",
            model,
            "-t",
            HELLO,
            "--seed",
            "5",
            "-o",
            "-",
            "--max-tokens",
            "30",
            "--role",
            role,
        ])
    };
    let seed = speak("torch-f16:2222");
    assert_eq!(seed.code, Some(0), "{}", seed.err);
    assert_eq!(speak(string).stdout, seed.stdout, "a string");
    assert_eq!(speak("anna.txt").stdout, seed.stdout, "a file");
    assert_eq!(speak("plainly").stdout, seed.stdout, "a file without an ending");
    assert_ne!(speak("2222").stdout, seed.stdout, "another kind of seed");
    assert_eq!(speak("torch-f32:2222").stdout, speak("2222").stdout);
    assert_ne!(speak("none").stdout, seed.stdout);
    let torn = speak("torn.txt");
    assert_eq!(torn.code, Some(1));
    assert!(torn.err.contains("torn.txt: not a "), "{}", torn.err);
    // 64 values in a model of 64; noise-full takes 768.
    let ran = p.run(&["synth", "-m", "noise-full", "-t", "x", "-o", "a.wav", "--role", string]);
    assert!(ran.err.contains("64 values; this model takes 768"), "{}", ran.err);
}

#[test]
fn refining_prints_the_text_and_tags_switch_it_on_in_synth() {
    let p = Program::new();
    let refine =
        ["refine", "-m", "noise", "-t", HELLO, "--seed", "5", "--max-tokens", "12", "--prompt", "[oral_2]"];
    let ran = p.ok(&refine);
    assert_eq!(ran.out.lines().count(), 1);
    assert!(!ran.out.trim().is_empty());
    let synth =
        ["synth", "-m", "noise", "-t", HELLO, "--seed", "5", "-o", "a.wav", "--max-tokens", "12", "-v"];
    assert!(!p.ok(&synth).err.contains("refined:"));
    for more in [vec!["--prompt", "[oral_2][speed_3]"], vec!["--refine"]] {
        assert!(p.ok(&[&synth[..], &more].concat()).err.contains("refined:"), "{more:?}");
    }
}

#[test]
fn tokens_are_printed_as_ids_or_json() {
    let p = Program::new();
    let ran = p.ok(&["tokenize", "-m", "noise", "-t", "[Stts]你好[Ptts]", "-t", "hi", "--json"]);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["tokens"], serde_json::json!(["[Stts]", "你", "好", "[Ptts]"]));
    assert_eq!(lines[1]["text"], "hi");
    let ids: Vec<String> = lines[0]["ids"].as_array().unwrap().iter().map(|id| id.to_string()).collect();
    let plain = p.ok(&["tokenize", "-m", "noise", "[Stts]你好[Ptts]"]);
    assert_eq!(plain.out.trim(), ids.join(" "));
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let p = Program::new();
    let lines = "你好\n".repeat(50_000);
    p.write("lines.txt", lines);
    let mut child = p
        .chattts()
        .args(["tokenize", "-m", "noise", "--file", "lines.txt"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "the note on noise only");
}

#[cfg(unix)]
#[test]
fn a_signal_keeps_what_is_done_and_is_told_by_the_exit_code() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let p = Program::new();
        p.write("lines.txt", "你好，世界。\n".repeat(5000));
        let mut child = p
            .chattts()
            .args(["synth", "-m", "noise", "--file", "lines.txt", "--out-dir", "out", "--seed", "5"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !p.path("out/00001.wav").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "no second file");
            std::thread::sleep(Duration::from_millis(5));
        }
        let status =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let written = out.lines().count();
        assert!((2..5000).contains(&written), "{written}");
        for line in out.lines() {
            assert!(!wav(&fs::read(p.path(line)).unwrap()).1.is_empty());
        }
        assert_eq!(common::files_in(&p.path("out")), written, "no half-written file");
    }
}

#[test]
fn the_demo_says_that_it_does_not_refine() {
    let p = Program::new();
    for args in [
        ["synth", "-m", "demo", "-t", "x", "-o", "a.wav", "--refine"],
        ["refine", "-m", "demo", "-t", "x", "--seed", "1", "-q"],
    ] {
        let ran = p.run(&args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("not trained to rewrite"), "{}", ran.err);
    }
}

#[test]
fn a_written_demo_speaks_like_the_built_in_one() {
    let p = Program::new();
    assert_eq!(p.ok(&["model", "demo", "voice"]).out, "voice/asset\n");
    for (dtype, role) in [("q8", "2222"), ("f32", "none")] {
        let rest = ["-t", HELLO, "--seed", "5", "-o", "-", "--dtype", dtype, "--role", role];
        let speak = |model: &str| p.ok(&[&["synth", "-m", model], &rest[..]].concat()).stdout;
        assert_eq!(speak("voice"), speak("demo"), "{dtype}");
    }
    #[cfg(unix)]
    for file in ["gpt/config.json", "gpt/model.safetensors", "Embed.safetensors", "spk_stat.safetensors"] {
        let mode = fs::metadata(p.path("voice/asset").join(file)).unwrap().permissions();
        let usual = fs::metadata(p.write("usual", "")).unwrap().permissions();
        assert_eq!(mode, usual, "{file} is read by whom the umask says");
    }
    let again = p.ok(&["model", "demo", "voice"]);
    assert_eq!(again.out, "voice/asset\n");
    assert!(again.err.contains("holds this very model already"), "{}", again.err);
    p.write("voice/asset/gpt/config.json", "{}");
    let again = p.run(&["model", "demo", "voice"]);
    assert!(again.code == Some(1) && again.err.contains("is another model"), "{}", again.err);
    assert_eq!(fs::read_dir(p.path("voice")).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn written_noise_speaks_like_the_built_in_one() {
    let p = Program::new();
    let ran = p.ok(&["model", "noise", "weights"]);
    assert_eq!(ran.out, "weights/asset\n");
    let speak = |model: &str| p.ok(&["synth", "-m", model, "-t", HELLO, "--seed", "5", "-o", "-"]).stdout;
    let built_in = speak("noise");
    assert_eq!(speak("weights"), built_in);
    assert_eq!(speak("weights/asset"), built_in);
    assert_eq!(p.ok(&["model", "path", "-m", "weights"]).out, "weights/asset\n");
    let again = p.ok(&["model", "noise", "weights"]);
    assert!(again.err.contains("holds this very model already"), "{}", again.err);
    let again = p.run(&["model", "noise", "weights", "--seed", "9"]);
    assert!(again.code == Some(1) && again.err.contains("is another model"), "{}", again.err);
    p.ok(&["model", "noise", "other", "--seed", "9"]);
    assert_ne!(speak("other"), built_in);
    let ran = p.run(&["model", "verify", "-m", "weights"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("asset/Decoder.safetensors: differs"), "{}", ran.out);
}

#[test]
fn without_weights_and_network_one_error_names_files_places_and_ways_out() {
    let p = Program::new();
    for (args, code) in [(vec!["--offline"], 1), (vec![], 75)] {
        // Nobody listens there.
        let p = Program::new()
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .env("HF_HOME", p.path("hf").to_str().unwrap());
        let ran = p.run(&[&["synth", "-t", "x", "-o", "a.wav"], &args[..]].concat());
        assert_eq!(ran.code, Some(code), "{ran:?}");
        for part in [
            "asset/gpt/model.safetensors",
            "models--2Noise--ChatTTS",
            "--model DIR",
            "HF_ENDPOINT",
            "--model demo",
        ] {
            assert!(ran.err.contains(part), "{args:?}: {part} is not in: {}", ran.err);
        }
        assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    }
}

#[test]
fn weights_are_downloaded_once_and_then_used_without_network() {
    let server = HubServer::start(tiny_model());
    let p = Program::new().env("HF_ENDPOINT", &server.url());
    let args = ["synth", "-t", HELLO, "--seed", "5", "-o", "-", "--max-tokens", "20"];
    let first = p.ok(&args);
    assert!(first.err.contains("CC BY-NC 4.0") && first.err.contains("downloading"), "{}", first.err);
    assert!(first.err.contains("no default voice"), "what the hub serves is of another width: {}", first.err);
    let requests = server.requests().len();
    let second = p.ok(&[&args[..], &["--offline"]].concat());
    assert_eq!(second.stdout, first.stdout);
    assert!(!second.err.contains("downloading"), "{}", second.err);
    let third = p.ok(&args);
    assert_eq!((third.stdout, server.requests().len()), (first.stdout, requests), "the cache is enough");
    let path = p.ok(&["model", "path"]).out;
    assert!(path.contains("models--2Noise--ChatTTS/snapshots/"), "{path}");
    assert_eq!(p.ok(&["model", "download"]).out, path);
}

#[test]
fn candle_speaks_on_every_device_what_our_kernels_speak() {
    let p = Program::new();
    let ran = p.run(&["devices", "--check", "--backend", "candle"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "cpu      speaks as it should by candle\n"),
        "{ran:?}"
    );
    let ran = p.run(&["devices", "--check", "--backend", "candle", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let check = serde_json::json!({ "device": "cpu", "holds": true, "error": null });
    assert_eq!((ran.code, &json["checks"]), (Some(0), &serde_json::json!([check])));
    assert_eq!(p.run(&["devices", "--backend", "candle"]).code, Some(2));
}

#[test]
fn what_a_terminal_would_act_on_is_shown_in_messages_about_flags() {
    let p = Program::new();
    let hostile = "\u{1b}[31m\u{9b}2J\u{202e}x\r";
    let shown = "\\u{1b}[31m\\u{9b}2J\\u{202e}x\\r";
    let cases: [&[&str]; 5] = [
        &["normalize", &format!("--bogus{hostile}")],
        &["model", "verify", hostile],
        &["synth", "-t", "x", "--min-tokens", hostile],
        &["synth", "-t", "x", "--format", hostile],
        &["bench", "--model", "noise", hostile],
    ];
    for args in cases {
        let ran = p.run(args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(shown), "{ran:?}");
        assert!(!ran.err.contains(|c: char| c != '\n' && c.is_control() || c == '\u{202e}'), "{ran:?}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let mut command = p.chattts();
        command.arg("completions").arg(std::ffi::OsStr::from_bytes(b"\x1b[31m\xff"));
        let ran = common::finish(command, b"");
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(!ran.err.contains('\u{1b}') && ran.err.starts_with("error: "), "{ran:?}");
        assert_eq!(ran.err.matches("error: ").count(), 1, "{ran:?}");
    }
}
