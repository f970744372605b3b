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
    /// Reads a number or letters in a way that has a name, such as `ordinal`; none if it is no such number.
    pub in_way: fn(&str, &str) -> Option<String>,
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

/// Returns superscripts and subscripts as digits and a minus.
pub fn lowered(text: &str) -> String {
    text.nfkd().map(|c| if c == '−' { '-' } else { c }).collect()
}

/// Returns the value of a Roman numeral that is written the one right way.
pub fn roman_value(numeral: &str) -> Option<u32> {
    const PARTS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = numeral;
    let mut value = 0;
    for (worth, letters) in PARTS {
        let mut times = 0;
        while let Some(after) = rest.strip_prefix(letters) {
            (value, rest, times) = (value + worth, after, times + 1);
            if times > 3 || times > 1 && (letters.len() > 1 || "DLV".contains(letters)) {
                return None;
            }
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}
