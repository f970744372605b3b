//! `synth`: from flags to lines, from lines to files.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chattts_rs::audio::LOUDNESS_TARGETS;
use chattts_rs::batch::report::ReportWriter;
use chattts_rs::batch::{DirLock, Ledger, NameTemplate, sweep};
use chattts_rs::engine::{Event, VoiceSample};
use chattts_rs::pipeline::{self, Limits, Line, Notice};
use chattts_rs::{ChatTts, DeviceChoice, Error, LoadOptions};

use super::args::SynthArgs;
use super::deliver::{Delivery, Destination, Joined};
use super::dump::Dump;
use super::input::gather;
use super::output::{Target, print_line};
use super::plan::{Failed, Planner, Todo, follow_first, name};
use super::settings::Settings;
use super::voices::{self, Voices};
use super::{Context, SomeFailed, Usage, options, reading, stream};

/// The seed where none is given and files of earlier runs are to be known again.
const RESUME_SEED: u64 = 0;
/// How far lines may run ahead of the first that is not written, where they are joined in order.
const AHEAD: usize = 64;
/// Where there is no terminal, how often it is said how far it is.
const SAY_EVERY: Duration = Duration::from_secs(60);

pub fn run(context: &Context, args: SynthArgs) -> anyhow::Result<()> {
    // All that can be wrong is found before the model is loaded, let alone downloaded.
    let mut settings = Settings::new(&args)?;
    let devices = options::devices(&args.compute, &context.report)?;
    let device = devices.first().copied().unwrap_or_default();
    let (batch_size, fewer) = options::batch_size(&args.batch.batch_size, device)?;
    let compute = LoadOptions { device, batch_size, fewer, ..options::all(&args.compute) };
    check_output(&args)?;
    let extension = settings.encoding(None)?.format().extension();
    let default_name = format!("{{index:05}}.{extension}");
    let template: NameTemplate = args.batch.name.as_deref().unwrap_or(&default_name).parse()?;
    let target = match args.output.stream {
        true => {
            stream::check(&args, &settings.encoding(None)?)?;
            if devices.len() > 1 {
                return Err(options::several(&args.compute));
            }
            Target::Stdout
        }
        false => Target::new(args.output.out.as_deref(), args.output.out_dir.as_deref())?,
    };
    // clap does not ask for --out-dir where --out excludes it.
    if args.output.out_dir.is_none() && (args.batch.name.is_some() || args.batch.resume || args.batch.prune) {
        return Err(Usage(
            "--name, --resume and --prune are for --out-dir, where every line has a file".into(),
        )
        .into());
    }
    if args.batch.json && matches!(target, Target::Stdout) {
        return Err(Usage("--json: standard output carries the audio; use --report FILE".into()).into());
    }
    let registry = voices::registry(args.roles.as_deref())?;
    if let Some(role) = &args.role {
        voices::check(role, &registry)?;
    }
    let utterances = gather(&args.texts, args.markup.kind().is_document() && !args.json_input)?;
    if utterances.is_empty() {
        // More likely a list that failed to be made than one whose every line is gone.
        if args.batch.prune {
            context.report.warn("--prune: the input is empty, so nothing was removed");
        }
        return nothing(context, &target);
    }
    settings.seed = match (args.sampling.seed, args.batch.resume) {
        (None, true) => RESUME_SEED,
        (seed, _) => options::seed(seed, context),
    };

    let opened = options::open(&args.model, context)?;
    let mut voices = Voices::new(&opened.checkpoint, registry, &context.report);
    if args.role.is_none() && args.voice.is_none() && !voices.has_default() {
        context
            .report
            .warn("this model brings no statistics of voices, so there is no default voice; it chooses one");
    }
    let whole = args.output.dump.is_some() || args.output.stream;
    let planner = Planner {
        context,
        homophones: reading::homophones(args.read.homophones.as_deref())?,
        cues: args.output.subtitles.is_some(),
        settings: &settings,
        json_input: args.json_input,
        // A text that is to go in untouched, to be compared, or to be heard at once, goes in whole.
        split: match (args.split, args.no_split || args.no_normalize || whole) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        model: opened.model.clone(),
        // What `auto` comes to, not its name: that may come to something else in another version.
        compute: match (device, device.precision(compute.precision)?) {
            (DeviceChoice::Cuda(_), precision) => format!("cuda {}", precision.name()),
            (_, precision) => format!("{:?}", precision.weight_type()),
        },
        trim: args.output.trim,
        loudness: args.output.normalize_loudness,
        // Subtitles are written with their file alone, so a file without them is not done.
        extra: vec![("subtitles".into(), format!("{:?}", args.output.subtitles))],
    };
    let (mut todo, mut failed) = planner.plan(&utterances, &mut voices);
    let first = if args.voice_from_first { follow_first(&mut todo).map(pipeline_line) } else { None };
    let job = Job { context, args: &args, target, total: utterances.len(), first };
    let names = match job.target {
        Target::Folder(_) => name(&mut todo, &mut failed, template),
        _ => {
            one_encoding(&mut todo, &mut failed);
            HashSet::new()
        }
    };
    if args.output.stream {
        let compute = LoadOptions { batch_size: 1, ..compute };
        let mut tts = options::start(opened, compute, context)?;
        return stream::run(context, &mut tts, &todo, &failed);
    }
    job.run(todo, &failed, &names, |pieces| {
        // A slot that no text will fill only takes memory.
        let batch_size = compute.batch_size.min(pieces);
        options::start_all(opened, &devices, LoadOptions { batch_size, ..compute }, context)
    })
}

/// A planned line as the pipeline takes it.
fn pipeline_line(line: &Todo) -> Line {
    Line {
        index: line.index,
        pieces: line.pieces.iter().map(|piece| piece.spoken.clone()).collect(),
        request: line.request.clone(),
        voices: line.voices.clone(),
    }
}

/// Refuses a rate of its own where all lines go into one file.
fn one_encoding(todo: &mut Vec<Todo>, failed: &mut Vec<Failed>) {
    let Some(first) = todo.first().map(|line| line.encoding) else { return };
    let (same, other) = std::mem::take(todo).into_iter().partition(|line| line.encoding == first);
    *todo = same;
    failed.extend(other.into_iter().map(|line| Failed {
        index: line.index,
        label: line.label,
        id: line.id,
        error: anyhow::anyhow!("`sample_rate` differs from that of the lines it is joined with"),
    }));
}

/// Refuses what audio cannot be given.
fn check_output(args: &SynthArgs) -> anyhow::Result<()> {
    let loudness = args.output.normalize_loudness;
    if let Some(target) = loudness
        && !LOUDNESS_TARGETS.contains(&target)
    {
        let (from, to) = (LOUDNESS_TARGETS.start(), LOUDNESS_TARGETS.end());
        return Err(Usage(format!("--normalize-loudness {target}: {from} to {to} LUFS are taken")).into());
    }
    if args.output.subtitles.is_some() && args.output.out.as_deref() == Some(Path::new("-")) {
        return Err(
            Usage("--subtitles: standard output carries the audio alone; use --out FILE".into()).into()
        );
    }
    Ok(())
}

/// An empty list is done at once; a file that was asked for cannot be made from it.
fn nothing(context: &Context, target: &Target) -> anyhow::Result<()> {
    match target {
        Target::Folder(_) => {
            context.report.note("no text: nothing to do");
            Ok(())
        }
        _ => Err(Error::EmptyText("the input holds no text".into()).into()),
    }
}

struct Job<'a> {
    context: &'a Context,
    args: &'a SynthArgs,
    target: Target,
    total: usize,
    /// The line whose speech the others continue.
    first: Option<Line>,
}

impl Job<'_> {
    fn run(
        &self,
        todo: Vec<Todo>,
        failed: &[Failed],
        names: &HashSet<PathBuf>,
        load: impl FnOnce(usize) -> anyhow::Result<Vec<ChatTts>>,
    ) -> anyhow::Result<()> {
        let batch = &self.args.batch;
        let subtitles = self.args.output.subtitles;
        if batch.dry_run {
            return self.dry_run(&todo, failed);
        }
        let order: Vec<usize> = {
            let mut order: Vec<usize> =
                todo.iter().map(|line| line.index).chain(failed.iter().map(|f| f.index)).collect();
            order.sort_unstable();
            order
        };
        let (destination, todo, skipped) = match &self.target {
            Target::Folder(dir) => {
                let lock = DirLock::acquire(dir)?;
                let folders: HashSet<&Path> = todo.iter().filter_map(|line| line.name.parent()).collect();
                for folder in folders {
                    sweep(&dir.join(folder))?;
                }
                let ledger = Ledger::open(lock)?;
                let (skipped, todo): (Vec<_>, Vec<_>) =
                    todo.into_iter().partition(|line| batch.resume && ledger.is_done(&line.name, &line.key));
                (Destination::Folder(Mutex::new(ledger)), todo, skipped)
            }
            _ => {
                let encoding = todo.first().map(|line| line.encoding).unwrap_or_default();
                let joined = Joined::new(self.target.file().map(PathBuf::as_path), encoding, order)?;
                (Destination::Joined(Mutex::new(joined)), todo, Vec::new())
            }
        };
        let lines: Vec<usize> = todo.iter().map(|line| line.index).collect();
        let pieces = todo.iter().map(|line| line.pieces.len()).sum();
        let mut delivery = Delivery::new(&self.context.report, destination, subtitles, todo);
        delivery.dump = self.args.output.dump.as_deref().map(Dump::new).transpose()?;
        delivery.records = batch.report.as_deref().map(ReportWriter::create).transpose()?.map(Mutex::new);
        delivery.json = batch.json;
        delivery.joined_path = self.target.file().cloned();
        delivery.fail_fast = batch.fail_fast;
        if let (Destination::Folder(ledger), Target::Folder(dir)) = (&delivery.destination, &self.target) {
            let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            for line in &skipped {
                delivery.skip(line, &dir.join(&line.name), ledger.get(&line.name))?;
            }
        }
        for failed in failed {
            delivery.fail(failed)?;
            if delivery.is_stopped() {
                break;
            }
        }
        let result = match lines.is_empty() || delivery.is_stopped() {
            true => Ok(()),
            false => self.speak(&mut load(pieces)?, &lines, &delivery),
        };
        self.context.report.clear();
        self.conclude(delivery, result, names, skipped.len(), subtitles)
    }

    /// Steps the engines until all lines are delivered.
    fn speak(&self, models: &mut [ChatTts], lines: &[usize], delivery: &Delivery) -> anyhow::Result<()> {
        let Context { report, interrupt } = self.context;
        interrupt.watch();
        let limits = match self.target {
            Target::Folder(_) => Limits::default(),
            _ => Limits { ahead: Some(AHEAD) },
        };
        let start = Instant::now();
        let mut said = start;
        let mut steps = 0;
        report.lines(lines.len());
        let follows = |index: &usize| delivery.todo.get(index).is_some_and(|line| line.follows);
        let sample = match &self.first {
            Some(first) if lines.iter().any(follows) => {
                models.first_mut().map(|tts| self.sample_of(first, tts)).transpose()?
            }
            _ => None,
        };
        let lines = lines.iter().filter_map(|index| {
            let todo = delivery.todo.get(index)?;
            let mut line = pipeline_line(todo);
            if todo.follows {
                line.request.voice.sample.clone_from(&sample);
            }
            Some(line)
        });
        let ended = pipeline::run_all(models, lines, limits, &|outcome| delivery.take(outcome), |notice| {
            match notice {
                Notice::Event(Event::Advanced { .. }) => steps += 1,
                Notice::Event(Event::Refined { refined, .. }) => {
                    report.detail(&format!("refined: {}", refined.text));
                }
                Notice::DeviceFailed { device, error, lines } => {
                    report.warn(&device_failed(device, error, lines));
                }
                _ => {}
            }
            let done = delivery.tally.done.load(Ordering::Relaxed);
            let rate = audio_rate(delivery, start);
            report.progress(done, steps, rate);
            if said.elapsed() >= SAY_EVERY && !std::io::stderr().is_terminal() {
                said = Instant::now();
                report
                    .note(&format!("{done} of {} lines, {rate:.2} s of audio a second", delivery.todo.len()));
            }
            if delivery.is_stopped() { ControlFlow::Break(()) } else { interrupt.check() }
        });
        report.detail(&format!(
            "{} lines, {steps} tokens in {:.2} s: {:.1} tokens/s, {:.2} s of audio a second",
            delivery.tally.done.load(Ordering::Relaxed),
            start.elapsed().as_secs_f64(),
            f64::from(steps) / start.elapsed().as_secs_f64(),
            audio_rate(delivery, start)
        ));
        match ended {
            // It was stopped from within; why is told by whoever stopped it.
            Err(Error::Interrupted) if delivery.is_stopped() => Ok(()),
            other => Ok(other?),
        }
    }

    /// What a line's first piece sounds like, as a sample to continue.
    fn sample_of(&self, line: &Line, tts: &mut ChatTts) -> anyhow::Result<VoiceSample> {
        let text = line.pieces.first().map(|piece| piece.text.clone()).unwrap_or_default();
        let first = Line { pieces: line.pieces.iter().take(1).cloned().collect(), ..line.clone() };
        let outcome = Mutex::new(None);
        pipeline::run(
            tts,
            std::iter::once(first),
            Limits::default(),
            &|spoken| *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(spoken.result),
            |_| self.context.interrupt.check(),
        )?;
        let spoken = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        let spoken = spoken
            .unwrap_or(Err(Error::Interrupted))
            .context("the first text, whose voice the others take")?;
        let wave = spoken.pieces.first().map(|speech| speech.wave.as_slice()).unwrap_or_default();
        Ok(VoiceSample { codes: tts.encode(wave)?, text })
    }

    fn conclude(
        &self,
        delivery: Delivery,
        result: anyhow::Result<()>,
        names: &HashSet<PathBuf>,
        skipped: usize,
        subtitles: Option<super::args::SubtitleKind>,
    ) -> anyhow::Result<()> {
        if let Some(error) = delivery.broken() {
            return Err(error);
        }
        result?;
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let failed = count(&delivery.tally.failed);
        let report = &self.context.report;
        if self.total > 1 {
            let seconds = delivery.tally.milliseconds.load(Ordering::Relaxed) as f64 / 1e3;
            let (done, truncated) = (count(&delivery.tally.done), count(&delivery.tally.truncated));
            report.note(&format!(
                "{} lines: {done} spoken ({seconds:.1} s of audio, {truncated} cut off), {skipped} done before, \
                 {failed} failed",
                self.total
            ));
        }
        match delivery.destination {
            Destination::Joined(joined) => {
                let joined = joined.into_inner().unwrap_or_else(PoisonError::into_inner);
                joined.finish(self.target.file(), subtitles)?;
            }
            Destination::Folder(ledger) => {
                // A line that failed has no name here; its file of an earlier run must not go.
                if self.args.batch.prune && failed == 0 {
                    let mut ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
                    for path in ledger.prune(names)? {
                        report.note(&format!("removed {}", path.display()));
                    }
                } else if self.args.batch.prune {
                    report.warn("--prune: nothing was removed, since lines failed");
                }
            }
        }
        // A file of its own that is cut off is for whoever called to look at; one utterance in one file was
        // asked for with its limit.
        let truncated = match self.target {
            Target::Folder(_) => count(&delivery.tally.truncated),
            _ => 0,
        };
        if failed + truncated > 0 {
            return Err(SomeFailed { failed, truncated, total: self.total }.into());
        }
        Ok(())
    }

    /// Says what would be done.
    fn dry_run(&self, todo: &[Todo], failed: &[Failed]) -> anyhow::Result<()> {
        let ledger = match &self.target {
            Target::Folder(dir) if dir.join(chattts_rs::batch::STATE_DIR).exists() => {
                Some(Ledger::open(DirLock::acquire(dir)?)?)
            }
            _ => None,
        };
        for line in todo {
            let done = |ledger: &Ledger| self.args.batch.resume && ledger.is_done(&line.name, &line.key);
            let what = if ledger.as_ref().is_some_and(done) { "skip" } else { "speak" };
            let place = match &self.target {
                Target::Folder(dir) => dir.join(&line.name),
                Target::File(path) => path.clone(),
                Target::Stdout => PathBuf::from("-"),
            };
            print_line(&format!("{what}\t{}\t{}", place.display(), line.label))?;
        }
        for failed in failed {
            self.context.report.error(&format!("{}: {:#}", failed.label, failed.error));
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(SomeFailed { failed: failed.len(), truncated: 0, total: self.total }.into())
        }
    }
}

/// What is said when a device fails and others go on.
fn device_failed(device: &str, error: &Error, lines: usize) -> String {
    let reason = match error {
        Error::Device(reason) => reason.clone(),
        other => other.to_string(),
    };
    match lines {
        0 => format!("{device} failed: {reason}; the other devices go on"),
        1 => format!("{device} failed: {reason}; its line goes to the other devices"),
        lines => format!("{device} failed: {reason}; its {lines} lines go to the other devices"),
    }
}

/// Seconds of audio per second of time.
fn audio_rate(delivery: &Delivery, start: Instant) -> f64 {
    let milliseconds = delivery.tally.milliseconds.load(Ordering::Relaxed) as f64;
    milliseconds / 1e3 / start.elapsed().as_secs_f64().max(1e-9)
}
