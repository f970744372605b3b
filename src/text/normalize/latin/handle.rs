//! Hashtags and the names of accounts.

use super::initialism::said;
use super::spell::{join, read_words};
use crate::text::Language;
use crate::text::normalize::numbers::Numbers;
use crate::text::normalize::rule::Found;
use crate::text::normalize::table::Words;

pub const HASHTAG: &str = r"#[A-Za-z0-9_]{1,80}";
pub const HANDLE: &str = r"@[A-Za-z0-9_]{1,40}";

/// Lines that a compiler of C reads first.
static DIRECTIVES: Words = Words::new("latin/words", "handle: directives");

pub fn hashtag(found: &Found) -> Option<String> {
    let tag = found.all().trim_start_matches('#');
    let inside = |c: char| c.is_ascii_alphanumeric() || "#&/".contains(c);
    (!found.previous().is_some_and(inside) && tag.bytes().any(|b| b.is_ascii_alphabetic())).then_some(())?;
    // A colour is no tag; "#feed" and "#cafe" are words.
    let is_color = matches!(tag.len(), 3 | 6) && tag.bytes().all(|b| b.is_ascii_hexdigit());
    (!(is_color && tag.bytes().any(|b| b.is_ascii_digit()))).then_some(())?;
    let word = found.either("话题", if DIRECTIVES.contains(tag) { "hash" } else { "hashtag" });
    Some(join(&[vec![word.to_string()], words(&tag.replace('_', " "), found.numbers())].concat()))
}

pub fn handle(found: &Found) -> Option<String> {
    found.starts_apart("._@").then_some(())?;
    let name = found.all().trim_start_matches('@');
    name.bytes().any(|b| b.is_ascii_alphabetic()).then_some(())?;
    let mut parts = vec![found.either("艾特", "at").to_string()];
    for (i, part) in name.split('_').enumerate() {
        if i > 0 {
            parts.push(found.either("下划线", "underscore").to_string());
        }
        parts.extend(words(part, found.numbers()));
    }
    Some(join(&parts))
}

fn words(text: &str, numbers: &Numbers) -> Vec<String> {
    text.split(' ').flat_map(|text| read_words(text, |digits| number(digits, numbers), said)).collect()
}

/// Reads a year or a small number as such, others one by one.
fn number(digits: &str, numbers: &Numbers) -> String {
    let named = match (numbers.language, digits.len()) {
        (_, 4) => (numbers.year)(digits),
        (Language::English, 1..=3) if !digits.starts_with('0') => (numbers.cardinal)(digits),
        _ => None,
    };
    named.unwrap_or_else(|| (numbers.digits)(digits))
}
