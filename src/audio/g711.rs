//! ITU-T G.711, the telephone's logarithmic codes, as the reference code of ITU-T G.191 computes them.

/// The bias that µ-law adds to 14-bit magnitudes, so that its segments begin at powers of two.
const ULAW_BIAS: i16 = 33;
/// The largest magnitude that µ-law has a code for, its bias included.
const ULAW_CLIP: i16 = 0x1fff;
/// The bits that A-law inverts, every other one, so that silence is not a row of equal bits on the line.
const ALAW_MASK: u8 = 0x55;
/// The sign bit of a code in either law.
const SIGN: u8 = 0x80;

/// Returns the µ-law code of a 16-bit sample.
pub(super) fn ulaw(sample: i16) -> u8 {
    let magnitude = ((magnitude(sample) >> 2) + ULAW_BIAS).min(ULAW_CLIP);
    // The bias makes bit 5 the lowest leading one, that of segment 0.
    let segment = magnitude.ilog2() as u8 - 5;
    let step = (magnitude >> (segment + 1)) as u8 & 0xf;
    let code = !(segment << 4 | step) & !SIGN;
    if sample < 0 { code } else { code | SIGN }
}

/// Returns the A-law code of a 16-bit sample.
pub(super) fn alaw(sample: i16) -> u8 {
    let magnitude = magnitude(sample) >> 4;
    // The first two segments have the same step, so segment 0 is reached without a leading one.
    let code = match magnitude {
        0..32 => magnitude as u8,
        _ => {
            let segment = magnitude.ilog2() as u8 - 3;
            segment << 4 | ((magnitude >> (segment - 1)) as u8 & 0xf)
        }
    };
    (if sample < 0 { code } else { code | SIGN }) ^ ALAW_MASK
}

/// Returns the magnitude, less one for a negative sample. This keeps the magnitude of −32,768 in range and is
/// what G.191 does.
fn magnitude(sample: i16) -> i16 {
    if sample < 0 { !sample } else { sample }
}

/// Returns the 16-bit value of a µ-law code, from G.711's table 2 (14 bits, shifted).
pub(super) fn from_ulaw(code: u8) -> i32 {
    let (segment, step) = (!code >> 4 & 7, !code & 0xf);
    let value = (((i32::from(step) << 1) + 33) << segment) - 33;
    4 * if code & SIGN == 0 { -value } else { value }
}

/// Returns the 16-bit value of an A-law code, from G.711's table 1 (13 bits, shifted).
pub(super) fn from_alaw(code: u8) -> i32 {
    let code = code ^ ALAW_MASK;
    let (segment, step) = (code >> 4 & 7, i32::from(code & 0xf));
    let value = if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) };
    8 * if code & SIGN == 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_the_ends_have_the_standards_codes() {
        assert_eq!([0, 32767, -32768].map(ulaw), [0xff, 0x80, 0x00]);
        assert_eq!([0, 32767, -32768].map(alaw), [0xd5, 0xaa, 0x2a]);
        // Values of G.711's tables: ±8031 of 8159 and ±4032 of 4096 are the outermost.
        assert_eq!([0x80, 0x00].map(from_ulaw), [4 * 8031, -4 * 8031]);
        assert_eq!([0xaa, 0x2a].map(from_alaw), [8 * 4032, -8 * 4032]);
    }

    #[test]
    fn codes_are_those_of_the_standards_decision_values() {
        // G.711's decision values in 14 bits (µ-law) and 13 bits (A-law), where segments begin, and the codes.
        for (decision, code) in
            [(31, 0xef), (95, 0xdf), (223, 0xcf), (479, 0xbf), (991, 0xaf), (2015, 0x9f), (4063, 0x8f)]
        {
            assert_eq!(ulaw(4 * decision), code, "{decision}");
            assert_eq!(ulaw(4 * decision - 1), code + 1, "below {decision}");
            assert_eq!(ulaw(-4 * decision - 1), code - SIGN, "−{decision}");
        }
        for (decision, code) in
            [(32, 0x90), (64, 0xa0), (128, 0xb0), (256, 0xc0), (512, 0xd0), (1024, 0xe0), (2048, 0xf0)]
        {
            assert_eq!(alaw(8 * decision), code ^ ALAW_MASK, "{decision}");
            assert_eq!(alaw(8 * decision - 1), (code - 1) ^ ALAW_MASK, "below {decision}");
            assert_eq!(alaw(-8 * decision - 1), (code - SIGN) ^ ALAW_MASK, "−{decision}");
        }
    }

    #[test]
    fn every_code_survives_decoding() {
        for code in 0..=255 {
            assert_eq!(alaw(from_alaw(code) as i16), code);
            // µ-law has two zeros.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(ulaw(from_ulaw(code) as i16), expected);
        }
    }

    #[test]
    fn the_error_is_half_a_step_and_never_grows_past_it() {
        for sample in i16::MIN..=i16::MAX {
            let exact = i32::from(sample);
            // Within a segment a step is a sixteenth of where it begins (less µ-law's bias), but at least
            // 8 (µ-law) or 16 (A-law) in 16 bits.
            let biased = (exact.abs().min(4 * 8158) + 4 * 33) as u32;
            let half = (1 << biased.ilog2() >> 4) / 2;
            let error = (from_ulaw(ulaw(sample)) - exact.clamp(-4 * 8158, 4 * 8158)).abs();
            assert!(error <= half.max(4), "µ-law {sample}: {error} of {half}");
            let half = (1 << exact.abs().max(1).ilog2() >> 4) / 2;
            let error = (from_alaw(alaw(sample)) - exact).abs();
            assert!(error <= half.max(8), "A-law {sample}: {error} of {half}");
        }
    }
}
