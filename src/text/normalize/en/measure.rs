//! Measures in English: a number and a unit.

use super::amount::{Amount, begins, ends, is_adjective, plural_unit, word_after, word_before};
use super::cardinal::MILLIONS;
use super::unit;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter_or_digit, is_small, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("measure", "{temperatures} ?[°º] ?(?P<scale>[CFK])", temperature),
    rule("measure", "{angle}", angle),
    rule("measure", "{amount} ?[°º]", degrees),
    rule("measure", "{measured_range}", range),
    rule("measure", "{measure}", measure),
    rule("measure", "(?P<unit>km|mi|m|ft|[kKMG][Bb])/(?P<per>hr?|s|sec|min)", bare_rate),
    rule("rate", r"(?:/ ?|per )(?P<per>(?:sq\.? ?)?[A-Za-zµΩ]{1,12}(?:\^?[23]|[²³])?)", rate),
];

/// Letters that are more often something else; they are units only after a decimal.
const SELDOM: &[&str] = &["A", "N", "J"];

/// Words before the number and the letter of a place.
static PLACES: Words = Words::new("en/words", "measure: places");
/// Words that a distance stands before in the singular, with or without an article.
static RACES: Words = Words::new("en/words", "measure: races");

fn measure(found: &Found) -> Option<String> {
    let (written, gap) = (found.get("unit"), found.get("gap"));
    // A pattern with a point or a slash ends with it, not with the unit.
    (begins(found) && ends(found) && is_meant(found, written, gap)).then_some(())?;
    let mut name = unit::name(written)?;
    let mut amount = Amount::of(found.get("amount"))?;
    if found.has("scale") {
        amount = amount.scaled(found.get("scale").trim_start());
    }
    let small = found.get("amount").replace(',', "").parse::<f64>().is_ok_and(|value| value < 1000.0);
    if name == "basis point" && !small && found.all().contains("bps") {
        name = "bit per second".into();
    }
    // A 10-km run.
    let old = name == "year old" && word_after(found).starts_with(is_small);
    if gap == "-" || old || is_adjective(found) || RACES.contains(word_after(found)) {
        return Some(format!("{} {name}", amount.words));
    }
    Some(amount.of_unit(&name))
}

/// Tells whether what looks like a unit is one.
fn is_meant(found: &Found, written: &str, gap: &str) -> bool {
    let decimal = found.get("amount").contains('.');
    let single = written.len() == 1;
    let next = found.after();
    match written {
        "in" => is_inch(found, gap),
        // Track 11W, seat 12A
        _ if single && gap.is_empty() && PLACES.contains(&word_before(found)) => false,
        "s" if gap.is_empty() && word_before(found) == "iphone" => false,
        "m" if gap.is_empty() && MILLIONS.contains(word_after(found)) => false,
        "K" | "t" if gap.is_empty() => false,
        "A" if gap == " " && word_after(found).is_empty() => true,
        _ if SELDOM.contains(&written) && !decimal => false,
        "ac" | "AU" | "N" | "cc" | "K" if gap == "-" => false,
        "ac" if gap.is_empty() => false,
        // 12 W 42nd Street.
        "W" | "V" | "L" => {
            let name = next
                .strip_prefix(' ')
                .is_some_and(|n| n.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()));
            gap != "-" && !(gap == " " && name)
        }
        // A hyphen and one letter: 5-a-side, 3-D.
        _ if gap == "-" => !(single && next.starts_with('-')),
        _ => true,
    }
}

/// Tells whether `in` is a unit: nothing follows that it could be a preposition of.
fn is_inch(found: &Found, gap: &str) -> bool {
    // The dot of an abbreviation in the middle of a sentence.
    if found.has("ahead") {
        return true;
    }
    static SIZES: Words = Words::new("en/words", "measure: sizes");
    let next = word_after(found);
    let goes_on = found.after().trim_start().starts_with(is_letter_or_digit);
    let alone = !goes_on || SIZES.contains(next);
    match gap {
        "-" => !found.after().starts_with('-'),
        "" => alone || !next.is_empty(),
        _ => alone,
    }
}

fn range(found: &Found) -> Option<String> {
    let same = found.get("unit") == found.get("again");
    (begins(found) && ends(found) && same).then_some(())?;
    let name = unit::name(found.get("unit"))?;
    let amount = Amount::range(&Amount::of(found.get("from"))?, &Amount::of(found.get("to"))?);
    Some(amount.of_unit(&name))
}

/// Reads what a measure or a sum is counted by: 5 km/h, $5/month.
fn rate(found: &Found) -> Option<String> {
    let per = found.get("per");
    ends(found).then_some(())?;
    if found.all().starts_with('p') {
        return found.say("per {unit:per}");
    }
    let before = found.before().trim_end();
    let unit_start =
        before.rfind(|c: char| c.is_ascii_digit() || c == ' ' || c == '-').map_or(0, |at| at + 1);
    let (head, unit) = before.split_at_checked(unit_start)?;
    let unit = unit.rsplit('/').next().unwrap_or(unit);
    let number = head
        .trim_end_matches([' ', '-'])
        .ends_with(|c: char| c.is_ascii_digit() || is_vulgar(c) || is_power(c));
    let measured = number && unit::name(unit).is_some();
    let token = before.rsplit(' ').next().unwrap_or("");
    let sum = token.contains(['$', '€', '£', '¥', '₹', '¢']) && token.contains(is_digit);
    let sum =
        sum || before.contains(['$', '€', '£']) && (token.ends_with("illion") || number && unit.is_empty());
    // Beats in a minute.
    let counted = number && unit.len() > 3 && unit.ends_with('s') && unit::name(per).is_some();
    // 1,200/km²: so many people.
    let dense = number && unit.is_empty() && (per.starts_with("sq") || per.ends_with(['²', '³', '2', '3']));
    (measured || sum || counted || dense).then_some(())?;
    Some(format!("per {}", unit::per(per)?))
}

/// Reads `in km/h`, which no number stands before.
fn bare_rate(found: &Found) -> Option<String> {
    let token = found.before().trim_end().rsplit(' ').next().unwrap_or_default();
    let counted =
        !token.contains('^') && token.ends_with(|c: char| c.is_ascii_digit() || is_vulgar(c) || c == '/');
    let (unit, per) = (unit::name(found.get("unit"))?, unit::name(found.get("per"))?);
    (found.stands_alone() && !counted && found.next() != Some('/'))
        .then(|| plural_unit(&format!("{unit} per {per}")))
}

fn is_power(c: char) -> bool {
    matches!(c, '⁰' | '⁴'..='⁹' | '¹' | '²' | '³')
}

fn is_vulgar(c: char) -> bool {
    crate::text::normalize::numbers::vulgar(c).is_some()
}

fn temperature(found: &Found) -> Option<String> {
    (begins(found) && ends(found)).then_some(())?;
    let amount = Amount::of(found.get("amount"))?;
    Some(match found.get("scale") {
        "C" => format!("{} celsius", amount.of_unit("degree")),
        "F" => format!("{} fahrenheit", amount.of_unit("degree")),
        _ => amount.of_unit("kelvin"),
    })
}

/// Reads an angle, which has minutes or a side: forty degrees twenty six minutes north.
fn angle(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && (found.has("minutes") || found.has("side"))).then_some(())?;
    found.say("{degrees:degrees}[ {minutes:minutes}][ {seconds:seconds}][ {side:side}]")
}

fn degrees(found: &Found) -> Option<String> {
    let amount = Amount::of(found.get("amount"))?;
    begins(found).then_some(())?;
    // A 90° angle.
    let single = is_adjective(found)
        || matches!(word_after(found), "angle" | "angles" | "turn" | "view" | "rotation" | "heat");
    Some(if single { format!("{} degree", amount.words) } else { amount.of_unit("degree") })
}
