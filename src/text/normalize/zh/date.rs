//! Dates, years, months.

use super::context;
use super::number::{digits, integer};
use crate::text::language::is_han;
use crate::text::normalize::rule::{Found, Rule, is_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    // 2022-01-28, 2022/1/28T08:30
    rule("date", "{full_date}", full),
    // 22/3/15, and 22-03-15 or 22.3.15 about days
    rule("date", r"(?<y>[0-9]{2})(?<one>[-/.])(?<m>[0-9]{1,2})(?<two>[-/.])(?<d>[0-9]{1,2})", short_full),
    // 28/01/2022, 01/28/2022
    rule("date", "{day_first_date}", year_last),
    // 2022年1月28日, 22年3月
    rule("date", "{year_month}", written),
    // 2022-01, 2022/01, 2022.01–2023.05
    rule("date", r"(?<m>0[1-9]|1[0-2])/(?<y>(?:19|20)[0-9]{2})", month_of_year),
    rule("date", r"(?<y>(?:19|20)[0-9]{2})(?<sign>/)(?<m>[1-9])", month_of_year),
    rule("date", r"(?<y>(?:19|20)[0-9]{2})(?<sign>[-/])(?<m>0[1-9]|1[0-2])", month_of_year),
    rule("date", "{months_of_years}", months_of_years),
    // (2023.12), 自2023.12起
    rule("date", r"(?<y>(?:19|20)[0-9]{2})[.·](?<m>0[1-9]|1[0-2]|[1-9])", dotted_month),
    // 国办发〔2024〕5号, （2023）京01民终123号
    rule("date", r"(?<y>(?:19|20)[0-9]{2})(?<ahead>[〕】）)\]])", |found| {
        let opened = found.before().strip_suffix(['〔', '【', '（', '(', '[']);
        let opened = opened.is_some_and(|before| !before.ends_with(is_digit));
        opened.then(|| digits(found.get("y")))
    }),
    // 1月28日, 01月
    rule("date", r"(?<m>[0-9]{1,2}) ?月(?: ?(?<d>[0-9]{1,2}) ?(?<unit>[日号號]))?", written),
    // The day after a month: 1月3日-08日
    rule("date", r"(?<d>0[1-9])(?<unit>[日号號])", day),
    // 2020-2022年
    rule("date", "{span_of_years}", years),
    // 2023/24赛季
    rule("date", "{season}", years),
    rule("date", r"(?<y>[0-9]{3,4}) ?(?<ahead>年(?<age>代)?)", year),
    rule("date", r"(?<y>[0-9]{2})(?<ahead>年)", short_year),
    // 《2024中国企业榜》, 2024成都车展
    rule("date", r"(?:19|20)[0-9]{2}", of_event),
    // 20220128 after what a date follows
    rule("date", r"(?<y>(?:19|20)[0-9]{2})(?<m>0[1-9]|1[0-2])(?<d>[0-3][0-9])", packed),
    // 01/28
    rule("date", r"(?<m>0[1-9]|1[0-2])/(?<d>[0-3][0-9])", month_slash_day),
    // 5/1-10/31
    rule("date", "{slash_days}", days),
    // 5.3-5.7 about days
    rule("date", "{point_days}", |found| if is_cued(found) { days(found) } else { None }),
    // 08-31 06:30
    rule("date", r"(?<m>0[1-9]|1[0-2])-(?<d>[0-3][0-9])(?<ahead> [0-2]?[0-9]:[0-5][0-9])", |found| {
        written(found).filter(|_| found.starts_apart("-/."))
    }),
    // 3/15之前, 截至3/15
    rule("date", r"(?<m>[0-9]{1,2})/(?<d>[0-9]{1,2})", |found| {
        written(found).filter(|_| !is_part(found) && is_cued(found))
    }),
    // The days that are known by their numbers: 5·12, 9·11
    rule("date", r"(?<m>[0-9]{1,2})[·•・](?<d>[0-9]{1,2})", known_day),
    rule("date", "{known_day}", known_day),
    // 生日是5.20, 5.1放假
    rule("date", r"(?<m>[0-9]{1,2})[.-](?<d>[0-9]{1,2})", pointed_day),
    // 5/6号
    rule("date", r"(?<m>[0-9]{1,2})/(?<d>[0-9]{1,2}) ?(?<unit>[日号號])", |found| {
        let place = found.next().is_some_and(|c| "楼樓线線院门門厅馆机店座栋房桌台口".contains(c));
        written(found).filter(|_| !place && !is_part(found) && found.next() != Some('本'))
    }),
    // 周六（6.15）
    rule("date", r"(?<m>[0-9]{1,2})\.(?<d>[0-9]{1,2})(?<ahead>[)）])", |found| {
        let after_week = found.before().ends_with(['(', '（']) && weekday_before(found.before());
        written(found).filter(|_| after_week)
    }),
    rule("date", "{feast}", |found| written(found).filter(|_| found.stands_alone())),
];

/// Words before so many years that have passed.
static SPANS: Words = Words::new("zh/words", "date: spans");
/// Words after a year and a month, or a day, with points between them.
static AFTER_MONTH: Words = Words::new("zh/words", "date: after month");
/// Words after so many years.
static AGES: Words = Words::new("zh/words", "date: ages");

fn valid(month: &str, day: &str) -> bool {
    let in_range = |text: &str, last: u8| text.parse().is_ok_and(|n: u8| (1..=last).contains(&n));
    in_range(month, 12) && (day.is_empty() || in_range(day, 31))
}

/// Reads a month or a day, without a zero in front.
fn plain(text: &str) -> String {
    integer(text.trim_start_matches('0'))
}

/// Reads the year, the month and the day that were found, as far as there are any; signs alone stand for 日.
fn written(found: &Found) -> Option<String> {
    let unit = if found.has("unit") { found.get("unit") } else { "日" };
    spoken(found.get("y"), found.get("m"), found.get("d"), unit)
}

/// Reads a date of which the year or the day may be missing.
fn spoken(year: &str, month: &str, day: &str, unit: &str) -> Option<String> {
    valid(month, day).then_some(())?;
    let year = if year.is_empty() { String::new() } else { digits(year) + "年" };
    let day = if day.is_empty() { String::new() } else { plain(day) + unit };
    Some(format!("{year}{}月{day}", plain(month)))
}

/// Tells whether digits, or signs of a longer code, go on before or after it.
fn is_part(found: &Found) -> bool {
    !found.starts_apart("")
        || found.next().is_some_and(is_digit)
        || found.goes_on("-/.") && !found.after().starts_with("-20") && !found.after().starts_with("-19")
}

/// Tells whether the same sign stands between all parts.
fn has_one_sign(found: &Found) -> bool {
    found.get("one") == found.get("two")
}

fn full(found: &Found) -> Option<String> {
    ((!is_part(found) || found.has("ahead")) && has_one_sign(found)).then_some(())?;
    written(found)
}

fn short_full(found: &Found) -> Option<String> {
    let cued = is_cued(found) || found.precedes(&AFTER_MONTH);
    let joined = is_part(found) || found.before().ends_with(['/', '-', '.']) || !has_one_sign(found);
    (!joined && (found.get("one") == "/" || cued)).then_some(())?;
    written(found)
}

fn year_last(found: &Found) -> Option<String> {
    (!is_part(found) && has_one_sign(found)).then_some(())?;
    let (a, b, year) = (found.get("a"), found.get("b"), found.get("y"));
    // The day first, unless that cannot be.
    spoken(year, b, a, "日").or_else(|| spoken(year, a, b, "日"))
}

fn month_of_year(found: &Found) -> Option<String> {
    let range = found.get("sign") == "-" && found.precedes(&["年", "届", "级"]);
    (!is_part(found) && !range && found.next() != Some('=')).then_some(())?;
    written(found).map(|spoken| match found.after().strip_prefix("月") {
        Some(_) => spoken.trim_end_matches('月').into(),
        None => spoken,
    })
}

/// Reads `自2023.5起`: a decimal, but for what stands around it.
fn dotted_month(found: &Found) -> Option<String> {
    static BEFORE: Words = Words::new("zh/words", "date: before month");
    let before = found.before().trim_end_matches([' ', '：', ':']);
    let cued = found.precedes(&AFTER_MONTH)
        || context::ends_with_any(before, &BEFORE) && !context::measure_follows(found.after());
    let bracketed =
        found.before().ends_with(['(', '（', '【']) && found.after().starts_with([')', '）', '】']);
    let whole = found.before().is_empty() && found.after().is_empty();
    let meant = cued || bracketed || whole || found.all().contains('·');
    (meant && found.stands_alone() && !is_part(found)).then(|| written(found)).flatten()
}

fn months_of_years(found: &Found) -> Option<String> {
    let from = written(found)?;
    let to = spoken(found.get("y2"), found.get("m2"), "", "")?;
    found.stands_alone().then(|| format!("{from}到{to}"))
}

fn day(found: &Found) -> Option<String> {
    let before =
        found.before().trim_end_matches(' ').trim_end_matches(['-', '~', '–', '—', '至', '到', '、']);
    context::ends_with_any(before, &["月", "日", "号", "號"]).then(|| found.say("{whole:d}{unit}"))?
}

fn years(found: &Found) -> Option<String> {
    let (a, b) = (found.get("a"), found.get("b"));
    let later = match b.len() {
        2 => found.has("year") && a.get(2..) < Some(b),
        _ => a < b,
    };
    let calendar = a.starts_with("19") || a.starts_with("20") && b < "2100" || found.has("year");
    (found.stands_alone() && later && calendar && !is_part(found)).then_some(())?;
    // 1500-2000元 is an amount.
    (found.has("year") || !(context::measure_follows(found.after()) || found.after().starts_with('/')))
        .then_some(())?;
    found.say("{digits:a}{first}{link:link}{digits:b}{year}")
}

fn year(found: &Found) -> Option<String> {
    let text = found.get("y");
    let n: u32 = text.parse().ok()?;
    let before = found.before().trim_end();
    let after = found.after().trim_start().strip_prefix("年").unwrap_or_default();
    if found.has("age") {
        return Some(digits(text));
    }
    let era = is_era(before);
    // Of four digits a year is told by its digits, in any age.
    if era && text.len() < 4 {
        return Some(integer(text));
    }
    // 李白（701年-762年）
    let lived = before.ends_with(['(', '（'])
        || before.strip_suffix(['-', '~', '–', '—', '至', '到']).is_some_and(|first| first.ends_with('年'));
    let span = context::ends_with_any(before, &SPANS) && !era && !(1800..2100).contains(&n)
        || text.len() == 3 && !era && !lived
        || n.is_multiple_of(1000) && !era && (n != 2000 || context::starts_with_any(after, &AGES))
        || n.is_multiple_of(100)
            && context::ends_with_any(before, &["近", "约", "有", "过", "达", "整整", "共", "了"])
        || n > 2200
        || context::ends_with_any(before, &["距今", "历时", "历经", "长达", "徒刑"]);
    Some(if span { integer(text) } else { digits(text) })
}

/// Tells whether `before` ends with an era, behind which a short year is a number.
fn is_era(before: &str) -> bool {
    context::ends_with_any(before, &["公元", "公元前", "西元", "西元前", "纪元前"])
}

fn short_year(found: &Found) -> Option<String> {
    let text = found.get("y");
    let n: u32 = text.parse().ok()?;
    let before = found.before().trim_end();
    let after = found.after().strip_prefix("年").unwrap_or_default();
    if after.starts_with("代") {
        return Some(if text.starts_with('0') { digits(text) } else { integer(text) });
    }
    // 10~74年 are so many.
    let first = before.strip_suffix(['-', '~', '–', '—', '至', '到']);
    if is_era(before) || first.is_some_and(|first| first.ends_with(is_digit)) {
        return Some(integer(text));
    }
    let dated = context::starts_with_any(
        after,
        &["底", "初", "末", "春", "夏", "秋", "冬", "出生", "毕业", "生", "款", "版", "的时候", "那年"],
    );
    let span = context::ends_with_any(before, &SPANS) || context::starts_with_any(after, &AGES);
    let year = text.starts_with('0') || dated && n > 0 || n > 50 && !n.is_multiple_of(10) && !span;
    year.then(|| digits(text))
}

/// Reads the year that the name of an event or a report begins with.
fn of_event(found: &Found) -> Option<String> {
    static EVENTS: Words = Words::new("zh/words", "date: events");
    let name =
        context::sentence_after(found.after()).split(['，', '、', ',', '》']).next().unwrap_or_default();
    let named = name.starts_with(is_han) && EVENTS.iter().any(|event| name.contains(event));
    let counts =
        name.starts_with(['个', '家', '位', '名', '份', '项', '人', '万', '亿', '元', '多', '余', '年']);
    (named && found.stands_alone() && !counts).then(|| digits(found.all()))
}

fn packed(found: &Found) -> Option<String> {
    static CUES: Words = Words::new("zh/words", "date: cues");
    let before = found.before().trim_end_matches(['：', ':', ' ', '为', '是', '至']);
    (found.stands_alone() && context::ends_with_any(before, &CUES)).then_some(())?;
    written(found)
}

fn month_slash_day(found: &Found) -> Option<String> {
    let fraction = !found.get("m").starts_with('0') && !found.get("d").starts_with('0');
    (!is_part(found) && !fraction).then_some(())?;
    written(found)
}

/// Words before a day that no decimal can stand behind.
static DATED: Words = Words::new("zh/words", "day: dated");
/// Words before a day.
static BEFORE: Words = Words::new("zh/words", "day: before");
/// Words after a day.
static AFTER: Words = Words::new("zh/words", "day: after");
const WEEKS: &[&str] = &["周", "星期", "礼拜", "週", "禮拜"];

/// Tells whether the words around it are about a day.
fn is_cued(found: &Found) -> bool {
    let before = found.before().trim_end_matches(['：', ':', ' ', '为', '是']);
    context::ends_with_any(before, &BEFORE)
        || found.follows(&BEFORE)
        || context::starts_with_any(found.after().trim_start(), &AFTER)
        || weekday_before(found.before())
        || weekday_after(found.after())
}

/// Reads two days that could be fractions, were they not larger than one or about days.
fn days(found: &Found) -> Option<String> {
    let (m, d, m2, d2) = (found.get("m"), found.get("d"), found.get("m2"), found.get("d2"));
    let n = |text: &str| text.parse::<u8>().unwrap_or_default();
    let large = n(m) >= n(d) || n(m2) >= n(d2);
    (!is_part(found) && (n(m), n(d)) < (n(m2), n(d2)) && (large || is_cued(found))).then_some(())?;
    Some(format!("{}到{}", spoken("", m, d, "日")?, spoken("", m2, d2, "日")?))
}

/// Tells whether a weekday stands before a day: 周五 5/17, 星期五（5/17.
fn weekday_before(before: &str) -> bool {
    let day = before.trim_end_matches([' ', '(', '（', '，', ',']);
    day.strip_suffix(['一', '二', '三', '四', '五', '六', '日', '天'])
        .is_some_and(|week| context::ends_with_any(week, WEEKS))
}

/// Tells whether a weekday stands after a day: 5/17周五, 5/17（星期五）.
fn weekday_after(after: &str) -> bool {
    let day = after.trim_start_matches([' ', '(', '（', '，', ',']);
    WEEKS
        .iter()
        .filter_map(|week| day.strip_prefix(week))
        .any(|day| day.starts_with(['一', '二', '三', '四', '五', '六', '日', '天']))
}

/// Reads a day that could be a decimal or a range, but for the words before it.
fn pointed_day(found: &Found) -> Option<String> {
    let before = found.before().trim_end_matches(['：', ':', ' ', '为', '是']);
    let holiday = found.after().starts_with("放假");
    (!is_part(found) && (holiday || context::ends_with_any(before, &DATED))).then_some(())?;
    (!context::measure_follows(found.after()) && !found.next().is_some_and(|c| "%‰~～–".contains(c)))
        .then_some(())?;
    match (holiday, found.get("m"), found.get("d")) {
        (true, "5" | "10", "1") => known_day(found),
        (_, month, day) => spoken("", month, day, "日"),
    }
}

fn known_day(found: &Found) -> Option<String> {
    let (month, day) = (found.get("m"), found.get("d"));
    let spoken = match (month, day) {
        ("11", "11") => "双十一".into(),
        ("12", "12") => "双十二".into(),
        ("10", "1") => "十一".into(),
        _ => digits(found.all()),
    };
    (found.stands_alone() && valid(month, day)).then_some(spoken)
}
