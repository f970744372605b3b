//! Long text → pieces that the model speaks well: whole sentences where they are short enough, clauses
//! where they are not.

mod atoms;

use std::ops::Range;

use atoms::{Atom, Kind, atoms};

/// The length that the model speaks well at once, in seconds; a good limit for [`split`].
pub const SPEAKABLE_SECONDS: f64 = 30.0;

/// A sentence that is shorter than this part of the limit joins a long neighbour too: alone it would be
/// spoken badly.
const TINY: u64 = 15;

/// Says what ends a segment, the shorter pauses first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pause {
    /// Nothing: a cut between words, or the end of a text without a closing mark.
    None,
    /// A comma or another mark within a sentence.
    Clause,
    /// A sentence's closing mark or a single line break.
    Sentence,
    /// A blank line.
    Paragraph,
}

impl Pause {
    /// Returns the silence that a reader leaves, in seconds.
    pub fn seconds(self) -> f64 {
        match self {
            Pause::Paragraph => 0.6,
            Pause::Sentence => 0.3,
            Pause::Clause => 0.15,
            Pause::None => 0.0,
        }
    }
}

/// Holds a piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// The piece: neither blank nor with white space at its ends.
    pub text: &'a str,
    /// The pause that ends it.
    pub pause: Pause,
}

/// Estimates how long a text is when it is spoken, in seconds.
///
/// A Han character takes 0.2 s, a word 0.35 s (and 0.05 s for each letter after the eighth), a digit 0.2 s,
/// a break or laugh 0.3 s, any other visible character 0.1 s for its pause; white space and other control
/// tokens take none.
pub fn spoken_seconds(text: &str) -> f64 {
    atoms(text).iter().map(|atom| u64::from(atom.millis)).sum::<u64>() as f64 / 1000.0
}

/// Cuts a text into segments of at most `limit` seconds by [`spoken_seconds`].
///
/// Sentences end at `。！？!?…`, at a full stop before a space, and at line breaks; what closes quotes and
/// brackets stays with its sentence, and so do breaks and laughs. A sentence beyond the limit is cut into
/// pieces of about one length: at clauses, else at spaces and between Han characters, else where it must be,
/// but never inside a control token, other short text in square brackets or a grapheme cluster, even if that
/// is longer than the limit. Neighbours are joined up to half the limit, and a very short sentence with the
/// one after it up to the limit, but not across a blank line, nor across a line break without a mark before
/// it, whose pause would be lost.
///
/// Whatever is not in a segment is white space between segments. The time is linear in the text's length.
///
/// ```
/// use chattts_rs::text::{Pause, split};
///
/// let segments = split("春眠不觉晓，处处闻啼鸟。", 1.5);
/// assert_eq!((segments[0].text, segments[0].pause), ("春眠不觉晓，", Pause::Clause));
/// assert_eq!((segments[1].text, segments[1].pause), ("处处闻啼鸟。", Pause::Sentence));
/// ```
pub fn split(text: &str, limit: f64) -> Vec<Segment<'_>> {
    // Of a limit that is negative or no number this makes 0; then every word is a segment.
    let splitter = Splitter::new(text, ((limit * 1000.0) as u64).max(1));
    splitter.segments(text, &splitter.join(splitter.cut(splitter.sentences())))
}

/// Returns the sentences of a text as [`split`] finds them, neither joined nor cut.
pub fn sentences(text: &str) -> Vec<Segment<'_>> {
    let splitter = Splitter::new(text, u64::MAX);
    splitter.segments(text, &splitter.sentences())
}

/// Marks a run of atoms that has white space at neither end and is never empty.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    pause: Pause,
    /// Whether the next piece may be joined to it.
    joins: bool,
}

struct Splitter {
    atoms: Vec<Atom>,
    /// Milliseconds before each atom, and of all.
    spoken: Vec<u64>,
    limit: u64,
}

impl Splitter {
    fn new(text: &str, limit: u64) -> Self {
        let atoms = atoms(text);
        let mut spoken = Vec::with_capacity(atoms.len() + 1);
        spoken.push(0);
        spoken.extend(atoms.iter().scan(0, |sum, atom| {
            *sum += u64::from(atom.millis);
            Some(*sum)
        }));
        Splitter { atoms, spoken, limit }
    }

    fn segments<'a>(&self, text: &'a str, pieces: &[Piece]) -> Vec<Segment<'a>> {
        let segment = |piece: &Piece| {
            let range = self.atoms[piece.start].start..self.atoms[piece.end - 1].end;
            Segment { text: &text[range.clone()], range, pause: piece.pause }
        };
        pieces.iter().map(segment).collect()
    }

    fn millis(&self, start: usize, end: usize) -> u64 {
        self.spoken[end] - self.spoken[start]
    }

    fn kind(&self, i: usize) -> Option<Kind> {
        self.atoms.get(i).map(|atom| atom.kind)
    }

    /// Returns the first atom from `i` on that is none of the given kinds.
    fn skip(&self, i: usize, kinds: &[Kind]) -> usize {
        let stays = |atom: &Atom| kinds.contains(&atom.kind);
        i + self.atoms[i..].iter().take_while(|atom| stays(atom)).count()
    }

    fn sentences(&self) -> Vec<Piece> {
        let mut sentences: Vec<Piece> = Vec::new();
        let mut next = 0;
        loop {
            let start = self.skip(next, &[Kind::Space, Kind::Newline]);
            let breaks = self.atoms[next..start].iter().filter(|atom| atom.kind == Kind::Newline).count();
            if let (Some(last), 1..) = (sentences.last_mut(), breaks) {
                last.pause = if breaks == 1 { Pause::Sentence } else { Pause::Paragraph };
                last.joins = breaks == 1 && self.atoms[last.end - 1].after_mark;
            }
            if start == self.atoms.len() {
                return sentences;
            }
            let sentence = self.sentence(start);
            next = sentence.end;
            sentences.push(sentence);
        }
    }

    fn sentence(&self, start: usize) -> Piece {
        let (mut i, mut end) = (start, start + 1);
        while let Some(kind) = self.kind(i).filter(|kind| *kind != Kind::Newline) {
            if !matches!(kind, Kind::Stop | Kind::Ellipsis) {
                i += 1;
                end = if kind == Kind::Space { end } else { i };
                continue;
            }
            let marks = i;
            i = self.skip(i, &[Kind::Stop, Kind::Ellipsis, Kind::Close]);
            end = i;
            if self.goes_on(marks, i) {
                continue;
            }
            // Breaks and laughs, with spaces before them.
            while self.kind(self.skip(i, &[Kind::Space])) == Some(Kind::Sound) {
                i = self.skip(i, &[Kind::Space]) + 1;
                end = i;
            }
            return Piece { start, end, pause: Pause::Sentence, joins: true };
        }
        let pause = if self.atoms[end - 1].after_mark { Pause::Clause } else { Pause::None };
        Piece { start, end, pause, joins: true }
    }

    /// Tells whether a sentence goes on in lower case after an ellipsis or a quoted sentence's end.
    fn goes_on(&self, marks: usize, end: usize) -> bool {
        let next = self.skip(end, &[Kind::Space]);
        let quoted = self.atoms[marks..end].iter().any(|atom| atom.kind == Kind::Close);
        let trails_off = self.atoms[marks..end].iter().all(|atom| atom.kind == Kind::Ellipsis);
        (quoted || trails_off) && self.atoms.get(next).is_some_and(|atom| atom.lower)
    }

    fn cut(&self, sentences: Vec<Piece>) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(sentences.len());
        for mut sentence in sentences {
            loop {
                let left = self.millis(sentence.start, sentence.end);
                if left <= self.limit {
                    break;
                }
                let cut = self.best_cut(&sentence, left / left.div_ceil(self.limit));
                if cut == sentence.end {
                    break;
                }
                let blank = usize::from(self.kind(cut - 1) == Some(Kind::Space));
                let pause = if self.atoms[cut - 1].after_mark { Pause::Clause } else { Pause::None };
                pieces.push(Piece { start: sentence.start, end: cut - blank, pause, joins: false });
                sentence.start = cut;
            }
            pieces.push(sentence);
        }
        pieces
    }

    /// Returns where to cut a sentence that is too long: the best kind of place within the limit, nearest to
    /// `target` milliseconds; at the sentence's end only if it cannot be cut.
    fn best_cut(&self, sentence: &Piece, target: u64) -> usize {
        let mut best: Option<(Place, u64, usize)> = None;
        let mut last = sentence.start + 1;
        for i in sentence.start + 1..sentence.end {
            let millis = self.millis(sentence.start, i);
            if millis > self.limit {
                break;
            }
            let Some(place) = self.place(i) else { continue };
            last = i;
            let distance = millis.abs_diff(target);
            let better = |(p, d, _): (Place, u64, usize)| place > p || place == p && distance < d;
            if 2 * millis >= target && best.is_none_or(better) {
                best = Some((place, distance, i));
            }
        }
        // Before something that is too long itself nothing may be near the target.
        let cut = best.map_or(last, |(_, _, i)| i);
        if self.place(cut).is_some() { cut } else { self.skip(cut, &[Kind::Space]).min(sentence.end) }
    }

    /// Returns what a cut before atom `i` would be; none before a space, as it may as well stand behind it.
    fn place(&self, i: usize) -> Option<Place> {
        let (before, after) = (self.atoms.get(i - 1)?, self.atoms.get(i)?);
        let closes =
            matches!(after.kind, Kind::Stop | Kind::Ellipsis | Kind::Clause | Kind::Close | Kind::Sound);
        match (before.kind, after.kind) {
            (_, Kind::Space) => None,
            (Kind::Open, _) => Some(Place::Anywhere),
            _ if closes => Some(Place::Anywhere),
            _ if before.after_mark => Some(Place::Clause),
            (Kind::Space, _) | (Kind::Han, _) | (_, Kind::Han) => Some(Place::Word),
            _ => Some(Place::Anywhere),
        }
    }

    fn join(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match joined.last_mut() {
                Some(last) if last.joins && self.belong(last, &piece) => {
                    *last = Piece { start: last.start, ..piece };
                }
                _ => joined.push(piece),
            }
        }
        joined
    }

    fn belong(&self, first: &Piece, second: &Piece) -> bool {
        let both = self.millis(first.start, second.end);
        let tiny = self.millis(first.start, first.end) < self.limit / TINY;
        both <= self.limit / 2 || tiny && both <= self.limit
    }
}

/// Ranks places to cut a sentence at, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Anywhere,
    Word,
    Clause,
}
