//! Sections of laws, and where decisions are printed.

use super::amount::{begins, ends, last_word, word_before};
use super::number::{cardinal, year};
use super::telephone;
use crate::text::normalize::latin::spell::spell;
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("section", "{law_parts}", parts),
    rule("section", "(?P<number>[0-9]{3,4})(?P<letter>[a-z])?", section),
    // No. 21-1484
    rule("citation", "(?P<year>[0-9]{2})-(?P<number>[0-9]{3,5})", docket),
];

/// Words before the number of a part of a law.
static PARTS: Words = Words::new("en/words", "law: parts");

/// Tells whether the number of a part of a law stands here.
fn is_part(found: &Found) -> bool {
    let before = found.before().trim_end();
    before.ends_with('§') || before.ends_with("U.S.C.") || PARTS.contains(word_before(found).as_str())
}

/// Reads the number of a case: twenty one fourteen eighty four.
fn docket(found: &Found) -> Option<String> {
    let named = ["No.", "no.", "Nos.", "Case", "case", "docket", "Docket"];
    let meant = named.iter().any(|word| found.before().trim_end().ends_with(word));
    (meant && begins(found) && ends(found)).then_some(())?;
    let number = found.get("number");
    let number = if number.len() == 5 { telephone::digits(number) } else { year(number)? };
    Some(format!("{} {number}", cardinal(found.get("year"))?))
}

/// Reads `Rule 12(b)(6)`: twelve b six.
fn parts(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && is_part(found)).then_some(())?;
    let mut spoken = vec![year(found.get("number"))?, spell(found.get("letter"))];
    for part in found.get("parts").split(['(', ')']).filter(|part| !part.is_empty()) {
        spoken.push(match part {
            "ii" => "two".into(),
            "iii" => "three".into(),
            "iv" => "four".into(),
            "vi" => "six".into(),
            _ if part.bytes().all(|b| b.is_ascii_digit()) => cardinal(part)?,
            _ if part.bytes().all(|b| b.is_ascii_alphabetic()) => spell(part),
            _ => return None,
        });
    }
    spoken.retain(|word| !word.is_empty());
    Some(spoken.join(" "))
}

/// Reads `§ 1983`, Section 230: each pair of digits is a number.
fn section(found: &Found) -> Option<String> {
    let number = found.get("number");
    let before = found.before().trim_end();
    let code = before.ends_with('§') || before.ends_with("U.S.C.");
    let named = before.len() < found.before().len()
        && matches!(last_word(before).as_str(), "section" | "sections" | "sec");
    let clean = begins(found) && ends(found) && !number.starts_with('0') && !found.goes_on(".,:/");
    (clean && (code || named)).then_some(())?;
    let letter = spell(found.get("letter"));
    Some(if letter.is_empty() { year(number)? } else { format!("{} {letter}", year(number)?) })
}
