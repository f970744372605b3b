//! Abbreviations.

use super::context::{
    STARTERS, ends_with_day, ends_with_street, is_capitalized, next_word, previous_word, words_back,
};
use super::street::{SIDES, WAYS};
use crate::text::normalize::latin::spell::spell;
use crate::text::normalize::rule::{Found, Rule, is_capital, is_digit, is_letter_or_digit, is_small, rule};
use crate::text::normalize::table::{self, Cells, Table, Words};

pub const RULES: &[Rule] = &[
    rule("abbreviation", "[wW]/", |found| {
        let letter =
            found.after().chars().nth(1) == Some(' ') && found.next().is_some_and(is_letter_or_digit);
        (found.starts_apart("/") && !letter).then(|| "with".into())
    }),
    rule("abbreviation", "(?P<group>AB|[A-DFO])(?P<sign>[+−–-])", blood_group),
    rule("abbreviation", r"{dotted}(?P<ahead>{sentence_end})", dotted_at_end),
    rule("abbreviation", r"{dotted}\.?(?:['’](?P<possessive>s)|-(?P<ahead>[A-Za-z]))?", dotted),
    rule("abbreviation", "{abbreviation_at_end}", at_end),
    rule("abbreviation", r"(?P<word>[A-Za-z]{1,8})\.(?:['’](?P<possessive>s))?", with_dot),
    rule("abbreviation", "(?P<word>{undotted})", without_dot),
];

/// Tells whether the name of a street follows: Main St.
fn before_way(after: &str) -> bool {
    let mut words = after.split(' ').skip(1).take(4);
    let named = words.next().is_some_and(is_capitalized);
    named
        && words
            .take_while(|word| is_capitalized(word))
            .any(|word| WAYS.contains(word.trim_end_matches(['.', ','])))
}

/// Titles that some write without a space behind their dot.
static GLUED: Words = Words::new("en/words", "abbreviation: glued");

/// Names of firms, people and roads go on behind these.
static BEFORE_TITLE: Words = Words::new("en/words", "abbreviation: before title");

/// Reads blood of type O- or AB+, and a grade of B-.
fn blood_group(found: &Found) -> Option<String> {
    let previous = previous_word(found.before());
    let typed = matches!(previous, "type" | "Type" | "group" | "Group");
    let alone = found.starts_apart("-");
    let ends = !found.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '+');
    // A grade: "an A- student", but "an A- or B-list star".
    let listed = [" or ", " and "].iter().any(|link| found.after().starts_with(link));
    let graded = matches!(previous, "grade" | "a" | "an") && found.all() != "O-" && !listed;
    if graded && alone && ends && found.all().ends_with('-') && !found.after().starts_with(" blood") {
        return Some(format!("{} minus", found.get("group")));
    }
    (alone && ends && (typed || found.after().starts_with(" blood"))).then_some(())?;
    let sign = if found.get("sign") == "+" { "positive" } else { "negative" };
    Some(format!("{} {sign}", spell(found.get("group"))))
}

/// Reads `e.g.`, `U.S.`, `Ph.D.` at the end of a sentence, which keeps its dot.
fn dotted_at_end(found: &Found) -> Option<String> {
    let (spoken, ends) = dotted_reading(found)?;
    ends.then_some(spoken)
}

fn dotted(found: &Found) -> Option<String> {
    let goes_on = found.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '@');
    (!goes_on || found.has("ahead")).then_some(())?;
    dotted_reading(found).map(|(spoken, _)| spoken + found.get("possessive"))
}

/// Returns how it is read, and whether it can end a sentence.
fn dotted_reading(found: &Found) -> Option<(String, bool)> {
    found.starts_apart("./@_\\").then_some(())?;
    let word = found.get("word");
    let lower = word.to_ascii_lowercase();
    if let Some((_, spoken, ends)) = DOTTED.iter().find(|(written, ..)| *written == lower) {
        return Some((spoken.to_string(), *ends));
    }
    let letters = word.split('.').all(|part| part.len() == 1);
    let capitals = word.bytes().all(|b| b.is_ascii_uppercase() || b == b'.');
    let closed =
        found.all().trim_end_matches(['-', 's', '\'', '’']).ends_with('.') || found.next() == Some('.');
    (letters && (capitals || closed)).then(|| (spell(&word.replace('.', "")), true))
}

fn at_end(found: &Found) -> Option<String> {
    let word = found.get("word");
    (!is_inside(found)).then_some(())?;
    let next = next_word(found.after());
    let goes_on = is_capitalized(next) && !STARTERS.contains(next);
    (!matches!(next, "N" | "S" | "E" | "W" | "NE" | "NW" | "SE" | "SW")).then_some(())?;
    match word {
        "Dr" | "St" | "Ft" | "Mt" => match place(found, word)? {
            ("drive" | "street", spoken) if !goes_on => Some(spoken.into()),
            _ => None,
        },
        _ => match lookup(found, word)? {
            // "Apple Inc. CEO Tim Cook".
            (_, Stands::Anywhere) if goes_on && BEFORE_TITLE.contains(word) => None,
            (_, Stands::Anywhere) if is_minute(found) => Some("minute".into()),
            (spoken, Stands::Anywhere) => Some(spoken.into()),
            _ => None,
        },
    }
}

/// Reads `Jr.`, `Smith Jr.'s`.
fn with_dot(found: &Found) -> Option<String> {
    dotted_word(found).map(|spoken| spoken + found.get("possessive"))
}

fn dotted_word(found: &Found) -> Option<String> {
    let word = found.get("word");
    // "Mr.Jones", but "foo.bar".
    let glued = found.next().is_some_and(is_capital) && GLUED.contains(word);
    (!is_inside(found) && (glued || !found.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '.')))
        .then_some(())?;
    let next = next_word(found.after());
    let after = found.after().trim_start();
    // "Eq. (3)"
    let bracketed = matches!(word, "Eq" | "eq" | "Eqs" | "eqs").then(|| after.strip_prefix('(')).flatten();
    let number = bracketed.unwrap_or(after).starts_with(is_digit) || is_numeral(next);
    // "E. 12th St."
    let ordinal = next.starts_with(is_digit) && next.ends_with(is_small);
    static SIDED: Words = Words::new("en/words", "abbreviation: sided");
    let sided = ordinal || SIDED.contains(next) || before_way(found.after());
    if let Some((_, side)) = SIDES.iter().find(|(side, _)| sided && *side == word) {
        return Some(side.to_string());
    }
    // "John F. Kennedy", "J. Smith"; but "Plan B. Then …".
    if word.len() == 1 && is_capitalized(word) && !number {
        let initial = found.after().starts_with(' ') && is_capitalized(next) && !STARTERS.contains(next);
        return (initial && word != "I").then(|| word.to_string());
    }
    if let Some((_, spoken)) = NUMBERED.iter().find(|(short, _)| number && *short == word) {
        return Some(spoken.to_string());
    }
    if let Some((_, spoken)) = place(found, word) {
        return Some(spoken.into());
    }
    if is_minute(found) {
        return Some("minute".into());
    }
    // "the 5th c. BC"
    let nth = previous_word(found.before());
    if word == "c" && nth.starts_with(is_digit) && nth.ends_with(['t', 'd', 'h']) {
        return Some("century".into());
    }
    let title = title(word, found);
    if title.is_some() {
        return title.map(str::to_string);
    }
    let (spoken, stands) = lookup(found, word)?;
    match stands {
        Stands::BeforeNumber => number.then(|| spoken.into()),
        Stands::BeforeName => {
            (!next.is_empty() || word == "vs" || found.after().starts_with(" &")).then(|| spoken.into())
        }
        Stands::Anywhere => Some(spoken.into()),
    }
}

/// Reads titles that are other words elsewhere: Sr. Mary, Ste. Marie, Brig. Gen. Smith.
fn title(word: &str, found: &Found) -> Option<&'static str> {
    let next = next_word(found.after());
    let name = found.after().starts_with(' ') && is_capitalized(next) && !STARTERS.contains(next);
    let before = found.before().trim_end();
    match word {
        "Sr" if name && (before.is_empty() || before.ends_with(['.', '!', '?', ',', '"', '“'])) => {
            Some("sister")
        }
        "Ste" if name => Some("saint"),
        "Pt" if name => Some("point"),
        "Rt" if matches!(next, "Hon" | "Rev") => Some("right"),
        "Gen" if name && ["Brig.", "Maj.", "Lt."].iter().any(|rank| before.ends_with(rank)) => {
            Some("general")
        }
        _ => None,
    }
}

/// Tells `the 90th min.` and `per min.` from a minimum.
fn is_minute(found: &Found) -> bool {
    let previous = previous_word(found.before());
    let counted = previous.starts_with(is_digit) || matches!(previous, "per" | "a");
    found.get("word") == "min" && counted
}

fn without_dot(found: &Found) -> Option<String> {
    let word = found.get("word");
    (found.stands_alone() && !is_inside(found) && !found.next().is_some_and(|c| "./@-_'’".contains(c)))
        .then_some(())?;
    let next = if found.next() == Some(' ') { next_word(found.after()) } else { "" };
    let name = is_capitalized(next) && !STARTERS.contains(next);
    let street = ends_with_street(found.before());
    let behind_name = is_capitalized(previous_word(found.before()));
    match word {
        "WWI" => Some("world war one".into()),
        "WWII" => Some("world war two".into()),
        "vs" => Some("versus".into()),
        "asap" => Some(spell(word)),
        "Dr" | "St" if !name && !street && !is_capitalized(previous_word(found.before())) => None,
        "Ct" | "Pl" | "Cir" | "No" | "Ste" if !street && !next.starts_with(is_digit) => None,
        "Ave" | "Ln" | "Rd" | "Blvd" | "Hwy" if !street && !behind_name => None,
        "Mt" | "Ft" if !name => None,
        "Dr" | "St" | "Mt" | "Ft" => place(found, word).map(|(_, spoken)| spoken.into()),
        _ => {
            let (spoken, stands) = lookup(found, word)?;
            let number = next.starts_with(is_digit) || is_numeral(next);
            let fits = match stands {
                Stands::BeforeNumber => number && (word != "No" || is_numbered(found.after())),
                Stands::BeforeName => name,
                Stands::Anywhere => true,
            };
            fits.then(|| spoken.into())
        }
    }
}

/// Tells whether it is part of a longer word, name or address.
fn is_inside(found: &Found) -> bool {
    !found.starts_apart("@_.\\'’")
}

/// Tells whether a number follows and counts no things: `No 5`, but not `No 5 people came`.
fn is_numbered(after: &str) -> bool {
    let rest = after.trim_start().trim_start_matches(is_digit);
    !rest.trim_start().starts_with(is_small)
}

fn is_numeral(word: &str) -> bool {
    !word.is_empty() && word != "I" && word.len() < 7 && word.bytes().all(|b| b"IVXLC".contains(&b))
}

/// Returns the kind and the reading of what may stand before a name or behind that of a street.
fn place(found: &Found, word: &str) -> Option<(&'static str, &'static str)> {
    let (before, after) = match word {
        "Dr" | "dr" | "DR" => ("doctor", "drive"),
        "St" | "st" | "ST" => ("saint", "street"),
        "mt" if next_word(found.after()).starts_with(is_small) => {
            return Some(("", "mount"));
        }
        "Mt" => return is_capitalized(next_word(found.after())).then_some(("", "mount")),
        "Ft" => return is_capitalized(next_word(found.after())).then_some(("", "fort")),
        _ => return None,
    };
    let next = next_word(found.after());
    let previous = previous_word(found.before());
    let named = is_capitalized(previous) && !STARTERS.contains(previous) && !ends_with_day(found.before());
    // A title may follow a name that ends a clause, and begins most sentences.
    let first = words_back(found.before()).nth(1).is_none_or(|word| word.ends_with(['.', '!', '?']));
    if ends_with_street(found.before()) {
        return Some((after, after));
    }
    if word == "st" && previous.is_empty() && !next.is_empty() {
        return Some((before, before));
    }
    let name = is_capitalized(next) && !STARTERS.contains(next);
    if name && !(named && !first && next.len() < 3) {
        return Some((before, before));
    }
    if named || word == "St" || word == "st" {
        return Some((after, after));
    }
    Some((before, before))
}

/// Titles that are no words in small letters either.
const LOWER: &[&str] = &["gov", "sen", "gen", "lt", "capt", "sgt", "rev", "maj"];

/// Words that stay abbreviations where all is in capitals.
static SHOUTED: Words = Words::new("en/words", "abbreviation: shouted");

/// Finds an abbreviation. An entry with a small first letter is also written with a capital one.
fn lookup(found: &Found, word: &str) -> Option<(&'static str, Stands)> {
    let small = word.to_ascii_lowercase();
    // All is in small letters: "sen. smith".
    let lower = LOWER.contains(&word) && next_word(found.after()).starts_with(is_small);
    let any_case = lower || SHOUTED.contains(word);
    let capital = word.get(1..).is_some_and(|rest| !rest.bytes().any(|b| b.is_ascii_uppercase()));
    let matches = |written: &str| {
        written == word || capital && written == small || any_case && written.eq_ignore_ascii_case(word)
    };
    if let Some((_, spoken, stands)) = SHORT.iter().find(|(written, ..)| matches(written)) {
        return Some((*spoken, *stands));
    }
    // "Cambridge, Mass."
    let place = found.before().ends_with(", ");
    let state = STATES.iter().find(|state| state.short.contains(&word)).filter(|_| place)?;
    Some((state.name, Stands::Anywhere))
}

/// Says what an abbreviation with a dot stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// A name: its dot ends no sentence.
    BeforeName,
    /// A number; elsewhere it is another word.
    BeforeNumber,
    /// Anything; its dot may end the sentence too.
    Anywhere,
}

/// Abbreviations with one dot at their end. One in small letters may begin with a capital, too.
pub static SHORT: Table<(&str, &str, Stands)> = Table::new("en/abbreviations", short);

/// Titles that are something else before a number.
pub const NUMBERED: &[(&str, &str)] =
    &[("Rev", "revision"), ("Gen", "generation"), ("Col", "column"), ("v", "version")];

/// Abbreviations with dots inside, in small letters and without the last dot, and whether they can end a
/// sentence. Others of single letters are spelled.
pub static DOTTED: Table<(&str, &str, bool)> = Table::new("en/dotted", |cells| {
    table::triple(cells).map(|(short, spoken, ends)| (short, spoken, ends == "yes"))
});

/// American states.
pub static STATES: Table<State> = Table::new("en/states", |cells| {
    let (name, codes, short) = table::triple(cells)?;
    Some(State { name, codes: table::forms(codes).collect(), short: table::forms(short).collect() })
});

/// Holds an American state.
pub struct State {
    pub name: &'static str,
    /// Its two letters on an envelope, and those that it had before.
    pub codes: Vec<&'static str>,
    /// Its name as newspapers shorten it.
    pub short: Vec<&'static str>,
}

fn short(cells: &Cells) -> Option<(&'static str, &'static str, Stands)> {
    let (short, spoken, stands) = table::triple(cells)?;
    let stands = match stands {
        "name" => Stands::BeforeName,
        "number" => Stands::BeforeNumber,
        _ => Stands::Anywhere,
    };
    Some((short, spoken, stands))
}
