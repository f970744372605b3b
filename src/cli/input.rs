//! Reads texts from flags, a file or a pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chattts_rs::audio::Tags;
use chattts_rs::batch::manifest::{TableRow, csv_rows, is_csv, json_rows};
use chattts_rs::batch::{Store, is_address};

use super::Usage;
use super::args::TextArgs;
use super::report::one_line;
use super::talk::{self, Slot};

/// The most bytes of a file of texts.
const MAX_BYTES: u64 = 512 << 20;
/// The most bytes that are read from a device that is no terminal, most of which have no end.
#[cfg(unix)]
const MAX_DEVICE: u64 = 1 << 16;

/// The endings of files that are manifests: tables, and JSON.
const TABLES: [&str; 2] = ["csv", "tsv"];
const JSON: [&str; 3] = ["json", "jsonl", "ndjson"];

/// Says what the texts of a file are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One text a line.
    Lines,
    /// All of it is one text.
    Document,
    /// One row a text: JSON Lines, a JSON array, or CSV.
    Manifest,
    /// A conversation: a turn a text.
    Dialogue,
    /// Subtitles: a cue a text, which may name its speaker.
    Cues { has_cast: bool },
    /// A book: a chapter a text.
    Chapters { is_markdown: bool },
}

impl Form {
    /// Tells whether texts are rows of settings.
    pub fn has_rows(self) -> bool {
        !matches!(self, Form::Lines | Form::Document)
    }
}

/// Tells whether a file is a manifest by its name.
pub fn is_manifest(file: &Path) -> bool {
    let ending = ending(file);
    TABLES.contains(&ending.as_str()) || JSON.contains(&ending.as_str())
}

fn ending(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// A text, and the place where it stood.
pub struct Utterance {
    /// Number of the text among the utterances, from 0; it names the text's files.
    pub index: usize,
    origin: Origin,
    /// The text, or the reason why there is none.
    text: Result<String, String>,
    /// The time that it has, if it is a cue.
    pub slot: Option<Slot>,
    /// The tags of its file, if it is a chapter.
    pub tags: Option<Tags>,
}

impl Utterance {
    /// Makes a text that stands on a line of a file.
    pub fn of_line(index: usize, file: &str, number: usize, text: Result<String, String>) -> Self {
        Utterance::new(index, Origin::Line { file: file.to_string(), number }, text)
    }

    fn new(index: usize, origin: Origin, text: Result<String, String>) -> Self {
        Utterance { index, origin, text, slot: None, tags: None }
    }

    /// Returns the text as it came.
    pub fn raw(&self) -> anyhow::Result<&str> {
        self.text.as_deref().map_err(|e| anyhow::anyhow!("{e}"))
    }
}

enum Origin {
    Flag { number: usize, of: usize },
    Line { file: String, number: usize },
    Document { file: String },
}

impl fmt::Display for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Flag { of: 1, .. } => f.write_str("text"),
            Origin::Flag { number, .. } => write!(f, "text {number}"),
            Origin::Line { file, number } => write!(f, "{}:{number}", one_line(file)),
            Origin::Document { file } => f.write_str(&one_line(file)),
        }
    }
}

/// Returns the folder of the file that texts come from; the current one if they come from elsewhere.
pub fn folder(args: &TextArgs) -> PathBuf {
    let file = args.file.as_deref().filter(|file| file.is_file());
    let folder = file.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_path_buf()
}

/// Reads all texts that were asked for, in order: flags, then arguments, then lines. It is an error if there
/// are none, unless they were to come from a file or a pipe, which may be empty.
pub fn gather(args: &TextArgs, form: Form) -> anyhow::Result<Vec<Utterance>> {
    if let Some(name) = args.positional.iter().find(|text| is_file(text)) {
        return Err(Usage(format!(
            "{name} is a file: `--file {name}` takes the texts in it, `--text {name}` its name"
        ))
        .into());
    }
    let flags: Vec<&String> = args.text.iter().chain(&args.positional).collect();
    let mut utterances: Vec<Utterance> = flags
        .iter()
        .enumerate()
        .map(|(i, text)| {
            Utterance::new(i, Origin::Flag { number: i + 1, of: flags.len() }, Ok((*text).clone()))
        })
        .collect();
    let read = |bytes: &[u8], file: &str, utterances: &mut Vec<Utterance>| {
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
            anyhow::bail!(
                "{file} is UTF-16; it must be UTF-8: save it as that, or `iconv -f UTF-16 -t UTF-8 {file} > utf8.txt`"
            );
        }
        match form {
            Form::Lines => lines(bytes, file, utterances),
            Form::Document => whole(bytes, file, utterances),
            Form::Manifest => return rows(bytes, file, utterances),
            Form::Dialogue if is_manifest(Path::new(file)) => return rows(bytes, file, utterances),
            Form::Dialogue => talk::add_turns(utf8(bytes, file)?, file, utterances),
            Form::Cues { has_cast } => talk::add_cues(utf8(bytes, file)?, file, has_cast, utterances),
            Form::Chapters { is_markdown } => {
                talk::add_chapters(utf8(bytes, file)?, file, is_markdown, utterances);
            }
        }
        Ok(())
    };
    let stdin = Path::new("-");
    match args.file.as_deref() {
        Some(path) if is_address(path) => {
            let (store, name) = Store::of_file(path)?;
            let bytes = store.read(&name)?;
            let bytes =
                bytes.with_context(|| format!("cannot read {}: there is no such object", path.display()))?;
            let bytes =
                bounded(&bytes[..], MAX_BYTES).with_context(|| format!("cannot read {}", path.display()))?;
            read(&bytes, &path.display().to_string(), &mut utterances)?;
        }
        Some(path) if path != stdin => {
            let failed = || format!("cannot read {}", path.display());
            let file = File::open(path).with_context(failed)?;
            let most = most(&file);
            let bytes = bounded(file, most).with_context(failed)?;
            read(&bytes, &path.display().to_string(), &mut utterances)?;
        }
        None if !utterances.is_empty() => {}
        None if io::stdin().is_terminal() => {
            return Err(Usage("no text: give --text, --file, or a pipe (see --help)".into()).into());
        }
        _ => {
            let bytes = bounded(io::stdin().lock(), most_of_stdin());
            let bytes = bytes.context("cannot read standard input")?;
            read(&bytes, "stdin", &mut utterances)?;
        }
    }
    Ok(utterances)
}

/// Tells whether a text is nothing but the name of a file that is there, ending and all.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    path.extension().is_some() && path.is_file()
}

/// Adds the rows of a manifest in the form that the file has.
fn rows(bytes: &[u8], file: &str, utterances: &mut Vec<Utterance>) -> anyhow::Result<()> {
    let ending = ending(Path::new(file));
    let is_table = TABLES.contains(&ending.as_str());
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(plain) {
        Ok(text) => text,
        // Of JSON Lines a line that is damaged costs itself only.
        Err(_) if !is_table && !plain.trim_ascii_start().starts_with(b"[") => {
            lines(bytes, file, utterances);
            return Ok(());
        }
        Err(_) => utf8(plain, file)?,
    };
    let start = text.trim_start();
    let is_json = JSON.contains(&ending.as_str());
    let found: Result<Vec<TableRow>, String> = match is_table || (!is_json && is_csv(text)) {
        true => csv_rows(text),
        false if start.starts_with('[') => json_rows(text),
        // A single object may have lines of its own.
        false if serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok() => {
            Ok(vec![(1, Ok(text.into()))])
        }
        false => {
            lines(bytes, file, utterances);
            return Ok(());
        }
    };
    for (number, text) in found.map_err(|reason| anyhow::anyhow!("{file}: {reason}"))? {
        utterances.push(Utterance::of_line(utterances.len(), file, number, text));
    }
    Ok(())
}

/// Returns the bytes of a file as text, without a byte-order mark.
fn utf8<'a>(bytes: &'a [u8], file: &str) -> anyhow::Result<&'a str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|e| anyhow::anyhow!("{file}: not UTF-8 at byte {}; convert the file", e.valid_up_to() + 1))
}

/// Reads a text to its end, which must come in time.
fn bounded(text: impl Read, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    text.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let size = if most < 1 << 20 { format!("{} KiB", most >> 10) } else { format!("{} MiB", most >> 20) };
        anyhow::bail!("more than {size} of text, the most that is read at once; split it");
    }
    Ok(bytes)
}

fn most_of_stdin() -> u64 {
    #[cfg(unix)]
    if let Ok(stdin) = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned() {
        return most(&File::from(stdin));
    }
    MAX_BYTES
}

/// Returns the most bytes to read of a file.
fn most(file: &File) -> u64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let is_device = |kind: std::fs::FileType| kind.is_char_device() || kind.is_block_device();
        if file.metadata().is_ok_and(|meta| is_device(meta.file_type())) && !file.is_terminal() {
            return MAX_DEVICE;
        }
    }
    let _ = file;
    MAX_BYTES
}

/// Adds a file as one text.
fn whole(bytes: &[u8], file: &str, utterances: &mut Vec<Utterance>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => return,
        Ok(text) => Ok(text.to_string()),
        Err(e) => Err(format!("not UTF-8 at byte {}; convert the file", e.valid_up_to() + 1)),
    };
    let origin = Origin::Document { file: file.to_string() };
    utterances.push(Utterance::new(utterances.len(), origin, text));
}

/// Adds the lines of a text file; blank ones are skipped but counted.
fn lines(bytes: &[u8], file: &str, utterances: &mut Vec<Utterance>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = match std::str::from_utf8(line) {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => Ok(text.to_string()),
            Err(e) => Err(format!("not UTF-8 at byte {} of the line; convert the file", e.valid_up_to() + 1)),
        };
        utterances.push(Utterance::of_line(utterances.len(), file, i + 1, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_ends_and_keep_their_numbers() {
        let mut found = Vec::new();
        lines("\u{feff}一\r\n\n  \r\n二\n\n三".as_bytes(), "a.txt", &mut found);
        let found: Vec<_> = found.iter().map(|u| (u.index, u.to_string(), u.text.clone().unwrap())).collect();
        let expected = [(0, "a.txt:1", "一"), (1, "a.txt:4", "二"), (2, "a.txt:6", "三")];
        assert_eq!(found, expected.map(|(i, at, text)| (i, at.to_string(), text.to_string())));
    }

    #[test]
    fn a_line_that_is_not_utf8_says_where() {
        let mut found = Vec::new();
        lines(b"ok\nab\xff\nok", "a.txt", &mut found);
        assert_eq!(found.len(), 3);
        assert!(found[1].text.as_ref().unwrap_err().contains("byte 3"));
        assert!(found[2].text.is_ok());
    }
}
