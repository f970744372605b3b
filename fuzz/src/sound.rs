//! Recordings from which a voice is taken.

use chattts_rs::audio::{Recording, SAMPLE_RATES, check, normalize_loudness, trim_quiet};

use crate::{assert_message, place};

/// The rate of the model, in Hz.
const RATE: u32 = 24_000;
/// Seconds of a recording that go further: what is longer is refused as a sample.
const MOST: f64 = 31.0;

/// Reads a recording as a sample of a voice, up to the network: decodes, measures, resamples, trims.
pub fn sample(data: &[u8]) {
    // The one kind of file that is told by its name.
    let name = if data.starts_with(b"mp3") { "sample.mp3" } else { "sample" };
    let path = place::file(name, data);
    let recording = match Recording::read(&path) {
        Ok(recording) => recording,
        Err(error) => return assert_message(&error.to_string()),
    };
    let (samples, rate) = (&recording.samples, recording.sample_rate);
    assert!(SAMPLE_RATES.contains(&rate) && !samples.is_empty());
    assert!(samples.iter().all(|sample| sample.is_finite()));
    if let Some(damage) = &recording.damage {
        assert_message(damage);
    }
    let quality = check(samples, rate);
    for share in [quality.clipped, quality.speech] {
        assert!((0.0..=1.0).contains(&share), "{quality:?}");
    }
    for seconds in [quality.leading_silence, quality.trailing_silence] {
        assert!((0.0..=quality.duration + 0.1).contains(&seconds), "{quality:?}");
    }
    for problem in quality.problems() {
        assert_message(&problem.message);
    }
    if quality.duration > MOST {
        return;
    }
    let wave = recording.at(RATE).expect("a rate that is taken");
    let wanted = (samples.len() as u64 * u64::from(RATE)).div_ceil(u64::from(rate));
    assert_eq!(wave.len() as u64, wanted);
    assert!(trim_quiet(&wave, RATE).len() <= wave.len());
    // A float WAV may hold what no sound is; the encoder refuses what became infinite.
    let mut loud = wave;
    if loud.iter().all(|sample| sample.abs() < 1e3) && normalize_loudness(&mut loud, RATE, -16.0).is_ok() {
        assert!(loud.iter().all(|sample| sample.is_finite()));
    }
}
