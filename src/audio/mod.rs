//! Samples on their way to a file: trimming, loudness, resampling, WAV, subtitles.

mod loudness;
mod resample;
pub mod subtitles;
mod trim;
mod wav;

pub use loudness::{LOUDNESS_TARGETS, Loudness, normalize_loudness};
pub use resample::{SAMPLE_RATES, resample};
pub use trim::{trim_quiet, trim_silence};
pub use wav::{MAX_SAMPLES, wav};
