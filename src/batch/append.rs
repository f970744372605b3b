//! Files that grow line by line, and of which a killed run leaves at most the last line torn.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::files::open_own;

/// A JSON Lines file to which lines are appended.
#[derive(Debug)]
pub(super) struct Appender {
    file: File,
    path: PathBuf,
    /// Whether the last line lacks its end; the next line must then be written after a line feed.
    is_torn: bool,
}

impl Appender {
    /// Opens a file at its end, or creates it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // Only regular files can be read back; a pipe would wait.
        let is_torn = path.is_file() && is_torn(path).map_err(Error::io("read", path))?;
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(Error::io("write", path))?;
        Ok(Appender { file, path: path.to_path_buf(), is_torn })
    }

    /// Does what [`Appender::open`] does for a file of the program's own, which is never behind a link.
    pub(super) fn open_own(path: &Path) -> Result<Self> {
        let mut file = open_own(path, true)?;
        let is_torn = ends_torn(&mut file).map_err(Error::io("read", path))?;
        Ok(Appender { file, path: path.to_path_buf(), is_torn })
    }

    /// Adds one line by a single write; `sync` waits until it is on the disk.
    pub(super) fn append(&mut self, record: &impl Serialize, sync: bool) -> Result<()> {
        let mut line = if self.is_torn { b"\n".to_vec() } else { Vec::new() };
        serde_json::to_writer(&mut line, record).map_err(|e| self.failed(e.into()))?;
        line.push(b'\n');
        let before = self.file.metadata().ok().filter(|meta| meta.is_file()).map(|meta| meta.len());
        if let Err(e) = self.file.write_all(&line).and_then(|()| self.file.flush()) {
            // A full disk takes half a line. It goes again, or else its end is made up for next time.
            let is_whole = before.is_some_and(|length| self.file.set_len(length).is_ok());
            self.is_torn |= !is_whole;
            return Err(self.failed(e));
        }
        self.is_torn = false;
        match sync {
            true => self.file.sync_data().map_err(|e| self.failed(e)),
            false => Ok(()),
        }
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("write", &self.path)(error)
    }
}

fn is_torn(path: &Path) -> std::io::Result<bool> {
    ends_torn(&mut File::open(path)?)
}

fn ends_torn(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_joins_a_torn_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, b"{\"a\":1}\n{\"a\":").unwrap();
        let mut end = Appender::open(file.path()).unwrap();
        end.append(&"x\ny", false).unwrap();
        end.append(&2, true).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"a\":1}\n{\"a\":\n\"x\\ny\"\n2\n");
        Appender::open(file.path()).unwrap().append(&3, false).unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().ends_with("\n2\n3\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let mut end = Appender::open(Path::new("/dev/full")).unwrap();
        let error = end.append(&1, false).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: "), "{error}");
    }
}
