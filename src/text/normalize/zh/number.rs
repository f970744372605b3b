//! Numbers in Chinese: cardinals, decimals, digits one by one, and which of them a bare number is.

use super::context::{self, LatinBefore};
use crate::text::language::{Language, is_han};
use crate::text::normalize::numbers::{Numbers, lowered};
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter, rule};
use crate::text::normalize::table::Words;

pub static NUMBERS: Numbers = Numbers {
    language: Language::Chinese,
    cardinal: |digits| {
        let number = digits.parse().ok().filter(|_| !digits.starts_with('0'))?;
        Some(cardinal(number))
    },
    year: |digits| Some(self::digits(digits)),
    digits,
    in_way: |way, written| match way {
        "digits" => Some(self::digits(written)),
        "integer" => Some(integer(written)),
        "whole" => Some(integer(written.trim_start_matches('0'))),
        "counted" => Some(quantity(written.trim_start_matches('0'))),
        "minute" => Some(integer(if written == "00" { "0" } else { written })),
        "link" => Some(if written == "至" { "至" } else { "到" }.into()),
        "parts" => Some(super::fraction::parts(written).into()),
        "below" => Some(super::fraction::below(written)),
        "era" => Some(if written.len() < 4 { integer(written) } else { self::digits(written) }),
        "lowered" => Some(integer(&lowered(written))),
        "number" => Some(number(written)),
        "quantity" => Some(quantity(written)),
        _ => None,
    },
};

pub const RULES: &[Rule] = &[
    // 1 000 000
    rule("number", r"[1-9][0-9]{0,2}(?:(?: [0-9]{3}){2,5}| 000)", |found| {
        found.stands_alone().then(|| integer(found.all()))
    }),
    // １，０００, with commas as wide as its digits
    rule("number", r"[1-9][0-9]{0,2}(?:，[0-9]{3}){1,4}", |found| {
        let more = found.after().strip_prefix('，').unwrap_or(found.after());
        let ends = !more.starts_with(is_digit) && found.stands_alone();
        let listed = found.before().ends_with('，')
            || !found.all().ends_with("000") && found.all().matches('，').count() < 2;
        (ends && !listed).then(|| integer(found.all()))
    }),
    rule("number", "{num}", bare),
    rule("number", r"-?\.[0-9]{1,12}", without_whole),
    // What the one above leaves: digits after a comma that groups nothing.
    rule("number", r"[0-9]{1,24}", |found| Some(integer(found.all()))),
];

/// Numbers after a minus, wherever a sign is what it is.
pub const NEGATIVE: &[Rule] = &[rule("number", "-(?<n>{num})", negative)];

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
/// Digits from here on are no amount, unless a measure word or zeros at the end say so.
const LONG: usize = 9;
/// The longest number that is an amount without a measure word, in digits.
const COUNTED: usize = 12;
/// Models with two digits that are read one by one.
static MODELS: Words = Words::new("zh/words", "number: models");
/// The longest number that has a name.
const LONGEST: usize = 16;

/// Reads ASCII digits one by one; anything else in between is passed over.
pub fn digits(text: &str) -> String {
    text.chars().filter_map(digit).collect()
}

/// Reads ASCII digits as in telephone numbers: 幺 for 1.
pub fn telephone(text: &str) -> String {
    digits(text).replace('一', "幺")
}

fn digit(c: char) -> Option<&'static str> {
    DIGITS.get(c.to_digit(10)? as usize).copied()
}

/// Reads a number with or without commas, a point and zeros in front.
pub fn number(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}点{}", integer(whole), digits(fraction)),
        None => integer(text),
    }
}

/// Reads as [`number`] does, but two of something are 两.
pub fn quantity(text: &str) -> String {
    if text == "2" { "两".into() } else { number(text) }
}

/// Reads digits and commas as a cardinal; as digits if there is a zero in front.
pub fn integer(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    let zero_first = plain.len() > 1 && plain.starts_with('0');
    match plain.parse::<u64>() {
        Ok(n) if !zero_first && plain.len() <= LONGEST => cardinal(n),
        _ => digits(&plain),
    }
}

/// Reads a cardinal below 10¹⁶: 二百一十五, 两千零五.
pub fn cardinal(n: u64) -> String {
    if n == 0 {
        return "零".into();
    }
    let mut spoken = String::new();
    below_wan_yi(&mut spoken, n, true);
    spoken
}

fn below_wan_yi(spoken: &mut String, n: u64, first: bool) {
    let (yi, rest) = (n / 100_000_000, n % 100_000_000);
    if yi > 0 {
        group(spoken, yi, first, '亿');
        if (1..10_000_000).contains(&rest) {
            spoken.push('零');
        }
    }
    let first = first && yi == 0;
    let (wan, low) = (rest / 10_000, rest % 10_000);
    if wan > 0 {
        group(spoken, wan, first, '万');
        if (1..1000).contains(&low) {
            spoken.push('零');
        }
    }
    below_wan(spoken, low, first && wan == 0);
}

/// Adds so many 万 or 亿.
fn group(spoken: &mut String, n: u64, first: bool, unit: char) {
    match n {
        2 if first => spoken.push('两'),
        n if n >= 10_000 => below_wan_yi(spoken, n, first),
        n => below_wan(spoken, n, first),
    }
    spoken.push(unit);
}

/// Adds a number below 10,000. `first`: nothing stands before it, so 12 is 十二 and 2000 两千.
fn below_wan(spoken: &mut String, n: u64, first: bool) {
    let mut zero = false;
    let mut said = false;
    for (place, unit) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = (n / place % 10) as usize;
        if digit == 0 {
            zero |= said;
            continue;
        }
        if zero {
            spoken.push('零');
        }
        let short = first && !said && digit == 1 && place == 10;
        let two = first && !said && digit == 2 && place == 1000;
        match (short, two) {
            (true, _) => {}
            (_, true) => spoken.push('两'),
            _ => spoken.push_str(DIGITS.get(digit).copied().unwrap_or_default()),
        }
        spoken.push_str(unit);
        (said, zero) = (true, false);
    }
}

/// Reads a number that no other rule knows.
fn bare(found: &Found) -> Option<String> {
    let text = found.all();
    (!found.next().is_some_and(is_digit)).then_some(())?;
    // 1米75, 9秒58: what follows the unit is its decimals.
    let decimals = text.len() == 2
        && found.before().strip_suffix(['米', '秒']).is_some_and(|n| n.ends_with(is_digit))
        && !context::is_unit_of_time(found.after());
    if decimals && !context::measure_follows(found.after()) {
        return Some(digits(text));
    }
    // Nobody says the cents that are not there.
    if let Some(whole) = text.strip_suffix(".00")
        && context::starts_with_any(
            found.after().trim_start(),
            &["元", "美元", "块", "欧元", "英镑", "港元", "日元"],
        )
    {
        return Some(quantity(whole));
    }
    if let Some((chapter, section)) = text.split_once('.').filter(|_| is_section(found)) {
        return Some(format!("{}点{}", integer(chapter), integer(section)));
    }
    if text.contains(['.', ',']) {
        return Some(number(text));
    }
    let amount = context::measure_follows(found.after());
    // A book that is called by a year.
    if text.len() == 4 && found.previous() == Some('《') && found.next() == Some('》') {
        return Some(digits(text));
    }
    if text == "2" {
        let named = context::latin_before(found.before()) == Some(LatinBefore::Joined);
        // 1、2、3名 counts up.
        let listed = found.before().ends_with('、') && found.next() == Some('、');
        // 二百 is said with 二, however it is written.
        let amount = amount && !found.after().trim_start().starts_with('百');
        let two = amount && !named && !listed && !context::is_ordinal(found.before(), found.after());
        return Some(if two { "两" } else { "二" }.into());
    }
    // iPhone15 128G
    let storage = found.before().ends_with(' ') && found.next().is_some_and(|c| "GT".contains(c));
    if let Some(before) = context::latin_before(found.before())
        && !storage
        && !(amount && before == LatinBefore::Spaced)
    {
        return Some(after_latin(text, found.before(), before));
    }
    let zeros = text.len() - text.trim_end_matches('0').len();
    let counted = amount || zeros >= 4 || found.before().ends_with('第');
    if text.len() >= LONG && !counted && !may_be_amount(text, found) {
        return Some(digits(text));
    }
    Some(integer(text))
}

/// Tells whether a long number that nothing is counted by may be an amount: behind a word that names no code,
/// and not so long that nobody counts so far.
fn may_be_amount(text: &str, found: &Found) -> bool {
    const CODED: &[char] =
        &['号', '號', '码', '碼', '单', '單', '卡', '证', '證', '群', '户', '戶', '件', '串'];
    let before = super::digits::label(found.before());
    let han = before.chars().next_back().filter(|c| is_han(*c));
    text.len() <= COUNTED && !text.starts_with("20") && han.is_some_and(|c| !CODED.contains(&c))
}

/// Tells whether a decimal is the number of a figure, a section or a headline.
fn is_section(found: &Found) -> bool {
    let (before, after) = (found.before().trim_end(), found.after().trim_start());
    let figure = context::ends_with_any(before, &["图", "表", "圖", "表格", "附录", "附錄"]);
    let section = after.starts_with(['节', '節', '章']) && !before.ends_with(['课', '課']);
    let headline = (before.is_empty() || found.before().ends_with('\n')) && found.after().starts_with(". ");
    let small = found.all().split_once('.').is_some_and(|(_, part)| part.len() < 3 && !part.starts_with('0'));
    small && (figure || section || headline)
}

/// Reads the number of a model or a series: A4, iPhone 15, but RTX 4090 digit by digit.
fn after_latin(text: &str, before: &str, how: LatinBefore) -> String {
    let letters = before.chars().rev().skip_while(|c| !c.is_ascii_alphabetic());
    let letters = letters.take_while(char::is_ascii_alphabetic).count();
    let round = text.len() == 3 && text.ends_with("00") && (letters == 1 || how == LatinBefore::Spaced);
    let top = before.trim_end_matches(' ').to_ascii_lowercase().ends_with("top");
    let word = before.trim_end_matches([' ', '-']);
    let start = word.trim_end_matches(is_letter).len();
    if word.get(start..).is_some_and(|word| MODELS.contains(&format!("{word}{text}"))) {
        return digits(text);
    }
    if text.len() <= 2 || round || top { integer(text) } else { digits(text) }
}

fn negative(found: &Found) -> Option<String> {
    let sign = found.previous().is_none_or(|c| (!c.is_alphanumeric() || is_han(c)) && !")）%".contains(c));
    (sign && !found.next().is_some_and(is_digit)).then(|| format!("负{}", number(found.get("n"))))
}

/// Reads .5.
fn without_whole(found: &Found) -> Option<String> {
    let text = found.all();
    let sign = if text.starts_with('-') { "负" } else { "" };
    let starts = found.previous().is_none_or(|c| !c.is_ascii_alphanumeric() && !".)-".contains(c));
    (starts && found.stands_alone() && found.next() != Some('.'))
        .then(|| format!("{sign}零点{}", digits(text)))
}
