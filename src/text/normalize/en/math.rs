//! Arithmetic in English: sums, comparisons, powers.

use super::amount::{begins, ends, last_word, plural_unit};
use super::number::{cardinal, number};
use super::unit;
use super::year::is_behind_clock;
use crate::text::normalize::numbers::lowered;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter, rule};
use crate::text::normalize::table::{self, Table};

pub const RULES: &[Rule] = &[
    rule("math", "(?P<all>{term}(?:{operator}{term}){1,7})", expression),
    rule("math", r"(?P<sign><=|>=|!=|==|[<>≤≥≠≈]) ?(?P<ahead>[+$€£-]?\.?[0-9])", compare),
    rule("math", r"[~∼～](?P<ahead> ?[$€£]?\.?[0-9])", about),
    rule("math", r"(?P<function>[fgh])\((?P<argument>[a-z0-9])\)(?P<ahead> ?=)?", function),
    rule("math", r"\^ ?\(?(?P<sign>-)?(?P<power>[0-9]{1,4}|[a-z])\)?", power),
    rule("math", r"(?P<sign>⁻)?(?P<power>[⁰¹²³⁴-⁹]{1,4}) (?P<unit>[A-Za-zµΩ]{1,4}[²³]?)", superscript),
    rule("math", r"(?P<sign>⁻)?(?P<power>[⁰¹²³⁴-⁹]{1,4})", superscript),
    rule("math", r"\*(?P<ahead> ?[0-9])", times),
    rule("math", "{scientific}", scientific),
];

/// Signs between two numbers, longer ones first.
static OPERATORS: Table<(&str, &str)> = Table::new("en/operators", table::pair);
/// Those of them that are of arithmetic wherever they stand.
const SURE: &[char] = &['+', '×', '÷', '=', '≠', '√', '^', '²', '³'];

/// Reads all of an expression, of which at least one sign must be of arithmetic.
fn expression(found: &Found) -> Option<String> {
    let text = found.get("all");
    let spaced_minus = text.contains(" - ") && text.contains(is_digit);
    let letters_only = !text.contains(is_digit);
    let equation = text.contains(['=', '√', '^', '²', '³']);
    let compared = [" < ", " > ", " <= ", " >= ", " ≤ ", " ≥ "].iter().any(|sign| text.contains(sign));
    let wordlike = letters_only && !equation && !compared && !text.contains(" + ");
    (begins(found) && ends(found) && (text.contains(SURE) || spaced_minus || compared) && !wordlike)
        .then_some(())?;
    // A year, and how far its clock is ahead: 17:05:12 2018 +0200.
    (!is_behind_clock(found.before())).then_some(())?;
    // Five to ten, with spaces around its dash.
    (!spaced_minus || text.contains(SURE) || descends(text)).then_some(())?;
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    let mut after_term = false;
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        let operator = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
        if c.is_ascii_digit() || c == '.' {
            len = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(rest.len());
            words.push(number(rest.get(..len)?)?);
            after_term = true;
        } else if c.is_ascii_alphabetic() {
            words.push(c.to_string());
            after_term = true;
        } else if let Some(exponent) = rest.strip_prefix('^') {
            let digits = exponent.find(|c: char| !c.is_ascii_digit()).unwrap_or(exponent.len());
            words.push(to_the_power(exponent.get(..digits)?, false)?);
            len += digits;
        } else if let ('²' | '³', _) = (c, ()) {
            words.push(if c == '²' { "squared" } else { "cubed" }.into());
        } else if c == '√' {
            words.push("the square root of".into());
        } else if let Some((sign, word)) = operator {
            let missing = !after_term && !matches!(*sign, "-" | "+" | "±");
            (!missing).then_some(())?;
            words.push((*word).to_string());
            len = sign.len();
            after_term = false;
        } else if !matches!(c, ' ' | '(' | ')') {
            return None;
        }
        rest = rest.get(len..)?;
    }
    (after_term && words.len() > 2).then(|| words.join(" "))
}

/// Tells whether the first number is the greater: 10 - 5 is a sum, 5 - 10 a range.
fn descends(text: &str) -> bool {
    let mut numbers = text.split(" - ").map(|n| n.trim().replace(',', "").parse::<f64>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(second))) => first > second,
        _ => false,
    }
}

/// Reads a comparison; without anything to its left it is no sentence.
fn compare(found: &Found) -> Option<String> {
    let word = OPERATORS.iter().find(|(sign, _)| *sign == found.get("sign")).map(|(_, word)| *word)?;
    let left = found.before().trim_end();
    let quantity = left.ends_with(|c: char| c.is_ascii_digit() || matches!(c, '%' | ')' | 'α'..='ω'));
    // A letter is compared with a number, a word is not: children < 5 years.
    let letter = left.ends_with(is_letter) && last_word(left).len() == 1;
    Some(match (quantity || letter, word.strip_prefix("is ")) {
        (false, Some("approximately")) => "approximately".into(),
        (false, Some(bare)) => bare.to_string(),
        _ => word.to_string(),
    })
}

/// Reads `f(x)`.
fn function(found: &Found) -> Option<String> {
    let (function, argument) = (found.get("function"), found.get("argument"));
    let digit = argument.starts_with(is_digit);
    let argument = if digit { cardinal(argument)? } else { argument.into() };
    let formula = found.has("ahead") || found.before().ends_with("= ");
    (begins(found) && formula).then(|| format!("{function} of {argument}"))
}

fn about(found: &Found) -> Option<String> {
    (!found.previous().is_some_and(|c| c.is_alphanumeric() || c == '~' || c == '%')).then(|| "about".into())
}

fn power(found: &Found) -> Option<String> {
    let based = !found.starts_apart(")");
    (based && ends(found)).then_some(())?;
    to_the_power(found.get("power"), found.has("sign"))
}

fn to_the_power(power: &str, minus: bool) -> Option<String> {
    Some(match (power, minus) {
        ("2", false) => "squared".into(),
        ("3", false) => "cubed".into(),
        _ => {
            let power = if power.starts_with(is_digit) { cardinal(power)? } else { power.into() };
            format!("to the power of {}{power}", if minus { "minus " } else { "" })
        }
    })
}

fn superscript(found: &Found) -> Option<String> {
    let based = found.previous().is_some_and(|c| c.is_alphanumeric() || c == ')');
    based.then_some(())?;
    let power = to_the_power(&lowered(found.get("power")), found.has("sign"))?;
    if !found.has("unit") {
        return Some(power);
    }
    let number = found.previous().is_some_and(is_digit) && ends(found);
    let unit = unit::name(found.get("unit")).filter(|_| number && found.get("unit") != "in")?;
    Some(format!("{power} {}", plural_unit(&unit)))
}

fn times(found: &Found) -> Option<String> {
    let left = found.before().trim_end().chars().next_back();
    left.is_some_and(is_digit).then(|| "times".into())
}

fn scientific(found: &Found) -> Option<String> {
    let mantissa = found.get("mantissa");
    // 5E3 might be a seat.
    let sure = !found.all().contains('E') || mantissa.contains('.') || found.has("minus");
    (begins(found) && ends(found) && sure).then_some(())?;
    found.say(
        "[minus {if:sign}]{number:mantissa} times ten to the power of [minus {if:minus}]{cardinal:power}",
    )
}
