//! Follows each request: who sends it, under which id, and what becomes of it.

use std::any::Any;
use std::borrow::Cow;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::respond::{Told, discard};
use super::routes::{Face, STREAM};
use super::stream;
use crate::service::{Client, Refusal, RefusalKind, RequestRecord, Ticket, TraceContext};
use crate::speech::random_seed;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The most characters of an id that a client gives.
const MAX_ID: usize = 128;
/// The status that is counted where the client has gone before its answer.
pub(in crate::service) const CLIENT_GONE: u16 = RequestRecord::GONE;

/// The address of the client; None on a socket of this machine.
#[derive(Clone, Copy)]
pub struct Peer(pub Option<IpAddr>);

/// Begins to follow a request under the id that its client gave it, or another one.
pub(in crate::service) fn begin(face: &Face, headers: &HeaderMap, api: &'static str) -> (Ticket, String) {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_id(id));
    let id = given.map_or_else(|| format!("{:08x}{:08x}", random_seed(), random_seed()), str::to_string);
    let parent = headers.get(TRACE_PARENT).and_then(|parent| parent.to_str().ok());
    let trace = parent.and_then(TraceContext::of_parent);
    let record = RequestRecord { trace, ..RequestRecord::begun(id.clone(), api) };
    (face.service.ticket(record), id)
}

/// Tells the client the id of its request.
pub(in crate::service) fn with_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Answers a request, and records what became of it when its answer has been read.
pub async fn follow(State(face): State<Face>, mut request: Request, next: Next) -> Response {
    let api = match request.uri().path() {
        "/v1/audio/speech" => "speech",
        "/v1/audio/speech/batch" => "batch",
        STREAM => "stream",
        "/v1/audio/normalize" => "normalize",
        path if path.starts_with("/v1/audio/voices") => "voices",
        _ => "models",
    };
    let (ticket, id) = begin(&face, request.headers(), api);
    let response = match client(&face, &request) {
        Ok(client) => {
            ticket.record().client = client.to_string();
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(ticket.clone());
            NoPanic(Box::pin(next.run(request))).await.unwrap_or_else(|_| {
                Refusal::new(RefusalKind::Internal, "the service failed at this request").into_response()
            })
        }
        Err(refusal) => {
            discard(request, face.options.body_time);
            refusal.into_response()
        }
    };
    {
        let mut record = ticket.record();
        record.status = response.status().as_u16();
        // What has gone wrong in the midst of the answer already stays.
        let told = response.extensions().get::<Told>().map(|told| told.0.name());
        if told.is_some() || record.error == Some(RefusalKind::Gone.name()) {
            record.error = told;
        }
    }
    with_id(response, &id).map(|body| Body::new(Followed { body, _ticket: ticket }))
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID && id.chars().all(|c| c.is_ascii_graphic())
}

/// Finds out who sends a request.
pub(in crate::service) fn client(face: &Face, request: &Request) -> Result<Client, Refusal> {
    let keys = &face.service.options.keys;
    if keys.is_empty() {
        let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0);
        return Ok(peer.map_or(Client::Local, Client::of_address));
    }
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let key = match bearer {
        None if request.uri().path() == STREAM => stream::key(request.headers(), request.uri()),
        key => key.map(Cow::Borrowed),
    };
    keys.find(key.as_deref())
}

/// A body that holds the ticket of its request until it has been read.
pub(in crate::service) struct Followed {
    pub body: Body,
    pub _ticket: Ticket,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A future whose panic is its error, so that others on the same thread go on.
pub(in crate::service) struct NoPanic<F>(pub Pin<Box<F>>);

impl<F: Future> Future for NoPanic<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_panic_is_an_error_of_its_request() {
        async fn of(fails: bool) -> u8 {
            assert!(!fails, "a fault");
            7
        }
        let poll = |fails| {
            let mut future = NoPanic(Box::pin(of(fails)));
            Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()))
        };
        assert!(matches!(poll(false), Poll::Ready(Ok(7))));
        assert!(matches!(poll(true), Poll::Ready(Err(_))));
    }

    #[test]
    fn ids_that_would_break_a_log_are_not_taken() {
        assert!(is_id("req-1") && is_id(&"a".repeat(MAX_ID)));
        for id in ["", "a b", "a\nb", &"a".repeat(MAX_ID + 1)] {
            assert!(!is_id(id), "{id:?}");
        }
    }
}
