//! Things written in Latin letters in both languages: addresses, file names, hashtags, initialisms.

mod address;
mod code;
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
    Rule { name: "version", pattern: code::PACKAGE, read: code::package },
    Rule { name: "code", pattern: code::HARDWARE, read: code::hardware },
    Rule { name: "IP address", pattern: code::LONG_ADDRESS, read: code::long_address },
    Rule { name: "code", pattern: code::HEXADECIMAL, read: code::hexadecimal },
    Rule { name: "code", pattern: code::PLACEHOLDER, read: code::placeholder },
    Rule { name: "code", pattern: code::CHANGES, read: code::changes },
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
