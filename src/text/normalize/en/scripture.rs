//! Chapters and verses, and the books that have them: John three sixteen.

use super::amount::{begins, ends, word_before};
use super::number::cardinal;
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "book",
        pattern: r"(?:(?P<which>[123]|I{1,3}) ?)?(?P<book>[A-Z][A-Za-z]{1,14})\.?(?P<ahead> ?[0-9]{1,3}(?::[0-9]{1,3})?)",
        read: book,
    },
    Rule {
        name: "verse",
        pattern: r"(?P<chapter>[0-9]{1,3}):(?P<verse>[0-9]{1,3})(?:[-–](?P<last>[0-9]{1,3}))?",
        read: verse,
    },
];

/// Books that have chapters and verses.
#[rustfmt::skip]
const BOOKS: &[&str] = &[
    "genesis", "exodus", "leviticus", "deuteronomy", "joshua", "judges", "samuel", "kings", "chronicles", "job", "psalm",
    "psalms", "proverbs", "ecclesiastes", "isaiah", "jeremiah", "ezekiel", "daniel", "matthew", "mark", "luke", "john",
    "acts", "romans", "corinthians", "galatians", "ephesians", "philippians", "colossians", "thessalonians", "timothy",
    "titus", "hebrews", "james", "peter", "jude", "revelation", "surah", "quran", "nehemiah", "hosea", "micah", "malachi",
];

/// Their short forms. What is also another word stands with its dot.
const SHORT: &[(&str, &str)] = &[
    ("Gen", "Genesis"),
    ("Ex.", "Exodus"),
    ("Exod", "Exodus"),
    ("Lev", "Leviticus"),
    ("Num.", "Numbers"),
    ("Deut", "Deuteronomy"),
    ("Josh.", "Joshua"),
    ("Sam.", "Samuel"),
    ("Kgs", "Kings"),
    ("Chron", "Chronicles"),
    ("Chr", "Chronicles"),
    ("Neh", "Nehemiah"),
    ("Ps", "Psalm"),
    ("Prov", "Proverbs"),
    ("Eccl", "Ecclesiastes"),
    ("Isa", "Isaiah"),
    ("Jer", "Jeremiah"),
    ("Ezek", "Ezekiel"),
    ("Dan.", "Daniel"),
    ("Hos", "Hosea"),
    ("Mic", "Micah"),
    ("Mal", "Malachi"),
    ("Matt.", "Matthew"),
    ("Mt.", "Matthew"),
    ("Mk", "Mark"),
    ("Lk", "Luke"),
    ("Jn", "John"),
    ("Rom", "Romans"),
    ("Cor", "Corinthians"),
    ("Gal", "Galatians"),
    ("Eph", "Ephesians"),
    ("Phil.", "Philippians"),
    ("Col.", "Colossians"),
    ("Thess", "Thessalonians"),
    ("Tim.", "Timothy"),
    ("Heb", "Hebrews"),
    ("Jas.", "James"),
    ("Pet.", "Peter"),
    ("Rev", "Revelation"),
];
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
    let in_book = BOOKS.contains(&word.as_str()) || SHORT.iter().any(short);
    (in_book && !found.get("verse").starts_with('0')).then_some(())?;
    (begins(found) && ends(found) && !found.after().starts_with(':')).then_some(())?;
    let spoken = format!("{} {}", cardinal(found.get("chapter"))?, cardinal(found.get("verse"))?);
    Some(match found.get("last") {
        "" => spoken,
        last => format!("{spoken} to {}", cardinal(last)?),
    })
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::en::tests::check;

    #[test]
    fn chapters_and_verses() {
        check(&[
            ("John 3:16", "John three sixteen"),
            ("Psalm 23:4-6", "Psalm twenty three four to six"),
            ("Matt. 5:3", "Matthew five three"),
            ("1 Cor. 13:4-7", "first Corinthians thirteen four to seven"),
            ("2 Kings 4:1-7", "second Kings four one to seven"),
            ("1 John 4:8", "first John four eight"),
            ("II Samuel 7:14", "second Samuel seven fourteen"),
            ("Gen. 1:1 and Ex. 20:13", "Genesis one one and Exodus twenty thirteen"),
            ("Rev. 21:4", "Revelation twenty one four"),
            ("Ps. 23", "Psalm twenty three"),
            ("Romans 8:28, 31", "Romans eight twenty eight, thirty one"),
        ]);
    }

    #[test]
    fn other_names() {
        check(&[
            ("Rev. Green", "reverend Green"),
            ("Gen. Patton", "general Patton"),
            ("the 1 Cor. 5 people", "the one corner five people"),
            ("Dan 3 or 4 times", "Dan three or four times"),
            ("on page 3 John 3:16 is quoted", "on page three John three sixteen is quoted"),
            ("I met Mark 3:05 sharp", "I met Mark three o five sharp"),
            ("I see Tim 5:30 today", "I see Tim five thirty today"),
            ("2 Tim 1:7", "second Timothy one seven"),
            ("chapter 2 Samuel wrote", "chapter two Samuel wrote"),
        ]);
    }
}
