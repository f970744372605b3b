//! The model on processors: kernels of our own over plain slices, weights packed the way those read them.
//!
//! Activations are laid out row by row: one row per position (or audio frame), channels last. A batch is
//! the rows of its sequences one after another, so sequences of any lengths go together without padding,
//! and a single text is a batch of one.

mod encoder;
mod growing;
pub(crate) mod kernel;
mod kv_cache;
mod layers;
mod llama;
mod pass;
mod render;
mod step;

use candle_core::Tensor;

pub use encoder::CpuEncoder;
pub use kernel::{WeightType, instructions};
pub(crate) use render::CpuRenderer;
pub use step::CpuStep;

use super::networks::{Dvae, Embed, Encoder, Layout, Llama, MatrixWeight, MelStack, Vocos};
use super::weights::Checkpoint;
use super::{Backend, Parts};
use crate::device::{BackendChoice, DeviceChoice, LoadOptions, Precision};
use crate::engine::Head;
use crate::error::{Error, Result};
use kernel::Matrix;

/// Packs matrices for the kernels, in this type.
#[derive(Clone, Copy, Debug)]
pub struct CpuLayout(pub WeightType);

impl Layout for CpuLayout {
    type Matrix = Matrix;
    type Vector = Vec<f32>;

    fn matrix(&self, weight: &MatrixWeight) -> Result<Matrix> {
        weight.packed(self.0)
    }

    fn vector(&self, values: Tensor) -> Result<Vec<f32>> {
        Ok(values.flatten_all()?.to_vec1()?)
    }
}

/// The DVAE is held in single precision in any case: most runs never need it.
const DVAE: CpuLayout = CpuLayout(WeightType::F32);

/// Lays out all of a checkpoint, one network after another so that only one of them takes memory.
///
/// # Errors
/// A tensor that is missing or of another shape.
pub fn lay_out(checkpoint: &Checkpoint, kind: WeightType) -> Result<()> {
    let (layout, hidden) = (CpuLayout(kind), checkpoint.config.hidden);
    Llama::load(&checkpoint.gpt, &checkpoint.config, &layout)?;
    let embed = Embed::load(&checkpoint.embed, hidden)?;
    embed.head(Head::Codes, &layout)?;
    embed.head(Head::Text, &layout)?;
    MelStack::decoder(&checkpoint.decoder, hidden, &layout)?;
    Vocos::load(&checkpoint.vocos, &layout)?;
    Dvae::load(&checkpoint.dvae, &DVAE)?;
    Encoder::load(&checkpoint.dvae, &DVAE)?;
    Ok(())
}

/// The processor.
pub struct Cpu;

impl Backend for Cpu {
    fn name(&self) -> String {
        "cpu".into()
    }

    fn precision(&self, asked: Precision) -> Result<Precision> {
        BackendChoice::Native.precision(DeviceChoice::Cpu, asked)
    }

    fn takes_packed(&self) -> bool {
        true
    }

    fn load(&self, checkpoint: &Checkpoint, precision: Precision, options: &LoadOptions) -> Result<Parts> {
        let kind = precision.weight_type();
        if let Some(packed) = checkpoint.packed.filter(|packed| *packed != kind) {
            let reason = format!("{} was asked for; this model is packed in {}", kind.name(), packed.name());
            return Err(Error::parameter("dtype", reason));
        }
        let slots = options.batch_size.max(1);
        let (step, renderer) =
            rayon::join(|| CpuStep::load(checkpoint, kind, slots), || CpuRenderer::load(checkpoint, kind));
        Ok(Parts { step: Box::new(step?), renderer: Box::new(renderer?), slots, pages: None })
    }
}
