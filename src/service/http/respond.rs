//! Answers: JSON, and errors in OpenAI's form.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::HttpOptions;
use crate::service::{Refusal, RefusalKind};

/// The most bytes that are read of a body beyond those that are taken.
const DISCARDED: usize = 1 << 20;

/// Returns the status of a refusal.
pub fn status(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::Parameter | RefusalKind::Text | RefusalKind::Voice => StatusCode::BAD_REQUEST,
        RefusalKind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        RefusalKind::Key => StatusCode::UNAUTHORIZED,
        RefusalKind::Model | RefusalKind::Address => StatusCode::NOT_FOUND,
        RefusalKind::Method => StatusCode::METHOD_NOT_ALLOWED,
        RefusalKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalKind::Slow => StatusCode::REQUEST_TIMEOUT,
        RefusalKind::Speechless => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalKind::Busy => StatusCode::TOO_MANY_REQUESTS,
        RefusalKind::Unavailable | RefusalKind::Gone => StatusCode::SERVICE_UNAVAILABLE,
        RefusalKind::Late => StatusCode::GATEWAY_TIMEOUT,
        RefusalKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
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

/// Reads a body of JSON.
///
/// # Errors
/// A refusal of one that is called something else, too long or too slow.
pub async fn body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    options: &HttpOptions,
) -> Result<Bytes, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    // Any page of the web may send what is not called JSON.
    if !media_type.eq_ignore_ascii_case("application/json") {
        let message = "the body is JSON; send the header `Content-Type: application/json`";
        return Err(Refusal::new(RefusalKind::MediaType, message));
    }
    if body.size_hint().lower() > (limit + DISCARDED) as u64 {
        return Err(too_large(limit));
    }
    let slow = |_| Refusal::new(RefusalKind::Slow, "the body did not come in time");
    tokio::time::timeout(options.body_time, read(body, limit)).await.map_err(slow)?
}

/// Reads a body. Of one that is too long the rest is read too, as far as that goes: who is still sending does not see
/// the answer.
async fn read(mut body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
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
