//! Cards that are none: kernels run on the processor, by the emulator that is compiled in for tests.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_uint, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::driver::{Address, Argument, Driver, Graph, Launch, Memory};
use super::shared::KERNELS;
use super::switches::Switches;
use crate::error::{Error, Result};

unsafe extern "C" {
    fn emulator_launch(
        name: *const c_char,
        grid: *const c_uint,
        together: c_uint,
        threads: c_uint,
        shared: c_uint,
        arguments: *const *mut c_void,
        sizes: *const usize,
        count: usize,
    ) -> *const c_char;
}

/// Memory beyond an allocation that must stay as it is.
const GUARD: usize = 4096;
/// A byte of memory before it is written: neither zero nor part of a number.
const POISON: u8 = 0xff;
const ALIGNMENT: usize = 256;

/// Says how many emulated cards there are, and of how many MiB each: `2` or `2x512`.
const CARDS: &str = "CHATTTS_RS_EMULATED_CARDS";
/// Lets a card fail for good after so many launches: `1:5000`.
const FAILURE: &str = "CHATTTS_RS_EMULATED_FAILURE";
/// Gives every card a fault: `wrong:overlap`, `refused:graphs`, `silent:all` …
const FAULT: &str = "CHATTTS_RS_EMULATED_FAULT";
/// Memory of a card unless it is said.
const DEFAULT_MEMORY: u64 = 4 << 30;

static ASKED: OnceLock<(usize, u64)> = OnceLock::new();

/// Emulates so many cards of so many bytes from now on, whatever the environment says; the first call counts.
pub fn emulate(count: usize, memory: u64) {
    ASKED.get_or_init(|| (count, memory));
}

/// Returns how many cards are to be emulated, and with how much memory.
pub fn asked() -> Option<(usize, u64)> {
    if let Some(asked) = ASKED.get() {
        return Some(*asked);
    }
    let text = std::env::var(CARDS).ok()?;
    let (count, memory) = match text.split_once('x') {
        Some((count, mebibytes)) => (count, mebibytes.parse::<u64>().ok()? << 20),
        None => (text.as_str(), DEFAULT_MEMORY),
    };
    Some((count.parse().ok()?, memory))
}

/// Returns the number of launches after which a card is to fail.
fn launches_of(number: usize) -> Option<usize> {
    let text = std::env::var(FAILURE).ok()?;
    let (card, launches) = text.split_once(':')?;
    (card.parse() == Ok(number)).then(|| launches.parse().ok())?
}

/// Opens card `number` of those that were asked for.
pub fn open(number: usize) -> Result<Emulated> {
    match asked() {
        Some((count, memory)) if number < count => Ok(Emulated::new(number, memory)),
        _ => Err(Error::Device(format!("there is no emulated card {number}"))),
    }
}

/// Returns how many bytes are taken on all emulated cards together.
pub fn taken() -> usize {
    TAKEN.load(Ordering::Relaxed)
}

/// What a card gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Blocks in clusters.
    Clusters,
    /// Launches beside the one before.
    Overlap,
    /// Products whose blocks share tiles.
    Tiles,
    /// Launches that are replayed.
    Graphs,
    /// Recording launches.
    Capture,
    /// Every launch.
    All,
}

/// How it gets that wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It leaves out what it was asked for and says nothing.
    Wrong,
    /// It refuses.
    Refused,
    /// It gives no answer for a while.
    Silent,
}

/// How long a card is silent: longer than whoever tries it waits.
pub const SILENCE: Duration = Duration::from_secs(60);

fn fault_asked() -> Option<(How, Where)> {
    let text = std::env::var(FAULT).ok()?;
    let (how, place) = text.split_once(':')?;
    let how = match how {
        "wrong" => How::Wrong,
        "refused" => How::Refused,
        "silent" => How::Silent,
        _ => return None,
    };
    let place = match place {
        "clusters" => Where::Clusters,
        "overlap" => Where::Overlap,
        "tiles" => Where::Tiles,
        "graphs" => Where::Graphs,
        "capture" => Where::Capture,
        "all" => Where::All,
        _ => return None,
    };
    Some((how, place))
}

static TAKEN: AtomicUsize = AtomicUsize::new(0);

struct Card {
    number: usize,
    memory: u64,
    allocations: Mutex<HashMap<Address, usize>>,
    launches: AtomicUsize,
    /// Launches after which it fails.
    fails_after: Option<usize>,
    fault: Option<(How, Where)>,
    /// Launches of each kernel.
    #[cfg(test)]
    by_kernel: Mutex<HashMap<&'static str, usize>>,
}

/// Emulates one stream of a card; all streams of a card see the same memory.
pub struct Emulated {
    card: Arc<Card>,
    name: String,
    switches: Switches,
    /// The launches since the capture began, while there is one.
    recording: Mutex<Option<Vec<Launched>>>,
}

/// Holds a launch, its arguments copied.
struct Launched {
    launch: Launch,
    arguments: Vec<Vec<u8>>,
}

/// Launches to be run again.
struct Launches {
    stream: Emulated,
    all: Vec<Launched>,
}

impl Graph for Launches {
    fn replay(&self) -> Result<()> {
        if !self.stream.answers(Where::Graphs)? {
            return Ok(());
        }
        self.all.iter().try_for_each(|Launched { launch, arguments }| {
            let addresses: Vec<*mut c_void> =
                arguments.iter().map(|a| a.as_ptr().cast_mut().cast()).collect();
            let sizes: Vec<usize> = arguments.iter().map(Vec::len).collect();
            // SAFETY: what held when it was recorded is the recorder's promise to hold now.
            unsafe { self.stream.run(*launch, &addresses, &sizes) }
        })
    }
}

impl Emulated {
    /// Opens a card of so many bytes.
    pub fn new(number: usize, memory: u64) -> Self {
        let card = Card {
            number,
            memory,
            allocations: Mutex::default(),
            launches: AtomicUsize::new(0),
            fails_after: launches_of(number),
            fault: fault_asked(),
            #[cfg(test)]
            by_kernel: Mutex::default(),
        };
        Emulated {
            card: Arc::new(card),
            name: format!("emulated card {number}"),
            switches: Switches::current(),
            recording: Mutex::default(),
        }
    }

    /// Returns how often a kernel was launched.
    #[cfg(test)]
    pub fn launched(&self, kernel: &str) -> usize {
        let counts = self.card.by_kernel.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(kernel).copied().unwrap_or(0)
    }

    /// Opens a card with a fault.
    #[cfg(test)]
    pub fn faulty(memory: u64, how: How, place: Where) -> Self {
        let mut emulated = Emulated::new(0, memory);
        let card = Arc::get_mut(&mut emulated.card).expect("nobody else has it");
        card.fault = Some((how, place));
        emulated
    }

    /// Returns false if what is asked for is to be left out; it may refuse, or take its time.
    fn answers(&self, place: Where) -> Result<bool> {
        match self.card.fault {
            Some((how, at)) if at == place => match how {
                How::Wrong => Ok(false),
                How::Refused => Err(Error::Device(format!("{} refuses, as it was told to", self.name))),
                How::Silent => {
                    std::thread::sleep(SILENCE);
                    Ok(true)
                }
            },
            _ => Ok(true),
        }
    }

    fn stream(&self) -> Self {
        Emulated {
            card: Arc::clone(&self.card),
            name: self.name.clone(),
            switches: self.switches,
            recording: Mutex::default(),
        }
    }

    /// Runs a kernel.
    ///
    /// # Safety
    /// As [`Driver::launch`].
    unsafe fn run(&self, launch: Launch, addresses: &[*mut c_void], sizes: &[usize]) -> Result<()> {
        let launches = self.card.launches.fetch_add(1, Ordering::Relaxed);
        if self.card.fails_after.is_some_and(|most| launches >= most) {
            return Err(Error::Device(format!("{} has failed, as it was told to", self.name)));
        }
        let shares = launch.kernel.starts_with("product") && launch.grid[2] > 1;
        let met = [
            (Where::All, true),
            (Where::Clusters, launch.cluster > 1),
            (Where::Overlap, launch.beside && self.switches.overlap),
            (Where::Tiles, shares),
        ];
        for (place, _) in met.into_iter().filter(|(_, is_met)| *is_met) {
            if !self.answers(place)? {
                return Ok(());
            }
        }
        #[cfg(test)]
        {
            let mut counts = self.card.by_kernel.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(launch.kernel).or_default() += 1;
        }
        let known = KERNELS.iter().find(|known| known.name == launch.kernel);
        let threads = known.map_or(0, |known| known.threads);
        let name = CString::new(launch.kernel).map_err(|e| Error::Device(e.to_string()))?;
        // SAFETY: the arguments live through the call, which checks their number and sizes; what they point
        // to is the caller's promise.
        let wrong = unsafe {
            emulator_launch(
                name.as_ptr(),
                launch.grid.as_ptr(),
                launch.cluster,
                threads,
                launch.shared,
                addresses.as_ptr(),
                sizes.as_ptr(),
                sizes.len(),
            )
        };
        if wrong.is_null() {
            return Ok(());
        }
        // SAFETY: a constant string.
        let reason = unsafe { CStr::from_ptr(wrong) }.to_string_lossy();
        Err(Error::Device(format!("{}: {reason}", launch.kernel)))
    }

    fn allocations(&self) -> MutexGuard<'_, HashMap<Address, usize>> {
        self.card.allocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layout(bytes: usize) -> Result<std::alloc::Layout> {
        std::alloc::Layout::from_size_align(bytes + GUARD, ALIGNMENT)
            .map_err(|e| Error::Device(format!("{bytes} bytes: {e}")))
    }

    /// Checks that a copy stays within one allocation.
    fn check(&self, address: Address, bytes: usize) -> Result<()> {
        let inside = |(start, length): (&Address, &usize)| {
            *start <= address && address + bytes as u64 <= start + *length as u64
        };
        match self.allocations().iter().any(inside) {
            true => Ok(()),
            false => Err(Error::Device(format!("a copy of {bytes} bytes outside what is allocated"))),
        }
    }
}

impl Driver for Emulated {
    fn allocate(&self, bytes: usize) -> Result<Address> {
        let free = self.memory()?.free;
        if bytes as u64 > free {
            return Err(Error::Device(format!(
                "emulated out of memory: {bytes} bytes asked for, {free} free"
            )));
        }
        let layout = Emulated::layout(bytes)?;
        // SAFETY: the layout is not empty, and all of it is written.
        let address = unsafe {
            let start = std::alloc::alloc(layout);
            if start.is_null() {
                std::alloc::handle_alloc_error(layout);
            }
            start.write_bytes(POISON, bytes + GUARD);
            start as Address
        };
        self.allocations().insert(address, bytes);
        TAKEN.fetch_add(bytes, Ordering::Relaxed);
        Ok(address)
    }

    fn free(&self, address: Address, _: usize) {
        let Some(bytes) = self.allocations().remove(&address) else { return };
        TAKEN.fetch_sub(bytes, Ordering::Relaxed);
        let Ok(layout) = Emulated::layout(bytes) else { return };
        // SAFETY: it was allocated with this layout, and is forgotten since.
        let intact = unsafe {
            let guard = std::slice::from_raw_parts((address as *const u8).add(bytes), GUARD);
            let intact = guard.iter().all(|byte| *byte == POISON);
            std::alloc::dealloc(address as *mut u8, layout);
            intact
        };
        if !intact {
            eprintln!("an emulated kernel wrote past the end of {bytes} bytes");
            std::process::abort();
        }
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        self.check(to, bytes.len())?;
        // SAFETY: checked to lie within an allocation.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        Ok(())
    }

    fn copy(&self, to: Address, from: Address, bytes: usize) -> Result<()> {
        self.check(from, bytes)?;
        self.check(to, bytes)?;
        // SAFETY: both are checked to lie within allocations.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, bytes) };
        Ok(())
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        self.check(from, bytes.len())?;
        // SAFETY: checked to lie within an allocation.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn launch(&self, launch: Launch, arguments: &[Argument]) -> Result<()> {
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorded) = recording.as_mut() {
            let copy = |argument: &Argument| {
                // SAFETY: an argument borrows a value of that size.
                unsafe { std::slice::from_raw_parts(argument.address().cast::<u8>(), argument.size()) }
                    .to_vec()
            };
            recorded.push(Launched { launch, arguments: arguments.iter().map(copy).collect() });
            return Ok(());
        }
        drop(recording);
        let addresses: Vec<*mut c_void> = arguments.iter().map(Argument::address).collect();
        let sizes: Vec<usize> = arguments.iter().map(Argument::size).collect();
        // SAFETY: the caller's promise.
        unsafe { self.run(launch, &addresses, &sizes) }
    }

    fn capture(&self, launches: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Graph>> {
        let recording = || self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        *recording() = Some(Vec::new());
        let launched = launches();
        let all = recording().take().unwrap_or_default();
        launched?;
        if !self.answers(Where::Capture)? {
            return Err(Error::Device(format!("{} records nothing", self.name)));
        }
        Ok(Box::new(Launches { stream: self.stream(), all }))
    }

    fn synchronize(&self) -> Result<()> {
        Ok(())
    }

    fn memory(&self) -> Result<Memory> {
        let taken: usize = self.allocations().values().sum();
        Ok(Memory { free: self.card.memory.saturating_sub(taken as u64), total: self.card.memory })
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn has_clusters(&self) -> bool {
        true
    }

    fn card(&self) -> usize {
        Arc::as_ptr(&self.card).addr()
    }

    fn multiprocessors(&self) -> Result<u32> {
        Ok(1)
    }

    fn switches(&self) -> Switches {
        self.switches
    }

    fn another(&self, switches: Switches, _: bool) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(Emulated { switches, ..self.stream() }))
    }

    /// A sound one computes slowly what nobody doubts.
    fn is_doubtful(&self) -> bool {
        self.card.fault.is_some()
    }

    fn repeats(&self) -> usize {
        2
    }

    fn mark(&self) -> Result<u64> {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = START.get_or_init(Instant::now);
        Ok(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// All that was asked for is done.
    fn wait(&self, _: u64) -> Result<()> {
        Ok(())
    }

    fn unmark(&self, _: u64) {}

    fn seconds(&self, from: u64, to: u64) -> Result<f64> {
        Ok(to.saturating_sub(from) as f64 / 1e9)
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let left = self.allocations.get_mut().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(left.is_empty(), "card {} is left with memory taken: {left:?}", self.number);
    }
}
