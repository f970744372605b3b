//! Output places: a folder, or the bucket of an object store, of which the rest of the crate knows no difference.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::entry::{Entry, Record, Records};
use super::folder::Folder;
use super::{Ledger, STATE_DIR, Shard};
use crate::error::{Error, Result};

/// A place for the files of many lines, and for what runs note of them: a folder, or the beginning of names in a bucket
/// of an object store, such as `s3://bucket/prefix`. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Store(Arc<dyn Place>);

impl Store {
    /// Makes the place of a folder's path, or of an object store's address. Nothing is written or asked for yet.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an address that leads nowhere, or for any if this build knows no object stores.
    pub fn open(place: &Path) -> Result<Self> {
        match address(place) {
            None => Ok(Store(Arc::new(Folder::new(place)))),
            #[cfg(feature = "object-store")]
            Some(address) => Ok(Store(Arc::new(super::bucket::Bucket::open(address)?))),
            #[cfg(not(feature = "object-store"))]
            Some(address) => Err(Error::parameter(
                "place",
                format!(
                    "{address}: this build knows no object stores; `cargo install --features object-store` makes one \
                     that does"
                ),
            )),
        }
    }

    /// Makes the place of the folder that a file lies in, and returns it with the file's name there.
    ///
    /// # Errors
    /// As [`Store::open`]; [`Error::Parameter`] for a path that has no name at its end.
    pub fn of_file(path: &Path) -> Result<(Self, String)> {
        let none = || Error::parameter("place", format!("{} names no file", path.display()));
        match address(path) {
            Some(address) => {
                let (folder, name) = address.rsplit_once('/').ok_or_else(none)?;
                match name.is_empty() || folder.ends_with('/') {
                    true => Err(none()),
                    false => Ok((Store::open(Path::new(folder))?, name.to_string())),
                }
            }
            None => {
                let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(none)?;
                Ok((Store::open(super::file::folder_of(path))?, name.to_string()))
            }
        }
    }

    #[cfg(all(test, feature = "object-store"))]
    pub(super) fn of(place: impl Place + 'static) -> Self {
        Store(Arc::new(place))
    }

    /// Returns the path or the address of the place.
    pub fn place(&self) -> PathBuf {
        self.0.path("")
    }

    /// Returns the path or the address of a file in it.
    pub fn path(&self, name: &Path) -> PathBuf {
        self.0.path(&name.to_string_lossy())
    }

    /// Returns the folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder()
    }

    /// Locks the place, or one shard of it, and opens its ledger.
    ///
    /// # Errors
    /// [`Error::InUse`] that says who holds the lock; else as [`Ledger::open`].
    pub fn ledger(&self, shard: Option<Shard>) -> Result<Ledger> {
        Ledger::over(Arc::clone(&self.0).lock(shard)?)
    }

    /// Tells whether a run has been at work here.
    ///
    /// # Errors
    /// [`Error::Io`] where that cannot be told.
    pub fn has_state(&self) -> Result<bool> {
        self.0.has_state()
    }

    /// Reads a file in it; None if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.read(name)
    }

    /// Writes a file in it completely or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.0.write(name, bytes)
    }

    /// Tells whether a run of a shard is at work.
    pub fn is_held(&self, shard: Shard) -> bool {
        self.0.is_held(shard)
    }

    /// Returns the names of the files that runs note something in, with the times of their last writing.
    pub(super) fn state(&self) -> Result<Vec<(String, SystemTime)>> {
        self.0.state()
    }
}

/// Returns an address that is one, and no path.
fn address(place: &Path) -> Option<&str> {
    let place = place.to_str()?;
    let (scheme, _) = place.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then_some(place)
}

/// Tells whether a path is the address of an object store.
pub fn is_address(path: &Path) -> bool {
    address(path).is_some()
}

/// Returns the name of a file among those that runs note something in.
pub(super) fn in_state(name: &str) -> String {
    format!("{STATE_DIR}/{name}")
}

/// A place that may be used without a lock.
pub(super) trait Place: Debug + Send + Sync {
    fn path(&self, name: &str) -> PathBuf;
    fn folder(&self) -> Option<&Path>;
    fn lock(self: Arc<Self>, shard: Option<Shard>) -> Result<Box<dyn Backing>>;
    fn is_held(&self, shard: Shard) -> bool;
    fn has_state(&self) -> Result<bool>;
    fn state(&self) -> Result<Vec<(String, SystemTime)>>;
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()>;
}

/// Says what lies where an entry's file should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// Something of another length.
    Other,
    /// A file of its length.
    Alike,
    /// The file itself, which only object stores can tell.
    #[cfg_attr(not(feature = "object-store"), allow(dead_code))]
    Same,
}

/// A locked place, beneath its ledger.
pub(super) trait Backing: Debug + Send {
    fn place(&self) -> &dyn Place;
    fn shard(&self) -> Option<Shard>;
    /// Locks the whole in place of a shard.
    fn widen(&mut self) -> Result<()>;
    /// Checks that the place is still there, and this one's.
    fn check(&self) -> Result<()>;
    /// Checks that a file of this name lies inside.
    fn check_place(&self, name: &Path) -> Result<()>;
    /// Tells whether an error of writing a file would meet every other file.
    fn befalls_all(&self, error: &Error) -> bool;

    /// Reads all ledgers, its own first.
    fn load(&mut self) -> Result<Vec<Records>>;
    /// Puts one ledger in the place of all that were read.
    fn replace(&mut self, entries: Vec<&Entry>) -> Result<()>;
    /// Adds a line to its own ledger.
    fn append(&mut self, record: Record<'_>, sync: bool) -> Result<()>;
    /// Writes what [`Backing::append`] has held back, all of it or what has waited long enough.
    fn flush(&mut self, all: bool) -> Result<()>;

    /// Tells whether [`Backing::find`] knows a file from another of its length.
    fn tells_apart(&self) -> bool;
    fn find(&self, entry: &Entry) -> Found;
    fn sha256(&self, name: &str) -> Result<String>;
    /// Tells whether a file may be one that was finished here, and not a link or behind one.
    fn may_be_own(&self, name: &str) -> Result<bool>;
    fn remove(&mut self, name: &str) -> Result<()>;

    /// Creates an unfinished file for one that is too large for memory.
    fn part_file(&self, name: &Path) -> Result<NamedTempFile>;
    /// Clears away what killed runs left half-written in these folders.
    fn sweep(&self, folders: &[&Path]) -> Result<()>;
    /// Begins to write a file.
    fn put(&mut self, made: Made);
    /// Returns how the files went that are written by now, or all that were begun.
    fn put_done(&mut self, all: bool) -> Vec<(Entry, Result<()>)>;
}

/// The bytes of a finished file.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file that [`Ledger::part_file`] has made.
    Part(NamedTempFile),
}

/// A finished file that is to be stored.
#[derive(Debug)]
pub struct Made {
    /// Its entry in the ledger.
    pub entry: Entry,
    /// Its bytes.
    pub content: Content,
    /// Files that go with it, by their names, which are written first.
    pub beside: Vec<(PathBuf, Vec<u8>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_whatever_it_looks_like_unless_it_is_an_address() {
        for path in ["out", "/out", "C:/out", "a:b", "://x", "a b://x", "../s3:/x"] {
            assert!(!is_address(Path::new(path)), "{path}");
            let store = Store::open(Path::new(path)).unwrap();
            assert_eq!((store.folder(), store.place()), (Some(Path::new(path)), PathBuf::from(path)));
        }
        let (store, name) = Store::of_file(Path::new("a/b.jsonl")).unwrap();
        assert_eq!((store.place(), &*name), (PathBuf::from("a"), "b.jsonl"));
        assert!(["s3://b/x", "gs://b", "ftp://b"].iter().all(|address| is_address(Path::new(address))));
    }

    #[cfg(not(feature = "object-store"))]
    #[test]
    fn a_build_without_object_stores_says_how_to_get_one() {
        for path in ["s3://bucket/x", "gs://bucket", "az://c/x"] {
            let error = Store::open(Path::new(path)).unwrap_err().to_string();
            assert!(error.starts_with("place: ") && error.contains("--features object-store"), "{error}");
        }
    }
}
