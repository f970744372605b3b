//! Things written in Latin letters in both languages: addresses, file names, hashtags, initialisms.

mod address;
mod code;
mod file;
mod handle;
pub mod initialism;
mod name;
pub mod spell;

use super::rule::{Rule, rule};

/// Addresses, names and the like, before anything else is tried.
pub const RULES: &[Rule] = &[
    rule("email", address::EMAIL, address::email),
    rule("web address", address::WITH_SCHEME, address::web),
    rule("web address", address::DOMAIN, address::web),
    rule("version", code::PACKAGE, code::package),
    rule("code", code::HARDWARE, code::hardware),
    rule("IP address", code::IP_ADDRESS, code::ip_address),
    rule("IP address", code::LONG_ADDRESS, code::long_address),
    rule("code", code::HEXADECIMAL, code::hexadecimal),
    rule("code", code::PLACEHOLDER, code::placeholder),
    rule("code", code::CHANGES, code::changes),
    rule("path", file::ABSOLUTE, file::path),
    rule("path", file::WINDOWS, file::path),
    rule("file", file::FILE, file::path),
    rule("hashtag", handle::HASHTAG, handle::hashtag),
    rule("handle", handle::HANDLE, handle::handle),
    rule("name", name::NAME, name::name),
];

/// Words in capitals, where nothing else was found: in English they may be abbreviations or Roman numerals.
pub const WORDS: &[Rule] = &[
    rule("initialism", initialism::CAPITALS, initialism::capitals),
    rule("initialism", initialism::MIXED, initialism::mixed),
];
