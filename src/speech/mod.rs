//! Turns a user's input (text, markup, overrides) into lines that an engine can speak, and the engine's waves
//! into the sound that was asked for.

mod cast;
mod compose;
mod confine;
mod content;
mod digest;
pub(crate) mod field;
mod line;
mod overrides;
mod post_process;
mod read;
mod record;
mod request;
mod voices;

pub use cast::Cast;
pub use compose::{Composer, homophones, pronounce};
pub use confine::FileRule;
pub use content::{Content, OUTPUT_VERSION, model_fingerprint};
pub use digest::sha256;
pub(crate) use digest::sha256_file;
pub use field::shown;
pub use line::{CueText, Line, Piece};
pub use overrides::{MarkupOverrides, Overrides, ReadingOverrides, SamplingOverrides};
pub use post_process::{PostProcess, PostProcessor};
pub use read::{Reading, Spoken, check, cut, misspelt, read};
pub use record::ReadingRecord;
pub use request::{Lang, Markup, Priority, SpeechRequest, Warning, random_seed};
pub use voices::{Voices, encode_sample, is_audio};
