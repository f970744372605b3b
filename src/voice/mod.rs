//! Voices: a speaker vector that conditions the model, and voice prompts (codes of a sample).

mod base16384;
mod codec;
mod files;
mod json_file;
mod philox;
mod pickle;
mod registry;
mod resolve;
mod role;
mod role_file;
mod sample;
mod spec;
mod speech_voice;
mod torch_file;
mod voice_file;

pub use codec::{Speaker, VoicePrompt};
pub use files::read_codes;
pub use registry::{Origin, Registered, Registry};
pub use resolve::resolve;
pub use role::Role;
pub use role_file::{add_role, remove_role};
pub use sample::{SeedKind, SpeakerStats};
pub use spec::{VoiceSpec, check_name};
pub use speech_voice::{Voice, VoiceSample};
pub use voice_file::{FileVoice, read_speaker};
