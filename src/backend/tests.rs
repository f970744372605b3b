//! The backends against each other, and the Llama against candle-transformers' own.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::llama::{Cache, Config, Llama as TheirLlama, LlamaConfig};

use super::networks::Embed;
use super::render::{Source, Wanted};
use super::*;
use crate::engine::{Batch, BatchRow, Decoder, Head, Hiddens, Input, Step};
use crate::hub::{self, HubConfig, ModelSource};

const SLOTS: usize = 3;

fn checkpoint() -> Checkpoint {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny/model");
    Checkpoint::open(&hub::locate(&ModelSource::Folder(folder), &HubConfig::default()).unwrap()).unwrap()
}

fn backends() -> Vec<Box<dyn Backend>> {
    vec![
        open(DeviceChoice::Cpu, BackendChoice::Native).unwrap(),
        open(DeviceChoice::Cpu, BackendChoice::Candle).unwrap(),
        #[cfg(feature = "cuda-emulator")]
        Box::new(cuda::CardBackend::emulated(1 << 30)),
    ]
}

fn load(backend: &dyn Backend) -> Parts {
    let options = LoadOptions { batch_size: SLOTS, ..LoadOptions::default() };
    backend.load(&checkpoint(), Precision::F32, &options).unwrap()
}

/// candle-transformers' Llama on the same weights, with a unit matrix for a head, so that it returns hidden states.
struct Theirs {
    llama: TheirLlama,
    config: Config,
    embed: Embed,
}

impl Theirs {
    fn load() -> Self {
        let asset = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny/model/asset");
        let json = std::fs::read_to_string(asset.join("gpt/config.json")).unwrap();
        let mut config = serde_json::from_str::<LlamaConfig>(&json).unwrap().into_config(false);
        config.vocab_size = config.hidden_size;
        let read = candle_core::safetensors::load(asset.join("gpt/model.safetensors"), &Device::Cpu).unwrap();
        let prefixed = |name: String| if name.starts_with("model.") { name } else { format!("model.{name}") };
        let mut tensors: HashMap<String, Tensor> =
            read.into_iter().map(|(name, tensor)| (prefixed(name), tensor)).collect();
        let unit = Tensor::eye(config.hidden_size, DType::F32, &Device::Cpu).unwrap();
        tensors.insert("model.embed_tokens.weight".into(), unit.clone());
        tensors.insert("lm_head.weight".into(), unit);
        let builder = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        Theirs {
            llama: TheirLlama::load(builder, &config).unwrap(),
            embed: Embed::load(&checkpoint().embed, config.hidden_size).unwrap(),
            config,
        }
    }

    /// Returns their hidden state at each position, fed one by one.
    fn states(&self, inputs: &[Input]) -> Vec<Vec<f32>> {
        let mut cache = Cache::new(true, DType::F32, &self.config, &Device::Cpu).unwrap();
        let mut state = |(position, input)| {
            let mut x = vec![0.0; self.config.hidden_size];
            self.embed.embed([input].into_iter(), &mut x).unwrap();
            let x = Tensor::from_vec(x, (1, 1, self.config.hidden_size), &Device::Cpu).unwrap();
            let state = self.llama.forward_input_embed(&x, position, &mut cache).unwrap();
            state.flatten_all().unwrap().to_vec1().unwrap()
        };
        inputs.iter().enumerate().map(&mut state).collect()
    }
}

fn inputs(count: u32, salt: u32) -> Vec<Input> {
    let code = |book: u32, position: u32| (position * 7919 + book * 31 + salt * 104_729) % 400;
    let input = |position: u32| match position % 3 {
        0 => Input::Text(code(0, position)),
        _ => Input::Codes((0..4).map(|book| code(book, position)).collect()),
    };
    (0..count).map(input).collect()
}

/// Feeds inputs to slots, each from a position on, in one step; returns the hidden state of the last of each.
fn feed(step: &mut dyn Step, rows: &[(u32, u32, &[Input])]) -> Vec<Vec<f32>> {
    let mut batch = Batch { logits: true, ..Batch::default() };
    for (slot, first, inputs) in rows {
        let row = |(position, input): (u32, &Input)| BatchRow { slot: *slot, position, input: input.clone() };
        batch.rows.extend((*first..).zip(*inputs).map(row));
        batch.wanted.push((batch.rows.len() - 1, Head::Codes));
        batch.drawn.push(0);
    }
    let mut outputs = Vec::new();
    step.run(&batch, &mut outputs).unwrap();
    outputs.into_iter().map(|output| output.hidden).collect()
}

/// Returns how far two lists of numbers are apart, in parts of the second.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm =
        |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

fn assert_close(name: &str, ours: &[Vec<f32>], theirs: &[Vec<f32>]) {
    let error = distance(&ours.concat(), &theirs.concat());
    assert!(error < 2e-6, "{name}: relative error {error:.2e}");
}

#[test]
fn sequences_of_unequal_length_in_one_batch_equal_candles_llama_position_by_position() {
    let theirs = Theirs::load();
    let (a, b) = (inputs(21, 2), inputs(4, 3));
    for backend in backends() {
        let mut step = load(&*backend).step;
        // Prompts of 19 and 2 in slots 2 and 0, then two single steps of both.
        let mut states = feed(&mut *step, &[(0, 0, &b[..2]), (2, 0, &a[..19])]);
        for i in 0..2 {
            let (of_b, of_a) = (&b[2 + i..][..1], &a[19 + i..][..1]);
            states.extend(feed(&mut *step, &[(0, 2 + i as u32, of_b), (2, 19 + i as u32, of_a)]));
        }
        let (theirs_a, theirs_b) = (theirs.states(&a), theirs.states(&b));
        for (i, pair) in states.chunks(2).enumerate() {
            assert_close(&backend.name(), &pair[..1], &theirs_b[1 + i..][..1]);
            assert_close(&backend.name(), &pair[1..], &theirs_a[18 + i..][..1]);
        }
    }
}

#[test]
fn rows_outside_the_cache_are_refused() {
    for backend in backends() {
        let mut step = load(&*backend).step;
        for (slot, position) in [(SLOTS as u32, 0), (0, 1 << 20)] {
            let mut batch = Batch { logits: true, ..Batch::default() };
            batch.rows.push(BatchRow { slot, position, input: Input::Text(1) });
            batch.wanted.push((0, Head::Codes));
            batch.drawn.push(0);
            let name = backend.name();
            assert!(step.run(&batch, &mut Vec::new()).is_err(), "{name}: slot {slot}, position {position}");
        }
    }
}

#[test]
fn renderers_agree() {
    let hidden = checkpoint().config.hidden;
    let rows: Vec<f32> = (0..37 * hidden).map(|i| ((i * 7919 + 13) % 1009) as f32 / 300.0 - 1.7).collect();
    let [long, short] = [rows.len(), hidden].map(|end| Hiddens::from(rows[..end].to_vec()));
    let codes: Vec<Vec<u16>> =
        (0..4).map(|book| (0..29).map(|t| ((t * 211 + book * 97) % 625) as u16).collect()).collect();
    let wave: Vec<f32> = (0..6100).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
    let all = backends();
    let render = |backend: &dyn Backend| {
        let renderer = load(backend).renderer;
        let mut made = renderer.render(Source::Hiddens(&[&long, &short]), Wanted::Both).unwrap();
        made.extend(renderer.render(Source::Codes(&[&codes]), Wanted::Both).unwrap());
        made.extend(renderer.render(Source::Mels(&[&made[0].mel.values]), Wanted::Wave).unwrap());
        assert!(renderer.render(Source::Codes(&[&codes[..3]]), Wanted::Both).is_err());
        assert!(renderer.encode(&[]).is_err() && renderer.encode(&[f32::NAN; 6000]).is_err());
        (made, renderer.encode(&wave).unwrap())
    };
    let (expected, expected_codes) = render(&*all[0]);
    for backend in &all[1..] {
        let (found, codes) = render(&**backend);
        assert_eq!(codes, expected_codes, "{}", backend.name());
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            if !found.mel.values.is_empty() {
                let error = distance(&found.mel.values, &expected.mel.values);
                assert!(error < 1e-5, "{}: mel {error:.2e}", backend.name());
            }
            let error = distance(&found.wave, &expected.wave);
            assert!(error < 1e-4, "{}: wave {error:.2e}", backend.name());
        }
    }
}

#[test]
fn a_growing_wave_is_the_whole_one() {
    let hidden = checkpoint().config.hidden;
    let (steps, width) = (150, hidden);
    let rows: Vec<f32> = (0..steps * width).map(|i| ((i * 7919 + 13) % 1009) as f32 / 300.0 - 1.7).collect();
    let codes: Vec<Vec<u32>> =
        (0..steps).map(|t| (0..4).map(|book| ((t * 211 + book * 97) % 625) as u32).collect()).collect();
    let by_codebook: Vec<Vec<u16>> =
        (0..4).map(|book| codes.iter().map(|step| step[book] as u16).collect()).collect();
    for backend in backends() {
        let renderer = Renderer::new(hidden, load(&*backend).renderer);
        for decoder in [Decoder::HiddenStates, Decoder::Codes] {
            let whole = match decoder {
                Decoder::HiddenStates => renderer.from_hiddens(&[&rows.clone().into()]).unwrap().remove(0),
                Decoder::Codes => renderer.from_codes(&[&by_codebook]).unwrap().remove(0),
            };
            // By ones, by irregular parts, and all at once; the last part may hold nothing.
            for ends in [(1..=steps).collect(), vec![3, 4, 61, 62, 100, steps, steps], vec![steps]] {
                let mut stream = renderer.grow(decoder).unwrap();
                let (mut wave, mut mel, mut begin) = (Vec::new(), Vec::new(), 0);
                for (i, end) in ends.iter().enumerate() {
                    let fresh = match decoder {
                        Decoder::HiddenStates => Fresh::Hiddens(&rows[begin * width..end * width]),
                        Decoder::Codes => Fresh::Codes(&codes[begin..*end]),
                    };
                    let grown = stream.take(fresh, i + 1 == ends.len()).unwrap();
                    wave.extend(grown.wave);
                    mel.extend(grown.mel.values);
                    begin = *end;
                }
                let name = backend.name();
                for (grown, whole) in [(wave, &whole.wave), (mel, &whole.mel.values)] {
                    // candle's products round by how many rows they have.
                    let error = if grown == *whole { 0.0 } else { distance(&grown, whole) };
                    let allowed = if name.contains("candle") { 1e-5 } else { 0.0 };
                    assert!(error <= allowed, "{name}, {decoder:?}, {} parts: {error:.2e}", ends.len());
                }
            }
        }
    }
}

#[test]
fn there_is_always_a_device_or_an_error() {
    assert_eq!(Devices::default().choices().unwrap(), [DeviceChoice::Auto]);
    assert_eq!(Devices::Cpu.choices().unwrap(), [DeviceChoice::Cpu]);
    let two = Devices::Cuda(vec![2, 0]).choices().unwrap();
    assert_eq!(two, [DeviceChoice::Cuda(2), DeviceChoice::Cuda(0)]);
    assert!(matches!(Devices::Cuda(Vec::new()).choices(), Err(Error::Parameter { .. })));
    assert_eq!(open(DeviceChoice::Cpu, BackendChoice::Auto).unwrap().name(), "cpu");
}

#[cfg(not(feature = "cuda-kernels"))]
#[test]
fn cards_are_refused_by_a_build_without_them() {
    let errors = [Devices::CudaAll.choices().err(), open(DeviceChoice::Cuda(0), BackendChoice::Auto).err()];
    for error in errors {
        assert!(error.unwrap().to_string().contains("no CUDA support"));
    }
    assert!(matches!(DeviceChoice::Auto.resolve(), (DeviceChoice::Cpu, None)));
}
