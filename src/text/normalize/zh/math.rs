//! Sums, comparisons and powers.

use super::number::integer;
use crate::text::language::is_han;
use crate::text::normalize::numbers;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter, is_letter_or_digit, rule};

/// A letter x between two numbers.
pub const LATIN: &[Rule] = &[
    rule("math", r"[xX] ?(?<ahead>[0-9])", times),
    // 23.5x
    rule("math", r"[xX]", fold),
];

pub const RULES: &[Rule] = &[
    rule("math", "(?<base>{num}){power}", power),
    // 1.5e-3
    rule("math", r"(?<base>[0-9]{1,12}(?:\.[0-9]{1,12})?)[eE][+]?(?<sign>-)?(?<n>[0-9]{1,3})", scientific),
    rule("math", "{power}", power_of_letter),
    rule("math", r" ?\* ?(?<ahead>[0-9(])", times),
    rule("math", r"(?<sign>[<>]) ?(?<ahead>(?<next>[-¥$0-9A-Za-z.]))", compared),
    rule("math", r"[+] ?(?<ahead>(?<next>[0-9.]))", plus),
    rule("math", r"- ?(?<ahead>(?<next>[a-z0-9(]))", minus),
    rule("math", r"[÷/] ?(?<ahead>[0-9(])", divided),
    rule("math", "[√×✓✔✗✘]", mark),
];

/// Reads what is put beside an answer.
fn mark(found: &Found) -> Option<String> {
    let before =
        found.before().trim_end_matches([' ', '“', '"', '”', '√', '×', '✓', '✗', '或', '者', '和', '、']);
    let put = before.ends_with(['打', '画', '划', '填']);
    let put = put && !found.next().is_some_and(is_letter_or_digit);
    put.then(|| if found.all().starts_with(['√', '✓', '✔']) { "勾" } else { "叉" }.into())
}

fn is_operand_end(c: char) -> bool {
    c.is_ascii_alphanumeric() || ")）²³%πxy".contains(c)
}

/// Tells whether it stands in a sum: an operator that is nothing else, or what says that it is one, is near.
pub fn in_formula(found: &Found) -> bool {
    let part = |c: char| c.is_ascii_digit() || "+-*/×÷=≈≠<>≥≤().^√²³ xyabn,".contains(c);
    let (before, after) = found.around(part);
    let span = format!("{before}{}{after}", found.all());
    let strong = ['=', '≈', '≠', '×', '÷', '√', '^', '²', '³'];
    let plus = span.split('+').skip(1).any(|rest| rest.trim_start().starts_with(is_digit))
        && span.split('+').next().is_some_and(|first| first.trim_end().ends_with(is_operand_end));
    let rest = found.after().get(after.len()..).unwrap_or_default();
    span.contains(strong)
        || plus
        || rest.starts_with("等于")
        || rest.starts_with("得")
        || found.before().ends_with("计算")
        || found.before().ends_with("算式")
}

/// Returns what a power is called: 平方, 负三次方.
fn exponent(found: &Found) -> Option<String> {
    let text = numbers::lowered(found.get(if found.has("high") { "high" } else { "n" }));
    let n = text.trim_start_matches('-');
    let negative = found.has("sign") || n.len() < text.len();
    match n {
        "" => None,
        "2" if !negative => Some("平方".into()),
        "3" if !negative => Some("立方".into()),
        n => Some(format!("{}{}次方", if negative { "负" } else { "" }, integer(n))),
    }
}

fn power(found: &Found) -> Option<String> {
    found.starts_apart("").then_some(())?;
    Some(found.say("{number:base}的")? + &exponent(found)?)
}

fn scientific(found: &Found) -> Option<String> {
    // 1E5 may be a room or a part.
    let sure = found.has("sign") || found.get("base").contains('.') || found.all().contains(['e', '+']);
    (sure && found.stands_alone()).then_some(())?;
    Some(found.say("{number:base}乘十的")? + &exponent(found)?)
}

fn power_of_letter(found: &Found) -> Option<String> {
    found.previous().is_some_and(|c| c.is_ascii_alphabetic() || c == ')' || c == 'π').then_some(())?;
    Some(format!("的{}", exponent(found)?))
}

fn times(found: &Found) -> Option<String> {
    let before = found.before().trim_end_matches(' ');
    let after_number = before.ends_with(|c: char| c.is_ascii_digit() || ")）".contains(c));
    // 0x1F is no product.
    let hex = before
        .strip_suffix('0')
        .is_some_and(|rest| !rest.ends_with(|c: char| c.is_ascii_digit() || c == '.'));
    let unit = before.trim_end_matches(|c: char| c.is_ascii_alphabetic() || "²³".contains(c));
    let after_unit = found.all().contains('*')
        && unit.ends_with(is_digit)
        && before.get(unit.len()..).is_some_and(|unit| super::units::name(unit).is_some());
    (after_number && !hex || after_unit).then(|| "乘".into())
}

/// Reads so many times as much.
fn fold(found: &Found) -> Option<String> {
    let number = found.before().trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let decimal = found.before().get(number.len()..).is_some_and(|n| n.contains('.'));
    let ends = found.next().is_none_or(|c| is_han(c) || "，。、；）),.".contains(c));
    let starts = !number.ends_with(|c: char| c.is_ascii_alphanumeric() || "-+=*/<>×".contains(c));
    let version = super::context::ends_with_any(number.trim_end(), &["版本", "版"]);
    (decimal && !found.before().ends_with('.') && ends && starts && !version).then(|| "倍".into())
}

/// Tells whether a letter stands there that is no word.
fn ends_with_variable(before: &str) -> bool {
    let word = before.trim_end_matches(is_letter_or_digit).len();
    before.len() == word + 1
}

fn starts_with_variable(after: &str) -> bool {
    let after = after.trim_start();
    after.len() == after.trim_start_matches(is_letter_or_digit).len() + 1
}

fn compared(found: &Found) -> Option<String> {
    let number_after = found.get("next").starts_with(|c: char| c.is_ascii_digit() || "-¥$.".contains(c));
    let before = found.before().trim_end();
    let tag = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '/').ends_with('<')
        || found.get("sign") == "<" && found.after().trim_start_matches(is_letter_or_digit).starts_with('>');
    let number_before = before.ends_with(|c: char| c.is_ascii_digit() || c == '%');
    // <b> and </b> are no comparisons, nor is ->.
    let variables = ends_with_variable(before) && starts_with_variable(found.after());
    // What begins a line quotes it.
    let quotes = before.is_empty() || found.before().trim_end_matches(' ').ends_with('\n');
    (!(quotes && found.get("sign") == ">" && found.all().ends_with(' '))).then_some(())?;
    (!before.ends_with(['<', '>', '-', '=']) && !tag && (number_after || number_before || variables))
        .then_some(())?;
    Some(if found.get("sign") == "<" { "小于" } else { "大于" }.into())
}

fn plus(found: &Found) -> Option<String> {
    let before = found.before().trim_end();
    // Of what has grown it is a sign.
    if super::context::ends_with_any(before, &["同比", "环比", "净流入", "涨幅", "涨跌幅", "较昨日", "涨跌"])
    {
        return Some("正".into());
    }
    // Between 和 and a number it is a sign.
    if before.ends_with(['和', '与', '為', '为', '是', '至', '到', '从', '或', '约', '达', '在'])
    {
        return Some("正".into());
    }
    if before.ends_with(|c: char| is_operand_end(c) || is_han(c) || c == '+') {
        return Some("加".into());
    }
    Some("正".into())
}

fn minus(found: &Found) -> Option<String> {
    let before = found.before().trim_end();
    let letters = found.previous().is_some_and(is_letter) && !before.ends_with(['x', 'y', 'a', 'b', 'n']);
    (before.ends_with(is_operand_end) && !letters && in_formula(found)).then(|| "减".into())
}

fn divided(found: &Found) -> Option<String> {
    if found.all().starts_with('÷') {
        return Some("除以".into());
    }
    let before = found.before().trim_end();
    (before.ends_with(')') && in_formula(found)).then(|| "除以".into())
}
