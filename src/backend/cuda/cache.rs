//! Pages of keys, values and hidden states: given to a slot as its sequence grows, and taken back when that ends.
//!
//! Pages come in chunks, of as many as one sequence may need at most, and a chunk is taken when no page is free. Within
//! it the pages of a layer lie side by side. Chunks stay as long as the model does, so that memory does not rise and
//! fall with each line.

use std::ops::Range;
use std::sync::Arc;

use super::driver::{Address, Buffer, Driver, bytes_mut};
use super::kernels::{Dtype, EightBits, Kernels, position_bytes};
use super::shared::{CacheArgument, PAGE, PageOffset};
use super::states::{CardStates, StatePool};
use crate::backend::networks::GptConfig;
use crate::error::{Error, Result};

/// Describes the pages of a model, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSizes {
    /// Keys, or values, of one layer.
    pub layer: usize,
    /// Layers.
    pub layers: usize,
    /// Hidden states.
    pub states: usize,
    /// Pages of the longest sequence, which are also those of a chunk.
    pub of_slot: usize,
}

impl PageSizes {
    /// Returns those of a model by the bytes of a head's position.
    pub fn of(config: &GptConfig, position_bytes: usize) -> Self {
        PageSizes {
            layer: PAGE as usize * config.heads * position_bytes,
            layers: config.layers,
            states: PAGE as usize * config.hidden * size_of::<f32>(),
            of_slot: Kernels::pages(config.max_positions as u32) as usize,
        }
    }

    /// Blocks for the states of sequences that wait to be rendered: as many as the longest has, and for every other slot one.
    pub fn lent(&self, slots: usize) -> usize {
        self.of_slot + slots / 2
    }

    /// Bytes of a page, all layers and the hidden states.
    pub fn page(&self) -> usize {
        2 * self.layers * self.layer + self.states
    }

    /// Bytes of a chunk.
    pub fn chunk(&self) -> usize {
        self.of_slot * self.page()
    }
}

/// Holds keys, values and hidden states of a number of slots.
pub struct CardCache {
    driver: Arc<dyn Driver>,
    config: GptConfig,
    position_bytes: usize,
    /// Whether keys and values are of 8 bits.
    small: bool,
    sizes: PageSizes,
    chunks: Vec<Buffer<u8>>,
    /// The most chunks that may be taken.
    most: usize,
    free: Vec<PageOffset>,
    /// The pages of each slot, in order.
    slots: Vec<Vec<PageOffset>>,
    /// The address of the first chunk, by which the others are found.
    base: Address,
    /// (slots, pages of a slot) on the card, and which slots have other pages than it says.
    table: Buffer<PageOffset>,
    stale: Option<Range<usize>>,
}

impl CardCache {
    /// Takes memory for one chunk, of which there may be `most`, for so many slots.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it.
    pub fn new(
        driver: &Arc<dyn Driver>,
        config: &GptConfig,
        (kind, eight_bits): (Dtype, EightBits),
        slots: usize,
        most: usize,
    ) -> Result<Self> {
        let position_bytes = position_bytes(kind, eight_bits, config.head_size());
        let sizes = PageSizes::of(config, position_bytes);
        let mut cache = CardCache {
            driver: Arc::clone(driver),
            config: config.clone(),
            position_bytes,
            small: eight_bits == EightBits::Cache,
            chunks: Vec::new(),
            most: most.max(1),
            free: Vec::new(),
            slots: vec![Vec::new(); slots],
            table: Buffer::new(driver, slots * sizes.of_slot)?,
            base: 0,
            stale: Some(0..slots),
            sizes,
        };
        cache.take_chunk()?;
        Ok(cache)
    }

    fn take_chunk(&mut self) -> Result<()> {
        let PageSizes { layer, layers, states, of_slot } = self.sizes;
        let chunk = Buffer::new(&self.driver, self.sizes.chunk())?;
        if self.chunks.is_empty() {
            self.base = chunk.address();
        }
        let offset = |byte: usize| chunk.at(byte).wrapping_sub(self.base);
        let page = |page: usize| PageOffset {
            cache: offset(page * layer),
            states: offset(of_slot * 2 * layers * layer + page * states),
        };
        // The first ones are given first.
        self.free.extend((0..of_slot).rev().map(page));
        self.chunks.push(chunk);
        Ok(())
    }

    /// Allows so many chunks.
    pub fn limit(&mut self, chunks: usize) {
        self.most = chunks;
    }

    /// Returns how many pages there may be.
    pub fn pages(&self) -> usize {
        self.most * self.sizes.of_slot
    }

    /// Returns how many pages can still be had.
    pub fn left(&self) -> usize {
        self.free.len() + (self.most - self.chunks.len()) * self.sizes.of_slot
    }

    /// Returns how many pages a slot lacks for so many positions, of which it may have too many.
    pub fn lacks(&self, slot: u32, positions: usize) -> usize {
        let needed = positions.div_ceil(PAGE as usize).min(self.sizes.of_slot);
        needed.saturating_sub(self.slots[slot as usize].len())
    }

    /// Gives a slot the pages for so many positions; false, and nothing, if there are not enough.
    pub fn grow(&mut self, slot: u32, positions: usize) -> bool {
        let lacks = self.lacks(slot, positions);
        if lacks == 0 {
            return true;
        }
        while self.free.len() < lacks {
            // Someone else may have taken what was free before; then there is what there is. A card that has failed
            // says so again.
            if self.chunks.len() == self.most || self.take_chunk().is_err() {
                self.most = self.chunks.len();
                return false;
            }
        }
        let given = self.free.split_off(self.free.len() - lacks);
        self.slots[slot as usize].extend(given.into_iter().rev());
        self.touch(slot as usize);
        true
    }

    /// Takes a slot's pages back.
    pub fn release(&mut self, slot: u32) {
        self.free.extend(self.slots[slot as usize].drain(..).rev());
    }

    /// Takes the pages back of all slots but these.
    pub fn keep_only(&mut self, slots: impl Iterator<Item = u32>) {
        let mut kept = vec![false; self.slots.len()];
        slots.for_each(|slot| kept[slot as usize] = true);
        (0..).zip(kept).filter(|(_, kept)| !kept).for_each(|(slot, _)| self.release(slot));
    }

    fn touch(&mut self, slot: usize) {
        let all = self.stale.get_or_insert(slot..slot + 1);
        *all = all.start.min(slot)..all.end.max(slot + 1);
    }

    /// Tells the card which pages the slots have, if that has changed.
    ///
    /// # Errors
    /// An error of the card.
    pub fn settle(&mut self) -> Result<()> {
        let Some(stale) = self.stale.take() else { return Ok(()) };
        let of_slot = self.sizes.of_slot;
        let mut table = vec![PageOffset::default(); stale.len() * of_slot];
        for (to, pages) in table.chunks_exact_mut(of_slot).zip(&self.slots[stale.clone()]) {
            to[..pages.len()].copy_from_slice(pages);
        }
        self.table.upload(stale.start * of_slot, &table)
    }

    /// Returns true if a slot has a page for a position.
    pub fn has(&self, slot: u32, position: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(|pages| ((position / PAGE) as usize) < pages.len())
    }

    /// Returns how many pages a slot has at most.
    pub fn slot_pages(&self) -> u32 {
        self.sizes.of_slot as u32
    }

    /// Returns the base of all pages and the table, (slots, pages of a slot), of where they lie from there.
    pub fn places(&self) -> [Address; 2] {
        [self.base, self.table.address()]
    }

    /// Describes a layer's keys and values to a kernel.
    pub fn layer(&self, layer: usize) -> CacheArgument {
        let of_chunk = (self.sizes.of_slot * self.sizes.layer) as u64;
        CacheArgument {
            base: self.base,
            table: self.table.address(),
            keys: 2 * layer as u64 * of_chunk,
            values: (2 * layer as u64 + 1) * of_chunk,
            slot_pages: self.slot_pages(),
            heads: self.config.heads as u32,
            head_size: self.config.head_size() as u32,
            position_bytes: self.position_bytes as u32,
            small: self.small.into(),
        }
    }

    /// Keeps the hidden states of a slot's first draws, (draws, hidden), beside the pages; none if the pool has no room.
    ///
    /// # Errors
    /// [`Error::Device`] if there are none of some of them; an error of the card.
    pub fn lend(&self, slot: u32, draws: usize, pool: &Arc<StatePool>) -> Result<Option<CardStates>> {
        let pages = draws.div_ceil(PAGE as usize);
        let places = self.pages_of(slot, draws)?[..pages].iter();
        let places = places.map(|page| self.base.wrapping_add(page.states));
        CardStates::copy(pool, &self.driver, places, draws * self.config.hidden)
    }

    /// Returns a slot's pages, if they hold so many draws.
    fn pages_of(&self, slot: u32, draws: usize) -> Result<&[PageOffset]> {
        let pages = self.slots.get(slot as usize).map_or(&[][..], Vec::as_slice);
        match draws <= pages.len() * PAGE as usize {
            true => Ok(pages),
            false => Err(Error::Device(format!("no states of draw {draws} of slot {slot} are kept"))),
        }
    }

    /// Appends the hidden states of a slot's draws, (draws, hidden).
    ///
    /// # Errors
    /// [`Error::Device`] if there are none of some of them, or the card has failed.
    pub fn states(&self, slot: u32, draws: Range<usize>, to: &mut Vec<f32>) -> Result<()> {
        let (page_draws, hidden) = (PAGE as usize, self.config.hidden);
        let pages = self.pages_of(slot, draws.end)?;
        let mut start = draws.start;
        while start < draws.end {
            let end = draws.end.min((start / page_draws + 1) * page_draws);
            let within = (start % page_draws * hidden * size_of::<f32>()) as u64;
            let from = self.base.wrapping_add(pages[start / page_draws].states) + within;
            let before = to.len();
            to.resize(before + (end - start) * hidden, 0.0);
            self.driver.download(from, bytes_mut(&mut to[before..]))?;
            start = end;
        }
        Ok(())
    }
}
