//! Takes connections, and serves each until it ends.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower_service::Service as _;

use super::follow::Peer;
use super::guard::Guarded;
use super::routes::{Face, router};
use super::{Address, HttpOptions};
use crate::service::{Notice, Refusal, RefusalKind, Service};

/// The most bytes of a request's head, and of an answer that wait for the socket.
const BUFFER: usize = 64 << 10;
/// The time to wait after a connection could not be taken: what is missing may come back.
const PAUSE: Duration = Duration::from_millis(50);
/// The time in which a client that is turned away may read why.
const GOODBYE: Duration = Duration::from_secs(1);
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
pub struct SocketFile(std::path::PathBuf);

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
    pub async fn bind(address: &Address) -> io::Result<(Self, String)> {
        match address {
            Address::Tcp(host, port) => {
                let listener = TcpListener::bind((host.as_str(), *port)).await?;
                let shown = format!("http://{}", listener.local_addr()?);
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
        let router = router(&face);
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
                tokio::spawn(tokio::time::timeout(GOODBYE, turn_away(stream)));
                continue;
            };
            let connection = Connection {
                router: router.clone(),
                peer,
                drain: drain.clone(),
                options: Arc::clone(&face.options),
                _open: Open::new(&face.service),
            };
            tokio::spawn(async move {
                let _place = place;
                match stream {
                    Stream::Tcp(stream) => connection.serve(stream).await,
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

async fn say_goodbye(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(|_: hyper::Request<hyper::body::Incoming>| async {
        let message = "too many connections are open; try again later";
        let refusal = Refusal::new(RefusalKind::Unavailable, message).after(GOODBYE);
        Ok::<_, Infallible>(refusal.into_response())
    });
    // Whether it listens is its own matter.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(GOODBYE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Counts a connection while it is open.
struct Open(Arc<Service>);

impl Open {
    fn new(service: &Arc<Service>) -> Self {
        service.count_connections(1);
        Open(Arc::clone(service))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.count_connections(-1);
    }
}

struct Connection {
    router: Router,
    peer: Peer,
    drain: watch::Receiver<bool>,
    options: Arc<HttpOptions>,
    _open: Open,
}

impl Connection {
    async fn serve(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (router, peer) = (self.router.clone(), self.peer);
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            router.clone().call(request)
        });
        let is_draining = *self.drain.borrow_and_update();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.options.head_time)
            .max_buf_size(BUFFER)
            .keep_alive(!is_draining);
        let io = TokioIo::new(Guarded::new(stream, self.options.stall_time));
        let mut connection = pin!(http.serve_connection(io, service));
        // How it ended is its client's matter.
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = self.drain.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}
