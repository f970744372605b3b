//! Dates, years, months.

use super::context;
use super::number::{digits, integer};
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    // 2022-01-28, 2022/1/28T08:30
    Rule {
        name: "date",
        pattern: r"(?<y>[12][0-9]{3})(?:/(?<m>[0-9]{1,2})/(?<d>[0-9]{1,2})|-(?<m2>[0-9]{1,2})-(?<d2>[0-9]{1,2})|\.(?<m3>[0-9]{1,2})\.(?<d3>[0-9]{1,2}))(?<sun>[日号號])?(?:T(?<ahead>[0-9]{2}:))?",
        read: full,
    },
    // 28/01/2022, 01/28/2022
    Rule {
        name: "date",
        pattern: r"(?<a>[0-9]{1,2})(?:/(?<b>[0-9]{1,2})/|-(?<b2>[0-9]{1,2})-|\.(?<b3>[0-9]{1,2})\.)(?<y>(?:19|20)[0-9]{2})",
        read: year_last,
    },
    // 2022年1月28日, 22年3月
    Rule {
        name: "date",
        pattern: r"(?<y>[0-9]{4}|[0-9]{2}) ?年 ?(?<m>[0-9]{1,2}) ?月(?: ?(?<d>[0-9]{1,2}) ?(?<unit>[日号號]))?",
        read: year_month,
    },
    // 2022-01, 2022/01, 2022.01–2023.05
    Rule { name: "date", pattern: r"(?<m>0[1-9]|1[0-2])/(?<y>(?:19|20)[0-9]{2})", read: month_of_year },
    Rule { name: "date", pattern: r"(?<y>(?:19|20)[0-9]{2})(?<sign>/)(?<m>[1-9])", read: month_of_year },
    Rule {
        name: "date",
        pattern: r"(?<y>(?:19|20)[0-9]{2})(?<sign>[-/])(?<m>0[1-9]|1[0-2])",
        read: month_of_year,
    },
    Rule {
        name: "date",
        pattern: r"(?<y>(?:19|20)[0-9]{2})\.(?<m>0?[1-9]|1[0-2])(?: ?(?:[-~–—〜至到]) ?)(?<y2>(?:19|20)[0-9]{2})\.(?<m2>0[1-9]|1[0-2]|[1-9])",
        read: months_of_years,
    },
    // (2023.12), 自2023.12起
    Rule {
        name: "date",
        pattern: r"(?<y>(?:19|20)[0-9]{2})\.(?<m>0[1-9]|1[0-2])",
        read: |found| {
            let from = context::ends_with_any(found.before(), &["自", "从", "截至", "始于"]);
            let until =
                context::starts_with_any(found.after(), &["至今", "起", "以来", "入职", "毕业", "发布"]);
            let whole =
                found.before().ends_with(['(', '（', '【']) && found.after().starts_with([')', '）', '】']);
            (found.stands_alone() && !is_part(found) && (from || until || whole))
                .then(|| spoken(found.get("y"), found.get("m"), "", ""))
                .flatten()
        },
    },
    // 国办发〔2024〕5号, （2023）京01民终123号
    Rule {
        name: "date",
        pattern: r"(?<y>(?:19|20)[0-9]{2})(?<ahead>[〕】）)\]])",
        read: |found| {
            let opened = found.before().strip_suffix(['〔', '【', '（', '(', '[']);
            let opened = opened.is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_digit()));
            opened.then(|| digits(found.get("y")))
        },
    },
    // 1月28日, 01月
    Rule {
        name: "date",
        pattern: r"(?<m>[0-9]{1,2}) ?月(?: ?(?<d>[0-9]{1,2}) ?(?<unit>[日号號]))?",
        read: month,
    },
    // The day after a month: 1月3日-08日
    Rule { name: "date", pattern: r"(?<d>0[1-9])(?<unit>[日号號])", read: day },
    // 2020-2022年
    Rule {
        name: "date",
        pattern: r"(?<a>[12][0-9]{3})(?<first>年)? ?(?<link>[-~–—〜]{1,2}|至|到) ?(?<b>[12][0-9]{3}|[0-9]{2})(?<year>(?:年度?|届|學年|学年|赛季|賽季)?)",
        read: years,
    },
    // 2023/24赛季
    Rule {
        name: "date",
        pattern: r"(?<a>(?:19|20)[0-9]{2})(?<first>)(?<link>/)(?<b>(?:19|20)[0-9]{2}|[0-9]{2})(?<year>赛季|賽季|学年|學年|财年|年度)",
        read: years,
    },
    Rule { name: "date", pattern: r"(?<y>[0-9]{3,4}) ?(?<ahead>年(?<age>代)?)", read: year },
    Rule { name: "date", pattern: r"(?<y>[0-9]{2})(?<ahead>年)", read: short_year },
    Rule {
        name: "date",
        pattern: r"(?<y>[0-9]{4})(?<ahead> ?(?:Q[1-4]|H[12])|学年|學年|财年|届|屆|级|款)",
        read: |found| Some(digits(found.get("y"))),
    },
    Rule {
        name: "date",
        pattern: r"(?<y>(?:19|20)[0-9]{2})(?<ahead>赛季|賽季|版|新款|春晚|世界杯|欧洲杯|奥运|亚运|高考)",
        read: |found| found.stands_alone().then(|| digits(found.get("y"))),
    },
    // 07-08赛季
    Rule {
        name: "date",
        pattern: r"(?<a>[0-9]{2})[-/~–](?<b>[0-9]{2})(?<ahead>赛季|賽季)",
        read: |found| {
            found.stands_alone().then(|| format!("{}到{}", digits(found.get("a")), digits(found.get("b"))))
        },
    },
    // 1990s
    Rule {
        name: "date",
        pattern: r"(?<y>(?:1[89]|20)[0-9]0)s",
        read: |found| found.stands_alone().then(|| digits(found.get("y")) + "年代"),
    },
    // Those born in a decade: 90后
    Rule { name: "date", pattern: r"(?<y>[0156789][05])(?<ahead>[后後])", read: generation },
    // 20220128 after what a date follows
    Rule {
        name: "date",
        pattern: r"(?<y>(?:19|20)[0-9]{2})(?<m>0[1-9]|1[0-2])(?<d>[0-3][0-9])",
        read: packed,
    },
];

/// Words before so many years that have passed.
const SPANS: &[&str] = &[
    "距今",
    "历时",
    "历经",
    "长达",
    "近",
    "约",
    "过去",
    "有",
    "经过",
    "用了",
    "花了",
    "历史",
    "已",
    "整整",
    "共",
    "达",
    "超过",
    "每",
    "过了",
    "活了",
    "了",
    "上下",
    "前",
    "未来",
    "今后",
    "此后",
    "最近",
    "期限",
    "期限为",
    "为期",
    "有期徒刑",
    "徒刑",
    "满",
    "第",
];
/// Words after so many years.
const AGES: &[&str] = &[
    "历史",
    "的历史",
    "文明",
    "以上",
    "之久",
    "之内",
    "以内",
    "前",
    "后",
    "来",
    "以来",
    "间",
    "的时间",
    "之后",
    "之前",
    "左右",
];

pub(super) fn valid(month: &str, day: &str) -> bool {
    let in_range = |text: &str, last: u8| text.parse().is_ok_and(|n: u8| (1..=last).contains(&n));
    in_range(month, 12) && (day.is_empty() || in_range(day, 31))
}

/// Reads a month or a day, without a zero in front.
fn plain(text: &str) -> String {
    integer(text.trim_start_matches('0'))
}

pub(super) fn spoken(year: &str, month: &str, day: &str, unit: &str) -> Option<String> {
    if !valid(month, day) {
        return None;
    }
    let mut spoken = String::new();
    if !year.is_empty() {
        spoken = format!("{}年", digits(year));
    }
    spoken += &format!("{}月", plain(month));
    if !day.is_empty() {
        spoken += &format!("{}{unit}", plain(day));
    }
    Some(spoken)
}

/// Returns the group that took part.
fn either<'t>(found: &Found<'t>, groups: [&str; 3]) -> &'t str {
    groups.into_iter().map(|group| found.get(group)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Tells whether digits, or signs of a longer code, go on before or after it.
pub(super) fn is_part(found: &Found) -> bool {
    let more = found.after().strip_prefix(['-', '/', '.']).is_some_and(|rest| rest.starts_with(digit));
    found.previous().is_some_and(|c| c.is_ascii_alphanumeric())
        || found.next().is_some_and(digit)
        || more && !found.after().starts_with("-20") && !found.after().starts_with("-19")
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn full(found: &Found) -> Option<String> {
    if is_part(found) && !found.has("ahead") {
        return None;
    }
    let unit = if found.has("sun") { found.get("sun") } else { "日" };
    spoken(found.get("y"), either(found, ["m", "m2", "m3"]), either(found, ["d", "d2", "d3"]), unit)
}

fn year_last(found: &Found) -> Option<String> {
    if is_part(found) {
        return None;
    }
    let (a, b, year) = (found.get("a"), either(found, ["b", "b2", "b3"]), found.get("y"));
    // The day first, unless that cannot be.
    spoken(year, b, a, "日").or_else(|| spoken(year, a, b, "日"))
}

fn year_month(found: &Found) -> Option<String> {
    spoken(found.get("y"), found.get("m"), found.get("d"), found.get("unit"))
}

fn month_of_year(found: &Found) -> Option<String> {
    let range = found.get("sign") == "-" && context::starts_with_any(found.after(), &["年", "届", "级"]);
    if is_part(found) || range || found.next() == Some('=') {
        return None;
    }
    spoken(found.get("y"), found.get("m"), "", "").map(|spoken| match found.after().strip_prefix("月") {
        Some(_) => spoken.trim_end_matches('月').into(),
        None => spoken,
    })
}

fn months_of_years(found: &Found) -> Option<String> {
    let from = spoken(found.get("y"), found.get("m"), "", "")?;
    let to = spoken(found.get("y2"), found.get("m2"), "", "")?;
    found.stands_alone().then(|| format!("{from}到{to}"))
}

fn month(found: &Found) -> Option<String> {
    spoken("", found.get("m"), found.get("d"), found.get("unit"))
}

fn day(found: &Found) -> Option<String> {
    let before =
        found.before().trim_end_matches(' ').trim_end_matches(['-', '~', '–', '—', '至', '到', '、']);
    context::ends_with_any(before, &["月", "日", "号", "號"])
        .then(|| format!("{}{}", plain(found.get("d")), found.get("unit")))
}

fn years(found: &Found) -> Option<String> {
    let (a, b) = (found.get("a"), found.get("b"));
    let later = match b.len() {
        2 => found.has("year") && a.get(2..) < Some(b),
        _ => a < b,
    };
    let calendar = a.starts_with("19") || a.starts_with("20") && b < "2100" || found.has("year");
    if !found.stands_alone() || !later || !calendar || is_part(found) {
        return None;
    }
    // 1500-2000元 is an amount.
    if !found.has("year") && (context::measure_follows(found.after()) || found.after().starts_with('/')) {
        return None;
    }
    let link = if found.get("link") == "至" { "至" } else { "到" };
    Some(format!("{}{}{link}{}{}", digits(a), found.get("first"), digits(b), found.get("year")))
}

fn year(found: &Found) -> Option<String> {
    let text = found.get("y");
    let n: u32 = text.parse().ok()?;
    let before = found.before().trim_end();
    let after = found.after().trim_start().strip_prefix("年").unwrap_or_default();
    if found.has("age") {
        return Some(digits(text));
    }
    let era = context::ends_with_any(before, &["公元", "公元前", "西元", "西元前", "纪元前"]);
    let span = context::ends_with_any(before, SPANS) && !era && !(1800..2100).contains(&n)
        || text.len() == 3 && !era
        || n.is_multiple_of(1000) && !era && (n != 2000 || context::starts_with_any(after, AGES))
        || n.is_multiple_of(100)
            && context::ends_with_any(before, &["近", "约", "有", "过", "达", "整整", "共", "了"])
        || n > 2200
        || context::ends_with_any(before, &["距今", "历时", "历经", "长达", "徒刑"]);
    Some(if span { integer(text) } else { digits(text) })
}

fn short_year(found: &Found) -> Option<String> {
    let text = found.get("y");
    let n: u32 = text.parse().ok()?;
    let before = found.before().trim_end();
    let after = found.after().strip_prefix("年").unwrap_or_default();
    if after.starts_with("代") {
        return Some(if text.starts_with('0') { digits(text) } else { integer(text) });
    }
    let dated = context::starts_with_any(
        after,
        &["底", "初", "末", "春", "夏", "秋", "冬", "出生", "毕业", "生", "款", "版", "的时候", "那年"],
    );
    let span = context::ends_with_any(before, SPANS) || context::starts_with_any(after, AGES);
    let year = text.starts_with('0') || dated && n > 0 || n > 50 && !n.is_multiple_of(10) && !span;
    year.then(|| digits(text))
}

fn generation(found: &Found) -> Option<String> {
    let after = found.after().trim_start_matches(['后', '後']);
    let alone = !found.previous().is_some_and(|c| c.is_ascii_alphanumeric() || ".第,".contains(c));
    (alone && !context::starts_with_any(after, &["天", "来", "续", "面", "来", "台", "悔"]))
        .then(|| digits(found.get("y")))
}

fn packed(found: &Found) -> Option<String> {
    const CUES: &[&str] =
        &["日期", "生日", "出生", "时间", "于", "生产", "到期", "有效期", "自", "截至", "至"];
    let before = found.before().trim_end_matches(['：', ':', ' ', '为', '是', '至']);
    if !found.stands_alone() || !context::ends_with_any(before, CUES) {
        return None;
    }
    spoken(found.get("y"), found.get("m"), found.get("d"), "日")
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::zh::check;

    #[test]
    fn dates_are_read() {
        check(&[
            ("2022/01/28", "二零二二年一月二十八日"),
            ("2022-01-28", "二零二二年一月二十八日"),
            ("2022.1.28", "二零二二年一月二十八日"),
            ("2022.01.28", "二零二二年一月二十八日"),
            ("2002/1/8", "二零零二年一月八日"),
            ("2022年1月28日", "二零二二年一月二十八日"),
            ("2022年01月08日", "二零二二年一月八日"),
            ("2022 年 1 月 28 日", "二零二二年一月二十八日"),
            ("2022年1月28号", "二零二二年一月二十八号"),
            ("2022年1月28號", "二零二二年一月二十八號"),
            ("1月28号", "一月二十八号"),
            ("2022年1月", "二零二二年一月"),
            ("2022-01", "二零二二年一月"),
            ("2022/12", "二零二二年十二月"),
            ("2022/5", "二零二二年五月"),
            ("2024赛季", "二零二四赛季"),
            ("2010版课本", "二零一零版课本"),
            ("国办发〔2024〕5号", "国办发，二零二四，五号"),
            ("（2023）京01民终123号", "二零二三，京零一民终一百二十三号"),
            ("自2023.12起", "自二零二三年十二月起"),
            ("报价2023.12元", "报价两千零二十三点一二元"),
            ("08/2008", "二零零八年八月"),
            ("1990.10.1-2000.10.1", "一九九零年十月一日到二零零零年十月一日"),
            ("2017年5月-9月", "二零一七年五月到九月"),
            ("8月5日—21日", "八月五日到二十一日"),
            ("1—11月份", "一到十一月份"),
            ("12月25日（周日）", "十二月二十五日，周日，"),
            ("28/01/2022", "二零二二年一月二十八日"),
            ("01/28/2022", "二零二二年一月二十八日"),
            ("01-28-2022", "二零二二年一月二十八日"),
            ("2022-01-28 08:30:00", "二零二二年一月二十八日 八点三十分"),
            ("2022-01-28T08:30", "二零二二年一月二十八日八点三十分"),
            ("2022/01/28-2022/02/03", "二零二二年一月二十八日到二零二二年二月三日"),
            ("2022-01-28~2022-02-03", "二零二二年一月二十八日到二零二二年二月三日"),
            ("2022年1月28日-2月3日", "二零二二年一月二十八日到二月三日"),
            ("1月1日-3日", "一月一日到三日"),
            ("3月5日~08日", "三月五日到八日"),
            ("3-5月", "三到五月"),
            ("1-2月份", "一到二月份"),
            ("1月-3月", "一月到三月"),
            ("2019.09-2023.06", "二零一九年九月到二零二三年六月"),
            ("2020.1-2020.12", "二零二零年一月到二零二零年十二月"),
            ("2020.15-2020.35", "两千零二十点一五到两千零二十点三五"),
            ("生产日期：20220128", "生产日期，二零二二年一月二十八日"),
            ("他生于1990年。", "他生于一九九零年。"),
            ("今天是2024年2月29日，星期4。", "今天是二零二四年二月二十九日，星期四。"),
            ("会议定于2023年10月1日上午9:00召开。", "会议定于二零二三年十月一日上午九点召开。"),
            ("２０２２年１月", "二零二二年一月"),
        ]);
    }

    #[test]
    fn years_are_read() {
        check(&[
            ("2008年", "二零零八年"),
            ("2000年", "二零零零年"),
            ("98年", "九八年"),
            ("08年奥运会", "零八年奥运会"),
            ("22年3月", "二二年三月"),
            ("18年底", "一八年底"),
            ("5年", "五年"),
            ("20年前", "二十年前"),
            ("100年", "一百年"),
            ("公元前221年", "公元前二二一年"),
            ("近2000年", "近两千年"),
            ("在2000年", "在二零零零年"),
            ("1000年", "一千年"),
            ("2023Q1财报", "二零二三Q一财报"),
            ("1990s流行的音乐", "一九九零年代流行的音乐"),
            ("07-08赛季", "零七到零八赛季"),
            ("2023/24赛季", "二零二三到二四赛季"),
            ("2023-24赛季", "二零二三到二四赛季"),
            ("2022/2023学年", "二零二二到二零二三学年"),
            ("第3.2节", "第三点二节"),
            ("距今3000年", "距今三千年"),
            ("5000年文明", "五千年文明"),
            ("1980年代", "一九八零年代"),
            ("20世纪80年代", "二十世纪八十年代"),
            ("00年代", "零零年代"),
            ("90后", "九零后"),
            ("00后和95后", "零零后和九五后"),
            ("2020-2022年", "二零二零到二零二二年"),
            ("2020年-2022年", "二零二零年到二零二二年"),
            ("1949—1978", "一九四九到一九七八"),
            ("1998-2008", "一九九八到二零零八"),
            ("2022-2023学年", "二零二二到二零二三学年"),
            ("1840年至1949年", "一八四零年至一九四九年"),
            ("2021-22年度", "二零二一到二二年度"),
            ("2023学年", "二零二三学年"),
            ("2018级新生", "二零一八级新生"),
            ("1500-2000元", "一千五百到两千元"),
            ("2年前", "两年前"),
            ("有期徒刑15年", "有期徒刑十五年"),
            ("周1到周5", "周一到周五"),
            ("週3", "週三"),
            ("礼拜2", "礼拜二"),
        ]);
    }
}
