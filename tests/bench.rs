//! `bench` measures what it says, and says it in numbers that fit each other.

mod common;

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Program, Ran, without_cards};
use serde_json::Value;

const QUICK: [&str; 7] = ["bench", "-m", "noise", "--tokens", "12", "--runs", "3"];

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The three numbers of a measurement, in order.
fn spread(result: &Value, name: &str) -> [f64; 3] {
    let [min, median, max] = ["min", "median", "max"].map(|part| number(&result[name][part]));
    assert!(0.0 < min && min <= median && median <= max, "{name}: {}", result[name]);
    [min, median, max]
}

fn near(left: f64, right: f64) -> bool {
    (left / right - 1.0).abs() < 1e-9
}

#[test]
fn rates_are_tokens_by_time() {
    let p = Program::new();
    let ran = p.ok(&[&QUICK[..], &["--dtype", "f32,q8", "--batch-size", "1,3", "--json", "-q"]].concat());
    assert_eq!(ran.err, "");
    let report = json(&ran);
    assert_eq!((&report["model"], &report["options"]["tokens"]), (&"noise".into(), &12.into()));
    assert!(number(&report["machine"]["threads"]) >= 1.0);
    let results = report["results"].as_array().unwrap();
    let what: Vec<_> = results.iter().map(|r| (r["dtype"].as_str(), r["batch_size"].as_u64())).collect();
    let all = |dtype| [(Some(dtype), Some(1)), (Some(dtype), Some(3))];
    assert_eq!(what, [all("f32"), all("q8")].concat());
    for result in results {
        let lines = number(&result["batch_size"]);
        assert_eq!((&result["weights"], &result["tokens"]), (&result["dtype"], &12.into()));
        // The first token of a line comes with its prompt.
        assert_eq!(number(&result["decode_tokens"]), 11.0 * lines);
        let [_, decode, _] = spread(result, "decode_s");
        let [_, rate, _] = spread(result, "decode_steps_per_s");
        assert!(near(rate, 11.0 * lines / decode), "{result}");
        let [fastest, _, slowest] = spread(result, "prefill_s");
        let [least, _, most] = spread(result, "prefill_positions_per_s");
        let positions = number(&result["positions"]);
        assert!(positions > 10.0 && near(least * slowest, positions) && near(most * fastest, positions));
        let [_, total, _] = spread(result, "total_s");
        let [_, factor, _] = spread(result, "real_time_factor");
        assert!(near(factor, total / (12.0 * lines / 46.875)), "{result}");
        let [slowest, _, _] = spread(result, "audio_s_per_s");
        assert!(near(slowest, 1.0 / spread(result, "real_time_factor")[2]));
        assert!(decode < total && spread(result, "render_share")[2] < 1.0, "{result}");
        assert!(spread(result, "render_s_per_token")[0] * 12.0 * lines < spread(result, "total_s")[2]);
        spread(result, "load_s");
        assert_eq!(result["first_sound_s"].is_null(), lines > 1.0, "of a single line only");
        if cfg!(target_os = "linux") {
            assert!(spread(result, "peak_memory_bytes")[0] > 1e6);
        }
        assert!(result["cold_start_s"].is_null(), "noise is made in memory");
    }
}

#[test]
fn a_cold_start_takes_longer_than_loading() {
    let p = Program::new();
    p.ok(&["model", "noise", "weights"]);
    let args = ["bench", "-m", "weights", "--tokens", "2", "--batch-size", "2", "--rounds", "2", "--json"];
    let result = &json(&p.ok(&args))["results"][0];
    let ([_, load, _], [_, start, _]) = (spread(result, "load_s"), spread(result, "cold_start_s"));
    assert!(load < start && start < load + 60.0, "{result}");
}

#[test]
fn the_table_has_a_line_for_each_measurement_below_machine_and_headings() {
    let p = Program::new();
    let ran = p.ok(&[&QUICK[..], &["--batch-size", "1,2"]].concat());
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 6, "{}", ran.out);
    assert!(lines[0].contains(" thread") && lines[1].starts_with("noise: prompts of "), "{}", ran.out);
    for heading in ["decode", "RTF", "first sound", "peak"] {
        assert!(lines[2].contains(heading), "{}", ran.out);
    }
    assert!(lines[3].contains("steps/s"), "{}", ran.out);
    assert!(lines[4].starts_with("q8") && lines[5].contains('–'), "{}", ran.out);
    assert!(ran.err.contains("model noise DIR"), "why there is no cold start: {}", ran.err);
}

#[test]
fn single_precision_agrees_with_itself_and_eight_bits_nearly() {
    let p = Program::new();
    let args = ["bench", "-m", "noise", "--precision", "--dtype", "f32,q8", "--tokens", "40"];
    let report = json(&p.ok(&[&args[..], &["--json"]].concat()));
    let lines = report["line_tokens"].as_array().unwrap();
    let tokens: f64 = lines.iter().map(number).sum();
    let [same, near] = report["results"].as_array().unwrap().as_slice() else { panic!("{report}") };
    for choices in ["arg_max", "drawn"] {
        assert_eq!(same[choices]["overall"], 1.0, "{report}");
        assert_eq!(same[choices]["per_codebook"], serde_json::json!([1.0, 1.0, 1.0, 1.0]));
        let books = near[choices]["per_codebook"].as_array().unwrap();
        let mean = books.iter().map(number).sum::<f64>() / 4.0;
        let overall = number(&near[choices]["overall"]);
        assert!((mean - overall).abs() < 1e-9 && (0.5..=1.0).contains(&overall), "{report}");
    }
    for divergence in same["divergence"].as_array().unwrap() {
        assert_eq!((&divergence["mean"], &divergence["max"]), (&0.0.into(), &0.0.into()));
    }
    assert_eq!(same["hidden_relative_rms"], 0.0);
    assert!(same["wave_snr_db"].is_null() && same["mel_snr_db"].is_null(), "nothing differs: {report}");
    assert!(number(&near["hidden_relative_rms"]) > 0.0);
    for divergence in near["divergence"].as_array().unwrap() {
        assert!(
            0.0 < number(&divergence["mean"]) && number(&divergence["mean"]) < number(&divergence["max"])
        );
    }
    // A line's end is a step that adds no token.
    let steps = number(&same["steps"]);
    assert!(tokens <= steps && steps <= tokens + lines.len() as f64, "{report}");

    let table = p.ok(&args).out;
    assert!(table.contains("100.0 100.0 100.0 100.0") && table.contains("T=0.3"), "{table}");
}

#[test]
fn without_weights_nothing_is_downloaded() {
    // Nobody listens there.
    let p = Program::new().env("HF_ENDPOINT", "http://127.0.0.1:9");
    let ran = p.run(&["bench", "--model", "2Noise/ChatTTS", "--offline"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("models--2Noise--ChatTTS"), "what is named is not replaced: {}", ran.err);
    let args = ["bench", "--tokens", "2", "--runs", "1", "--warm-up", "0", "--batch-size", "1", "--json"];
    let ran = p.ok(&args);
    assert!(ran.err.contains("noise-full") && !ran.err.contains("downloading"), "{}", ran.err);
    assert_eq!(json(&ran)["model"], "noise-full");
}

#[test]
fn bad_values_are_refused() {
    let p = Program::new();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--tokens", "1"], 2, "--tokens"),
        (&["--runs", "0"], 2, "--runs"),
        (&["--batch-size", "1,0"], 2, "--batch-size"),
        (&["--dtype", "f32,f7"], 2, "f7"),
        (&["--device", "tpu"], 2, "cuda:all are known"),
        (&["--device", "cuda:0,1"], 2, "works on one device"),
        (&["--threads", "0"], 2, "--threads"),
        (&["--seed", "-1"], 2, "--seed"),
        (&["--precision", "--runs", "3"], 2, "cannot be used with"),
        (&["--profile", "--precision"], 2, "cannot be used with"),
        (&["--profile", "--device", "cpu"], 2, "--profile times the kernels of NVIDIA cards"),
        (&["--model", "./nowhere"], 2, "does not exist"),
    ];
    let cards = without_cards().map(|said| {
        [
            (&["--device", "cuda", "--model", "noise"][..], 1, said),
            (&["--device", "cuda", "--model", "noise", "--precision"], 1, said),
        ]
    });
    for (args, code, message) in cases.iter().chain(cards.iter().flatten()) {
        let mut args = [&["bench"], *args].concat();
        if !args.contains(&"--model") {
            args.extend(["--model", "no-one/nothing", "--offline"]);
        }
        let ran = p.run(&args);
        assert_eq!(ran.code, Some(*code), "{args:?}: {ran:?}");
        assert!(
            ran.err.contains(message) && ran.err.matches("error: ").count() == 1,
            "{args:?}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{args:?}");
    }
}

/// The processes that measure for this one.
#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<u32> {
    let stat = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    // The field after the state, which follows the name in parentheses.
    let parent_of = |stat: String| stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(pid).and_then(parent_of) == Some(parent))
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_it_and_the_process_that_measures() {
    for (signal, code) in [("-INT", Some(130)), ("-TERM", Some(143)), ("-KILL", None)] {
        let p = Program::new();
        let mut bench = p
            .chattts()
            .args(["bench", "-m", "noise", "--tokens", "2000", "--runs", "1000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let until = |what: &str, holds: &dyn Fn() -> bool| {
            let start = Instant::now();
            while !holds() {
                assert!(start.elapsed() < Duration::from_secs(60), "{signal}: {what}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        until("a process that measures", &|| !children(bench.id()).is_empty());
        let child = children(bench.id())[0];
        let status = std::process::Command::new("kill").args([signal, &bench.id().to_string()]).status();
        assert!(status.unwrap().success());
        assert_eq!(bench.wait().unwrap().code(), code, "{signal}");
        until("the end of that process", &|| {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            // One that has ended and that nobody has asked about yet is a zombie.
            !stat.contains("chattts-rs") || stat.contains(") Z ")
        });
        let mut out = String::new();
        bench.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "", "{signal}");
    }
}
