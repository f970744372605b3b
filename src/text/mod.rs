//! Text on its way to the model: reading aloud, cutting, control tags, prompts, tokens.

mod chapters;
mod derived;
mod dialogue;
mod entity;
mod homophones;
mod language;
pub mod markup;
pub mod normalize;
mod prompt;
mod pronounce;
#[cfg(test)]
mod properties;
mod rules;
mod segment;
mod tags;
mod tokenizer;

pub use chapters::{Book, Chapter};
pub use derived::Derived;
pub use dialogue::{FoundTurn, Turn, named, pause_after, turns};
pub use homophones::Homophones;
pub use language::Language;
pub use normalize::{
    Change, Dropped, Explained, NormalizeOptions, Normalized, Other, Piece, Reason, explain, normalize,
    normalize_markup,
};
pub use prompt::{code_prompt, refine_prompt};
pub use pronounce::Pronounce;
pub use segment::{Pause, SPEAKABLE_SECONDS, Segment, sentences, split, spoken_seconds};
pub use tags::{CONTROL_TOKENS, ControlTags, SPECIAL_TOKENS, misspelt_tokens};
pub use tokenizer::Tokenizer;
