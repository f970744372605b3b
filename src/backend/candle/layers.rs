//! The layers of what follows the Llama, over the frames of one sequence: (frames, channels).

use candle_core::{DType, Module, Result, Tensor};

use super::CandleLayout;
use crate::backend::networks::{Block, Conv, DEPTHWISE_TAPS, Linear, MelStack, NORM_EPS, Norm, Stack};

/// Computes x·Wᵀ in the type of W: (rows, inputs) → (rows, outputs), in single precision on both sides.
pub fn multiply(weight: &candle_nn::Linear, x: &Tensor) -> Result<Tensor> {
    weight.forward(&x.to_dtype(weight.weight().dtype())?)?.to_dtype(DType::F32)
}

impl Linear<CandleLayout> {
    /// Computes (rows, inputs) → (rows, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = multiply(&self.matrix, x)?;
        self.bias.as_ref().map_or(Ok(y.clone()), |bias| y.broadcast_add(bias))
    }
}

impl Norm<CandleLayout> {
    /// Computes (rows, width) → (rows, width).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::layer_norm(x, &self.weight, &self.bias, NORM_EPS)
    }
}

/// Returns the frames that each of `taps` taps looks at, `dilation` apart, zeros outside: (frames, channels) each.
fn windows(x: &Tensor, taps: usize, dilation: usize) -> Result<Vec<Tensor>> {
    let reach = taps / 2 * dilation;
    let padded = x.pad_with_zeros(0, reach, reach)?;
    (0..taps).map(|tap| padded.narrow(0, tap * dilation, x.dim(0)?)).collect()
}

impl Conv<CandleLayout> {
    /// Computes (frames, channels) → (frames, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.product.forward(&Tensor::cat(&windows(x, self.taps, 1)?, 1)?)
    }
}

impl Block<CandleLayout> {
    /// Computes (frames, channels) → (frames, channels).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = x.zeros_like()?.broadcast_add(&self.depthwise_bias)?;
        for (tap, window) in windows(x, DEPTHWISE_TAPS, self.dilation)?.iter().enumerate() {
            y = (y + window.broadcast_mul(&self.depthwise.get(tap)?)?)?;
        }
        let y = self.expand.forward(&self.norm.forward(&y)?)?.gelu_erf()?;
        x + self.contract.forward(&y)?.broadcast_mul(&self.scale)?
    }
}

impl Stack<CandleLayout> {
    /// Computes (frames, inputs) → (frames, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.conv_in;
        let x = second.forward(&first.forward(x)?.gelu_erf()?)?;
        self.conv_out.forward(&self.blocks.iter().try_fold(x, |x, block| block.forward(&x))?)
    }
}

impl MelStack<CandleLayout> {
    /// Computes features (tokens, C) → log mel (2·tokens, 100). A token's channels are two frames, one after the other.
    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let (tokens, channels) = features.dims2()?;
        let frames = features.reshape((2 * tokens, channels / 2))?;
        self.out_conv.forward(&self.stack.forward(&frames)?)?.broadcast_mul(&self.coef)
    }
}
