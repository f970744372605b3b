//! Telephone numbers, and other numbers that are read digit by digit.

use super::amount::has_word;
use crate::text::normalize::latin::initialism::said_as_word;
use crate::text::normalize::latin::spell::{has_vowel, read_words, spell};
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    // Of twelve or so digits, with the code of the country.
    rule("telephone", "{international_call}", telephone),
    rule("telephone", "{american_call}", telephone),
    rule("telephone", "{toll_free_call}", toll_free),
    rule("telephone", "(?P<all>[0-9]{3}-[0-9]{4}){extension}", local),
    rule("social security number", "(?P<all>[0-9]{3}-[0-9]{2}-[0-9]{4})", groups),
    rule("card number", "{card_number}", groups),
    rule("serial number", "(?P<all>[0-9]{1,8}(?:-[0-9]{1,8}){2,5}(?:-X)?)", serial),
    rule("telephone", "{zero_call}", telephone),
    rule("telephone", "(?P<all>[0-9]{2,5}(?:[ -][0-9]{2,8}){1,4})", after_call),
    rule("number", "(?P<all>[0-9]{3,15})", numbered),
    rule("telephone", "(?P<all>911|411|311|211|511|611|711|811|988|999|112|110|120|119|101)", emergency),
    rule("telephone", "(?P<all>[0-9]{5,15})", after_call),
];

/// Reads digits as on the telephone, where zero is the letter.
pub fn digits(text: &str) -> String {
    super::number::digits(text).replace("zero", "o")
}

/// Reads digits between marks, with a pause for every mark.
fn grouped(text: &str) -> String {
    let groups = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|group| !group.is_empty());
    let read = |group| match group {
        "800" => "eight hundred".into(),
        "900" => "nine hundred".into(),
        _ => digits(group),
    };
    groups.map(read).collect::<Vec<_>>().join(", ")
}

fn is_clean(found: &Found) -> bool {
    found.starts_apart("-+./$€£#=") && found.ends_apart("/-.,:")
}

fn telephone(found: &Found) -> Option<String> {
    let all = found.get("all");
    let count = all.bytes().filter(u8::is_ascii_digit).count();
    let international = all.starts_with('+');
    (is_clean(found) && (7..=15).contains(&count)).then_some(())?;
    let plus = if international { "plus " } else { "" };
    Some(plus.to_string() + &grouped(all) + &found.say("[, extension {digits:ext}]")?)
}

/// Reads `1-800-FLOWERS`: letters that make a word are said.
fn toll_free(found: &Found) -> Option<String> {
    let all = found.get("all");
    let letters = all.bytes().any(|b| b.is_ascii_uppercase());
    (found.stands_alone() && letters && all.contains('8')).then_some(())?;
    let first = all.trim_start_matches("1-").trim_start_matches("1 ");
    (first.len() != all.len() || first.starts_with("8") || first.starts_with("(8")).then_some(())?;
    let mut parts: Vec<String> = Vec::new();
    for group in all.split(|c: char| !c.is_ascii_alphanumeric()).filter(|group| !group.is_empty()) {
        let word = group.bytes().all(|b| b.is_ascii_uppercase());
        let is_said = has_vowel(group) && group.len() > 3 || said_as_word(group);
        match (word, is_said) {
            (true, true) => parts.push(group.into()),
            (true, false) => parts.push(spell(group)),
            _ if group.bytes().all(|b| b.is_ascii_digit()) => parts.push(grouped(group)),
            _ => {
                let word = |word: &str| if has_vowel(word) { word.into() } else { spell(word) };
                parts.push(read_words(group, digits, word).join(" "));
            }
        }
    }
    Some(parts.join(", "))
}

/// Words before a number that say that it is one of a telephone, or one to be told digit by digit.
static CALLS: Words = Words::new("en/words", "telephone: calls");

/// Tells whether one of the last words before a place says that a telephone number follows.
fn is_called(before: &str) -> bool {
    let clause = before.rsplit(['.', '!', '?', ';']).next().unwrap_or_default();
    let words = clause.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.rev().take(3).any(|word| CALLS.contains(&word.to_ascii_lowercase()))
}

/// Reads `555-1234`, unless it is a range.
fn local(found: &Found) -> Option<String> {
    let (from, to) = found.get("all").split_once('-')?;
    let round = |digits: &str| digits.ends_with('0') && !digits.starts_with('0');
    let range = round(from) && round(to) && !is_called(found.before());
    (is_clean(found) && !range).then_some(())?;
    Some(grouped(found.get("all")) + &found.say("[, extension {digits:ext}]")?)
}

fn groups(found: &Found) -> Option<String> {
    is_clean(found).then(|| {
        let parts: Vec<String> = found.get("all").split(['-', ' ']).map(digits).collect();
        parts.join(", ")
    })
}

/// Reads numbers of books and the like, unless all their parts are small.
fn serial(found: &Found) -> Option<String> {
    let long = found.get("all").split('-').any(|part| part.len() > 2);
    if long { groups(found) } else { None }
}

/// Reads `call 911`, `a 911 call`.
fn emergency(found: &Found) -> Option<String> {
    let next = found.after().trim_start().to_ascii_lowercase();
    let after = ["call", "operator", "dispatch", "emergency", "hotline"].iter().any(|w| next.starts_with(w));
    (is_clean(found) && (is_called(found.before()) || after)).then(|| digits(found.get("all")))
}

fn after_call(found: &Found) -> Option<String> {
    (is_clean(found) && is_called(found.before())).then(|| grouped(found.get("all")))
}

/// Reads the digits of a card that ends in them, of an order or an account: order number 4021.
fn numbered(found: &Found) -> Option<String> {
    static NUMBERED: Words = Words::new("en/words", "telephone: numbered");
    let clause = found.before().rsplit(['.', '!', '?', ';']).next().unwrap_or_default();
    let named = has_word(clause, &NUMBERED);
    let words = clause.trim_end().trim_end_matches([':', '#']).trim_end().trim_end_matches(" is");
    let ends =
        [" ending in", " ends in", " ending with", " ends with"].iter().any(|end| words.ends_with(end));
    let number = words.ends_with(" number") || words.ends_with(" no");
    let id = words.ends_with(" ID") || words == "ID" || words.ends_with(" PIN") || words == "PIN";
    (is_clean(found) && (named && (ends || number) || id)).then(|| digits(found.get("all")))
}
