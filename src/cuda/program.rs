//! The kernels, by name, and their launches with arguments of the right types.

use std::sync::Arc;

use super::driver::{Address, Argument, Driver, Launch};
use crate::error::Result;

/// A kernel and the block it is made for.
pub struct Kernel {
    /// Its symbol.
    pub name: &'static str,
    /// Threads of a block.
    pub threads: u32,
}

macro_rules! kernels {
    ($($name:ident: $threads:literal,)*) => {
        /// All that there are.
        pub const KERNELS: &[Kernel] = &[$(Kernel { name: stringify!($name), threads: $threads },)*];
    };
}

kernels! {
    embed: 128,
    keep_rows: 128,
    advance_rows: 256,
    rms_norm_f32: 128,
    rms_norm_f16: 128,
    rms_norm_bf16: 128,
    rotate_store_f32: 128,
    rotate_store_f16: 128,
    rotate_store_bf16: 128,
    attend_f32: 128,
    attend_f16: 128,
    attend_bf16: 128,
    attend_join_f32: 128,
    attend_join_f16: 128,
    attend_join_bf16: 128,
    product_few_f32: 256,
    product_few_f16: 128,
    product_few_bf16: 128,
    product_many_f32: 256,
    product_many_f16: 128,
    product_many_bf16: 128,
    draw_tokens: 1024,
    unfold: 128,
    depthwise_norm_f32: 128,
    depthwise_norm_f16: 128,
    depthwise_norm_bf16: 128,
    layer_norm_f32: 128,
    inverse_fourier: 128,
    overlap_add: 128,
    read_words: 128,
    multiply_matrices: 128,
    multiply_singles: 128,
    hold: 32,
}

/// In which type a card holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl Number {
    /// Bytes of a value.
    pub fn size(self) -> usize {
        match self {
            Number::F32 => 4,
            Number::F16 | Number::Bf16 => 2,
        }
    }

    /// The one of three kernels that is for this type.
    pub(super) fn pick(self, kernels: [&'static str; 3]) -> &'static str {
        match self {
            Number::F32 => kernels[0],
            Number::F16 => kernels[1],
            Number::Bf16 => kernels[2],
        }
    }
}

macro_rules! of_type {
    ($kind:expr, $name:literal) => {
        $kind.pick([concat!($name, "_f32"), concat!($name, "_f16"), concat!($name, "_bf16")])
    };
}

/// A row of a step, as the kernels read it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    pub slot: u32,
    pub position: u32,
    pub kind: u32,
    pub tokens: [u32; 8],
}

// SAFETY: numbers of four bytes, so nothing lies between them.
unsafe impl super::driver::Plain for Row {}

/// Where a row is kept.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    pub slot: u32,
    pub index: u32,
}

// SAFETY: as above.
unsafe impl super::driver::Plain for Kept {}

/// [`Row::kind`].
pub const TEXT: u32 = 0;
pub const SPEAKER: u32 = 1;
pub const CODES: u32 = 2;

/// Keys and values of a layer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CacheArgument {
    pub keys: Address,
    pub values: Address,
    pub capacity: u32,
    pub heads: u32,
    pub head_size: u32,
}

/// What becomes of a product's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// y = (v + bias)·scale, in f32.
    Store,
    /// y = gelu(v + bias), in the weights' type.
    Gelu,
    /// y += v, in f32.
    Add,
    /// y += scale·(v + bias), in f32.
    AddScaled,
    /// y = silu(v[2i])·v[2i + 1], in the weights' type.
    SiluGate,
}

/// A product, as its kernels read it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProductArgument {
    pub x: Address,
    pub w: Address,
    pub bias: Address,
    pub scale: Address,
    pub y: Address,
    pub rows: u32,
    pub inputs: u32,
    pub outputs: u32,
    pub x_stride: u32,
    pub y_stride: u32,
    pub finish: u32,
}

/// Inputs of a product are padded to a whole number of these, outputs of its weights to one of
/// [`OUTPUTS_MULTIPLE`].
pub const INPUTS_MULTIPLE: usize = 32;
pub const OUTPUTS_MULTIPLE: usize = 64;
/// Positions that a block attends to.
const SPAN: u32 = 256;
/// Rows up to which a product is taken by the kernel that only reads weights.
const FEW_ROWS: u32 = 64;

/// Launches kernels in a card's queue. Addresses are the callers': all of them must lie in buffers that are
/// as large as the shapes say.
#[derive(Clone)]
pub struct Program {
    driver: Arc<dyn Driver>,
}

impl Program {
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        Program { driver }
    }

    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    /// Launches a kernel with the block it is made for.
    pub(super) fn run(
        &self,
        kernel: &'static str,
        grid: [u32; 3],
        shared: u32,
        arguments: &[Argument],
    ) -> Result<()> {
        if grid.contains(&0) {
            return Ok(());
        }
        // SAFETY: callers give each kernel the arguments it declares, and buffers of the sizes that the shapes
        // say.
        unsafe { self.driver.launch(Launch { kernel, grid, shared }, arguments) }
    }

    /// x (rows, hidden) = what goes in.
    pub fn embed(&self, args: Embedding) -> Result<()> {
        let Embedding { rows, count, text, codes, speakers, x, hidden, codebooks, code_tokens } = args;
        let arguments = [
            Argument::of(&rows),
            Argument::of(&text),
            Argument::of(&codes),
            Argument::of(&speakers),
            Argument::of(&x),
            Argument::of(&hidden),
            Argument::of(&codebooks),
            Argument::of(&code_tokens),
        ];
        self.run("embed", [count, 1, 1], 0, &arguments)
    }

    /// y = x / rms(x) · weight over rows, of x those that `picked` names unless it is 0.
    pub fn rms_norm(&self, kind: Number, args: Norm) -> Result<()> {
        let Norm { x, weight, picked, y, rows, width, stride, eps } = args;
        let arguments = [
            Argument::of(&x),
            Argument::of(&weight),
            Argument::of(&picked),
            Argument::of(&y),
            Argument::of(&width),
            Argument::of(&stride),
            Argument::of(&eps),
        ];
        self.run(of_type!(kind, "rms_norm"), [rows, 1, 1], 16, &arguments)
    }

    /// Rotates queries and stores keys and values of rows.
    pub fn rotate_store(
        &self,
        kind: Number,
        qkv: Address,
        rows: Address,
        count: u32,
        rotations: Address,
        cache: CacheArgument,
    ) -> Result<()> {
        let arguments =
            [Argument::of(&qkv), Argument::of(&rows), Argument::of(&rotations), Argument::of(&cache)];
        self.run(of_type!(kind, "rotate_store"), [count, 1, 1], 0, &arguments)
    }

    /// Copies rows (count, width) to where `kept` says, at most `capacity` of each slot.
    pub fn keep_rows(
        &self,
        x: Address,
        kept: Address,
        count: u32,
        store: Address,
        [width, capacity]: [u32; 2],
    ) -> Result<()> {
        let arguments = [
            Argument::of(&x),
            Argument::of(&kept),
            Argument::of(&store),
            Argument::of(&width),
            Argument::of(&capacity),
        ];
        self.run("keep_rows", [count, 1, 1], 0, &arguments)
    }

    /// Lays out the next step of rows from what was drawn, (count, codebooks), and logs that.
    pub fn advance_rows(
        &self,
        [rows, kept]: [Address; 2],
        drawn: Address,
        [log, logged]: [Address; 2],
        [count, codebooks, code_tokens, capacity]: [u32; 4],
    ) -> Result<()> {
        let arguments = [
            Argument::of(&rows),
            Argument::of(&kept),
            Argument::of(&drawn),
            Argument::of(&log),
            Argument::of(&logged),
            Argument::of(&count),
            Argument::of(&codebooks),
            Argument::of(&code_tokens),
            Argument::of(&capacity),
        ];
        self.run("advance_rows", [1, 1, 1], 0, &arguments)
    }

    /// Spans of positions that a sequence of so many has.
    pub fn spans(length: u32) -> u32 {
        length.div_ceil(SPAN)
    }

    /// Attention of rows over their slots' positions: y (rows, hidden) with a stride.
    /// `partials` has room for rows × heads × spans × (head size + 2).
    pub fn attend(&self, kind: Number, args: Attention) -> Result<()> {
        let Attention { qkv, rows, count, cache, partials, y, stride, spans } = args;
        let scale = 1.0 / (cache.head_size as f32).sqrt();
        let arguments = [
            Argument::of(&qkv),
            Argument::of(&rows),
            Argument::of(&cache),
            Argument::of(&partials),
            Argument::of(&scale),
        ];
        let shared = 128 * 10 * 4;
        self.run(of_type!(kind, "attend"), [spans, cache.heads, count], shared, &arguments)?;
        let arguments = [
            Argument::of(&partials),
            Argument::of(&rows),
            Argument::of(&cache),
            Argument::of(&y),
            Argument::of(&stride),
            Argument::of(&spans),
        ];
        self.run(of_type!(kind, "attend_join"), [count, 1, 1], 0, &arguments)
    }

    /// A product and what follows it.
    pub fn product(&self, kind: Number, product: ProductArgument) -> Result<()> {
        let (few, tile) = match (kind, product.rows <= FEW_ROWS) {
            (Number::F32, true) => (true, [64, 16]),
            (_, true) => (true, [8, 16]),
            (_, false) => (false, [64, 64]),
        };
        self.product_by(kind, product, few, tile)
    }

    /// As [`Program::product`], by the kernel for few or for many rows.
    fn product_by(&self, kind: Number, product: ProductArgument, few: bool, tile: [u32; 2]) -> Result<()> {
        let (kernel, shared) = match (kind, few) {
            (Number::F32, true) => ("product_few_f32", 16 * (16 + 4 + 64 + 4) * 4),
            (Number::F32, false) => ("product_many_f32", 16 * (64 + 4 + 64 + 4) * 4),
            (_, true) => (of_type!(kind, "product_few"), 4 * 4 * 32 * 4),
            (_, false) => (of_type!(kind, "product_many"), 3 * 2 * 64 * 32 * 2),
        };
        let grid = [product.outputs.div_ceil(tile[0]), product.rows.div_ceil(tile[1]), 1];
        self.run(kernel, grid, shared, &[Argument::of(&product)])
    }
}

/// Arguments of [`Program::embed`].
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    pub rows: Address,
    pub count: u32,
    pub text: Address,
    pub codes: Address,
    pub speakers: Address,
    pub x: Address,
    pub hidden: u32,
    pub codebooks: u32,
    pub code_tokens: u32,
}

/// Arguments of [`Program::rms_norm`].
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    pub x: Address,
    pub weight: Address,
    pub picked: Address,
    pub y: Address,
    pub rows: u32,
    pub width: u32,
    pub stride: u32,
    pub eps: f32,
}

/// Arguments of [`Program::attend`].
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    pub qkv: Address,
    pub rows: Address,
    pub count: u32,
    pub cache: CacheArgument,
    pub partials: Address,
    pub y: Address,
    pub stride: u32,
    /// As many as the longest row has, or more.
    pub spans: u32,
}
