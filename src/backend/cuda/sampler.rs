//! Draws tokens on the card: what the processor's sampler and its noise keep of a sequence, a slot each.
//!
//! Only the tokens leave the card. Nothing that changes from step to step is a kernel's argument, so a
//! launch can be recorded and run again.

use std::sync::Arc;

use super::driver::{Address, Argument, Buffer, Driver};
use super::kernels::Kernels;
use super::shared::{DrawState, Drawing, Following, KEPT_WORDS, MOST_HEADS, NO_TOKEN, SHARED_KEYS};
use crate::error::{Error, Result};
use crate::sampling::{Draw, NoiseMode, PENALTY_WINDOW, SamplingParams};

/// Shared memory of a block.
const SHARED: u32 = 47 * 1024;

/// Describes the logits of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Codebooks, or 1 for text.
    pub heads: usize,
    /// Tokens of each.
    pub vocab: usize,
}

impl Shape {
    /// Returns how many logits there are, and draws of noise.
    pub fn width(self) -> usize {
        self.heads * self.vocab
    }

    fn padded(self) -> usize {
        self.vocab.next_power_of_two()
    }

    /// Returns true if the kernel sorts its logits without further memory.
    fn fits(self) -> bool {
        self.padded() * self.heads.next_power_of_two() <= SHARED_KEYS
    }
}

/// Says how a sequence is drawn from now on.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The parameters of the draws.
    pub params: &'a SamplingParams,
    /// The logits of its steps: one of the two shapes that the sampler is made for.
    pub shape: Shape,
    /// Ends the sequence.
    pub end_token: u32,
}

/// Holds what the host knows of a slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    shape: Shape,
    end_token: u32,
    noise: Option<(u64, NoiseMode)>,
}

/// Holds the slots' scratch memory for logits of one shape.
struct DrawScratch {
    noise: Buffer<u8>,
    sort: Option<Buffer<u8>>,
}

impl DrawScratch {
    fn new(driver: &Arc<dyn Driver>, slots: usize, shape: Shape) -> Result<Self> {
        let of = |values: usize| Buffer::new(driver, slots * values * size_of::<u64>());
        Ok(DrawScratch {
            noise: of(shape.width())?,
            sort: if shape.fits() { None } else { Some(of(shape.heads * shape.padded())?) },
        })
    }
}

/// Draws the tokens of many sequences, one a slot; of the same logits the same tokens as
/// [`Sampler`](crate::sampling::Sampler) with [`ExponentialNoise`](crate::sampling::ExponentialNoise), a first
/// draw that ends at once being drawn again where the noise runs on.
pub struct DeviceSampler {
    kernels: Kernels,
    slots: Vec<Slot>,
    shapes: [Shape; 2],
    scratches: [Option<DrawScratch>; 2],
    states: Buffer<DrawState>,
    windows: Buffer<u32>,
    generators: Buffer<u32>,
    /// The slots whose rows come next, on the card and here.
    rows: Buffer<u32>,
    placed: Vec<u32>,
    drawn: Buffer<u32>,
    tokens: Vec<u32>,
}

impl DeviceSampler {
    /// Takes memory for so many slots, each with logits of either shape; that for text is taken once it is
    /// needed.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it or the kernel cannot draw from such shapes.
    pub fn new(driver: &Arc<dyn Driver>, slots: usize, codes: Shape, text: Shape) -> Result<Self> {
        for shape in [codes, text] {
            if !(1..=MOST_HEADS).contains(&shape.heads) || shape.vocab == 0 {
                return Err(Error::Device(format!("cannot draw from logits of {shape:?}")));
            }
        }
        Ok(DeviceSampler {
            kernels: Kernels::new(Arc::clone(driver)),
            slots: vec![Slot::default(); slots],
            shapes: [codes, text],
            scratches: [Some(DrawScratch::new(driver, slots, codes)?), None],
            states: Buffer::new(driver, slots)?,
            windows: Buffer::new(driver, slots * PENALTY_WINDOW * MOST_HEADS)?,
            generators: Buffer::new(driver, slots * KEPT_WORDS)?,
            rows: Buffer::new(driver, slots)?,
            placed: Vec::with_capacity(slots),
            drawn: Buffer::new(driver, slots * MOST_HEADS)?,
            tokens: Vec::new(),
        })
    }

    /// Returns how many bytes a slot takes, without those for text.
    pub fn slot_bytes(codes: Shape) -> usize {
        let values = codes.width() + if codes.fits() { 0 } else { codes.heads * codes.padded() };
        values * size_of::<u64>()
            + size_of::<DrawState>()
            + 4 * (PENALTY_WINDOW * MOST_HEADS + KEPT_WORDS + 1 + MOST_HEADS)
    }

    /// Begins a sequence in a slot: nothing is drawn yet. Noise starts from a seed, or goes on from what was
    /// drawn in the slot before; noise that repeats is that of the same seed.
    ///
    /// # Errors
    /// [`Error::Parameter`] for parameters out of range, [`Error::Device`] for a slot, a shape or noise that
    /// is not there.
    pub fn begin(&mut self, slot: u32, setup: Setup, noise: Option<(u64, NoiseMode)>) -> Result<()> {
        let Setup { params, shape, end_token } = setup;
        params.validate(shape.heads)?;
        let scratch = self.scratch_of(shape)?;
        let index = slot as usize;
        let Some(before) = self.slots.get(index).copied() else { return Err(no_slot(slot)) };
        let Some((seed, mode)) = noise.or(before.noise) else {
            return Err(Error::Device(format!("slot {slot} has no noise that could go on")));
        };
        if self.scratches[scratch].is_none() {
            self.scratches[scratch] = Some(DrawScratch::new(self.kernels.driver(), self.slots.len(), shape)?);
        }
        let state = DrawState {
            temperature: std::array::from_fn(|head| match params.temperature.as_slice() {
                [one] => *one,
                each => each.get(head).copied().unwrap_or(1.0),
            }),
            penalties: std::array::from_fn(|count| params.repetition_penalty.powf(count as f32)),
            dropped_mass: (1.0 - params.top_p) as f32,
            top_k: saturated(params.top_k),
            penalised: u32::from(params.repetition_penalty != 1.0),
            min_tokens: saturated(params.min_tokens),
            end_token,
            heads: shape.heads as u32,
            vocab: shape.vocab as u32,
            runs_on: u32::from(mode == NoiseMode::Stream),
            // Of a longer seed the low bits count.
            seed: seed as u32,
            fresh: u32::from(noise.is_some() || mode == NoiseMode::Repeat),
            generated: 0,
            sorted: 0,
        };
        // What was placed may not go together any more.
        self.placed.clear();
        self.states.upload(index, &[state])?;
        self.slots[index] = Slot { shape, end_token, noise: Some((seed, mode)) };
        Ok(())
    }

    fn scratch_of(&self, shape: Shape) -> Result<usize> {
        let found = self.shapes.iter().position(|known| *known == shape);
        found.ok_or_else(|| Error::Device(format!("the sampler is not made for {shape:?}")))
    }

    /// Draws a step: row `i` of the logits, which lie heads × vocabulary row by row, is of `slots[i]`. A row
    /// whose logits are not numbers fails alone, with [`Error::NotANumber`].
    ///
    /// # Errors
    /// [`Error::Device`] if the rows do not go together or the card has failed.
    pub fn draw(&mut self, logits: Address, slots: &[u32], drawn: &mut Vec<Result<Draw>>) -> Result<()> {
        self.place(slots)?;
        self.launch(logits)?;
        self.read(drawn)
    }

    /// Says whose rows come next, once all of them have begun. All must have logits of one shape, and none may
    /// come twice.
    ///
    /// # Errors
    /// [`Error::Device`] if that is not so or the card has failed.
    pub fn place(&mut self, slots: &[u32]) -> Result<()> {
        let mut shape = None;
        for (i, slot) in slots.iter().enumerate() {
            let known = self.slots.get(*slot as usize).filter(|known| known.noise.is_some());
            let known = known.ok_or_else(|| no_slot(*slot))?;
            if *shape.get_or_insert(known.shape) != known.shape || slots[..i].contains(slot) {
                return Err(Error::Device(format!("slots {slots:?} cannot be drawn together")));
            }
        }
        // Most steps are of the same sequences as the one before.
        if self.placed != slots {
            self.placed.clear();
            self.rows.upload(0, slots)?;
            self.placed.extend_from_slice(slots);
        }
        Ok(())
    }

    /// Draws for the rows that were placed, without waiting. For as many rows of the same shape and logits at
    /// the same address the launch is always the same.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has failed.
    pub fn launch(&self, logits: Address) -> Result<()> {
        let Some((rows, drawing)) = self.drawing(logits)? else { return Ok(()) };
        self.kernels.run_beside("draw_tokens", [rows, 1, 1], SHARED, &[Argument::of(&drawing)])
    }

    /// Launches a draw as [`DeviceSampler::launch`] does, of codes, and lays out the next step of the rows.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has failed.
    pub fn launch_ahead(&self, logits: Address, next: &Following) -> Result<()> {
        let Some((rows, drawing)) = self.drawing(logits)? else { return Ok(()) };
        let arguments = [Argument::of(&drawing), Argument::of(next)];
        self.kernels.run_beside("draw_ahead", [rows, 1, 1], SHARED, &arguments)
    }

    /// Returns the number of rows that were placed, and what they are drawn with.
    fn drawing(&self, logits: Address) -> Result<Option<(u32, Drawing)>> {
        let Some(first) = self.placed.first() else { return Ok(None) };
        let shape = self.slots[*first as usize].shape;
        let Some(scratch) = &self.scratches[self.scratch_of(shape)?] else { return Err(no_slot(*first)) };
        let drawing = Drawing {
            logits,
            slots: self.rows.address(),
            states: self.states.address(),
            windows: self.windows.address(),
            generators: self.generators.address(),
            noise: scratch.noise.address(),
            scratch: scratch.sort.as_ref().map_or(0, Buffer::address),
            drawn: self.drawn.address(),
        };
        Ok(Some((self.placed.len() as u32, drawing)))
    }

    /// Returns what a slot's drawn tokens mean.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if its logits were no numbers.
    pub fn draw_of(&self, slot: u32, tokens: &[u32]) -> Result<Draw> {
        let end = self.slots.get(slot as usize).ok_or_else(|| no_slot(slot))?.end_token;
        if tokens.contains(&NO_TOKEN) {
            Err(Error::NotANumber)
        } else if tokens.contains(&end) {
            Ok(Draw::End)
        } else {
            Ok(Draw::Tokens(tokens.to_vec()))
        }
    }

    /// Returns in how many steps of a slot's sequence all logits had to be sorted.
    #[cfg(all(test, feature = "cuda-emulator"))]
    pub fn sorted(&self, slot: usize) -> u32 {
        self.states.to_vec(self.slots.len()).unwrap()[slot].sorted
    }

    /// Returns the tokens that were read last, (rows, heads).
    pub fn last_drawn(&self) -> &[u32] {
        &self.tokens
    }

    /// Waits for what was drawn, row by row.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has failed.
    pub fn read(&mut self, drawn: &mut Vec<Result<Draw>>) -> Result<()> {
        drawn.clear();
        let Some(first) = self.placed.first() else { return Ok(()) };
        let heads = self.slots[*first as usize].shape.heads;
        self.tokens.resize(self.placed.len() * heads, 0);
        self.drawn.download(0, &mut self.tokens)?;
        let rows = self.tokens.chunks_exact(heads).zip(&self.placed);
        drawn.extend(rows.map(|(tokens, slot)| self.draw_of(*slot, tokens)));
        Ok(())
    }
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn no_slot(slot: u32) -> Error {
    Error::Device(format!("nothing has begun in slot {slot} of the sampler"))
}
