//! Which rule read which part of a text, and what else it could have been.

use std::ops::Range;

use super::{Change, NormalizeOptions, Reader, fold, rules};

/// Tells how a stretch of a text was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Where it stands in the text, in bytes.
    pub source: Range<usize>,
    /// The kind of thing that it was taken for, such as `date`.
    pub kind: &'static str,
    /// What is spoken.
    pub spoken: String,
    /// What other rules would have made of what begins there, the next one first.
    pub others: Vec<Other>,
}

/// Holds a reading that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The stretch that it would have read, in bytes.
    pub source: Range<usize>,
    /// The kind of thing.
    pub kind: &'static str,
    /// What would have been spoken.
    pub spoken: String,
}

/// Tells which rule read which part of a text as [`normalize`](super::normalize) does, and what else it could
/// have been.
///
/// ```
/// use chattts_rs::text::{NormalizeOptions, explain};
///
/// let read = explain("It is 9/11.", &NormalizeOptions::default());
/// assert_eq!((read[0].kind, read[0].spoken.as_str()), ("name", "nine eleven"));
/// assert_eq!(read[0].others[0].spoken, "nine elevenths");
/// ```
pub fn explain(text: &str, options: &NormalizeOptions) -> Vec<Explained> {
    let folded = fold::fold(text);
    let normalized = Reader::new(folded.text(), options).read();
    let mut reader = Reader::new(folded.text(), options);
    let mut explained = Vec::new();
    for piece in &normalized.pieces {
        let Change::Read(kind) = piece.change else { continue };
        let spoken = normalized.text[piece.spoken.clone()].trim().to_string();
        let at = piece.source.start;
        let others = match folded.text()[at..].chars().next() {
            Some(c) => reader.readings_at(at, c),
            None => Vec::new(),
        };
        let taken = (kind, piece.source.len());
        let others = others
            .into_iter()
            .filter(|other| (other.kind, other.len) != taken || other.spoken != spoken)
            .map(|other| Other {
                source: folded.source(at..at + other.len),
                kind: other.kind,
                spoken: other.spoken.trim().to_string(),
            })
            .collect();
        explained.push(Explained { source: folded.source(piece.source.clone()), kind, spoken, others });
    }
    explained
}

impl Reader<'_> {
    /// Returns all readings of what stands at `at`.
    fn readings_at(&mut self, at: usize, c: char) -> Vec<super::rule::Reading> {
        let sentence = self.languages.at(at);
        rules(self.language_at(at, c, sentence)).readings(self.text, at)
    }
}
