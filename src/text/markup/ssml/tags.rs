//! The tags of the subset, and what their attributes mean.

use crate::text::Language;

/// Names a tag of the subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Speak,
    Paragraph,
    Sentence,
    Break,
    SayAs,
    Sub,
    Prosody,
    Voice,
}

/// Every tag, its name and its attributes.
const TAGS: &[(Tag, &str, &[&str])] = &[
    (Tag::Speak, "speak", &["version", "xml:lang", "xml:base"]),
    (Tag::Paragraph, "p", &["xml:lang"]),
    (Tag::Sentence, "s", &["xml:lang"]),
    (Tag::Break, "break", &["time", "strength"]),
    (Tag::SayAs, "say-as", &["interpret-as", "format", "detail"]),
    (Tag::Sub, "sub", &["alias"]),
    (Tag::Prosody, "prosody", &["rate"]),
    (Tag::Voice, "voice", &["name"]),
];

impl Tag {
    pub fn named(name: &str) -> Option<Self> {
        TAGS.iter().find(|(_, known, _)| *known == name).map(|(tag, ..)| *tag)
    }

    pub fn name(self) -> &'static str {
        TAGS.iter().find(|(tag, ..)| *tag == self).map_or("", |(_, name, _)| name)
    }

    pub fn attributes(self) -> &'static [&'static str] {
        TAGS.iter().find(|(tag, ..)| *tag == self).map_or(&[], |(.., attributes)| attributes)
    }
}

/// Lists the names of all tags, for messages.
pub fn known() -> String {
    let names: Vec<String> = TAGS.iter().map(|(_, name, _)| format!("<{name}>")).collect();
    names.join(", ")
}

/// Returns the language that `xml:lang` names; none if it is empty.
pub fn language(name: &str) -> Result<Option<Language>, String> {
    let name = name.trim();
    let primary = name.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    match primary.as_str() {
        "" => Ok(None),
        "zh" | "cmn" | "zho" | "chi" => Ok(Some(Language::Chinese)),
        "en" | "eng" => Ok(Some(Language::English)),
        _ => Err(format!(
            "xml:lang=\"{}\": Chinese (zh, zh-CN, cmn, …) and English (en, en-US, …) are spoken",
            super::shown(name)
        )),
    }
}

/// The longest name of a voice, in bytes.
const MAX_NAME: usize = 256;

/// Returns the name of a voice, checked.
pub fn voice(name: &str) -> Result<String, String> {
    let name = name.trim();
    match name.len() {
        0 => Err("<voice name=\"\">: the name is empty".into()),
        1..=MAX_NAME => Ok(name.to_string()),
        _ => Err(format!("<voice>: the name is longer than {MAX_NAME} bytes")),
    }
}

/// The pace that is normal: the N of `[speed_N]`.
const NORMAL: f64 = 5.0;
/// Percent of the normal pace that make one step of N.
const STEP: f64 = 12.5;

/// Returns the pace that a rate asks for; none is the pace outside of all markup.
pub fn speed(rate: &str) -> Result<Option<u8>, String> {
    let rate = rate.trim();
    let speed = match rate {
        "default" => return Ok(None),
        "x-slow" => 1,
        "slow" => 3,
        "medium" => 5,
        "fast" => 7,
        "x-fast" => 9,
        _ => {
            let percent = percent(rate).ok_or_else(|| {
                let known = "known: x-slow, slow, medium, fast, x-fast, default, 80%, -20%, +20%";
                format!("<prosody rate=\"{}\">: not a pace; {known}", super::shown(rate))
            })?;
            // A cast saturates, and the range is what a u8 holds.
            (NORMAL + (percent - 100.0) / STEP).round().clamp(0.0, 9.0) as u8
        }
    };
    Ok(Some(speed))
}

/// Reads a percentage of the normal pace: `80%`, or by how much it differs, `-20%`.
fn percent(rate: &str) -> Option<f64> {
    let number = rate.strip_suffix('%')?;
    match (number.strip_prefix('+'), number.strip_prefix('-')) {
        (Some(more), _) => Some(100.0 + decimal(more)?),
        (_, Some(less)) => Some(100.0 - decimal(less)?),
        _ => decimal(number),
    }
}

/// Reads a decimal number without a sign.
fn decimal(number: &str) -> Option<f64> {
    let plain = number.len() <= 20 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| number.parse().ok())?
}

/// Says how a pause is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pause {
    /// As the model makes it.
    Token(&'static str),
    /// Seconds that nothing is spoken.
    Silence(f64),
}

/// The longest silence, in seconds.
pub const MAX_SILENCE: f64 = 60.0;
/// The longest pauses of the two kinds that the model is asked for, in seconds.
const SHORT: f64 = 0.35;
const LONG: f64 = 0.7;

/// The strengths of a break, and how long each is in seconds.
const STRENGTHS: [(&str, f64); 6] =
    [("none", 0.0), ("x-weak", 0.15), ("weak", 0.25), ("medium", 0.5), ("strong", 0.8), ("x-strong", 1.2)];

/// Returns the pause that a break asks for, if it is one.
pub fn pause(time: Option<&str>, strength: Option<&str>) -> Result<Option<Pause>, String> {
    let strength = strength.unwrap_or("medium").trim();
    let Some((_, usual)) = STRENGTHS.iter().find(|(name, _)| *name == strength) else {
        let known = STRENGTHS.map(|(name, _)| name).join(", ");
        return Err(format!("<break strength=\"{}\">: known: {known}", super::shown(strength)));
    };
    let seconds = match time {
        None => *usual,
        Some(time) => seconds(time.trim()).ok_or_else(|| {
            format!("<break time=\"{}\">: a time is written as 500ms or 1.5s", super::shown(time))
        })?,
    };
    match seconds {
        s if s > MAX_SILENCE => Err(format!("<break> of {s} s; at most {MAX_SILENCE} s are accepted")),
        s if s > LONG => Ok(Some(Pause::Silence(s))),
        s if s > SHORT => Ok(Some(Pause::Token("[lbreak]"))),
        s if s > 0.0 => Ok(Some(Pause::Token("[uv_break]"))),
        _ => Ok(None),
    }
}

fn seconds(time: &str) -> Option<f64> {
    match (time.strip_suffix("ms"), time.strip_suffix('s')) {
        (Some(number), _) => Some(decimal(number)? / 1000.0),
        (_, Some(number)) => decimal(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_paces() {
        for (rate, expected) in [
            ("default", None),
            ("x-slow", Some(1)),
            ("medium", Some(5)),
            (" x-fast ", Some(9)),
            ("100%", Some(5)),
            ("50%", Some(1)),
            ("80%", Some(3)),
            ("-20%", Some(3)),
            ("+20%", Some(7)),
            ("+0%", Some(5)),
            ("112.5%", Some(6)),
            ("500%", Some(9)),
            ("-100%", Some(0)),
            ("0%", Some(0)),
        ] {
            assert_eq!(speed(rate), Ok(expected), "{rate}");
        }
        for bad in ["", "%", "quick", "1.2.3%", "+-5%", "NaN%", "inf%", "1e3%", "80", "８０%"] {
            assert!(speed(bad).unwrap_err().contains("known: x-slow"), "{bad}");
        }
    }

    #[test]
    fn breaks_are_tokens_or_silence() {
        use Pause::{Silence, Token};
        for (time, strength, expected) in [
            (None, None, Some(Token("[lbreak]"))),
            (None, Some("none"), None),
            (None, Some("x-weak"), Some(Token("[uv_break]"))),
            (None, Some("weak"), Some(Token("[uv_break]"))),
            (None, Some("strong"), Some(Silence(0.8))),
            (None, Some("x-strong"), Some(Silence(1.2))),
            (Some("0s"), None, None),
            (Some("0ms"), Some("strong"), None),
            (Some("350ms"), None, Some(Token("[uv_break]"))),
            (Some("351ms"), None, Some(Token("[lbreak]"))),
            (Some("0.7s"), Some("none"), Some(Token("[lbreak]"))),
            (Some(" 1.5s "), None, Some(Silence(1.5))),
            (Some("60000ms"), None, Some(Silence(60.0))),
        ] {
            assert_eq!(pause(time, strength), Ok(expected), "{time:?} {strength:?}");
        }
        for (time, strength, message) in [
            (Some("61s"), None, "at most 60 s"),
            (Some("-1s"), None, "500ms or 1.5s"),
            (Some("1"), None, "500ms or 1.5s"),
            (Some("s"), None, "500ms or 1.5s"),
            (Some("1 s"), None, "500ms or 1.5s"),
            (Some("1m"), None, "500ms or 1.5s"),
            (None, Some("huge"), "x-weak, weak, medium"),
        ] {
            let error = pause(time, strength).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn languages_have_regions() {
        for name in ["zh", "zh-CN", "ZH_cn", "cmn-Hans-CN"] {
            assert_eq!(language(name), Ok(Some(Language::Chinese)));
        }
        assert_eq!(language("en-GB"), Ok(Some(Language::English)));
        assert_eq!(language(""), Ok(None));
        assert!(language("ja-JP").unwrap_err().contains("ja-JP"));
    }
}
