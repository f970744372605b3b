//! Samples as the bytes of a file, as they come.

use super::encoding::{Encoding, Format};
use super::mp3::Mp3;
use super::opus::Opus;
use super::{pcm, wav};
use crate::error::{Error, Result};

/// Encodes samples from −1 to 1 as they come, for a pipe or a connection. They must be at the encoding's rate already;
/// samples outside this range are clipped. However the samples are cut, all bytes together are the same.
///
/// What stands in front of a file is said before it is known how long it is: a WAV header has sizes of 0xFFFFFFFF, as
/// FFmpeg writes it to a pipe, and an MP3 stream has no tag, so that it is longer than its samples by up to 2,300. A
/// file of [`Sink`](super::Sink) says its length.
///
/// ```
/// use chattts_rs::audio::{Encoding, Format, StreamEncoder};
///
/// let mut encoder = StreamEncoder::new(&Encoding::new(Format::Opus, None, None)?)?;
/// let mut bytes = Vec::new();
/// for samples in [[0.1; 2_400], [0.2; 2_400]] {
///     bytes.extend(encoder.push(&samples)?);
/// }
/// bytes.extend(encoder.finish()?);
/// assert!(bytes.starts_with(b"OggS"));
/// # Ok::<(), chattts_rs::Error>(())
/// ```
pub struct StreamEncoder {
    coder: Coder,
    /// The bytes in front of the samples, until they are given out.
    header: Vec<u8>,
}

impl StreamEncoder {
    /// Makes an encoder.
    ///
    /// # Errors
    /// [`Error::Parameter`] for FLAC, whose header cannot precede its samples; [`Error::Audio`] if the encoder fails.
    pub fn new(encoding: &Encoding) -> Result<Self> {
        if encoding.format() == Format::Flac {
            let others: Vec<String> =
                Format::ALL.into_iter().filter(|f| *f != Format::Flac).map(|f| f.to_string()).collect();
            let reason =
                format!("flac cannot be written piece by piece to a pipe; {} can", others.join(", "));
            return Err(Error::parameter("format", reason));
        }
        Ok(StreamEncoder { coder: Coder::new(encoding)?, header: wav::header(encoding, None) })
    }

    /// Takes samples and returns the bytes that are ready. The first call returns the header too, even if there are no
    /// samples yet.
    ///
    /// # Errors
    /// [`Error::Audio`] if the encoder fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.header);
        bytes.extend(self.coder.push(samples)?);
        Ok(bytes)
    }

    /// Returns the bytes that are left.
    ///
    /// # Errors
    /// As [`StreamEncoder::push`].
    pub fn finish(self) -> Result<Vec<u8>> {
        let mut bytes = self.header;
        bytes.extend(self.coder.finish()?.rest);
        Ok(bytes)
    }
}

/// Encodes what stands behind a file's header.
pub(super) enum Coder {
    Plain(Encoding),
    Mp3(Box<Mp3>),
    Opus(Box<Opus>),
}

/// The end of a file.
pub(super) struct End {
    /// The bytes that are left.
    pub(super) rest: Vec<u8>,
    /// The bytes that belong where [`Coder::room`] was left in front.
    pub(super) front: Vec<u8>,
}

impl Coder {
    /// Makes a coder of any format but FLAC.
    pub(super) fn new(encoding: &Encoding) -> Result<Self> {
        Ok(match encoding.format() {
            Format::Mp3 => Coder::Mp3(Box::new(Mp3::new(encoding.sample_rate())?)),
            Format::Opus => Coder::Opus(Box::new(Opus::new(encoding.sample_rate())?)),
            _ => Coder::Plain(*encoding),
        })
    }

    /// Returns the number of bytes in front of a file that are known at its end alone.
    pub(super) fn room(&self) -> usize {
        match self {
            Coder::Mp3(mp3) => mp3.tag_size(),
            _ => 0,
        }
    }

    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>> {
        match self {
            Coder::Mp3(mp3) => mp3.push(samples),
            Coder::Opus(opus) => opus.push(samples),
            Coder::Plain(encoding) => {
                let mut bytes = Vec::with_capacity(encoding.bytes_per_sample() * samples.len());
                pcm::append(samples, encoding, &mut bytes);
                Ok(bytes)
            }
        }
    }

    pub(super) fn finish(self) -> Result<End> {
        Ok(match self {
            Coder::Mp3(mp3) => {
                let (rest, front) = mp3.finish()?;
                End { rest, front }
            }
            Coder::Opus(opus) => End { rest: opus.finish()?, front: Vec::new() },
            Coder::Plain(_) => End { rest: Vec::new(), front: Vec::new() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::encode;

    #[test]
    fn pieces_make_the_stream_of_the_whole() {
        let wave: Vec<f32> = (0..30_001).map(|i| 1.1 * (i as f32 * 0.02).sin()).collect();
        for format in Format::ALL.into_iter().filter(|format| *format != Format::Flac) {
            let encoding = Encoding::new(format, None, None).unwrap();
            let stream = |size: usize| {
                let mut encoder = StreamEncoder::new(&encoding).unwrap();
                let mut bytes: Vec<u8> =
                    wave.chunks(size).flat_map(|piece| encoder.push(piece).unwrap()).collect();
                bytes.extend(encoder.push(&[]).unwrap());
                bytes.extend(encoder.finish().unwrap());
                bytes
            };
            let whole = stream(wave.len());
            for size in [1, 479, 2_048, 20_000] {
                assert!(stream(size) == whole, "{format} in pieces of {size}");
            }
            let file = encode(&wave, &encoding).unwrap();
            match format {
                Format::Raw | Format::Opus => assert!(whole == file, "{format}"),
                // The tag is missing.
                Format::Mp3 => assert!(file.ends_with(&whole) && whole.len() < file.len()),
                // The sizes are other ones, and an odd number of bytes is not filled up.
                _ => assert!(whole[8..38] == file[8..38] && file.len() - whole.len() <= 1, "{format}"),
            }
        }
    }

    #[test]
    fn the_header_comes_first_even_of_nothing() {
        for (format, magic) in [(Format::Wav, &b"RIFF"[..]), (Format::Ulaw, b"RIFF"), (Format::Opus, b"OggS")]
        {
            let encoding = Encoding::new(format, None, None).unwrap();
            let mut encoder = StreamEncoder::new(&encoding).unwrap();
            assert!(encoder.push(&[]).unwrap().starts_with(magic), "{format}");
            assert!(encoder.push(&[]).unwrap().is_empty(), "{format}");
            let whole = StreamEncoder::new(&encoding).unwrap().finish().unwrap();
            assert!(whole.starts_with(magic), "{format}");
        }
    }

    #[test]
    fn flac_is_refused_with_what_streams() {
        let flac = Encoding::new(Format::Flac, None, None).unwrap();
        let Err(error) = StreamEncoder::new(&flac) else { panic!() };
        let message = error.to_string();
        assert!(
            message.starts_with("format: flac") && message.contains("wav, mp3, opus, raw, ulaw, alaw can"),
            "{message}"
        );
    }
}
