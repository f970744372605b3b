//! Numbers that are read digit by digit: codes, rooms, trains, plates.

use super::context;
use super::number::{digits, integer, telephone};
use crate::text::language::is_han;
use crate::text::normalize::latin::spell::{read_words, spell};
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter_or_digit, rule};
use crate::text::normalize::table::{self, Table, Words};

/// Number plates, which begin with a letter.
pub const LATIN: &[Rule] = &[rule("plate", r"[A-HJ-NP-Z][·.•\- ]?[A-HJ-NP-Z0-9]{5,6}", plate)];

pub const RULES: &[Rule] = &[
    // 会议号 886 123 456
    rule("digits", r"[0-9]{2,4}(?:(?: [0-9]{2,4}){1,4}|(?:-[0-9]{2,4}){2,4})", grouped),
    // ISBN
    rule("digits", r"(?:97[89][- ]?)?[0-9](?:[- ]?[0-9]{2,8}){2,3}[- ]?[0-9Xx]", |found| {
        let named = context::ends_with_any(label(found.before()), &["ISBN", "编号", "編號", "书号", "書號"]);
        (named && found.stands_alone()).then(|| digits(found.all()))
    }),
    rule("digits", r"[0-9]{3,4}", named),
    rule("digits", r"[0-9]{1,24}", code),
    // 贵州茅台(600519), 00700.HK
    rule("digits", r"[0-9]{4,6}", stock),
    // Cheers and laughs of the net: 简直666, 23333.
    rule("digits", r"6{3,8}|23{2,8}|88{1,3}|5201314|1314520|520|1314", net),
    // 波音737-800
    rule("digits", r"7[0-9]7(?<ahead>-[0-9]{1,4})", |found| {
        (found.follows(&["波音"]) && found.stands_alone()).then(|| digits(found.all()))
    }),
];

const PROVINCES: &str =
    "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领滬遼魯蘇贛閩貴粵寧瓊";

/// Words before digits that cheer or laugh.
static CHEERS: Words = Words::new("zh/words", "digits: cheers");

fn net(found: &Found) -> Option<String> {
    let cheers = context::ends_with_any(found.before().trim_end_matches(['，', ' ', '“']), &CHEERS);
    let counts = context::measure_follows(found.after())
        || found.next().is_some_and(|c| c.is_ascii_alphanumeric() || ".%‰:/-".contains(c));
    let vows = matches!(found.all(), "5201314" | "1314520");
    (found.stands_alone() && (cheers || vows) && !counts).then(|| digits(found.all()))
}

/// Beginnings of the codes of Chinese stocks.
static STOCKS: Words = Words::new("zh/words", "digits: stocks");

/// Reads the code of a stock, after its name and in brackets or before its exchange.
fn stock(found: &Found) -> Option<String> {
    let text = found.all();
    let exchange = found.precedes(&[".SH", ".SZ", ".SS", ".BJ", ".HK"]);
    let name = found.before().strip_suffix(['(', '（']).and_then(|before| before.chars().next_back());
    let bracketed = name.is_some_and(is_han) && found.after().starts_with([')', '）']);
    let listed = text.len() == 6 && context::starts_with_any(text, &STOCKS) && !text.ends_with("0000");
    let alone = !found.next().is_some_and(is_digit) && !found.before().ends_with(['.', ',']);
    (alone && (exchange || bracketed && listed)).then(|| digits(text))
}

/// Words before a code.
static CODES: Words = Words::new("zh/words", "digits: codes");
/// Words after the number of a room, a road, a train.
static NUMBERED: Words = Words::new("zh/words", "digits: numbered");
/// Numbers that are names.
static NAMES: Table<(&str, Vec<&str>, Vec<&str>)> = Table::new("zh/names", |cells| match cells {
    [number, before, behind] => {
        Some((*number, table::forms(before).collect(), table::forms(behind).collect()))
    }
    _ => None,
});

pub fn alone(found: &Found) -> bool {
    let unit = found.next().is_some_and(|c| "%‰°²³^×+*=~".contains(c));
    found.stands_alone()
        && !found.goes_on(".-/:,")
        && !unit
        && !found.before().ends_with(['.', '/', '=', '+', '×', '¥', '$', '~'])
}

/// Returns what stands before a number and its colon.
pub fn label(before: &str) -> &str {
    before.trim_end_matches([
        ' ', ':', '：', '是', '为', '為', '“', '"', '(', '（', '「', '了', '【', '就', '请',
    ])
}

/// Reads a number that says which room, road or school.
fn named(found: &Found) -> Option<String> {
    let text = found.all();
    let p = found.next().is_some_and(|c| matches!(c, 'P' | 'p')) && found.starts_apart("");
    (p || alone(found)).then_some(())?;
    let counted = context::measure_follows(found.after());
    let name = NAMES.iter().any(|(name, before, behind)| {
        *name == text
            && (found.precedes(before)
                || found.follows(behind) && !counted
                || before.is_empty() && behind.is_empty())
    });
    let round = text.ends_with("00");
    let room = !round
        && found.precedes(&NUMBERED)
        && !found.precedes(&["房产", "路人", "厂家", "房屋", "路口", "路程"]);
    // 2单元303
    let door = found.follows(&["单元", "栋", "幢", "楼", "座", "层"]) && !counted;
    (name || room || door).then(|| digits(text))
}

fn grouped(found: &Found) -> Option<String> {
    let coded = context::ends_with_any(label(found.before()), &CODES);
    (coded && alone(found) && !context::measure_follows(found.after())).then(|| digits(found.all()))
}

fn code(found: &Found) -> Option<String> {
    let text = found.all();
    alone(found).then_some(())?;
    let coded =
        context::ends_with_any(label(found.before()), &CODES) && !context::measure_follows(found.after());
    let train =
        found.before().ends_with(|c: char| "GDCZTKYLS".contains(c)) && found.after().starts_with("次");
    if train && text.len() <= 2 {
        return Some(integer(text));
    }
    (coded || train).then(|| digits(text))
}

fn plate(found: &Found) -> Option<String> {
    let text = found.all();
    let numbers = text.chars().filter(char::is_ascii_digit).count();
    (found.previous().is_some_and(|c| PROVINCES.contains(c))
        && numbers >= 2
        && !found.next().is_some_and(is_letter_or_digit))
    .then_some(())?;
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(read_words(&plain, telephone, spell).concat())
}
