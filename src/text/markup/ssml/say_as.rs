//! `<say-as>`: what a text is, and what reads it.

use super::shown;
use crate::text::markup::{Reading, Written};

/// Holds what a `<say-as>` asks for.
pub struct Spec {
    /// Its row of [`KINDS`].
    kind: &'static Kind,
    /// The parts of a date, and how many digits each has.
    date: Vec<(char, usize)>,
}

/// Holds the names of a kind, how it is read, and the formats that it can have.
type Kind = (&'static [&'static str], How, Formats);

#[derive(Clone, Copy, PartialEq)]
enum How {
    Characters,
    Digits,
    /// By these rules.
    Rules(&'static [&'static str]),
    /// By these rules, as a position in a row.
    Ordinal(&'static [&'static str]),
    /// As the kind that the format names.
    Format,
}

#[derive(Clone, Copy)]
enum Formats {
    None,
    OneOf(&'static [&'static str]),
    /// An order of `y`, `m` and `d`.
    Date,
    /// A country's code.
    Country,
}

/// Every value of `interpret-as`, and the names of the rules that read it.
const KINDS: &[Kind] = &[
    (&["characters", "spell-out", "verbatim"], How::Characters, Formats::None),
    (&["digits"], How::Digits, Formats::None),
    (&["cardinal"], How::Rules(&["cardinal", "number"]), Formats::None),
    (&["ordinal"], How::Ordinal(&["ordinal"]), Formats::None),
    (&["number"], How::Format, Formats::OneOf(&["cardinal", "ordinal", "digits", "telephone"])),
    (&["fraction"], How::Rules(&["fraction"]), Formats::None),
    (&["unit"], How::Rules(&["measure"]), Formats::None),
    (&["currency"], How::Rules(&["money"]), Formats::None),
    (&["telephone"], How::Rules(&["telephone", "phone"]), Formats::Country),
    (&["time"], How::Rules(&["time"]), Formats::OneOf(&["hms12", "hms24", "hms", "hm"])),
    (&["date"], How::Rules(&["date", "year"]), Formats::Date),
];

fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|(names, ..)| names.contains(&name))
}

impl Spec {
    pub fn new(interpret_as: &str, format: Option<&str>) -> Result<Self, String> {
        let name = interpret_as.trim();
        let format = format.map(str::trim).filter(|format| !format.is_empty());
        let Some(known) = kind(name) else {
            let known: Vec<&str> = KINDS.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
            let known = known.join(", ");
            return Err(format!("<say-as interpret-as=\"{}\">: known: {known}", shown(name)));
        };
        let refused = |format: &str, known: &str| {
            Err(format!("<say-as interpret-as=\"{name}\" format=\"{}\">: {known}", shown(format)))
        };
        let mut spec = Spec { kind: known, date: Vec::new() };
        match (known.2, format) {
            (_, None) => {}
            (Formats::None, Some(format)) => return refused(format, "it has no formats"),
            (Formats::OneOf(formats), Some(format)) if !formats.contains(&format) => {
                return refused(format, &format!("known: {}", formats.join(", ")));
            }
            (Formats::OneOf(_), Some(_)) => {}
            (Formats::Date, Some(format)) => match date_format(format) {
                Some(date) => spec.date = date,
                None => return refused(format, "an order of y, m and d is known, such as ymd, mdy, dmy, ym"),
            },
            (Formats::Country, Some(format)) => {
                let code = format.strip_prefix('+').unwrap_or(format);
                if code.is_empty() || code.len() > 4 || !code.bytes().all(|b| b.is_ascii_digit()) {
                    return refused(format, "a country's code is known, such as 86");
                }
            }
        }
        if known.1 == How::Format {
            spec.kind = kind(format.unwrap_or("cardinal")).unwrap_or(known);
        }
        Ok(spec)
    }

    /// Returns the kind of thing that `text` is, and how it is read.
    pub fn reading(&self, text: &str) -> (&'static str, Reading) {
        let (names, how, _) = self.kind;
        let name = names.first().copied().unwrap_or_default();
        let reading = match *how {
            How::Characters => Reading::Characters,
            How::Digits => Reading::Digits,
            How::Rules(rules) => Reading::As { rules, written: date(text, &self.date) },
            How::Ordinal(rules) => Reading::As { rules, written: ordinal(text) },
            How::Format => Reading::As { rules: &[], written: None },
        };
        (name, reading)
    }
}

/// The longest number that is written as an ordinal, in digits.
const MAX_ORDINAL: usize = 18;

/// Writes a plain number as a position in a row.
fn ordinal(text: &str) -> Option<Written> {
    let digits = text.replace(',', "");
    if digits.is_empty() || digits.len() > MAX_ORDINAL || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Written { chinese: format!("第{digits}"), english: format!("{digits}{}", suffix(&digits)) })
}

/// Returns the end of an English ordinal.
fn suffix(digits: &str) -> &'static str {
    let teen = digits.len() > 1 && digits.as_bytes().get(digits.len() - 2) == Some(&b'1');
    match digits.as_bytes().last() {
        Some(b'1') if !teen => "st",
        Some(b'2') if !teen => "nd",
        Some(b'3') if !teen => "rd",
        _ => "th",
    }
}

/// Returns the parts of a date in their order, and how many digits each has; none if it is no order.
fn date_format(format: &str) -> Option<Vec<(char, usize)>> {
    let mut parts: Vec<(char, usize)> = Vec::new();
    for c in format.chars() {
        let seen = parts.iter().any(|(part, _)| *part == c);
        match parts.last_mut() {
            Some((last, count)) if *last == c => *count += 1,
            _ if !matches!(c, 'y' | 'm' | 'd') || seen => return None,
            _ => parts.push((c, 1)),
        }
    }
    for (part, count) in &mut parts {
        match (*part, *count) {
            (_, 1) => *count = if *part == 'y' { 4 } else { 2 },
            ('y', 2 | 4) | ('m' | 'd', 2) => {}
            _ => return None,
        }
    }
    // A year and a day make no date.
    let has = |c: char| parts.iter().any(|(part, _)| *part == c);
    let no_date = has('y') && has('d') && !has('m');
    (!parts.is_empty() && !no_date).then_some(parts)
}

/// Returns the name of a month.
fn month_name(month: usize) -> &'static str {
    let names = "January February March April May June July August September October November December";
    names.split(' ').nth(month.wrapping_sub(1)).unwrap_or_default()
}

/// Writes a date in numbers so that nobody could mistake the month for the day; none if it is no date.
fn date(text: &str, format: &[(char, usize)]) -> Option<Written> {
    if format.is_empty() || text.len() > 40 {
        return None;
    }
    let numbers: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    let in_one = numbers.len() == 1 && format.len() > 1;
    let numbers = match numbers.as_slice() {
        [number] if in_one && number.len() == format.iter().map(|(_, count)| count).sum::<usize>() => {
            let mut rest = *number;
            let parts = format.iter().map(|(_, count)| {
                let (part, others) = rest.split_at(*count);
                rest = others;
                part
            });
            parts.collect()
        }
        _ => numbers,
    };
    if numbers.len() != format.len() {
        return None;
    }
    let (mut year, mut month, mut day) = (None, None, None);
    for ((part, _), number) in format.iter().zip(numbers) {
        let value: usize = number.parse().ok()?;
        match part {
            'y' => year = Some(full_year(number, value)?),
            'm' => month = Some(value).filter(|month| (1..=12).contains(month)),
            _ => day = Some(value).filter(|day| (1..=31).contains(day)),
        }
        if [year, month, day].iter().flatten().count() == 0 {
            return None;
        }
    }
    let (chinese, english) = match (year, month, day) {
        (Some(y), Some(m), Some(d)) => (format!("{y}年{m}月{d}日"), format!("{} {d}, {y}", month_name(m))),
        (Some(y), Some(m), None) => (format!("{y}年{m}月"), format!("{} {y}", month_name(m))),
        (None, Some(m), Some(d)) => (format!("{m}月{d}日"), format!("{} {d}", month_name(m))),
        (Some(y), None, None) => (format!("{y}年"), y.to_string()),
        (None, Some(m), None) => (format!("{m}月"), month_name(m).to_string()),
        (None, None, Some(d)) => (format!("{d}日"), format!("{d}{}", suffix(&d.to_string()))),
        _ => return None,
    };
    let parts = [year, month, day].iter().flatten().count();
    (parts == format.len()).then_some(Written { chinese, english })
}

/// Returns the year that a number means; one of two digits is from 1969 to 2068.
fn full_year(number: &str, value: usize) -> Option<usize> {
    match number.len() {
        2 if value < 69 => Some(2000 + value),
        2 => Some(1900 + value),
        1..=4 => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(format: &str, text: &str) -> Option<(String, String)> {
        let written = date(text, &date_format(format)?)?;
        Some((written.chinese, written.english))
    }

    #[test]
    fn dates_become_clear() {
        for (format, text, chinese, english) in [
            ("mdy", "3/4/2024", "2024年3月4日", "March 4, 2024"),
            ("dmy", "3/4/2024", "2024年4月3日", "April 3, 2024"),
            ("ymd", "2024-03-04", "2024年3月4日", "March 4, 2024"),
            ("ymd", "20240304", "2024年3月4日", "March 4, 2024"),
            ("yyyymmdd", "20240304", "2024年3月4日", "March 4, 2024"),
            ("mmddyy", "030498", "1998年3月4日", "March 4, 1998"),
            ("mdy", "3.4.24", "2024年3月4日", "March 4, 2024"),
            ("my", "12/2024", "2024年12月", "December 2024"),
            ("ym", "2024年12月", "2024年12月", "December 2024"),
            ("md", "12-25", "12月25日", "December 25"),
            ("dm", "25. 12.", "12月25日", "December 25"),
            ("y", "1999", "1999年", "1999"),
            ("m", "5", "5月", "May"),
            ("d", "22", "22日", "22nd"),
        ] {
            assert_eq!(dates(format, text), Some((chinese.into(), english.into())), "{format} {text}");
        }
    }

    #[test]
    fn what_is_no_date_of_the_format_is_none() {
        for (format, text) in [
            ("mdy", "13/4/2024"),
            ("mdy", "3/32/2024"),
            ("mdy", "3/4"),
            ("mdy", "March 4, 2024"),
            ("ymd", "2024030"),
            ("ymd", "20240399"),
            ("y", ""),
            ("y", "123456"),
            ("y", "99999999999999999999999999"),
            ("md", "0/0"),
        ] {
            assert_eq!(dates(format, text), None, "{format} {text}");
        }
        for bad in ["", "x", "mdym", "yd", "dy", "yyy", "mmm", "MDY"] {
            assert_eq!(date_format(bad), None, "{bad}");
        }
    }

    #[test]
    fn ordinals_end_as_they_should() {
        for (text, english) in [
            ("1", "1st"),
            ("2", "2nd"),
            ("13", "13th"),
            ("113", "113th"),
            ("1,203", "1203rd"),
            ("40", "40th"),
        ] {
            assert_eq!(ordinal(text).map(|w| w.english), Some(english.to_string()));
        }
        assert_eq!(ordinal("第3"), None);
        assert_eq!(ordinal("VIII"), None);
        assert_eq!(ordinal("3").map(|w| w.chinese), Some("第3".to_string()));
    }

    #[test]
    fn unknown_kinds_and_formats_are_refused() {
        for (interpret_as, format, message) in [
            ("name", None, "known: characters, spell-out"),
            ("", None, "known: characters"),
            ("digits", Some("x"), "no formats"),
            ("time", Some("24h"), "known: hms12, hms24"),
            ("date", Some("mmm"), "an order of y, m and d"),
            ("telephone", Some("US"), "country's code"),
            ("number", Some("date"), "known: cardinal, ordinal"),
        ] {
            let error = Spec::new(interpret_as, format).err().unwrap_or_default();
            assert!(error.contains(message), "{interpret_as}: {error}");
        }
        for (interpret_as, format) in [
            ("number", Some("telephone")),
            ("date", Some("mdy")),
            ("telephone", Some("+1")),
            ("date", Some("")),
        ] {
            assert!(Spec::new(interpret_as, format).is_ok());
        }
    }
}
