//! Samples on their way to a file: trimming, loudness, resampling, encoding, subtitles; and recordings on their
//! way from one.

mod encoding;
mod flac;
mod g711;
mod loudness;
mod pcm;
mod quality;
mod recording;
mod resample;
mod sink;
pub mod subtitles;
mod trim;
mod wav;

pub use encoding::{Encoding, Format, SampleFormat};
pub use loudness::{LOUDNESS_TARGETS, Loudness, normalize_loudness};
pub use pcm::encode_samples;
pub use quality::{Problem, Quality, check};
pub use recording::Recording;
pub use resample::{SAMPLE_RATES, WaveResampler, resample};
pub use sink::{Sink, encode};
pub use trim::{is_silent, trim_quiet, trim_silence};
pub use wav::{MAX_SAMPLES, stream_header, wav};
