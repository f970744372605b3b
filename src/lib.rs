//! ChatTTS, conversational text to speech in Chinese and English.
//!
//! ```
//! use chattts_rs::{Engine, EngineOptions, SpeechRequest};
//!
//! # fn main() -> chattts_rs::Result<()> {
//! let engine = Engine::open(EngineOptions::new("demo"))?;
//! let mut request = SpeechRequest::new("2024年，Dr. Smith paid $5.");
//! request.overrides.sampling.seed = Some(42);
//! let mut sound: Vec<f32> = Vec::new();
//! for event in engine.speak(request)? {
//!     sound.extend(event?.samples());
//! }
//! # assert!(!sound.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! An [`Engine`] is opened once, cloned freely and used from any number of threads at once; requests share its slots,
//! and what one sounds like does not depend on the others. What [`Engine::speak`] returns is a stream of [`Event`]s
//! (started, refined text, samples, cues with their times and places in the text, a summary); dropping it frees its
//! slot. A request is spoken before all bulk work unless its [`Priority`] says otherwise. The same text, seed and type
//! give the same bytes for any batch size, neighbours and number of threads.
//!
//! In `Cargo.toml`, `default-features = false` leaves out what only the command line needs, and the module `service`,
//! speech over HTTP and gRPC, which the feature `server` brings; the feature `cuda` brings NVIDIA cards. The library for
//! C is made of the package in `src/capi`, with the header `chattts.h` there. What is measured is in [`mod@bench`].
//!
//! # Words
//!
//! - **Voice**: who speaks: a speaker vector, a sample that is continued, both or neither.
//! - **Speaker vector**: the numbers that condition the model on a voice; drawn from a seed, or read from a string.
//! - **Role**: a voice by what it is called: a registered name, a seed, a file, a mix.
//! - **Voice prompt**: the codes of a spoken sample, which the model continues when it has their words too.
//! - **Request**: what a user asks for: a text as it is written, overrides, a priority.
//! - **Line**: a request that is composed: read aloud, cut, its voices found.
//! - **Piece**: a part of a line that goes through the model at once.
//! - **Slot**: the place of one piece in a device's batch; **page**: a stretch of positions in a slot's cache.
//! - **Code**: one of 626 numbers per codebook that the model draws each step; **hidden state**: what it drew them
//!   from. **Mel**: the spectrogram made of either; **hop**: the 256 samples that one of its frames stands for.
//!
//! The weights are ChatTTS's own and licensed CC BY-NC 4.0; this crate is licensed Apache-2.0.

pub mod audio;
pub mod backend;
pub mod batch;
pub mod bench;
mod device;
pub mod engine;
mod error;
mod files;
pub mod hub;
mod loading;
mod message;
mod runtime;
pub mod sampling;
#[cfg(feature = "server")]
pub mod service;
pub mod speech;
mod stamp;
pub mod text;
mod threads;
pub mod voice;

pub use device::{BackendChoice, DeviceChoice, Devices, LoadOptions, Precision};
pub use engine::{Decoder, FinishReason, Refine, Refined};
pub use error::{Error, ErrorKind, Result, Visible};
pub use hub::ModelSource;
pub use loading::LoadedModel;
pub use runtime::{
    BatchSize, Canceller, DeviceStats, Engine, EngineOptions, Event, Limits, Model, Notice, Outcome, Speech,
    Spoken, Stages, Stats, Summary, Timing, Trace, Wave,
};
pub use sampling::{NoiseMode, SamplingParams};
pub use speech::{Lang, Overrides, Priority, SpeechRequest};
pub use voice::{SeedKind, Speaker, Voice, VoicePrompt, VoiceSample};
