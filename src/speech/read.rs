//! Reads a text as it is spoken, and cuts it into pieces.

use std::ops::Range;

use super::{Lang, Markup, Overrides, Warning};
use crate::error::{Error, Result};
use crate::text::markup::{markdown, ssml};
use crate::text::{
    Dropped, Homophones, Language, NormalizeOptions, Normalized, Pause, Pronounce, SPEAKABLE_SECONDS,
    misspelt_tokens, normalize, normalize_markup, split, spoken_seconds,
};

/// The most unspoken characters that a message names.
const NAMED: usize = 8;

/// Says how a text is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Whether the text is normalized; if not, it goes to the tokenizer as it is.
    pub normalize: bool,
    /// The language, or None for each sentence's own.
    pub language: Option<Language>,
    /// Whether a character that is not spoken is an error.
    pub strict: bool,
    /// Whether emoji are spoken by their names.
    pub name_emoji: bool,
    /// The markup of the text.
    pub markup: Markup,
    /// Words, and what is spoken for them.
    pub pronounce: Option<&'a Pronounce>,
}

impl<'a> Reading<'a> {
    /// Collects the settings of reading from overrides.
    pub fn of(overrides: &'a Overrides) -> Self {
        let Overrides { reading, markup, .. } = overrides;
        Reading {
            normalize: overrides.normalize.unwrap_or(true),
            language: reading.lang.and_then(Lang::language),
            strict: reading.strict.unwrap_or(false),
            name_emoji: reading.name_emoji.unwrap_or(false),
            markup: markup.kind(),
            pronounce: reading.pronounce.as_ref(),
        }
    }

    /// Returns these settings for the reading of a text without markup.
    pub fn options(&self, homophones: Option<&'a Homophones>) -> NormalizeOptions<'a> {
        let Reading { language, name_emoji, pronounce, .. } = *self;
        NormalizeOptions { language, homophones, name_emoji, pronounce }
    }
}

impl super::MarkupOverrides {
    /// Returns the markup that a text has.
    pub fn kind(&self) -> Markup {
        match (self.ssml, self.markdown) {
            (Some(true), _) => Markup::Ssml,
            (_, Some(true)) => Markup::Markdown,
            _ => Markup::None,
        }
    }
}

/// A stretch of a text as it is spoken, in one voice at one pace.
pub struct Spoken {
    /// The spoken text, with the positions in the written one.
    pub text: Normalized,
    /// The pace, the N of `[speed_N]`.
    pub speed: Option<u8>,
    /// The role that speaks.
    pub voice: Option<String>,
    /// Seconds of silence after it.
    pub silence: f64,
}

impl From<Normalized> for Spoken {
    fn from(text: Normalized) -> Self {
        Spoken { text, speed: None, voice: None, silence: 0.0 }
    }
}

/// Reads a text as it is spoken, span by span.
///
/// # Errors
/// [`Error::Markup`] for markup that is not well formed or not known.
pub fn read(text: &str, reading: Reading, homophones: Option<&Homophones>) -> Result<Vec<Spoken>> {
    let options = reading.options(homophones);
    if !reading.normalize {
        return Ok(vec![Normalized::untouched(text).into()]);
    }
    let script = match reading.markup {
        Markup::None => return Ok(vec![normalize(text, &options).into()]),
        Markup::Ssml => ssml(text).map_err(|error| Error::Markup(error.to_string()))?,
        Markup::Markdown => markdown(text),
    };
    let spoken = script.spans.into_iter().map(|span| Spoken {
        text: normalize_markup(&span, &options),
        speed: span.speed,
        voice: span.voice,
        silence: span.silence,
    });
    Ok(spoken.collect())
}

/// Returns the ranges of a spoken text that are spoken as one piece each, and the silence after each in
/// seconds; `splits` says whether the text is cut always, never, or only where it is long.
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
        return vec![(0..text.len(), pause.seconds())];
    }
    split(text, SPEAKABLE_SECONDS).into_iter().map(|s| (s.range, s.pause.seconds())).collect()
}

/// Checks a text that was read. Something in it must be spoken; unspoken characters are a warning or, if
/// `strict`, an error.
///
/// # Errors
/// [`Error::NotSpoken`] and [`Error::EmptyText`].
pub fn check(input: &str, spoken: &[Spoken], strict: bool) -> Result<Option<Warning>> {
    let dropped: Vec<Dropped> = spoken.iter().flat_map(|span| span.text.dropped(input)).collect();
    let warning = (!dropped.is_empty()).then(|| describe(input, &dropped));
    match warning {
        Some(message) if strict => Err(Error::NotSpoken(message)),
        _ if spoken.iter().all(|span| span.text.text.trim().is_empty()) => {
            Err(Error::EmptyText("nothing in the text is spoken".into()))
        }
        warning => Ok(warning.map(Warning::text)),
    }
}

/// Returns a warning for each word in brackets that is nearly a control token: it is read as a word.
pub fn misspelt(input: &str) -> Vec<Warning> {
    let warning = |(offset, word, nearest): (usize, &str, &str)| {
        let at = place(input, offset);
        Warning::text(format!("{word} at {at} is no control token; did you mean {nearest}?"))
    };
    misspelt_tokens(input).into_iter().map(warning).collect()
}

/// Describes which characters are not spoken, where and why.
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

/// Names a character in a message.
fn name(c: char) -> String {
    match c.is_control() || c.is_whitespace() {
        true => format!("U+{:04X}", c as u32),
        false => format!("{c} (U+{:04X})", c as u32),
    }
}

/// Names the place of a byte in a text: its character, and its line if there are several.
fn place(input: &str, offset: usize) -> String {
    let before = &input[..offset];
    let line = before.matches('\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    match input.contains('\n') {
        true => format!("{}:{column}", line + 1),
        false => format!("character {column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Reason;

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
