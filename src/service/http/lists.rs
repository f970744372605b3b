//! The lists of models and voices.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::respond::ok;
use super::routes::Face;
use crate::service::{MODELS, Refusal, voices};

/// The day on which ChatTTS was published, in seconds since 1970.
const CREATED: u64 = 1_716_768_000;

fn described(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "chattts-rs"})
}

/// Lists the names of the model.
pub async fn models() -> Response {
    ok(&json!({"object": "list", "data": MODELS.map(described)}))
}

/// Describes the model under one of its names.
pub async fn model(Path(id): Path<String>) -> Result<Response, Refusal> {
    crate::service::check_model_name(&id)?;
    Ok(ok(&described(&id)))
}

/// Lists the voices that have names.
pub async fn voices(State(face): State<Face>) -> Result<Response, Refusal> {
    let registry = face.service.loaded()?.engine.composer().voices.registry();
    let listed = voices::list(&registry).into_iter().map(|voice| {
        json!({
            "id": voice.id, "name": voice.id, "object": "voice", "voice": voice.voice,
            "has_sample": voice.has_sample, "description": voice.note, "origin": voice.origin,
        })
    });
    Ok(ok(&json!({"object": "list", "voices": listed.collect::<Vec<_>>()})))
}
