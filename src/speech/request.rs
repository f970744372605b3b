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
    /// Returns the one language, or None for each sentence's own.
    pub fn language(self) -> Option<Language> {
        match self {
            Lang::Auto => None,
            Lang::Zh => Some(Language::Chinese),
            Lang::En => Some(Language::English),
        }
    }
}

/// The markup of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markup {
    /// Plain text without markup.
    #[default]
    None,
    /// SSML.
    Ssml,
    /// Markdown.
    Markdown,
}

impl Markup {
    /// Tells whether a file is one text rather than one text a line.
    pub fn is_document(self) -> bool {
        self != Markup::None
    }
}

/// Says which request goes first where several wait for the same slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// A request that somebody listens to: it goes before all bulk requests, and takes the slot of the youngest
    /// of them if none is free.
    #[default]
    Interactive,
    /// A request whose result is only used when it is complete, as one of many.
    Bulk,
}

/// A text to be spoken, as a user writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SpeechRequest {
    /// The text: plain, SSML or Markdown, as [`SpeechRequest::overrides`] say.
    pub text: String,
    /// Settings in which the request differs from the defaults.
    pub overrides: Overrides,
    /// Priority among requests that wait for the same slots.
    pub priority: Priority,
}

impl SpeechRequest {
    /// Makes a request for a text under the defaults; it is read aloud as
    /// [`normalize`](crate::text::normalize()) says.
    pub fn new(text: impl Into<String>) -> Self {
        SpeechRequest { text: text.into(), ..SpeechRequest::default() }
    }

    /// Makes a request for a text that goes to the tokenizer untouched, in one piece.
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

/// A warning about a request that is spoken all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Whether it is about the text itself; if it is not, the message names its subject.
    pub about_text: bool,
    /// The warning as a sentence.
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

/// Draws 32 random bits, as many as the generator takes; the system keys the standard library's hasher that
/// makes them.
pub fn random_seed() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() & u64::from(u32::MAX)
}
