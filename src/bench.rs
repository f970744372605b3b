//! Measurements of a loaded model: its speed, and the distance of a weight type from single precision. Measures
//! and counts; prints nothing and knows no flags.

mod access;
mod distance;
mod machine;
mod precision;
#[cfg(feature = "cuda")]
mod profile;
mod speed;
mod summary;
mod words;

pub use machine::{Machine, peak_memory};
pub use precision::{Agreement, Deviation, Divergence, Reference, Sharing};
#[cfg(feature = "cuda")]
pub use profile::{KernelTime, PartTime, Profile, ProfileTest};
pub use speed::{Run, SpeedTest};
pub use summary::{Process, Spread, Summary};
pub use words::{WordErrors, recognise, sentences};

use crate::model::{HOP, SAMPLE_RATE};

/// The tokens of one second of speech: each becomes two frames of the mel.
pub const TOKENS_PER_SECOND: f64 = SAMPLE_RATE as f64 / (2 * HOP) as f64;

/// The seed of the voice that is used for measuring.
const VOICE: u64 = 2222;
