//! Reads what a hub's answers say about a file.

use ureq::Body;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, LOCATION};
use ureq::http::{Response, StatusCode};

use super::download::Failure;

/// The target of a redirect.
pub(super) struct Redirect {
    pub url: String,
    /// Whether it stays on the server; the next answer then still comes from the hub.
    pub relative: bool,
}

/// Collects what the answers of a chain of redirects say about a file.
#[derive(Default)]
pub(super) struct Identity {
    commit: Option<String>,
    linked_etag: Option<String>,
    etag: Option<String>,
    pub size: Option<u64>,
    linked_size: bool,
}

impl Identity {
    pub fn absorb(&mut self, answer: &Response<Body>, redirect: Option<&Redirect>) {
        let number = |name: &str| header(answer, name).and_then(|value| value.parse::<u64>().ok());
        if self.commit.is_none() {
            self.commit = header(answer, "x-repo-commit").map(str::to_owned);
        }
        if self.linked_etag.is_none() {
            self.linked_etag = header(answer, "x-linked-etag").map(bare_etag);
        }
        if let Some(size) = number("x-linked-size").filter(|_| !self.linked_size) {
            self.size = Some(size);
            self.linked_size = true;
        }
        // A redirect's etag is the file's only where it is a hub's and leads to the storage.
        let speaks_for_file =
            redirect.is_none_or(|redirect| !redirect.relative && header(answer, "x-repo-commit").is_some());
        if speaks_for_file && self.etag.is_none() {
            self.etag = header(answer, ETAG.as_str()).map(bare_etag);
        }
        if redirect.is_none() && self.size.is_none() {
            self.size = match answer.status() {
                StatusCode::OK => number(CONTENT_LENGTH.as_str()),
                _ => content_range(answer).and_then(|(_, total)| total),
            };
        }
    }

    pub fn is_known(&self) -> bool {
        self.names().is_ok()
    }

    /// Returns the names of the commit and the blob. They become path components, so they must be plain names.
    pub fn names(&self) -> Result<(&str, &str), Failure> {
        let plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let commit = self.commit.as_deref().filter(|name| plain(name));
        let etag = self.linked_etag.as_deref().or(self.etag.as_deref()).filter(|name| plain(name));
        match (commit, etag) {
            (Some(commit), Some(etag)) => Ok((commit, etag)),
            (None, _) => Err(foreign("x-repo-commit")),
            (_, None) => Err(foreign("etag")),
        }
    }
}

fn foreign(name: &str) -> Failure {
    Failure::Answer(format!(
        "the server does not answer as a Hugging Face hub does (no usable `{name}` header)"
    ))
}

pub(super) fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

fn bare_etag(value: &str) -> String {
    value.trim().trim_start_matches("W/").trim_matches('"').to_owned()
}

// It goes to a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Returns the first byte and the total of a range such as `bytes 5-9/10`.
pub(super) fn content_range(answer: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let (range, total) = header(answer, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split_once('/')?;
    let first = range.split('-').next()?.parse().ok()?;
    Some((first, total.parse().ok()))
}

pub(super) fn redirect_of(url: &str, answer: &Response<Body>) -> Result<Redirect, Failure> {
    let nowhere = || Failure::Answer("the server redirects to nowhere".into());
    let location = header(answer, LOCATION.as_str()).ok_or_else(nowhere)?;
    let from = origin(url);
    let next = if location.starts_with("//") {
        let scheme = from.split("//").next().unwrap_or_default();
        format!("{scheme}{location}")
    } else if location.starts_with('/') {
        return Ok(Redirect { url: format!("{from}{location}"), relative: true });
    } else {
        location.to_owned()
    };
    let secure = next.starts_with("https://");
    if !secure && (from.starts_with("https://") || !next.starts_with("http://")) {
        return Err(nowhere());
    }
    Ok(Redirect { url: next, relative: false })
}

/// Returns the origin of a URL, `scheme://host:port`.
pub(super) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?', '#']).map_or(url, |end| &url[..host + end])
}

/// Returns true if what is sent to a URL cannot be read on the way: it is encrypted, or stays on this machine.
pub(super) fn is_private(url: &str) -> bool {
    let Some(rest) = origin(url).strip_prefix("http://") else { return url.starts_with("https://") };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_end_before_the_path() {
        assert_eq!(origin("https://huggingface.co/a/b"), "https://huggingface.co");
        assert_eq!(origin("http://127.0.0.1:80?x=/"), "http://127.0.0.1:80");
        assert_eq!(origin("https://hf-mirror.com"), "https://hf-mirror.com");
        assert_eq!(origin("nonsense"), "nonsense");
    }

    #[test]
    fn only_encrypted_and_local_addresses_are_private() {
        for url in [
            "https://hf.co",
            "http://localhost:1",
            "http://127.0.0.9/x",
            "http://[::1]:80",
            "http://a@127.0.0.1",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://hf.co",
            "http://127.0.0.1@hf.co",
            "http://localhost.hf.co",
            "http://10.0.0.1:80",
            "hf.co",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn names_that_would_leave_the_cache_are_refused() {
        let names = |commit: &str, etag: &str| {
            let identity =
                Identity { commit: Some(commit.into()), etag: Some(etag.into()), ..Identity::default() };
            identity.is_known()
        };
        assert!(names("a1b2", "c3d4"));
        for bad in ["", "..", "../x", "a/b", "/etc", "a\\b", ".hidden"] {
            assert!(!names(bad, "c3d4"), "commit {bad:?}");
            assert!(!names("a1b2", bad), "etag {bad:?}");
        }
    }

    #[test]
    fn a_weak_etag_is_stripped_to_its_name() {
        assert_eq!(bare_etag("W/\"abc\""), "abc");
        assert_eq!(bare_etag("\"abc\""), "abc");
    }
}
