//! Hidden states of sequences that have ended, which stay on the card until they are rendered.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::driver::{Buffer, Driver, Mark};
use crate::engine::OnDevice;
use crate::error::Result;

/// Lends memory for states in blocks, as long as there are some. It only grows.
pub struct StatePool {
    /// Of its own, so that whoever reads waits for no steps.
    stream: Arc<dyn Driver>,
    /// Values of a block.
    block: usize,
    blocks: Mutex<Blocks>,
}

struct Blocks {
    free: Vec<Buffer<f32>>,
    /// Those that may still be taken.
    left: usize,
}

/// Holds the states of one sequence.
pub struct CardStates {
    pool: Arc<StatePool>,
    blocks: Vec<Buffer<f32>>,
    values: usize,
    /// When they are there.
    ready: Mark,
}

impl StatePool {
    /// Makes a pool of so many blocks of so many values, which are taken when they are needed.
    ///
    /// # Errors
    /// An error of the card.
    pub fn new(driver: &Arc<dyn Driver>, block: usize, blocks: usize) -> Result<Self> {
        let blocks = Blocks { free: Vec::new(), left: blocks };
        Ok(StatePool { stream: driver.another(driver.switches(), false)?, block, blocks: Mutex::new(blocks) })
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns so many blocks, or none if there are fewer.
    fn take(&self, count: usize) -> Option<Vec<Buffer<f32>>> {
        let mut blocks = self.blocks();
        while blocks.free.len() < count {
            // Someone else may have taken what was free before; then there is what there is.
            let taken = (blocks.left > 0).then(|| Buffer::new(&self.stream, self.block).ok()).flatten();
            let Some(block) = taken else {
                blocks.left = 0;
                return None;
            };
            blocks.left -= 1;
            blocks.free.push(block);
        }
        let rest = blocks.free.len() - count;
        Some(blocks.free.split_off(rest))
    }
}

impl CardStates {
    /// Copies so many values, of which the places in order hold a block's worth each, behind what `driver` was asked for;
    /// none if the pool has no room for them.
    ///
    /// # Errors
    /// An error of the card.
    pub fn copy(
        pool: &Arc<StatePool>,
        driver: &Arc<dyn Driver>,
        places: impl ExactSizeIterator<Item = u64>,
        values: usize,
    ) -> Result<Option<Self>> {
        let Some(blocks) = pool.take(places.len()) else { return Ok(None) };
        let mut copied = Ok(());
        for (i, (block, place)) in blocks.iter().zip(places).enumerate() {
            let count = pool.block.min(values - i * pool.block);
            copied = copied.and_then(|()| driver.copy(block.address(), place, count * size_of::<f32>()));
        }
        let ready = copied.and_then(|()| Mark::new(driver));
        match ready {
            Ok(ready) => Ok(Some(CardStates { pool: Arc::clone(pool), blocks, values, ready })),
            Err(error) => {
                pool.blocks().free.extend(blocks);
                Err(error)
            }
        }
    }

    /// Returns true if a stream belongs to the card on which they are.
    pub fn is_on(&self, driver: &dyn Driver) -> bool {
        self.pool.stream.card() == driver.card()
    }

    /// Each block, and how many of its values count.
    fn parts(&self) -> impl Iterator<Item = (&Buffer<f32>, usize)> {
        let block = self.pool.block;
        self.blocks.iter().enumerate().map(move |(i, part)| (part, block.min(self.values - i * block)))
    }

    /// Copies them on the card, in a stream of it, from `start` on. They must live until that is done.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) if they do not fit; an error of the card.
    pub fn copy_to(&self, driver: &dyn Driver, to: &Buffer<f32>, mut start: usize) -> Result<()> {
        self.ready.hold(driver)?;
        for (block, count) in self.parts() {
            driver.copy(to.part(start, count)?, block.address(), count * size_of::<f32>())?;
            start += count;
        }
        Ok(())
    }
}

impl OnDevice for CardStates {
    fn count(&self) -> usize {
        self.values
    }

    fn to_vec(&self) -> Result<Vec<f32>> {
        self.ready.hold(&*self.pool.stream)?;
        let mut values = vec![0.0; self.values];
        let mut rest = values.as_mut_slice();
        for (block, count) in self.parts() {
            let (own, others) = rest.split_at_mut(count);
            block.download(0, own)?;
            rest = others;
        }
        Ok(values)
    }
}

impl Drop for CardStates {
    fn drop(&mut self) {
        self.pool.blocks().free.append(&mut self.blocks);
    }
}

impl fmt::Debug for CardStates {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} values on {}", self.values, self.pool.stream.name())
    }
}
