//! The lock that lets only one run at a time work in an output folder.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::file::create_folder;
use super::{STATE_DIR, Shard};
use crate::error::{Error, Result};
use crate::files::open_own;

pub(super) const LOCK_FILE: &str = "lock";
/// The most bytes of a holder's own description that a message shows.
const MAX_HOLDER: u64 = 100;
const SECONDS_PER_DAY: u64 = 86_400;

/// Keeps other runs out of an output folder until it is dropped, or out of one shard of it: runs of other shards work
/// beside it, and no run of the whole. The system holds the lock, so a run that dies releases it, and with a folder of
/// a network so does a machine that dies, when the file server gives it up (NFS from version 4 on: after 90 seconds).
#[derive(Debug)]
pub struct DirLock {
    dir: PathBuf,
    shard: Option<Shard>,
    /// The file that tells who holds it.
    file: File,
    /// The folder's, where `file` is a shard's.
    shared: Option<File>,
    /// What tells the folder from another one of its name, where the system has such a thing.
    identity: Option<(u64, u64)>,
}

impl DirLock {
    /// Locks `dir`, which is created if it is not there, by its file `.chattts-rs/lock`.
    ///
    /// # Errors
    /// [`Error::InUse`] that says which process holds the lock; [`Error::Io`] where the folder cannot be
    /// written or its file system knows no locks; [`Error::Unsafe`] where others could put links in the way of
    /// what is written.
    pub fn acquire(dir: &Path) -> Result<Self> {
        DirLock::acquire_for(dir, None)
    }

    /// Locks one shard of `dir` alone, if there is one.
    ///
    /// # Errors
    /// As [`DirLock::acquire`].
    pub fn acquire_for(dir: &Path, shard: Option<Shard>) -> Result<Self> {
        let state = dir.join(STATE_DIR);
        create_folder(dir)?;
        check_folder(dir)?;
        make_state(&state)?;
        let whole = state.join(LOCK_FILE);
        let (file, shared) = match shard {
            None => (locked(dir, &whole, File::try_lock)?, None),
            Some(shard) => {
                let shared = locked(dir, &whole, File::try_lock_shared)?;
                let own = state.join(lock_file(shard));
                (locked(dir, &own, File::try_lock)?, Some(shared))
            }
        };
        let identity = fs::metadata(dir).ok().as_ref().and_then(identity);
        let mut lock = DirLock { dir: dir.to_path_buf(), shard, file, shared, identity };
        lock.sign().map_err(Error::io("write", &state))?;
        Ok(lock)
    }

    /// Tells whether a run of a shard of `dir` is at work.
    pub fn is_held(dir: &Path, shard: Shard) -> bool {
        let file = File::open(dir.join(STATE_DIR).join(lock_file(shard)));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Locks the whole folder in place of a shard of it.
    ///
    /// # Errors
    /// As [`DirLock::acquire`]; the shard stays locked.
    pub(super) fn widen(&mut self) -> Result<()> {
        let Some(shared) = self.shared.take() else { return Ok(()) };
        let path = self.dir.join(STATE_DIR).join(LOCK_FILE);
        // Its own share would be in the way.
        drop(shared);
        match locked(&self.dir, &path, File::try_lock) {
            Ok(file) => {
                self.file = file;
                self.shard = None;
                self.sign().map_err(Error::io("write", &path))
            }
            Err(error) => {
                self.shared = Some(locked(&self.dir, &path, File::try_lock_shared)?);
                Err(error)
            }
        }
    }

    /// Writes who holds it.
    fn sign(&mut self) -> io::Result<()> {
        let words = holder_words() + "\n";
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(words.as_bytes())
    }

    /// Checks that the folder is still where it was locked.
    ///
    /// # Errors
    /// [`Error::Io`] if it was moved, deleted or replaced.
    pub fn check(&self) -> Result<()> {
        let gone =
            |_| io::Error::other("the folder was moved or deleted while it was written to; start again");
        let meta = fs::metadata(&self.dir).map_err(gone).map_err(Error::io("write", &self.dir))?;
        match identity(&meta) == self.identity {
            true => Ok(()),
            false => Err(Error::io("write", &self.dir)(gone(io::Error::other("replaced")))),
        }
    }

    /// Returns the locked folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the shard that is locked; None if the whole folder is.
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }
}

/// Says who this process is, for whoever finds a place in use.
pub(super) fn holder_words() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    format!("process {} on {}, started {}", std::process::id(), host(), utc(now))
}

/// Returns the name of this machine.
pub fn host() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "a machine without a name".into())
}

/// Returns the name of a shard's lock.
pub(super) fn lock_file(shard: Shard) -> String {
    format!("{LOCK_FILE}-{}", shard.stem())
}

/// Opens and locks a file. It is never removed: whoever locks a file that is gone locks out nobody.
fn locked(dir: &Path, path: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> Result<File> {
    let mut file = open_own(path, false)?;
    match lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::InUse { dir: dir.to_path_buf(), holder: holder(&mut file) })
        }
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path)(e)),
    }
}

#[cfg(unix)]
fn identity(meta: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// Creates the state folder, which others must not be able to prepare.
fn make_state(state: &Path) -> Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o775);
    }
    match builder.create(state) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create the folder", state)(e));
        }
        _ => {}
    }
    let meta = fs::symlink_metadata(state).map_err(Error::io("read", state))?;
    if !meta.is_dir() {
        return Err(Error::unsafe_place(
            state,
            "is a link or a file, where a folder of this program's own belongs; remove it",
        ));
    }
    check_state(state, &meta)
}

/// Refuses an output folder in which any user may replace what another one has made.
#[cfg(unix)]
fn check_folder(dir: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    const OTHERS_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let mode = fs::metadata(dir).map_err(Error::io("read", dir))?.mode();
    match mode & OTHERS_WRITE != 0 && mode & STICKY == 0 {
        true => Err(Error::unsafe_place(
            dir,
            "may be written by every user; take that away (`chmod o-w`), or choose another folder",
        )),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn check_state(state: &Path, meta: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    // As whom files are created here, which maps of users and file systems of one owner may have a say in.
    let own = tempfile::tempfile_in(state).and_then(|file| file.metadata());
    let user = own.map_err(Error::io("write", state))?.uid();
    if meta.uid() != user && meta.uid() != 0 {
        let reason =
            format!("belongs to another user (number {}); remove it, or choose another folder", meta.uid());
        return Err(Error::unsafe_place(state, reason));
    }
    check_folder(state)
}

#[cfg(not(unix))]
fn check_folder(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn check_state(_: &Path, _: &fs::Metadata) -> Result<()> {
    Ok(())
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // The words alone would not lock anybody out, but they would be wrong. Closing unlocks in any case.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// Reads what the holder wrote about itself; a plain "another process" if it cannot be read.
fn holder(file: &mut File) -> String {
    let mut words = Vec::new();
    let _ = file.take(MAX_HOLDER).read_to_end(&mut words);
    let words = String::from_utf8_lossy(&words);
    let line = words.lines().next().unwrap_or_default().trim();
    match line.is_empty() || line.chars().any(char::is_control) {
        true => "another process".into(),
        false => line.into(),
    }
}

/// Formats a unix time as a date, by the calendar arithmetic of Hinnant's `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    // From the first of March of the year 0, where the leap day ends a year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_who_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("new/out");
        let lock = DirLock::acquire(&out).unwrap();
        assert_eq!(lock.dir(), out);
        match DirLock::acquire(&out) {
            Err(Error::InUse { dir, holder }) => {
                assert_eq!(dir, out);
                if cfg!(unix) {
                    let process = format!("process {} on ", std::process::id());
                    assert!(holder.starts_with(&process) && holder.ends_with("UTC"), "{holder}");
                }
            }
            other => panic!("{other:?}"),
        }
        drop(lock);
        drop(DirLock::acquire(&out).unwrap());
        assert_eq!(std::fs::read(out.join(STATE_DIR).join(LOCK_FILE)).unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_the_place_of_the_state_do_not_cost_their_targets() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let (out, target) = (dir.path().join("out"), dir.path().join("target"));
        std::fs::create_dir_all(out.join(STATE_DIR)).unwrap();
        std::fs::write(&target, "mine").unwrap();
        symlink(&target, out.join(STATE_DIR).join(LOCK_FILE)).unwrap();
        let error = DirLock::acquire(&out).unwrap_err().to_string();
        assert!(error.contains("lock: it is a link"), "{error}");
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");

        let other = dir.path().join("other");
        std::fs::create_dir_all(&other).unwrap();
        symlink(out.join(STATE_DIR), other.join(STATE_DIR)).unwrap();
        let error = DirLock::acquire(&other).unwrap_err().to_string();
        assert!(error.contains("is a link or a file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_every_user_may_write_is_refused_unless_it_is_sticky() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(dir.path(), 0o777);
        let error = DirLock::acquire(dir.path()).unwrap_err().to_string();
        assert!(error.contains("chmod o-w"), "{error}");
        set(dir.path(), 0o1777);
        drop(DirLock::acquire(dir.path()).unwrap());
        set(&dir.path().join(STATE_DIR), 0o777);
        let error = DirLock::acquire(dir.path()).unwrap_err().to_string();
        assert!(error.contains(STATE_DIR) && error.contains("chmod o-w"), "{error}");
        set(&dir.path().join(STATE_DIR), 0o755);
        drop(DirLock::acquire(dir.path()).unwrap());
        // Another user's, which only root can make.
        if std::os::unix::fs::chown(dir.path().join(STATE_DIR), Some(12_345), None).is_ok() {
            let error = DirLock::acquire(dir.path()).unwrap_err().to_string();
            assert!(error.contains("belongs to another user (number 12345)"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_moved_away_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let lock = DirLock::acquire(&out).unwrap();
        lock.check().unwrap();
        std::fs::rename(&out, dir.path().join("moved")).unwrap();
        assert!(lock.check().unwrap_err().to_string().contains("moved or deleted"));
        std::fs::create_dir(&out).unwrap();
        assert!(lock.check().unwrap_err().to_string().contains("moved or deleted"));
    }

    #[test]
    fn words_of_a_dead_holder_lock_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(STATE_DIR);
        std::fs::create_dir(&state).unwrap();
        std::fs::write(state.join(LOCK_FILE), "process 1, started long ago and in many words\n").unwrap();
        let _lock = DirLock::acquire(dir.path()).unwrap();
        if cfg!(unix) {
            let words = std::fs::read_to_string(state.join(LOCK_FILE)).unwrap();
            assert!(words.ends_with("UTC\n"), "{words}");
        }
    }

    #[test]
    fn a_holder_that_says_nothing_fit_to_print_is_another_process() {
        for words in ["", "\n", "\u{1b}[2J"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(words.as_bytes()).unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            assert_eq!(holder(&mut file), "another process");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_709_251_199), "2024-02-29 23:59:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
    }
}
