//! Emoji in Chinese: the ones people send most.

use crate::text::normalize::table::{self, Table};

/// Returns the name of an emoji, if it has one here; how it is drawn does not matter.
pub fn name(emoji: &str) -> Option<&'static str> {
    let plain = emoji.trim_end_matches('\u{fe0f}');
    NAMES.iter().find(|(known, _)| *known == plain).map(|(_, name)| *name)
}

static NAMES: Table<(&str, &str)> = Table::new("zh/emoji", table::pair);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once_and_is_that_of_an_emoji() {
        for (i, (emoji, name)) in NAMES.iter().enumerate() {
            assert!(emojis::get(emoji).is_some(), "{emoji}");
            assert!(name.chars().all(crate::text::language::is_han), "{name}");
            assert!(NAMES[..i].iter().all(|(other, _)| other != emoji), "{emoji}");
        }
        assert_eq!(name("❤\u{fe0f}"), Some("红心"));
        assert_eq!(name("🦒"), None);
    }
}
