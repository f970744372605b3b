//! Tables of what C holds handles of.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Half of a handle's bits are the slot's generation, the other half the slot's number and the table's tag.
const HALF: u32 = usize::BITS / 2;
const TAG_BITS: u32 = 2;
const MOST_SLOTS: usize = 1 << (HALF - TAG_BITS);
/// The last generation; a slot that reaches it is not used again.
const LAST: usize = (1 << HALF) - 1;

/// A table whose handles are numbers. One that was removed is never given out again, and none of two tables with
/// different tags is the same.
pub struct Table<T> {
    tag: usize,
    slots: RwLock<Slots<T>>,
}

struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Slot<T> {
    generation: usize,
    value: Option<Arc<T>>,
}

impl<T> Table<T> {
    /// Makes an empty table; `tag` is 1, 2 or 3, so that no handle is 0.
    pub const fn new(tag: usize) -> Self {
        Table { tag, slots: RwLock::new(Slots { all: Vec::new(), free: Vec::new() }) }
    }

    /// Keeps a value and returns its handle; None if the table is full.
    pub fn insert(&self, value: Arc<T>) -> Option<usize> {
        let mut slots = self.write();
        let number = match slots.free.pop() {
            Some(number) => number,
            None if slots.all.len() < MOST_SLOTS => {
                slots.all.push(Slot { generation: 0, value: None });
                slots.all.len() - 1
            }
            None => return None,
        };
        let slot = slots.all.get_mut(number)?;
        slot.value = Some(value);
        Some(slot.generation << HALF | number << TAG_BITS | self.tag)
    }

    /// Returns the value of a handle.
    pub fn get(&self, handle: usize) -> Option<Arc<T>> {
        let (number, generation) = self.parts(handle)?;
        let slots = self.read();
        let slot = slots.all.get(number).filter(|slot| slot.generation == generation)?;
        slot.value.clone()
    }

    /// Takes the value of a handle out of the table.
    pub fn remove(&self, handle: usize) -> Option<Arc<T>> {
        let (number, generation) = self.parts(handle)?;
        let mut slots = self.write();
        let slot = slots.all.get_mut(number).filter(|slot| slot.generation == generation)?;
        let value = slot.value.take()?;
        slot.generation += 1;
        if slot.generation < LAST {
            slots.free.push(number);
        }
        Some(value)
    }

    fn parts(&self, handle: usize) -> Option<(usize, usize)> {
        let low = handle & LAST;
        (low & ((1 << TAG_BITS) - 1) == self.tag).then_some((low >> TAG_BITS, handle >> HALF))
    }

    fn read(&self) -> RwLockReadGuard<'_, Slots<T>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots<T>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_until_it_is_removed_and_never_after() {
        let table = Table::new(1);
        let first = table.insert(Arc::new('a')).unwrap();
        assert_eq!(table.get(first).as_deref(), Some(&'a'));
        assert_eq!(table.remove(first).as_deref(), Some(&'a'));
        assert!(table.remove(first).is_none() && table.get(first).is_none());
        let second = table.insert(Arc::new('b')).unwrap();
        assert_ne!(first, second);
        assert_eq!(table.slots.read().unwrap().all.len(), 1, "the slot is used again");
        assert!(table.get(first).is_none());
        assert_eq!(table.get(second).as_deref(), Some(&'b'));
    }

    #[test]
    fn what_is_no_handle_of_the_table_is_refused() {
        let (table, other) = (Table::new(1), Table::new(2));
        let (mine, its) = (table.insert(Arc::new(1)).unwrap(), other.insert(Arc::new(2)).unwrap());
        assert_ne!(mine, its);
        assert!(other.get(mine).is_none() && table.get(its).is_none());
        for wrong in [0, 1 << TAG_BITS | 1, mine + 1, mine | 1 << HALF, usize::MAX, 0xdead_beef] {
            assert!(table.get(wrong).is_none() && table.remove(wrong).is_none(), "{wrong:x}");
        }
        assert!(table.get(mine).is_some());
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_left() {
        let table = Table::new(3);
        let first = table.insert(Arc::new(())).unwrap();
        table.slots.write().unwrap().all[0].generation = LAST - 1;
        assert!(table.get(first).is_none());
        let last = (LAST - 1) << HALF | 3;
        assert!(table.remove(last).is_some());
        table.insert(Arc::new(())).unwrap();
        assert_eq!(table.slots.read().unwrap().all.len(), 2);
    }
}
