//! Draws a voice from a seed: normal noise scaled by the model's speaker statistics.
//!
//! The same seed stands for several voices, because PyTorch drew its normal numbers differently over time and
//! devices; [`SeedKind`] says which one is meant.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use half::f16;

use super::{Speaker, base16384, philox};
use crate::error::{Error, Result};
use crate::message::cut;
use crate::sampling::Mt19937;

/// The number of normal numbers that one round of Box and Muller's method makes from as many uniform ones.
const BLOCK: usize = 16;

/// The most bytes of what is no seed that a message shows.
const MAX_SHOWN: usize = 60;

/// The statistics of the published model's voices: std ‖ mean, f16, in base16384.
const PUBLISHED: &str = include_str!("spk_stat.txt");

/// Names the program and the device that draw a seed's voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SeedKind {
    /// Single precision: the published voice lists, and PyTorch 2.12 and newer.
    #[default]
    TorchF32,
    /// Half precision: PyTorch up to 2.11 on a CPU.
    TorchF16,
    /// PyTorch on an NVIDIA GPU; all 64 bits of the seed count.
    Cuda,
    /// Speech-AI-Forge, which stretches a seed over 64 bits, on a CPU with PyTorch up to 2.11.
    Forge,
    /// Speech-AI-Forge with single-precision draws: PyTorch 2.12 and newer.
    ForgeF32,
    /// Speech-AI-Forge on an NVIDIA GPU.
    ForgeCuda,
}

impl SeedKind {
    /// All kinds, each with its name.
    const NAMES: [(SeedKind, &str); 6] = [
        (SeedKind::TorchF32, "torch-f32"),
        (SeedKind::TorchF16, "torch-f16"),
        (SeedKind::Cuda, "cuda"),
        (SeedKind::Forge, "forge"),
        (SeedKind::ForgeF32, "forge-f32"),
        (SeedKind::ForgeCuda, "forge-cuda"),
    ];

    /// Returns the kinds' names, for a message.
    pub(super) fn known() -> String {
        Self::NAMES.map(|(_, name)| name).join(", ")
    }

    /// Reads a seed of this kind: 0 to 2^64 − 1, or negative down to −2^63, which PyTorch takes as
    /// 2^64 + seed; for the kinds of Speech-AI-Forge 0 to 2^32 − 2.
    ///
    /// # Errors
    /// [`Error::Speaker`] if it is no number or out of range.
    pub fn parse_seed(self, text: &str) -> Result<u64> {
        let seed = text.parse::<u64>().or_else(|_| text.parse::<i64>().map(|seed| seed as u64));
        match seed {
            Ok(seed) => self.generator_seed(seed).map(|_| seed),
            Err(_) => Err(Error::Speaker(format!(
                "{:?} is no seed; seeds are whole numbers from 0 to 2^64 - 1, or from -2^63",
                cut(text, MAX_SHOWN)
            ))),
        }
    }

    /// Returns the number that the generator is seeded with.
    fn generator_seed(self, seed: u64) -> Result<u64> {
        match self {
            SeedKind::TorchF32 | SeedKind::TorchF16 | SeedKind::Cuda => Ok(seed),
            SeedKind::Forge | SeedKind::ForgeF32 | SeedKind::ForgeCuda => stretched(seed).ok_or_else(|| {
                Error::Speaker(format!(
                    "{self}:{seed} is no seed of Speech-AI-Forge, whose seeds are 0 to {MAX_FORGE_SEED}"
                ))
            }),
        }
    }
}

/// The greatest seed that Speech-AI-Forge stretches to one that PyTorch takes.
const MAX_FORGE_SEED: u64 = u32::MAX as u64 - 1;

/// Stretches a seed of 32 bits over PyTorch's range, −2^63 to 2^64 − 1, as Speech-AI-Forge does. It computes in
/// double precision, so that neighbouring results collapse just as they do there.
fn stretched(seed: u64) -> Option<u64> {
    const LOWEST: f64 = (1u64 << 63) as f64;
    const RANGE: f64 = u64::MAX as f64 + LOWEST;
    let wide = (seed as f64 / f64::from(u32::MAX) * RANGE - LOWEST) as i128;
    // A negative seed is taken as two's complement.
    (seed <= MAX_FORGE_SEED).then_some(wide as u64)
}

impl fmt::Display for SeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for SeedKind {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        let known = Self::NAMES.iter().find(|(_, name)| *name == s).map(|(kind, _)| *kind);
        known.ok_or_else(|| {
            Error::Speaker(format!("unknown kind of seed {s:?}; known are {}", SeedKind::known()))
        })
    }
}

/// The standard deviation and the mean of the voices on which a model was trained.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeakerStats {
    std: Vec<f16>,
    mean: Vec<f16>,
}

impl SpeakerStats {
    /// Makes statistics with one value per hidden unit each.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the lengths differ or are no multiple of 16.
    pub fn new(std: Vec<f16>, mean: Vec<f16>) -> Result<Self> {
        if std.len() != mean.len() || std.is_empty() || !std.len().is_multiple_of(BLOCK) {
            return Err(Error::Speaker(format!(
                "speaker statistics of {} and {} values; two equal multiples of {BLOCK} are needed",
                std.len(),
                mean.len()
            )));
        }
        Ok(SpeakerStats { std, mean })
    }

    /// Returns the statistics of the published model (768 values).
    ///
    /// # Errors
    /// None in practice; the embedded string is checked like any other.
    pub fn published() -> Result<Self> {
        let bytes = base16384::decode(PUBLISHED).map_err(Error::Speaker)?;
        let mut std: Vec<f16> = bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
        let mean = std.split_off(std.len() / 2);
        SpeakerStats::new(std, mean)
    }

    /// Returns the error for a seed that is asked of a model without statistics of voices.
    pub fn missing() -> Error {
        Error::Speaker(
            "this model is of its own width and brings no spk_stat.safetensors, so a seed has no voice; \
             give a speaker string, or `none`"
                .into(),
        )
    }

    /// Returns the standard deviations.
    pub fn std(&self) -> &[f16] {
        &self.std
    }

    /// Returns the means.
    pub fn mean(&self) -> &[f16] {
        &self.mean
    }

    /// Returns the number of values of a speaker vector.
    pub fn width(&self) -> usize {
        self.std.len()
    }

    /// Draws the voice of a seed. On a CPU the low 32 bits of a longer seed count, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the kind has no such seed, or the statistics give an invalid vector.
    pub fn sample(&self, kind: SeedKind, seed: u64) -> Result<Speaker> {
        let seed = kind.generator_seed(seed)?;
        let scaled = self.std.iter().zip(&self.mean);
        Speaker::new(match kind {
            SeedKind::TorchF32 | SeedKind::ForgeF32 => {
                let normal = normal_f32(&mut Mt19937::new(seed), self.width());
                scaled
                    .zip(normal)
                    .map(|((std, mean), n)| f16::from_f32(n * std.to_f32() + mean.to_f32()))
                    .collect()
            }
            SeedKind::TorchF16 | SeedKind::Forge => {
                let normal = normal_f16(&mut Mt19937::new(seed), self.width());
                scaled.zip(normal).map(|((std, mean), n)| n * *std + *mean).collect()
            }
            SeedKind::Cuda | SeedKind::ForgeCuda => {
                let normal = philox::normal(seed, self.width()).map(f16::from_f32);
                scaled.zip(normal).map(|((std, mean), n)| n * *std + *mean).collect()
            }
        })
    }
}

/// Draws normal numbers as torch fills an f32 tensor of at least 16 elements.
fn normal_f32(rng: &mut Mt19937, count: usize) -> Vec<f32> {
    const BITS: u32 = 1 << 24;
    let mut x: Vec<f32> = (0..count).map(|_| (rng.next_u32() % BITS) as f32 / BITS as f32).collect();
    for block in x.chunks_exact_mut(BLOCK) {
        for j in 0..BLOCK / 2 {
            let (u1, u2) = (1.0 - block[j], block[j + BLOCK / 2]);
            let radius = (-2.0 * u1.ln()).sqrt();
            let angle = 2.0 * std::f32::consts::PI * u2;
            block[j] = radius * angle.cos();
            block[j + BLOCK / 2] = radius * angle.sin();
        }
    }
    x
}

/// Draws normal numbers as torch fills an f16 tensor: each intermediate result is rounded to half precision.
fn normal_f16(rng: &mut Mt19937, count: usize) -> Vec<f16> {
    const BITS: u32 = 1 << 11;
    let half = f16::from_f32;
    let mut x: Vec<f16> = (0..count).map(|_| half((rng.next_u32() % BITS) as f32 / BITS as f32)).collect();
    for block in x.chunks_exact_mut(BLOCK) {
        for j in 0..BLOCK / 2 {
            let u1 = half(1.0 - block[j].to_f32());
            let u2 = block[j + BLOCK / 2];
            let log = half(u1.to_f32().ln());
            let radius = half(half(-2.0 * log.to_f32()).to_f32().sqrt());
            // The one product that torch takes in double precision.
            let angle = f16::from_f64(2.0 * PI * u2.to_f64());
            block[j] = half(radius.to_f32() * half(angle.to_f32().cos()).to_f32());
            block[j + BLOCK / 2] = half(radius.to_f32() * half(angle.to_f32().sin()).to_f32());
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks seed 2222 against the voices of the published lists and of upstream on a CPU.
    #[test]
    fn seed_2222_is_the_known_voice_of_each_kind() {
        let stats = SpeakerStats::published().unwrap();
        assert_eq!(stats.width(), 768);
        for (kind, known) in [
            (SeedKind::TorchF32, [0.4553, 6.2249, -19.148, 2.8791]),
            (SeedKind::TorchF16, [0.2197, 1.7734, -3.5312, -1.4697]),
            (SeedKind::Cuda, [4.9609, -0.8774, -14.5312, -0.3633]),
        ] {
            let speaker = stats.sample(kind, 2222).unwrap();
            for (value, known) in speaker.values().iter().zip(known) {
                let (value, known): (f32, f32) = (value.to_f32(), known);
                assert!((value - known).abs() <= known.abs() * 1e-3, "{kind}: {value} is not {known}");
            }
        }
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for (kind, name) in SeedKind::NAMES {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse::<SeedKind>().unwrap(), kind);
        }
        let e = "torch-f64".parse::<SeedKind>().unwrap_err().to_string();
        assert!(e.contains("torch-f64") && e.contains("torch-f32, torch-f16, cuda, forge"), "{e}");
    }

    #[test]
    fn forge_stretches_a_seed_before_it_draws() {
        for (seed, wide) in [
            (0, i64::MIN as i128),
            (2, -9_223_372_023_969_873_920),
            (2222, -9_223_357_721_728_775_168),
            (4_294_967_294, 18_446_744_067_267_100_672),
        ] {
            assert_eq!(stretched(seed), Some(wide as u64), "{seed}");
        }
        let stats = SpeakerStats::published().unwrap();
        let wide = stretched(2222).unwrap();
        for (forge, torch) in [
            (SeedKind::Forge, SeedKind::TorchF16),
            (SeedKind::ForgeF32, SeedKind::TorchF32),
            (SeedKind::ForgeCuda, SeedKind::Cuda),
        ] {
            assert_eq!(stats.sample(forge, 2222).unwrap(), stats.sample(torch, wide).unwrap());
            assert_ne!(stats.sample(forge, 2222).unwrap(), stats.sample(torch, 2222).unwrap());
        }
        // The last one would be stretched beyond what PyTorch takes.
        let e = stats.sample(SeedKind::Forge, u64::from(u32::MAX)).unwrap_err().to_string();
        assert!(e.contains("0 to 4294967294"), "{e}");
    }

    #[test]
    fn negative_seeds_are_those_of_pytorch() {
        let seed = |text| SeedKind::TorchF32.parse_seed(text);
        assert_eq!(seed("-1").unwrap(), u64::MAX);
        assert_eq!(seed("18446744073709551615").unwrap(), u64::MAX);
        let stats = SpeakerStats::published().unwrap();
        let voice = |seed| stats.sample(SeedKind::TorchF32, seed).unwrap();
        assert_eq!(voice(u64::MAX), voice(u64::from(u32::MAX)));
        for (kind, text) in [
            (SeedKind::TorchF32, "18446744073709551616"),
            (SeedKind::TorchF32, "-9223372036854775809"),
            (SeedKind::Cuda, "2e3"),
            (SeedKind::Cuda, ""),
            (SeedKind::Forge, "-1"),
            (SeedKind::Forge, "4294967295"),
        ] {
            assert!(kind.parse_seed(text).unwrap_err().to_string().contains("seed"), "{kind}:{text}");
        }
    }

    #[test]
    fn statistics_of_unequal_or_odd_length_are_refused() {
        let ones = |n| vec![f16::ONE; n];
        assert!(SpeakerStats::new(ones(16), ones(32)).is_err());
        assert!(SpeakerStats::new(ones(15), ones(15)).is_err());
        assert!(SpeakerStats::new(ones(0), ones(0)).is_err());
    }
}
