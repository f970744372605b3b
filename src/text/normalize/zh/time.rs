//! Times of day, and how long something took.

use super::context;
use super::number::{integer, quantity};
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
    let hour = h.strip_prefix('0').filter(|rest| !rest.is_empty()).unwrap_or(h);
    let mut spoken = format!("{half}{}点", quantity(hour));
    let seconds = !s.is_empty() && s != "00";
    if !m.is_empty() && (m != "00" || seconds) {
        spoken += &format!("{}分", integer(m.strip_prefix("00").map_or(m, |_| "0")));
    }
    if seconds {
        spoken += &integer(s);
        if found.has("part") {
            spoken += &format!("点{}", super::number::digits(found.get("part")));
        }
        spoken += "秒";
    }
    Some(spoken)
}

fn tall(found: &Found) -> Option<String> {
    let cued = context::contains_any(context::sentence_before(found.before()), &["身高", "高", "英尺"]);
    (cued && found.stands_alone()).then(|| found.say("{quantity:feet}英尺{quantity:inches}英寸"))?
}

fn taken(found: &Found) -> Option<String> {
    let cued = context::contains_any(context::sentence_before(found.before()), &CUES)
        || found.has("h") && found.precedes(&["的成绩", "完赛", "跑完"]);
    (cued && found.stands_alone() && found.next() != Some(':')).then_some(())?;
    let hours = found.get("h").trim_start_matches('0');
    let minutes = found.get("m");
    let mut spoken = String::new();
    if !hours.is_empty() {
        spoken = format!("{}小时", quantity(hours));
    }
    let plain = minutes.trim_start_matches('0');
    if !hours.is_empty() || !plain.is_empty() {
        let minutes = if hours.is_empty() { plain } else { minutes };
        spoken += &format!("{}分", integer(minutes.strip_prefix("00").map_or(minutes, |_| "0")));
    }
    let seconds = found.get("s");
    if seconds == "00" && !found.has("part") && !spoken.is_empty() {
        return Some(spoken);
    }
    spoken += &integer(if spoken.is_empty() && seconds.len() > 1 {
        seconds.strip_prefix('0').unwrap_or(seconds)
    } else {
        seconds
    });
    if found.has("part") {
        spoken += &format!("点{}", super::number::digits(found.get("part")));
    }
    Some(spoken + "秒")
}

fn duration(found: &Found) -> Option<String> {
    found.stands_alone().then_some(())?;
    let mut spoken = String::new();
    for (group, unit, long) in [("h", "小时", "小时"), ("m", "分", "分钟"), ("s", "秒", "秒")] {
        if found.has(group) {
            let last = group == "m" && !found.has("s");
            spoken += &quantity(found.get(group).trim_start_matches('0'));
            spoken += if last { long } else { unit };
        }
    }
    Some(spoken)
}
