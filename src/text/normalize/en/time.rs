//! Times of the day, and durations that are written like them.

use super::context::{previous_word, sentence_end};
use super::number::{cardinal, plural};
use crate::text::normalize::latin::spell::spell;
use crate::text::normalize::rule::{Found, Rule};

macro_rules! hour {
    () => {
        "(?P<h>[01]?[0-9]|2[0-4])"
    };
}
/// `a.m.`; at the end of a sentence its last dot is left.
macro_rules! half {
    () => {
        concat!(r" {0,2}(?P<half>[aApP])(?:\.? ?[mM](?:(?P<ahead>", sentence_end!(), r")|\.)?)")
    };
}
macro_rules! later {
    () => {
        r"(?P<ahead>(?:[01]?[0-9]|2[0-4])(?:[:.][0-5][0-9])?(?: ?[aApP]\.?[mM]| ?noon)?)"
    };
}

pub const RULES: &[Rule] = &[
    rule("(?P<word>noon|midnight|Noon|Midnight) ?[-–—~] ?(?P<ahead>[0-9])", |found| {
        Some(format!("{} to", found.get("word")))
    }),
    rule(
        concat!(
            hour!(),
            r"(?:[:.](?P<m>[0-5][0-9]))?(?: ?(?P<half>[aApP])\.?[mM]\.?)? ?(?:-|–|—|~|to) ?",
            later!()
        ),
        from,
    ),
    rule(concat!(hour!(), ":(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])(?:[.,][0-9]{1,3})?", half!()), clock),
    rule(concat!(hour!(), ":(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])(?:[.,][0-9]{1,3})?(?P<utc>Z)?"), clock),
    rule(concat!(hour!(), "[:.](?P<m>[0-5][0-9])", half!()), clock),
    rule(concat!(hour!(), ":(?P<m>[0-5][0-9])(?P<zone>UTC|GMT|[ECMP][SD]T|CET|BST)"), clock),
    rule(concat!(hour!(), ":(?P<m>[0-5][0-9])(?:(?P<utc>Z)|h)?"), clock),
    rule("(?P<h>[01][0-9]|2[0-4])(?P<m>[0-5][0-9]) ?(?:hours|hrs)", military),
    rule(concat!(hour!(), half!()), clock),
    rule(concat!(hour!(), "h(?P<m>[0-5][0-9])"), clock),
    rule(
        r"(?P<h>[0-9]{1,3}) ?(?:hours?|hrs?|h) ?(?P<m>[0-9]{1,2}) ?(?:minutes?|mins?|m)(?: ?(?P<s>[0-9]{1,2}) ?(?:seconds?|secs?|s))?",
        duration,
    ),
    rule("(?P<m>[0-9]{1,2}) ?(?:mins?|m) ?(?P<s>[0-9]{1,2}) ?(?:secs?|s)", duration),
    rule(
        r"(?P<zone>UTC|GMT|EST|EDT|CST|PST|PDT|CET) ?(?P<sign>[-±\+])(?P<h>[0-9]{1,2})(?::?(?P<m>[0-9]{2}))?",
        offset,
    ),
    rule(
        "T(?P<sign>[+–−-])(?P<ahead>[0-9]{1,3}(?::[0-9]{2}| ?(?:seconds?|minutes?|hours?|days?|secs?|mins?)))",
        |found| {
            let sign = if found.get("sign") == "+" { "plus" } else { "minus" };
            let inside = found.previous().is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
            (!inside).then(|| format!("T {sign} "))
        },
    ),
    rule("(?P<zone>est|edt|cst|cdt|mst|mdt|pst|pdt|gmt|utc|bst|cet|ist|jst)", zone),
];

const fn rule(pattern: &'static str, read: fn(&Found) -> Option<String>) -> Rule {
    Rule { name: "time", pattern, read }
}

fn is_clean(found: &Found) -> bool {
    // "2024-01-05T10:30".
    let stamp =
        found.before().strip_suffix('T').is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
    let before =
        !stamp && found.previous().is_some_and(|c| c.is_ascii_alphanumeric() || ":/.$€£#".contains(c));
    let mut after = found.after().chars();
    let inside = match (after.next(), after.next()) {
        (Some(c), _) if c.is_ascii_alphanumeric() || c == '%' => true,
        (Some('/' | '.' | ',' | ':'), Some(next)) => next.is_ascii_digit(),
        _ => false,
    };
    !before && !inside
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
    if !is_clean(found) {
        return None;
    }
    let half = match found.get("half") {
        "a" | "A" => " a m",
        "p" | "P" => " p m",
        _ => "",
    };
    let (h, m) = (found.get("h"), found.get("m"));
    // "0 am" is no time, and neither is "I am" or "1.30 a".
    if !half.is_empty() && h.parse::<u32>().ok()? > 12 && m.is_empty() {
        return None;
    }
    let spoken = match found.get("s") {
        "" => of_day(h, m, !half.is_empty())?,
        s => {
            format!("{} {} and {}", count(h, "hour")?, count(m, "minute")?, count(s, "second")?)
        }
    };
    let zone = if found.has("utc") { "Z" } else { found.get("zone") };
    let space = if zone.is_empty() { "" } else { " " };
    Some(spoken + half + space + &spell(zone))
}

/// Reads `0900 hours`; `1400 hours` only at or by them.
fn military(found: &Found) -> Option<String> {
    let (h, m) = (found.get("h"), found.get("m"));
    let word = previous_word(found.before()).to_ascii_lowercase();
    let at = matches!(&*word, "at" | "by" | "until" | "from" | "till");
    if found.previous().is_some_and(|c| !c.is_whitespace()) || !at && !h.starts_with('0') {
        return None;
    }
    let zero = if h.starts_with('0') && h != "00" { "o " } else { "" };
    let spoken = match (h.parse::<u32>().ok()?, m) {
        (hour, "00") => format!("{} hundred", cardinal(&hour.to_string())?),
        (hour, _) => of_day(&hour.to_string(), m, true)?,
    };
    Some(format!("{zero}{spoken} hours"))
}

fn count(digits: &str, unit: &str) -> Option<String> {
    let n: u32 = digits.parse().ok()?;
    let unit = if n == 1 { unit.to_string() } else { plural(unit) };
    Some(format!("{} {unit}", cardinal(&n.to_string())?))
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
    let before = found.previous().is_some_and(|c| c.is_ascii_alphanumeric() || ":/.$€£#-".contains(c));
    let separate = found.all().contains(['-', '–', '—', '~']) || found.all().ends_with(' ');
    let digit = tail.starts_with(|c: char| c.is_ascii_digit());
    if before || !first || !second || !separate || digit {
        return None;
    }
    let half_spoken = match half {
        "a" | "A" => " a m",
        "p" | "P" => " p m",
        _ => "",
    };
    Some(of_day(found.get("h"), m, !half.is_empty() || later_half)? + half_spoken + " to")
}

fn duration(found: &Found) -> Option<String> {
    if !is_clean(found) {
        return None;
    }
    let mut parts = Vec::new();
    for (group, unit) in [("h", "hour"), ("m", "minute"), ("s", "second")] {
        if found.has(group) {
            parts.push(count(found.get(group), unit)?);
        }
    }
    Some(parts.join(" "))
}

fn offset(found: &Found) -> Option<String> {
    if !is_clean(found) {
        return None;
    }
    let sign = match found.get("sign") {
        "+" => "plus",
        "-" => "minus",
        _ => "plus or minus",
    };
    let hour = cardinal(&found.get("h").parse::<u32>().ok()?.to_string())?;
    let minute = match found.get("m") {
        "" | "00" => String::new(),
        m => format!(" {}", cardinal(m)?),
    };
    Some(format!("{} {sign} {hour}{minute}", spell(found.get("zone"))))
}

/// Reads `8:00 est`: in small letters only behind a time.
fn zone(found: &Found) -> Option<String> {
    let before = found.before().trim_end().trim_end_matches('.');
    let lower = before.to_ascii_lowercase();
    let time = lower.ends_with("am") || lower.ends_with("pm") || lower.ends_with(".m") || {
        let digits = before.trim_end_matches(|c: char| c.is_ascii_digit());
        digits.len() < before.len() && (digits.ends_with(':') || found.get("zone") != "est")
    };
    (found.stands_alone() && time && found.before().ends_with(' ')).then(|| spell(found.get("zone")))
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::latin::testing::{check, english};

    #[test]
    fn times_are_read() {
        check(
            english,
            &[
                ("12:30", "twelve thirty"),
                ("8:05", "eight o five"),
                ("8:00", "eight o clock"),
                ("12:30pm", "twelve thirty p m"),
                ("12:30 p.m.", "twelve thirty p m."),
                ("5pm", "five p m"),
                ("5 PM", "five p m"),
                ("8:00 am", "eight a m"),
                ("08:15", "eight fifteen"),
                ("17:45", "seventeen forty five"),
                ("17:00", "seventeen hundred"),
                ("00:30", "zero thirty"),
                ("12:30:15", "twelve hours thirty minutes and fifteen seconds"),
                ("1:01:01", "one hour one minute and one second"),
                ("5.30pm", "five thirty p m"),
                ("at 7 p.m. on Monday", "at seven p m on Monday"),
                ("at 7 p.m. He slept.", "at seven p m. He slept."),
                ("at 7:30 a.m.", "at seven thirty a m."),
                ("8:00 pm EST", "eight p m E S T"),
                ("8:00 p.m. EST", "eight p m E S T"),
                ("8:00 est", "eight o clock E S T"),
                ("UTC+8", "U T C plus eight"),
                ("GMT-5:30", "G M T minus five thirty"),
                ("12 o'clock", "twelve oclock"),
                ("8h30", "eight thirty"),
                ("Mon 9:00", "monday nine o clock"),
                (
                    "2024-01-05T10:30:00Z",
                    "january fifth, twenty twenty four ten hours thirty minutes and zero seconds Z",
                ),
                ("03:00UTC", "three o clock U T C"),
                ("at 0900 hours", "at o nine hundred hours"),
                ("by 1430 hrs", "by fourteen thirty hours"),
                ("for 1400 hours", "for one thousand four hundred hours"),
                ("It is 9:45.", "It is nine forty five."),
            ],
        );
    }

    #[test]
    fn spans_of_time_are_read() {
        check(
            english,
            &[
                ("9am-5pm", "nine a m to five p m"),
                ("9:00–17:00", "nine o clock to seventeen hundred"),
                ("noon-5pm", "noon to five p m"),
                ("8-10:30am", "eight to ten thirty a m"),
                ("9-11am", "nine to eleven a m"),
                ("9:30-10:00 am", "nine thirty to ten a m"),
                ("9:00-10:00 p.m.", "nine to ten p m."),
                ("from 9 a.m. to 5 p.m.", "from nine a m to five p m."),
                ("10 to 11 pm", "ten to eleven p m"),
                ("1h30m", "one hour thirty minutes"),
                ("2 hrs 15 mins", "two hours fifteen minutes"),
                ("T-10 minutes and counting", "T minus ten minutes and counting"),
                ("T+30 seconds", "T plus thirty seconds"),
                ("5m30s", "five minutes thirty seconds"),
                ("1h 2m 3s", "one hour two minutes three seconds"),
            ],
        );
    }

    #[test]
    fn other_things_are_no_times() {
        check(
            english,
            &[
                ("I am 5", "I am five"),
                ("5 amps", "five amps"),
                ("5 pmol", "five pmol"),
                ("best test", "best test"),
                ("the est value", "the est value"),
                ("9 to 11", "nine to eleven"),
            ],
        );
    }
}
