//! Text on its way to the model: cleaning, cutting, control tags, prompts, tokens.

mod normalize;
mod prompt;
mod segment;
mod tags;
mod tokenizer;

pub use normalize::{Dropped, Homophones, Language, NormalizeOptions, Normalized, normalize};
pub use prompt::{code_prompt, refine_prompt};
pub use segment::{Pause, SPEAKABLE_SECONDS, Segment, split, spoken_seconds};
pub use tags::{CONTROL_TOKENS, ControlTags, SPECIAL_TOKENS};
pub use tokenizer::Tokenizer;
