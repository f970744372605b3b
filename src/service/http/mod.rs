//! The service over HTTP: OpenAI's speech API, and what else there is at each address. Connections are those of
//! [`grpc`](super::grpc) too: HTTP/1.1, or HTTP/2 for clients that begin with it.

mod activity;
mod batch;
mod connections;
mod follow;
mod guard;
mod lists;
mod messages;
mod origin;
mod pages;
mod respond;
mod routes;
mod run;
mod speech;
mod stream;
mod tls;
mod voices;

pub(super) use connections::Open;
pub(super) use follow::{CLIENT_GONE, Followed, NoPanic, begin, client, with_id};
pub(super) use guard::Guarded;
pub(super) use routes::Face;
pub use routes::ROUTES;
pub use run::{Ended, run};
pub use tls::Tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The place where connections are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host's name or address, and a port; 0 is any that is free.
    Tcp(String, u16),
    /// The path of a socket.
    Unix(PathBuf),
}

/// Limits of connections. None of them may keep the others out, nor hold memory without end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The place where connections are taken.
    pub address: Address,
    /// The certificate, where TLS is spoken at a port.
    pub tls: Option<Arc<Tls>>,
    /// The host and the port at which [Wyoming](https://github.com/OHF-Voice/wyoming), Home Assistant's protocol, is
    /// spoken. It knows no keys.
    pub wyoming: Option<(String, u16)>,
    /// The most connections; more are answered that there are too many.
    pub connections: usize,
    /// The most time between a connection, or the end of an answer, and a whole head of a request.
    pub head_time: Duration,
    /// The most time that a body takes.
    pub body_time: Duration,
    /// The most time in which a client takes no byte of its answer.
    pub stall_time: Duration,
    /// The most time for running requests to end in when the service ends.
    pub grace: Duration,
}

impl HttpOptions {
    /// Makes options for an address, with limits for clients that people use.
    pub fn new(address: Address) -> Self {
        HttpOptions {
            address,
            tls: None,
            wyoming: None,
            connections: 256,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            stall_time: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}
