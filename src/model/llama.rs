//! The Llama that turns past positions into the next hidden state.
//!
//! Our own rather than candle-transformers': rows of any sequences and positions go through together, and
//! positions, slots and the cache live on the device. A test compares the two.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_transformers::models::llama::LlamaConfig;

use super::kernel::WeightType;
use super::kv_cache::KvCache;
use super::linear::Linear;
use super::ops::{Attention, Fill, RmsNorm, RopeTable, SiluGate, StoreKv, with_f32s};
use super::weights::{ANY, WeightFile, Weights};
use crate::error::{Error, Result};

/// The most that a size of the configuration may be. Memory is asked for by these numbers, so one that no
/// ChatTTS has is refused before it is; what the tensors say is compared when they are read.
const MOST: [(&str, usize); 5] = [
    ("max_position_embeddings", 1 << 16),
    ("num_hidden_layers", 1 << 10),
    ("num_attention_heads", 1 << 10),
    ("hidden_size", 1 << 15),
    ("intermediate_size", 1 << 17),
];

/// Holds the Llama's sizes, from gpt/config.json.
#[derive(Clone, Debug, PartialEq)]
pub struct GptConfig {
    /// Width of a hidden state.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Epsilon of the RMS norms.
    pub norm_eps: f32,
    /// Base of the rotary embedding.
    pub rope_theta: f32,
    /// Positions the model was made for.
    pub max_positions: usize,
    /// Whether it was trained to rewrite a text before it is spoken.
    pub refines: bool,
}

impl GptConfig {
    /// Reads `gpt/config.json`.
    ///
    /// # Errors
    /// [`Error::BadFile`] if it is no Llama configuration, or one this model cannot have.
    pub fn read(path: &Path) -> Result<Self> {
        let json = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        GptConfig::parse(&json, path)
    }

    pub(super) fn parse(json: &str, path: &Path) -> Result<Self> {
        let bad = |reason: String| Error::bad_file(path, reason);
        let config: LlamaConfig =
            serde_json::from_str(json).map_err(|e| bad(format!("not a Llama configuration: {e}")))?;
        let sizes = [
            config.max_position_embeddings,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.hidden_size,
            config.intermediate_size,
        ];
        if let Some(((key, most), size)) = MOST.iter().zip(sizes).find(|((_, most), size)| size > most) {
            return Err(bad(format!("{key} is {size}; at most {most} are read")));
        }
        if config.num_key_value_heads() != config.num_attention_heads {
            return Err(bad("grouped key-value heads are not what ChatTTS has".into()));
        }
        if config.rope_scaling.is_some() {
            return Err(bad("scaled rotary embeddings are not what ChatTTS has".into()));
        }
        // Not in the published file, whose model does.
        #[derive(serde::Deserialize)]
        struct Trained {
            #[serde(default = "yes")]
            refines: bool,
        }
        fn yes() -> bool {
            true
        }
        let Trained { refines } =
            serde_json::from_str(json).map_err(|e| bad(format!("not a Llama configuration: {e}")))?;
        let heads = config.num_attention_heads;
        if heads == 0 || config.hidden_size == 0 || !config.hidden_size.is_multiple_of(2 * heads) {
            return Err(bad(format!(
                "hidden_size {} cannot be shared by {heads} attention heads of even size",
                config.hidden_size
            )));
        }
        if config.num_hidden_layers == 0 || config.max_position_embeddings == 0 {
            return Err(bad("num_hidden_layers and max_position_embeddings must be at least 1".into()));
        }
        Ok(GptConfig {
            hidden: config.hidden_size,
            intermediate: config.intermediate_size,
            layers: config.num_hidden_layers,
            heads,
            norm_eps: config.rms_norm_eps as f32,
            rope_theta: config.rope_theta,
            max_positions: config.max_position_embeddings,
            refines,
        })
    }

    /// Returns the sizes as [`GptConfig::read`] reads them.
    pub(super) fn to_json(&self) -> String {
        serde_json::json!({
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "vocab_size": 0,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "rms_norm_eps": f64::from(self.norm_eps),
            "rope_theta": self.rope_theta,
            "max_position_embeddings": self.max_positions,
            "refines": self.refines,
        })
        .to_string()
    }

    /// Returns the width of one attention head.
    pub fn head_size(&self) -> usize {
        self.hidden / self.heads
    }
}

struct Layer {
    input_norm: Tensor,
    qkv: Linear,
    output: Linear,
    post_attention_norm: Tensor,
    gate_up: Linear,
    down: Linear,
}

impl Layer {
    fn load(weights: &Weights, config: &GptConfig) -> Result<Self> {
        let joined = Linear::load_joined;
        let (hidden, inner) = (config.hidden, config.intermediate);
        let attention = weights.at("self_attn");
        let mlp = weights.at("mlp");
        Ok(Layer {
            input_norm: weights.at("input_layernorm").tensor("weight", &[hidden])?,
            qkv: joined(&attention, &["q_proj", "k_proj", "v_proj"], hidden, hidden)?,
            output: joined(&attention, &["o_proj"], hidden, hidden)?,
            post_attention_norm: weights.at("post_attention_layernorm").tensor("weight", &[hidden])?,
            gate_up: joined(&mlp, &["gate_proj", "up_proj"], inner, hidden)?,
            down: joined(&mlp, &["down_proj"], hidden, inner)?,
        })
    }
}

/// Returns the weights under the names' common start, checked as far as layers go.
fn root<'a>(file: &'a WeightFile, config: &GptConfig, device: &'a Device) -> Result<Weights<'a>> {
    let mut weights = file.root(DType::F32, device);
    if file.contains("model.norm.weight") {
        weights = weights.at("model");
    }
    // Told apart from a missing tensor, whose name alone would not show that the layers end early.
    let found = weights.count("layers", "input_layernorm.weight");
    if found != config.layers {
        return Err(Error::bad_file(
            file.path(),
            format!("holds {found} layers, gpt/config.json says {}", config.layers),
        ));
    }
    weights.at("layers.0.mlp.gate_proj").check("weight", &[ANY, config.hidden])?;
    Ok(weights)
}

/// Holds a layer's weights as the checkpoint has them, for devices that lay them out their own way.
#[cfg(feature = "cuda")]
pub struct LayerWeights {
    /// (hidden).
    pub input_norm: Tensor,
    /// Queries', keys' and values', (hidden, hidden) each.
    pub qkv: [Tensor; 3],
    /// (hidden, hidden).
    pub output: Tensor,
    /// (hidden).
    pub post_attention_norm: Tensor,
    /// (intermediate, hidden).
    pub gate: Tensor,
    /// (intermediate, hidden).
    pub up: Tensor,
    /// (hidden, intermediate).
    pub down: Tensor,
}

#[cfg(feature = "cuda")]
impl LayerWeights {
    /// Loads the weights of layer `index`.
    ///
    /// # Errors
    /// A missing tensor, or one whose shape is not the configuration's.
    pub fn load(file: &WeightFile, config: &GptConfig, index: usize) -> Result<Self> {
        let weights = root(file, config, &Device::Cpu)?.at(format!("layers.{index}"));
        let (hidden, inner) = (config.hidden, config.intermediate);
        let matrix = |name: &str, outputs, inputs| weights.at(name).raw("weight", &[outputs, inputs]);
        Ok(LayerWeights {
            input_norm: weights.at("input_layernorm").tensor("weight", &[hidden])?,
            qkv: [
                matrix("self_attn.q_proj", hidden, hidden)?,
                matrix("self_attn.k_proj", hidden, hidden)?,
                matrix("self_attn.v_proj", hidden, hidden)?,
            ],
            output: matrix("self_attn.o_proj", hidden, hidden)?,
            post_attention_norm: weights.at("post_attention_layernorm").tensor("weight", &[hidden])?,
            gate: matrix("mlp.gate_proj", inner, hidden)?,
            up: matrix("mlp.up_proj", inner, hidden)?,
            down: matrix("mlp.down_proj", hidden, inner)?,
        })
    }

    /// Loads the weight of the norm after the last layer.
    ///
    /// # Errors
    /// As [`LayerWeights::load`].
    pub fn final_norm(file: &WeightFile, config: &GptConfig) -> Result<Tensor> {
        root(file, config, &Device::Cpu)?.at("norm").tensor("weight", &[config.hidden])
    }
}

/// Runs the Llama: embeddings in, hidden states after the final norm out.
pub struct Llama {
    config: GptConfig,
    layers: Vec<Layer>,
    norm: Tensor,
    rope: RopeTable,
    device: Device,
}

/// Holds the scratch memory for the rows of a step, so that a step takes none.
pub struct Workspace {
    rows: usize,
    /// (rows, hidden): embeddings go in here, and here the last layer leaves its states.
    x: Tensor,
    /// (rows, hidden).
    normed: Tensor,
    /// (rows, 3·hidden).
    qkv: Tensor,
    /// (rows, hidden).
    attended: Tensor,
    /// (rows, 2·intermediate).
    gate_up: Tensor,
    /// (rows, intermediate).
    gated: Tensor,
}

impl Workspace {
    /// Returns how many rows fit.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns where embeddings go: (rows, hidden).
    pub fn x(&self) -> &Tensor {
        &self.x
    }
}

impl Llama {
    /// Loads `gpt/model.safetensors`, whose names may or may not carry a `model.` prefix, with the weights of
    /// its products in the type asked for.
    ///
    /// # Errors
    /// A missing tensor, or one whose shape is not the configuration's.
    pub fn load(
        file: &WeightFile,
        config: &GptConfig,
        weight_type: WeightType,
        device: &Device,
    ) -> Result<Self> {
        use rayon::prelude::*;
        let weights = root(file, config, device)?.with_kind(weight_type);
        let layers = (0..config.layers)
            .into_par_iter()
            .map(|i| Layer::load(&weights.at(format!("layers.{i}")), config))
            .collect::<Result<Vec<_>>>()?;
        Ok(Llama {
            norm: weights.at("norm").tensor("weight", &[config.hidden])?,
            rope: RopeTable::new(config.head_size(), config.max_positions, config.rope_theta),
            layers,
            config: config.clone(),
            device: device.clone(),
        })
    }

    /// Returns the Llama's sizes.
    pub fn config(&self) -> &GptConfig {
        &self.config
    }

    /// Takes scratch memory for steps of so many rows.
    ///
    /// # Errors
    /// If the device has no memory for it.
    pub fn workspace(&self, rows: usize) -> Result<Workspace> {
        let tensor = |width| Tensor::zeros((rows, width), DType::F32, &self.device);
        let GptConfig { hidden, intermediate, .. } = self.config;
        Ok(Workspace {
            rows,
            x: tensor(hidden)?,
            normed: tensor(hidden)?,
            qkv: tensor(3 * hidden)?,
            attended: tensor(hidden)?,
            gate_up: tensor(2 * intermediate)?,
            gated: tensor(intermediate)?,
        })
    }

    /// Runs the first rows of a workspace through the layers, in place; `places` has the slot and position
    /// of each. A row attends to the positions of its slot up to its own; rows of one slot must come with
    /// consecutive positions, in order.
    ///
    /// # Errors
    /// If a row lies outside the cache, or there are more than the workspace has room for.
    pub fn run(&self, space: &Workspace, places: &[(u32, u32)], cache: &mut KvCache) -> Result<()> {
        self.run_with(space, places, cache, &mut |_| Ok(()))
    }

    /// Runs the layers as [`Llama::run`] does; `after` sees what each layer leaves, (…, hidden).
    ///
    /// # Errors
    /// As [`Llama::run`], or what `after` returns.
    pub fn run_with(
        &self,
        space: &Workspace,
        places: &[(u32, u32)],
        cache: &mut KvCache,
        after: &mut dyn FnMut(&Tensor) -> Result<()>,
    ) -> Result<()> {
        let (rows, eps) = (places.len(), self.config.norm_eps);
        let Workspace { x, normed, qkv, attended, gate_up, gated, .. } = space;
        let (rope, shape) = (&self.rope, cache.shape());
        for (index, layer) in self.layers.iter().enumerate() {
            let cache = cache.layer(index);
            normed.inplace_op3(x, &layer.input_norm, &RmsNorm { rows, eps })?;
            layer.qkv.forward_into(normed, qkv, rows)?;
            cache.inplace_op2(qkv, &StoreKv { places, rope, shape })?;
            attended.inplace_op3(qkv, cache, &Attention { places, rope, shape })?;
            layer.output.add_to(attended, x, rows)?;

            normed.inplace_op3(x, &layer.post_attention_norm, &RmsNorm { rows, eps })?;
            layer.gate_up.forward_into(normed, gate_up, rows)?;
            gated.inplace_op2(gate_up, &SiluGate { rows })?;
            layer.down.add_to(gated, x, rows)?;
            after(x)?;
        }
        Ok(())
    }

    /// Computes the final norm of some of a workspace's rows into the first rows of `hidden` (…, hidden).
    ///
    /// # Errors
    /// If there are more than either has room for.
    pub fn finish(&self, space: &Workspace, picked: &[usize], hidden: &Tensor) -> Result<()> {
        let width = self.config.hidden;
        with_f32s(&space.x, |x| {
            space.normed.inplace_op1(&Fill(|normed: &mut [f32]| {
                for (to, from) in normed.chunks_exact_mut(width).zip(picked) {
                    to.copy_from_slice(&x[from * width..][..width]);
                }
            }))
        })??;
        let norm = RmsNorm { rows: picked.len(), eps: self.config.norm_eps };
        Ok(hidden.inplace_op3(&space.normed, &self.norm, &norm)?)
    }

    /// Runs embeddings (rows, hidden) through the model: hidden states after the final norm. For a step after
    /// the other, [`Llama::run`] saves taking memory anew.
    ///
    /// # Errors
    /// As [`Llama::run`].
    pub fn forward(&self, x: &Tensor, places: &[(u32, u32)], cache: &mut KvCache) -> Result<Tensor> {
        let space = Workspace { x: x.copy()?, ..self.workspace(places.len())? };
        self.run(&space, places, cache)?;
        let hidden = x.zeros_like()?;
        let all: Vec<usize> = (0..places.len()).collect();
        self.finish(&space, &all, &hidden)?;
        Ok(hidden)
    }
}
