//! The Llama that turns past positions into the next hidden state (Touvron et al., 2023): `gpt/model.safetensors`.

use std::path::Path;

use candle_transformers::models::llama::LlamaConfig;
use rayon::prelude::*;

use super::layout::{Layout, MatrixWeight, Outputs};
use crate::backend::weights::{ANY, WeightFile, Weights};
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

    pub(crate) fn parse(json: &str, path: &Path) -> Result<Self> {
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
    pub(crate) fn to_json(&self) -> String {
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

/// Holds one layer: x += attention(norm(x)); x += feed-forward(norm(x)).
pub struct Layer<L: Layout> {
    /// Weights of the norm before attention, (hidden).
    pub input_norm: L::Vector,
    /// Queries, keys and values, (3·hidden, hidden).
    pub qkv: L::Matrix,
    /// The output of attention, (hidden, hidden).
    pub output: L::Matrix,
    /// Weights of the norm before the feed-forward part, (hidden).
    pub post_attention_norm: L::Vector,
    /// Gates, then what they let through, (2·intermediate, hidden).
    pub gate_up: L::Matrix,
    /// The output of the feed-forward part, (hidden, intermediate).
    pub down: L::Matrix,
}

/// Holds the weights of the Llama: embeddings in, hidden states after the last norm out.
pub struct Llama<L: Layout> {
    /// Its sizes.
    pub config: GptConfig,
    /// The layers, in order.
    pub layers: Vec<Layer<L>>,
    /// Weights of the norm after the last layer, (hidden).
    pub norm: L::Vector,
}

impl<L: Layout> Llama<L> {
    /// Loads `gpt/model.safetensors`, whose names may or may not carry a `model.` prefix.
    ///
    /// # Errors
    /// A missing tensor, or one whose shape is not the configuration's; an error of the layout.
    pub fn load(file: &WeightFile, config: &GptConfig, layout: &L) -> Result<Self> {
        let weights = root(file, config)?;
        let layers = (0..config.layers).into_par_iter();
        let layers = layers.map(|i| Layer::load(&weights.at(format!("layers.{i}")), config, layout));
        Ok(Llama {
            layers: layers.collect::<Result<_>>()?,
            norm: layout.vector(weights.at("norm").tensor("weight", &[config.hidden])?)?,
            config: config.clone(),
        })
    }
}

impl<L: Layout> Layer<L> {
    fn load(weights: &Weights, config: &GptConfig, layout: &L) -> Result<Self> {
        let (hidden, inner) = (config.hidden, config.intermediate);
        let norm = |name: &str| layout.vector(weights.at(name).tensor("weight", &[hidden])?);
        let (attention, mlp) = (weights.at("self_attn"), weights.at("mlp"));
        let joined = |weights: &Weights, names: &[&str], outputs, inputs, order| {
            layout.matrix(&MatrixWeight::joined(weights, names, (outputs, inputs), order))
        };
        let of_heads = Outputs::QueriesKeysValues { heads: config.heads };
        Ok(Layer {
            input_norm: norm("input_layernorm")?,
            qkv: joined(&attention, &["q_proj", "k_proj", "v_proj"], hidden, hidden, of_heads)?,
            output: joined(&attention, &["o_proj"], hidden, hidden, Outputs::Plain)?,
            post_attention_norm: norm("post_attention_layernorm")?,
            gate_up: joined(&mlp, &["gate_proj", "up_proj"], inner, hidden, Outputs::GateUp)?,
            down: joined(&mlp, &["down_proj"], hidden, inner, Outputs::Plain)?,
        })
    }
}

/// Returns the weights under the names' common start, checked as far as layers go.
fn root<'a>(file: &'a WeightFile, config: &GptConfig) -> Result<Weights<'a>> {
    let mut weights = file.root();
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
