//! Numbers in English that nothing else explains.

use super::amount::{begins, ends, word_after, word_before};
use super::number::{cardinal, decimal, digits, year};
use super::telephone;
use crate::text::normalize::numbers::scale;
use crate::text::normalize::rule::{Found, Rule, is_capital, is_digit, is_letter, is_small, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("version", r"(?:[vV](?:ersion|er)?\.? ?)?(?P<numbers>[0-9]{1,5}(?:\.[0-9]{1,5}){2,5})", version),
    rule("version", r"v\.? ?(?P<numbers>[0-9]{1,5}(?:\.[0-9]{1,5})?)", version),
    rule(
        "number sign",
        r"(?:(?P<sign>#)|(?P<short>[Nn]os?)(?P<point>\.)? ?|N[°º] ?)(?P<ahead>[0-9])",
        numbered,
    ),
    rule("list item", r"(?P<number>[0-9]{1,2})\.(?P<ahead>[A-Z][a-z ])", list_item),
    rule("list item", "(?P<circled>[①-⑳])", circled),
    rule("decimal", "{decimal_number}", with_point),
    rule("cardinal", r"(?P<sign>[+-])?(?P<number>[0-9]{1,4})(?P<scale>mn|bn|[kKmMbB])", scaled),
    rule("cardinal", "{grouped_number}", with_commas),
    rule("cardinal", r"(?P<number>[0-9]{1,3}(?: 000){1,6}|[0-9]{1,2}(?: [0-9]{3}){2,5})", with_spaces),
    rule("cardinal", r"(?P<sign>[+-])?(?P<number>[0-9]{1,24})", whole),
];

/// Digits in a row without commas that are counted; longer ones are codes.
const COUNTED: usize = 12;
/// Words before a version, of which each part is a number.
pub(super) static VERSIONED: Words = Words::new("en/words", "cardinal: versioned");

/// Words before the number of a report.
pub static TICKETS: Words = Words::new("en/words", "cardinal: tickets");
/// Things that are counted in millions: 600m records.
pub static MILLIONS: Words = Words::new("en/words", "cardinal: millions");

fn version(found: &Found) -> Option<String> {
    let numbers = found.get("numbers");
    // 1.000.000, as it is written in many languages.
    let thousands = numbers.split('.').skip(1).all(|group| group.len() == 3) && numbers.ends_with("000");
    if thousands && numbers.contains('.') && ends(found) {
        return cardinal(&numbers.replace('.', ""));
    }
    let parts: Option<Vec<String>> = numbers.split('.').map(cardinal).collect();
    let named = found.all().starts_with(['v', 'V']);
    (found.starts_apart("") && ends(found)).then_some(())?;
    let spoken = parts?.join(" point ");
    Some(if named { format!("version {spoken}") } else { spoken })
}

fn numbered(found: &Found) -> Option<String> {
    // Bug#35713
    let ticket = found.has("sign") && TICKETS.contains(&word_before(found));
    (ticket || found.starts_apart("&")).then_some(())?;
    // The word, at the start of a sentence or without a capital.
    let short = found.get("short");
    let attached = !found.all().ends_with(' ');
    let inside = found.before().trim_end().ends_with(is_letter);
    let meant = short.is_empty() || found.has("point") || short == "No" && (attached || inside);
    let many = short.ends_with('s');
    meant.then(|| if many { "numbers".into() } else { "number".into() })
}

/// Reads a number that a line begins with, right before its text.
fn list_item(found: &Found) -> Option<String> {
    let before = found.before().trim_end_matches(' ');
    (before.is_empty() || before.ends_with('\n')).then_some(())?;
    Some(format!("{},", cardinal(found.get("number"))?))
}

fn circled(found: &Found) -> Option<String> {
    let c = found.get("circled").chars().next()?;
    let words = cardinal(&(u32::from(c) - u32::from('①') + 1).to_string())?;
    let before = found.before().trim_end();
    let item = before.is_empty()
        || before.ends_with(['.', ',', ';', ':', '!', '?'])
        || found.before().ends_with('\n');
    Some(if item { format!("{words},") } else { words })
}

/// Returns the word for the sign before a number.
pub fn sign(found: &Found) -> &'static str {
    match found.get("sign") {
        "-" => "minus ",
        "+" => "plus ",
        _ => "",
    }
}

/// Tells whether a number may begin here: a sign or a point at its start must not stand within something.
fn may_begin(found: &Found) -> bool {
    found.all().starts_with(is_digit) || begins(found)
}

fn with_point(found: &Found) -> Option<String> {
    may_begin(found).then_some(())?;
    let (whole, fraction) = (found.get("whole").replace(',', ""), found.get("fraction"));
    let sign = sign(found);
    if VERSIONED.contains(word_before(found).as_str()) && !fraction.starts_with('0') && !found.has("scale") {
        return Some(format!("{} point {}", cardinal(&whole)?, cardinal(fraction)?));
    }
    let words = decimal(&whole, fraction)?;
    match found.get("scale") {
        "" => Some(format!("{sign}{words}")),
        "m" if !MILLIONS.contains(word_after(found)) => None,
        scale if ends(found) => Some(format!("{sign}{words} {}", scale_name(scale))),
        _ => None,
    }
}

fn scale_name(written: &str) -> &'static str {
    scale(written).map_or("", |(_, english)| english)
}

/// Reads 10k, 5M users; not the name of a thing with a letter, such as 7B.
fn scaled(found: &Found) -> Option<String> {
    let scale = found.get("scale");
    let after = word_after(found);
    let plural = after.ends_with('s') && after.starts_with(is_small) || after == "people";
    let meant = match scale {
        "m" | "b" => MILLIONS.contains(after),
        "M" | "B" | "K" => plural || found.after().starts_with('+'),
        "k" => !matches!(after, "run" | "race" | "runs" | "races"),
        _ => true,
    };
    (begins(found) && ends(found) && meant).then_some(())?;
    Some(format!("{}{} {}", sign(found), cardinal(found.get("number"))?, scale_name(scale)))
}

fn with_commas(found: &Found) -> Option<String> {
    (may_begin(found) && !found.next().is_some_and(is_digit)).then_some(())?;
    Some(format!("{}{}", sign(found), cardinal(&found.get("number").replace(',', ""))?))
}

fn with_spaces(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && !found.get("number").starts_with('0')).then_some(())?;
    cardinal(&found.get("number").replace(' ', ""))
}

/// Tells whether letters stand right before a number, or before a hyphen or a year of its name: CVE-2021-44228.
fn is_behind_letters(before: &str) -> bool {
    let letter = |text: &str| text.ends_with(is_letter);
    let Some(head) = before.strip_suffix('-') else { return letter(before) };
    let name = head.trim_end_matches(is_digit);
    letter(head) || head.len() - name.len() == 4 && name.strip_suffix('-').is_some_and(letter)
}

/// Tells whether three or four digits belong to letters, as in SHA512 and AES-256: they are read in pairs.
fn is_glued(number: &str, found: &Found) -> bool {
    let plain = matches!(number.len(), 3 | 4) && !number.starts_with('0') && !found.has("sign");
    plain && is_behind_letters(found.before())
}

/// Tells whether five digits and more tell one of many reports or files: #756967, JDK-8286526, bug 17824.
fn is_ticket(number: &str, found: &Found) -> bool {
    let before = found.before();
    let capitals = before.strip_suffix(' ').unwrap_or_default();
    let capitals = capitals.len() - capitals.trim_end_matches(is_capital).len();
    let named = before.ends_with('#')
        || before.ends_with('-') && is_behind_letters(before)
        || TICKETS.contains(&word_before(found))
        || capitals > 1 && !found.after().starts_with(' ');
    let long = (5..=COUNTED).contains(&number.len()) && !number.ends_with("000");
    long && named && !found.has("sign")
}

fn whole(found: &Found) -> Option<String> {
    let number = found.get("number");
    may_begin(found).then_some(())?;
    if is_glued(number, found) {
        return year(number);
    }
    if is_ticket(number, found) {
        return Some(telephone::digits(number));
    }
    let code = number.len() > COUNTED && !number.ends_with("000");
    let words = if code { digits(number) } else { cardinal(number)? };
    Some(format!("{}{words}", sign(found)))
}
