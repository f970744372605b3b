//! Speech as a service: one engine for many clients.
//!
//! The engine's side is the same whatever the clients speak: [`SpeechJob`] is what they ask for, [`Admission`] decides
//! who is next, [`Service::speak`] returns an [`Utterance`], whose audio comes encoded as it is made, and dropping it
//! frees its slot; a [`Ticket`] follows each request into the [`Metrics`] and the log. A face is what clients connect
//! to: [`http`] is the only one yet. A face reads requests, answers them, and knows nothing of the engine.
//!
//! What a client writes is never a path, and no request waits or speaks without an end: [`ServiceOptions`] and
//! [`http::HttpOptions`] hold the limits.

mod admission;
mod cards;
mod client;
mod encode;
pub mod http;
mod job;
mod metrics;
mod options;
mod otlp;
mod read;
mod record;
mod refusal;
mod speak;
mod state;
mod trace;
pub mod voices;

pub use admission::{Admission, Full, Permit};
pub use client::{Client, Keys};
pub use encode::{Delivery, Encoder, ResponseFormat};
pub(crate) use job::check_model_name;
pub use job::{MODELS, NormalizeJob, SpeechJob, normalize_fields, speech_fields};
pub use metrics::{CONTENT_TYPE as METRICS_CONTENT_TYPE, Metrics};
pub use options::{Notice, Observer, ServiceOptions};
pub use otlp::TraceOptions;
pub use record::{RequestRecord, Ticket};
pub use refusal::{Refusal, RefusalKind};
pub use speak::{Chunk, Usage, Utterance};
pub use state::{Loaded, Phase, Service};
pub use trace::TraceContext;
