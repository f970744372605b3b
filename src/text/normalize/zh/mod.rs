//! Chinese.

mod codes;
mod context;
mod date;
mod digits;
pub mod emoji;
mod fraction;
mod list;
mod math;
mod measure;
mod money;
pub mod number;
mod range;
mod score;
mod telephone;
mod time;
mod units;

use super::latin;
use super::rule::{self, Rule};
use super::table::Table;

/// Rules that need no code.
static ROWS: Table<Rule> = Table::new("zh/rules", rule::row);

/// Returns the rules in the order they are tried: what is special comes before what is general.
pub fn rules() -> Vec<&'static [Rule]> {
    vec![
        &ROWS,
        // What begins with letters and is no word.
        money::LATIN,
        digits::LATIN,
        time::LATIN,
        codes::LATIN,
        math::LATIN,
        measure::LATIN,
        latin::RULES,
        latin::WORDS,
        // What begins with a digit or a sign.
        list::RULES,
        date::RULES,
        codes::RULES,
        time::RULES,
        score::RULES,
        telephone::RULES,
        digits::RULES,
        money::RULES,
        fraction::RULES,
        measure::RULES,
        math::RULES,
        range::RULES,
        number::NEGATIVE,
        number::RULES,
    ]
}
