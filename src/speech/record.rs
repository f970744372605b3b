//! Records of how texts are read, for whoever shows or checks it.

use serde::Serialize;

use super::{Spoken, cut};
use crate::text::Change;

/// Returns the kind of a change, as JSON names it.
fn kind(change: Change) -> &'static str {
    match change {
        Change::Kept => "kept",
        Change::Read(kind) => kind,
        Change::Pause => "pause",
        Change::Mapped => "mapped",
        Change::Dropped(_) => "dropped",
    }
}

/// Tells how a text was read: what is spoken, what was replaced by what, and what is not spoken. Places are counted in
/// characters, from 0.
#[derive(Serialize)]
pub struct ReadingRecord<'a> {
    source: &'a str,
    text: String,
    replacements: Vec<Replacement<'a>>,
    dropped: Vec<Unspoken<'a>>,
    /// The pieces that are spoken at once.
    segments: Vec<Segment<'a>>,
    /// The spans of the text between changes of voice, pace or silence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Replacement<'a> {
    start: usize,
    end: usize,
    kind: &'static str,
    from: &'a str,
    to: &'a str,
}

#[derive(Serialize)]
struct Unspoken<'a> {
    start: usize,
    end: usize,
    text: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
struct Segment<'a> {
    start: usize,
    end: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct Span<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<f64>,
}

impl<'a> ReadingRecord<'a> {
    /// Makes the record of a text that was [read](super::read); `source` says where it comes from.
    pub fn new(source: &'a str, input: &'a str, spoken: &'a [Spoken]) -> Self {
        let mut places = Places { input, byte: 0, character: 0 };
        let (mut replacements, mut dropped) = (Vec::new(), Vec::new());
        for span in spoken {
            for piece in &span.text.pieces {
                let (start, end) = (places.character(piece.source.start), places.character(piece.source.end));
                let from = &input[piece.source.clone()];
                let to = &span.text.text[piece.spoken.clone()];
                match piece.change {
                    Change::Dropped(reason) => {
                        dropped.push(Unspoken { start, end, text: from, reason: reason.as_str() });
                    }
                    _ if from == to => {}
                    change => replacements.push(Replacement { start, end, kind: kind(change), from, to }),
                }
            }
        }
        let mut segments = Vec::new();
        for span in spoken {
            for (range, _) in cut(&span.text.text, None) {
                let source = span.text.source(range.clone());
                let (start, end) = (places.character(source.start), places.character(source.end));
                segments.push(Segment { start, end, text: &span.text.text[range] });
            }
        }
        let texts: Vec<&str> = spoken.iter().map(|span| span.text.text.as_str()).collect();
        let spans: Vec<Span> = spoken
            .iter()
            .map(|span| Span {
                text: &span.text.text,
                speed: span.speed,
                voice: span.voice.as_deref(),
                silence: Some(span.silence).filter(|seconds| *seconds > 0.0),
            })
            .collect();
        let plain = |span: &Span| span.speed.is_none() && span.voice.is_none() && span.silence.is_none();
        let spans = if spans.iter().all(plain) { Vec::new() } else { spans };
        ReadingRecord { source, text: texts.join(" "), replacements, dropped, segments, spans }
    }
}

/// Converts places from bytes to characters, as most languages count them; the bytes must be asked for in
/// order.
struct Places<'a> {
    input: &'a str,
    byte: usize,
    character: usize,
}

impl Places<'_> {
    fn character(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            (self.byte, self.character) = (0, 0);
        }
        self.character += self.input[self.byte..byte].chars().count();
        self.byte = byte;
        self.character
    }
}
