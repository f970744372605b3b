//! Follows each call: who makes it, under which id, until when, and what becomes of it.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use tokio::time::{Sleep, sleep, timeout_at};
use tonic::{Code, Status};

use super::status::{kind, status};
use crate::service::http::{CLIENT_GONE, Face, Followed, NoPanic, begin, client, with_id};
use crate::service::speak::late;
use crate::service::{Refusal, RefusalKind};

/// The methods whose text comes as the client likes.
const DIALOGS: [&str; 2] = ["SynthesizeDialog", "SynthesizeOnline"];

/// Returns the name of a method in the log and the metrics.
fn api(path: &str) -> &'static str {
    match path.trim_start_matches('/') {
        "chattts.v1.TextToSpeech/Synthesize" => "grpc_synthesize",
        "chattts.v1.TextToSpeech/SynthesizeStream" => "grpc_synthesize_stream",
        "chattts.v1.TextToSpeech/SynthesizeDialog" => "grpc_synthesize_dialog",
        "chattts.v1.TextToSpeech/ListVoices" => "grpc_list_voices",
        "chattts.v1.TextToSpeech/Normalize" => "grpc_normalize",
        "nvidia.riva.tts.RivaSpeechSynthesis/Synthesize" => "riva_synthesize",
        "nvidia.riva.tts.RivaSpeechSynthesis/SynthesizeOnline" => "riva_synthesize_online",
        "nvidia.riva.tts.RivaSpeechSynthesis/GetRivaSynthesisConfig" => "riva_config",
        _ => "grpc_other",
    }
}

/// Answers a call, and records what became of it when its answer has been read.
pub async fn follow(State(face): State<Face>, mut request: Request, next: Next) -> Response {
    let (ticket, id) = begin(&face, request.headers(), api(request.uri().path()));
    if let Some(time) = request.headers().get("grpc-timeout").and_then(|time| timeout(time.to_str().ok()?)) {
        ticket.limit(time);
    }
    let response = match client(&face, &request) {
        Ok(client) => {
            ticket.record().client = client.to_string();
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(ticket.clone());
            if !DIALOGS.iter().any(|name| request.uri().path().ends_with(name)) {
                let sleep = Box::pin(sleep(face.options.body_time));
                request = request.map(|body| Body::new(Timed { body, sleep }));
            }
            match timeout_at(ticket.deadline(), NoPanic(Box::pin(next.run(request)))).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(_)) => Err(Refusal::new(RefusalKind::Internal, "the service failed at this call")),
                Err(_) => Err(late()),
            }
        }
        Err(refusal) => Err(refusal),
    };
    let mut record = ticket.record();
    let response = response.unwrap_or_else(|refusal| {
        record.status = refusal.kind.status();
        record.error = Some(refusal.kind.name());
        status(&refusal).into_http()
    });
    if record.status == CLIENT_GONE {
        let told = told(response.headers());
        record.status = told.map_or(200, RefusalKind::status);
        // What has gone wrong in the midst of the answer already stays.
        if told.is_some() || record.error == Some(RefusalKind::Gone.name()) {
            record.error = told.map(RefusalKind::name);
        }
    }
    drop(record);
    with_id(response, &id).map(|body| Body::new(Followed { body, _ticket: ticket }))
}

/// Returns the kind of the error that an answer consists of.
fn told(headers: &HeaderMap) -> Option<RefusalKind> {
    let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
    (code != Code::Ok).then(|| kind(code))
}

/// Reads the time that a client gives a call: digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    /// The most digits.
    const DIGITS: usize = 8;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// A body that must come within a time.
struct Timed {
    body: Body,
    sleep: Pin<Box<Sleep>>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => self.sleep.as_mut().poll(context).map(|()| {
                Some(Err(axum::Error::new(Status::deadline_exceeded("the message did not come in time"))))
            }),
            ready => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_grpc_writes_them() {
        for (text, time) in [
            ("2H", Some(7_200_000_000)),
            ("3M", Some(180_000_000)),
            ("5S", Some(5_000_000)),
            ("100m", Some(100_000)),
            ("99999999u", Some(99_999_999)),
            ("9000n", Some(9)),
            ("100000000u", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("-5S", None),
            ("1.5S", None),
            ("5秒", None),
        ] {
            assert_eq!(timeout(text), time.map(Duration::from_micros), "{text:?}");
        }
    }
}
