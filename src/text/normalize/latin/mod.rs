//! Things written in Latin letters in both languages: addresses, file names, hashtags, initialisms.

mod address;
mod file;
mod handle;
pub mod initialism;
mod name;
pub mod spell;
mod words;

use super::rule::Rule;

/// Addresses, names and the like, before anything else is tried.
pub const RULES: &[Rule] = &[
    Rule { name: "email", pattern: address::EMAIL, read: address::email },
    Rule { name: "web address", pattern: address::WITH_SCHEME, read: address::web },
    Rule { name: "web address", pattern: address::DOMAIN, read: address::web },
    Rule { name: "path", pattern: file::ABSOLUTE, read: file::path },
    Rule { name: "path", pattern: file::WINDOWS, read: file::path },
    Rule { name: "file", pattern: file::FILE, read: file::path },
    Rule { name: "hashtag", pattern: handle::HASHTAG, read: handle::hashtag },
    Rule { name: "handle", pattern: handle::HANDLE, read: handle::handle },
    Rule { name: "name", pattern: name::NAME, read: name::name },
];

/// Words in capitals, where nothing else was found: in English they may be abbreviations or Roman numerals.
pub const WORDS: &[Rule] = &[
    Rule { name: "initialism", pattern: initialism::CAPITALS, read: initialism::capitals },
    Rule { name: "initialism", pattern: initialism::MIXED, read: initialism::mixed },
];

#[cfg(test)]
pub mod testing {
    use crate::text::Language;
    use crate::text::normalize::{NormalizeOptions, normalize};

    pub fn english(text: &str) -> String {
        let options = NormalizeOptions { language: Some(Language::English), ..Default::default() };
        normalize(text, &options).text
    }

    pub fn chinese(text: &str) -> String {
        let options = NormalizeOptions { language: Some(Language::Chinese), ..Default::default() };
        normalize(text, &options).text
    }

    /// Checks that every text is spoken as the table says; all that are not are told at once.
    pub fn check(read: fn(&str) -> String, table: &[(&str, &str)]) {
        let wrong: Vec<_> = table
            .iter()
            .map(|(text, spoken)| (text, spoken, read(text)))
            .filter(|(_, spoken, read)| spoken != &read)
            .map(|(text, spoken, read)| format!("{text:?}\n    is    {read:?}\n    not   {spoken:?}"))
            .collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}
