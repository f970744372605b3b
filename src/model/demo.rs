//! Random weights in the published layout, so that everything runs with nothing downloaded. They speak
//! noise; names, shapes and files are those of the published model.
//!
//! Every number depends on the seed, the tensor's name and its place alone, so tensors are made in any
//! order, in parallel, when they are asked for.

mod numbers;
mod vocabulary;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use half::f16;
use safetensors::tensor::{Dtype, View, serialize_to_file};
use serde_json::json;

use super::checkpoint::Checkpoint;
use super::llama::GptConfig;
use super::weights::{TensorSource, WeightFile};
use crate::error::{Error, Result};
use crate::hub::{DemoSize, ModelSource};
use crate::text::CONTROL_TOKENS;
use crate::voice::SpeakerStats;
use numbers::{mel_filters, random};
use vocabulary::tokenizer_json;

/// The seed of `--model demo` and `demo-full`; with this one lines end after some seconds, neither at once
/// nor never.
pub const DEMO_SEED: u64 = 4;

const CODEBOOKS: usize = 4;
const CODE_TOKENS: usize = 626;
const MEL_CHANNELS: usize = 100;
const FFT: usize = 1024;
const SAMPLE_RATE: f64 = 24_000.0;

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

fn sizes(size: DemoSize) -> Sizes {
    match size {
        DemoSize::Tiny => Sizes {
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
        DemoSize::Full => Sizes {
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

/// Makes the tensors of one demo file.
struct DemoFile {
    seed: u64,
    tensors: BTreeMap<String, (Vec<usize>, Fill)>,
}

impl DemoFile {
    fn new(seed: u64) -> Self {
        DemoFile { seed, tensors: BTreeMap::new() }
    }

    fn dims(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(shape, _)| shape.as_slice())
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        let Some((shape, fill)) = self.tensors.get(name) else { return Vec::new() };
        let count = shape.iter().product();
        match fill {
            Fill::Random { mean, deviation } => random(self.seed, name, count, *mean, *deviation),
            Fill::Hann => {
                (0..count).map(|i| (0.5 - 0.5 * (2.0 * PI * i as f64 / count as f64).cos()) as f32).collect()
            }
            Fill::MelFilters => mel_filters(),
        }
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

impl TensorSource for DemoFile {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.dims(name).map(<[usize]>::to_vec)
    }

    fn tensor(&self, name: &str, device: &Device) -> Result<Option<Tensor>> {
        let Some(shape) = self.dims(name) else { return Ok(None) };
        Ok(Some(Tensor::from_vec(self.numbers(name), shape, device)?))
    }
}

fn gpt(s: &Sizes, seed: u64) -> DemoFile {
    let mut file = DemoFile::new(seed);
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

fn embed(s: &Sizes, seed: u64) -> DemoFile {
    let mut file = DemoFile::new(seed);
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

fn decoder(s: &Sizes, seed: u64) -> DemoFile {
    let mut file = DemoFile::new(seed);
    file.put("coef".into(), &[1, MEL_CHANNELS, 1], 1.0, 0.2);
    file.stack("decoder", s.decoder.features, &s.decoder);
    file.weight("out_conv", &[MEL_CHANNELS, s.decoder.features, 3]);
    file
}

fn dvae(s: &Sizes, seed: u64) -> DemoFile {
    let mut file = DemoFile::new(seed);
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

fn vocos(s: &Sizes, seed: u64) -> DemoFile {
    let mut file = DemoFile::new(seed);
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

/// Returns the published model's config.json with the demo's sizes.
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

impl Checkpoint {
    /// Makes a checkpoint of random weights.
    ///
    /// # Errors
    /// None in practice.
    pub fn demo(size: DemoSize, seed: u64) -> Result<Self> {
        let s = sizes(size);
        let source = ModelSource::Demo(size);
        let name = |file: &str| PathBuf::from(format!("{source}/{file}"));
        let file = |name_in: &str, tensors: DemoFile| WeightFile::new(name(name_in), Arc::new(tensors));
        Ok(Checkpoint {
            config: GptConfig::parse(&config_json(&s), &name("gpt/config.json"))?,
            gpt: file("gpt/model.safetensors", gpt(&s, seed)),
            embed: file("Embed.safetensors", embed(&s, seed)),
            decoder: file("Decoder.safetensors", decoder(&s, seed)),
            dvae: file("DVAE.safetensors", dvae(&s, seed)),
            vocos: file("Vocos.safetensors", vocos(&s, seed)),
            tokenizer: (name("tokenizer/tokenizer.json"), tokenizer_json(s.text)),
            stats: Some(stats(&s, seed)?),
            packed: None,
        })
    }
}

/// Writes a demo checkpoint in the published layout: `dir/asset/…`.
///
/// # Errors
/// [`Error::BadFile`] if `dir` holds a model already, [`Error::Io`] if it cannot be written.
pub fn write_demo(dir: &Path, size: DemoSize, seed: u64) -> Result<PathBuf> {
    let asset = dir.join("asset");
    if asset.exists() {
        return Err(Error::bad_file(&asset, "exists already; name another folder"));
    }
    // Written beside its final place and renamed, so that an interrupted run leaves no half of a model.
    std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".asset-");
    // A temporary folder is its owner's alone unless told otherwise; a model is for whom the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let partial = builder.tempdir_in(dir).map_err(Error::io("create", dir))?;
    let s = sizes(size);
    for sub in ["gpt", "tokenizer"] {
        let folder = partial.path().join(sub);
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    }
    let text = |name: &str, content: String| {
        let path = partial.path().join(name);
        std::fs::write(&path, content).map_err(Error::io("write", &path))
    };
    let tensors = |name: &str, file: DemoFile| {
        let path = partial.path().join(name);
        let views =
            file.tensors.keys().map(|name| (name.clone(), DemoView { file: &file, name: name.clone() }));
        let format = HashMap::from([("format".to_string(), "pt".to_string())]);
        serialize_to_file(views, Some(format), &path).map_err(|e| Error::bad_file(&path, e.to_string()))
    };
    text("gpt/config.json", config_json(&s))?;
    text("tokenizer/tokenizer.json", tokenizer_json(s.text))?;
    let names: Vec<_> = CONTROL_TOKENS.iter().collect();
    let special = json!({"additional_special_tokens": names, "unk_token": "[UNK]", "pad_token": "[PAD]",
                         "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"});
    text("tokenizer/special_tokens_map.json", format!("{special:#}\n"))?;
    let mut config = special;
    config["tokenizer_class"] = json!("BertTokenizer");
    config["do_lower_case"] = json!(true);
    text("tokenizer/tokenizer_config.json", format!("{config:#}\n"))?;
    tensors("gpt/model.safetensors", gpt(&s, seed))?;
    tensors("Embed.safetensors", embed(&s, seed))?;
    tensors("Decoder.safetensors", decoder(&s, seed))?;
    tensors("DVAE.safetensors", dvae(&s, seed))?;
    tensors("Vocos.safetensors", vocos(&s, seed))?;
    if s.hidden != 768 {
        stats(&s, seed)?.write(&partial.path().join("spk_stat.safetensors"))?;
    }
    let partial = partial.keep();
    std::fs::rename(&partial, &asset).map_err(Error::io("create", &asset))?;
    Ok(asset)
}

struct DemoView<'a> {
    file: &'a DemoFile,
    name: String,
}

impl View for DemoView<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.file.dims(&self.name).unwrap_or_default()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.file.numbers(&self.name).iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        self.shape().iter().product::<usize>() * size_of::<f32>()
    }
}
