//! Plans the work: composes every line, with its name and key, before anything is loaded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use chattts_rs::audio::{Encoding, Format, SampleFormat, Tags};
use chattts_rs::backend::SAMPLE_RATE;
use chattts_rs::batch::manifest::Row;
use chattts_rs::batch::{NameFields, Names};
use chattts_rs::speech::{Cast, Composer, Content, Line};
use chattts_rs::{Overrides, Priority, SpeechRequest};

use super::input::Utterance;
use super::joined::Timing;
use super::report::Report;
use super::talk::Slot;
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
    /// The line whose speech it continues, if it does.
    pub follows: Option<usize>,
    /// Who says it, in a conversation.
    pub speaker: Option<String>,
    /// The time that it has, if it is a cue.
    pub slot: Option<Slot>,
    /// When it is heard in the file of all lines.
    pub timing: Timing,
    /// The number of its speaker's own file.
    pub stem: Option<usize>,
    /// The tags of its file.
    pub tags: Option<Tags>,
    out: Option<String>,
    /// Whether it names its voice itself.
    own_voice: bool,
}

impl PlannedLine {
    /// Returns the line as one that failed.
    pub fn failed(&self, error: anyhow::Error) -> Failed {
        Failed {
            index: self.index,
            label: self.label.clone(),
            id: self.id.clone(),
            speaker: self.speaker.clone(),
            error: with_flags(error),
        }
    }
}

/// A line that cannot be spoken.
pub struct Failed {
    pub index: usize,
    pub label: String,
    pub id: Option<String>,
    pub speaker: Option<String>,
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
    /// The voices of a conversation's speakers.
    pub cast: Option<&'a Cast>,
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
            let mut known = Row::default();
            match self.line(utterance, &mut known) {
                Ok(line) => planned.push(line),
                Err(error) => {
                    let (index, label) = (utterance.index, utterance.to_string());
                    let Row { id, speaker, .. } = known;
                    failed.push(Failed { index, label, id, speaker, error: with_flags(error) });
                }
            }
        }
        (planned, failed)
    }

    fn line(&self, utterance: &Utterance, known: &mut Row) -> anyhow::Result<PlannedLine> {
        let row = match self.json_input {
            true => Row::parse(utterance.raw()?).map_err(anyhow::Error::msg)?,
            false => Row { text: utterance.raw()?.to_string(), ..Row::default() },
        };
        known.id.clone_from(&row.id);
        known.speaker.clone_from(&row.speaker);
        // What flags name may lie anywhere; who wrote the manifest need not be who gave them.
        if let Some(role) = &row.overrides.role {
            self.composer.files.check_role(role, &self.composer.voices.registry())?;
        }
        if let Some(codes) = &row.overrides.voice_codes {
            self.composer.files.check(Path::new(codes))?;
        }
        let own_voice = row.overrides.role.is_some() || row.overrides.voice_codes.is_some();
        let own = match (self.cast, &row.speaker) {
            (Some(cast), Some(speaker)) => {
                let settings = cast.settings(speaker).map_err(anyhow::Error::msg)?;
                row.overrides.over(settings)?
            }
            (None, Some(_)) => {
                anyhow::bail!("`speaker`: a conversation has speakers; give the file as --dialogue");
            }
            (Some(_), None) if utterance.slot.is_none() => {
                anyhow::bail!("`speaker` is missing: nobody is named who says this");
            }
            (_, None) => row.overrides,
        };
        let mut request = SpeechRequest::new(row.text).with(own.over(self.overrides)?);
        request.priority = Priority::Bulk;
        let format = match row.out.as_deref().filter(|_| self.in_folder) {
            Some(out) => super::format::of_line(self.asked, self.format, out),
            None => Ok(self.format),
        };
        let format = format.map_err(|reason| anyhow::anyhow!("`out`: {reason}"))?;
        let encoding = Encoding::new(format, self.bits, request.overrides.sample_rate)?;
        let mut line = self.composer.compose(&request)?;
        // A cue is stretched at the model's rate when it is known how long it is.
        line.post_process.sample_rate = match utterance.slot {
            Some(_) => SAMPLE_RATE,
            None => encoding.sample_rate(),
        };
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
        if let Some(tags) = &utterance.tags {
            content.extra.insert("tags".into(), format!("{tags:?}"));
        }
        if let Some(speaker) = &row.speaker {
            content.extra.insert("speaker".into(), speaker.clone());
        }
        Ok(PlannedLine {
            index: utterance.index,
            label,
            id: row.id,
            line,
            encoding,
            key: content.key(),
            name: PathBuf::new(),
            follows: None,
            speaker: row.speaker,
            slot: utterance.slot,
            timing: Timing::default(),
            stem: None,
            tags: utterance.tags.clone(),
            own_voice,
            out: row.out,
        })
    }
}

/// Makes all lines except those that name a voice sound like the first one, in a conversation like the first of their
/// speaker. Returns the lines that others follow.
pub fn follow_first(planned: &mut [PlannedLine]) -> BTreeMap<usize, Line> {
    let mut firsts: HashMap<Option<String>, (usize, String)> = HashMap::new();
    for line in planned.iter_mut() {
        let speaker = line.speaker.as_deref().map(Cast::fold);
        match firsts.get(&speaker) {
            None => {
                firsts.insert(speaker, (line.index, line.key.clone()));
            }
            Some((first, key)) if !line.own_voice => {
                let mut content = Content::default();
                content.extra.insert("own".into(), std::mem::take(&mut line.key));
                content.extra.insert("voice of".into(), key.clone());
                line.key = content.key();
                line.follows = Some(*first);
            }
            Some(_) => {}
        }
    }
    let followed: HashSet<usize> = planned.iter().filter_map(|line| line.follows).collect();
    let firsts = planned.iter().filter(|line| followed.contains(&line.index));
    firsts.map(|line| (line.index, line.line.clone())).collect()
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
            failed.push(Failed {
                index,
                label: line.label,
                id: line.id,
                speaker: line.speaker,
                error: error.into(),
            });
        }
    }
    for line in planned.iter_mut().filter(|line| line.out.is_none()) {
        let text = line.line.text();
        let fields = NameFields {
            index: line.index,
            id: line.id.as_deref(),
            seed: line.line.request.seed,
            role: line.speaker.as_deref().or(line.line.role.as_deref()).or(Some(DEFAULT_ROLE)),
            key: &line.key,
            text: &text,
        };
        line.name = names.name(&fields, &line.label);
    }
    planned.iter().map(|line| line.name.clone()).collect()
}
