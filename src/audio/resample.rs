//! Changes the sample rate, by rubato's band-limited FFT resampler.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::error::{Error, Result};

/// The sample rates that are taken, in Hz: a lower one loses speech, and no player takes a higher one.
pub const SAMPLE_RATES: RangeInclusive<u32> = 4_000..=384_000;

/// The approximate number of samples that are filtered at once. The filter is as long, and a longer one is
/// steeper.
const CHUNK: usize = 2048;

/// The largest sample that is taken: the sums of a filter over larger ones may become infinite, on which the
/// resampler panics.
const LARGEST: f32 = 1e30;

/// Brings mono samples from one rate to another; frequencies above half the lower rate are filtered out. A wave
/// of n samples becomes one of ⌈n·to/from⌉ samples, without delay.
///
/// # Errors
/// [`Error::Parameter`] for a rate outside [`SAMPLE_RATES`]; [`Error::Audio`] for samples that are not numbers or
/// beyond ±10³⁰.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Cow<'_, [f32]>> {
    check_rate(from)?;
    check_rate(to)?;
    if from == to || samples.is_empty() {
        return Ok(samples.into());
    }
    let mut resampler = WaveResampler::new(from, to)?;
    let mut output = resampler.push(samples)?;
    output.extend(resampler.finish()?);
    Ok(output.into())
}

/// Resamples a wave that comes in pieces. However the wave is cut, the samples are those of [`resample`].
pub struct WaveResampler {
    /// The resampler; None where the rates are equal.
    inner: Option<Fft<f32>>,
    from: u64,
    to: u64,
    /// Samples that do not fill a chunk yet.
    pending: Vec<f32>,
    /// Samples that are still to be cut off in front: the filter's delay.
    delay: usize,
    taken: u64,
    given: u64,
}

impl WaveResampler {
    /// Makes a resampler from one rate to another.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a rate outside [`SAMPLE_RATES`].
    pub fn new(from: u32, to: u32) -> Result<Self> {
        check_rate(from)?;
        check_rate(to)?;
        let inner = match from == to {
            true => None,
            false => Some(
                Fft::<f32>::new(from as usize, to as usize, chunk(from, to), 1, FixedSync::Both)
                    .map_err(|e| Error::Audio(format!("cannot resample {from} to {to} Hz: {e}")))?,
            ),
        };
        let delay = inner.as_ref().map_or(0, |inner| inner.output_delay());
        let (from, to) = (u64::from(from), u64::from(to));
        Ok(WaveResampler { inner, from, to, pending: Vec::new(), delay, taken: 0, given: 0 })
    }

    /// Takes samples and returns those that have become ready.
    ///
    /// # Errors
    /// [`Error::Audio`] for samples that are not numbers or beyond ±10³⁰.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>> {
        let Some(inner) = &mut self.inner else { return Ok(samples.to_vec()) };
        let failed = |e: &dyn std::fmt::Display| Error::Audio(format!("cannot resample: {e}"));
        if let Some(bad) = samples.iter().find(|s| !(-LARGEST..=LARGEST).contains(*s)) {
            return Err(failed(&format_args!("a sample of {bad:e} is no sound")));
        }
        self.taken += samples.len() as u64;
        self.pending.extend_from_slice(samples);
        let size = inner.input_frames_next();
        let mut output = Vec::new();
        let whole = self.pending.len() / size * size;
        for chunk in self.pending[..whole].chunks_exact(size) {
            let input = InterleavedSlice::new(chunk, 1, size).map_err(|e| failed(&e))?;
            output.extend(inner.process(&input, None).map_err(|e| failed(&e))?.take_data());
        }
        self.pending.drain(..whole);
        let cut = self.delay.min(output.len());
        self.delay -= cut;
        output.drain(..cut);
        self.given += output.len() as u64;
        Ok(output)
    }

    /// Returns the samples that are left, after feeding the filter with silence.
    ///
    /// # Errors
    /// [`Error::Audio`] if the resampler fails.
    pub fn finish(mut self) -> Result<Vec<f32>> {
        let mut output = Vec::new();
        let Some(inner) = &self.inner else { return Ok(output) };
        let silence = vec![0.0; inner.input_frames_next()];
        let (given, total) = (self.given, (self.taken * self.to).div_ceil(self.from));
        while given + (output.len() as u64) < total {
            output.extend(self.push(&silence)?);
        }
        output.truncate((total - given) as usize);
        Ok(output)
    }
}

/// Refuses a rate outside [`SAMPLE_RATES`].
pub(super) fn check_rate(rate: u32) -> Result<()> {
    if SAMPLE_RATES.contains(&rate) {
        return Ok(());
    }
    let taken = format!("{rate} Hz; {} to {} are taken", SAMPLE_RATES.start(), SAMPLE_RATES.end());
    Err(Error::parameter("sample-rate", taken))
}

/// Returns the input samples per chunk: an even multiple of the ratio's terms, so that half a chunk, which is
/// the filter's delay and is cut off in front, is a whole number of samples at either rate.
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

    /// Returns the signal-to-error ratio in dB, away from the edges where the tone is cut.
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
    fn a_wave_in_pieces_gives_the_same_samples() {
        let wave = tone(700.0, 24_000, 30_001);
        for rate in [8_000, 44_100, 24_000, 48_000] {
            let whole = resample(&wave, 24_000, rate).unwrap();
            for size in [1, 999, 2048, 20_000] {
                let mut resampler = WaveResampler::new(24_000, rate).unwrap();
                let mut pieces = Vec::new();
                wave.chunks(size).for_each(|piece| pieces.extend(resampler.push(piece).unwrap()));
                pieces.extend(resampler.finish().unwrap());
                assert!(pieces == whole[..], "{rate} Hz in pieces of {size}");
            }
        }
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
        for bad in [f32::NAN, f32::NEG_INFINITY, 2e30, f32::MAX] {
            let message = resample(&[0.1, bad], 24_000, 16_000).unwrap_err().to_string();
            assert!(message.contains("no sound"), "{message}");
        }
        assert!(resample(&[1e30; 5000], 48_000, 4_000).unwrap().iter().all(|s| s.is_finite()));
        for rate in [0, 3_999, 384_001] {
            assert!(resample(&[0.0; 10], 24_000, rate).unwrap_err().to_string().contains("sample-rate"));
        }
    }
}
