//! The files of models: checkpoints as they are published, packed ones, and those that are made in memory.

mod checkpoint;
mod demo;
mod file;
mod noise;
mod packed;
mod published;

pub use checkpoint::Checkpoint;
pub(crate) use demo::demo_fingerprint;
pub use demo::write_demo;
pub use file::WeightFile;
pub(super) use file::{ANY, Table, Weights};
pub use noise::{NOISE_SEED, write_noise};
