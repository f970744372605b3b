//! ConvNeXt blocks (Liu et al., 2022) over time, and the small convolutions around them.

use candle_core::Tensor;

use super::layout::{Layout, MatrixWeight};
use crate::backend::weights::{ANY, Weights};
use crate::error::Result;

/// Taps of the depthwise convolutions.
pub const DEPTHWISE_TAPS: usize = 7;
/// Epsilon of the layer norms.
pub const NORM_EPS: f32 = 1e-6;

/// Holds a norm over channels.
pub struct Norm<L: Layout> {
    /// (channels).
    pub weight: L::Vector,
    /// (channels).
    pub bias: L::Vector,
}

impl<L: Layout> Norm<L> {
    /// Loads `weight` and `bias` of the given width.
    pub fn load(weights: &Weights, width: usize, layout: &L) -> Result<Self> {
        let load = |name| layout.vector(weights.tensor(name, &[width])?);
        Ok(Norm { weight: load("weight")?, bias: load("bias")? })
    }
}

/// Holds a linear layer, y = x·Wᵀ + b over rows: (rows, inputs) → (rows, outputs).
pub struct Linear<L: Layout> {
    /// W.
    pub matrix: L::Matrix,
    /// b, (outputs).
    pub bias: Option<L::Vector>,
    /// Values that go in.
    pub inputs: usize,
    /// Values that come out.
    pub outputs: usize,
}

impl<L: Layout> Linear<L> {
    /// Loads `weight` (outputs, inputs) and `bias`.
    pub fn load(weights: &Weights, outputs: usize, inputs: usize, exact: bool, layout: &L) -> Result<Self> {
        let bias = weights.tensor("bias", &[outputs])?;
        let outputs = bias.dim(0)?;
        let shape = (outputs, inputs);
        let make = || weights.raw("weight", &[outputs, inputs]);
        let matrix = layout.matrix(&MatrixWeight::new(weights, "matrix", shape, make).exact(exact))?;
        Ok(Linear { matrix, bias: Some(layout.vector(bias)?), inputs, outputs })
    }

    /// Loads a convolution's `weight` (outputs, channels, taps) as a layer over windows, which lie tap by tap, and, if
    /// it has one, `bias`.
    pub fn over_windows(
        weights: &Weights,
        (outputs, channels, taps): (usize, usize, usize),
        bias: bool,
        layout: &L,
    ) -> Result<Self> {
        let outputs = weights.check("weight", &[outputs, channels, taps])?[0];
        let bias = if bias { Some(layout.vector(weights.tensor("bias", &[outputs])?)?) } else { None };
        let inputs = taps * channels;
        let weight = MatrixWeight::new(weights, "matrix", (outputs, inputs), || {
            taps_first(&weights.raw("weight", &[outputs, channels, taps])?)
        });
        Ok(Linear { matrix: layout.matrix(&weight.exact(true))?, bias, inputs, outputs })
    }
}

/// Returns a convolution's weight (outputs, inputs, taps) as a matrix over windows, which lie tap by tap.
pub fn taps_first(weight: &Tensor) -> Result<Tensor> {
    let (outputs, inputs, taps) = weight.dims3()?;
    Ok(weight.permute((0, 2, 1))?.contiguous()?.reshape((outputs, taps * inputs))?)
}

/// Holds a convolution over time with an odd kernel that keeps the length, as a product over windows.
pub struct Conv<L: Layout> {
    /// The product: (frames, taps·channels) → (frames, outputs).
    pub product: Linear<L>,
    /// Width of the kernel.
    pub taps: usize,
}

impl<L: Layout> Conv<L> {
    /// Loads `weight` (outputs, channels, taps) and, if it has one, `bias`.
    pub fn load(weights: &Weights, channels: usize, taps: usize, bias: bool, layout: &L) -> Result<Self> {
        Ok(Conv { product: Linear::over_windows(weights, (ANY, channels, taps), bias, layout)?, taps })
    }

    /// Returns how many channels go in.
    pub fn channels(&self) -> usize {
        self.product.inputs / self.taps
    }

    /// Returns how many channels come out.
    pub fn outputs(&self) -> usize {
        self.product.outputs
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        self.taps / 2
    }
}

/// Holds one block: x += scale·contract(gelu(expand(norm(depthwise(x))))).
pub struct Block<L: Layout> {
    /// A kernel per channel, (taps, channels).
    pub depthwise: L::Vector,
    /// (channels).
    pub depthwise_bias: L::Vector,
    /// Distance between taps.
    pub dilation: usize,
    /// The norm after the convolution.
    pub norm: Norm<L>,
    /// Channels → inner width.
    pub expand: Linear<L>,
    /// Inner width → channels.
    pub contract: Linear<L>,
    /// (channels).
    pub scale: L::Vector,
}

impl<L: Layout> Block<L> {
    /// Loads a block whose scale is called `scale` in the checkpoint.
    pub fn load(weights: &Weights, width: usize, scale: &str, dilation: usize, layout: &L) -> Result<Self> {
        let depthwise = weights.at("dwconv").tensor("weight", &[width, 1, DEPTHWISE_TAPS])?;
        let expand = Linear::load(&weights.at("pwconv1"), ANY, width, false, layout)?;
        Ok(Block {
            depthwise: layout.vector(depthwise.squeeze(1)?.t()?.contiguous()?)?,
            depthwise_bias: layout.vector(weights.at("dwconv").tensor("bias", &[width])?)?,
            dilation,
            norm: Norm::load(&weights.at("norm"), width, layout)?,
            contract: Linear::load(&weights.at("pwconv2"), width, expand.outputs, false, layout)?,
            expand,
            scale: layout.vector(weights.tensor(scale, &[width])?)?,
        })
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        DEPTHWISE_TAPS / 2 * self.dilation
    }
}

/// Returns how many frames to each side a frame that went through all blocks depends on.
pub fn reach<L: Layout>(blocks: &[Block<L>]) -> usize {
    blocks.iter().map(Block::reach).sum()
}
