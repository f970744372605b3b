//! Reads a JSON value as the type that its key asks for.

use serde_json::Value;

use crate::message::cut;
use crate::sampling::NoiseMode;
use crate::speech::Lang;
use crate::text::Pronounce;

/// The most bytes of a value that a message shows.
const MAX_SHOWN: usize = 60;

/// The largest whole number that is exact when it is written with a point.
const MAX_EXACT: f64 = (1u64 << 53) as f64;

/// A value, and the key under which it stands.
pub struct Field<'a> {
    pub key: &'a str,
    pub value: &'a Value,
}

impl Field<'_> {
    pub fn expected(&self, expected: &str) -> String {
        format!("`{}`: found {}, expected {expected}", self.key, found(self.value))
    }

    pub fn string(&self) -> Result<String, String> {
        self.value.as_str().map(str::to_string).ok_or_else(|| self.expected("a string"))
    }

    pub fn string_or_number(&self) -> Result<String, String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.expected("a string or a number")),
        }
    }

    pub fn truth(&self) -> Result<bool, String> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    pub fn whole(&self, least: u64, most: u64, expected: &str) -> Result<u64, String> {
        // A table with holes in a column is exported with a point in every number of it.
        let exact = |number: f64| (0.0..=MAX_EXACT).contains(&number) && number.fract() == 0.0;
        let pointed = || self.value.as_f64().filter(|number| exact(*number)).map(|number| number as u64);
        let number = self.value.as_u64().or_else(pointed);
        number.filter(|n| (least..=most).contains(n)).ok_or_else(|| self.expected(expected))
    }

    pub fn count(&self, least: u64) -> Result<usize, String> {
        let expected = format!("a whole number, at least {least}");
        let number = self.whole(least, u64::MAX, &expected)?;
        usize::try_from(number).map_err(|_| self.expected(&expected))
    }

    pub fn number(&self, expected: &str, is_fit: impl Fn(f64) -> bool) -> Result<f64, String> {
        self.value.as_f64().filter(|number| is_fit(*number)).ok_or_else(|| self.expected(expected))
    }

    pub fn temperatures(&self) -> Result<Vec<f32>, String> {
        let expected = "a number above 0, or an array of such numbers, one per codebook";
        let one = |value: &Value| value.as_f64().filter(|t| is_positive(*t)).map(|t| t as f32);
        let all = match self.value {
            Value::Array(values) if !values.is_empty() => values.iter().map(one).collect(),
            Value::Array(_) => None,
            value => one(value).map(|t| vec![t]),
        };
        all.ok_or_else(|| self.expected(expected))
    }

    pub fn language(&self) -> Result<Lang, String> {
        match self.value.as_str() {
            Some("auto") => Ok(Lang::Auto),
            Some("zh") => Ok(Lang::Zh),
            Some("en") => Ok(Lang::En),
            _ => Err(self.expected("\"auto\", \"zh\" or \"en\"")),
        }
    }

    pub fn words(&self) -> Result<Pronounce, String> {
        let expected = || self.expected("an object of words and what is spoken for them");
        let entry = |(word, spoken): (&String, &Value)| Some((word.clone(), spoken.as_str()?.to_string()));
        let entries: Option<Vec<_>> =
            self.value.as_object().and_then(|words| words.iter().map(entry).collect());
        Pronounce::new(entries.ok_or_else(expected)?).map_err(|reason| format!("`{}`: {reason}", self.key))
    }

    pub fn rng(&self) -> Result<NoiseMode, String> {
        match self.value.as_str() {
            Some("repeat") => Ok(NoiseMode::Repeat),
            Some("stream") => Ok(NoiseMode::Stream),
            _ => Err(self.expected("\"repeat\" or \"stream\"")),
        }
    }
}

/// Tells whether a number is above 0 in single precision too, and finite in it.
pub fn is_positive(number: f64) -> bool {
    let single = number as f32;
    single > 0.0 && single.is_finite()
}

/// Describes a value for a message: its kind where that helps, and the value itself, cut if it is long.
pub(crate) fn found(value: &Value) -> String {
    let text = value.to_string();
    let short = cut(&text, MAX_SHOWN);
    let dots = if short.len() < text.len() { "…" } else { "" };
    let kind = match value {
        Value::String(_) => "the string ",
        Value::Array(_) => "the array ",
        Value::Object(_) => "the object ",
        _ => "",
    };
    // A string's quotes and escapes are JSON's; what is left for a terminal to act on is not printed.
    let short: String = short.chars().map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    format!("{kind}{short}{dots}")
}

/// Tells whether a character is a control character, invisible, or turns the text around it.
pub(crate) fn is_unseen(c: char) -> bool {
    let format = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    format || c.is_control()
}

/// Returns a role for a message, cut if it is long.
pub fn shown(role: &str) -> String {
    const MOST: usize = 40;
    match role.chars().count() > MOST {
        true => role.chars().take(MOST).chain(['…']).collect(),
        false => role.to_string(),
    }
}
