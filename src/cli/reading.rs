//! How texts are read aloud: what the flags say, and what a line says for itself.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use chattts_rs::Error;
use chattts_rs::batch::manifest::Row;
use chattts_rs::text::markup::{markdown, ssml};
use chattts_rs::text::{
    Change, Dropped, Homophones, Language, NormalizeOptions, Normalized, Pause, SPEAKABLE_SECONDS, normalize,
    normalize_markup, split, spoken_seconds,
};

use super::args::{Lang, MarkupArgs, ReadArgs};
use super::report::Report;

/// How many characters that are not spoken a message names.
const NAMED: usize = 8;

/// How a text is marked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    None,
    Ssml,
    Markdown,
}

impl Markup {
    /// Whether a file is one text, and not one a line.
    pub fn is_document(self) -> bool {
        self != Markup::None
    }
}

/// How a text is read; lines may differ from the flags.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Not at all, if false: it goes to the tokenizer as it is.
    pub normalize: bool,
    pub language: Option<Language>,
    /// Whether a character that is not spoken is an error.
    pub strict: bool,
    pub name_emoji: bool,
    pub markup: Markup,
}

impl Reading {
    pub fn new(args: &ReadArgs, markup: &MarkupArgs) -> Self {
        Reading {
            normalize: true,
            language: match args.lang {
                Lang::Auto => None,
                Lang::Zh => Some(Language::Chinese),
                Lang::En => Some(Language::English),
            },
            strict: args.strict,
            name_emoji: args.name_emoji,
            markup: markup.kind(),
        }
    }

    /// As a manifest's row has it.
    pub fn of_row(self, row: &Row) -> Self {
        Reading {
            normalize: row.normalize.unwrap_or(self.normalize),
            language: row.lang.unwrap_or(self.language),
            strict: row.strict.unwrap_or(self.strict),
            markup: match (row.ssml, row.markdown) {
                (Some(true), _) => Markup::Ssml,
                (_, Some(true)) => Markup::Markdown,
                (Some(false), _) if self.markup == Markup::Ssml => Markup::None,
                (_, Some(false)) if self.markup == Markup::Markdown => Markup::None,
                _ => self.markup,
            },
            ..self
        }
    }
}

/// A stretch of a text as it is spoken, in one voice at one pace.
pub struct Spoken {
    pub text: Normalized,
    /// The N of `[speed_N]`.
    pub speed: Option<u8>,
    /// The role that speaks.
    pub voice: Option<String>,
    /// Seconds of silence after it.
    pub silence: f64,
}

/// Reads a homophone table.
pub fn homophones(path: Option<&Path>) -> anyhow::Result<Option<Homophones>> {
    let Some(path) = path else { return Ok(None) };
    let json = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table = Homophones::from_json(&json);
    table.map(Some).map_err(|reason| Error::BadFile { file: path.to_path_buf(), reason }.into())
}

/// Reads a text as it is spoken, span by span.
///
/// # Errors
/// Markup that is not well formed or not known.
pub fn read(text: &str, reading: Reading, homophones: Option<&Homophones>) -> anyhow::Result<Vec<Spoken>> {
    if !reading.normalize {
        let text = Normalized::untouched(text);
        return Ok(vec![Spoken { text, speed: None, voice: None, silence: 0.0 }]);
    }
    let script = match reading.markup {
        Markup::None => {
            let text = normalize(text, &options(reading, homophones));
            return Ok(vec![Spoken { text, speed: None, voice: None, silence: 0.0 }]);
        }
        Markup::Ssml => ssml(text)?,
        Markup::Markdown => markdown(text),
    };
    let options = options(reading, homophones);
    let spoken = script.spans.into_iter().map(|span| Spoken {
        text: normalize_markup(&span, &options),
        speed: span.speed,
        voice: span.voice,
        silence: span.silence,
    });
    Ok(spoken.collect())
}

/// Where the pieces of a spoken text are that are spoken at once, and the silence after each in seconds;
/// `splits` is always, never, or only where the text is long.
pub fn cut(text: &str, splits: Option<bool>) -> Vec<(Range<usize>, f64)> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    if !splits.unwrap_or_else(|| spoken_seconds(text) > SPEAKABLE_SECONDS) {
        let pause = match text.trim_end().chars().next_back() {
            Some('。' | '.') => Pause::Sentence,
            Some('，' | '、' | ',') => Pause::Clause,
            _ => Pause::None,
        };
        return vec![(0..text.len(), seconds(pause))];
    }
    split(text, SPEAKABLE_SECONDS).into_iter().map(|s| (s.range, seconds(s.pause))).collect()
}

/// The silence between pieces that are spoken apart, in seconds: about what a reader leaves.
fn seconds(pause: Pause) -> f64 {
    match pause {
        Pause::Paragraph => 0.6,
        Pause::Sentence => 0.3,
        Pause::Clause => 0.15,
        Pause::None => 0.0,
    }
}

fn options<'a>(reading: Reading, homophones: Option<&'a Homophones>) -> NormalizeOptions<'a> {
    NormalizeOptions { language: reading.language, homophones, name_emoji: reading.name_emoji }
}

/// Checks what was read: at least something is spoken, and what is not is told or, if it must not be, an
/// error.
pub fn check(
    label: &str,
    input: &str,
    spoken: &[Spoken],
    strict: bool,
    report: &Report,
) -> anyhow::Result<()> {
    let dropped: Vec<Dropped> = spoken.iter().flat_map(|span| span.text.dropped(input)).collect();
    if !dropped.is_empty() {
        let message = describe(input, &dropped);
        if strict {
            return Err(Error::NotSpoken(message).into());
        }
        report.warn(&format!("{label}: {message}"));
    }
    if spoken.iter().all(|span| span.text.text.trim().is_empty()) {
        return Err(Error::EmptyText("nothing in the text is spoken".into()).into());
    }
    Ok(())
}

/// Which characters are not spoken, where and why.
fn describe(input: &str, dropped: &[Dropped]) -> String {
    let mut named: Vec<(char, usize, &Dropped)> = Vec::new();
    let mut others = 0;
    for d in dropped {
        match named.iter().position(|(c, ..)| *c == d.character) {
            Some(known) => named[known].1 += 1,
            None if named.len() < NAMED => named.push((d.character, 1, d)),
            None => others += 1,
        }
    }
    let names: Vec<String> = named
        .iter()
        .map(|(c, count, first)| {
            let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
            format!("{}{times} at {} ({})", name(*c), place(input, first.offset), first.reason.as_str())
        })
        .collect();
    let more = if others > 0 { format!(", and {others} others") } else { String::new() };
    let count = match dropped.len() {
        1 => "1 character is".into(),
        n => format!("{n} characters are"),
    };
    format!("{count} not spoken: {}{more}", names.join(", "))
}

/// A character for a message.
fn name(c: char) -> String {
    match c.is_control() || c.is_whitespace() {
        true => format!("U+{:04X}", c as u32),
        false => format!("{c} (U+{:04X})", c as u32),
    }
}

/// Where a byte of a text stands: its character, and its line if there are several.
fn place(input: &str, offset: usize) -> String {
    let before = &input[..offset];
    let line = before.matches('\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    match input.contains('\n') {
        true => format!("{}:{column}", line + 1),
        false => format!("character {column}"),
    }
}

/// The kind of a change, for machines.
pub fn kind(change: Change) -> &'static str {
    match change {
        Change::Kept => "kept",
        Change::Read(kind) => kind,
        Change::Pause => "pause",
        Change::Mapped => "mapped",
        Change::Dropped(_) => "dropped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chattts_rs::text::Reason;

    #[test]
    fn what_is_not_spoken_is_told_once_each_with_its_place() {
        let input = "a😀b😀\n한";
        let dropped = normalize(input, &NormalizeOptions::default()).dropped(input);
        assert_eq!(dropped[0].reason, Reason::Emoji);
        assert_eq!(
            describe(input, &dropped),
            "3 characters are not spoken: 😀 (U+1F600) ×2 at 1:2 (an emoji), \
             한 (U+D55C) at 2:1 (the model does not know its script)"
        );
    }
}
