//! From one number to another: 3~5个, 8:00-17:30, 周一—周五.

use super::number::{digits, integer, number, quantity};
use super::{context, math, units};
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter_or_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    // 100+人
    rule("number", r"(?<n>[0-9]{1,8}0)[+]", |found| {
        let counts = context::measure_follows(found.after());
        (counts && found.starts_apart(".")).then(|| integer(found.get("n")) + "多")
    }),
    rule("range", r"7-11", |found| (found.stands_alone() && shop(found)).then(|| "七十一".into())),
    // 3-5-2 is a code.
    rule("code", r"[0-9]{1,4}(?:-[0-9]{1,4}){2,6}", code),
    rule("range", "(?<a>{num}) ?(?<sign>[-~–—〜]|--|——) ?(?<ahead>(?<b>{num}))", numbers),
    // Between two things that other rules read.
    rule("range", "{between_things}", things),
    rule("range", r"(?<sign>[-~–—〜]) ?(?<ahead>(?:周|星期|礼拜|週|禮拜|初)[一二三四五六日天1-7])", weekdays),
    rule("range", "{between_words}", |found| ends_a_quantity(found.before()).then(|| "到".into())),
    // About so many.
    rule("range", "~ ?(?<ahead>{num})", |found| {
        (!found.previous().is_some_and(char::is_alphanumeric)).then(|| "约".into())
    }),
];

/// Words before the model of a plane, a rocket or a ship, after which a hyphen is not heard.
static MODELS: Words = Words::new("zh/words", "range: models");

/// Words before the number of a figure or a table, and of the chapter that it is in.
static FIGURES: Words = Words::new("zh/words", "range: figures");

fn shop(found: &Found) -> bool {
    found.precedes(&["便利", "店", "超市", "買", "买"])
        || found.follows(&["便利店", "去", "在", "到"]) && !context::measure_follows(found.after())
}

fn code(found: &Found) -> Option<String> {
    (found.stands_alone() && !math::in_formula(found)).then_some(())?;
    let parts: Vec<String> =
        found.all().split('-').map(|part| if part.len() > 2 { digits(part) } else { number(part) }).collect();
    Some(parts.concat())
}

fn number_value(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_default()
}

fn numbers(found: &Found) -> Option<String> {
    let (a, b) = (found.get("a"), found.get("b"));
    (!found.previous().is_some_and(is_letter_or_digit) && !found.before().ends_with(['.', '/', ':']))
        .then_some(())?;
    let rest = found.after().get(b.len()..).unwrap_or_default();
    (!rest.starts_with(is_digit)).then_some(())?;
    let sign = found.get("sign");
    // 图3-1
    if sign == "-" && found.follows(&FIGURES) && rest.chars().next().is_none_or(|c| !"页章节月".contains(c))
    {
        return Some(format!("{}杠", number(a)));
    }
    // All there is: a sum, not a range that falls.
    let only = found.before().is_empty() && rest.is_empty();
    let falls = number_value(a) > number_value(b) && !a.starts_with('0');
    if sign == "-" && (math::in_formula(found) || only && falls) {
        return Some(format!("{}减", number(a)));
    }
    // 满199-20
    if sign == "-" && falls && found.before().ends_with(['满', '滿']) {
        return Some(format!("{}减", number(a)));
    }
    let zero_first = |text: &str| text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    let counts = context::measure_follows(rest)
        || context::starts_with_any(rest, &["月", "日", "号", "级", "年", "楼", "期"]);
    let up = number_value(a) < number_value(b);
    // 010-12 and 5-3 are no ranges, whatever else they are.
    let named = context::latin_before(found.before()).is_some() || found.follows(&["波音", "空客"]);
    if sign == "-" && !counts && (!up || zero_first(a) || zero_first(b)) {
        let spoken = if zero_first(a) || a.len() > 4 || a.len() > 2 && named { digits(a) } else { number(a) };
        return Some(spoken + " ");
    }
    // 2-3个: both are counted. 3-5万 too.
    let two = a == "2" && context::measure_follows(rest) && !context::is_ordinal(found.before(), rest);
    Some(format!("{}到", if two { quantity(a) } else { number(a) }))
}

fn things(found: &Found) -> Option<String> {
    let before = found.before();
    let sign = found.get("sign");
    // The model of a plane.
    if sign == "-" && context::ends_with_any(before, &MODELS) {
        return Some(" ".into());
    }
    if before.ends_with(' ') && sign == "-" && found.after().starts_with(is_digit) {
        // A minus that stands before its number.
        let loose = found.all().ends_with(' ');
        loose.then_some(())?;
    }
    let before = before.trim_end();
    if sign == "-"
        && math::in_formula(found)
        && before.ends_with(|c: char| c.is_ascii_alphanumeric() || ")²³".contains(c))
    {
        return Some("减".into());
    }
    // 220V~50Hz is what an appliance takes.
    (sign != "~" || !before.ends_with('V') || found.after().contains('V')).then_some(())?;
    let below_zero = matches!(sign, "~" | "〜") && found.after().starts_with(['-', '+']);
    (ends_a_quantity(before) || below_zero && before.ends_with(is_digit)).then(|| "到".into())
}

/// Tells whether a number with a unit, a date or a time ends there.
fn ends_a_quantity(before: &str) -> bool {
    let counted = |c: char| c.is_ascii_digit() || "零一二三四五六七八九十百千万亿两半".contains(c);
    if before.ends_with(is_digit) {
        let token = before.trim_end_matches(|c: char| is_digit(c) || ":/.-,".contains(c));
        let token = before.get(token.len()..).unwrap_or_default();
        return token.contains([':', '/'])
            || token.matches(['.', '-']).count() > 1
            || before.get(..before.len() - token.len()).is_some_and(|rest| {
                rest.trim_end()
                    .ends_with(['¥', '$', '€', '£', '月', '年', '点', '周', '週', '期', '拜', '初'])
            });
    }
    if before.ends_with(['%', '‰']) {
        return true;
    }
    let sign = |c: char| c.is_ascii_alphabetic() || "°µΩ²³/".contains(c);
    let number = before.trim_end_matches(sign);
    if let Some(unit) = before.get(number.len()..)
        && !unit.is_empty()
    {
        let unit = unit.split('/').next().unwrap_or(unit);
        return number.trim_end().ends_with(is_digit)
            && (units::name(unit).is_some() || matches!(unit, "am" | "pm" | "AM" | "PM"));
    }
    static ENDS: Words = Words::new("zh/words", "range: ends");
    let units = units::CHINESE.iter().chain(ENDS.iter());
    units.filter_map(|unit| before.strip_suffix(unit)).any(|rest| rest.trim_end().ends_with(counted))
        || context::ends_with_any(before, &["周一", "周二", "周三", "周四", "周五", "周六", "周日"])
}

fn weekdays(found: &Found) -> Option<String> {
    let before = found.before();
    let day = before.trim_end_matches(|c: char| "一二三四五六日天1234567".contains(c));
    (day.len() < before.len() && context::ends_with_any(day, &["周", "星期", "礼拜", "週", "禮拜", "初"]))
        .then(|| "到".into())
}
