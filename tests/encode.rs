//! A spoken sample's codes, against what the reference computed on the same small checkpoint
//! (tests/fixtures/tiny; see the README there).

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use chattts_rs::audio::Recording;
use chattts_rs::backend::{CpuEncoder, WeightFile};
use chattts_rs::{BackendChoice, Engine, EngineOptions, Error, Precision};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny")
}

fn engine() -> Engine {
    engine_by(BackendChoice::Auto)
}

fn engine_by(backend: BackendChoice) -> Engine {
    let mut options = EngineOptions::new(fixtures().join("model").to_str().unwrap());
    (options.backend, options.precision) = (backend, Precision::F32);
    Engine::open(options).unwrap()
}

struct Golden {
    wave: Vec<f32>,
    codes: Vec<Vec<u16>>,
}

fn golden(name: &str) -> Golden {
    let path = fixtures().join(format!("expected/{name}.safetensors"));
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let codes = tensors["codes"].to_dtype(DType::I64).unwrap().to_vec2::<i64>().unwrap();
    Golden {
        wave: tensors["wav"].to_vec1().unwrap(),
        codes: codes.iter().map(|row| row.iter().map(|c| *c as u16).collect()).collect(),
    }
}

/// How many codes are not the reference's.
fn differing(found: &[Vec<u16>], expected: &[Vec<u16>]) -> usize {
    found.concat().iter().zip(expected.concat()).filter(|(a, b)| **a != *b).count()
}

#[test]
fn codes_of_a_sample_are_the_references() {
    let golden = golden("encode-synth");
    for backend in [BackendChoice::Native, BackendChoice::Candle] {
        let prompt = engine_by(backend).encode(&golden.wave).unwrap();
        assert_eq!(prompt.frames(), 64);
        assert_eq!(prompt.codes(), golden.codes, "{backend:?}");
    }
}

/// Where no band is empty, the reference's codes do not depend on how its transform rounds, and ours are the same.
#[test]
fn codes_of_recordings_are_the_references() {
    let engine = engine();
    let samples = fixtures().join("../samples");
    for name in ["noise", "speech", "sweep"] {
        let recording = Recording::read(&samples.join(format!("{name}.wav"))).unwrap();
        assert_eq!(recording.sample_rate, 24_000);
        let codes = std::fs::read_to_string(samples.join(format!("{name}.json"))).unwrap();
        let codes: Vec<Vec<u16>> = serde_json::from_str(&codes).unwrap();
        assert_eq!(engine.encode(&recording.samples).unwrap().codes(), codes, "{name}");
    }
}

/// Two pure tones leave most mel bands at what a transform in single precision rounds off, which differs
/// between processors: the reference itself draws 14 of these 188 codes otherwise on another one.
#[test]
fn codes_of_pure_tones_are_the_references_but_for_rounding() {
    let golden = golden("encode-tone");
    let prompt = engine().encode(&golden.wave).unwrap();
    assert_eq!(prompt.frames(), 47);
    let count = differing(prompt.codes(), &golden.codes);
    assert!(count <= 8, "{count} codes differ");
}

#[test]
fn a_code_needs_half_a_window_and_a_sample() {
    let engine = engine();
    let wave = golden("encode-synth").wave;
    for short in [0, 1, 255, 256, 512] {
        let error = engine.encode(&wave[..short]).unwrap_err();
        assert!(matches!(error, Error::Speaker(_)), "{error}");
        let error = error.to_string();
        assert!(error.contains(&format!("{short} values")) && error.contains("at least 513"), "{error}");
    }
    // One frame more for every 256 samples, one code for every two frames.
    for (samples, codes) in [(513, 1), (767, 1), (768, 2), (1279, 2), (1280, 3)] {
        let prompt = engine.encode(&wave[..samples]).unwrap();
        assert_eq!((prompt.codes().len(), prompt.frames()), (4, codes), "{samples} samples");
    }
}

#[test]
fn silence_has_codes_and_noise_beyond_numbers_has_none() {
    let engine = engine();
    let prompt = engine.encode(&[0.0; 24_000]).unwrap();
    assert!(prompt.codes().iter().flatten().all(|code| *code < 625));
    for value in [f32::NAN, f32::INFINITY] {
        let mut wave = vec![0.1; 2000];
        wave[1234] = value;
        let error = engine.encode(&wave).unwrap_err().to_string();
        assert!(error.contains("value 1234"), "{error}");
    }
}

#[test]
fn what_a_sample_was_encoded_to_can_be_decoded() {
    let engine = engine();
    let prompt = engine.encode(&golden("encode-tone").wave).unwrap();
    let rendered = engine.decode(prompt.codes()).unwrap();
    assert_eq!(rendered.mel.frames(), 2 * prompt.frames());
}

#[test]
fn tensors_of_the_encoder_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("DVAE.safetensors");
    let asset = fixtures().join("model/asset/DVAE.safetensors");
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let cases: [(&str, Option<&[usize]>); 6] = [
        ("preprocessor_mel.mel_spec.spectrogram.window", Some(&[1023])),
        ("preprocessor_mel.mel_spec.mel_scale.fb", Some(&[513, 80])),
        ("downsample_conv.2.weight", Some(&[32, 32, 3])),
        ("encoder.conv_in.0.weight", Some(&[16, 31, 3])),
        ("vq_layer.quantizer.rvqs.1.project_in.weight", Some(&[3, 32])),
        ("vq_layer.quantizer.rvqs.0.project_in.bias", None),
    ];
    for (name, shape) in cases {
        let mut tensors = candle_core::safetensors::load(&asset, &Device::Cpu).unwrap();
        assert!(tensors.remove(name).is_some(), "{name}");
        if let Some(shape) = shape {
            tensors.insert(name.into(), zeros(shape));
        }
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let file = WeightFile::open(&path).unwrap();
        let error = CpuEncoder::load(&file).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("DVAE.safetensors"), "{error}");
    }
}
