//! What is to be done: every line's text, settings, name and key, before anything is loaded.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use chattts_rs::audio::Encoding;
use chattts_rs::batch::manifest::Row;
use chattts_rs::batch::{Content, NameFields, NameTemplate, Names};
use chattts_rs::pipeline::Text;
use chattts_rs::text::{Homophones, Normalized, split, spoken_seconds};
use chattts_rs::{Request, Voice};

use super::Context;
use super::input::Utterance;
use super::reading::{self, Markup, Reading, Spoken};
use super::settings::Settings;
use super::voices::Voices;

/// What one subtitle may hold, in seconds of speech.
const CUE_SECONDS: f64 = 6.0;

/// A line that is to be spoken.
pub struct Todo {
    /// Its place among all lines; names its files.
    pub index: usize,
    /// Where it stood, for messages.
    pub label: String,
    /// The id it was given.
    pub id: Option<String>,
    /// What is spoken, piece by piece.
    pub pieces: Vec<Piece>,
    /// Voices beside the line's own, which pieces ask for by their number, counted from 1.
    pub voices: Vec<Voice>,
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
    /// Whether it continues what the first line says.
    pub follows: bool,
    role: String,
    out: Option<String>,
    /// Whether it says itself who speaks.
    own_voice: bool,
}

impl Todo {
    /// All of its text.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.spoken.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// A part of a line that is spoken at once.
pub struct Piece {
    pub spoken: Text,
    /// The silence after it, in seconds.
    pub silence: f64,
    /// What is shown while it is spoken, sentence by sentence, and how long each takes by estimate; empty
    /// where nothing is shown.
    pub cues: Vec<(String, f64)>,
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
    pub homophones: Option<Homophones>,
    /// Whether what is shown while it is spoken is wanted.
    pub cues: bool,
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
    pub fn plan(&self, utterances: &[Utterance], voices: &mut Voices<'_>) -> (Vec<Todo>, Vec<Failed>) {
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
        voices: &mut Voices<'_>,
        id: &mut Option<String>,
    ) -> anyhow::Result<Todo> {
        let row = match self.json_input {
            true => Some(Row::parse(utterance.raw()?).map_err(anyhow::Error::msg)?),
            false => None,
        };
        *id = row.as_ref().and_then(|row| row.id.clone());
        let line = self.settings.line(row.as_ref(), voices)?;
        let input = match &row {
            Some(row) => row.text.as_str(),
            None => utterance.raw()?,
        };
        let reading = line.reading;
        let spans = reading::read(input, reading, self.homophones.as_ref())?;
        reading::check(&utterance.to_string(), input, &spans, reading.strict, &self.context.report)?;
        let own = |own: fn(&Row) -> Option<bool>| row.as_ref().and_then(own);
        let cutter = Cutter { input, splits: own(|row| row.split).or(self.split), cues: self.cues };
        let mut roles: Vec<String> = Vec::new();
        let mut pieces = cutter.pieces(&spans, &mut roles);
        if let Some(last) = pieces.last_mut() {
            last.silence = spans.last().map_or(0.0, |span| span.silence);
        }
        let others: Vec<Voice> =
            roles.iter().map(|role| voices.voice(role, None)).collect::<anyhow::Result<_>>()?;
        let trim = own(|row| row.trim).unwrap_or(self.trim);
        let loudness = row.as_ref().and_then(|row| row.normalize_loudness).or(self.loudness);
        let mut request = line.request;
        // The words of a sample are read as the text is: the model must find in them what it knows.
        if let Some(sample) = request.voice.sample.as_mut().filter(|_| reading.normalize) {
            let words = Reading { markup: Markup::None, ..reading };
            let spoken = reading::read(&sample.text, words, self.homophones.as_ref())?;
            reading::check(
                "the sample's words",
                &sample.text,
                &spoken,
                reading.strict,
                &self.context.report,
            )?;
            sample.text = spoken.into_iter().map(|span| span.text.text).collect();
        }
        let mut content = Content::of(&request);
        content.text = spans.iter().map(|span| span.text.text.as_str()).collect();
        content.model.clone_from(&self.model);
        content.compute.clone_from(&self.compute);
        content.encoding = format!("{:?}", line.encoding);
        content.extra.extend(self.extra.iter().cloned());
        content.extra.insert("pieces".into(), pieces.len().to_string());
        if reading.markup == Markup::Ssml {
            content.extra.insert("ssml".into(), fingerprint(&pieces, &others));
        }
        content.extra.insert("trim".into(), trim.to_string());
        content.extra.insert("loudness".into(), format!("{loudness:?}"));
        request.text = String::new();
        Ok(Todo {
            index: utterance.index,
            label: utterance.to_string(),
            id: id.clone(),
            pieces,
            voices: others,
            request,
            encoding: line.encoding,
            key: content.key(),
            name: PathBuf::new(),
            trim,
            loudness,
            follows: false,
            role: line.role,
            own_voice: row.as_ref().is_some_and(|row| row.role.is_some() || row.voice.is_some()),
            out: row.and_then(|row| row.out),
        })
    }
}

/// What pieces say beside their text, as one string.
fn fingerprint(pieces: &[Piece], voices: &[Voice]) -> String {
    let speakers = voices.iter().map(|voice| {
        let mut request = Request::new("");
        request.voice = voice.clone();
        Content::of(&request).speaker
    });
    let speakers: Vec<_> = speakers.collect();
    let pieces: Vec<_> = pieces.iter().map(|p| (&p.spoken, p.silence)).collect();
    format!("{pieces:?} {speakers:?}")
}

/// Cuts texts into pieces.
struct Cutter<'a> {
    input: &'a str,
    /// Always, never, or only where a text is long.
    splits: Option<bool>,
    cues: bool,
}

impl Cutter<'_> {
    /// The pieces of all spans; a role that is not known yet is added to `roles`.
    fn pieces(&self, spans: &[Spoken], roles: &mut Vec<String>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for span in spans {
            let voice = match &span.voice {
                None => 0,
                Some(role) => {
                    roles.iter().position(|known| known == role).unwrap_or_else(|| {
                        roles.push(role.clone());
                        roles.len() - 1
                    }) + 1
                }
            };
            let speed = span.speed.map(|speed| format!("[speed_{speed}]"));
            for (range, pause) in reading::cut(&span.text.text, self.splits) {
                let text = span.text.text[range.clone()].to_string();
                pieces.push(Piece {
                    cues: self.cues_of(&span.text, range),
                    spoken: Text { text, speed: speed.clone(), voice },
                    silence: pause,
                });
            }
            if let Some(last) = pieces.last_mut() {
                last.silence = last.silence.max(span.silence);
            }
        }
        pieces
    }

    /// What is shown of a piece: the text as it was written, sentence by sentence.
    fn cues_of(&self, text: &Normalized, piece: Range<usize>) -> Vec<(String, f64)> {
        if !self.cues {
            return Vec::new();
        }
        let sentences = split(&text.text[piece.clone()], CUE_SECONDS);
        let ranges = sentences.iter().map(|s| piece.start + s.range.start..piece.start + s.range.end);
        let written = text.written(self.input, &ranges.collect::<Vec<_>>());
        written
            .into_iter()
            .zip(sentences)
            .map(|(written, sentence)| (written, spoken_seconds(sentence.text)))
            .collect()
    }
}

/// Lets all lines but those that name a voice sound like the first, and gives that one.
pub fn follow_first(todo: &mut [Todo]) -> Option<&Todo> {
    let (first, others) = todo.split_first_mut()?;
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
