//! Pages of other sites: a browser lets them send some requests to any address, and tells where they come from.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

use super::routes::Face;
use crate::service::{Refusal, RefusalKind};

/// Refuses a request of another site's page, unless keys are asked for: then only who has one can have written it.
///
/// # Errors
/// [`RefusalKind::Origin`].
pub fn check_origin(face: &Face, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| header(HOST));
    let is_foreign = headers.contains_key(ORIGIN) && !is_same(header(ORIGIN), host);
    match is_foreign && face.service.options.keys.is_empty() {
        true => {
            let message = "a page of another site sends this; start the service with keys for such pages";
            Err(Refusal::new(RefusalKind::Origin, message))
        }
        false => Ok(()),
    }
}

/// Tells whether an origin is this host.
fn is_same(origin: Option<&str>, host: Option<&str>) -> bool {
    let of = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    of.zip(host).is_some_and(|(of, host)| of.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_its_host_and_port() {
        for (origin, host, same) in [
            (Some("http://127.0.0.1:8000"), Some("127.0.0.1:8000"), true),
            (Some("https://Speech.example"), Some("speech.example"), true),
            (Some("http://127.0.0.1:3000"), Some("127.0.0.1:8000"), false),
            (Some("http://evil.example"), Some("127.0.0.1:8000"), false),
            (Some("null"), Some("127.0.0.1:8000"), false),
            (None, Some("127.0.0.1:8000"), false),
            (Some("http://a"), None, false),
        ] {
            assert_eq!(is_same(origin, host), same, "{origin:?} {host:?}");
        }
    }
}
