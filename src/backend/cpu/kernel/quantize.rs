//! Weights in 8 bits: the one rounding that the packers of all devices share.

use half::bf16;

use super::simd::BLOCK;

/// The largest number that a byte of a block holds.
pub const MOST: f32 = 127.0;

/// Leaves no place for a fraction when it is added to a number of a byte, which is so rounded to even and stands in
/// the sum's lowest bits: one addition for any processor, where rounding by itself may be a call.
const ROUND: f32 = (3 << 22) as f32;

/// Rounds up to 32 weights to numbers of 8 bits and the scale that they share: `weights[i]` becomes
/// `numbers[i]`·scale, and what is missing to a block is zero.
pub fn quantize_block(weights: &[f32]) -> ([i8; BLOCK], bf16) {
    let largest = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
    // Rounded up, so that the largest stays within a byte.
    let bits = (largest / MOST).to_bits();
    let bits = if bits & 0xffff == 0 { bits >> 16 } else { (bits >> 16) + 1 };
    let scale = f32::from_bits(bits << 16);
    let mut numbers = [0; BLOCK];
    if scale > 0.0 {
        for (number, weight) in numbers.iter_mut().zip(weights) {
            *number = (weight / scale + ROUND).to_bits() as i8;
        }
    }
    (numbers, bf16::from_bits(bits as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_to_even() {
        // The scale is 1: the largest weight is the largest number.
        let halves: Vec<f32> = (-127..=126).map(|n| n as f32 + 0.5).chain([127.0, -127.0]).collect();
        for weights in halves.chunks(30) {
            let block: Vec<f32> = weights.iter().copied().chain([127.0]).collect();
            let (numbers, scale) = quantize_block(&block);
            assert_eq!(scale, bf16::from_f32(1.0));
            for (number, weight) in numbers.iter().zip(&block) {
                assert_eq!(f32::from(*number), weight.round_ties_even(), "{weight}");
            }
        }
    }

    #[test]
    fn numbers_are_within_half_a_scale_of_their_weights() {
        for size in [1e-30f32, 1e-6, 0.02, 1.0, 3e4] {
            let weights: Vec<f32> = (0..29).map(|i| ((i * 37 % 59) as f32 / 29.0 - 1.0) * size).collect();
            let (numbers, scale) = quantize_block(&weights);
            let scale = scale.to_f32();
            for (number, weight) in numbers.iter().zip(&weights) {
                let off = (f32::from(*number) * scale - weight).abs();
                assert!(off <= 0.5 * scale, "{weight}: {number} · {scale}");
            }
            assert!(numbers.iter().any(|number| number.unsigned_abs() > 125), "{size}: {numbers:?}");
            assert_eq!(numbers[29..], [0; 3]);
        }
    }

    #[test]
    fn a_scale_is_rounded_up_so_that_no_number_leaves_a_byte() {
        for bits in (0..0x7f00_0000u32).step_by(65_521) {
            let largest = f32::from_bits(bits);
            let (numbers, scale) = quantize_block(&[largest, -largest]);
            assert!(scale.to_f32() >= largest / MOST);
            assert!(
                (-127..=127).contains(&numbers[0]) && numbers[1] == -numbers[0],
                "{largest}: {numbers:?}"
            );
        }
        assert_eq!(quantize_block(&[0.0; BLOCK]), ([0; BLOCK], bf16::ZERO));
    }
}
