//! The decoder, the DVAE both ways and the vocoder on a card.

use super::driver::{Address, Buffer};
use super::kernels::{Dtype, Kernels};
use super::layout::CardLayout;
use super::products::INPUTS_MULTIPLE;
use super::render_kernels::{InverseFourier, OverlapAdd, TRANSFORMS, twiddles};
use super::render_layers::{Sizes, Stage, row};
use super::shared::{Bounds, Epilogue, ProductArgument};
use crate::backend::networks::{Block, Conv, DIGITS, Encoder, HOP, MelStack, STRIDE, Stack, Vocos};
use crate::backend::weights::WeightFile;
use crate::error::{Error, Result};

const F32: usize = size_of::<f32>();

fn needs(blocks: &[Block<CardLayout>]) -> Sizes {
    blocks.iter().map(Block::sizes).fold(Sizes::default(), Sizes::max)
}

impl Stack<CardLayout> {
    /// Returns the memory it needs.
    fn sizes(&self) -> Sizes {
        let [first, second] = &self.conv_in;
        let own = Sizes {
            first: first.size().max(self.conv_out.size()),
            second: second.size().max(first.channels() * F32),
            normed: 0,
            scratch: [first, second, &self.conv_out].into_iter().map(Conv::scratch).max().unwrap_or(0),
        };
        own.max(needs(&self.blocks))
    }

    /// Computes (frames, channels), which `second` holds → features (frames, outputs), which `first` holds.
    fn run(&self, stage: &Stage, first: Address, second: Address) -> Result<()> {
        let [to_bottleneck, to_width] = &self.conv_in;
        to_bottleneck.run(stage, second, first, Epilogue::Gelu, None)?;
        to_width.run(stage, first, second, Epilogue::Store, None)?;
        for block in &self.blocks {
            block.run(stage, second)?;
        }
        self.conv_out.run(stage, second, first, Epilogue::Store, None)
    }
}

impl MelStack<CardLayout> {
    /// Returns the memory it needs.
    pub fn sizes(&self) -> Sizes {
        self.stack.sizes().max(Sizes { scratch: self.out_conv.scratch(), ..Sizes::default() })
    }

    /// Computes features (frames, channels), which `second` holds → mel (frames, 100). A token's features are two
    /// frames, one after the other.
    pub fn run(&self, stage: &Stage, first: Address, second: Address, mel: Address) -> Result<()> {
        self.stack.run(stage, first, second)?;
        self.out_conv.run(stage, first, mel, Epilogue::Store, Some(&self.coef))
    }
}

/// What is read beyond rows that are no whole number of tiles is multiplied by zeros, and must be numbers for that.
const BEYOND: usize = INPUTS_MULTIPLE;

impl Encoder<CardLayout> {
    /// Returns the memory it needs, for [`Encoder::frames`] of it.
    pub fn sizes(&self) -> Sizes {
        let scalars = self.finder.groups.len() * DIGITS;
        let own = Sizes {
            first: self.widen.size(),
            second: (self.downsample.outputs.max(scalars)) * F32,
            normed: 0,
            scratch: self.widen.scratch(),
        };
        own.max(self.stack.sizes())
    }

    /// Returns the frames of memory that a mel of so many takes: zeros before and after it, and what lies beyond.
    pub fn frames(&self, frames: usize) -> usize {
        let width = self.widen.outputs().min(self.stack.outputs());
        frames + STRIDE + BEYOND.div_ceil(width.max(1))
    }

    /// Computes a mel as [`Encoder::mel_of`] makes it, (frames, 100), which `mel` holds → the scalars of each group,
    /// (frames / 2, 4), one group after another, which `second` holds. The memory is that of a workspace; the stage tells
    /// all but the frames and their bounds.
    ///
    /// # Errors
    /// An error of the card.
    pub fn run(
        &self,
        stage: &Stage,
        mel: &Buffer<f32>,
        [first, second]: [&Buffer<f32>; 2],
        bounds: &Buffer<Bounds>,
    ) -> Result<()> {
        let (frames, width) = (stage.frames, self.widen.outputs());
        let codes = frames / STRIDE;
        bounds.upload(0, &Bounds::of(&[frames]))?;
        // A window is four frames from every second on, with a frame of zeros before the first. Of an odd number of
        // frames the last is seen by the last window only.
        first.upload(0, &vec![0.0; width])?;
        first.upload((frames + 1) * width, &vec![0.0; width + BEYOND])?;
        self.widen.run(stage, mel.address(), first.at(width), Epilogue::Gelu, None)?;
        let halved = ProductArgument {
            x_stride: (STRIDE * width) as u32,
            ..self.downsample.product(first.address(), second.address(), codes, Epilogue::Gelu)
        };
        stage.kernels.product(Dtype::F32, halved, None)?;
        bounds.upload(0, &Bounds::of(&[codes]))?;
        let halved = Stage { frames: codes, ..*stage };
        self.stack.run(&halved, first.address(), second.address())?;
        let features = self.stack.outputs();
        first.upload(codes * features, &[0.0; BEYOND])?;
        let part = features / self.finder.groups.len();
        for (group, layer) in self.finder.groups.iter().enumerate() {
            let to = second.at(group * codes * DIGITS);
            let scalars = ProductArgument {
                x_stride: features as u32,
                ..layer.product(first.at(group * part), to, codes, Epilogue::Store)
            };
            stage.kernels.product(Dtype::F32, scalars, None)?;
        }
        Ok(())
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
