//! Addresses of houses and names of roads.

use super::abbreviation::STATES;
use super::context::{is_capitalized, previous_word};
use super::number::cardinal;
use super::telephone::digits;
use crate::text::normalize::rule::{Found, Rule, is_capital, is_digit, is_small, rule};
use crate::text::normalize::table::{self, Table, Words};

pub const RULES: &[Rule] = &[
    rule("address", "{house}", house),
    rule("address", r"(?P<state>[A-Z]{2})(?:,? {1,2}(?P<zip>[0-9]{5})(?:-(?P<four>[0-9]{4}))?)?", state),
    rule("address", "(?P<zip>[0-9]{5})(?:-(?P<four>[0-9]{4}))?", zip),
    rule("address", "(?P<side>NE|NW|SE|SW|[NSEW])", side_behind),
];

/// The sides of the world.
pub static SIDES: Table<(&str, &str)> = Table::new("en/sides", table::pair);

/// Returns the name of a side by its letters.
pub fn side(short: &str) -> Option<&'static str> {
    SIDES.iter().find(|(known, _)| *known == short).map(|(_, side)| *side)
}

/// Words behind which a letter is a side of the town, without a dot.
pub static WAYS: Words = Words::new("en/words", "street: ways");

/// Codes of states that are also words, degrees or thanks, and the cities before which they are states.
static DOUBTFUL: Words = Words::new("en/words", "street: doubtful");
static CITIES: Words = Words::new("en/words", "street: cities");

/// Reads the number of a house: in pairs, as `27 88`.
pub fn house_number(number: &str) -> Option<String> {
    let pair = |pair: &str| match pair.strip_prefix('0') {
        Some("0") => Some("hundred".into()),
        Some(digit) => Some(format!("o {}", cardinal(digit)?)),
        None => cardinal(pair),
    };
    let len = number.len();
    if len < 3 || number.starts_with('0') || number.ends_with("000") || len > 5 {
        return if number.starts_with('0') || len > 5 { Some(digits(number)) } else { cardinal(number) };
    }
    let (head, mut rest) = number.split_at(2 - len % 2);
    let mut spoken = cardinal(head)?;
    while let Some((two, after)) = rest.split_at_checked(2).filter(|(two, _)| !two.is_empty()) {
        let inner = two == "00" && !after.is_empty();
        spoken = format!("{spoken} {}", if inner { "o o".into() } else { pair(two)? });
        rest = after;
    }
    Some(spoken)
}

fn house(found: &Found) -> Option<String> {
    let inside = !found.starts_apart("$./,-:#");
    // "the 2020 Street View", "5 Broadway shows" are rare enough.
    (!inside && !found.after().trim_start().starts_with("Street View")).then_some(())?;
    found.say("{house:house}[ {letter}][ {side:side}]")
}

/// Reads `Pennsylvania Ave. NW`.
fn side_behind(found: &Found) -> Option<String> {
    let before = found.before().trim_end_matches([' ', ',']).trim_end_matches('.');
    let word = before.rsplit(' ').next().unwrap_or_default();
    // 43 mi. SW of the town
    let far = found.all().len() > 1 && found.after().starts_with(" of") && super::unit::name(word).is_some()
        || matches!(word, "miles" | "kilometers" | "kilometres");
    let (_, side) = SIDES.iter().find(|(short, _)| *short == found.get("side"))?;
    // The dot of a short side: E. 42nd St.
    let short = found.after().strip_prefix(". ").is_some_and(|rest| rest.starts_with(is_digit));
    (found.stands_alone() && !short && (far || WAYS.contains(word)) && found.before().ends_with(' '))
        .then(|| side.to_string())
}

fn state(found: &Found) -> Option<String> {
    let code = found.get("state");
    (found.stands_alone() && !found.next().is_some_and(|c| "&'’-/@".contains(c))).then_some(())?;
    let name = STATES.iter().find(|state| state.codes.contains(&code))?.name;
    let before = found.before();
    // Senators have a party: D-OH.
    if ["(D-", "(R-", "(I-"].iter().any(|party| before.ends_with(party)) && found.next() == Some(')') {
        return Some(name.to_string());
    }
    let city = before.strip_suffix(", ").or_else(|| before.strip_suffix(' '))?;
    let comma = before.ends_with(", ");
    let city = city.rsplit(' ').next().unwrap_or_default();
    let capital = city.starts_with(is_capital);
    let small = city.ends_with(is_small);
    if found.has("zip") {
        let zip = found.say("{digits:zip}[, {digits:four}]")?;
        return (capital || comma).then(|| format!("{name} {zip}"));
    }
    let sure = !DOUBTFUL.contains(code) || CITIES.contains(city);
    let ends = !found.after().starts_with(" a ");
    (comma && capital && small && sure && ends).then(|| name.to_string())
}

/// Reads a post code behind a street.
fn zip(found: &Found) -> Option<String> {
    let words = found.before().split([' ', ',', '.']).filter(|word| !word.is_empty());
    let ways = |word: &str| {
        WAYS.contains(word) || matches!(word, "Expy" | "Hwy" | "Pkwy" | "Boulevard" | "Lane" | "Highway")
    };
    let before = found.before().ends_with(", ") || is_capitalized(previous_word(found.before()));
    let counts = found.after().strip_prefix(' ').is_some_and(|next| next.starts_with(is_small));
    (found.stands_alone() && before && !counts && words.rev().take(6).any(ways))
        .then(|| found.say("{digits:zip}[, {digits:four}]"))?
}
