//! Whole numbers, as each language reads them.

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
