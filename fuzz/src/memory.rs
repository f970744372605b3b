//! Counts the memory that a target takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most that may be asked for at once. Without a sanitizer libFuzzer does not see allocations.
const MOST_AT_ONCE: usize = 512 << 20;
/// The most that an empty input may take: tables that are made once, dictionaries of fixed size.
const BASE: usize = 96 << 20;
/// The most bytes that a byte of input may become.
const FACTOR: usize = 4096;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

fn add(bytes: usize) {
    // The fuzzer's hook aborts, and so does not unwind through the allocator.
    assert!(bytes <= MOST_AT_ONCE, "{bytes} bytes are asked for at once");
    let live = LIVE.fetch_add(bytes, Relaxed).wrapping_add(bytes);
    PEAK.fetch_max(live, Relaxed);
}

fn take(bytes: usize) {
    LIVE.fetch_sub(bytes, Relaxed);
}

// SAFETY: the system's allocator does all of it; what is counted changes no pointer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promises are those that it needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}

/// Runs a target and asserts that the memory it takes is in proportion to its input.
pub fn bounded(data: &[u8], target: &fn(&[u8])) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    target(data);
    let taken = PEAK.load(Relaxed).saturating_sub(before);
    assert!(taken <= BASE + FACTOR * data.len(), "{} bytes of input take {taken} bytes", data.len());
}
