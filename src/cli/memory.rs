//! Ends the program in order where the system gives no memory, not even little.

use std::alloc::{GlobalAlloc, Layout, System};

/// Allocations of at least so many bytes are left to whoever asks, who may have an error for it.
const LARGE: usize = 4 << 20;

/// Allocates as the system does. Where it gives nothing the program ends with a message and the exit code of a
/// failure, since nobody who asks for little can go on without it.
pub struct Allocator;

/// Returns what was allocated, if it was.
fn checked(place: *mut u8, size: usize) -> *mut u8 {
    if place.is_null() && size < LARGE {
        say(b"error: out of memory: the system gives no more; fewer or shorter texts at a time, a smaller model or a \
              higher limit help\n");
        // Without what a process does at its end, which may take memory too.
        signal_hook::low_level::exit(i32::from(super::FAILED));
    }
    place
}

/// Writes to standard error without its lock, which this thread may hold.
#[cfg(target_os = "linux")]
fn say(message: &[u8]) {
    // SAFETY: the message is as long as it says.
    unsafe { libc::write(libc::STDERR_FILENO, message.as_ptr().cast(), message.len()) };
}

#[cfg(not(target_os = "linux"))]
fn say(message: &[u8]) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(message);
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        checked(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        checked(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        checked(unsafe { System.realloc(place, layout, size) }, size)
    }
}
