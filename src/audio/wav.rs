//! WAV headers, and what follows the samples.

use hound::WavSpec;

use super::encoding::{Encoding, Format, SampleFormat};
use super::sink::encode;
use crate::error::Result;

/// The most 16-bit samples that fit the 32-bit sizes of a WAV file.
pub const MAX_SAMPLES: usize = (u32::MAX as usize - 64) / 2;

/// The tags WAVE_FORMAT_MULAW and WAVE_FORMAT_ALAW (RFC 2361).
const TAG_ULAW: u16 = 7;
const TAG_ALAW: u16 = 6;
/// The content of the chunk `ds64` (EBU Tech 3306) without a table: the sizes of the file and of its data and the
/// number of samples in 64 bits, and the length of the table.
const DS64_SIZE: u32 = 28;
/// The bytes of that chunk with its own header.
pub(super) const ROOM: u64 = 8 + DS64_SIZE as u64;
/// The place of a WAV file's first chunk.
const FIRST_CHUNK: usize = 12;
/// The value that stands for the length of a stream that is not known yet.
const UNKNOWN: u32 = u32::MAX;

/// Returns a mono 16-bit WAV file of samples from −1 to 1; samples outside this range are clipped. More than
/// [`MAX_SAMPLES`], about 24 hours at 24 kHz, become an RF64 file. [`encode`] writes other formats.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a rate outside [`SAMPLE_RATES`](super::SAMPLE_RATES).
pub fn wav(samples: &[f32], sample_rate: u32) -> Result<Vec<u8>> {
    encode(samples, &Encoding::new(Format::Wav, None, Some(sample_rate))?)
}

/// Returns the bytes that precede so many samples, [`Encoding::max_samples`] at most, or an unknown number, for which
/// the sizes are 0xFFFFFFFF; nothing for formats that are not WAV.
pub(super) fn header(encoding: &Encoding, samples: Option<u32>) -> Vec<u8> {
    let mut header = match encoding.format() {
        Format::Wav => pcm_header(encoding),
        Format::Ulaw => g711_header(encoding, TAG_ULAW, samples),
        Format::Alaw => g711_header(encoding, TAG_ALAW, samples),
        Format::Flac | Format::Mp3 | Format::Opus | Format::Raw => return Vec::new(),
    };
    if let Some(samples) = samples {
        let data_size = samples * encoding.bytes_per_sample() as u32;
        let riff_size = header.len() as u32 - 8 + data_size + padding(encoding, samples.into()).len() as u32;
        header[4..8].copy_from_slice(&riff_size.to_le_bytes());
        let sizes_at = header.len() - 4;
        header[sizes_at..].copy_from_slice(&data_size.to_le_bytes());
    }
    header
}

/// Returns the header with room for sizes of 64 bits. While the sizes fit 32 bits (`is_large` says that they do not)
/// the room is a chunk `JUNK`, which every reader passes over; else it is `ds64`, and the file RF64.
pub(super) fn long_header(encoding: &Encoding, samples: Option<u64>, is_large: bool) -> Vec<u8> {
    let small = samples.filter(|_| !is_large).and_then(|samples| u32::try_from(samples).ok());
    let mut header = header(encoding, small);
    if header.is_empty() {
        return header;
    }
    let data = samples.unwrap_or_default() * encoding.bytes_per_sample() as u64;
    let riff = header.len() as u64 + ROOM - 8 + data + data % 2;
    let mut chunk = vec![0; ROOM as usize];
    chunk[4..8].copy_from_slice(&DS64_SIZE.to_le_bytes());
    match samples {
        Some(samples) if is_large => {
            chunk[..4].copy_from_slice(b"ds64");
            chunk[8..16].copy_from_slice(&riff.to_le_bytes());
            chunk[16..24].copy_from_slice(&data.to_le_bytes());
            chunk[24..32].copy_from_slice(&samples.to_le_bytes());
            header[..4].copy_from_slice(b"RF64");
        }
        Some(_) => {
            chunk[..4].copy_from_slice(b"JUNK");
            header[4..8].copy_from_slice(&(riff as u32).to_le_bytes());
        }
        None => chunk[..4].copy_from_slice(b"JUNK"),
    }
    header.splice(FIRST_CHUNK..FIRST_CHUNK, chunk);
    header
}

/// Returns the bytes that follow so many samples: RIFF's chunks have even lengths.
pub(super) fn padding(encoding: &Encoding, samples: u64) -> &'static [u8] {
    let is_even = (samples * encoding.bytes_per_sample() as u64).is_multiple_of(2);
    if is_even || !encoding.format().is_wav() { &[] } else { &[0] }
}

fn pcm_header(encoding: &Encoding) -> Vec<u8> {
    let (bits_per_sample, sample_format) = match encoding.samples() {
        SampleFormat::I16 => (16, hound::SampleFormat::Int),
        SampleFormat::I24 => (24, hound::SampleFormat::Int),
        SampleFormat::F32 => (32, hound::SampleFormat::Float),
    };
    let spec = WavSpec { channels: 1, sample_rate: encoding.sample_rate(), bits_per_sample, sample_format };
    spec.into_header_for_infinite_file()
}

/// Returns a header with the `fact` chunk, which every format but PCM must have.
fn g711_header(encoding: &Encoding, tag: u16, samples: Option<u32>) -> Vec<u8> {
    let rate = encoding.sample_rate().to_le_bytes();
    let unknown = UNKNOWN.to_le_bytes();
    let (channels, bytes_per_frame, bits) = (1u16, 1u16, 8u16);
    let (format_size, extension_size, fact_size) = (18u32, 0u16, 4u32);
    [
        &b"RIFF"[..],
        &unknown,
        b"WAVEfmt ",
        &format_size.to_le_bytes(),
        &tag.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate,
        &rate,
        &bytes_per_frame.to_le_bytes(),
        &bits.to_le_bytes(),
        &extension_size.to_le_bytes(),
        b"fact",
        &fact_size.to_le_bytes(),
        &samples.unwrap_or(UNKNOWN).to_le_bytes(),
        b"data",
        &unknown,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::StreamEncoder;
    use std::io::Cursor;

    fn encoding(format: Format, samples: Option<SampleFormat>) -> Encoding {
        Encoding::new(format, samples, Some(8_000)).unwrap()
    }

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

    #[test]
    fn a_16_bit_file_is_the_one_that_hound_writes() {
        let samples: Vec<f32> = (-1_200..1_200).map(|i| i as f32 / 1_000.0).collect();
        let spec = WavSpec {
            channels: 1,
            sample_rate: 24_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for sample in &samples {
            writer.write_sample((sample.clamp(-1.0, 1.0) * 32767.0).round() as i16).unwrap();
        }
        writer.finalize().unwrap();
        assert_eq!(wav(&samples, 24_000).unwrap(), file.into_inner());
    }

    #[test]
    fn files_of_24_bits_and_floats_are_read_back() {
        // An odd number of 24-bit samples is an odd number of bytes.
        let samples = [0.0, 0.5, -1.0];
        let bytes = encode(&samples, &encoding(Format::Wav, Some(SampleFormat::I24))).unwrap();
        assert_eq!(bytes.len(), 68 + 9 + 1);
        assert_eq!(bytes[4..8], (bytes.len() as u32 - 8).to_le_bytes());
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!((reader.spec().bits_per_sample, reader.spec().sample_rate), (24, 8_000));
        let read: Vec<i32> = reader.samples().map(|s| s.unwrap()).collect();
        assert_eq!(read, [0, 4194304, -8388607]);

        let bytes = encode(&samples, &encoding(Format::Wav, Some(SampleFormat::F32))).unwrap();
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!(reader.spec().sample_format, hound::SampleFormat::Float);
        assert_eq!(reader.samples::<f32>().map(|s| s.unwrap()).collect::<Vec<_>>(), samples);
    }

    #[test]
    fn g711_files_are_these_bytes() {
        let expected = b"RIFF\x36\0\0\0WAVE\
            fmt \x12\0\0\0\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0\
            fact\x04\0\0\0\x03\0\0\0\
            data\x03\0\0\0\xff\x80\x00\0";
        assert_eq!(encode(&[0.0, 1.0, -1.0], &encoding(Format::Ulaw, None)).unwrap(), expected);
        let expected = b"RIFF\x34\0\0\0WAVE\
            fmt \x12\0\0\0\x06\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0\
            fact\x04\0\0\0\x02\0\0\0\
            data\x02\0\0\0\xd5\xaa";
        assert_eq!(encode(&[0.0, 1.0], &encoding(Format::Alaw, None)).unwrap(), expected);
    }

    #[test]
    fn a_stream_is_a_file_of_unknown_length() {
        let samples = [0.1, -0.2, 0.3, 0.4];
        for (format, sizes) in [(Format::Wav, [4, 40].as_slice()), (Format::Ulaw, &[4, 46, 54])] {
            let encoding = encoding(format, None);
            let mut encoder = StreamEncoder::new(&encoding).unwrap();
            let mut stream: Vec<u8> =
                samples.chunks(3).flat_map(|part| encoder.push(part).unwrap()).collect();
            stream.extend(encoder.finish().unwrap());
            let mut file = encode(&samples, &encoding).unwrap();
            for at in sizes {
                assert_ne!(file[*at..at + 4], [0xff; 4]);
                file[*at..at + 4].fill(0xff);
            }
            assert_eq!(stream, file);
        }
        assert!(header(&encoding(Format::Raw, None), None).is_empty());
        for samples in [SampleFormat::I24, SampleFormat::F32] {
            let header = header(&encoding(Format::Wav, Some(samples)), None);
            assert_eq!((header[4..8].to_vec(), header[64..].to_vec()), (vec![0xff; 4], vec![0xff; 4]));
        }
    }
}
