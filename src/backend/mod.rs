//! The model on devices.
//!
//! What the networks are is said once, in `networks`, and their weights are read there, with candle, from the files that
//! `weights` knows. A `Backend` takes them and computes: `cpu` with kernels of our own over packed weights, `cuda` with
//! kernels of our own on NVIDIA cards, `candle` with candle's tensors on any device, the readable statement of what the
//! model is. Each is a folder; only the choice below knows which there are.

mod candle;
mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod memory;
mod networks;
mod render;
mod renderer;
mod wave_stream;
mod weights;

use std::sync::Arc;

#[cfg(fuzzing)]
pub use cpu::lay_out;
pub use cpu::{CpuEncoder, CpuStep, WeightType, instructions};
pub use networks::{GptConfig, HOP, SAMPLE_RATE};
pub(crate) use render::Render;
pub use render::{Growing, Mel, Rendered};
pub use renderer::Renderer;
pub use wave_stream::WaveStream;
pub(crate) use weights::demo_fingerprint;
pub use weights::{Checkpoint, NOISE_SEED, WeightFile, write_demo, write_noise};

use crate::device::{BackendChoice, DeviceChoice, Devices, LoadOptions, Precision};
use crate::engine::Step;
use crate::error::{Error, Result};

/// Returns the bytes of a device's memory that are free, and all of them.
pub(crate) type MemoryProbe = Arc<dyn Fn() -> Option<(u64, u64)> + Send + Sync>;

/// The approximate number of steps whose codes are rendered together, because each of them takes memory several
/// times while it is rendered.
pub(crate) const GROUP_STEPS: usize = 1024;

/// Runs models on one opened device.
pub(crate) trait Backend: Send + Sync {
    /// Returns the device's name, such as `cpu` or `cuda:0 (NVIDIA H100)`, and that of the backend where another would
    /// be expected.
    fn name(&self) -> String;

    /// Returns a probe of the device's own memory, if it has any.
    fn memory(&self) -> Option<MemoryProbe> {
        None
    }

    /// Returns true if it computes with weights packed as [`Checkpoint::pack`] does.
    fn takes_packed(&self) -> bool {
        false
    }

    /// Loads a model in a type that [`BackendChoice::precision`] returned.
    ///
    /// # Errors
    /// An error naming the invalid file and tensor; [`Error::Device`] if the device has no memory for it.
    fn load(&self, checkpoint: &Checkpoint, precision: Precision, options: &LoadOptions) -> Result<Parts>;
}

/// A model that a backend has loaded.
pub(crate) struct Parts {
    /// Runs the language model.
    pub step: Box<dyn Step + Send>,
    /// Runs the networks after it.
    pub renderer: Box<dyn Render>,
    /// The number of texts that are worked on together.
    pub slots: usize,
}

/// Opens a device.
///
/// # Errors
/// [`Error::Device`] if it cannot be used, or this build has no backend for it.
pub(crate) fn open(device: DeviceChoice, backend: BackendChoice) -> Result<Box<dyn Backend>> {
    match (backend, device.resolve().0) {
        (BackendChoice::Candle, device) => candle::open(device),
        (_, DeviceChoice::Auto | DeviceChoice::Cpu) => Ok(Box::new(cpu::Cpu)),
        #[cfg(feature = "cuda")]
        (backend, DeviceChoice::Cuda(number)) => {
            Ok(Box::new(cuda::CardBackend::open(number, backend == BackendChoice::Native)?))
        }
        #[cfg(not(feature = "cuda"))]
        (_, DeviceChoice::Cuda(_)) => Err(no_cuda()),
    }
}

impl DeviceChoice {
    /// Returns the device for which [`DeviceChoice::Auto`] stands here: a card if there is one that can be
    /// used, else the processor, with the reason if this build could have used a card.
    pub fn resolve(self) -> (Self, Option<Error>) {
        if self != DeviceChoice::Auto {
            return (self, None);
        }
        #[cfg(feature = "cuda")]
        match cuda::first() {
            Ok(number) => (DeviceChoice::Cuda(number), None),
            Err(reason) => (DeviceChoice::Cpu, Some(reason)),
        }
        #[cfg(not(feature = "cuda"))]
        (DeviceChoice::Cpu, None)
    }
}

impl Devices {
    /// Returns the devices one by one; there is always at least one.
    ///
    /// # Errors
    /// [`Error::Device`] if every card is asked for and there is none; [`Error::Parameter`] for an empty list
    /// of cards.
    pub fn choices(&self) -> Result<Vec<DeviceChoice>> {
        match self {
            Devices::Auto => Ok(vec![DeviceChoice::Auto]),
            Devices::Cpu => Ok(vec![DeviceChoice::Cpu]),
            Devices::Cuda(cards) if cards.is_empty() => {
                Err(Error::parameter("device", "a list of cards that names none"))
            }
            Devices::Cuda(cards) => Ok(cards.iter().copied().map(DeviceChoice::Cuda).collect()),
            Devices::CudaAll => match cards()? {
                0 => Err(Error::Device("no NVIDIA card was found; compute on the processor, `cpu`".into())),
                count => Ok((0..count).map(DeviceChoice::Cuda).collect()),
            },
        }
    }
}

/// Returns how many NVIDIA cards there are.
///
/// # Errors
/// [`Error::Device`] if there is no driver, or this build has no backend for them.
fn cards() -> Result<usize> {
    #[cfg(feature = "cuda")]
    return cuda::count();
    #[cfg(not(feature = "cuda"))]
    Err(no_cuda())
}

impl Precision {
    /// Returns the type in which a processor holds weights for it.
    pub fn weight_type(self) -> WeightType {
        match self {
            Precision::F32 => WeightType::F32,
            _ => WeightType::Q8,
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn no_cuda() -> Error {
    Error::Device("this build has no CUDA support; compute on `cpu` or `auto`".into())
}

#[cfg(test)]
mod tests;
