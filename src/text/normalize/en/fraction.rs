//! Fractions in English: halves, thirds, mixed numbers.

use super::amount::{begins, ends};
use super::number::{cardinal, ordinal, plural};
use crate::text::normalize::numbers::vulgar;
use crate::text::normalize::rule::{Found, Rule, rule};

pub const RULES: &[Rule] = &[
    rule("fraction", r"(?P<over>[0-9]{1,2})/(?P<under>[0-9]{1,2})", shares),
    rule("fraction", r"(?P<whole>[0-9]{1,6})(?: |-)(?P<over>[1-9][0-9]?)/(?P<under>[1-9][0-9]?)", written),
    rule("fraction", r"(?P<whole>[0-9]{1,6})? ?(?P<vulgar>[¼½¾⅐-⅞])", vulgar_fraction),
    rule("fraction", "{written_fraction}", written),
];

/// Reads a fraction: `3`, `4` is three quarters. It takes digits without commas.
pub fn fraction(over: &str, under: &str) -> Option<String> {
    let part = match under {
        "0" | "1" => return Some(format!("{} over {}", cardinal(over)?, cardinal(under)?)),
        "2" => "half".into(),
        "4" => "quarter".into(),
        _ => {
            let part = ordinal(under)?;
            // A hundredth, not a one hundredth.
            part.strip_prefix("one ").map_or(part.clone(), str::to_string)
        }
    };
    let part = if over == "1" { part } else { plural(&part) };
    Some(format!("{} {part}", cardinal(over)?))
}

/// Reads a whole number and a part of one: two and a half, two and three quarters.
pub fn mixed(whole: &str, part: &str) -> String {
    format!("{whole} and {}", if part == "one half" { "a half" } else { part })
}

/// Reads shares of a hundred: the 80/20 rule.
fn shares(found: &Found) -> Option<String> {
    let (over, under) = (found.get("over"), found.get("under"));
    let shares = over.parse::<u8>().ok()? + under.parse::<u8>().ok()? == 100 && over.ends_with(['0', '5']);
    is_apart(found).then_some(())?;
    shares.then(|| Some(format!("{} {}", cardinal(over)?, cardinal(under)?)))?
}

fn written(found: &Found) -> Option<String> {
    is_apart(found).then_some(())?;
    let (over, under) = (found.get("over").replace(',', ""), found.get("under").replace(',', ""));
    // A place among many, not so many parts of something.
    let place = over.len() > 1 && under.len() > 2 && !under.ends_with('0');
    if place && !found.has("whole") && !found.has("th") {
        return Some(format!("{} out of {}", cardinal(&over)?, cardinal(&under)?));
    }
    let part = fraction(&over, &under)?;
    // Who writes 1/4th says a fourth.
    let part = if found.get("th").starts_with("th") { part.replace("quarter", "fourth") } else { part };
    if found.has("whole") {
        return Some(mixed(&cardinal(found.get("whole"))?, &part));
    }
    Some(if found.has("sign") { format!("minus {part}") } else { part })
}

fn vulgar_fraction(found: &Found) -> Option<String> {
    let (over, under) = vulgar(found.get("vulgar").chars().next()?)?;
    let part = fraction(&over.to_string(), &under.to_string())?;
    match found.get("whole") {
        "" => Some(part),
        whole => Some(mixed(&cardinal(whole)?, &part)),
    }
}

/// Tells whether there is no more of it: `1/2/2024` is a date.
fn is_apart(found: &Found) -> bool {
    begins(found)
        && ends(found)
        && !found.previous().is_some_and(|c| "/.-".contains(c))
        && !found.goes_on("/.-")
        && found.next() != Some('/')
}
