//! The encoding of an audio file: its format, the type of its samples and their rate.

use std::fmt;
use std::str::FromStr;

use super::resample::{SAMPLE_RATES, check_rate};
use super::{mp3, opus};
use crate::error::{Error, Result};

/// What a file is written as; always mono.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// WAV: integers or floats behind a header.
    #[default]
    Wav,
    /// FLAC: integers, compressed without loss (RFC 9639).
    Flac,
    /// MP3 (MPEG layer III) of a constant bit rate, 96 kbit/s at 24,000 Hz.
    Mp3,
    /// Opus in Ogg (RFC 6716, RFC 7845) of a varying bit rate, about 48 kbit/s at 24,000 Hz.
    Opus,
    /// The samples alone, little-endian, without a header.
    Raw,
    /// Logarithmic 8-bit codes of North American and Japanese telephony (ITU-T G.711 µ-law), in a WAV file
    /// of format tag 7.
    Ulaw,
    /// Logarithmic 8-bit codes of telephony elsewhere (ITU-T G.711 A-law), in a WAV file of format tag 6.
    Alaw,
}

impl Format {
    /// Every format, as [`FromStr`] takes them and [`Display`](fmt::Display) spells them.
    pub const ALL: [Format; 7] =
        [Format::Wav, Format::Flac, Format::Mp3, Format::Opus, Format::Raw, Format::Ulaw, Format::Alaw];

    /// Returns the extension of such a file's name, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Wav | Format::Ulaw | Format::Alaw => "wav",
            Format::Flac => "flac",
            Format::Mp3 => "mp3",
            Format::Opus => "opus",
            Format::Raw => "raw",
        }
    }

    /// Returns the media type of such a file, as HTTP's `Content-Type` has it. That of raw samples says nothing of
    /// their type and rate.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Wav | Format::Ulaw | Format::Alaw => "audio/wav",
            Format::Flac => "audio/flac",
            Format::Mp3 => "audio/mpeg",
            Format::Opus => "audio/ogg; codecs=opus",
            Format::Raw => "audio/pcm",
        }
    }

    /// Tells whether such a file can be written piece by piece, to a pipe or a connection, by
    /// [`StreamEncoder`](super::StreamEncoder).
    pub fn can_stream(self) -> bool {
        self != Format::Flac
    }

    /// Returns the rates that the format holds, if they are not all of [`SAMPLE_RATES`], in Hz.
    pub fn sample_rates(self) -> Option<&'static [u32]> {
        match self {
            Format::Mp3 => Some(&mp3::SAMPLE_RATES),
            Format::Opus => Some(&opus::SAMPLE_RATES),
            _ => None,
        }
    }

    /// Tells whether the file is WAV.
    pub(super) fn is_wav(self) -> bool {
        matches!(self, Format::Wav | Format::Ulaw | Format::Alaw)
    }

    /// Returns what the format has in place of samples of a number of bits, if it has none.
    fn has_no_bits(self) -> Option<&'static str> {
        match self {
            Format::Ulaw | Format::Alaw => Some("codes have 8 of their own"),
            Format::Mp3 | Format::Opus => Some("spectra have as many as they need"),
            Format::Wav | Format::Flac | Format::Raw => None,
        }
    }

    fn is_g711(self) -> bool {
        matches!(self, Format::Ulaw | Format::Alaw)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Wav => "wav",
            Format::Flac => "flac",
            Format::Mp3 => "mp3",
            Format::Opus => "opus",
            Format::Raw => "raw",
            Format::Ulaw => "ulaw",
            Format::Alaw => "alaw",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Reads a format by its name.
    ///
    /// # Errors
    /// [`Error::Parameter`] for anything but `wav`, `flac`, `mp3`, `opus`, `raw`, `ulaw` and `alaw`.
    fn from_str(text: &str) -> Result<Self> {
        Format::ALL.into_iter().find(|format| format.to_string() == text).ok_or_else(|| {
            Error::parameter(
                "format",
                format!("`{text}`; wav, flac, mp3, opus, raw, ulaw and alaw are taken"),
            )
        })
    }
}

/// The type of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SampleFormat {
    /// 16-bit integers, full scale 32,767.
    #[default]
    I16,
    /// 24-bit integers in three bytes, full scale 8,388,607.
    I24,
    /// 32-bit floats, full scale 1.
    F32,
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SampleFormat::I16 => "16",
            SampleFormat::I24 => "24",
            SampleFormat::F32 => "32f",
        })
    }
}

impl FromStr for SampleFormat {
    type Err = Error;

    /// Reads a type of samples by its name.
    ///
    /// # Errors
    /// [`Error::Parameter`] for anything but `16`, `24` and `32f`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "16" => Ok(SampleFormat::I16),
            "24" => Ok(SampleFormat::I24),
            "32f" => Ok(SampleFormat::F32),
            _ => Err(Error::parameter("bits", format!("`{text}`; 16, 24 and 32f (float) are taken"))),
        }
    }
}

/// A format with a type and a rate of samples that it can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    format: Format,
    samples: SampleFormat,
    sample_rate: u32,
}

/// The rate of files if none is asked for, in Hz: the model's own.
const DEFAULT_RATE: u32 = 24_000;
/// The rate of G.711 if none is asked for, in Hz: the telephone's.
const TELEPHONE_RATE: u32 = 8_000;

/// Proves that FLAC's header, which has 20 bits for the rate, can hold every rate that is taken.
const _: () = assert!(*SAMPLE_RATES.end() < 1 << 20);

/// The most bytes that a WAV file's sizes count besides the samples.
const WAV_OVERHEAD: u64 = 64;
/// The most samples of a FLAC file, whose header has 36 bits for their number; 0 stands for an unknown number.
const FLAC_MAX_SAMPLES: u64 = (1 << 36) - 1;
/// The most samples of an MP3 file, whose tag has 32 bits for the number of bytes: none takes more than one.
const MP3_MAX_SAMPLES: u64 = u32::MAX as u64;

impl Encoding {
    /// Makes an encoding of this format. Its samples have 16 bits, and there are 24,000 of them a second
    /// (G.711: 8,000), unless others are asked for.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a type of samples that the format cannot hold (any for G.711, MP3 and Opus, which
    /// have one of their own, and floats for FLAC) and for a rate outside [`SAMPLE_RATES`], all of which every format
    /// holds, but for MP3 and Opus: [`Format::sample_rates`] says which.
    pub fn new(format: Format, samples: Option<SampleFormat>, sample_rate: Option<u32>) -> Result<Self> {
        match (samples, format.has_no_bits()) {
            (Some(samples), Some(why)) => {
                return Err(Error::parameter(
                    "bits",
                    format!(
                        "{samples} bits in {format}, whose {why}; none is taken, \
                         or another format (wav, flac, raw)"
                    ),
                ));
            }
            (Some(SampleFormat::F32), _) if format == Format::Flac => {
                return Err(Error::parameter("bits", "32f in flac; 16 and 24 are taken"));
            }
            _ => {}
        }
        let default_rate = if format.is_g711() { TELEPHONE_RATE } else { DEFAULT_RATE };
        let sample_rate = sample_rate.unwrap_or(default_rate);
        check_rate(sample_rate)?;
        if let Some(rates) = format.sample_rates().filter(|rates| !rates.contains(&sample_rate)) {
            let rates: Vec<String> = rates.iter().map(u32::to_string).collect();
            let reason = format!("{sample_rate} Hz in {format}; {} are taken", rates.join(", "));
            return Err(Error::parameter("sample-rate", reason));
        }
        Ok(Encoding { format, samples: samples.unwrap_or_default(), sample_rate })
    }

    /// Returns the format of the file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the type of the samples; for G.711, the type they have before they become codes. MP3 and Opus have
    /// none.
    pub fn samples(&self) -> SampleFormat {
        self.samples
    }

    /// Returns the samples per second.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Returns the number of samples that fit one file. In WAV its sizes are the limit (24 hours of 16 bits at
    /// 24 kHz), beyond which a file must be RF64; in FLAC and MP3 it is a field of its header.
    pub fn max_samples(&self) -> u64 {
        match self.format {
            Format::Wav | Format::Ulaw | Format::Alaw => {
                (u64::from(u32::MAX) - WAV_OVERHEAD) / self.bytes_per_sample() as u64
            }
            Format::Flac => FLAC_MAX_SAMPLES,
            Format::Mp3 => MP3_MAX_SAMPLES,
            Format::Opus | Format::Raw => u64::MAX,
        }
    }

    /// Returns the bytes per sample before any compression but G.711's.
    pub(super) fn bytes_per_sample(&self) -> usize {
        match self.samples {
            _ if self.format.is_g711() => 1,
            SampleFormat::I16 => 2,
            SampleFormat::I24 => 3,
            SampleFormat::F32 => 4,
        }
    }
}

impl Default for Encoding {
    /// Returns WAV with samples of 16 bits at 24 kHz.
    fn default() -> Self {
        Encoding { format: Format::Wav, samples: SampleFormat::I16, sample_rate: DEFAULT_RATE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_types_are_read_as_they_are_shown() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        for samples in [SampleFormat::I16, SampleFormat::I24, SampleFormat::F32] {
            assert_eq!(samples.to_string().parse::<SampleFormat>().unwrap(), samples);
        }
        assert_eq!(
            "aac".parse::<Format>().unwrap_err().to_string(),
            "format: `aac`; wav, flac, mp3, opus, raw, ulaw and alaw are taken"
        );
        assert_eq!(
            "32".parse::<SampleFormat>().unwrap_err().to_string(),
            "bits: `32`; 16, 24 and 32f (float) are taken"
        );
    }

    #[test]
    fn files_of_g711_are_named_wav() {
        assert_eq!(Format::ALL.map(Format::extension), ["wav", "flac", "mp3", "opus", "raw", "wav", "wav"]);
    }

    #[test]
    fn defaults_are_16_bits_at_the_models_or_the_telephones_rate() {
        let rates = [24_000, 24_000, 24_000, 24_000, 24_000, 8_000, 8_000];
        for (format, rate) in Format::ALL.into_iter().zip(rates) {
            let encoding = Encoding::new(format, None, None).unwrap();
            assert_eq!(
                (encoding.format(), encoding.samples(), encoding.sample_rate()),
                (format, SampleFormat::I16, rate)
            );
        }
        assert_eq!(Encoding::default(), Encoding::new(Format::Wav, None, None).unwrap());
        let asked = Encoding::new(Format::Ulaw, None, Some(16_000)).unwrap();
        assert_eq!(asked.sample_rate(), 16_000);
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused_with_what_it_can() {
        let refused = |format, samples, rate| Encoding::new(format, samples, rate).unwrap_err().to_string();
        for format in [Format::Mp3, Format::Opus, Format::Ulaw, Format::Alaw] {
            for samples in [SampleFormat::I16, SampleFormat::I24, SampleFormat::F32] {
                assert!(refused(format, Some(samples), None).starts_with("bits: "));
            }
        }
        assert_eq!(
            refused(Format::Flac, Some(SampleFormat::F32), None),
            "bits: 32f in flac; 16 and 24 are taken"
        );
        for format in Format::ALL {
            for rate in [0, 3_999, 384_001, u32::MAX] {
                let message = refused(format, None, Some(rate));
                assert_eq!(message, format!("sample-rate: {rate} Hz; 4000 to 384000 are taken"));
            }
        }
        assert_eq!(
            refused(Format::Opus, None, Some(44_100)),
            "sample-rate: 44100 Hz in opus; 8000, 12000, 16000, 24000, 48000 are taken"
        );
        assert!(refused(Format::Mp3, None, Some(24_001)).contains("22050, 24000, 32000"));
        for format in Format::ALL {
            for rate in format.sample_rates().unwrap_or_default() {
                assert!(Encoding::new(format, None, Some(*rate)).is_ok(), "{format} at {rate} Hz");
            }
        }
        for (format, samples, rate) in [
            (Format::Flac, SampleFormat::I24, 384_000),
            (Format::Wav, SampleFormat::F32, 384_000),
            (Format::Raw, SampleFormat::F32, 4_000),
        ] {
            assert!(Encoding::new(format, Some(samples), Some(rate)).is_ok());
        }
    }
}
