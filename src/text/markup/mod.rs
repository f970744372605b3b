//! Texts with markup: SSML and Markdown.
//!
//! [`ssml`] and [`markdown`] free a text of its markup and cut it into [`Span`]s; [`normalize_markup`] reads
//! a span aloud. Every byte of the file is accounted for: the pieces of all spans' readings lie end to end in
//! it, markup as pieces of which nothing is spoken.
//!
//! # SSML
//!
//! | Tag | Attributes | What it does |
//! |---|---|---|
//! | `<speak>` | `version`, `xml:lang`, `xml:base`, `xmlns…`, `xsi:…` | The root; required. |
//! | `<p>` | `xml:lang` | A paragraph. |
//! | `<s>` | `xml:lang` | A sentence. |
//! | `<break/>` | `time="500ms"` or `"1.5s"`, at most 60 s; `strength` | A pause: up to 0.35 s `[uv_break]`, up to 0.7 s `[lbreak]`, else silence. A strength of `none` is nothing, `x-weak` and `weak` are `[uv_break]`, `medium` (the default) is `[lbreak]`, `strong` is 0.8 s of silence, `x-strong` 1.2 s; `time` goes before it. |
//! | `<say-as>` | `interpret-as`, `format`, `detail` | What the text is; see below. |
//! | `<sub>` | `alias` | The alias is read in place of the text. |
//! | `<prosody>` | `rate` | The pace, as the N of `[speed_N]`: `x-slow` 1, `slow` 3, `medium` 5, `fast` 7, `x-fast` 9; a percentage of the normal pace (`80%`, or by how much it differs: `-20%`), where 12.5 percent points are one step: 50% is 1, 100% is 5, 150% is 9, and 0 and 9 are the ends. `default` is the pace outside of all markup. The innermost counts. |
//! | `<voice>` | `name` | Who speaks. The innermost counts. |
//!
//! `interpret-as` is one of `characters` (also `spell-out`, `verbatim`), `digits`, `cardinal`, `ordinal`,
//! `number` (with `format` `cardinal`, `ordinal`, `digits` or `telephone`), `fraction`, `unit`, `currency`,
//! `telephone` (whose `format`, a country's code, is not spoken), `time` (`format`: `hms12`, `hms24`, `hms`
//! or `hm`) and `date`. A date's `format` is an order of `y`, `m` and `d`, such as `mdy` or `ym`; a letter
//! may be repeated for every digit (`yyyymmdd`). Years of two digits are 1969 to 2068. `detail` is accepted
//! and changes nothing. Text that is not of the kind it is said to be is read like any text.
//!
//! Languages are Chinese (`zh`, `cmn`) and English (`en`), with any region. Runs of white space are one
//! space, and none where a line ends between two Chinese characters. Control tokens such as `[laugh]` can
//! stand in the text. Comments, CDATA, processing instructions, the five entities of XML and numeric ones
//! are understood; a DOCTYPE is refused. Anything else is an error that says where it is.
//!
//! # Markdown
//!
//! CommonMark with tables, footnotes, task lists and strikethrough. Paragraphs, headings, quotes, list items,
//! rows of tables and lines of code end as sentences do; between cells there is a comma. Of links and images
//! only the text is read, of code all of it. Footnotes' signs, boxes of task lists, HTML tags and YAML front
//! matter are not read, the numbers of lists are.
//!
//! [`normalize_markup`]: crate::text::normalize::normalize_markup

mod flow;
mod markdown;
mod ssml;

use std::ops::Range;

use super::derived::Derived;
use super::language::Language;
use crate::error::Visible;

pub use self::markdown::markdown;
pub use self::ssml::ssml;

/// Holds a text freed of its markup, cut where the language, the voice or the pace changes or a silence
/// stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// At least one.
    pub spans: Vec<Span>,
}

/// Holds a stretch of a text that is spoken in one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its share of the file, in bytes: all since the span before it, up to the end of its last word or of
    /// the break that ends it. The last span's share ends with the file.
    pub source: Range<usize>,
    /// The text, and the way back to the file. It may be empty: a silence alone.
    pub text: Derived,
    /// Stretches of the text that are read in a fixed way, in order.
    pub fixed: Vec<Fixed>,
    /// The language, if the markup names it.
    pub language: Option<Language>,
    /// The language of the text around, for a span without a word to know its language by.
    pub around: Option<Language>,
    /// The pace, as the N of `[speed_N]`, if the markup names it.
    pub speed: Option<u8>,
    /// Who speaks, if the markup names someone.
    pub voice: Option<String>,
    /// Seconds of silence after it.
    pub silence: f64,
}

/// Marks a stretch of a span's text that is read in a fixed way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Where it is in the text, in bytes; not empty.
    pub range: Range<usize>,
    /// The kind of thing it is, in reports.
    pub kind: &'static str,
    /// The way it is read.
    pub reading: Reading,
}

/// Says how a stretch of text is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Character by character.
    Characters,
    /// Digit by digit.
    Digits,
    /// By the first of these rules that takes all of it, or else like any text.
    As {
        /// Names of rules.
        rules: &'static [&'static str],
        /// The text to read in its place, as it leaves no doubt.
        written: Option<Written>,
    },
}

/// Writes something in each language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// In Chinese.
    pub chinese: String,
    /// In English.
    pub english: String,
}

/// Tells what is wrong with a file's markup, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {}", Visible(message))]
pub struct MarkupError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The byte in the file.
    pub offset: usize,
    /// The reason: what was found there, and what is known.
    pub message: String,
}

impl MarkupError {
    fn new(source: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &source[..source.floor_char_boundary(offset.min(source.len()))];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        MarkupError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1,
            offset: before.len(),
            message: message.into(),
        }
    }
}

/// Gives spans without a word the language of the words before them, or of the first ones.
fn know_around(spans: &mut [Span]) {
    let own = |span: &Span| {
        let has_word = span.text.text().chars().any(char::is_alphabetic);
        span.language.or_else(|| has_word.then(|| Language::detect(span.text.text())))
    };
    let mut around = spans.iter().find_map(own);
    for span in spans {
        let known = own(span);
        if known.is_none() {
            span.around = around;
        }
        around = known.or(around);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::text::normalize::{Change, NormalizeOptions, Normalized, normalize_markup};

    /// Reads all spans, and checks that the pieces lie end to end in the file and in what is spoken.
    pub fn check(source: &str, script: &Script, options: &NormalizeOptions) -> Vec<Normalized> {
        let mut end = 0;
        let mut readings = Vec::new();
        for span in &script.spans {
            assert_eq!(span.source.start, end, "{span:?}");
            let reading = normalize_markup(span, options);
            let mut spoken = 0;
            for piece in &reading.pieces {
                assert_eq!((piece.source.start, piece.spoken.start), (end, spoken), "{piece:?}");
                (end, spoken) = (piece.source.end, piece.spoken.end);
                if piece.change == Change::Kept {
                    assert_eq!(source[piece.source.clone()], reading.text[piece.spoken.clone()], "{piece:?}");
                }
            }
            assert_eq!((end, spoken), (span.source.end, reading.text.len()), "{span:?}");
            readings.push(reading);
        }
        assert_eq!(end, source.len());
        readings
    }

    /// Puts bits together in an order that looks random, and is the same each time.
    fn jumble(bits: &[&str], seed: u64, count: usize) -> String {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut text = String::new();
        for _ in 0..count {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(bits[(state >> 33) as usize % bits.len()]);
        }
        text
    }

    #[test]
    fn any_jumble_is_accounted_for() {
        let bits = [
            "a", "你", "1", "２", "℃", "é", "😀", " ", "\n", "\n\n", "    ", "\t", "\r\n", "*", "**", "_",
            "~", "~~", "`", "```", "[", "](", ")", "![", "[laugh]", "[^1]", "]: ", "|", "|-|", "- ", "1. ",
            "> ", "#", "---", "<b>", "</b>", "<div>", "<!--", "-->", "&amp;", "&nbsp;", "&", "\\",
            "<script>", "\"", "'", ".", "，", "\u{feff}",
        ];
        let tags = [
            "a",
            "你",
            "1",
            "２",
            "℃",
            "é",
            "😀",
            " ",
            "\n",
            "&amp;",
            "&#65;",
            "&#x1f600;",
            "[laugh]",
            "<s>x</s>",
            "<p> 1</p>",
            "<break/>",
            "<break time='1s'/>",
            "<break strength='none'/>",
            "<sub alias='℃ &#65;b'>c</sub>",
            "<say-as interpret-as='digits'> 1２,x</say-as>",
            "<say-as interpret-as='characters'>a①<!-- -->℃😀</say-as>",
            "<say-as interpret-as='ordinal'>２</say-as>",
            "<say-as interpret-as='time'>1</say-as>",
            "<say-as interpret-as='unit'></say-as>",
            "<voice name='a'>v</voice>",
            "<prosody rate='slow'>好 </prosody>",
            "<s xml:lang='zh'>3</s>",
            "<![CDATA[<&]]>",
            "<?x?>",
            "\"",
            "'",
            ".",
            "，",
            "\u{feff}",
        ];
        for seed in 0..2000 {
            for language in [None, Some(Language::Chinese), Some(Language::English)] {
                let options = NormalizeOptions { language, ..Default::default() };
                let source = jumble(&bits, seed, 30);
                check(&source, &markdown(&source), &options);
                let source = format!("<speak>{}</speak>", jumble(&tags, seed, 20));
                check(&source, &ssml(&source).unwrap(), &options);
                let _ = ssml(&jumble(&tags, seed, 5));
                let _ = ssml(&format!("<speak>{}", jumble(&bits, seed, 10)));
            }
        }
    }

    #[test]
    fn a_place_is_a_line_and_a_column() {
        let error = MarkupError::new("a\n你b", 5, "x");
        assert_eq!((error.line, error.column, error.offset), (2, 2, 5));
        assert_eq!(error.to_string(), "line 2, column 2: x");
    }
}
