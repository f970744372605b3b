//! English.

mod abbreviation;
mod amount;
mod cardinal;
mod code;
mod context;
mod date;
mod era;
mod fraction;
mod law;
mod math;
mod measure;
mod model;
mod money;
pub mod number;
mod ordinal;
mod range;
mod ratio;
mod roman;
mod size;
mod street;
mod telephone;
mod time;
mod unit;
mod year;

use super::latin;
use super::numbers::lowered;
use super::rule::{self, Rule};
use super::table::Table;

/// Rules that need no code.
static ROWS: Table<Rule> = Table::new("en/rules", rule::row);

/// Returns the rules in the order they are tried: what is special comes before what is general.
pub fn rules() -> Vec<&'static [Rule]> {
    vec![
        latin::RULES,
        &ROWS,
        date::RULES,
        era::RULES,
        telephone::RULES,
        code::RULES,
        law::RULES,
        ratio::RULES,
        time::RULES,
        street::RULES,
        abbreviation::RULES,
        money::RULES,
        model::RULES,
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
    ]
}

/// Reads a number or letters in a way that has a name.
fn in_way(way: &str, written: &str) -> Option<String> {
    match way {
        "cardinal" => number::cardinal(written),
        "number" => number::number(written),
        "lowered" => number::cardinal(&lowered(written)),
        "unit" => unit::name(written),
        "weekday" => date::weekday(written).map(str::to_string),
        "ordinal" => number::ordinal(written),
        "year" => number::year(written),
        "years" => number::year(written).map(|year| number::plural(&year)),
        "digits" => Some(telephone::digits(written)),
        "full year" => date::full_year(written),
        "month" => date::month(written).map(str::to_string),
        "day" => date::day(written),
        "hours" | "minutes" | "seconds" => amount::counted(written, way.trim_end_matches('s')),
        "degrees" => Some(amount::Amount::of(written)?.of_unit("degree")),
        "side" => street::side(written).map(str::to_string),
        "house" => street::house_number(written),
        "letters" => Some(latin::spell::spell(&written.replace('.', ""))),
        _ => None,
    }
}
