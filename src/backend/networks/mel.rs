//! Hidden states or codes → mel: the decoder (`Decoder.safetensors`) and the DVAE's decoding half, which have the
//! same layers.

use super::convnext::{Block, Conv, reach};
use super::layout::Layout;
use crate::backend::weights::{ANY, WeightFile, Weights};
use crate::error::Result;

/// Channels of the mel spectrogram.
pub const MEL_CHANNELS: usize = 100;
/// Distance between the taps of the blocks' depthwise convolutions.
const DILATION: usize = 2;

/// Holds convolutions and ConvNeXt blocks from features to features; a GELU follows the first convolution.
pub struct Stack<L: Layout> {
    /// Features → bottleneck → width.
    pub conv_in: [Conv<L>; 2],
    /// The blocks, in order.
    pub blocks: Vec<Block<L>>,
    /// Width → features.
    pub conv_out: Conv<L>,
}

impl<L: Layout> Stack<L> {
    /// Loads what `encoder.*` and `decoder.*` have, for features of the given width.
    pub fn load(weights: &Weights, inputs: usize, layout: &L) -> Result<Self> {
        let first = Conv::load(&weights.at("conv_in.0"), inputs, 3, true, layout)?;
        let second = Conv::load(&weights.at("conv_in.2"), first.outputs(), 3, true, layout)?;
        let width = second.outputs();
        let block =
            |i| Block::load(&weights.at(format!("decoder_block.{i}")), width, "weight", DILATION, layout);
        let blocks = (0..weights.count("decoder_block", "weight")).map(block).collect::<Result<Vec<_>>>()?;
        let conv_out = Conv::load(&weights.at("conv_out"), width, 1, false, layout)?;
        Ok(Stack { conv_in: [first, second], blocks, conv_out })
    }

    /// Returns how many channels come out.
    pub fn outputs(&self) -> usize {
        self.conv_out.outputs()
    }

    /// Returns how many frames to each side a frame depends on.
    pub fn reach(&self) -> usize {
        self.conv_in.iter().map(Conv::reach).sum::<usize>() + reach(&self.blocks) + self.conv_out.reach()
    }
}

/// Holds features at half the frame rate → log mel: a stack, a last convolution, a factor per channel.
pub struct MelStack<L: Layout> {
    /// (frames, channels) → (frames, features).
    pub stack: Stack<L>,
    /// (frames, features) → (frames, 100).
    pub out_conv: Conv<L>,
    /// The factors, (100).
    pub coef: L::Vector,
}

impl<L: Layout> MelStack<L> {
    /// Loads the decoder, for hidden states of the given width.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn decoder(file: &WeightFile, hidden: usize, layout: &L) -> Result<Self> {
        let weights = file.root();
        weights.at("decoder.conv_in.0").check("weight", &[ANY, hidden / 2, 3])?;
        MelStack::load(&weights, layout)
    }

    /// Loads the layers of the decoder or of the DVAE.
    pub fn load(weights: &Weights, layout: &L) -> Result<Self> {
        let inputs = weights.at("decoder.conv_in.0").check("weight", &[ANY, ANY, 3])?[1];
        let stack = Stack::load(&weights.at("decoder"), inputs, layout)?;
        let out = weights.at("out_conv");
        out.check("weight", &[MEL_CHANNELS, stack.outputs(), 3])?;
        let out_conv = Conv::load(&out, stack.outputs(), 3, false, layout)?;
        Ok(MelStack { stack, out_conv, coef: layout.vector(coef(weights)?)? })
    }

    /// Returns how many values a token has; they are two frames, one after the other.
    pub fn features(&self) -> usize {
        2 * self.stack.conv_in[0].channels()
    }

    /// Returns how many mel frames to each side a mel frame depends on.
    pub fn reach(&self) -> usize {
        self.stack.reach() + self.out_conv.reach()
    }
}

/// Returns the factors of the mel's channels, (100).
pub fn coef(weights: &Weights) -> Result<candle_core::Tensor> {
    Ok(weights.tensor("coef", &[1, MEL_CHANNELS, 1])?.reshape(MEL_CHANNELS)?)
}
