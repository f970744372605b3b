//! Spans of years, years before and after Christ, parts of years.

use super::context::{next_word, previous_word};
use super::date::{full_year, is_clean};
use super::number::{cardinal, ordinal, year};
use crate::text::normalize::rule::{Found, Rule, is_letter_or_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("date", "(?P<year>1[0-9]{3}|20[0-9]{2}) ?[-–—~] ?(?P<to>1[0-9]{3}|20[0-9]{2}|[0-9]{2})", years),
    rule("date", "(?P<year>1[0-9]{3}|20[0-9]{2})/(?P<to>[0-9]{2})", years),
    rule("date", "{years_of_era}", era),
    rule("date", "{part_of_year}(?:[ /-]|, ?| FY ?| of )?['’]?(?P<year>20[0-9]{2}|19[0-9]{2})", part_of_year),
    rule("date", "{part_of_year}(?: ?['’]|-)(?P<year>[0-9]{2})", part_of_year),
    rule("date", "(?P<number>[1-4])(?P<letter>[QH])(?P<year>[0-9]{2})", part_of_year),
    // 2H FY23, Q1FY2024
    rule("date", "{part_of_year} ?(?P<kind>[FC])Y ?['’]?(?P<year>20[0-9]{2}|[0-9]{2})", part_of_year),
    rule("date", "(?P<part>[QH])(?P<n>[1-4])|(?P<number>[1-4])(?P<letter>[QH])", part_alone),
];

fn years(found: &Found) -> Option<String> {
    let (from, to) = (found.get("year"), found.get("to"));
    let full = if to.len() == 2 { format!("{}{to}", from.get(..2)?) } else { to.to_string() };
    let (first, last): (u32, u32) = (from.parse().ok()?, full.parse().ok()?);
    let season = to.len() == 2 && last < first && last % 100 == 0;
    // "1000-2000 people" is a range of numbers.
    let round = first % 100 == 0 && last % 100 == 0 && !found.before().ends_with("from ");
    let slash = found.all().contains('/') && last != first + 1;
    (is_clean(found) && (last > first || season) && !round && !slash && first >= 1066).then_some(())?;
    let end = match to.len() {
        2 if to.starts_with('0') && to != "00" => format!("o {}", cardinal(to.get(1..)?)?),
        2 if to == "00" => "two thousand".into(),
        2 => cardinal(to)?,
        _ => year(to)?,
    };
    Some(format!("{} to {end}", year(from)?))
}

fn era(found: &Found) -> Option<String> {
    let ends = found.next().is_some_and(is_letter_or_digit);
    (!ends && found.starts_apart("$.,/")).then_some(())?;
    found.say("{year:year}[ to {year:to}] {letters:era}")
}

/// Reads `Q3 2021`, `1H23`: the third quarter of twenty twenty one.
fn part_of_year(found: &Found) -> Option<String> {
    found.stands_alone().then_some(())?;
    let kind = if found.has("kind") { format!("{} Y ", found.get("kind")) } else { String::new() };
    Some(format!("{} of {kind}{}", part(found)?, full_year(found.get("year"))?))
}

/// Reads `in Q4`, `Q4 results`; elsewhere it may be a question or a car.
fn part_alone(found: &Found) -> Option<String> {
    static REPORTED: Words = Words::new("en/words", "era: reported");
    let during = !found.all().contains('H') && TIMES.contains(previous_word(found.before()));
    (found.stands_alone() && (during || REPORTED.contains(next_word(found.after())))).then_some(())?;
    part(found)
}

/// Words before a stretch of time, which has an article behind them.
static TIMES: Words = Words::new("en/words", "era: times");

/// Reads a quarter or a half of a year.
fn part(found: &Found) -> Option<String> {
    let part = found.get("part").to_owned() + found.get("letter");
    let n = found.get("n").to_owned() + found.get("number");
    let name = match (part.as_str(), n.as_str()) {
        ("H", "1" | "2") => "half",
        ("H", _) => return None,
        _ => "quarter",
    };
    let the = if TIMES.contains(previous_word(found.before())) { "the " } else { "" };
    Some(format!("{the}{} {name}", ordinal(&n)?))
}
