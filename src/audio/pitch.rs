//! Tracks the pitch of a voice: YIN (de Cheveigné and Kawahara, JASA 2002).

use super::quality::sounding;

/// The pitches that are looked for, in Hz.
const LOWEST: f64 = 55.0;
const HIGHEST: f64 = 550.0;
/// The length of a frame in seconds, in which the lowest pitch swings more than twice.
const FRAME: f64 = 0.040;
/// The time between two frames, in seconds.
const STEP: f64 = 0.010;
/// The normalized difference below which a frame repeats itself, as YIN has it.
const THRESHOLD: f32 = 0.15;
/// The rate above which samples are halved, in Hz: no pitch needs more.
const ENOUGH: u32 = 16_000;
/// The fewest frames of which a pitch is told.
const LEAST: usize = 8;
/// Sums that run side by side.
const LANES: usize = 8;

/// The pitch of a voice over a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pitch {
    /// The median, in Hz.
    pub median: f64,
    /// What a tenth of the voiced frames stays below, in Hz.
    pub low: f64,
    /// What a tenth of the voiced frames goes above, in Hz.
    pub high: f64,
    /// The share of the frames with sound that have a pitch, 0 to 1.
    pub voiced: f64,
}

impl Pitch {
    /// Measures a mono wave; the rate is in Hz. None if it has no pitch: noise, silence, too short.
    pub fn of(samples: &[f32], sample_rate: u32) -> Option<Self> {
        let (mut wave, mut rate) = (samples.to_vec(), sample_rate);
        while rate > ENOUGH {
            wave = halved(&wave);
            rate /= 2;
        }
        let rate = f64::from(rate);
        let frame = (rate * FRAME) as usize / LANES * LANES;
        let (least, most) = ((rate / HIGHEST) as usize, (rate / LOWEST).ceil() as usize);
        let step = (rate * STEP) as usize;
        if frame == 0 || least < 2 || wave.len() < frame + most {
            return None;
        }
        let starts: Vec<usize> = (0..=wave.len() - frame - most).step_by(step).collect();
        let sounds = sounding(starts.iter().map(|at| &wave[*at..at + frame]));
        let mut differences = vec![0.0; most + 1];
        let mut found: Vec<f64> = Vec::new();
        let mut count = 0;
        for (start, _) in starts.iter().zip(sounds).filter(|(_, sounds)| *sounds) {
            count += 1;
            let window = &wave[*start..start + frame + most];
            found.extend(period(window, frame, least, &mut differences).map(|period| rate / period));
        }
        if found.len() < LEAST {
            return None;
        }
        found.sort_by(f64::total_cmp);
        let quantile = |share: f64| found[(share * (found.len() - 1) as f64).round() as usize];
        let voiced = found.len() as f64 / f64::from(count);
        Some(Pitch { median: quantile(0.5), low: quantile(0.1), high: quantile(0.9), voiced })
    }

    /// Returns how far the pitch moves, from `low` to `high`, in semitones.
    pub fn range(&self) -> f64 {
        12.0 * (self.high / self.low).log2()
    }
}

/// Halves a wave's rate, without what would fold over into the pitches.
fn halved(wave: &[f32]) -> Vec<f32> {
    const TAPS: [f32; 4] = [-0.03125, 0.0, 0.28125, 0.5];
    let at =
        |place: isize| usize::try_from(place).ok().and_then(|place| wave.get(place)).copied().unwrap_or(0.0);
    let sample = |middle: usize| {
        let middle = middle as isize;
        let sides = (1..=3).map(|side| TAPS[3 - side as usize] * (at(middle - side) + at(middle + side)));
        TAPS[3] * at(middle) + sides.sum::<f32>()
    };
    (0..wave.len()).step_by(2).map(sample).collect()
}

/// Returns the period of a frame in samples, if it has one. The frame is compared with those that begin 1 to
/// `differences.len() - 1` samples later.
fn period(window: &[f32], frame: usize, least: usize, differences: &mut [f32]) -> Option<f64> {
    let most = differences.len() - 1;
    let (mut sum, mut normalized) = (0.0, vec![1.0f32; most + 1]);
    for (lag, (own, normalized)) in differences.iter_mut().zip(&mut normalized).enumerate().skip(1) {
        *own = difference(&window[..frame], &window[lag..lag + frame]);
        sum += *own;
        if sum > 0.0 {
            *normalized = *own * lag as f32 / sum;
        }
    }
    let first = (least..most).find(|lag| normalized[*lag] < THRESHOLD)?;
    let lag = (first..most).find(|lag| normalized[lag + 1] >= normalized[*lag])?;
    let (before, at, after) =
        (f64::from(differences[lag - 1]), f64::from(differences[lag]), f64::from(differences[lag + 1]));
    let bend = before - 2.0 * at + after;
    let shift = if bend > 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    Some(lag as f64 + shift.clamp(-1.0, 1.0))
}

/// Returns the sum of the squared differences of two stretches of one length.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Makes harmonics of a pitch that moves with time, of the colour of a vowel.
    fn voice(seconds: f64, rate: u32, pitch: impl Fn(f64) -> f64) -> Vec<f32> {
        let mut phase = 0.0;
        let sample = |i: usize| {
            let hz = pitch(i as f64 / f64::from(rate));
            phase += 2.0 * PI * hz / f64::from(rate);
            let of = |k: usize| {
                let formant = |at: f64, width: f64| 1.0 / (1.0 + ((k as f64 * hz - at) / width).powi(2));
                let level = formant(650.0, 120.0) + 0.5 * formant(1_100.0, 150.0) + 0.1 / k as f64;
                level * (phase * k as f64).sin()
            };
            let audible = (f64::from(rate) / 2.0 / hz) as usize;
            (0.1 * (1..audible.min(40)).map(of).sum::<f64>()) as f32
        };
        (0..(seconds * f64::from(rate)) as usize).map(sample).collect()
    }

    fn noise(count: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as i32 as f32 / 2f32.powi(31)
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn steady_voices_and_tones_are_found_within_a_percent() {
        for rate in [8_000, 16_000, 24_000, 44_100] {
            for hz in [70.0, 85.0, 110.0, 155.3, 181.0, 220.0, 261.6, 333.3, 440.0] {
                let tone: Vec<f32> = (0..rate)
                    .map(|i| (0.3 * (2.0 * PI * hz * f64::from(i) / f64::from(rate)).sin()) as f32)
                    .collect();
                for (what, wave) in [("tone", tone), ("voice", voice(1.0, rate, |_| hz))] {
                    let found = Pitch::of(&wave, rate).unwrap();
                    let off = [found.median, found.low, found.high].map(|found| (found / hz - 1.0).abs());
                    assert!(off.iter().all(|off| *off < 0.01), "{what} of {hz} Hz at {rate}: {found:?}");
                    assert!(found.voiced > 0.95 && found.range() < 0.35, "{what} of {hz} Hz: {found:?}");
                }
            }
        }
    }

    #[test]
    fn the_median_and_the_range_of_a_voice_that_moves_are_within_a_percent() {
        for middle in [100.0, 150.0, 230.0] {
            // A rise by an octave at a constant speed: its tenths are a tenth of an octave from its ends.
            let wave = voice(4.0, 24_000, |t| middle * 2f64.powf(t / 4.0 - 0.5));
            let found = Pitch::of(&wave, 24_000).unwrap();
            let expected = [(found.median, 0.0), (found.low, -0.4), (found.high, 0.4)];
            for (hz, octaves) in expected {
                assert!((hz / (middle * 2f64.powf(octaves)) - 1.0).abs() < 0.01, "{middle}: {found:?}");
            }
            assert!((found.range() - 9.6).abs() < 0.2, "{found:?}");
        }
    }

    #[test]
    fn noise_and_pauses_do_not_move_a_voice() {
        let mut wave = voice(3.0, 24_000, |_| 120.0);
        let hiss = noise(wave.len());
        for (i, (sample, hiss)) in wave.iter_mut().zip(&hiss).enumerate() {
            let is_pause = i / 6_000 % 4 == 3;
            *sample = if is_pause { 0.001 * hiss } else { *sample + 0.01 * hiss };
        }
        let found = Pitch::of(&wave, 24_000).unwrap();
        assert!((found.median / 120.0 - 1.0).abs() < 0.01 && found.voiced > 0.9, "{found:?}");
    }

    #[test]
    fn what_has_no_pitch_has_none() {
        assert_eq!(Pitch::of(&[], 24_000), None);
        assert_eq!(Pitch::of(&[0.0; 48_000], 24_000), None);
        assert_eq!(Pitch::of(&noise(48_000), 24_000), None);
        assert_eq!(Pitch::of(&[0.5; 100], 24_000), None);
        assert_eq!(Pitch::of(&[0.5; 100], 1), None);
    }
}
