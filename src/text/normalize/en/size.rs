//! Sizes of several numbers in English: dimensions, feet and inches, hours and minutes, times as much.

use super::amount::{Amount, begins, counted, ends, is_adjective, plural_unit, word_after};
use super::number::year;
use super::unit;
use crate::text::normalize::rule::{Found, Rule, is_small, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("size", "{sides_with_units}", dimensions),
    rule("size", "{sides}", dimensions),
    rule("size", "(?P<times>{number}) ?[x×X]", times),
    rule("measure", "{feet_and_inches}", feet_and_inches),
    rule("measure", r#"(?P<number>{number})(?P<sign>["”″′'])"#, foot_or_inch),
    rule("measure", "{compound}", compound),
];

/// Units of which the second are parts of the first.
static PARTS: Words = Words::new("en/words", "size: parts");

fn dimensions(found: &Found) -> Option<String> {
    (begins(found) && ends(found)).then_some(())?;
    let unit = match found.get("unit") {
        "" => None,
        "\"" | "″" => Some("inch".to_string()),
        "'" | "′" => Some("foot".to_string()),
        written => Some(unit::name(written)?),
    };
    if found.has("one") && !matches!(found.get("one"), "\"" | "'" | "″" | "′") {
        unit::name(found.get("one").trim_end_matches('.'))?;
    }
    let numbers: Vec<&str> = ["first", "second", "third"]
        .into_iter()
        .map(|group| found.get(group))
        .filter(|n| !n.is_empty())
        .collect();
    // Arithmetic.
    let sum = found.after().trim_start().starts_with(['=', '^']) || found.before().trim_end().ends_with('=');
    let product = unit.is_none() && found.all().contains(" × ") && word_after(found).is_empty();
    (!sum && !product).then_some(())?;
    let screen = unit.is_none() && is_screen(&numbers);
    let mut words = Vec::new();
    for number in numbers {
        words.push(if screen { year(number)? } else { Amount::of(number)?.words });
    }
    let spoken = words.join(" by ");
    Some(match unit {
        Some(name) => format!("{spoken} {}", plural_unit(&name)),
        None => spoken,
    })
}

/// Tells whether the numbers are the pixels of a screen, which are read in pairs of digits.
fn is_screen(numbers: &[&str]) -> bool {
    let pixels = |number: &&str| matches!(number.len(), 3 | 4) && number.bytes().all(|b| b.is_ascii_digit());
    numbers.len() == 2 && numbers.iter().all(pixels) && numbers.iter().any(|number| number.len() == 4)
}

fn times(found: &Found) -> Option<String> {
    let sum = found.after().trim_start().starts_with(['+', '-', '*', '/', '=', '<', '>', '^', '²', '³', ')']);
    (begins(found) && ends(found) && !sum).then_some(())?;
    (!found.all().contains([' ', '×'])).then_some(())?;
    Some(format!("{} times", Amount::of(found.get("times"))?.words))
}

fn feet_and_inches(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && !closes_quote(found, &['\'', '‘'])).then_some(())?;
    let inches = Amount::of(found.get("inches"))?;
    Some(format!("{} {}", Amount::of(found.get("feet"))?.of_unit("foot"), inches.of_unit("inch")))
}

fn foot_or_inch(found: &Found) -> Option<String> {
    let inch = matches!(found.get("sign"), "\"" | "”" | "″");
    let quotes: &[char] = if inch { &['"', '“'] } else { &['\'', '‘', '’'] };
    (begins(found) && ends(found) && !closes_quote(found, quotes)).then_some(())?;
    let amount = Amount::of(found.get("number"))?;
    let unit = if inch { "inch" } else { "foot" };
    static NO_THINGS: Words = Words::new("en/words", "size: no things");
    let next = word_after(found);
    let whole = found.get("number").bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let thing = inch
        && whole
        && found.after().starts_with(' ')
        && (next.starts_with(is_small) || is_initialism(next))
        && !NO_THINGS.contains(next);
    Some(if thing || is_adjective(found) { format!("{} {unit}", amount.words) } else { amount.of_unit(unit) })
}

/// Tells whether a word is one such as TV.
fn is_initialism(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase())
}

/// Tells whether a quotation is open, which the sign closes.
fn closes_quote(found: &Found, quotes: &[char]) -> bool {
    let mut previous = ' ';
    let mut open = false;
    for c in found.before().chars() {
        if quotes.contains(&c) {
            // An apostrophe, a foot.
            let within = previous.is_alphanumeric() && !open;
            open = !open && !within;
        }
        previous = c;
    }
    open
}

fn compound(found: &Found) -> Option<String> {
    (begins(found) && ends(found)).then_some(())?;
    let name = |written: &str, before: &str| match (written, before) {
        ("d", _) => Some("day".to_string()),
        ("m", "hour") => Some("minute".to_string()),
        ("in", _) => Some("inch".to_string()),
        _ => unit::name(written),
    };
    let first = match (found.get("unit"), found.get("part")) {
        ("m", "s" | "sec") => "minute".to_string(),
        (written, _) => name(written, "")?,
    };
    let second = name(found.get("part"), &first)?;
    PARTS.contains(&format!("{first} {second}")).then_some(())?;
    let mut spoken =
        format!("{} {}", counted(found.get("big"), &first)?, counted(found.get("small"), &second)?);
    if found.has("rest") {
        let third = name(found.get("last"), &second)?;
        PARTS.contains(&format!("{second} {third}")).then_some(())?;
        spoken = format!("{spoken} {}", counted(found.get("rest"), &third)?);
    }
    Some(spoken)
}
