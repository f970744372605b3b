//! The decoder, the decoding half of the DVAE and the vocoder on a card.

use candle_core::{DType, Device};

use super::driver::{Address, Buffer};
use super::kernels::Dtype;
use super::matrix::Matrix;
use super::products::{Epilogue, ProductArgument};
use super::render_kernels::{InverseFourier, OverlapAdd, TRANSFORMS, twiddles};
use super::render_layers::{Block, Conv, Loader, Norm, Sizes, Stage, row};
use crate::error::{Error, Result};
use crate::model::{ANY, DILATION, HOP, MEL_CHANNELS, Quantizer, WeightFile, Weights};

const F32: usize = size_of::<f32>();

fn sum<'a>(reaches: impl Iterator<Item = &'a Block>) -> usize {
    reaches.map(Block::reach).sum()
}

fn needs<'a>(blocks: impl Iterator<Item = &'a Block>) -> Sizes {
    blocks.map(Block::sizes).fold(Sizes::default(), Sizes::max)
}

/// Features at half the frame rate → log mel.
pub struct MelStack {
    channels: usize,
    conv_in: [Conv; 2],
    blocks: Vec<Block>,
    conv_out: Conv,
    out_conv: Conv,
    coef: Buffer<f32>,
}

impl MelStack {
    fn load(loader: &Loader, weights: &Weights) -> Result<Self> {
        let stack = weights.at("decoder");
        let channels = stack.at("conv_in.0").check("weight", &[ANY, ANY, 3])?[1];
        let first = Conv::load(loader, &stack.at("conv_in.0"), channels, 3, true)?;
        let second = Conv::load(loader, &stack.at("conv_in.2"), first.outputs(), 3, true)?;
        let width = second.outputs();
        let blocks = (0..stack.count("decoder_block", "weight"))
            .map(|i| Block::load(loader, &stack.at(format!("decoder_block.{i}")), width, "weight", DILATION))
            .collect::<Result<Vec<_>>>()?;
        let conv_out = Conv::load(loader, &stack.at("conv_out"), width, 1, false)?;
        let out = weights.at("out_conv");
        out.check("weight", &[MEL_CHANNELS, conv_out.outputs(), 3])?;
        Ok(MelStack {
            channels,
            conv_in: [first, second],
            blocks,
            out_conv: Conv::load(loader, &out, conv_out.outputs(), 3, false)?,
            conv_out,
            coef: loader.values(&weights.tensor("coef", &[1, MEL_CHANNELS, 1])?)?,
        })
    }

    /// Loads the decoder, for hidden states of the given width.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the card.
    pub fn decoder(loader: &Loader, file: &WeightFile, hidden: usize) -> Result<Self> {
        let weights = file.root(DType::F32, &Device::Cpu);
        weights.at("decoder.conv_in.0").check("weight", &[ANY, hidden / 2, 3])?;
        MelStack::load(loader, &weights)
    }

    /// Returns how many mel frames to each side a mel frame depends on.
    pub fn reach(&self) -> usize {
        let ends = self.conv_in.iter().chain([&self.conv_out, &self.out_conv]);
        ends.map(Conv::reach).sum::<usize>() + sum(self.blocks.iter())
    }

    /// Returns how many values a token has.
    pub fn features(&self) -> usize {
        2 * self.channels
    }

    /// Returns the memory it needs.
    pub fn sizes(&self) -> Sizes {
        let [first, second] = &self.conv_in;
        let convs = [first, second, &self.conv_out, &self.out_conv];
        let own = Sizes {
            first: first.size().max(self.conv_out.size()),
            second: second.size().max(self.channels * F32),
            normed: 0,
            scratch: convs.into_iter().map(Conv::scratch).max().unwrap_or(0),
        };
        own.max(needs(self.blocks.iter()))
    }

    /// Features (frames, channels), which `second` holds → mel (frames, 100). A token's features are two
    /// frames, one after the other.
    pub fn run(&self, stage: &Stage, first: Address, second: Address, mel: Address) -> Result<()> {
        self.conv_in[0].run(stage, second, first, Epilogue::Gelu, None)?;
        self.conv_in[1].run(stage, first, second, Epilogue::Store, None)?;
        for block in &self.blocks {
            block.run(stage, second)?;
        }
        self.conv_out.run(stage, second, first, Epilogue::Store, None)?;
        self.out_conv.run(stage, first, mel, Epilogue::Store, Some(&self.coef))
    }
}

/// Computes codes → mel. Codes become features on the processor: a few hundred operations each.
pub struct Dvae {
    pub quantizer: Quantizer,
    pub stack: MelStack,
}

impl Dvae {
    /// Loads the decoding half of the DVAE.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the card.
    pub fn load(loader: &Loader, file: &WeightFile) -> Result<Self> {
        let weights = file.root(DType::F32, &Device::Cpu);
        let stack = MelStack::load(loader, &weights)?;
        let quantizer = Quantizer::load(&weights.at("vq_layer.quantizer"), stack.features())?;
        Ok(Dvae { quantizer, stack })
    }
}

/// Computes mel → wave.
pub struct Vocos {
    embed: Conv,
    norm: Norm,
    blocks: Vec<Block>,
    final_norm: Norm,
    head: Matrix,
    head_bias: Buffer<f32>,
    window: Buffer<f32>,
    twiddles: Buffer<f32>,
}

impl Vocos {
    /// Loads the vocoder.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the card.
    pub fn load(loader: &Loader, file: &WeightFile) -> Result<Self> {
        let weights = file.root(DType::F32, &Device::Cpu);
        let backbone = weights.at("backbone");
        let embed = Conv::load(loader, &backbone.at("embed"), MEL_CHANNELS, 7, true)?;
        let width = embed.outputs();
        let blocks = (0..backbone.count("convnext", "gamma"))
            .map(|i| Block::load(loader, &backbone.at(format!("convnext.{i}")), width, "gamma", 1))
            .collect::<Result<Vec<_>>>()?;
        let window = weights.at("head.istft").tensor("window", &[ANY])?;
        let size = window.dim(0)?;
        if !TRANSFORMS.contains(&size) || !size.is_power_of_two() {
            let (least, most) = (TRANSFORMS.start(), TRANSFORMS.end());
            return Err(Error::TensorShape {
                file: file.path().into(),
                tensor: "head.istft.window".into(),
                expected: format!("a power of two from {least} to {most}, on a card"),
                found: vec![size],
            });
        }
        // One log magnitude and one phase per frequency from 0 to half the sample rate.
        let (head, head_bias) = loader.linear(&weights.at("head.out"), Dtype::F32, size + 2, width)?;
        Ok(Vocos {
            norm: Norm::load(loader, &backbone.at("norm"), width)?,
            blocks,
            final_norm: Norm::load(loader, &backbone.at("final_layer_norm"), width)?,
            head,
            head_bias,
            window: loader.values(&window)?,
            twiddles: Buffer::from_slice(loader.kernels.driver(), &twiddles(size))?,
            embed,
        })
    }

    /// Returns how many frames to each side a frame of the spectrum depends on.
    pub fn reach(&self) -> usize {
        self.embed.reach() + sum(self.blocks.iter())
    }

    /// Returns the memory it needs.
    pub fn sizes(&self) -> Sizes {
        let own = Sizes {
            first: self.embed.size().max(HOP * F32),
            second: self.window.len() * F32,
            normed: 0,
            scratch: self.embed.scratch().max((self.head.padded_inputs() + self.head.outputs()) * F32),
        };
        own.max(needs(self.blocks.iter()))
    }

    /// Computes log mel (frames, 100) → waves (frames, 256), which `first` holds; each sequence's last 256
    /// samples are nothing.
    pub fn run(&self, stage: &Stage, mel: Address, first: Address, second: Address) -> Result<()> {
        let kernels = stage.kernels;
        let (width, size) = (self.embed.outputs(), self.window.len());
        self.embed.run(stage, mel, first, Epilogue::Store, None)?;
        self.norm.run(kernels, first, first, stage.frames, width)?;
        for block in &self.blocks {
            block.run(stage, first)?;
        }
        let stride = self.head.padded_inputs();
        let spectrum = row(stage.scratch, stage.piece, stride);
        for (start, count) in stage.pieces() {
            self.final_norm.run(kernels, row(first, start, width), stage.scratch, count, stride)?;
            let product = ProductArgument {
                bias: self.head_bias.address(),
                ..self.head.product(stage.scratch, spectrum, count, Epilogue::Store)
            };
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
