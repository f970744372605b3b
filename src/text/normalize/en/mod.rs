//! English.

mod abbreviation;
mod abbreviations;
mod amount;
mod cardinal;
mod code;
mod context;
mod date;
mod era;
mod formula;
mod fraction;
mod law;
mod math;
mod measure;
mod model;
mod money;
pub mod number;
mod ordinal;
mod percent;
mod range;
mod ratio;
mod roman;
mod scripture;
mod size;
mod street;
mod telephone;
mod time;
mod unit;
mod year;

use super::latin;
use super::rule::Rule;

/// The rules in the order they are tried: what is special comes before what is general.
pub const RULES: &[&[Rule]] = &[
    latin::RULES,
    date::RULES,
    era::RULES,
    telephone::RULES,
    formula::RULES,
    code::RULES,
    law::RULES,
    scripture::RULES,
    ratio::RULES,
    time::RULES,
    street::RULES,
    abbreviation::RULES,
    money::RULES,
    percent::RULES,
    model::RULES,
    range::ORDINALS,
    ordinal::RULES,
    size::RULES,
    measure::RULES,
    range::RULES,
    math::RULES,
    fraction::RULES,
    year::RULES,
    cardinal::RULES,
    roman::RULES,
    latin::WORDS,
];
