//! Stamps: what was found out about a file, kept in a small file for as long as that file stays the same, so that
//! it is found out once.

use std::fs::Metadata;
use std::io::Write as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Returns what a file is known by: its size, when it was changed, and which file of the system it is.
pub(crate) fn identity(meta: &Metadata) -> String {
    let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.unwrap_or_default().as_nanos();
    #[cfg(unix)]
    let number = {
        use std::os::unix::fs::MetadataExt as _;
        format!("{}:{}:{}:{}", meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec())
    };
    #[cfg(not(unix))]
    let number = 0;
    format!("{} {changed} {number}", meta.len())
}

/// Reads a stamp's lines; none where there is no stamp.
pub(crate) fn read(stamp: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(stamp).unwrap_or_default();
    text.lines().map(str::to_string).collect()
}

/// Writes a stamp whole or not at all. Returns false where it cannot be kept, which only costs time.
pub(crate) fn write(stamp: &Path, lines: &[String]) -> bool {
    let Some(folder) = stamp.parent() else { return false };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut written = || -> Option<()> {
        let mut file = builder.prefix(".stamp-").tempfile_in(folder).ok()?;
        lines.iter().try_for_each(|line| writeln!(file, "{line}")).ok()?;
        file.persist(stamp).ok()?;
        Some(())
    };
    written().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_or_written_to_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let known = || identity(&std::fs::metadata(&path).unwrap());
        std::fs::write(&path, "one").unwrap();
        let first = known();
        assert_eq!(known(), first);
        let other = folder.path().join("other");
        std::fs::write(&other, "two").unwrap();
        let times =
            std::fs::FileTimes::new().set_modified(std::fs::metadata(&path).unwrap().modified().unwrap());
        std::fs::File::options().write(true).open(&other).unwrap().set_times(times).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(known(), first, "of the same size and time");
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join("stamp");
        assert!(read(&stamp).is_empty());
        let lines = ["a b".to_string(), "c".to_string()];
        assert!(write(&stamp, &lines));
        assert_eq!(read(&stamp), lines);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(!write(&folder.path().join("absent/stamp"), &lines));
    }
}
