//! Ordinals and decades in English.

use super::amount::{begins, ends, word_before};
use super::number::{cardinal, ordinal, plural, year};
use crate::text::normalize::rule::{Found, Rule, is_capital, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("ordinal", "{nth_number}", nth),
    rule("ordinal", r"(?P<number>[0-9]{1,4})[ªº]", nth),
    rule("decade", r"['’‘](?P<decade>[0-9]0)['’]?s", decade),
    rule("decade", r"(?P<century>1[1-9]|20)(?P<decade>[0-9]0)['’]?s", decade),
    rule("decade", r"(?P<decade>[2-9]0)['’]?s", short_decade),
    rule("cardinal", r"(?P<number>10{2,6}|1(?:,000){1,2})s(?P<ahead> of)", many),
    rule("cardinal", r"(?P<number>[0-9]{1,6})['’]?s", many),
];

/// Words before a time in seconds, not before a decade.
static BEFORE_SECONDS: Words = Words::new("en/words", "ordinal: before seconds");

/// Words before several things that a number of three digits names.
static BEFORE_THINGS: Words = Words::new("en/words", "ordinal: before things");

fn nth(found: &Found) -> Option<String> {
    // 250º F
    let degrees = found.all().ends_with('º') && found.after().trim_start().starts_with(['F', 'C']);
    (begins(found) && ends(found) && !degrees).then_some(())?;
    let spoken = ordinal(&found.get("number").replace(',', ""))?;
    Some(if found.has("many") { plural(&spoken) } else { spoken })
}

/// Reads 1990s as the nineteen nineties, 1900s as the nineteen hundreds, '90s as the nineties.
fn decade(found: &Found) -> Option<String> {
    (begins(found) && ends(found)).then_some(())?;
    let (century, decade) = (found.get("century"), found.get("decade"));
    let whole = format!("{century}{decade}");
    let spoken = match (century, decade) {
        ("", _) => cardinal(decade)?,
        (_, "00") => year(&whole)?,
        _ => format!("{} {}", cardinal(century)?, cardinal(decade)?),
    };
    Some(plural(&spoken))
}

fn short_decade(found: &Found) -> Option<String> {
    let seconds = BEFORE_SECONDS.contains(word_before(found).as_str()) && !found.all().contains(['\'', '’']);
    if seconds { None } else { decade(found) }
}

/// Reads several of one number: 1s and 0s, two 747s, 100s of people.
fn many(found: &Found) -> Option<String> {
    let number = found.get("number");
    let apostrophe = found.all().contains(['\'', '’']);
    // U2's.
    let name = apostrophe && found.previous().is_some_and(is_capital);
    ((begins(found) || name) && ends(found)).then_some(())?;
    if found.has("ahead") {
        let words = cardinal(&number.replace(',', ""))?;
        return Some(plural(words.strip_prefix("one ").unwrap_or(&words)));
    }
    let before = word_before(found);
    let named = found.before().ends_with('-');
    let thing = named
        || matches!(number, "0" | "1") && !BEFORE_SECONDS.contains(before.as_str())
        || number.len() == 3 && BEFORE_THINGS.contains(before.as_str());
    // Others are seconds.
    (apostrophe || thing).then_some(())?;
    Some(plural(&cardinal(number)?))
}
