//! Words in capitals: letter by letter, or as a word.

use super::spell::{has_vowel, spell, split_words};
use crate::text::Language;
use crate::text::normalize::rule::{Found, is_digit, is_letter};
use crate::text::normalize::table::Words;

/// The hyphen before a number is not heard: `GPT-4`.
pub const CAPITALS: &str = r"(?P<word>[A-Z]{2,12})(?P<plural>s)?(?:-(?P<ahead>[0-9]))?";

/// Small letters with capitals behind them, or capitals with small letters behind them.
pub const MIXED: &str =
    r"(?P<word>[A-Za-z]{0,24}(?:[a-z][A-Z]{2}|[A-Z]{2}[a-z])[A-Za-z]{0,24})(?:-(?P<ahead>[0-9]))?";

/// From here on a word in capitals with vowels is said.
const LONG: usize = 5;

/// Tells whether a word in capitals is said rather than spelled, whatever stands around it.
pub fn said_as_word(word: &str) -> bool {
    let long = word.len() >= LONG && has_vowel(word) && !SPELLED.contains(word);
    SAID.contains(word) || COMMON.contains(word) || long
}

/// Reads a word of a name: spelled if it is an initialism.
pub fn said(word: &str) -> String {
    let (capitals, plural) = match word.strip_suffix('s') {
        Some(capitals) if capitals.len() > 1 => (capitals, "s"),
        _ => (word, ""),
    };
    let initialism = capitals.len() > 1 && capitals.bytes().all(|b| b.is_ascii_uppercase());
    if initialism && !said_as_word(capitals) { spell(capitals) + plural } else { word.to_string() }
}

pub fn capitals(found: &Found) -> Option<String> {
    (!found.previous().is_some_and(is_letter) && !found.next().is_some_and(is_letter)).then_some(())?;
    let word = found.get("word");
    let shouted = found.language() == Language::English && is_shouted(found);
    let spelled = match SPELLED.contains(word) {
        true => {
            let a_word = shouted && matches!(word, "IT" | "US" | "WHO" | "AM" | "LA" | "BIT" | "SAP");
            !(a_word || is_verb(found))
        }
        false => !said_as_word(word) && (!shouted || !has_vowel(word)),
    };
    let hyphen = found.all().ends_with('-');
    match (spelled, hyphen) {
        (true, _) => Some(spell(word) + found.get("plural")),
        (_, true) => Some(word.to_string() + found.get("plural")),
        _ => None,
    }
}

/// Tells whether it is the verb of `I AM`, which is no time of the day.
fn is_verb(found: &Found) -> bool {
    found.get("word") == "AM" && found.before().ends_with("I ")
}

/// Tells whether the words around it are in capitals too; other initialisms do not count.
fn is_shouted(found: &Found) -> bool {
    let words = |text: &str| -> Vec<bool> {
        let long = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        let capital = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase());
        long.filter(|word| !capital(word) || said_as_word(word)).map(capital).collect()
    };
    let sentence = |c: char| matches!(c, '.' | '!' | '?' | '\n');
    let before = words(found.before().rsplit(sentence).next().unwrap_or_default());
    let after = words(found.after().split(sentence).next().unwrap_or_default());
    let near: Vec<bool> = before.iter().rev().take(2).chain(after.iter().take(2)).copied().collect();
    !near.is_empty() && near.iter().all(|capital| *capital)
}

pub fn mixed(found: &Found) -> Option<String> {
    let word = found.get("word");
    ((found.stands_alone() || found.next().is_some_and(is_digit)) && !SAID_MIXED.contains(&word))
        .then_some(())?;
    // "McDONALD" and "YouTube" have no initialism in them.
    let parts: Vec<String> = split_words(word).into_iter().map(said).collect();
    let spoken = parts.join(" ");
    let changed = parts.concat() != word;
    match (changed, found.all().ends_with('-')) {
        (true, _) => Some(spoken),
        (false, true) => Some(word.to_string()),
        _ => None,
    }
}

/// Initialisms that are said as words.
static SAID: Words = Words::new("latin/words", "words: said");

/// Initialisms that are spelled though they could be said, and are so even among words in capitals.
static SPELLED: Words = Words::new("latin/words", "words: spelled");

/// English words that people put into capitals, to shout or in a headline, and that are no initialisms
/// there. Longer ones need no list: from five letters on a word with vowels is said.
static COMMON: Words = Words::new("latin/words", "words: common");

/// Words with capitals inside that are said as they are written.
const SAID_MIXED: &[&str] = &["LaTeX", "TeX", "WiFi", "SQLite", "GIMP", "LLaMA", "LLaVA"];
