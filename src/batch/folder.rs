//! Folders as output places.

use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::append::Appender;
use super::entry::{Entry, Record, Records, text_of};
use super::file::{folder_of, part_file, put, sweep, write_file};
use super::ledger::{LEDGER_FILE, SHARD_LEDGER, is_ledger};
use super::store::{Backing, Content, Found, Made, Place};
use super::{DirLock, STATE_DIR, Shard};
use crate::error::{Error, Result};
use crate::files::open_own;
use crate::speech::sha256_file;

/// A folder of files.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(super) fn new(dir: &Path) -> Self {
        Folder { dir: dir.to_path_buf() }
    }
}

impl Place for Folder {
    fn path(&self, name: &str) -> PathBuf {
        match name.is_empty() {
            true => self.dir.clone(),
            false => self.dir.join(name),
        }
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.dir)
    }

    fn lock(self: Arc<Self>, shard: Option<Shard>) -> Result<Box<dyn Backing>> {
        Ok(Box::new(Locked::new(DirLock::acquire_for(&self.dir, shard)?)?))
    }

    fn is_held(&self, shard: Shard) -> bool {
        DirLock::is_held(&self.dir, shard)
    }

    fn has_state(&self) -> Result<bool> {
        Ok(self.dir.join(STATE_DIR).is_dir())
    }

    fn state(&self) -> Result<Vec<(String, SystemTime)>> {
        let state = self.dir.join(STATE_DIR);
        let mut found = Vec::new();
        for entry in fs::read_dir(&state).map_err(Error::io("read", &state))? {
            let entry = entry.map_err(Error::io("read", &state))?;
            if let (true, Ok(name)) =
                (entry.file_type().is_ok_and(|kind| kind.is_file()), entry.file_name().into_string())
            {
                let time = entry.metadata().and_then(|meta| meta.modified());
                found.push((name, time.map_err(Error::io("read", &entry.path()))?));
            }
        }
        Ok(found)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", &path)(e)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_file(&self.path(name), bytes)
    }
}

/// A folder that is locked.
#[derive(Debug)]
pub(super) struct Locked {
    folder: Folder,
    /// The lock, held as long as the ledger is: a second ledger would rewrite the file that this one appends to.
    lock: DirLock,
    end: Appender,
    /// The ledgers of others that were read.
    others: Vec<PathBuf>,
    done: Vec<(Entry, Result<()>)>,
}

impl Locked {
    pub(super) fn new(lock: DirLock) -> Result<Self> {
        let end = Appender::open_own(&own_path(&lock))?;
        Ok(Locked { folder: Folder::new(lock.dir()), lock, end, others: Vec::new(), done: Vec::new() })
    }

    fn dir(&self) -> &Path {
        &self.folder.dir
    }

    fn root(&self) -> Result<PathBuf> {
        fs::canonicalize(self.dir()).map_err(Error::io("read", self.dir()))
    }

    fn write(&self, made: Made) -> (Entry, Result<()>) {
        let Made { entry, content, beside } = made;
        let path = self.dir().join(&entry.name);
        let written = beside.iter().try_for_each(|(name, bytes)| write_file(&self.dir().join(name), bytes));
        let written = written.and_then(|()| match content {
            Content::Bytes(bytes) => write_file(&path, &bytes),
            Content::Part(part) => put(part, &path),
        });
        (entry, written)
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

impl Backing for Locked {
    fn place(&self) -> &dyn Place {
        &self.folder
    }

    fn shard(&self) -> Option<Shard> {
        self.lock.shard()
    }

    fn widen(&mut self) -> Result<()> {
        self.lock.widen()?;
        self.end = Appender::open_own(&own_path(&self.lock))?;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.lock.check()
    }

    fn check_place(&self, name: &Path) -> Result<()> {
        let root = self.root()?;
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

    fn befalls_all(&self, error: &Error) -> bool {
        let Error::Io { path, reason, .. } = error else { return false };
        is_full(reason) || path.starts_with(self.dir().join(STATE_DIR))
    }

    fn load(&mut self) -> Result<Vec<Records>> {
        let path = own_path(&self.lock);
        let mut text = Vec::new();
        open_own(&path, true)?.read_to_end(&mut text).map_err(Error::io("read", &path))?;
        let mut all = vec![Records::parse(&text)];
        let names = self.folder.state()?.into_iter().map(|(name, _)| name).filter(|name| is_ledger(name));
        let others = names.map(|name| self.dir().join(STATE_DIR).join(name)).filter(|other| *other != path);
        self.others = others.collect();
        self.others.sort();
        for path in &self.others {
            all.push(Records::parse(&fs::read(path).map_err(Error::io("read", path))?));
        }
        Ok(all)
    }

    fn replace(&mut self, entries: Vec<&Entry>) -> Result<()> {
        let path = own_path(&self.lock);
        let text = text_of(entries).map_err(|e| Error::io("write", &path)(e.into()))?;
        write_file(&path, &text)?;
        self.end = Appender::open_own(&path)?;
        let others = std::mem::take(&mut self.others);
        others.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::io("remove", path)))
    }

    fn append(&mut self, record: Record<'_>, sync: bool) -> Result<()> {
        self.end.append(&record, sync)
    }

    fn flush(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    fn tells_apart(&self) -> bool {
        false
    }

    fn find(&self, entry: &Entry) -> Found {
        match fs::metadata(self.dir().join(&entry.name)) {
            Ok(meta) if meta.is_file() && meta.len() == entry.bytes => Found::Alike,
            Ok(_) => Found::Other,
            Err(_) => Found::Nothing,
        }
    }

    fn sha256(&self, name: &str) -> Result<String> {
        sha256_file(&self.dir().join(name))
    }

    fn may_be_own(&self, name: &str) -> Result<bool> {
        let (root, path) = (self.root()?, self.dir().join(name));
        if fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
            return Ok(false);
        }
        Ok(fs::canonicalize(folder_of(&path)).map_or(true, |folder| folder.starts_with(&root)))
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        let path = self.dir().join(name);
        fs::remove_file(&path).map_err(Error::io("delete", &path))?;
        self.remove_empty(name);
        Ok(())
    }

    fn part_file(&self, name: &Path) -> Result<NamedTempFile> {
        part_file(&self.dir().join(name))
    }

    fn sweep(&self, folders: &[&Path]) -> Result<()> {
        sweep(self.dir())?;
        for folder in folders {
            // What is wrong with it is the failure of the lines that go there.
            let _ = sweep(&self.dir().join(folder));
        }
        Ok(())
    }

    fn put(&mut self, made: Made) {
        let done = self.write(made);
        self.done.push(done);
    }

    fn put_done(&mut self, _: bool) -> Vec<(Entry, Result<()>)> {
        std::mem::take(&mut self.done)
    }
}

/// Returns the path of the ledger that the holder of a lock appends to.
fn own_path(lock: &DirLock) -> PathBuf {
    let name =
        lock.shard().map_or(LEDGER_FILE.into(), |shard| format!("{SHARD_LEDGER}{}.jsonl", shard.stem()));
    lock.dir().join(STATE_DIR).join(name)
}

/// Tells whether an error is that of a disk that takes no file any more.
pub fn is_full(reason: &io::Error) -> bool {
    matches!(reason.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem)
}
