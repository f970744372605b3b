//! Words that are written in capitals, and how they are said.

use crate::text::normalize::table::Words;

/// Initialisms that are said as words.
pub static SAID: Words = Words::new("latin/words", "words: said");

/// Initialisms that are spelled though they could be said, and are so even among words in capitals.
pub static SPELLED: Words = Words::new("latin/words", "words: spelled");

/// English words that people put into capitals, to shout or in a headline, and that are no initialisms
/// there. Longer ones need no list: from five letters on a word with vowels is said.
pub static COMMON: Words = Words::new("latin/words", "words: common");

/// Words with capitals inside that are said as they are written.
pub const MIXED: &[&str] = &["LaTeX", "TeX", "WiFi", "SQLite", "GIMP", "LLaMA", "LLaVA"];
