//! Lines of a JSON Lines file: one object a line, with a text and its own settings; or rows of a table.

mod table;

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::name;
use crate::error::Visible;
use crate::message::unknown;
use crate::speech::Overrides;
use crate::speech::field::Field;

pub use table::{TableRow, csv_records, csv_rows, is_csv, json_rows};

/// Represents one line: its text, and the settings in which it differs from all other lines. A key whose value
/// is null counts as absent, as tables exported to JSON write it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The text to speak.
    pub text: String,
    /// The line's name: a string, or a number.
    pub id: Option<String>,
    /// The line's file, inside the output folder; [`super::checked_out`] accepts it.
    pub out: Option<String>,
    /// Who says it, in a conversation.
    pub speaker: Option<String>,
    /// All other settings of the line.
    pub overrides: Overrides,
}

impl Row {
    /// Returns the keys that are known.
    pub fn keys() -> Vec<&'static str> {
        [vec!["text", "id", "out", "speaker"], Overrides::all_keys()].concat()
    }

    /// Reads one line.
    ///
    /// # Errors
    /// A sentence with the key, what was found and what is expected. The caller adds the place of the line.
    pub fn parse(line: &str) -> Result<Self, String> {
        Row::read(line).map_err(|reason| Visible(reason).to_string())
    }

    fn read(line: &str) -> Result<Self, String> {
        let mut keys: Vec<String> = Vec::new();
        let mut row = Row::default();
        let mut text = None;
        for (key, written) in object(line)? {
            if keys.contains(&key) {
                return Err(format!("`{key}` is given twice"));
            }
            let value: Value = serde_json::from_str(written.get())
                .map_err(|e| format!("not JSON: {} in `{key}`", said(&e)))?;
            let field = Field { key: &key, value: &value };
            match key.as_str() {
                "text" | "id" | "out" | "speaker" if value.is_null() => {}
                "text" => text = Some(field.string()?),
                "speaker" => row.speaker = Some(field.string_or_number()?),
                // A number stays as it is written: in double precision long ones would become one.
                "id" if value.is_number() => row.id = Some(written.get().to_string()),
                "id" => row.id = Some(field.string_or_number()?),
                "out" => {
                    let out = field.string()?;
                    name::check(&out).map_err(|reason| format!("`out`: {reason}"))?;
                    row.out = Some(out);
                }
                _ if row.overrides.set_json(&key, &value)? => {}
                _ => return Err(unknown(&key, &Row::keys())),
            }
            keys.push(key);
        }
        row.text = text.ok_or("`text` is missing")?;
        for [key, other] in [["decoder", "no_decoder"], ["voice_codes", "voice"]] {
            if [key, other].iter().all(|key| keys.iter().any(|k| k == key)) {
                return Err(format!("`{key}` and `{other}` say the same thing; give one"));
            }
        }
        row.overrides.check_written()?;
        Ok(row)
    }
}

/// Reads the keys and values of a JSON object, in their order, including repeated keys.
fn object(line: &str) -> Result<Vec<(String, Box<RawValue>)>, String> {
    // Editors put a byte-order mark in front of a file's first line.
    let line = line.trim_start_matches('\u{feff}');
    let mut json = serde_json::Deserializer::from_str(line);
    let pairs = json.deserialize_map(Pairs).and_then(|pairs| json.end().map(|()| pairs));
    pairs.map_err(|e| match e.classify() {
        serde_json::error::Category::Data => said(&e),
        _ => format!("not JSON: {} at column {}", said(&e), e.column()),
    })
}

/// Returns an error's message without its place, whose line would be counted within the line.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said).to_string()
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object such as {\"text\": \"…\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::NoiseMode;
    use crate::speech::{Lang, MarkupOverrides, ReadingOverrides, SamplingOverrides};

    fn row(rest: &str) -> Result<Row, String> {
        Row::parse(&format!(r#"{{"text": "hi", {rest}}}"#))
    }

    #[test]
    fn every_key_is_read() {
        let row = Row::parse(
            r#"{"text": "你好", "id": 7, "out": "a/b.wav", "speaker": "Anna", "role": 2222, "role_text": "words", "seed": 18446744073709551615,
                "prompt": "[oral_2] speed_3", "speed": 1.25, "refine": true, "temperature": [0.1, 0.2, 0.3, 0.4],
                "top_p": 1, "top_k": 5, "repetition_penalty": 1.5, "max_tokens": 100, "min_tokens": 10,
                "sample_rate": 16000, "voice_codes": "v.safetensors", "voice_text": "said", "no_decoder": true,
                "normalize": false, "lang": "zh", "strict": true, "name_emoji": false, "ssml": false, "markdown": false, "rng": "stream", "split": true, "trim": false, "normalize_loudness": -16}"#,
        );
        let sampling = SamplingOverrides {
            seed: Some(u64::MAX),
            temperature: Some(vec![0.1, 0.2, 0.3, 0.4]),
            top_p: Some(1.0),
            top_k: Some(5),
            repetition_penalty: Some(1.5),
            max_tokens: Some(100),
            min_tokens: Some(10),
            rng: Some(NoiseMode::Stream),
        };
        let reading = ReadingOverrides {
            lang: Some(Lang::Zh),
            strict: Some(true),
            name_emoji: Some(false),
            pronounce: None,
        };
        let overrides = Overrides {
            role: Some("2222".into()),
            role_text: Some("words".into()),
            prompt: Some("[oral_2] speed_3".into()),
            speed: Some(1.25),
            refine: Some(true),
            sample_rate: Some(16000),
            voice_codes: Some("v.safetensors".into()),
            voice_text: Some("said".into()),
            decoder: Some(false),
            normalize: Some(false),
            split: Some(true),
            trim: Some(false),
            normalize_loudness: Some(-16.0),
            sampling,
            reading,
            markup: MarkupOverrides { ssml: Some(false), markdown: Some(false) },
        };
        let (text, id, out) = ("你好".into(), Some("7".into()), Some("a/b.wav".into()));
        let expected = Row { text, id, out, speaker: Some("Anna".into()), overrides };
        assert_eq!(row.as_ref(), Ok(&expected));
        let tags = expected.overrides.tags().unwrap();
        assert_eq!((tags.refining.as_str(), tags.speech.as_deref()), ("[oral_2]", Some("[speed_3]")));
    }

    #[test]
    fn what_is_null_is_not_there_and_whole_numbers_may_have_a_point() {
        let nulls: Vec<String> = Row::keys()[1..]
            .iter()
            .filter(|k| !["decoder", "voice"].contains(*k))
            .map(|k| format!("\"{k}\":null"))
            .collect();
        assert_eq!(row(&nulls.join(",")).unwrap(), Row { text: "hi".into(), ..Row::default() });
        let found = row(r#""seed": 42.0, "temperature": 1, "id": "a", "decoder": true"#).unwrap();
        let Overrides { sampling, decoder, .. } = found.overrides;
        assert_eq!((sampling.seed, sampling.temperature, decoder), (Some(42), Some(vec![1.0]), Some(true)));
        assert_eq!(Row::parse("\u{feff} {\"text\": \"\"}\r\n").unwrap(), Row::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key_what_was_found_and_what_is_expected() {
        let cases = [
            (r#""id": true"#, "`id`: found true, expected a string or a number"),
            (r#""out": "../x.wav""#, "`out`: ../x.wav: `..` leads out"),
            (r#""role": [1]"#, "`role`: found the array [1], expected"),
            (r#""seed": -1"#, "`seed`: found -1, expected a whole number from 0"),
            (r#""seed": 1.5"#, "`seed`: found 1.5, expected a whole number"),
            (r#""seed": 18446744073709551616"#, "`seed`: found 1.8446744073709552e+19"),
            (r#""seed": "42""#, "`seed`: found the string \"42\", expected a whole number"),
            (r#""prompt": "[sing_1]""#, "`prompt`: unknown control tag [sing_1]"),
            (r#""prompt": "[oral_1][oral_2]""#, "`prompt`: [oral_N] is given twice"),
            (r#""speed": 10"#, "`speed`: found 10, expected a number from 0.25 to 4"),
            (r#""speed": 0"#, "the model's own pace is the tag [speed_N] of a prompt"),
            (r#""refine": 1"#, "`refine`: found 1, expected true or false"),
            (r#""refine": false, "prompt": "[oral_2]""#, "`refine`: false contradicts [oral_2]"),
            (r#""temperature": 0"#, "`temperature`: found 0, expected a number above 0, or an array"),
            (r#""temperature": []"#, "`temperature`: found the array []"),
            (r#""temperature": [0.3, "x"]"#, "`temperature`: found the array [0.3,\"x\"]"),
            (r#""temperature": 1e300"#, "`temperature`: found 1e+300"),
            (r#""top_p": 1.1"#, "`top_p`: found 1.1, expected a number above 0 and at most 1"),
            (r#""top_k": 0"#, "`top_k`: found 0, expected a whole number, at least 1"),
            (r#""repetition_penalty": -1"#, "`repetition_penalty`: found -1, expected"),
            (r#""max_tokens": 0"#, "`max_tokens`: found 0"),
            (r#""min_tokens": 9, "max_tokens": 8"#, "`min_tokens`: 9 is more than `max_tokens`, 8"),
            (r#""sample_rate": 0"#, "`sample_rate`: found 0, expected samples per second"),
            (r#""voice": "v""#, "without `voice_text`"),
            (r#""voice": "anna""#, "a voice's name is `role`"),
            (r#""voice_text": "v""#, "without `voice_codes`"),
            (r#""voice": "v", "voice_codes": "v", "voice_text": "t""#, "say the same thing"),
            (r#""decoder": true, "no_decoder": false"#, "say the same thing"),
            (r#""rng": "Repeat""#, "`rng`: found the string \"Repeat\", expected \"repeat\" or \"stream\""),
            (r#""lang": "de""#, "`lang`: found the string \"de\", expected \"auto\", \"zh\" or \"en\""),
            (r#""ssml": true, "markdown": true"#, "`ssml` contradicts `markdown`"),
            (r#""normalize": false, "ssml": true"#, "`normalize`: false leaves"),
            (r#""seed": 1, "seed": 1"#, "`seed` is given twice"),
            (r#""text": "again""#, "`text` is given twice"),
        ];
        for (rest, expected) in cases {
            let error = row(rest).unwrap_err();
            assert!(error.contains(expected), "{rest}: {error}");
        }
    }

    #[test]
    fn an_id_that_is_a_number_stays_as_it_is_written() {
        for id in ["99999999999999999999", "99999999999999999998", "-0", "1.50", "7", "1E3"] {
            assert_eq!(row(&format!("\"id\": {id}")).unwrap().id.as_deref(), Some(id));
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let nearest = [
            ("tempreature", "temperature"),
            ("top-p", "top_p"),
            ("Seed", "seed"),
            ("speaker_text", "speaker"),
            ("normalise", "normalize"),
            ("no_normalize", "normalize"),
            ("max_token", "max_tokens"),
        ];
        for (key, known) in nearest {
            let error = row(&format!("\"{key}\": 1")).unwrap_err();
            assert!(error.starts_with(&format!("unknown key `{key}`")), "{error}");
            assert!(error.contains(&format!("`{known}`")), "{error}");
        }
        let error = row(r#""xyzzy": 1"#).unwrap_err();
        assert!(error.contains("unknown key `xyzzy`; known: text, id, out"), "{error}");
    }

    #[test]
    fn a_line_that_is_no_object_or_has_no_text_is_refused() {
        let cases = [
            ("{}", "`text` is missing"),
            (r#"{"text": null}"#, "`text` is missing"),
            (r#"{"text": 5}"#, "`text`: found 5, expected a string"),
            ("[1]", "expected an object such as"),
            ("hello", "not JSON: expected value at column 1"),
            ("", "not JSON: EOF while parsing a value at column 0"),
            (r#"{"text": "a"} x"#, "not JSON: trailing characters at column 15"),
            (r#"{"text": "a",}"#, "not JSON: trailing comma at column 14"),
            (r#"{"text": "a"#, "not JSON: EOF while parsing a string"),
            (r#"{"text": NaN}"#, "not JSON: expected value at column 10"),
        ];
        for (line, expected) in cases {
            let error = Row::parse(line).unwrap_err();
            assert!(error.contains(expected) && !error.contains("line 1"), "{line}: {error}");
        }
    }

    #[test]
    fn a_long_or_hidden_value_is_shown_in_short() {
        let error = row(&format!(r#""rng": "{}""#, "长".repeat(100))).unwrap_err();
        assert!(error.contains("长…, expected") && error.len() < 150, "{error}");
        for hostile in ["\"rng\": \"a\u{202e}b\u{85}\"", "\"prompt\": \"[oral\u{9b}2J\u{202e}]\""] {
            let error = row(hostile).unwrap_err();
            assert!(!error.contains(['\u{202e}', '\u{85}', '\u{9b}']), "{error:?}");
        }
    }
}
