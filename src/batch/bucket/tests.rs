use std::collections::HashSet;
use std::path::{Path, PathBuf};

use object_store::memory::InMemory;
use object_store::{ObjectStoreExt as _, path::Path as Location};

use super::*;
use crate::batch::{Content, Entry, Ledger, Made, ShardState, Store, standing};

/// A store in memory, and the places of some prefixes of it.
struct Memory(Arc<InMemory>);

impl Memory {
    fn new() -> Self {
        Memory(Arc::new(InMemory::new()))
    }

    fn place(&self, prefix: &str) -> Store {
        let store = Arc::clone(&self.0) as Arc<dyn ObjectStore>;
        Store::of(Bucket::of(store, &format!("memory://bucket/{prefix}"), prefix).unwrap())
    }

    fn write(&self, name: &str, bytes: &str) {
        let location = Location::parse(name).unwrap();
        run(self.0.put(&location, bytes.to_string().into())).unwrap();
    }

    fn remove(&self, name: &str) {
        run(self.0.delete(&Location::parse(name).unwrap())).unwrap();
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn entry(name: &str, key: &str, file: &[u8]) -> Entry {
    Entry::new(Path::new(name), key, file, 1.5, 42).unwrap()
}

fn store(ledger: &mut Ledger, name: &str, key: &str) {
    let file = format!("{name} made from {key}");
    ledger.store(entry(name, key, file.as_bytes()), file.as_bytes(), true).unwrap();
}

fn is_done(ledger: &Ledger, name: &str, key: &str) -> bool {
    ledger.is_done(Path::new(name), key)
}

fn shard(index: usize, count: usize) -> Option<Shard> {
    Some(Shard::new(index, count).unwrap())
}

/// The ledgers of a place.
fn ledgers(place: &Store) -> Vec<String> {
    let mut names: Vec<String> = place.state().unwrap().into_iter().map(|(name, _)| name).collect();
    names.retain(|name| crate::batch::ledger::is_ledger(name));
    names.sort();
    names
}

#[test]
fn a_file_is_done_under_its_key_while_the_store_has_these_bytes() {
    let memory = Memory::new();
    let place = memory.place("a/b");
    let mut ledger = place.ledger(None).unwrap();
    store(&mut ledger, "x/1.wav", "k");
    store(&mut ledger, "2.wav", "k");
    drop(ledger);
    assert_eq!(place.read("x/1.wav").unwrap().unwrap(), b"x/1.wav made from k");
    // Other bytes of the same length; then the same bytes put anew, which has another tag here.
    memory.write("a/b/2.wav", "2.wav made from z");
    memory.write("a/b/x/1.wav", "x/1.wav made from k");
    let mut ledger = place.ledger(None).unwrap();
    ledger.settle(["x/1.wav", "2.wav"].map(Path::new)).unwrap();
    assert!(is_done(&ledger, "x/1.wav", "k") && !is_done(&ledger, "x/1.wav", "other"));
    assert!(!is_done(&ledger, "2.wav", "k"));
    assert!(ledger.verify(Path::new("x/1.wav"), "k").unwrap());
    drop(ledger);
    memory.remove("a/b/x/1.wav");
    assert!(!is_done(&place.ledger(None).unwrap(), "x/1.wav", "k"));
    assert!(!memory.place("a").has_state().unwrap() && place.has_state().unwrap());
}

#[test]
fn ledgers_are_made_one_by_whoever_locks_the_whole() {
    let memory = Memory::new();
    let place = memory.place("");
    let (mut first, mut second) = (place.ledger(shard(0, 2)).unwrap(), place.ledger(shard(1, 2)).unwrap());
    let in_use = |result: Result<Ledger>| matches!(result, Err(Error::InUse { .. }));
    assert!(in_use(place.ledger(None)) && in_use(place.ledger(shard(1, 2))));
    store(&mut first, "a.wav", "k");
    store(&mut second, "b.wav", "k");
    assert!(matches!(first.widen(), Err(Error::InUse { .. })));
    drop(second);
    assert_eq!(ledgers(&place).len(), 2);
    first.widen().unwrap();
    assert!(is_done(&first, "a.wav", "k") && is_done(&first, "b.wav", "k"));
    assert_eq!(ledgers(&place), ["ledger.jsonl"]);
    assert!(in_use(place.ledger(shard(1, 2))));
    store(&mut first, "c.wav", "k");
    drop(first);
    let third = place.ledger(shard(2, 3)).unwrap();
    assert!(["a.wav", "b.wav", "c.wav"].iter().all(|name| is_done(&third, name, "k")));
}

#[test]
fn where_ledgers_disagree_the_store_decides() {
    let memory = Memory::new();
    let place = memory.place("p");
    for (index, key) in [(0, "1"), (1, "2"), (2, "1")] {
        store(&mut place.ledger(shard(index, 3)).unwrap(), "a.wav", key);
    }
    let mut ledger = place.ledger(shard(1, 3)).unwrap();
    ledger.settle([Path::new("a.wav")]).unwrap();
    assert_eq!(["1", "2"].map(|key| is_done(&ledger, "a.wav", key)), [true, false]);
}

#[test]
fn many_files_are_put_at_a_time_and_each_has_its_end() {
    let memory = Memory::new();
    let place = memory.place("p");
    let mut ledger = place.ledger(None).unwrap();
    let mut ended = Vec::new();
    for i in 0..1000 {
        let name = format!("{i}.wav");
        let bytes = name.clone().into_bytes();
        let beside = vec![(PathBuf::from(format!("{i}.srt")), b"1".to_vec())];
        let made = Made { entry: entry(&name, "k", &bytes), content: Content::Bytes(bytes), beside };
        ledger.begin(made, true).unwrap();
        ended.extend(ledger.ended(false, true));
        ledger.flush(false).unwrap();
    }
    ended.extend(ledger.ended(true, true));
    assert!(ended.len() == 1000 && ended.iter().all(|(_, result)| result.is_ok()));
    drop(ledger);
    assert_eq!(Ledger::read(&place).unwrap().len(), 1000);
    assert_eq!(place.read("999.srt").unwrap().unwrap(), b"1");
    assert_eq!(place.ledger(None).unwrap().len(), 1000);
}

#[test]
fn a_large_file_goes_in_parts() {
    let memory = Memory::new();
    let place = memory.place("p");
    let mut ledger = place.ledger(None).unwrap();
    for length in [0, 1, 8 << 20, (8 << 20) + 1, (20 << 20) + 3] {
        let bytes: Vec<u8> = (0..length).map(|i: usize| (i % 251) as u8).collect();
        let part = ledger.part_file(Path::new("x.wav")).unwrap();
        std::fs::write(part.path(), &bytes).unwrap();
        let entry = Entry::of_file(Path::new("x.wav"), "k", part.path(), 1.0, 0).unwrap();
        ledger.begin(Made { entry, content: Content::Part(part), beside: Vec::new() }, true).unwrap();
        assert!(ledger.ended(true, true).iter().all(|(_, result)| result.is_ok()));
        assert!(place.read("x.wav").unwrap().unwrap() == bytes, "{length}");
        place.write("y.wav", &bytes).unwrap();
        assert!(place.read("y.wav").unwrap().unwrap() == bytes, "{length}");
    }
    assert!(is_done(&ledger, "x.wav", "k"));
}

#[test]
fn pruning_deletes_what_was_finished_here_and_nothing_else() {
    let memory = Memory::new();
    let place = memory.place("p");
    let mut ledger = place.ledger(None).unwrap();
    for name in ["keep.wav", "old.wav", "x/old.wav", "edited.wav"] {
        store(&mut ledger, name, "k");
    }
    drop(ledger);
    memory.write("p/edited.wav", "mine");
    memory.write("p/unknown.wav", "mine");
    let keep: HashSet<PathBuf> = ["keep.wav"].map(PathBuf::from).into();
    let deleted = place.ledger(None).unwrap().prune(&keep).unwrap();
    assert_eq!(deleted, ["memory://bucket/p/old.wav", "memory://bucket/p/x/old.wav"].map(PathBuf::from));
    for (name, is_there) in [
        ("keep.wav", true),
        ("old.wav", false),
        ("x/old.wav", false),
        ("edited.wav", true),
        ("unknown.wav", true),
    ] {
        assert_eq!(place.read(name).unwrap().is_some(), is_there, "{name}");
    }
}

#[test]
fn a_lock_that_was_given_back_has_expired_or_means_nothing_is_free() {
    let memory = Memory::new();
    let place = memory.place("p");
    let write = |seconds: i64| {
        let words = format!(r#"{{"holder": "process 1 on elsewhere", "run": 7, "seconds": {seconds}}}"#);
        memory.write("p/.chattts-rs/lock", &words);
    };
    write(60);
    match place.ledger(None) {
        Err(Error::InUse { dir, holder }) => {
            assert_eq!(dir, Path::new("memory://bucket/p"));
            assert!(holder.starts_with("process 1 on elsewhere, last heard of "), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    assert!(place.ledger(shard(0, 2)).is_err());
    // The shard's own lock is free again.
    write(0);
    drop(place.ledger(shard(0, 2)).unwrap());
    memory.write("p/.chattts-rs/lock", "nothing");
    drop(place.ledger(None).unwrap());
    write(1);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    drop(place.ledger(None).unwrap());
    // No clock is left behind.
    let left = place.state().unwrap();
    assert!(left.iter().all(|(name, _)| !name.starts_with("clock")), "{left:?}");
}

#[test]
fn shards_tell_how_far_they_are() {
    let memory = Memory::new();
    let place = memory.place("p");
    let held = place.ledger(shard(1, 2)).unwrap();
    let state =
        ShardState { index: 1, count: 2, total: 9, lines: 3, done: 3, has_ended: true, ..Default::default() };
    state.write(&place).unwrap();
    let found = standing(&place).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[1].state == state && found[1].is_running && !found[0].is_running);
    drop(held);
    assert!(!standing(&place).unwrap()[1].is_running);
}

#[test]
fn an_address_that_leads_nowhere_says_why() {
    for (address, words) in [
        ("s3://", "no bucket is named"),
        ("ftp://host/x", "ftp is no object store; s3, gs and az are known"),
        ("s3://bucket/a//b", "s3://bucket/a//b: "),
    ] {
        let error = Store::open(Path::new(address)).unwrap_err().to_string();
        assert!(error.starts_with("place: ") && error.contains(words), "{error}");
    }
    for path in ["s3://bucket", "s3://bucket/", "s3://"] {
        assert!(Store::of_file(Path::new(path)).is_err(), "{path}");
    }
}
