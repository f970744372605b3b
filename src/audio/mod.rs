//! Samples on their way to a file: trimming, resampling, WAV, subtitles.

mod resample;
pub mod subtitles;
mod wav;

pub use resample::{SAMPLE_RATES, resample};
pub use wav::{MAX_SAMPLES, trim_silence, wav};
