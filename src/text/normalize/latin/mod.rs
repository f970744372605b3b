//! What is written in Latin letters in both languages: addresses, file names, hashtags, initialisms.

mod address;
mod file;
mod handle;
pub mod initialism;
mod name;
pub mod spell;
mod words;

use super::rule::Rule;
use crate::text::Language;

/// As read in a Chinese sentence.
pub const CHINESE: &[Rule] = &[
    rule("email", address::EMAIL, |found| address::email(found, Language::Chinese)),
    rule("web address", address::WITH_SCHEME, |found| address::web(found, Language::Chinese)),
    rule("web address", address::DOMAIN, |found| address::web(found, Language::Chinese)),
    rule("path", file::ABSOLUTE, |found| file::path(found, Language::Chinese)),
    rule("path", file::WINDOWS, |found| file::path(found, Language::Chinese)),
    rule("file", file::FILE, |found| file::path(found, Language::Chinese)),
    rule("hashtag", handle::HASHTAG, |found| handle::hashtag(found, Language::Chinese)),
    rule("handle", handle::HANDLE, |found| handle::handle(found, Language::Chinese)),
    rule("name", name::NAME, |found| name::name(found, Language::Chinese)),
    rule("initialism", initialism::CAPITALS, |found| initialism::capitals(found, Language::Chinese)),
    rule("initialism", initialism::MIXED, initialism::mixed),
];

/// As read in an English sentence, before anything else is tried.
pub const ENGLISH: &[Rule] = &[
    rule("email", address::EMAIL, |found| address::email(found, Language::English)),
    rule("web address", address::WITH_SCHEME, |found| address::web(found, Language::English)),
    rule("web address", address::DOMAIN, |found| address::web(found, Language::English)),
    rule("path", file::ABSOLUTE, |found| file::path(found, Language::English)),
    rule("path", file::WINDOWS, |found| file::path(found, Language::English)),
    rule("file", file::FILE, |found| file::path(found, Language::English)),
    rule("hashtag", handle::HASHTAG, |found| handle::hashtag(found, Language::English)),
    rule("handle", handle::HANDLE, |found| handle::handle(found, Language::English)),
    rule("name", name::NAME, |found| name::name(found, Language::English)),
];

/// As read in an English sentence, where no abbreviation and no Roman numeral was found.
pub const ENGLISH_WORDS: &[Rule] = &[
    rule("initialism", initialism::CAPITALS, |found| initialism::capitals(found, Language::English)),
    rule("initialism", initialism::MIXED, initialism::mixed),
];

type Read = fn(&super::rule::Found) -> Option<String>;

const fn rule(name: &'static str, pattern: &'static str, read: Read) -> Rule {
    Rule { name, pattern, read }
}

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

    /// Every text is spoken as the table says; all that are not are told at once.
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
