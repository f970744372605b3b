//! Runs the service: listens, loads the model, serves, and ends in good order.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::HttpOptions;
use super::connections::Listener;
use super::routes::Face;
use crate::error::{Error, Result};
use crate::service::{Loaded, Notice, Service, wyoming};

/// The threads that serve connections; the others belong to those who compute.
const THREADS: usize = 2;
/// The threads that encode what is spoken: audio that is made must not keep those waiting who connect.
const ENCODERS: usize = 2;
/// The most threads on which texts are read.
const READERS: usize = 4;
/// The time in which clients are told that the last device has failed.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// The time between two looks whether to stop, and whether all have gone.
const LOOK: Duration = Duration::from_millis(20);

/// Says how a service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All requests were answered.
    Drained,
    /// So many requests were cut off when the grace was over.
    CutOff(usize),
}

/// Serves until `stop` says so, and then until the running requests have ended. Connections are taken while the model
/// is being loaded.
///
/// # Errors
/// [`Error::Io`] if the address cannot be had, an error of loading the model, [`Error::Device`] when the last device
/// has failed.
pub fn run(
    service: &Arc<Service>,
    options: HttpOptions,
    load: impl FnOnce() -> Result<Loaded> + Send + 'static,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(READERS)
        .thread_name("chattts-serve")
        .enable_io()
        .enable_time()
        .build()
        .map_err(Error::Threads)?;
    let encoders = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ENCODERS)
        .thread_name("chattts-encode")
        .enable_time()
        .build()
        .map_err(Error::Threads)?;
    // A service has one engine, and runs once.
    let _ = service.encoders.set(encoders.handle().clone());
    let ended = runtime.block_on(serve(service, options, load, stop));
    // What is still loading or running ends with the process, or when it likes.
    runtime.shutdown_background();
    encoders.shutdown_background();
    ended
}

async fn serve(
    service: &Arc<Service>,
    options: HttpOptions,
    load: impl FnOnce() -> Result<Loaded> + Send + 'static,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Ended> {
    let start = Instant::now();
    let (listener, address) = Listener::bind(&options).await.map_err(|e| unbound(&options, e))?;
    service.notify(&Notice::Listening { address: &address });
    let (draining, drain) = watch::channel(false);
    let grace = options.grace;
    let face = Face { service: Arc::clone(service), options: Arc::new(options) };
    let wyoming = match &face.options.wyoming {
        Some((host, port)) => {
            let taken =
                |reason| Error::Io { action: "listen at", path: format!("{host}:{port}").into(), reason };
            let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(taken)?;
            let address = listener.local_addr().map_err(taken)?;
            service.notify(&Notice::Listening { address: &format!("tcp://{address}") });
            Some(tokio::spawn(wyoming::serve(listener, face.clone(), drain.clone())))
        }
        None => None,
    };
    let serving = tokio::spawn(listener.serve(face, drain));
    let loading = {
        let service = Arc::clone(service);
        tokio::task::spawn_blocking(move || service.begin(load()?))
    };
    tokio::select! {
        loaded = loading => {
            loaded.unwrap_or_else(|_| Err(Error::Internal("loading the model panicked".into())))?;
        }
        () = until(stop) => return Ok(Ended::Drained),
    }
    let slots = service.loaded().map_or(0, |loaded| loaded.engine.slots());
    service.notify(&Notice::Ready { address: &address, seconds: start.elapsed().as_secs_f64(), slots });
    until(|| stop() || service.failure().is_some()).await;
    // Whoever is still waiting hears of it, as at every end.
    let failure = service.failure();
    let grace = if failure.is_some() { grace.min(LAST_WORDS) } else { grace };
    service.drain();
    // Nobody listens only if there is no connection.
    let _ = draining.send(true);
    let gone = until(|| service.in_flight() == 0 && service.connections() == 0);
    let ended = match tokio::time::timeout(grace, gone).await {
        Err(_) if service.in_flight() > 0 => Ended::CutOff(service.in_flight()),
        _ => Ended::Drained,
    };
    serving.abort();
    if let Some(wyoming) = wyoming {
        wyoming.abort();
    }
    // The socket's file goes with the listener.
    let _ = serving.await;
    failure.map_or(Ok(ended), Err)
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(LOOK).await;
    }
}

fn unbound(options: &HttpOptions, reason: io::Error) -> Error {
    let place = match &options.address {
        super::Address::Tcp(host, port) => format!("{host}:{port}").into(),
        super::Address::Unix(path) => path.clone(),
    };
    Error::Io { action: "listen at", path: place, reason }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
