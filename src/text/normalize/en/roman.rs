//! Roman numerals.

use super::context::{STARTERS, is_capitalized, next_word, previous_word};
use super::number::{cardinal, ordinal, year};
use crate::text::normalize::numbers::roman_value;
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("roman numeral", r"(?P<roman>[IVXLCDM]{1,15})(?:[-–](?P<to>[IVXL]{1,8}))?", roman),
    rule("roman numeral", r"(?P<roman>[ivxl]{1,8})(?:[-–](?P<to>[ivxl]{1,8}))?", small),
];

/// Words before a numeral that counts, in small letters.
static COUNTED: Words = Words::new("en/words", "roman: counted");

/// Names before a numeral that tells their bearers apart.
static RULERS: Words = Words::new("en/words", "roman: rulers");

static TITLES: Words = Words::new("en/words", "roman: titles");

/// Words after `I` when it is the speaker.
static VERBS: Words = Words::new("en/words", "roman: verbs");

fn roman(found: &Found) -> Option<String> {
    let numeral = found.get("roman");
    (found.stands_alone() && found.previous() != Some('&') && found.next() != Some('&')).then_some(())?;
    let value = roman_value(numeral)?;
    let digits = value.to_string();
    let before = found.before();
    // "Vol. II".
    let dotted = before.strip_suffix(". ").filter(|_| !before.ends_with(".. "));
    let word = dotted.map_or(previous_word(before), |rest| {
        let word = rest.rsplit(' ').next().unwrap_or_default();
        let short = word.to_ascii_lowercase();
        if COUNTED.contains(&short) && (short != "no" || found.all() != "I") { word } else { "" }
    });
    let next = if found.next() == Some(' ') { next_word(found.after()) } else { "" };
    if matches!(next, "century" | "centuries" | "Olympiad" | "Congress" | "Dynasty" | "dynasty") {
        return ordinal(&digits);
    }
    let plain = numeral.bytes().all(|b| b"IVX".contains(&b));
    let known = is_counted(word) && value < 90 && (numeral != "I" || is_capitalized(word));
    let speaker = numeral == "I" && VERBS.contains(next.split('\'').next().unwrap_or_default());
    if known && !speaker || goes_on_counting(before) {
        return counted(found, value);
    }
    (!found.has("to")).then_some(())?;
    let earlier = before.trim_end().strip_suffix(word).map(previous_word).unwrap_or_default();
    let ruler = RULERS.contains(word)
        || is_capitalized(word)
            && (TITLES.contains(earlier) || RULERS.contains(earlier) && numeral.len() > 1);
    if ruler && (word, numeral) != ("Malcolm", "X") && plain && value < 40 && !speaker {
        return ordinal(&digits).map(|ordinal| format!("the {ordinal}"));
    }
    (numeral.len() >= 2).then_some(())?;
    if word.eq_ignore_ascii_case("the") {
        return (plain && value < 100 && numeral != "IV").then(|| ordinal(&digits))?;
    }
    if plain && value < 40 && is_capitalized(word) && !STARTERS.contains(word) && word.len() > 1 {
        return cardinal(&digits);
    }
    let alone =
        matches!(numeral, "II" | "IX") || numeral.len() > 2 && plain && numeral != "XXX" && value < 50;
    if alone && !is_capitalized(word) {
        return cardinal(&digits);
    }
    let long = numeral.len() > 4 || numeral.len() == 4 && value > 2000;
    (long && (1500..2100).contains(&value)).then(|| year(&digits))?
}

/// Reads `chapter iv`, but never `i` or a word.
fn small(found: &Found) -> Option<String> {
    let numeral = found.get("roman");
    (found.stands_alone() && numeral != "i").then_some(())?;
    let value = roman_value(&numeral.to_ascii_uppercase())?;
    let word = previous_word(found.before()).to_ascii_lowercase();
    if numeral.len() > 1 && value < 40 && RULERS.iter().any(|ruler| ruler.eq_ignore_ascii_case(&word)) {
        return ordinal(&value.to_string()).map(|ordinal| format!("the {ordinal}"));
    }
    (COUNTED.contains(&word) && value < 50).then(|| counted(found, value))?
}

/// Reads one number, or the two of `IV-VI`.
fn counted(found: &Found, from: u32) -> Option<String> {
    let spoken = cardinal(&from.to_string())?;
    if !found.has("to") {
        return Some(spoken);
    }
    let to = roman_value(&found.get("to").to_ascii_uppercase())?;
    Some(format!("{spoken} to {}", cardinal(&to.to_string())?))
}

/// Tells whether `before` ends with numerals that are counted and go on: `chapters IV to`, `chapters II, III
/// and`.
fn goes_on_counting(before: &str) -> bool {
    let mut rest = before;
    for _ in 0..4 {
        let links = [", and ", " and ", " to ", ", ", " or ", " & "];
        let Some(head) = links.iter().find_map(|link| rest.strip_suffix(link)) else { return false };
        let numeral = head.rsplit(' ').next().unwrap_or_default();
        rest = head.strip_suffix(numeral).unwrap_or_default();
        if roman_value(numeral).is_none() {
            return false;
        }
        if is_counted(previous_word(rest)) {
            return true;
        }
    }
    false
}

/// Tells whether numerals count what the word means, of which there may be many.
fn is_counted(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    COUNTED.contains(&word) || word.strip_suffix('s').is_some_and(|one| COUNTED.contains(one))
}
