//! What the networks are: names, shapes and order of their layers, each in one place, and how far a frame sees.
//! Weights are read here, with candle, and laid out by the backend that computes with them; what it computes from
//! them is the backend's.

mod codes;
mod convnext;
mod dvae;
mod embed;
mod layout;
mod llama;
mod mel;
mod spectrum;
mod vocos;

#[cfg(feature = "cuda-kernels")]
pub use codes::DIGITS;
pub use codes::{Quantizer, codes_of};
#[cfg(test)]
pub use convnext::taps_first;
pub use convnext::{Block, Conv, DEPTHWISE_TAPS, Linear, NORM_EPS, Norm};
pub use dvae::{Dvae, Encoder, STRIDE};
pub use embed::{Embed, EmbedSizes};
#[cfg(feature = "cuda-kernels")]
pub use layout::Outputs;
pub use layout::{Layout, MatrixWeight};
pub use llama::{GptConfig, Layer, Llama};
pub use mel::{MEL_CHANNELS, MelStack, Stack};
pub use vocos::{HOP, SAMPLE_RATE, Vocos};
