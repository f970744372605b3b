//! Checkpoints that are not what they should be: one error that names file and tensor, never a panic.

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use common::{Program, copy_folder, tiny_model};

struct Broken {
    program: Program,
    asset: PathBuf,
}

impl Broken {
    fn new() -> Self {
        let program = Program::new();
        let model = program.path("model");
        copy_folder(&tiny_model(), &model);
        Broken { asset: model.join("asset"), program }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.asset.join(name)
    }

    /// Loads a file's tensors, lets them be changed, writes them back.
    fn change(&self, name: &str, change: impl FnOnce(&mut HashMap<String, Tensor>)) {
        let path = self.file(name);
        let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        change(&mut tensors);
        candle_core::safetensors::save(&tensors, &path).unwrap();
    }

    fn speak(&self, more: &[&str]) -> String {
        let args = ["synth", "-m", "model", "-t", "你好", "--seed", "5", "-o", "a.wav", "--max-tokens", "8"];
        let ran = self.program.run(&[&args[..], more].concat());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        assert!(!self.program.path("a.wav").exists());
        ran.err
    }

    fn assert_error(&self, parts: &[&str]) {
        let error = self.speak(&[]);
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()
}

const FILES: [&str; 5] = [
    "Decoder.safetensors",
    "DVAE.safetensors",
    "Embed.safetensors",
    "Vocos.safetensors",
    "gpt/model.safetensors",
];

#[test]
fn the_undamaged_copy_speaks() {
    let b = Broken::new();
    b.program.ok(&["synth", "-m", "model", "-t", "你好", "--seed", "5", "-o", "a.wav", "--max-tokens", "8"]);
}

#[test]
fn truncated_and_foreign_files_are_named() {
    for name in FILES {
        let b = Broken::new();
        let bytes = fs::read(b.file(name)).unwrap();
        for keep in [0, 5, 100, bytes.len() / 2, bytes.len() - 1] {
            fs::write(b.file(name), &bytes[..keep]).unwrap();
            b.assert_error(&[name, "truncated or not a safetensors file"]);
        }
        fs::write(b.file(name), "<html>not found</html>".repeat(100)).unwrap();
        b.assert_error(&[name, "truncated or not a safetensors file"]);
    }
}

#[test]
fn missing_tensors_are_named() {
    let cases = [
        ("Decoder.safetensors", "decoder.decoder_block.1.dwconv.weight"),
        ("Embed.safetensors", "emb_text.weight"),
        ("Embed.safetensors", "head_code.3.parametrizations.weight.original0"),
        ("Vocos.safetensors", "head.istft.window"),
        ("Vocos.safetensors", "backbone.convnext.0.norm.bias"),
        ("gpt/model.safetensors", "layers.1.mlp.up_proj.weight"),
    ];
    for (file, name) in cases {
        let b = Broken::new();
        b.change(file, |tensors| assert!(tensors.remove(name).is_some(), "{name}"));
        b.assert_error(&[file, name, "missing"]);
    }
}

#[test]
fn wrong_shapes_are_named_with_what_was_expected() {
    let cases: [(&str, &str, &[usize], &str); 7] = [
        ("Embed.safetensors", "emb_code.2.weight", &[626, 63], "[626, 64]"),
        ("Embed.safetensors", "head_text.parametrizations.weight.original1", &[400, 65], "[400, 64]"),
        ("Decoder.safetensors", "coef", &[1, 80, 1], "[1, 100, 1]"),
        ("Vocos.safetensors", "backbone.embed.weight", &[48, 80, 7], "[_, 100, 7]"),
        ("gpt/model.safetensors", "layers.0.self_attn.q_proj.weight", &[64, 32], "[64, 64]"),
        ("gpt/model.safetensors", "norm.weight", &[32], "[64]"),
        ("gpt/model.safetensors", "layers.0.mlp.gate_proj.weight", &[0, 64], "[_, 64]"),
    ];
    for (file, name, shape, expected) in cases {
        let b = Broken::new();
        b.change(file, |tensors| assert!(tensors.insert(name.into(), zeros(shape)).is_some(), "{name}"));
        b.assert_error(&[file, name, &format!("has shape {shape:?}, expected {expected}")]);
    }
}

#[test]
fn the_dvae_is_checked_when_it_is_asked_for() {
    let b = Broken::new();
    b.change("DVAE.safetensors", |tensors| {
        tensors.insert("vq_layer.quantizer.rvqs.1.project_out.weight".into(), zeros(&[32, 3]));
    });
    let error = b.speak(&["--no-decoder"]);
    for part in ["DVAE.safetensors", "rvqs.1.project_out.weight", "[32, 3]", "[32, 4]"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn integers_in_place_of_weights_are_named() {
    let b = Broken::new();
    b.change("gpt/model.safetensors", |tensors| {
        tensors.insert("norm.weight".into(), Tensor::zeros(64, DType::I64, &Device::Cpu).unwrap());
    });
    b.assert_error(&["gpt/model.safetensors", "norm.weight", "stored as i64"]);
}

#[test]
fn half_precision_checkpoints_are_read() {
    let b = Broken::new();
    for file in FILES {
        b.change(file, |tensors| {
            for tensor in tensors.values_mut() {
                *tensor = tensor.to_dtype(DType::F16).unwrap();
            }
        });
    }
    b.program.ok(&["synth", "-m", "model", "-t", "你好", "--seed", "5", "-o", "a.wav", "--max-tokens", "8"]);
}

#[test]
fn configurations_and_tokenizers_that_do_not_fit_are_named() {
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let edit = |name: &str, from: &str, to: &str| {
        let b = Broken::new();
        let path = b.file(name);
        let before = text(&path);
        assert!(before.contains(from), "{from}");
        fs::write(&path, before.replace(from, to)).unwrap();
        b
    };
    let config = "gpt/config.json";
    edit(config, "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4")
        .assert_error(&["holds 3 layers", "says 4"]);
    edit(config, "\"num_attention_heads\": 4", "\"num_attention_heads\": 0").assert_error(&[config, "heads"]);
    edit(config, "{", "").assert_error(&[config, "not a Llama configuration"]);
    edit(config, "\"hidden_size\": 64", "\"hidden_size\": 128").assert_error(&["expected [_, 128]"]);
    let sizes = [
        ("\"num_hidden_layers\": 3", "num_hidden_layers"),
        ("\"num_attention_heads\": 4", "num_attention_heads"),
        ("\"hidden_size\": 64", "hidden_size"),
    ];
    for (from, key) in sizes {
        for size in ["9223372036854775808", "1000000000"] {
            let to = format!("\"{key}\": {size}");
            edit(config, from, &to).assert_error(&[config, key, size, "at most"]);
        }
    }
    let tokenizer = "tokenizer/tokenizer.json";
    edit(tokenizer, "[spk_emb]", "[spk_none]").assert_error(&[tokenizer, "[spk_emb]"]);
    edit(tokenizer, "{", "").assert_error(&[tokenizer, "not a usable tokenizer"]);
}

/// Returns a configuration's text with another number under a key.
fn with_number(json: &str, key: &str, number: &str) -> String {
    let start = json.find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
    let end = start + json[start..].find([',', '\n', '}']).unwrap();
    format!("{} {number}{}", &json[..start], &json[end..])
}

#[test]
fn more_positions_than_any_model_has_are_refused_before_memory_is_asked_for() {
    for key in ["max_position_embeddings", "intermediate_size"] {
        for number in ["200000", "1000000000", "9223372036854775807", "18446744073709551615"] {
            let b = Broken::new();
            let config = b.file("gpt/config.json");
            let json = fs::read_to_string(&config).unwrap();
            fs::write(&config, with_number(&json, key, number)).unwrap();
            b.assert_error(&["gpt/config.json", key, number, "at most"]);
        }
    }
}

#[test]
fn missing_files_are_listed() {
    let b = Broken::new();
    fs::remove_file(b.file("Vocos.safetensors")).unwrap();
    b.assert_error(&["missing:   Vocos.safetensors", "looked in: model/asset"]);
}

#[test]
fn weights_that_are_not_numbers_are_noticed() {
    let b = Broken::new();
    b.change("gpt/model.safetensors", |tensors| {
        tensors.insert("norm.weight".into(), Tensor::full(f32::NAN, 64, &Device::Cpu).unwrap());
    });
    b.assert_error(&["not numbers", "model verify"]);
}

#[test]
fn a_vocoder_that_makes_no_numbers_or_no_sound_makes_no_file() {
    let full = |value: f32, tensor: &Tensor| Tensor::full(value, tensor.shape(), &Device::Cpu).unwrap();
    for (bias, parts) in [(f32::NAN, ["not numbers", "model verify"]), (-100.0, ["all silence", "seed"])] {
        let b = Broken::new();
        b.change("Vocos.safetensors", |tensors| {
            for (name, value) in [("head.out.weight", 0.0), ("head.out.bias", bias)] {
                let changed = full(value, &tensors[name]);
                tensors.insert(name.into(), changed);
            }
        });
        b.assert_error(&parts);
        let args = ["synth", "-m", "model", "-t", "你好", "--seed", "5", "--max-tokens", "40", "--stream"];
        let ran = b.program.run(&args);
        assert!(ran.code == Some(1) && ran.err.contains(parts[0]), "{ran:?}");
    }
}
