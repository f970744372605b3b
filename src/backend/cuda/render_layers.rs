//! The layers between hidden states and a wave, their weights on a card.

use super::driver::{Address, Buffer};
use super::kernels::{Dtype, Kernels};
use super::layout::CardLayout;
use super::products::INPUTS_MULTIPLE;
use super::render_kernels::{LayerNorm, Unfold};
use super::shared::DepthwiseNorm;
use super::shared::{Epilogue, ProductArgument};
use crate::backend::networks::{Block, Conv, DEPTHWISE_TAPS, Linear, NORM_EPS, Norm};
use crate::error::Result;

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

impl Norm<CardLayout> {
    /// Computes y (rows, stride) = the norm of x (rows, width).
    pub fn run(
        &self,
        kernels: &Kernels,
        x: Address,
        y: Address,
        (rows, width, stride): (usize, usize, usize),
    ) -> Result<()> {
        kernels.layer_norm(LayerNorm {
            x,
            weight: self.weight.address(),
            bias: self.bias.address(),
            y,
            rows: rows as u32,
            width: width as u32,
            stride: stride as u32,
            eps: NORM_EPS,
        })
    }
}

impl Linear<CardLayout> {
    fn bias(&self) -> Address {
        self.bias.as_ref().map_or(0, Buffer::address)
    }

    /// Describes the product and what follows it, bias included; see [`Matrix::product`].
    pub fn product(&self, x: Address, y: Address, rows: usize, epilogue: Epilogue) -> ProductArgument {
        ProductArgument { bias: self.bias(), ..self.matrix.product(x, y, rows, epilogue) }
    }
}

impl Conv<CardLayout> {
    /// Returns the bytes of a frame that comes out.
    pub fn size(&self) -> usize {
        self.outputs() * size_of::<f32>()
    }

    /// Returns the bytes of scratch memory per frame.
    pub fn scratch(&self) -> usize {
        self.product.matrix.padded_inputs() * size_of::<f32>()
    }

    /// Computes x (frames, channels) → y (frames, outputs), which must be others, times a value per output.
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
                channels: self.channels() as u32,
                taps: self.taps as u32,
                stride: self.product.matrix.padded_inputs() as u32,
            })?;
            let to = row(y, first, self.outputs());
            let product = ProductArgument {
                scale: scale.map_or(0, Buffer::address),
                ..self.product.product(stage.scratch, to, count, epilogue)
            };
            stage.kernels.product(Dtype::F32, product, None)?;
        }
        Ok(())
    }
}

impl Block<CardLayout> {
    /// Returns the memory it needs beside the frames themselves.
    pub fn sizes(&self) -> Sizes {
        let (expand, contract) = (&self.expand.matrix, &self.contract.matrix);
        let size = expand.kind().size();
        Sizes {
            normed: expand.padded_inputs() * size,
            scratch: contract.padded_inputs() * size,
            ..Sizes::default()
        }
    }

    /// Computes (frames, width) → (frames, width), in place.
    pub fn run(&self, stage: &Stage, x: Address) -> Result<()> {
        let (width, stride) = (self.expand.inputs, self.expand.matrix.padded_inputs());
        let kind = self.expand.matrix.kind();
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
        let inner = self.contract.matrix.padded_inputs() as u32;
        for (first, count) in stage.pieces() {
            let from = stage.normed + (first * stride * kind.size()) as Address;
            let expand = ProductArgument {
                outputs: inner,
                y_stride: inner,
                ..self.expand.product(from, stage.scratch, count, Epilogue::Gelu)
            };
            stage.kernels.product(kind, expand, None)?;
            let to = row(x, first, width);
            let contract = ProductArgument {
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
