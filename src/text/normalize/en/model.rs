//! Names of models in English, of which each pair of digits is a number: a 747, an F-150.

use super::amount::{begins, ends, has_word, last_word, word_before};
use super::number::{plural, year};
use crate::text::normalize::rule::{Found, Rule, is_capital, is_digit, is_letter_or_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("model", r"(?P<model>7[0-9]7)-(?P<variant>[0-9]{3})", airliner),
    rule("model", r"802\.(?P<part>[0-9]{1,2})(?P<letters>[a-z]{0,3})", network),
    rule("model", "(?P<model>[0-9]{3,4})(?P<many>s)?", model),
];

/// Words right before the number of a model.
static MAKES: Words = Words::new("en/words", "model: makes");
/// Letters that the number of a model is written to, perhaps with a hyphen, and how the number begins.
const SERIES: &[(&str, &str)] =
    &[("A", "3"), ("B", "7"), ("F", "1"), ("F", "2"), ("F", "3"), ("MD", "8"), ("RTX", ""), ("GTX", "")];

fn airliner(found: &Found) -> Option<String> {
    let alone = begins(found) && ends(found) && found.next() != Some('-');
    (alone && !has_word(found.before(), &["call", "tel", "phone"])).then_some(())?;
    found.say("{year:model} {year:variant}")
}

/// Reads `802.11ac`.
fn network(found: &Found) -> Option<String> {
    let known = found.get("part") == "11" || found.has("letters");
    let sum = found.previous().is_some_and(|c| !c.is_whitespace() && !"(\"“".contains(c));
    (known && !sum && found.stands_alone() && found.next().is_none_or(|c| c != '%')).then_some(())?;
    found.say("eight o two dot {cardinal:part}[ {letters:letters}]")
}

fn model(found: &Found) -> Option<String> {
    let number = found.get("model");
    (!found.next().is_some_and(is_digit) && !found.goes_on(".,")).then_some(())?;
    let before = found.before().strip_suffix('-').unwrap_or(found.before());
    let letters = before.trim_end_matches(is_capital).len();
    let series = before.get(letters..).is_some_and(|letters| {
        SERIES.iter().any(|(series, first)| *series == letters && number.starts_with(first))
    });
    let apart = !before.get(..letters).is_some_and(|rest| rest.ends_with(is_letter_or_digit));
    let long = number.len() == 4 || !number.ends_with("00");
    let named = (MAKES.contains(word_before(found).as_str()) || is_flight(found.before())) && begins(found);
    (ends(found) && (named || series && apart && long)).then_some(())?;
    let spoken = year(number)?;
    Some(if found.has("many") { plural(&spoken) } else { spoken })
}

/// Tells whether `before` ends with the letters of an airline after the word flight: flight BA 117.
fn is_flight(before: &str) -> bool {
    let Some(head) = before.strip_suffix(' ') else { return false };
    let rest = head.trim_end_matches(is_capital);
    head.len() - rest.len() == 2 && rest.ends_with(' ') && last_word(rest) == "flight"
}
