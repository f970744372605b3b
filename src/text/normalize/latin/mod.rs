//! What is written in Latin letters in both languages: initialisms, addresses, hashtags.

use super::rule::Rule;

/// As read in a Chinese sentence.
pub const CHINESE: &[Rule] = &[];
/// As read in an English sentence.
pub const ENGLISH: &[Rule] = &[];
