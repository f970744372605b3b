//! The model on candle's tensors, on any device that candle has: the readable statement of what the model computes, and
//! the second opinion that the kernels are compared with. Written to be understood before it is written to be fast.
//!
//! Rows of all sequences go through a layer as one product; keys and values lie in one tensor a layer, which grows with
//! the longest sequence. Sums are in single precision, products in the type asked for. Whatever the networks hold at
//! their ends, and all norms, stay in single precision.

mod layers;
#[cfg(feature = "cuda")]
mod libraries;
mod llama;
mod render;
mod step;

use candle_core::{DType, Device, Tensor};
use candle_nn::Linear;

#[cfg(feature = "cuda")]
use super::MemoryProbe;
use super::networks::{Layout, MatrixWeight};
use super::weights::Checkpoint;
use super::{Backend, Parts};
use crate::device::{BackendChoice, DeviceChoice, LoadOptions, Precision};
use crate::error::{Error, Result};

/// Puts weights on a device, matrices in a type.
#[derive(Clone)]
pub struct CandleLayout {
    device: Device,
    dtype: DType,
}

impl Layout for CandleLayout {
    type Matrix = Linear;
    type Vector = Tensor;

    fn matrix(&self, weight: &MatrixWeight) -> Result<Linear> {
        let dtype = if weight.exact { DType::F32 } else { self.dtype };
        Ok(Linear::new(weight.tensor()?.to_dtype(dtype)?.to_device(&self.device)?, None))
    }

    fn vector(&self, values: Tensor) -> Result<Tensor> {
        Ok(values.to_device(&self.device)?)
    }
}

/// A device that candle computes on.
pub struct Candle {
    device: Device,
    choice: DeviceChoice,
    name: String,
    /// Why our kernels do not.
    instead_of: Option<String>,
}

/// Opens a device.
///
/// # Errors
/// [`Error::Device`] if it cannot be used, or this build has no candle for it.
pub fn open(choice: DeviceChoice) -> Result<Candle> {
    let (device, name) = match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => (Device::Cpu, String::from("cpu")),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda(number) => card(number)?,
        #[cfg(not(feature = "cuda"))]
        DeviceChoice::Cuda(number) => {
            let reason = format!("this build has no candle for NVIDIA cards, so not for cuda:{number}");
            return Err(Error::Device(reason));
        }
    };
    Ok(Candle { device, choice, name: format!("{name}, by candle"), instead_of: None })
}

/// Opens a card, and tries whether candle's kernels run there, which the driver compiles first.
#[cfg(feature = "cuda")]
fn card(number: usize) -> Result<(Device, String)> {
    libraries::find()?;
    let try_out = || -> candle_core::Result<(Device, String, f32)> {
        // A stream of its own: several threads work with the device, which the default stream would not order.
        let device = Device::new_cuda_with_stream(number)?;
        let name = device.as_cuda_device()?.cuda_stream().context().name().unwrap_or_default();
        let x = Tensor::arange(0f32, 64f32, &device)?.reshape((8, 8))?;
        let sum = x.matmul(&x.ones_like()?)?.sum_all()?.to_scalar()?;
        Ok((device, name, sum))
    };
    let (device, name, sum) =
        // Whatever comes after the first line tells where in candle it happened.
        try_out().map_err(|error| {
            let error = error.to_string();
            let words = error.lines().next().unwrap_or_default();
            Error::Device(format!("opening cuda:{number} for candle: {words}"))
        })?;
    // 0 + 1 + … + 63, in each of eight columns.
    if sum != 16128.0 {
        return Err(Error::Device(format!("cuda:{number} multiplies wrongly for candle: {sum} for 16128")));
    }
    Ok((device, format!("cuda:{number} ({name})")))
}

impl Candle {
    /// Says that it is used since something else could not be.
    #[cfg(feature = "cuda-kernels")]
    pub fn instead(self, reason: String) -> Self {
        Candle { instead_of: Some(reason), ..self }
    }
}

impl Backend for Candle {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn doubts(&self) -> Vec<String> {
        self.instead_of.iter().cloned().collect()
    }

    #[cfg(feature = "cuda")]
    fn memory(&self) -> Option<MemoryProbe> {
        let context = std::sync::Arc::clone(self.device.as_cuda_device().ok()?.cuda_stream().context());
        let probe = move || context.mem_get_info().ok().map(|(free, total)| (free as u64, total as u64));
        Some(std::sync::Arc::new(probe))
    }

    fn precision(&self, asked: Precision) -> Result<Precision> {
        BackendChoice::Candle.precision(self.choice, asked)
    }

    fn load(&self, checkpoint: &Checkpoint, precision: Precision, options: &LoadOptions) -> Result<Parts> {
        let dtype = match precision {
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
            Precision::Q8 | Precision::F16Kv8 => {
                let reason = format!("{}: candle computes in f32, f16 and bf16", precision.name());
                return Err(Error::parameter("dtype", reason));
            }
            Precision::F32 | Precision::Auto => DType::F32,
        };
        let layout = CandleLayout { device: self.device.clone(), dtype };
        let slots = options.batch_size.max(1);
        Ok(Parts {
            step: Box::new(step::CandleStep::load(checkpoint, &layout, slots)?),
            renderer: Box::new(render::CandleRenderer::load(checkpoint, &layout)?),
            slots,
            pages: None,
        })
    }
}
