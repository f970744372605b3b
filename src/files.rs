//! Files that others may have prepared: opened without following links, and read up to a bound.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// The most bytes that are read from a device, most of which have no end.
const MAX_DEVICE: u64 = 1 << 16;

/// Opens a file of the program's own for reading and writing, or creates it. With `appends`, all that is written
/// goes to its end.
///
/// # Errors
/// [`Error::Io`], also if it is a link or no regular file: who prepared it may want another file to be changed.
pub fn open_own(path: &Path, appends: bool) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).create(true);
    match appends {
        true => options.append(true),
        false => options.write(true).truncate(false),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A pipe would wait for its other end.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits() as i32);
    }
    let foreign =
        || io::Error::other("it is a link or no regular file, and not of this program's making; remove it");
    let file = options.open(path).map_err(|e| {
        let is_link = path.symlink_metadata().is_ok_and(|meta| !meta.is_file());
        Error::io("write", path)(if is_link { foreign() } else { e })
    })?;
    match file.metadata().map_err(Error::io("read", path))?.is_file() {
        true => Ok(file),
        false => Err(Error::io("write", path)(foreign())),
    }
}

/// Reads a file of at most so many bytes, or a pipe.
///
/// # Errors
/// [`Error::Io`], and [`Error::BadFile`] if it is larger.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let meta = file.metadata().map_err(Error::io("read", path))?;
    let most = if is_device(&meta) { most.min(MAX_DEVICE) } else { most };
    bounded(file, path, most)
}

/// Does what [`read`] does for a regular file alone, such as one whose length must be known.
///
/// # Errors
/// As [`read`], and [`Error::BadFile`] if it is a pipe, a device or a folder.
pub fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    // Asked before it is opened, since a pipe would wait for its other end.
    if !path.metadata().map_err(Error::io("read", path))?.is_file() {
        return Err(Error::bad_file(path, "it is no regular file; name one"));
    }
    read(path, most)
}

fn bounded(file: File, path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > most {
        return Err(Error::bad_file(
            path,
            format!("it is larger than {}, the most that is read", size(most)),
        ));
    }
    Ok(bytes)
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

#[cfg(unix)]
fn is_device(meta: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    meta.file_type().is_char_device() || meta.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, [7; 2048]).unwrap();
        assert_eq!(read(file.path(), 2048).unwrap().len(), 2048);
        let error = read(file.path(), 2047).unwrap_err().to_string();
        assert!(error.contains("larger than 1 KiB"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_end_ends_soon_and_is_no_regular_file() {
        let error = read(Path::new("/dev/zero"), 1 << 40).unwrap_err().to_string();
        assert!(error.contains("larger than 64 KiB"), "{error}");
        assert!(read(Path::new("/dev/null"), 1).unwrap().is_empty());
        let error = read_regular(Path::new("/dev/zero"), 1 << 40).unwrap_err().to_string();
        assert!(error.contains("no regular file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_or_a_pipe_in_the_place_of_an_own_file_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        std::fs::write(&target, "mine").unwrap();
        let (link, dangling, pipe) =
            (dir.path().join("link"), dir.path().join("dangling"), dir.path().join("pipe"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        std::os::unix::fs::symlink(dir.path().join("new"), &dangling).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [&link, &dangling, &pipe] {
            for appends in [false, true] {
                let error = open_own(path, appends).unwrap_err().to_string();
                assert!(error.contains("remove it"), "{error}");
            }
        }
        assert!(!dir.path().join("new").exists());
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        open_own(&target, true).unwrap();
    }
}
