//! Takes connections, and serves each until it ends.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_service::Service as _;

use super::activity::{Activity, Answered};
use super::follow::Peer;
use super::guard::Guarded;
use super::routes::{Face, router};
use super::{Address, HttpOptions};
use crate::error::Error;
use crate::service::{Notice, Refusal, RefusalKind, Service, grpc};

/// The most bytes of a request's head, and of an answer that wait for the socket.
const BUFFER: usize = 64 << 10;
/// The time to wait after a connection could not be taken: what is missing may come back.
const PAUSE: Duration = Duration::from_millis(50);
/// The time in which a client that is turned away may read why.
const GOODBYE: Duration = Duration::from_secs(1);
/// The most requests of one connection of HTTP/2 at a time.
const STREAMS: u32 = 100;
/// The bytes that a connection of HTTP/2, and each request of it, may send ahead.
const CONNECTION_WINDOW: u32 = 256 << 10;
const STREAM_WINDOW: u32 = 64 << 10;
/// The most bytes of the fields of a request's head over HTTP/2.
const HEADERS: u32 = 16 << 10;
/// The most requests of HTTP/2 that a client takes back before they were looked at; who takes back more is left.
const RESETS: usize = 20;
/// The time for which a connection of HTTP/2 may be open without a request, in times for a head.
const IDLE: u32 = 6;

/// A place where connections arrive.
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A socket of this machine, which is removed in the end.
    #[cfg(unix)]
    Unix {
        /// The socket.
        listener: tokio::net::UnixListener,
        /// Its file, which goes with it.
        _file: SocketFile,
    },
}

/// The file of a socket.
#[cfg(unix)]
pub struct SocketFile(std::path::PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        // Who has taken it away has done what was to be done.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Begins to listen, and returns how the place is written.
    ///
    /// # Errors
    /// The system's answer.
    pub async fn bind(options: &HttpOptions) -> io::Result<(Self, String)> {
        match &options.address {
            Address::Tcp(host, port) => {
                let listener = TcpListener::bind((host.as_str(), *port)).await?;
                let scheme = if options.tls.is_some() { "https" } else { "http" };
                let shown = format!("{scheme}://{}", listener.local_addr()?);
                Ok((Listener::Tcp(listener), shown))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                remove_stale(path)?;
                let listener = tokio::net::UnixListener::bind(path)?;
                let _file = SocketFile(path.clone());
                Ok((Listener::Unix { listener, _file }, path.display().to_string()))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "there are no such sockets")),
        }
    }

    /// Takes connections for ever. From when `drain` says so, connections end with the request that they serve.
    pub async fn serve(self, face: Face, drain: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(face.options.connections));
        let routers = (router(&face), grpc::router(&face));
        let stuck = face.service.options.time_limit + face.options.stall_time;
        loop {
            let accepted = match &self {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, peer)| {
                    // What is made is heard at once.
                    let _ = stream.set_nodelay(true);
                    (Stream::Tcp(stream), Peer(Some(peer.ip())))
                }),
                #[cfg(unix)]
                Listener::Unix { listener, .. } => {
                    listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), Peer(None)))
                }
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    face.service.notify(&Notice::Refused { reason: &error.to_string() });
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                face.service.notify(&Notice::Refused { reason: "too many are open" });
                if face.options.tls.is_none() {
                    tokio::spawn(tokio::time::timeout(GOODBYE, turn_away(stream)));
                }
                continue;
            };
            let connection = Connection {
                routers: routers.clone(),
                peer,
                stuck,
                options: Arc::clone(&face.options),
                connected: Connected {
                    drain: drain.clone(),
                    _open: Arc::new(Open::new(&face.service, place)),
                },
            };
            let service = Arc::clone(&face.service);
            tokio::spawn(async move {
                match stream {
                    Stream::Tcp(stream) => match connection.options.tls.clone() {
                        None => connection.serve(stream).await,
                        Some(tls) => {
                            let trouble = |error: &Error| {
                                let message = format!("the old certificate stays in use: {error}");
                                service.notify(&Notice::Trouble { message: &message });
                            };
                            let time = connection.options.head_time;
                            if let Some(stream) = tls.accept(stream, time, trouble).await {
                                connection.serve(stream).await;
                            }
                        }
                    },
                    #[cfg(unix)]
                    Stream::Unix(stream) => connection.serve(stream).await,
                }
            });
        }
    }
}

/// Removes the socket of a service that did not end well; one that is in use stays.
#[cfg(unix)]
fn remove_stale(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let refused = |e: io::Error| e.kind() == io::ErrorKind::ConnectionRefused;
    match is_socket && std::os::unix::net::UnixStream::connect(path).is_err_and(refused) {
        true => std::fs::remove_file(path),
        false => Ok(()),
    }
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

/// Tells a client that there are too many.
async fn turn_away(stream: Stream) {
    match stream {
        Stream::Tcp(stream) => say_goodbye(stream).await,
        #[cfg(unix)]
        Stream::Unix(stream) => say_goodbye(stream).await,
    }
}

async fn say_goodbye(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
    let service = service_fn(|_: hyper::Request<hyper::body::Incoming>| async {
        let message = "too many connections are open; try again later";
        let refusal = Refusal::new(RefusalKind::Unavailable, message).after(GOODBYE);
        Ok::<_, Infallible>(refusal.into_response())
    });
    // Whether it listens is its own matter.
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(GOODBYE).keep_alive(false);
    http.http2().max_concurrent_streams(1);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

/// Counts a connection while it is open, and holds its place.
pub(in crate::service) struct Open {
    service: Arc<Service>,
    _place: OwnedSemaphorePermit,
}

impl Open {
    pub fn new(service: &Arc<Service>, place: OwnedSemaphorePermit) -> Self {
        service.count_connections(1);
        Open { service: Arc::clone(service), _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.service.count_connections(-1);
    }
}

/// What a request may need of its connection; it is open as long as any copy is there.
#[derive(Clone)]
pub struct Connected {
    /// Says that the service ends.
    pub drain: watch::Receiver<bool>,
    _open: Arc<Open>,
}

struct Connection {
    /// Of HTTP, and of gRPC.
    routers: (Router, Router),
    peer: Peer,
    /// The time after which a request of which nothing is taken ends the connection.
    stuck: Duration,
    options: Arc<HttpOptions>,
    connected: Connected,
}

impl Connection {
    async fn serve(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let ((router, calls), peer) = (self.routers.clone(), self.peer);
        let connected = self.connected.clone();
        let activity = Activity::new();
        let of_service = activity.clone();
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(connected.clone());
            let is_call = grpc::is_call(request.version(), request.headers());
            let answer = if is_call { calls.clone() } else { router.clone() }.call(request);
            let exchange = of_service.begin();
            async move { Ok::<_, Infallible>(answer.await?.map(|body| Answered { body, exchange })) }
        });
        let is_draining = *self.connected.drain.borrow_and_update();
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.head_time)
            .max_buf_size(BUFFER)
            .keep_alive(!is_draining);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADERS)
            .max_send_buf_size(BUFFER)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .max_pending_accept_reset_streams(RESETS)
            .keep_alive_interval(self.options.stall_time)
            .keep_alive_timeout(self.options.stall_time);
        let idle = if is_draining { GOODBYE } else { IDLE * self.options.head_time };
        let guarded = Guarded::new(stream, self.options.head_time, self.options.stall_time);
        let mut connection = pin!(http.serve_connection_with_upgrades(TokioIo::new(guarded), service));
        // How it ended is its client's matter.
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = self.connected.drain.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
            () = activity.ended(idle, self.stuck) => {
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(GOODBYE, connection).await;
            }
        }
    }
}
