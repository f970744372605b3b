//! What a card does at most, measured by kernels that do nothing else: what the others are compared with.

use std::sync::Arc;

use half::f16;
use serde::Serialize;

use super::driver::{Address, Argument, Buffer, Driver, Mark};
use super::kernels::Kernels;
use super::shared::{MATRICES, PIECE, SINGLES};
use crate::error::{Error, Result};

/// Memory that is read at most: many times what any card caches.
const MOST_READ: usize = 4 << 30;
/// Memory that is read at first, and rounds that are multiplied at first; both are doubled until a run takes
/// long enough to be timed.
const FIRST_READ: usize = 1 << 20;
const FIRST_ROUNDS: u32 = 8;
const MOST_ROUNDS: u32 = 1 << 20;
/// Seconds that a run takes at least.
const LONG_ENOUGH: f64 = 2e-3;
const RUNS: usize = 9;
/// Blocks of 128 threads that keep a multiprocessor busy.
const BLOCKS: u32 = 8;
const THREADS: u32 = 128;
/// Multiplications and additions of a product of a 16×16 matrix with a 16×8 one.
const MATRIX_OPERATIONS: u64 = 2 * 16 * 16 * 8;
/// Launches of a recording that shows what a launch costs.
const EMPTY_LAUNCHES: usize = 256;

/// Holds what a card does at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ceilings {
    /// Bytes read from memory in a second.
    pub bytes_per_s: f64,
    /// Bytes that were read to measure that.
    pub bytes_read: u64,
    /// Multiplications and additions of f16 matrices in a second, with sums in f32, by the instruction that the
    /// kernels use.
    pub matrix_operations_per_s: f64,
    /// Multiplications and additions of f32 numbers in a second.
    pub single_operations_per_s: f64,
    /// A launch in a recording of launches that do nothing, in seconds.
    pub launch_s: f64,
}

impl Ceilings {
    /// Measures them: medians of several runs, none of which is shorter than a clock can tell.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has failed, has no memory for it, or did not compute what it should.
    pub(crate) fn measure(driver: &Arc<dyn Driver>) -> Result<Self> {
        let test = Test { kernels: Kernels::new(Arc::clone(driver)) };
        test.check()?;
        let (bytes_per_s, bytes_read) = test.reading()?;
        Ok(Ceilings {
            bytes_per_s,
            bytes_read,
            matrix_operations_per_s: test.matrices()?,
            single_operations_per_s: test.singles()?,
            launch_s: test.launches()?,
        })
    }
}

struct Test {
    kernels: Kernels,
}

impl Test {
    fn driver(&self) -> &Arc<dyn Driver> {
        self.kernels.driver()
    }

    /// Returns the median time of a run.
    fn time(&self, run: &dyn Fn() -> Result<()>) -> Result<f64> {
        run()?;
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let start = Mark::new(self.driver())?;
            run()?;
            let end = Mark::new(self.driver())?;
            times.push(end.seconds_since(&start)?);
        }
        times.sort_by(f64::total_cmp);
        // What takes no time at all was not run.
        match times[RUNS / 2] {
            time if time > 0.0 => Ok(time),
            time => Err(Error::Device(format!("a run that is timed took {time} s"))),
        }
    }

    /// Returns true if a run is long enough to be timed.
    fn is_long(&self, run: &dyn Fn() -> Result<()>) -> Result<bool> {
        let start = Mark::new(self.driver())?;
        run()?;
        Ok(Mark::new(self.driver())?.seconds_since(&start)? >= LONG_ENOUGH)
    }

    fn grid(&self) -> Result<u32> {
        Ok(self.driver().multiprocessors()? * BLOCKS)
    }

    fn read(&self, from: Address, pieces: u32, blocks: u32, sums: &Buffer<u32>) -> Result<()> {
        let to = sums.address();
        let arguments = [Argument::of(&from), Argument::of(&pieces), Argument::of(&to)];
        self.kernels.run("read_words", [blocks, 1, 1], 16, &arguments)
    }

    fn multiply_matrices(&self, rounds: u32, [a, b]: [f32; 2], y: &Buffer<f32>, blocks: u32) -> Result<()> {
        let pair = |x: f32| u32::from(f16::from_f32(x).to_bits()) * 0x1_0001;
        let (a, b, y) = (pair(a), pair(b), y.address());
        let arguments = [Argument::of(&rounds), Argument::of(&a), Argument::of(&b), Argument::of(&y)];
        self.kernels.run("multiply_matrices", [blocks, 1, 1], 0, &arguments)
    }

    fn multiply_singles(
        &self,
        rounds: u32,
        [scale, more]: [f32; 2],
        y: &Buffer<f32>,
        blocks: u32,
    ) -> Result<()> {
        let y = y.address();
        let arguments = [Argument::of(&rounds), Argument::of(&scale), Argument::of(&more), Argument::of(&y)];
        self.kernels.run("multiply_singles", [blocks, 1, 1], 0, &arguments)
    }

    fn launch_nothing(&self, cycles: u32) -> Result<()> {
        hold(&self.kernels, cycles)
    }

    /// Checks that the kernels compute what is known: a rate of something else would say nothing.
    fn check(&self) -> Result<()> {
        let wrong = |kernel: &str| Err(Error::Device(format!("{kernel} computes what it should not")));
        let blocks = 2;
        let (pieces, words) = (3, PIECE / 4);
        let values: Vec<u32> = (0..pieces * words as u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        let from = Buffer::from_slice(self.driver(), &values)?;
        let sums = Buffer::new(self.driver(), blocks as usize)?;
        self.read(from.address(), pieces, blocks, &sums)?;
        let sum = |piece: usize| {
            values[piece * words..][..words].iter().fold(0u32, |sum, word| sum.wrapping_add(*word))
        };
        // Of two blocks the first reads the first piece and the third.
        if sums.to_vec(2)? != [sum(0).wrapping_add(sum(2)), sum(1)] {
            return wrong("read_words");
        }
        let threads = (blocks * THREADS) as usize;
        let y = Buffer::new(self.driver(), threads)?;
        let (rounds, [scale, more]) = (11, [0.75f32, 0.3]);
        // 16 products of 2 and 1/8 are 4, in each of four values of every sum.
        self.multiply_matrices(rounds, [2.0, 0.125], &y, blocks)?;
        if y.to_vec(threads)? != vec![(4 * MATRICES * 4) as f32 * rounds as f32; threads] {
            return wrong("multiply_matrices");
        }
        self.multiply_singles(rounds, [scale, more], &y, blocks)?;
        let single = |i: usize| (0..rounds).fold(i as f32, |x, _| x.mul_add(scale, more));
        let sum = (0..SINGLES).fold(0.0, |sum, i| sum + single(i));
        if y.to_vec(threads)? != vec![sum; threads] {
            return wrong("multiply_singles");
        }
        Ok(())
    }

    /// Measures the bytes read in a second, and returns with them of how many that was measured.
    fn reading(&self) -> Result<(f64, u64)> {
        // Half of what is free, since another may want some.
        let free = usize::try_from(self.driver().memory()?.free / 2).unwrap_or(MOST_READ);
        let most = free.min(MOST_READ);
        let mut bytes = FIRST_READ;
        loop {
            // What it holds does not matter.
            let from = Buffer::<u8>::new(self.driver(), bytes)?;
            let pieces = (bytes / PIECE) as u32;
            let blocks = pieces.min(self.grid()? * 16);
            let sums = Buffer::new(self.driver(), blocks as usize)?;
            let run = || self.read(from.address(), pieces, blocks, &sums);
            run()?;
            if self.is_long(&run)? || 2 * bytes > most {
                return Ok((bytes as f64 / self.time(&run)?, bytes as u64));
            }
            bytes *= 2;
        }
    }

    /// Rounds in a second of a kernel that is given their number.
    fn rounds_per_s(&self, run: &dyn Fn(u32) -> Result<()>) -> Result<f64> {
        let mut rounds = FIRST_ROUNDS;
        run(rounds)?;
        while rounds < MOST_ROUNDS && !self.is_long(&|| run(rounds))? {
            rounds *= 2;
        }
        Ok(f64::from(rounds) / self.time(&|| run(rounds))?)
    }

    fn matrices(&self) -> Result<f64> {
        let blocks = self.grid()?;
        let y = Buffer::new(self.driver(), (blocks * THREADS) as usize)?;
        let rate = self.rounds_per_s(&|rounds| self.multiply_matrices(rounds, [2.0, 0.125], &y, blocks))?;
        let warps = u64::from(blocks * THREADS / 32);
        Ok(rate * (warps * MATRICES as u64 * MATRIX_OPERATIONS) as f64)
    }

    fn singles(&self) -> Result<f64> {
        let blocks = self.grid()?;
        let y = Buffer::new(self.driver(), (blocks * THREADS) as usize)?;
        let rate = self.rounds_per_s(&|rounds| self.multiply_singles(rounds, [0.75, 0.3], &y, blocks))?;
        Ok(rate * (u64::from(blocks * THREADS) * SINGLES as u64 * 2) as f64)
    }

    fn launches(&self) -> Result<f64> {
        let nothing = &mut || (0..EMPTY_LAUNCHES).try_for_each(|_| self.launch_nothing(0));
        let graph = self.driver().capture(nothing)?;
        Ok(self.time(&|| graph.replay())? / EMPTY_LAUNCHES as f64)
    }
}

/// Keeps the stream busy for so many clock cycles of the card; an emulated one passes over it.
///
/// # Errors
/// An error of the card.
pub fn hold(kernels: &Kernels, cycles: u32) -> Result<()> {
    kernels.run("hold", [1, 1, 1], 0, &[Argument::of(&cycles)])
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use super::super::emulated::Emulated;
    use super::*;

    fn card() -> Arc<dyn Driver> {
        Arc::new(Emulated::new(0, 1 << 26))
    }

    #[test]
    fn what_is_measured_is_computed() {
        let test = Test { kernels: Kernels::new(card()) };
        test.check().unwrap();
    }

    #[test]
    fn ceilings_are_rates() {
        let ceilings = Ceilings::measure(&card()).unwrap();
        assert!((1 << 20..=32 << 20).contains(&ceilings.bytes_read), "{ceilings:?}");
        // No emulated card comes near a real one, nor does one take a second for a byte.
        for rate in [
            ceilings.bytes_per_s,
            ceilings.matrix_operations_per_s,
            ceilings.single_operations_per_s,
            1.0 / ceilings.launch_s,
        ] {
            assert!((1e3..1e14).contains(&rate), "{ceilings:?}");
        }
    }
}
