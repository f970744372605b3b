//! Speech and reading.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body as HttpBody, Frame};
use serde_json::{Value, json};

use super::respond::{JSON, body, check_type, discard, error, ok, typed};
use super::routes::Face;
use crate::service::{Chunk, Client, Delivery, NormalizeJob, Refusal, SpeechJob, Ticket, Usage, Utterance};

/// The most bytes that a character takes in JSON: two escapes of six.
pub(super) const BYTES_PER_CHARACTER: usize = 12;
/// The most bytes of all fields but the text.
pub(super) const OTHER_FIELDS: usize = 64 << 10;

const SEED: HeaderName = HeaderName::from_static("x-seed");
const SAMPLE_RATE: HeaderName = HeaderName::from_static("x-sample-rate");
/// Tells nginx not to hold events back.
pub(super) const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

async fn read(face: &Face, request: Request) -> Result<Bytes, Refusal> {
    let limit =
        face.service.options.max_input.saturating_mul(BYTES_PER_CHARACTER).saturating_add(OTHER_FIELDS);
    let (parts, content) = request.into_parts();
    check_type(&parts.headers, &[JSON])?;
    body(content, limit, face.options.body_time).await
}

/// Speaks a text.
pub async fn speak(
    State(face): State<Face>,
    Extension(client): Extension<Client>,
    Extension(ticket): Extension<Ticket>,
    request: Request,
) -> Result<Response, Refusal> {
    // Who cannot be served need not wait for the end of what it sends.
    if let Err(refusal) = face.service.loaded().and_then(|_| face.service.check_place(client)) {
        discard(request, face.options.body_time);
        return Err(refusal);
    }
    let content = read(&face, request).await?;
    let options = &face.service.options;
    let job = SpeechJob::parse(&content, options.max_input, &options.overrides)?;
    let (format, delivery) = (job.format, job.delivery);
    let utterance = face.service.speak(client, job, &ticket).await?;
    let (seed, rate) = (utterance.seed, utterance.sample_rate);
    let content_type = match delivery {
        Delivery::Audio => format.content_type(),
        Delivery::Events => "text/event-stream",
    };
    let sound = Sound { utterance, delivery };
    let mut response = typed(StatusCode::OK, content_type, Body::new(sound));
    let headers = response.headers_mut();
    headers.insert(SEED, HeaderValue::from(seed));
    headers.insert(SAMPLE_RATE, HeaderValue::from(rate));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// Tells how a text is read.
pub async fn normalize(
    State(face): State<Face>,
    Extension(ticket): Extension<Ticket>,
    request: Request,
) -> Result<Response, Refusal> {
    face.service.loaded()?;
    let content = read(&face, request).await?;
    let options = &face.service.options;
    let job = NormalizeJob::parse(&content, options.max_input, &options.overrides)?;
    Ok(ok(&face.service.normalize(job, &ticket).await?))
}

/// The body of an answer that is being spoken.
struct Sound {
    utterance: Utterance,
    delivery: Delivery,
}

impl HttpBody for Sound {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let delivery = self.delivery;
        self.utterance.poll_next(context).map(|chunk| match (chunk, delivery) {
            (None | Some(Ok(Chunk::Done(_))), Delivery::Audio) | (None, Delivery::Events) => None,
            (Some(Ok(Chunk::Audio(bytes))), Delivery::Audio) => Some(Ok(Frame::data(bytes))),
            // The connection ends without the end of the body, by which clients know that something is missing.
            (Some(Err(refusal)), Delivery::Audio) => Some(Err(io::Error::other(refusal))),
            (Some(chunk), Delivery::Events) => Some(Ok(Frame::data(event(chunk)))),
        })
    }
}

/// Returns how much a speech took, as OpenAI tells it.
pub(super) fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
}

fn event(chunk: Result<Chunk, Refusal>) -> Bytes {
    let event = match chunk {
        Ok(Chunk::Audio(bytes)) => json!({"type": "speech.audio.delta", "audio": STANDARD.encode(bytes)}),
        Ok(Chunk::Done(used)) => json!({"type": "speech.audio.done", "usage": usage(used)}),
        Err(refusal) => {
            let mut event = error(&refusal);
            event["type"] = Value::from("error");
            event
        }
    };
    format!("data: {event}\n\n").into()
}
