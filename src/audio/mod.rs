//! Samples on their way to a file: trimming, loudness, resampling, encoding, subtitles; and recordings on their
//! way from one.

mod encoder;
mod encoding;
mod flac;
mod g711;
mod loudness;
mod mp3;
mod opus;
mod pcm;
mod pitch;
mod quality;
mod recording;
mod resample;
mod sink;
mod stretch;
pub mod subtitles;
mod tags;
#[cfg(test)]
mod testing;
mod timbre;
mod trim;
mod wav;

pub use encoder::StreamEncoder;
pub use encoding::{Encoding, Format, SampleFormat};
pub use loudness::{LOUDNESS_TARGETS, Loudness, normalize_loudness};
pub use pitch::Pitch;
pub use quality::{Problem, Quality, check};
pub use recording::Recording;
pub use resample::{SAMPLE_RATES, WaveResampler, resample};
pub use sink::{Sink, encode};
pub use stretch::{SPEEDS, Stretcher};
pub use tags::{Tags, tagged};
pub use timbre::Timbre;
pub use trim::{is_silent, trim_quiet, trim_silence};
pub use wav::{MAX_SAMPLES, wav};
