//! Recordings that users bring: WAV, FLAC and MP3 files of a voice.

mod compressed;
mod wav;

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use symphonia::core::io::MediaSource;

use super::resample::{SAMPLE_RATES, resample};
use crate::error::{Error, Result};

/// The longest recording that is read, in seconds; a sample of a voice is much shorter.
const MAX_SECONDS: u64 = 600;
/// The most samples of one channel that are read: a small FLAC may unpack to any number of them.
const MAX_SAMPLES: u64 = 16_000_000;
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 200_000_000;
/// The largest sample that is taken for sound. Some programs write whole numbers of 32 bits as floats, which reach
/// 2·10⁹ where full scale is 1.
const LOUDEST: f32 = 1e10;
/// The bytes at the start of a file that are read to tell its kind.
const HEAD: u64 = 64;

/// The part of a message that names the kinds of files that are read.
const CONVERT: &str = "WAV, FLAC and MP3 files are read; convert it first, for instance with \
     `ffmpeg -i FILE sample.wav`";

/// A recording in one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Finite samples, −1 to 1 at full scale; a float WAV and a decoded MP3 may go beyond.
    pub samples: Vec<f32>,
    /// Samples per second, in [`SAMPLE_RATES`](super::SAMPLE_RATES).
    pub sample_rate: u32,
    /// The part of the file that could not be read, in words for the user; None if all of it was read.
    pub damage: Option<String>,
}

impl Recording {
    /// Reads a WAV (8- to 32-bit PCM, 32- and 64-bit float, A-law, µ-law), FLAC or MP3 file; its bytes tell which,
    /// not its name. Several channels become their mean. The encoder's padding around an MP3 is cut off where the
    /// file says how much it is.
    ///
    /// If a truncated or slightly damaged file can still be read in part, that part is returned, and `damage`
    /// says what is missing.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read. [`Error::BadFile`] if it is empty, of another kind, larger than
    /// 200 MB, longer than 10 minutes or 16 million samples (of which no more than that is read), of a rate outside
    /// [`SAMPLE_RATES`](super::SAMPLE_RATES), if it holds no samples or such as no sound has, or if more than a
    /// tenth of it cannot be decoded.
    pub fn read(path: &Path) -> Result<Recording> {
        let read_error = || Error::io("read", path);
        let about = std::fs::metadata(path).map_err(read_error())?;
        if !about.is_file() {
            return Err(Error::bad_file(path, "is not a file; name a WAV, FLAC or MP3 file"));
        }
        let file = File::open(path).map_err(read_error())?;
        Recording::read_from(file, about.len(), path)
    }

    /// Reads such a file that is in memory; `name` says what it is called in messages.
    ///
    /// # Errors
    /// [`Error::BadFile`], as [`Recording::read`].
    pub fn from_bytes(bytes: Vec<u8>, name: &Path) -> Result<Recording> {
        let size = bytes.len() as u64;
        Recording::read_from(Cursor::new(bytes), size, name)
    }

    fn read_from(mut file: impl MediaSource + 'static, size: u64, path: &Path) -> Result<Recording> {
        let read_error = || Error::io("read", path);
        if size == 0 {
            return Err(Error::bad_file(path, "is empty"));
        }
        if size > MAX_BYTES {
            return Err(Error::bad_file(path, format!("is {} MB large; {TOO_LONG}", size / 1_000_000)));
        }
        let mut head = Vec::new();
        (&mut file).take(HEAD).read_to_end(&mut head).map_err(read_error())?;
        file.rewind().map_err(read_error())?;
        let named_mp3 = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mp3"));
        let recording = match kind(&head) {
            Kind::Wav => wav::read(&mut BufReader::new(file), path)?,
            Kind::Compressed(name) => compressed::read(Box::new(file), name, path)?,
            // Some programs write other bytes before the first frame.
            Kind::Unknown if named_mp3 => compressed::read(Box::new(file), "MP3", path)?,
            Kind::Unknown => {
                return Err(Error::bad_file(path, format!("is not audio that is known; {CONVERT}")));
            }
            Kind::Foreign(name) => return Err(Error::bad_file(path, format!("is {name}; {CONVERT}"))),
        };
        if recording.samples.is_empty() {
            return Err(Error::bad_file(path, "holds no sound: there is no sample in it; record again"));
        }
        // Written so that what is no number is refused too.
        if !recording.samples.iter().all(|s| s.abs() <= LOUDEST) {
            let reason = "has samples that are no sound: infinite, not numbers or far beyond full scale; export it \
                 again as 16-bit WAV";
            return Err(Error::bad_file(path, reason));
        }
        Ok(recording)
    }

    /// Returns the samples at another rate (in Hz), by [`resample`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for a rate outside [`SAMPLE_RATES`](super::SAMPLE_RATES).
    pub fn at(&self, rate: u32) -> Result<Vec<f32>> {
        Ok(resample(&self.samples, self.sample_rate, rate)?.into_owned())
    }
}

const TOO_LONG: &str = "at most 10 minutes, 16 million samples and 200 MB are read, and 5 to 15 seconds of one voice are best: cut \
     such a piece out of it";

/// The kind of a file, as its first bytes tell it.
#[derive(Debug, PartialEq)]
enum Kind {
    Wav,
    Compressed(&'static str),
    /// Another kind of file, named with its article.
    Foreign(&'static str),
    Unknown,
}

fn kind(head: &[u8]) -> Kind {
    let form = head.get(8..12).unwrap_or_default();
    match head {
        [b'R', b'I', b'F', b'F', ..] if form == b"WAVE" => Kind::Wav,
        [b'f', b'L', b'a', b'C', ..] => Kind::Compressed("FLAC"),
        // An ID3 tag may precede either; it is nearly always an MP3.
        [b'I', b'D', b'3', ..] => Kind::Compressed("MP3"),
        // Layer "00" of MPEG's sync word is AAC's, "11" and "10" are layers I and II.
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Kind::Compressed("MP3"),
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Kind::Foreign("an AAC file"),
        [0xff, second, ..] if matches!(second & 0xe6, 0xe4 | 0xe6) && *second < 0xfe => {
            Kind::Foreign("an MPEG file of layer I or II")
        }
        [b'R', b'I', b'F', b'F', ..] => Kind::Foreign("a RIFF file without WAVE (AVI, WebP, …)"),
        [b'R', b'I', b'F', b'X', ..] => Kind::Foreign("a big-endian WAV file (RIFX)"),
        [b'R', b'F', b'6', b'4', ..] | [b'B', b'W', b'6', b'4', ..] => {
            Kind::Foreign("a 64-bit WAV file (RF64)")
        }
        [b'O', b'g', b'g', b'S', ..] => Kind::Foreign("an Ogg file (Opus, Vorbis, …)"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Kind::Foreign("an MP4 file (M4A, MOV, …)"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Kind::Foreign("a Matroska or WebM file"),
        [0x30, 0x26, 0xb2, 0x75, ..] => Kind::Foreign("a Windows Media file (WMA, WMV)"),
        [b'F', b'O', b'R', b'M', ..] => Kind::Foreign("an AIFF file"),
        [b'c', b'a', b'f', b'f', ..] => Kind::Foreign("a CAF file"),
        [b'#', b'!', b'A', b'M', b'R', ..] => Kind::Foreign("an AMR file"),
        [b'.', b's', b'n', b'd', ..] => Kind::Foreign("an AU file"),
        _ => Kind::Unknown,
    }
}

/// Collects frames of several channels as the mean of each.
struct Mono<'a> {
    path: &'a Path,
    samples: Vec<f32>,
    sample_rate: u32,
    channels: usize,
    limit: usize,
}

impl<'a> Mono<'a> {
    fn new(path: &'a Path, sample_rate: u32, channels: usize) -> Result<Self> {
        if !SAMPLE_RATES.contains(&sample_rate) {
            let (low, high) = SAMPLE_RATES.into_inner();
            let reason = format!("has a sample rate of {sample_rate} Hz; {low} to {high} are read");
            return Err(Error::bad_file(path, reason));
        }
        if channels == 0 {
            return Err(Error::bad_file(path, "has no channels; its header is damaged"));
        }
        let limit = MAX_SAMPLES.min(MAX_SECONDS * u64::from(sample_rate));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Mono { path, samples: Vec::new(), sample_rate, channels, limit })
    }

    /// Adds whole frames, whose samples alternate between the channels; an incomplete frame at the end is
    /// dropped.
    fn push(&mut self, interleaved: impl IntoIterator<Item = f32>) -> Result<()> {
        let mut values = interleaved.into_iter();
        loop {
            let (mut sum, mut taken) = (0.0, 0);
            for value in values.by_ref().take(self.channels) {
                sum += f64::from(value);
                taken += 1;
            }
            if taken < self.channels {
                break;
            }
            self.samples.push((sum / self.channels as f64) as f32);
        }
        if self.samples.len() > self.limit {
            let what = match self.limit as u64 {
                MAX_SAMPLES => "holds more than 16 million samples",
                _ => "is longer than 10 minutes",
            };
            return Err(Error::bad_file(self.path, format!("{what}; {TOO_LONG}")));
        }
        Ok(())
    }

    /// Returns the recording. `promised` is the number of samples per channel that the header states, if it
    /// states one.
    fn finish(self, promised: Option<u64>, damage: Option<String>) -> Recording {
        let seconds = |samples: u64| samples as f64 / f64::from(self.sample_rate);
        let (has, promised) = (seconds(self.samples.len() as u64), promised.map(seconds));
        // A header beyond the limit is one that was written before the length was known.
        let short = promised.filter(|p| *p - has > SHORT && *p <= MAX_SECONDS as f64);
        let truncated = short.map(|p| format!("it ends after {has:.1} s of {p:.1} s: the file is cut off"));
        Recording {
            samples: self.samples,
            sample_rate: self.sample_rate,
            damage: match (damage, truncated) {
                (Some(damage), Some(truncated)) => Some(format!("{damage}; {truncated}")),
                (damage, truncated) => damage.or(truncated),
            },
        }
    }
}

/// The length that may be missing at the end without being reported, in seconds.
const SHORT: f64 = 0.05;

#[cfg(test)]
mod tests;
