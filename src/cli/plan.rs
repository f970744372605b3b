//! Plans the work: composes every line, with its name and key, before anything is loaded.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chattts_rs::audio::{Encoding, Format, SampleFormat};
use chattts_rs::batch::manifest::Row;
use chattts_rs::batch::{NameFields, Names};
use chattts_rs::speech::{Composer, Content, Line};
use chattts_rs::{Overrides, Priority, SpeechRequest};

use super::input::Utterance;
use super::report::Report;
use super::with_flags;

/// The role that file names show where none is given.
pub const DEFAULT_ROLE: &str = "2222";

/// A line that is to be spoken.
pub struct PlannedLine {
    /// Number of the line among all lines; it names the line's files.
    pub index: usize,
    /// The place where the line stood, for messages.
    pub label: String,
    /// The id it was given.
    pub id: Option<String>,
    /// The composed line.
    pub line: Line,
    /// The encoding of its file.
    pub encoding: Encoding,
    /// The content key of its file.
    pub key: String,
    /// Its file in the output folder; empty where all lines go into one file.
    pub name: PathBuf,
    /// Whether it continues the speech of the first line.
    pub follows: bool,
    out: Option<String>,
    /// Whether it names its voice itself.
    own_voice: bool,
}

impl PlannedLine {
    /// Returns the line as one that failed.
    pub fn failed(&self, error: anyhow::Error) -> Failed {
        Failed { index: self.index, label: self.label.clone(), id: self.id.clone(), error: with_flags(error) }
    }
}

/// A line that cannot be spoken.
pub struct Failed {
    pub index: usize,
    pub label: String,
    pub id: Option<String>,
    pub error: anyhow::Error,
}

/// Plans the files of lines.
pub struct Planner<'a> {
    pub report: &'a Report,
    pub composer: &'a Composer,
    /// The settings of every line that has none of its own.
    pub overrides: &'a Overrides,
    /// The format of lines whose `out` names none.
    pub format: Format,
    /// The format that was asked for, which no `out` may contradict.
    pub asked: Option<Format>,
    /// Whether every line has a file of its own.
    pub in_folder: bool,
    pub bits: Option<SampleFormat>,
    pub json_input: bool,
    /// The model's identity.
    pub model: String,
    /// The device and the type it computes in.
    pub compute: String,
    /// Everything else that a file depends on, by name.
    pub extra: Vec<(String, String)>,
}

impl Planner<'_> {
    /// Returns the lines that can be spoken, and those that cannot.
    pub fn plan(&self, utterances: &[Utterance]) -> (Vec<PlannedLine>, Vec<Failed>) {
        let (mut planned, mut failed) = (Vec::new(), Vec::new());
        for utterance in utterances {
            let mut id = None;
            match self.line(utterance, &mut id) {
                Ok(line) => planned.push(line),
                Err(error) => {
                    let (index, label) = (utterance.index, utterance.to_string());
                    failed.push(Failed { index, label, id, error: with_flags(error) });
                }
            }
        }
        (planned, failed)
    }

    fn line(&self, utterance: &Utterance, id: &mut Option<String>) -> anyhow::Result<PlannedLine> {
        let row = match self.json_input {
            true => Row::parse(utterance.raw()?).map_err(anyhow::Error::msg)?,
            false => Row { text: utterance.raw()?.to_string(), ..Row::default() },
        };
        id.clone_from(&row.id);
        // What flags name may lie anywhere; who wrote the manifest need not be who gave them.
        if let Some(role) = &row.overrides.role {
            self.composer.files.check_role(role, &self.composer.voices.registry())?;
        }
        if let Some(codes) = &row.overrides.voice_codes {
            self.composer.files.check(Path::new(codes))?;
        }
        let own_voice = row.overrides.role.is_some() || row.overrides.voice_codes.is_some();
        let mut request = SpeechRequest::new(row.text).with(row.overrides.over(self.overrides)?);
        request.priority = Priority::Bulk;
        let format = match row.out.as_deref().filter(|_| self.in_folder) {
            Some(out) => super::format::of_line(self.asked, self.format, out),
            None => Ok(self.format),
        };
        let format = format.map_err(|reason| anyhow::anyhow!("`out`: {reason}"))?;
        let encoding = Encoding::new(format, self.bits, request.overrides.sample_rate)?;
        let mut line = self.composer.compose(&request)?;
        line.post_process.sample_rate = encoding.sample_rate();
        let label = utterance.to_string();
        for warning in &line.warnings {
            match warning.about_text {
                true => self.report.warn(&format!("{label}: {}", warning.message)),
                false => self.report.warn(&warning.message),
            }
        }
        let mut content = line.content();
        content.model.clone_from(&self.model);
        content.compute.clone_from(&self.compute);
        content.encoding = format!("{encoding:?}");
        content.extra.extend(self.extra.iter().cloned());
        Ok(PlannedLine {
            index: utterance.index,
            label,
            id: id.clone(),
            line,
            encoding,
            key: content.key(),
            name: PathBuf::new(),
            follows: false,
            own_voice,
            out: row.out,
        })
    }
}

/// Makes all lines except those that name a voice sound like the first one, and returns that one.
pub fn follow_first(planned: &mut [PlannedLine]) -> Option<&PlannedLine> {
    let (first, others) = planned.split_first_mut()?;
    for line in others.iter_mut().filter(|line| !line.own_voice) {
        let mut content = Content::default();
        content.extra.insert("own".into(), std::mem::take(&mut line.key));
        content.extra.insert("voice of".into(), first.key.clone());
        line.key = content.key();
        line.follows = true;
    }
    Some(first)
}

/// Gives every line its file: first those that name it themselves.
pub fn name(planned: &mut Vec<PlannedLine>, failed: &mut Vec<Failed>, mut names: Names) -> HashSet<PathBuf> {
    let mut refused = Vec::new();
    for line in planned.iter_mut() {
        if let Some(out) = &line.out {
            match names.explicit(out, &line.label) {
                Ok(name) => line.name = name,
                Err(error) => refused.push((line.index, error)),
            }
        }
    }
    for (index, error) in refused {
        if let Some(at) = planned.iter().position(|line| line.index == index) {
            let line = planned.remove(at);
            failed.push(Failed { index, label: line.label, id: line.id, error: error.into() });
        }
    }
    for line in planned.iter_mut().filter(|line| line.out.is_none()) {
        let text = line.line.text();
        let fields = NameFields {
            index: line.index,
            id: line.id.as_deref(),
            seed: line.line.request.seed,
            role: Some(line.line.role.as_deref().unwrap_or(DEFAULT_ROLE)),
            key: &line.key,
            text: &text,
        };
        line.name = names.name(&fields, &line.label);
    }
    planned.iter().map(|line| line.name.clone()).collect()
}
