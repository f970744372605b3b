//! Models of random weights, for tests and measurements. They speak noise; names, shapes and files are those of
//! the published model.
//!
//! Every number depends on the seed, the tensor's name and its place alone, so tensors are made in any
//! order, in parallel, when they are asked for.

mod numbers;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;
use serde_json::json;

use super::checkpoint::Checkpoint;
use super::published::{FFT, Part, Published, hann_window, mel_filters};
use crate::backend::networks::MEL_CHANNELS;
use crate::error::Result;
use crate::hub::{ModelSource, NoiseSize};
use crate::voice::SpeakerStats;
use numbers::random;
use vocabulary::tokenizer_json;

/// The seed of the models `noise` and `noise-full`; with this one lines end after some seconds, neither at once
/// nor never.
pub const NOISE_SEED: u64 = 4;

const CODEBOOKS: usize = 4;
const CODE_TOKENS: usize = 626;

#[derive(Clone)]
struct Sizes {
    hidden: usize,
    intermediate: usize,
    layers: usize,
    heads: usize,
    text: usize,
    decoder: StackSizes,
    dvae: StackSizes,
    vocos: usize,
    vocos_inner: usize,
    vocos_layers: usize,
}

#[derive(Clone)]
struct StackSizes {
    features: usize,
    bottleneck: usize,
    width: usize,
    layers: usize,
}

fn sizes(size: NoiseSize) -> Sizes {
    match size {
        NoiseSize::Tiny => Sizes {
            hidden: 64,
            intermediate: 160,
            layers: 3,
            heads: 4,
            text: 640,
            decoder: StackSizes { features: 32, bottleneck: 24, width: 48, layers: 2 },
            dvae: StackSizes { features: 32, bottleneck: 16, width: 24, layers: 2 },
            vocos: 48,
            vocos_inner: 96,
            vocos_layers: 2,
        },
        NoiseSize::Full => Sizes {
            hidden: 768,
            intermediate: 3072,
            layers: 20,
            heads: 12,
            text: 21178,
            decoder: StackSizes { features: 384, bottleneck: 128, width: 512, layers: 12 },
            dvae: StackSizes { features: 512, bottleneck: 128, width: 256, layers: 12 },
            vocos: 512,
            vocos_inner: 1536,
            vocos_layers: 8,
        },
    }
}

/// Says what fills a tensor.
#[derive(Clone)]
enum Fill {
    /// Uniform numbers of this mean and standard deviation.
    Random {
        mean: f32,
        deviation: f32,
    },
    Hann,
    MelFilters,
}

/// Makes the tensors of one file.
struct NoisePart {
    seed: u64,
    tensors: BTreeMap<String, (Vec<usize>, Fill)>,
}

impl NoisePart {
    fn new(seed: u64) -> Self {
        NoisePart { seed, tensors: BTreeMap::new() }
    }

    fn put(&mut self, name: String, shape: &[usize], mean: f32, deviation: f32) {
        self.tensors.insert(name, (shape.to_vec(), Fill::Random { mean, deviation }));
    }

    fn put_fixed(&mut self, name: &str, shape: &[usize], fill: Fill) {
        self.tensors.insert(name.into(), (shape.to_vec(), fill));
    }

    /// Puts a weight whose outputs are as large as its inputs, whatever its width.
    fn weight(&mut self, name: &str, shape: &[usize]) {
        let fan_in: usize = shape[1..].iter().product();
        self.put(format!("{name}.weight"), shape, 0.0, 1.0 / (fan_in as f32).sqrt());
    }

    fn weight_and_bias(&mut self, name: &str, shape: &[usize]) {
        self.weight(name, shape);
        self.put(format!("{name}.bias"), &shape[..1], 0.0, 0.05);
    }

    fn norm(&mut self, name: &str, width: usize, bias: bool) {
        self.put(format!("{name}.weight"), &[width], 1.0, 0.1);
        if bias {
            self.put(format!("{name}.bias"), &[width], 0.0, 0.05);
        }
    }

    fn block(&mut self, name: &str, width: usize, inner: usize, scale: &str) {
        self.put(format!("{name}.{scale}"), &[width], 0.0, 0.2);
        self.weight_and_bias(&format!("{name}.dwconv"), &[width, 1, 7]);
        self.norm(&format!("{name}.norm"), width, true);
        self.weight_and_bias(&format!("{name}.pwconv1"), &[inner, width]);
        self.weight_and_bias(&format!("{name}.pwconv2"), &[width, inner]);
    }

    fn stack(&mut self, name: &str, outputs: usize, s: &StackSizes) {
        self.weight_and_bias(&format!("{name}.conv_in.0"), &[s.bottleneck, s.features, 3]);
        self.weight_and_bias(&format!("{name}.conv_in.2"), &[s.width, s.bottleneck, 3]);
        for i in 0..s.layers {
            self.block(&format!("{name}.decoder_block.{i}"), s.width, 4 * s.width, "weight");
        }
        self.weight(&format!("{name}.conv_out"), &[outputs, s.width, 1]);
    }
}

impl Part for NoisePart {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|(shape, _)| shape.clone())
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        let Some((shape, fill)) = self.tensors.get(name) else { return Vec::new() };
        match fill {
            Fill::Random { mean, deviation } => {
                random(self.seed, name, shape.iter().product(), *mean, *deviation)
            }
            Fill::Hann => hann_window(),
            Fill::MelFilters => mel_filters(),
        }
    }
}

fn gpt(s: &Sizes, seed: u64) -> NoisePart {
    let mut file = NoisePart::new(seed);
    for i in 0..s.layers {
        let layer = format!("layers.{i}");
        for part in ["q", "k", "v", "o"] {
            file.weight(&format!("{layer}.self_attn.{part}_proj"), &[s.hidden, s.hidden]);
        }
        for part in ["gate", "up"] {
            file.weight(&format!("{layer}.mlp.{part}_proj"), &[s.intermediate, s.hidden]);
        }
        file.weight(&format!("{layer}.mlp.down_proj"), &[s.hidden, s.intermediate]);
        file.norm(&format!("{layer}.input_layernorm"), s.hidden, false);
        file.norm(&format!("{layer}.post_attention_layernorm"), s.hidden, false);
    }
    file.norm("norm", s.hidden, false);
    file
}

fn embed(s: &Sizes, seed: u64) -> NoisePart {
    let mut file = NoisePart::new(seed);
    file.put("emb_text.weight".into(), &[s.text, s.hidden], 0.0, 1.0);
    let mut head = |name: String, outputs: usize| {
        let parts = format!("{name}.parametrizations.weight");
        file.put(format!("{parts}.original0"), &[outputs, 1], 2.0, 0.3);
        file.put(format!("{parts}.original1"), &[outputs, s.hidden], 0.0, 1.0);
    };
    head("head_text".into(), s.text);
    (0..CODEBOOKS).for_each(|i| head(format!("head_code.{i}"), CODE_TOKENS));
    for i in 0..CODEBOOKS {
        file.put(format!("emb_code.{i}.weight"), &[CODE_TOKENS, s.hidden], 0.0, 0.5);
    }
    file
}

fn decoder(s: &Sizes, seed: u64) -> NoisePart {
    let mut file = NoisePart::new(seed);
    file.put("coef".into(), &[1, MEL_CHANNELS, 1], 1.0, 0.2);
    file.stack("decoder", s.decoder.features, &s.decoder);
    file.weight("out_conv", &[MEL_CHANNELS, s.decoder.features, 3]);
    file
}

fn dvae(s: &Sizes, seed: u64) -> NoisePart {
    let mut file = NoisePart::new(seed);
    let features = s.dvae.features;
    file.put("coef".into(), &[1, MEL_CHANNELS, 1], 1.0, 0.2);
    file.weight_and_bias("downsample_conv.0", &[features, MEL_CHANNELS, 3]);
    file.weight_and_bias("downsample_conv.2", &[features, features, 4]);
    file.put_fixed("preprocessor_mel.mel_spec.spectrogram.window", &[FFT], Fill::Hann);
    file.put_fixed("preprocessor_mel.mel_spec.mel_scale.fb", &[FFT / 2 + 1, MEL_CHANNELS], Fill::MelFilters);
    file.stack("encoder", 2 * features, &s.dvae);
    file.stack("decoder", features, &s.dvae);
    file.weight("out_conv", &[MEL_CHANNELS, features, 3]);
    for i in 0..2 {
        let group = format!("vq_layer.quantizer.rvqs.{i}");
        file.weight_and_bias(&format!("{group}.project_in"), &[4, features]);
        file.weight_and_bias(&format!("{group}.project_out"), &[features, 4]);
    }
    file
}

fn vocos(s: &Sizes, seed: u64) -> NoisePart {
    let mut file = NoisePart::new(seed);
    file.put_fixed("feature_extractor.mel_spec.spectrogram.window", &[FFT], Fill::Hann);
    file.put_fixed("feature_extractor.mel_spec.mel_scale.fb", &[FFT / 2 + 1, MEL_CHANNELS], Fill::MelFilters);
    file.weight_and_bias("backbone.embed", &[s.vocos, MEL_CHANNELS, 7]);
    file.norm("backbone.norm", s.vocos, true);
    for i in 0..s.vocos_layers {
        file.block(&format!("backbone.convnext.{i}"), s.vocos, s.vocos_inner, "gamma");
    }
    file.norm("backbone.final_layer_norm", s.vocos, true);
    file.weight_and_bias("head.out", &[FFT + 2, s.vocos]);
    file.put_fixed("head.istft.window", &[FFT], Fill::Hann);
    file
}

/// Returns the published model's config.json with these sizes.
fn config_json(s: &Sizes) -> String {
    let config = json!({
        "architectures": ["LlamaModel"],
        "hidden_act": "silu",
        "hidden_size": s.hidden,
        "intermediate_size": s.intermediate,
        "max_position_embeddings": 4096,
        "model_type": "llama",
        "num_attention_heads": s.heads,
        "num_audio_tokens": CODE_TOKENS,
        "num_hidden_layers": s.layers,
        "num_key_value_heads": s.heads,
        "num_text_tokens": s.text,
        "num_vq": CODEBOOKS,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "torch_dtype": "float32",
        "vocab_size": 32000,
    });
    format!("{config:#}\n")
}

/// Statistics of voices; the published model's fit its own width only.
fn stats(s: &Sizes, seed: u64) -> Result<SpeakerStats> {
    if s.hidden == 768 {
        return SpeakerStats::published();
    }
    let half = |numbers: Vec<f32>| numbers.into_iter().map(f16::from_f32).collect();
    let std = half(random(seed, "std", s.hidden, 1.1, 0.05));
    let mean = half(random(seed, "mean", s.hidden, 0.0, 0.5));
    SpeakerStats::new(std, mean)
}

fn published(size: NoiseSize, seed: u64) -> Result<Published> {
    let s = sizes(size);
    Ok(Published {
        config: config_json(&s),
        tokenizer: tokenizer_json(s.text),
        stats: stats(&s, seed)?,
        gpt: Arc::new(gpt(&s, seed)),
        embed: Arc::new(embed(&s, seed)),
        decoder: Arc::new(decoder(&s, seed)),
        dvae: Arc::new(dvae(&s, seed)),
        vocos: Arc::new(vocos(&s, seed)),
    })
}

impl Checkpoint {
    /// Makes a checkpoint of random weights.
    ///
    /// # Errors
    /// None in practice.
    pub fn noise(size: NoiseSize, seed: u64) -> Result<Self> {
        crate::threads::start(None)?;
        published(size, seed)?.checkpoint(&ModelSource::Noise(size))
    }
}

/// Writes a checkpoint of random weights in the published layout: `dir/asset/…`, whose path is returned.
///
/// # Errors
/// [`Error::BadFile`](crate::Error::BadFile) if `dir` holds another model already, [`Error::Io`](crate::Error::Io) if it
/// cannot be written.
pub fn write_noise(dir: &Path, size: NoiseSize, seed: u64) -> Result<PathBuf> {
    crate::threads::start(None)?;
    published(size, seed)?.write(dir)
}
