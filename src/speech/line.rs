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
    /// Where it was written in the input, in bytes.
    pub range: Range<usize>,
    /// How long it takes to say, in seconds, by estimate.
    pub seconds: f64,
}

/// A part of a line that is spoken at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// What is spoken: the tokenizer's text.
    pub text: String,
    /// Its own pace, `[speed_N]`, where it differs from the line's.
    pub speed: Option<String>,
    /// Which of the line's voices speaks.
    pub voice: usize,
    /// The silence after it, in seconds.
    pub silence: f64,
    /// What is shown while it is spoken, sentence by sentence; empty where nothing is shown.
    pub cues: Vec<CueText>,
}

/// A composed request: pieces in order, voices, how codes are drawn and what becomes of the sound.
#[derive(Clone, Debug)]
pub struct Line {
    /// What is spoken; pieces with the same voice sound like the first of them.
    pub pieces: Vec<Piece>,
    /// All that is spoken, as one text.
    pub spoken: String,
    /// The line's own voice, and after it those that its markup names.
    pub voices: Vec<Voice>,
    /// Everything else about how it is drawn; its text and voice are not used.
    pub request: Request,
    /// What becomes of the sound.
    pub post_process: PostProcess,
    /// Who goes first.
    pub priority: Priority,
    /// Whether samples are handed out while they are made, not piece by piece.
    pub streams: bool,
    /// Whether what the model computed is handed out too; such a line does not stream.
    pub traces: bool,
    /// What a user should know of it.
    pub warnings: Vec<Warning>,
    /// The role that speaks, as it was written.
    pub role: Option<String>,
    /// Whether its markup says more than its text.
    pub(crate) is_ssml: bool,
}

impl Line {
    /// Makes a line of a text that is the tokenizer's already, in one piece and without post-processing.
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

    /// Returns all of its text.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Returns what the sound depends on, but for the model, the type it computes in and the form of the file.
    /// Two lines with the same content sound the same.
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
        content
    }

    /// Returns what pieces say beside their text, as one string. Keys of finished files are made from it, so its
    /// form stays as it was when the first of them were written.
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
