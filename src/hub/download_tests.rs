//! Tests of downloads from servers that misbehave.

use std::net::TcpListener;

use super::*;

#[test]
fn a_server_that_never_answers_is_told_soon_and_then_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let cache = tempfile::tempdir().unwrap();
    let mut config = HubConfig::new(cache.path());
    config.endpoint = format!("http://{}", silent.local_addr().unwrap());
    config.stall = Duration::from_secs(2);
    config.retry_wait = Duration::ZERO;
    let repo = CachedRepo::new(&config.cache, "someone/tiny", "main");
    let start = Instant::now();
    let mut told = None;
    let mut take = |event: Transfer<'_>| {
        if let Transfer::Retrying { .. } = event {
            told.get_or_insert_with(|| start.elapsed());
        }
    };
    let mut downloader = Downloader::new(&config, &repo, &mut take).unwrap();
    let fetched = downloader.fetch("asset/gpt/config.json", Place { index: 0, count: 1 });
    assert!(matches!(fetched, Err(Failure::Connect(_))));
    assert!(told.is_some_and(|time| time < config.stall), "{told:?}");
    assert!(start.elapsed() >= config.stall, "{:?}", start.elapsed());
}
