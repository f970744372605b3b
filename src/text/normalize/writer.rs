//! The spoken text while it grows.

use std::ops::Range;

use super::{Change, Normalized, Piece, Reason};
use crate::text::Language;
use crate::text::normalize::rule::is_letter;

/// Says how long a mark pauses, the shorter first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pause {
    /// Between items of a list: `、`; in English a comma.
    Item,
    /// Between clauses.
    Clause,
    /// Between sentences.
    Sentence,
}

impl Pause {
    fn mark(self, language: Language) -> char {
        match (self, language) {
            (Pause::Item, Language::Chinese) => '、',
            (Pause::Clause, Language::Chinese) => '，',
            (Pause::Sentence, Language::Chinese) => '。',
            (Pause::Item | Pause::Clause, Language::English) => ',',
            (Pause::Sentence, Language::English) => '.',
        }
    }

    fn of(mark: char) -> Option<Self> {
        match mark {
            '、' => Some(Pause::Item),
            '，' | ',' => Some(Pause::Clause),
            '。' | '.' => Some(Pause::Sentence),
            _ => None,
        }
    }
}

/// Puts the spoken text together: marks that meet become the longest of them, words get spaces between them.
pub struct Writer {
    text: String,
    pieces: Vec<Piece>,
    /// Whether the next letters belong to the word before them.
    joined: bool,
}

impl Writer {
    pub fn new(capacity: usize) -> Self {
        Writer { text: String::with_capacity(capacity), pieces: Vec::new(), joined: false }
    }

    /// Adds what stays as it is.
    pub fn keep(&mut self, source: Range<usize>, text: &str) {
        // An inserted space must not become part of what was kept, or its bytes would not lead back.
        self.separate(text, source.start);
        let start = self.text.len();
        self.text.push_str(text);
        let spoken = start..self.text.len();
        match self.pieces.last_mut() {
            Some(last)
                if last.change == Change::Kept
                    && last.source.end == source.start
                    && last.spoken.end == start
                    && last.source.len() == last.spoken.len() =>
            {
                (last.source.end, last.spoken.end) = (source.end, spoken.end);
            }
            _ => self.pieces.push(Piece { source, spoken, change: Change::Kept }),
        }
    }

    /// Adds what is read.
    pub fn say(&mut self, source: Range<usize>, spoken: &str, change: Change) {
        self.separate(spoken, source.start);
        self.put(source, spoken, change);
    }

    /// Adds letters of a word, in another form.
    pub fn letters(&mut self, source: Range<usize>, letters: &str) {
        if self.continues_word(source.start) {
            self.joined = true;
        }
        self.separate(letters, source.start);
        self.put(source, letters, Change::Mapped);
        self.joined = true;
    }

    /// Adds a control token.
    pub fn token(&mut self, source: Range<usize>, token: &str) {
        self.joined = false;
        self.put(source, token, Change::Kept);
    }

    /// Adds a mark.
    pub fn pause(&mut self, source: Range<usize>, pause: Pause, language: Language) {
        self.joined = false;
        self.trim();
        let last = self.text.chars().next_back();
        match last.map(|last| (last, Pause::of(last))) {
            // Nothing was said yet, or a line has ended.
            None | Some(('\n', _)) => {}
            Some((last, Some(before))) => {
                if pause > before {
                    let wide = last.len_utf8() > 1;
                    let width = if wide { Language::Chinese } else { Language::English };
                    self.text.pop();
                    self.text.push(pause.mark(width));
                }
            }
            Some((_, None)) => {
                let mut buffer = [0; 4];
                let mark: &str = pause.mark(language).encode_utf8(&mut buffer);
                return self.put(source, mark, Change::Pause);
            }
        }
        self.put(source, "", Change::Pause);
    }

    /// Ends a line, which ends a sentence too.
    pub fn line(&mut self, source: Range<usize>, language: Language) {
        self.joined = false;
        self.trim();
        if self.text.is_empty() || self.text.ends_with("\n\n") {
            return self.put(source, "", Change::Pause);
        }
        if !self.text.ends_with('\n') {
            self.pause(source.clone(), Pause::Sentence, language);
            // Both are one piece.
            if let Some(last) = self.pieces.last_mut() {
                self.text.push('\n');
                last.spoken.end = self.text.len();
                return;
            }
        }
        self.put(source, "\n", Change::Pause);
    }

    /// Adds white space; of several, one is left.
    pub fn space(&mut self, source: Range<usize>) {
        self.joined = false;
        let needless = |c: char| c.is_whitespace() || matches!(c, '，' | '。' | '、');
        let space = if self.text.chars().next_back().is_none_or(needless) { "" } else { " " };
        self.put(source, space, if space.is_empty() { Change::Mapped } else { Change::Kept });
    }

    /// Passes over a mark inside a word, of which nothing is left.
    pub fn join(&mut self, source: Range<usize>) {
        self.joined = true;
        self.put(source, "", Change::Mapped);
    }

    /// Passes over what has no look and no sound.
    pub fn unseen(&mut self, source: Range<usize>) {
        self.joined |= self.continues_word(source.start);
        self.put(source, "", Change::Mapped);
    }

    /// Passes over what is not spoken.
    pub fn drop(&mut self, source: Range<usize>, reason: Reason) {
        match self.pieces.last_mut() {
            Some(last) if last.change == Change::Dropped(reason) && last.source.end == source.start => {
                last.source.end = source.end;
            }
            _ => self.put(source, "", Change::Dropped(reason)),
        }
    }

    pub fn finish(mut self) -> Normalized {
        let end = self.text.trim_end().len();
        self.cut(end);
        Normalized { text: self.text, pieces: self.pieces }
    }

    fn put(&mut self, source: Range<usize>, spoken: &str, change: Change) {
        let start = self.text.len();
        self.text.push_str(spoken);
        self.pieces.push(Piece { source, spoken: start..self.text.len(), change });
    }

    /// Tells whether letters at `at` of the source would continue a word that was kept up to there.
    fn continues_word(&self, at: usize) -> bool {
        self.text.ends_with(is_letter)
            && self.pieces.last().is_some_and(|last| {
                last.change == Change::Kept && last.source.end == at && last.spoken.end == self.text.len()
            })
    }

    /// Puts a space between two words, and between a mark and a word.
    fn separate(&mut self, next: &str, at: usize) {
        let joined = std::mem::take(&mut self.joined);
        let Some(first) = next.chars().next() else { return };
        let Some(last) = self.text.chars().next_back() else { return };
        let letters = last.is_ascii_alphabetic() && first.is_ascii_alphabetic() && !joined;
        let after_mark = matches!(last, ',' | '.') && !first.is_whitespace();
        if letters || after_mark {
            // It belongs to neither: a piece of its own, made of nothing.
            self.put(at..at, " ", Change::Mapped);
        }
    }

    /// Takes back spaces at the end.
    fn trim(&mut self) {
        let end = self.text.trim_end_matches(' ').len();
        self.cut(end);
    }

    fn cut(&mut self, end: usize) {
        self.text.truncate(end);
        for piece in self.pieces.iter_mut().rev() {
            if piece.spoken.end <= end {
                break;
            }
            piece.spoken = piece.spoken.start.min(end)..end;
            if piece.change == Change::Kept && piece.spoken.is_empty() {
                piece.change = Change::Mapped;
            }
        }
    }
}

/// Makes the sources of pieces follow one another from 0 to `len`.
pub fn tile(pieces: &mut Vec<Piece>, len: usize) {
    let mut end = 0;
    for piece in pieces.iter_mut() {
        piece.source.start = end;
        end = piece.source.end.max(end);
        piece.source.end = end;
    }
    if let Some(last) = pieces.last_mut() {
        last.source.end = len;
    }
    // What was inserted has no source of its own.
    pieces.retain(|piece| !piece.source.is_empty() || !piece.spoken.is_empty());
}
