//! What is to be done: every line's text, settings, name and key, before anything is loaded.

use std::collections::HashSet;
use std::path::PathBuf;

use chattts_rs::Request;
use chattts_rs::audio::Encoding;
use chattts_rs::batch::manifest::Row;
use chattts_rs::batch::{Content, NameFields, NameTemplate, Names};
use chattts_rs::text::{Pause, SPEAKABLE_SECONDS, split, spoken_seconds};

use super::Context;
use super::input::Utterance;
use super::settings::{Settings, Voices};

/// A line that is to be spoken.
pub struct Todo {
    /// Its place among all lines; names its files.
    pub index: usize,
    /// Where it stood, for messages.
    pub label: String,
    /// The id it was given.
    pub id: Option<String>,
    /// What is spoken, piece by piece, and the silence after each, in seconds.
    pub pieces: Vec<(String, f64)>,
    /// Everything else about the speech.
    pub request: Request,
    /// The form of its file.
    pub encoding: Encoding,
    /// What its file depends on.
    pub key: String,
    /// Its file in the output folder; empty where all lines go into one file.
    pub name: PathBuf,
    /// Whether what is quiet at its ends is cut.
    pub trim: bool,
    /// The loudness it is brought to, in LUFS.
    pub loudness: Option<f64>,
    role: String,
    out: Option<String>,
}

impl Todo {
    /// All of its text.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// A line that cannot be spoken.
pub struct Failed {
    pub index: usize,
    pub label: String,
    pub id: Option<String>,
    pub error: anyhow::Error,
}

/// How lines become files.
pub struct Planner<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub json_input: bool,
    /// Always, never, or only where a text is long.
    pub split: Option<bool>,
    /// Whether what is quiet at the ends is cut, and the loudness, where a line does not say otherwise.
    pub trim: bool,
    pub loudness: Option<f64>,
    /// What tells the model from others.
    pub model: String,
    /// How it computes.
    pub compute: String,
    /// What else a file depends on, by name.
    pub extra: Vec<(String, String)>,
}

impl Planner<'_> {
    /// The lines that can be spoken, and those that cannot.
    pub fn plan(&self, utterances: &[Utterance], voices: &mut Voices) -> (Vec<Todo>, Vec<Failed>) {
        let (mut todo, mut failed) = (Vec::new(), Vec::new());
        for utterance in utterances {
            let mut id = None;
            match self.line(utterance, voices, &mut id) {
                Ok(line) => todo.push(line),
                Err(error) => {
                    let (index, label) = (utterance.index, utterance.to_string());
                    failed.push(Failed { index, label, id, error });
                }
            }
        }
        (todo, failed)
    }

    fn line(
        &self,
        utterance: &Utterance,
        voices: &mut Voices,
        id: &mut Option<String>,
    ) -> anyhow::Result<Todo> {
        let row = match self.json_input {
            true => Some(Row::parse(utterance.raw()?).map_err(anyhow::Error::msg)?),
            false => None,
        };
        *id = row.as_ref().and_then(|row| row.id.clone());
        let line = self.settings.line(row.as_ref(), voices)?;
        let text = match &row {
            Some(row) => utterance.clean(&row.text, line.clean, self.context)?,
            None => utterance.prepare(line.clean, self.context)?,
        };
        let own = |own: fn(&Row) -> Option<bool>| row.as_ref().and_then(own);
        let pieces = pieces(&text, own(|row| row.split).or(self.split));
        let trim = own(|row| row.trim).unwrap_or(self.trim);
        let loudness = row.as_ref().and_then(|row| row.normalize_loudness).or(self.loudness);
        let mut request = line.request;
        let mut content = Content::of(&request);
        content.text.clone_from(&text);
        content.model.clone_from(&self.model);
        content.compute.clone_from(&self.compute);
        content.encoding = format!("{:?}", line.encoding);
        content.extra.extend(self.extra.iter().cloned());
        content.extra.insert("pieces".into(), pieces.len().to_string());
        content.extra.insert("trim".into(), trim.to_string());
        content.extra.insert("loudness".into(), format!("{loudness:?}"));
        request.text = String::new();
        Ok(Todo {
            index: utterance.index,
            label: utterance.to_string(),
            id: id.clone(),
            pieces,
            request,
            encoding: line.encoding,
            key: content.key(),
            name: PathBuf::new(),
            trim,
            loudness,
            role: line.role,
            out: row.and_then(|row| row.out),
        })
    }
}

/// A text's pieces and the silence after each; `split` is always, never, or only where it is long.
fn pieces(text: &str, splits: Option<bool>) -> Vec<(String, f64)> {
    if !splits.unwrap_or_else(|| spoken_seconds(text) > SPEAKABLE_SECONDS) {
        return vec![(text.to_string(), 0.0)];
    }
    let segments = split(text, SPEAKABLE_SECONDS);
    let last = segments.len().saturating_sub(1);
    let pause = |i: usize, pause: Pause| if i == last { 0.0 } else { seconds(pause) };
    segments.iter().enumerate().map(|(i, s)| (s.text.to_string(), pause(i, s.pause))).collect()
}

/// The silence between pieces that are spoken apart, in seconds: about what a reader leaves.
fn seconds(pause: Pause) -> f64 {
    match pause {
        Pause::Paragraph => 0.6,
        Pause::Sentence => 0.3,
        Pause::Clause => 0.15,
        Pause::None => 0.0,
    }
}

/// Gives every line its file: first those that name it themselves.
pub fn name(todo: &mut Vec<Todo>, failed: &mut Vec<Failed>, template: NameTemplate) -> HashSet<PathBuf> {
    let mut names = Names::new(template);
    let mut refused = Vec::new();
    for line in todo.iter_mut() {
        if let Some(out) = &line.out {
            match names.explicit(out, &line.label) {
                Ok(name) => line.name = name,
                Err(error) => refused.push((line.index, error)),
            }
        }
    }
    for (index, error) in refused {
        if let Some(at) = todo.iter().position(|line| line.index == index) {
            let line = todo.remove(at);
            failed.push(Failed { index, label: line.label, id: line.id, error: error.into() });
        }
    }
    for line in todo.iter_mut().filter(|line| line.out.is_none()) {
        let text = line.text();
        let fields = NameFields {
            index: line.index,
            id: line.id.as_deref(),
            seed: line.request.seed,
            role: Some(&line.role),
            key: &line.key,
            text: &text,
        };
        line.name = names.name(&fields, &line.label);
    }
    todo.iter().map(|line| line.name.clone()).collect()
}
