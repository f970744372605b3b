//! Who gets pages: what goes on before what begins, in the order of their ranks. Where there are none left, whoever
//! comes last gives its own back, and goes in again from its start once there are enough.

use super::{CardStep, answer};
use crate::engine::{Batch, BatchRow, Drawn, Head, Input, RowOutput};
use crate::error::{Error, Result};

/// Sequences that go on, for each of which one page stays free when another begins: they need one every 128 steps.
const SEQUENCES_A_PAGE: usize = 8;

/// Sorts the wanted rows of a batch by what becomes of them, each by its rank.
#[derive(Default)]
pub struct Parts {
    /// Nothing goes in but codes that the sequence drew.
    pub going: Vec<usize>,
    /// Nothing but a text token that it drew.
    pub refining: Vec<usize>,
    /// All others: prompts, and what was put back.
    pub beginning: Vec<usize>,
}

impl Parts {
    /// Sorts those of a batch.
    pub fn of(batch: &Batch) -> Self {
        let mut parts = Parts::default();
        for (index, (_, head)) in batch.wanted.iter().enumerate() {
            let part = match (rows_of(batch, index), head) {
                ([BatchRow { input: Input::Codes(_), .. }], Head::Codes) if batch.drawn_before(index) > 0 => {
                    &mut parts.going
                }
                ([_], Head::Text) if batch.drawn_before(index) > 0 => &mut parts.refining,
                _ => &mut parts.beginning,
            };
            part.push(index);
        }
        parts.beginning.sort_by_key(|index| batch.rank(*index));
        parts
    }
}

/// Returns the rows of a batch up to a wanted one, from the wanted one before on.
fn rows_of(batch: &Batch, index: usize) -> &[BatchRow] {
    let start = index.checked_sub(1).map_or(0, |before| batch.wanted[before].0 + 1);
    &batch.rows[start..=batch.wanted[index].0]
}

/// Returns some wanted rows of a batch and what goes in before them, as a batch.
pub fn part(batch: &Batch, indices: &[usize]) -> Batch {
    let mut part = Batch::default();
    for index in indices {
        part.rows.extend_from_slice(rows_of(batch, *index));
        part.wanted.push((part.rows.len() - 1, batch.wanted[*index].1));
        part.drawn.push(batch.drawn_before(*index));
    }
    part
}

/// Returns how many positions a wanted row's sequence has with it.
fn positions(batch: &Batch, index: usize) -> usize {
    batch.rows[batch.wanted[index].0].position as usize + 1
}

impl CardStep {
    /// Gives pages to all rows of a batch whose sequences nobody puts back.
    ///
    /// # Errors
    /// [`Error::Device`] if there are not enough.
    pub(super) fn give_all(&mut self, batch: &Batch) -> Result<()> {
        match batch.rows.iter().all(|row| self.cache.grow(row.slot, row.position as usize + 1)) {
            true => Ok(()),
            false => Err(Error::Device(format!("{} pages are not enough for all texts", self.pages()))),
        }
    }

    /// Takes back the pages of what has ended, and gives those that go on what they need for their next steps. Of those
    /// with steps drawn ahead nothing can be taken, and they need nothing.
    pub(super) fn give_pages(
        &mut self,
        batch: &Batch,
        parts: &mut Parts,
        drawn_ahead: bool,
        outputs: &mut [RowOutput],
    ) -> Result<()> {
        self.cache.keep_only((0..batch.wanted.len()).map(|index| batch.slot(index)));
        let steps = self.lookahead.steps();
        let going = parts.going.iter().filter(|_| !drawn_ahead).map(|index| (*index, steps));
        let mut all: Vec<(usize, usize)> =
            going.chain(parts.refining.iter().map(|index| (*index, 1))).collect();
        all.sort_by_key(|(index, _)| batch.rank(*index));
        let mut given = 0;
        while let Some((index, steps)) = all.get(given).copied() {
            if self.cache.grow(batch.slot(index), positions(batch, index) - 1 + steps) {
                given += 1;
            } else if let Some((last, _)) = all.pop() {
                self.put_back(batch, last, outputs)?;
                parts.going.retain(|index| *index != last);
                parts.refining.retain(|index| *index != last);
            }
        }
        Ok(())
    }

    /// Gives pages to what begins, in order, as long as there are enough of them, and returns who got some. Nothing has
    /// steps drawn ahead. What is urgent takes the pages of others that are not.
    pub(super) fn admit(
        &mut self,
        batch: &Batch,
        parts: &mut Parts,
        outputs: &mut [RowOutput],
    ) -> Result<Vec<usize>> {
        let mut admitted = Vec::new();
        while let Some(index) = parts.beginning.first().copied() {
            let (slot, positions) = (batch.slot(index), positions(batch, index));
            let beside = parts.going.len() + parts.refining.len() + admitted.len();
            let needed = self.cache.lacks(slot, positions) + beside.div_ceil(SEQUENCES_A_PAGE);
            if needed <= self.cache.left() && self.cache.grow(slot, positions) {
                self.kept_from[slot as usize] = batch.drawn_before(index);
                admitted.push(parts.beginning.remove(0));
                continue;
            }
            let bulk = |index: &usize| !batch.is_urgent(*index);
            let last = parts.going.iter().copied().filter(bulk).max_by_key(|index| batch.rank(*index));
            let Some(last) = last.filter(|_| batch.is_urgent(index)) else { break };
            self.put_back(batch, last, outputs)?;
            parts.going.retain(|index| *index != last);
        }
        Ok(admitted)
    }

    /// Takes a sequence's pages, and gives it the states that were kept in them.
    fn put_back(&mut self, batch: &Batch, index: usize, outputs: &mut [RowOutput]) -> Result<()> {
        let (slot, drawn) = (batch.slot(index), batch.drawn_before(index));
        let mut output = answer(Drawn::PutBack);
        if batch.wanted[index].1 == Head::Codes {
            let kept = self.kept_from[slot as usize]..drawn;
            self.cache.states(slot, kept, &mut output.hidden)?;
        }
        self.cache.release(slot);
        outputs[index] = output;
        Ok(())
    }
}
