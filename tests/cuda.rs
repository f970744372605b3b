//! The program on emulated cards: their source is that of the real ones, run on the processor.
#![cfg(feature = "cuda-emulator")]

mod common;

use common::{Program, Ran};
use serde_json::Value;

const CARDS: &str = "CHATTTS_RS_EMULATED_CARDS";

fn program(cards: &str) -> Program {
    Program::new().env(CARDS, cards)
}

fn lines(count: usize) -> String {
    (0..count).map(|i| format!("这是第{i}行。\n")).collect()
}

/// That all was spoken; that it was cut short, as it is everywhere here, ends with 1.
fn assert_spoken(ran: &Ran) {
    assert!(ran.err.contains("were out before the model ended"), "{}", ran.err);
    let others = ran.err.lines().filter(|line| line.starts_with("error:") && !line.contains("cut off"));
    assert_eq!(others.count(), 0, "{}", ran.err);
}

#[test]
fn devices_are_listed() {
    let p = program("2x512");
    let ran = p.run(&["devices"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let names: Vec<&str> = ran.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["cuda:0", "cuda:1", "cpu"]);
    assert!(ran.out.contains("0.5 of 0.5 GiB free, compute capability 8.0"), "{}", ran.out);
    let json: Value = serde_json::from_str(&p.run(&["devices", "--json"]).out).unwrap();
    assert_eq!(json["cuda"][1]["memory_total"], 512 << 20);
    assert!(json["cpu"]["instructions"].is_string());
}

#[test]
fn kernels_are_checked() {
    let ran = program("1").run(&["devices", "--check", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = json["checks"].as_array().unwrap();
    let named = |name: &str| checks.iter().any(|check| check["kernel"].as_str().unwrap().starts_with(name));
    for kernel in ["product f16", "attend bf16", "draw_tokens", "depthwise_norm f32", "inverse_fourier"] {
        assert!(named(kernel), "{kernel}: {}", ran.out);
    }
    assert!(checks.iter().all(|check| check["holds"] == true), "{}", ran.out);
    assert_eq!(
        json["trust"],
        serde_json::json!([
            { "device": "cuda:0", "holds": true, "without": [], "failures": [] }
        ])
    );
}

#[test]
fn a_card_that_does_not_compute_what_it_should_is_not_used_unawares() {
    let p = program("1").env("CHATTTS_RS_EMULATED_FAULT", "refused:all");
    let synth =
        ["synth", "--model", "noise", "-t", "你好", "-o", "a.wav", "--max-tokens", "2", "--seed", "1"];
    let on = |flags: &[&str]| p.run(&[&synth[..], flags].concat());
    let ran = on(&["--device", "auto"]);
    assert_spoken(&ran);
    assert!(
        ran.err.contains("on the processor, since no card can be used: device: emulated card 0"),
        "{}",
        ran.err
    );
    let ran = on(&["--device", "cuda"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("does not compute what it should: with all that makes it fast: "),
        "{}",
        ran.err
    );
    // Whoever asks for the kernels gets them, and what the card says.
    let ran = on(&["--device", "cuda", "--backend", "native"]);
    assert_eq!(ran.code, Some(75), "{}", ran.err);
    assert!(ran.err.contains("refuses, as it was told to") && !ran.err.contains("should"), "{}", ran.err);
    let ran = p.run(&["devices", "--json"]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["cuda"][0]["path"]["backend"], Value::Null, "{}", ran.out);
    assert_eq!(p.run(&["devices", "--check"]).code, Some(1));
}

#[test]
fn a_card_that_is_not_there_is_refused_and_auto_says_what_it_takes() {
    let p = program("2");
    let synth =
        ["synth", "--model", "noise", "-t", "你好", "-o", "a.wav", "--max-tokens", "2", "--seed", "1"];
    let on = |device: &str| p.run(&[&synth[..], &["--device", device]].concat());
    for device in ["cuda:2", "cuda:0,2"] {
        let ran = on(device);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("no emulated card 2"), "{}", ran.err);
    }
    let ran = on("auto");
    assert_spoken(&ran);
    assert!(ran.err.contains("on the card cuda:0"), "{}", ran.err);
    let types =
        |device: &str, dtype: &str| p.run(&[&synth[..], &["--device", device, "--dtype", dtype]].concat());
    for device in ["cuda", "auto"] {
        assert_spoken(&types(device, "q8"));
    }

    let ran = program("0").run(&[&synth[..], &["--device", "auto"]].concat());
    assert_spoken(&ran);
    assert!(
        ran.err.contains("on the processor, since no card can be used: device: no NVIDIA card"),
        "{}",
        ran.err
    );
    let ran = program("0").run(&[&synth[..], &["--device", "cuda:all"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
}

#[test]
fn texts_that_do_not_fit_are_refused_with_what_fits() {
    let synth = ["synth", "--model", "noise", "-f", "lines.txt", "--out-dir", "out", "--device", "cuda"];
    let with = |cards: &str, more: &[&str]| {
        let p = program(cards);
        p.write("lines.txt", lines(8));
        p.run(&[&synth[..], &["--max-tokens", "2", "--dtype", "f32"], more].concat())
    };
    // The weights alone take more.
    let ran = with("1x1", &["--batch-size", "1"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("out of memory"), "{}", ran.err);
    let ran = with("1x256", &["--batch-size", "1", "--memory-fraction", "0.0001"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("not even one text fits"), "{}", ran.err);
    let ran = with("1x256", &["--batch-size", "8", "--memory-fraction", "0.05"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let fits = ran.err.split("a batch size of ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let fits: usize = fits.parse().unwrap();
    assert!((1..8).contains(&fits), "{}", ran.err);
    let ran = with("1x256", &["--batch-size", &fits.to_string(), "--memory-fraction", "0.05"]);
    assert_spoken(&ran);
    // What is not asked for by number is as many as fit.
    let ran = with("1x256", &["--memory-fraction", "0.05"]);
    assert_spoken(&ran);
}

/// Speaks some lines with some more flags; each line's file, if there is one.
fn speak(p: &Program, count: usize, more: &[&str]) -> (Vec<Option<Vec<u8>>>, Ran) {
    p.write("lines.txt", lines(count));
    let synth = ["synth", "--model", "noise", "-f", "lines.txt", "--out-dir", "out", "--seed", "3"];
    let ran = p.run(&[&synth[..], more].concat());
    let waves = (0..count).map(|i| std::fs::read(p.path(&format!("out/{i:05}.wav"))).ok());
    (waves.collect(), ran)
}

#[test]
fn two_cards_speak_what_one_does() {
    let on = |device: &str, size: &str| {
        let flags = ["--device", device, "--batch-size", size, "--max-tokens", "12"];
        let (waves, ran) = speak(&program("2"), 6, &flags);
        assert_spoken(&ran);
        waves
    };
    let one = on("cuda:1", "1");
    assert!(one.iter().all(|wave| wave.as_ref().is_some_and(|wave| wave.len() > 44)));
    assert!(one == on("cuda:0,1", "2"), "a line's bytes depend on the lines beside it");
    assert!(one == on("cuda:all", "4"), "a line's bytes depend on the lines beside it");
}

#[test]
fn the_lines_of_a_card_that_fails_go_to_the_other() {
    let flags = ["--device", "cuda:all", "--batch-size", "2", "--max-tokens", "12"];
    let failing = |cards: &str, failure: &str| program(cards).env("CHATTTS_RS_EMULATED_FAILURE", failure);
    let (whole, ran) = speak(&program("2"), 6, &flags);
    assert_spoken(&ran);
    let (rescued, ran) = speak(&failing("2", "1:150"), 6, &flags);
    assert_spoken(&ran);
    assert!(ran.err.contains("cuda:1") && ran.err.contains("failed, as it was told to"), "{}", ran.err);
    assert!(whole.iter().all(Option::is_some) && whole == rescued, "{}", ran.err);
    // With nobody left to take them, the run ends with the card's words.
    let (_, ran) = speak(&failing("1", "0:150"), 6, &flags);
    assert_eq!(ran.code, Some(75), "{}", ran.err);
    assert!(ran.err.contains("failed, as it was told to"), "{}", ran.err);
}

#[test]
fn steps_ahead_and_recordings_change_nothing() {
    let with = |steps: &str, graphs: &str, size: &str| {
        let p = program("1").env("CHATTTS_RS_STEPS_AHEAD", steps).env("CHATTTS_RS_GRAPHS", graphs);
        let flags = ["--device", "cuda", "--batch-size", size, "--max-tokens", "21", "--rng", "stream"];
        let (waves, ran) = speak(&p, 5, &flags);
        assert_spoken(&ran);
        waves
    };
    let plain = with("1", "off", "1");
    assert!(plain.iter().all(Option::is_some));
    for (steps, graphs, size) in [("8", "on", "1"), ("8", "on", "3"), ("5", "off", "2"), ("1", "on", "2")] {
        assert!(plain == with(steps, graphs, size), "{steps} steps, graphs {graphs}, {size} texts at once");
    }
    // Shared tiles need wider products than these, and are compared kernel by kernel; an emulated card overlaps
    // nothing.
    let p = program("1").env("CHATTTS_RS_FUSED_NORMS", "off");
    let flags = ["--device", "cuda", "--batch-size", "3", "--max-tokens", "21", "--rng", "stream"];
    assert!(plain == speak(&p, 5, &flags).0, "without fused norms");
    let p = program("1").env("CHATTTS_RS_STEPS_AHEAD", "0");
    let (_, ran) = speak(&p, 1, &["--device", "cuda"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("CHATTTS_RS_STEPS_AHEAD=0: 1 to 64"), "{}", ran.err);
}

#[test]
fn weights_of_8_bits_speak_alone_as_among_others() {
    let p = program("1");
    let with = |dtype: &str, size: &str| {
        let flags = ["--device", "cuda", "--dtype", dtype, "--batch-size", size, "--max-tokens", "10"];
        speak(&p, 4, &flags).0
    };
    let alone = with("q8", "1");
    assert!(alone.iter().all(Option::is_some));
    assert!(alone == with("q8", "4"));
    assert!(alone != with("f16", "4"), "f16 was computed in place of q8");
}

#[test]
fn a_stream_is_the_whole() {
    let p = program("1");
    let synth = ["synth", "--model", "noise", "-t", "你好，世界。", "--device", "cuda", "--max-tokens", "60"];
    let more = ["--min-tokens", "60", "--seed", "4", "--no-split"];
    let whole = p.run(&[&synth[..], &more, &["-o", "a.wav"]].concat());
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let stream = p.run(&[&synth[..], &more, &["-o", "-", "--stream"]].concat());
    assert_eq!(stream.code, Some(0), "{}", stream.err);
    let file = std::fs::read(p.path("a.wav")).unwrap();
    assert_eq!(file[44..].len(), 2 * 256 * 119);
    assert!(stream.stdout.ends_with(&file[44..]), "{} and {} bytes", stream.stdout.len(), file.len());
}

#[test]
fn types_are_compared_with_the_processor_layer_by_layer() {
    let p = program("1");
    let ran =
        p.run(&["bench", "--precision", "--model", "noise", "--device", "cuda", "--tokens", "6", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let results = json["results"].as_array().unwrap();
    let bounds = [("f32", 1e-5), ("f16", 5e-3), ("bf16", 4e-2), ("q8", 3e-2), ("f16-kv8", 3e-2)];
    assert_eq!(results.len(), bounds.len());
    for (result, (dtype, bound)) in results.iter().zip(bounds) {
        assert_eq!(result["dtype"], dtype);
        for layer in result["layers"].as_array().unwrap() {
            let error = layer["relative_rms"].as_f64().unwrap();
            assert!(0.0 < error && error < bound, "{dtype}: {layer}");
        }
    }
    assert_eq!(results[0]["arg_max"]["overall"], 1.0);
    assert_eq!(results[0]["drawn"]["overall"], 1.0);
}

/// A number of a report.
fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name}: {value}"))
}

#[test]
fn a_profile_says_where_a_step_goes_and_what_it_must_take() {
    let p = program("1");
    let bench = ["bench", "--profile", "--model", "noise", "--device", "cuda", "--batch-size", "1,3"];
    let more = ["--tokens", "8", "--runs", "1", "--warm-up", "0"];
    let ran = p.run(&[&bench[..], &more, &["--dtype", "f16,f32", "--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let results = json["results"].as_array().unwrap();
    assert_eq!(results.iter().map(|r| r["dtype"].as_str()).collect::<Vec<_>>(), [Some("f16"), Some("f32")]);
    for result in results {
        let bandwidth = number(&result["ceilings"], "bytes_per_s");
        for (profile, lines) in result["profiles"].as_array().unwrap().iter().zip([1.0, 3.0]) {
            assert_eq!((number(profile, "batch_size"), number(profile, "steps")), (lines, 8.0));
            let parts = profile["parts"].as_array().unwrap();
            let kernels = profile["kernels"].as_array().unwrap();
            for list in [parts, kernels] {
                let sum = |name| list.iter().map(|entry| number(entry, name)).sum::<f64>();
                assert!((sum("share") - 1.0).abs() < 1e-9, "{profile}");
                assert!((sum("seconds") / number(profile, "kernels_s") - 1.0).abs() < 1e-9, "{profile}");
            }
            // 3 layers of 4 · 64 · 64 + 3 · 64 · 160 weights.
            let products = &parts[0];
            let weights = 3.0 * f64::from(4 * 64 * 64 + 3 * 64 * 160);
            let size = if result["dtype"] == "f16" { 2.0 } else { 4.0 };
            assert_eq!(number(&products["work"], "bytes"), weights * size, "{profile}");
            let floor = number(products, "floor");
            assert!(floor >= number(&products["work"], "bytes") / bandwidth * (1.0 - 1e-9), "{profile}");
            let over = number(products, "seconds") / floor;
            assert!((number(products, "over_floor") / over - 1.0).abs() < 1e-9, "{profile}");
            // Those of all lines by one launch.
            let drawn = kernels.iter().find(|kernel| kernel["part"] == "draw").unwrap();
            assert_eq!(number(drawn, "launches"), 1.0);
            if result["dtype"] == "f16" {
                // Five for each of three layers, heads and draw, which lays out what goes in next.
                let launches: f64 = kernels.iter().map(|kernel| number(kernel, "launches")).sum();
                assert_eq!(launches, 3.0 * 5.0 + 2.0, "{profile}");
            }
            assert!(number(profile, "step_floor_s") > 0.0 && number(profile, "length") > 10.0);
        }
    }

    let ran = p.run(&[&bench[..], &more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for what in ["measured at most", "over floor", "products", "draw_ahead"] {
        assert!(ran.out.contains(what), "{what}: {}", ran.out);
    }
    let ran = p.run(&["bench", "--profile", "--model", "noise", "--device", "cpu"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("--device cpu is the processor"), "{}", ran.err);
}
