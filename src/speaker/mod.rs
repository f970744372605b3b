//! Voices: a speaker vector that conditions the model, and voice prompts (codes of a sample).

mod base16384;
mod codec;
mod files;
mod philox;
mod sample;

pub use codec::{Speaker, VoicePrompt};
pub use files::read_codes;
pub use sample::{SeedKind, SpeakerStats};
