//! The words around a place, and what they tell about it.

use super::date::is_month;
use crate::text::normalize::rule::{is_capital, is_digit, is_small};
use crate::text::normalize::table::Words;

/// Words that begin a sentence more often than a name: a dot before them ends a sentence.
pub static STARTERS: Words = Words::new("en/words", "context: starters");

/// Returns the words of a text, the last first: what spaces part, without marks around it.
pub fn words_back(before: &str) -> impl Iterator<Item = &str> {
    before.split_ascii_whitespace().rev()
}

/// Returns the word right before a place that only a space parts from it.
pub fn previous_word(before: &str) -> &str {
    let Some(text) = before.strip_suffix(' ') else { return "" };
    let text = text.trim_end_matches(' ');
    let start = text
        .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '\'')
        .map_or(0, |i| i + text.get(i..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    text.get(start..).unwrap_or_default()
}

/// Returns the word after a place, with at most one mark and spaces before it.
pub fn next_word(after: &str) -> &str {
    let rest = after.trim_start_matches(['.', ',']).trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// Tells whether a word has a capital and then small letters.
pub fn is_capitalized(word: &str) -> bool {
    word.starts_with(is_capital)
}

/// Tells whether the words before a place are a house number and the name of a street: `123 West Main`, but not
/// a day and its month.
pub fn ends_with_street(before: &str) -> bool {
    if !before.ends_with(' ') || ends_with_day(before) {
        return false;
    }
    for (i, word) in words_back(before).take(6).enumerate() {
        let numeric = word.starts_with(is_digit);
        let ordinal = numeric && word.ends_with(is_small);
        if ordinal && i == 0 {
            return true;
        }
        if numeric && !ordinal {
            return i > 0;
        }
        if !ordinal && (!is_capitalized(word) || word.ends_with([',', ';', ':'])) {
            return false;
        }
    }
    false
}

/// Tells whether the words before a place are a day and a month: `on 5 May`.
pub fn ends_with_day(before: &str) -> bool {
    let mut words = words_back(before);
    let (Some(month), Some(day)) = (words.next(), words.next()) else { return false };
    is_month(month.trim_end_matches('.')) && day.parse().is_ok_and(|day: u8| (1..=31).contains(&day))
}
