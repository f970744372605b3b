//! The words around a number, and what they say about it.

use crate::text::normalize::rule::{is_digit, is_letter};
use crate::text::normalize::table::Words;

/// Measure words, before which two is 两.
static MEASURES: Words = Words::new("zh/words", "context: measures");

/// Words that begin as a measure, but in which two is 二.
static NOT_MEASURES: Words = Words::new("zh/words", "context: not measures");

/// Words that make the number after them an ordinal.
static ORDINALS: Words = Words::new("zh/words", "context: ordinals");

/// Words for what a number counts in the week, after 周.
static TURNS: Words = Words::new("zh/words", "context: turns");

pub fn ends_with_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.ends_with(word))
}

pub fn starts_with_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.starts_with(word))
}

pub fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Returns what was said before in the same sentence.
pub fn sentence_before(before: &str) -> &str {
    before.rsplit(['。', '！', '？', '；', '\n']).next().unwrap_or(before)
}

/// Returns what follows in the same sentence.
pub fn sentence_after(after: &str) -> &str {
    after.split(['。', '！', '？', '；', '\n']).next().unwrap_or(after)
}

/// Tells whether a measure word follows, maybe after the other end of a range.
pub fn measure_follows(after: &str) -> bool {
    let after = after.trim_start_matches(' ');
    is_measure(after) || range_end(after).is_some_and(is_measure)
}

fn is_measure(after: &str) -> bool {
    // 2室1厅
    let rooms = after
        .strip_prefix('室')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || "一两三".contains(c)));
    rooms || starts_with_any(after, &MEASURES) && !starts_with_any(after, &NOT_MEASURES)
}

/// Returns what follows the second of two numbers.
fn range_end(after: &str) -> Option<&str> {
    const SIGNS: &[char] = &['-', '~', '–', '—', '〜', '至', '到', '、', '或'];
    let rest = after.strip_prefix(SIGNS)?.trim_start_matches(' ');
    let end = rest.trim_start_matches(is_digit);
    (end.len() < rest.len()).then(|| end.trim_start_matches(' '))
}

/// Tells whether a unit of time follows.
pub fn is_unit_of_time(after: &str) -> bool {
    starts_with_any(after.trim_start_matches(' '), &["秒", "分", "小时", "小時", "天", "毫秒"])
}

/// Tells whether a number between these says which one, not how many.
pub fn is_ordinal(before: &str, after: &str) -> bool {
    let before = before.trim_end_matches(' ');
    if ends_with_any(before, &["每周", "每週", "每星期", "一周", "一週"])
        && starts_with_any(after.trim_start(), &TURNS)
    {
        return false;
    }
    ends_with_any(before, &ORDINALS)
}

/// Says how a Latin word stands before a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatinBefore {
    /// Right before it, or before a hyphen or a point.
    Joined,
    /// With a space between.
    Spaced,
}

/// Returns how a Latin word stands before a number, if one does.
pub fn latin_before(before: &str) -> Option<LatinBefore> {
    // 1920x1080 is a product.
    let times = |text: &str| text.strip_suffix(['x', 'X']).is_some_and(|number| number.ends_with(is_digit));
    let letter = |text: &str| text.ends_with(is_letter) && !times(text);
    if letter(before) || before.strip_suffix(['-', '.', '_']).is_some_and(letter) {
        return Some(LatinBefore::Joined);
    }
    // i7-12700
    if let Some(rest) = before.strip_suffix('-')
        && letter(rest.trim_end_matches(is_digit))
    {
        return Some(LatinBefore::Joined);
    }
    // R9 5900X
    let spaced =
        before.strip_suffix(' ').is_some_and(|word| letter(word) || letter(word.trim_end_matches(is_digit)));
    spaced.then_some(LatinBefore::Spaced)
}
