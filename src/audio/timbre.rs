//! The colour of a voice: its spectrum over a long time.

use std::f32::consts::PI;

use realfft::RealFftPlanner;

use super::quality::sounding;

/// The bands of the spectrum, even on the mel scale.
const BANDS: usize = 40;
/// The frequencies that they cover, in Hz.
const LOW: f32 = 80.0;
const HIGH: f32 = 7_600.0;
/// The length of a frame and the time between two, in seconds.
const FRAME: f64 = 0.040;
const STEP: f64 = 0.010;
/// The energy below which a band is silent.
const SILENT: f32 = 1e-12;
/// The fewest frames of which a colour is told.
const LEAST: usize = 8;

/// Holds the long-term spectrum of a voice: the mean level of each mel band over all frames in which there is sound, in
/// dB, less the mean of all bands, so that loudness does not count.
///
/// Of a sentence that is spoken again it stays the same if the voice does, whatever the pace and the pauses, since it
/// forgets the order of frames; and its distance is in dB, which says what one hears. MFCCs hold the same, turned
/// around; their distance has no unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Timbre([f32; BANDS]);

impl Timbre {
    /// Measures a mono wave of 16 kHz or more; the rate is in Hz. None if hardly anything sounds.
    pub fn of(samples: &[f32], sample_rate: u32) -> Option<Self> {
        let rate = f64::from(sample_rate);
        if f64::from(HIGH) > rate / 2.0 {
            return None;
        }
        let (frame, step) = ((rate * FRAME) as usize, (rate * STEP) as usize);
        // What is loud is not only louder: more of it would be above what passes for silence.
        let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let samples: Vec<f32> = samples.iter().map(|sample| sample / peak.max(SILENT)).collect();
        let frames: Vec<&[f32]> = samples.windows(frame).step_by(step).collect();
        let sounds: Vec<bool> = sounding(frames.iter().copied()).collect();
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(frame.next_power_of_two());
        let (mut input, mut spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        let bands = bands(spectrum.len(), sample_rate as f32 / input.len() as f32);
        let window: Vec<f32> =
            (0..frame).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f32 / frame as f32).cos()).collect();
        let (mut sums, mut count) = ([0.0f64; BANDS], 0usize);
        for (samples, _) in frames.iter().zip(&sounds).filter(|(_, sounds)| **sounds) {
            input.fill(0.0);
            for ((input, sample), gain) in input.iter_mut().zip(*samples).zip(&window) {
                *input = sample * gain;
            }
            // Both vectors are the transform's own.
            fft.process(&mut input, &mut spectrum).ok()?;
            let powers: Vec<f32> = spectrum.iter().map(|bin| bin.norm_sqr()).collect();
            for (sum, (first, weights)) in sums.iter_mut().zip(&bands) {
                let power: f32 =
                    powers[*first..].iter().zip(weights).map(|(power, weight)| power * weight).sum();
                *sum += f64::from(10.0 * power.max(SILENT).log10());
            }
            count += 1;
        }
        if count < LEAST {
            return None;
        }
        let levels = sums.map(|sum| sum / count as f64);
        let mean = levels.iter().sum::<f64>() / BANDS as f64;
        Some(Timbre(levels.map(|level| (level - mean) as f32)))
    }

    /// Returns how far two colours are apart: the root mean square of their bands' differences, in dB.
    pub fn distance(&self, other: &Timbre) -> f64 {
        let squares = self.0.iter().zip(&other.0).map(|(a, b)| f64::from(a - b).powi(2));
        (squares.sum::<f64>() / BANDS as f64).sqrt()
    }
}

/// Returns the bins of each band: the first, and the weights from there on.
fn bands(bins: usize, width: f32) -> Vec<(usize, Vec<f32>)> {
    let mel = |hz: f32| 2_595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f32| 700.0 * (10f32.powf(mel / 2_595.0) - 1.0);
    let edge = |i: usize| hz(mel(LOW) + (mel(HIGH) - mel(LOW)) * i as f32 / (BANDS + 1) as f32);
    let band = |i: usize| {
        let (low, middle, high) = (edge(i), edge(i + 1), edge(i + 2));
        let first = ((low / width).ceil() as usize).min(bins);
        let last = ((high / width).floor() as usize).min(bins.saturating_sub(1));
        let weight = |bin: usize| {
            let at = bin as f32 * width;
            ((at - low) / (middle - low)).min((high - at) / (high - middle)).max(0.0)
        };
        (first, (first..=last).map(weight).collect())
    };
    (0..BANDS).map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes syllables of a voice with two formants.
    fn voice(pitch: f64, formants: [f64; 2], pace: f64, level: f64) -> Vec<f32> {
        let mut phase = 0.0;
        let sample = |i: usize| {
            let t = i as f64 / 24_000.0;
            let glide = pitch * (1.0 + 0.08 * (t * 2.1 * pace).sin());
            phase += std::f64::consts::TAU * glide / 24_000.0;
            let of = |k: usize| {
                let colour: f64 =
                    formants.iter().map(|at| 1.0 / (1.0 + ((k as f64 * glide - at) / 150.0).powi(2))).sum();
                (colour + 0.02) * (phase * k as f64).sin() / (k as f64).sqrt()
            };
            let syllable = (t * 3.0 * pace * std::f64::consts::PI).sin().powi(2);
            (level * syllable * (1..30).map(of).sum::<f64>()) as f32
        };
        (0..72_000).map(sample).collect()
    }

    fn timbre(pitch: f64, formants: [f64; 2], pace: f64, level: f64) -> Timbre {
        Timbre::of(&voice(pitch, formants, pace, level), 24_000).unwrap()
    }

    #[test]
    fn a_voice_is_near_itself_and_far_from_others() {
        let own = timbre(120.0, [600.0, 1_200.0], 1.0, 0.2);
        let louder = own.distance(&timbre(120.0, [600.0, 1_200.0], 1.0, 0.5));
        let paced = own.distance(&timbre(120.0, [600.0, 1_200.0], 1.3, 0.2));
        let other = own.distance(&timbre(120.0, [450.0, 1_900.0], 1.0, 0.2));
        let higher = own.distance(&timbre(210.0, [700.0, 1_400.0], 1.0, 0.2));
        assert!(louder < 0.05, "{louder}");
        assert!(paced < 2.0 && other > 3.0 * paced && higher > 3.0 * paced, "{paced} {other} {higher}");
        assert_eq!(own.distance(&own), 0.0);
    }

    #[test]
    fn silence_and_low_rates_have_no_colour() {
        assert_eq!(Timbre::of(&[0.0; 48_000], 24_000), None);
        assert_eq!(Timbre::of(&[], 24_000), None);
        assert_eq!(Timbre::of(&[0.5; 8_000], 8_000), None);
    }

    #[test]
    fn bands_lie_within_the_spectrum_side_by_side() {
        let bands = bands(513, 24_000.0 / 1_024.0);
        assert_eq!(bands.len(), BANDS);
        assert!(bands.iter().all(|(first, weights)| !weights.is_empty() && first + weights.len() <= 513));
        assert!(bands.is_sorted_by_key(|(first, _)| *first));
    }
}
