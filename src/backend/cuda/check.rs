//! Every kernel against a twin in plain Rust, on random shapes: what a user runs to see whether a card
//! computes what it should, and what the tests run on an emulated one.

mod attention;
mod llama;
mod product;
mod render;
mod sampling;

use std::sync::Arc;

use half::{bf16, f16};

use super::driver::{Buffer, Driver};
use super::kernels::{Dtype, Kernels};
use crate::error::Result;

/// Says how a kernel compares with its twin.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The kernel, and the type it was asked for.
    pub kernel: String,
    /// The shapes that were tried.
    pub shapes: usize,
    /// The largest error of a value, relative to the size of the values it is among.
    pub worst: f64,
    /// The largest error that is accepted.
    pub allowed: f64,
}

impl Finding {
    /// Returns true if the error is within what is allowed, which an error that is no number never is.
    pub fn holds(&self) -> bool {
        self.worst <= self.allowed
    }
}

/// Checks all kernels.
///
/// # Errors
/// An error of the card.
pub fn all(driver: &Arc<dyn Driver>, seed: u64) -> Result<Vec<Finding>> {
    let kernels = Kernels::new(Arc::clone(driver));
    let mut random = Random(seed.wrapping_mul(2).wrapping_add(1));
    let mut findings = product::check(&kernels, &mut random)?;
    findings.extend(llama::check(&kernels, &mut random)?);
    findings.extend(sampling::check(&kernels, &mut random)?);
    findings.extend(render::check(&kernels, &mut random)?);
    Ok(findings)
}

const KINDS: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

/// Draws numbers that are the same each time: xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    /// Draws a number that is about normal, with spread 1.
    fn normal(&mut self) -> f32 {
        let uniform = |random: &mut Random| (random.next() >> 40) as f32 / (1u64 << 24) as f32;
        let sum: f32 = (0..4).map(|_| uniform(self)).sum();
        (sum - 2.0) * 3f32.sqrt()
    }

    fn normals(&mut self, count: usize, spread: f32) -> Vec<f32> {
        (0..count).map(|_| self.normal() * spread).collect()
    }
}

/// Returns the largest difference, relative to the root mean square of what is expected, beyond what rounding
/// to the type that it is stored in explains.
fn worst(kind: Dtype, expected: &[f64], found: &[f32]) -> f64 {
    // Half a unit in the last place of a value, and of the smallest.
    let (relative, least) = match kind {
        Dtype::F32 => (0.0, 0.0),
        Dtype::F16 => (2f64.powi(-11), 2f64.powi(-25)),
        Dtype::Bf16 => (2f64.powi(-8), 0.0),
    };
    if expected.len() != found.len() {
        return f64::NAN;
    }
    let square: f64 = expected.iter().map(|v| v * v).sum();
    let size = (square / expected.len().max(1) as f64).sqrt().max(1e-30);
    let beyond = |(e, f): (&f64, &f32)| {
        let difference = (e - f64::from(*f)).abs();
        if difference.is_nan() { f64::NAN } else { (difference - e.abs() * relative - least).max(0.0) / size }
    };
    // A maximum that a NaN is not lost in.
    let differences = expected.iter().zip(found).map(beyond);
    differences.fold(0.0, |worst, error| if error > worst || error.is_nan() { error } else { worst })
}

/// Returns the larger of two errors; one that is no number stays.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The error that is accepted of sums in f32.
const ALLOWED: f64 = 1e-5;

fn from_bytes(kind: Dtype, bytes: &[u8]) -> Vec<f32> {
    let halves = bytes.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b));
    match kind {
        Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => halves.map(|bits| f16::from_bits(bits).to_f32()).collect(),
        Dtype::Bf16 => halves.map(|bits| bf16::from_bits(bits).to_f32()).collect(),
    }
}

/// Rounds values as a card holds them.
fn rounded(kind: Dtype, values: &[f32]) -> Vec<f32> {
    from_bytes(kind, &kind.encode(values))
}

fn upload(kernels: &Kernels, kind: Dtype, values: &[f32]) -> Result<Buffer<u8>> {
    Buffer::from_slice(kernels.driver(), &kind.encode(values))
}

fn download(buffer: &Buffer<u8>, kind: Dtype) -> Result<Vec<f32>> {
    Ok(from_bytes(kind, &buffer.to_vec(buffer.len())?))
}

fn name(kernel: &str, kind: Dtype) -> String {
    let kind = match kind {
        Dtype::F32 => "f32",
        Dtype::F16 => "f16",
        Dtype::Bf16 => "bf16",
    };
    format!("{kernel} {kind}")
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use super::super::emulated::Emulated;
    use super::*;

    #[test]
    fn kernels_agree_with_their_twins() {
        let card: Arc<dyn Driver> = Arc::new(Emulated::new(0, 1 << 30));
        for seed in 1..4 {
            for finding in all(&card, seed).unwrap() {
                assert!(finding.holds(), "{finding:?}");
                println!("{finding:?}");
            }
        }
    }
}
