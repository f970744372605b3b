//! Answers: JSON, and errors in OpenAI's form.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, EXPECT, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::routes::Face;
use crate::service::{Held, Refusal, RefusalKind};

/// The most bytes that are read of a body beyond those that are taken.
const DISCARDED: usize = 1 << 20;
/// The time for an upload: so many times that for other bodies at most, and no more than it takes at so many bytes
/// per second.
const UPLOAD_TIMES: u32 = 6;
const UPLOAD_RATE: f64 = 32e3;
/// The time after which to ask again where too much is sent.
const RETRY: Duration = Duration::from_secs(1);

/// Returns the status of a refusal.
pub fn status(kind: RefusalKind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Returns a refusal as OpenAI's clients read it.
pub fn error(refusal: &Refusal) -> Value {
    let kind = match status(refusal.kind).as_u16() {
        401 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {
        "message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.kind.name(),
    }})
}

/// The kind of the refusal that an answer tells, for the log.
#[derive(Clone, Copy)]
pub struct Told(pub RefusalKind);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = with_status(status(self.kind), &error(&self));
        let headers = response.headers_mut();
        if let Some(time) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(time.as_secs_f64().ceil() as u64));
        }
        if self.kind == RefusalKind::Key {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Told(self.kind));
        response
    }
}

/// Returns an answer of JSON.
pub fn ok(value: &Value) -> Response {
    with_status(StatusCode::OK, value)
}

/// Returns an answer of JSON with this status.
pub fn with_status(status: StatusCode, value: &Value) -> Response {
    typed(status, "application/json", value.to_string())
}

/// Returns an answer of this type.
pub fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The type of JSON.
pub const JSON: &str = "application/json";
/// The types by which JSON Lines are called; none of them is registered.
pub const JSON_LINES: [&str; 5] = [
    "application/jsonl",
    "application/jsonlines",
    "application/json-lines",
    "application/x-ndjson",
    "application/x-jsonlines",
];

/// Returns the type of a body, in small letters and without its parameters.
pub fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body of another type: any page of the web may send what is not called JSON.
///
/// # Errors
/// [`RefusalKind::MediaType`].
pub fn check_type(headers: &HeaderMap, types: &[&str]) -> Result<(), Refusal> {
    match types.contains(&media_type(headers).as_str()) {
        true => Ok(()),
        false => {
            let message =
                format!("the body is of another type; send the header `Content-Type: {}`", types[0]);
            Err(Refusal::new(RefusalKind::MediaType, message))
        }
    }
}

/// Reads a body.
///
/// # Errors
/// A refusal of one that is too long or too slow.
pub async fn body(body: Body, limit: usize, time: Duration) -> Result<Bytes, Refusal> {
    let end = Instant::now() + time;
    read(body, limit, |_| Ok(end)).await
}

/// Reads a body that may be large. Nobody who sends one slowly holds what others wait for: it has to come at
/// [`UPLOAD_RATE`] after the time that small ones have, and takes memory of its own as it comes.
///
/// # Errors
/// As [`body`]; [`RefusalKind::Busy`] if there is no memory for it.
pub async fn upload(face: &Face, body: Body, limit: usize) -> Result<(Bytes, Held), Refusal> {
    let full = || {
        let message = "too much is being sent here at this moment; try again later";
        Refusal::new(RefusalKind::Busy, message).after(RETRY)
    };
    let mut held = face.service.uploads.try_hold(0).ok_or_else(full)?;
    let (start, time) = (Instant::now(), face.options.body_time);
    let bytes = read(body, limit, |length| match held.grow(length.min(limit)) {
        true => {
            let more = Duration::from_secs_f64(length as f64 / UPLOAD_RATE);
            Ok(start + (time + more).min(time * UPLOAD_TIMES))
        }
        false => Err(full()),
    });
    Ok((bytes.await?, held))
}

/// Reads what a refused request still sends, in the background: who is still sending does not see an answer after
/// which the connection is closed. One that waits to be told to send it is not told so.
pub fn discard(request: Request, time: Duration) {
    let (parts, mut body) = request.into_parts();
    if body.is_end_stream() || parts.headers.contains_key(EXPECT) {
        return;
    }
    tokio::spawn(tokio::time::timeout(time, async move {
        let mut left = DISCARDED;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }));
}

/// Reads a body; of so many bytes as have come, `more` tells until when others may. Of one that is too long the rest
/// is read too, as far as that goes, as [`discard`] does.
async fn read(
    mut body: Body,
    limit: usize,
    mut more: impl FnMut(usize) -> Result<Instant, Refusal>,
) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > (limit + DISCARDED) as u64 {
        return Err(too_large(limit));
    }
    let (mut bytes, mut length) = (Vec::new(), 0);
    let slow = |_| Refusal::new(RefusalKind::Slow, "the body did not come in time");
    while let Some(frame) = timeout_at(more(length)?, body.frame()).await.map_err(slow)? {
        let frame = frame.map_err(|_| Refusal::new(RefusalKind::Gone, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        match length <= limit {
            true => bytes.extend_from_slice(&data),
            false if length > limit + DISCARDED => break,
            false => bytes.clear(),
        }
    }
    if length > limit { Err(too_large(limit)) } else { Ok(bytes.into()) }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(RefusalKind::TooLarge, format!("the body is too long; {limit} bytes at most are taken"))
}
