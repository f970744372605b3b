//! Trims silence from the ends of a wave.

/// The largest magnitude of a silent sample; the reference removes such samples.
const SILENCE: f32 = 1e-5;

/// The level below which the ends of a wave are trimmed, in dB of full scale (root mean square).
const QUIET_DBFS: f64 = -50.0;
/// The time over which that level is taken, in seconds.
const QUIET_WINDOW: f64 = 0.010;
/// The length of the quiet part that is kept at either end, in seconds, so that no soft consonant is cut.
const QUIET_MARGIN: f64 = 0.020;

/// Tells whether a sample is digital silence.
pub fn is_silent(sample: f32) -> bool {
    let is_sound = sample.abs() > SILENCE;
    !is_sound
}

/// Returns the wave without the digital silence at its ends.
pub fn trim_silence(samples: &[f32]) -> &[f32] {
    let is_sound = |s: &f32| !is_silent(*s);
    match (samples.iter().position(is_sound), samples.iter().rposition(is_sound)) {
        (Some(first), Some(last)) => &samples[first..=last],
        _ => &[],
    }
}

/// Returns the wave without the parts at its ends that are quieter than −50 dBFS (over 10 ms), but keeps up to
/// 20 ms of either. A wave that is that quiet throughout loses only its digital silence, as by
/// [`trim_silence`].
pub fn trim_quiet(samples: &[f32], sample_rate: u32) -> &[f32] {
    let length = |seconds: f64| (seconds * f64::from(sample_rate)).round() as usize;
    let window = length(QUIET_WINDOW).max(1);
    let threshold = 10f64.powf(QUIET_DBFS / 10.0);
    let is_loud = |window: &[f32]| {
        let energy: f64 = window.iter().map(|s| f64::from(*s).powi(2)).sum();
        energy > threshold * window.len() as f64
    };
    let mut windows = samples.chunks(window);
    let (Some(first), Some(last)) = (windows.clone().position(is_loud), windows.rposition(is_loud)) else {
        return trim_silence(samples);
    };
    let margin = length(QUIET_MARGIN);
    let start = (first * window).saturating_sub(margin);
    let end = ((last + 1) * window + margin).min(samples.len());
    &samples[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 1_000;

    /// Makes a square wave, whose root mean square is its amplitude.
    fn sound(amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| if i % 2 == 0 { amplitude } else { -amplitude }).collect()
    }

    fn at_dbfs(db: f32) -> f32 {
        10f32.powf(db / 20.0)
    }

    #[test]
    fn only_the_silence_at_the_ends_is_trimmed() {
        assert_eq!(trim_silence(&[0.0, 1e-6, 0.5, 0.0, -0.5, -1e-5]), [0.5, 0.0, -0.5]);
        assert!(trim_silence(&[0.0; 4]).is_empty());
    }

    #[test]
    fn the_quiet_at_the_ends_goes_but_for_a_margin() {
        let quiet = at_dbfs(-52.0);
        let wave = [
            sound(quiet, 100),
            sound(0.1, 50),
            sound(quiet, 300),
            sound(at_dbfs(-48.0), 50),
            sound(quiet, 200),
        ]
        .concat();
        assert_eq!(trim_quiet(&wave, RATE), &wave[80..520]);
    }

    #[test]
    fn a_loud_edge_is_not_cut() {
        let wave = sound(0.1, 105);
        assert_eq!(trim_quiet(&wave, RATE), wave);
        let wave = [sound(0.0, 15), sound(0.1, 105), sound(0.0, 15)].concat();
        assert_eq!(trim_quiet(&wave, RATE).len(), 135, "less than the margin stays whole");
    }

    #[test]
    fn a_wave_that_is_quiet_throughout_is_kept() {
        let wave = [vec![0.0; 50], sound(at_dbfs(-60.0), 300), vec![0.0; 50]].concat();
        assert_eq!(trim_quiet(&wave, RATE), &wave[50..350]);
        assert!(trim_quiet(&[0.0; 100], RATE).is_empty());
        assert!(trim_quiet(&[], RATE).is_empty());
        assert_eq!(trim_quiet(&[0.5], 0), [0.5]);
        let click = [vec![0.0; 50], vec![1e-3], vec![0.0; 50]].concat();
        assert_eq!(trim_quiet(&click, RATE), [1e-3]);
    }
}
