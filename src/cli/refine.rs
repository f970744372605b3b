//! Runs `refine`.

use chattts_rs::speech::{Composer, Line, Voices};
use chattts_rs::text::ControlTags;
use chattts_rs::voice::Registry;
use chattts_rs::{
    BatchSize, Engine, Error, Event, FinishReason, Overrides, Refine, Refined, SamplingParams, SpeechRequest,
};

use super::args::RefineArgs;
use super::dump::Dump;
use super::input::{Form, gather};
use super::output::print_line;
use super::{Context, SomeFailed, Usage, options, stream};

pub fn run(context: &Context, args: RefineArgs) -> anyhow::Result<()> {
    let report = &context.report;
    let tags = ControlTags::parse(args.prompt.as_deref().unwrap_or_default())?;
    if let Some(speed) = tags.speech {
        return Err(Usage(format!("{speed} steers speech, not refining; give it to `synth`")).into());
    }
    let sampling = args.sampling.over(SamplingParams::refine());
    sampling.validate(1)?;
    let mut options = options::engine(&args.model, context);
    options::compute(&mut options, &args.compute, report)?;
    let homophones = args.read.homophones.table()?;
    let dump = args.dump.as_deref().map(Dump::new).transpose()?;
    let utterances = gather(&args.texts, Form::Lines)?;
    if utterances.is_empty() {
        return Ok(());
    }
    let model = options::open(&options, context)?;
    let voices = Voices::new(&model.checkpoint, Registry::shipped());
    let composer = Composer { homophones, cues: false, ..Composer::new(voices) };
    options.batch_size = BatchSize::Fixed(1);
    let engine = Engine::start(model, composer.into(), &options)?;
    let mut overrides = Overrides::default();
    overrides.reading = args.read.reading;
    overrides.normalize = Some(!args.no_normalize);
    overrides.split = Some(false);
    // The voice is not heard.
    overrides.role = Some("none".into());
    overrides.sampling.rng = args.sampling.rng;
    overrides.sampling.seed = Some(options::seed(args.sampling.seed, context));

    context.interrupt.watch();
    let total = utterances.len();
    let mut failed = 0;
    for utterance in &utterances {
        let refined = utterance.raw().and_then(|text| {
            let mut line = engine.compose(&SpeechRequest::new(text).with(overrides.clone()))?;
            for warning in &line.warnings {
                report.warn(&format!("{utterance}: {}", warning.message));
            }
            line.request.refine = Some(Refine { tags: tags.refining.clone(), sampling: sampling.clone() });
            report.utterance(utterance, utterance.index, total);
            refine(context, &engine, line)
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

fn refine(context: &Context, engine: &Engine, line: Line) -> anyhow::Result<Refined> {
    let mut speech = engine.refine_line(line)?;
    while let Some(event) = speech.next_within(stream::LOOK) {
        if let Some(Event::Refined { refined, .. }) = event? {
            return Ok(refined);
        }
        context.report.tokens(engine.stats().tokens);
        if context.interrupt.check().is_break() {
            break;
        }
    }
    Err(Error::Interrupted.into())
}
