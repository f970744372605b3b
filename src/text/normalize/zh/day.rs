//! Days without a year, where signs alone stand for month and day: 01/28, 3/15之前, 5·12.

use super::context;
use super::date::{is_part, spoken, valid, written};
use super::number::digits;
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
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
pub fn is_cued(found: &Found) -> bool {
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
