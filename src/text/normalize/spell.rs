//! Spelling: one character after the other, by name.

use super::signs;
use super::table::{self, Table};
use crate::text::Language;

/// Returns what a character is called; none for those without a name, and for Han characters, which are their
/// own.
pub fn name(c: char, language: Language) -> Option<String> {
    if let Some(digit) = c.to_digit(10) {
        return Some(digit_name(digit, language));
    }
    if c.is_ascii_alphabetic() {
        return Some(c.to_ascii_uppercase().to_string());
    }
    if let Some((_, chinese, english)) = SIGNS.iter().find(|(sign, ..)| *sign == c) {
        return Some(if language == Language::Chinese { chinese } else { english }.to_string());
    }
    if let Some(letters) = signs::plain_letters(c) {
        let letters: Vec<String> = letters.chars().map(|c| c.to_ascii_uppercase().to_string()).collect();
        return Some(letters.join(" "));
    }
    signs::name(c, language).map(str::to_string)
}

fn digit_name(digit: u32, language: Language) -> String {
    let digit = digit.to_string();
    match language {
        Language::Chinese => super::zh::number::digits(&digit),
        Language::English => super::en::number::digits(&digit),
    }
}

/// Signs that are pauses or nothing in running text, and their names in Chinese and English when spelled.
static SIGNS: Table<(char, &str, &str)> = Table::new("spelling", table::sign);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_ascii_character_has_a_name() {
        for c in '!'..='~' {
            for language in [Language::Chinese, Language::English] {
                let name = name(c, language).unwrap();
                assert!(!name.is_empty(), "{c}");
                let plain = |c: char| c.is_ascii_alphabetic() || c == ' ' || super::super::is_han(c);
                assert!(name.chars().all(plain), "{c}: {name}");
            }
        }
    }

    #[test]
    fn accents_are_not_spelled() {
        assert_eq!(name('é', Language::English).as_deref(), Some("E"));
        assert_eq!(name('ß', Language::English).as_deref(), Some("S S"));
        assert_eq!(name('好', Language::Chinese), None);
    }
}
