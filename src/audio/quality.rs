//! Checks whether a recording is good enough to take a voice from it.

use super::loudness::integrated;

/// The length of a frame, over which a level is taken, in seconds.
const FRAME: f64 = 0.020;
/// The level below which a frame is as good as silent, in dBFS.
const SILENCE: f64 = -60.0;
/// The lowest level that is reported, that of digital silence, in dBFS.
const LOWEST: f64 = -120.0;
/// The distance of the quietest speech from the loud parts, in dB.
const SPEECH_RANGE: f64 = 30.0;
/// The distance above the noise floor at which a level counts as speech, in dB.
const ABOVE_FLOOR: f64 = 6.0;

/// The signal-to-noise ratio in dB below which a recording is noisy; below [`CLEAN`], it may be.
const NOISY: f64 = 12.0;
const CLEAN: f64 = 18.0;

/// The magnitude from which a sample may be clipped; G.711's largest value is 0.98.
const CLIP: f32 = 0.98;
/// The largest difference between neighbours on a clipped crest: half a step of 16 bits.
const FLAT: f32 = 1.6e-5;
/// The smallest number of samples in a row that count as clipped.
const CLIP_RUN: usize = 3;

/// Says what [`check`] measured in a wave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The duration in seconds.
    pub duration: f64,
    /// The largest magnitude, 1 at full scale.
    pub peak: f32,
    /// The integrated loudness in LUFS (ITU-R BS.1770; waves below half a second are measured as if repeated); −∞
    /// if all is silent or below −70 LUFS.
    pub loudness: f64,
    /// The share of samples, 0 to 1, that are clipped: three or more in a row that lie flat at full scale or
    /// beyond it.
    pub clipped: f64,
    /// The share of time, 0 to 1, in which someone speaks, as far as levels tell.
    pub speech: f64,
    /// Seconds before the first sound.
    pub leading_silence: f64,
    /// Seconds after the last sound.
    pub trailing_silence: f64,
    /// The mean of the samples, 1 at full scale.
    pub dc_offset: f64,
    /// The level that a tenth of the time stays below, in dBFS (root mean square over 20 ms), −120 at least.
    pub noise_floor: f64,
    /// The level of the speech above the noise floor, in dB. It needs pauses: of a steady sound, it is about 0.
    pub signal_to_noise: f64,
}

/// A flaw of a recording that makes its voice worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Whether the voice will hardly be usable; other problems are hints.
    pub serious: bool,
    /// The problem and what to do about it, as a sentence; "it" is the recording.
    pub message: String,
}

/// Measures a mono wave; the rate is in Hz. Samples that are not finite count as zeros.
pub fn check(samples: &[f32], sample_rate: u32) -> Quality {
    let samples: Vec<f32> = samples.iter().map(|s| if s.is_finite() { *s } else { 0.0 }).collect();
    let rate = f64::from(sample_rate.max(1));
    let sum: f64 = samples.iter().map(|s| f64::from(*s)).sum();
    let dc_offset = sum / samples.len().max(1) as f64;
    let levels = Levels::of(&samples, dc_offset, (rate * FRAME).round().max(1.0) as usize);
    let (before, after) = levels.silent_ends();
    let silence = |frames: usize| (frames as f64 * levels.frame as f64).min(samples.len() as f64) / rate;
    Quality {
        duration: samples.len() as f64 / rate,
        peak: samples.iter().fold(0.0, |peak, s| s.abs().max(peak)),
        loudness: integrated(&samples, sample_rate).unwrap_or_else(|_| levels.mean()),
        clipped: clipped(&samples) as f64 / samples.len().max(1) as f64,
        speech: levels.active().count() as f64 / levels.db.len().max(1) as f64,
        leading_silence: silence(before),
        trailing_silence: silence(after),
        dc_offset,
        noise_floor: levels.floor,
        signal_to_noise: levels.signal_to_noise(),
    }
}

impl Quality {
    /// Returns the problems of the recording, the serious ones first.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |serious, message| problems.push(Problem { serious, message });
        let length = self.duration;
        let wanted = "3 to 30 s are needed, 5 to 15 s are best";
        match length {
            ..3.0 => add(true, format!("it is {length:.1} s long; {wanted}: record a longer one")),
            ..5.0 => add(false, format!("it is {length:.1} s long; {wanted}")),
            30.000_001.. => {
                add(true, format!("it is {length:.1} s long; {wanted}: cut such a piece out of it"))
            }
            _ => {}
        }
        if self.speech == 0.0 {
            add(true, "it is silent; check the microphone and record again".into());
            return problems;
        }
        match self.clipped * 100.0 {
            share @ 1.0.. => {
                add(true, format!("{share:.1}% of it is clipped; record again with a lower level"));
            }
            share @ 0.05.. => {
                add(false, format!("{share:.2}% of it is clipped; a lower recording level would avoid that"));
            }
            _ => {}
        }
        let (snr, floor) = (self.signal_to_noise, self.noise_floor);
        match snr {
            ..3.0 => add(
                true,
                "its level hardly changes: it is a tone or noise rather than speech, or the noise is as loud as \
                 the speech; record speech in a quiet place"
                    .into(),
            ),
            ..NOISY => add(
                true,
                format!(
                    "it is noisy: speech is {snr:.0} dB above the noise ({floor:.0} dBFS), 20 dB are wanted; \
                     record again in a quiet place, close to the microphone"
                ),
            ),
            ..CLEAN => add(
                false,
                format!(
                    "it may be noisy or reverberant: speech is {snr:.0} dB above the quiet parts, 20 dB are wanted"
                ),
            ),
            _ => {}
        }
        let speech = self.speech * 100.0;
        // In noise, soft speech is not told from pauses.
        match self.speech {
            _ if snr < CLEAN => {}
            ..0.25 => add(true, format!("only {speech:.0}% of it is speech; cut the silence out")),
            ..0.5 => add(false, format!("only {speech:.0}% of it is speech; shorter pauses are better")),
            _ => {}
        }
        let (before, after) = (self.leading_silence, self.trailing_silence);
        if before.max(after) > 1.0 {
            let ends = format!("{before:.1} s of silence before it and {after:.1} s after it");
            add(false, format!("it has {ends}; cut them off"));
        }
        match self.loudness {
            ..-50.0 => {
                let message = format!("it is too quiet, {}; record again with a higher level", self.lufs());
                add(true, message);
            }
            ..-36.0 => {
                add(false, format!("it is quiet, {}; a higher recording level is better", self.lufs()))
            }
            _ => {}
        }
        if self.dc_offset.abs() > 0.02 {
            let percent = self.dc_offset * 100.0;
            let advice = "the sound card or the microphone is at fault; remove it with a high-pass filter";
            add(false, format!("it has a constant offset of {percent:.0}%; {advice}"));
        }
        problems.sort_by_key(|problem| !problem.serious);
        problems
    }

    fn lufs(&self) -> String {
        match self.loudness.is_finite() {
            true => format!("{:.0} LUFS", self.loudness),
            false => "below -70 LUFS".into(),
        }
    }
}

/// Tells of each frame whether it sounds: it is neither silent nor far below the loud ones.
pub(super) fn sounding<'a>(frames: impl Iterator<Item = &'a [f32]>) -> impl Iterator<Item = bool> {
    let level = |frame: &[f32]| {
        let energy: f32 = frame.iter().map(|sample| sample * sample).sum();
        (10.0 * f64::from(energy / frame.len().max(1) as f32).log10()).max(LOWEST)
    };
    let levels: Vec<f64> = frames.map(level).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f64::total_cmp);
    let loud = sorted.get(sorted.len().saturating_sub(1) * 19 / 20).copied().unwrap_or(LOWEST);
    let threshold = (loud - SPEECH_RANGE).max(SILENCE);
    levels.into_iter().map(move |level| level > threshold)
}

/// The levels of frames, in dBFS.
struct Levels {
    /// Samples of one frame.
    frame: usize,
    db: Vec<f64>,
    floor: f64,
    /// The level above which a frame is speech.
    threshold: f64,
}

impl Levels {
    fn of(samples: &[f32], offset: f64, frame: usize) -> Self {
        let level = |frame: &[f32]| {
            let energy: f64 = frame.iter().map(|s| (f64::from(*s) - offset).powi(2)).sum();
            (10.0 * (energy / frame.len() as f64).log10()).max(LOWEST)
        };
        let db: Vec<f64> = samples.chunks(frame).map(level).collect();
        let mut sorted = db.clone();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
            sorted.get(at).copied().unwrap_or(LOWEST)
        };
        let (floor, loud) = (quantile(0.1), quantile(0.95));
        // Of a steady sound, the floor is its own level; all of it is loud then.
        let above_floor = (floor + ABOVE_FLOOR).min(loud - ABOVE_FLOOR);
        Levels { frame, db, floor, threshold: above_floor.max(loud - SPEECH_RANGE).max(SILENCE) }
    }

    fn active(&self) -> impl Iterator<Item = f64> {
        self.db.iter().copied().filter(|level| *level > self.threshold)
    }

    /// Returns the number of frames before the first sound and after the last. A sound is at least two frames
    /// long, so that a click is none.
    fn silent_ends(&self) -> (usize, usize) {
        let is_sound = |pair: &[f64]| pair.iter().all(|level| *level > self.threshold);
        let mut pairs = self.db.windows(2);
        let count = self.db.len();
        let Some(first) = pairs.clone().position(is_sound) else { return (count, count) };
        let last = pairs.rposition(is_sound).unwrap_or(first) + 1;
        (first, count - 1 - last)
    }

    fn signal_to_noise(&self) -> f64 {
        let noise = power(self.floor);
        let (mut sum, mut count) = (0.0, 0.0);
        for level in self.active() {
            sum += power(level);
            count += 1.0;
        }
        // At least a thousandth of the noise, which is −30 dB.
        if count == 0.0 { 0.0 } else { 10.0 * ((sum / count - noise) / noise).max(1e-3).log10().max(0.0) }
    }

    /// Returns the level of the whole wave, in dBFS.
    fn mean(&self) -> f64 {
        let sum: f64 = self.db.iter().map(|level| power(*level)).sum();
        10.0 * (sum / self.db.len().max(1) as f64).log10()
    }
}

fn power(db: f64) -> f64 {
    10f64.powf(db / 10.0)
}

/// Counts the clipped samples.
fn clipped(samples: &[f32]) -> usize {
    let (mut count, mut run, mut previous) = (0, 0, 0.0f32);
    for sample in samples.iter().copied().chain([0.0]) {
        // What an MP3 makes of a clipped crest is not flat, but lies beyond full scale.
        let goes_on = (sample - previous).abs() <= FLAT || (sample.abs() > 1.0 && sample * previous > 1.0);
        if sample.abs() >= CLIP && run > 0 && goes_on {
            run += 1;
        } else {
            count += if run >= CLIP_RUN { run } else { 0 };
            run = usize::from(sample.abs() >= CLIP);
        }
        previous = sample;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    const RATE: u32 = 24_000;

    fn wave(seconds: f64, at: impl Fn(f64) -> f64) -> Vec<f32> {
        let count = (seconds * f64::from(RATE)) as usize;
        (0..count).map(|i| at(i as f64 / f64::from(RATE)) as f32).collect()
    }

    fn tone(t: f64) -> f64 {
        (2.0 * PI * 440.0 * t).sin()
    }

    /// Returns noise from −1 to 1, evenly spread.
    fn noise(t: f64) -> f64 {
        let mut x = ((t * f64::from(RATE)).round() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) as f64 / u64::MAX as f64 * 2.0 - 1.0
    }

    /// Returns the harmonics of a voice in syllables of a quarter of a second, with a pause after every sixth.
    fn speech(t: f64) -> f64 {
        let syllable = (PI * t * 4.0).sin().powi(2);
        let voice: f64 = (1..20).map(|h| (2.0 * PI * 120.0 * f64::from(h) * t).sin() / f64::from(h)).sum();
        if (t * 4.0) as u64 % 7 == 6 { 0.0 } else { 0.15 * voice * syllable }
    }

    fn messages(samples: &[f32]) -> Vec<(bool, String)> {
        check(samples, RATE).problems().into_iter().map(|p| (p.serious, p.message)).collect()
    }

    #[track_caller]
    fn only(samples: &[f32], serious: bool, says: &str) {
        let messages = messages(samples);
        assert!(messages.len() == 1, "{messages:?}");
        assert!(messages[0].0 == serious && messages[0].1.contains(says), "{messages:?}");
    }

    #[test]
    fn good_speech_has_no_problems() {
        let samples = wave(8.0, |t| speech(t) + 1e-4 * noise(t));
        let quality = check(&samples, RATE);
        assert_eq!(quality.problems(), [], "{quality:?}");
        assert_eq!(quality.duration, 8.0);
        assert!(quality.signal_to_noise > 40.0 && quality.noise_floor < -80.0, "{quality:?}");
        assert!((0.6..0.9).contains(&quality.speech), "{quality:?}");
        assert!(quality.leading_silence < 0.1 && quality.clipped == 0.0, "{quality:?}");
    }

    #[test]
    fn the_length_is_judged() {
        only(&wave(1.8, speech), true, "it is 1.8 s long; 3 to 30 s are needed, 5 to 15 s are best");
        only(&wave(4.0, speech), false, "it is 4.0 s long");
        only(&wave(31.0, speech), true, "cut such a piece out");
        assert_eq!(messages(&wave(30.0, speech)), []);
        assert_eq!(messages(&wave(5.0, speech)), []);
    }

    #[test]
    fn clipping_is_told_by_its_share() {
        only(&wave(8.0, |t| (12.0 * speech(t)).clamp(-1.0, 32767.0 / 32768.0)), true, "% of it is clipped");
        // A crest at full scale is not clipped, however low its tone is.
        for hz in [100.0, 200.0, 440.0, 1_000.0, 7_999.0] {
            let clipped = check(&wave(5.0, |t| (2.0 * PI * hz * t).sin()), RATE).clipped;
            assert!(clipped < 2e-3, "{hz} Hz: {clipped}");
        }
        let square: Vec<f32> = (0..RATE).map(|i| if i / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(check(&square, RATE).clipped, 1.0);
        assert_eq!(clipped(&[0.0, 1.0, 1.0, 0.0, -1.0, -1.0, -1.0, 0.5, 1.2, 1.1, 1.3]), 6);
        assert_eq!(clipped(&[0.9; 10]), 0);
    }

    #[test]
    fn silence_is_silence() {
        for samples in [vec![0.0; 240_000], vec![0.01; 240_000], wave(10.0, |t| 5e-4 * noise(t))] {
            only(&samples, true, "it is silent");
        }
        let quality = check(&[0.0; 24_000], RATE);
        assert_eq!((quality.loudness, quality.speech), (f64::NEG_INFINITY, 0.0));
        assert_eq!((quality.leading_silence, quality.trailing_silence), (1.0, 1.0));
    }

    #[test]
    fn steady_sounds_are_not_speech() {
        only(&wave(8.0, |t| 0.3 * tone(t)), true, "hardly changes");
        only(&wave(8.0, |t| 0.3 * noise(t)), true, "hardly changes");
    }

    #[test]
    fn noise_is_told_by_its_distance() {
        only(&wave(8.0, |t| speech(t) + 0.1 * noise(t)), true, "it is noisy");
        only(&wave(8.0, |t| speech(t) + 0.04 * noise(t)), false, "it may be noisy");
        // The estimate follows the truth where there are pauses.
        let voice = check(&wave(8.0, speech), RATE);
        for amplitude in [0.001, 0.01] {
            let quality = check(&wave(8.0, |t| speech(t) + amplitude * noise(t)), RATE);
            let level = 20.0 * (amplitude / 3f64.sqrt()).log10();
            assert!((quality.noise_floor - level).abs() < 1.0, "{quality:?}");
            let truth = voice.noise_floor + voice.signal_to_noise - level;
            assert!((quality.signal_to_noise - truth).abs() < 2.0, "{quality:?}, not {truth}");
        }
    }

    #[test]
    fn silence_at_the_ends_and_between_is_told() {
        let late = wave(8.0, |t| if (1.5..7.0).contains(&t) { speech(t - 1.5) } else { 0.0 });
        let quality = check(&late, RATE);
        assert!((quality.leading_silence - 1.5).abs() < 0.1, "{quality:?}");
        assert!((quality.trailing_silence - 1.0).abs() < 0.3, "{quality:?}");
        only(&late, false, "of silence before it");
        let rare = wave(20.0, |t| if t % 10.0 < 1.5 { speech(t) } else { 0.0 });
        let found = messages(&rare);
        assert!(found[0].0 && found[0].1.contains("% of it is speech"), "{found:?}");
        // A click is not the beginning.
        let mut clicked = late;
        clicked[2_000] = 0.9;
        assert!((check(&clicked, RATE).leading_silence - 1.5).abs() < 0.1);
    }

    #[test]
    fn quiet_and_offset_recordings_are_told() {
        only(&wave(8.0, |t| 0.1 * speech(t)), false, "it is quiet, -");
        let found = messages(&wave(8.0, |t| 0.018 * speech(t)));
        assert!(found.iter().any(|m| m.0 && m.1.contains("too quiet")), "{found:?}");
        only(&wave(8.0, |t| speech(t) + 0.05), false, "constant offset of 5%");
    }

    #[test]
    fn any_samples_and_rates_are_taken() {
        for rate in [0, 1, 50, 8_000, 384_000, u32::MAX] {
            for samples in [vec![], vec![0.5], vec![f32::NAN, f32::INFINITY, 0.5], vec![1e30; 100]] {
                let quality = check(&samples, rate);
                assert!(!quality.problems().is_empty());
                assert!(quality.duration.is_finite() && quality.peak.is_finite(), "{quality:?}");
                assert!(
                    quality.signal_to_noise.is_finite() && quality.noise_floor.is_finite(),
                    "{quality:?}"
                );
            }
        }
    }
}
