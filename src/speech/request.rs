//! Requests as users write them.

use std::hash::{BuildHasher, Hasher};

use serde::{Deserialize, Serialize};

use super::Overrides;
use crate::text::Language;

/// The language that texts are read in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Lang {
    /// Each sentence in its own
    #[default]
    Auto,
    /// Chinese
    Zh,
    /// English
    En,
}

impl Lang {
    /// Returns the one language, or none for each sentence's own.
    pub fn language(self) -> Option<Language> {
        match self {
            Lang::Auto => None,
            Lang::Zh => Some(Language::Chinese),
            Lang::En => Some(Language::English),
        }
    }
}

/// How a text is marked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markup {
    /// Not at all.
    #[default]
    None,
    /// SSML.
    Ssml,
    /// Markdown.
    Markdown,
}

impl Markup {
    /// Tells whether a file is one text, and not one a line.
    pub fn is_document(self) -> bool {
        self != Markup::None
    }
}

/// Who goes first where requests wait for the same slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Somebody listens: it goes before all bulk, and takes the slot of the youngest of them if none is free.
    #[default]
    Interactive,
    /// Whoever asked waits for all of it, with many others.
    Bulk,
}

/// A text to be spoken, as a user has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SpeechRequest {
    /// The text: plain, SSML or Markdown, as [`SpeechRequest::overrides`] say.
    pub text: String,
    /// Where it departs from what holds for all.
    pub overrides: Overrides,
    /// Who goes first.
    pub priority: Priority,
}

impl SpeechRequest {
    /// Asks for a text under the defaults; it is read aloud as [`normalize`](crate::text::normalize()) says.
    pub fn new(text: impl Into<String>) -> Self {
        SpeechRequest { text: text.into(), ..SpeechRequest::default() }
    }

    /// Asks for a text that goes to the tokenizer untouched, in one piece.
    pub fn verbatim(text: impl Into<String>) -> Self {
        let mut request = SpeechRequest::new(text);
        request.overrides.normalize = Some(false);
        request
    }

    /// Lays overrides over the defaults.
    pub fn with(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }
}

/// Something a user should know of a request that is spoken all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Whether it is about the text itself; the message names whatever else it is about.
    pub about_text: bool,
    /// What it is, in a sentence.
    pub message: String,
}

impl Warning {
    pub(super) fn text(message: String) -> Self {
        Warning { about_text: true, message }
    }

    pub(super) fn other(message: String) -> Self {
        Warning { about_text: false, message }
    }
}

/// Draws 32 random bits, which is what the generator takes; the standard library's hasher is keyed by the system.
pub fn random_seed() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() & u64::from(u32::MAX)
}
