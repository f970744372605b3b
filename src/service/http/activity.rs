//! Connections on which nothing happens are ended, whatever their clients say in between.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// What happens on a connection.
#[derive(Clone)]
pub struct Activity(Arc<Mutex<State>>);

struct State {
    /// Number of requests that have not been answered.
    open: usize,
    /// The last time at which something happened.
    last: Instant,
}

/// A request that has not been answered.
pub struct Exchange(Activity);

impl Activity {
    /// Begins to watch a connection.
    pub fn new() -> Self {
        Activity(Arc::new(Mutex::new(State { open: 0, last: Instant::now() })))
    }

    /// Notes the beginning of a request.
    pub fn begin(&self) -> Exchange {
        self.note(|open| open + 1);
        Exchange(self.clone())
    }

    fn note(&self, change: impl Fn(usize) -> usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { open: change(state.open), last: Instant::now() };
    }

    /// Returns when there has been no request for a time, or one of which nothing was taken for a longer time.
    pub async fn ended(&self, idle: Duration, stuck: Duration) {
        loop {
            let end = {
                let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                state.last + if state.open == 0 { idle } else { stuck }
            };
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.note(|open| open - 1);
    }
}

/// The body of an answer, which notes that it is taken.
pub struct Answered {
    /// The body.
    pub body: Body,
    /// The request.
    pub exchange: Exchange,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.exchange.0.note(|open| open);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_ends_when_it_is_idle_or_stuck_and_not_before() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        runtime.unwrap().block_on(async {
            let (idle, stuck) = (Duration::from_millis(200), Duration::from_millis(600));
            let activity = Activity::new();
            let start = Instant::now();
            let exchange = activity.begin();
            activity.ended(idle, stuck).await;
            assert!(start.elapsed() >= stuck);
            drop(exchange);
            let start = Instant::now();
            activity.ended(idle, stuck).await;
            assert!((idle..stuck).contains(&start.elapsed()), "{:?}", start.elapsed());
        });
    }
}
