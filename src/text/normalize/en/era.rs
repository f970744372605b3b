//! Spans of years, years before and after Christ, parts of years.

use super::context::{next_word, previous_word};
use super::date::{full_year, is_clean};
use super::number::{cardinal, ordinal, year};
use crate::text::normalize::rule::{Found, Rule, is_letter_or_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("date", "(?P<year>[12][0-9]{3})s? ?[-–—~] ?(?P<ahead>present|now|today|Present)", since),
    rule("date", "(?P<year>1[0-9]{3}|20[0-9]{2}) ?[-–—~] ?(?P<to>1[0-9]{3}|20[0-9]{2}|[0-9]{2})", years),
    rule("date", "(?P<year>1[0-9]{3}|20[0-9]{2})/(?P<to>[0-9]{2})", years),
    rule("date", "{years_of_era}", era),
    rule("date", r"(?:AD|A\.D\.) ?(?P<year>[0-9]{1,4})(?:[-–](?P<to>[0-9]{1,4}))?", anno_domini),
    rule("date", "{part_of_year}(?:[ /-]|, ?| FY ?| of )?['’]?(?P<year>20[0-9]{2}|19[0-9]{2})", part_of_year),
    rule("date", "{part_of_year}(?: ?['’]|-)(?P<year>[0-9]{2})", part_of_year),
    rule("date", "(?P<number>[1-4])(?P<letter>[QH])(?P<year>[0-9]{2})", part_of_year),
    // 2H FY23, Q1FY2024
    rule("date", "{part_of_year} ?(?P<kind>[FC])Y ?['’]?(?P<year>20[0-9]{2}|[0-9]{2})", part_of_year),
    rule("date", "(?P<n>[369])M ?['’]?(?P<year>20[0-9]{2}|[12][0-9])", |found| {
        let months = found.stands_alone().then(|| cardinal(found.get("n")))??;
        Some(format!("{months} months of {}", full_year(found.get("year"))?))
    }),
    rule("date", "{part_of_year}", part_alone),
    rule("date", "(?P<part>[Mm]id|[Ee]arly|[Ll]ate|[Pp]re|[Pp]ost)-(?P<ahead>['’‘][0-9]0s)", |found| {
        Some(format!("{} ", found.get("part")))
    }),
    rule("date", "FY ?(?P<year>20[0-9]{2})[-–/](?P<to>[0-9]{2})", |found| {
        let to = found.stands_alone().then(|| cardinal(found.get("to")))??;
        Some(format!("F Y {} to {to}", year(found.get("year"))?))
    }),
    rule("date", r"FY ?['’]?(?P<year>20[0-9]{2}|19[0-9]{2}|[0-9]{2})", fiscal),
];

fn since(found: &Found) -> Option<String> {
    Some(format!("{} to", year(found.get("year"))?))
}

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
    let letters: Vec<String> =
        found.get("era").chars().filter(char::is_ascii_alphabetic).map(|c| c.to_string()).collect();
    let mut spoken = year(found.get("year"))?;
    if found.has("to") {
        spoken += " to ";
        spoken += &year(found.get("to"))?;
    }
    Some(format!("{spoken} {}", letters.join(" ")))
}

fn anno_domini(found: &Found) -> Option<String> {
    found.stands_alone().then_some(())?;
    let spoken = format!("A D {}", year(found.get("year"))?);
    Some(if found.has("to") { format!("{spoken} to {}", year(found.get("to"))?) } else { spoken })
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

fn fiscal(found: &Found) -> Option<String> {
    let digits = found.get("year");
    let spoken = if digits.len() == 2 { cardinal(digits)? } else { year(digits)? };
    found.stands_alone().then(|| format!("F Y {spoken}"))
}
