//! The demo's numbers, each from the seed, its tensor's name and its place alone.

use rayon::prelude::*;

use super::{FFT, MEL_CHANNELS, SAMPLE_RATE};

/// Makes uniform numbers of the given mean and deviation, each from its place alone.
pub fn random(seed: u64, name: &str, count: usize, mean: f32, deviation: f32) -> Vec<f32> {
    // FNV-1a over the name, so that every tensor has a stream of its own.
    let key = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ mix(seed), |hash: u64, byte| {
        (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // A uniform distribution of width w has the deviation w/√12.
    let width = deviation * 12f32.sqrt();
    let number = |bits: u32| (bits >> 8) as f32 / (1 << 24) as f32 * width + (mean - width / 2.0);
    let mut numbers = vec![0f32; count];
    numbers.par_chunks_mut(1 << 14).enumerate().for_each(|(chunk, numbers)| {
        let start = (chunk << 13) as u64;
        for (i, pair) in numbers.chunks_mut(2).enumerate() {
            let bits = mix(key.wrapping_add(start + i as u64));
            for (number_out, half) in pair.iter_mut().zip([bits as u32, (bits >> 32) as u32]) {
                *number_out = number(half);
            }
        }
    });
    numbers
}

/// Mixes by the output function of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns HTK mel filters without area normalisation, 0 to half the sample rate: (513, 100).
pub fn mel_filters() -> Vec<f32> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
    let top = mel(SAMPLE_RATE / 2.0);
    let points: Vec<f64> =
        (0..MEL_CHANNELS + 2).map(|i| hz(top * i as f64 / (MEL_CHANNELS + 1) as f64)).collect();
    let bins = FFT / 2 + 1;
    (0..bins)
        .flat_map(|bin| {
            let frequency = SAMPLE_RATE / 2.0 * bin as f64 / (bins - 1) as f64;
            let points = &points;
            (0..MEL_CHANNELS).map(move |m| {
                let rising = (frequency - points[m]) / (points[m + 1] - points[m]);
                let falling = (points[m + 2] - frequency) / (points[m + 2] - points[m + 1]);
                rising.min(falling).max(0.0) as f32
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_mean_and_deviation_asked_for_and_depend_on_name_and_seed() {
        let numbers = random(1, "a", 100_000, 2.0, 0.5);
        let mean = numbers.iter().sum::<f32>() / 1e5;
        let variance = numbers.iter().map(|n| (n - mean) * (n - mean)).sum::<f32>() / 1e5;
        assert!((mean - 2.0).abs() < 0.01 && (variance.sqrt() - 0.5).abs() < 0.01, "{mean} {variance}");
        assert_eq!(random(1, "a", 10, 2.0, 0.5), numbers[..10]);
        assert_ne!(random(1, "b", 10, 2.0, 0.5), numbers[..10]);
        assert_ne!(random(2, "a", 10, 2.0, 0.5), numbers[..10]);
    }
}
