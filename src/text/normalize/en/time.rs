//! Times of the day, and durations that are written like them.

use super::context::previous_word;
use super::number::cardinal;
use super::year::is_behind_clock;
use crate::text::normalize::latin::spell::spell;
use crate::text::normalize::rule::{Found, Rule, is_digit, rule};

pub const RULES: &[Rule] = &[
    rule("time", "{from_time}", from),
    rule("time", "{hour}:(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])(?:[.,][0-9]{1,3})?{half}", clock),
    rule("time", "{hour}:(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])(?:[.,][0-9]{1,3})?(?P<zone>Z)?", clock),
    // 4:45 p.m.est, 5 P.M.E.S.T.
    rule("time", "{time_in_zone}", clock),
    rule("time", "{hour}[:.](?P<m>[0-5][0-9]){half}", clock),
    rule("time", "{hour}:(?P<m>[0-5][0-9])(?:(?P<zone>{zone}|Z)|(?P<hours> ?hrs)|(?P<half>[ap])|h)?", clock),
    rule("time", "(?P<h>[01][0-9]|2[0-4])(?P<m>[0-5][0-9]) ?(?:hours|hrs)", military),
    // 2211 GMT
    rule("time", "(?P<h>[01][0-9]|2[0-3])(?P<m>[0-5][0-9])(?P<ahead> ?(?:{zone}|Z))", military),
    // at 0630
    rule("time", "(?P<h>0[1-9])(?P<m>[0-5][0-9])", military),
    rule("time", "{hour}{half}", clock),
    rule("time", "{hour}h(?P<m>[0-5][0-9])", clock),
    rule("time", "{hours_and_minutes}", duration),
    rule("time", "(?P<m>[0-9]{1,2}) ?(?:mins?|m) ?(?P<s>[0-9]{1,2}) ?(?:secs?|s)", duration),
    rule("time", "{offset_of_zone}", offset),
    // 17:05:12 +0200, 17:05:12 2018 -0730
    rule("time", r"(?P<sign>[+-])(?P<h>[01][0-9])(?P<m>[0-5][0-9])", offset_behind_clock),
    rule("time", "(?P<zone>est|edt|cst|cdt|mst|mdt|pst|pdt|gmt|utc|bst|cet|ist|jst)", zone),
];

fn is_clean(found: &Found) -> bool {
    // "2024-01-05T10:30".
    let date = found.before().strip_suffix('T');
    let stamp = date.is_some_and(|date| date.ends_with(is_digit));
    (stamp || found.starts_apart(":/.$€£#")) && found.ends_apart("/.,:")
}

/// Reads an hour and a minute.
fn of_day(hour: &str, minute: &str, half: bool) -> Option<String> {
    let (h, m): (u32, u32) = (hour.parse().ok()?, if minute.is_empty() { 0 } else { minute.parse().ok()? });
    let hour = cardinal(&h.to_string())?;
    Some(match (h, m) {
        (_, 0) if half => hour,
        (1..=12, 0) => format!("{hour} o clock"),
        (_, 0) => format!("{hour} hundred"),
        (_, 1..=9) => format!("{hour} o {}", cardinal(&m.to_string())?),
        _ => format!("{hour} {}", cardinal(&m.to_string())?),
    })
}

fn clock(found: &Found) -> Option<String> {
    is_clean(found).then_some(())?;
    let half = self::half(found);
    let (h, m) = (found.get("h"), found.get("m"));
    // "0 am" is no time, and neither is "I am" or "1.30 a".
    (half.is_empty() || h.parse::<u32>().ok()? <= 12 || !m.is_empty()).then_some(())?;
    let spoken = match found.get("s") {
        "" => of_day(h, m, !half.is_empty())?,
        _ => found.say("{hours:h} {minutes:m} and {seconds:s}")?,
    };
    let half = if found.has("hours") { " hours" } else { half };
    let zone = found.get("zone");
    let space = if zone.is_empty() { "" } else { " " };
    Some(spoken + half + space + &spell(&zone.replace('.', "").to_ascii_uppercase()))
}

/// Reads `0900 hours`; `1400 hours` only at or by them.
fn military(found: &Found) -> Option<String> {
    let (h, m) = (found.get("h"), found.get("m"));
    let word = previous_word(found.before()).to_ascii_lowercase();
    let at = matches!(&*word, "at" | "by" | "until" | "from" | "till");
    let hours = if found.all().len() > 4 { " hours" } else { "" };
    let meant = at || found.has("ahead") || !hours.is_empty() && h.starts_with('0');
    (!found.previous().is_some_and(|c| !c.is_whitespace() && c != '(')
        && meant
        && (!hours.is_empty() || is_clean(found)))
    .then_some(())?;
    let zero = if h.starts_with('0') && h != "00" { "o " } else { "" };
    let spoken = match (h.parse::<u32>().ok()?, m) {
        (hour, "00") => format!("{} hundred", cardinal(&hour.to_string())?),
        (hour, _) => of_day(&hour.to_string(), m, true)?,
    };
    Some(format!("{zero}{spoken}{hours}"))
}

/// Returns which half of the day it is.
fn half(found: &Found) -> &'static str {
    match found.get("half") {
        "a" | "A" => " a m",
        "p" | "P" => " p m",
        _ => "",
    }
}

/// Reads the first of two times. What follows must show that they are no plain numbers.
fn from(found: &Found) -> Option<String> {
    let (half, m) = (found.get("half"), found.get("m"));
    let rest = found.after();
    let hour = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after_hour = rest.get(hour..)?;
    let minute = after_hour.starts_with([':', '.'])
        && after_hour.get(1..3).is_some_and(|m| m.bytes().all(|b| b.is_ascii_digit()));
    let tail = if minute { after_hour.get(3..)? } else { after_hour }.trim_start();
    let mut letters = tail.bytes().map(|b| b.to_ascii_lowercase()).filter(|b| *b != b'.');
    let later_half = matches!(letters.next(), Some(b'a' | b'p'))
        && letters.next() == Some(b'm')
        && !letters.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let colon = found.all().contains(':');
    let first = colon || !half.is_empty() || later_half;
    let second = minute && colon || later_half || !half.is_empty();
    let before = !found.starts_apart(":/.$€£#-");
    let separate = found.all().contains(['-', '–', '—', '~']) || found.all().ends_with(' ');
    let digit = tail.starts_with(is_digit);
    (!before && first && second && separate && !digit).then_some(())?;
    Some(of_day(found.get("h"), m, !half.is_empty() || later_half)? + self::half(found) + " to")
}

fn duration(found: &Found) -> Option<String> {
    is_clean(found).then(|| found.say("[{hours:h} ]{minutes:m}[ {seconds:s}]"))?
}

fn offset(found: &Found) -> Option<String> {
    is_clean(found).then_some(())?;
    Some(format!("{} {}", spell(found.get("zone")), ahead(found)?))
}

/// Reads by how much a clock differs from Greenwich's.
fn ahead(found: &Found) -> Option<String> {
    let sign = match found.get("sign") {
        "+" => "plus",
        "-" => "minus",
        _ => "plus or minus",
    };
    let hour = cardinal(&found.get("h").parse::<u8>().ok()?.to_string())?;
    Some(match found.get("m") {
        "" | "00" => format!("{sign} {hour}"),
        minute => format!("{sign} {hour} {}", cardinal(minute)?),
    })
}

/// Reads how far a clock is ahead of Greenwich's, as programs write it.
fn offset_behind_clock(found: &Found) -> Option<String> {
    let before = found.before();
    let year = before.len().checked_sub(5).and_then(|at| before.split_at_checked(at));
    let dated = year.is_some_and(|(head, year)| {
        year.starts_with(['1', '2'])
            && year.trim_end().bytes().all(|b| b.is_ascii_digit())
            && is_behind_clock(head)
    });
    (is_clean(found) && (dated || is_behind_clock(before))).then_some(())?;
    ahead(found)
}

/// Reads `8:00 est`: in small letters only behind a time.
fn zone(found: &Found) -> Option<String> {
    let before = found.before().trim_end().trim_end_matches('.');
    let lower = before.to_ascii_lowercase();
    let time = lower.ends_with("am") || lower.ends_with("pm") || lower.ends_with(".m") || {
        let digits = before.trim_end_matches(is_digit);
        digits.len() < before.len() && (digits.ends_with(':') || found.get("zone") != "est")
    };
    (found.stands_alone() && time && found.before().ends_with(' ')).then(|| spell(found.get("zone")))
}
