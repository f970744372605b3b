//! From one number to another: 3~5个, 8:00-17:30, 周一—周五.

use super::number::{digits, number, quantity};
use super::{context, math, units};
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "range",
        pattern: r"7-11",
        read: |found| (found.stands_alone() && shop(found)).then(|| "七十一".into()),
    },
    // 3-5-2 is a code.
    Rule { name: "code", pattern: r"[0-9]{1,4}(?:-[0-9]{1,4}){2,6}", read: code },
    Rule {
        name: "range",
        pattern: concat!(
            "(?<a>",
            super::num!(),
            ") ?(?<sign>[-~–—〜]|--|——) ?(?<ahead>(?<b>",
            super::num!(),
            "))"
        ),
        read: numbers,
    },
    // Between two things that other rules read.
    Rule {
        name: "range",
        pattern: r"(?: ?)(?<sign>[-~–—〜]|--|——) ?(?<ahead>(?:[AaPp][Mm] ?|[+]|[-¥$€£])?(?<b>[0-9]))",
        read: things,
    },
    Rule {
        name: "range",
        pattern: r"(?<sign>[-~–—〜]) ?(?<ahead>(?:周|星期|礼拜|週|禮拜|初)[一二三四五六日天1-7])",
        read: weekdays,
    },
    Rule {
        name: "range",
        pattern: r"(?<sign>[-~–—〜]) ?(?<ahead>早|晚|上午|下午|次日|凌晨|中午|傍晚|至今|今)",
        read: |found| ends_a_quantity(found.before()).then(|| "到".into()),
    },
    // About so many.
    Rule {
        name: "range",
        pattern: concat!("~ ?(?<ahead>", super::num!(), ")"),
        read: |found| (!found.previous().is_some_and(char::is_alphanumeric)).then(|| "约".into()),
    },
];

/// Words before the model of a plane, a rocket or a ship, after which a hyphen is not heard.
const MODELS: &[&str] = &[
    "歼", "运", "直", "轰", "强", "教", "东风", "长征", "嫦娥", "神舟", "苏", "米格", "图", "天宫", "玉兔",
    "伊尔", "红旗", "鹰击", "天问", "巨浪", "梦天", "蛟龙", "卡", "安", "伊", "天舟", "风云", "北斗", "实践",
    "殲",
];

/// Words before the number of a figure or a table, and of the chapter that it is in.
const FIGURES: &[&str] = &["图", "表", "例题", "习题", "附录", "公式", "圖", "如图", "例"];

fn shop(found: &Found) -> bool {
    context::starts_with_any(found.after(), &["便利", "店", "超市", "買", "买"])
        || context::ends_with_any(found.before(), &["便利店", "去", "在", "到"])
            && !context::measure_follows(found.after())
}

fn code(found: &Found) -> Option<String> {
    if !found.stands_alone() || math::in_formula(found) {
        return None;
    }
    let parts: Vec<String> =
        found.all().split('-').map(|part| if part.len() > 2 { digits(part) } else { number(part) }).collect();
    Some(parts.concat())
}

fn number_value(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_default()
}

fn numbers(found: &Found) -> Option<String> {
    let (a, b) = (found.get("a"), found.get("b"));
    let joined = |c: char| c.is_ascii_alphanumeric();
    if found.previous().is_some_and(joined) || found.before().ends_with(['.', '/', ':']) {
        return None;
    }
    let rest = found.after().get(b.len()..).unwrap_or_default();
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let sign = found.get("sign");
    // 图3-1
    if sign == "-"
        && context::ends_with_any(found.before(), FIGURES)
        && rest.chars().next().is_none_or(|c| !"页章节月".contains(c))
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
    if sign == "-" && !counts && (!up || zero_first(a) || zero_first(b)) {
        let spoken = if zero_first(a) || a.len() > 4 { digits(a) } else { number(a) };
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
    if sign == "-" && context::ends_with_any(before, MODELS) {
        return Some(" ".into());
    }
    if before.ends_with(' ') && sign == "-" && found.after().starts_with(|c: char| c.is_ascii_digit()) {
        // A minus that stands before its number.
        let loose = found.all().ends_with(' ');
        if !loose {
            return None;
        }
    }
    let before = before.trim_end();
    if sign == "-"
        && math::in_formula(found)
        && before.ends_with(|c: char| c.is_ascii_alphanumeric() || ")²³".contains(c))
    {
        return Some("减".into());
    }
    let below_zero = matches!(sign, "~" | "〜") && found.after().starts_with(['-', '+']);
    (ends_a_quantity(before) || below_zero && before.ends_with(|c: char| c.is_ascii_digit()))
        .then(|| "到".into())
}

/// Tells whether a number with a unit, a date or a time ends there.
fn ends_a_quantity(before: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    let counted = |c: char| c.is_ascii_digit() || "零一二三四五六七八九十百千万亿两半".contains(c);
    if before.ends_with(digit) {
        let token = before.trim_end_matches(|c: char| digit(c) || ":/.-,".contains(c));
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
        return number.trim_end().ends_with(digit)
            && (units::name(unit).is_some() || matches!(unit, "am" | "pm" | "AM" | "PM"));
    }
    const ENDS: &[&str] = &[
        "月", "日", "号", "號", "年", "点", "點", "时", "時", "半", "章", "级", "期", "班", "楼", "万", "亿",
        "千", "百", "周岁",
    ];
    let units = units::CHINESE.iter().chain(ENDS);
    units.filter_map(|unit| before.strip_suffix(unit)).any(|rest| rest.trim_end().ends_with(counted))
        || context::ends_with_any(before, &["周一", "周二", "周三", "周四", "周五", "周六", "周日"])
}

fn weekdays(found: &Found) -> Option<String> {
    let before = found.before();
    let day = before.trim_end_matches(|c: char| "一二三四五六日天1234567".contains(c));
    (day.len() < before.len() && context::ends_with_any(day, &["周", "星期", "礼拜", "週", "禮拜", "初"]))
        .then(|| "到".into())
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::zh::check;

    #[test]
    fn ranges_are_read() {
        check(&[
            ("3~5个", "三到五个"),
            ("-2~-1之间", "负二到负一之间"),
            ("-1.5~+2.5", "负一点五到正二点五"),
            ("AM 9:00 ~ PM 6:00", "上午九点到下午六点"),
            ("满199-20", "满一百九十九减二十"),
            ("满100-200元", "满一百到二百元"),
            ("3-5个", "三到五个"),
            ("2-3个人", "两到三个人"),
            ("1-2天", "一到两天"),
            ("100–200", "一百到二百"),
            ("10—20人", "十到二十人"),
            ("18～25岁", "十八到二十五岁"),
            ("10至20元", "十至二十元"),
            ("第1-3章", "第一到三章"),
            ("第10～12页", "第十到十二页"),
            ("3个~5个", "三个到五个"),
            ("周一~周五", "周一到周五"),
            ("星期一-星期五", "星期一到星期五"),
            ("周1-周5", "周一到周五"),
            ("3-5万", "三到五万"),
            ("1.5-2.5", "一点五到二点五"),
            ("9点-11点", "九点到十一点"),
            ("1,000-2,000件", "一千到两千件"),
            ("3 - 5 天", "三到五 天"),
            ("~50人", "约五十人"),
            ("早8:00-晚6:00", "早八点到晚六点"),
            ("2010年-今", "二零一零年到今"),
            ("100万~200万元", "一百万到二百万元"),
            ("1%-2%", "百分之一到百分之二"),
            ("第2-4周", "第二到四周"),
            ("12-18个月", "十二到十八个月"),
            ("$5-10", "五到十美元"),
            ("19-20世纪", "十九到二十世纪"),
            ("3000-5000", "三千到五千"),
            ("8-10岁的孩子每天睡9~11小时", "八到十岁的孩子每天睡九到十一小时"),
            ("6-12岁儿童", "六到十二岁儿童"),
            ("2-4级风", "二到四级风"),
            ("200元-300元", "二百元到三百元"),
        ]);
    }

    #[test]
    fn hyphens_are_not_always_ranges() {
        check(&[
            ("3-5-2阵型", "三五二阵型"),
            ("4-4-2", "四四二"),
            ("见图3-1", "见图三杠一"),
            ("7-11便利店", "七十一便利店"),
            ("歼-20", "歼 二十"),
            ("好的~我知道", "好的，我知道"),
            ("COVID-19", "COVID 十九"),
            ("F-16战机", "F 十六战机"),
            ("上海-北京", "上海 北京"),
        ]);
    }
}
