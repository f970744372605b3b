//! The record of an output place: its finished files, and the keys of what they were made from.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::entry::{Entry, Record, Records, spelled};
use super::folder::Locked;
use super::lock::DirLock;
use super::name::fold;
use super::store::{Backing, Content, Found, Made, Store, in_state};
use crate::error::{Error, Result};

/// The ledger of the whole.
pub(super) const LEDGER_FILE: &str = "ledger.jsonl";
/// The beginning of the names of shards' ledgers.
pub(super) const SHARD_LEDGER: &str = "ledger-";

/// Holds the finished files of an output place: `DIR/.chattts-rs/ledger.jsonl`, one JSON record a line. The
/// last record of a name counts.
///
/// Each shard appends to a file of its own beside it and reads those of the others. Where several of them speak of one
/// file, no clock decides which is right, but its bytes: [`Ledger::settle`]. Whoever locks the whole folder makes one
/// ledger of all.
///
/// To a bucket nothing can be appended, so every run has its ledger in a few objects of its own,
/// `.chattts-rs/ledger-SHARD/RUN-0000.jsonl` and so on, which are written some seconds after the files that they speak of.
#[derive(Debug)]
pub struct Ledger {
    back: Box<dyn Backing>,
    entries: HashMap<String, Entry>,
    /// What several ledgers say of a file, or what nothing but its bytes can confirm.
    rivals: HashMap<String, Vec<Entry>>,
    unreadable: usize,
    /// Files whose end nobody has asked for yet.
    ended: Vec<(Entry, Result<()>)>,
}

impl Ledger {
    /// Opens the ledger of an output folder, or begins one, and keeps the folder locked until the ledger is
    /// dropped. Lines that are torn or foreign are skipped; a ledger is rewritten if more than half of it is
    /// out of date, or if shards have left theirs beside it.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read or written.
    pub fn open(lock: DirLock) -> Result<Self> {
        Ledger::over(Box::new(Locked::new(lock)?))
    }

    /// Opens the ledger of a locked place.
    pub(super) fn over(back: Box<dyn Backing>) -> Result<Self> {
        let (entries, rivals) = (HashMap::new(), HashMap::new());
        let mut ledger = Ledger { back, entries, rivals, unreadable: 0, ended: Vec::new() };
        ledger.load()?;
        Ok(ledger)
    }

    fn load(&mut self) -> Result<()> {
        let all = self.back.load()?;
        let is_long = all.first().is_some_and(|own| own.count > 2 * own.entries.len());
        self.unreadable = all.first().map_or(0, |own| own.unreadable);
        let is_one = all.len() == 1;
        self.entries.clear();
        self.join(all);
        if self.back.shard().is_some() || !is_long && is_one {
            return Ok(());
        }
        let doubtful: Vec<String> = self.rivals.keys().cloned().collect();
        self.settle(doubtful.iter().map(Path::new))?;
        self.back.replace(self.entries.values().collect())
    }

    /// Locks the whole place instead of a shard of it, and makes one ledger of all.
    ///
    /// # Errors
    /// [`Error::InUse`] if a run of another shard is at work; this one's lock is then kept. [`Error::Io`] as for
    /// [`Ledger::open`].
    pub fn widen(&mut self) -> Result<()> {
        self.flush(true)?;
        self.back.widen()?;
        self.load()
    }

    /// Reads the finished files of an output place that others may be writing to.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read.
    pub fn read(store: &Store) -> Result<HashMap<String, Entry>> {
        let mut names: Vec<String> = store.state()?.into_iter().map(|(name, _)| name).collect();
        names.retain(|name| is_ledger(name));
        names.sort();
        let mut entries = HashMap::new();
        for name in names {
            // One that is gone was made one with the others.
            let text = store.read(&in_state(&name))?.unwrap_or_default();
            entries.extend(Records::parse(&text).entries);
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
        let is_doubtful = |entry: &Entry| self.back.tells_apart() && self.back.find(entry) == Found::Alike;
        for (name, entry) in all.into_iter().flat_map(|records| records.entries) {
            match mentions.get(&name) {
                Some(1) if !is_doubtful(&entry) => drop(self.entries.insert(name, entry)),
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
            let found = rivals.into_iter().map(|entry| (self.back.find(&entry), entry));
            let mut alike = Vec::new();
            let mut same = None;
            for (found, entry) in found {
                match found {
                    Found::Same => same = Some(entry),
                    Found::Alike => alike.push(entry),
                    Found::Other | Found::Nothing => {}
                }
            }
            if same.is_none() && !alike.is_empty() {
                let sha256 = self.back.sha256(&name)?;
                same = alike.into_iter().find(|entry| entry.sha256 == sha256);
            }
            self.entries.extend(same.map(|entry| (name, entry)));
        }
        Ok(())
    }

    /// Returns the path or the address of a file in the output place.
    pub fn path(&self, name: &Path) -> PathBuf {
        self.back.place().path(&name.to_string_lossy())
    }

    /// Checks that the output place is still where it was and this run's, before its files are reported as written.
    ///
    /// # Errors
    /// [`Error::Io`] if it was moved, deleted or replaced; [`Error::InUse`] if another run has taken it.
    pub fn check_folder(&self) -> Result<()> {
        self.back.check()
    }

    /// Checks that a file of this name lies inside the output folder, links followed.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a link leads out of it.
    pub fn check_place(&self, name: &Path) -> Result<()> {
        self.back.check_place(name)
    }

    /// Tells whether an error of writing a file would meet every other file: a full disk, a store that is gone.
    pub fn befalls_all(&self, error: &Error) -> bool {
        self.back.befalls_all(error)
    }

    /// Clears away what killed runs left half-written in the place and in these folders of it.
    ///
    /// # Errors
    /// [`Error::Io`] for what cannot be read or removed in the place itself.
    pub fn sweep(&self, folders: &[&Path]) -> Result<()> {
        self.back.sweep(folders)
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
        self.get(name).is_some_and(|entry| entry.key == key && self.is_there(entry))
    }

    fn is_there(&self, entry: &Entry) -> bool {
        matches!(self.back.find(entry), Found::Alike | Found::Same)
    }

    /// Tells whether the file [is done](Self::is_done) and still has the bytes it was finished with.
    ///
    /// # Errors
    /// [`Error::Io`] if the file is there but cannot be read.
    pub fn verify(&self, name: &Path, key: &str) -> Result<bool> {
        match self.get(name) {
            Some(entry) if self.is_done(name, key) => Ok(self.back.sha256(&entry.name)? == entry.sha256),
            _ => Ok(false),
        }
    }

    /// Writes a finished file into the place, then its record. A run that is killed at any point leaves either
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
        let name = entry.name.clone();
        self.begin(Made { entry, content: Content::Bytes(file.to_vec()), beside: Vec::new() }, sync)?;
        let ended = self.ended(true, sync);
        let (mut own, others) = ended.into_iter().partition::<Vec<_>, _>(|(entry, _)| entry.name == name);
        self.ended = others;
        own.pop().map_or(Ok(()), |(_, result)| result)
    }

    /// Creates an unfinished file for one that is too large for memory, to be given to [`Ledger::begin`].
    ///
    /// # Errors
    /// [`Error::Io`] that names the place.
    pub fn part_file(&self, name: &Path) -> Result<NamedTempFile> {
        self.back.part_file(name)
    }

    /// Begins to [store](Self::store) a file; [`Ledger::ended`] says how that went. In a folder it is written when this
    /// returns. To a bucket many are written at a time; while they are as many as may be, this waits.
    ///
    /// # Errors
    /// [`Error::Io`] for a place that is gone; [`Error::Parameter`] for a name that leads out of it.
    pub fn begin(&mut self, made: Made, sync: bool) -> Result<()> {
        let entry = &made.entry;
        entry.check()?;
        self.check_folder()?;
        self.check_place(Path::new(&entry.name))?;
        // Between the new file and its record the old record would speak for the new file.
        let is_rival = self.rivals.contains_key(&entry.name);
        if is_rival || self.entries.get(&entry.name).is_some_and(|old| old.key != entry.key) {
            let name = entry.name.clone();
            self.forget(Path::new(&name), sync)?;
        }
        self.back.put(made);
        Ok(())
    }

    /// Returns how the storing of files went that has ended by now, or of all that were begun; what was written has its
    /// record.
    pub fn ended(&mut self, all: bool, sync: bool) -> Vec<(Entry, Result<()>)> {
        let mut ended = std::mem::take(&mut self.ended);
        for (entry, result) in self.back.put_done(all) {
            let result = result.and_then(|()| self.record(entry.clone(), sync));
            ended.push((entry, result));
        }
        ended
    }

    /// Adds the record of a file that is already written.
    ///
    /// # Errors
    /// [`Error::Io`] if the ledger cannot be written; [`Error::Parameter`] as for [`Entry::new`].
    pub fn record(&mut self, entry: Entry, sync: bool) -> Result<()> {
        entry.check()?;
        self.back.append(Record::Finished(&entry), sync)?;
        self.entries.insert(entry.name.clone(), entry);
        Ok(())
    }

    /// Writes the records that wait to be written, in a bucket: all of them, or those that have waited for long.
    ///
    /// # Errors
    /// [`Error::Io`] if the ledger cannot be written.
    pub fn flush(&mut self, all: bool) -> Result<()> {
        self.back.flush(all)
    }

    /// Takes a file's record back, before the file is written by other means than [`store`](Self::store).
    ///
    /// # Errors
    /// [`Error::Io`] if the ledger cannot be written.
    pub fn forget(&mut self, name: &Path, sync: bool) -> Result<()> {
        let is_known = |name: &String| self.entries.contains_key(name) || self.rivals.contains_key(name);
        let Some(name) = spelled(name).filter(is_known) else { return Ok(()) };
        self.back.append(Record::Forgotten { forgotten: &name }, sync)?;
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
        self.check_folder()?;
        // `A.wav` and `a.wav` may be one file.
        let keep: HashSet<String> = keep.iter().filter_map(|name| Some(fold(&spelled(name)?))).collect();
        let mut names: Vec<String> =
            self.entries.keys().filter(|name| !keep.contains(&fold(name))).cloned().collect();
        names.sort();
        let mut deleted = Vec::new();
        for name in names {
            let Some(entry) = self.entries.get(&name) else { continue };
            if !self.back.may_be_own(&name)? {
                continue;
            }
            let is_unchanged = match self.back.find(entry) {
                Found::Same => true,
                Found::Alike => self.back.sha256(&name)? == entry.sha256,
                Found::Other => false,
                Found::Nothing => {
                    self.forget(Path::new(&name), false)?;
                    continue;
                }
            };
            if is_unchanged {
                self.back.remove(&name)?;
                deleted.push(self.path(Path::new(&name)));
                self.forget(Path::new(&name), false)?;
            }
        }
        Ok(deleted)
    }
}

/// Tells whether a file among those of the state is a ledger.
pub(super) fn is_ledger(name: &str) -> bool {
    name == LEDGER_FILE || name.starts_with(SHARD_LEDGER) && name.ends_with(".jsonl")
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
