//! ChatTTS, conversational text to speech in Chinese and English.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # std::env::set_current_dir(std::env::temp_dir())?;
//! use chattts_rs::{ChatTts, LoadOptions, Request, SeedKind, audio};
//!
//! // `demo` is a small model of random weights that speaks noise; `2Noise/ChatTTS` is the real one.
//! let mut tts = ChatTts::load(&"demo".parse()?, LoadOptions::default())?;
//! let mut request = Request::new("你好，世界。");
//! request.voice = tts.speaker(SeedKind::TorchF32, 2222)?.into();
//! request.seed = 42;
//! let speech = tts.synthesize(&request)?;
//! std::fs::write("hello.wav", audio::wav(&speech.wave, tts.sample_rate())?)?;
//! # std::fs::remove_file("hello.wav")?;
//! # Ok(())
//! # }
//! ```
//!
//! The weights are ChatTTS's own and licensed CC BY-NC 4.0; this crate is licensed Apache-2.0.

pub mod audio;
pub mod batch;
pub mod bench;
mod chat_tts;
#[cfg(feature = "cuda")]
pub mod cuda;
mod device;
pub mod engine;
mod error;
pub mod hub;
mod loading;
pub mod model;
pub mod pipeline;
pub mod sampling;
pub mod text;
pub mod voice;

pub use chat_tts::{ChatTts, LoadOptions, Precision, Speech};
pub use device::{DeviceChoice, Devices};
pub use engine::{Decoder, Refine, Request, Voice, VoiceSample};
pub use error::{Error, Result};
pub use hub::ModelSource;
pub use sampling::{NoiseMode, SamplingParams};
pub use voice::{SeedKind, Speaker, VoicePrompt};
