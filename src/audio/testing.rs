//! Sounds for tests, and how alike two of them are.

use std::f64::consts::PI;

/// Makes a voice: harmonics of a pitch that glides, under a loudness that comes and goes.
pub fn voice(samples: usize, rate: u32) -> Vec<f32> {
    let rate = f64::from(rate);
    let mut phase = 0.0;
    let at = |i: usize| {
        let seconds = i as f64 / rate;
        phase += 2.0 * PI * (140.0 + 40.0 * (2.0 * PI * 0.7 * seconds).sin()) / rate;
        let harmonics: f64 = (1..12).map(|k| (phase * f64::from(k)).sin() / f64::from(k)).sum();
        let loudness = (2.0 * PI * 3.0 * seconds).sin().max(0.0);
        (0.2 * loudness * harmonics) as f32
    };
    (0..samples).map(at).collect()
}

/// Returns the signal-to-noise ratio of a wave to what it should be, in dB.
pub fn signal_to_noise(expected: &[f32], found: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
    let noise = power(&mut expected.iter().zip(found).map(|(a, b)| a - b));
    10.0 * (power(&mut expected.iter().copied()) / noise).log10()
}
