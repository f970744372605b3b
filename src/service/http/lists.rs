//! The list of models.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use serde_json::{Value, json};

use super::respond::ok;
use super::voices::named;
use crate::service::{MODELS, Refusal};

/// The day on which ChatTTS was published, in seconds since 1970.
const CREATED: u64 = 1_716_768_000;

fn described(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "chattts-rs"})
}

/// Lists the names of the model.
pub async fn models() -> Response {
    let models = MODELS.map(described);
    // The second is what Open WebUI reads.
    ok(&json!({"object": "list", "data": models, "models": models}))
}

/// Describes the model under one of its names.
pub async fn model(path: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let id = named(path)?;
    crate::service::check_model_name(&id)?;
    Ok(ok(&described(&id)))
}
