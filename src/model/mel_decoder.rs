//! Hidden states or codes → mel: the decoder and the DVAE's decoding half.

use candle_core::{DType, Device, Tensor};

use super::codes::Quantizer;
use super::convnext::{Block, Conv};
use super::kernel::WeightType;
use super::ops::Frames;
use super::weights::{ANY, WeightFile, Weights};
use crate::error::Result;

/// Channels of the mel spectrogram.
pub const MEL_CHANNELS: usize = 100;
/// Distance between the taps of the blocks' depthwise convolutions.
pub const DILATION: usize = 2;

/// Convolutions and ConvNeXt blocks from features to features.
pub struct Stack {
    conv_in: [Conv; 2],
    blocks: Vec<Block>,
    conv_out: Conv,
}

impl Stack {
    /// Loads the parts that `encoder.*` and `decoder.*` have, for features of the given width.
    pub fn load(weights: &Weights, inputs: usize) -> Result<Self> {
        let first = Conv::load(&weights.at("conv_in.0"), inputs, 3, true)?;
        let second = Conv::load(&weights.at("conv_in.2"), first.outputs(), 3, true)?;
        let width = second.outputs();
        let blocks = (0..weights.count("decoder_block", "weight"))
            .map(|i| Block::load(&weights.at(format!("decoder_block.{i}")), width, "weight", DILATION))
            .collect::<Result<Vec<_>>>()?;
        let conv_out = Conv::load(&weights.at("conv_out"), width, 1, false)?;
        Ok(Stack { conv_in: [first, second], blocks, conv_out })
    }

    /// Returns how many channels come out.
    pub fn outputs(&self) -> usize {
        self.conv_out.outputs()
    }

    /// Returns how many frames to each side a frame depends on.
    fn reach(&self) -> usize {
        self.conv_in.iter().map(Conv::reach).sum::<usize>()
            + self.blocks.iter().map(Block::reach).sum::<usize>()
            + self.conv_out.reach()
    }

    /// Computes (frames, inputs) → (frames, outputs).
    pub fn forward(&self, x: &Frames) -> Result<Frames> {
        let x = self.conv_in[0].forward_gelu(x)?;
        let x = self.conv_in[1].forward(&x)?;
        for block in &self.blocks {
            block.forward(&x)?;
        }
        self.conv_out.forward(&x)
    }
}

/// Computes what the decoder and the DVAE share: features at half the frame rate → log mel.
struct MelStack {
    stack: Stack,
    out_conv: Conv,
    coef: Tensor,
}

impl MelStack {
    fn load(weights: &Weights) -> Result<Self> {
        let inputs = channels_in(weights)?;
        let stack = Stack::load(&weights.at("decoder"), inputs)?;
        let out_conv = Conv::load(&weights.at("out_conv"), stack.outputs(), 3, false)?;
        let coef = weights.tensor("coef", &[1, MEL_CHANNELS, 1])?.reshape(MEL_CHANNELS)?;
        Ok(MelStack { stack, out_conv, coef })
    }

    fn reach(&self) -> usize {
        self.stack.reach() + self.out_conv.reach()
    }

    /// Features (tokens, C) → mel (2·tokens, 100). A token's channels are two frames, one after the other.
    fn forward(&self, features: &Frames) -> Result<Frames> {
        let (tokens, channels) = features.rows.dims2()?;
        let frames = Frames {
            rows: features.rows.contiguous()?.reshape((2 * tokens, channels / 2))?,
            lengths: features.lengths.iter().map(|n| 2 * n).collect(),
        };
        let mel = self.out_conv.forward(&self.stack.forward(&frames)?)?;
        Ok(mel.with_rows(mel.rows.broadcast_mul(&self.coef)?))
    }
}

fn channels_in(weights: &Weights) -> Result<usize> {
    let first = weights.at("decoder.conv_in.0");
    Ok(first.check("weight", &[ANY, ANY, 3])?[1])
}

/// Turns hidden states into a mel (`Decoder.safetensors`).
pub struct HiddenDecoder {
    stack: MelStack,
}

impl HiddenDecoder {
    /// Loads the decoder for hidden states of the given width, its blocks' weights in the type asked for.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(file: &WeightFile, hidden: usize, kind: WeightType, device: &Device) -> Result<Self> {
        let weights = file.root(DType::F32, device).with_kind(kind);
        weights.at("decoder.conv_in.0").check("weight", &[ANY, hidden / 2, 3])?;
        Ok(HiddenDecoder { stack: MelStack::load(&weights)? })
    }

    /// Returns how many mel frames to each side a mel frame depends on.
    pub fn reach(&self) -> usize {
        self.stack.reach()
    }

    /// Computes hidden states (tokens, hidden) → log mel (2·tokens, 100).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward(&self, hidden: &Frames) -> Result<Frames> {
        self.stack.forward(hidden)
    }
}

/// Turns codes into a mel (`DVAE.safetensors`).
pub struct Dvae {
    quantizer: Quantizer,
    stack: MelStack,
}

impl Dvae {
    /// Loads the decoding half of the DVAE.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn load(file: &WeightFile, device: &Device) -> Result<Self> {
        let weights = file.root(DType::F32, device);
        let stack = MelStack::load(&weights)?;
        let features = 2 * channels_in(&weights)?;
        let quantizer = Quantizer::load(&weights.at("vq_layer.quantizer"), features)?;
        Ok(Dvae { quantizer, stack })
    }

    /// Returns how many mel frames to each side a mel frame depends on.
    pub fn reach(&self) -> usize {
        self.stack.reach()
    }

    /// Returns how many codebooks there are.
    pub fn codebooks(&self) -> usize {
        self.quantizer.codebooks()
    }

    /// Returns how many codes a codebook has; the end token is not among them.
    pub fn code_tokens(&self) -> u32 {
        self.quantizer.code_tokens()
    }

    /// Decodes codes of several sequences, one row per codebook each, into a log mel (2·tokens, 100).
    ///
    /// # Errors
    /// If a code is out of range.
    pub fn decode(&self, codes: &[&[Vec<u16>]]) -> Result<Frames> {
        self.stack.forward(&self.quantizer.features(codes, self.stack.coef.device())?)
    }
}
