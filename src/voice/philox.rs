//! Philox4x32-10, the counter-based generator that PyTorch draws from on an NVIDIA GPU.
//!
//! J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).

/// The multipliers of the two products of a round.
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// The numbers that are added to the key from round to round: the golden ratio and √3 − 1.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: usize = 10;

/// Returns the four words that belong to a counter under a key.
fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    let product = |a: u32, b: u32| {
        let wide = u64::from(a) * u64::from(b);
        ((wide >> 32) as u32, wide as u32)
    };
    for _ in 0..ROUNDS {
        let [c0, c1, c2, c3] = counter;
        let (high0, low0) = product(MULTIPLIERS[0], c0);
        let (high1, low1) = product(MULTIPLIERS[1], c2);
        counter = [high1 ^ c1 ^ key[0], low1, high0 ^ c3 ^ key[1], low0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// Draws normal numbers as `torch.randn` does on a GPU: each element has its own subsequence, and takes the
/// first of that one's first four normal numbers.
pub fn normal(seed: u64, count: usize) -> impl Iterator<Item = f32> {
    let key = [seed as u32, (seed >> 32) as u32];
    (0..count as u64).map(move |element| {
        let [x, y, ..] = philox4x32([0, 0, element as u32, (element >> 32) as u32], key);
        first_normal(x, y)
    })
}

/// Returns the first number of cuRAND's Box-Muller transform, the one of the sine.
fn first_normal(x: u32, y: u32) -> f32 {
    /// The constant 2⁻³² as cuRAND writes it.
    const INVERSE: f32 = 2.328_306_4e-10;
    /// The constant 2⁻³² · 2π.
    const INVERSE_TURN: f32 = INVERSE * std::f32::consts::TAU;
    // Moved by half a step, so that the logarithm never sees a zero.
    let u = x as f32 * INVERSE + INVERSE / 2.0;
    let angle = y as f32 * INVERSE_TURN + INVERSE_TURN / 2.0;
    (-2.0 * u.ln()).sqrt() * angle.sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the known-answer vectors that are published with Random123.
    #[test]
    fn known_answers_are_met() {
        let all = u32::MAX;
        for (counter, key, answer) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([all; 4], [all; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox4x32(counter, key), answer, "{counter:x?} {key:x?}");
        }
    }

    #[test]
    fn the_numbers_are_normal_and_differ_by_seed() {
        let draws: Vec<f32> = normal(7, 20_000).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        assert!(normal(7 + (1 << 32), 8).zip(draws).any(|(a, b)| a != b), "all 64 bits of a seed count");
    }

    #[test]
    fn the_ends_of_the_range_give_numbers() {
        for (x, y) in [(0, 0), (0, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX)] {
            assert!(first_normal(x, y).is_finite(), "{x} {y}");
        }
    }
}
