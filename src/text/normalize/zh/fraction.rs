//! Fractions and percentages.

use super::number::integer;
use crate::text::normalize::numbers::vulgar;
use crate::text::normalize::rule::{Found, Rule, is_digit, rule};

pub const RULES: &[Rule] = &[
    // 10-20%, -5%, 0.5‰
    rule("percent", "{percent}", percent),
    rule("percent", "[+](?<ahead>{num} ?(?:[%‰]|°[CF]))", |found| {
        may_be_negative(found).then(|| "正".into())
    }),
    rule("fraction", r"(?<neg>-)?(?:(?<whole>[0-9]{1,6}) )?(?<a>[0-9]{1,12})/(?<b>[0-9]{1,12})", fraction),
    // 3 / 4
    rule("fraction", r"(?<a>[0-9]{1,3}) / (?<b>[0-9]{1,3})", spaced),
    rule("fraction", r"(?<whole>[0-9]{1,12})?(?<sign>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒])", sign),
];

/// Reads `3 / 4`, which is a division if it is part of a sum or more than one.
fn spaced(found: &Found) -> Option<String> {
    let (a, b) = (found.get("a"), found.get("b"));
    let less = a.parse::<u16>().ok()? < b.parse::<u16>().ok()?;
    let sum = found.after().trim_start().starts_with(['=', '+', '-', '×', '*', '/', '÷'])
        || found.before().trim_end().ends_with(['=', '+', '-', '×', '*', '/', '÷']);
    (found.stands_alone() && less && !sum).then(|| format!("{}分之{}", integer(b), integer(a)))
}

/// Reads a fraction that is one character, perhaps with a whole number before it.
fn sign(found: &Found) -> Option<String> {
    let (over, under) = vulgar(found.get("sign").chars().next()?)?;
    let whole = if found.has("whole") { integer(found.get("whole")) + "又" } else { String::new() };
    Some(format!("{whole}{}分之{}", integer(&under.to_string()), integer(&over.to_string())))
}

/// Tells whether a minus before a number is a sign, not a hyphen.
pub fn may_be_negative(found: &Found) -> bool {
    found.previous().is_none_or(|c| !c.is_ascii_alphanumeric() && !")）%‰".contains(c))
}

fn percent(found: &Found) -> Option<String> {
    ((!found.has("neg") || may_be_negative(found)) && !found.previous().is_some_and(is_digit))
        .then_some(())?;
    // The whole of it is 百分之百; between bounds it is a number like the other.
    if found.get("sign") == "%" && found.get("a") == "100" && !found.has("b") {
        return found.say("[负{if:neg}]百分之百");
    }
    found.say("[负{if:neg}]{parts:sign}{number:a}[{link:link}{parts:sign}{number:b}]")
}

/// Returns the name of so many parts.
pub fn parts(sign: &str) -> &'static str {
    match sign {
        "%" => "百分之",
        "‰" => "千分之",
        _ => "万分之",
    }
}

/// Reads what is under the bar of a fraction.
pub fn below(number: &str) -> String {
    match number {
        "100" => "百".into(),
        "1000" => "千".into(),
        "10000" => "万".into(),
        _ => integer(number),
    }
}

fn fraction(found: &Found) -> Option<String> {
    (found.stands_alone() && !found.goes_on("/.") && !found.before().ends_with(['/', '.'])).then_some(())?;
    (!found.has("neg") || may_be_negative(found)).then_some(())?;
    let (a, b, whole) = (found.get("a"), found.get("b"), found.has("whole"));
    let after = found.after().trim_start();
    // Blood pressure is two numbers, a metre two beats.
    if super::context::sentence_before(found.before()).contains("血压") || after.starts_with("mmHg") {
        return if whole { None } else { found.say("{integer:a}，{integer:b}") };
    }
    if found.after().starts_with("拍") && !whole {
        return found.say("{integer:b}{integer:a}");
    }
    // The page, and how many there are.
    let page = after.chars().next().filter(|c| matches!(c, '页' | '頁'));
    if let Some(page) = page.filter(|_| found.before().trim_end().ends_with('第') && !whole) {
        return Some(format!("{}{page}，共{}", integer(a), integer(b)));
    }
    // A whole number is part of it only if the fraction is less than one.
    (!whole || a.len() < b.len() || a.len() == b.len() && a < b).then_some(())?;
    found.say("[负{if:neg}][{integer:whole}又]{below:b}分之{integer:a}")
}
