//! The addresses, and what answers at each.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::{HttpOptions, batch, follow, lists, pages, speech, stream, voices};
use crate::service::{Refusal, RefusalKind, Service};

/// The address of WebSockets.
pub(super) const STREAM: &str = "/v1/audio/speech/stream";

/// All addresses with their methods, as `/openapi.json` describes them.
pub const ROUTES: [(&str, &str); 16] = [
    ("delete", "/v1/audio/voices/{id}"),
    ("get", "/"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
    ("get", "/v1/audio/models"),
    ("get", STREAM),
    ("get", "/v1/audio/voices"),
    ("get", "/v1/audio/voices/{id}"),
    ("get", "/v1/models"),
    ("get", "/v1/models/{id}"),
    ("post", "/v1/audio/normalize"),
    ("post", "/v1/audio/speech"),
    ("post", "/v1/audio/speech/batch"),
    ("post", "/v1/audio/voices"),
];

/// What every answer may need.
#[derive(Clone)]
pub(in crate::service) struct Face {
    pub service: Arc<Service>,
    pub options: Arc<HttpOptions>,
}

/// Makes the router of all addresses.
pub(super) fn router(face: &Face) -> Router {
    // Those that count and take turns.
    let api = Router::new()
        .route("/v1/audio/speech", post(speech::speak))
        .route("/v1/audio/speech/batch", post(batch::speak_batch))
        .route(STREAM, get(stream::open))
        .route("/v1/audio/normalize", post(speech::normalize))
        .route("/v1/audio/voices", get(voices::list).post(voices::create))
        .route("/v1/audio/voices/{id}", get(voices::voice).delete(voices::delete))
        .route("/v1/audio/models", get(lists::models))
        .route("/v1/models", get(lists::models))
        .route("/v1/models/{id}", get(lists::model))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(face.clone(), follow::follow));
    Router::new()
        .route("/", get(pages::page))
        .route("/health/live", get(pages::live))
        .route("/health/ready", get(pages::ready))
        .route("/metrics", get(pages::metrics))
        .route("/openapi.json", get(pages::openapi))
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing)
        .merge(api)
        .with_state(face.clone())
}

async fn nothing() -> Refusal {
    Refusal::new(RefusalKind::Address, "there is nothing here; `/openapi.json` tells what there is")
}

async fn wrong_method() -> Refusal {
    Refusal::new(RefusalKind::Method, "this address takes another method; `/openapi.json` tells which")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{normalize_fields, speech_fields, voice_fields, voice_form_fields};
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn described() -> Value {
        serde_json::from_str(pages::OPENAPI).unwrap()
    }

    #[test]
    fn what_is_described_is_what_there_is() {
        let described = described();
        let mut found = Vec::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            found.extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
        }
        let found: BTreeSet<_> = found.into_iter().collect();
        let expected = ROUTES.iter().map(|(method, path)| (method.to_string(), path.to_string()));
        assert_eq!(found, expected.collect());
    }

    #[test]
    fn every_field_is_described() {
        for (name, fields) in [
            ("SpeechRequest", speech_fields()),
            ("NormalizeRequest", normalize_fields()),
            ("VoiceRequest", voice_fields()),
            ("VoiceForm", voice_form_fields()),
        ] {
            let described = described();
            let properties = described["components"]["schemas"][name]["properties"].as_object().unwrap();
            let found: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(found, fields.into_iter().collect(), "{name}");
            for (field, schema) in properties {
                assert!(schema["description"].is_string(), "{name}.{field}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let described = described();
        let mut rest = vec![&described];
        while let Some(value) = rest.pop() {
            match value {
                Value::Object(object) => {
                    if let Some(reference) = object.get("$ref") {
                        let place = reference.as_str().unwrap().trim_start_matches('#');
                        assert!(described.pointer(place).is_some(), "{place}");
                    }
                    rest.extend(object.values());
                }
                Value::Array(values) => rest.extend(values),
                _ => {}
            }
        }
    }
}
