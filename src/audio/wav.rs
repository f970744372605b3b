//! WAV files: mono, 16 bits.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::error::{Error, Result};

/// Samples that fit the 32-bit sizes of a WAV file.
pub const MAX_SAMPLES: usize = (u32::MAX as usize - 64) / 2;

/// A mono 16-bit WAV file of samples from −1 to 1; what lies beyond is clipped.
///
/// # Errors
/// [`Error::Audio`] if there are more samples than the format can hold (about 24 hours at 24 kHz).
pub fn wav(samples: &[f32], sample_rate: u32) -> Result<Vec<u8>> {
    if samples.len() > MAX_SAMPLES {
        return Err(Error::Audio(format!("{} samples; a WAV file holds {MAX_SAMPLES}", samples.len())));
    }
    let failed = |e: hound::Error| Error::Audio(format!("cannot encode WAV: {e}"));
    let spec = WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
    let mut writer = WavWriter::new(&mut file, spec).map_err(failed)?;
    let mut block = writer.get_i16_writer(samples.len() as u32);
    for sample in samples {
        block.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16);
    }
    block.flush().map_err(failed)?;
    writer.finalize().map_err(failed)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_file_holds_the_samples_and_the_rate() {
        let bytes = wav(&[0.0, 0.5, -1.0, 1.0, 2.0, -2.0], 16_000).unwrap();
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!(
            (reader.spec().channels, reader.spec().sample_rate, reader.spec().bits_per_sample),
            (1, 16_000, 16)
        );
        let samples: Vec<i16> = reader.samples().collect::<std::result::Result<_, _>>().unwrap();
        assert_eq!(samples, [0, 16384, -32767, 32767, 32767, -32767]);
    }

    #[test]
    fn an_empty_wave_is_a_valid_file() {
        let bytes = wav(&[], 24_000).unwrap();
        assert_eq!(hound::WavReader::new(Cursor::new(bytes)).unwrap().len(), 0);
    }
}
