//! What is measured of a voice, and how it is said.

use chattts_rs::audio::{Pitch, Recording, Timbre, check};
use serde::{Deserialize, Serialize};

/// The pitches in Hz at which voices are called low and high. Grown men mostly speak at 85 to 155 Hz, women at 165 to
/// 255 (Titze, Principles of Voice Production).
pub const LOW: f64 = 130.0;
pub const HIGH: f64 = 210.0;
/// The pitches up to and from which voices are often heard as a man's and a woman's: the end of the one range, and well
/// within the other. Between them pitch alone tells little, and a listener's ear goes by much else too.
pub const OFTEN_MALE: f64 = 155.0;
pub const OFTEN_FEMALE: f64 = 180.0;
/// The semitones between a voice's lowest and highest tenth up to which it is calm, and from which it is lively.
pub const CALM: f64 = 4.0;
pub const LIVELY: f64 = 7.0;
/// The syllables a second below which a voice is slow, and above which it is fast.
pub const SLOW: f64 = 3.8;
pub const FAST: f64 = 5.5;
/// The distance between two takes of a sentence at which stability is 1 ÷ e: that of two voices, rather than of one.
const APART: f64 = 6.0;

/// A voice of a scan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// Its name in the scan: the seed, or the file.
    pub name: String,
    /// The voice, as `--role` takes it.
    pub role: String,
    /// The median pitch, and what tenths of the time stay below and go above, in Hz.
    pub pitch: Option<f64>,
    pub pitch_low: Option<f64>,
    pub pitch_high: Option<f64>,
    /// From one of these to the other, in semitones.
    pub range: Option<f64>,
    /// Syllables a second.
    pub rate: Option<f64>,
    /// LUFS.
    pub loudness: Option<f64>,
    /// How far speech is above what is quiet, in dB.
    pub signal_to_noise: Option<f64>,
    /// The share of samples that are clipped.
    pub clipped: f64,
    /// The share of sentences that failed, and that were cut off.
    pub failed: f64,
    pub cut_off: f64,
    /// The mean distance between takes of one sentence, in dB of spectrum and semitones of pitch together.
    pub distance: Option<f64>,
    /// 1 if all takes sound the same, 0 if they have nothing in common.
    pub stability: Option<f64>,
    /// All of this in words.
    pub label: String,
    /// The files with its speech, in the scan's folder.
    pub files: Vec<String>,
}

/// What was measured of one sentence.
#[derive(Clone, Debug)]
pub struct Take {
    /// Number of the sentence.
    pub sentence: usize,
    pub pitch: Option<Pitch>,
    timbre: Option<Timbre>,
    rate: Option<f64>,
    loudness: f64,
    signal_to_noise: f64,
    clipped: f64,
    pub seconds: f64,
}

impl Take {
    /// Measures a recording of so many syllables.
    pub fn of(recording: &Recording, sentence: usize, syllables: usize) -> Self {
        let Recording { samples, sample_rate, .. } = recording;
        let quality = check(samples, *sample_rate);
        let spoken = quality.duration - quality.leading_silence - quality.trailing_silence;
        Take {
            sentence,
            pitch: Pitch::of(samples, *sample_rate),
            timbre: Timbre::of(samples, *sample_rate),
            rate: (spoken > 0.1).then(|| syllables as f64 / spoken),
            loudness: quality.loudness,
            signal_to_noise: quality.signal_to_noise,
            clipped: quality.clipped,
            seconds: quality.duration,
        }
    }

    /// Returns how far two takes are apart: their spectra in dB and their pitches in semitones, as one length. Where
    /// one of them has a pitch and the other has none, they are apart by two voices.
    fn distance(&self, other: &Take) -> Option<f64> {
        let spectrum = self.timbre.as_ref()?.distance(other.timbre.as_ref()?);
        let pitch = match (&self.pitch, &other.pitch) {
            (Some(a), Some(b)) => 12.0 * (a.median / b.median).log2(),
            (None, None) => 0.0,
            _ => APART,
        };
        Some(spectrum.hypot(pitch))
    }
}

/// Counts syllables, roughly: a Han character is one, and so is each group of vowels of a Latin word.
pub fn syllables(text: &str) -> usize {
    let mut count = 0;
    let mut is_vowel = false;
    for c in text.to_lowercase().chars() {
        let vowel = "aeiouyáéíóúü".contains(c);
        count += usize::from(vowel && !is_vowel || ('\u{3400}'..='\u{9fff}').contains(&c));
        is_vowel = vowel;
    }
    count.max(1)
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

impl Heard {
    /// Puts together what was measured of all sentences of a voice, of which so many were asked for.
    pub fn of(
        name: &str,
        role: &str,
        takes: &[Take],
        asked: usize,
        cut_off: usize,
        files: Vec<String>,
    ) -> Self {
        let of =
            |value: fn(&Pitch) -> f64| median(takes.iter().filter_map(|take| take.pitch.as_ref().map(value)));
        let mut distances = Vec::new();
        for (at, take) in takes.iter().enumerate() {
            let others = takes[at + 1..].iter().filter(|other| other.sentence == take.sentence);
            distances.extend(others.filter_map(|other| take.distance(other)));
        }
        let distance =
            (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64);
        let share = |count: usize| count as f64 / asked.max(1) as f64;
        let mut heard = Heard {
            name: name.into(),
            role: role.into(),
            pitch: of(|pitch| pitch.median),
            pitch_low: of(|pitch| pitch.low),
            pitch_high: of(|pitch| pitch.high),
            range: of(Pitch::range),
            rate: median(takes.iter().filter_map(|take| take.rate)),
            loudness: median(takes.iter().map(|take| take.loudness)),
            signal_to_noise: median(takes.iter().map(|take| take.signal_to_noise)),
            clipped: takes.iter().fold(0.0, |sum, take| sum + take.clipped) / takes.len().max(1) as f64,
            failed: share(asked.saturating_sub(takes.len())),
            cut_off: share(cut_off),
            distance,
            stability: distance.map(|distance| (-distance / APART).exp()),
            ..Heard::default()
        };
        heard.files = files;
        heard.label = heard.said();
        heard
    }

    /// Says what was measured.
    fn said(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        match self.pitch {
            Some(hz) => words
                .push(format!("{} pitch ({hz:.0} Hz)", of_three(hz, LOW, HIGH, ["low", "middle", "high"]))),
            None => words.push("no pitch".into()),
        }
        match self.range {
            Some(range) if range <= CALM => words.push("calm".into()),
            Some(range) if range >= LIVELY => words.push("lively".into()),
            _ => {}
        }
        match self.rate {
            Some(rate) if rate < SLOW => words.push("slow".into()),
            Some(rate) if rate > FAST => words.push("fast".into()),
            _ => {}
        }
        words.extend(self.stability.map(|stability| format!("stable {stability:.2}")));
        for (share, what) in [(self.failed, "failed"), (self.cut_off, "cut off")] {
            if share > 0.0 {
                words.push(format!("{:.0}% {what}", 100.0 * share));
            }
        }
        if self.clipped > 1e-3 {
            words.push(format!("{:.1}% clipped", 100.0 * self.clipped));
        }
        words.extend(self.often_heard_as().map(|gender| format!("often heard as {gender}")));
        words.join(", ")
    }

    /// Returns as what a voice of this pitch is often heard, by pitch alone.
    pub fn often_heard_as(&self) -> Option<&'static str> {
        match self.pitch? {
            hz if hz <= OFTEN_MALE => Some("male"),
            hz if hz >= OFTEN_FEMALE => Some("female"),
            _ => None,
        }
    }
}

/// Returns the word of three for a value below, between and above two bounds.
fn of_three(value: f64, low: f64, high: f64, words: [&'static str; 3]) -> &'static str {
    match value {
        value if value < low => words[0],
        value if value > high => words[2],
        _ => words[1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a sentence of a voice: syllables with two formants at a pitch.
    fn sentence(pitch: f64, formant: f64, pace: f64) -> Recording {
        let mut phase = 0.0;
        let sample = |i: usize| {
            let t = i as f64 / 24_000.0;
            let hz = pitch * (1.0 + 0.1 * (t * 2.5).sin());
            phase += std::f64::consts::TAU * hz / 24_000.0;
            let of = |k: usize| {
                let colour = |at: f64| 1.0 / (1.0 + ((k as f64 * hz - at) / 150.0).powi(2));
                (colour(formant) + colour(2.5 * formant) + 0.02) * (phase * k as f64).sin()
            };
            let syllable = (t * 3.0 * pace * std::f64::consts::PI).sin().powi(2);
            (0.1 * syllable * (1..30).map(of).sum::<f64>()) as f32
        };
        Recording {
            samples: (0..(72_000.0 / pace) as usize).map(sample).collect(),
            sample_rate: 24_000,
            damage: None,
        }
    }

    fn heard(takes: &[(usize, f64, f64, f64)]) -> Heard {
        let takes: Vec<Take> = takes
            .iter()
            .map(|(number, pitch, formant, pace)| Take::of(&sentence(*pitch, *formant, *pace), *number, 12))
            .collect();
        Heard::of("1", "torch-f32:1", &takes, takes.len(), 0, Vec::new())
    }

    #[test]
    fn a_voice_that_stays_is_stable_and_one_that_changes_is_not() {
        let stable = heard(&[
            (0, 120.0, 600.0, 1.0),
            (0, 121.0, 602.0, 1.1),
            (1, 119.0, 650.0, 1.0),
            (1, 120.0, 650.0, 0.9),
        ]);
        let drifting = heard(&[(0, 120.0, 600.0, 1.0), (0, 127.0, 660.0, 1.0)]);
        let two_voices = heard(&[(0, 120.0, 600.0, 1.0), (0, 210.0, 780.0, 1.0)]);
        let [a, b, c] = [&stable, &drifting, &two_voices].map(|heard| heard.stability.unwrap());
        assert!(a > 0.8 && b < 0.5 && c < 0.1, "{a} {b} {c}");
        assert!(
            stable.label.starts_with("low pitch (12") && stable.label.ends_with("often heard as male"),
            "{}",
            stable.label
        );
        // One take of each sentence says nothing.
        assert_eq!(heard(&[(0, 120.0, 600.0, 1.0), (1, 120.0, 600.0, 1.0)]).stability, None);
    }

    #[test]
    fn what_failed_and_was_cut_off_is_counted() {
        let take = Take::of(&sentence(230.0, 700.0, 1.0), 0, 12);
        let heard = Heard::of("1", "x", &[take], 4, 1, Vec::new());
        assert_eq!((heard.failed, heard.cut_off), (0.75, 0.25));
        assert!(
            heard.label.contains("high pitch (23") && heard.label.contains("75% failed, 25% cut off"),
            "{}",
            heard.label
        );
        assert!(heard.label.ends_with("often heard as female"), "{}", heard.label);
        let none = Heard::of("1", "x", &[], 4, 0, Vec::new());
        assert_eq!((none.failed, none.label.as_str()), (1.0, "no pitch, 100% failed"));
    }

    #[test]
    fn syllables_are_counted_in_both_languages() {
        assert_eq!(syllables("今天天气很好。"), 6);
        assert_eq!(syllables("The weather is lovely"), 7);
        assert_eq!(syllables("…"), 1);
    }
}
