//! The records of a ledger: finished files, and what takes them back.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::name::check;
use crate::error::{Error, Result};
use crate::speech::{sha256, sha256_file};

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
    /// What an object store calls these bytes under this name; None in a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
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
            etag: None,
        };
        entry.check().map(|()| entry)
    }

    /// Refuses an entry that could not be read back.
    pub(super) fn check(&self) -> Result<()> {
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

/// A line of a ledger.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Record<'a> {
    /// A finished file.
    Finished(&'a Entry),
    /// What takes back earlier records of this name.
    Forgotten { forgotten: &'a str },
}

/// A record that takes back earlier ones of the same name, as it is read.
#[derive(Deserialize)]
struct Forgotten {
    forgotten: String,
}

/// The records of one file.
#[derive(Default)]
pub(super) struct Records {
    pub(super) entries: HashMap<String, Entry>,
    pub(super) forgotten: HashSet<String>,
    pub(super) count: usize,
    pub(super) unreadable: usize,
}

impl Records {
    /// Reads the records of a ledger; lines that hold none are counted.
    pub(super) fn parse(text: &[u8]) -> Self {
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
        records
    }
}

/// Makes the text of a ledger of these entries, in the order of their time.
pub(super) fn text_of(mut entries: Vec<&Entry>) -> serde_json::Result<Vec<u8>> {
    entries.sort_by(|a, b| (a.time, &a.name).cmp(&(b.time, &b.name)));
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Returns a name in the form that the ledger writes.
pub(super) fn spelled(name: &Path) -> Option<String> {
    let name = name.to_str()?;
    Some(if cfg!(windows) { name.replace('\\', "/") } else { name.to_string() })
}
