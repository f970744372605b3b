//! Everything the library computes, against what the reference computed on the same small checkpoint
//! (tests/fixtures/tiny; see the README there).

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use chattts_rs::engine::{Codes, Request};
use chattts_rs::speech::Line;
use chattts_rs::text::Tokenizer;
use chattts_rs::voice::Speaker;
use chattts_rs::{
    BackendChoice, BatchSize, Decoder, Devices, Engine, EngineOptions, Event, FinishReason, Model, NoiseMode,
    Precision, Refine, SeedKind, Trace, VoicePrompt, VoiceSample,
};
use common::clean::{CleanOptions, clean};
use serde_json::Value;

/// Largest ‖a − b‖ / ‖b‖ of hidden states and mel.
const RELATIVE_ERROR: f64 = 1e-5;
/// Smallest signal to error of a wave, in dB.
const WAVE_SNR: f64 = 90.0;

/// Where to compute: `cpu` unless it says `cuda`, with which the same cases are run on a card.
const DEVICE: &str = "CHATTTS_RS_TEST_DEVICE";
/// What computes on a card: our kernels unless it says `candle`. On the processor every backend does.
const BACKEND: &str = "CHATTTS_RS_TEST_BACKEND";

/// The folder that this was compiled in, or, where it was carried elsewhere, the one it is run in.
fn fixtures() -> PathBuf {
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny");
    if compiled.exists() { compiled } else { "tests/fixtures/tiny".into() }
}

fn options(backend: BackendChoice) -> EngineOptions {
    // What of a card is to be switched off, as the command line reads it.
    #[cfg(feature = "cuda-kernels")]
    chattts_rs::backend::cuda::Switches::from_env().unwrap().set();
    let mut options = EngineOptions::new(fixtures().join("model").to_str().unwrap());
    options.devices = match std::env::var(DEVICE).as_deref() {
        Ok("cuda") => Devices::Cuda(vec![0]),
        Ok("cpu") | Err(_) => Devices::Cpu,
        Ok(other) => panic!("{DEVICE}={other}: cpu and cuda are known"),
    };
    options.backend = backend;
    options.precision = Precision::F32;
    options.batch_size = BatchSize::Fixed(1);
    options
}

fn engine(backend: BackendChoice) -> Engine {
    Engine::open(options(backend)).unwrap()
}

/// The golden cases of a kind, each for every backend that this build has for the device, and what to call it.
fn computed(kind: &str, count: usize) -> Vec<(Engine, Expected, String)> {
    let on_card = std::env::var(DEVICE).as_deref() == Ok("cuda");
    let backends: &[BackendChoice] = match std::env::var(BACKEND).as_deref() {
        Ok("candle") => &[BackendChoice::Candle],
        _ if on_card => &[BackendChoice::Native],
        _ => &[BackendChoice::Native, BackendChoice::Candle],
    };
    let of_backend = |backend: &BackendChoice| {
        let backend = *backend;
        let engine = engine(backend);
        let named = move |case: Expected| {
            let name = format!("{} by {backend:?}", case.name);
            (engine.clone(), case, name)
        };
        cases(kind, count).into_iter().map(named)
    };
    backends.iter().flat_map(of_backend).collect()
}

/// What the model computed of a request.
fn trace(engine: &Engine, request: Request) -> Trace {
    let mut line = Line::of_request(request);
    line.traces = true;
    let events = engine.speak_line(line).unwrap().map(Result::unwrap);
    let mut traces =
        events.filter_map(|event| if let Event::Trace(trace) = event { Some(*trace) } else { None });
    traces.next().unwrap()
}

struct Expected {
    name: String,
    case: Value,
    results: Value,
    tensors: HashMap<String, Tensor>,
}

impl Expected {
    fn ints(&self, name: &str) -> Vec<u32> {
        let tensor = self.tensors[name].to_dtype(DType::I64).unwrap().flatten_all().unwrap();
        tensor.to_vec1::<i64>().unwrap().into_iter().map(|v| v as u32).collect()
    }

    fn rows(&self, name: &str) -> Vec<Vec<u32>> {
        let width = self.tensors[name].dims()[1];
        self.ints(name).chunks(width).map(<[u32]>::to_vec).collect()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        self.tensors[name].to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.case[name].as_f64()
    }

    fn text(&self) -> &str {
        self.case["text"].as_str().unwrap()
    }
}

/// The golden cases of a kind; that there are as many as there were is part of every test.
fn cases(kind: &str, count: usize) -> Vec<Expected> {
    let folder = fixtures().join("expected");
    let mut found: Vec<Expected> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| read(&path))
        .filter(|expected| expected.case["kind"] == kind)
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found.len(), count, "golden cases of kind {kind}");
    found
}

fn read(path: &Path) -> Expected {
    let results: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let tensors = path.with_extension("safetensors");
    Expected {
        name: path.file_stem().unwrap().to_str().unwrap().to_string(),
        case: results["case"].clone(),
        tensors: match tensors.exists() {
            true => candle_core::safetensors::load(tensors, &Device::Cpu).unwrap(),
            false => HashMap::new(),
        },
        results,
    }
}

fn voice_codes(expected: &Expected) -> VoicePrompt {
    let codes = expected.rows("codes");
    VoicePrompt::new(codes.iter().map(|row| row.iter().map(|c| *c as u16).collect()).collect()).unwrap()
}

/// What a golden case asked the reference for, asked of us.
fn request(expected: &Expected, engine: &Engine) -> Request {
    let mut request = Request::new(expected.text());
    let sampling = if expected.case["kind"] == "refine" {
        let refine = request.refine.insert(Refine::default());
        refine.tags = expected.case["prompt"].as_str().unwrap_or_default().to_string();
        &mut refine.sampling
    } else {
        if let Some(prompt) = expected.case["prompt"].as_str() {
            request.speed = prompt.to_string();
        }
        &mut request.sampling
    };
    let set = |name: &str, value: &mut f32| {
        if let Some(v) = expected.number(name) {
            *value = v as f32;
        }
    };
    set("temperature", &mut sampling.temperature[0]);
    sampling.top_p = expected.number("top_p").unwrap_or(sampling.top_p);
    set("repetition_penalty", &mut sampling.repetition_penalty);
    let set = |name: &str, value: &mut usize| {
        if let Some(v) = expected.number(name) {
            *value = v as usize;
        }
    };
    set("top_k", &mut sampling.top_k);
    set("max_new_token", &mut sampling.max_tokens);
    set("min_new_token", &mut sampling.min_tokens);
    if let Some(seed) = expected.case["seed"].as_u64() {
        request.seed = seed;
    }
    if let Some(seed) = expected.case["stream_seed"].as_u64() {
        request.seed = seed;
        request.noise = NoiseMode::Stream;
    }
    if let Some(seed) = expected.case["speaker_seed"].as_u64() {
        request.voice.speaker = Some(engine.composer().voices.speaker(SeedKind::TorchF16, seed).unwrap());
    }
    if let Some(from) = expected.case["voice_codes"].as_str() {
        let codes = voice_codes(&read(&fixtures().join(format!("expected/{from}.json"))));
        let text = expected.case["voice_text"].as_str().unwrap().to_string();
        request.voice.sample = Some(VoiceSample { codes, text });
    }
    if expected.case["use_decoder"] == false {
        request.decoder = Decoder::Codes;
    }
    request
}

fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(a, b)| *a as f64 - *b as f64))
        / norm(&mut expected.iter().map(|v| *v as f64))
}

fn assert_audio(name: &str, mel: &[f32], wave: &[f32], expected: &Expected) {
    let error = relative_error(mel, &expected.floats("mel"));
    assert!(error <= RELATIVE_ERROR, "{name}: mel {error:.2e}");
    let snr = -20.0 * relative_error(wave, &expected.floats("wav")).log10();
    assert!(snr >= WAVE_SNR, "{name}: wave {snr:.1} dB");
}

#[test]
fn spoken_texts_are_the_references() {
    for (engine, expected, name) in computed("synth", 8) {
        let speech = trace(&engine, request(&expected, &engine));
        let Codes { input_ids, tokens, hiddens, finish, .. } = &speech.codes;
        assert_eq!(*input_ids, expected.rows("input_ids"), "{name}: prompt");
        assert_eq!(*tokens, expected.rows("token_ids"), "{name}: tokens");
        if expected.tensors.contains_key("hiddens") {
            let error = relative_error(&hiddens.values().unwrap(), &expected.floats("hiddens"));
            assert!(error <= RELATIVE_ERROR, "{name}: hidden states {error:.2e}");
        }
        let full = expected.number("max_new_token") == Some(tokens.len() as f64);
        assert_eq!(*finish, if full { FinishReason::MaxTokens } else { FinishReason::End }, "{name}");
        assert_audio(&name, &speech.mel.by_channel(), &speech.wave, &expected);
    }
}

#[test]
fn refined_texts_are_the_references() {
    for (engine, expected, name) in computed("refine", 2) {
        let line = Line::of_request(request(&expected, &engine));
        let mut events = engine.refine_line(line).unwrap().map(Result::unwrap);
        let refined = events
            .find_map(|event| if let Event::Refined { refined, .. } = event { Some(refined) } else { None });
        let refined = refined.unwrap();
        assert_eq!(refined.input_ids, expected.ints("input_ids"), "{name}: prompt");
        assert_eq!(refined.tokens, expected.ints("token_ids"), "{name}: tokens");
        assert_eq!(refined.text, expected.results["text"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn decoded_codes_are_the_references() {
    for (engine, expected, name) in computed("decode", 1) {
        let rendered = engine.decode(voice_codes(&expected).codes()).unwrap();
        assert_audio(&name, &rendered.mel.by_channel(), &rendered.wave, &expected);
    }
}

#[test]
fn speakers_are_the_references_to_the_bit() {
    let engine = engine(BackendChoice::Native);
    for expected in cases("speaker", 3) {
        let seed = expected.case["seed"].as_u64().unwrap();
        let speaker = engine.composer().voices.speaker(SeedKind::TorchF16, seed).unwrap();
        let vector = expected.tensors["embedding"].to_vec1::<half::f16>().unwrap();
        assert_eq!(speaker.values(), vector, "{}", expected.name);
    }
}

#[test]
fn speaker_strings_of_the_reference_are_read_and_written_to_the_byte() {
    let speakers = cases("speaker", 3).into_iter().map(|expected| {
        let vector = expected.tensors["embedding"].to_vec1::<half::f16>().unwrap();
        (expected.results["speaker"].as_str().unwrap().to_string(), vector)
    });
    for (text, vector) in speakers {
        let speaker = Speaker::decode(&text).unwrap();
        assert_eq!(speaker.values(), vector);
        assert_eq!(speaker.encode().unwrap(), text);
    }
}

#[test]
fn voice_strings_of_the_reference_are_read_and_written_so_that_they_read_back() {
    for expected in cases("encode", 2) {
        let prompt = VoicePrompt::decode(expected.results["voice"].as_str().unwrap()).unwrap();
        assert_eq!(prompt, voice_codes(&expected), "{}", expected.name);
        assert_eq!(VoicePrompt::decode(&prompt.encode().unwrap()).unwrap(), prompt);
    }
}

#[test]
fn tokens_of_a_text_are_the_references() {
    let (path, json) = Model::open(&options(BackendChoice::Native)).unwrap().checkpoint.tokenizer;
    let tokenizer = Tokenizer::from_json(&json, &path).unwrap();
    for expected in cases("tokenize", 1) {
        assert_eq!(tokenizer.encode(expected.text()).unwrap(), expected.ints("input_ids"));
    }
}

#[test]
fn cleaned_texts_are_the_references() {
    for expected in cases("normalize", 2) {
        let found = clean(expected.text(), &CleanOptions::default());
        // The reference's own homophone table is on in the golden case; 後來 → 后来 is its only entry here.
        let text = expected.results["text"].as_str().unwrap().replace("后来", "後來");
        assert_eq!(found.text, text, "{}", expected.name);
    }
}
