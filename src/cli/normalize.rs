//! Runs `normalize`, which prints texts as they are spoken.

use chattts_rs::Overrides;
use chattts_rs::speech::{Reading, Spoken, check, cut, homophones, misspelt, read};
use chattts_rs::text::{Change, Homophones, NormalizeOptions, explain};
use serde::Serialize;

use super::args::NormalizeArgs;
use super::input::{Form, Utterance, gather};
use super::output::print_line;
use super::{Context, SomeFailed};

pub fn run(context: &Context, args: &NormalizeArgs) -> anyhow::Result<()> {
    let mut overrides = Overrides::default();
    overrides.reading = args.read.reading.clone();
    overrides.markup = args.markup.clone();
    let reading = Reading::of(&overrides);
    let homophones = args.read.homophones.as_deref().map(homophones).transpose()?;
    let form = if args.markup.kind().is_document() { Form::Document } else { Form::Lines };
    let utterances = gather(&args.texts, form)?;
    context.interrupt.watch();
    let mut failed = 0;
    for utterance in &utterances {
        if context.interrupt.check().is_break() {
            return Err(chattts_rs::Error::Interrupted.into());
        }
        let line = line(context, args, utterance, reading, homophones.as_ref());
        match line {
            Ok(line) => print_line(&line)?,
            Err(e) => {
                context.report.error(&format!("{utterance}: {e:#}"));
                failed += 1;
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(SomeFailed { failed, truncated: 0, total: utterances.len() }.into()),
    }
}

/// Returns the line that is printed for one text.
fn line(
    context: &Context,
    args: &NormalizeArgs,
    utterance: &Utterance,
    reading: Reading,
    homophones: Option<&Homophones>,
) -> anyhow::Result<String> {
    let input = utterance.raw()?;
    let spoken = read(input, reading, homophones)?;
    if args.json {
        // The record tells what is not spoken; only --strict makes it a failure.
        if reading.strict {
            check(input, &spoken, true)?;
        }
        return Ok(serde_json::to_string(&record(&utterance.to_string(), input, &spoken))?);
    }
    if let Some(warning) = check(input, &spoken, reading.strict)? {
        context.report.warn(&format!("{utterance}: {}", warning.message));
    }
    for warning in misspelt(input) {
        context.report.warn(&format!("{utterance}: {}", warning.message));
    }
    let texts: Vec<&str> = spoken.iter().map(|span| span.text.text.trim()).collect();
    let mut line = texts.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    if args.explain {
        let options =
            NormalizeOptions { language: reading.language, homophones, name_emoji: reading.name_emoji };
        line += &explanation(input, &options);
    }
    Ok(line)
}

/// Returns a line for each part of a text that a rule read, and for each other reading of it.
fn explanation(input: &str, options: &NormalizeOptions) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = String::new();
    for part in explain(input, options) {
        lines += &format!("\n  {} → {} ({})", line(&input[part.source]), line(&part.spoken), part.kind);
        for other in part.others {
            let written = line(&input[other.source]);
            lines += &format!("\n    or {written} → {} ({})", line(&other.spoken), other.kind);
        }
    }
    lines
}

/// Returns the kind of a change, as JSON names it.
fn kind(change: Change) -> &'static str {
    match change {
        Change::Kept => "kept",
        Change::Read(kind) => kind,
        Change::Pause => "pause",
        Change::Mapped => "mapped",
        Change::Dropped(_) => "dropped",
    }
}

/// The JSON record of a normalized text. Places are counted in characters, from 0.
#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    text: String,
    replacements: Vec<Replacement<'a>>,
    dropped: Vec<Unspoken<'a>>,
    /// The pieces that are spoken at once.
    segments: Vec<Segment<'a>>,
    /// The spans of the text between changes of voice, pace or silence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Replacement<'a> {
    start: usize,
    end: usize,
    kind: &'static str,
    from: &'a str,
    to: &'a str,
}

#[derive(Serialize)]
struct Unspoken<'a> {
    start: usize,
    end: usize,
    text: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
struct Segment<'a> {
    start: usize,
    end: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct Span<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<f64>,
}

fn record<'a>(label: &'a str, input: &'a str, spoken: &'a [Spoken]) -> Record<'a> {
    let mut places = Places { input, byte: 0, character: 0 };
    let (mut replacements, mut dropped) = (Vec::new(), Vec::new());
    for span in spoken {
        for piece in &span.text.pieces {
            let (start, end) = (places.character(piece.source.start), places.character(piece.source.end));
            let from = &input[piece.source.clone()];
            let to = &span.text.text[piece.spoken.clone()];
            match piece.change {
                Change::Dropped(reason) => {
                    dropped.push(Unspoken { start, end, text: from, reason: reason.as_str() });
                }
                _ if from == to => {}
                change => replacements.push(Replacement { start, end, kind: kind(change), from, to }),
            }
        }
    }
    let mut segments = Vec::new();
    for span in spoken {
        for (range, _) in cut(&span.text.text, None) {
            let source = span.text.source(range.clone());
            let (start, end) = (places.character(source.start), places.character(source.end));
            segments.push(Segment { start, end, text: &span.text.text[range] });
        }
    }
    let texts: Vec<&str> = spoken.iter().map(|span| span.text.text.as_str()).collect();
    let spans: Vec<Span> = spoken
        .iter()
        .map(|span| Span {
            text: &span.text.text,
            speed: span.speed,
            voice: span.voice.as_deref(),
            silence: Some(span.silence).filter(|seconds| *seconds > 0.0),
        })
        .collect();
    let plain = |span: &Span| span.speed.is_none() && span.voice.is_none() && span.silence.is_none();
    let spans = if spans.iter().all(plain) { Vec::new() } else { spans };
    Record { source: label, text: texts.join(" "), replacements, dropped, segments, spans }
}

/// Converts places from bytes to characters, as most languages count them; the bytes must be asked for in
/// order.
struct Places<'a> {
    input: &'a str,
    byte: usize,
    character: usize,
}

impl Places<'_> {
    fn character(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            (self.byte, self.character) = (0, 0);
        }
        self.character += self.input[self.byte..byte].chars().count();
        self.byte = byte;
        self.character
    }
}
