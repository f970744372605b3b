//! English.

mod abbreviation;
mod abbreviations;
mod context;
mod date;
pub mod number;
mod range;
mod roman;
mod street;
mod telephone;
mod time;

use super::latin;
use super::rule::Rule;

/// In the order they are tried: what is special comes before what is general.
pub const RULES: &[&[Rule]] = &[
    latin::ENGLISH,
    date::RULES,
    telephone::RULES,
    time::RULES,
    street::RULES,
    abbreviation::RULES,
    range::RULES,
    number::RULES,
    roman::RULES,
    latin::ENGLISH_WORDS,
];
