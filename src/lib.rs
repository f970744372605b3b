//! ChatTTS, conversational text to speech in Chinese and English.
//!
//! ```
//! use chattts_rs::{ChatTts, LoadOptions, Request, SeedKind, audio};
//!
//! # fn main() -> chattts_rs::Result<()> {
//! // `demo` is a small model of random weights that speaks noise; `2Noise/ChatTTS` is the real one.
//! let mut tts = ChatTts::load(&"demo".parse()?, LoadOptions::default())?;
//! let mut request = Request::new("你好，世界。");
//! request.voice = tts.speaker(SeedKind::TorchF32, 2222)?.into();
//! request.seed = 42;
//! let speech = tts.synthesize(&request)?;
//! let wav = audio::wav(&speech.wave, tts.sample_rate())?;
//! # assert!(wav.len() > 44);
//! # Ok(())
//! # }
//! ```

pub mod audio;
mod chat_tts;
pub mod engine;
mod error;
pub mod hub;
pub mod model;
pub mod sampling;
pub mod speaker;
pub mod text;

pub use chat_tts::{ChatTts, DeviceChoice, LoadOptions, Precision, Speech};
pub use engine::{Decoder, Refine, Request, Voice, VoiceSample};
pub use error::{Error, Result};
pub use hub::ModelSource;
pub use sampling::{NoiseMode, SamplingParams};
pub use speaker::{SeedKind, Speaker, VoicePrompt};
