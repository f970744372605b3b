//! Samples as bytes.

use super::encoding::{Encoding, Format, SampleFormat};
use super::g711;

/// The full scale of 24-bit integers.
const I24_MAX: f64 = 8_388_607.0;

/// Appends the bytes of samples from −1 to 1, little-endian; samples outside this range are clipped.
pub(super) fn append(samples: &[f32], encoding: &Encoding, bytes: &mut Vec<u8>) {
    match (encoding.format(), encoding.samples()) {
        (Format::Ulaw, _) => bytes.extend(samples.iter().map(|s| g711::ulaw(to_i16(*s)))),
        (Format::Alaw, _) => bytes.extend(samples.iter().map(|s| g711::alaw(to_i16(*s)))),
        (_, SampleFormat::I16) => bytes.extend(samples.iter().flat_map(|s| to_i16(*s).to_le_bytes())),
        (_, SampleFormat::I24) => bytes.extend(samples.iter().flat_map(|s| {
            let [low, middle, high, _] = to_i24(*s).to_le_bytes();
            [low, middle, high]
        })),
        (_, SampleFormat::F32) => bytes.extend(samples.iter().flat_map(|s| to_f32(*s).to_le_bytes())),
    }
}

/// Returns a sample as an integer of the type that the encoding asks for.
pub(super) fn to_integer(sample: f32, samples: SampleFormat) -> i32 {
    match samples {
        SampleFormat::I24 => to_i24(sample),
        _ => to_i16(sample).into(),
    }
}

fn to_i16(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16
}

/// Returns a sample as a 24-bit integer. It computes in double precision, because single precision has no bit
/// left below the point to round by.
fn to_i24(sample: f32) -> i32 {
    (f64::from(sample.clamp(-1.0, 1.0)) * I24_MAX).round() as i32
}

/// Returns a sample as a float from −1 to 1; NaN becomes silence, as it does in the integer types.
pub(super) fn to_f32(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [f32; 8] = [0.0, 0.5, -0.25, 1.0, -1.0, 1.5, f32::NEG_INFINITY, f32::NAN];

    fn bytes(format: Format, samples: Option<SampleFormat>) -> Vec<u8> {
        let mut bytes = Vec::new();
        append(&SAMPLES, &Encoding::new(format, samples, None).unwrap(), &mut bytes);
        bytes
    }

    #[test]
    fn integers_are_little_endian_rounded_and_clipped() {
        let expected = [0, 16384, -8192, 32767, -32767, 32767, -32767, 0].map(i16::to_le_bytes);
        assert_eq!(bytes(Format::Raw, None), expected.as_flattened());
        let expected = [0, 4194304, -2097152, 8388607, -8388607, 8388607, -8388607, 0];
        let expected: Vec<u8> = expected.iter().flat_map(|v: &i32| v.to_le_bytes()[..3].to_vec()).collect();
        assert_eq!(bytes(Format::Wav, Some(SampleFormat::I24)), expected);
    }

    #[test]
    fn floats_are_clipped_and_numbers() {
        let expected = [0.0, 0.5, -0.25, 1.0, -1.0, 1.0, -1.0, 0.0].map(f32::to_le_bytes);
        assert_eq!(bytes(Format::Raw, Some(SampleFormat::F32)), expected.as_flattened());
    }

    #[test]
    fn g711_has_a_byte_per_sample() {
        assert_eq!(bytes(Format::Ulaw, None), [0xff, 0x8f, 0x1f, 0x80, 0x00, 0x80, 0x00, 0xff]);
        assert_eq!(bytes(Format::Alaw, None), [0xd5, 0xa5, 0x0a, 0xaa, 0x2a, 0xaa, 0x2a, 0xd5]);
    }
}
