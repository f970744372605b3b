//! Options of a service, and its notices.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Keys, RequestRecord};
use crate::speech::Overrides;

/// Reports what happens in a service.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Connections are taken; the model is being loaded.
    Listening {
        /// The place: a URL, or the path of a socket.
        address: &'a str,
    },
    /// Requests are taken.
    Ready {
        /// The place.
        address: &'a str,
        /// Seconds that loading and warming up took.
        seconds: f64,
        /// Number of texts that are worked on together.
        slots: usize,
    },
    /// No requests are taken any more; those that are running end.
    Draining {
        /// Number of requests that have not ended.
        running: usize,
    },
    /// A connection could not be taken.
    Refused {
        /// The reason.
        reason: &'a str,
    },
    /// Something went wrong that whoever runs the service should know.
    Trouble {
        /// What went wrong.
        message: &'a str,
    },
    /// A request has ended.
    Request(&'a RequestRecord),
}

/// Receives notices; it may be called by any thread, and should return soon.
pub type Observer = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Options of a service, whatever its clients speak.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServiceOptions {
    /// The most requests that wait for a slot; more are refused.
    pub queue: usize,
    /// The most characters of a text.
    pub max_input: usize,
    /// The most time from a request to the end of its answer.
    pub time_limit: Duration,
    /// The most time in which a client takes nothing of its answer.
    pub stall_time: Duration,
    /// The keys that are accepted; where there is none, none is asked for.
    pub keys: Keys,
    /// The settings of requests that say nothing else.
    pub overrides: Overrides,
    /// The file of roles that keeps the voices that clients make; without one they go with the service. Its roles must be
    /// in the registry of the model's voices too.
    pub voices_file: Option<PathBuf>,
    /// The most voices that clients may make.
    pub voices: usize,
    /// Whether records of requests hold their texts.
    pub logs_text: bool,
    /// Receives the notices.
    pub observer: Option<Observer>,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        ServiceOptions {
            queue: 64,
            max_input: 4096,
            time_limit: Duration::from_secs(600),
            stall_time: Duration::from_secs(30),
            keys: Keys::default(),
            overrides: Overrides::default(),
            voices_file: None,
            voices: 1_000,
            logs_text: false,
            observer: None,
        }
    }
}

impl fmt::Debug for ServiceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceOptions { queue, max_input, time_limit, overrides, .. } = self;
        f.debug_struct("ServiceOptions")
            .field("queue", queue)
            .field("max_input", max_input)
            .field("time_limit", time_limit)
            .field("overrides", overrides)
            .finish_non_exhaustive()
    }
}
