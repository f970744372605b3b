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

use super::homophones::Homophones;
use super::language::{Language, is_han};

/// How to clean; the default detects the language and replaces no homophones.
#[derive(Clone, Copy, Debug, Default)]
pub struct CleanOptions<'a> {
    /// The language, or `None` to detect it.
    pub language: Option<Language>,
    /// Characters to replace before anything else.
    pub homophones: Option<&'a Homophones>,
}

/// What [`clean`] made of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The text as the model gets it.
    pub text: String,
    /// What was deleted on the way, in the order of the input. A character that became a pause is not among
    /// it.
    pub dropped: Vec<Dropped>,
}

/// A character of the input that will not be spoken.
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

/// The cleaned text cut at its brackets: stretches of speech, and tags.
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

/// Distance from an ASCII character to its full-width form (U+FF01–FF5E).
const FULL_WIDTH_OFFSET: u32 = 0xfee0;

/// ASCII punctuation as it is written in Chinese. Brackets and underscores, which make tags, stay.
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

/// Punctuation that is heard as a pause becomes the comma or the full stop of its own width.
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

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/normalize.json"));
    const MEGABYTE: usize = 1 << 20;

    fn in_language(text: &str, language: Option<Language>) -> Cleaned {
        clean(text, &CleanOptions { language, homophones: None })
    }

    fn dropped(text: &str) -> Vec<(usize, char)> {
        in_language(text, None).dropped.iter().map(|d| (d.offset, d.character)).collect()
    }

    #[test]
    fn agrees_with_the_reference() {
        let cases: Vec<serde_json::Value> = serde_json::from_str(FIXTURE).unwrap();
        assert!(cases.len() >= 150, "only {} cases", cases.len());
        for case in &cases {
            let language = match case["lang"].as_str() {
                Some("zh") => Some(Language::Chinese),
                Some("en") => Some(Language::English),
                other => {
                    assert_eq!(other, None, "{case}");
                    None
                }
            };
            let ours = in_language(case["text"].as_str().unwrap(), language).text;
            assert_eq!(ours, case["normalized"].as_str().unwrap(), "{case}");
        }
    }

    #[test]
    fn homophones_are_replaced_outside_and_inside_tags() {
        let table = Homophones::from_json(r#"{"後": "后", "來": "来"}"#).unwrap();
        let options = CleanOptions { language: None, homophones: Some(&table) };
        let golden = clean("[laugh]真的吗？！[uv_break]“好”（是）：後來。", &options);
        assert_eq!(golden.text, "[laugh]真的吗。[uv_break]好，是，，后来。");
        assert_eq!(clean("[後]來", &options).text, "[后]来");
    }

    #[test]
    fn a_homophone_is_cleaned_like_any_character_and_reported_as_it_stood() {
        let table = Homophones::from_json(r#"{"①": "一", "好": "二", "a": "3"}"#).unwrap();
        let options = CleanOptions { language: None, homophones: Some(&table) };
        let cleaned = clean("①好a", &options);
        assert_eq!(cleaned.text, "一二");
        assert_eq!(cleaned.dropped, [Dropped { character: 'a', offset: 6 }]);
    }

    #[test]
    fn dropped_characters_carry_their_offset_in_the_input() {
        assert_eq!(dropped("总价是123元？"), [(9, '1'), (10, '2'), (11, '3'), (15, '？')]);
        assert_eq!(dropped("it's: 5!"), [(2, '\''), (6, '5')]);
        assert_eq!(dropped("我\n好"), [(3, '\n')]);
    }

    #[test]
    fn what_becomes_a_pause_or_stands_in_a_tag_is_not_dropped() {
        assert_eq!(dropped("你好！（是）：[break_6][什么？]"), []);
    }

    #[test]
    fn a_bracket_without_its_partner_is_dropped_in_the_order_of_the_input() {
        assert_eq!(
            dropped("1[a!2[b]3]"),
            [(0, '1'), (1, '['), (2, 'a'), (3, '!'), (4, '2'), (8, '3'), (9, ']')]
        );
        assert_eq!(dropped("a[b"), [(1, '['), (2, 'b')]);
    }

    #[test]
    fn a_tag_lost_to_a_lone_bracket_is_reported() {
        let cleaned = in_language("]]b[x]？", Some(Language::Chinese));
        assert_eq!(cleaned.text, "b");
        assert_eq!(dropped("]]b[x]？"), [(0, ']'), (1, ']'), (3, '['), (4, 'x'), (5, ']'), (6, '？')]);
    }

    #[test]
    fn text_and_dropped_characters_add_up_to_the_input() {
        let cases: Vec<serde_json::Value> = serde_json::from_str(FIXTURE).unwrap();
        for case in &cases {
            let text = case["text"].as_str().unwrap();
            let cleaned = in_language(text, None);
            assert_eq!(cleaned.text.chars().count() + cleaned.dropped.len(), text.chars().count(), "{case}");
            assert!(cleaned.dropped.windows(2).all(|pair| pair[0].offset < pair[1].offset), "{case}");
            for d in &cleaned.dropped {
                assert_eq!(text[d.offset..].chars().next(), Some(d.character), "{case}");
            }
        }
    }

    #[test]
    fn megabytes_of_anything_take_linear_time() {
        for unit in ["[", "]", "[]", "[[a", "[a", "a", "a ", "我", "，", "1", "\u{1f600}", "-[!"] {
            let text = unit.repeat(MEGABYTE / unit.len());
            let start = std::time::Instant::now();
            let cleaned = in_language(&text, None);
            // Generous, for a busy machine and a debug build; quadratic time would take far longer.
            assert!(start.elapsed().as_secs() < 5, "{unit:?} took {:?}", start.elapsed());
            assert_eq!(cleaned.text.chars().count() + cleaned.dropped.len(), text.chars().count());
        }
    }
}
