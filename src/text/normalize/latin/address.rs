//! E-mail and web addresses.

use super::initialism::said_as_word;
use super::spell::{has_vowel, join, read_words, spell};
use crate::text::Language;
use crate::text::normalize::numbers::Numbers;
use crate::text::normalize::rule::Found;
use crate::text::normalize::table::{self, Table, Words};

pub const EMAIL: &str = r"(?:mailto:)?[A-Za-z0-9][A-Za-z0-9._%\+-]{0,63}@(?:[A-Za-z0-9_-]{1,63}\.){1,5}[A-Za-z]{2,12}(?:/[A-Za-z0-9._/-]{0,99}[A-Za-z0-9_/])?";

/// An address ends with a letter, a digit or a sign that ends no sentence.
pub const WITH_SCHEME: &str = r"(?i-u:(?:https?|ftp|wss?|file)://|www[0-9]?\.)[-A-Za-z0-9._~:/?#@!$&'()\*\+,;=%]{0,250}[-A-Za-z0-9_~/#=&\+%]";

/// A name with a common ending, and what may follow it.
pub const DOMAIN: &str = concat!(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,40})\.){1,5}",
    "{domain}",
    r"(?::[0-9]{1,5})?(?:/(?:[-A-Za-z0-9._~:/?#@!$&'()\*\+,;=%]{0,200}[-A-Za-z0-9_~/#=&\+%])?)?",
);

/// Signs in addresses and file names, in Chinese and in English.
static SIGNS: Table<(char, &str, &str)> = Table::new("latin/addresses", table::sign);

/// Words that have vowels and are spelled all the same.
static SPELLED: Words = Words::new("latin/words", "address: spelled");

/// Endings that are said, in capitals too.
const ENDINGS: &[&str] = &["COM", "ORG", "NET", "GOV", "EDU"];

pub fn email(found: &Found) -> Option<String> {
    (found.stands_alone() && !found.previous().is_some_and(|c| "._%+-".contains(c))).then_some(())?;
    let address = found.all();
    speak(address.strip_prefix("mailto:").unwrap_or(address), found.numbers())
}

pub fn web(found: &Found) -> Option<String> {
    (found.stands_alone() && !found.previous().is_some_and(|c| "@._-".contains(c))).then_some(())?;
    // "U.S.Co", "3.5.me": a name of nothing but digits and single letters is no address.
    let domain = found.all().split(['/', ':']).next().unwrap_or_default();
    let named = domain.split('.').rev().skip(1).any(|label| label.len() > 1 || domain.len() < 6);
    let numeric = domain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (found.all().contains("//") || named && !numeric).then(|| speak(found.all(), found.numbers()))?
}

/// Reads an address or a file name: words as words, signs by their names, digits one by one.
pub fn speak(text: &str, numbers: &Numbers) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let letters = rest.bytes().take_while(|b| b.is_ascii_alphanumeric()).count();
        let (word, after) = rest.split_at(if letters > 0 { letters } else { c.len_utf8() });
        if letters > 0 {
            parts.extend(read_words(word, numbers.digits, say));
        } else if let Some((_, chinese, english)) = SIGNS.iter().find(|(sign, ..)| *sign == c) {
            parts.push(if numbers.language == Language::Chinese { chinese } else { english }.to_string());
        }
        rest = after;
    }
    (!parts.is_empty()).then(|| join(&parts))
}

/// Reads a word of an address.
fn say(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let capitals = word.len() > 1 && word.len() < 6 && word.bytes().all(|b| b.is_ascii_uppercase());
    let spelled = word.len() > 1 && word.len() < 8 && !has_vowel(word) || SPELLED.contains(&lower);
    if spelled || capitals && !said_as_word(word) && !ENDINGS.contains(&word) {
        spell(word)
    } else {
        word.to_string()
    }
}
