//! Whole numbers, as each language reads them.

use unicode_normalization::UnicodeNormalization;

use super::table::{self, Table};
use crate::text::Language;

/// Reads whole numbers of ASCII digits without commas in one language.
#[derive(Debug)]
pub struct Numbers {
    /// The language.
    pub language: Language,
    /// Reads a cardinal; none if it has no name.
    pub cardinal: fn(&str) -> Option<String>,
    /// Reads a year; none if it is no year.
    pub year: fn(&str) -> Option<String>,
    /// Reads digits one by one; anything else in between is passed over.
    pub digits: fn(&str) -> String,
}

impl Numbers {
    /// Reads a number as a cardinal if it has a name, else digit by digit.
    pub fn number(&self, digits: &str) -> String {
        (self.cardinal)(digits).unwrap_or_else(|| (self.digits)(digits))
    }
}

/// Returns how many zeros a letter or a word adds to a number, and its name in English.
pub fn scale(written: &str) -> Option<(usize, &'static str)> {
    static SCALES: Table<(Vec<&str>, usize, &str)> = Table::new("scales", |cells| match cells {
        [written, zeros, english] => Some((table::forms(written).collect(), zeros.parse().ok()?, *english)),
        _ => None,
    });
    let small = written.to_ascii_lowercase();
    SCALES.iter().find(|(forms, ..)| forms.contains(&&*small)).map(|(_, zeros, english)| (*zeros, *english))
}

/// Returns what is above and under the bar of a fraction that is one character.
pub fn vulgar(c: char) -> Option<(u8, u8)> {
    let written: String = c.nfkd().collect();
    let (over, under) = written.split_once('⁄')?;
    Some((over.parse().ok()?, under.parse().ok()?))
}
