//! Amounts with a unit: 10km/h, 25℃, 3~5m².

use super::fraction::may_be_negative;
use super::number::quantity;
use super::{context, units};
use crate::text::language::is_han;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter, is_letter_or_digit, rule};
use crate::text::normalize::table::{self, Table, Words};

/// Units without a number, and those after 每 or a Chinese number.
pub const LATIN: &[Rule] =
    &[rule("measure", "(?<unit>{sign})/{counted}", bare_rate), rule("measure", "{sign}", bare_unit)];

pub const RULES: &[Rule] = &[
    rule("measure", r#"(?<a>[0-9]{1,3}(?:\.[0-9]{1,2})?)(?:["”]|'')"#, inches),
    rule("measure", "{measured} ?(?<unit>{sign}) ?/ ?{counted}", rate),
    rule("measure", "{measured} ?(?<unit>{sign})", measure),
    // -5~-3度, -10度
    rule("measure", "{degrees}", measure),
    // ¥3.5/100g
    rule("measure", "{price_per}", |found| {
        let before = found.before().trim_end();
        (is_price(before) || before.ends_with(['元', '块'])).then(|| "每".into())
    }),
    // 元/斤
    rule("measure", "/ ?{counted}", each),
];

/// Letters that mean something else than the unit before these.
static NOT_UNITS: Table<(&str, Vec<&str>)> = Table::new("zh/no_units", table::list);
/// Units that are words too: read only right after a number.
const WORDS: &[&str] = &["in", "us", "mi", "ha", "bar", "bit", "pt"];
/// Words that say that a minus is cold.
static WEATHER: Words = Words::new("zh/words", "measure: weather");

fn unit_of(found: &Found) -> Option<String> {
    let sign = found.get("unit");
    if sign.starts_with(is_han) {
        return Some(sign.into());
    }
    let after = found.after().trim_start();
    let other = NOT_UNITS.iter().any(|(unit, next)| *unit == sign && context::starts_with_any(after, next));
    let whole = !found.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '\'' || c == '_');
    // 175/92A is a size of clothes.
    let size = sign == "A" && found.before().strip_suffix('/').is_some_and(|n| n.ends_with(is_digit));
    // 5A is a rank as often as a current.
    let rank = sign == "A"
        && found.get("a").len() == 1
        && !context::contains_any(found.before(), &["电", "充", "伏", "V", "保险丝", "輸出", "输出"]);
    // So is 6s of a telephone.
    let model = sign.len() == 1 && context::latin_before(found.before()).is_some();
    let word =
        WORDS.contains(&sign) && found.all().split('/').next().is_some_and(|amount| amount.contains(' '));
    (whole && !other && !size && !rank && !model && !word).then(|| units::name(sign)).flatten()
}

fn amount(found: &Found, cold: bool) -> Option<String> {
    let starts = if found.has("neg") { may_be_negative(found) } else { found.starts_apart("") };
    starts.then_some(())?;
    let minus = match cold {
        true if found.before().trim_end().ends_with("零下") => "",
        true => "零下",
        false => "负",
    };
    let minus_if = |group: &str| if found.has(group) { minus } else { "" };
    let mut spoken = format!("{}{}", minus_if("neg"), quantity(found.get("a")));
    if found.has("b") {
        let link = if found.get("link") == "至" { "至" } else { "到" };
        spoken += &format!("{link}{}{}", minus_if("neg2"), quantity(found.get("b")));
    }
    Some(spoken + found.get("scale"))
}

fn measure(found: &Found) -> Option<String> {
    let unit = unit_of(found)?;
    let degrees = found.get("unit");
    let weather = || context::contains_any(found.before(), &WEATHER);
    let cold = match degrees {
        "°C" | "°F" | "摄氏度" => true,
        "度" => weather() || found.before().is_empty(),
        "°" => weather(),
        _ => false,
    };
    // 零下五到三摄氏度 would be below zero all the way.
    if (cold || degrees.starts_with(is_han)) && found.has("neg") && found.has("b") && !found.has("neg2") {
        let spoken = amount(found, cold)?;
        let (from, to) = spoken.split_once(['到', '至'])?;
        return Some(format!("{from}{unit}到{to}{unit}"));
    }
    let amount = amount(found, cold)?;
    // Two of a unit that has no Chinese name: 二T B.
    let two = amount.strip_prefix('两').filter(|_| unit.is_ascii());
    Some(two.map_or(amount.clone(), |rest| format!("二{rest}")) + &unit)
}

fn rate(found: &Found) -> Option<String> {
    let per = unit_or_word(found.get("per"))?;
    // Turns are counted by time only.
    let turns = matches!(found.get("unit"), "r" | "R") && matches!(per.as_str(), "分钟" | "秒" | "分");
    let unit = if turns { "转".into() } else { unit_of(found)? };
    let amount = amount(found, false)?;
    // 时速120km/h has said the hour.
    if per == "小时" && found.before().ends_with("时速") {
        return Some(format!("{amount}{unit}"));
    }
    // Acceleration has no turn of phrase but the plain one.
    if per.starts_with("二次方") {
        return Some(format!("{amount}{unit}每{per}"));
    }
    Some(format!("每{}{amount}{unit}", per))
}

/// Reads what is counted by: a unit, or a word in Chinese.
fn unit_or_word(per: &str) -> Option<String> {
    if per.starts_with(is_han) {
        return Some(per.into());
    }
    if per == "H" { Some("小时".into()) } else { units::name(per) }
}

/// Reads a unit after 每 or a number in Chinese.
fn bare_unit(found: &Found) -> Option<String> {
    const BEFORE: &[char] = &[
        '每', '几', '数', '多', '一', '两', '二', '三', '四', '五', '六', '七', '八', '九', '十', '百', '千',
        '万', '亿', '萬', '億', '半', '零',
    ];
    let sign = found.all();
    found.stands_alone().then_some(())?;
    let power = sign.ends_with(['²', '³']);
    let counted = found.before().trim_end_matches(' ').ends_with(BEFORE)
        && (sign.len() > 1 || matches!(sign, "m" | "g" | "L" | "t"));
    let counted = counted && !WORDS.contains(&sign);
    (counted || power || sign.starts_with('°')).then(|| units::name(sign)).flatten()
}

/// Reads a rate without a number, as in a table's head.
fn bare_rate(found: &Found) -> Option<String> {
    let (unit, per) = (units::name(found.get("unit"))?, found.get("per"));
    let per = unit_or_word(per)?;
    // A/h is no more a rate than a/b.
    let whole = !found.next().is_some_and(is_letter_or_digit);
    let starts = !found.previous().is_some_and(is_letter);
    (whole && starts && found.all().len() > 2).then(|| format!("{unit}每{per}"))
}

/// Tells whether a sum behind its sign ends there.
fn is_price(before: &str) -> bool {
    let sign = before.trim_end_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
    sign.len() < before.len() && sign.trim_end().ends_with(['¥', '$', '€', '£'])
}

/// Reads the slash between two units, the first in Chinese; the second is read with it if it is a sign.
fn each(found: &Found) -> Option<String> {
    let per = found.get("per");
    let before = found.before().trim_end();
    let price = is_price(before);
    let unit = units::CHINESE.iter().find(|unit| before.ends_with(**unit));
    let counted = unit.and_then(|unit| before.strip_suffix(unit)).is_some_and(|number| {
        number
            .trim_end()
            .ends_with(|c: char| c.is_ascii_digit() || "零一二三四五六七八九十百千万亿多".contains(c))
    });
    let money = before.ends_with(['元', '块', '分', '角', '次', '转', '圆', '万']);
    // 12.5×10^9/L
    let power = before.ends_with(['⁶', '⁹', '²'])
        || before.trim_end_matches(is_digit).ends_with("10^") && before.ends_with(['6', '9', '2']);
    (price || counted || money || power && per == "L").then_some(())?;
    let per = unit_or_word(per)?;
    (!found.next().is_some_and(is_letter_or_digit)).then(|| format!("每{per}"))
}

/// Words after the size of a screen.
static SCREENS: Words = Words::new("zh/words", "inches: screens");
/// Words before a size.
static SIZES: Words = Words::new("zh/words", "inches: sizes");
/// The context may begin within a quotation if it is this long, in bytes.
const CUT: usize = 60;

fn inches(found: &Found) -> Option<String> {
    let joined = |c: char| c.is_ascii_alphanumeric() || "'’′.:/".contains(c);
    let after = found.after().trim_start();
    let next_size = found.before().ends_with("\"/");
    ((!found.previous().is_some_and(joined) || next_size) && !found.next().is_some_and(is_letter_or_digit))
        .then_some(())?;
    let before = found.before().trim_end_matches(' ').trim_end_matches(['为', '是', '：', ':']);
    let named = context::starts_with_any(after, &SCREENS) || context::ends_with_any(before, &SIZES);
    let before = context::sentence_before(found.before());
    let quoted = is_open(before)
        // What opens here closes again: 3"好"字.
        || closes(context::sentence_after(found.after()))
        || before.len() >= CUT && !before.contains(['"', '”']) && !named
            && context::latin_before(before).is_none();
    (!quoted || named && !is_open(before)).then(|| quantity(found.get("a")) + "英寸")
}

/// Tells whether a quotation is open at the end; quotes after a number are inches if none is.
fn is_open(before: &str) -> bool {
    let (mut open, mut previous) = (false, ' ');
    for c in before.chars() {
        match c {
            '"' if open => open = false,
            '"' => open = !previous.is_ascii_digit(),
            '“' => open = true,
            '”' => open = false,
            _ => {}
        }
        previous = c;
    }
    open
}

/// Tells whether the next quote closes something: it is no other size.
fn closes(after: &str) -> bool {
    let quote = after.find(['"', '”', '“']);
    let up_to = quote.and_then(|at| after.get(..at)).unwrap_or_default();
    let opens = up_to.ends_with([' ', '：', ':', '，', ','])
        || after.get(up_to.len()..).is_some_and(|q| q.starts_with('“'));
    quote.is_some() && !opens && !up_to.ends_with(is_digit)
}
