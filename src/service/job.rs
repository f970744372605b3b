//! Requests as clients write them: OpenAI's fields, and the settings of this program beside them.

use serde_json::{Map, Value};

use super::conversation::{self, Conversation};
use super::{Delivery, Refusal, RefusalKind, ResponseFormat};
use crate::error::Visible;
use crate::message::unknown;
use crate::speech::{MarkupOverrides, Overrides, ReadingOverrides, SpeechRequest};

/// The names of the one model that is served.
pub const MODELS: [&str; 4] = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "chattts"];

/// The fields of a speech request that are not settings of this program.
const OWN_FIELDS: [&str; 7] =
    ["model", "input", "voice", "response_format", "stream_format", "stream", "instructions"];
/// The settings that a request cannot have: they name files.
pub(super) const NOT_HERE: [&str; 2] = ["voice_codes", "voice_text"];

/// A speech that a client asks for.
#[derive(Clone, Debug)]
pub struct SpeechJob {
    /// The text and its settings.
    pub request: SpeechRequest,
    /// The voice, if the client names one itself.
    pub voice: Option<String>,
    /// The format of the audio.
    pub format: ResponseFormat,
    /// The way in which it is delivered.
    pub delivery: Delivery,
    /// Number of characters of the text.
    pub characters: usize,
    /// The conversation that the text is, if it is one.
    pub conversation: Option<Box<Conversation>>,
}

/// A text of which a client asks how it is read.
#[derive(Clone, Debug)]
pub struct NormalizeJob {
    /// The text.
    pub input: String,
    /// The settings of reading.
    pub overrides: Overrides,
}

/// Returns the fields that a speech request may have.
pub fn speech_fields() -> Vec<&'static str> {
    let settings = Overrides::keys().into_iter().filter(|key| !NOT_HERE.contains(key));
    OWN_FIELDS.into_iter().chain(conversation::FIELDS).chain(settings).chain(["no_decoder"]).collect()
}

/// Returns the fields that a request to normalize may have.
pub fn normalize_fields() -> Vec<&'static str> {
    [vec!["input", "normalize"], ReadingOverrides::keys(), MarkupOverrides::keys()].concat()
}

impl SpeechJob {
    /// Reads a request; `base` are the settings that it does not give.
    ///
    /// # Errors
    /// A refusal that names the field, what was found and what is expected.
    pub fn parse(body: &[u8], max_input: usize, base: &Overrides) -> Result<Self, Refusal> {
        SpeechJob::of(object(body)?, max_input, base)
    }

    /// Makes a job of the fields of a request.
    ///
    /// # Errors
    /// As [`SpeechJob::parse`].
    pub fn of(mut fields: Map<String, Value>, max_input: usize, base: &Overrides) -> Result<Self, Refusal> {
        check_known(&fields, &speech_fields())?;
        check_model(fields.remove("model"))?;
        let input = input(fields.remove("input"), max_input)?;
        let mut conversation = Conversation::take(&mut fields)?;
        if let Some(conversation) = &mut conversation {
            conversation.set_text(&input)?;
        }
        let mut job = SpeechJob::of_settings(fields, base)?;
        job.conversation = conversation.map(Box::new);
        job.characters = input.chars().count();
        job.request.text = input;
        Ok(job)
    }

    /// Makes a job without a text, for texts that are to come.
    ///
    /// # Errors
    /// As [`SpeechJob::parse`].
    pub fn of_settings(mut fields: Map<String, Value>, base: &Overrides) -> Result<Self, Refusal> {
        if Conversation::take(&mut fields)?.is_some() {
            return Err(Refusal::of_written(
                "`dialogue`: a text that comes in pieces is no conversation".into(),
            ));
        }
        let known: Vec<&str> = speech_fields().into_iter().filter(|field| *field != "input").collect();
        check_known(&fields, &known)?;
        check_model(fields.remove("model"))?;
        let voice = voice(fields.remove("voice"))?;
        let format = match text("response_format", fields.remove("response_format"))? {
            Some(name) => ResponseFormat::parse(&name)?,
            None => ResponseFormat::default(),
        };
        let delivery = delivery(fields.remove("stream_format"), fields.remove("stream"))?;
        // The model takes no instructions; clients that send them to any model are served all the same.
        text("instructions", fields.remove("instructions"))?;
        if let Some(voice) = voice {
            let other = fields.insert("role".into(), Value::String(voice));
            if other.is_some_and(|other| !other.is_null()) {
                return Err(Refusal::of_written("`role` and `voice` say the same thing; give one".into()));
            }
        }
        let overrides = settings(fields)?;
        let voice = overrides.role.clone();
        let overrides = overrides.over(base)?;
        overrides.validate()?;
        let request = SpeechRequest::new("").with(overrides);
        Ok(SpeechJob { request, voice, format, delivery, characters: 0, conversation: None })
    }
}

impl NormalizeJob {
    /// Reads a request; `base` are the settings that it does not give.
    ///
    /// # Errors
    /// As [`SpeechJob::parse`].
    pub fn parse(body: &[u8], max_input: usize, base: &Overrides) -> Result<Self, Refusal> {
        NormalizeJob::of(object(body)?, max_input, base)
    }

    /// Makes a job of the fields of a request.
    ///
    /// # Errors
    /// As [`SpeechJob::parse`].
    pub fn of(mut fields: Map<String, Value>, max_input: usize, base: &Overrides) -> Result<Self, Refusal> {
        check_known(&fields, &normalize_fields())?;
        let input = input(fields.remove("input"), max_input)?;
        let overrides = settings(fields)?.over(base)?;
        overrides.validate()?;
        Ok(NormalizeJob { input, overrides })
    }
}

/// Reads an object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let not_json = |e: serde_json::Error| {
        Refusal::new(RefusalKind::Parameter, format!("the body is not the JSON object it should be: {e}"))
    };
    serde_json::from_slice(body).map_err(not_json)
}

/// Refuses fields that are not known.
pub(super) fn check_known(fields: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Refusal::of_field(RefusalKind::Parameter, key, unknown(key, known))),
        None => Ok(()),
    }
}

fn settings(fields: Map<String, Value>) -> Result<Overrides, Refusal> {
    let read = serde_json::from_value::<Overrides>(Value::Object(fields));
    read.map_err(|e| Refusal::of_written(Visible(e).to_string()))
}

pub(super) fn text(name: &str, value: Option<Value>) -> Result<Option<String>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::of_written(format!("`{name}`: expected a string"))),
    }
}

/// Refuses a model that is not served here.
pub(crate) fn check_model_name(name: &str) -> Result<(), Refusal> {
    if MODELS.contains(&name) {
        return Ok(());
    }
    let name = crate::speech::shown(name);
    let message = format!("there is no model {}; {} are served", Visible(name), MODELS.join(", "));
    Err(Refusal::of_field(RefusalKind::Model, "model", message))
}

fn check_model(model: Option<Value>) -> Result<(), Refusal> {
    text("model", model)?.map_or(Ok(()), |name| check_model_name(&name))
}

fn input(input: Option<Value>, most: usize) -> Result<String, Refusal> {
    let Some(input) = text("input", input)? else {
        return Err(Refusal::of_written("`input` is missing: the text to speak".into()));
    };
    if input.trim().is_empty() {
        return Err(Refusal::of_written("`input` is empty: there is nothing to speak".into()));
    }
    let length = input.chars().count();
    match length > most {
        true => {
            Err(Refusal::of_written(format!("`input` has {length} characters; {most} at most are taken")))
        }
        false => Ok(input),
    }
}

/// Reads a voice: a string, a number, or an object with an id.
fn voice(voice: Option<Value>) -> Result<Option<String>, Refusal> {
    let voice = match voice {
        Some(Value::Object(mut object)) => match object.remove("id") {
            Some(id) => Some(id),
            None => return Err(Refusal::of_written("`voice`: the object has no `id`".into())),
        },
        other => other,
    };
    match voice {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.trim().is_empty() => {
            Err(Refusal::of_written("`voice` is empty; leave it away for the default voice".into()))
        }
        Some(Value::String(name)) => Ok(Some(name.trim().to_string())),
        Some(Value::Number(seed)) => Ok(Some(seed.to_string())),
        Some(_) => Err(Refusal::of_written("`voice`: expected a string, or an object with an `id`".into())),
    }
}

fn delivery(format: Option<Value>, stream: Option<Value>) -> Result<Delivery, Refusal> {
    let streams = match stream {
        None | Some(Value::Null) => false,
        Some(Value::Bool(streams)) => streams,
        Some(_) => return Err(Refusal::of_written("`stream`: expected true or false".into())),
    };
    match text("stream_format", format)?.as_deref() {
        Some("audio") => Ok(Delivery::Audio),
        Some("sse") => Ok(Delivery::Events),
        Some(_) => Err(Refusal::of_written("`stream_format`: expected \"audio\" or \"sse\"".into())),
        None if streams => Ok(Delivery::Events),
        None => Ok(Delivery::Audio),
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
