//! Money with a sign or a code.

use super::context;
use super::fraction::may_be_negative;
use super::number::{number, quantity};
use crate::text::normalize::numbers;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter, rule};
use crate::text::normalize::table::{self, Table, Words};

/// Money that begins with letters.
pub const LATIN: &[Rule] = &[
    rule("money", "(?<code>{currency_mixed}) ?{price}", money),
    rule("money", "(?<code>{currency_code}|cny|rmb|usd|eur) ?{price}", money),
];

pub const RULES: &[Rule] = &[
    rule("money", "(?<neg>-)?(?<code>{currency_sign}) ?(?<neg2>-)?{price}", money),
    rule("money", "(?<neg>-)?{price} ?(?<code>{currency_code}|cny|rmb|usd|eur|{currency_sign})", money),
    // 3w, and 15k where it is about money
    rule("money", "(?<a>{num})(?:(?<u1>[wWkK])? ?(?<link>[-~–—]) ?(?<b>{num}))?(?<scale>[wWkK])", slang),
];

static CURRENCIES: Table<(Vec<&str>, &str)> = Table::new("currencies", |cells| match cells {
    [written, .., chinese] => Some((table::forms(written).collect(), table::value(chinese)?)),
    _ => None,
});

/// Returns a number times 10 to the `zeros`.
fn shifted(text: &str, zeros: usize) -> String {
    let plain = text.replace(',', "");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut moved = format!("{whole}{fraction}");
    match zeros.checked_sub(fraction.len()) {
        Some(more) => moved.extend(std::iter::repeat_n('0', more)),
        None => moved.insert(whole.len() + zeros, '.'),
    }
    let trimmed = moved.trim_start_matches('0');
    if trimmed.starts_with('.') || trimmed.is_empty() { format!("0{trimmed}") } else { trimmed.into() }
}

/// Reads a number and its scale.
fn scaled(text: &str, scale: &str) -> String {
    if let Some((zeros, _)) = numbers::scale(scale) {
        let moved = shifted(text, zeros);
        // 1500000 is said 一百五十万, 3000000000 三十亿.
        return number(&moved);
    }
    let scale = match scale {
        "w" | "W" => "万",
        other => other,
    };
    // Nobody says the cents that are not there.
    let text = text.strip_suffix(".00").filter(|_| scale.is_empty()).unwrap_or(text);
    format!("{}{scale}", quantity(text))
}

fn money(found: &Found) -> Option<String> {
    let code = found.get("code").to_ascii_uppercase();
    let currency =
        CURRENCIES.iter().find(|(written, _)| written.contains(&code.as_str())).map(|(_, name)| *name)?;
    let scale = found.get("scale");
    let letters = code.starts_with(is_letter);
    let starts = if found.has("neg") { may_be_negative(found) } else { found.starts_apart("") };
    (starts
        && !((letters || scale.starts_with(|c: char| c.is_ascii())) && found.next().is_some_and(is_letter))
        && !found.next().is_some_and(is_digit))
    .then_some(())?;
    let negative = if found.has("neg") || found.has("neg2") { "负" } else { "" };
    let from = if found.has("b") { first(found) + &found.say("{link:link}")? } else { String::new() };
    let last = if found.has("b") { "b" } else { "a" };
    let spoken = negative.to_string() + &from + &scaled(found.get(last), scale);
    // ¥100元 names it twice.
    let after = found.after().trim_start();
    let named = currency.ends_with('元') && context::starts_with_any(after, &["元", "块"])
        || context::starts_with_any(after, &[currency, "万元", "亿元", "人民币", "美金", "多万", "余", "多"]);
    Some(if named && !after.starts_with("元素") { spoken } else { spoken + currency })
}

fn slang(found: &Found) -> Option<String> {
    static MONEY: Words = Words::new("zh/words", "money: money");
    static NEXT: Words = Words::new("zh/words", "money: next");
    let scale = found.get("scale");
    found.stands_alone().then_some(())?;
    let about_money =
        context::contains_any(context::sentence_before(found.before()), &MONEY) || found.precedes(&NEXT);
    (scale == "w" || about_money).then_some(())?;
    if !found.has("b") {
        return Some(scaled(found.get("a"), scale));
    }
    Some(format!("{}到{}", first(found), scaled(found.get("b"), scale)))
}

/// Reads the first of two sums: 3-5w is 三到五万, but 3-5k 三千到五千.
fn first(found: &Found) -> String {
    let (a, scale) = (found.get("a"), found.get("scale"));
    match found.get("u1") {
        "" if scale.eq_ignore_ascii_case("k") => scaled(a, scale),
        "" => quantity(a),
        unit @ ("元" | "块") => quantity(a) + unit,
        unit => scaled(a, unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_move() {
        for (text, zeros, moved) in [
            ("5", 3, "5000"),
            ("1.5", 6, "1500000"),
            ("0.5", 3, "500"),
            ("1.2345", 3, "1234.5"),
            ("0", 3, "0"),
        ] {
            assert_eq!(shifted(text, zeros), moved, "{text}");
        }
    }
}
