//! Text on its way to the model: cleaning, control tags, prompts, tokens.

mod normalize;
mod prompt;
mod tags;
mod tokenizer;

pub use normalize::{Dropped, Homophones, Language, NormalizeOptions, Normalized, normalize};
pub use prompt::{code_prompt, refine_prompt};
pub use tags::{CONTROL_TOKENS, ControlTags, SPECIAL_TOKENS};
pub use tokenizer::Tokenizer;
