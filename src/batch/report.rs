//! Reports of the outcome of every line, for other programs.

use std::fs::File;
use std::path::Path;

use serde::Serialize;
use tempfile::NamedTempFile;

use super::Store;
use super::append::Appender;
use super::file::{create_folder, folder_of};
use crate::error::{Error, Result};

/// Says how a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Spoken and written.
    Done,
    /// Already there from an earlier run.
    Skipped,
    /// Not spoken; `error` says why.
    Failed,
    /// Written, but the speech ends before the text does.
    Truncated,
    /// Written, but the speech runs into the next cue; `error` says how far.
    Overlapping,
}

/// Holds one line's outcome. Unknown values are null in the file; only an unknown `text` is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The line's number.
    pub index: usize,
    /// The id it was given.
    pub id: Option<String>,
    /// Path of its file, as the run names it.
    pub path: Option<String>,
    /// How the line ended.
    pub status: Status,
    /// Seconds of audio in the file.
    pub seconds: Option<f64>,
    /// Number of speech tokens that were drawn.
    pub tokens: Option<usize>,
    /// The generation seed.
    pub seed: Option<u64>,
    /// The sha256 of the file.
    pub sha256: Option<String>,
    /// Milliseconds that the line took.
    pub ms: Option<u64>,
    /// The reason why it failed, or what is wrong with the speech.
    pub error: Option<String>,
    /// Who says it, in a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// How much faster it is spoken than the model spoke it, to end in its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faster: Option<f32>,
    /// The text as it was spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Record {
    /// Makes the record of a line of which nothing else is known yet.
    pub fn new(index: usize, status: Status) -> Self {
        Record {
            index,
            id: None,
            path: None,
            status,
            seconds: None,
            tokens: None,
            seed: None,
            sha256: None,
            ms: None,
            error: None,
            speaker: None,
            faster: None,
            text: None,
        }
    }
}

/// Writes records as JSON Lines, each by one write, so that the file can be followed.
#[derive(Debug)]
pub struct ReportWriter {
    end: Appender,
    /// Where the report goes when it is finished, if it is not written there.
    target: Option<(Store, String, NamedTempFile)>,
}

impl ReportWriter {
    /// Begins a report. Earlier contents of the file are lost; folders that do not exist are created.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        create_folder(folder_of(path))?;
        File::create(path).map_err(Error::io("write", path))?;
        Self::append(path)
    }

    /// Continues a report, or begins one; a line torn by a killed run is ended first.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read or written.
    pub fn append(path: &Path) -> Result<Self> {
        create_folder(folder_of(path))?;
        Ok(ReportWriter { end: Appender::open(path)?, target: None })
    }

    /// Begins a report in an output place, as [`ReportWriter::create`] does. To a bucket it goes as a whole, by
    /// [`ReportWriter::finish`].
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn create_in(store: &Store, name: &str) -> Result<Self> {
        if store.folder().is_some() {
            return ReportWriter::create(&store.path(Path::new(name)));
        }
        let file = NamedTempFile::new().map_err(Error::io("write", &std::env::temp_dir()))?;
        let end = Appender::open(file.path())?;
        Ok(ReportWriter { end, target: Some((store.clone(), name.to_string(), file)) })
    }

    /// Puts the report in its place, if it is not there as it is written.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read or written.
    pub fn finish(&self) -> Result<()> {
        let Some((store, name, file)) = &self.target else { return Ok(()) };
        let text = std::fs::read(file.path()).map_err(Error::io("read", file.path()))?;
        store.write(name, &text)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`Error::Io`] if it could not be written; nothing of it is then left in a regular file.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        self.end.append(record, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_with_every_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/report.jsonl");
        let mut report = ReportWriter::create(&path).unwrap();
        let done = Record {
            id: Some("a\nb".into()),
            seconds: Some(1.25),
            seed: Some(u64::MAX),
            ..Record::new(3, Status::Done)
        };
        report.write(&done).unwrap();
        let failed = Record { text: Some("你好".into()), ..Record::new(4, Status::Failed) };
        report.write(&failed).unwrap();
        drop(report);
        ReportWriter::append(&path).unwrap().write(&Record::new(5, Status::Truncated)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            r#"{"index":3,"id":"a\nb","path":null,"status":"done","seconds":1.25,"tokens":null,"seed":18446744073709551615,"sha256":null,"ms":null,"error":null}"#
        );
        assert!(lines[1].contains(r#""status":"failed""#) && lines[1].ends_with(r#","text":"你好"}"#));
        assert!(lines[2].contains(r#""index":5"#) && lines[2].contains(r#""status":"truncated""#));
        assert_eq!((lines.len(), text.ends_with('\n')), (3, true));
        ReportWriter::create(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}
