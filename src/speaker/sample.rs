//! From a seed to a voice: normal noise scaled by the model's speaker statistics.
//!
//! One seed is several voices in the wild, because PyTorch drew its normal numbers differently over time
//! and devices; [`SeedKind`] names which is meant.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use half::f16;

use super::{Speaker, base16384};
use crate::error::{Error, Result};
use crate::sampling::Mt19937;

/// Numbers that one round of Box and Muller's method makes out of as many uniform ones.
const BLOCK: usize = 16;

/// Statistics of the published model's voices: std ‖ mean, f16, in base16384.
const PUBLISHED: &str = include_str!("spk_stat.txt");

/// Where a seed's voice was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SeedKind {
    /// Single precision: the published voice lists, and PyTorch 2.12 and newer.
    #[default]
    TorchF32,
    /// Half precision: PyTorch up to 2.11 on a CPU.
    TorchF16,
}

impl fmt::Display for SeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SeedKind::TorchF32 => "torch-f32",
            SeedKind::TorchF16 => "torch-f16",
        })
    }
}

impl FromStr for SeedKind {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        match s {
            "torch-f32" => Ok(SeedKind::TorchF32),
            "torch-f16" => Ok(SeedKind::TorchF16),
            _ => {
                Err(Error::Speaker(format!("unknown kind of seed {s:?}; torch-f32 and torch-f16 are known")))
            }
        }
    }
}

/// Standard deviation and mean of the voices a model was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeakerStats {
    std: Vec<f16>,
    mean: Vec<f16>,
}

impl SpeakerStats {
    /// Statistics with one value per hidden unit each.
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

    /// Those of the published model (768 values).
    ///
    /// # Errors
    /// None in practice; the embedded string is checked like any other.
    pub fn published() -> Result<Self> {
        let bytes = base16384::decode(PUBLISHED).map_err(Error::Speaker)?;
        let mut std: Vec<f16> = bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
        let mean = std.split_off(std.len() / 2);
        SpeakerStats::new(std, mean)
    }

    /// What to say where a seed's voice is asked of a model that brings none.
    pub fn missing() -> Error {
        Error::Speaker(
            "this model is of its own width and brings no spk_stat.safetensors, so a seed has no voice; \
             give a speaker string, or `none`"
                .into(),
        )
    }

    /// Standard deviations.
    pub fn std(&self) -> &[f16] {
        &self.std
    }

    /// Means.
    pub fn mean(&self) -> &[f16] {
        &self.mean
    }

    /// Values of a speaker vector.
    pub fn width(&self) -> usize {
        self.std.len()
    }

    /// The voice of a seed; of a longer seed the low 32 bits count, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the statistics give a vector that is none.
    pub fn sample(&self, kind: SeedKind, seed: u64) -> Result<Speaker> {
        let mut rng = Mt19937::new(seed);
        let scaled = self.std.iter().zip(&self.mean);
        Speaker::new(match kind {
            SeedKind::TorchF32 => {
                let normal = normal_f32(&mut rng, self.width());
                scaled
                    .zip(normal)
                    .map(|((std, mean), n)| f16::from_f32(n * std.to_f32() + mean.to_f32()))
                    .collect()
            }
            SeedKind::TorchF16 => {
                let normal = normal_f16(&mut rng, self.width());
                scaled.zip(normal).map(|((std, mean), n)| n * *std + *mean).collect()
            }
        })
    }
}

/// Normal numbers as torch draws an f32 tensor of at least 16 elements.
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

/// Normal numbers as torch draws an f16 tensor: each intermediate is rounded to half precision.
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

    /// Seed 2222 as the published lists and upstream on a CPU have it.
    #[test]
    fn seed_2222_is_the_known_voice_of_each_kind() {
        let stats = SpeakerStats::published().unwrap();
        assert_eq!(stats.width(), 768);
        for (kind, known) in [
            (SeedKind::TorchF32, [0.4553, 6.2249, -19.148, 2.8791]),
            (SeedKind::TorchF16, [0.2197, 1.7734, -3.5312, -1.4697]),
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
        for kind in [SeedKind::TorchF32, SeedKind::TorchF16] {
            assert_eq!(kind.to_string().parse::<SeedKind>().unwrap(), kind);
        }
        assert!("torch-f64".parse::<SeedKind>().is_err());
    }

    #[test]
    fn statistics_of_unequal_or_odd_length_are_refused() {
        let ones = |n| vec![f16::ONE; n];
        assert!(SpeakerStats::new(ones(16), ones(32)).is_err());
        assert!(SpeakerStats::new(ones(15), ones(15)).is_err());
        assert!(SpeakerStats::new(ones(0), ones(0)).is_err());
    }
}
