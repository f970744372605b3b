//! Speech as a service: one engine for many clients.
//!
//! The engine's side is the same whatever the clients speak: [`SpeechJob`] is what they ask for, [`Admission`] decides
//! who is next, [`Service::speak`] returns an [`Utterance`], whose audio comes encoded as it is made, and dropping it
//! frees its slot; a [`Ticket`] follows each request into the [`Metrics`] and the log. [`Service::converse`] speaks a
//! text that comes in pieces, each sentence when it is complete, [`Service::speak_batch`] many texts in bulk, and
//! [`Service::make_voice`] makes voices that requests may name at once. A face is what clients connect to: [`http`], and
//! [`grpc`] at the same port, for clients that speak HTTP/2 from their first byte. A face reads requests, answers them,
//! and knows nothing of the engine.
//!
//! What a client writes is never a path, and no request waits or speaks without an end: [`ServiceOptions`] and
//! [`http::HttpOptions`] hold the limits.

mod admission;
mod batch;
mod cards;
mod client;
mod dialog;
mod encode;
pub mod grpc;
pub mod http;
mod job;
mod memory;
mod metrics;
mod options;
mod otlp;
mod read;
mod record;
mod refusal;
mod sentences;
mod speak;
mod state;
mod store;
mod trace;
mod voice_job;
pub mod voices;
mod wyoming;

pub use admission::{Admission, Entry, Full, Permit};
pub use batch::{BATCH_LINES, Batch, BatchJob, BatchLine, BatchPermit, BatchResult, BatchSpeech};
pub use client::{Client, Keys};
pub use dialog::{DialogAudio, DialogPart, DialogText};
pub use encode::{Delivery, Encoder, ResponseFormat};
pub(crate) use job::check_model_name;
pub use job::{MODELS, NormalizeJob, SpeechJob, normalize_fields, speech_fields};
pub use memory::Held;
pub use metrics::{CONTENT_TYPE as METRICS_CONTENT_TYPE, Metrics};
pub use options::{Notice, Observer, ServiceOptions};
pub use otlp::TraceOptions;
pub use record::{RequestRecord, Ticket};
pub use refusal::{Refusal, RefusalKind};
pub use sentences::Cuts;
pub use speak::{Chunk, Usage, Utterance};
pub use state::{Loaded, Phase, Service};
pub use store::VoicePermit;
pub use trace::TraceContext;
pub use voice_job::{VoiceJob, VoiceSource, voice_fields, voice_form_fields};
