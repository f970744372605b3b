//! A bucket that is locked: its ledger, and the files that are on their way to it.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use object_store::ObjectMeta;
use tempfile::NamedTempFile;
use tokio::task::{JoinError, JoinSet};

use super::Bucket;
use super::lease::Lease;
use super::objects::Objects;
use crate::batch::Shard;
use crate::batch::entry::{Entry, Record, Records, text_of};
use crate::batch::folder::is_full;
use crate::batch::ledger::{LEDGER_FILE, SHARD_LEDGER, is_ledger};
use crate::batch::store::{Backing, Content, Found, Made, Place, in_state};
use crate::error::{Error, Result};
use crate::speech::{random_seed, sha256};

/// The files that are put at a time.
const PUTS: usize = 64;
/// The bytes of files that are put at a time, but for a single one.
const BYTES: u64 = 64 << 20;
/// The time that the record of a file waits for others.
const WAIT: Duration = Duration::from_secs(5);
/// The records that wait at most.
const RECORDS: usize = 500;
/// The size from which on an object of a ledger is left as it is, and the next one begun.
const FULL: usize = 1 << 20;

/// A file that was put or could not be: its entry, the bytes that it took of those on their way, and its tag.
type Ended = (Entry, u64, Result<Option<String>>);

#[derive(Debug)]
pub(super) struct Locked {
    /// Given back before the runtime ends.
    lease: Lease,
    /// Length and tag of all objects.
    found: HashMap<String, (u64, Option<String>)>,
    /// The ledgers that were read, but for that of the whole.
    others: Vec<String>,
    own: Segments,
    puts: JoinSet<Ended>,
    /// The bytes that are on their way.
    bytes: u64,
    done: Vec<(Entry, Result<()>)>,
    /// Why a file may have been lost sight of.
    fault: Option<String>,
    bucket: Arc<Bucket>,
}

/// The objects of a run's own ledger. The last one is written anew as it grows.
#[derive(Debug)]
struct Segments {
    stem: String,
    number: usize,
    text: Vec<u8>,
    /// Number of records that are not written yet, and the time of the first one.
    waiting: usize,
    since: Instant,
}

impl Segments {
    fn new(lease: &Lease) -> Self {
        let shard = lease.shard().map_or("whole".into(), Shard::stem);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let stem = format!("{SHARD_LEDGER}{shard}/{now:010x}-{:016x}", lease.run());
        Segments { stem, number: 0, text: Vec::new(), waiting: 0, since: Instant::now() }
    }
}

impl Locked {
    pub(super) fn new(bucket: Arc<Bucket>, shard: Option<Shard>) -> Result<Self> {
        let lease = Lease::acquire(&bucket.objects, bucket.runtime.handle(), shard, random_seed())?;
        Ok(Locked {
            own: Segments::new(&lease),
            lease,
            found: HashMap::new(),
            others: Vec::new(),
            puts: JoinSet::new(),
            bytes: 0,
            done: Vec::new(),
            fault: None,
            bucket,
        })
    }

    fn objects(&self) -> &Objects {
        &self.bucket.objects
    }

    /// Waits for one of the files that are on their way.
    fn wait(&mut self) {
        let ended = self.bucket.runtime.block_on(self.puts.join_next());
        ended.into_iter().for_each(|ended| self.end(ended));
    }

    fn end(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok((mut entry, bytes, put)) => {
                self.bytes -= bytes;
                let put = put.map(|etag| {
                    entry.etag = etag.map(|etag| plain(&etag));
                    self.found.insert(entry.name.clone(), (entry.bytes, entry.etag.clone()));
                });
                self.done.push((entry, put));
            }
            Err(error) => self.fault = Some(error.to_string()),
        }
    }
}

impl Backing for Locked {
    fn place(&self) -> &dyn Place {
        &*self.bucket
    }

    fn shard(&self) -> Option<Shard> {
        self.lease.shard()
    }

    fn widen(&mut self) -> Result<()> {
        self.lease.widen()?;
        self.own = Segments::new(&self.lease);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        match &self.fault {
            Some(fault) => Err(Error::Internal(fault.clone())),
            None => self.lease.check(),
        }
    }

    fn check_place(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn befalls_all(&self, error: &Error) -> bool {
        let Error::Io { reason, .. } = error else { return false };
        let kinds = [
            ErrorKind::NotConnected,
            ErrorKind::NotFound,
            ErrorKind::PermissionDenied,
            ErrorKind::TimedOut,
            ErrorKind::Unsupported,
        ];
        is_full(reason) || kinds.contains(&reason.kind())
    }

    fn load(&mut self) -> Result<Vec<Records>> {
        let objects = self.objects().clone();
        let whole = in_state(LEDGER_FILE);
        let (listed, texts, others) = self.bucket.runtime.block_on(async {
            let listed = objects.list("").await?;
            let is_other = |name: &String| {
                name.strip_prefix(&in_state("")).is_some_and(|name| name != LEDGER_FILE && is_ledger(name))
            };
            let others: Vec<String> = listed.iter().map(|(name, _)| name.clone()).filter(is_other).collect();
            let own = objects.get(&whole).await?.map(|(text, _)| text).unwrap_or_default();
            let mut texts = vec![own];
            texts.extend(objects.get_all(&others).await?);
            Ok::<_, Error>((listed, texts, others))
        })?;
        let seen =
            |(name, meta): (String, ObjectMeta)| (name, (meta.size, meta.e_tag.map(|etag| plain(&etag))));
        self.found = listed.into_iter().map(seen).collect();
        self.others = others;
        Ok(texts.iter().map(|text| Records::parse(text)).collect())
    }

    fn replace(&mut self, entries: Vec<&Entry>) -> Result<()> {
        let name = in_state(LEDGER_FILE);
        let text = text_of(entries).map_err(|e| Error::io("write", &self.objects().path(&name))(e.into()))?;
        let others = std::mem::take(&mut self.others);
        self.bucket.runtime.block_on(async {
            self.objects().put(&name, text).await?;
            self.objects().delete(&others).await
        })
    }

    fn append(&mut self, record: Record<'_>, _: bool) -> Result<()> {
        let failed = |e: serde_json::Error| Error::Internal(e.to_string());
        if self.own.waiting == 0 {
            self.own.since = Instant::now();
        }
        serde_json::to_writer(&mut self.own.text, &record).map_err(failed)?;
        self.own.text.push(b'\n');
        self.own.waiting += 1;
        Ok(())
    }

    fn flush(&mut self, all: bool) -> Result<()> {
        let own = &self.own;
        let is_due = all || own.waiting >= RECORDS || own.since.elapsed() >= WAIT;
        if own.waiting == 0 || !is_due {
            return Ok(());
        }
        let name = in_state(&format!("{}-{:04}.jsonl", own.stem, own.number));
        self.bucket.runtime.block_on(self.objects().put(&name, own.text.clone()))?;
        self.own.waiting = 0;
        if self.own.text.len() >= FULL {
            self.own.text.clear();
            self.own.number += 1;
        }
        Ok(())
    }

    fn tells_apart(&self) -> bool {
        true
    }

    fn find(&self, entry: &Entry) -> Found {
        match self.found.get(&entry.name) {
            None => Found::Nothing,
            Some((bytes, _)) if *bytes != entry.bytes => Found::Other,
            Some((_, etag)) if etag.is_some() && *etag == entry.etag => Found::Same,
            Some(_) => Found::Alike,
        }
    }

    fn sha256(&self, name: &str) -> Result<String> {
        let gone = || Error::io("read", &self.objects().path(name))(ErrorKind::NotFound.into());
        let (bytes, _) = self.bucket.runtime.block_on(self.objects().get(name))?.ok_or_else(gone)?;
        Ok(sha256(&bytes))
    }

    fn may_be_own(&self, _: &str) -> Result<bool> {
        Ok(true)
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        self.bucket.runtime.block_on(self.objects().delete(&[name.to_string()]))?;
        self.found.remove(name);
        Ok(())
    }

    fn part_file(&self, _: &Path) -> Result<NamedTempFile> {
        NamedTempFile::new().map_err(Error::io("write", &std::env::temp_dir()))
    }

    fn sweep(&self, _: &[&Path]) -> Result<()> {
        Ok(())
    }

    fn put(&mut self, made: Made) {
        let Made { entry, content, beside } = made;
        // A part comes into memory piece by piece.
        let bytes = match &content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Part(_) => entry.bytes.min(BYTES / 8),
        };
        while !self.puts.is_empty() && (self.puts.len() >= PUTS || self.bytes + bytes > BYTES) {
            self.wait();
        }
        self.bytes += bytes;
        let objects = self.objects().clone();
        let put = async move {
            let put = store(&objects, &entry, content, beside).await;
            (entry, bytes, put)
        };
        self.puts.spawn_on(put, self.bucket.runtime.handle());
    }

    fn put_done(&mut self, all: bool) -> Vec<(Entry, Result<()>)> {
        while let Some(ended) = self.puts.try_join_next() {
            self.end(ended);
        }
        while all && !self.puts.is_empty() {
            self.wait();
        }
        std::mem::take(&mut self.done)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // What was not written is made again.
        let _ = self.flush(true);
    }
}

/// Puts a file after those that go with it.
async fn store(
    objects: &Objects,
    entry: &Entry,
    content: Content,
    beside: Vec<(PathBuf, Vec<u8>)>,
) -> Result<Option<String>> {
    for (name, bytes) in beside {
        objects.put(&name.to_string_lossy(), bytes).await?;
    }
    match content {
        Content::Bytes(bytes) => objects.put(&entry.name, bytes).await,
        Content::Part(part) => objects.put_file(&entry.name, part.path()).await,
    }
}

/// Returns a tag in the form that listings and answers share.
fn plain(etag: &str) -> String {
    etag.trim_start_matches("W/").trim_matches('"').to_string()
}
