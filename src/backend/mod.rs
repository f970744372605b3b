//! The model on devices.
//!
//! What the networks are is said once, in `networks`, and their weights are read there, with candle, from the files that
//! `weights` knows. A `Backend` takes them and computes: `cpu` with kernels of our own over packed weights, `cuda` with
//! kernels of our own on NVIDIA cards, `candle` with candle's tensors on any device, the readable statement of what the
//! model is. Each is a folder; only the choice below knows which there are.

mod alike;
mod candle;
mod cpu;
#[cfg(feature = "cuda-kernels")]
pub mod cuda;
mod memory;
mod networks;
mod render;
mod renderer;
mod wave_stream;
mod weights;

use std::sync::Arc;

pub use alike::check;
#[cfg(fuzzing)]
pub use cpu::lay_out;
pub use cpu::{CpuEncoder, CpuStep, WeightType, instructions};
pub use networks::{GptConfig, HOP, SAMPLE_RATE};
pub(crate) use render::Render;
pub use render::{Fresh, Mel, Rendered};
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

    /// Returns what was found wrong with the device, in words, where it can be used nonetheless.
    fn doubts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns a probe of the device's own memory, if it has any.
    fn memory(&self) -> Option<MemoryProbe> {
        None
    }

    /// Returns the type in which it computes, for the one that was asked for.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a type in which it does not compute.
    fn precision(&self, asked: Precision) -> Result<Precision>;

    /// Returns true if it computes with weights packed as [`Checkpoint::pack`] does.
    fn takes_packed(&self) -> bool {
        false
    }

    /// Loads a model in a type that [`Backend::precision`] returned.
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
    /// Pages of keys and values that they may take together; None if each has as many as it may need.
    pub pages: Option<usize>,
}

/// Opens a device.
///
/// # Errors
/// [`Error::Device`] if it cannot be used, or this build has no backend for it.
pub(crate) fn open(device: DeviceChoice, backend: BackendChoice) -> Result<Box<dyn Backend>> {
    match (backend, device.resolve().0) {
        (BackendChoice::Candle, device) => {
            // That there is no driver is said as it is to all others.
            if matches!(device, DeviceChoice::Cuda(_)) {
                cards()?;
            }
            Ok(Box::new(candle::open(device)?))
        }
        (_, DeviceChoice::Auto | DeviceChoice::Cpu) => Ok(Box::new(cpu::Cpu)),
        #[cfg(feature = "cuda-kernels")]
        (BackendChoice::Native, DeviceChoice::Cuda(number)) => {
            Ok(Box::new(cuda::CardBackend::open(number, true)?))
        }
        #[cfg(feature = "cuda-kernels")]
        (BackendChoice::Auto, DeviceChoice::Cuda(number)) => match cuda::CardBackend::open(number, false) {
            Ok(card) => Ok(Box::new(card)),
            Err(reason) => candle_instead(device, reason).map(|candle| Box::new(candle) as Box<dyn Backend>),
        },
        #[cfg(not(feature = "cuda-kernels"))]
        (_, DeviceChoice::Cuda(_)) => Err(no_cuda()),
    }
}

impl DeviceChoice {
    /// Returns the device for which [`DeviceChoice::Auto`] stands here: a card if there is one that can be
    /// used, best with our kernels, else the processor, with the reason if this build could have used a card.
    pub fn resolve(self) -> (Self, Option<Error>) {
        if self != DeviceChoice::Auto {
            return (self, None);
        }
        #[cfg(feature = "cuda-kernels")]
        {
            let cards = match cuda::count() {
                Ok(count) => (0..count).map(DeviceChoice::Cuda),
                Err(reason) => return (DeviceChoice::Cpu, Some(reason)),
            };
            let mut reason = Error::Device("no NVIDIA card was found".into());
            let mut by_candle = None;
            for card in cards {
                match BackendChoice::Auto.resolve(card) {
                    Ok((BackendChoice::Candle, _)) => by_candle = by_candle.or(Some(card)),
                    Ok(_) => return (card, None),
                    Err(error) => reason = error,
                }
            }
            by_candle.map_or((DeviceChoice::Cpu, Some(reason)), |card| (card, None))
        }
        #[cfg(not(feature = "cuda-kernels"))]
        (DeviceChoice::Cpu, None)
    }
}

impl BackendChoice {
    /// Returns what computes on a device, and why if it is not our kernels although those would be the choice.
    ///
    /// # Errors
    /// [`Error::Device`] if the choice is left to the program, and nothing computes there what it should.
    pub fn resolve(self, device: DeviceChoice) -> Result<(Self, Option<Error>)> {
        match (self, device) {
            #[cfg(feature = "cuda-kernels")]
            (BackendChoice::Auto, DeviceChoice::Cuda(number)) => match cuda::holds(number) {
                Ok(()) => Ok((self, None)),
                Err(reason) => {
                    let candle = candle_instead(device, reason)?;
                    Ok((BackendChoice::Candle, candle.doubts().pop().map(Error::Device)))
                }
            },
            _ => Ok((self, None)),
        }
    }
}

/// Opens a card for candle, since our kernels cannot be used there, or returns why not.
#[cfg(feature = "cuda-kernels")]
fn candle_instead(device: DeviceChoice, reason: Error) -> Result<candle::Candle> {
    // Where there is no driver, or no candle for cards, the first reason says it all.
    if cfg!(not(feature = "cuda")) || cuda::count().is_err() {
        return Err(reason);
    }
    let words = |error: Error| match error {
        Error::Device(words) => words,
        other => other.to_string(),
    };
    let reason = words(reason);
    match candle::open(device) {
        Ok(candle) => Ok(candle.instead(reason)),
        Err(error) => Err(Error::Device(format!("{reason}; nor can candle be used: {}", words(error)))),
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
    #[cfg(feature = "cuda-kernels")]
    return cuda::count();
    #[cfg(not(feature = "cuda-kernels"))]
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

#[cfg(not(feature = "cuda-kernels"))]
fn no_cuda() -> Error {
    Error::Device("this build has no CUDA support; compute on `cpu` or `auto`".into())
}

#[cfg(test)]
mod tests;
