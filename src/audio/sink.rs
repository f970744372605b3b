//! Audio files that are written piece by piece.

use std::io::{BufWriter, Cursor, Seek, SeekFrom, Write};

use super::encoding::{Encoding, Format};
use super::flac::Flac;
use super::{pcm, wav};
use crate::error::{Error, Result};

/// The number of samples whose bytes are held at once.
const BLOCK: usize = 4096;

/// Encodes samples from −1 to 1 as a file of any [`Encoding`]. They must be at the encoding's rate already;
/// samples outside this range are clipped.
///
/// # Errors
/// [`Error::Audio`] if there are more samples than [`Encoding::max_samples`].
pub fn encode(samples: &[f32], encoding: &Encoding) -> Result<Vec<u8>> {
    let mut sink = Sink::new(Cursor::new(Vec::new()), encoding)?;
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
}

enum Body<W: Write + Seek> {
    Plain { out: BufWriter<W>, header_at: Option<u64>, bytes: Vec<u8> },
    Flac(Box<Flac<W>>),
}

impl<W: Write + Seek> Sink<W> {
    /// Begins a file where the writer stands. The header is written at once, and again when its sizes are known.
    ///
    /// # Errors
    /// [`Error::Audio`] if the writer fails.
    pub fn new(out: W, encoding: &Encoding) -> Result<Self> {
        let body = match encoding.format() {
            Format::Flac => Body::Flac(Box::new(Flac::new(out, encoding)?)),
            _ => {
                let mut out = BufWriter::new(out);
                let header = wav::header(encoding, None);
                let start = out.stream_position().map_err(failed)?;
                out.write_all(&header).map_err(failed)?;
                Body::Plain { out, header_at: (!header.is_empty()).then_some(start), bytes: Vec::new() }
            }
        };
        Ok(Sink { body, encoding: *encoding, samples: 0 })
    }

    /// Appends samples.
    ///
    /// # Errors
    /// [`Error::Audio`] if the writer fails, and before anything is written if the file would hold more samples
    /// than [`Encoding::max_samples`].
    pub fn push(&mut self, samples: &[f32]) -> Result<()> {
        let total = self.samples.saturating_add(samples.len() as u64);
        let limit = self.encoding.max_samples();
        if total > limit {
            let format = self.encoding.format();
            return Err(Error::Audio(format!("{total} samples; a file of format {format} holds {limit}")));
        }
        self.samples = total;
        match &mut self.body {
            Body::Flac(flac) => flac.push(samples),
            Body::Plain { out, bytes, .. } => {
                for part in samples.chunks(BLOCK) {
                    bytes.clear();
                    pcm::append(part, &self.encoding, bytes);
                    out.write_all(bytes).map_err(failed)?;
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
            Body::Plain { mut out, header_at, .. } => {
                if let Some(start) = header_at {
                    let samples = u32::try_from(self.samples).map_err(failed)?;
                    let padding = wav::padding(&self.encoding, samples);
                    out.write_all(padding).map_err(failed)?;
                    out.seek(SeekFrom::Start(start)).map_err(failed)?;
                    out.write_all(&wav::header(&self.encoding, Some(samples))).map_err(failed)?;
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
        assert_eq!(encodings().count(), 4 + 3 + 4 + 1 + 1);
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
        for encoding in encodings().filter(|e| e.format() != Format::Raw) {
            let mut sink = Sink::new(Cursor::new(Vec::new()), &encoding).unwrap();
            sink.samples = encoding.max_samples() - 1;
            let message = sink.push(&[0.0; 2]).unwrap_err().to_string();
            assert!(message.contains(&format!("holds {}", encoding.max_samples())), "{message}");
            assert_eq!(sink.samples(), encoding.max_samples() - 1);
            sink.push(&[0.0]).unwrap();
        }
    }

    #[test]
    fn the_longest_wav_files_sizes_fit_their_fields() {
        for encoding in encodings().filter(|e| e.format().extension() == "wav") {
            let samples = u32::try_from(encoding.max_samples()).unwrap();
            let header = wav::header(&encoding, Some(samples));
            let data = u64::from(samples) * encoding.bytes_per_sample() as u64;
            let padding = wav::padding(&encoding, samples).len() as u64;
            let riff = u32::from_le_bytes(header[4..8].try_into().unwrap());
            assert_eq!(u64::from(riff), header.len() as u64 - 8 + data + padding);
        }
        assert_eq!(Encoding::default().max_samples(), super::super::MAX_SAMPLES as u64);
    }
}
