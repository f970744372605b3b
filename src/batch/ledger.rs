//! The record of an output folder: its finished files, and the keys of what they were made from.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::STATE_DIR;
use super::append::Appender;
use super::file::{folder_of, put, write_file};
use super::lock::DirLock;
use super::name::{check, fold};
use crate::error::{Error, Result};
use crate::files::open_own;
use crate::speech::{sha256, sha256_file};

const LEDGER_FILE: &str = "ledger.jsonl";
/// The beginning of the names of shards' ledgers.
const SHARD_LEDGER: &str = "ledger-";

/// One finished file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Path of the file inside the output folder, with `/` between folders.
    pub name: String,
    /// The key of its content, [`Content::key`](crate::speech::Content::key).
    pub key: String,
    /// The sha256 of its bytes.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Seconds of audio.
    pub seconds: f64,
    /// The generation seed that it was spoken with.
    pub seed: u64,
    /// The time at which it was finished, in seconds since 1970.
    pub time: u64,
}

impl Entry {
    /// Makes the entry of a file of these bytes that is finished now.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a name that [`super::checked_out`] refuses, or a duration that is no number.
    pub fn new(name: &Path, key: impl Into<String>, file: &[u8], seconds: f64, seed: u64) -> Result<Self> {
        Entry::with(name, key.into(), (sha256(file), file.len() as u64), seconds, seed)
    }

    /// Makes the entry of a file that is finished now and lies at `path`, wherever that is.
    ///
    /// # Errors
    /// As [`Entry::new`]; [`Error::Io`] if it cannot be read.
    pub fn of_file(
        name: &Path,
        key: impl Into<String>,
        path: &Path,
        seconds: f64,
        seed: u64,
    ) -> Result<Self> {
        let length = fs::metadata(path).map_err(Error::io("read", path))?.len();
        Entry::with(name, key.into(), (sha256_file(path)?, length), seconds, seed)
    }

    fn with(
        name: &Path,
        key: String,
        (sha256, bytes): (String, u64),
        seconds: f64,
        seed: u64,
    ) -> Result<Self> {
        let entry = Entry {
            name: spelled(name).unwrap_or_default(),
            key,
            sha256,
            bytes,
            seconds,
            seed,
            time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()),
        };
        entry.check().map(|()| entry)
    }

    /// Refuses an entry that could not be read back.
    fn check(&self) -> Result<()> {
        if !self.seconds.is_finite() {
            return Err(Error::parameter("seconds", format!("{} is no duration", self.seconds)));
        }
        match check(&self.name) {
            Ok(name) if name == self.name => Ok(()),
            Ok(name) => Err(Error::parameter("name", format!("{} is written {name}", self.name))),
            Err(reason) => Err(Error::parameter("name", reason)),
        }
    }
}

/// A record that takes back earlier ones of the same name.
#[derive(Serialize, Deserialize)]
struct Forgotten {
    forgotten: String,
}

/// Holds the finished files of an output folder: `DIR/.chattts-rs/ledger.jsonl`, one JSON record a line. The
/// last record of a name counts.
///
/// Each shard appends to a file of its own beside it and reads those of the others. Where several of them speak of one
/// file, no clock decides which is right, but its bytes: [`Ledger::settle`]. Whoever locks the whole folder makes one
/// ledger of all.
#[derive(Debug)]
pub struct Ledger {
    /// The lock, held as long as the ledger is: a second ledger would rewrite the file that this one appends
    /// to.
    lock: DirLock,
    entries: HashMap<String, Entry>,
    /// What several ledgers say of a file: its entries, if they are not taken back.
    rivals: HashMap<String, Vec<Entry>>,
    unreadable: usize,
    end: Appender,
}

/// The records of one file.
#[derive(Default)]
struct Records {
    entries: HashMap<String, Entry>,
    forgotten: HashSet<String>,
    count: usize,
    unreadable: usize,
}

impl Ledger {
    /// Opens the ledger of an output folder, or begins one, and keeps the folder locked until the ledger is
    /// dropped. Lines that are torn or foreign are skipped; a ledger is rewritten if more than half of it is
    /// out of date, or if shards have left theirs beside it.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read or written.
    pub fn open(lock: DirLock) -> Result<Self> {
        let end = Appender::open_own(&own_path(&lock))?;
        let mut ledger = Ledger { lock, entries: HashMap::new(), rivals: HashMap::new(), unreadable: 0, end };
        ledger.load()?;
        Ok(ledger)
    }

    fn load(&mut self) -> Result<()> {
        let path = own_path(&self.lock);
        let records = Records::read(open_own(&path, true)?, &path)?;
        let is_long = records.count > 2 * records.entries.len();
        self.unreadable = records.unreadable;
        let mut all = vec![records];
        let others = ledgers(self.dir())?.into_iter().filter(|other| *other != path).collect::<Vec<_>>();
        for path in &others {
            let file = File::open(path).map_err(Error::io("read", path))?;
            all.push(Records::read(file, path)?);
        }
        self.entries.clear();
        self.join(all);
        if self.lock.shard().is_some() || !is_long && others.is_empty() {
            return Ok(());
        }
        let doubtful: Vec<String> = self.rivals.keys().cloned().collect();
        self.settle(doubtful.iter().map(Path::new))?;
        rewrite(&path, &self.entries)?;
        self.end = Appender::open_own(&path)?;
        others.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::io("remove", path)))
    }

    /// Locks the whole folder in place of a shard of it, and makes one ledger of all.
    ///
    /// # Errors
    /// [`Error::InUse`] if a run of another shard is at work; this one's lock is then kept. [`Error::Io`] as for
    /// [`Ledger::open`].
    pub fn widen(&mut self) -> Result<()> {
        self.lock.widen()?;
        self.end = Appender::open_own(&own_path(&self.lock))?;
        self.load()
    }

    /// Reads the finished files of an output folder that others may be writing to.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read.
    pub fn read(dir: &Path) -> Result<HashMap<String, Entry>> {
        let mut entries = HashMap::new();
        for path in ledgers(dir)? {
            let file = File::open(&path).map_err(Error::io("read", &path))?;
            entries.extend(Records::read(file, &path)?.entries);
        }
        Ok(entries)
    }

    /// Takes over what the ledgers say; what more than one of them mentions is not certain.
    fn join(&mut self, all: Vec<Records>) {
        let mut mentions: HashMap<String, usize> = HashMap::new();
        for records in &all {
            for name in records.entries.keys().chain(&records.forgotten) {
                *mentions.entry(name.clone()).or_default() += 1;
            }
        }
        for (name, entry) in all.into_iter().flat_map(|records| records.entries) {
            match mentions.get(&name) {
                Some(1) => drop(self.entries.insert(name, entry)),
                _ => self.rivals.entry(name).or_default().push(entry),
            }
        }
    }

    /// Finds out by the bytes of these files which entry of several ledgers is right, if one is.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that is there and cannot be read.
    pub fn settle<'a>(&mut self, names: impl IntoIterator<Item = &'a Path>) -> Result<()> {
        for name in names.into_iter().filter_map(spelled) {
            let Some(rivals) = self.rivals.remove(&name) else { continue };
            let path = self.dir().join(&name);
            let mut rivals = rivals.into_iter().filter(|entry| has_length(&path, entry.bytes)).peekable();
            if rivals.peek().is_none() {
                continue;
            }
            let sha256 = sha256_file(&path)?;
            if let Some(entry) = rivals.find(|entry| entry.sha256 == sha256) {
                self.entries.insert(name, entry);
            }
        }
        Ok(())
    }

    /// Returns the output folder.
    pub fn dir(&self) -> &Path {
        self.lock.dir()
    }

    /// Checks that the output folder is still where it was, before its files are reported as written.
    ///
    /// # Errors
    /// [`Error::Io`] if it was moved, deleted or replaced.
    pub fn check_folder(&self) -> Result<()> {
        self.lock.check()
    }

    /// Checks that a file of this name lies inside the output folder, links followed.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a link leads out of it.
    pub fn check_place(&self, name: &Path) -> Result<()> {
        let root = fs::canonicalize(self.dir()).map_err(Error::io("read", self.dir()))?;
        let path = self.dir().join(name);
        // The deepest folder that is there; a link without a target is there too.
        let folder = path.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok());
        let is_inside = folder
            .and_then(|folder| fs::canonicalize(folder).ok())
            .is_some_and(|folder| folder.starts_with(&root));
        match is_inside {
            true => Ok(()),
            false => Err(Error::parameter(
                "out",
                format!("{}: a link leads out of the output folder", name.display()),
            )),
        }
    }

    /// Returns the entries of all finished files that are certain, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Returns the number of finished files.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether no file is finished.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the number of lines that were skipped on opening because they hold no record.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Returns the entry of a file, whether or not the file still exists.
    pub fn get(&self, name: &Path) -> Option<&Entry> {
        self.entries.get(&spelled(name)?)
    }

    /// Tells whether the file was made from the content of this key and still exists with the length it had.
    pub fn is_done(&self, name: &Path, key: &str) -> bool {
        self.get(name)
            .is_some_and(|entry| entry.key == key && has_length(&self.dir().join(name), entry.bytes))
    }

    /// Tells whether the file [is done](Self::is_done) and still has the bytes it was finished with.
    ///
    /// # Errors
    /// [`Error::Io`] if the file is there but cannot be read.
    pub fn verify(&self, name: &Path, key: &str) -> Result<bool> {
        match self.get(name) {
            Some(entry) if self.is_done(name, key) => {
                Ok(sha256_file(&self.dir().join(name))? == entry.sha256)
            }
            _ => Ok(false),
        }
    }

    /// Writes a finished file into the folder, then its record. A run that is killed at any point leaves either
    /// both, or a file that does not count as done. `sync` waits until the record is on the disk (the file is
    /// in any case).
    ///
    /// # Errors
    /// [`Error::Io`] for what could not be written; [`Error::Parameter`] if these are not the entry's bytes.
    pub fn store(&mut self, entry: Entry, file: &[u8], sync: bool) -> Result<()> {
        if entry.bytes != file.len() as u64 {
            return Err(Error::parameter(
                "bytes",
                format!("{} are recorded for {}", entry.bytes, file.len()),
            ));
        }
        self.make_way(&entry, sync)?;
        write_file(&self.dir().join(&entry.name), file)?;
        self.record(entry, sync)
    }

    /// Puts a file that was written [beside its place](super::part_file) there, then its record, as
    /// [`store`](Self::store) does.
    ///
    /// # Errors
    /// [`Error::Io`] for what could not be written.
    pub fn store_part(&mut self, entry: Entry, part: tempfile::NamedTempFile, sync: bool) -> Result<()> {
        self.make_way(&entry, sync)?;
        put(part, &self.dir().join(&entry.name))?;
        self.record(entry, sync)
    }

    fn make_way(&mut self, entry: &Entry, sync: bool) -> Result<()> {
        entry.check()?;
        self.check_folder()?;
        self.check_place(Path::new(&entry.name))?;
        // Between the new file and its record the old record would speak for the new file.
        let is_rival = self.rivals.contains_key(&entry.name);
        if is_rival || self.entries.get(&entry.name).is_some_and(|old| old.key != entry.key) {
            self.forget(Path::new(&entry.name), sync)?;
        }
        Ok(())
    }

    /// Adds the record of a file that is already written.
    ///
    /// # Errors
    /// [`Error::Io`] if the ledger cannot be written; [`Error::Parameter`] as for [`Entry::new`].
    pub fn record(&mut self, entry: Entry, sync: bool) -> Result<()> {
        entry.check()?;
        self.end.append(&entry, sync)?;
        self.entries.insert(entry.name.clone(), entry);
        Ok(())
    }

    /// Takes a file's record back, before the file is written by other means than [`store`](Self::store).
    ///
    /// # Errors
    /// [`Error::Io`] if the ledger cannot be written.
    pub fn forget(&mut self, name: &Path, sync: bool) -> Result<()> {
        let is_known = |name: &String| self.entries.contains_key(name) || self.rivals.contains_key(name);
        let Some(name) = spelled(name).filter(is_known) else { return Ok(()) };
        self.end.append(&Forgotten { forgotten: name.clone() }, sync)?;
        self.entries.remove(&name);
        self.rivals.remove(&name);
        Ok(())
    }

    /// Deletes the files that the ledger knows and `keep` does not hold, then the folders that this leaves
    /// empty; returns the files' paths, sorted. A file that was changed since it was finished stays. So does
    /// every file that the ledger does not know, or that lies behind a link that leads out of the folder.
    ///
    /// # Errors
    /// [`Error::Io`] for the first file that cannot be read or deleted.
    pub fn prune(&mut self, keep: &HashSet<PathBuf>) -> Result<Vec<PathBuf>> {
        // `A.wav` and `a.wav` may be one file.
        let keep: HashSet<String> = keep.iter().filter_map(|name| Some(fold(&spelled(name)?))).collect();
        let mut names: Vec<String> =
            self.entries.keys().filter(|name| !keep.contains(&fold(name))).cloned().collect();
        names.sort();
        let root = fs::canonicalize(self.dir()).map_err(Error::io("read", self.dir()))?;
        let mut deleted = Vec::new();
        for name in names {
            let path = self.dir().join(&name);
            let Some(entry) = self.entries.get(&name) else { continue };
            if fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
                continue;
            }
            match fs::canonicalize(folder_of(&path)) {
                Ok(folder) if !folder.starts_with(&root) => continue,
                _ => {}
            }
            if path.exists() {
                if !has_length(&path, entry.bytes) || sha256_file(&path)? != entry.sha256 {
                    continue;
                }
                fs::remove_file(&path).map_err(Error::io("delete", &path))?;
                self.remove_empty(&name);
                deleted.push(path);
            }
            self.forget(Path::new(&name), false)?;
        }
        Ok(deleted)
    }

    fn remove_empty(&self, name: &str) {
        for folder in Path::new(name).ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            // One that still holds something refuses.
            if fs::remove_dir(self.dir().join(folder)).is_err() {
                return;
            }
        }
    }
}

impl Records {
    fn read(mut file: File, path: &Path) -> Result<Self> {
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(Error::io("read", path))?;
        let mut records = Records::default();
        for line in text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match serde_json::from_slice::<Entry>(line) {
                // A name that leads out is nothing this program wrote, and pruning would delete it.
                Ok(entry) if entry.check().is_ok() => {
                    records.count += 1;
                    records.forgotten.remove(&entry.name);
                    records.entries.insert(entry.name.clone(), entry);
                }
                _ => match serde_json::from_slice::<Forgotten>(line) {
                    Ok(Forgotten { forgotten }) => {
                        records.count += 1;
                        records.entries.remove(&forgotten);
                        records.forgotten.insert(forgotten);
                    }
                    Err(_) => records.unreadable += 1,
                },
            }
        }
        Ok(records)
    }
}

/// Returns the path of the ledger that the holder of a lock appends to.
fn own_path(lock: &DirLock) -> PathBuf {
    let name =
        lock.shard().map_or(LEDGER_FILE.into(), |shard| format!("{SHARD_LEDGER}{}.jsonl", shard.stem()));
    lock.dir().join(STATE_DIR).join(name)
}

/// Returns the paths of all ledgers of an output folder, in order.
fn ledgers(dir: &Path) -> Result<Vec<PathBuf>> {
    let state = dir.join(STATE_DIR);
    let mut found = Vec::new();
    for entry in fs::read_dir(&state).map_err(Error::io("read", &state))? {
        let entry = entry.map_err(Error::io("read", &state))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ledger = name == LEDGER_FILE || name.starts_with(SHARD_LEDGER) && name.ends_with(".jsonl");
        if is_ledger && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Returns a name in the form that the ledger writes.
fn spelled(name: &Path) -> Option<String> {
    let name = name.to_str()?;
    Some(if cfg!(windows) { name.replace('\\', "/") } else { name.to_string() })
}

fn has_length(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
}

fn rewrite(path: &Path, entries: &HashMap<String, Entry>) -> Result<()> {
    let mut entries: Vec<&Entry> = entries.values().collect();
    entries.sort_by(|a, b| (a.time, &a.name).cmp(&(b.time, &b.name)));
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry).map_err(|e| Error::io("write", path)(e.into()))?;
        text.push(b'\n');
    }
    write_file(path, &text)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
