//! The service over Wyoming, the protocol of Home Assistant's voices: events over TCP, each a line of JSON.
//!
//! | a client sends | and gets |
//! |---|---|
//! | `describe` | `info`: the voices |
//! | `synthesize` | `audio-start`, `audio-chunk` …, `audio-stop` |
//! | `synthesize-start`, `synthesize-chunk` …, `synthesize-stop` | the same, as the text comes, and `synthesize-stopped` |
//! | `ping` | `pong` |
//!
//! What is refused is told by `error`, after which the connection ends: clients that do not read `error` find the end.
//! The protocol knows no keys.

mod event;
mod session;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::http::{Face, Open};
use super::{Client, Notice};

/// The time to wait after a connection could not be taken: what is missing may come back.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections for ever.
pub(super) async fn serve(listener: TcpListener, face: Face, drain: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(face.options.connections));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                face.service.notify(&Notice::Refused { reason: &error.to_string() });
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            face.service.notify(&Notice::Refused { reason: "too many are open" });
            continue;
        };
        // What is made is heard at once.
        let _ = stream.set_nodelay(true);
        let open = Open::new(&face.service, place);
        let (face, drain) = (face.clone(), drain.clone());
        tokio::spawn(async move {
            session::serve(face, Client::of_address(peer.ip()), stream, drain).await;
            drop(open);
        });
    }
}
