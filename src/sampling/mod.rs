//! Drawing the next token: the reference's random numbers and its way from logits to a draw.
//!
//! Plain slices in, plain numbers out; no tensor and no device is seen here, so the same code serves
//! every batch size and a test needs no model.

mod candidates;
mod constants;
mod logits;
mod torch_rng;

pub(crate) use constants::FIRST_DRAWS;
#[cfg(feature = "cuda-kernels")]
pub(crate) use constants::PENALTY_WINDOW;
pub use logits::{Draw, Sampler, SamplingParams};
pub use torch_rng::{Exponential, ExponentialNoise, Mt19937, NoiseMode};
