//! ChatTTS, conversational text to speech in Chinese and English.

mod error;
pub mod hub;
pub mod model;
pub mod sampling;
pub mod speaker;
pub mod text;

pub use error::{Error, Result};
