//! Numbers in Chinese: cardinals, decimals, digits one by one, and which of them a bare number is.

use super::context::{self, LatinBefore};
use crate::text::language::{Language, is_han};
use crate::text::normalize::numbers::Numbers;
use crate::text::normalize::rule::{Found, Rule};

pub static NUMBERS: Numbers = Numbers {
    language: Language::Chinese,
    cardinal: |digits| {
        let number = digits.parse().ok().filter(|_| !digits.starts_with('0'))?;
        Some(cardinal(number))
    },
    year: |digits| Some(self::digits(digits)),
    digits,
};

pub const RULES: &[Rule] = &[
    // 1 000 000
    Rule {
        name: "number",
        pattern: r"[1-9][0-9]{0,2}(?:(?: [0-9]{3}){2,5}| 000)",
        read: |found| found.stands_alone().then(|| integer(found.all())),
    },
    // １，０００, with commas as wide as its digits
    Rule {
        name: "number",
        pattern: r"[1-9][0-9]{0,2}(?:，[0-9]{3}){1,4}",
        read: |found| {
            let more = found.after().strip_prefix('，').unwrap_or(found.after());
            let ends = !more.starts_with(|c: char| c.is_ascii_digit()) && found.stands_alone();
            let listed = found.before().ends_with('，') || !found.all().ends_with("000");
            (ends && !listed).then(|| integer(found.all()))
        },
    },
    Rule { name: "number", pattern: super::num!(), read: bare },
    Rule { name: "number", pattern: r"-?\.[0-9]{1,12}", read: without_whole },
    // What the one above leaves: digits after a comma that groups nothing.
    Rule { name: "number", pattern: r"[0-9]{1,24}", read: |found| Some(integer(found.all())) },
];

/// Numbers after a minus, wherever a sign is what it is.
pub const NEGATIVE: &[Rule] =
    &[Rule { name: "number", pattern: concat!("-(?<n>", super::num!(), ")"), read: negative }];

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
/// Digits from here on are no amount, unless a measure word or zeros at the end say so.
const LONG: usize = 9;
/// Models with two digits that are read one by one.
const MODELS: &[(&str, &str)] = &[
    ("N", "95"),
    ("KN", "95"),
    ("AK", "47"),
    ("B", "52"),
    ("F", "22"),
    ("F", "35"),
    ("T", "34"),
    ("x", "86"),
    ("x", "64"),
];
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
    if found.next().is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    // 1米75, 9秒58: what follows the unit is its decimals.
    let decimals = text.len() == 2
        && found
            .before()
            .strip_suffix(['米', '秒'])
            .is_some_and(|n| n.ends_with(|c: char| c.is_ascii_digit()))
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
        let two = amount && !named && !listed && !context::is_ordinal(found.before(), found.after());
        return Some(if two { "两" } else { "二" }.into());
    }
    if let Some(before) = context::latin_before(found.before())
        && !(amount && before == LatinBefore::Spaced)
    {
        return Some(after_latin(text, found.before(), before));
    }
    let zeros = text.len() - text.trim_end_matches('0').len();
    if text.len() >= LONG && !amount && zeros < 4 {
        return Some(digits(text));
    }
    Some(integer(text))
}

/// Reads the number of a model or a series: A4, iPhone 15, but RTX 4090 digit by digit.
fn after_latin(text: &str, before: &str, how: LatinBefore) -> String {
    let letters = before.chars().rev().skip_while(|c| !c.is_ascii_alphabetic());
    let letters = letters.take_while(char::is_ascii_alphabetic).count();
    let round = text.len() == 3 && text.ends_with("00") && (letters == 1 || how == LatinBefore::Spaced);
    let top = before.trim_end_matches(' ').to_ascii_lowercase().ends_with("top");
    let word = before.trim_end_matches([' ', '-']);
    let start = word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
    if word.get(start..).is_some_and(|word| MODELS.contains(&(word, text))) {
        return digits(text);
    }
    if text.len() <= 2 || round || top { integer(text) } else { digits(text) }
}

fn negative(found: &Found) -> Option<String> {
    let sign = found.previous().is_none_or(|c| (!c.is_alphanumeric() || is_han(c)) && !")）%".contains(c));
    (sign && !found.next().is_some_and(|c| c.is_ascii_digit()))
        .then(|| format!("负{}", number(found.get("n"))))
}

/// Reads .5.
fn without_whole(found: &Found) -> Option<String> {
    let text = found.all();
    let sign = if text.starts_with('-') { "负" } else { "" };
    let starts = found.previous().is_none_or(|c| !c.is_ascii_alphanumeric() && !".)-".contains(c));
    (starts && found.stands_alone() && found.next() != Some('.'))
        .then(|| format!("{sign}零点{}", digits(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::zh::check;

    #[test]
    fn cardinals_are_read() {
        for (n, spoken) in [
            (0, "零"),
            (2, "二"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (105, "一百零五"),
            (110, "一百一十"),
            (200, "二百"),
            (215, "二百一十五"),
            (222, "二百二十二"),
            (1005, "一千零五"),
            (1010, "一千零一十"),
            (1050, "一千零五十"),
            (2000, "两千"),
            (2200, "两千二百"),
            (10000, "一万"),
            (10010, "一万零一十"),
            (12000, "一万二千"),
            (20000, "两万"),
            (22000, "两万二千"),
            (100_000, "十万"),
            (100_010, "十万零一十"),
            (120_000, "十二万"),
            (200_000, "二十万"),
            (1_020_000, "一百零二万"),
            (12_000_034, "一千二百万零三十四"),
            (20_000_000, "两千万"),
            (100_000_000, "一亿"),
            (200_000_000, "两亿"),
            (1_400_000_000, "十四亿"),
            (100_200_030, "一亿零二十万零三十"),
            (1_000_000_000_000, "一万亿"),
            (2_000_000_000_001, "两万亿零一"),
        ] {
            assert_eq!(cardinal(n), spoken, "{n}");
        }
    }

    #[test]
    fn bare_numbers_are_read() {
        check(&[
            ("共有215个", "共有二百一十五个"),
            ("1,234", "一千二百三十四"),
            ("总计12,345,678人", "总计一千二百三十四万五千六百七十八人"),
            ("有2个人", "有两个人"),
            ("共 2 个文件", "共 两 个文件"),
            ("等了2天", "等了两天"),
            ("2年后", "两年后"),
            ("他去过2次", "他去过两次"),
            ("2月2日", "二月二日"),
            ("住在2楼", "住在二楼"),
            ("2室2厅1卫", "两室两厅一卫"),
            ("2年级2班", "二年级二班"),
            ("第2个", "第二个"),
            ("每周2次", "每周两次"),
            ("周2开会", "周二开会"),
            ("3万2千", "三万二千"),
            ("2万元", "两万元"),
            ("2亿人", "两亿人"),
            ("3.5万", "三点五万"),
            ("2.3亿", "二点三亿"),
            ("200人", "二百人"),
            ("2000人", "两千人"),
            ("20000人", "两万人"),
            ("12个", "十二个"),
            ("2倍", "两倍"),
            ("2、3天", "两、三天"),
            ("2至3天", "两至三天"),
            ("2次方", "二次方"),
            ("2元一次方程", "二元一次方程"),
            ("接种2剂疫苗", "接种两剂疫苗"),
            ("打了第2针", "打了第二针"),
            ("共2個", "共两個"),
            ("2点半", "两点半"),
            ("圆周率是3.1415926", "圆周率是三点一四一五九二六"),
            ("0.05", "零点零五"),
            ("3.0", "三点零"),
            ("温差是-5", "温差是负五"),
            ("-3.14", "负三点一四"),
            ("(-2)", "负二，"),
            ("人口1400000000", "人口十四亿"),
            ("007", "零零七"),
            ("12345", "一万二千三百四十五"),
            ("9876543210", "九八七六五四三二一零"),
            ("１２３", "一百二十三"),
            ("1,2,3", "一，二，三"),
            ("１，０００", "一千"),
            ("共100，200两种", "共一百，二百两种"),
            ("1 000 000", "一百万"),
            ("400 000人", "四十万人"),
            ("1、2、3名", "一、二、三名"),
            ("1、2天", "一、两天"),
            ("100%的努力", "百分之百的努力"),
            ("我有10个苹果和20个梨。", "我有十个苹果和二十个梨。"),
            ("全班45人，及格42人。", "全班四十五人，及格四十二人。"),
            ("2人世界", "二人世界"),
            ("身高1米75", "身高一米七五"),
            ("跑出9秒58", "跑出九秒五八"),
            (".5", "零点五"),
            ("-.25", "负零点二五"),
            ("α-1", "阿尔法 一"),
        ]);
    }

    #[test]
    fn numbers_of_models_are_read() {
        check(&[
            ("5G网络", "五G网络"),
            ("A4纸", "A四纸"),
            ("3D打印", "三D打印"),
            ("4S店", "四S店"),
            ("iPhone 15", "iPhone 十五"),
            ("空客A380", "空客A三八零"),
            ("F1赛车", "F一赛车"),
            ("2B铅笔", "二B铅笔"),
        ]);
    }
}
