//! The places that a run writes to, none of which may be another one's too.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use chattts_rs::batch::{Names, STATE_DIR, beside};

use super::Usage;
use super::args::SynthArgs;
use super::dump;

/// The files that a run writes beside those of its lines, by their places.
pub struct Places(HashMap<PathBuf, &'static str>);

impl Places {
    /// Collects the files that flags name, for so many lines.
    ///
    /// # Errors
    /// [`Usage`] if two of them are one.
    pub fn new(args: &SynthArgs, lines: usize) -> Result<Self, Usage> {
        let mut places = Places(HashMap::new());
        if let Some(out) = args.output.out.as_deref().filter(|out| *out != Path::new("-")) {
            places.add(out, "--out")?;
            if let Some(kind) = args.output.subtitles {
                places.add(&beside(out, kind.extension()), "--subtitles")?;
            }
        }
        if let Some(report) = &args.batch.report {
            places.add(report, "--report")?;
        }
        if let Some(input) = &args.talk.srt_input
            && let Some(what) = places.0.get(&place(input))
        {
            let path = input.display();
            return Err(Usage(format!("{what}: {path} is what --srt-input reads; name another place")));
        }
        if let Some(dir) = &args.output.dump {
            for index in 0..lines {
                places.add(&dump::path(dir, index), "--dump")?;
            }
        }
        Ok(places)
    }

    fn add(&mut self, path: &Path, what: &'static str) -> Result<(), Usage> {
        // A pipe or a device takes from everyone.
        if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Ok(());
        }
        match self.0.insert(place(path), what) {
            Some(other) => Err(Usage(format!(
                "{what}: {} is what {other} writes to; name another place",
                path.display()
            ))),
            None => Ok(()),
        }
    }

    /// Keeps the names of these files from lines that are written into a folder.
    ///
    /// # Errors
    /// [`Usage`] for a file among those by which the folder's finished files are known.
    pub fn reserve(&self, dir: &Path, mut names: Names) -> Result<Names, Usage> {
        let dir = place(dir);
        for (path, what) in &self.0 {
            let Ok(name) = path.strip_prefix(&dir) else { continue };
            if name.starts_with(STATE_DIR) {
                return Err(Usage(format!(
                    "{what}: {STATE_DIR} is the program's own folder; name another place"
                )));
            }
            let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            names.reserve(&name.join("/"), what);
        }
        Ok(names)
    }
}

/// Returns a path by which the same place is the same path: links are followed as far as there is something.
fn place(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    let mut at = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    loop {
        if let Ok(found) = fs::canonicalize(&at) {
            return missing.iter().rev().fold(found, |path, part| path.join(part));
        }
        match at.file_name() {
            Some(name) => missing.push(name.to_os_string()),
            None => return std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()),
        }
        at.pop();
    }
}
