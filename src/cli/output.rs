//! Writes audio to files, each completely or not at all, or to standard output.

use std::borrow::Cow;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use chattts_rs::batch::{Store, is_address};

use super::Usage;
use super::report::Report;

/// The target of the audio.
pub enum Target {
    /// One file, in which all utterances are joined.
    File(PathBuf),
    /// Standard output, to which all utterances are joined too.
    Stdout,
    /// A file per utterance.
    Folder(Store),
}

impl Target {
    /// Makes a target. It checks what can be checked before hours of work, and creates nothing.
    pub fn new(out: Option<&Path>, out_dir: Option<&Path>) -> anyhow::Result<Self> {
        match (out, out_dir) {
            (Some(out), _) if out == Path::new("-") => {
                if io::stdout().is_terminal() {
                    return Err(Usage("--out -: standard output is a terminal; redirect it".into()).into());
                }
                Ok(Target::Stdout)
            }
            (Some(out), _) if is_address(out) => Err(Usage(format!(
                "--out {}: an object store takes a file per utterance; use --out-dir",
                out.display()
            ))
            .into()),
            (Some(out), _) => {
                if out.is_dir() {
                    return Err(Usage(format!("--out {}: is a folder; use --out-dir", out.display())).into());
                }
                let there = out.ancestors().skip(1).find(|folder| folder.exists());
                if let Some(file) = there.filter(|folder| !folder.is_dir()) {
                    bail!("--out {}: {} is not a folder", out.display(), file.display());
                }
                Ok(Target::File(out.to_path_buf()))
            }
            (None, Some(dir)) => Ok(Target::Folder(Store::open(dir)?)),
            (None, None) => Err(Usage("give --out FILE or --out-dir DIR".into()).into()),
        }
    }

    /// Returns the file, if all utterances go into one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Target::File(path) => Some(path),
            _ => None,
        }
    }
}

impl Target {
    /// Returns the folder of the one file into which all utterances go; None where it goes elsewhere.
    pub fn beside(&self) -> Option<&Path> {
        self.file().filter(|path| !is_special(path)).map(|path| parent(path))
    }
}

/// Writes a finished file to its path, which is printed, or to standard output.
pub fn deliver(target: &Target, bytes: &[u8]) -> anyhow::Result<()> {
    match target.file() {
        Some(path) => {
            write_file(path, bytes)?;
            print_path(path)
        }
        None => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            Ok(stdout.flush()?)
        }
    }
}

/// Creates a temporary file beside the place it is for.
pub fn part_file(path: &Path) -> anyhow::Result<tempfile::NamedTempFile> {
    let failed = || format!("cannot write {}", path.display());
    // A pipe or a device is written as it is; it has no place beside it.
    if is_special(path) {
        return tempfile::NamedTempFile::new().with_context(failed);
    }
    create_folder(parent(path))?;
    // Of runs that were killed; who may not clear them away leaves them.
    let _ = chattts_rs::batch::sweep(parent(path));
    Ok(chattts_rs::batch::part_file(path)?)
}

/// Puts a completed temporary file in its place.
pub fn persist(file: tempfile::NamedTempFile, path: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if is_special(path) {
        let mut place = fs::OpenOptions::new().write(true).open(path).with_context(failed)?;
        io::copy(&mut file.reopen().with_context(failed)?, &mut place).with_context(failed)?;
    } else {
        file.as_file().sync_all().with_context(failed)?;
        file.persist(path).map_err(|e| e.error).with_context(failed)?;
    }
    Ok(())
}

/// Puts a completed temporary file where nothing is; returns it if something has come to lie there.
pub fn persist_new(
    file: tempfile::NamedTempFile,
    path: &Path,
) -> anyhow::Result<Option<tempfile::NamedTempFile>> {
    let failed = || format!("cannot write {}", path.display());
    file.as_file().sync_all().with_context(failed)?;
    let Err(refused) = file.persist_noclobber(path) else { return Ok(None) };
    match refused.error.kind() {
        io::ErrorKind::AlreadyExists => Ok(Some(refused.file)),
        _ if path.symlink_metadata().is_ok() => Ok(Some(refused.file)),
        // A file system that renames over anything or not at all, and knows no second names.
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
            persist(refused.file, path).map(|()| None)
        }
        _ => Err(refused.error).with_context(failed),
    }
}

fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// Writes a file completely or not at all: beside its place, then renamed.
pub fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if is_special(path) {
        let place = fs::OpenOptions::new().write(true).open(path);
        return place.and_then(|mut file| file.write_all(bytes)).with_context(failed);
    }
    Ok(chattts_rs::batch::write_file(path, bytes)?)
}

/// Creates a folder and those above it.
pub fn create_folder(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create the folder {}", dir.display()))
}

/// Prints the path of a written file, for the program that called this one.
pub fn print_path(path: &Path) -> anyhow::Result<()> {
    print_bytes(&bytes_of(path))
}

/// Prints a line on standard output.
pub fn print_line(line: &str) -> anyhow::Result<()> {
    print_bytes(line.as_bytes())
}

fn print_bytes(line: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(line)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    };
    write().context("cannot write to standard output")
}

/// Returns a path as a script must see it to find the file.
fn bytes_of(path: &Path) -> Cow<'_, [u8]> {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).into();
    #[cfg(not(unix))]
    return path.display().to_string().into_bytes().into();
}

/// The list of finished files on standard output, beside which the files themselves are the result: where it cannot
/// be written, the work goes on.
#[derive(Default)]
pub struct List {
    ended: AtomicBool,
    /// Whether the list ended by an error, and not because its reader had enough.
    failed: AtomicBool,
}

impl List {
    /// Ends the list before anything is in it.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Prints a file's path.
    pub fn path(&self, report: &Report, path: &Path) {
        self.print(report, &bytes_of(path));
    }

    /// Prints a file's record.
    pub fn record(&self, report: &Report, record: &str) {
        self.print(report, record.as_bytes());
    }

    fn print(&self, report: &Report, line: &[u8]) {
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        let Err(error) = print_bytes(line) else { return };
        // Of several writers that find it out one says it.
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if kind == Some(io::ErrorKind::BrokenPipe) {
            return report.warn(
                "standard output was closed; the files are written all the same, and no longer listed",
            );
        }
        self.failed.store(true, Ordering::Relaxed);
        report.warn(&format!("{error:#}; the files are written all the same, and no longer listed"));
    }

    /// Refuses to call a run done whose list is not complete.
    pub fn finish(&self) -> anyhow::Result<()> {
        match self.failed.load(Ordering::Relaxed) {
            true => bail!("the files are written, but standard output does not list all of them"),
            false => Ok(()),
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
