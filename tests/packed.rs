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
    refused(&changed(r#""chattts-rs-packed":"2""#, r#""chattts-rs-packed":"1""#), "format 1");
    refused(&changed(r#""chattts-rs-packed":"2""#, r#""chattts-rs-packed":"9""#), "format 9");
    refused(&changed("q8 64 160", "q8 64 999"), "damaged");
    // With the checksum of what it holds, the loaders find what is wrong.
    let summed = |mut file: Vec<u8>| {
        let sums: usize = {
            let (_, rest) = header.split_once(r#""checksums":{"data_offsets":["#).unwrap();
            rest.split(',').next().unwrap().parse().unwrap()
        };
        let sum = crc32fast::hash(&file[..256 << 10]).to_le_bytes();
        file[(256 << 10) + sums..][..4].copy_from_slice(&sum);
        file
    };
    refused(&summed(changed("gpt/layers.1.mlp.down_proj", "gpt/layers.1.mlp.gone_proj")), "down_proj");
    refused(&summed(changed("q8 64 160", "q8 64 999")), "down_proj");
    refused(&summed(changed("tokenizer/tokenizer.json", "tokenizer/tokenizer.gone")), "tokenizer.json");
}

#[test]
fn flipped_bits_are_found_once_for_each_change_of_the_file() {
    let p = Program::new();
    let model = tiny_model().display().to_string();
    p.ok(&["model", "convert", "packed", "-m", &model]);
    let plain = speak(&p, "packed", "a.wav", &[]);
    let stamp = fs::read(p.path(".packed.checked")).unwrap();
    assert!(speak(&p, "packed", "b.wav", &[]) == plain);
    assert!(fs::read(p.path(".packed.checked")).unwrap() == stamp);
    let whole = fs::read(p.path("packed")).unwrap();
    // The header's filling, the first and the last of the data, the checksums.
    for place in [(256 << 10) - 2, 256 << 10, whole.len() / 2, whole.len() - 100, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        p.write("packed", bytes);
        let ran = p.run(&[&["synth", "-m", "packed", "-o", "c.wav"], &SPEAK[..]].concat());
        assert!(ran.code == Some(1) && !p.path("c.wav").exists(), "{place}: {ran:?}");
        assert!(ran.err.contains("packed: ") && !ran.err.contains("panicked"), "{place}: {}", ran.err);
    }
    p.write("packed", whole);
    assert!(speak(&p, "packed", "d.wav", &[]) == plain);
}

#[test]
fn a_kept_model_that_was_damaged_is_made_anew() {
    let p = Program::new().env("CHATTTS_RS_CACHE", "kept");
    large(&p);
    let first = speak(&p, "large", "a.wav", &[]);
    let [file] = &kept(&p)[..] else { panic!("{:?}", kept(&p)) };
    let mut bytes = fs::read(file).unwrap();
    for part in 1..5 {
        let place = part * bytes.len() / 5;
        bytes[place] ^= 0x40;
    }
    fs::write(file, bytes).unwrap();
    let run = |out: &str| p.ok(&[&["synth", "-m", "large", "-o", out], &SPEAK[..]].concat()).err;
    assert!(run("b.wav").contains("keeping"));
    assert!(!run("c.wav").contains("keeping"));
    assert!(fs::read(p.path("b.wav")).unwrap() == first && fs::read(p.path("c.wav")).unwrap() == first);
}

#[test]
fn what_a_killed_run_left_unfinished_is_swept() {
    let p = Program::new().env("CHATTTS_RS_CACHE", "kept");
    large(&p);
    let folder = p.path("kept/packed");
    fs::create_dir_all(&folder).unwrap();
    let [dead, alive, other] =
        [".packing-a1B2c3", ".packing-d4E5f6", ".packing-list"].map(|name| folder.join(name));
    for path in [&dead, &alive, &other] {
        fs::write(path, "half a model").unwrap();
    }
    let held = fs::File::open(&alive).unwrap();
    held.lock().unwrap();
    speak(&p, "large", "a.wav", &[]);
    assert!(!dead.exists() && alive.exists() && other.exists());
    assert_eq!(kept(&p).len(), 1);
}

/// Shortens a model's file while it is in use: the program ends in order and says why.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_shortened_while_it_is_in_use_ends_the_program_in_order() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let p = Program::new();
    let model = tiny_model().display().to_string();
    p.ok(&["model", "convert", "packed", "-m", &model]);
    let mut command = p.chattts();
    let lasting = ["--max-tokens", "4000", "--min-tokens", "4000", "-t", "你好", "--seed", "5"];
    command.args(["synth", "-m", "packed", "-o", "a.wav", "-v"]).args(lasting);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // It has mapped the file once it has compared its checksums.
    let start = Instant::now();
    while !p.path(".packed.checked").exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::OpenOptions::new().write(true).open(p.path("packed")).unwrap().set_len(4096).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{:?}: {said}", output.status);
    assert!(said.contains("shortened") && !said.contains("panicked"), "{said}");
    assert_eq!(said.matches("shortened").count(), 1, "{said}");
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

/// The models that are kept packed.
fn kept(p: &Program) -> Vec<PathBuf> {
    let entries = fs::read_dir(p.path("kept/packed")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")).collect()
}

#[test]
fn a_large_model_is_kept_packed_and_made_again_when_it_changes() {
    let p = Program::new().env("CHATTTS_RS_CACHE", "kept");
    let path = large(&p);
    let kept = || kept(&p);
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
fn runs_that_begin_at_once_keep_one_model() {
    let p = Program::new().env("CHATTTS_RS_CACHE", "kept");
    large(&p);
    let outs: Vec<String> = (0..6).map(|run| format!("{run}.wav")).collect();
    let start = |out: &String| {
        let mut command = p.chattts();
        command.args(["synth", "-m", "large", "-o", out]).args(SPEAK);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let runs: Vec<_> = outs.iter().map(start).collect();
    assert!(runs.into_iter().all(|mut run| run.wait().unwrap().success()));
    let spoken: Vec<_> = outs.iter().map(|out| fs::read(p.path(out)).unwrap()).collect();
    assert!(spoken.iter().all(|bytes| *bytes == spoken[0]));
    let names = fs::read_dir(p.path("kept/packed")).unwrap().map(|entry| entry.unwrap().file_name());
    let models: Vec<_> = names.filter(|name| !name.to_string_lossy().ends_with(".checked")).collect();
    assert!(models.len() == 1 && kept(&p).len() == 1, "{models:?}");
    assert!(speak(&p, "large", "again.wav", &[]) == spoken[0]);
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
