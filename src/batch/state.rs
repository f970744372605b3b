//! The states of shards: what each of them has to do and has done, for whoever looks at the whole.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::in_state;
use super::{Shard, Store};
use crate::error::{Error, Result};

const STATE_FILE: &str = "shard-";
const REPORT_FILE: &str = "report-";

/// What the last run of a shard had to do and did, in `DIR/.chattts-rs/shard-I-of-N.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardState {
    /// Its index, from 0.
    pub index: usize,
    /// Number of all shards.
    pub count: usize,
    /// The sha256 of all lines and of how their files are named: shards of the same are shards of one.
    pub input: String,
    /// Number of lines in all shards.
    pub total: usize,
    /// Number of lines in this one.
    pub lines: usize,
    /// Number of lines whose files are there.
    pub done: usize,
    /// Number of lines that failed.
    pub failed: usize,
    /// Seconds of audio in its files.
    pub audio_seconds: f64,
    /// Seconds in which devices worked for it, in all its runs: two devices for a second are two seconds.
    pub device_seconds: f64,
    /// The machine of the last run.
    pub host: String,
    /// Whether the last run ended by itself.
    pub has_ended: bool,
}

/// A shard's state, and whether a run is at work on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Its state; a default one if it has not begun.
    #[serde(flatten)]
    pub state: ShardState,
    /// Whether a run is at work.
    pub is_running: bool,
}

impl ShardState {
    /// Returns the state of a shard, if one was left.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::BadFile`] if it is no state.
    pub fn read(store: &Store, shard: Shard) -> Result<Option<Self>> {
        let name = state_name(shard);
        store.read(&name)?.map(|bytes| parse(&store.path(Path::new(&name)), &bytes)).transpose()
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&self, store: &Store) -> Result<()> {
        let name = state_name(self.shard()?);
        let text = serde_json::to_vec(self)
            .map_err(|e| Error::io("write", &store.path(Path::new(&name)))(e.into()))?;
        store.write(&name, &text)
    }

    /// Tells whether every line has its file.
    pub fn is_complete(&self) -> bool {
        self.has_ended && self.done == self.lines
    }

    fn shard(&self) -> Result<Shard> {
        Shard::new(self.index, self.count)
    }
}

/// Returns the shards of an output place, in order, those that have not begun among them. Where several counts have
/// left their states, it is those of the count that the latest state is of.
///
/// # Errors
/// [`Error::Io`] for what cannot be read; [`Error::BadFile`] for a state that is none.
pub fn standing(store: &Store) -> Result<Vec<Standing>> {
    let mut found = Vec::new();
    for (name, time) in store.state()? {
        if name.starts_with(STATE_FILE) && name.ends_with(".json") {
            let name = in_state(&name);
            let bytes = store.read(&name)?.unwrap_or_default();
            found.push((time, parse(&store.path(Path::new(&name)), &bytes)?));
        }
    }
    let Some((_, latest)) = found.iter().max_by_key(|(time, _)| *time) else { return Ok(Vec::new()) };
    let (count, total, input) = (latest.count, latest.total, latest.input.clone());
    (0..count)
        .map(|index| {
            let state = found
                .iter()
                .map(|(_, state)| state)
                .find(|s| (s.count, s.index, &s.input) == (count, index, &input));
            let state = state.cloned().unwrap_or_else(|| ShardState {
                index,
                count,
                total,
                input: input.clone(),
                ..ShardState::default()
            });
            let is_running = store.is_held(state.shard()?);
            Ok(Standing { state, is_running })
        })
        .collect()
}

/// Returns the name of a shard's report.
pub fn report_name(shard: Shard) -> String {
    in_state(&format!("{REPORT_FILE}{}.jsonl", shard.stem()))
}

fn state_name(shard: Shard) -> String {
    in_state(&format!("{STATE_FILE}{}.json", shard.stem()))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<ShardState> {
    let bad = |reason: String| Error::bad_file(path, reason);
    let state: ShardState =
        serde_json::from_slice(bytes).map_err(|e| bad(format!("not the state of a shard: {e}")))?;
    state.shard().map_err(|e| bad(e.to_string()))?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::batch::{DirLock, STATE_DIR};

    #[test]
    fn the_latest_count_is_told_with_shards_that_have_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let write = |index, count, done| {
            let state =
                ShardState { index, count, total: 9, lines: 3, done, has_ended: true, ..Default::default() };
            state.write(&store).unwrap();
            state
        };
        drop(DirLock::acquire(dir.path()).unwrap());
        assert_eq!(standing(&store).unwrap(), []);
        write(0, 2, 1);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let first = write(1, 3, 3);
        let found = standing(&store).unwrap();
        assert_eq!(found.iter().map(|s| s.state.index).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(found[1].state, first);
        assert!(first.is_complete() && !found[0].state.is_complete());
        assert_eq!((found[0].state.total, found[0].state.lines), (9, 0));
        let shard = Shard::new(1, 3).unwrap();
        let held = DirLock::acquire_for(dir.path(), Some(shard)).unwrap();
        assert!(standing(&store).unwrap()[1].is_running);
        drop(held);
        assert!(!standing(&store).unwrap()[1].is_running);
        assert_eq!(ShardState::read(&store, shard).unwrap(), Some(first));
    }

    #[test]
    fn a_state_that_is_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        drop(DirLock::acquire(dir.path()).unwrap());
        fs::write(dir.path().join(STATE_DIR).join("shard-0-of-2.json"), "{").unwrap();
        let error = standing(&store).unwrap_err().to_string();
        assert!(error.contains("shard-0-of-2.json") && error.contains("not the state"), "{error}");
    }
}
