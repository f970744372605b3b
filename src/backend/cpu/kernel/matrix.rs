//! Weight matrices as the kernels read them: panels of sixteen outputs, input by input.

use std::fmt;
use std::sync::Arc;

use memmap2::Mmap;

use super::quantize::{MOST, quantize_block};
use super::simd::{LANES, Simd};

pub use super::simd::BLOCK;
use crate::backend::memory;
use crate::error::Result;

/// A block whose largest number is no more than this counts as zero: its inverse would leave the range.
const LEAST: f32 = 1e-30;
/// Bytes of a panel's pair of blocks: the weights of one, those of the other, then the scales of both.
const PAIR: usize = 2 * LANES * (BLOCK + size_of::<u16>());

/// Names the type in which the weights of a matrix are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum WeightType {
    /// Single precision
    #[default]
    F32,
    /// 8 bits
    ///
    /// Blocks of 32 numbers with a common scale; rows are rounded alike as they go in.
    Q8,
}

impl WeightType {
    /// Returns its name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            WeightType::F32 => "f32",
            WeightType::Q8 => "q8",
        }
    }
}

/// Describes how a matrix is laid out.
///
/// Panel after panel, each of 16 outputs; what is missing to a whole panel or block is zero.
/// - f32: for each input, the 16 outputs' weights.
/// - q8: for each pair of blocks of 32 inputs 1,088 bytes: twice 512 bytes of weights, then twice 16 scales
///   (bfloat16). In a block, for each 4 inputs, the 16 outputs' 4 weights, each a byte with an offset of
///   128. A weight is (byte − 128)·scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows of W.
    pub outputs: usize,
    /// Columns of W.
    pub inputs: usize,
    /// In which type.
    pub kind: WeightType,
}

impl Shape {
    /// Returns how many panels of 16 outputs it has.
    pub fn panels(self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    /// Returns the bytes of a panel, a multiple of 64.
    pub fn panel_bytes(self) -> usize {
        match self.kind {
            WeightType::F32 => self.inputs * LANES * size_of::<f32>(),
            WeightType::Q8 => self.inputs.div_ceil(2 * BLOCK) * PAIR,
        }
    }

    /// Returns the bytes of the whole matrix.
    pub fn bytes(self) -> usize {
        self.panels() * self.panel_bytes()
    }

    /// Returns how many blocks of inputs a row has, those that only fill a pair included.
    pub fn blocks(self) -> usize {
        blocks(self.inputs)
    }
}

/// Returns how many blocks a row of so many numbers takes: an even number.
pub fn blocks(inputs: usize) -> usize {
    2 * inputs.div_ceil(2 * BLOCK)
}

/// Aligns all that is packed by a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Holds bytes aligned by 64, in memory or in a mapped file.
#[derive(Clone)]
enum Bytes {
    Owned(Arc<Vec<Line>>),
    Mapped { map: Arc<Mmap>, start: usize, length: usize },
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Owned(lines) => {
                // SAFETY: lines are bytes without padding.
                unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), size_of_val(&lines[..])) }
            }
            Bytes::Mapped { map, start, length } => &map[*start..start + length],
        }
    }
}

/// Holds a weight matrix in the kernels' layout.
#[derive(Clone)]
pub struct Matrix {
    shape: Shape,
    bytes: Bytes,
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shape.fmt(f)
    }
}

impl Matrix {
    /// Packs a weight (outputs, inputs) that lies row by row, its panels in parallel.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn pack(weight: &[f32], shape: Shape) -> Result<Self> {
        use rayon::prelude::*;
        debug_assert_eq!(weight.len(), shape.outputs * shape.inputs);
        let what = || format!("a matrix of {} × {} weights", shape.outputs, shape.inputs);
        let mut lines = memory::filled(Line([0; 64]), shape.bytes() / 64, &what)?;
        let of_panel = shape.panel_bytes() / 64;
        if of_panel > 0 {
            lines.par_chunks_mut(of_panel).enumerate().for_each(|(panel, lines)| {
                // SAFETY: lines are bytes without padding.
                let bytes =
                    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<u8>(), 64 * of_panel) };
                let first = panel * LANES * shape.inputs;
                let last = weight.len().min(first + LANES * shape.inputs);
                match shape.kind {
                    WeightType::F32 => pack_floats(&weight[first..last], shape.inputs, bytes),
                    WeightType::Q8 => pack_bytes(&weight[first..last], shape.inputs, bytes),
                }
            });
        }
        Ok(Matrix { shape, bytes: Bytes::Owned(Arc::new(lines)) })
    }

    /// Wraps a matrix that lies packed in a mapped file; none if it is not as long as its shape says or not
    /// aligned by 64.
    pub fn mapped(map: Arc<Mmap>, start: usize, length: usize, shape: Shape) -> Option<Self> {
        let end = start.checked_add(length)?;
        // A file may name any sizes, also such whose product is no number.
        let most = shape.outputs.checked_add(LANES)?.checked_mul(shape.inputs.checked_add(2 * BLOCK)?)?;
        most.checked_mul(2 * size_of::<f32>())?;
        let fits = length == shape.bytes()
            && end <= map.len()
            && (map.as_ptr() as usize + start).is_multiple_of(align_of::<Line>());
        fits.then_some(Matrix { shape, bytes: Bytes::Mapped { map, start, length } })
    }

    /// Returns its sizes and type.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the packed bytes, aligned by 64.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Returns the weights as they count, (outputs, inputs) row by row.
    pub fn unpack(&self) -> Vec<f32> {
        let Shape { outputs, inputs, kind } = self.shape;
        let bytes = self.bytes();
        let mut weight = Vec::with_capacity(outputs * inputs);
        for output in 0..outputs {
            let panel = &bytes[output / LANES * self.shape.panel_bytes()..];
            weight.extend((0..inputs).map(|input| match kind {
                WeightType::F32 => float_at(panel, input * LANES + output % LANES),
                WeightType::Q8 => {
                    let pair = &panel[input / (2 * BLOCK) * PAIR..][..PAIR];
                    let (half, i) = (input / BLOCK % 2, input % BLOCK);
                    let place = half * LANES * BLOCK + i / 4 * 4 * LANES + output % LANES * 4 + i % 4;
                    let scale = 2 * LANES * BLOCK + 2 * (half * LANES + output % LANES);
                    let scale = u16::from_le_bytes([pair[scale], pair[scale + 1]]);
                    (f32::from(pair[place]) - 128.0) * f32::from_bits(u32::from(scale) << 16)
                }
            }));
        }
        weight
    }
}

fn float_at(bytes: &[u8], index: usize) -> f32 {
    let four = &bytes[4 * index..][..4];
    f32::from_le_bytes([four[0], four[1], four[2], four[3]])
}

fn pack_floats(rows: &[f32], inputs: usize, bytes: &mut [u8]) {
    for (lane, row) in rows.chunks_exact(inputs).enumerate() {
        for (input, weight) in row.iter().enumerate() {
            bytes[4 * (input * LANES + lane)..][..4].copy_from_slice(&weight.to_le_bytes());
        }
    }
}

fn pack_bytes(rows: &[f32], inputs: usize, bytes: &mut [u8]) {
    for pair in bytes.chunks_exact_mut(PAIR) {
        pair[..2 * LANES * BLOCK].fill(128);
    }
    for (lane, row) in rows.chunks_exact(inputs).enumerate() {
        for (block, weights) in row.chunks(BLOCK).enumerate() {
            let pair = &mut bytes[block / 2 * PAIR..][..PAIR];
            let (numbers, scale) = quantize_block(weights);
            let place = 2 * LANES * BLOCK + 2 * (block % 2 * LANES + lane);
            pair[place..place + 2].copy_from_slice(&scale.to_le_bytes());
            for (i, number) in numbers.into_iter().enumerate() {
                let place = block % 2 * LANES * BLOCK + i / 4 * 4 * LANES + lane * 4 + i % 4;
                pair[place] = (i32::from(number) + 128) as u8;
            }
        }
    }
}

/// Holds rows of x as the byte kernels read them.
#[derive(Default)]
pub struct ByteRows {
    /// Row by row, whole pairs of blocks; what is missing is zero.
    pub bytes: Vec<i8>,
    /// The scale of each block.
    pub scales: Vec<f32>,
    /// −128·Σ of each block.
    pub offsets: Vec<i32>,
}

impl ByteRows {
    /// Makes room for rows of so many inputs.
    pub fn resize(&mut self, rows: usize, inputs: usize) {
        let blocks = rows * blocks(inputs);
        self.bytes.resize(blocks * BLOCK, 0);
        self.scales.resize(blocks, 0.0);
        self.offsets.resize(blocks, 0);
    }
}

/// Rounds one row: each block by its own largest number. A block that holds something other than numbers
/// gets a scale that is none, so that it shows in every product.
///
/// # Safety
/// The processor must have the instructions of `S`.
#[inline(always)]
pub unsafe fn round_row<S: Simd>(row: &[f32], bytes: &mut [i8], scales: &mut [f32], offsets: &mut [i32]) {
    let (whole, rest) = row.as_chunks::<BLOCK>();
    let mut last = [0f32; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let blocks = whole.iter().chain([&last, &[0.0; BLOCK]]);
    let targets = bytes.as_chunks_mut::<BLOCK>().0.iter_mut().zip(scales.iter_mut().zip(offsets));
    for ((bytes, (scale, offset)), values) in targets.zip(blocks) {
        // SAFETY: the caller's promise.
        unsafe {
            let largest = S::largest(values);
            let inverse = if largest > LEAST { MOST / largest } else { 0.0 };
            *offset = -128 * S::round(values, inverse, bytes);
            *scale = largest / MOST;
        }
    }
}
