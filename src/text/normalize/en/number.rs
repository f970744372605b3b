//! The words of numbers in English.

use crate::text::Language;
use crate::text::normalize::numbers::Numbers;
use crate::text::normalize::table::{self, Table, Words};

pub static NUMBERS: Numbers =
    Numbers { language: Language::English, cardinal, year, digits, in_way: super::in_way };

/// Zero to nineteen.
static ONES: Words = Words::new("en/words", "number: ones");
/// Ten to ninety.
static TENS: Words = Words::new("en/words", "number: tens");
/// The names of what groups of three digits count, from the last but one on.
static SCALES: Words = Words::new("en/words", "number: scales");
/// Ordinals that are not the cardinal and `th`.
static ORDINALS: Table<(&str, &str)> = Table::new("en/ordinals", table::pair);
/// Nouns whose plural is not made by a rule; what is the same in both is written with itself.
static PLURALS: Table<(&str, &str)> = Table::new("en/plurals", table::pair);

/// Reads ASCII digits one by one; anything else in between is passed over.
pub fn digits(text: &str) -> String {
    let words: Vec<&str> = text.chars().filter_map(|c| ONES.get(c.to_digit(10)? as usize).copied()).collect();
    words.join(" ")
}

/// Reads a whole number: `1234` is one thousand two hundred and thirty four.
///
/// It takes ASCII digits without commas, at most 36 of them; none if it is anything else. One that begins
/// with a zero is read digit by digit.
pub fn cardinal(digits: &str) -> Option<String> {
    is_number(digits).then_some(())?;
    if digits.len() > 1 && digits.starts_with('0') {
        return Some(self::digits(digits));
    }
    words(digits, true)
}

/// Returns the words of digits that begin with no zero; `and` after the last hundred or not.
fn words(digits: &str, and: bool) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    let groups = digits.len().div_ceil(3);
    for group in (0..groups).rev() {
        let end = digits.len() - group * 3;
        let value: usize = digits.get(end.saturating_sub(3)..end)?.parse().ok()?;
        let (hundreds, rest) = (value / 100, value % 100);
        if hundreds > 0 {
            words.extend([*ONES.get(hundreds)?, "hundred"]);
        }
        if and && group == 0 && rest > 0 && hundreds > 0 {
            words.push("and");
        }
        match rest {
            0 => {}
            1..20 => words.push(ONES.get(rest)?),
            _ => {
                words.push(TENS.get(rest / 10 - 1)?);
                words.extend(ONES.get(rest % 10).filter(|_| rest % 10 > 0));
            }
        }
        if value > 0 && group > 0 {
            words.push(SCALES.get(group - 1)?);
        }
    }
    Some(if words.is_empty() { "zero".into() } else { words.join(" ") })
}

/// Returns the ordinal of a whole number: `21` is twenty first, `101` one hundred and first.
///
/// It takes ASCII digits without commas, at most 36 of them; zeros at the start do not count.
pub fn ordinal(digits: &str) -> Option<String> {
    is_number(digits).then_some(())?;
    let cardinal = words(digits.trim_start_matches('0'), true)?;
    Some(to_ordinal(&cardinal))
}

/// Returns the ordinal of a cardinal that is already in words.
pub fn to_ordinal(cardinal: &str) -> String {
    let (head, last) = cardinal.rsplit_once(' ').map_or(("", cardinal), |(head, last)| (head, last));
    let irregular = ORDINALS.iter().find(|(cardinal, _)| *cardinal == last);
    let last = match (irregular, last.strip_suffix('y')) {
        (Some((_, ordinal)), _) => (*ordinal).to_string(),
        (None, Some(stem)) => format!("{stem}ieth"),
        (None, None) => format!("{last}th"),
    };
    if head.is_empty() { last } else { format!("{head} {last}") }
}

/// Reads a year: `1905` is nineteen o five, `1900` nineteen hundred, `2005` two thousand five, `850` eight
/// fifty.
///
/// It takes one to four ASCII digits; a year of five and more is a cardinal.
pub fn year(digits: &str) -> Option<String> {
    is_number(digits).then_some(())?;
    let value: usize = digits.parse().ok()?;
    let (century, rest) = (value / 100, value % 100);
    let plain = |value: usize| words(&value.to_string(), false);
    Some(match (century, rest) {
        (0, _) | (100.., _) => return cardinal(digits),
        (_, 0) if century % 10 == 0 => plain(value)?,
        (_, 0) => format!("{} hundred", plain(century)?),
        (_, 1..10) if century % 10 == 0 => plain(value)?,
        (_, 1..10) => format!("{} o {}", plain(century)?, plain(rest)?),
        _ => format!("{} {}", plain(century)?, plain(rest)?),
    })
}

/// Reads a decimal: `3`, `14` is three point one four; without a whole part it begins with point.
///
/// It takes ASCII digits without commas, of the whole part as many as [`cardinal`], or none; the fraction
/// may be of any length but not empty.
pub fn decimal(whole: &str, fraction: &str) -> Option<String> {
    (!fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
    let fraction = digits(fraction);
    if whole.is_empty() {
        return Some(format!("point {fraction}"));
    }
    Some(format!("{} point {fraction}", cardinal(whole)?))
}

/// Reads a number with or without commas and a point.
pub fn number(text: &str) -> Option<String> {
    let plain = text.replace(',', "");
    match plain.split_once('.') {
        Some((whole, fraction)) => decimal(whole, fraction),
        None => cardinal(&plain),
    }
}

/// Returns the plural of a noun; of several words, that of the last.
pub fn plural(word: &str) -> String {
    let (head, last) = word.rsplit_once(' ').map_or(("", word), |(head, last)| (head, last));
    let irregular = PLURALS.iter().find(|(singular, _)| *singular == last);
    let consonant_y = last.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    let last = match (irregular, consonant_y) {
        (Some((_, plural)), _) => (*plural).to_string(),
        _ if last.ends_with("hertz") || last.ends_with("craft") => last.to_string(),
        (None, Some(stem)) => format!("{stem}ies"),
        (None, None) if last.ends_with(['s', 'x', 'z']) || last.ends_with("ch") || last.ends_with("sh") => {
            format!("{last}es")
        }
        (None, None) => format!("{last}s"),
    };
    if head.is_empty() { last } else { format!("{head} {last}") }
}

fn is_number(digits: &str) -> bool {
    (1..=36).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}
