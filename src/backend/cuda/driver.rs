//! What a card is asked for: memory, copies, launches. Two kinds answer: real cards, and, for tests, emulated
//! ones.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::Arc;

use super::switches::Switches;
use crate::error::{Error, Result};

/// Names a place in a card's memory.
pub type Address = u64;

/// Counts the bytes of a card's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Not taken by anyone.
    pub free: u64,
    /// All.
    pub total: u64,
}

/// Says how a kernel is launched.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Bytes of shared memory of a block.
    pub shared: u32,
    /// Whether it waits for the launch before it by itself, and so may begin beside that.
    pub beside: bool,
    /// Blocks along x that run together and reach each other's shared memory; 1 if each is by itself.
    pub cluster: u32,
}

/// Passes an argument to a kernel, by value.
#[derive(Clone, Copy)]
pub struct Argument<'a> {
    address: *const c_void,
    /// For the emulator, which compares it with what the kernel declares.
    #[cfg(feature = "cuda-emulator")]
    size: usize,
    value: PhantomData<&'a ()>,
}

impl<'a> Argument<'a> {
    /// Passes a number, an address or a `repr(C)` structure of them, as the kernel declares it.
    pub fn of<T: Copy>(value: &'a T) -> Self {
        Argument {
            address: std::ptr::from_ref(value).cast(),
            #[cfg(feature = "cuda-emulator")]
            size: size_of::<T>(),
            value: PhantomData,
        }
    }

    pub(super) fn address(&self) -> *mut c_void {
        self.address.cast_mut()
    }

    #[cfg(feature = "cuda-emulator")]
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// Gives a card's memory and one stream of work for it. What is asked for is done in order; `download` and
/// `synchronize` wait for it. Errors of a kernel may show up later, at the next call that waits.
pub trait Driver: Send + Sync {
    /// Takes memory, which holds anything.
    fn allocate(&self, bytes: usize) -> Result<Address>;
    /// Gives memory back, once all that was asked for is done.
    fn free(&self, address: Address, bytes: usize);
    /// Copies to the card and waits for it.
    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()>;
    /// Copies within the card.
    fn copy(&self, to: Address, from: Address, bytes: usize) -> Result<()>;
    /// Copies from the card and waits for it.
    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()>;
    /// Runs a kernel.
    ///
    /// # Safety
    /// Every address that the kernel reaches through its arguments must lie in memory that is still
    /// allocated, and the arguments must be those that it declares.
    unsafe fn launch(&self, launch: Launch, arguments: &[Argument]) -> Result<()>;
    /// Records what is launched meanwhile, which must be nothing but launches, in place of running it.
    fn capture(&self, launches: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Graph>>;
    /// Waits until all is done.
    fn synchronize(&self) -> Result<()>;
    /// Returns the size of the card's memory and how much of it is free.
    fn memory(&self) -> Result<Memory>;
    /// Returns the card's name.
    fn name(&self) -> &str;
    /// Returns true if blocks can run in clusters, of 8 at most.
    fn has_clusters(&self) -> bool;
    /// Returns a number that only the streams of one opened card share.
    fn card(&self) -> usize;
    /// Multiprocessors it has.
    fn multiprocessors(&self) -> Result<u32>;
    /// Says how it launches.
    fn switches(&self) -> Switches;
    /// Opens another stream on the same card that launches as `switches` say; its work comes first where it is urgent.
    fn another(&self, switches: Switches, is_urgent: bool) -> Result<Arc<dyn Driver>>;
    /// Returns true if it is to be tried before it is trusted.
    fn is_doubtful(&self) -> bool;
    /// Returns how often to try what must come out the same.
    fn repeats(&self) -> usize;
    /// Marks the point of the stream that is reached when all that was asked for is done.
    fn mark(&self) -> Result<u64>;
    /// Lets what is asked for from here on wait for a mark, of any stream of the card.
    fn wait(&self, mark: u64) -> Result<()>;
    /// Forgets a mark.
    fn unmark(&self, mark: u64);
    /// Seconds from one mark to another, which it waits for.
    fn seconds(&self, from: u64, to: u64) -> Result<f64>;
    /// Returns true if each launch is timed by itself, which a graph would hide.
    fn times_launches(&self) -> bool {
        false
    }
}

/// Launches that were recorded, to be run again with the same arguments.
pub trait Graph: Send {
    /// Runs them, in the stream that they were captured in.
    fn replay(&self) -> Result<()>;
}

/// Marks a point of a stream, whose time is known once it is reached; forgotten on drop.
pub struct Mark {
    driver: Arc<dyn Driver>,
    mark: u64,
}

impl Mark {
    /// Marks the point after all that was asked for.
    ///
    /// # Errors
    /// An error of the card.
    pub fn new(driver: &Arc<dyn Driver>) -> Result<Self> {
        Ok(Mark { driver: Arc::clone(driver), mark: driver.mark()? })
    }

    /// Lets what another stream of the card is asked for from here on wait until this point is reached.
    ///
    /// # Errors
    /// An error of the card.
    pub fn hold(&self, other: &dyn Driver) -> Result<()> {
        other.wait(self.mark)
    }

    /// Seconds from an earlier mark of the same stream; waits until this one is reached.
    ///
    /// # Errors
    /// An error of the card.
    pub fn seconds_since(&self, earlier: &Mark) -> Result<f64> {
        self.driver.seconds(earlier.mark, self.mark)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.driver.unmark(self.mark);
    }
}

/// Owns memory of a card that holds values of one type; given back on drop.
pub struct Buffer<T> {
    driver: Arc<dyn Driver>,
    address: Address,
    length: usize,
    value: PhantomData<T>,
}

/// Marks what may lie in a card's memory: plain values of any bits.
///
/// # Safety
/// A type without padding and without invalid bit patterns.
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

// SAFETY: numbers of a fixed width.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u16 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for f32 {}

/// Returns a slice's bytes.
pub fn bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: plain values are bytes, all of them initialised.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// Returns a slice's bytes, to be written.
pub fn bytes_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: plain values are bytes, and any bytes are plain values.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

impl<T: Plain> Buffer<T> {
    /// Takes memory for so many values, which may be anything at first.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it.
    pub fn new(driver: &Arc<dyn Driver>, length: usize) -> Result<Self> {
        let address = driver.allocate((length * size_of::<T>()).max(1))?;
        Ok(Buffer { driver: Arc::clone(driver), address, length, value: PhantomData })
    }

    /// Copies a slice to the card.
    ///
    /// # Errors
    /// As [`Buffer::new`].
    pub fn from_slice(driver: &Arc<dyn Driver>, values: &[T]) -> Result<Self> {
        let buffer = Buffer::new(driver, values.len())?;
        buffer.upload(0, values)?;
        Ok(buffer)
    }

    /// Takes memory that holds zeros.
    ///
    /// # Errors
    /// As [`Buffer::new`].
    pub fn zeros(driver: &Arc<dyn Driver>, length: usize) -> Result<Self>
    where
        T: Default,
    {
        Buffer::from_slice(driver, &vec![T::default(); length])
    }

    /// Returns how many values it holds.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns its address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Returns the address of its value number `index`.
    pub fn at(&self, index: usize) -> Address {
        debug_assert!(index <= self.length);
        self.address + (index * size_of::<T>()) as u64
    }

    /// Returns the address of a part of it.
    ///
    /// # Errors
    /// [`Error::Device`] if it does not hold so many values.
    pub fn part(&self, start: usize, length: usize) -> Result<Address> {
        match start.checked_add(length).is_some_and(|end| end <= self.length) {
            true => Ok(self.at(start)),
            false => Err(Error::Device(format!(
                "{length} values from {start} on of a buffer that holds {}",
                self.length
            ))),
        }
    }

    /// Copies values to the card, from `start` on.
    ///
    /// # Errors
    /// [`Error::Device`] if they do not fit.
    pub fn upload(&self, start: usize, values: &[T]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        self.driver.upload(self.part(start, values.len())?, bytes(values))
    }

    /// Copies values from the card, from `start` on, and waits for them.
    ///
    /// # Errors
    /// [`Error::Device`] if there are fewer, or the card has failed.
    pub fn download(&self, start: usize, values: &mut [T]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        self.driver.download(self.part(start, values.len())?, bytes_mut(values))
    }

    /// Copies its first values back.
    ///
    /// # Errors
    /// As [`Buffer::download`].
    pub fn to_vec(&self, length: usize) -> Result<Vec<T>>
    where
        T: Default,
    {
        let mut values = vec![T::default(); length];
        self.download(0, &mut values)?;
        Ok(values)
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        self.driver.free(self.address, self.length * size_of::<T>());
    }
}
