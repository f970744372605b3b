use std::fs;
use std::io::Write as _;

use super::*;
use crate::batch::{STATE_DIR, Shard};

fn entry(name: &str, key: &str, file: &[u8]) -> Entry {
    Entry::new(Path::new(name), key, file, 1.5, 42).unwrap()
}

fn store(ledger: &mut Ledger, name: &str, key: &str) {
    let file = format!("{name} made from {key}");
    ledger.store(entry(name, key, file.as_bytes()), file.as_bytes(), false).unwrap();
}

fn open(dir: &Path) -> Ledger {
    Ledger::open(DirLock::acquire(dir).unwrap()).unwrap()
}

fn reopen(ledger: Ledger) -> Ledger {
    let dir = ledger.path(Path::new(""));
    drop(ledger);
    open(&dir)
}

fn path(dir: &Path) -> PathBuf {
    dir.join(STATE_DIR).join(LEDGER_FILE)
}

fn lines(dir: &Path) -> usize {
    fs::read_to_string(path(dir)).unwrap().lines().count()
}

fn append(dir: &Path, bytes: &[u8]) {
    fs::OpenOptions::new().append(true).open(path(dir)).unwrap().write_all(bytes).unwrap();
}

fn is_done(ledger: &Ledger, name: &str, key: &str) -> bool {
    ledger.is_done(Path::new(name), key)
}

#[test]
fn a_file_is_done_under_its_key_while_it_is_there_unchanged_in_length() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    assert!(ledger.is_empty() && !is_done(&ledger, "a/b.wav", "k"));
    store(&mut ledger, "a/b.wav", "k");
    let ledger = reopen(ledger);
    assert!(is_done(&ledger, "a/b.wav", "k"));
    assert!(!is_done(&ledger, "a/b.wav", "other"));
    assert!(!is_done(&ledger, "b.wav", "k"));
    let seen = ledger.get(Path::new("a/b.wav")).unwrap();
    assert_eq!((seen.seconds, seen.seed, seen.bytes), (1.5, 42, 19));
    let file = dir.path().join("a/b.wav");
    let mut bytes = fs::read(&file).unwrap();
    assert!(ledger.verify(Path::new("a/b.wav"), "k").unwrap());
    bytes[0] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert!(is_done(&ledger, "a/b.wav", "k"));
    assert!(!ledger.verify(Path::new("a/b.wav"), "k").unwrap());
    fs::write(&file, &bytes[1..]).unwrap();
    assert!(!is_done(&ledger, "a/b.wav", "k"));
    fs::remove_file(&file).unwrap();
    assert!(!is_done(&ledger, "a/b.wav", "k") && !ledger.verify(Path::new("a/b.wav"), "k").unwrap());
    fs::create_dir(&file).unwrap();
    assert!(!is_done(&ledger, "a/b.wav", "k"));
}

#[test]
fn torn_and_foreign_lines_are_passed_over_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    store(&mut open(dir.path()), "a.wav", "k");
    append(dir.path(), b"garbage\n\xff\xfe\n[]\n\n{\"name\":\"x\"}\n");
    append(dir.path(), &serde_json::to_vec(&entry("b.wav", "k", b"")).unwrap()[..40]);
    let mut ledger = open(dir.path());
    assert_eq!((ledger.len(), ledger.unreadable()), (1, 5));
    store(&mut ledger, "c.wav", "k");
    let ledger = reopen(ledger);
    assert!(is_done(&ledger, "a.wav", "k") && is_done(&ledger, "c.wav", "k"));
    assert_eq!((ledger.len(), ledger.unreadable()), (2, 5));
}

#[test]
fn a_killed_run_loses_no_more_than_its_last_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    for i in 0..3 {
        store(&mut ledger, &format!("{i}.wav"), "k");
    }
    drop(ledger);
    let whole = fs::read(path(dir.path())).unwrap();
    for cut in 0..=whole.len() {
        fs::write(path(dir.path()), &whole[..cut]).unwrap();
        let complete = whole[..cut].iter().filter(|b| **b == b'\n').count();
        let known = open(dir.path()).len();
        // A line that lacks only its end is whole.
        assert!(known == complete || whole.get(cut) == Some(&b'\n') && known == complete + 1, "{cut}");
    }
}

#[test]
fn names_that_lead_out_are_neither_recorded_nor_believed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside.wav");
    fs::write(&outside, b"x").unwrap();
    let out = dir.path().join("out");
    let mut ledger = open(&out);
    for name in ["../outside.wav", outside.to_str().unwrap(), ".chattts-rs/lock", "", "./a.wav"] {
        assert!(Entry::new(Path::new(name), "k", b"x", 1.0, 0).is_err(), "{name}");
        let forged = Entry { name: name.into(), ..entry("a.wav", "k", b"x") };
        assert!(ledger.record(forged.clone(), false).is_err(), "{name}");
        append(&out, format!("{}\n", serde_json::to_string(&forged).unwrap()).as_bytes());
    }
    assert!(Entry::new(Path::new("a.wav"), "k", b"x", f64::NAN, 0).is_err());
    let mut ledger = reopen(ledger);
    assert_eq!((ledger.len(), ledger.unreadable()), (0, 5));
    assert!(ledger.prune(&HashSet::new()).unwrap().is_empty());
    assert!(outside.exists());
}

#[test]
fn the_last_record_counts_and_a_ledger_mostly_out_of_date_is_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let record = |ledger: &mut Ledger, key: &str| ledger.record(entry("a.wav", key, b"x"), true).unwrap();
    record(&mut ledger, "1");
    record(&mut ledger, "2");
    let mut ledger = reopen(ledger);
    assert_eq!(lines(dir.path()), 2, "half is not more than half");
    record(&mut ledger, "3");
    assert_eq!(lines(dir.path()), 3);
    let mut ledger = reopen(ledger);
    assert_eq!((ledger.len(), lines(dir.path())), (1, 1));
    assert_eq!(ledger.get(Path::new("a.wav")).unwrap().key, "3");
    record(&mut ledger, "4");
    assert_eq!(reopen(ledger).get(Path::new("a.wav")).unwrap().key, "4");
}

#[test]
fn a_file_that_is_replaced_is_not_done_until_its_record_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    store(&mut ledger, "a.wav", "1");
    // The new file cannot be written: a folder stands in its place.
    fs::remove_file(dir.path().join("a.wav")).unwrap();
    fs::create_dir(dir.path().join("a.wav")).unwrap();
    assert!(ledger.store(entry("a.wav", "2", b"x"), b"x", false).is_err());
    let mut ledger = reopen(ledger);
    assert!(ledger.is_empty());
    fs::remove_dir(dir.path().join("a.wav")).unwrap();
    assert!(ledger.store(entry("a.wav", "2", b"x"), b"xy", false).is_err());
    store(&mut ledger, "a.wav", "2");
    assert!(is_done(&reopen(ledger), "a.wav", "2"));
}

#[test]
fn pruning_deletes_what_was_finished_here_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    for name in [
        "keep.wav",
        "Kept.wav",
        "old.wav",
        "x/y/old.wav",
        "z/old.wav",
        "edited.wav",
        "longer.wav",
        "gone.wav",
    ] {
        store(&mut ledger, name, "k");
    }
    fs::write(dir.path().join("unknown.wav"), b"mine").unwrap();
    fs::write(dir.path().join("z/unknown.wav"), b"mine").unwrap();
    let edited = fs::read(dir.path().join("edited.wav")).unwrap().to_ascii_uppercase();
    fs::write(dir.path().join("edited.wav"), edited).unwrap();
    append_to(&dir.path().join("longer.wav"));
    fs::remove_file(dir.path().join("gone.wav")).unwrap();
    let keep: HashSet<PathBuf> = ["keep.wav", "KEPT.wav", "new.wav"].map(PathBuf::from).into();
    let deleted = ledger.prune(&keep).unwrap();
    assert_eq!(deleted, ["old.wav", "x/y/old.wav", "z/old.wav"].map(|name| dir.path().join(name)));
    for there in ["keep.wav", "Kept.wav", "edited.wav", "longer.wav", "unknown.wav", "z/unknown.wav"] {
        assert!(dir.path().join(there).is_file(), "{there}");
    }
    assert!(!dir.path().join("x").exists() && !dir.path().join("old.wav").exists());
    let mut ledger = reopen(ledger);
    assert_eq!(ledger.len(), 4);
    assert!(ledger.prune(&keep).unwrap().is_empty());
}

fn append_to(path: &Path) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"!").unwrap();
}

#[cfg(unix)]
#[test]
fn pruning_follows_no_link_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let (out, away) = (dir.path().join("out"), dir.path().join("away"));
    let mut ledger = open(&out);
    store(&mut ledger, "sub/a.wav", "k");
    store(&mut ledger, "b.wav", "k");
    fs::rename(out.join("sub"), &away).unwrap();
    symlink(&away, out.join("sub")).unwrap();
    fs::rename(out.join("b.wav"), away.join("b.wav")).unwrap();
    symlink(away.join("b.wav"), out.join("b.wav")).unwrap();
    assert!(ledger.prune(&HashSet::new()).unwrap().is_empty());
    assert!(away.join("a.wav").is_file() && away.join("b.wav").is_file() && out.join("b.wav").exists());
}

#[test]
fn a_hundred_thousand_records_are_read_and_asked_for_in_a_moment() {
    const FILES: usize = 100_000;
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(STATE_DIR)).unwrap();
    let key = "0".repeat(64);
    let name = |i: usize| PathBuf::from(format!("{i:06}.wav"));
    let mut text = String::new();
    let mut one = entry("x.wav", &key, b"");
    for i in 0..FILES {
        one.name = name(i).to_str().unwrap().into();
        text += &serde_json::to_string(&one).unwrap();
        text.push('\n');
        fs::write(dir.path().join(name(i)), b"").unwrap();
    }
    fs::write(path(dir.path()), text).unwrap();
    let names: Vec<PathBuf> = (0..FILES).map(name).collect();
    let start = std::time::Instant::now();
    let ledger = open(dir.path());
    let opened = start.elapsed();
    let done = names.iter().filter(|name| ledger.is_done(name, &key)).count();
    println!("opened in {opened:?}, asked in {:?}", start.elapsed() - opened);
    assert_eq!(done, FILES);
    // Far above what it takes, for machines that are busy with something else.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[cfg(unix)]
#[test]
fn a_ledger_behind_a_link_is_not_written_and_no_file_goes_through_a_link_that_leads_out() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let (out, target) = (dir.path().join("out"), dir.path().join("target"));
    fs::write(&target, "mine").unwrap();
    drop(open(&out));
    fs::remove_file(path(&out)).unwrap();
    symlink(&target, path(&out)).unwrap();
    let error = Ledger::open(DirLock::acquire(&out).unwrap()).unwrap_err().to_string();
    assert!(error.contains("remove it"), "{error}");
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    fs::remove_file(path(&out)).unwrap();

    let mut ledger = open(&out);
    fs::create_dir_all(out.join("inside/deep")).unwrap();
    symlink(dir.path(), out.join("link")).unwrap();
    symlink(out.join("inside"), out.join("fine")).unwrap();
    symlink(dir.path().join("nowhere"), out.join("dangling")).unwrap();
    for name in ["link/evil.wav", "link/new/evil.wav", "dangling/evil.wav"] {
        let error = ledger.store(entry(name, "k", b"x"), b"x", false).unwrap_err().to_string();
        assert!(error.contains("a link leads out"), "{error}");
    }
    for name in ["fine/a.wav", "fine/deep/a.wav", "new/a.wav", "a.wav"] {
        ledger.store(entry(name, "k", b"x"), b"x", false).unwrap();
    }
    assert!(!dir.path().join("new").exists() && !dir.path().join("evil.wav").exists());
}

fn open_shard(dir: &Path, index: usize, count: usize) -> Ledger {
    let shard = Shard::new(index, count).unwrap();
    Ledger::open(DirLock::acquire_for(dir, Some(shard)).unwrap()).unwrap()
}

#[test]
fn shards_work_side_by_side_and_never_beside_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (open_shard(dir.path(), 0, 2), open_shard(dir.path(), 1, 2));
    let in_use = |result: Result<DirLock>| matches!(result, Err(Error::InUse { .. }));
    assert!(in_use(DirLock::acquire(dir.path())));
    assert!(in_use(DirLock::acquire_for(dir.path(), Some(Shard::new(1, 2).unwrap()))));
    store(&mut first, "a.wav", "k");
    store(&mut second, "b.wav", "k");
    drop((first, second));
    // Another count finds both.
    let third = open_shard(dir.path(), 2, 3);
    assert!(is_done(&third, "a.wav", "k") && is_done(&third, "b.wav", "k"));
    drop(third);
    let whole = open(dir.path());
    assert!(in_use(DirLock::acquire_for(dir.path(), Some(Shard::new(0, 2).unwrap()))));
    assert!(is_done(&whole, "a.wav", "k") && is_done(&whole, "b.wav", "k"));
    // One ledger is left, of two lines.
    let left = fs::read_dir(dir.path().join(STATE_DIR)).unwrap();
    let left = left.filter(|file| file.as_ref().unwrap().file_name().to_str().unwrap().starts_with("ledger"));
    assert_eq!((left.count(), lines(dir.path())), (1, 2));
}

#[test]
fn where_ledgers_disagree_the_bytes_decide() {
    let dir = tempfile::tempdir().unwrap();
    let name = Path::new("a.wav");
    let put = |shard: usize, key: &str| store(&mut open_shard(dir.path(), shard, 3), "a.wav", key);
    put(0, "1");
    // The same length, by another shard; then the first one's file again, which its ledger still speaks of.
    put(1, "2");
    let settled = |index| {
        let mut ledger = open_shard(dir.path(), index, 3);
        ledger.settle([name]).unwrap();
        ["1", "2"].map(|key| is_done(&ledger, "a.wav", key))
    };
    assert_eq!((settled(0), settled(1), settled(2)), ([false, true], [false, true], [false, true]));
    // A run that is killed between taking an entry back and writing the file.
    open_shard(dir.path(), 2, 3).forget(name, false).unwrap();
    assert_eq!(settled(2), [false, true]);
    fs::write(dir.path().join(name), "a.wav made from 3").unwrap();
    assert_eq!(settled(0), [false, false]);
    let whole = open(dir.path());
    assert!(!is_done(&whole, "a.wav", "1") && !is_done(&whole, "a.wav", "2"));
}
