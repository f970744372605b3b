//! The Llama, against candle-transformers' own.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::llama::{Cache, Config, Llama as TheirLlama, LlamaConfig};
use chattts_rs::model::{GptConfig, KvCache, Llama, WeightFile, WeightType};

const HIDDEN: usize = 64;

struct Both {
    ours: Llama,
    config: GptConfig,
    theirs: TheirLlama,
    their_config: Config,
}

/// Both on the tiny checkpoint; theirs with a unit matrix for a head, so that it returns hidden states.
fn both() -> Both {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny/model/asset/gpt");
    let device = Device::Cpu;
    let path = folder.join("model.safetensors");
    let config = GptConfig::read(&folder.join("config.json")).unwrap();
    let ours = Llama::load(&WeightFile::open(&path).unwrap(), &config, WeightType::F32, &device).unwrap();

    let json = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let mut their_config = serde_json::from_str::<LlamaConfig>(&json).unwrap().into_config(false);
    their_config.vocab_size = HIDDEN;
    let mut tensors: std::collections::HashMap<String, Tensor> =
        candle_core::safetensors::load(&path, &device)
            .unwrap()
            .into_iter()
            .map(|(name, tensor)| {
                (if name.starts_with("model.") { name } else { format!("model.{name}") }, tensor)
            })
            .collect();
    let unit = Tensor::eye(HIDDEN, DType::F32, &device).unwrap();
    tensors.insert("model.embed_tokens.weight".into(), unit.clone());
    tensors.insert("lm_head.weight".into(), unit);
    let builder = VarBuilder::from_tensors(tensors, DType::F32, &device);
    let theirs = TheirLlama::load(builder, &their_config).unwrap();
    Both { ours, config, theirs, their_config }
}

fn embeddings(rows: usize, salt: usize) -> Tensor {
    let values = (0..rows * HIDDEN).map(|i| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1000.0 - 1.0);
    Tensor::from_vec(values.collect(), (rows, HIDDEN), &Device::Cpu).unwrap()
}

impl Both {
    /// Their hidden state at each position, fed one by one.
    fn theirs(&self, x: &Tensor) -> Tensor {
        let mut cache = Cache::new(true, DType::F32, &self.their_config, &Device::Cpu).unwrap();
        let rows: Vec<Tensor> = (0..x.dim(0).unwrap())
            .map(|i| {
                let row = x.narrow(0, i, 1).unwrap().unsqueeze(0).unwrap();
                self.theirs.forward_input_embed(&row, i, &mut cache).unwrap()
            })
            .collect();
        Tensor::cat(&rows, 0).unwrap()
    }

    fn cache(&self, slots: usize, capacity: usize) -> KvCache {
        KvCache::new(&self.config, slots, capacity, DType::F32, &Device::Cpu).unwrap()
    }

    fn ours(&self, x: &Tensor, rows: &[(u32, u32)], cache: &mut KvCache) -> Tensor {
        self.ours.forward(x, rows, cache).unwrap()
    }
}

fn assert_close(a: &Tensor, b: &Tensor) {
    let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().sqrt().unwrap().to_scalar::<f32>().unwrap();
    let error = norm(&(a - b).unwrap()) / norm(b);
    assert!(error < 2e-6, "relative error {error:.2e}");
}

#[test]
fn a_prompt_at_once_equals_candles_llama_position_by_position() {
    let both = both();
    let x = embeddings(30, 1);
    let rows: Vec<_> = (0..30).map(|position| (0, position)).collect();
    assert_close(&both.ours(&x, &rows, &mut both.cache(1, 30)), &both.theirs(&x));
}

#[test]
fn sequences_of_unequal_length_in_one_batch_equal_each_alone() {
    let both = both();
    let (a, b) = (embeddings(11, 2), embeddings(4, 3));
    let mut cache = both.cache(3, 16);
    // Prompts of 9 and 2 in slots 2 and 0, then two single steps of both.
    let first = Tensor::cat(&[a.narrow(0, 0, 9).unwrap(), b.narrow(0, 0, 2).unwrap()], 0).unwrap();
    let rows: Vec<_> = (0..9).map(|p| (2, p)).chain((0..2).map(|p| (0, p))).collect();
    let first = both.ours(&first, &rows, &mut cache);
    let mut of_a = vec![first.narrow(0, 0, 9).unwrap()];
    let mut of_b = vec![first.narrow(0, 9, 2).unwrap()];
    for i in 0..2u32 {
        let x = Tensor::cat(
            &[a.narrow(0, 9 + i as usize, 1).unwrap(), b.narrow(0, 2 + i as usize, 1).unwrap()],
            0,
        );
        let out = both.ours(&x.unwrap(), &[(2, 9 + i), (0, 2 + i)], &mut cache);
        of_a.push(out.narrow(0, 0, 1).unwrap());
        of_b.push(out.narrow(0, 1, 1).unwrap());
    }
    assert_close(&Tensor::cat(&of_a, 0).unwrap(), &both.theirs(&a));
    assert_close(&Tensor::cat(&of_b, 0).unwrap(), &both.theirs(&b));
}

#[test]
fn rows_outside_the_cache_are_refused() {
    let both = both();
    let x = embeddings(1, 4);
    for row in [(1, 0), (0, 8), (0, 4096)] {
        assert!(both.ours.forward(&x, &[row], &mut both.cache(1, 8)).is_err(), "{row:?}");
    }
}
