//! The layers between hidden states and a wave, their weights on a card.

use candle_core::{DType, Tensor};

use super::driver::{Address, Buffer};
use super::kernels::{Dtype, Kernels};
use super::matrix::{Matrix, upload_padded};
use super::products::{Epilogue, INPUTS_MULTIPLE, ProductArgument};
use super::render_kernels::{DepthwiseNorm, LayerNorm, Unfold};
use crate::error::Result;
use crate::model::{ANY, DEPTHWISE_TAPS, NORM_EPS, Weights, taps_first};

/// Copies weights to a card, those of the blocks' linear layers in a type.
pub struct Loader<'a> {
    pub kernels: &'a Kernels,
    pub kind: Dtype,
}

impl Loader<'_> {
    /// Uploads a tensor's values.
    ///
    /// # Errors
    /// [`crate::Error::Device`] if the card has no memory for them.
    pub fn values(&self, tensor: &Tensor) -> Result<Buffer<f32>> {
        Buffer::from_slice(self.kernels.driver(), &numbers(tensor)?)
    }

    /// Uploads a matrix (outputs, inputs) and its bias, named `weight` and `bias`.
    pub fn linear(
        &self,
        weights: &Weights,
        kind: Dtype,
        outputs: usize,
        inputs: usize,
    ) -> Result<(Matrix, Buffer<f32>)> {
        let bias = numbers(&weights.tensor("bias", &[outputs])?)?;
        let weight = numbers(&weights.raw("weight", &[bias.len(), inputs])?)?;
        let matrix = Matrix::upload(self.kernels, kind, &weight, bias.len(), inputs)?;
        Ok((matrix, upload_padded(self.kernels, &bias)?))
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

/// Counts the bytes that layers need of each part of the memory they share: per frame, `scratch` per frame of
/// a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub first: usize,
    pub second: usize,
    pub normed: usize,
    pub scratch: usize,
}

impl Sizes {
    /// Returns sizes that are enough for either.
    pub fn max(self, other: Sizes) -> Sizes {
        Sizes {
            first: self.first.max(other.first),
            second: self.second.max(other.second),
            normed: self.normed.max(other.normed),
            scratch: self.scratch.max(other.scratch),
        }
    }
}

/// Holds the frames that layers are run over, and the scratch memory between them.
pub struct Stage<'a> {
    pub kernels: &'a Kernels,
    /// [`super::render_kernels::Bounds`] of every frame.
    pub bounds: Address,
    pub frames: usize,
    /// Frames that are widened at once.
    pub piece: usize,
    pub normed: Address,
    pub scratch: Address,
}

impl Stage<'_> {
    /// Iterates over the first frame and the number of frames of each piece.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (frames, piece) = (self.frames, self.piece);
        (0..frames).step_by(piece).map(move |first| (first, piece.min(frames - first)))
    }
}

/// Returns the address of a row of f32.
pub fn row(start: Address, index: usize, width: usize) -> Address {
    start + (index * width * size_of::<f32>()) as Address
}

/// Norms over channels.
pub struct Norm {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
}

impl Norm {
    /// Loads `weight` and `bias` of the given width.
    pub fn load(loader: &Loader, weights: &Weights, width: usize) -> Result<Self> {
        Ok(Norm {
            weight: loader.values(&weights.tensor("weight", &[width])?)?,
            bias: loader.values(&weights.tensor("bias", &[width])?)?,
        })
    }

    /// Computes y (rows, stride) = the norm of x (rows, width).
    pub fn run(&self, kernels: &Kernels, x: Address, y: Address, rows: usize, stride: usize) -> Result<()> {
        kernels.layer_norm(LayerNorm {
            x,
            weight: self.weight.address(),
            bias: self.bias.address(),
            y,
            rows: rows as u32,
            width: self.weight.len() as u32,
            stride: stride as u32,
            eps: NORM_EPS,
        })
    }
}

/// Convolves over time with an odd kernel that keeps the length, in f32.
pub struct Conv {
    matrix: Matrix,
    bias: Option<Buffer<f32>>,
    taps: usize,
    channels: usize,
}

impl Conv {
    /// Loads `weight` (outputs, inputs, taps) and, if there is one, `bias`.
    pub fn load(loader: &Loader, weights: &Weights, inputs: usize, taps: usize, bias: bool) -> Result<Self> {
        let outputs = weights.check("weight", &[ANY, inputs, taps])?[0];
        let weight = numbers(&taps_first(&weights.raw("weight", &[outputs, inputs, taps])?)?)?;
        let bias = match bias {
            true => Some(loader.values(&weights.tensor("bias", &[outputs])?)?),
            false => None,
        };
        let matrix = Matrix::upload(loader.kernels, Dtype::F32, &weight, outputs, taps * inputs)?;
        Ok(Conv { matrix, bias, taps, channels: inputs })
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        self.taps / 2
    }

    /// Returns how many channels come out.
    pub fn outputs(&self) -> usize {
        self.matrix.outputs()
    }

    /// Returns the bytes of a frame that comes out.
    pub fn size(&self) -> usize {
        self.outputs() * size_of::<f32>()
    }

    /// Returns the bytes of scratch memory per frame.
    pub fn scratch(&self) -> usize {
        self.matrix.padded_inputs() * size_of::<f32>()
    }

    /// Computes x (frames, inputs) → y (frames, outputs), which must be others, times a value per output.
    pub fn run(
        &self,
        stage: &Stage,
        x: Address,
        y: Address,
        epilogue: Epilogue,
        scale: Option<&Buffer<f32>>,
    ) -> Result<()> {
        for (first, count) in stage.pieces() {
            stage.kernels.unfold(Unfold {
                x,
                bounds: stage.bounds,
                y: stage.scratch,
                first: first as u32,
                count: count as u32,
                channels: self.channels as u32,
                taps: self.taps as u32,
                stride: self.matrix.padded_inputs() as u32,
            })?;
            let to = row(y, first, self.outputs());
            let product = ProductArgument {
                bias: self.bias.as_ref().map_or(0, Buffer::address),
                scale: scale.map_or(0, Buffer::address),
                ..self.matrix.product(stage.scratch, to, count, epilogue)
            };
            stage.kernels.product(Dtype::F32, product, None)?;
        }
        Ok(())
    }
}

/// Computes one block: depthwise convolution, norm, two linear layers around a GELU, scale, residual.
pub struct Block {
    /// (taps, width).
    depthwise: Buffer<f32>,
    depthwise_bias: Buffer<f32>,
    dilation: usize,
    norm: Norm,
    expand: Matrix,
    expand_bias: Buffer<f32>,
    contract: Matrix,
    contract_bias: Buffer<f32>,
    scale: Buffer<f32>,
}

impl Block {
    /// Loads a block whose per-channel scale is called `scale` in the checkpoint.
    pub fn load(
        loader: &Loader,
        weights: &Weights,
        width: usize,
        scale: &str,
        dilation: usize,
    ) -> Result<Self> {
        let depthwise = weights.at("dwconv").tensor("weight", &[width, 1, DEPTHWISE_TAPS])?;
        let (expand, expand_bias) = loader.linear(&weights.at("pwconv1"), loader.kind, ANY, width)?;
        let inner = expand.outputs();
        let (contract, contract_bias) = loader.linear(&weights.at("pwconv2"), loader.kind, width, inner)?;
        Ok(Block {
            depthwise: loader.values(&depthwise.squeeze(1)?.t()?.contiguous()?)?,
            depthwise_bias: loader.values(&weights.at("dwconv").tensor("bias", &[width])?)?,
            dilation,
            norm: Norm::load(loader, &weights.at("norm"), width)?,
            expand,
            expand_bias,
            contract,
            contract_bias,
            scale: loader.values(&weights.tensor(scale, &[width])?)?,
        })
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        DEPTHWISE_TAPS / 2 * self.dilation
    }

    /// Returns the memory it needs beside the frames themselves.
    pub fn sizes(&self) -> Sizes {
        let size = self.expand.kind().size();
        Sizes {
            normed: self.expand.padded_inputs() * size,
            scratch: self.contract.padded_inputs() * size,
            ..Sizes::default()
        }
    }

    /// Computes (frames, width) → (frames, width), in place.
    pub fn run(&self, stage: &Stage, x: Address) -> Result<()> {
        let (width, stride) = (self.expand.inputs(), self.expand.padded_inputs());
        let kind = self.expand.kind();
        let args = DepthwiseNorm {
            x,
            bounds: stage.bounds,
            weight: self.depthwise.address(),
            bias: self.depthwise_bias.address(),
            norm_weight: self.norm.weight.address(),
            norm_bias: self.norm.bias.address(),
            y: stage.normed,
            width: width as u32,
            stride: stride as u32,
            taps: DEPTHWISE_TAPS as u32,
            dilation: self.dilation as u32,
            eps: NORM_EPS,
        };
        stage.kernels.depthwise_norm(kind, stage.frames as u32, args)?;
        // The padding is computed too: its weights and its bias are zeros, and so is what comes of them.
        let inner = self.contract.padded_inputs() as u32;
        for (first, count) in stage.pieces() {
            let from = stage.normed + (first * stride * kind.size()) as Address;
            let expand = ProductArgument {
                bias: self.expand_bias.address(),
                outputs: inner,
                y_stride: inner,
                ..self.expand.product(from, stage.scratch, count, Epilogue::Gelu)
            };
            stage.kernels.product(kind, expand, None)?;
            let to = row(x, first, width);
            let contract = ProductArgument {
                bias: self.contract_bias.address(),
                scale: self.scale.address(),
                ..self.contract.product(stage.scratch, to, count, Epilogue::AddScaled)
            };
            stage.kernels.product(kind, contract, None)?;
        }
        Ok(())
    }
}

// Outputs that are computed up to a whole number of inputs of what follows lie within the padded weights.
const _: () = assert!(super::products::OUTPUTS_MULTIPLE.is_multiple_of(INPUTS_MULTIPLE));
