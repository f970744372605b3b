//! FLAC, written frame by frame.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use flac_codec::encode::{FlacSampleWriter, Options};

use super::encoding::Encoding;
use super::pcm;
use crate::error::{Error, Result};

/// Samples per frame; the format's streamable subset allows 4608.
const BLOCK: u16 = 4096;
/// The partition order of each frame's residual: 0 means one partition. With more, partitions of zeros are
/// written as escapes of no bits, which some decoders do not know; one partition costs about 1% of size in
/// speech.
const PARTITION_ORDER: u32 = 0;

/// A FLAC stream that is being written.
pub(super) struct Flac<W: Write + Seek> {
    encoder: FlacSampleWriter<Shared<W>>,
    out: Shared<W>,
    encoding: Encoding,
    integers: Vec<i32>,
    empty: bool,
}

impl<W: Write + Seek> Flac<W> {
    pub(super) fn new(out: W, encoding: &Encoding) -> Result<Self> {
        let bits = 8 * encoding.bytes_per_sample() as u32;
        let options = Options::default().no_padding().no_seektable().block_size(BLOCK).map_err(failed)?;
        let options = options.max_partition_order(PARTITION_ORDER).map_err(failed)?;
        let out = Shared(Arc::new(Mutex::new(BufWriter::new(out))));
        let encoder = FlacSampleWriter::new(out.clone(), options, encoding.sample_rate(), bits, 1, None)
            .map_err(failed)?;
        Ok(Flac { encoder, out, encoding: *encoding, integers: Vec::new(), empty: true })
    }

    pub(super) fn push(&mut self, samples: &[f32]) -> Result<()> {
        for part in samples.chunks(BLOCK.into()) {
            self.integers.clear();
            self.integers.extend(part.iter().map(|s| pcm::to_integer(*s, self.encoding.samples())));
            self.encoder.write(&self.integers).map_err(failed)?;
            self.empty = false;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<W> {
        // The header of an empty stream is complete as it was first written; the encoder would refuse it.
        if self.empty {
            drop(self.encoder);
        } else {
            self.encoder.finalize().map_err(failed)?;
        }
        let inner = Arc::into_inner(self.out.0).and_then(|out| out.into_inner().ok());
        inner.ok_or_else(|| failed("the writer is held"))?.into_inner().map_err(|e| failed(e.error()))
    }
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Audio(format!("cannot write FLAC: {e}"))
}

/// Holds the writer that the encoder keeps for good; a second handle on it sees the errors of the last flush.
struct Shared<W: Write + Seek>(Arc<Mutex<BufWriter<W>>>);

impl<W: Write + Seek> Shared<W> {
    fn with<T>(&self, action: impl FnOnce(&mut BufWriter<W>) -> io::Result<T>) -> io::Result<T> {
        let mut out = self.0.lock().map_err(|_| io::Error::other("the writer panicked"))?;
        action(&mut out)
    }
}

impl<W: Write + Seek> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<W: Write + Seek> Write for Shared<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(Write::flush)
    }
}

impl<W: Write + Seek> Seek for Shared<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with(|out| out.seek(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Format, SampleFormat, Sink, encode};
    use std::io::Cursor;

    fn encoding(samples: SampleFormat, rate: u32) -> Encoding {
        Encoding::new(Format::Flac, Some(samples), Some(rate)).unwrap()
    }

    /// Makes a wave of extremes: silence, a tone, noise, full scale.
    fn wave(length: usize) -> Vec<f32> {
        let mut noise = 1u32;
        (0..length)
            .map(|i| match i / 3_000 % 4 {
                0 => 0.0,
                1 => 0.7 * (i as f32 * 0.05).sin(),
                2 => {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    noise as i32 as f32 / 2f32.powi(31)
                }
                _ => [1.0, -1.0][i % 2],
            })
            .collect()
    }

    #[test]
    fn decoding_gives_the_integers_back() {
        for samples in [SampleFormat::I16, SampleFormat::I24] {
            for (length, rate) in [
                (1, 24_000),
                (15, 8_000),
                (4_096, 44_100),
                (4_097, 24_001),
                (50_000, 24_000),
                (9_000, 384_000),
            ] {
                let wave = wave(length);
                let bytes = encode(&wave, &encoding(samples, rate)).unwrap();
                let mut reader = claxon::FlacReader::new(Cursor::new(&bytes)).unwrap();
                let info = reader.streaminfo();
                assert_eq!((info.channels, info.sample_rate), (1, rate));
                assert_eq!(info.bits_per_sample, if samples == SampleFormat::I16 { 16 } else { 24 });
                assert_eq!(info.samples, Some(length as u64));
                assert_ne!(info.md5sum, [0; 16]);
                assert_eq!(info.min_block_size, 4096, "the last block does not count");
                let decoded: Vec<i32> = reader.samples().map(|s| s.unwrap()).collect();
                let raw = Encoding::new(Format::Raw, Some(samples), Some(rate)).unwrap();
                let expected = encode(&wave, &raw).unwrap();
                let decoded = decoded.iter().flat_map(|s| s.to_le_bytes()[..raw.bytes_per_sample()].to_vec());
                assert!(decoded.eq(expected), "{length} samples of {samples} bits at {rate} Hz");
            }
        }
    }

    #[test]
    fn speech_like_waves_become_smaller() {
        let tone: Vec<f32> = (0..24_000).map(|i| 0.3 * (i as f32 * 0.05).sin()).collect();
        let bytes = encode(&tone, &encoding(SampleFormat::I16, 24_000)).unwrap();
        assert!(bytes.len() < tone.len(), "{} bytes for {} samples", bytes.len(), tone.len());
    }

    #[test]
    fn an_empty_wave_is_a_valid_file() {
        let bytes = encode(&[], &encoding(SampleFormat::I16, 24_000)).unwrap();
        let mut reader = claxon::FlacReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!(reader.streaminfo().sample_rate, 24_000);
        assert_eq!(reader.samples().count(), 0);
    }

    /// A writer that takes so many bytes and no more, as a full disk does.
    struct Full(Cursor<Vec<u8>>, usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.position() as usize + bytes.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Full {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_full_disk_is_an_error_even_at_the_last_byte() {
        let encoding = encoding(SampleFormat::I16, 24_000);
        let wave = wave(20_000);
        let whole = encode(&wave, &encoding).unwrap().len();
        for room in [0, 41, 1_000, whole - 1] {
            let written = Sink::new(Full(Cursor::new(Vec::new()), room), &encoding).and_then(|mut sink| {
                sink.push(&wave)?;
                sink.finish()
            });
            assert!(written.is_err(), "{room} bytes");
        }
        let mut sink = Sink::new(Full(Cursor::new(Vec::new()), whole), &encoding).unwrap();
        sink.push(&wave).unwrap();
        assert_eq!(sink.finish().unwrap().0.into_inner().len(), whole);
    }
}
