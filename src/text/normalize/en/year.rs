//! Years in English, known by what stands around them.

use super::amount::{begins, ends, has_word, last_word, word_after, word_before};
use super::context::{is_capitalized, words_back};
use super::number::{cardinal, year};
use super::street::house_number;
use crate::text::normalize::rule::{Found, Rule, is_capital, is_digit, is_letter, is_small, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("year", "[0-9]{3,4}", read),
    rule("room", "(?P<number>[1-9][0-9]{2,3})(?P<letter>[A-D])", room),
    rule("year", "['’‘](?P<year>[0-9]{2})", short),
];

/// Words before a year.
static BEFORE: Words = Words::new("en/words", "year: before");
/// Words before a number that is read in pairs of digits, as a year is.
static BEFORE_PAIRS: Words = Words::new("en/words", "year: before pairs");
/// Words after a year.
static AFTER: Words = Words::new("en/words", "year: after");
/// Words before a count, whatever stands before them.
static COUNTED: Words = Words::new("en/words", "year: counted");
/// Things that are counted and do not end in s.
static PEOPLE: Words = Words::new("en/words", "year: people");
/// Words in s that are no plurals.
static NO_PLURALS: Words = Words::new("en/words", "year: no plurals");

fn read(found: &Found) -> Option<String> {
    let text = found.all();
    let value: u16 = text.parse().ok()?;
    let fiscal = found.before().ends_with("FY");
    ((begins(found) || fiscal) && ends(found) && !text.starts_with('0') && !goes_on(found)).then_some(())?;
    let (before, after) = (word_before(found), word_after(found));
    let before = before.as_str();
    // His room is 305.
    let named = found.before().strip_suffix(" is ").map(last_word).unwrap_or_default();
    if BEFORE_PAIRS.contains(before) || BEFORE_PAIRS.contains(&named) {
        return house_number(text);
    }
    let era = matches!(after, "AD" | "CE" | "BC" | "BCE") || matches!(before, "ad" | "year" | "ca" | "circa");
    // No round number: the battle of 1066.
    let early = (1001..1100).contains(&value)
        && matches!(before, "in" | "since" | "of" | "from" | "by" | "c" | "ca" | "circa");
    if text.len() == 3 || !early && !(1100..2100).contains(&value) {
        return if era { year(text) } else { None };
    }
    let counts = is_plural(after) || before == "of" && is_count_of(found.before());
    (!counts || era).then_some(())?;
    let head = found.before().trim_end();
    let marked = head.ends_with(['©', '(', '\'', '’'])
        || ["(c)", "(C)", "opyright:", "opyright (c)"].iter().any(|mark| head.ends_with(mark));
    let linked = matches!(before, "to" | "and" | "or") && between_years(found.before());
    let recent = value >= 1900 && is_recent_year(found, before, after, value);
    let head = found.before();
    let cited = is_cited(found)
        || ["pre-", "post-", "mid-", "early-", "late-"].iter().any(|edge| head.ends_with(edge));
    let recent = recent || value >= 1900 && is_behind_clock(head);
    (BEFORE.contains(before) || AFTER.contains(after) || fiscal || marked || linked || recent || cited)
        .then_some(())?;
    year(text)
}

/// Tells whether `head` ends with a clock that has seconds, as programs write it, perhaps with its zone.
pub(super) fn is_behind_clock(head: &str) -> bool {
    let mut words = head.split_ascii_whitespace().rev();
    let clock = |word: &str| word.len() == 8 && word.matches(':').count() == 2;
    let zone = |word: &str| word.len() < 5 && word.bytes().all(|b| b.is_ascii_uppercase());
    head.ends_with(' ')
        && words.next().is_some_and(|word| clock(word) || zone(word) && words.next().is_some_and(clock))
}

/// Reads Room 204B.
fn room(found: &Found) -> Option<String> {
    let named = BEFORE_PAIRS.contains(word_before(found).as_str());
    (named && begins(found) && ends(found)).then_some(())?;
    found.say("{year:number} {letter}")
}

/// Tells whether a year is that of a citation: (Smith, 1998); Smith et al., 1998.
fn is_cited(found: &Found) -> bool {
    let head = found.before().trim_end().trim_end_matches(',');
    let bracketed = head.rsplit_once('(').is_some_and(|(_, inside)| !inside.contains(')'));
    let name = head.rsplit([' ', '(']).next().unwrap_or_default();
    let named = name.len() > 1 && name.starts_with(is_capital);
    let ended = found.next().is_some_and(|c| matches!(c, ')' | ';')) || found.after().starts_with(", p");
    bracketed && named && ended || head.ends_with("et al.")
}

/// Tells whether a number from 1900 on is a year, which a lower one in its place would not be.
fn is_recent_year(found: &Found, before: &str, after: &str, value: u16) -> bool {
    let head = found.before().trim_end();
    let followed = !after.is_empty();
    let text_ends = found.after().trim_end().len() <= 1;
    let whose =
        matches!(before, "the" | "this" | "his" | "her" | "their" | "its" | "s" | "our" | "my" | "your");
    // The 2008 crisis, my 2015 car; the 2012 Olympics or 2012 Olympics; a 1998 film, but a 2000 calorie diet.
    let describes = followed && (whose || before == "a" && !value.is_multiple_of(100));
    let named = matches!(before, "the" | "") && after.starts_with(is_capital);
    // 2019-style, but a 2000-person crowd.
    let hyphened = followed && found.after().starts_with('-') && !value.is_multiple_of(10);
    let compared = before == "to" && is_compared(head) || matches!(before, "vs" | "versus");
    let told = ["It was", "It is", "it was", "it is", "It's"].iter().any(|start| head.ends_with(start));
    // May 5, 2020; the only number there is.
    let dated = head.ends_with(',') && has_word(head, &MONTHS);
    let alone = head.is_empty() && !followed && text_ends;
    // Office 2016, Faro & Lecroq 2013
    let mut words = words_back(head);
    let name = words.next().is_some_and(|word| {
        word.len() > 2 && is_capitalized(word) && word.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let name = name && words.next().is_some_and(|word| !word.ends_with(['.', '!', '?', ':']));
    let plain_end = !followed || matches!(after, "and" | "or");
    // The forecast for 2016, but sold for 2000.
    let planned = before == "for" && plain_end && (2001..2060).contains(&value) && !value.is_multiple_of(10);
    describes
        || planned
        || named
        || name
        || hyphened
        || compared
        || told && plain_end
        || dated
        || alone
        || is_listed(head)
}

static MONTHS: Words = Words::new("en/words", "year: months");

/// Tells whether `before` ends with what so many are: a total of.
fn is_count_of(before: &str) -> bool {
    before.trim_end().strip_suffix("of").is_some_and(|head| COUNTED.contains(last_word(head).as_str()))
}

/// Tells whether `before` ends with another year of a list: 2019, 2020 and.
fn is_listed(before: &str) -> bool {
    let rest = ["and", "or", "&"].iter().find_map(|word| before.strip_suffix(word)).unwrap_or(before);
    let rest = rest.trim_end_matches([' ', ',', '/']);
    rest.len() < before.len() && last_year(rest).is_some_and(|(_, year)| (1900..2100).contains(&year))
}

/// Returns the four digits that a text ends with, and what stands before them.
fn last_year(text: &str) -> Option<(&str, u16)> {
    let head = text.trim_end_matches(is_digit);
    let digits = text.get(head.len()..).filter(|digits| digits.len() == 4)?;
    Some((head, digits.parse().ok()?))
}

/// Tells whether `before`, which ends in to, compares: prior to.
fn is_compared(before: &str) -> bool {
    let head = before.strip_suffix("to").map(last_word).unwrap_or_default();
    matches!(head.as_str(), "prior" | "compared" | "back" | "relative" | "due")
}

/// Reads '99, '05: a year without its century.
fn short(found: &Found) -> Option<String> {
    let quoted = found.after().contains(['\'', '’']);
    let inside = found.previous().is_some_and(char::is_alphanumeric);
    (!inside && !quoted && ends(found)).then_some(())?;
    match found.get("year").strip_prefix('0') {
        Some(digit) => Some(format!("o {}", cardinal(digit)?)),
        None => cardinal(found.get("year")),
    }
}

/// Tells whether more of a number follows.
fn goes_on(found: &Found) -> bool {
    found.goes_on(".,:")
        || matches!(found.previous(), Some('.' | '#' | ':'))
        || matches!(found.next(), Some('%' | '°'))
}

/// Tells whether `before` ends with another year and one word: 1990 to.
fn between_years(before: &str) -> bool {
    let head = before.trim_end().trim_end_matches(is_letter).trim_end();
    last_year(head).is_some_and(|(before, year)| {
        let first = last_word(before);
        (1100..2100).contains(&year) && matches!(&*first, "from" | "between" | "in" | "of" | "since")
    })
}

fn is_plural(word: &str) -> bool {
    let plural = word.ends_with('s') && word.starts_with(is_small);
    plural && !NO_PLURALS.contains(word) || PEOPLE.contains(word)
}
