//! Finding, downloading and checking a model's files, against a hub on this machine.

mod common;

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chattts_rs::Error;
use chattts_rs::hub::{
    self, DEFAULT_REPO, FileState, HubConfig, ModelFiles, ModelSource, NoiseSize, Transfer, fetch, locate,
    verify,
};
use common::hub_server::{COMMIT, HubServer, etag_of, sha256_of};
use tempfile::TempDir;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny/model");
const EMBED: &str = "asset/Embed.safetensors";
const GPT: &str = "asset/gpt/model.safetensors";
const TOKENIZER: &str = "asset/tokenizer/tokenizer.json";
const SPECIAL: &str = "asset/tokenizer/special_tokens_map.json";
const NEEDED: [&str; 7] = [
    "asset/gpt/config.json",
    TOKENIZER,
    "asset/Decoder.safetensors",
    "asset/DVAE.safetensors",
    EMBED,
    "asset/Vocos.safetensors",
    GPT,
];

/// A hub that serves the tiny checkpoint, and an empty cache. Its repository is not the published
/// one, so that its checksums are not expected.
struct Setup {
    server: HubServer,
    config: HubConfig,
    cache: TempDir,
}

fn setup() -> Setup {
    let server = HubServer::start(MODEL);
    server.serve_as("someone/tiny");
    let cache = tempfile::tempdir().unwrap();
    let mut config = HubConfig::new(cache.path().join("hub"));
    config.endpoint = server.url();
    config.retry_wait = Duration::from_millis(5);
    config.retries = 3;
    Setup { server, config, cache }
}

fn tiny() -> ModelSource {
    ModelSource::hub("someone/tiny")
}

impl Setup {
    fn fetch(&self) -> (Result<ModelFiles, Error>, Events) {
        self.fetch_source(&tiny())
    }

    fn fetch_source(&self, source: &ModelSource) -> (Result<ModelFiles, Error>, Events) {
        let mut events = Events::default();
        let files = fetch(source, &self.config, &mut |event| events.take(event));
        (files, events)
    }

    fn repo(&self) -> PathBuf {
        self.config.cache.join("models--someone--tiny")
    }

    fn part(&self, file: &str) -> PathBuf {
        self.repo().join("blobs").join(etag_of(MODEL, file)).with_extension("part")
    }

    fn write_part(&self, file: &str, bytes: &[u8]) {
        let part = self.part(file);
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(part, bytes).unwrap();
    }
}

#[derive(Default)]
struct Events {
    started: Vec<(String, Option<u64>, usize, usize)>,
    positions: HashMap<String, Vec<u64>>,
    finished: Vec<String>,
    retried: Vec<String>,
    warnings: Vec<String>,
    waited: usize,
}

impl Events {
    fn take(&mut self, event: Transfer<'_>) {
        match event {
            Transfer::Started { file, bytes, index, count } => {
                self.started.push((file.into(), bytes, index, count));
            }
            Transfer::Advanced { file, position } => {
                self.positions.entry(file.into()).or_default().push(position);
            }
            Transfer::Finished { file } => self.finished.push(file.into()),
            Transfer::Retrying { file, .. } => self.retried.push(file.into()),
            Transfer::Waiting { .. } => self.waited += 1,
            Transfer::Warning(text) => self.warnings.push(text),
            _ => {}
        }
    }
}

fn original(file: &str) -> Vec<u8> {
    fs::read(Path::new(MODEL).join(file)).unwrap()
}

fn assert_whole(files: &ModelFiles) {
    for file in NEEDED {
        let copy = fs::read(files.root.join(file.trim_start_matches("asset/"))).unwrap();
        assert!(copy == original(file), "{file} differs");
    }
}

fn message(result: Result<ModelFiles, Error>) -> String {
    match result {
        Err(error @ (Error::ModelNotFound(_) | Error::Unreachable(_))) => error.to_string(),
        other => panic!("expected ModelNotFound, got {other:?}"),
    }
}

fn copy_model(to: &Path, files: &[&str]) {
    for file in files {
        let path = to.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(Path::new(MODEL).join(file), path).unwrap();
    }
}

// Folders

#[test]
fn a_folder_or_its_asset_folder_is_a_model() {
    let config = HubConfig::new("/nowhere");
    let outer = locate(&ModelSource::Folder(MODEL.into()), &config).unwrap();
    let inner = locate(&ModelSource::Folder(Path::new(MODEL).join("asset")), &config).unwrap();
    assert_eq!(outer, inner);
    assert_eq!(outer.root, Path::new(MODEL).join("asset"));
    assert_eq!(outer.tokenizer, Path::new(MODEL).join(TOKENIZER));
    assert_eq!(outer.spk_stat, Some(Path::new(MODEL).join("asset/spk_stat.safetensors")));
    assert_whole(&outer);
}

#[test]
fn a_folder_without_speaker_statistics_is_a_model() {
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &NEEDED);
    let files = locate(&ModelSource::Folder(folder.path().into()), &HubConfig::new("/nowhere")).unwrap();
    assert_eq!(files.spk_stat, None);
}

#[test]
fn every_file_that_a_folder_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &NEEDED[..5]);
    let source = ModelSource::Folder(folder.path().into());
    let text = message(locate(&source, &HubConfig::new("/nowhere")));
    assert!(text.contains("Vocos.safetensors") && text.contains("gpt/model.safetensors"), "{text}");
    assert!(!text.contains("Decoder") && !text.contains("tokenizer"), "{text}");
    assert!(text.contains(&folder.path().join("asset").display().to_string()), "{text}");
}

#[test]
fn an_empty_or_absent_folder_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("absent")] {
        let text = message(locate(&ModelSource::Folder(path.clone()), &HubConfig::new("/nowhere")));
        assert!(text.contains(&path.display().to_string()), "{text}");
    }
}

#[test]
fn a_model_of_the_program_has_no_files() {
    let config = HubConfig::new("/nowhere");
    for source in [ModelSource::Demo, ModelSource::Noise(NoiseSize::Tiny)] {
        assert!(matches!(locate(&source, &config), Err(Error::Parameter { .. })));
        assert!(matches!(fetch(&source, &config, &mut |_| ()), Err(Error::Parameter { .. })));
        assert_eq!(hub::folder(&source, &config), None);
    }
}

// The cache

#[test]
fn a_cache_that_python_made_is_found() {
    let setup = setup();
    let snapshot = setup.repo().join("snapshots").join(COMMIT);
    copy_model(&snapshot, &NEEDED);
    fs::create_dir_all(setup.repo().join("refs")).unwrap();
    fs::write(setup.repo().join("refs/main"), COMMIT).unwrap();
    let files = locate(&tiny(), &setup.config).unwrap();
    assert_eq!(files.root, snapshot.join("asset"));
    assert_eq!(hub::folder(&tiny(), &setup.config), Some(snapshot));
    assert_eq!(setup.fetch().0.unwrap(), files);
    assert!(setup.server.requests().is_empty(), "nothing was missing");
}

#[test]
fn a_commit_is_looked_up_without_a_reference() {
    let setup = setup();
    copy_model(&setup.repo().join("snapshots").join(COMMIT), &NEEDED);
    let at = |revision: &str| ModelSource::Hub { repo: "someone/tiny".into(), revision: revision.into() };
    assert!(locate(&at(COMMIT), &setup.config).is_ok());
    assert!(locate(&at(&COMMIT.replace('0', "f")), &setup.config).is_err());
    assert!(locate(&at("main"), &setup.config).is_err());
}

#[test]
fn locate_never_asks_the_network() {
    let setup = setup();
    let text = message(locate(&tiny(), &setup.config));
    assert!(text.contains("chattts-rs model download"), "{text}");
    assert!(setup.server.requests().is_empty());
    assert_eq!(hub::folder(&tiny(), &setup.config), Some(setup.repo()));
}

// Downloads

#[test]
fn everything_is_fetched_once_and_found_afterwards() {
    let setup = setup();
    let (files, events) = setup.fetch();
    let files = files.unwrap();
    assert_whole(&files);
    assert_eq!(locate(&tiny(), &setup.config).unwrap(), files);
    assert_eq!(files.spk_stat, None, "it is not a published file");
    assert_eq!(files.root, setup.repo().join("snapshots").join(COMMIT).join("asset"));
    assert_eq!(fs::read_to_string(setup.repo().join("refs/main")).unwrap(), COMMIT);
    assert!(files.root.join("tokenizer/tokenizer_config.json").is_file(), "the cache is a whole model");

    let requests = setup.server.requests();
    assert!(requests.iter().all(|request| request.range().is_none()), "{requests:?}");
    // Compressed answers have no ranges (huggingface/hf-hub#141).
    assert!(requests.iter().all(|request| request.headers["accept-encoding"] == "identity"));
    assert_eq!(requests.len(), 9 + 5, "nine files, five of them redirected");

    assert!(events.warnings.is_empty() && events.retried.is_empty(), "{:?}", events.warnings);
    assert_eq!(events.finished.len(), 9);
    assert!(events.started.iter().enumerate().all(|(n, (_, _, index, count))| (n, 9) == (*index, *count)));
    for (file, bytes, ..) in &events.started {
        let length = original(file).len() as u64;
        assert_eq!(*bytes, Some(length));
        let positions = &events.positions[file];
        assert!(positions.is_sorted() && positions.last() == Some(&length), "{file}: {positions:?}");
    }

    setup.server.forget_requests();
    assert_eq!(setup.fetch().0.unwrap(), files);
    assert!(setup.server.requests().is_empty(), "a second run needs no network");
}

#[cfg(unix)]
#[test]
fn the_cache_has_the_layout_of_other_programs() {
    let setup = setup();
    let files = setup.fetch().0.unwrap();
    let link = fs::read_link(&files.gpt).unwrap();
    assert_eq!(link, Path::new("../../../../blobs").join(etag_of(MODEL, GPT)));
    let hf = hf_hub::Cache::new(setup.config.cache.clone()).model("someone/tiny".into());
    assert_eq!(hf.get(GPT), Some(files.gpt));
}

#[test]
fn only_what_is_missing_is_fetched() {
    let setup = setup();
    setup.fetch().0.unwrap();
    fs::remove_file(setup.repo().join("snapshots").join(COMMIT).join(TOKENIZER)).unwrap();
    setup.server.forget_requests();
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert_eq!(events.started.len(), 1);
    let asked: Vec<_> = setup.server.requests().into_iter().filter_map(|request| request.file).collect();
    assert_eq!(asked, [TOKENIZER]);
}

#[test]
fn a_new_commit_reuses_the_blobs_that_did_not_change() {
    let setup = setup();
    setup.fetch().0.unwrap();
    fs::remove_file(setup.repo().join("snapshots").join(COMMIT).join(TOKENIZER)).unwrap();
    setup.server.forget_requests();
    let newer = COMMIT.replace('0', "9");
    setup.server.set_commit(&newer);
    let files = setup.fetch().0.unwrap();
    assert_eq!(files.root, setup.repo().join("snapshots").join(&newer).join("asset"));
    assert_whole(&files);
    assert!(setup.server.transfers(GPT).is_empty() && setup.server.transfers(EMBED).is_empty());
}

#[test]
fn optional_files_may_be_missing_on_the_server() {
    let setup = setup();
    setup.server.hide(SPECIAL);
    setup.server.hide("asset/tokenizer/tokenizer_config.json");
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert!(events.warnings.is_empty());
    assert_eq!(events.finished.len(), 7);
}

#[test]
fn small_files_behind_a_relative_redirect_keep_their_own_etag() {
    let setup = setup();
    setup.server.redirect_small_files();
    assert_whole(&setup.fetch().0.unwrap());
    assert!(setup.repo().join("blobs").join(etag_of(MODEL, TOKENIZER)).is_file());
}

#[test]
fn a_mirror_that_sends_no_length_is_good_enough() {
    let setup = setup();
    setup.server.without_length();
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    let tokenizer = events.started.iter().find(|(file, ..)| file == TOKENIZER).unwrap();
    assert_eq!(tokenizer.1, None);
}

#[test]
fn a_mirror_that_sends_on_to_another_hub_is_followed() {
    let setup = setup();
    let other = HubServer::start(MODEL);
    other.serve_as("someone/tiny");
    setup.server.move_to(&other);
    assert_whole(&setup.fetch().0.unwrap());
    assert!(setup.repo().join("blobs").join(etag_of(MODEL, TOKENIZER)).is_file());
}

#[test]
fn a_mirror_that_leaves_the_etag_to_the_storage_is_good_enough() {
    let setup = setup();
    setup.server.without_linked_etag();
    setup.server.cut(EMBED, 100_000, 1);
    assert_whole(&setup.fetch().0.unwrap());
    assert_eq!(setup.server.transfers(EMBED).last().unwrap().as_deref(), Some("bytes=100000-"));
}

#[test]
fn a_revision_with_a_slash_is_one_part_of_the_address() {
    let setup = setup();
    let source = ModelSource::Hub { repo: "someone/tiny".into(), revision: "refs/pr/1".into() };
    assert_whole(&setup.fetch_source(&source).0.unwrap());
    assert!(setup.server.requests()[0].target.starts_with("/someone/tiny/resolve/refs%2Fpr%2F1/asset/"));
    assert!(locate(&source, &setup.config).is_ok());
}

// Interruptions

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let setup = setup();
    setup.server.cut(EMBED, 100_000, 2);
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    let expected = [None, Some("bytes=100000-".to_owned()), Some("bytes=200000-".to_owned())];
    assert_eq!(setup.server.transfers(EMBED), expected);
    assert_eq!(events.retried, [EMBED, EMBED]);
    assert_eq!(events.started.len(), 9, "a retry is not another file");
    assert!(events.positions[EMBED].is_sorted(), "progress does not fall back");
}

#[test]
fn a_connection_that_keeps_breaking_is_resumed_while_it_brings_something() {
    let setup = setup();
    setup.server.cut(EMBED, 100_000, 10);
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert_eq!(events.retried.len(), 10, "more than the retries in a row");
}

#[test]
fn a_server_that_starts_over_and_breaks_at_the_same_place_is_given_up() {
    let setup = setup();
    setup.server.ignore_ranges();
    setup.server.cut(EMBED, 100_000, usize::MAX);
    let (result, events) = setup.fetch();
    assert!(matches!(result, Err(Error::Download { .. })), "{result:?}");
    assert_eq!(events.retried.len(), 3, "only the first attempt brought something new");
}

#[test]
fn a_small_file_is_resumed_too() {
    let setup = setup();
    setup.server.cut(TOKENIZER, 5000, 1);
    assert_whole(&setup.fetch().0.unwrap());
    assert_eq!(setup.server.transfers(TOKENIZER).last().unwrap().as_deref(), Some("bytes=5000-"));
}

#[test]
fn an_interrupted_run_is_continued_by_the_next() {
    let mut setup = setup();
    setup.config.retries = 0;
    setup.server.cut(GPT, 200_000, 1);
    let (result, _) = setup.fetch();
    let Err(error @ Error::Download { .. }) = result else { panic!("{result:?}") };
    let text = error.to_string();
    assert!(text.contains(GPT) && text.contains("200000 of 569768"), "{text}");
    assert_eq!(fs::metadata(setup.part(GPT)).unwrap().len(), 200_000);

    setup.server.forget_requests();
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert_eq!(setup.server.transfers(GPT), [Some("bytes=200000-".to_owned())]);
    assert_eq!(events.positions[GPT][0], 200_000, "resumed bytes count as progress");
    assert!(setup.server.transfers(EMBED).is_empty(), "what was complete is not fetched again");
    assert!(!setup.part(GPT).exists());
}

#[test]
fn a_part_as_long_as_the_file_is_not_asked_for_again() {
    let setup = setup();
    setup.write_part(GPT, &original(GPT));
    assert_whole(&setup.fetch().0.unwrap());
    assert!(setup.server.transfers(GPT).is_empty());
}

#[test]
fn a_part_that_cannot_be_right_is_fetched_from_the_start() {
    let mut longer = original(GPT);
    longer.push(0);
    let mut other = original(GPT);
    other[7] ^= 1;
    for part in [longer, other] {
        let setup = setup();
        setup.write_part(GPT, &part);
        let (files, events) = setup.fetch();
        assert_whole(&files.unwrap());
        assert_eq!(setup.server.transfers(GPT), [None]);
        assert!(events.warnings.is_empty() && events.retried.is_empty());
    }
}

#[test]
fn a_server_without_ranges_sends_the_file_again() {
    let setup = setup();
    setup.server.ignore_ranges();
    setup.write_part(GPT, &original(GPT)[..1000]);
    setup.server.cut(EMBED, 100_000, 1);
    assert_whole(&setup.fetch().0.unwrap());
}

#[test]
fn an_outdated_part_of_unknown_size_is_dropped() {
    let setup = setup();
    setup.server.without_length();
    setup.write_part(TOKENIZER, &vec![b' '; 100_000]);
    assert_whole(&setup.fetch().0.unwrap());
}

#[test]
fn a_silent_server_is_left_and_asked_again() {
    let mut setup = setup();
    setup.config.stall = Duration::from_millis(300);
    setup.server.stall(EMBED, 50_000, 1);
    let start = Instant::now();
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert_eq!(events.retried, [EMBED]);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_busy_server_is_asked_again() {
    let setup = setup();
    setup.server.refuse(TOKENIZER, 503, 2);
    setup.server.refuse(GPT, 429, 1);
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert_eq!(events.retried, [TOKENIZER, TOKENIZER, GPT]);
}

#[test]
fn patience_ends() {
    let setup = setup();
    setup.server.refuse(TOKENIZER, 503, 100);
    let (result, events) = setup.fetch();
    let text = message(result);
    assert!(text.contains("503") && text.contains(TOKENIZER), "{text}");
    assert_eq!(events.retried.len(), 3);
}

#[test]
fn another_program_that_downloads_the_file_is_waited_for() {
    let setup = setup();
    let lock = setup.part(GPT).with_extension("lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    let (pointer, target) = (setup.repo().join("snapshots").join(COMMIT).join(GPT), original(GPT));
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(600));
        fs::create_dir_all(pointer.parent().unwrap()).unwrap();
        fs::write(pointer, target).unwrap();
        drop(held);
    });
    let (files, events) = setup.fetch();
    other.join().unwrap();
    assert_whole(&files.unwrap());
    assert_eq!(events.waited, 1);
    assert!(setup.server.transfers(GPT).is_empty(), "the other one has brought it");
}

#[cfg(unix)]
#[test]
fn a_link_without_its_blob_is_repaired() {
    let setup = setup();
    setup.fetch().0.unwrap();
    fs::remove_file(setup.repo().join("blobs").join(etag_of(MODEL, GPT))).unwrap();
    let text = message(locate(&tiny(), &setup.config));
    assert!(text.contains(GPT) && !text.contains(EMBED), "{text}");
    assert_whole(&setup.fetch().0.unwrap());
}

#[cfg(unix)]
#[test]
fn a_snapshot_folder_that_was_moved_elsewhere_is_filled() {
    let setup = setup();
    let elsewhere = setup.cache.path().join("very/far/away");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::create_dir_all(setup.repo()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, setup.repo().join("snapshots")).unwrap();
    assert_whole(&setup.fetch().0.unwrap());
}

// Checksums

#[test]
fn what_was_damaged_in_transfer_is_refused_and_not_kept() {
    let setup = setup();
    setup.server.corrupt(GPT);
    let mut damaged = original(GPT);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for _ in 0..2 {
        let (result, events) = setup.fetch();
        let Err(error @ Error::Download { .. }) = result else { panic!("{result:?}") };
        let text = error.to_string();
        for part in [GPT, &sha256_of(&damaged), &etag_of(MODEL, GPT), "damaged"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert!(events.retried.is_empty());
        assert!(!setup.part(GPT).exists() && !setup.repo().join("blobs").join(etag_of(MODEL, GPT)).exists());
        assert!(locate(&tiny(), &setup.config).is_err());
    }
    setup.server.heal();
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert!(events.warnings.is_empty(), "{:?}", events.warnings);
}

#[test]
fn files_of_the_published_repository_are_compared_with_the_published_checksums() {
    let setup = setup();
    setup.server.serve_as(DEFAULT_REPO);
    let (files, events) = setup.fetch_source(&ModelSource::default());
    let files = files.unwrap();
    let published = verify(&ModelSource::default(), &setup.config).unwrap();
    let differing: Vec<_> = published.iter().filter(|check| check.state != FileState::Published).collect();
    assert_eq!(events.warnings.len(), differing.len(), "one each: {:?}", events.warnings);
    for check in differing {
        let FileState::Differs { found } = &check.state else { panic!("{check:?}") };
        let told = |text: &&String| text.contains(check.file) && text.contains(found.as_str());
        assert_eq!(events.warnings.iter().filter(told).count(), 1, "{}", check.file);
    }
    // Not only when they come: a file in the cache is compared too, and read once.
    let again = || hub::differences(&ModelSource::default(), &setup.config);
    let needed = NEEDED.iter().filter(|file| events.warnings.iter().any(|text| text.contains(**file)));
    assert_eq!(again().len(), needed.count(), "{:?}", again());
    let stamp = setup.config.cache.join("models--2Noise--ChatTTS/.chattts-rs-checked");
    let sum = sha256_of(&original(GPT));
    let text = fs::read_to_string(&stamp).unwrap();
    fs::write(&stamp, text.replace(&sum, &"7".repeat(64))).unwrap();
    assert!(
        again().iter().any(|warning| warning.contains(&"7".repeat(64))),
        "it was read again: {:?}",
        again()
    );
    let blob = fs::canonicalize(&files.gpt).unwrap();
    fs::write(&blob, "another").unwrap();
    assert!(again().iter().any(|warning| warning.contains(&sha256_of(b"another"))), "{:?}", again());
    // Of another model nothing is known.
    assert!(hub::differences(&tiny(), &setup.config).is_empty());
}

#[test]
fn a_body_without_end_is_left_where_it_should_end() {
    let mut setup = setup();
    setup.config.retries = 0;
    setup.server.endless(GPT);
    let (result, _) = setup.fetch();
    let Err(error @ Error::Download { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains("569768 were announced"), "{error}");
    assert_eq!(fs::metadata(setup.part(GPT)).unwrap().len(), 0, "it cannot be continued");
}

#[test]
fn a_server_that_sends_byte_by_byte_is_left() {
    let mut setup = setup();
    setup.config.stall = Duration::from_millis(400);
    setup.config.retries = 2;
    setup.server.drip(EMBED);
    let start = Instant::now();
    let (result, events) = setup.fetch();
    let Err(error @ Error::Download { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains("too slow"), "{error}");
    assert_eq!(events.retried, [EMBED, EMBED], "the bytes that came are no reason to go on for ever");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn certificates_to_trust_are_read_or_an_error_names_them() {
    let mut setup = setup();
    let absent = setup.cache.path().join("absent.pem");
    setup.config.ca_file = Some(absent.clone());
    let error = setup.fetch().0.unwrap_err().to_string();
    assert!(error.contains("absent.pem"), "{error}");
    fs::write(&absent, "no certificate").unwrap();
    let error = setup.fetch().0.unwrap_err().to_string();
    assert!(error.contains("absent.pem") && error.contains("no certificate"), "{error}");
    if cfg!(target_os = "linux") {
        setup.config.ca_file = Some("/dev/zero".into());
        let error = setup.fetch().0.unwrap_err().to_string();
        assert!(error.contains("/dev/zero") && error.contains("larger than"), "{error}");
    }
    assert!(setup.server.requests().is_empty());
}

/// The one published file that is quickly written down: the control tokens and BERT's own.
fn published_special_tokens() -> String {
    let numbered = |name: &str, count: usize| (0..count).map(|n| format!("[{name}_{n}]")).collect::<Vec<_>>();
    let mut tags: Vec<String> =
        "[Sasr] [Pasr] [Easr] [Stts] [Ptts] [Etts] [Sbreak] [Pbreak] [Ebreak] [uv_break] \
         [v_break] [lbreak] [llbreak] [undefine] [laugh] [spk_emb] [empty_spk] [music] [pure]"
            .split(' ')
            .map(str::to_owned)
            .collect();
    for (name, count) in [("break", 8), ("laugh", 3), ("oral", 10), ("speed", 10)] {
        tags.extend(numbered(name, count));
    }
    let token = |content: &str, indent: &str| {
        let flags = ["lstrip", "normalized", "rstrip", "single_word"]
            .map(|flag| format!(",\n{indent}  \"{flag}\": false"))
            .concat();
        format!("{{\n{indent}  \"content\": \"{content}\"{flags}\n{indent}}}")
    };
    let tags: Vec<String> = tags.iter().map(|tag| format!("    {}", token(tag, "    "))).collect();
    let own: String = ["cls", "mask", "pad", "sep", "unk"]
        .map(|name| {
            let content = format!("[{}]", name.to_uppercase());
            format!(",\n  \"{name}_token\": {}", token(&content, "  "))
        })
        .concat();
    format!("{{\n  \"additional_special_tokens\": [\n{}\n  ]{own}\n}}\n", tags.join(",\n"))
}

#[test]
fn verify_tells_published_different_and_missing_files_apart() {
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &[GPT, TOKENIZER]);
    fs::write(folder.path().join(SPECIAL), published_special_tokens()).unwrap();
    let source = ModelSource::Folder(folder.path().into());
    let checks = verify(&source, &HubConfig::new("/nowhere")).unwrap();
    assert_eq!(checks.len(), 9);
    let state = |file: &str| &checks.iter().find(|check| check.file == file).unwrap().state;
    assert_eq!(*state(GPT), FileState::Differs { found: sha256_of(&original(GPT)) });
    assert_eq!(*state(SPECIAL), FileState::Published);
    assert_eq!(*state(EMBED), FileState::Missing);
    assert_eq!(checks[0].path, folder.path().join("asset/gpt/config.json"));
}

#[test]
fn verify_of_a_model_that_is_not_here_names_every_file_as_missing() {
    let setup = setup();
    let checks = verify(&tiny(), &setup.config).unwrap();
    assert!(checks.len() == 9 && checks.iter().all(|check| check.state == FileState::Missing));
    assert!(setup.server.requests().is_empty());
    let absent = ModelSource::Folder(setup.cache.path().join("absent"));
    assert!(matches!(verify(&absent, &setup.config), Err(Error::ModelNotFound(_))));
}

// No weights and no network

fn assert_ways_out(text: &str, setup: &Setup) {
    let cache = setup.repo().display().to_string();
    let url = format!("{}/someone/tiny/resolve/main/", setup.config.endpoint);
    let ways = ["name it as the model", "HF_ENDPOINT=https://hf-mirror.com", "the model `demo`"];
    for part in NEEDED.iter().chain(&ways).chain(&[cache.as_str(), url.as_str()]) {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn offline_asks_nobody_and_tells_the_ways_out() {
    let mut setup = setup();
    setup.config.offline = true;
    let text = message(setup.fetch().0);
    assert!(text.contains("offline is switched on"), "{text}");
    assert_ways_out(&text, &setup);
    assert!(setup.server.requests().is_empty());
}

#[test]
fn offline_uses_what_is_in_the_cache() {
    let mut setup = setup();
    setup.fetch().0.unwrap();
    setup.config.offline = true;
    assert_whole(&setup.fetch().0.unwrap());
}

#[test]
fn an_unreachable_server_is_given_up_soon_and_named() {
    let mut setup = setup();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    setup.config.endpoint = format!("http://{closed}");
    let (result, events) = setup.fetch();
    assert!(matches!(result, Err(Error::Unreachable(_))), "another time may do");
    let text = message(result);
    assert!(text.contains("could not be reached"), "{text}");
    assert_ways_out(&text, &setup);
    assert_eq!(events.retried.len(), 1);
}

#[test]
fn a_wrong_repository_is_a_404_with_a_hint_and_no_retry() {
    let setup = setup();
    let (result, events) = setup.fetch_source(&ModelSource::hub("someone/else"));
    let text = message(result);
    assert!(text.contains("404") && text.contains("name and revision"), "{text}");
    assert_eq!((events.retried.len(), setup.server.requests().len()), (0, 1));
}

#[test]
fn a_token_is_asked_for_and_sent() {
    let mut setup = setup();
    setup.server.require_token("hf_secret");
    let text = message(setup.fetch().0);
    assert!(text.contains("401") && text.contains("set HF_TOKEN"), "{text}");
    assert_ways_out(&text, &setup);
    setup.config.token = Some("hf_wrong".into());
    let text = message(setup.fetch().0);
    assert!(text.contains("401") && text.contains("may not read") && !text.contains("hf_wrong"), "{text}");
    setup.config.token = Some("hf_secret".into());
    assert_whole(&setup.fetch().0.unwrap());
}

#[test]
fn the_token_is_not_sent_where_others_could_read_it() {
    let mut setup = setup();
    setup.config.token = Some("hf_secret".into());
    // A name of this machine that is no loopback's.
    setup.config.endpoint = setup.server.url().replace("127.0.0.1", "0.0.0.0");
    let (files, events) = setup.fetch();
    assert_whole(&files.unwrap());
    assert!(setup.server.requests().iter().all(|request| !request.headers.contains_key("authorization")));
    let [warning] = events.warnings.as_slice() else { panic!("{:?}", events.warnings) };
    assert!(warning.contains("HF_TOKEN") && !warning.contains("hf_secret"), "{warning}");
}

#[test]
fn the_token_does_not_follow_a_redirect_to_another_server() {
    let mut setup = setup();
    let storage = HubServer::start(MODEL);
    setup.server.use_cdn(&storage);
    setup.config.token = Some("hf_secret".into());
    assert_whole(&setup.fetch().0.unwrap());
    assert!(setup.server.requests().iter().all(|request| request.headers.contains_key("authorization")));
    assert_eq!(storage.requests().len(), 5);
    assert!(storage.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

// Servers that are no hub

#[test]
fn a_server_that_is_no_hub_is_recognised() {
    let setup = setup();
    setup.server.without_commit();
    let (result, events) = setup.fetch();
    let Err(error @ Error::Download { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains("Hugging Face hub"), "{error}");
    assert!(events.retried.is_empty());
}

#[test]
fn an_etag_cannot_lead_out_of_the_cache() {
    let setup = setup();
    setup.server.forge_etag("../../../../escaped");
    assert!(matches!(setup.fetch().0, Err(Error::Download { .. })));
    assert_eq!(fs::read_dir(setup.cache.path()).unwrap().count(), 0);
}
