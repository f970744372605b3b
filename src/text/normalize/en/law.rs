//! Sections of laws, chapters and verses: John three sixteen.

use super::amount::{begins, ends, last_word, word_before};
use super::number::{cardinal, year};
use crate::text::normalize::latin::spell::spell;
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::{self, Table, Words};

pub const RULES: &[Rule] = &[
    rule("section", "{law_parts}", parts),
    rule("section", "(?P<number>[0-9]{3,4})(?P<letter>[a-z])?", section),
    // No. 21-1484
    rule("citation", "(?P<year>[0-9]{2})-(?P<number>[0-9]{3,5})", docket),
    rule("book", "{bible_book}", book),
    rule("verse", r"(?P<chapter>[0-9]{1,3}):(?P<verse>[0-9]{1,3})(?:[-–](?P<last>[0-9]{1,3}))?", verse),
];

/// Words before the number of a part of a law.
static PARTS: Words = Words::new("en/words", "law: parts");

/// Tells whether the number of a part of a law stands here.
fn is_part(found: &Found) -> bool {
    let before = found.before().trim_end();
    before.ends_with('§') || before.ends_with("U.S.C.") || PARTS.contains(word_before(found).as_str())
}

/// Reads the number of a case: twenty one fourteen eighty four.
fn docket(found: &Found) -> Option<String> {
    let named = ["No.", "no.", "Nos.", "Case", "case", "docket", "Docket"];
    let meant = named.iter().any(|word| found.before().trim_end().ends_with(word));
    (meant && begins(found) && ends(found)).then_some(())?;
    let long = found.get("number").len() == 5;
    found.say(if long { "{cardinal:year} {digits:number}" } else { "{cardinal:year} {year:number}" })
}

/// Reads `Rule 12(b)(6)`: twelve b six.
fn parts(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && is_part(found)).then_some(())?;
    let mut spoken = vec![year(found.get("number"))?, spell(found.get("letter"))];
    for part in found.get("parts").split(['(', ')']).filter(|part| !part.is_empty()) {
        spoken.push(match part {
            "ii" => "two".into(),
            "iii" => "three".into(),
            "iv" => "four".into(),
            "vi" => "six".into(),
            _ if part.bytes().all(|b| b.is_ascii_digit()) => cardinal(part)?,
            _ if part.bytes().all(|b| b.is_ascii_alphabetic()) => spell(part),
            _ => return None,
        });
    }
    spoken.retain(|word| !word.is_empty());
    Some(spoken.join(" "))
}

/// Reads `§ 1983`, Section 230: each pair of digits is a number.
fn section(found: &Found) -> Option<String> {
    let number = found.get("number");
    let before = found.before().trim_end();
    let code = before.ends_with('§') || before.ends_with("U.S.C.");
    let named = before.len() < found.before().len()
        && matches!(last_word(before).as_str(), "section" | "sections" | "sec");
    let clean = begins(found) && ends(found) && !number.starts_with('0') && !found.goes_on(".,:/");
    (clean && (code || named)).then_some(())?;
    found.say("{year:number}[ {letters:letter}]")
}

/// Books that have chapters and verses.
static BOOKS: Words = Words::new("en/words", "scripture: books");

/// Their short forms. What is also another word stands with its dot.
static SHORT: Table<(&str, &str)> = Table::new("en/books", table::pair);
/// Books of which there are several: First John.
const SEVERAL: &[&str] =
    &["Samuel", "Kings", "Chronicles", "Corinthians", "Thessalonians", "Timothy", "Peter", "John"];

/// Reads the short form of a book, and which of several it is.
fn book(found: &Found) -> Option<String> {
    let (which, written) = (found.get("which"), found.get("book"));
    let dot = found.all().ends_with('.');
    let named = |short: &str| match short.strip_suffix('.') {
        Some(short) => (dot || !which.is_empty()) && short == written,
        None => short == written,
    };
    let full = SHORT.iter().find(|(short, _)| named(short)).map(|(_, full)| *full);
    let ahead = found.get("ahead");
    // No verse is zero, as in the Rev. 3:00 service.
    let verse = ahead.contains(':') && !ahead.contains(":0");
    // "On page 3 John 3:16 is quoted."
    let counted =
        matches!(&*word_before(found), "page" | "chapter" | "part" | "number" | "verse" | "section");
    (which.is_empty() || !counted).then_some(())?;
    // "Psalm 23" is one without verses.
    (begins(found) && (verse || full == Some("Psalm") && dot)).then_some(())?;
    let full =
        full.or_else(|| SEVERAL.iter().find(|book| !which.is_empty() && **book == written).copied())?;
    let which = match which {
        "" => return Some(full.into()),
        _ if !SEVERAL.contains(&full) => return None,
        "1" | "I" => "first",
        "2" | "II" => "second",
        _ => "third",
    };
    Some(format!("{which} {full}"))
}

/// Reads a chapter and a verse.
fn verse(found: &Found) -> Option<String> {
    let word = word_before(found);
    let short = |(short, _): &(&str, &str)| short.trim_end_matches('.').eq_ignore_ascii_case(&word);
    let in_book = BOOKS.contains(word.as_str()) || SHORT.iter().any(short);
    (in_book && !found.get("verse").starts_with('0')).then_some(())?;
    (begins(found) && ends(found) && !found.after().starts_with(':')).then_some(())?;
    found.say("{cardinal:chapter} {cardinal:verse}[ to {cardinal:last}]")
}
