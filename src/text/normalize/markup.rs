//! Texts that were freed of markup: what is read in a fixed way, and the way back to the file.

use std::ops::Range;

use super::{Change, NormalizeOptions, Normalized, Piece, Reader, fold, is_han, normalize, spell};
use crate::text::Language;
use crate::text::derived::Derived;
use crate::text::markup::{Fixed, Reading, Span};
use crate::text::normalize::rule::is_digit;

/// Marks a stretch of the folded text that is read in a fixed way.
pub struct Stretch<'a> {
    range: Range<usize>,
    fixed: &'a Fixed,
}

/// Reads a span of a text with markup as it is spoken; see [`normalize`].
///
/// The pieces' sources are byte ranges of the file. Together they are the span's share of it
/// ([`Span::source`]): what is markup there is a piece of which nothing is spoken. A language that the markup
/// names goes before the one in `options`.
pub fn normalize_markup(span: &Span, options: &NormalizeOptions) -> Normalized {
    let language = span.language.or(options.language);
    let options = NormalizeOptions { language, ..*options };
    let folded = fold::fold(span.text.text());
    let fixed: Vec<Stretch> = span
        .fixed
        .iter()
        .map(|fixed| Stretch {
            range: folded.derived_from(fixed.range.start)..folded.derived_from(fixed.range.end),
            fixed,
        })
        .collect();
    let mut reader = Reader::new(folded.text(), &options);
    reader.hard_lines = true;
    reader.fixed = &fixed;
    // What the markup says goes before.
    reader.words.retain(|word| {
        let next = fixed.partition_point(|fixed| fixed.range.end <= word.range.start);
        fixed.get(next).is_none_or(|fixed| fixed.range.start >= word.range.end)
    });
    reader.text = &folded.text()[..fixed.first().map_or(folded.text().len(), |first| first.range.start)];
    if let (None, Some(language)) = (language, span.around) {
        reader.languages.set_default(language);
    }
    let normalized = reader.read();
    let pieces = lead_back(&normalized, &folded.over(&span.text), span.source.clone());
    Normalized { text: normalized.text, pieces }
}

/// Returns the pieces of what was made of `text` with their sources in the file, of which `share` is
/// accounted for.
fn lead_back(normalized: &Normalized, text: &Derived, share: Range<usize>) -> Vec<Piece> {
    let mut tiles = Tiles { pieces: Vec::with_capacity(normalized.pieces.len()), end: share.start };
    for piece in &normalized.pieces {
        let spoken = &piece.spoken;
        match piece.change {
            Change::Kept if text.text()[piece.source.clone()] == normalized.text[spoken.clone()] => {
                for part in text.stretches(piece.source.clone()) {
                    let start = spoken.start + part.text.start - piece.source.start;
                    let change = match part.copied {
                        true => Change::Kept,
                        // A control token stands for a tag that asks for a pause.
                        false if normalized.text[start..].starts_with('[') => Change::Pause,
                        false => Change::Mapped,
                    };
                    tiles.push(part.source, start..start + part.text.len(), change);
                }
            }
            // Two that were dropped need not be neighbours in the file.
            Change::Dropped(_) => {
                for part in text.stretches(piece.source.clone()) {
                    tiles.push(part.source, spoken.clone(), piece.change);
                }
            }
            change => {
                let change = if change == Change::Kept { Change::Mapped } else { change };
                tiles.push(text.source(piece.source.clone()), spoken.clone(), change);
            }
        }
    }
    tiles.finish(share.end, normalized.text.len())
}

/// Collects pieces whose sources follow one another without a gap.
struct Tiles {
    pieces: Vec<Piece>,
    end: usize,
}

impl Tiles {
    fn push(&mut self, source: Range<usize>, spoken: Range<usize>, change: Change) {
        self.fill(source.start, spoken.start);
        let source = self.end..source.end.max(self.end);
        self.end = source.end;
        // What was inserted has no source of its own.
        if !source.is_empty() || !spoken.is_empty() {
            self.pieces.push(Piece { source, spoken, change });
        }
    }

    /// Accounts for what lies before `start`, which is markup.
    fn fill(&mut self, start: usize, spoken: usize) {
        if start > self.end {
            let source = self.end..start;
            self.pieces.push(Piece { source, spoken: spoken..spoken, change: Change::Mapped });
            self.end = start;
        }
    }

    fn finish(mut self, end: usize, spoken: usize) -> Vec<Piece> {
        self.fill(end, spoken);
        self.pieces
    }
}

impl<'a> Reader<'a> {
    /// Goes on at the end of the text so far: says what is fixed there, or takes up the text after it.
    pub(super) fn fixed(&mut self, at: usize) -> Option<usize> {
        let whole = self.whole;
        let start = self.fixed.first().map_or(whole.len(), |next| next.range.start);
        if self.text.len() < start {
            self.text = &whole[..start];
            return Some(at);
        }
        let (next, rest) = self.fixed.split_first()?;
        self.fixed = rest;
        self.text = whole;
        let sentence = self.languages.at(at);
        let language = match self.options.language {
            None => self.language_of_number(at, sentence),
            _ => sentence,
        };
        self.text = &whole[..next.range.end];
        let kind = next.fixed.kind;
        let said = match &next.fixed.reading {
            Reading::Characters | Reading::Digits => {
                self.spell(next.range.clone(), language, kind, next.fixed.reading == Reading::Digits);
                true
            }
            Reading::As { rules, written } => {
                let written = written.as_ref().map(|written| match language {
                    Language::Chinese => written.chinese.as_str(),
                    Language::English => written.english.as_str(),
                });
                self.read_fixed(next.range.clone(), language, rules, written, kind)
            }
        };
        if !said {
            // It is read like any text.
            return Some(at);
        }
        self.read_up_to = next.range.end;
        Some(next.range.end)
    }

    fn read_fixed(
        &mut self,
        range: Range<usize>,
        language: Language,
        rules: &[&str],
        written: Option<&str>,
        kind: &'static str,
    ) -> bool {
        let text = written.unwrap_or(&self.whole[range.clone()]);
        let known = super::rules(language).read_all(text, Some(rules));
        let spoken = match (known, written) {
            (Some(spoken), _) => spoken,
            (None, Some(written)) => {
                let options = NormalizeOptions { language: Some(language), ..*self.options };
                normalize(written, &options).text
            }
            (None, None) => return false,
        };
        self.writer.say(range, &spoken, Change::Read(kind));
        true
    }

    /// Reads one character after the other; of digits the points among them, while other signs are what they are.
    fn spell(&mut self, range: Range<usize>, language: Language, kind: &'static str, digits: bool) {
        let whole = self.whole;
        for (i, c) in whole[range.clone()].char_indices() {
            let at = range.start + i;
            let source = at..at + c.len_utf8();
            let point = c == '.' && whole[source.end..range.end].starts_with(is_digit);
            let name = match spell::name(c, language) {
                _ if digits && point && language == Language::Chinese => Some("点".into()),
                _ if digits && point => Some("point".into()),
                name => name.filter(|_| !digits || c.is_ascii_alphanumeric()),
            };
            match name {
                _ if is_han(c) => self.han(source, c),
                Some(name) => self.writer.say(source, &name, Change::Read(kind)),
                None => self.sign(source, c, language),
            }
        }
    }
}
