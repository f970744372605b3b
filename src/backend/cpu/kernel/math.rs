//! Functions that compilers turn into vector code: no branches, no calls, every step rounded the same on
//! every processor.

/// Computes eˣ, within 2 units in the last place; x is clamped to what single precision holds.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// ln 2, split so that n·HIGH is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.3, 88.3);
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    // Taylor's series; |r| ≤ ln 2 / 2 leaves its next term below a unit in the last place.
    let mut sum = 1.0f32 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum.mul_add(r, coefficient);
    }
    sum * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// Computes x·sigmoid(x).
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// Computes x·Φ(x), the exact GELU, within 4e-7·|x|.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    /// erfc(z)·e^(z²) as a polynomial in t = 1/(1 + 0.4·z), without its constant term, which is 0:
    /// interpolated at the Chebyshev nodes of (0, 1].
    const ERFCX: [f32; 11] = [
        0.225_675_83,
        0.225_676_32,
        0.207_600_72,
        0.171_890_57,
        0.118_095_12,
        0.087_120_64,
        -0.053_793_166,
        0.146_803_25,
        -0.243_041_73,
        0.143_841_07,
        -0.029_868_628,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / z.mul_add(0.4, 1.0);
    let mut sum = ERFCX[10];
    for coefficient in ERFCX.iter().rev().skip(1) {
        sum = sum.mul_add(t, *coefficient);
    }
    // x·erfc(|x|/√2)/2 is what is missing from x on the right, and all there is on the left.
    let tail = 0.5 * x.abs() * (sum * t * exp(-z * z));
    x.max(0.0) - tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=200_000).map(move |i| from + (to - from) * i as f32 / 200_000.0)
    }

    #[test]
    fn exp_is_exact_to_two_units_in_the_last_place() {
        for x in range(-87.0, 88.0) {
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "{x}: {error:e}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1000.0) < 2e-38 && exp(1000.0).is_finite());
    }

    /// Computes the error function by its Taylor series, and by its continued fraction where that is long.
    fn erf(x: f64) -> f64 {
        let (z, two) = (x.abs(), 2.0 / std::f64::consts::PI.sqrt());
        let value = if z < 3.0 {
            let (mut term, mut sum) = (z, z);
            for n in 1..100 {
                term *= -z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            two * sum
        } else {
            let fraction = (1..60).rev().fold(z, |below, k| z + f64::from(k) / 2.0 / below);
            1.0 - two / 2.0 * (-z * z).exp() / fraction
        };
        value.copysign(x)
    }

    #[test]
    fn gelu_and_silu_are_what_they_are_called() {
        for x in range(-12.0, 12.0) {
            let exact = f64::from(x) * 0.5 * (1.0 + erf(f64::from(x) / 2f64.sqrt()));
            assert!((f64::from(gelu(x)) - exact).abs() <= 4e-7 * f64::from(x.abs()) + 1e-12, "{x}");
            let exact = f64::from(x) / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(silu(x)) - exact).abs() <= 4e-7 * f64::from(x.abs()) + 1e-12, "{x}");
        }
        assert_eq!((gelu(0.0), gelu(50.0), silu(0.0)), (0.0, 50.0, 0.0));
        assert!(gelu(-50.0).abs() < 1e-37);
    }
}
