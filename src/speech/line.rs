//! Lines: composed requests, which an engine can speak.

use std::ops::Range;

use super::{Content, PostProcess, Priority, Warning};
use crate::engine::Request;
use crate::voice::Voice;

/// A sentence that is shown while it is spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct CueText {
    /// The sentence as it was written.
    pub text: String,
    /// Position of the sentence in the input, in bytes.
    pub range: Range<usize>,
    /// Estimated time to say it, in seconds.
    pub seconds: f64,
}

/// A part of a line that is spoken at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// The text to speak, in the tokenizer's form.
    pub text: String,
    /// Its own pace, `[speed_N]`, where it differs from the line's.
    pub speed: Option<String>,
    /// Index of its voice among the line's voices.
    pub voice: usize,
    /// The silence after it, in seconds.
    pub silence: f64,
    /// The sentences to show while it is spoken; empty where none are shown.
    pub cues: Vec<CueText>,
}

/// A composed request: pieces in order, voices, how codes are drawn and how the sound is post-processed.
#[derive(Clone, Debug)]
pub struct Line {
    /// The pieces to speak; those with the same voice sound like the first of them.
    pub pieces: Vec<Piece>,
    /// All text to speak, as one text.
    pub spoken: String,
    /// The line's own voice, and after it those that its markup names.
    pub voices: Vec<Voice>,
    /// All other settings of how tokens are drawn; its text and voice are not used.
    pub request: Request,
    /// The settings of the post-processing.
    pub post_process: PostProcess,
    /// Priority among lines that wait for the same slots.
    pub priority: Priority,
    /// Whether samples are handed out as they are made rather than piece by piece; those of bulk lines never are.
    pub streams: bool,
    /// Whether the model's outputs are handed out too; such a line does not stream.
    pub traces: bool,
    /// Warnings about the line for the user.
    pub warnings: Vec<Warning>,
    /// The role that speaks, as it was written.
    pub role: Option<String>,
    /// Whether its markup carries more than its text.
    pub(crate) is_ssml: bool,
}

impl Line {
    /// Makes a line of a text that is already in the tokenizer's form, in one piece and without
    /// post-processing.
    pub fn of_request(request: Request) -> Self {
        Line {
            pieces: vec![Piece { text: request.text.clone(), ..Piece::default() }],
            spoken: request.text.clone(),
            voices: vec![request.voice.clone()],
            request,
            post_process: PostProcess::default(),
            priority: Priority::default(),
            streams: true,
            traces: false,
            warnings: Vec::new(),
            role: None,
            is_ssml: false,
        }
    }

    /// Returns all text of the line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Returns everything that the sound depends on, except the model, the type it computes in and the form of
    /// the file. Two lines with the same content sound the same.
    pub fn content(&self) -> Content {
        let mut request = self.request.clone();
        request.voice = self.voices.first().cloned().unwrap_or_default();
        request.text.clone_from(&self.spoken);
        let mut content = Content::of(&request);
        content.extra.insert("pieces".into(), self.pieces.len().to_string());
        if self.is_ssml {
            content.extra.insert("ssml".into(), self.fingerprint());
        }
        content.extra.insert("trim".into(), self.post_process.trim.to_string());
        content.extra.insert("loudness".into(), format!("{:?}", self.post_process.loudness));
        // What is spoken at its own speed keeps the key that it had before there were others.
        if self.post_process.speed != 1.0 {
            content.extra.insert("speed".into(), self.post_process.speed.to_string());
        }
        content
    }

    /// Returns the settings of the pieces beside their text, as one string. Keys of finished files are made
    /// from it, so its form stays as it was when the first of them were written.
    fn fingerprint(&self) -> String {
        let speakers: Vec<_> = self.voices[1..]
            .iter()
            .map(|voice| {
                let mut request = Request::new("");
                request.voice = voice.clone();
                Content::of(&request).speaker
            })
            .collect();
        let written = |piece: &Piece| {
            let Piece { text, speed, voice, silence, .. } = piece;
            format!("(Text {{ text: {text:?}, speed: {speed:?}, voice: {voice} }}, {silence:?})")
        };
        let pieces: Vec<_> = self.pieces.iter().map(written).collect();
        format!("[{}] {speakers:?}", pieces.join(", "))
    }
}
