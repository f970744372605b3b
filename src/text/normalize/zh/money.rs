//! Money with a sign or a code.

use super::context;
use super::fraction::may_be_negative;
use super::number::{number, quantity};
use crate::text::normalize::rule::{Found, Rule};

/// A number in money, with what it is times.
macro_rules! amount {
    () => {
        concat!(
            "(?<a>",
            super::num!(),
            ")(?:(?:(?<u1>[kKwW万亿元块])?) ?(?<link>[-~–—〜]|至|到) ?(?:[¥$€£] ?)?(?<b>",
            super::num!(),
            "))? ?(?<scale>万亿|百万|千万|[万亿萬億千百]|(?:million|billion|trillion|thousand|Million|Billion|mn|bn|[kKwWMmBb]))?"
        )
    };
}

/// Money that begins with letters.
pub const LATIN: &[Rule] = &[
    Rule {
        name: "money",
        pattern: concat!(r"(?<code>(?:US|HK|NT|CA|AU|SG|NZ|MO|[ACS])\$|R\$|(?:CN|RMB|JP)¥) ?", amount!()),
        read: money,
    },
    Rule {
        name: "money",
        pattern: concat!(
            r"(?<code>CNY|RMB|USD|EUR|JPY|HKD|GBP|KRW|TWD|NTD|AUD|CAD|SGD|CHF|THB|RUB|INR|MOP|NZD|MYR|VND|BTC|ETH|USDT|cny|rmb|usd|eur) ?",
            amount!()
        ),
        read: money,
    },
];

pub const RULES: &[Rule] = &[
    Rule {
        name: "money",
        pattern: concat!("(?<neg>-)?(?<code>[¥$€£₩₽₹฿₫₱₺₴₿]) ?(?<neg2>-)?", amount!()),
        read: money,
    },
    Rule {
        name: "money",
        pattern: concat!(
            "(?<neg>-)?",
            amount!(),
            r" ?(?<code>CNY|RMB|USD|EUR|JPY|HKD|GBP|KRW|TWD|NTD|AUD|CAD|SGD|CHF|THB|RUB|INR|MOP|NZD|MYR|VND|BTC|ETH|USDT|rmb|usd|[$¥€£₩₽₹฿¢])"
        ),
        read: money,
    },
    // 3w, and 15k where it is about money
    Rule {
        name: "money",
        pattern: concat!(
            "(?<a>",
            super::num!(),
            ")(?:(?<u1>[wWkK])? ?(?<link>[-~–—]) ?(?<b>",
            super::num!(),
            "))?(?<scale>[wWkK])"
        ),
        read: slang,
    },
];

const CURRENCIES: &[(&str, &str)] = &[
    ("¥", "元"),
    ("CN¥", "元"),
    ("RMB¥", "元"),
    ("CNY", "元"),
    ("RMB", "元"),
    ("$", "美元"),
    ("US$", "美元"),
    ("USD", "美元"),
    ("€", "欧元"),
    ("EUR", "欧元"),
    ("£", "英镑"),
    ("GBP", "英镑"),
    ("JP¥", "日元"),
    ("JPY", "日元"),
    ("HK$", "港元"),
    ("HKD", "港元"),
    ("NT$", "新台币"),
    ("TWD", "新台币"),
    ("NTD", "新台币"),
    ("MO$", "澳门元"),
    ("MOP", "澳门元"),
    ("A$", "澳元"),
    ("AU$", "澳元"),
    ("AUD", "澳元"),
    ("C$", "加元"),
    ("CA$", "加元"),
    ("CAD", "加元"),
    ("S$", "新加坡元"),
    ("SG$", "新加坡元"),
    ("SGD", "新加坡元"),
    ("NZ$", "新西兰元"),
    ("NZD", "新西兰元"),
    ("R$", "雷亚尔"),
    ("CHF", "瑞士法郎"),
    ("₩", "韩元"),
    ("KRW", "韩元"),
    ("₽", "卢布"),
    ("RUB", "卢布"),
    ("₹", "卢比"),
    ("INR", "卢比"),
    ("฿", "泰铢"),
    ("THB", "泰铢"),
    ("₫", "越南盾"),
    ("VND", "越南盾"),
    ("₱", "比索"),
    ("₺", "里拉"),
    ("₴", "格里夫纳"),
    ("MYR", "林吉特"),
    ("₿", "比特币"),
    ("BTC", "比特币"),
    ("ETH", "以太币"),
    ("USDT", "泰达币"),
    ("¢", "美分"),
];

/// Scales that move the point: how far.
const SHIFTS: &[(&str, usize)] = &[
    ("k", 3),
    ("K", 3),
    ("thousand", 3),
    ("M", 6),
    ("m", 6),
    ("mn", 6),
    ("million", 6),
    ("Million", 6),
    ("B", 9),
    ("b", 9),
    ("bn", 9),
    ("billion", 9),
    ("Billion", 9),
    ("trillion", 12),
];

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
    if let Some((_, zeros)) = SHIFTS.iter().find(|(sign, _)| *sign == scale) {
        let moved = shifted(text, *zeros);
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
    let code = found.get("code");
    let currency = CURRENCIES.iter().find(|(sign, _)| *sign == code).map(|(_, name)| *name)?;
    let scale = found.get("scale");
    let letters = code.starts_with(|c: char| c.is_ascii_alphabetic());
    if found.has("neg") && !may_be_negative(found)
        || !found.has("neg") && found.previous().is_some_and(|c| c.is_ascii_alphanumeric())
        || (letters || scale.starts_with(|c: char| c.is_ascii()))
            && found.next().is_some_and(|c| c.is_ascii_alphabetic())
        || found.next().is_some_and(|c| c.is_ascii_digit())
    {
        return None;
    }
    let negative = if found.has("neg") || found.has("neg2") { "负" } else { "" };
    let mut spoken = String::from(negative);
    if found.has("b") {
        let link = if found.get("link") == "至" { "至" } else { "到" };
        let first = match found.get("u1") {
            "" => quantity(found.get("a")),
            unit @ ("元" | "块") => format!("{}{unit}", quantity(found.get("a"))),
            unit => scaled(found.get("a"), unit),
        };
        spoken += &format!("{first}{link}{}", scaled(found.get("b"), scale));
    } else {
        spoken += &scaled(found.get("a"), scale);
    }
    // ¥100元 names it twice.
    let after = found.after().trim_start();
    let named = currency.ends_with('元') && context::starts_with_any(after, &["元", "块"])
        || context::starts_with_any(after, &[currency, "万元", "亿元", "人民币", "美金", "多万", "余", "多"]);
    Some(if named && !after.starts_with("元素") { spoken } else { spoken + currency })
}

fn slang(found: &Found) -> Option<String> {
    const MONEY: &[&str] = &[
        "薪", "工资", "元", "块", "价", "钱", "收入", "月入", "年入", "花了", "预算", "赚", "卖", "成本",
        "首付", "费", "到手", "存款", "粉丝", "播放", "阅读", "点赞", "转发", "销量", "奖金", "补贴", "只要",
        "才",
    ];
    const NEXT: &[&str] =
        &["元", "块", "月薪", "工资", "的工资", "一个月", "粉", "人", "存款", "播放", "阅读", "点赞"];
    let scale = found.get("scale");
    if !found.stands_alone() {
        return None;
    }
    let about_money = context::contains_any(context::sentence_before(found.before()), MONEY)
        || context::starts_with_any(found.after(), NEXT);
    if scale != "w" && !about_money {
        return None;
    }
    if !found.has("b") {
        return Some(scaled(found.get("a"), scale));
    }
    // 3-5w is 三到五万, but 3-5k 三千到五千.
    let thousands = scale.eq_ignore_ascii_case("k");
    let first = if found.has("u1") {
        scaled(found.get("a"), found.get("u1"))
    } else if thousands {
        scaled(found.get("a"), scale)
    } else {
        quantity(found.get("a"))
    };
    Some(format!("{first}到{}", scaled(found.get("b"), scale)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::zh::check;

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

    #[test]
    fn money_is_read() {
        check(&[
            ("月薪15K-20K", "月薪一万五千到两万"),
            ("预算2w-3w", "预算两万到三万"),
            ("¥13.5", "十三点五元"),
            ("￥100", "一百元"),
            ("¥ 2", "两元"),
            ("$1.2", "一点二美元"),
            ("$2", "两美元"),
            ("€99", "九十九欧元"),
            ("£50", "五十英镑"),
            ("HK$300", "三百港元"),
            ("US$1,000", "一千美元"),
            ("NT$500", "五百新台币"),
            ("₩10000", "一万韩元"),
            ("100USD", "一百美元"),
            ("USD 100", "一百美元"),
            ("RMB100", "一百元"),
            ("100RMB", "一百元"),
            ("50 EUR", "五十欧元"),
            ("JPY 3000", "三千日元"),
            ("¥100万", "一百万元"),
            ("$3.5亿", "三点五亿美元"),
            ("¥100元", "一百元"),
            ("$5M", "五百万美元"),
            ("$1.5 billion", "十五亿美元"),
            ("$20k", "两万美元"),
            ("¥100-200", "一百到二百元"),
            ("$100-$200", "一百到二百美元"),
            ("100-200元", "一百到二百元"),
            ("-¥50", "负五十元"),
            ("12.50元", "十二点五零元"),
            ("定价58.00元", "定价五十八元"),
            ("¥1,299.00", "一千二百九十九元"),
            ("$2.00", "两美元"),
            ("3块5", "三块五"),
            ("2元", "两元"),
            ("2块钱", "两块钱"),
            ("2000元", "两千元"),
            ("1,999元", "一千九百九十九元"),
            ("500万元", "五百万元"),
            ("3.5亿美元", "三点五亿美元"),
            ("赚了3w", "赚了三万"),
            ("月薪15k", "月薪一万五千"),
            ("月薪8-10k", "月薪八千到一万"),
            ("3-5w块", "三到五万块"),
            ("€5.5m", "五百五十万欧元"),
            ("£1.2bn", "十二亿英镑"),
            ("-$5", "负五美元"),
            ("EUR 1,234.56", "一千二百三十四点五六欧元"),
            ("$1,000,000", "一百万美元"),
            ("¥0.99", "零点九九元"),
            ("0元购", "零元购"),
            ("1角2分", "一角两分"),
            ("1.5w粉丝", "一点五万粉丝"),
            ("价格￥３９９", "价格三百九十九元"),
            ("售价$9.99，折合人民币约70元。", "售价九点九九美元，折合人民币约七十元。"),
            ("100萬元", "一百萬元"),
            ("¥3,000/月", "三千元每月"),
        ]);
    }
}
