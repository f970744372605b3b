//! The border to C: reads what pointers lead to, stops panics, and keeps each thread's last message.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::{MaybeUninit, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};

use chattts_rs::Error;

use super::types::*;

/// The most bytes of a struct that a caller may have; more is no size but what lay there before.
const MOST_SIZE: usize = 4096;

/// Says why a call failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub status: c_int,
    pub message: String,
}

impl Failure {
    pub fn new(status: c_int, message: impl Into<String>) -> Self {
        Failure { status, message: message.into() }
    }

    pub fn parameter(name: &str, reason: &str) -> Self {
        Failure::new(CHATTTS_INVALID_PARAMETER, format!("{name}: {reason}"))
    }

    pub fn handle() -> Self {
        Failure::new(CHATTTS_INVALID_HANDLE, "the handle is none, or was destroyed or freed")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::new(error.kind().code().into(), error.to_string())
    }
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

thread_local! {
    static LAST: RefCell<Option<(c_int, CString)>> = const { RefCell::new(None) };
    static INSIDE: Cell<Inside> = const { Cell::new(Inside::Nothing) };
}

/// The callback in which a thread is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inside {
    Nothing,
    /// One that a call of the same thread waits for.
    Call,
    Log,
}

/// Calls a callback; what it calls of this library knows from where.
pub fn call_back<T>(inside: Inside, callback: impl FnOnce() -> T) -> T {
    let before = INSIDE.replace(inside);
    let value = callback();
    INSIDE.set(before);
    value
}

/// Returns the callback in which this thread is.
pub fn inside() -> Inside {
    INSIDE.get()
}

/// Runs the body of a function that C calls, and returns its status. No panic goes further, and the message of a
/// failure is kept for the thread.
pub fn run(body: impl FnOnce() -> Result<()>) -> c_int {
    match attempt(body) {
        Ok(()) => CHATTTS_OK,
        Err(failure) => failure.status,
    }
}

/// Runs the body of a function that C calls, as [`run`] does, and returns its value or the failure.
pub fn attempt<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = match inside() {
        Inside::Log => Err(Failure::new(CHATTTS_BUSY, "a log's callback may call nothing of this library")),
        _ => catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_string());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            let said = said.unwrap_or_else(|| "unknown".into());
            Err(Failure::new(CHATTTS_INTERNAL, format!("internal error: {said}")))
        }),
    };
    if let Err(failure) = &result
        && failure.status != CHATTTS_PENDING
    {
        // A thread that ends keeps no message any more.
        let _ = LAST.try_with(|last| last.replace(Some((failure.status, c_string(&failure.message)))));
    }
    result
}

/// Returns the status and the message of this thread's last failure; the message lives until the next one.
pub fn last() -> (c_int, *const c_char) {
    let last = LAST.try_with(|last| last.borrow().as_ref().map(|(status, said)| (*status, said.as_ptr())));
    last.ok().flatten().unwrap_or((CHATTTS_OK, c"".as_ptr()))
}

/// Makes a text for C; a NUL in it, where C would see its end, becomes a space.
pub fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// A struct of the header that begins with its own size, and in which all zeros are a value.
///
/// # Safety
/// It is `repr(C)`, its first field is `size: usize`, and zeros are valid for every field.
pub unsafe trait Growing: Copy {}

// SAFETY: numbers and raw pointers, after a size.
unsafe impl Growing for ChatttsOptions {}
// SAFETY: as above.
unsafe impl Growing for ChatttsRequest {}
// SAFETY: as above.
unsafe impl Growing for ChatttsSummary {}
// SAFETY: as above.
unsafe impl Growing for ChatttsStats {}

/// Reads the size that a struct says it has.
///
/// # Safety
/// `from` is null or points to a struct that begins with its size.
unsafe fn size_at<T>(name: &str, from: *const T) -> Result<usize> {
    if from.is_null() {
        return Err(Failure::parameter(name, "is NULL"));
    }
    // SAFETY: not null, and the caller promises a size there.
    let size = unsafe { from.cast::<usize>().read_unaligned() };
    match (size_of::<usize>()..=MOST_SIZE).contains(&size) {
        true => Ok(size),
        false => Err(Failure::parameter(name, &format!("its size is {size}; set it to sizeof its type"))),
    }
}

/// Reads a struct of the size that it says it has; what is not there is zero.
///
/// # Safety
/// `from` is null, or points to as many bytes as its first field says.
pub unsafe fn read<T: Growing>(name: &str, from: *const T) -> Result<T> {
    // SAFETY: as the caller promises.
    let size = unsafe { size_at(name, from) }?;
    let known = size.min(size_of::<T>());
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes are there and fit; zeros are valid for the rest, as `Growing` says.
    let value = unsafe {
        from.cast::<u8>().copy_to_nonoverlapping(value.as_mut_ptr().cast(), known);
        value.assume_init()
    };
    // SAFETY: the caller promises `size` bytes, of which these come after `known`.
    let rest = unsafe { std::slice::from_raw_parts(from.cast::<u8>().add(known), size - known) };
    match rest.iter().all(|byte| *byte == 0) {
        true => Ok(value),
        false => Err(Failure::parameter(
            name,
            &format!(
                "it holds more than this library knows ({size} bytes, known are {known}); a newer one does"
            ),
        )),
    }
}

/// Checks that a struct to be filled in later, if there is one, says its size.
///
/// # Safety
/// As [`fill`].
pub unsafe fn check_size<T: Growing>(name: &str, to: *const T) -> Result<()> {
    // SAFETY: as the caller promises.
    if to.is_null() { Ok(()) } else { unsafe { size_at(name, to) }.map(drop) }
}

/// Fills in as much of a caller's struct as it has, but its size.
///
/// # Safety
/// `to` is null, or points to as many bytes as its first field says, which nobody else uses.
pub unsafe fn fill<T: Growing>(name: &str, to: *mut T, value: T) -> Result<()> {
    // SAFETY: as the caller promises.
    let size = unsafe { size_at(name, to.cast_const()) }?;
    let (first, known) = (size_of::<usize>(), size.min(size_of::<T>()));
    let value: *const T = &value;
    // SAFETY: both have `known` bytes, and are not the same.
    unsafe {
        let (from, to) = (value.cast::<u8>(), to.cast::<u8>());
        from.add(first).copy_to_nonoverlapping(to.add(first), known - first);
        to.add(known).write_bytes(0, size - known);
    }
    Ok(())
}

/// Reads a text of a length.
///
/// # Safety
/// `text` is null, or points to `len` bytes that stay as they are as long as the result is used.
pub unsafe fn text<'a>(name: &str, text: *const c_char, len: usize) -> Result<&'a str> {
    let bytes = match (text.is_null(), len) {
        (_, 0) => &[][..],
        (true, _) => return Err(Failure::parameter(name, "is NULL")),
        (_, len) if isize::try_from(len).is_err() => {
            return Err(Failure::parameter(name, "is longer than memory can be"));
        }
        // SAFETY: not null, and the caller promises the bytes.
        (_, len) => unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) },
    };
    std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        Failure::new(CHATTTS_INVALID_TEXT, format!("{name}: not UTF-8 from byte {place} on"))
    })
}

/// Reads a text that ends with a NUL; None for a null pointer.
///
/// # Safety
/// `text` is null, or points to a text that ends with a NUL and stays as it is as long as the result is used.
pub unsafe fn word<'a>(name: &str, text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and the caller promises the end.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map(Some)
        .map_err(|error| Failure::parameter(name, &format!("not UTF-8 from byte {} on", error.valid_up_to())))
}

/// Reads the capacity of a caller's buffer, and checks that there is one.
///
/// # Safety
/// `len_io` is null or points to a length.
pub unsafe fn capacity<T>(out: *mut T, len_io: *mut usize) -> Result<usize> {
    if len_io.is_null() {
        return Err(Failure::parameter("len_io", "is NULL"));
    }
    // SAFETY: not null.
    match unsafe { *len_io } {
        0 => Ok(0),
        _ if out.is_null() => Err(Failure::parameter("the buffer", "is NULL, and its length is not 0")),
        capacity => Ok(capacity),
    }
}

/// Copies values into a caller's buffer, and writes how many they are, even if they do not fit.
///
/// # Safety
/// `len_io` points to the capacity of `out`, which [`capacity`] has checked.
pub unsafe fn give<T: Copy>(values: &[T], out: *mut T, len_io: *mut usize) -> Result<()> {
    // SAFETY: as the caller promises.
    let capacity = unsafe { *len_io };
    // SAFETY: as above.
    unsafe { *len_io = values.len() };
    if values.len() > capacity {
        let reason = format!("the buffer holds {capacity}; {} are needed", values.len());
        return Err(Failure::new(CHATTTS_BUFFER_TOO_SMALL, reason));
    }
    if !values.is_empty() {
        // SAFETY: there are as many places, and the buffer is the caller's own.
        unsafe { values.as_ptr().copy_to_nonoverlapping(out, values.len()) };
    }
    Ok(())
}

/// Runs the body of a function that gives out values by `out` and `len_io`: the length is 0 if it fails.
///
/// # Safety
/// `out` and `len_io` are null, or a buffer and its capacity.
pub unsafe fn giving<T: Copy>(
    out: *mut T,
    len_io: *mut usize,
    body: impl FnOnce(usize) -> Result<()>,
) -> c_int {
    run(|| {
        // SAFETY: as the caller promises.
        let capacity = unsafe { capacity(out, len_io) }?;
        body(capacity).inspect_err(|failure| {
            if failure.status != CHATTTS_BUFFER_TOO_SMALL {
                // SAFETY: checked by `capacity`.
                unsafe { *len_io = 0 };
            }
        })
    })
}
