//! ConvNeXt blocks and the small convolutions around them.

use candle_core::{Result as TensorResult, Tensor};

use super::kernel::WeightType;
use super::linear::Linear;
use super::ops::{Depthwise, Frames, Unfold, layer_norm};
use super::weights::{ANY, Weights};
use crate::error::Result;

/// Taps of the depthwise convolutions.
pub const DEPTHWISE_TAPS: usize = 7;
/// Frames that are widened at once: what they are widened to stays in the cache until it is narrowed again.
const CHUNK: usize = 256;
/// Epsilon of the layer norms.
pub const NORM_EPS: f32 = 1e-6;

/// Norms over channels.
pub struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    /// Loads `weight` and `bias` of the given width.
    pub fn load(weights: &Weights, width: usize) -> Result<Self> {
        Ok(Norm { weight: weights.tensor("weight", &[width])?, bias: weights.tensor("bias", &[width])? })
    }

    /// Computes (rows, width) → (rows, width).
    pub fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        layer_norm(x, &self.weight, &self.bias, NORM_EPS)
    }
}

/// Returns a convolution's weight (outputs, inputs, taps) as a matrix over windows, which lie tap by tap.
pub fn taps_first(weight: &Tensor) -> Result<Tensor> {
    let (outputs, inputs, taps) = weight.dims3()?;
    Ok(weight.permute((0, 2, 1))?.contiguous()?.reshape((outputs, taps * inputs))?)
}

/// Convolves over time with an odd kernel that keeps the length, as a product over windows.
pub struct Conv {
    product: Linear,
    taps: usize,
}

impl Conv {
    /// Loads `weight` (outputs, inputs, taps) and, if there is one, `bias`.
    pub fn load(weights: &Weights, inputs: usize, taps: usize, bias: bool) -> Result<Self> {
        let outputs = weights.check("weight", &[ANY, inputs, taps])?[0];
        let bias = if bias { Some(weights.tensor("bias", &[outputs])?) } else { None };
        // The ends of a network: few operations, and what is lost here is lost in every sample.
        let exact = weights.with_kind(WeightType::F32);
        let product = Linear::load_shaped(&exact, outputs, taps * inputs, bias.as_ref(), || {
            taps_first(&weights.raw("weight", &[outputs, inputs, taps])?)
        })?;
        Ok(Conv { product, taps })
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        self.taps / 2
    }

    /// Returns how many channels come out.
    pub fn outputs(&self) -> usize {
        self.product.outputs()
    }

    /// Computes (frames, inputs) → (frames, outputs).
    pub fn forward(&self, x: &Frames) -> Result<Frames> {
        Ok(x.with_rows(self.product.forward(&self.windows(x)?)?))
    }

    /// Computes (frames, inputs) → (frames, outputs), through a GELU.
    pub fn forward_gelu(&self, x: &Frames) -> Result<Frames> {
        Ok(x.with_rows(self.product.forward_gelu(&self.windows(x)?)?))
    }

    fn windows(&self, x: &Frames) -> Result<Tensor> {
        if self.taps == 1 {
            return Ok(x.rows.clone());
        }
        Ok(x.rows.apply_op1_no_bwd(&Unfold { lengths: x.lengths.clone(), taps: self.taps })?)
    }
}

/// Computes one block: depthwise convolution, norm, two linear layers around a GELU, scale, residual.
pub struct Block {
    /// (taps, width).
    depthwise: Tensor,
    depthwise_bias: Tensor,
    dilation: usize,
    norm: Norm,
    expand: Linear,
    contract: Linear,
    scale: Vec<f32>,
}

impl Block {
    /// Loads a block whose per-channel scale is called `scale` in the checkpoint.
    pub fn load(weights: &Weights, width: usize, scale: &str, dilation: usize) -> Result<Self> {
        let depthwise = weights.at("dwconv").tensor("weight", &[width, 1, DEPTHWISE_TAPS])?;
        let inner = weights.at("pwconv1").tensor("bias", &[ANY])?.dim(0)?;
        Ok(Block {
            depthwise: depthwise.squeeze(1)?.t()?.contiguous()?,
            depthwise_bias: weights.at("dwconv").tensor("bias", &[width])?,
            dilation,
            norm: Norm::load(&weights.at("norm"), width)?,
            expand: Linear::load(&weights.at("pwconv1"), inner, width)?,
            contract: Linear::load(&weights.at("pwconv2"), width, inner)?,
            scale: weights.tensor(scale, &[width])?.to_vec1()?,
        })
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        DEPTHWISE_TAPS / 2 * self.dilation
    }

    /// Computes (frames, width) → (frames, width), in place.
    pub fn forward(&self, x: &Frames) -> Result<()> {
        let op = Depthwise { lengths: x.lengths.clone(), dilation: self.dilation };
        let y = self.norm.forward(&x.rows.apply_op3_no_bwd(&self.depthwise, &self.depthwise_bias, &op)?)?;
        let rows = y.dim(0)?;
        let inner = Tensor::zeros((rows.min(CHUNK), self.expand.outputs()), y.dtype(), y.device())?;
        for start in (0..rows).step_by(CHUNK) {
            let count = CHUNK.min(rows - start);
            let inner = inner.narrow(0, 0, count)?;
            self.expand.gelu_into(&y.narrow(0, start, count)?, &inner)?;
            self.contract.add_scaled_to(&inner, &self.scale, &x.rows.narrow(0, start, count)?)?;
        }
        Ok(())
    }
}
