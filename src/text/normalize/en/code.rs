//! Formulas of chemistry, and numbers and names that are told digit by digit.

use super::amount::{begins, ends, last_word};
use super::number::{cardinal, year};
use super::telephone::digits;
use crate::text::normalize::latin::spell::{read_words, spell};
use crate::text::normalize::rule::{Found, Rule, is_digit, is_small, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("formula", "(?:[A-Z][a-z]?[0-9]{0,2}){2,8}", formula),
    rule("code", "(?:401|403|457|529|501)(?:\\([a-z0-9]\\)){0,3}[kKbB]?s?", section),
    rule("code", "(?P<all>[0-9]{4,15})", coded),
    rule("serial number", "(?P<all>[A-Z0-9]{6,24})", mixed),
    // The hash of a commit or a file.
    rule("serial number", "(?P<all>[0-9a-f]{7,64})", mixed),
];

/// Words right before a number that is told digit by digit, perhaps with an `is` or a mark in between.
const CODES: &[&str] = &["pin", "passcode", "password", "code"];
/// Words before the long number of one of many.
static NUMBERED: Words = Words::new("en/words", "code: numbered");

/// Reads `401(k)`, `501(c)(3)`: sections of a law that are well known.
fn section(found: &Found) -> Option<String> {
    let (name, plural) = found.all().strip_suffix('s').map_or((found.all(), ""), |name| (name, "s"));
    let letters = name.bytes().any(|b| b.is_ascii_alphabetic()) || found.after().starts_with(" plan");
    (begins(found) && ends(found) && letters).then_some(())?;
    let (number, letters) = name.split_at_checked(3)?;
    let letters = letters.chars().filter(char::is_ascii_alphanumeric);
    let letters = letters.map(|c| cardinal(c.encode_utf8(&mut [0; 4])).unwrap_or(c.to_string()));
    let parts: Vec<String> = [year(number)?].into_iter().chain(letters).collect();
    Some(parts.join(" ") + plural)
}

/// Reads `PIN 4821`, `order #48213`, a card ending in 4242.
fn coded(found: &Found) -> Option<String> {
    let before = found.before().trim_end_matches([' ', ':']).to_ascii_lowercase();
    let numbered = ["#", "no.", "number"].iter().find_map(|mark| before.strip_suffix(mark));
    let before = before.strip_suffix(" is").unwrap_or(&before);
    let word = |text: &str, words: &[&str]| words.contains(&&*last_word(text));
    // Order 12345678
    let long = found.get("all").len() > 5 && word(before, &NUMBERED);
    let meant = long
        || word(before, CODES)
        || before.ends_with("ending in")
        || numbered.is_some_and(|before| {
            word(before, CODES) || found.get("all").len() > 4 && word(before, &NUMBERED)
        });
    let clean = found.stands_alone() && !found.goes_on(",.-/:%");
    (meant && clean).then(|| digits(found.get("all")))
}

/// Reads letters and digits in turns, as on a car or a parcel.
fn mixed(found: &Found) -> Option<String> {
    let all = found.get("all");
    let changes = all.as_bytes().windows(2).filter(|pair| match pair {
        [a, b] => a.is_ascii_digit() != b.is_ascii_digit(),
        _ => false,
    });
    let longest = all.split(|c: char| !c.is_ascii_digit()).map(str::len).max()?;
    let changes = changes.count();
    let serial = changes > 1 && longest > 2 || changes > 3 || changes > 0 && longest > 4;
    // A hash has more of both than a number with its letter, or a word.
    let serial = serial && (changes > 2 || !all.bytes().any(|b| b.is_ascii_lowercase()));
    (found.stands_alone() && serial && !found.previous().is_some_and(|c| "-_./@#".contains(c)))
        .then_some(())?;
    Some(read_words(all, digits, spell).join(" "))
}

/// Elements of common compounds. Some are left out, as codes and names have their letters too.
static ELEMENTS: Words = Words::new("en/words", "formula: elements");

/// Reads `H2SO4`: at least two elements, and one of them several times.
fn formula(found: &Found) -> Option<String> {
    found.stands_alone().then_some(())?;
    let (mut rest, mut spoken, mut elements, mut counted) = (found.all(), Vec::new(), 0, false);
    let mut last = "";
    let mut inner = false;
    while !rest.is_empty() {
        let small = rest.get(1..).is_some_and(|tail| tail.starts_with(is_small));
        let (element, tail) = rest.split_at_checked(if small { 2 } else { 1 })?;
        ELEMENTS.contains(element).then_some(())?;
        let after = tail.trim_start_matches(is_digit);
        let count = tail.get(..tail.len() - after.len())?;
        spoken.push(spell(element));
        elements += 1;
        if !count.is_empty() {
            (!count.starts_with('0') && count != "1").then_some(())?;
            spoken.push(cardinal(count)?);
            counted = true;
            inner |= !after.is_empty();
        }
        (last, rest) = (element, after);
    }
    // PS5 and COP26 are none.
    let oxide = last == "O" || elements == 2;
    (counted && elements > 1 && (inner || oxide)).then(|| spoken.join(" "))
}
