//! A call: who makes it, and how what goes wrong with it is told and recorded.

use axum::http::Extensions;
use serde_json::{Map, Value};
use tonic::{Response, Status};

use super::proto::chattts::{AudioFormat, SpeechSettings};
use super::status::status;
use crate::service::{Client, Refusal, RefusalKind, Ticket};

/// A call that is followed.
#[derive(Clone)]
pub struct Call {
    pub client: Client,
    pub ticket: Ticket,
}

impl Call {
    /// Returns the call of a request.
    ///
    /// # Errors
    /// A fault: nobody follows it.
    pub fn of(extensions: &Extensions) -> Result<Self, Status> {
        let (client, ticket) = (extensions.get::<Client>(), extensions.get::<Ticket>());
        match (client, ticket) {
            (Some(client), Some(ticket)) => Ok(Call { client: *client, ticket: ticket.clone() }),
            _ => Err(status(&Refusal::new(RefusalKind::Internal, "the service failed at this call"))),
        }
    }

    /// Returns an answer, or the status of a refusal, which is recorded.
    ///
    /// # Errors
    /// The status.
    pub fn answer<T>(&self, answer: Result<T, Refusal>) -> Result<Response<T>, Status> {
        answer.map(Response::new).map_err(|refusal| {
            self.ticket.record().status = refusal.kind.status();
            self.refuse(&refusal)
        })
    }

    /// Records why an answer ends before its end, and returns the status of it.
    pub fn refuse(&self, refusal: &Refusal) -> Status {
        self.ticket.fail(refusal.kind);
        status(refusal)
    }
}

/// Returns settings as the fields that HTTP reads.
///
/// # Errors
/// A refusal of a format that there is not.
pub fn fields(settings: Option<SpeechSettings>) -> Result<Map<String, Value>, Refusal> {
    let settings = settings.unwrap_or_default();
    let format = AudioFormat::try_from(settings.response_format).map_err(|_| {
        let message =
            format!("`response_format`: found {}, expected an AudioFormat", settings.response_format);
        Refusal::of_written(message)
    })?;
    // JSON has no such numbers, and would have none in their places.
    let numbers = [
        ("speed", settings.speed),
        ("gap", settings.gap),
        ("normalize_loudness", settings.normalize_loudness),
        ("top_p", settings.top_p),
        ("repetition_penalty", settings.repetition_penalty),
    ];
    if let Some((field, _)) = numbers.iter().find(|(_, number)| number.is_some_and(|n| !n.is_finite())) {
        return Err(Refusal::of_written(format!("`{field}`: expected a number that is finite")));
    }
    let mut fields = object(settings)?;
    if format != AudioFormat::Unspecified {
        let name = format.as_str_name().trim_start_matches("AUDIO_FORMAT_").to_ascii_lowercase();
        fields.insert("response_format".into(), name.into());
    }
    Ok(fields)
}

/// Returns a message as an object.
///
/// # Errors
/// A fault: it is none.
pub fn object(message: impl serde::Serialize) -> Result<Map<String, Value>, Refusal> {
    match serde_json::to_value(message) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::new(RefusalKind::Internal, "the fields of the message cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{ResponseFormat, SpeechJob};
    use crate::speech::Overrides;

    fn job(settings: SpeechSettings) -> Result<SpeechJob, Refusal> {
        SpeechJob::of_settings(fields(Some(settings))?, &Overrides::default())
    }

    #[test]
    fn settings_are_read_as_those_of_http() {
        let settings = SpeechSettings {
            response_format: AudioFormat::Pcm as i32,
            voice: Some("alloy".into()),
            seed: Some(u64::MAX),
            temperature: vec![0.3, 0.4, 0.3, 0.3],
            top_k: Some(5),
            normalize_loudness: Some(-16.0),
            ..SpeechSettings::default()
        };
        let job_of = job(settings).unwrap();
        let overrides = &job_of.request.overrides;
        assert_eq!((job_of.format, overrides.role.as_deref()), (ResponseFormat::Pcm, Some("alloy")));
        assert_eq!((overrides.sampling.seed, overrides.sampling.top_k), (Some(u64::MAX), Some(5)));
        assert_eq!(overrides.sampling.temperature.as_deref(), Some(&[0.3, 0.4, 0.3, 0.3][..]));
        assert_eq!(overrides.normalize_loudness, Some(-16.0));
        let default = job(SpeechSettings::default()).unwrap();
        assert_eq!((default.format, default.request.overrides.refine), (ResponseFormat::Mp3, None));
    }

    #[test]
    fn what_is_wrong_names_the_field() {
        for (settings, field) in [
            (SpeechSettings { response_format: 77, ..Default::default() }, "response_format"),
            (SpeechSettings { speed: Some(f64::NAN), ..Default::default() }, "speed"),
            (SpeechSettings { speed: Some(9.0), ..Default::default() }, "speed"),
            (SpeechSettings { top_p: Some(f64::INFINITY), ..Default::default() }, "top_p"),
            (SpeechSettings { lang: Some("de".into()), ..Default::default() }, "lang"),
            (SpeechSettings { voice: Some(String::new()), ..Default::default() }, "voice"),
            (SpeechSettings { model: Some("gpt-5".into()), ..Default::default() }, "model"),
        ] {
            assert_eq!(job(settings.clone()).unwrap_err().param.as_deref(), Some(field), "{settings:?}");
        }
    }
}
