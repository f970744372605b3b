//! Mel → wave: the Vocos vocoder (Siuzdak, 2023), `Vocos.safetensors`.

use super::convnext::{Block, Conv, Linear, Norm, reach};
use super::layout::Layout;
use super::mel::MEL_CHANNELS;
use super::spectrum::InverseStft;
use crate::backend::weights::{ANY, WeightFile};
use crate::error::{Error, Result};

/// Samples per second of the model's audio.
pub const SAMPLE_RATE: u32 = 24_000;
/// Samples between frames.
pub const HOP: usize = 256;

/// Holds the vocoder: convolution, norm, blocks, norm, head, inverse Fourier transform.
pub struct Vocos<L: Layout> {
    /// Log mel → width.
    pub embed: Conv<L>,
    /// The norm before the blocks.
    pub norm: Norm<L>,
    /// The blocks, in order.
    pub blocks: Vec<Block<L>>,
    /// The norm after the blocks.
    pub final_norm: Norm<L>,
    /// Width → one log magnitude and one phase per frequency from 0 to half the sample rate.
    pub head: Linear<L>,
    /// The transform, on the processor.
    pub istft: InverseStft,
}

impl<L: Layout> Vocos<L> {
    /// Loads the vocoder.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn load(file: &WeightFile, layout: &L) -> Result<Self> {
        let weights = file.root();
        let backbone = weights.at("backbone");
        let embed = Conv::load(&backbone.at("embed"), MEL_CHANNELS, 7, true, layout)?;
        let width = embed.outputs();
        let block = |i| Block::load(&backbone.at(format!("convnext.{i}")), width, "gamma", 1, layout);
        let blocks = (0..backbone.count("convnext", "gamma")).map(block).collect::<Result<Vec<_>>>()?;
        let window = weights.at("head.istft").numbers("window", ANY)?;
        if window.len() % (2 * HOP) != 0 {
            return Err(Error::TensorShape {
                file: file.path().into(),
                tensor: "head.istft.window".into(),
                expected: format!("a multiple of {}", 2 * HOP),
                found: vec![window.len()],
            });
        }
        Ok(Vocos {
            norm: Norm::load(&backbone.at("norm"), width, layout)?,
            blocks,
            final_norm: Norm::load(&backbone.at("final_layer_norm"), width, layout)?,
            head: Linear::load(&weights.at("head.out"), window.len() + 2, width, true, layout)?,
            istft: InverseStft::new(window),
            embed,
        })
    }

    /// Returns how many frames to each side a frame of the spectrum depends on.
    pub fn reach(&self) -> usize {
        self.embed.reach() + reach(&self.blocks)
    }
}
