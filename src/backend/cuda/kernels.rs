//! The kernels, by name, and their launches with arguments of the right types.

use std::sync::Arc;

use half::{bf16, f16};

use super::driver::{Address, Argument, Driver, Launch};
use super::shared::{Attention, CacheArgument, HEAD_ROWS, Heads, PAGE};
use super::switches::Switches;
use crate::error::Result;

/// Names the type in which a card holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// Single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl Dtype {
    /// Returns how many bytes a value takes.
    pub fn size(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::Bf16 => 2,
        }
    }

    /// Returns values as a card holds them.
    pub(super) fn encode(self, values: &[f32]) -> Vec<u8> {
        let half = |bits: fn(f32) -> u16| values.iter().flat_map(|v| bits(*v).to_le_bytes()).collect();
        match self {
            Dtype::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::F16 => half(|v| f16::from_f32(v).to_bits()),
            Dtype::Bf16 => half(|v| bf16::from_f32(v).to_bits()),
        }
    }

    /// Picks that one of three kernels which is for this type.
    pub(super) fn pick(self, kernels: [&'static str; 3]) -> &'static str {
        match self {
            Dtype::F32 => kernels[0],
            Dtype::F16 => kernels[1],
            Dtype::Bf16 => kernels[2],
        }
    }
}

/// Names what is held in whole numbers of 8 bits, beside what is multiplied in f16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EightBits {
    /// Nothing.
    Nothing,
    /// The layers' weights.
    Weights,
    /// Keys and values.
    Cache,
}

/// Returns how many bytes a key, or a value, of a head takes: for each eight numbers of 8 bits a scale of as many, for at
/// least eight of them.
pub fn position_bytes(kind: Dtype, eight_bits: EightBits, head_size: usize) -> usize {
    match eight_bits {
        EightBits::Cache => head_size + (head_size / 8).max(8),
        EightBits::Nothing | EightBits::Weights => head_size * kind.size(),
    }
}

macro_rules! of_type {
    ($kind:expr, $name:literal) => {
        $kind.pick([concat!($name, "_f32"), concat!($name, "_f16"), concat!($name, "_bf16")])
    };
}
pub(super) use of_type;

/// Rows of which one block attends for each head; of fewer rows several do, up to so many: with the published model's
/// 12 heads 1,536 blocks, some five on each multiprocessor of a large card, twice.
const ATTEND_ROWS: u32 = 128;
const ATTEND_BLOCKS: u32 = 8;
/// Numbers of them that every card with clusters takes as one.
const CLUSTERS: [u32; 3] = [2, 4, 8];
/// Outputs that a block of the heads' kernel has at once.
const HEAD_OUTPUTS: u32 = 16;
/// Bytes of shared memory that a block has unasked.
pub const SHARED: u32 = 48 * 1024;
/// The widest hidden state that the heads' kernel takes.
pub const MAX_HIDDEN: usize = SHARED as usize / 4;

/// Launches kernels in a card's stream. Addresses are the callers': all of them must lie in buffers that are
/// as large as the shapes say.
#[derive(Clone)]
pub struct Kernels {
    driver: Arc<dyn Driver>,
    switches: Switches,
    /// Whether blocks run in clusters.
    clusters: bool,
}

impl Kernels {
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        let switches = driver.switches();
        Kernels { clusters: switches.clusters && driver.has_clusters(), driver, switches }
    }

    /// Returns the same without clusters.
    pub(super) fn apart(&self) -> Self {
        Kernels { clusters: false, ..self.clone() }
    }

    /// Returns what is switched off.
    pub(super) fn switches(&self) -> Switches {
        self.switches
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
        self.launch(Launch { kernel, grid, shared, beside: false, cluster: 1 }, arguments)
    }

    /// Launches a kernel that itself waits for the one before where it has to, and so may begin beside it.
    pub(super) fn run_beside(
        &self,
        kernel: &'static str,
        grid: [u32; 3],
        shared: u32,
        arguments: &[Argument],
    ) -> Result<()> {
        self.launch(Launch { kernel, grid, shared, beside: true, cluster: 1 }, arguments)
    }

    fn launch(&self, launch: Launch, arguments: &[Argument]) -> Result<()> {
        if launch.grid.contains(&0) {
            return Ok(());
        }
        // SAFETY: callers give each kernel the arguments it declares, and buffers of the sizes that the shapes
        // say.
        unsafe { self.driver.launch(launch, arguments) }
    }

    /// Embeds rows: x (rows, hidden) = what goes in.
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
        self.run_beside("embed", [count, 1, 1], 0, &arguments)
    }

    /// Norms rows: y = x / rms(x) · weight.
    pub fn rms_norm(&self, kind: Dtype, args: Norm) -> Result<()> {
        let Norm { x, weight, y, rows, width, stride, eps } = args;
        let arguments = [
            Argument::of(&x),
            Argument::of(&weight),
            Argument::of(&y),
            Argument::of(&rows),
            Argument::of(&width),
            Argument::of(&stride),
            Argument::of(&eps),
        ];
        self.run_beside(of_type!(kind, "rms_norm"), [rows.div_ceil(4), 1, 1], 0, &arguments)
    }

    /// Computes the last norm of rows and their logits, of so many outputs.
    pub fn heads(&self, heads: Heads) -> Result<()> {
        // Weights are read once a block: as many rows as it holds normed share them.
        let group = (SHARED / 4 / heads.width).clamp(1, HEAD_ROWS);
        let (groups, heads) = (heads.rows.div_ceil(group), Heads { group, ..heads });
        // A block norms its rows again: the more of them there are, the more outputs it takes.
        let blocks = heads.outputs.div_ceil(HEAD_OUTPUTS).div_ceil(groups.min(4));
        let shared = group.min(heads.rows) * heads.width * 4;
        self.run_beside("heads", [blocks, groups, 1], shared, &[Argument::of(&heads)])
    }

    /// Returns how many pages of positions a sequence of so many has.
    pub fn pages(length: u32) -> u32 {
        length.div_ceil(PAGE)
    }

    /// Returns how many blocks share the pages of each row's heads, of so many rows: enough for a card to be busy,
    /// whatever the lengths are.
    pub fn attend_blocks(count: u32) -> u32 {
        (ATTEND_ROWS / count.max(1)).clamp(1, ATTEND_BLOCKS)
    }

    /// Returns the shared memory of a block that attends: what is found of each page, and by each of four warps,
    /// twice.
    pub fn attend_memory(head_size: u32, slot_pages: u32) -> u32 {
        (slot_pages + 8) * (head_size + 2) * 4
    }

    /// Computes attention of `count` rows over their slots' positions, by so many blocks for each of a row's heads;
    /// their number changes no bit.
    pub fn attend(&self, kind: Dtype, attention: Attention, count: u32, blocks: u32) -> Result<()> {
        let CacheArgument { heads, head_size, slot_pages, .. } = attention.cache;
        let shared = Self::attend_memory(head_size, slot_pages);
        let blocks = blocks.min(slot_pages);
        let clusters = self.clusters && CLUSTERS.contains(&blocks);
        let kernel = match (clusters, attention.cache.small) {
            (true, 0) => of_type!(kind, "attend_cluster"),
            (true, _) => "attend_cluster_small",
            (false, 0) => of_type!(kind, "attend"),
            (false, _) => "attend_small",
        };
        let cluster = if clusters { blocks } else { 1 };
        let launch = Launch { kernel, grid: [blocks, heads, count], shared, beside: true, cluster };
        self.launch(launch, &[Argument::of(&attention)])
    }
}

/// Holds the arguments of [`Kernels::embed`].
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

/// Holds the arguments of [`Kernels::rms_norm`].
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    pub x: Address,
    pub weight: Address,
    pub y: Address,
    pub rows: u32,
    pub width: u32,
    pub stride: u32,
    pub eps: f32,
}
