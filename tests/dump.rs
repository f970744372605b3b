//! `--dump`, flag by flag, against what the reference computed for the same request.

mod common;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use common::{Program, fixtures, tiny_model};

fn tensors(path: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

/// The same names, shapes and types; integers equal, floats within 1e-5 of the reference's norm.
fn assert_equal(case: &str, found: &HashMap<String, Tensor>, expected: &HashMap<String, Tensor>) {
    let mut names: Vec<_> = expected.keys().collect();
    names.sort();
    let mut found_names: Vec<_> = found.keys().collect();
    found_names.sort();
    assert_eq!(found_names, names, "{case}");
    for name in names {
        let (found, expected) = (&found[name], &expected[name]);
        assert_eq!(found.shape(), expected.shape(), "{case}: {name}");
        assert_eq!(found.dtype(), expected.dtype(), "{case}: {name}");
        let values =
            |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (found, expected_values) = (values(found), values(expected));
        if expected.dtype() == DType::I32 {
            assert_eq!(found, expected_values, "{case}: {name}");
        } else {
            let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
            let error = norm(&mut found.iter().zip(&expected_values).map(|(a, b)| a - b))
                / norm(&mut expected_values.iter().copied());
            assert!(error <= 1e-5, "{case}: {name}: {error:.2e}");
        }
    }
}

fn run(case: &str, args: &[&str]) -> common::Ran {
    let p = Program::new();
    let model = tiny_model();
    let ran =
        p.ok(&[args, &["--model", model.to_str().unwrap(), "--dtype", "f32", "--dump", "dump"]].concat());
    let expected = tensors(&fixtures().join(format!("tiny/expected/{case}.safetensors")));
    assert_equal(case, &tensors(&p.path("dump/00000.safetensors")), &expected);
    ran
}

fn synth(case: &str, text: &str, args: &[&str]) {
    run(case, &[&["synth", "--no-normalize", "--out", "a.wav", "--text", text], args].concat());
}

#[test]
fn every_flag_of_synth_means_what_it_means_to_the_reference() {
    synth(
        "synth-zh",
        "我们是一个人，大家好。",
        &["--seed", "42", "--role", "torch-f16:2", "--max-tokens", "64"],
    );
    synth(
        "synth-en",
        "hello world, what is your speech model",
        &["--seed", "7", "--role", "torch-f16:1111", "--prompt", "[speed_3]", "--max-tokens", "256"],
    );
    synth(
        "synth-no-speaker",
        "what is [uv_break]your model[laugh][lbreak]",
        &["--seed", "3", "--role", "none", "--max-tokens", "128"],
    );
    synth(
        "synth-sampling",
        "好",
        &[
            "--seed",
            "11",
            "--role",
            "torch-f16:2222",
            "--temperature",
            "0.8",
            "--top-p",
            "0.95",
            "--top-k",
            "50",
            "--repetition-penalty",
            "1.3",
            "--min-tokens",
            "70",
            "--max-tokens",
            "120",
        ],
    );
    synth(
        "synth-sampling",
        "好",
        &[
            "--seed",
            "11",
            "--role",
            "torch-f16:2222",
            "--temperature",
            "0.8,0.8,0.8,0.8",
            "--top-p",
            "0.95",
            "--top-k",
            "50",
            "--repetition-penalty",
            "1.3",
            "--min-tokens",
            "70",
            "--max-tokens",
            "120",
        ],
    );
    synth(
        "synth-stream-rng",
        "我们是一个人，大家好。",
        &["--seed", "5", "--rng", "stream", "--role", "torch-f16:2", "--max-tokens", "256"],
    );
    synth(
        "synth-dvae",
        "speech",
        &[
            "--seed",
            "21",
            "--role",
            "torch-f16:4444",
            "--no-decoder",
            "--max-tokens",
            "48",
            "--min-tokens",
            "40",
        ],
    );
    let codes = fixtures().join("tiny/expected/encode-tone.safetensors");
    synth(
        "synth-voice",
        "大家好",
        &[
            "--seed",
            "9",
            "--voice-codes",
            codes.to_str().unwrap(),
            "--voice-text",
            "我们",
            "--max-tokens",
            "96",
            "--min-tokens",
            "20",
        ],
    );
}

#[test]
fn refine_dumps_and_prints_what_the_reference_refines() {
    let ran = run(
        "refine-prompt",
        &[
            "refine",
            "--no-normalize",
            "--text",
            "大家好我们是一个人",
            "--prompt",
            "[oral_2][laugh_0][break_6]",
            "--seed",
            "8",
            "--max-tokens",
            "64",
        ],
    );
    let json = std::fs::read_to_string(fixtures().join("tiny/expected/refine-prompt.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(ran.out.trim_end_matches('\n'), json["text"].as_str().unwrap());
}

#[test]
fn decode_dumps_what_the_reference_decodes() {
    let codes = fixtures().join("tiny/expected/decode-codes.safetensors");
    run("decode-codes", &["decode", "--codes", codes.to_str().unwrap(), "--out", "a.wav"]);
}

#[test]
fn refining_before_speech_is_dumped_beside_it() {
    let p = Program::new();
    let args = [
        "synth",
        "-m",
        "noise",
        "-t",
        "你好",
        "--seed",
        "5",
        "-o",
        "a.wav",
        "--max-tokens",
        "9",
        "--refine",
        "--dump",
        "d",
    ];
    p.ok(&args);
    let refine = ["refine", "-m", "noise", "-t", "你好", "--seed", "5", "--dump", "r"];
    let refined = p.ok(&refine).out;
    let (both, alone) = (tensors(&p.path("d/00000.safetensors")), tensors(&p.path("r/00000.safetensors")));
    let ints = |t: &Tensor| t.to_dtype(DType::I64).unwrap().to_vec1::<i64>().unwrap();
    assert_eq!(ints(&both["refine_input_ids"]), ints(&alone["input_ids"]));
    assert_eq!(ints(&both["refine_token_ids"]), ints(&alone["token_ids"]));
    // What was refined is what is spoken.
    let again = [
        "synth",
        "-m",
        "noise",
        "--no-normalize",
        "-t",
        refined.trim_end_matches('\n'),
        "--seed",
        "5",
        "-o",
        "b.wav",
        "--max-tokens",
        "9",
    ];
    p.ok(&again);
    assert!(std::fs::read(p.path("a.wav")).unwrap() == std::fs::read(p.path("b.wav")).unwrap());
}
