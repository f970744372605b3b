//! Times of day, and how long something took.

use super::context;
use super::number::quantity;
use super::score;
use crate::text::normalize::rule::{Found, Rule, is_digit, rule};
use crate::text::normalize::table::Words;

/// AM 8:30, which begins with letters.
pub const LATIN: &[Rule] = &[rule(
    "time",
    r"(?<half>[AaPp]\.?[Mm]\.?) ?(?<h>[01]?[0-9]):(?<m>[0-5][0-9])(?::(?<s>[0-5][0-9]))?",
    clock,
)];

pub const RULES: &[Rule] = &[
    rule("time", "{clock}", |found| if score::is_score(found) { None } else { clock(found) }),
    // 3pm
    rule("time", r"(?<h>1[0-2]|[1-9]) ?(?<half>[AaPp](?:\.[Mm]\.?|[Mm]))", clock),
    // 35:20 and 1:02:03.5 as how long it took
    rule("time", r"(?:(?<h>[0-9]{1,2}):)?(?<m>[0-9]{1,3}):(?<s>[0-5][0-9])(?:\.(?<part>[0-9]{1,3}))?", taken),
    // 1h30min, 5m20s
    rule("time", "{duration}", duration),
    rule("time", r"(?<m>[0-9]{1,3}) ?(?:min|m) ?(?<s>[0-9]{1,2}) ?s", duration),
    // 5'6", as tall as somebody is
    rule("measure", r#"(?<feet>[3-7])['’′](?<inches>1[01]|[0-9])(?:"|″|”|''|’’)"#, tall),
    // 5'30", as runners write it
    rule("time", r#"(?<m>[0-9]{1,3})['’′](?<s>[0-9]{1,2})(?:"|″|”|''|’’)"#, duration),
];

/// Words before a time that something took.
static CUES: Words = Words::new("zh/words", "time: cues");

fn clock(found: &Found) -> Option<String> {
    // 2022-01-28T08:30
    let dated = found.before().strip_suffix('T').is_some_and(|date| date.ends_with(is_digit));
    ((found.stands_alone() || dated) && found.next() != Some(':') && found.previous() != Some(':'))
        .then_some(())?;
    (!context::contains_any(context::sentence_before(found.before()), &CUES) || found.has("half"))
        .then_some(())?;
    let half = match found.get("half").get(..1) {
        Some("a" | "A") => "上午",
        Some("p" | "P") => "下午",
        _ => "",
    };
    // 上午8:30am says it twice.
    let half = if found.before().trim_end().ends_with(half) { "" } else { half };
    let (h, m, s) = (found.get("h"), found.get("m"), found.get("s"));
    let seconds = !s.is_empty() && s != "00";
    let minute = if m.is_empty() || m == "00" && !seconds { "" } else { "{minute:m}分" };
    let second = if seconds { "{integer:s}[点{digits:part}]秒" } else { "" };
    let hour = h.strip_prefix('0').filter(|rest| !rest.is_empty()).unwrap_or(h);
    Some(format!("{half}{}点{}{}", quantity(hour), found.say(minute)?, found.say(second)?))
}

fn tall(found: &Found) -> Option<String> {
    let cued = context::contains_any(context::sentence_before(found.before()), &["身高", "高", "英尺"]);
    (cued && found.stands_alone()).then(|| found.say("{quantity:feet}英尺{quantity:inches}英寸"))?
}

fn taken(found: &Found) -> Option<String> {
    let cued = context::contains_any(context::sentence_before(found.before()), &CUES)
        || found.has("h") && found.precedes(&["的成绩", "完赛", "跑完"]);
    (cued && found.stands_alone() && found.next() != Some(':')).then_some(())?;
    let none = |group: &str| found.get(group).trim_start_matches('0').is_empty();
    let minutes = match (none("h"), none("m")) {
        (false, _) => "{counted:h}小时{minute:m}分",
        (true, false) => "{whole:m}分",
        (true, true) => "",
    };
    let seconds = match found.get("s") {
        "00" if !found.has("part") && !minutes.is_empty() => "",
        "00" if minutes.is_empty() => "零[点{digits:part}]秒",
        _ if minutes.is_empty() => "{whole:s}[点{digits:part}]秒",
        _ => "{integer:s}[点{digits:part}]秒",
    };
    Some(found.say(minutes)? + &found.say(seconds)?)
}

fn duration(found: &Found) -> Option<String> {
    found.stands_alone().then_some(())?;
    let seconds = found.has("s");
    found.say(if seconds {
        "[{counted:h}小时]{counted:m}分{counted:s}秒"
    } else {
        "{counted:h}小时{counted:m}分钟"
    })
}
