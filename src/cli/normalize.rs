//! Runs `normalize`, which prints texts as they are spoken.

use chattts_rs::Overrides;
use chattts_rs::speech::{Reading, ReadingRecord, check, misspelt, read};
use chattts_rs::text::{Homophones, NormalizeOptions, explain};

use super::args::NormalizeArgs;
use super::input::{Form, Utterance, gather};
use super::output::print_line;
use super::{Context, SomeFailed};

pub fn run(context: &Context, args: &NormalizeArgs) -> anyhow::Result<()> {
    let mut overrides = Overrides::default();
    overrides.reading = args.read.reading.clone();
    overrides.markup = args.markup.clone();
    let reading = Reading::of(&overrides);
    let homophones = args.read.homophones.table()?;
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
        return Ok(serde_json::to_string(&ReadingRecord::new(&utterance.to_string(), input, &spoken))?);
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
        line += &explanation(input, &reading.options(homophones));
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
