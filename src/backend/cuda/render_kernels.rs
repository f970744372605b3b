//! Launches of the kernels between hidden states and a wave.

use super::driver::{Address, Argument};
use super::kernels::{Dtype, Kernels};
use super::shared::{Bounds, DepthwiseNorm};
use crate::error::{Error, Result};

/// Bytes of shared memory that a block of any card has without being asked.
const SHARED: usize = 48 << 10;
/// The bytes of shared memory that the sums over a block take.
const SUMS: usize = 16;
/// Sizes of a Fourier transform that the kernel takes: powers of two among these.
pub const TRANSFORMS: std::ops::RangeInclusive<usize> = 512..=4096;

impl Bounds {
    /// Returns the bounds of every frame of sequences that lie one after another.
    pub fn of(lengths: &[usize]) -> Vec<Bounds> {
        let mut all = Vec::with_capacity(lengths.iter().sum());
        for length in lengths {
            let start = all.len();
            let own = Bounds { start: start as u32, end: (start + length) as u32 };
            all.extend(std::iter::repeat_n(own, *length));
        }
        all
    }
}

/// Holds the arguments of [`Kernels::unfold`].
#[derive(Clone, Copy, Debug)]
pub struct Unfold {
    pub x: Address,
    pub bounds: Address,
    pub y: Address,
    pub first: u32,
    pub count: u32,
    pub channels: u32,
    pub taps: u32,
    pub stride: u32,
}

/// Holds the arguments of [`Kernels::layer_norm`].
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    pub x: Address,
    pub weight: Address,
    pub bias: Address,
    pub y: Address,
    pub rows: u32,
    pub width: u32,
    pub stride: u32,
    pub eps: f32,
}

/// Holds the arguments of [`Kernels::inverse_fourier`].
#[derive(Clone, Copy, Debug)]
pub struct InverseFourier {
    pub spectrum: Address,
    pub twiddles: Address,
    pub window: Address,
    pub pieces: Address,
    pub frames: u32,
    pub size: u32,
}

/// Holds the arguments of [`Kernels::overlap_add`].
#[derive(Clone, Copy, Debug)]
pub struct OverlapAdd {
    pub pieces: Address,
    pub window: Address,
    pub bounds: Address,
    pub wave: Address,
    pub frames: u32,
    pub size: u32,
    pub hop: u32,
}

impl Kernels {
    /// Unfolds y (count, stride) = the windows of x (frames, channels) around frames from `first` on, tap by
    /// tap, zero outside their sequences and beyond the taps.
    pub fn unfold(&self, args: Unfold) -> Result<()> {
        let Unfold { x, bounds, y, first, count, channels, taps, stride } = args;
        let arguments = [
            Argument::of(&x),
            Argument::of(&bounds),
            Argument::of(&y),
            Argument::of(&first),
            Argument::of(&channels),
            Argument::of(&taps),
            Argument::of(&stride),
        ];
        self.run("unfold", [count, 1, 1], 0, &arguments)
    }

    /// Computes y (frames, stride) = the norm of a depthwise convolution of x (frames, width), in a type;
    /// what is beyond the width becomes zero.
    ///
    /// # Errors
    /// [`Error::Device`] if a frame does not fit a block's memory.
    pub fn depthwise_norm(&self, kind: Dtype, frames: u32, args: DepthwiseNorm) -> Result<()> {
        let shared = SUMS + args.width as usize * size_of::<f32>();
        if shared > SHARED {
            return Err(Error::Device(format!("{} channels are more than a block holds", args.width)));
        }
        let kernel = kind.pick(["depthwise_norm_f32", "depthwise_norm_f16", "depthwise_norm_bf16"]);
        self.run(kernel, [frames, 1, 1], shared as u32, &[Argument::of(&args)])
    }

    /// Computes y (rows, stride) = the norm of x (rows, width); in place if they have one width.
    pub fn layer_norm(&self, args: LayerNorm) -> Result<()> {
        let LayerNorm { x, weight, bias, y, rows, width, stride, eps } = args;
        let arguments = [
            Argument::of(&x),
            Argument::of(&weight),
            Argument::of(&bias),
            Argument::of(&y),
            Argument::of(&width),
            Argument::of(&stride),
            Argument::of(&eps),
        ];
        self.run("layer_norm_f32", [rows, 1, 1], SUMS as u32, &arguments)
    }

    /// Pieces (frames, size) = the windowed signals of the rows of (frames, size + 2), log magnitudes and then
    /// phases.
    ///
    /// # Errors
    /// [`Error::Device`] if the size is not one of [`TRANSFORMS`].
    pub fn inverse_fourier(&self, args: InverseFourier) -> Result<()> {
        let InverseFourier { spectrum, twiddles, window, pieces, frames, size } = args;
        if !TRANSFORMS.contains(&(size as usize)) || !size.is_power_of_two() {
            return Err(Error::Device(format!("there is no Fourier transform of {size} samples")));
        }
        let log_half = size.trailing_zeros() - 1;
        let arguments = [
            Argument::of(&spectrum),
            Argument::of(&twiddles),
            Argument::of(&window),
            Argument::of(&pieces),
            Argument::of(&size),
            Argument::of(&log_half),
        ];
        self.run("inverse_fourier", [frames, 1, 1], size * size_of::<f32>() as u32, &arguments)
    }

    /// Adds up a wave (frames, hop) from the overlapping pieces (frames, size) of sequences; of each
    /// sequence's last frame, nothing is written.
    pub fn overlap_add(&self, args: OverlapAdd) -> Result<()> {
        let OverlapAdd { pieces, window, bounds, wave, frames, size, hop } = args;
        let arguments = [
            Argument::of(&pieces),
            Argument::of(&window),
            Argument::of(&bounds),
            Argument::of(&wave),
            Argument::of(&size),
            Argument::of(&hop),
        ];
        self.run("overlap_add", [frames, 1, 1], 0, &arguments)
    }
}

/// Returns e^(2πik/size), k < size / 2, a real and an imaginary part each.
pub fn twiddles(size: usize) -> Vec<f32> {
    (0..size / 2)
        .flat_map(|k| {
            let angle = std::f64::consts::TAU * k as f64 / size as f64;
            [angle.cos() as f32, angle.sin() as f32]
        })
        .collect()
}
