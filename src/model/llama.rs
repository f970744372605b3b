//! The Llama that turns past positions into the next hidden state.
//!
//! Our own rather than candle-transformers': rows of any sequences and positions go through together, and
//! positions, slots and the cache live on the device. A test compares the two.

use std::path::Path;

use candle_core::{DType, Tensor};
use candle_nn::ops::rms_norm;
use candle_transformers::models::llama::LlamaConfig;

use super::kv_cache::{KvCache, Rows};
use super::linear::{Linear, WeightType};
use super::ops::{Attention, RopeTable, StoreKv, rope_in_place, silu_gate};
use super::weights::{ANY, WeightFile, Weights};
use crate::error::{Error, Result};

/// The Llama's sizes, from gpt/config.json.
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
        if config.num_key_value_heads() != config.num_attention_heads {
            return Err(bad("grouped key-value heads are not what ChatTTS has".into()));
        }
        if config.rope_scaling.is_some() {
            return Err(bad("scaled rotary embeddings are not what ChatTTS has".into()));
        }
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
        })
    }

    /// Width of one attention head.
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
    fn load(weights: &Weights, config: &GptConfig, weight_type: WeightType) -> Result<Self> {
        let joined = |weights: &Weights, names: &[&str], outputs, inputs| {
            Linear::load_joined(weights, names, outputs, inputs)?.into_type(weight_type)
        };
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

/// The Llama: embeddings in, hidden states after the final norm out.
pub struct Llama {
    config: GptConfig,
    layers: Vec<Layer>,
    norm: Tensor,
    rope: RopeTable,
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
        device: &candle_core::Device,
    ) -> Result<Self> {
        use rayon::prelude::*;
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
        weights.at("layers.0.mlp.gate_proj").tensor("weight", &[ANY, config.hidden])?;
        let layers = (0..config.layers)
            .into_par_iter()
            .map(|i| Layer::load(&weights.at(format!("layers.{i}")), config, weight_type))
            .collect::<Result<Vec<_>>>()?;
        Ok(Llama {
            norm: weights.at("norm").tensor("weight", &[config.hidden])?,
            rope: RopeTable::new(config.head_size(), config.max_positions, config.rope_theta, device)?,
            layers,
            config: config.clone(),
        })
    }

    /// Its sizes.
    pub fn config(&self) -> &GptConfig {
        &self.config
    }

    /// Runs embeddings (rows, hidden) through the model. Each row attends to the positions of its slot up
    /// to its own; rows of one slot must come with consecutive positions, in order.
    ///
    /// # Errors
    /// If a row lies outside the cache.
    pub fn forward(&self, x: &Tensor, rows: &Rows, cache: &mut KvCache) -> Result<Tensor> {
        let eps = self.config.norm_eps;
        let mut x = x.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let qkv = layer.qkv.forward(&rms_norm(&x, &layer.input_norm, eps)?)?;
            rope_in_place(&qkv, rows.table(), &self.rope)?;
            cache.layer(index).inplace_op3(&qkv, rows.table(), &StoreKv)?;
            let attended = qkv.apply_op3_no_bwd(cache.layer(index), rows.table(), &Attention)?;
            x = (x + layer.output.forward(&attended)?)?;

            let gate_up = layer.gate_up.forward(&rms_norm(&x, &layer.post_attention_norm, eps)?)?;
            x = (x + layer.down.forward(&silu_gate(&gate_up)?)?)?;
        }
        Ok(rms_norm(&x, &self.norm, eps)?)
    }
}
