//! Runs `synth --stream`: writes audio to standard output as it is made.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use chattts_rs::audio::{Encoding, StreamEncoder};
use chattts_rs::{Engine, Error, Event, Priority, Summary};

use super::args::SynthArgs;
use super::joined::Timing;
use super::plan::{Failed, PlannedLine};
use super::{Context, SomeFailed, Usage};

/// The number of pieces that run at once: the one that is heard, and the next.
pub const SLOTS: usize = 2;
/// The time between two looks for an interrupt.
pub const LOOK: Duration = Duration::from_millis(50);

/// Refuses flags that a stream cannot have.
pub fn check(args: &SynthArgs, encoding: &Encoding) -> anyhow::Result<()> {
    let refuse = |what: &str| Err(Usage(format!("--stream: {what}")).into());
    if args.output.out.as_deref().is_some_and(|out| out.as_os_str() != "-") {
        return refuse("it goes to standard output; leave --out away");
    }
    let overrides = &args.overrides;
    if overrides.trim == Some(true)
        || overrides.normalize_loudness.is_some()
        || args.output.subtitles.is_some()
    {
        return refuse("--trim, --normalize-loudness and --subtitles need the whole audio");
    }
    if !encoding.format().can_stream() {
        return refuse("flac needs the whole audio; wav and the others do not");
    }
    if io::stdout().is_terminal() {
        return refuse("standard output is a terminal; redirect it");
    }
    Ok(())
}

/// Speaks lines one after another.
pub fn run(
    context: &Context,
    engine: &Engine,
    planned: Vec<PlannedLine>,
    failed: &[Failed],
    drawn: Option<u64>,
) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    interrupt.watch();
    let total = planned.len() + failed.len();
    let mut bad = failed.len();
    for failed in failed {
        report.error(&format!("{}: {:#}", failed.label, failed.error));
    }
    let Some(encoding) = planned.first().map(|line| line.encoding) else {
        return Err(SomeFailed { failed: bad, truncated: 0, total }.into());
    };
    let mut encoder = StreamEncoder::new(&encoding)?;
    write(&encoder.push(&[])?)?;
    let start = Instant::now();
    let mut is_silent = true;
    let mut gap = 0.0;
    for PlannedLine { label, mut line, timing, .. } in planned {
        let silence = vec![0.0; (gap * f64::from(encoding.sample_rate())).round() as usize];
        line.priority = Priority::Interactive;
        report.utterance(&label, 0, 1);
        let mut is_first = true;
        let spoken = speak(context, engine, line, &mut |samples| {
            if std::mem::take(&mut is_silent) {
                report.detail(&format!("first sound after {:.0} ms", start.elapsed().as_secs_f64() * 1e3));
                if let Some(seed) = drawn {
                    report.note(&format!("seed {seed}"));
                }
            }
            if std::mem::take(&mut is_first) {
                write(&encoder.push(&silence)?)?;
            }
            write(&encoder.push(samples)?)
        });
        report.clear();
        match spoken {
            Ok(summary) => {
                if let Timing::Next { gap: behind } = timing {
                    gap = behind;
                }
                let Summary { asked_seed, seed, .. } = summary;
                if seed != asked_seed {
                    report.note(&format!("{label}: seed {asked_seed} ends at once; spoken with seed {seed}"));
                }
                if summary.is_truncated() {
                    report.warn(&format!("{label}: the model did not end by itself; the speech is cut off"));
                }
            }
            Err(e) if e.is::<io::Error>() || matches!(e.downcast_ref(), Some(Error::Interrupted)) => {
                return Err(e);
            }
            Err(e) => {
                report.error(&format!("{label}: {e:#}"));
                bad += 1;
            }
        }
    }
    write(&encoder.finish()?)?;
    if bad > 0 { Err(SomeFailed { failed: bad, truncated: 0, total }.into()) } else { Ok(()) }
}

fn speak(
    context: &Context,
    engine: &Engine,
    line: chattts_rs::speech::Line,
    hear: &mut dyn FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<Summary> {
    let mut speech = engine.speak_line(line)?;
    while let Some(event) = speech.next_within(LOOK) {
        match event? {
            Some(Event::Samples(samples)) => hear(&samples)?,
            Some(Event::Done(summary)) => return Ok(summary),
            _ => {}
        }
        context.report.tokens(engine.stats().tokens);
        if context.interrupt.check().is_break() {
            break;
        }
    }
    Err(Error::Interrupted.into())
}

fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}
