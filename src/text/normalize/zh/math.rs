//! Sums, comparisons and powers.

use super::number::{integer, number};
use crate::text::language::is_han;
use crate::text::normalize::rule::{Found, Rule};

/// A letter x between two numbers.
pub const LATIN: &[Rule] = &[
    Rule { name: "math", pattern: r"[xX] ?(?<ahead>[0-9])", read: times },
    // 23.5x
    Rule { name: "math", pattern: r"[xX]", read: fold },
];

pub const RULES: &[Rule] = &[
    Rule {
        name: "math",
        pattern: concat!("(?<base>", super::num!(), r")\^\(?(?<sign>-)?(?<n>[0-9]{1,6})\)?"),
        read: power,
    },
    Rule {
        name: "math",
        pattern: concat!("(?<base>", super::num!(), ")(?<n>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6})"),
        read: power,
    },
    // 1.5e-3
    Rule {
        name: "math",
        pattern: r"(?<base>[0-9]{1,12}(?:\.[0-9]{1,12})?)[eE][+]?(?<sign>-)?(?<n>[0-9]{1,3})",
        read: scientific,
    },
    Rule { name: "math", pattern: r"\^\(?(?<sign>-)?(?<n>[0-9]{1,6})\)?", read: power_of_letter },
    Rule { name: "math", pattern: "[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}", read: power_of_letter },
    Rule {
        name: "math", pattern: r"[₀₁₂₃₄₅₆₇₈₉]{1,6}", read: |found| Some(integer(&lowered(found.all())))
    },
    Rule { name: "math", pattern: r" ?\* ?(?<ahead>[0-9(])", read: times },
    Rule { name: "math", pattern: r"(?:>=|≥|≧)", read: |_| Some("大于等于".into()) },
    Rule { name: "math", pattern: r"(?:<=|≤|≦)(?<ahead> ?[^>])", read: |_| Some("小于等于".into()) },
    Rule { name: "math", pattern: r"!=", read: |_| Some("不等于".into()) },
    Rule { name: "math", pattern: r"==", read: |_| Some("等于".into()) },
    Rule { name: "math", pattern: r"(?<sign>[<>]) ?(?<ahead>(?<next>[-¥$0-9A-Za-z.]))", read: compared },
    Rule { name: "math", pattern: r"[+] ?(?<ahead>(?<next>[0-9.]))", read: plus },
    Rule { name: "math", pattern: r"- ?(?<ahead>(?<next>[a-z0-9(]))", read: minus },
    Rule { name: "math", pattern: r"[÷/] ?(?<ahead>[0-9(])", read: divided },
    Rule { name: "math", pattern: "[√×✓✔✗✘]", read: mark },
    Rule { name: "math", pattern: r"√(?<ahead>[0-9(a-z])", read: |_| Some("根号".into()) },
];

/// Reads what is put beside an answer.
fn mark(found: &Found) -> Option<String> {
    let before =
        found.before().trim_end_matches([' ', '“', '"', '”', '√', '×', '✓', '✗', '或', '者', '和', '、']);
    let put = before.ends_with(['打', '画', '划', '填']);
    let put = put && !found.next().is_some_and(|c| c.is_ascii_alphanumeric());
    put.then(|| if found.all().starts_with(['√', '✓', '✔']) { "勾" } else { "叉" }.into())
}

fn is_operand_end(c: char) -> bool {
    c.is_ascii_alphanumeric() || ")）²³%πxy".contains(c)
}

/// Tells whether it stands in a sum: an operator that is nothing else, or what says that it is one, is near.
pub fn in_formula(found: &Found) -> bool {
    let part = |c: &char| c.is_ascii_digit() || "+-*/×÷=≈≠<>≥≤().^√²³ xyabn,".contains(*c);
    let before: String = found.before().chars().rev().take_while(part).collect();
    let before: String = before.chars().rev().collect();
    let after: String = found.after().chars().take_while(part).collect();
    let span = format!("{before}{}{after}", found.all());
    let strong = ['=', '≈', '≠', '×', '÷', '√', '^', '²', '³'];
    let plus =
        span.split('+').skip(1).any(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
            && span.split('+').next().is_some_and(|first| first.trim_end().ends_with(is_operand_end));
    let rest = found.after().get(after.len()..).unwrap_or_default();
    span.contains(strong)
        || plus
        || rest.starts_with("等于")
        || rest.starts_with("得")
        || found.before().ends_with("计算")
        || found.before().ends_with("算式")
}

/// Returns superscripts and subscripts as digits and a minus.
fn lowered(text: &str) -> String {
    let plain = |c: char| match c {
        '⁰' | '₀' => Some('0'),
        '¹' | '₁' => Some('1'),
        '²' | '₂' => Some('2'),
        '³' | '₃' => Some('3'),
        '⁻' => Some('-'),
        '⁴'..='⁹' => char::from_u32(u32::from(c) - u32::from('⁴') + u32::from('4')),
        '₄'..='₉' => char::from_u32(u32::from(c) - u32::from('₄') + u32::from('4')),
        _ => None,
    };
    text.chars().filter_map(plain).collect()
}

fn exponent(found: &Found) -> Option<String> {
    let text = lowered(found.get("n"));
    let (negative, n) = match text.strip_prefix('-') {
        Some(n) => (true, n),
        None if text.is_empty() && found.has("n") => (found.has("sign"), found.get("n")),
        None => (false, text.as_str()),
    };
    match n {
        "" => None,
        "2" if !negative => Some("平方".into()),
        "3" if !negative => Some("立方".into()),
        n => Some(format!("{}{}次方", if negative { "负" } else { "" }, integer(n))),
    }
}

fn power(found: &Found) -> Option<String> {
    let inside = found.previous().is_some_and(|c| c.is_ascii_alphanumeric());
    (!inside)
        .then(|| exponent(found))
        .flatten()
        .map(|power| format!("{}的{power}", number(found.get("base"))))
}

fn scientific(found: &Found) -> Option<String> {
    // 1E5 may be a room or a part.
    let sure = found.has("sign") || found.get("base").contains('.') || found.all().contains(['e', '+']);
    (sure && found.stands_alone())
        .then(|| exponent(found))
        .flatten()
        .map(|power| format!("{}乘十的{power}", number(found.get("base"))))
}

fn power_of_letter(found: &Found) -> Option<String> {
    let base = found.previous().is_some_and(|c| c.is_ascii_alphabetic() || c == ')' || c == 'π');
    let text = if found.has("n") { found.get("n").to_string() } else { lowered(found.all()) };
    if !base || text.is_empty() {
        return None;
    }
    Some(match (text.strip_prefix('-'), text.as_str()) {
        (Some(n), _) => format!("的负{}次方", integer(n)),
        (None, n) if found.has("sign") => format!("的负{}次方", integer(n)),
        (None, "2") => "的平方".into(),
        (None, "3") => "的立方".into(),
        (None, n) => format!("的{}次方", integer(n)),
    })
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
        && unit.ends_with(|c: char| c.is_ascii_digit())
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
    (decimal && ends && starts && !version).then(|| "倍".into())
}

/// Tells whether a letter stands there that is no word.
fn ends_with_variable(before: &str) -> bool {
    let word = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len();
    before.len() == word + 1
}

fn starts_with_variable(after: &str) -> bool {
    let after = after.trim_start();
    after.len() == after.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).len() + 1
}

fn compared(found: &Found) -> Option<String> {
    let number_after = found.get("next").starts_with(|c: char| c.is_ascii_digit() || "-¥$.".contains(c));
    let before = found.before().trim_end();
    let tag = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '/').ends_with('<')
        || found.get("sign") == "<"
            && found.after().trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('>');
    let number_before = before.ends_with(|c: char| c.is_ascii_digit() || c == '%');
    // <b> and </b> are no comparisons, nor is ->.
    let variables = ends_with_variable(before) && starts_with_variable(found.after());
    if before.ends_with(['<', '>', '-', '=']) || tag || !number_after && !number_before && !variables {
        return None;
    }
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
    let letters = found.previous().is_some_and(|c| c.is_ascii_alphabetic())
        && !before.ends_with(['x', 'y', 'a', 'b', 'n']);
    (before.ends_with(is_operand_end) && !letters && in_formula(found)).then(|| "减".into())
}

fn divided(found: &Found) -> Option<String> {
    if found.all().starts_with('÷') {
        return Some("除以".into());
    }
    let before = found.before().trim_end();
    (before.ends_with(')') && in_formula(found)).then(|| "除以".into())
}
