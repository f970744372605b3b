//! Asks a running service whether it takes requests, for containers in which there is nothing else to ask with.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::load_test::agent;
use super::output::print_line;

/// The time for its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the address of a service, if it is one and no folder.
pub fn address(place: &Path) -> Option<&str> {
    place.to_str().filter(|place| place.starts_with("http://") || place.starts_with("https://"))
}

/// Asks for `/health/ready`, and fails unless that is so.
pub fn ask(address: &str) -> anyhow::Result<()> {
    let url = format!("{}/health/ready", address.trim_end_matches('/'));
    let mut answer = agent(PATIENCE, 1).get(&url).call().with_context(|| format!("no answer from {url}"))?;
    let body = answer.body_mut().read_to_string().with_context(|| format!("no answer from {url}"))?;
    ensure!(answer.status().is_success(), "{url} answers {}: {}", answer.status(), body.trim());
    print_line(body.trim())
}
