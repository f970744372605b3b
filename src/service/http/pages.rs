//! What is not of the API: health, metrics, the description, and a page to try it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::respond::{ok, typed};
use super::routes::Face;
use crate::service::METRICS_CONTENT_TYPE;

/// The description of all addresses.
pub const OPENAPI: &str = include_str!("openapi.json");
const PAGE: &str = include_str!("page.html");
/// Lets the page do what it does and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; media-src blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Tells that the service answers.
pub async fn live() -> Response {
    ok(&json!({"status": "ok"}))
}

/// Tells whether requests are taken.
pub async fn ready(State(face): State<Face>) -> Response {
    match face.service.loaded() {
        Ok(_) => ok(&json!({"status": "ok"})),
        Err(refusal) => refusal.into_response(),
    }
}

/// Returns the metrics.
pub async fn metrics(State(face): State<Face>) -> Response {
    typed(StatusCode::OK, METRICS_CONTENT_TYPE, face.service.metrics())
}

/// Returns the description.
pub async fn openapi() -> Response {
    typed(StatusCode::OK, "application/json", OPENAPI)
}

/// Returns the page.
pub async fn page() -> Response {
    let mut response = typed(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
