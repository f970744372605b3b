//! A limit to how deep quotes and lists are nested.
//!
//! For every line, the parser looks at all quotes and lists that are open: thousands of them, which one line
//! can open, would take minutes.

use std::borrow::Cow;
use std::ops::Range;

/// The farthest that a mark may stand into its line, in bytes.
const MAX_PREFIX: usize = 100;

/// Returns the text with spaces for those marks of quotes and lists that stand too far into their lines.
pub fn limited(text: &str) -> Cow<'_, str> {
    let mut limited = String::new();
    let mut done = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        for mark in marks(line).skip_while(|mark| mark.start < MAX_PREFIX) {
            // Of a number only the point is a mark; all are ASCII, so one byte is one space.
            limited.push_str(&text[done..at + mark.end - 1]);
            limited.push(' ');
            done = at + mark.end;
        }
        at += line.len();
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    limited.push_str(&text[done..]);
    Cow::Owned(limited)
}

/// Finds the marks of quotes and lists that a line begins with.
fn marks(line: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let start = at + rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let len = mark(bytes.get(start..)?)?;
        at = start + len;
        Some(start..at)
    })
}

/// Returns the length of the mark that a text begins with.
fn mark(text: &[u8]) -> Option<usize> {
    // The longest number of a list.
    const MOST: usize = 9;
    let digits = text.iter().take(MOST + 1).take_while(|b| b.is_ascii_digit()).count();
    let sign = text.get(digits)?;
    let ends = text.get(digits + 1).is_none_or(|b| b.is_ascii_whitespace());
    match sign {
        b'>' if digits == 0 => Some(1),
        b'-' | b'+' | b'*' if digits == 0 && ends => Some(1),
        b'.' | b')' if (1..=MOST).contains(&digits) && ends => Some(digits + 1),
        _ => None,
    }
}
