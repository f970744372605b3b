//! The reference's text cleaning, character for character, with an account of what it deletes.
//!
//! Written from the reference's behaviour (`tests/fixtures/normalize.json` holds its answers), not from its
//! source. In this order:
//! 1. the language, where the caller names none: Chinese if there are more Han characters than English words;
//! 2. homophones, where the caller brings a table (where the reference does this among steps 2–4 cannot be
//!    observed: its table only leads from Han to Han);
//! 3. Chinese only: half-width punctuation becomes full-width;
//! 4. punctuation that is heard as a pause becomes a comma or a full stop;
//! 5. outside tags, what is neither Han, Latin letter, pause nor space is deleted.
//!
//! Steps 1–4 apply inside tags as well.

use std::ops::Range;

use chattts_rs::text::{Homophones, Language};

/// Says how to clean; the default detects the language and replaces no homophones.
#[derive(Clone, Copy, Debug, Default)]
pub struct CleanOptions<'a> {
    /// The language, or `None` to detect it.
    pub language: Option<Language>,
    /// Characters to replace before anything else.
    pub homophones: Option<&'a Homophones>,
}

/// Holds what [`clean`] made of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The text as the model gets it.
    pub text: String,
    /// What was deleted on the way, in the order of the input. A character that became a pause is not among
    /// it.
    pub dropped: Vec<Dropped>,
}

/// Holds a character of the input that will not be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The character as it stood in the input.
    pub character: char,
    /// Its byte offset in the input.
    pub offset: usize,
}

/// Cleans `text` as the reference does; see the module's page for the steps.
///
/// A tag is `[`, anything but brackets, `]`; nothing in it is deleted, known to the model or not. A `]`
/// without its `[` is deleted; a `[` without its `]` is deleted with all that follows, up to the next `[` or
/// the end. Such a bracket also displaces the tags behind it, as it does in the reference: `a]b[x]c` becomes
/// `abc[x]`.
pub fn clean(text: &str, options: &CleanOptions) -> Cleaned {
    let language = options.language.unwrap_or_else(|| Language::detect(text));
    let mut pieces = Pieces::new(text);
    for (offset, original) in text.char_indices() {
        let mut c = options.homophones.map_or(original, |table| table.replace(original));
        if language == Language::Chinese {
            c = full_width(c);
        }
        pieces.push(pause(c), offset..offset + original.len_utf8());
    }
    pieces.join()
}

/// Holds the cleaned text cut at its brackets: stretches of speech, and tags.
///
/// The reference keeps the two in separate lists and puts the result together as stretch, tag, stretch, tag,
/// … A lone bracket throws the lists out of step, for each `[` starts a stretch and each `]` ends a tag, an
/// empty one if none was open. So `a]b[x]c` becomes `abc[x]`, `a[b[x]c[y]d` becomes `a[x][y]cd`, and a tag
/// that finds no stretch is lost. To speak what the reference speaks, this does the same, and reports the
/// lost tags as dropped.
struct Pieces<'a> {
    input: &'a str,
    /// Every character kept so far, in the order of the input.
    kept: String,
    /// Ranges of `kept`.
    stretches: Vec<Range<usize>>,
    tags: Vec<Tag>,
    /// Start of the stretch or tag being read, in `kept`.
    start: usize,
    /// Start of the tag being read, in the input.
    open_tag: Option<usize>,
    /// Where the last whole tag ended, in the input. Something must follow it to make a last stretch, and be
    /// it something that is deleted.
    last_tag_end: usize,
    dropped: Vec<Dropped>,
}

struct Tag {
    /// With its brackets, in `Pieces::kept`.
    kept: Range<usize>,
    /// The same in the input.
    source: Range<usize>,
}

impl<'a> Pieces<'a> {
    fn new(input: &'a str) -> Self {
        Self {
            input,
            kept: String::with_capacity(input.len()),
            stretches: Vec::new(),
            tags: Vec::new(),
            start: 0,
            open_tag: None,
            last_tag_end: 0,
            dropped: Vec::new(),
        }
    }

    fn push(&mut self, c: char, source: Range<usize>) {
        match (c, self.open_tag) {
            ('[', _) => {
                self.abandon_tag(source.start);
                self.stretches.push(self.start..self.kept.len());
                self.start = self.kept.len();
                self.open_tag = Some(source.start);
                self.kept.push(c);
            }
            (']', Some(opened)) => {
                self.kept.push(c);
                self.tags.push(Tag { kept: self.start..self.kept.len(), source: opened..source.end });
                self.start = self.kept.len();
                self.open_tag = None;
                self.last_tag_end = source.end;
            }
            (']', None) => {
                self.tags.push(Tag { kept: 0..0, source: 0..0 });
                self.drop_source(source);
            }
            (_, Some(_)) => self.kept.push(c),
            (_, None) if is_speakable(c) => self.kept.push(c),
            (_, None) => self.drop_source(source),
        }
    }

    /// Takes back a tag that has not closed before the byte `end` of the input.
    fn abandon_tag(&mut self, end: usize) {
        if let Some(opened) = self.open_tag.take() {
            self.kept.truncate(self.start);
            self.drop_source(opened..end);
        }
    }

    fn drop_source(&mut self, source: Range<usize>) {
        let characters = self.input[source.clone()].char_indices();
        self.dropped.extend(characters.map(|(i, character)| Dropped { character, offset: source.start + i }));
    }

    fn join(mut self) -> Cleaned {
        let end = self.input.len();
        if self.open_tag.is_none() && self.last_tag_end < end {
            self.stretches.push(self.start..self.kept.len());
        }
        self.abandon_tag(end);
        let mut text = String::with_capacity(self.kept.len());
        let mut tags = std::mem::take(&mut self.tags).into_iter();
        for stretch in &self.stretches {
            text.push_str(&self.kept[stretch.clone()]);
            if let Some(tag) = tags.next() {
                text.push_str(&self.kept[tag.kept]);
            }
        }
        for lost in tags {
            self.drop_source(lost.source);
        }
        self.dropped.sort_unstable_by_key(|d| d.offset);
        Cleaned { text, dropped: self.dropped }
    }
}

fn is_speakable(c: char) -> bool {
    is_han(c) || c.is_ascii_alphabetic() || matches!(c, '，' | '。' | '、' | ',' | '.' | ' ')
}

/// Tells whether `c` is Han as the reference has it: the basic block.
fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}')
}

/// Distance from an ASCII character to its full-width form (U+FF01–FF5E).
const FULL_WIDTH_OFFSET: u32 = 0xfee0;

/// Returns ASCII punctuation as it is written in Chinese. Brackets and underscores, which make tags, stay.
fn full_width(c: char) -> char {
    match c {
        '.' => '。',
        '"' => '“',
        '\'' => '‘',
        '[' | ']' | '_' => c,
        _ if c.is_ascii_punctuation() => char::from_u32(u32::from(c) + FULL_WIDTH_OFFSET).unwrap_or(c),
        _ => c,
    }
}

/// Makes punctuation that is heard as a pause the comma or the full stop of its own width.
fn pause(c: char) -> char {
    match c {
        '：' | '；' | '（' | '）' | '【' | '】' | '『' | '』' | '「' | '」' | '《' | '》' | '－' => {
            '，'
        }
        '！' => '。',
        ':' | ';' | '(' | ')' | '<' | '>' | '-' => ',',
        '!' => '.',
        _ => c,
    }
}
