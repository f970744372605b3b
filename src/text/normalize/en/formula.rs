//! Formulas of chemistry: the letters of their elements apart, and how many there are.

use super::number::cardinal;
use crate::text::normalize::latin::spell::spell;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_small, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[rule("formula", "(?:[A-Z][a-z]?[0-9]{0,2}){2,8}", formula)];

/// Elements of common compounds. Some are left out, as codes and names have their letters too.
static ELEMENTS: Words = Words::new("en/words", "formula: elements");

/// Reads `H2SO4`: at least two elements, and one of them several times.
fn formula(found: &Found) -> Option<String> {
    found.stands_alone().then_some(())?;
    let (mut rest, mut spoken, mut elements, mut counted) = (found.all(), Vec::new(), 0, false);
    let mut last = "";
    let mut inner = false;
    while !rest.is_empty() {
        let small = rest.get(1..).is_some_and(|tail| tail.starts_with(is_small));
        let (element, tail) = rest.split_at_checked(if small { 2 } else { 1 })?;
        ELEMENTS.contains(element).then_some(())?;
        let after = tail.trim_start_matches(is_digit);
        let count = tail.get(..tail.len() - after.len())?;
        spoken.push(spell(element));
        elements += 1;
        if !count.is_empty() {
            (!count.starts_with('0') && count != "1").then_some(())?;
            spoken.push(cardinal(count)?);
            counted = true;
            inner |= !after.is_empty();
        }
        (last, rest) = (element, after);
    }
    // PS5 and COP26 are none.
    let oxide = last == "O" || elements == 2;
    (counted && elements > 1 && (inner || oxide)).then(|| spoken.join(" "))
}
