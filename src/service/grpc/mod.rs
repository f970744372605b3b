//! The service over gRPC, at HTTP's port: `chattts.v1.TextToSpeech`, NVIDIA Riva's interface for its clients, health
//! and reflection.
//!
//! | refusal | status |
//! |---|---|
//! | a field, the text, the voice | `INVALID_ARGUMENT`, with the field in a `BadRequest` |
//! | too long | `RESOURCE_EXHAUSTED` |
//! | no key, or one that is not known | `UNAUTHENTICATED` |
//! | another model, no such method | `NOT_FOUND`, `UNIMPLEMENTED` |
//! | as many wait as may | `RESOURCE_EXHAUSTED`, with `RetryInfo` and the metadata `retry-after` |
//! | loading, ending, no device | `UNAVAILABLE`, with `RetryInfo` if it will pass |
//! | the model ended before it spoke | `FAILED_PRECONDITION`: the same seed does so again |
//! | the deadline, or the service's own limit | `DEADLINE_EXCEEDED` |
//! | the client has gone | `CANCELLED` |
//! | a fault | `INTERNAL` |
//!
//! All of them carry an `ErrorInfo`, whose reason is the name of the [`RefusalKind`](super::RefusalKind). In the log
//! and the metrics calls have the numbers that HTTP would have answered with.

mod answer;
mod call;
mod follow;
mod health;
mod riva;
mod speech;
mod status;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Version};
use axum::middleware::from_fn_with_state;
use tonic::service::Routes;
use tonic_reflection::server::Builder;

use super::http::Face;
use proto::chattts::text_to_speech_server::TextToSpeechServer;
use proto::riva::tts::riva_speech_synthesis_server::RivaSpeechSynthesisServer;
use tonic_health::pb::health_server::HealthServer;

/// What the protos make: written by `packaging/proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
mod proto {
    pub mod chattts {
        include!("generated/chattts.v1.rs");
    }
    pub mod riva {
        include!("generated/nvidia.riva.rs");
        pub mod tts {
            include!("generated/nvidia.riva.tts.rs");
        }
    }
    /// All of it, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
}

/// The most bytes of a character.
const BYTES_PER_CHARACTER: usize = 4;
/// The most bytes of all fields but the text.
const OTHER_FIELDS: usize = 64 << 10;

/// Tells whether a request is a call.
pub(super) fn is_call(version: Version, headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    version == Version::HTTP_2 && content_type.starts_with(b"application/grpc")
}

/// Makes the router of all methods.
pub(super) fn router(face: &Face) -> Router {
    let most =
        face.service.options.max_input.saturating_mul(BYTES_PER_CHARACTER).saturating_add(OTHER_FIELDS);
    let speech = TextToSpeechServer::new(speech::Speech(face.clone())).max_decoding_message_size(most);
    let riva = RivaSpeechSynthesisServer::new(riva::Riva(face.clone())).max_decoding_message_size(most);
    let api = Routes::new(speech).add_service(riva).into_axum_router();
    let api = api.layer(from_fn_with_state(face.clone(), follow::follow));
    // These take no turns and ask for no key, as HTTP's.
    let health =
        HealthServer::new(health::Answers(face.service.clone())).max_decoding_message_size(OTHER_FIELDS);
    let mut routes = Routes::from(api).add_service(health);
    let described = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    if let Ok(reflection) = described().build_v1() {
        routes = routes.add_service(reflection.max_decoding_message_size(OTHER_FIELDS));
    }
    if let Ok(reflection) = described().build_v1alpha() {
        routes = routes.add_service(reflection.max_decoding_message_size(OTHER_FIELDS));
    }
    routes.into_axum_router()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{normalize_fields, speech_fields};
    use std::collections::{BTreeSet, HashMap};

    fn fields(settings: impl serde::Serialize) -> BTreeSet<String> {
        serde_json::to_value(settings).unwrap().as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn what_is_described_is_read_by_reflection() {
        let builder = Builder::configure().register_encoded_file_descriptor_set(proto::DESCRIPTORS);
        assert!(builder.build_v1().is_ok());
    }

    #[test]
    fn every_setting_of_http_is_one_here() {
        let pronounce = HashMap::from([("a".into(), "b".into())]);
        let temperature = vec![0.3];
        let settings = proto::chattts::SpeechSettings {
            temperature,
            pronounce: pronounce.clone(),
            cast: pronounce.clone(),
            ..Default::default()
        };
        let mut found = fields(settings);
        found.extend(["input".into(), "response_format".into()]);
        // How it is delivered is the method's; clients of OpenAI send instructions; `decoder` says it.
        let not_here = ["stream", "stream_format", "instructions", "no_decoder"];
        let expected = speech_fields().into_iter().filter(|field| !not_here.contains(field));
        assert_eq!(found, expected.map(str::to_string).collect());
        let expected = normalize_fields().into_iter().map(str::to_string);
        let request = proto::chattts::NormalizeRequest { pronounce, ..Default::default() };
        assert_eq!(fields(request), expected.collect());
    }
}
