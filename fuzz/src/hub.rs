//! The answers of a server.

use std::path::Path;
use std::time::Duration;

use chattts_rs::hub::HubConfig;

use crate::{assert_message, place};

/// Stands between answers.
const MARK: &[u8] = b"\n%%\n";

/// Downloads a file from a server that gives these answers, one a connection.
pub fn hub(data: &[u8]) {
    let folder = place::folder().join("hub");
    let cache = folder.join("cache");
    let mut config = HubConfig::new(&cache);
    config.endpoint = "http://127.0.0.1".into();
    config.token = Some("hf_token_of_the_user".into());
    config.retries = 1;
    config.retry_wait = Duration::ZERO;
    config.stall = Duration::from_secs(1);
    let mut answers = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        answers.push(rest[..at].to_vec());
        rest = &rest[at + MARK.len()..];
    }
    answers.push(rest.to_vec());
    match chattts_rs::hub::fuzzing::fetch(&config, answers) {
        Ok(path) => {
            let root = cache.canonicalize().expect("the cache");
            let found = path.canonicalize().expect("the file");
            assert!(found.starts_with(root), "{} lies outside of the cache", found.display());
            let length = found.metadata().expect("the file").len();
            assert!(length <= data.len() as u64, "{length} bytes of {} that came", data.len());
        }
        Err(error) => assert_message(&error.to_string()),
    }
    let beside = names(&folder);
    assert!(beside.iter().all(|name| name == "cache"), "written beside the cache: {beside:?}");
    if cache.exists() {
        std::fs::remove_dir_all(&cache).expect("a cache that can be removed");
    }
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}
