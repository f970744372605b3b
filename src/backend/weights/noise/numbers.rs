//! Random numbers, each from the seed, its tensor's name and its place alone.

use rayon::prelude::*;

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
