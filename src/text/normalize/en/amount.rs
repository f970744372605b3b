//! Amounts: what stands before a unit, a currency or a percent sign.

use super::fraction::{fraction, mixed};
use super::number::{cardinal, decimal, plural};
use crate::text::normalize::numbers::vulgar;
use crate::text::normalize::rule::{Found, is_small};
use crate::text::normalize::table::Words;

/// Holds an amount in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    pub words: String,
    count: Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    One,
    Many,
    Half,
    /// Less than one, as a fraction.
    Part,
}

impl Amount {
    /// Reads what the pattern `{amount}` or `{number}` has matched.
    pub fn of(text: &str) -> Option<Self> {
        let (sign, text) = match text.strip_prefix(['-', '+']) {
            Some(rest) if text.starts_with('-') => ("minus ", rest),
            Some(rest) => ("plus ", rest),
            None => ("", text),
        };
        let amount = match text.split_once(['-', '–', '—', '~']) {
            Some((from, to)) => {
                let from = from.trim_end_matches([' ', '%', '°', 'º', 'C', 'F']);
                Amount::range(&parse(from)?, &Amount::of(to.trim())?)
            }
            None => parse(text)?,
        };
        Some(Amount { words: format!("{sign}{}", amount.words), ..amount })
    }

    pub fn range(from: &Amount, to: &Amount) -> Self {
        // One quarter to one half teaspoon.
        let less = [from, to].iter().all(|amount| matches!(amount.count, Count::Half | Count::Part));
        let count = if less { Count::One } else { Count::Many };
        Amount { words: format!("{} to {}", from.words, to.words), count }
    }

    /// Returns so many thousands or millions.
    pub fn scaled(&self, scale: &str) -> Self {
        Amount { words: format!("{} {scale}", self.words), count: Count::Many }
    }

    pub fn is_one(&self) -> bool {
        self.count == Count::One
    }

    /// Returns so much of something: one kilogram, two kilograms, half a kilogram, three quarters of a
    /// kilogram.
    pub fn of_unit(&self, singular: &str) -> String {
        let words = &self.words;
        match self.count {
            Count::One => format!("{words} {singular}"),
            Count::Many => format!("{words} {}", plural_unit(singular)),
            Count::Half => {
                format!("{} {singular}", words.replace("one half", &format!("half {}", article(singular))))
            }
            Count::Part => format!("{words} of {} {singular}", article(singular)),
        }
    }
}

/// Returns the plural of a unit: kilometers per hour, millimeters of mercury.
pub fn plural_unit(singular: &str) -> String {
    if singular == "year old" {
        return "years old".into();
    }
    for link in [" per ", " of "] {
        if let Some((head, tail)) = singular.split_once(link) {
            return format!("{}{link}{tail}", plural(head));
        }
    }
    plural(singular)
}

/// Returns so many of a unit, of digits that may begin with zeros: one hour, five minutes.
pub fn counted(digits: &str, unit: &str) -> Option<String> {
    let plain = digits.trim_start_matches('0');
    Some(Amount::of(if plain.is_empty() { "0" } else { plain })?.of_unit(unit))
}

fn article(noun: &str) -> &'static str {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o']) || noun.starts_with("hour");
    if vowel { "an" } else { "a" }
}

/// Returns a number without its commas; none if they do not stand where thousands end.
pub fn plain(number: &str) -> Option<String> {
    let (whole, rest) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let mut groups = whole.rsplit(',');
    let last = groups.next()?;
    // In India groups have two digits, but for the last.
    let grouped = groups.all(|group| (1..=3).contains(&group.len()));
    let thousands = !whole.contains(',') || last.len() == 3 && !whole.starts_with('0');
    (grouped && thousands).then(|| whole.replace(',', "") + rest)
}

fn parse(text: &str) -> Option<Amount> {
    let plain = match text.split_once(['/', ' ']) {
        Some(_) => text.to_string(),
        None => self::plain(text)?,
    };
    let many = |words: String| Some(Amount { words, count: Count::Many });
    let (whole, part) = match plain.chars().next_back().and_then(vulgar) {
        Some((over, under)) => {
            let whole = plain.trim_end_matches(|c| vulgar(c).is_some()).trim_end();
            (whole.to_string(), Some((over.to_string(), under.to_string())))
        }
        None => match plain.split_once('/') {
            Some((head, under)) => {
                let (whole, over) = head.rsplit_once(' ').unwrap_or(("", head));
                (whole.to_string(), Some((over.to_string(), under.to_string())))
            }
            None => (plain, None),
        },
    };
    if let Some((over, under)) = part {
        let words = fraction(&over, &under)?;
        if !whole.is_empty() {
            return many(mixed(&parse(&whole)?.words, &words));
        }
        let count = if words == "one half" { Count::Half } else { Count::Part };
        return Some(Amount { words, count });
    }
    match whole.split_once('.') {
        Some((whole, fraction)) => many(decimal(whole, fraction)?),
        None if whole == "1" => Some(Amount { words: "one".into(), count: Count::One }),
        None => many(cardinal(&whole)?),
    }
}

/// Tells whether a number may begin here: not within a word, and a sign or a point belongs to what follows
/// it.
pub fn begins(found: &Found) -> bool {
    let Some(previous) = found.previous() else { return true };
    let signed = found.all().starts_with(['-', '+', '.']);
    !(previous.is_ascii_alphanumeric() || signed && matches!(previous, ')' | '.' | '-' | '+' | '%' | '°'))
}

/// Tells whether neither a letter nor a digit goes on with what was matched.
pub fn ends(found: &Found) -> bool {
    !found.next().is_some_and(char::is_alphanumeric)
}

/// Returns the last word before what was matched, in lower case; empty if there is a mark in between.
pub fn word_before(found: &Found) -> String {
    last_word(found.before())
}

/// Returns the last word of `text`, in lower case, with the point of an abbreviation left out.
pub fn last_word(text: &str) -> String {
    let text = text.trim_end_matches([' ', '.']);
    let start = text
        .rfind(|c: char| !c.is_ascii_alphabetic())
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    text[start..].to_ascii_lowercase()
}

/// Returns the word after what was matched, as it is written; empty if there is a mark in between.
pub fn word_after<'t>(found: &Found<'t>) -> &'t str {
    let after = found.after();
    let Some(rest) = after.strip_prefix([' ', '-']) else { return "" };
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    &rest[..end]
}

/// Tells whether a measure says what kind of thing follows, as in a 5 kg bag, and is in the singular for
/// that.
pub fn is_adjective(found: &Found) -> bool {
    is_noun(word_after(found)) && matches!(word_before(found).as_str(), "a" | "an")
}

/// Tells whether a word may name a thing: it has no capital and is none of the small words.
pub fn is_noun(word: &str) -> bool {
    static NO_NOUNS: Words = Words::new("en/words", "amount: no nouns");
    word.starts_with(is_small) && !NO_NOUNS.contains(word)
}

/// Tells whether any of the words stands in `text`.
pub fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_ascii_alphabetic() && c != '\'' && c != '’')
        .any(|word| words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
}
