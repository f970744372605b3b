//! The settings that Hugging Face's tools share.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HUB: &str = "https://huggingface.co";

/// Names the cache and the server, and says how patiently the server is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct HubConfig {
    /// The folder that holds `models--owner--name/…`.
    pub cache: PathBuf,
    /// The server, without a trailing slash.
    pub endpoint: String,
    /// The user's token; sent to the endpoint only, never to the servers it redirects to.
    pub token: Option<String>,
    /// Whether the network is never used.
    pub offline: bool,
    /// Number of failures in a row, without a byte of progress, after which a transfer is given up.
    pub retries: u32,
    /// The wait before the first retry; it doubles from one retry to the next, up to 30 seconds.
    pub retry_wait: Duration,
    /// The time that a server may stay silent before the connection counts as lost. A server that sends less than
    /// a kilobyte a second for as long is left too.
    pub stall: Duration,
    /// A file of certificates (PEM) of the authorities that are trusted, in place of the public ones.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files; used beside [`HubConfig::ca_file`].
    pub ca_dir: Option<PathBuf>,
}

impl Default for HubConfig {
    /// Returns the public hub and the usual cache in the home folder. No environment variable is read.
    fn default() -> Self {
        Self::from_lookup(&|_| None, std::env::home_dir())
    }
}

impl HubConfig {
    /// Makes settings with the public hub, no token and this cache.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            endpoint: HUB.into(),
            token: None,
            offline: false,
            retries: 5,
            retry_wait: Duration::from_secs(1),
            stall: Duration::from_secs(30),
            ca_file: None,
            ca_dir: None,
        }
    }

    /// Reads the settings of the environment, as Python's huggingface_hub reads them: `HF_HOME` (else
    /// `XDG_CACHE_HOME/huggingface`, else `~/.cache/huggingface`), `HF_HUB_CACHE` (else `HF_HOME/hub`),
    /// `HF_ENDPOINT`, `HF_TOKEN` (else the file `HF_HOME/token`), `HF_HUB_OFFLINE`. As other programs do, it trusts
    /// the certificates of `SSL_CERT_FILE` and `SSL_CERT_DIR` where one of them is set.
    ///
    /// A machine without a home folder gets `.cache/huggingface` in the current one.
    pub fn from_env() -> Self {
        Self::from_lookup(&|name| std::env::var_os(name), std::env::home_dir())
    }

    fn from_lookup(lookup: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let value = set(name)?.into_string().ok()?;
            let value = value.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let home = home.unwrap_or_default();
        let folder = |name: &str| set(name).map(|value| expand_home(PathBuf::from(value), &home));

        let hf_home = folder("HF_HOME").unwrap_or_else(|| {
            folder("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache")).join("huggingface")
        });
        let mut config = Self::new(folder("HF_HUB_CACHE").unwrap_or_else(|| hf_home.join("hub")));
        if let Some(endpoint) = text("HF_ENDPOINT") {
            config.endpoint = endpoint.trim_end_matches('/').to_owned();
        }
        config.token = text("HF_TOKEN").or_else(|| token_file(&hf_home));
        config.ca_file = folder("SSL_CERT_FILE");
        config.ca_dir = folder("SSL_CERT_DIR");
        config.offline = text("HF_HUB_OFFLINE")
            .is_some_and(|value| matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "on"));
        config
    }
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConfig")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

// The shell does not expand the tilde in `HF_HOME="~/x"` or in a service's settings.
fn expand_home(path: PathBuf, home: &Path) -> PathBuf {
    path.strip_prefix("~").map(|rest| home.join(rest)).unwrap_or(path)
}

fn token_file(hf_home: &Path) -> Option<String> {
    let token = std::fs::read_to_string(hf_home.join("token")).ok()?;
    let token = token.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> HubConfig {
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        HubConfig::from_lookup(&lookup, Some("/home/me".into()))
    }

    #[test]
    fn an_empty_environment_gives_the_public_hub() {
        let expected = HubConfig::new("/home/me/.cache/huggingface/hub");
        assert_eq!(config(&[]), expected);
        assert_eq!(config(&[("HF_HOME", ""), ("HF_TOKEN", " "), ("HF_HUB_OFFLINE", "")]), expected);
        assert_eq!(expected.endpoint, "https://huggingface.co");
    }

    #[test]
    fn the_narrower_variable_decides_the_cache() {
        let cache = |variables: &[(&str, &str)]| config(variables).cache;
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/hf")]), Path::new("/hf/hub"));
        assert_eq!(cache(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/c")]), Path::new("/c"));
        assert_eq!(cache(&[("HF_HOME", "~/hf")]), Path::new("/home/me/hf/hub"));
    }

    #[test]
    fn an_endpoint_loses_its_trailing_slash() {
        assert_eq!(config(&[("HF_ENDPOINT", "https://hf-mirror.com/")]).endpoint, "https://hf-mirror.com");
    }

    #[test]
    fn the_token_comes_from_the_variable_or_the_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "from-file\n").unwrap();
        let home = home.path().to_str().unwrap();
        assert_eq!(config(&[("HF_HOME", home)]).token.as_deref(), Some("from-file"));
        assert_eq!(config(&[("HF_HOME", home), ("HF_HUB_CACHE", "/c")]).token.as_deref(), Some("from-file"));
        assert_eq!(config(&[("HF_HOME", home), ("HF_TOKEN", "set\n")]).token.as_deref(), Some("set"));
    }

    #[test]
    fn certificates_are_those_of_the_environment() {
        let config = config(&[("SSL_CERT_FILE", "~/ca.pem"), ("SSL_CERT_DIR", "/certs")]);
        assert_eq!(config.ca_file.as_deref(), Some(Path::new("/home/me/ca.pem")));
        assert_eq!(config.ca_dir.as_deref(), Some(Path::new("/certs")));
    }

    #[test]
    fn offline_is_read_in_any_case() {
        for value in ["1", "true", "YES", "On"] {
            assert!(config(&[("HF_HUB_OFFLINE", value)]).offline, "{value}");
        }
        for value in ["0", "false", "no", "off"] {
            assert!(!config(&[("HF_HUB_OFFLINE", value)]).offline, "{value}");
        }
    }

    #[test]
    fn debug_output_hides_the_token() {
        let config = config(&[("HF_TOKEN", "hf_secret")]);
        assert!(!format!("{config:?}").contains("secret"));
    }
}
