//! Where audio goes: files, complete or not at all, or standard output.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chattts_rs::audio::{resample, trim_silence, wav};
use chattts_rs::model::SAMPLE_RATE;

use super::Usage;

/// Where WAV files go.
pub enum Target {
    /// One file, in which all utterances are joined.
    File(PathBuf),
    /// Standard output, joined too.
    Stdout,
    /// A file per utterance.
    Folder(PathBuf),
}

impl Target {
    /// Checks what can be checked before hours of work.
    pub fn new(out: Option<&Path>, out_dir: Option<&Path>) -> anyhow::Result<Self> {
        match (out, out_dir) {
            (Some(out), _) if out == Path::new("-") => {
                if io::stdout().is_terminal() {
                    return Err(Usage("--out -: standard output is a terminal; redirect it".into()).into());
                }
                Ok(Target::Stdout)
            }
            (Some(out), _) => {
                if out.is_dir() {
                    return Err(Usage(format!("--out {}: is a folder; use --out-dir", out.display())).into());
                }
                let parent = parent(out);
                if !parent.is_dir() {
                    bail!("--out {}: the folder {} does not exist", out.display(), parent.display());
                }
                Ok(Target::File(out.to_path_buf()))
            }
            (None, Some(dir)) => {
                create_folder(dir)?;
                Ok(Target::Folder(dir.to_path_buf()))
            }
            (None, None) => Err(Usage("give --out FILE or --out-dir DIR".into()).into()),
        }
    }

    /// Writes one WAV file here and prints its path; `index` names it in a folder.
    pub fn write(&self, index: usize, wav: &[u8]) -> anyhow::Result<()> {
        match self {
            Target::File(path) => write_file(path, wav)?,
            Target::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(wav)?;
                stdout.flush()?;
                return Ok(());
            }
            Target::Folder(dir) => {
                let path = dir.join(format!("{index:05}.wav"));
                write_file(&path, wav)?;
                return print_path(&path);
            }
        }
        match self {
            Target::File(path) => print_path(path),
            _ => Ok(()),
        }
    }
}

/// The model's wave as a WAV file of the rate asked for, without silence at its ends.
pub fn encode(wave: &[f32], sample_rate: u32) -> chattts_rs::Result<Vec<u8>> {
    wav(&resample(trim_silence(wave), SAMPLE_RATE, sample_rate)?, sample_rate)
}

/// Writes a file completely or not at all: beside its place, then renamed.
pub fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    // A pipe or a device is written as it is; it has no place beside it.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .with_context(failed);
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".chattts-").suffix(".part");
    // A temporary file is its owner's alone unless told otherwise; this one is for whom the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(parent(path)).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    file.persist(path).map_err(|e| e.error).with_context(failed)?;
    Ok(())
}

/// Creates a folder and those above it.
pub fn create_folder(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create the folder {}", dir.display()))
}

/// A path written, for the program that called this one.
pub fn print_path(path: &Path) -> anyhow::Result<()> {
    print_line(&path.display().to_string())
}

/// A line on standard output.
pub fn print_line(line: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
