//! Addresses of machines, versions, chapters, and other mixes of letters and digits.

use super::number::{digits, integer};
use crate::text::normalize::numbers::roman_value;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter_or_digit, rule};

pub const LATIN: &[Rule] = &[
    // Vol.3, in which the point is not heard
    rule("code", r"(?<word>Vol|VOL|vol|Fig|FIG|fig|Ver|ver|Ep|EP)\. ?(?<ahead>[0-9])", |found| {
        (found.starts_apart("")).then(|| format!("{} ", found.get("word")))
    }),
    // Ⅷ, which has become VIII
    rule("roman", r"[IVXL]{1,7}", roman),
];

pub const RULES: &[Rule] = &[
    rule("version", r"[0-9]{1,6}(?:\.[0-9]{1,6}){2,6}", version),
    // §3.2
    rule("code", r"§ ?(?<n>[0-9]{1,3}(?:\.[0-9]{1,3}){0,3})", |found| {
        let parts: Vec<_> = found.get("n").split('.').map(integer).collect();
        Some(format!("第{}节", parts.join("点")))
    }),
    // ISO 9001:2015
    rule("code", r"(?<n>[0-9]{3,6})[-:](?<y>(?:19|20)[0-9]{2})", standard),
];

fn standard(found: &Found) -> Option<String> {
    let named = super::context::latin_before(found.before()).is_some();
    let alone = !found.next().is_some_and(is_letter_or_digit);
    (named && alone).then(|| found.say("{digits:n}，{digits:y}"))?
}

fn version(found: &Found) -> Option<String> {
    let part = |part: &str| if part.len() > 3 { digits(part) } else { integer(part) };
    let inside = found.next().is_some_and(is_digit);
    (!inside).then(|| found.all().split('.').map(part).collect::<Vec<_>>().join("点"))
}

/// Reads Roman numerals where no word can stand: 第Ⅷ章, II期.
fn roman(found: &Found) -> Option<String> {
    const AFTER: &[char] =
        &['期', '型', '级', '類', '类', '章', '部', '卷', '度', '代', '級', '篇', '区', '階', '阶'];
    let text = found.all();
    let ordinal = found.previous() == Some('第');
    let plain = text.len() > 1 || text == "I";
    let named = found.next().is_some_and(|c| AFTER.contains(&c));
    (found.stands_alone() && (ordinal || plain && named)).then_some(())?;
    roman_value(text).map(|value| integer(&value.to_string()))
}
