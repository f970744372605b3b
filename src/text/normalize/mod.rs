//! Written text → spoken text: every number, sign and abbreviation as a reader would say it, and an account
//! of every character.

mod chars;
mod en;
mod explain;
pub(super) mod fold;
mod language;
mod latin;
mod markup;
mod numbers;
mod outline;
mod rule;
mod signs;
mod spell;
mod table;
mod writer;
mod zh;

use std::ops::Range;
use std::sync::OnceLock;

use self::language::Languages;
use self::rule::{Reading, Rules, digits_at, is_start};
use self::signs::Sign;
use self::writer::Writer;
use super::entity::referenced;
use super::homophones::Homophones;
use super::language::{Language, is_han};
use super::pronounce::{Pronounce, Word};
use super::tags::control_token_at;

pub use self::explain::{Explained, Other, explain};
pub use self::markup::normalize_markup;

/// Digits in a row from here on are read one by one, whatever stands around them.
const LONG_NUMBER: usize = 25;
/// The longest thing without a space that is read as a whole, in bytes: an address.
const LONG_WORD: usize = 512;
/// The longest such thing without letters: a telephone number, a sum.
const LONG_SIGNS: usize = 128;
/// The distance within which a Chinese character makes a number in an English sentence Chinese, in bytes.
const NEIGHBOURHOOD: usize = 24;

/// Says how to read; the default finds the language of each sentence, and names no emoji.
#[derive(Clone, Copy, Debug, Default)]
pub struct NormalizeOptions<'a> {
    /// The language of all of the text, or `None` to find it for each sentence.
    pub language: Option<Language>,
    /// Characters that the model misreads, and what to speak in their place.
    pub homophones: Option<&'a Homophones>,
    /// Whether emoji are spoken by their names; they are dropped otherwise.
    pub name_emoji: bool,
    /// Words, and what is spoken for them before any rule is asked.
    pub pronounce: Option<&'a Pronounce>,
}

/// Holds a text as it is spoken, and what became of every part of the one it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalized {
    /// The spoken text: Han characters, Latin letters, `，。、,.`, spaces, line breaks and control tokens.
    pub text: String,
    /// All of the input, stretch by stretch: their sources follow one another without a gap, and so do
    /// their places in `text`.
    pub pieces: Vec<Piece>,
}

/// Tells what became of a stretch of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands in the input, in bytes.
    pub source: Range<usize>,
    /// Where it is in the spoken text, in bytes; empty if nothing is left of it.
    pub spoken: Range<usize>,
    /// The change.
    pub change: Change,
}

/// Says what was done to a stretch of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Kept,
    /// It was read; the kind of thing it is, such as `date`.
    Read(&'static str),
    /// It became a pause, or part of the pause beside it.
    Pause,
    /// It became letters, a word boundary or nothing, and nothing is lost by that: accents, apostrophes,
    /// hyphens, formatting.
    Mapped,
    /// It is not spoken.
    Dropped(Reason),
}

/// Says why a character is not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The model does not know its script.
    Script,
    /// It is a picture.
    Emoji,
    /// It is a sign without a reading.
    Sign,
    /// It is a control character.
    Control,
}

impl Reason {
    /// Returns the reason as a phrase.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Script => "the model does not know its script",
            Reason::Emoji => "an emoji",
            Reason::Sign => "a sign without a reading",
            Reason::Control => "a control character",
        }
    }
}

/// Holds a character of the input that is not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The character.
    pub character: char,
    /// Its byte offset in the input.
    pub offset: usize,
    /// Why it is not spoken.
    pub reason: Reason,
}

impl Normalized {
    /// Returns a text that is spoken as it is.
    pub fn untouched(text: &str) -> Self {
        let all = || 0..text.len();
        let pieces = match text {
            "" => Vec::new(),
            _ => vec![Piece { source: all(), spoken: all(), change: Change::Kept }],
        };
        Normalized { text: text.to_string(), pieces }
    }

    /// Returns what was written, in the `input` that this was made from, where stretches of the spoken text
    /// are; the stretches are in order. Everything up to the next stretch belongs to the one before it, but a
    /// quote or bracket that opens.
    pub fn written(&self, input: &str, spoken: &[Range<usize>]) -> Vec<String> {
        let mut starts: Vec<usize> = spoken.iter().map(|range| self.source(range.clone()).start).collect();
        // What opens before a stretch belongs to it.
        for start in starts.iter_mut() {
            let before = input.get(..*start).unwrap_or_default();
            *start = before.trim_end_matches(signs::is_opening).len();
        }
        if let (Some(start), Some(first)) = (starts.first_mut(), self.pieces.first()) {
            *start = first.source.start;
        }
        let end = self.pieces.last().map_or(0, |piece| piece.source.end);
        let ends = starts.iter().skip(1).copied().chain([end]);
        let written = starts.iter().zip(ends).map(|(start, end)| input.get(*start..end).unwrap_or_default());
        written.map(|text| text.trim().to_string()).collect()
    }

    /// Lists the characters of `input`, which this was made from, that are not spoken.
    pub fn dropped(&self, input: &str) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        for piece in &self.pieces {
            if let (Change::Dropped(reason), Some(text)) = (piece.change, input.get(piece.source.clone())) {
                // In a file with markup it may be written as an entity.
                if let (true, Ok(character)) = (text.starts_with('&'), referenced(text)) {
                    dropped.push(Dropped { character, offset: piece.source.start, reason });
                    continue;
                }
                dropped.extend(text.char_indices().map(|(i, character)| Dropped {
                    character,
                    offset: piece.source.start + i,
                    reason,
                }));
            }
        }
        dropped
    }

    /// Returns where a stretch of the spoken text comes from in the input, in bytes. What was kept leads back
    /// to the byte, what was read to all that it was read from.
    pub fn source(&self, spoken: Range<usize>) -> Range<usize> {
        let first = self.pieces.partition_point(|piece| piece.spoken.end <= spoken.start);
        let last = self.pieces.partition_point(|piece| piece.spoken.start < spoken.end);
        let exact = |piece: &Piece| piece.change == Change::Kept && piece.source.len() == piece.spoken.len();
        let start = match self.pieces.get(first) {
            Some(piece) if exact(piece) => {
                piece.source.start + spoken.start.saturating_sub(piece.spoken.start)
            }
            Some(piece) => piece.source.start,
            None => self.pieces.last().map_or(0, |piece| piece.source.end),
        };
        let end = match last.checked_sub(1).and_then(|i| self.pieces.get(i)) {
            Some(piece) if exact(piece) => piece.source.end - piece.spoken.end.saturating_sub(spoken.end),
            Some(piece) => piece.source.end,
            None => start,
        };
        start..end.max(start)
    }
}

/// Reads a text as it is spoken.
///
/// Control tokens such as `[laugh]` pass untouched; anything else in brackets is text. The time is linear in
/// the text's length.
///
/// ```
/// use chattts_rs::text::{NormalizeOptions, normalize};
///
/// let text = "总价是123元！😀";
/// let read = normalize(text, &NormalizeOptions::default());
/// assert_eq!(read.text, "总价是一百二十三元。");
/// assert_eq!(&text[read.source(9..24)], "123");
/// assert_eq!(read.dropped(text)[0].character, '😀');
/// ```
pub fn normalize(text: &str, options: &NormalizeOptions) -> Normalized {
    let folded = fold::fold(text);
    let mut normalized = Reader::new(folded.text(), options).read();
    for piece in &mut normalized.pieces {
        piece.source = folded.source(piece.source.clone());
    }
    writer::tile(&mut normalized.pieces, text.len());
    for piece in &mut normalized.pieces {
        if piece.change == Change::Kept && text[piece.source.clone()] != normalized.text[piece.spoken.clone()]
        {
            piece.change = Change::Mapped;
        }
    }
    normalized
}

struct Reader<'a> {
    /// The text up to where something is read in a fixed way.
    text: &'a str,
    whole: &'a str,
    fixed: &'a [markup::Stretch<'a>],
    /// Whether every line's end ends a sentence; lines may be wrapped otherwise.
    hard_lines: bool,
    options: &'a NormalizeOptions<'a>,
    languages: Languages,
    /// The words with readings of a user's own that are still to come, the last one first.
    words: Vec<Word<'a>>,
    writer: Writer,
    /// Where the last thing that was read ended.
    read_up_to: usize,
    /// Where the stretch without spaces ends that was looked at last, and whether it is a jumble.
    stretch_end: usize,
    jumbled: bool,
    /// Whether an opened straight quote is still open.
    quote_open: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, options: &'a NormalizeOptions<'a>) -> Self {
        let languages = match options.language {
            Some(language) => Languages::all(text, language),
            None => Languages::detect(text),
        };
        let mut words = options.pronounce.map_or(Vec::new(), |pronounce| pronounce.find(text));
        words.reverse();
        Reader {
            words,
            text,
            whole: text,
            fixed: &[],
            hard_lines: false,
            options,
            languages,
            writer: Writer::new(text.len()),
            read_up_to: 0,
            stretch_end: 0,
            jumbled: false,
            quote_open: false,
        }
    }

    fn read(mut self) -> Normalized {
        let mut at = 0;
        loop {
            while let Some(c) = self.text[at..].chars().next() {
                at = self.step(at, c);
            }
            match self.fixed(at) {
                Some(next) => at = next,
                None => return self.writer.finish(),
            }
        }
    }

    /// Reads what stands at `at`, and says where the next thing begins.
    fn step(&mut self, at: usize, c: char) -> usize {
        if c == '['
            && let Some(token) = control_token_at(self.text, at)
        {
            let end = at + token.len();
            self.writer.token(at..end, token);
            return end;
        }
        let sentence = self.languages.at(at);
        while self.words.pop_if(|word| word.range.start < at).is_some() {}
        if let Some(word) = self.words.pop_if(|word| word.range.start == at) {
            let end = word.range.end;
            let language = if word.spoken.contains(is_han) { Language::Chinese } else { sentence };
            let options = NormalizeOptions { language: Some(language), pronounce: None, ..*self.options };
            let spoken = normalize(word.spoken, &options).text;
            self.writer.say(word.range, &spoken, Change::Read("pronunciation"));
            self.read_up_to = end;
            return end;
        }
        let jumbled = self.is_jumbled(at);
        if c.is_ascii_digit() {
            let range = digits_at(self.text, at);
            let digits = &self.text[range.clone()];
            let plain = match digits.len() {
                LONG_NUMBER.. => Some((rules(sentence).numbers().digits)(digits)),
                _ if jumbled => Some(rules(sentence).numbers().number(digits)),
                _ => None,
            };
            if let Some(spoken) = plain {
                self.writer.say(range.clone(), &spoken, Change::Read("number"));
                self.read_up_to = range.end;
                return range.end;
            }
        }
        if !jumbled
            && is_start(self.text, at, self.read_up_to)
            && let Some(reading) = self.read_at(at, c, sentence)
        {
            let end = at + reading.len;
            self.writer.say(at..end, &reading.spoken, Change::Read(reading.kind));
            self.read_up_to = end;
            return end;
        }
        if c.is_ascii_alphabetic() {
            let letters = self.text.as_bytes()[at..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
            self.writer.keep(at..at + letters, &self.text[at..at + letters]);
            return at + letters;
        }
        let end = at + c.len_utf8();
        if !c.is_alphanumeric()
            && !c.is_ascii()
            && let Some((cluster, name)) = signs::emoji(rule::after(self.text, at))
        {
            let end = at + cluster.len();
            let name = match sentence {
                Language::Chinese => zh::emoji::name(cluster).map(str::to_string),
                Language::English => Some(signs::emoji_name(name)),
            };
            match name.filter(|_| self.options.name_emoji) {
                Some(name) => self.writer.say(at..end, &name, Change::Read("emoji")),
                None => self.writer.drop(at..end, Reason::Emoji),
            }
            return end;
        }
        if is_han(c) {
            self.han(at..end, c);
        } else {
            self.sign(at..end, c, sentence);
        }
        end
    }

    /// Tells whether `at` lies in a stretch without spaces that is too long to be anything a rule knows. To
    /// try all rules at every place of such a stretch would take long and find nothing.
    fn is_jumbled(&mut self, at: usize) -> bool {
        if at >= self.stretch_end {
            let (mut len, mut words) = (0, false);
            for c in self.text[at..].chars().take_while(|c| !c.is_whitespace() && !is_han(*c)) {
                len += c.len_utf8();
                words |= c.is_alphabetic();
            }
            self.stretch_end = at + len.max(1);
            self.jumbled = len > if words { LONG_WORD } else { LONG_SIGNS };
        }
        self.jumbled
    }

    fn read_at(&self, at: usize, c: char, sentence: Language) -> Option<Reading> {
        let rules = rules(self.language_at(at, c, sentence));
        let reading = rules.read(self.text, at, None)?;
        match self.words.last() {
            Some(word) if word.range.start < at + reading.len => {
                rules.read(self.text.get(..word.range.start)?, at, None)
            }
            _ => Some(reading),
        }
    }

    /// Returns the language that what begins with `c` is read in.
    fn language_at(&self, at: usize, c: char, sentence: Language) -> Language {
        match self.options.language {
            None if !c.is_ascii_alphabetic() => self.language_of_number(at, sentence),
            _ => sentence,
        }
    }

    /// Returns the language that a number is read in: Chinese also in an English sentence if it touches a Han
    /// character.
    fn language_of_number(&self, at: usize, sentence: Language) -> Language {
        let end = self.text.floor_char_boundary((at + NEIGHBOURHOOD).min(self.text.len()));
        let is_part = |c: &char| c.is_ascii_digit() || ".,%:/-+~$¥€£ ".contains(*c);
        let after = &self.text[at..end];
        // What follows a full stop is another sentence, if this one has a word to know its language by.
        let stop = after.find(". ").filter(|stop| !after[..*stop].ends_with('.') && self.has_word_before(at));
        let sentence_end = stop.unwrap_or(after.len());
        let next = after[..sentence_end].chars().find(|c| !is_part(c));
        let previous = self.text[..at].chars().next_back();
        if next.is_some_and(is_han) || previous.is_some_and(is_han) { Language::Chinese } else { sentence }
    }

    /// Tells whether a word stands before `at` in its sentence.
    fn has_word_before(&self, at: usize) -> bool {
        let before = rule::before(self.text, at);
        let start = before.rfind(['\n', '。', '！', '？', '!', '?', '；']).unwrap_or(0);
        let start = start.max(before.rfind(". ").unwrap_or(0));
        before[start..].contains(char::is_alphabetic)
    }

    fn han(&mut self, source: Range<usize>, c: char) {
        let spoken = self.options.homophones.map_or(c, |table| table.replace(c));
        if spoken == c {
            self.writer.keep(source.clone(), &self.text[source]);
        } else {
            let mut buffer = [0; 4];
            self.writer.say(source, spoken.encode_utf8(&mut buffer), Change::Read("homophone"));
        }
    }

    fn sign(&mut self, source: Range<usize>, c: char, language: Language) {
        let around = signs::Around {
            before: rule::before(self.whole, source.start),
            after: rule::after(self.whole, source.end),
            hard_lines: self.hard_lines,
            language,
            quote_open: &mut self.quote_open,
        };
        match signs::sign(c, around) {
            Sign::Pause(pause) => self.writer.pause(source, pause, language),
            Sign::Say(spoken) => self.writer.say(source, &spoken, Change::Read("sign")),
            Sign::Letters(letters) => self.writer.letters(source, &letters),
            Sign::Join => self.writer.join(source),
            Sign::Space => self.writer.space(source),
            Sign::Line => self.writer.line(source, language),
            Sign::Unseen => self.writer.unseen(source),
            Sign::Drop(reason) => self.writer.drop(source, reason),
        }
    }
}

/// Returns the rules of a language.
fn rules(language: Language) -> &'static Rules {
    static CHINESE: OnceLock<Rules> = OnceLock::new();
    static ENGLISH: OnceLock<Rules> = OnceLock::new();
    match language {
        Language::Chinese => CHINESE.get_or_init(|| Rules::new(&zh::rules(), &zh::number::NUMBERS)),
        Language::English => ENGLISH.get_or_init(|| Rules::new(&en::rules(), &en::number::NUMBERS)),
    }
}

#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
pub(super) mod tests;
