//! The decoder, the decoding half of the DVAE and the vocoder on a card.

use super::driver::{Address, Buffer};
use super::kernels::{Dtype, Kernels};
use super::layout::CardLayout;
use super::render_kernels::{InverseFourier, OverlapAdd, TRANSFORMS, twiddles};
use super::render_layers::{Sizes, Stage, row};
use super::shared::Epilogue;
use crate::backend::networks::{Block, Conv, HOP, MelStack, Vocos};
use crate::backend::weights::WeightFile;
use crate::error::{Error, Result};

const F32: usize = size_of::<f32>();

fn needs(blocks: &[Block<CardLayout>]) -> Sizes {
    blocks.iter().map(Block::sizes).fold(Sizes::default(), Sizes::max)
}

impl MelStack<CardLayout> {
    /// Returns the memory it needs.
    pub fn sizes(&self) -> Sizes {
        let [first, second] = &self.stack.conv_in;
        let convs = [first, second, &self.stack.conv_out, &self.out_conv];
        let own = Sizes {
            first: first.size().max(self.stack.conv_out.size()),
            second: second.size().max(first.channels() * F32),
            normed: 0,
            scratch: convs.into_iter().map(Conv::scratch).max().unwrap_or(0),
        };
        own.max(needs(&self.stack.blocks))
    }

    /// Computes features (frames, channels), which `second` holds → mel (frames, 100). A token's features are two
    /// frames, one after the other.
    pub fn run(&self, stage: &Stage, first: Address, second: Address, mel: Address) -> Result<()> {
        let [to_bottleneck, to_width] = &self.stack.conv_in;
        to_bottleneck.run(stage, second, first, Epilogue::Gelu, None)?;
        to_width.run(stage, first, second, Epilogue::Store, None)?;
        for block in &self.stack.blocks {
            block.run(stage, second)?;
        }
        self.stack.conv_out.run(stage, second, first, Epilogue::Store, None)?;
        self.out_conv.run(stage, first, mel, Epilogue::Store, Some(&self.coef))
    }
}

/// Runs the vocoder on a card: mel → wave.
pub struct CardVocos {
    pub network: Vocos<CardLayout>,
    window: Buffer<f32>,
    twiddles: Buffer<f32>,
}

impl CardVocos {
    /// Loads the vocoder.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the card.
    pub fn load(file: &WeightFile, layout: &CardLayout) -> Result<Self> {
        let network = Vocos::load(file, layout)?;
        let window = network.istft.window();
        let size = window.len();
        if !TRANSFORMS.contains(&size) || !size.is_power_of_two() {
            let (least, most) = (TRANSFORMS.start(), TRANSFORMS.end());
            return Err(Error::TensorShape {
                file: file.path().into(),
                tensor: "head.istft.window".into(),
                expected: format!("a power of two from {least} to {most}, on a card"),
                found: vec![size],
            });
        }
        let driver = layout.kernels.driver();
        Ok(CardVocos {
            window: Buffer::from_slice(driver, window)?,
            twiddles: Buffer::from_slice(driver, &twiddles(size))?,
            network,
        })
    }

    /// Returns the memory it needs.
    pub fn sizes(&self) -> Sizes {
        let Vocos { embed, head, blocks, .. } = &self.network;
        let own = Sizes {
            first: embed.size().max(HOP * F32),
            second: self.window.len() * F32,
            normed: 0,
            scratch: embed.scratch().max((head.matrix.padded_inputs() + head.outputs) * F32),
        };
        own.max(needs(blocks))
    }

    /// Computes log mel (frames, 100) → waves (frames, 256), which `first` holds; each sequence's last 256
    /// samples are nothing.
    pub fn run(&self, stage: &Stage, mel: Address, first: Address, second: Address) -> Result<()> {
        let kernels: &Kernels = stage.kernels;
        let Vocos { embed, norm, blocks, final_norm, head, .. } = &self.network;
        let (width, size) = (embed.outputs(), self.window.len());
        embed.run(stage, mel, first, Epilogue::Store, None)?;
        norm.run(kernels, first, first, (stage.frames, width, width))?;
        for block in blocks {
            block.run(stage, first)?;
        }
        let stride = head.matrix.padded_inputs();
        let spectrum = row(stage.scratch, stage.piece, stride);
        for (start, count) in stage.pieces() {
            final_norm.run(kernels, row(first, start, width), stage.scratch, (count, width, stride))?;
            let product = head.product(stage.scratch, spectrum, count, Epilogue::Store);
            kernels.product(Dtype::F32, product, None)?;
            kernels.inverse_fourier(InverseFourier {
                spectrum,
                twiddles: self.twiddles.address(),
                window: self.window.address(),
                pieces: row(second, start, size),
                frames: count as u32,
                size: size as u32,
            })?;
        }
        kernels.overlap_add(OverlapAdd {
            pieces: second,
            window: self.window.address(),
            bounds: stage.bounds,
            wave: first,
            frames: stage.frames as u32,
            size: size as u32,
            hop: HOP as u32,
        })
    }
}
