//! English.

pub mod number;

use super::latin;
use super::rule::Rule;

/// In the order they are tried: what is special comes before what is general.
pub const RULES: &[&[Rule]] = &[
    latin::ENGLISH,
    number::RULES,
    latin::ENGLISH_WORDS,
];
