//! The lock of a bucket: an object that says who has it and for how long, renewed while the run lives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use object_store::{ObjectMeta, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::objects::Objects;
use crate::batch::lock::{LOCK_FILE, holder_words, lock_file};
use crate::batch::store::in_state;
use crate::batch::{STATE_DIR, Shard};
use crate::error::{Error, Result};

/// The time that a lock is held without being renewed.
const HELD: Duration = Duration::from_secs(60);
/// The time between two renewals.
const RENEW: Duration = Duration::from_secs(15);
/// The times that a free lock is tried for, of which others may win some.
const TRIES: usize = 4;

/// What a lock's object says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Hold {
    /// The process that holds it, as it describes itself.
    holder: String,
    /// A number that no other run has.
    run: u64,
    /// Seconds after its last writing for which it is held; 0 once it is given back.
    seconds: u64,
}

impl Hold {
    fn text(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// A lock that is held until it is dropped: of all objects, or of one shard's.
#[derive(Debug)]
pub(super) struct Lease {
    objects: Objects,
    handle: Handle,
    shard: Option<Shard>,
    hold: Hold,
    name: String,
    state: Arc<Mutex<State>>,
    renewal: Option<AbortHandle>,
}

#[derive(Debug)]
struct State {
    version: UpdateVersion,
    renewed: Instant,
    /// Who has it now, if this run has lost it.
    lost: Option<String>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lease {
    /// Locks all objects or a shard of them. Like the locks of a folder, a shard's and that of all exclude each other:
    /// whoever locks writes first and looks for the other then.
    pub(super) fn acquire(
        objects: &Objects,
        handle: &Handle,
        shard: Option<Shard>,
        run: u64,
    ) -> Result<Self> {
        let name = in_state(&shard.map_or(LOCK_FILE.into(), lock_file));
        let hold = Hold { holder: holder_words(), run, seconds: HELD.as_secs() };
        let renewed = Instant::now();
        let version = handle.block_on(take(objects, &name, &hold))?;
        let state = Arc::new(Mutex::new(State { version, renewed, lost: None }));
        let (objects, handle) = (objects.clone(), handle.clone());
        let mut lease = Lease { objects, handle, shard, hold, name, state, renewal: None };
        // An error gives it back.
        if let Some(holder) = lease.handle.block_on(lease.rival())? {
            return Err(Error::InUse { dir: lease.objects.path(""), holder });
        }
        let renewal =
            renew(lease.objects.clone(), lease.name.clone(), lease.hold.clone(), Arc::clone(&lease.state));
        lease.renewal = Some(lease.handle.spawn(renewal).abort_handle());
        Ok(lease)
    }

    pub(super) fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Returns the number that no other run has.
    pub(super) fn run(&self) -> u64 {
        self.hold.run
    }

    /// Locks all objects in place of a shard of them, which stays locked if that fails.
    pub(super) fn widen(&mut self) -> Result<()> {
        if self.shard.is_some() {
            *self = Lease::acquire(&self.objects, &self.handle, None, self.hold.run)?;
        }
        Ok(())
    }

    /// Checks that it is held still.
    pub(super) fn check(&self) -> Result<()> {
        let state = lock(&self.state);
        if let Some(holder) = &state.lost {
            return Err(Error::InUse { dir: self.objects.path(""), holder: holder.clone() });
        }
        match state.renewed.elapsed() < HELD {
            true => Ok(()),
            false => Err(Error::Io {
                action: "keep",
                path: self.objects.path(&self.name),
                reason: std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "the store did not take the lock's renewals, and another run may have begun; start again",
                ),
            }),
        }
    }

    /// Returns who holds a lock that excludes this one.
    async fn rival(&self) -> Result<Option<String>> {
        let names = match self.shard {
            Some(_) => vec![in_state(LOCK_FILE)],
            None => {
                let shards = in_state(LOCK_FILE) + "-";
                let listed = self.objects.list(STATE_DIR).await?;
                listed.into_iter().map(|(name, _)| name).filter(|name| name.starts_with(&shards)).collect()
            }
        };
        for name in names {
            let Some((hold, meta)) = read(&self.objects, &name).await? else { continue };
            if hold.run != self.hold.run && hold.seconds > 0 {
                let age = clock(&self.objects, self.hold.run).await? - meta.last_modified.timestamp();
                if let Some(holder) = alive(&hold, age) {
                    return Ok(Some(holder));
                }
            }
        }
        Ok(None)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        let (version, is_lost) = {
            let state = lock(&self.state);
            (state.version.clone(), state.lost.is_some())
        };
        let free = Hold { seconds: 0, ..self.hold.clone() };
        if let (false, Ok(text)) = (is_lost, free.text()) {
            // It expires by itself where this fails.
            let put = self.objects.put_if(&self.name, text, Some(version));
            let _ = self.handle.block_on(async { tokio::time::timeout(RENEW, put).await });
        }
    }
}

/// Takes a lock that nobody holds, or whose holder has not renewed it in time.
async fn take(objects: &Objects, name: &str, hold: &Hold) -> Result<UpdateVersion> {
    for _ in 0..TRIES {
        if let Some(version) = objects.put_if(name, hold.text()?, None).await? {
            return Ok(version);
        }
        let Some((other, meta)) = read(objects, name).await? else { continue };
        let version = UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() };
        // An answer that was lost, of a request that was made again.
        if other.run == hold.run && other.seconds > 0 {
            return Ok(version);
        }
        if other.seconds > 0 {
            let age = clock(objects, hold.run).await? - meta.last_modified.timestamp();
            if let Some(holder) = alive(&other, age) {
                return Err(Error::InUse { dir: objects.path(""), holder });
            }
        }
        if let Some(version) = objects.put_if(name, hold.text()?, Some(version)).await? {
            return Ok(version);
        }
    }
    Err(Error::InUse { dir: objects.path(""), holder: "another process".into() })
}

/// Renews a lock until it is lost.
async fn renew(objects: Objects, name: String, hold: Hold, state: Arc<Mutex<State>>) {
    let Ok(text) = hold.text() else { return };
    loop {
        tokio::time::sleep(RENEW).await;
        let version = lock(&state).version.clone();
        let begun = Instant::now();
        let put = objects.put_if(&name, text.clone(), Some(version));
        match tokio::time::timeout(RENEW, put).await {
            Ok(Ok(Some(version))) => {
                let mut state = lock(&state);
                (state.version, state.renewed) = (version, begun);
            }
            Ok(Ok(None)) => match read(&objects, &name).await {
                // An answer that was lost, of a request that was made again.
                Ok(Some((other, meta))) if other.run == hold.run => {
                    let mut state = lock(&state);
                    state.version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
                    state.renewed = begun;
                }
                Ok(other) => {
                    let holder =
                        other.map_or("nobody: its lock was removed".into(), |(other, _)| other.holder);
                    lock(&state).lost = Some(holder);
                    return;
                }
                Err(_) => {}
            },
            // Tried again until it has expired, which `Lease::check` notices.
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

/// Tells whether a run of a shard is at work, by this machine's clock.
pub(super) async fn is_held(objects: &Objects, shard: Shard) -> bool {
    let Ok(Some((hold, meta))) = read(objects, &in_state(&lock_file(shard))).await else { return false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
    alive(&hold, now - meta.last_modified.timestamp()).is_some()
}

/// Returns the holder of a lock that was written so many seconds ago, if it is held.
fn alive(hold: &Hold, age: i64) -> Option<String> {
    let is_alive = age < i64::try_from(hold.seconds).unwrap_or(i64::MAX);
    is_alive.then(|| format!("{}, last heard of {} s ago (of {})", hold.holder, age.max(0), hold.seconds))
}

/// Reads a lock. One that nobody can read is nobody's.
async fn read(objects: &Objects, name: &str) -> Result<Option<(Hold, ObjectMeta)>> {
    let free = |_| Hold { holder: String::new(), run: 0, seconds: 0 };
    let found = objects.get(name).await?;
    Ok(found.map(|(text, meta)| (serde_json::from_slice(&text).unwrap_or_else(free), meta)))
}

/// Tells the time by the store's clock: those of machines that share a bucket may differ.
async fn clock(objects: &Objects, run: u64) -> Result<i64> {
    let name = in_state(&format!("clock-{run:016x}"));
    objects.put(&name, Vec::new()).await?;
    let now = objects.time(&name).await?;
    objects.delete(&[name]).await?;
    Ok(now)
}
