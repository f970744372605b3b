//! Where the time of a card's work goes: every launch between two marks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::driver::{Address, Argument, Driver, Graph, Launch, Mark, Memory};
use super::kernels::Kernels;
use super::measure::hold;
use super::switches::Switches;
use crate::error::Result;

/// Clock cycles that the stream is held for while launches are put in it: 1 ms or so at first, more where that is
/// found to be too little.
const FIRST_HOLD: u32 = 2 << 20;
const MOST_HOLD: u32 = 32 << 20;

/// Counts the time that the launches of one kernel took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Their number.
    pub launches: usize,
    /// Seconds, of all of them.
    pub seconds: f64,
}

/// Holds the times by the kernel's name.
pub type Times = BTreeMap<&'static str, Spent>;

/// Times the launches of a stream while it is told to. What is launched between two waits is held up until
/// all of it is there, so that no launch waits for the processor. Other streams of the card are not timed.
pub struct Profiler {
    card: Arc<dyn Driver>,
    kernels: Kernels,
    is_on: AtomicBool,
    state: Mutex<State>,
    replays: Arc<Replays>,
}

/// The graphs that were replayed while that was asked for: marks before and after each.
#[derive(Default)]
struct Replays {
    are_timed: AtomicBool,
    marks: Mutex<Vec<[Mark; 2]>>,
}

/// A graph that knows when the card began and ended it.
struct TimedGraph {
    graph: Box<dyn Graph>,
    card: Arc<dyn Driver>,
    replays: Arc<Replays>,
}

impl Graph for TimedGraph {
    fn replay(&self) -> Result<()> {
        if !self.replays.are_timed.load(Ordering::Relaxed) {
            return self.graph.replay();
        }
        let before = Mark::new(&self.card)?;
        self.graph.replay()?;
        let after = Mark::new(&self.card)?;
        self.replays.marks.lock().unwrap_or_else(PoisonError::into_inner).push([before, after]);
        Ok(())
    }
}

#[derive(Default)]
struct State {
    times: Times,
    pending: Option<Pending>,
    cycles: u32,
}

/// Launches that nobody has waited for yet.
struct Pending {
    start: Instant,
    /// Before and after the hold.
    held: [Mark; 2],
    /// In order, each with the mark after it.
    launches: Vec<(&'static str, Mark)>,
}

impl Profiler {
    /// Wraps a stream, which nobody else uses.
    pub fn new(card: Arc<dyn Driver>) -> Arc<Self> {
        let kernels = Kernels::new(Arc::clone(&card));
        let state = State { cycles: FIRST_HOLD, ..State::default() };
        let (state, replays) = (Mutex::new(state), Arc::default());
        Arc::new(Profiler { card, kernels, is_on: AtomicBool::new(false), state, replays })
    }

    /// Times the graphs that `run` replays, in seconds each.
    ///
    /// # Errors
    /// That of `run`, or of the card.
    pub fn replays(&self, run: impl FnOnce() -> Result<()>) -> Result<Vec<f64>> {
        self.replays.are_timed.store(true, Ordering::Relaxed);
        let ran = run();
        self.replays.are_timed.store(false, Ordering::Relaxed);
        let marks = std::mem::take(&mut *self.replays.marks.lock().unwrap_or_else(PoisonError::into_inner));
        ran?;
        self.card.synchronize()?;
        marks.iter().map(|[before, after]| after.seconds_since(before)).collect()
    }

    /// Times what is launched from now on.
    pub fn start(&self) {
        *self.state() = State { cycles: FIRST_HOLD, ..State::default() };
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Returns what was launched since the start, and stops the timing.
    ///
    /// # Errors
    /// An error of the card.
    pub fn stop(&self) -> Result<Times> {
        let collected = self.collect();
        self.is_on.store(false, Ordering::Relaxed);
        collected?;
        Ok(std::mem::take(&mut self.state().times))
    }

    /// Times a launch with nothing in it, in seconds: the least that a launch is said to take. The median of
    /// several.
    ///
    /// # Errors
    /// An error of the card.
    pub fn least(&self) -> Result<f64> {
        const LAUNCHES: usize = 65;
        hold(&self.kernels, FIRST_HOLD)?;
        let mut marks = vec![Mark::new(&self.card)?];
        for _ in 0..LAUNCHES {
            hold(&self.kernels, 0)?;
            marks.push(Mark::new(&self.card)?);
        }
        let mut times =
            marks.windows(2).map(|pair| pair[1].seconds_since(&pair[0])).collect::<Result<Vec<_>>>()?;
        times.sort_by(f64::total_cmp);
        Ok(times[LAUNCHES / 2])
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before_launch(&self) -> Result<()> {
        let mut state = self.state();
        if state.pending.is_none() {
            let start = Instant::now();
            let before = Mark::new(&self.card)?;
            hold(&self.kernels, state.cycles)?;
            let held = [before, Mark::new(&self.card)?];
            state.pending = Some(Pending { start, held, launches: Vec::new() });
        }
        Ok(())
    }

    fn after_launch(&self, kernel: &'static str) -> Result<()> {
        let mark = Mark::new(&self.card)?;
        if let Some(pending) = &mut self.state().pending {
            pending.launches.push((kernel, mark));
        }
        Ok(())
    }

    /// Waits for what is under way and takes down its times.
    fn collect(&self) -> Result<()> {
        let mut state = self.state();
        let Some(Pending { start, held: [before, after], launches }) = state.pending.take() else {
            return Ok(());
        };
        let asked = start.elapsed().as_secs_f64();
        self.card.synchronize()?;
        if after.seconds_since(&before)? < asked && state.cycles < MOST_HOLD {
            // The card went ahead before all was there, so some of these times are those of the processor.
            state.cycles *= 2;
            return Ok(());
        }
        let mut last = &after;
        for (kernel, mark) in &launches {
            let spent = state.times.entry(kernel).or_default();
            spent.launches += 1;
            spent.seconds += mark.seconds_since(last)?;
            last = mark;
        }
        Ok(())
    }
}

impl Driver for Profiler {
    fn allocate(&self, bytes: usize) -> Result<Address> {
        self.card.allocate(bytes)
    }

    fn free(&self, address: Address, bytes: usize) {
        self.card.free(address, bytes);
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        self.collect()?;
        self.card.upload(to, bytes)
    }

    fn copy(&self, to: Address, from: Address, bytes: usize) -> Result<()> {
        self.card.copy(to, from, bytes)
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        self.collect()?;
        self.card.download(from, bytes)
    }

    unsafe fn launch(&self, launch: Launch, arguments: &[Argument]) -> Result<()> {
        let is_on = self.is_on();
        if is_on {
            self.before_launch()?;
        }
        // Beside another, a launch has no time of its own.
        let launch = Launch { beside: launch.beside && !is_on, ..launch };
        // SAFETY: the caller's promise.
        unsafe { self.card.launch(launch, arguments) }?;
        if is_on { self.after_launch(launch.kernel) } else { Ok(()) }
    }

    fn capture(&self, launches: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Graph>> {
        self.collect()?;
        // Marks have no place in a graph.
        let was_on = self.is_on.swap(false, Ordering::Relaxed);
        let graph = self.card.capture(launches);
        self.is_on.store(was_on, Ordering::Relaxed);
        let (card, replays) = (Arc::clone(&self.card), Arc::clone(&self.replays));
        Ok(Box::new(TimedGraph { graph: graph?, card, replays }))
    }

    fn synchronize(&self) -> Result<()> {
        self.collect()?;
        self.card.synchronize()
    }

    fn memory(&self) -> Result<Memory> {
        self.card.memory()
    }

    fn name(&self) -> &str {
        self.card.name()
    }

    fn has_clusters(&self) -> bool {
        self.card.has_clusters()
    }

    fn card(&self) -> usize {
        self.card.card()
    }

    fn multiprocessors(&self) -> Result<u32> {
        self.card.multiprocessors()
    }

    fn switches(&self) -> Switches {
        self.card.switches()
    }

    fn another(&self, switches: Switches, is_urgent: bool) -> Result<Arc<dyn Driver>> {
        self.card.another(switches, is_urgent)
    }

    fn is_doubtful(&self) -> bool {
        false
    }

    fn repeats(&self) -> usize {
        self.card.repeats()
    }

    fn mark(&self) -> Result<u64> {
        self.card.mark()
    }

    fn wait(&self, mark: u64) -> Result<()> {
        self.card.wait(mark)
    }

    fn unmark(&self, mark: u64) {
        self.card.unmark(mark);
    }

    fn seconds(&self, from: u64, to: u64) -> Result<f64> {
        self.card.seconds(from, to)
    }

    fn times_launches(&self) -> bool {
        self.is_on()
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use super::super::driver::Buffer;
    use super::super::emulated::Emulated;
    use super::*;

    #[test]
    fn launches_are_counted_while_they_are_timed() {
        let profiler = Profiler::new(Arc::new(Emulated::new(0, 1 << 24)));
        let driver: Arc<dyn Driver> = profiler.clone();
        let kernels = Kernels::new(Arc::clone(&driver));
        let values = Buffer::from_slice(&driver, &[1u8]).unwrap();
        hold(&kernels, 1).unwrap();
        profiler.start();
        assert!(driver.times_launches());
        // Where a launch runs before it returns, no hold is long enough; steps count once it is the longest.
        let too_short = (MOST_HOLD / FIRST_HOLD).ilog2() as usize;
        for _ in 0..too_short + 3 {
            hold(&kernels, 1).unwrap();
            hold(&kernels, 1).unwrap();
            values.to_vec(1).unwrap();
        }
        let times = profiler.stop().unwrap();
        assert!(!driver.times_launches());
        assert_eq!(times.keys().collect::<Vec<_>>(), [&"hold"]);
        assert_eq!(times["hold"].launches, 6);
        assert!(times["hold"].seconds > 0.0);
        hold(&kernels, 1).unwrap();
        assert_eq!(profiler.stop().unwrap(), Times::new());
        assert!(profiler.least().unwrap() > 0.0);
    }
}
