//! Audio files that are written piece by piece.

use std::io::{BufWriter, Cursor, Seek, SeekFrom, Write};

use super::encoder::Coder;
use super::encoding::{Encoding, Format};
use super::flac::Flac;
use super::wav;
use crate::error::{Error, Result};

/// The number of samples whose bytes are held at once.
const BLOCK: usize = 4096;

/// Encodes samples from −1 to 1 as a file of any [`Encoding`]. They must be at the encoding's rate already;
/// samples outside this range are clipped.
///
/// # Errors
/// [`Error::Audio`] if there are more samples than a FLAC file holds. A WAV file of more than
/// [`Encoding::max_samples`] is RF64.
pub fn encode(samples: &[f32], encoding: &Encoding) -> Result<Vec<u8>> {
    let out = Cursor::new(Vec::new());
    let mut sink = match samples.len() as u64 > encoding.max_samples() {
        true => Sink::long(out, encoding)?,
        false => Sink::new(out, encoding)?,
    };
    sink.push(samples)?;
    Ok(sink.finish()?.into_inner())
}

/// Writes a file of any length in little memory. Its bytes are those that [`encode`] gives for all samples at
/// once, whatever the pieces. It buffers by itself.
///
/// A file that was not [finished](Sink::finish) is not complete: it may lack its last samples, and its header
/// does not say how many there are.
pub struct Sink<W: Write + Seek> {
    body: Body<W>,
    encoding: Encoding,
    samples: u64,
    /// The number of samples up to which a WAV file is a plain one.
    plain_limit: u64,
}

enum Body<W: Write + Seek> {
    Coded { out: BufWriter<W>, coder: Coder, header_at: Option<u64>, is_long: bool },
    Flac(Box<Flac<W>>),
}

impl<W: Write + Seek> Sink<W> {
    /// Begins a file where the writer stands. The header is written at once, and again when its sizes are known.
    ///
    /// # Errors
    /// [`Error::Audio`] if the writer fails.
    pub fn new(out: W, encoding: &Encoding) -> Result<Self> {
        Self::begin(out, encoding, false)
    }

    /// Begins a file that may grow longer than [`Encoding::max_samples`]. A WAV file then has room for the sizes of
    /// RF64 (EBU Tech 3306), 36 bytes that a reader passes over, and becomes one if it does grow so long.
    ///
    /// # Errors
    /// [`Error::Audio`] if the writer fails.
    pub fn long(out: W, encoding: &Encoding) -> Result<Self> {
        Self::begin(out, encoding, true)
    }

    fn begin(out: W, encoding: &Encoding, is_long: bool) -> Result<Self> {
        let body = match encoding.format() {
            Format::Flac => Body::Flac(Box::new(Flac::new(out, encoding)?)),
            _ => {
                let mut out = BufWriter::new(out);
                let coder = Coder::new(encoding)?;
                let mut header = match is_long {
                    true => wav::long_header(encoding, None, false),
                    false => wav::header(encoding, None),
                };
                header.resize(header.len() + coder.room(), 0);
                let start = out.stream_position().map_err(failed)?;
                out.write_all(&header).map_err(failed)?;
                Body::Coded { out, coder, header_at: (!header.is_empty()).then_some(start), is_long }
            }
        };
        // The room counts as a part of the file.
        let plain_limit = encoding.max_samples().saturating_sub(if is_long { wav::ROOM } else { 0 });
        Ok(Sink { body, encoding: *encoding, samples: 0, plain_limit })
    }

    /// Appends samples.
    ///
    /// # Errors
    /// [`Error::Audio`] if the writer fails, and before anything is written if the file would hold more samples
    /// than [`Encoding::max_samples`] and is not [long](Sink::long).
    pub fn push(&mut self, samples: &[f32]) -> Result<()> {
        let total = self.samples.saturating_add(samples.len() as u64);
        let limit = match &self.body {
            Body::Coded { is_long: true, .. } if self.encoding.format().is_wav() => u64::MAX,
            _ => self.encoding.max_samples(),
        };
        if total > limit {
            let format = self.encoding.format();
            return Err(Error::Audio(format!("{total} samples; a file of format {format} holds {limit}")));
        }
        self.samples = total;
        match &mut self.body {
            Body::Flac(flac) => flac.push(samples),
            Body::Coded { out, coder, .. } => {
                for part in samples.chunks(BLOCK) {
                    out.write_all(&coder.push(part)?).map_err(failed)?;
                }
                Ok(())
            }
        }
    }

    /// Returns the number of samples pushed so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Completes the file and returns the writer, which may stand anywhere in the file.
    ///
    /// # Errors
    /// [`Error::Audio`] if the writer fails.
    pub fn finish(self) -> Result<W> {
        match self.body {
            Body::Flac(flac) => flac.finish(),
            Body::Coded { mut out, coder, header_at, is_long } => {
                let end = coder.finish()?;
                out.write_all(&end.rest).map_err(failed)?;
                if let Some(start) = header_at {
                    let (encoding, samples) = (&self.encoding, self.samples);
                    let header = match is_long {
                        _ if !encoding.format().is_wav() => end.front,
                        true => wav::long_header(encoding, Some(samples), samples > self.plain_limit),
                        false => wav::header(encoding, Some(u32::try_from(samples).map_err(failed)?)),
                    };
                    out.write_all(wav::padding(encoding, samples)).map_err(failed)?;
                    out.seek(SeekFrom::Start(start)).map_err(failed)?;
                    out.write_all(&header).map_err(failed)?;
                }
                out.into_inner().map_err(|e| failed(e.error()))
            }
        }
    }
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Audio(format!("cannot write: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SampleFormat;

    fn encodings() -> impl Iterator<Item = Encoding> {
        let samples = [None, Some(SampleFormat::I16), Some(SampleFormat::I24), Some(SampleFormat::F32)];
        Format::ALL
            .into_iter()
            .flat_map(move |format| samples.map(|samples| Encoding::new(format, samples, None)))
            .flatten()
    }

    #[test]
    fn pieces_make_the_file_of_the_whole() {
        let wave: Vec<f32> = (0..10_001).map(|i| 1.1 * (i as f32 * 0.02).sin()).collect();
        assert_eq!(encodings().count(), 4 + 3 + 1 + 1 + 4 + 1 + 1);
        for encoding in encodings() {
            let whole = encode(&wave, &encoding).unwrap();
            for length in [1, 7, 4_096, 6_000, 10_001] {
                let mut sink = Sink::new(Cursor::new(Vec::new()), &encoding).unwrap();
                for piece in wave.chunks(length) {
                    sink.push(piece).unwrap();
                    sink.push(&[]).unwrap();
                }
                assert_eq!(sink.samples(), 10_001);
                assert!(sink.finish().unwrap().into_inner() == whole, "{encoding:?} in pieces of {length}");
            }
        }
    }

    #[test]
    fn a_file_may_begin_behind_something_else() {
        for encoding in encodings() {
            let mut out = Cursor::new(b"before".to_vec());
            out.set_position(6);
            let mut sink = Sink::new(&mut out, &encoding).unwrap();
            sink.push(&[0.5; 9]).unwrap();
            sink.finish().unwrap();
            let expected = encode(&[0.5; 9], &encoding).unwrap();
            assert_eq!(out.into_inner(), [b"before".as_slice(), &expected].concat(), "{encoding:?}");
        }
    }

    #[test]
    fn a_file_that_grows_too_long_is_refused_before_it_is_written() {
        for encoding in encodings().filter(|e| e.max_samples() < u64::MAX) {
            let mut sink = Sink::new(Cursor::new(Vec::new()), &encoding).unwrap();
            sink.samples = encoding.max_samples() - 1;
            let message = sink.push(&[0.0; 2]).unwrap_err().to_string();
            assert!(message.contains(&format!("holds {}", encoding.max_samples())), "{message}");
            assert_eq!(sink.samples(), encoding.max_samples() - 1);
            sink.push(&[0.0]).unwrap();
        }
    }

    fn number(bytes: &[u8]) -> u64 {
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    #[test]
    fn a_file_beyond_the_sizes_of_wav_is_rf64() {
        for encoding in encodings().filter(|e| e.format().is_wav()) {
            let plain = encode(&[0.5; 9], &encoding).unwrap();
            let data_at = plain.windows(4).position(|four| four == b"data").unwrap();
            for (limit, is_large) in [(8, true), (9, false)] {
                let mut sink = Sink::long(Cursor::new(Vec::new()), &encoding).unwrap();
                sink.plain_limit = limit;
                sink.push(&[0.5; 4]).unwrap();
                sink.push(&[0.5; 5]).unwrap();
                let file = sink.finish().unwrap().into_inner();
                let bytes = 9 * encoding.bytes_per_sample() as u64;
                assert_eq!(file.len(), plain.len() + 36, "{encoding:?}");
                assert_eq!((&file[8..12], number(&file[16..20])), (&b"WAVE"[..], 28));
                // What follows is the plain file's, but for the sizes of a large one.
                assert_eq!(file[48..][..data_at - 16], plain[12..][..data_at - 16]);
                assert_eq!(file[data_at + 36 + 8..], plain[data_at + 8..]);
                let sizes = (number(&file[4..8]), number(&file[data_at + 40..][..4]));
                if is_large {
                    assert_eq!((&file[..4], &file[12..16]), (&b"RF64"[..], &b"ds64"[..]));
                    assert_eq!(sizes, (0xffff_ffff, 0xffff_ffff));
                    assert_eq!(number(&file[20..28]), file.len() as u64 - 8);
                    assert_eq!(
                        (number(&file[28..36]), number(&file[36..44]), number(&file[44..48])),
                        (bytes, 9, 0)
                    );
                } else {
                    assert_eq!((&file[..4], &file[12..16]), (&b"RIFF"[..], &b"JUNK"[..]));
                    assert_eq!(sizes, (file.len() as u64 - 8, bytes));
                }
            }
        }
    }

    #[test]
    fn sizes_of_rf64_go_beyond_32_bits() {
        let encoding = Encoding::default();
        let samples = 3_000_000_000;
        let header = wav::long_header(&encoding, Some(samples), true);
        assert_eq!(number(&header[20..28]), 2 * samples + header.len() as u64 - 8);
        assert_eq!((number(&header[28..36]), number(&header[36..44])), (2 * samples, samples));
    }

    #[test]
    fn the_longest_wav_files_sizes_fit_their_fields() {
        for encoding in encodings().filter(|e| e.format().is_wav()) {
            let samples = u32::try_from(encoding.max_samples()).unwrap();
            let header = wav::header(&encoding, Some(samples));
            let data = u64::from(samples) * encoding.bytes_per_sample() as u64;
            let padding = wav::padding(&encoding, samples.into()).len() as u64;
            let riff = u32::from_le_bytes(header[4..8].try_into().unwrap());
            assert_eq!(u64::from(riff), header.len() as u64 - 8 + data + padding);
        }
        assert_eq!(Encoding::default().max_samples(), super::super::MAX_SAMPLES as u64);
    }
}
