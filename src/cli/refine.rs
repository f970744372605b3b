//! `refine`.

use chattts_rs::engine::{Event, FinishReason};
use chattts_rs::text::{ControlTags, Homophones};
use chattts_rs::{Error, Refine, Request, SamplingParams};

use super::args::{MarkupArgs, RefineArgs};
use super::dump::Dump;
use super::input::{Utterance, gather};
use super::options;
use super::output::print_line;
use super::reading::{self, Reading};
use super::{Context, SomeFailed, Usage};

pub fn run(context: &Context, args: RefineArgs) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    let tags = ControlTags::parse(args.prompt.as_deref().unwrap_or_default())?;
    if let Some(speed) = tags.speech {
        return Err(Usage(format!("{speed} steers speech, not refining; give it to `synth`")).into());
    }
    let sampling = options::sampling(&args.sampling, SamplingParams::refine(), 1)?;
    let compute = options::compute(&args.compute, &context.report)?;
    let markup = MarkupArgs { ssml: false, markdown: false };
    let reading = Reading { normalize: !args.no_normalize, ..Reading::new(&args.read, &markup) };
    let homophones = reading::homophones(args.read.homophones.as_deref())?;
    let dump = args.dump.as_deref().map(Dump::new).transpose()?;
    let utterances = gather(&args.texts, false)?;
    if utterances.is_empty() {
        return Ok(());
    }
    let mut tts = options::load(&args.model, compute, context)?;
    let mut request = Request::new("");
    request.noise = args.sampling.rng.into();
    request.refine = Some(Refine { tags: tags.refining, sampling });
    request.seed = options::seed(args.sampling.seed, context);

    interrupt.watch();
    let total = utterances.len();
    let mut failed = 0;
    for utterance in &utterances {
        let refined = read(context, utterance, reading, homophones.as_ref()).and_then(|text| {
            request.text = text;
            report.utterance(utterance, utterance.index, total);
            Ok(tts.refine_with(&request, |event| {
                if let Event::Advanced { tokens, .. } = event {
                    report.tokens(*tokens);
                }
                interrupt.check()
            })?)
        });
        report.clear();
        match refined {
            Ok(refined) => {
                if refined.finish != FinishReason::End {
                    report.warn(&format!(
                        "{utterance}: the model did not end by itself; the text may be cut off"
                    ));
                }
                if let Some(dump) = &dump {
                    dump.refined(utterance.index, &refined)?;
                }
                print_line(&refined.text)?;
            }
            Err(e) if matches!(e.downcast_ref(), Some(Error::Interrupted)) => return Err(e),
            Err(e) => {
                report.error(&format!("{utterance}: {e:#}"));
                failed += 1;
            }
        }
    }
    if failed > 0 { Err(SomeFailed { failed, truncated: 0, total }.into()) } else { Ok(()) }
}

/// An utterance as it is spoken.
fn read(
    context: &Context,
    utterance: &Utterance,
    reading: Reading,
    homophones: Option<&Homophones>,
) -> anyhow::Result<String> {
    let input = utterance.raw()?;
    let spoken = reading::read(input, reading, homophones)?;
    reading::check(&utterance.to_string(), input, &spoken, reading.strict, &context.report)?;
    Ok(spoken.into_iter().map(|span| span.text.text).collect())
}
