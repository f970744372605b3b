//! English.

mod abbreviation;
mod abbreviations;
mod context;
mod date;
pub mod number;
mod roman;

use super::latin;
use super::rule::Rule;

/// In the order they are tried: what is special comes before what is general.
pub const RULES: &[&[Rule]] =
    &[latin::ENGLISH, date::RULES, abbreviation::RULES, number::RULES, roman::RULES, latin::ENGLISH_WORDS];
