//! Memory that requests share: who needs more than is left is refused or waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bytes of one unit.
const UNIT: usize = 64 << 10;

/// An amount of memory.
pub(super) struct Memory(Arc<Semaphore>);

/// A share of the memory, which is free for others when it is dropped.
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).max(1)
}

impl Memory {
    /// Makes memory of which nothing is used yet.
    pub fn new(bytes: usize) -> Self {
        Memory(Arc::new(Semaphore::new(units(bytes))))
    }

    /// Waits for so many bytes; None if the memory is closed, which it never is.
    pub async fn hold(&self, bytes: usize) -> Option<Held> {
        Arc::clone(&self.0).acquire_many_owned(units(bytes) as u32).await.map(Held).ok()
    }

    /// Takes so many bytes, if they are left.
    pub fn try_hold(&self, bytes: usize) -> Option<Held> {
        Arc::clone(&self.0).try_acquire_many_owned(units(bytes) as u32).map(Held).ok()
    }
}

impl Held {
    /// Takes more if there are more bytes than it is for; false if they are not left.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let (needed, has) = (units(bytes), self.0.num_permits());
        if needed <= has {
            return true;
        }
        let more = Arc::clone(self.0.semaphore()).try_acquire_many_owned((needed - has) as u32);
        more.map(|more| self.0.merge(more)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_while_there_is_memory_and_is_given_back() {
        let memory = Memory::new(4 * UNIT);
        let mut held = memory.try_hold(1).unwrap();
        assert!(held.grow(UNIT) && held.grow(3 * UNIT) && held.grow(2 * UNIT));
        let mut other = memory.try_hold(0).unwrap();
        assert!(memory.try_hold(1).is_none() && !held.grow(3 * UNIT + 1) && !other.grow(UNIT + 1));
        drop(other);
        assert!(held.grow(3 * UNIT + 1));
        drop(held);
        assert!(memory.try_hold(4 * UNIT).is_some());
    }
}
