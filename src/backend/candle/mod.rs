//! The model on candle's tensors, on any device that candle has: the readable statement of what the model computes, and
//! the second opinion that the kernels are compared with. Written to be understood before it is written to be fast.
//!
//! Rows of all sequences go through a layer as one product; keys and values lie in one tensor a layer, which grows with
//! the longest sequence. Sums are in single precision, products in the type asked for. Whatever the networks hold at
//! their ends, and all norms, stay in single precision.

mod layers;
mod llama;
mod render;
mod step;

use candle_core::{DType, Device, Tensor};
use candle_nn::Linear;

use super::networks::{Layout, MatrixWeight};
use super::weights::Checkpoint;
use super::{Backend, Parts};
use crate::device::{DeviceChoice, LoadOptions, Precision};
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
struct Candle {
    device: Device,
    name: String,
}

/// Opens a device.
///
/// # Errors
/// [`Error::Device`] if it cannot be used, or this build has no candle for it.
pub fn open(device: DeviceChoice) -> Result<Box<dyn Backend>> {
    match device {
        DeviceChoice::Auto | DeviceChoice::Cpu => {
            Ok(Box::new(Candle { device: Device::Cpu, name: "cpu, by candle".into() }))
        }
        DeviceChoice::Cuda(number) => {
            let reason = format!("this build has no candle for NVIDIA cards, so not for cuda:{number}");
            Err(Error::Device(reason))
        }
    }
}

impl Backend for Candle {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn load(&self, checkpoint: &Checkpoint, precision: Precision, options: &LoadOptions) -> Result<Parts> {
        let dtype = match precision {
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
            _ => DType::F32,
        };
        let layout = CandleLayout { device: self.device.clone(), dtype };
        let slots = options.batch_size.max(1);
        Ok(Parts {
            step: Box::new(step::CandleStep::load(checkpoint, &layout, slots)?),
            renderer: Box::new(render::CandleRenderer::load(checkpoint, &layout)?),
            slots,
        })
    }
}
