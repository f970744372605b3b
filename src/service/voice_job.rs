//! Voices as clients ask for them: as JSON, or as a form with a spoken sample.

use serde_json::{Map, Value};

use super::job::{check_known, object, text};
use super::store::SAMPLE;
use super::{Refusal, RefusalKind};
use crate::message::unknown;
use crate::speech::is_audio;
use crate::text::{NormalizeOptions, normalize};
use crate::voice::check_name;

/// The most characters of a note.
const MAX_NOTE: usize = 1_000;
/// The fields of a voice in JSON, and of a form. OpenAI's and those of other servers are among the latter: `consent` is
/// somebody else's record, and not looked at.
const FIELDS: [&str; 4] = ["name", "voice", "text", "description"];
const FORM_FIELDS: [&str; 7] =
    ["name", SAMPLE, "text", "ref_text", "description", "speaker_description", "consent"];

/// A voice that a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceJob {
    /// The name by which requests will ask for it.
    pub name: String,
    /// What it is made of.
    pub source: VoiceSource,
    /// A note about it.
    pub note: Option<String>,
}

/// What a voice is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum VoiceSource {
    /// A recording, as a file, and what is said in it.
    Sample {
        /// The file.
        bytes: Vec<u8>,
        /// What is said.
        text: String,
    },
    /// A voice as it is written: a seed, a string, a mix.
    Written {
        /// The voice.
        voice: String,
        /// What a voice-prompt string says.
        text: Option<String>,
    },
}

/// Returns the fields of a voice in JSON.
pub fn voice_fields() -> Vec<&'static str> {
    FIELDS.to_vec()
}

/// Returns the fields of a form with a sample.
pub fn voice_form_fields() -> Vec<&'static str> {
    FORM_FIELDS.to_vec()
}

impl VoiceJob {
    /// Reads a voice in JSON.
    ///
    /// # Errors
    /// A refusal that names the field, what was found and what is expected.
    pub fn parse(body: &[u8], max_input: usize) -> Result<Self, Refusal> {
        let mut fields = object(body)?;
        check_known(&fields, &FIELDS)?;
        let name = name(text("name", fields.remove("name"))?)?;
        let voice = match fields.remove("voice") {
            Some(Value::Number(seed)) => seed.to_string(),
            other => text("voice", other)?.filter(|voice| !voice.trim().is_empty()).ok_or_else(|| {
                Refusal::of_written("`voice` is missing: a seed, a speaker string, a mix, …".into())
            })?,
        };
        let words = text("text", fields.remove("text"))?;
        let words = words.map(|words| spoken("text", words, max_input)).transpose()?;
        let note = note(text("description", fields.remove("description"))?)?;
        Ok(VoiceJob { name, source: VoiceSource::Written { voice, text: words }, note })
    }

    /// Reads a form, of which the texts and the sample have been received.
    ///
    /// # Errors
    /// As [`VoiceJob::parse`].
    pub fn of_form(
        mut fields: Map<String, Value>,
        sample: Option<Vec<u8>>,
        max_input: usize,
    ) -> Result<Self, Refusal> {
        let name = name(text("name", fields.remove("name"))?)?;
        let Some(bytes) = sample else {
            return Err(Refusal::of_written(format!(
                "`{SAMPLE}` is missing: a WAV, FLAC or MP3 file of a voice"
            )));
        };
        let mut either = |one: &str, other: &str| match (fields.remove(one), fields.remove(other)) {
            (Some(_), Some(_)) => {
                Err(Refusal::of_written(format!("`{one}` and `{other}` say the same thing; give one")))
            }
            (first, second) => text(one, first.or(second)),
        };
        let words = either("text", "ref_text")?.ok_or_else(|| {
            Refusal::of_written("`text` is missing: what the sample says, word for word".into())
        })?;
        let note = note(either("description", "speaker_description")?)?;
        Ok(VoiceJob {
            name,
            source: VoiceSource::Sample { bytes, text: spoken("text", words, max_input)? },
            note,
        })
    }

    /// Refuses a field that no form has.
    ///
    /// # Errors
    /// A refusal that names the nearest one.
    pub fn check_form_field(name: &str) -> Result<(), Refusal> {
        match FORM_FIELDS.contains(&name) {
            true => Ok(()),
            false => Err(Refusal::of_field(RefusalKind::Parameter, name, unknown(name, &FORM_FIELDS))),
        }
    }
}

fn name(name: Option<String>) -> Result<String, Refusal> {
    let Some(name) = name else {
        return Err(Refusal::of_written("`name` is missing: the name of the voice".into()));
    };
    let refused = |message: String| Refusal::of_field(RefusalKind::Parameter, "name", message);
    check_name(&name).map_err(|error| refused(error.to_string()))?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) || is_audio(&name) {
        return Err(refused("`name`: a number is a seed, and a file's name a file; write a word".into()));
    }
    Ok(name)
}

fn note(note: Option<String>) -> Result<Option<String>, Refusal> {
    match note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE) {
        true => Err(Refusal::of_written(format!("`description`: at most {MAX_NOTE} characters are kept"))),
        false => Ok(note),
    }
}

/// Refuses words of which nothing is spoken.
fn spoken(field: &str, words: String, max_input: usize) -> Result<String, Refusal> {
    let length = words.chars().count();
    if length > max_input {
        return Err(Refusal::of_written(format!(
            "`{field}` has {length} characters; {max_input} at most are taken"
        )));
    }
    if normalize(&words, &NormalizeOptions::default()).text.trim().is_empty() {
        return Err(Refusal::of_written(format!(
            "`{field}`: nothing in it is spoken; give what the sample says"
        )));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<VoiceJob, Refusal> {
        VoiceJob::parse(json.as_bytes(), 20)
    }

    fn form(fields: Value, sample: bool) -> Result<VoiceJob, Refusal> {
        let Value::Object(fields) = fields else { panic!("no object") };
        VoiceJob::of_form(fields, sample.then(|| vec![1]), 20)
    }

    #[test]
    fn voices_are_read_from_json_and_forms() {
        let job = parse(r#"{"name": "anna", "voice": 7, "description": "calm"}"#).unwrap();
        let source = VoiceSource::Written { voice: "7".into(), text: None };
        assert_eq!(job, VoiceJob { name: "anna".into(), source, note: Some("calm".into()) });
        let fields = serde_json::json!({"name": "旁白", "ref_text": "你好。", "consent": "cons_1"});
        let source = VoiceSource::Sample { bytes: vec![1], text: "你好。".into() };
        assert_eq!(form(fields, true).unwrap(), VoiceJob { name: "旁白".into(), source, note: None });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_field() {
        for (rest, param, message) in [
            (r#""voice": 7"#, "name", "is missing"),
            (r#""name": "../x", "voice": 7"#, "name", "no role's name"),
            (r#""name": "7", "voice": 7"#, "name", "a number is a seed"),
            (r#""name": "a.wav", "voice": 7"#, "name", "a file's name"),
            (r#""name": "a.pt", "voice": 7"#, "name", "no role's name"),
            (r#""name": 7, "voice": 7"#, "name", "a string"),
            (r#""name": "a""#, "voice", "is missing"),
            (r#""name": "a", "voice": "7", "text": "😀""#, "text", "nothing in it is spoken"),
            (r#""name": "a", "vioce": "7""#, "vioce", "did you mean `voice`?"),
            (r#""name": "a", "voice": "7", "text": "123456789012345678901""#, "text", "20 at most"),
        ] {
            let refusal = parse(&format!("{{{rest}}}")).unwrap_err();
            assert_eq!(
                (refusal.kind, refusal.param.as_deref()),
                (RefusalKind::Parameter, Some(param)),
                "{rest}"
            );
            assert!(refusal.message.contains(message), "{rest}: {refusal}");
        }
        let named = |more: Value| {
            let mut fields = serde_json::json!({"name": "a"});
            let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) else { panic!() };
            fields.extend(more);
            Value::Object(fields.clone())
        };
        for (more, sample, message) in [
            (serde_json::json!({"text": "hi"}), false, "`audio_sample` is missing"),
            (serde_json::json!({}), true, "`text` is missing"),
            (serde_json::json!({"text": "hi", "ref_text": "hi"}), true, "give one"),
            (serde_json::json!({"text": "😀"}), true, "nothing in it is spoken"),
            (serde_json::json!({"text": "hi", "description": "x".repeat(1_001)}), true, "1000 characters"),
        ] {
            let refusal = form(named(more.clone()), sample).unwrap_err();
            assert!(refusal.message.contains(message), "{more}: {refusal}");
        }
        assert!(VoiceJob::check_form_field("audio_sampel").unwrap_err().message.contains("`audio_sample`?"));
    }
}
