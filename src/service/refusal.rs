//! Refusals: why a request gets no speech, in the terms of every face.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// The kind of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// A field is missing, unknown or out of its range.
    Parameter,
    /// The text or its markup cannot be spoken as it is.
    Text,
    /// The voice is not known here.
    Voice,
    /// There is no voice of the name that the address has.
    NoVoice,
    /// What is asked for contradicts what there is, such as a voice whose name is taken.
    Conflict,
    /// The body is of a type that is not read.
    MediaType,
    /// The key is missing or not known.
    Key,
    /// A page of another site sends it, without a key.
    Origin,
    /// The model is not the one that is served.
    Model,
    /// Nothing has that address.
    Address,
    /// The address does not take that method.
    Method,
    /// The address speaks WebSocket, and the client does not.
    Upgrade,
    /// The text or the body is too long.
    TooLarge,
    /// The body did not come in time.
    Slow,
    /// As many requests wait as may.
    Busy,
    /// The model ended before it spoke; another seed may help.
    Speechless,
    /// The service is loading its model, ends, or has lost its devices.
    Unavailable,
    /// The speech took longer than is allowed.
    Late,
    /// The client has gone.
    Gone,
    /// A fault of the service.
    Internal,
}

impl RefusalKind {
    /// Returns its name, which stays the same from version to version.
    pub fn name(self) -> &'static str {
        match self {
            RefusalKind::Parameter => "invalid_parameter",
            RefusalKind::Text => "invalid_text",
            RefusalKind::Voice => "invalid_voice",
            RefusalKind::NoVoice => "voice_not_found",
            RefusalKind::Conflict => "conflict",
            RefusalKind::MediaType => "invalid_content_type",
            RefusalKind::Key => "invalid_api_key",
            RefusalKind::Origin => "foreign_origin",
            RefusalKind::Model => "model_not_found",
            RefusalKind::Address => "not_found",
            RefusalKind::Method => "method_not_allowed",
            RefusalKind::Upgrade => "upgrade_required",
            RefusalKind::TooLarge => "too_large",
            RefusalKind::Slow => "request_timeout",
            RefusalKind::Busy => "queue_full",
            RefusalKind::Speechless => "ended_at_once",
            RefusalKind::Unavailable => "unavailable",
            RefusalKind::Late => "time_limit",
            RefusalKind::Gone => "cancelled",
            RefusalKind::Internal => "internal",
        }
    }

    /// Returns its status as HTTP counts it.
    pub fn status(self) -> u16 {
        match self {
            RefusalKind::Parameter | RefusalKind::Text | RefusalKind::Voice => 400,
            RefusalKind::Key => 401,
            RefusalKind::Origin => 403,
            RefusalKind::Model | RefusalKind::NoVoice | RefusalKind::Address => 404,
            RefusalKind::Method => 405,
            RefusalKind::Slow => 408,
            RefusalKind::Conflict => 409,
            RefusalKind::TooLarge => 413,
            RefusalKind::MediaType => 415,
            RefusalKind::Speechless => 422,
            RefusalKind::Upgrade => 426,
            RefusalKind::Busy => 429,
            RefusalKind::Internal => 500,
            RefusalKind::Unavailable | RefusalKind::Gone => 503,
            RefusalKind::Late => 504,
        }
    }
}

/// A refusal: its kind, and what was wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind.
    pub kind: RefusalKind,
    /// What was wrong, as a sentence.
    pub message: String,
    /// The field that it is about.
    pub param: Option<String>,
    /// The time after which the same request may be taken.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Makes a refusal of this kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Refusal { kind, message: message.into(), param: None, retry_after: None }
    }

    /// Makes the refusal of a field.
    pub fn of_field(kind: RefusalKind, field: &str, message: impl Into<String>) -> Self {
        Refusal { param: Some(field.into()), ..Refusal::new(kind, message) }
    }

    /// Makes the refusal of a message that names the field it is about in backticks, first of all.
    pub fn of_written(message: String) -> Self {
        let param = message.split('`').nth(1).map(str::to_string);
        Refusal { param, ..Refusal::new(RefusalKind::Parameter, message) }
    }

    /// Says when the same request may be taken.
    pub fn after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let param = match &error {
            Error::Parameter { name, .. } => Some(name.replace('-', "_")),
            Error::UnknownTag { .. } => Some("prompt".into()),
            _ => None,
        };
        let (kind, param) = match error.kind() {
            ErrorKind::InvalidParameter => (RefusalKind::Parameter, param),
            ErrorKind::InvalidText => (RefusalKind::Text, Some("input".into())),
            ErrorKind::InvalidVoice => (RefusalKind::Voice, Some("voice".into())),
            ErrorKind::EndedAtOnce => (RefusalKind::Speechless, Some("seed".into())),
            ErrorKind::Device | ErrorKind::Cancelled | ErrorKind::Busy => (RefusalKind::Unavailable, None),
            _ => (RefusalKind::Internal, None),
        };
        Refusal { kind, message, param, retry_after: None }
    }
}
