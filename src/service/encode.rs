//! Audio as clients ask for it, encoded as it is made.

use std::fmt;
use std::io::Cursor;

use super::Refusal;
use crate::audio::{Encoding, Format, Sink, StreamEncoder};
use crate::error::{Result, Visible};
use crate::speech::shown;

/// The way in which audio is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As the bytes of a file, as they are made.
    Audio,
    /// As events, each with some of those bytes.
    Events,
}

/// The format of the audio that a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// MP3.
    #[default]
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// FLAC.
    Flac,
    /// WAV with samples of 16 bits, of unknown length.
    Wav,
    /// Samples of 16 bits, little-endian, without a header.
    Pcm,
}

impl ResponseFormat {
    /// All formats.
    pub const ALL: [ResponseFormat; 5] = [
        ResponseFormat::Mp3,
        ResponseFormat::Opus,
        ResponseFormat::Flac,
        ResponseFormat::Wav,
        ResponseFormat::Pcm,
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            ResponseFormat::Mp3 => "mp3",
            ResponseFormat::Opus => "opus",
            ResponseFormat::Flac => "flac",
            ResponseFormat::Wav => "wav",
            ResponseFormat::Pcm => "pcm",
        }
    }

    /// Returns the type of its content.
    pub fn content_type(self) -> &'static str {
        self.made_as().media_type()
    }

    /// Returns the library's format.
    fn made_as(self) -> Format {
        match self {
            ResponseFormat::Mp3 => Format::Mp3,
            ResponseFormat::Opus => Format::Opus,
            ResponseFormat::Flac => Format::Flac,
            ResponseFormat::Wav => Format::Wav,
            ResponseFormat::Pcm => Format::Raw,
        }
    }

    /// Reads a format by its name.
    ///
    /// # Errors
    /// A refusal that names the formats that are made.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        let found = ResponseFormat::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| {
            let made = ResponseFormat::ALL.map(ResponseFormat::name).join(", ");
            let name = Visible(shown(name));
            Refusal::of_written(format!("`response_format`: {name} is not made here; {made} are"))
        })
    }

    /// Returns the encoding at this rate, or at the format's own.
    ///
    /// # Errors
    /// A refusal of a rate that the format does not take.
    pub fn encoding(self, sample_rate: Option<u32>) -> Result<Encoding, Refusal> {
        Ok(Encoding::new(self.made_as(), None, sample_rate)?)
    }
}

/// Encodes audio piece by piece.
pub enum Encoder {
    /// As it comes.
    Pieces(Box<StreamEncoder>),
    /// A file whose beginning tells of its end.
    Whole(Box<Sink<Cursor<Vec<u8>>>>),
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoder::Pieces(_) => "Pieces",
            Encoder::Whole(_) => "Whole",
        })
    }
}

impl Encoder {
    /// Begins audio of an encoding.
    ///
    /// # Errors
    /// [`crate::Error::Audio`] if the encoder fails.
    pub fn new(encoding: &Encoding) -> Result<Self> {
        Ok(match encoding.format().can_stream() {
            true => Encoder::Pieces(Box::new(StreamEncoder::new(encoding)?)),
            false => Encoder::Whole(Box::new(Sink::new(Cursor::new(Vec::new()), encoding)?)),
        })
    }

    /// Returns the bytes of more samples; none while a format holds them back.
    ///
    /// # Errors
    /// [`crate::Error::Audio`] if the encoder fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>> {
        match self {
            Encoder::Pieces(encoder) => encoder.push(samples),
            Encoder::Whole(sink) => {
                sink.push(samples)?;
                Ok(Vec::new())
            }
        }
    }

    /// Ends the audio and returns its last bytes.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn finish(self) -> Result<Vec<u8>> {
        match self {
            Encoder::Pieces(encoder) => encoder.finish(),
            Encoder::Whole(sink) => Ok(sink.finish()?.into_inner()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_together_what_the_whole_is() {
        let samples: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
        for format in ResponseFormat::ALL {
            let encoding = format.encoding(None).unwrap();
            let mut encoder = Encoder::new(&encoding).unwrap();
            let mut bytes = Vec::new();
            for part in samples.chunks(999) {
                bytes.extend(encoder.push(part).unwrap());
            }
            bytes.extend(encoder.finish().unwrap());
            let mut whole = crate::audio::encode(&samples, &encoding).unwrap();
            match format {
                // The length is not known when it begins.
                ResponseFormat::Wav => {
                    whole[4..8].fill(0xff);
                    whole[40..44].fill(0xff);
                }
                ResponseFormat::Mp3 => drop(whole.drain(..whole.len() - bytes.len())),
                _ => {}
            }
            assert!(bytes == whole, "{format:?}");
        }
    }
}
