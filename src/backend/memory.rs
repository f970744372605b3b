//! Large pieces of memory: an error where the system does not give them, not the end of the process.

use std::alloc::{Layout, alloc_zeroed};

use crate::error::{Error, Result};

/// Pieces below this are asked for without a look; whoever has no room for them has none for an error either.
const LARGE: usize = 1 << 20;

/// Marks numbers whose zero is all bits zero.
///
/// # Safety
/// Zeroed bytes must be one of them.
pub unsafe trait Zeroed: Copy {}

// SAFETY: zeroed bytes are the number 0.
unsafe impl Zeroed for f32 {}
// SAFETY: as above.
unsafe impl Zeroed for u16 {}

/// Returns so many zeros. The system gives the pages of many when they are written to, one by one.
///
/// # Errors
/// [`Error::Memory`], which says what they are for.
pub fn zeros<T: Zeroed>(count: usize, what: &dyn Fn() -> String) -> Result<Vec<T>> {
    let layout = Layout::array::<T>(count).map_err(|_| Error::memory(what(), usize::MAX))?;
    if layout.size() == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the layout is not empty.
    let start = unsafe { alloc_zeroed(layout) };
    if start.is_null() {
        return Err(Error::memory(what(), layout.size()));
    }
    // SAFETY: the allocator gave memory for an array of `count`, all of it zero, which is a T.
    Ok(unsafe { Vec::from_raw_parts(start.cast(), count, count) })
}

/// Returns so many copies of a value.
///
/// # Errors
/// As [`zeros`].
pub fn filled<T: Clone>(value: T, count: usize, what: &dyn Fn() -> String) -> Result<Vec<T>> {
    let mut all = room(count, what)?;
    all.resize(count, value);
    Ok(all)
}

/// Returns an empty list with room for so many.
///
/// # Errors
/// As [`zeros`].
pub fn room<T>(count: usize, what: &dyn Fn() -> String) -> Result<Vec<T>> {
    let mut all = Vec::new();
    let bytes = count.saturating_mul(size_of::<T>());
    all.try_reserve_exact(count).map_err(|_| Error::memory(what(), bytes))?;
    Ok(all)
}

/// Asks whether so many bytes could be had now, for those that cannot be asked by whoever takes them.
///
/// # Errors
/// As [`zeros`].
pub fn probe(bytes: usize, what: &dyn Fn() -> String) -> Result<()> {
    if bytes < LARGE {
        return Ok(());
    }
    let mut space: Vec<u8> = room(bytes, what)?;
    // Seen by nobody, it would not be asked for.
    std::hint::black_box(&mut space);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_nobody_has_is_an_error_that_says_how_much() {
        let what = || "a test".to_string();
        let most = isize::MAX as usize;
        for error in [
            zeros::<f32>(most / 8, &what).unwrap_err(),
            zeros::<u16>(usize::MAX, &what).unwrap_err(),
            filled(0u8, most - 8, &what).unwrap_err(),
            probe(most - 8, &what).unwrap_err(),
        ] {
            let message = error.to_string();
            assert!(message.contains("a test") && message.contains(" GB"), "{message}");
        }
    }

    #[test]
    fn zeros_are_zero_and_can_be_written() {
        let mut numbers = zeros::<f32>(1 << 20, &String::new).unwrap();
        assert!(numbers.iter().all(|n| *n == 0.0));
        numbers[77] = 1.0;
        assert_eq!(numbers.iter().sum::<f32>(), 1.0);
        assert!(zeros::<u16>(0, &String::new).unwrap().is_empty());
    }
}
