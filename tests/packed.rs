//! Packed models: they speak as the files they were made from, and what is wrong with one is said.

mod common;

use std::fs;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use common::{Program, copy_folder, tiny_model, write_sample};

const SPEAK: [&str; 8] = ["-t", "你好，大家好", "--seed", "5", "--max-tokens", "40", "--min-tokens", "40"];

fn speak(p: &Program, model: &str, out: &str, more: &[&str]) -> Vec<u8> {
    p.ok(&[&["synth", "-m", model, "-o", out], &SPEAK[..], more].concat());
    fs::read(p.path(out)).unwrap()
}

#[test]
fn a_packed_model_speaks_as_the_one_it_was_made_from() {
    let p = Program::new();
    let model = tiny_model().display().to_string();
    write_sample(&p, "sample.wav", 4.0);
    for dtype in ["q8", "f32"] {
        let ran = p.ok(&["model", "convert", "packed", "-m", &model, "--dtype", dtype]);
        assert_eq!(ran.out.trim_end(), "packed");
        let plain = speak(&p, &model, "plain.wav", &["--dtype", dtype]);
        assert!(speak(&p, "packed", "a.wav", &[]) == plain, "{dtype} is what it is packed in");
        assert!(speak(&p, "packed", "b.wav", &["--dtype", dtype]) == plain);
        // What is loaded only when it is asked for: the head for text, both halves of the DVAE.
        let more = ["--dtype", dtype, "--refine"];
        assert!(speak(&p, "packed", "a.wav", &more) == speak(&p, &model, "b.wav", &more), "{dtype} refined");
        let sample = ["--dtype", dtype, "--role", "sample.wav", "--role-text", "你好", "--no-decoder"];
        let other = speak(&p, &model, "c.wav", &sample);
        assert!(other != plain && speak(&p, "packed", "d.wav", &sample) == other, "{dtype} cloned");
    }
    let ran = p.run(&[&["synth", "-m", "packed", "-o", "e.wav", "--dtype", "q8"], &SPEAK[..]].concat());
    assert!(ran.code == Some(2) && ran.err.contains("packed in f32"), "{ran:?}");
    let ran = p.run(&["model", "convert", "again", "-m", "packed"]);
    assert!(ran.code == Some(2) && ran.err.contains("packed model already"), "{ran:?}");
    assert_eq!(p.ok(&["model", "path", "-m", "packed"]).out.trim_end(), "packed");
    let quick = ["bench", "-m", "packed", "--tokens", "4", "--runs", "1", "--batch-size", "1", "--json"];
    let measured: serde_json::Value = serde_json::from_str(&p.ok(&quick).out).unwrap();
    assert_eq!(measured["results"][0]["weights"], "f32", "what it is packed in: {measured}");
}

#[test]
fn a_file_that_is_no_packed_model_is_refused() {
    let p = Program::new();
    let model = tiny_model().display().to_string();
    p.ok(&["model", "convert", "packed", "-m", &model]);
    let whole = fs::read(p.path("packed")).unwrap();
    let refused = |content: &[u8], part: &str| {
        p.write("bad", content);
        let ran = p.run(&[&["synth", "-m", "bad", "-o", "a.wav"], &SPEAK[..]].concat());
        assert!(ran.code == Some(1) && ran.err.contains(part) && ran.err.contains("bad"), "{part}: {ran:?}");
        assert!(!ran.err.contains("panicked") && !p.path("a.wav").exists(), "{}", ran.err);
    };
    for length in [0, 7, 8, 1000, 300_000, whole.len() - 1] {
        refused(&whole[..length], "truncated");
    }
    refused(b"not a safetensors file at all", "truncated or not a safetensors file");
    let plain = tiny_model().join("asset/Vocos.safetensors");
    refused(&fs::read(plain).unwrap(), "no packed model");
    let header = std::str::from_utf8(&whole[8..256 << 10]).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(header.contains(from) && from.len() == to.len(), "{from}");
        [&whole[..8], header.replace(from, to).as_bytes(), &whole[256 << 10..]].concat()
    };
    refused(&changed(r#""chattts-rs-packed":"1""#, r#""chattts-rs-packed":"9""#), "format 9");
    refused(&changed("gpt/layers.1.mlp.down_proj", "gpt/layers.1.mlp.gone_proj"), "down_proj");
    refused(&changed("q8 64 160", "q8 64 999"), "down_proj");
    refused(&changed("tokenizer/tokenizer.json", "tokenizer/tokenizer.gone"), "tokenizer.json");
}

/// The small checkpoint, its language model made large by a tensor that is there and never used.
fn large(p: &Program) -> PathBuf {
    let folder = p.path("large");
    copy_folder(&tiny_model(), &folder);
    let path = folder.join("asset/gpt/model.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let unused = Tensor::zeros((1 << 18, 64), DType::F32, &Device::Cpu).unwrap();
    tensors.insert("embed_tokens.weight".into(), unused);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    folder
}

#[test]
fn a_large_model_is_kept_packed_and_made_again_when_it_changes() {
    let p = Program::new().env("CHATTTS_RS_CACHE", "kept");
    let path = large(&p);
    let kept = || -> Vec<PathBuf> {
        let entries = fs::read_dir(p.path("kept/packed")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let first = speak(&p, "large", "a.wav", &[]);
    let [file] = &kept()[..] else { panic!("{:?}", kept()) };
    assert!(fs::metadata(file).unwrap().len() < 8 << 20, "what is not used is not kept");
    let ran = p.ok(&[&["synth", "-m", "large", "-o", "b.wav", "-v"], &SPEAK[..]].concat());
    assert!(!ran.err.contains("keeping"), "{}", ran.err);
    assert!(fs::read(p.path("b.wav")).unwrap() == first);
    // Another type is another file.
    let single = speak(&p, "large", "c.wav", &["--dtype", "f32"]);
    assert!(single != first && kept().len() == 2);
    // A damaged one is made anew.
    fs::write(file, b"damaged").unwrap();
    assert!(speak(&p, "large", "d.wav", &[]) == first && fs::metadata(file).unwrap().len() > 1000);
    // A checkpoint that changes is another one.
    let decoder = path.join("asset/Decoder.safetensors");
    let mut tensors = candle_core::safetensors::load(&decoder, &Device::Cpu).unwrap();
    let coef = (&tensors["coef"] * 0.5).unwrap();
    tensors.insert("coef".into(), coef);
    candle_core::safetensors::save(&tensors, &decoder).unwrap();
    assert!(speak(&p, "large", "e.wav", &[]) != first && kept().len() == 3);
}

#[test]
fn a_model_that_cannot_be_kept_speaks_all_the_same() {
    let p = Program::new().env("CHATTTS_RS_CACHE", "kept");
    large(&p);
    p.write("kept", "a file where the folder should be");
    let ran = p.ok(&[&["synth", "-m", "large", "-o", "a.wav"], &SPEAK[..]].concat());
    assert!(ran.err.contains("cannot be kept packed"), "{}", ran.err);
    let p = Program::new().env("CHATTTS_RS_CACHE", "off");
    large(&p);
    let ran = p.ok(&[&["synth", "-m", "large", "-o", "a.wav"], &SPEAK[..]].concat());
    assert!(!ran.err.contains("packed") && !p.path("off").exists(), "{}", ran.err);
}
