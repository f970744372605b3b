//! The boundary between the scheduler and the devices: what goes through the model in a step, and what comes
//! out. Sees no tensor.

use std::ops::Range;

use super::hiddens::Hiddens;
use crate::error::Result;
use crate::sampling::{Draw, NoiseMode, SamplingParams};

/// Names what goes in at one position.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A text token.
    Text(u32),
    /// The place of the speaker's vector, already of unit length.
    Speaker(std::sync::Arc<[f32]>),
    /// One code per codebook.
    Codes(Vec<u32>),
}

/// Names the logits that a sequence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The text vocabulary, for refining.
    Text,
    /// Each codebook's vocabulary, side by side, for speech.
    Codes,
}

/// Holds one position that goes through the model in a step.
#[derive(Clone, Debug)]
pub struct BatchRow {
    /// The cache's slot.
    pub slot: u32,
    /// The position in it.
    pub position: u32,
    /// The input.
    pub input: Input,
}

/// Holds what goes through the model in one step: all new positions of all live slots.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The positions, slot by slot, ascending within a slot.
    pub rows: Vec<BatchRow>,
    /// The rows whose logits are wanted, and the head of each.
    pub wanted: Vec<(usize, Head)>,
    /// The number of tokens that the slot of each wanted row has drawn before.
    pub drawn: Vec<usize>,
    /// The rank of each wanted row's sequence: where a device's memory is short, lower ones keep theirs.
    pub ranks: Vec<u64>,
    /// Slots whose draws begin anew with this step; each is named once, even if its row is answered with
    /// [`Drawn::Later`].
    pub started: Vec<SlotStart>,
    /// Logits and hidden states are asked for, also of a device that draws by itself.
    pub logits: bool,
    /// The states that each layer leaves of the wanted rows are asked for.
    pub layers: bool,
}

/// The ranks from which on sequences are not urgent.
pub(crate) const BULK: u64 = 1 << 63;

impl Batch {
    /// Returns the wanted rows among those in a range: their numbers among the wanted ones, and their own.
    pub(crate) fn wanted_in(&self, range: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.wanted.iter().map(|(row, _)| *row).enumerate();
        rows.filter(move |(_, row)| range.contains(row))
    }
}

/// What only devices ask for that may run out of memory.
#[cfg(any(test, feature = "cuda-kernels"))]
impl Batch {
    /// Returns the slot of a wanted row, by its number among them.
    #[cfg(feature = "cuda-kernels")]
    pub(crate) fn slot(&self, index: usize) -> u32 {
        self.rows[self.wanted[index].0].slot
    }

    /// Returns how many tokens the sequence of a wanted row has drawn before.
    pub(crate) fn drawn_before(&self, index: usize) -> usize {
        self.drawn.get(index).copied().unwrap_or(0)
    }

    /// Returns the rank of a wanted row's sequence; without ranks, those in front come first.
    pub(crate) fn rank(&self, index: usize) -> u64 {
        self.ranks.get(index).copied().unwrap_or(BULK | index as u64)
    }

    /// Returns true if the sequence of a wanted row is to be heard at once.
    pub(crate) fn is_urgent(&self, index: usize) -> bool {
        self.rank(index) < BULK
    }
}

/// Sets up a slot's draws from a step on.
#[derive(Clone, Debug)]
pub struct SlotStart {
    /// The slot.
    pub slot: u32,
    /// The parameters of the draws.
    pub sampling: SamplingParams,
    /// Tokens drawn at a time: codebooks, or 1 of text.
    pub heads: usize,
    /// Tokens to draw from, each time.
    pub tokens: usize,
    /// The token that ends the slot's sequence.
    pub end: u32,
    /// The noise; none if that of the slot's draws before runs on.
    pub noise: Option<(u64, NoiseMode)>,
}

/// Holds logits and hidden state of one wanted row; or what a device that keeps both has drawn from them.
#[derive(Clone, Debug, Default)]
pub struct RowOutput {
    /// Of the head that was asked for.
    pub logits: Vec<f32>,
    /// The state they were computed from; of [`Drawn::PutBack`] those of the last draws, as many as the device had.
    pub hidden: Vec<f32>,
    /// The draw, by a device that draws by itself.
    pub drawn: Option<Drawn>,
    /// The states that each layer left, one after another, if they were asked for.
    pub layers: Vec<f32>,
}

/// Says what a device drew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// A token per head, or the end.
    Draw(Draw),
    /// Nothing: the logits are no numbers.
    NotANumber,
    /// Nothing yet: the same rows are asked for again with the next step.
    Later,
    /// Nothing: for want of memory the device has forgotten the slot's positions, all of which are to go in again. It
    /// goes on with the draws where it was.
    PutBack,
}

/// Runs a batch: the one that owns the device, or a stand-in in tests.
pub trait Step {
    /// Runs every row of a batch; `outputs` becomes those of its wanted rows, in order. What it held before
    /// is written over, so that a step need not take memory. A device that draws by itself may answer some of
    /// them with [`Drawn::Later`]; it must come to each of them after some steps.
    ///
    /// # Errors
    /// An error of the device.
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()>;

    /// Appends the hidden states, (steps, hidden), of what a slot has drawn, for a device that draws by
    /// itself and keeps them.
    ///
    /// # Errors
    /// An error of the device.
    fn hiddens(&mut self, slot: u32, steps: Range<usize>, to: &mut Vec<f32>) -> Result<()>;

    /// Returns the hidden states of the first steps that a slot has drawn without copying them to memory, if the device
    /// keeps them and has room for them beside what the slot will hold next.
    ///
    /// # Errors
    /// An error of the device.
    fn lend(&mut self, slot: u32, steps: usize) -> Result<Option<Hiddens>> {
        let _ = (slot, steps);
        Ok(None)
    }
}

impl<S: Step + ?Sized> Step for Box<S> {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        (**self).run(batch, outputs)
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, to: &mut Vec<f32>) -> Result<()> {
        (**self).hiddens(slot, steps, to)
    }

    fn lend(&mut self, slot: u32, steps: usize) -> Result<Option<Hiddens>> {
        (**self).lend(slot, steps)
    }
}
