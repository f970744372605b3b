//! Text as what a cut may stand between: words, Han characters, marks, tags.

use unicode_segmentation::UnicodeSegmentation;

use crate::text::tags::CONTROL_TOKENS;

/// Spoken length of a Han character, in milliseconds; kana and hangul count as such.
const HAN: u32 = 200;
/// Spoken length of a word of up to [`WORD_LETTERS`] letters, and of each letter more.
const WORD: u32 = 350;
const WORD_LETTERS: u32 = 8;
const LETTER: u32 = 50;
/// Spoken length of a digit, which is a word when it is read out.
const DIGIT: u32 = 200;
/// Spoken length of any other visible character: a mark's pause.
const MARK: u32 = 100;
/// Spoken length of a tag that is heard.
const SOUND: u32 = 300;

/// Letters and digits after which a word may be cut, if nothing else helps.
const MAX_WORD: u32 = 16;
/// Dots of one ellipsis.
const MAX_DOTS: usize = 6;
/// Bytes between the brackets of a tag.
const MAX_TAG: usize = 64;

/// Tags that are heard where they stand, so they belong to the sentence before them.
const SOUNDS: [&str; 5] = ["[uv_break]", "[v_break]", "[lbreak]", "[llbreak]", "[laugh]"];
/// Words whose full stop ends no sentence.
const ABBREVIATIONS: [&str; 12] =
    ["dr", "mr", "mrs", "ms", "st", "prof", "jr", "sr", "vs", "etc", "cf", "approx"];
/// Words whose full stop ends no sentence if a number follows.
const NUMBERED: [&str; 7] = ["no", "vol", "fig", "p", "pp", "ch", "sec"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Space,
    Newline,
    /// A control token, or any short text in square brackets: cleaning takes it for one.
    Tag,
    /// One of [`SOUNDS`].
    Sound,
    Han,
    /// A word or number, the marks in it and an abbreviation's full stop included.
    Word,
    Symbol,
    Open,
    Close,
    /// Ends a clause.
    Clause,
    /// Ends a sentence.
    Stop,
    /// Ends a sentence, unless that goes on in lower case.
    Ellipsis,
}

impl Kind {
    fn is_mark(self) -> bool {
        matches!(self, Kind::Clause | Kind::Stop | Kind::Ellipsis | Kind::Sound)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Atom {
    /// Bytes in the text.
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
    /// Spoken length in milliseconds.
    pub millis: u32,
    /// Whether it is a mark, or what closes or separates behind one.
    pub after_mark: bool,
    /// Whether it begins with a small letter.
    pub lower: bool,
}

pub fn atoms(text: &str) -> Vec<Atom> {
    let mut scanner = Scanner { text, atoms: Vec::new(), quote_open: false, letters: 0, digits: 0 };
    let mut graphemes = text.grapheme_indices(true).peekable();
    while let Some((start, cluster)) = graphemes.next() {
        let mut end = start + cluster.len();
        // What is longer than a cluster swallows the clusters up to its end.
        let wanted = match cluster {
            "[" => tag_end(text, start),
            "." => dots_end(text, start),
            _ => end,
        };
        while let Some((i, cluster)) = graphemes.next_if(|(i, _)| *i < wanted) {
            end = i + cluster.len();
        }
        scanner.push(start, end);
    }
    scanner.atoms
}

/// Returns the end of the tag that starts at a bracket, or of the bracket.
fn tag_end(text: &str, start: usize) -> usize {
    let inside = text.as_bytes()[start + 1..].iter().take(MAX_TAG + 1);
    let length = inside.take_while(|b| !b"[]\n\r".contains(b)).count();
    let close = start + 1 + length;
    if length > 0 && text.as_bytes().get(close) == Some(&b']') { close + 1 } else { start + 1 }
}

fn dots_end(text: &str, start: usize) -> usize {
    start + text.as_bytes()[start..].iter().take(MAX_DOTS).take_while(|b| **b == b'.').count()
}

struct Scanner<'a> {
    text: &'a str,
    atoms: Vec<Atom>,
    /// Whether a straight quote was opened in this line.
    quote_open: bool,
    /// Letters and digits of the last atom, if it is a word.
    letters: u32,
    digits: u32,
}

impl Scanner<'_> {
    fn push(&mut self, start: usize, end: usize) {
        let cluster = &self.text[start..end];
        let Some(first) = cluster.chars().next() else { return };
        if cluster.chars().all(char::is_whitespace) {
            if cluster.contains(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
                self.quote_open = false;
                self.add(start, end, Kind::Newline, 0);
            } else if !self.extend(Kind::Space, start, end) {
                self.add(start, end, Kind::Space, 0);
            }
        } else if first == '[' && cluster.len() > 1 && cluster.contains(']') {
            let millis = if SOUNDS.contains(&cluster) {
                SOUND
            } else if CONTROL_TOKENS.contains(&cluster) {
                0
            } else {
                atoms(&cluster[1..]).iter().map(|atom| atom.millis).sum()
            };
            let kind = if SOUNDS.contains(&cluster) { Kind::Sound } else { Kind::Tag };
            self.add(start, end, kind, millis);
        } else if is_han(first) {
            self.add(start, end, Kind::Han, HAN);
        } else if first.is_alphanumeric() {
            self.add_to_word(start, end, first);
        } else if !(self.joins_words(first, start, end) && self.extend(Kind::Word, start, end)) {
            let kind = self.mark(first, start, end);
            self.add(start, end, kind, MARK);
        }
    }

    fn add(&mut self, start: usize, end: usize, kind: Kind, millis: u32) {
        let follows = matches!(kind, Kind::Close | Kind::Space);
        let after_mark = kind.is_mark() || follows && self.atoms.last().is_some_and(|last| last.after_mark);
        let lower = self.text[start..].starts_with(char::is_lowercase);
        self.atoms.push(Atom { start, end, kind, millis, after_mark, lower });
    }

    /// Lengthens the last atom, if it is of that kind.
    fn extend(&mut self, kind: Kind, start: usize, end: usize) -> bool {
        match self.atoms.last_mut() {
            Some(last) if last.kind == kind && last.end == start => {
                last.end = end;
                true
            }
            _ => false,
        }
    }

    fn add_to_word(&mut self, start: usize, end: usize, first: char) {
        if self.letters + self.digits >= MAX_WORD || !self.extend(Kind::Word, start, end) {
            (self.letters, self.digits) = (0, 0);
            self.add(start, end, Kind::Word, 0);
        }
        if first.is_numeric() {
            self.digits += 1;
        } else {
            self.letters += 1;
        }
        let spoken = if self.letters > 0 { WORD } else { 0 };
        let long = self.letters.saturating_sub(WORD_LETTERS) * LETTER;
        if let Some(word) = self.atoms.last_mut() {
            word.millis = spoken + long + self.digits * DIGIT;
        }
    }

    /// Tells whether a mark stands inside a word or number, or is an abbreviation's full stop.
    fn joins_words(&self, mark: char, start: usize, end: usize) -> bool {
        let Some(before) = self.text[..start].chars().next_back() else { return false };
        let after = self.text[end..].chars().next().filter(|c| c.is_alphanumeric() && !is_han(*c));
        let digits = before.is_numeric() && after.is_some_and(char::is_numeric);
        match mark {
            '.' if end - start == 1 && after.is_none() => !self.full_stop(start, end),
            '.' | '．' | '\'' | '’' | '-' | '_' | '@' => after.is_some() && end - start == mark.len_utf8(),
            ',' | ':' => digits,
            _ => false,
        }
    }

    /// Tells whether a dot that no word follows at once ends a sentence.
    fn full_stop(&self, start: usize, end: usize) -> bool {
        let rest = self.text[end..].trim_start_matches(|c| is_closing(c) || c == '"' || c == '\'');
        let next = rest.trim_start();
        if next.is_empty() || rest[..rest.len() - next.len()].contains(['\n', '\r']) {
            return true;
        }
        let after_number = self.text[..start].ends_with(char::is_numeric);
        let apart = rest.starts_with(|c: char| {
            c.is_whitespace() || is_han(c) && !after_number || matches!(c, '[' | '“' | '‘' | '「' | '《')
        });
        apart && !self.is_abbreviation(start, next.chars().next().is_some_and(char::is_numeric))
    }

    fn is_abbreviation(&self, dot: usize, before_number: bool) -> bool {
        let Some((word, earlier)) = self.atoms.split_last() else { return false };
        if word.kind != Kind::Word || word.end != dot || self.letters + self.digits > MAX_WORD {
            return false;
        }
        let word = &self.text[word.start..word.end];
        let lower = word.to_lowercase();
        let earlier = match earlier {
            [earlier @ .., Atom { kind: Kind::Space, .. }] => earlier,
            earlier => earlier,
        };
        // The number of a list's item.
        let item = word.chars().all(char::is_numeric)
            && earlier.last().is_none_or(|atom| atom.kind == Kind::Newline);
        let mut letters = word.split('.').map(|part| part.chars());
        let initials = word.contains('.')
            && letters.all(|mut part| part.next().is_some_and(char::is_alphabetic) && part.next().is_none());
        let initial = word.len() == 1 && word.starts_with(char::is_uppercase) && word != "I";
        item || initials
            || initial
            || ABBREVIATIONS.contains(&lower.as_str())
            || before_number && NUMBERED.contains(&lower.as_str())
    }

    fn mark(&mut self, mark: char, start: usize, end: usize) -> Kind {
        let before = self.text[..start].chars().next_back();
        let after = self.text[end..].chars().next();
        match mark {
            '。' | '！' | '？' | '!' | '?' | '｡' => Kind::Stop,
            '.' if end - start > 1 => Kind::Ellipsis,
            '.' if self.full_stop(start, end) => Kind::Stop,
            '．' if !after.is_some_and(char::is_numeric) => Kind::Stop,
            '…' | '⋯' => Kind::Ellipsis,
            ':' if after == Some('/') => Kind::Symbol,
            '，' | '、' | '；' | '：' | ',' | ';' | ':' | '—' | '―' => Kind::Clause,
            '-' if before == Some('-') || after == Some('-') => Kind::Clause,
            '"' => {
                self.quote_open = !self.quote_open;
                if self.quote_open { Kind::Open } else { Kind::Close }
            }
            '\'' if after.is_some_and(char::is_alphanumeric) => Kind::Open,
            '\'' => Kind::Close,
            mark if is_closing(mark) => Kind::Close,
            mark if "([{（【《〈「『“‘〔〖［｛«".contains(mark) => Kind::Open,
            _ => Kind::Symbol,
        }
    }
}

fn is_closing(c: char) -> bool {
    ")]}）】》〉」』”’〕〗］｝»".contains(c)
}

/// Tells whether a character is written without spaces and spoken as a syllable: Han, kana, bopomofo, hangul.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}
