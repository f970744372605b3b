//! Another sample rate, by rubato's band-limited FFT resampler.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::error::{Error, Result};

/// Sample rates that are taken, in Hz: below, speech is lost; above, no player follows.
pub const SAMPLE_RATES: RangeInclusive<u32> = 4_000..=384_000;

/// Samples that are filtered at once, about: the filter is as long, and a longer one is steeper.
const CHUNK: usize = 2048;

/// Brings mono samples from one rate to another; what lies above half the lower rate is filtered out. A
/// wave of n samples becomes one of ⌈n·to/from⌉ samples, without delay.
///
/// # Errors
/// [`Error::Parameter`] for a rate outside [`SAMPLE_RATES`].
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Cow<'_, [f32]>> {
    check_rate(from)?;
    check_rate(to)?;
    if from == to || samples.is_empty() {
        return Ok(samples.into());
    }
    let failed = |e: &dyn std::fmt::Display| Error::Audio(format!("cannot resample {from} to {to} Hz: {e}"));
    let mut resampler = Fft::<f32>::new(from as usize, to as usize, chunk(from, to), 1, FixedSync::Both)
        .map_err(|e| failed(&e))?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|e| failed(&e))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|e| failed(&e))?;
    Ok(output.take_data().into())
}

/// Refuses a rate outside [`SAMPLE_RATES`].
pub(super) fn check_rate(rate: u32) -> Result<()> {
    if SAMPLE_RATES.contains(&rate) {
        return Ok(());
    }
    let taken = format!("{rate} Hz; {} to {} are taken", SAMPLE_RATES.start(), SAMPLE_RATES.end());
    Err(Error::parameter("sample-rate", taken))
}

/// Input samples per chunk: an even multiple of the ratio's terms, so that half a chunk, which is the
/// filter's delay and is cut off in front, is a whole number of samples at either rate.
fn chunk(from: u32, to: u32) -> usize {
    let (mut a, mut b) = (from as usize, to as usize);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let shortest = 2 * from as usize / a;
    CHUNK.div_ceil(shortest) * shortest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn tone(hz: f64, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| (0.5 * (2.0 * PI * hz * i as f64 / rate as f64).sin()) as f32).collect()
    }

    /// Signal to error in dB, away from the edges where the tone is cut.
    fn snr(expected: &[f32], found: &[f32]) -> f64 {
        let middle = expected.len() / 4..expected.len() * 3 / 4;
        let power = |x: &mut dyn Iterator<Item = f64>| x.map(|v| v * v).sum::<f64>();
        let signal = power(&mut expected[middle.clone()].iter().map(|v| *v as f64));
        let pairs = expected[middle.clone()].iter().zip(&found[middle]);
        10.0 * (signal / power(&mut pairs.map(|(a, b)| (a - b) as f64))).log10()
    }

    #[test]
    fn a_tone_stays_the_same_tone_at_the_same_time() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 24_001] {
            let input = tone(1_000.0, 24_000, 24_000);
            let output = resample(&input, 24_000, rate).unwrap();
            assert_eq!(output.len(), rate as usize, "{rate} Hz");
            let snr = snr(&tone(1_000.0, rate, rate as usize), &output);
            assert!(snr > 80.0, "{rate} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_filtered_out() {
        let output = resample(&tone(6_000.0, 24_000, 24_000), 24_000, 8_000).unwrap().into_owned();
        let loudest = output[2_000..6_000].iter().fold(0f32, |m, v| m.max(v.abs()));
        assert!(loudest < 1e-3, "{loudest}");
    }

    #[test]
    fn short_waves_and_equal_rates_work_and_bad_rates_are_refused() {
        assert!(resample(&[], 24_000, 8_000).unwrap().is_empty());
        assert_eq!(resample(&[0.1, 0.2], 24_000, 24_000).unwrap()[..], [0.1, 0.2]);
        for length in [1, 2, 100, 2047, 2048, 2049, 5000] {
            let input = vec![0.1; length];
            let output = resample(&input, 24_000, 16_000).unwrap();
            assert_eq!(output.len(), (length * 2).div_ceil(3), "{length} samples");
        }
        for rate in [0, 3_999, 384_001] {
            assert!(resample(&[0.0; 10], 24_000, rate).unwrap_err().to_string().contains("sample-rate"));
        }
    }
}
