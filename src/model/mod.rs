//! The networks: tensors in, tensors out. No files but the checkpoint, no flags, no progress.
//!
//! Activations are laid out row by row: one row per position (or audio frame), channels last. A batch is
//! the rows of its sequences one after another, so sequences of any lengths go together without padding,
//! and a single text is a batch of one.

mod checkpoint;
mod codes;
mod convnext;
mod demo;
mod dvae_encoder;
mod embed;
mod kernel;
mod kv_cache;
mod linear;
mod llama;
mod mel_decoder;
mod memory;
mod noise;
mod ops;
mod packed;
mod processor;
mod published;
mod render;
mod renderer;
mod vocos;
mod wave_stream;
mod weights;

pub use checkpoint::Checkpoint;
#[cfg(feature = "cuda")]
pub(crate) use codes::Quantizer;
#[cfg(feature = "cuda")]
pub(crate) use convnext::{DEPTHWISE_TAPS, NORM_EPS, taps_first};
pub(crate) use demo::demo_fingerprint;
pub use demo::write_demo;
pub use dvae_encoder::DvaeEncoder;
pub use embed::{Embed, Head, Input};
#[cfg(feature = "cuda")]
pub(crate) use kernel::{BLOCK, quantize_block};
pub use kernel::{WeightType, instructions};
pub use kv_cache::KvCache;
#[cfg(feature = "cuda")]
pub use llama::LayerWeights;
pub use llama::{GptConfig, Llama, Workspace};
#[cfg(feature = "cuda")]
pub(crate) use mel_decoder::{DILATION, MEL_CHANNELS};
pub use mel_decoder::{Dvae, HiddenDecoder};
pub use noise::{NOISE_SEED, write_noise};
#[cfg(feature = "cuda")]
pub(crate) use ops::RopeTable;
pub use ops::{Fill, Frames, with_f32s};
pub use packed::{Packed, Packer};
#[cfg(feature = "cuda")]
pub(crate) use render::Render;
pub use render::{Growing, Mel, Rendered};
pub use renderer::Renderer;
pub use vocos::{HOP, SAMPLE_RATE, Vocos};
pub use wave_stream::WaveStream;
pub use weights::{ANY, WeightFile, Weights};
