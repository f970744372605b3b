//! Numbers in English.

use crate::text::normalize::rule::Rule;

pub const RULES: &[Rule] =
    &[Rule { name: "number", pattern: r"\d{1,24}", read: |found| Some(digits(found.all())) }];

const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// ASCII digits, one by one; anything else in between is passed over.
pub fn digits(text: &str) -> String {
    let words: Vec<&str> =
        text.chars().filter_map(|c| c.to_digit(10)).map(|digit| DIGITS[digit as usize]).collect();
    words.join(" ")
}
