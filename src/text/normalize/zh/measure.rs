//! Amounts with a unit: 10km/h, 25℃, 3~5m².

use super::context;
use super::fraction::may_be_negative;
use super::number::{number, quantity};
use super::units;
use crate::text::language::is_han;
use crate::text::normalize::rule::{Found, Rule};

/// A unit's sign.
macro_rules! unit {
    () => {
        r"[A-Za-zµΩ°Å″][A-Za-zΩ]{0,4}(?:\^?[23]|[²³])?"
    };
}
/// A unit that something is counted by.
macro_rules! per {
    () => {
        concat!(
            "(?<per>",
            unit!(),
            "|平方千米|平方公里|平方厘米|平方米|立方厘米|立方米|公斤|千克|毫升|小时|分钟|课时|人次|人|次|天|日|年|月|周|时|分|秒|个|台|斤|克|吨|米|升|瓶|件|套|晚|份|股|桶|亩|户|张|盒|袋|支|只|条|箱|包|杯|公里|千米|平|度|位|间|晚|夜|季度|股|学期|车|卡|吨|盎司|磅|万|片|粒|颗|本|册|场|局|辆|头|针|剂|滴|根|字|页)"
        )
    };
}
/// One number, or two.
macro_rules! amount {
    () => {
        concat!(
            "(?<neg>-)?(?<a>",
            super::num!(),
            ")(?: ?(?<link>[-~–—〜]|至|到) ?(?<neg2>-)?(?<b>",
            super::num!(),
            "))?(?<scale>[万亿萬億千百])?"
        )
    };
}

/// Units without a number, and those after 每 or a Chinese number.
pub const LATIN: &[Rule] = &[
    Rule { name: "measure", pattern: concat!("(?<unit>", unit!(), ")/", per!()), read: bare_rate },
    Rule { name: "measure", pattern: unit!(), read: bare_unit },
];

pub const RULES: &[Rule] = &[
    // 6.5L/100km
    Rule {
        name: "measure",
        pattern: concat!("(?<a>", super::num!(), ") ?(?<unit>L|升|kWh) ?/ ?(?:100|百)(?:km|公里|千米)"),
        read: consumption,
    },
    Rule {
        name: "measure",
        pattern: concat!(amount!(), " ?(?<unit>", unit!(), ") ?/ ?", per!()),
        read: rate,
    },
    // 39°54′20″
    Rule {
        name: "measure",
        pattern: r#"(?<d>[0-9]{1,3})°(?<m>[0-9]{1,2})[′'’](?:(?<s>[0-9]{1,2}(?:\.[0-9]{1,4})?)(?:″|"|”|''))?"#,
        read: angle,
    },
    Rule { name: "measure", pattern: concat!(amount!(), " ?(?<unit>", unit!(), ")"), read: measure },
    // -5~-3度
    Rule {
        name: "measure",
        pattern: concat!(
            "-(?<a>",
            super::num!(),
            ") ?(?:[-~–—〜至到]) ?(?<neg2>-)?(?<b>",
            super::num!(),
            ")(?<unit>度|摄氏度)"
        ),
        read: cold_range,
    },
    // -10度
    Rule {
        name: "measure", pattern: concat!("-(?<a>", super::num!(), ")(?<ahead>度|摄氏度)"), read: cold
    },
    Rule { name: "measure", pattern: "°[CF]", read: bare_unit },
    // ¥3.5/100g
    Rule {
        name: "measure",
        pattern: r"/ ?(?<ahead>[1-9][0-9]{0,3} ?(?:g|kg|ml|mL|ML|L|km|m|h|克|千克|公斤|毫升|升|斤|片|个|次|人|天|月|年|小时|分钟|公里|米|张|只|瓶))",
        read: |found| {
            let before = found.before().trim_end();
            let price = before.trim_end_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
            let sign = price.len() < before.len() && price.trim_end().ends_with(['¥', '$', '€', '£']);
            (sign || before.ends_with(['元', '块'])).then(|| "每".into())
        },
    },
    // 元/斤
    Rule { name: "measure", pattern: concat!("/ ?", per!()), read: each },
    Rule {
        name: "measure",
        pattern: concat!("[+](?<ahead>", super::num!(), " ?°[CF])"),
        read: |found| may_be_negative(found).then(|| "正".into()),
    },
];

/// Letters that mean something else than the unit before these.
const NOT_UNITS: &[(&str, &[&str])] = &[
    ("A", &["景", "级", "大", "游", "公", "股", "类", "座", "型", "版", "区", "班", "栋", "口", "信", "轮"]),
    ("V", &["领", "认", "级", "用", "博", "型", "V"]),
    ("L", &["型", "码", "号", "版"]),
    ("N", &["型", "年", "次", "种", "个", "多"]),
    ("J", &["型"]),
    ("W", &["粉", "人", "元", "块", "条", "次", "个"]),
    ("s", &["店"]),
    ("g", &["网", "手", "时", "基", "信"]),
    ("pt", &["班"]),
    ("in", &["1", "一"]),
];
/// Units that are words too: read only right after a number.
const WORDS: &[&str] = &["in", "us", "mi", "ha", "bar", "bit", "pt"];
/// Words that say that a minus is cold.
const WEATHER: &[&str] = &[
    "气温", "温度", "天气", "最低", "最高", "降至", "降到", "零下", "室外", "冷", "氣溫", "溫度", "体感",
    "冰箱", "冷冻", "冷藏",
];

fn unit_of(found: &Found) -> Option<String> {
    let sign = found.get("unit");
    let other = |sign: &str| {
        NOT_UNITS
            .iter()
            .any(|(unit, next)| *unit == sign && context::starts_with_any(found.after().trim_start(), next))
    };
    let whole = !found.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '\'' || c == '_');
    // 175/92A is a size of clothes.
    let size = sign == "A"
        && found.before().strip_suffix('/').is_some_and(|n| n.ends_with(|c: char| c.is_ascii_digit()));
    // 5A is a rank as often as a current.
    let rank = sign == "A"
        && found.get("a").len() == 1
        && !context::contains_any(found.before(), &["电", "充", "伏", "V", "保险丝", "輸出", "输出"]);
    // So is 6s of a telephone.
    let model = sign.len() == 1 && context::latin_before(found.before()).is_some();
    let word =
        WORDS.contains(&sign) && found.all().split('/').next().is_some_and(|amount| amount.contains(' '));
    (whole && !other(sign) && !size && !rank && !model && !word).then(|| units::name(sign)).flatten()
}

fn amount(found: &Found, cold: bool) -> Option<String> {
    let inside = |c: char| c.is_ascii_alphanumeric();
    if found.has("neg") && !may_be_negative(found)
        || !found.has("neg") && found.previous().is_some_and(inside)
    {
        return None;
    }
    let minus = if cold && !found.before().trim_end().ends_with("零下") {
        "零下"
    } else if cold {
        ""
    } else {
        "负"
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
    let cold =
        matches!(degrees, "°C" | "°F") || degrees == "°" && context::contains_any(found.before(), WEATHER);
    // 零下五到三摄氏度 would be below zero all the way.
    if cold && found.has("neg") && found.has("b") && !found.has("neg2") {
        let spoken = amount(found, cold)?;
        let (from, to) = spoken.split_once(['到', '至'])?;
        return Some(format!("{from}{unit}到{to}{unit}"));
    }
    Some(amount(found, cold)? + &unit)
}

fn rate(found: &Found) -> Option<String> {
    let per = unit_or_word(found.get("per"))?;
    // Turns are counted by time only.
    let turns = matches!(found.get("unit"), "r" | "R") && matches!(per.as_str(), "分钟" | "秒" | "分");
    let unit = if turns { "转".into() } else { unit_of(found)? };
    let amount = amount(found, false)?;
    // Acceleration has no turn of phrase but the plain one.
    if per.starts_with("二次方") {
        return Some(format!("{amount}{unit}每{per}"));
    }
    Some(format!("每{}{amount}{unit}", per))
}

/// Reads what a car uses.
fn consumption(found: &Found) -> Option<String> {
    let unit = if found.get("unit") == "kWh" { "千瓦时" } else { "升" };
    Some(format!("每百公里{}{unit}", quantity(found.get("a"))))
}

/// Reads what is counted by: a unit, or a word in Chinese.
fn unit_or_word(per: &str) -> Option<String> {
    if per.starts_with(is_han) {
        return Some(per.into());
    }
    if per == "H" { Some("小时".into()) } else { units::name(per) }
}

fn angle(found: &Found) -> Option<String> {
    let mut spoken = format!("{}度{}分", number(found.get("d")), number(found.get("m")));
    if found.has("s") {
        spoken += &format!("{}秒", number(found.get("s")));
    }
    Some(spoken)
}

fn cold(found: &Found) -> Option<String> {
    may_be_negative(found)
        .then(|| format!("{}{}", below_zero(found, found.after()), quantity(found.get("a"))))
}

/// Returns what a minus before degrees is called.
fn below_zero(found: &Found, unit: &str) -> &'static str {
    let cold =
        context::contains_any(found.before(), WEATHER) || found.before().is_empty() || unit.starts_with('摄');
    if cold { "零下" } else { "负" }
}

fn cold_range(found: &Found) -> Option<String> {
    let (from, to, unit) = (quantity(found.get("a")), quantity(found.get("b")), found.get("unit"));
    let minus = below_zero(found, unit);
    may_be_negative(found).then(|| match found.has("neg2") {
        true => format!("{minus}{from}到{minus}{to}{unit}"),
        false => format!("{minus}{from}{unit}到{to}{unit}"),
    })
}

/// Reads a unit after 每 or a number in Chinese.
fn bare_unit(found: &Found) -> Option<String> {
    const BEFORE: &[char] = &[
        '每', '几', '数', '多', '一', '两', '二', '三', '四', '五', '六', '七', '八', '九', '十', '百', '千',
        '万', '亿', '萬', '億', '半', '零',
    ];
    let sign = found.all();
    if !found.stands_alone() {
        return None;
    }
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
    let whole = !found.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let starts = !found.previous().is_some_and(|c| c.is_ascii_alphabetic());
    (whole && starts && found.all().len() > 2).then(|| format!("{unit}每{per}"))
}

/// Reads the slash between two units, the first in Chinese; the second is read with it if it is a sign.
fn each(found: &Found) -> Option<String> {
    let per = found.get("per");
    let before = found.before().trim_end();
    let price = before.trim_end_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
    let price = price.len() < before.len() && price.trim_end().ends_with(['¥', '$', '€', '£']);
    let unit = units::CHINESE.iter().find(|unit| before.ends_with(**unit));
    let counted = unit.and_then(|unit| before.strip_suffix(unit)).is_some_and(|number| {
        number
            .trim_end()
            .ends_with(|c: char| c.is_ascii_digit() || "零一二三四五六七八九十百千万亿多".contains(c))
    });
    let money = before.ends_with(['元', '块', '分', '角', '次', '转', '圆', '万']);
    // 12.5×10^9/L
    let power = before.ends_with(['⁶', '⁹', '²'])
        || before.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with("10^")
            && before.ends_with(['6', '9', '2']);
    if !(price || counted || money || power && per == "L") {
        return None;
    }
    let per = unit_or_word(per)?;
    (!found.next().is_some_and(|c| c.is_ascii_alphanumeric())).then(|| format!("每{per}"))
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::zh::check;

    #[test]
    fn units_are_read() {
        check(&[
            ("1kg", "一千克"),
            ("2kg", "两千克"),
            ("¥3.5/100g", "三点五元每一百克"),
            ("15元/2小时", "十五元每两小时"),
            ("上升2pct", "上升两个百分点"),
            ("下调25BP", "下调二十五个基点"),
            ("100mg/片", "每片一百毫克"),
            ("12.5×10^9/L", "十二点五乘十的九次方每升"),
            ("10km", "十千米"),
            ("3.5m", "三点五米"),
            ("175cm", "一百七十五厘米"),
            ("5 mm", "五毫米"),
            ("500g面粉", "五百克面粉"),
            ("每天20mg", "每天二十毫克"),
            ("5t", "五吨"),
            ("1.5L", "一点五升"),
            ("250ml", "二百五十毫升"),
            ("100mL水", "一百毫升水"),
            ("90m²", "九十平方米"),
            ("120m2", "一百二十平方米"),
            ("88㎡的房子", "八十八平方米的房子"),
            ("3m³", "三立方米"),
            ("9.6km²", "九点六平方千米"),
            ("960万km²", "九百六十万平方千米"),
            ("10km/h", "每小时十千米"),
            ("60-80km/h", "每小时六十到八十千米"),
            ("340m/s", "每秒三百四十米"),
            ("9.8m/s²", "九点八米每二次方秒"),
            ("1.2g/cm³", "每立方厘米一点二克"),
            ("5mg/kg", "每千克五毫克"),
            ("7.8L/100km", "每百公里七点八升"),
            ("25℃", "二十五摄氏度"),
            ("36.5°C", "三十六点五摄氏度"),
            ("-10℃", "零下十摄氏度"),
            ("气温-5~3℃", "气温零下五摄氏度到三摄氏度"),
            ("体感-5~-3度", "体感零下五到零下三度"),
            ("房价2万/平", "房价两万每平"),
            ("-10℃~-5℃", "零下十摄氏度到零下五摄氏度"),
            ("零下10℃", "零下十摄氏度"),
            ("98.6℉", "九十八点六华氏度"),
            ("旋转90°", "旋转九十度"),
            ("北纬39°54′20″", "北纬三十九度五十四分二十秒"),
            ("气温降至-8度", "气温降至零下八度"),
            ("50Hz", "五十赫兹"),
            ("2.4GHz", "二点四吉赫"),
            ("60W灯泡", "六十瓦灯泡"),
            ("220V电压", "二百二十伏电压"),
            ("5kW", "五千瓦"),
            ("用电300kWh", "用电三百千瓦时"),
            ("5000mAh", "五千毫安时"),
            ("电流10A", "电流十安"),
            ("5V/2A充电器", "五伏、两安充电器"),
            ("70dB", "七十分贝"),
            ("8GB内存", "八G B内存"),
            ("512MB", "五百一十二兆"),
            ("1TB", "一T B"),
            ("100Mbps", "一百兆比特每秒"),
            ("10MB/s", "每秒十兆"),
            ("30fps", "三十帧"),
            ("200ms", "二百毫秒"),
            ("3000rpm", "三千转每分钟"),
            ("3000r/min", "每分钟三千转"),
            ("120mmHg", "一百二十毫米汞柱"),
            ("500kcal", "五百千卡"),
            ("101kPa", "一百零一千帕"),
            ("10-15kg", "十到十五千克"),
            ("10kg-15kg", "十千克到十五千克"),
            ("3~5cm", "三到五厘米"),
            ("10cm×5cm", "十厘米乘五厘米"),
            ("1,000KM", "一千千米"),
            ("80KM/H", "每小时八十千米"),
            ("3×10^8m/s", "三乘十的八次方米每秒"),
            ("60公里/小时", "六十公里每小时"),
            ("血糖5.6mmol/L", "血糖每升五点六毫摩尔"),
            ("单位为℃", "单位为摄氏度"),
            ("2h30min", "两小时三十分钟"),
            ("6.1s", "六点一秒"),
            ("120W快充", "一百二十瓦快充"),
            ("单位：km/h", "单位，千米每小时"),
            ("每kg售价", "每千克售价"),
            ("三百km", "三百千米"),
            ("55″", "五十五英寸"),
            ("72次/分", "七十二次每分"),
            ("100元/人", "一百元每人"),
            ("5元/斤", "五元每斤"),
            ("0.6元/度", "零点六元每度"),
            ("80美元/桶", "八十美元每桶"),
            ("100g/袋", "每袋一百克"),
            ("3粒/次", "三粒每次"),
            ("25元/m²", "二十五元每平方米"),
            ("2.9万元/㎡", "二点九万元每平方米"),
            ("单价（元/吨）", "单价，元每吨，"),
            ("他身高180cm，体重75kg。", "他身高一百八十厘米，体重七十五千克。"),
            ("限速120km/h的高速", "限速每小时一百二十千米的高速"),
        ]);
    }

    #[test]
    fn letters_are_no_units() {
        check(&[
            ("5G手机", "五G手机"),
            ("5A级景区", "五A级景区"),
            ("4K电视", "四K电视"),
            ("3D电影", "三D电影"),
            ("T恤", "T恤"),
            ("5meters", "五meters"),
            ("iPhone 6s发布", "iPhone 六s发布"),
            ("5 in 1", "五 in 一"),
            ("三in一咖啡", "三in一咖啡"),
        ]);
    }
}
