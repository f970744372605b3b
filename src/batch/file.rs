//! Files that are either complete or absent.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::STATE_DIR;
use crate::error::{Error, Result};

/// The prefix of the names of files that are still being written.
const PART_PREFIX: &str = ".chattts-";
/// The suffix of those names.
const PART_SUFFIX: &str = ".part";
/// The age from which an unfinished file counts as left behind where the file system knows no locks.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes a file completely or not at all: beside its place, then renamed. It is on the disk before this
/// returns. Folders that do not exist are created.
///
/// # Errors
/// [`Error::Io`] that names the file or folder; the file that was there, if any, is then as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = part_file(path)?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    put(file, path)
}

/// Puts a complete file in its place; it is on the disk before this returns.
///
/// # Errors
/// [`Error::Io`] that names the file or folder; the file that was there, if any, is then as it was.
pub fn put(file: NamedTempFile, path: &Path) -> Result<()> {
    // Without this a power cut may keep the new name and lose what it names.
    file.as_file().sync_all().map_err(Error::io("write", path))?;
    file.persist(path).map_err(|e| Error::io("write", path)(e.error))?;
    sync_folder(folder_of(path))
}

/// Creates an unfinished file beside the place it is for, and the folders that do not exist. It is locked while it is
/// open, by which [`sweep`] tells it from one that a killed run left.
///
/// # Errors
/// [`Error::Io`] that names the place.
pub fn part_file(path: &Path) -> Result<NamedTempFile> {
    if path.is_dir() {
        return Err(Error::io("write", path)(ErrorKind::IsADirectory.into()));
    }
    create_folder(folder_of(path))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(PART_PREFIX).suffix(PART_SUFFIX);
    // A temporary file is its owner's alone unless told otherwise; this one is for whom the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    loop {
        let file = builder.tempfile_in(folder_of(path)).map_err(Error::io("write", path))?;
        // Another run may sweep it before it is locked. A file system without locks has none to respect.
        let is_swept = matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if !is_swept && file.path().exists() {
            return Ok(file);
        }
    }
}

/// Creates a folder and those above it, so that they outlast a power cut.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let fresh: Vec<&Path> =
        folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists()).collect();
    fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
    fresh.into_iter().try_for_each(|folder| sync_folder(folder_of(folder)))
}

/// Removes the files that killed runs left half-written in this one folder, and in its [`STATE_DIR`] if it has
/// one; returns how many they were. Those that a running process still writes stay.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read or a file that cannot be removed; a folder that is not
/// there holds nothing.
pub fn sweep(dir: &Path) -> Result<usize> {
    let mut removed = 0;
    for folder in [dir, &dir.join(STATE_DIR)] {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io("read", folder)(e)),
        };
        for entry in entries {
            let entry = entry.map_err(Error::io("read", folder))?;
            let name = entry.file_name();
            let is_part =
                name.to_str().is_some_and(|n| n.starts_with(PART_PREFIX) && n.ends_with(PART_SUFFIX));
            if is_part && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let path = entry.path();
                // Locked until it is gone, lest a run that has just created it writes to a file without a name.
                let Some(_left) = left_behind(&path) else { continue };
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// Opens and locks an unfinished file, if nobody writes it any more.
fn left_behind(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(_)) => {
            let age = file.metadata().ok()?.modified().ok()?.elapsed().ok()?;
            (age > STALE).then_some(file)
        }
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes sure that a rename in this folder outlasts a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    match fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems do not know it, and one may write to a folder that one may not read.
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        other => other.map_err(Error::io("write", folder)),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_over_another_and_into_new_folders() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c.wav");
        write_file(&path, b"one").unwrap();
        write_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(listing(path.parent().unwrap()), ["c.wav"]);
    }

    #[test]
    fn a_folder_or_a_file_in_the_way_is_said_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("f"), b"mine").unwrap();
        let error = write_file(&dir.path().join("d"), b"x").unwrap_err().to_string();
        assert!(error.contains("/d: ") && error.contains("directory"), "{error}");
        let error = write_file(&dir.path().join("f/g.wav"), b"x").unwrap_err().to_string();
        assert!(error.starts_with("cannot create the folder") && error.contains("/f: "), "{error}");
        assert_eq!(listing(dir.path()), ["d", "f"]);
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"mine");
        assert!(listing(&dir.path().join("d")).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_for_whom_the_umask_says() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        write_file(&ours, b"x").unwrap();
        fs::write(&plain, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_sweep_takes_unfinished_files_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(STATE_DIR);
        fs::create_dir_all(&state).unwrap();
        fs::create_dir(dir.path().join(".chattts-folder.part")).unwrap();
        for keep in ["a.wav", ".chattts-x.wav", "chattts-x.part", "a.part"] {
            fs::write(dir.path().join(keep), b"x").unwrap();
        }
        let before = listing(dir.path());
        fs::write(dir.path().join(".chattts-AbC123.part"), b"x").unwrap();
        fs::write(state.join(".chattts-AbC123.part"), b"x").unwrap();
        let own = part_file(&dir.path().join("b.wav")).unwrap();
        assert_eq!(sweep(dir.path()).unwrap(), 2);
        assert!(own.path().exists(), "a file that is being written stays");
        drop(own);
        assert_eq!(listing(dir.path()), before);
        assert_eq!(sweep(&dir.path().join("nowhere")).unwrap(), 0);
    }
}
