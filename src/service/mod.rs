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
//! Interactive streams come before bulk, and of these each client's in turn. On two cores of an AMD EPYC (AVX-512 with
//! VNNI), 16 slots, requests of some 3 s each followed by the next, `load-test --concurrency 1,8,32,64`: the time to
//! the first sound and what is spoken in all, of `demo`, and of random weights of the published shapes in 8 bits
//! (`noise-full`, 100 tokens a text).
//!
//! | clients | `demo`, P50 | P99 | s of audio a second | `noise-full`, P50 | P99 | s of audio a second |
//! |--:|--:|--:|--:|--:|--:|--:|
//! | 1 | 15 ms | 34 ms | 95 | 0.53 s | 0.71 s | 2.6 |
//! | 8 | 69 ms | 198 ms | 126 | 1.3 s | 1.6 s | 7.9 |
//! | 32 | 0.55 s | 0.99 s | 118 | 5.6 s | 7.3 s | 8.8 |
//! | 64 | 1.2 s | 1.5 s | 131 | 12 s | 15 s | 8.9 |
//!
//! What a client writes is never a path, and no request waits or speaks without an end: [`ServiceOptions`] and
//! [`http::HttpOptions`] hold the limits.

mod admission;
mod batch;
mod cards;
mod client;
mod conversation;
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
pub use conversation::Conversation;
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
