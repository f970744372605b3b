//! Loudness as people hear it, after EBU R 128 and ITU-R BS.1770.

use std::ops::RangeInclusive;

use ebur128::{EbuR128, Mode};

use super::resample::check_rate;
use crate::error::{Error, Result};

/// The loudnesses that can be asked for, in LUFS: from BS.1770's absolute gate to full scale.
pub const LOUDNESS_TARGETS: RangeInclusive<f64> = -70.0..=0.0;

/// The true peak that gain does not exceed, in dBTP (EBU R 128).
const PEAK_CEILING: f64 = -1.0;
/// The length in seconds below which a wave is measured as if it were repeated. BS.1770 defines no loudness
/// below its gating block of 0.4 s, and that block covers most of a wave of this length.
const SHORT: f64 = 0.5;
/// The length in seconds to which a short wave is repeated for the measurement.
const REPEATED: f64 = 1.0;
/// Zeros that flush the oversampling filter, which is shorter than they are.
const TAIL: [f32; 64] = [0.0; 64];

/// Says what [`normalize_loudness`] measured and did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// The integrated loudness before, in LUFS; −∞ for a wave that is silent or below −70 LUFS throughout.
    pub before: f64,
    /// The gain applied, in dB.
    pub gain_db: f64,
    /// Whether the gain is less than the target asks for, so that no peak is clipped.
    pub limited: bool,
}

/// Brings a mono wave to an integrated loudness (ITU-R BS.1770, one channel of weight 1) by one gain. The true
/// peak is at most −1 dBTP afterwards: where the target asks for more, the gain is less and the wave quieter
/// than asked for.
///
/// A wave shorter than half a second is measured as if it were repeated. One whose loudness cannot be measured,
/// because it is empty, silent or below −70 LUFS throughout, is left as it is.
///
/// # Errors
/// [`Error::Parameter`] for a target outside [`LOUDNESS_TARGETS`] and for a rate outside
/// [`SAMPLE_RATES`](super::SAMPLE_RATES).
pub fn normalize_loudness(samples: &mut [f32], sample_rate: u32, target_lufs: f64) -> Result<Loudness> {
    if !LOUDNESS_TARGETS.contains(&target_lufs) {
        let (low, high) = LOUDNESS_TARGETS.into_inner();
        return Err(Error::parameter("loudness", format!("{target_lufs} LUFS; {low} to {high} are taken")));
    }
    check_rate(sample_rate)?;
    let before = integrated(samples, sample_rate).map_err(failed)?;
    if !before.is_finite() {
        return Ok(Loudness { before, gain_db: 0.0, limited: false });
    }
    let peak = true_peak(samples, sample_rate).map_err(failed)?;
    let wanted = target_lufs - before;
    let allowed = PEAK_CEILING - 20.0 * peak.log10();
    let gain_db = wanted.min(allowed);
    let gain = 10f64.powf(gain_db / 20.0);
    for sample in samples {
        *sample = (f64::from(*sample) * gain) as f32;
    }
    Ok(Loudness { before, gain_db, limited: allowed < wanted })
}

/// Measures the integrated loudness, in LUFS.
pub(super) fn integrated(samples: &[f32], sample_rate: u32) -> Result<f64, ebur128::Error> {
    if samples.is_empty() {
        return Ok(f64::NEG_INFINITY);
    }
    let seconds = samples.len() as f64 / f64::from(sample_rate);
    let times = if seconds < SHORT { (REPEATED / seconds).ceil() as usize } else { 1 };
    let mut meter = EbuR128::new(1, sample_rate, Mode::I)?;
    for _ in 0..times {
        meter.add_frames_f32(samples)?;
    }
    meter.loudness_global()
}

/// Measures the true peak, 1 at full scale.
fn true_peak(samples: &[f32], sample_rate: u32) -> Result<f64, ebur128::Error> {
    let mut meter = EbuR128::new(1, sample_rate, Mode::TRUE_PEAK)?;
    meter.add_frames_f32(samples)?;
    meter.add_frames_f32(&TAIL)?;
    meter.true_peak(0)
}

fn failed(e: ebur128::Error) -> Error {
    Error::Audio(format!("cannot measure the loudness: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn tone(hz: f64, amplitude: f64, rate: u32, seconds: f64) -> Vec<f32> {
        let samples = (seconds * f64::from(rate)).round() as usize;
        (0..samples)
            .map(|i| (amplitude * (2.0 * PI * hz * i as f64 / f64::from(rate)).sin()) as f32)
            .collect()
    }

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
    }

    #[test]
    fn a_tone_has_the_loudness_that_bs_1770_gives_it() {
        // 997 Hz at full scale in one channel is −3.01 LUFS.
        for rate in [8_000, 16_000, 24_000, 44_100, 48_000] {
            near(integrated(&tone(997.0, 0.1, rate, 3.0), rate).unwrap(), -23.01, 0.05);
        }
    }

    #[test]
    fn the_target_is_met_up_and_down() {
        for target in [-16.0, -23.0, -40.0, -70.0] {
            let mut wave = tone(997.0, 0.05, 24_000, 3.0);
            let loudness = normalize_loudness(&mut wave, 24_000, target).unwrap();
            near(loudness.before, -29.03, 0.05);
            near(loudness.gain_db, target - loudness.before, 1e-9);
            assert!(!loudness.limited);
            if target > -70.0 {
                near(integrated(&wave, 24_000).unwrap(), target, 0.01);
            }
        }
    }

    #[test]
    fn peaks_limit_the_gain() {
        // A quiet wave with one loud click, at its very end, where a filter's delay would hide it.
        for at in [30_000, 47_999] {
            let mut wave = tone(997.0, 0.01, 24_000, 2.0);
            wave[at] = 0.8;
            let loudness = normalize_loudness(&mut wave, 24_000, -16.0).unwrap();
            assert!(loudness.limited && loudness.gain_db < -16.0 - loudness.before, "{loudness:?}");
            near(20.0 * true_peak(&wave, 24_000).unwrap().log10(), PEAK_CEILING, 0.01);
            assert!(wave.iter().all(|s| s.abs() <= 0.892));
        }
        // Peaks between the samples count: these samples are 3 dB below the wave's crests.
        let mut wave: Vec<f32> = (0..24_000).map(|i| [0.3, 0.3, -0.3, -0.3][i % 4]).collect();
        assert!(normalize_loudness(&mut wave, 24_000, 0.0).unwrap().limited);
        near(f64::from(wave[12_000].abs()), 10f64.powf(-1.0 / 20.0) / 2f64.sqrt(), 0.03);
    }

    #[test]
    fn a_wave_beyond_full_scale_is_brought_below_it() {
        let mut wave = tone(300.0, 1.4, 24_000, 1.0);
        let loudness = normalize_loudness(&mut wave, 24_000, -1.0).unwrap();
        assert!(loudness.limited && loudness.gain_db < -3.9, "{loudness:?}");
        assert!(wave.iter().all(|s| s.abs() < 0.9));
    }

    #[test]
    fn short_waves_are_as_loud_as_long_ones() {
        for seconds in [0.02, 0.1, 0.3, 0.399, 0.4, 0.41, 0.499, 0.5] {
            for rate in [11_025, 24_000] {
                let mut wave = tone(1_000.0, 0.1, rate, seconds);
                let loudness = normalize_loudness(&mut wave, rate, -20.0).unwrap();
                near(loudness.before, -23.0, 0.3);
                assert!(!loudness.limited);
            }
        }
    }

    #[test]
    fn what_cannot_be_measured_stays_as_it_is() {
        let quiet = tone(997.0, 1e-4, 24_000, 1.0);
        for wave in [vec![], vec![0.0], vec![0.0; 24_000], quiet] {
            let mut normalized = wave.clone();
            let loudness = normalize_loudness(&mut normalized, 24_000, -16.0).unwrap();
            assert_eq!(loudness, Loudness { before: f64::NEG_INFINITY, gain_db: 0.0, limited: false });
            assert_eq!(normalized, wave);
        }
        let mut sample = [0.5];
        assert!(normalize_loudness(&mut sample, 24_000, -16.0).is_ok());
        assert!(sample[0].is_finite());
    }

    #[test]
    fn every_rate_is_measured_and_others_are_refused() {
        for rate in [4_000, 96_000, 192_000, 384_000] {
            let mut wave = tone(997.0, 0.1, rate, 1.0);
            let loudness = normalize_loudness(&mut wave, rate, 0.0).unwrap();
            assert!(loudness.limited, "{rate} Hz");
            near(loudness.gain_db, 19.0, 0.3);
        }
        assert!(
            normalize_loudness(&mut [0.0], 3_999, -16.0).unwrap_err().to_string().contains("sample-rate")
        );
        for target in [0.1, -70.1, f64::NAN, f64::INFINITY] {
            let message = normalize_loudness(&mut [0.0], 24_000, target).unwrap_err().to_string();
            assert!(message.starts_with("loudness: ") && message.contains("-70 to 0"), "{message}");
        }
    }
}
