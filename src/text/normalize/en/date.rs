//! Dates.

use super::amount::last_word;
use super::cardinal::VERSIONED;
use super::context::previous_word;
use super::number::{ordinal, year};
use crate::text::normalize::rule::{Found, Rule, is_capital, is_digit, is_letter, is_small, rule};
use crate::text::normalize::table::{self, Table};

pub const RULES: &[Rule] = &[
    rule("date", "{month_day}(?:, ?| {1,2},? ?|,? of |-){year}{until}", month_day),
    rule("date", "{month_day},? {1,2}['’](?P<short>[0-9]{2})", month_day),
    rule("date", "{month_day}", month_day),
    rule("date", "{day_month}(?:,? {1,2}|-|,? of ){year}{until}", day_month),
    rule("date", "{day_month}(?: ['’]|-['’]?)(?P<year>[0-9]{2})", day_month),
    rule("date", "{day_month}{until}", day_month),
    rule("date", r"(?P<month>{month})\.?(?:,? {1,2}|,? of |-){year}{until}", month_year),
    rule("date", r"(?P<month>{month})\.?,? ['’](?P<short>[0-9]{2})", month_year),
    rule("date", r"(?P<month>{month})\.? ?[-–—] ?(?P<to_month>{month})\.?", months),
    rule("date", "{stamp_day}", year_first),
    rule("date", "{year_first}", year_first),
    rule("date", "{year_last}", year_last),
    rule("date", "(?P<month>1[0-2]|0?[1-9])/(?P<day>[0-3]?[0-9])", day_of_month),
    rule("date", "(?P<day>1[3-9]|2[0-9]|3[01])/(?P<month>1[0-2]|0?[1-9])", day_of_month),
    rule("date", "(?P<month>0[1-9]|1[0-2])/(?P<year>[12][0-9]{3})", number_year),
    rule("date", "(?P<year>[12][0-9]{3})[-/](?P<month>0[1-9]|1[0-2])", year_number),
    rule("date", "{weekday_before}", weekday_before),
];

static MONTHS: Table<(&str, &str)> = Table::new("en/months", table::pair);
static WEEKDAYS: Table<(&str, &str)> = Table::new("en/weekdays", table::pair);

/// Finds a name by its first three letters.
fn named(names: &[(&'static str, &str)], short: &str) -> Option<&'static str> {
    let key = short.get(..3)?.to_ascii_lowercase();
    names.iter().find(|(name, _)| name.starts_with(&key)).map(|(name, _)| *name)
}

/// Returns the name of a month by how it begins, or by its number.
pub fn month(written: &str) -> Option<&'static str> {
    named(&MONTHS, written).or_else(|| month_number(written))
}

/// Returns the name of a day by how it begins.
pub fn weekday(short: &str) -> Option<&'static str> {
    named(&WEEKDAYS, short)
}

/// Tells whether a word is the name of a month or short for one.
pub(super) fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|(name, forms)| {
        let mut written = std::iter::once(*name).chain(table::forms(forms));
        written.any(|form| form.eq_ignore_ascii_case(word))
    })
}

fn month_number(number: &str) -> Option<&'static str> {
    let n: usize = number.parse().ok()?;
    MONTHS.get(n.checked_sub(1)?).map(|(name, _)| *name)
}

pub fn day(number: &str) -> Option<String> {
    let n: u32 = number.parse().ok()?;
    (1..=31).contains(&n).then(|| ordinal(&n.to_string()))?
}

/// Reads a year of four digits; one of two is of this century or the last.
pub(super) fn full_year(digits: &str) -> Option<String> {
    match (digits.len(), digits.parse().ok()?) {
        (2, 0..50) => year(&format!("20{digits}")),
        (2, _) => year(&format!("19{digits}")),
        _ => year(digits),
    }
}

/// Tells whether it stands by itself: not in a longer number, word, date or path.
pub(super) fn is_clean(found: &Found) -> bool {
    found.starts_apart("/.-$€£#_") && (found.has("ahead") || found.ends_apart("/-.,:"))
}

/// Returns `to` if another date is next.
fn until(found: &Found) -> &'static str {
    if found.has("ahead") && !found.has("stamp") { " to" } else { "" }
}

fn month_day(found: &Found) -> Option<String> {
    // May and March are words, too.
    let month = found.get("month");
    let bare = !found.has("year") && !found.has("short") && !ends_with_suffix(found.all());
    let counts = found.after().strip_prefix(' ').is_some_and(|next| next.starts_with(char::is_alphabetic));
    (is_clean(found) && !(bare && counts && matches!(month, "may" | "march"))).then_some(())?;
    let spoken = found
        .say("[{weekday:weekday}, ]{month:month}[ {the}] {day:day}[ to{if:to_day}][ {month:to_month}]")?;
    let spoken = spoken + &found.say("[ {day:to_day}][, {full year:year}][, {full year:short}]")?;
    Some(spoken + until(found))
}

fn ends_with_suffix(text: &str) -> bool {
    let digits = text.trim_end_matches(is_letter);
    digits.len() < text.len() && digits.ends_with(is_digit)
}

fn day_month(found: &Found) -> Option<String> {
    let month = found.get("month");
    let exact = found.has("year") || found.get("of").contains("of") || found.all().contains("th ");
    let word = matches!(month, "may" | "march" | "mar" | "sep" | "dec" | "jan");
    let touching = found.get("of").is_empty() && month.len() > 3;
    (is_clean(found) && (!word || exact) && !touching && !found.before().ends_with(':')).then_some(())?;
    let before = found.before().trim_end();
    let the = before.rsplit(' ').next().is_some_and(|w| w.eq_ignore_ascii_case("the"));
    // The last of several days: 3rd, 14th and 22nd of April.
    let the = the || before.strip_suffix(" and").is_some_and(ends_with_suffix) && exact;
    let the = if the { "" } else { "the " };
    let weekday = found.say("[{weekday:weekday}, ]")?;
    let day = found.say("{day:day}[ to {day:to_day}] of {month:month}[ {full year:year}]")?;
    Some(weekday + the + &day + until(found))
}

fn month_year(found: &Found) -> Option<String> {
    is_clean(found).then_some(())?;
    Some(found.say("{month:month}[ {full year:year}][ {full year:short}]")? + until(found))
}

/// Reads `Jan-Mar`, but no names such as `April-May` in small letters.
fn months(found: &Found) -> Option<String> {
    let (from, to) = (found.get("month"), found.get("to_month"));
    let capital = |month: &str| month.starts_with(is_capital);
    let inside = !found.stands_alone() || found.next() == Some('-') || found.previous() == Some('-');
    (capital(from) && capital(to) && !inside).then(|| found.say("{month:month} to {month:to_month}"))?
}

fn on(month: &str, day_of_month: &str, digits: &str) -> Option<String> {
    Some(format!("{} {}, {}", month_number(month)?, day(day_of_month)?, full_year(digits)?))
}

fn year_first(found: &Found) -> Option<String> {
    let alike = found.get("one") == found.get("two");
    let date = on(found.get("month"), found.get("day"), found.get("year"))?;
    (alike && is_clean(found)).then(|| date + until(found))
}

fn year_last(found: &Found) -> Option<String> {
    let (a, b, digits) = (found.get("a"), found.get("b"), found.get("year"));
    let sign = found.get("one");
    let short = digits.len() == 2 && sign != "/" && (a.len() < 2 || b.len() < 2);
    // Patch 8.1.1507 is a version.
    let version = sign == "."
        && (VERSIONED.contains(last_word(found.before()).as_str()) || digits.len() == 4 && digits > "2100");
    (sign == found.get("two") && !short && !version && is_clean(found)).then_some(())?;
    // Points are European, where the day comes first.
    let date = match sign {
        "." => on(b, a, digits).or_else(|| on(a, b, digits)),
        _ if days_come_first(found) => on(b, a, digits).or_else(|| on(a, b, digits)),
        _ => on(a, b, digits).or_else(|| on(b, a, digits)),
    };
    date.map(|date| date + until(found))
}

/// Tells whether another date nearby, written alike, shows that the day is first: 25/12/2024.
fn days_come_first(found: &Found) -> bool {
    let sign = found.get("one");
    let around = [found.before(), found.after()];
    let mut dates =
        around.iter().flat_map(|text| text.split([' ', ',', ';', '(', ')', '\n'])).filter_map(|word| {
            let mut parts = word.trim_end_matches('.').split(sign).map(str::parse::<u32>);
            match (parts.next(), parts.next(), parts.next()) {
                (Some(Ok(first)), Some(Ok(second)), Some(Ok(_))) => Some((first, second)),
                _ => None,
            }
        });
    dates.any(|(first, second)| (13..=31).contains(&first) && (1..=12).contains(&second))
}

/// Reads `on 12/25`, where a fraction cannot be.
fn day_of_month(found: &Found) -> Option<String> {
    let word = previous_word(found.before()).to_ascii_lowercase();
    let dated = matches!(&*word, "on" | "by" | "until" | "till" | "since" | "before" | "after" | "dated");
    let whole = found.next().is_none_or(|c| !c.is_ascii_alphanumeric() && !"/%".contains(c));
    let fraction = found.after().starts_with(" of") || !whole || !is_clean(found) || found.all() == "9/11";
    (dated && !fraction).then(|| found.say("{month:month} {day:day}"))?
}

fn number_year(found: &Found) -> Option<String> {
    is_clean(found).then(|| found.say("{month:month} {year:year}"))?
}

/// Reads `2024-03`; `2003-04` is more often two years, but so is `1999-2000`, which has another form.
fn year_number(found: &Found) -> Option<String> {
    let next =
        found.get("year").get(2..).and_then(|year| year.parse::<u32>().ok()).map(|year| (year + 1) % 100);
    let season = next == found.get("month").parse().ok();
    if season { None } else { number_year(found) }
}

fn weekday_before(found: &Found) -> Option<String> {
    let clean = found.starts_apart("/.-_");
    let verb = found.get("weekday").starts_with(is_small);
    (clean && !verb).then(|| weekday(found.get("weekday")).map(str::to_string))?
}
