//! Numbers in Chinese.

use crate::text::normalize::rule::Rule;

pub const RULES: &[Rule] =
    &[Rule { name: "number", pattern: r"\d{1,24}", read: |found| Some(digits(found.all())) }];

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// ASCII digits, one by one; anything else in between is passed over.
pub fn digits(text: &str) -> String {
    text.chars().filter_map(|c| c.to_digit(10)).map(|digit| DIGITS[digit as usize]).collect()
}
