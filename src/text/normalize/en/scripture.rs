//! Chapters and verses, and the books that have them: John three sixteen.

use super::amount::{begins, ends, word_before};
use super::number::cardinal;
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::{self, Table, Words};

pub const RULES: &[Rule] = &[
    rule("book", "{bible_book}", book),
    rule("verse", r"(?P<chapter>[0-9]{1,3}):(?P<verse>[0-9]{1,3})(?:[-–](?P<last>[0-9]{1,3}))?", verse),
];

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
    let spoken = format!("{} {}", cardinal(found.get("chapter"))?, cardinal(found.get("verse"))?);
    Some(match found.get("last") {
        "" => spoken,
        last => format!("{spoken} to {}", cardinal(last)?),
    })
}
