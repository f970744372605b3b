//! Voices: a speaker vector that conditions the model, and voice prompts (codes of a sample).

mod base16384;
mod codec;
mod files;
mod json_file;
mod philox;
mod pickle;
mod sample;
mod spec;
mod torch_file;
mod voice_file;

pub use codec::{Speaker, VoicePrompt};
pub use files::read_codes;
pub use sample::{SeedKind, SpeakerStats};
pub use spec::{VoiceSpec, check_name};
pub use voice_file::{FileVoice, read_speaker};
