//! Runs `synth`: turns flags into lines, and lines into files.

mod check;

use std::collections::HashSet;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chattts_rs::batch::report::ReportWriter;
use chattts_rs::batch::{DirLock, Ledger, NameTemplate, Names, sweep};
use chattts_rs::speech::{Composer, FileRule, Line, Voices, random_seed};
use chattts_rs::{BackendChoice, BatchSize, DeviceChoice, Engine, Error, Event, Limits, VoiceSample};

use self::check::{DefaultNames, check_guess, check_output, check_settings, check_weights, nothing};
use super::args::{OutputArgs, SynthArgs};
use super::dump::Dump;
use super::input::{self, Form, gather, is_manifest};
use super::output::{Target, print_line};
use super::places::Places;
use super::plan::{Failed, PlannedLine, Planner, follow_first, name};
use super::play::Player;
use super::shard::{self, Deal, Progress};
use super::sink::{Destination, Joined, LineSink};
use super::{Context, Lost, SomeFailed, Usage, format, options, stream, voices};

/// The seed where none is given and the files of earlier runs must be recognised.
const RESUME_SEED: u64 = 0;
/// The number of lines that may run ahead of the first one that is not written, where they are joined in order.
const AHEAD: usize = 64;
/// The time between two reports of progress where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// How often the bar moves.
const SHOW_EVERY: Duration = Duration::from_millis(100);

pub fn run(context: &Context, mut args: SynthArgs) -> anyhow::Result<()> {
    // All that can be wrong is found before the model is loaded, let alone downloaded.
    check_guess(&args)?;
    let mut options = options::engine(&args.model, context);
    let devices = options::devices(&mut options, &args.compute, &context.report)?;
    options.batch_size = options::batch_size(&args.batch.batch_size)?;
    check_settings(&args)?;
    args.negations.apply(&mut args.overrides);
    args.overrides.validate()?;
    let bits = args.output.bits.as_deref().map(str::parse).transpose()?;
    let asked = args.output.format;
    let (template, format) = match &args.output.out {
        Some(out) => (None, format::of_flag(asked, "--out", out)?),
        None => {
            let (template, format) = format::of_template(asked, args.batch.name.as_deref())?;
            (Some((template.parse::<NameTemplate>()?, template)), format)
        }
    };
    let shard = args.batch.shard.as_deref().map(shard::parse).transpose()?;
    if let (Some(_), Some((template, written))) = (&shard, &template)
        && !template.is_of_line()
    {
        return Err(Usage(format!(
            "--name {written}: with --shard names are made of {{index}} and {{id}} alone, by which all shards agree"
        ))
        .into());
    }
    if args.output.play && args.output.out.as_deref() == Some(Path::new("-")) {
        return Err(Usage(
            "--play: standard output is no file; pipe it to a player, or leave --out away".into(),
        )
        .into());
    }
    let player = args.output.play.then(|| Player::find(format)).transpose()?;
    let encoding = chattts_rs::audio::Encoding::new(format, bits, args.overrides.sample_rate)?;
    if args.batch.report.as_deref() == Some(Path::new("-")) {
        args.batch.report = None;
        args.batch.json = true;
    }
    check_output(&args)?;
    let target = match (args.output.stream, &args.output) {
        (true, _) => {
            stream::check(&args, &encoding)?;
            if devices.len() > 1 {
                return Err(options::several(&args.compute));
            }
            Some(Target::Stdout)
        }
        (_, OutputArgs { out: None, out_dir: None, .. }) => None,
        (_, OutputArgs { out, out_dir, .. }) => Some(Target::new(out.as_deref(), out_dir.as_deref())?),
    };
    // clap does not ask for --out-dir where --out excludes it.
    if args.output.out_dir.is_none() && (args.batch.name.is_some() || args.batch.resume || args.batch.prune) {
        return Err(Usage(
            "--name, --resume and --prune are for --out-dir, where every line has a file".into(),
        )
        .into());
    }
    if args.batch.json && matches!(target, Some(Target::Stdout)) {
        return Err(Usage("--json: standard output carries the audio; use --report FILE".into()).into());
    }
    let registry = voices::registry(args.roles.file.as_deref())?;
    if let Some(role) = &args.overrides.role {
        voices::check(role, &registry)?;
    }
    let is_document = args.overrides.markup.kind().is_document();
    args.json_input |= !is_document && args.texts.file.as_deref().is_some_and(is_manifest);
    if args.json_input && target.is_none() {
        let needs = "a manifest: --out-dir DIR takes a file per line, --out FILE one file for all lines";
        return Err(Usage(needs.into()).into());
    }
    let form = match (args.json_input, is_document) {
        (true, _) => Form::Manifest,
        (false, true) => Form::Document,
        (false, false) => Form::Lines,
    };
    let mut utterances = gather(&args.texts, form)?;
    let is_named = target.is_some();
    let mut default_names = None;
    let target = match target {
        Some(target) => target,
        None => {
            let names = default_names.insert(DefaultNames::new(&args, &utterances, format)?);
            Target::File(names.free())
        }
    };
    if utterances.is_empty() {
        // More likely a list that failed to be made than one whose every line is gone.
        if args.batch.prune {
            context.report.warn("--prune: the input is empty, so nothing was removed");
        }
        return nothing(context, &target);
    }
    let places = Places::new(&args, utterances.len())?;
    let deal = shard.zip(template.as_ref()).map(|((shard, by), (_, template))| {
        let all = utterances.len();
        let deal = Deal::new(shard, template, args.json_input, &mut utterances);
        context.report.note(&format!("shard {shard} by {by}: {} of {all} lines", utterances.len()));
        deal
    });
    // A text that is to go in untouched, or to be compared, goes in whole.
    if args.overrides.split.is_none() && (args.negations.no_normalize || args.output.dump.is_some()) {
        args.overrides.split = Some(false);
    }
    if args.is_guessed || !is_named {
        check_weights(&args)?;
    }
    if !is_named {
        context.report.note(&format!("speaking with the model {}", args.model.name()));
    }
    // Shards draw no seeds of their own, and a task that is started again finds what it has made.
    let drawn = match (args.overrides.sampling.seed, args.batch.resume || deal.is_some()) {
        (Some(_), _) => None,
        (None, true) => {
            args.overrides.sampling.seed = Some(RESUME_SEED);
            None
        }
        (None, false) => {
            let seed = random_seed();
            args.overrides.sampling.seed = Some(seed);
            Some(seed)
        }
    };

    let model = options::open(&options, context)?;
    let composer = Composer {
        voices: Voices::new(&model.checkpoint, registry),
        homophones: args.homophones.table()?,
        cues: args.output.subtitles.is_some(),
        files: match args.allow_files {
            true => FileRule::Any,
            false => FileRule::Under(input::folder(&args.texts)),
        },
    };
    let composer = Arc::new(composer);
    if args.overrides.role.is_none() && args.overrides.voice_codes.is_none() && !composer.voices.has_default()
    {
        context
            .report
            .warn("this model brings no statistics of voices, so there is no default voice; it chooses one");
    }
    let device = devices.first().copied().unwrap_or_default();
    let (backend, _) = options.backend.resolve(device)?;
    let planner = Planner {
        report: &context.report,
        composer: &composer,
        overrides: &args.overrides,
        format,
        asked,
        in_folder: matches!(target, Target::Folder(_)),
        bits,
        json_input: args.json_input,
        model: model.fingerprint.clone(),
        // What `auto` comes to, not its name: that may come to something else in another version.
        compute: match (backend, device, backend.precision(device, options.precision)?) {
            (BackendChoice::Candle, device, precision) => format!("candle {device:?} {}", precision.name()),
            (_, DeviceChoice::Cuda(_), precision) => format!("cuda {}", precision.name()),
            (_, _, precision) => format!("{:?}", precision.weight_type()),
        },
        // Subtitles are written with their file alone, so a file without them is not done.
        extra: vec![("subtitles".into(), format!("{:?}", args.output.subtitles))],
    };
    let (mut planned, mut failed) = planner.plan(&utterances);
    let first =
        if args.voice_from_first { follow_first(&mut planned).map(|first| first.line.clone()) } else { None };
    let job = Job {
        context,
        args: &args,
        target,
        default_names,
        player,
        total: utterances.len(),
        first,
        drawn,
        deal,
    };
    let names = match (&job.target, template) {
        (Target::Folder(dir), Some((template, _))) => {
            let names = places.reserve(dir, Names::new(template))?;
            let names = match args.output.subtitles {
                Some(kind) => names.with_beside(kind.extension()),
                None => names,
            };
            match &job.deal {
                Some(deal) => deal.name(&mut planned, &mut failed, names),
                None => name(&mut planned, &mut failed, names),
            }
        }
        _ => {
            one_encoding(&mut planned, &mut failed);
            HashSet::new()
        }
    };
    let is_stream = args.output.stream;
    let load = |pieces: usize| {
        // A slot that no piece will fill only takes memory.
        options.batch_size = match options.batch_size {
            BatchSize::Fixed(size) => BatchSize::Fixed(size.min(pieces)),
            _ if is_stream => BatchSize::Fixed(pieces.min(stream::SLOTS)),
            _ => BatchSize::UpTo(pieces),
        };
        Ok(Engine::start(model, composer, &options)?)
    };
    if is_stream {
        let pieces = planned.iter().map(|line| line.line.pieces.len()).max().unwrap_or(1);
        return stream::run(context, &load(pieces)?, planned, &failed, drawn);
    }
    job.run(planned, failed, &names, load)
}

/// Refuses lines whose sample rate differs from the first line's, where all go into one file.
fn one_encoding(planned: &mut Vec<PlannedLine>, failed: &mut Vec<Failed>) {
    let Some(first) = planned.first().map(|line| line.encoding) else { return };
    let (same, other) = std::mem::take(planned).into_iter().partition(|line| line.encoding == first);
    *planned = same;
    failed.extend(other.into_iter().map(|line| Failed {
        index: line.index,
        label: line.label,
        id: line.id,
        error: anyhow::anyhow!("`sample_rate` differs from that of the lines it is joined with"),
    }));
}

struct Job<'a> {
    context: &'a Context,
    args: &'a SynthArgs,
    target: Target,
    /// The names of the target, where none was given.
    default_names: Option<DefaultNames>,
    player: Option<Player>,
    total: usize,
    /// The line whose speech the others continue.
    first: Option<Line>,
    /// The seed, if it was drawn.
    drawn: Option<u64>,
    /// The part of the lines that this is, if it is one.
    deal: Option<Deal>,
}

impl Job<'_> {
    fn run(
        mut self,
        planned: Vec<PlannedLine>,
        mut failed: Vec<Failed>,
        names: &HashSet<PathBuf>,
        load: impl FnOnce(usize) -> anyhow::Result<Engine>,
    ) -> anyhow::Result<()> {
        let batch = &self.args.batch;
        let subtitles = self.args.output.subtitles;
        if batch.dry_run {
            return self.dry_run(&planned, &failed);
        }
        let order: Vec<usize> = {
            let mut order: Vec<usize> =
                planned.iter().map(|line| line.index).chain(failed.iter().map(|f| f.index)).collect();
            order.sort_unstable();
            order
        };
        let (destination, planned, skipped) = match &self.target {
            Target::Folder(dir) => {
                let mut ledger = self.ledger(dir)?;
                sweep(dir)?;
                let mut inside = Vec::new();
                for line in planned {
                    match ledger.check_place(&line.name) {
                        Ok(()) => inside.push(line),
                        Err(error) => failed.push(line.failed(error.into())),
                    }
                }
                let folders: HashSet<&Path> = inside.iter().filter_map(|line| line.name.parent()).collect();
                for folder in folders {
                    // What is wrong with it is the failure of the lines that go there.
                    let _ = sweep(&dir.join(folder));
                }
                ledger.settle(inside.iter().map(|line| line.name.as_path()))?;
                let (skipped, planned): (Vec<_>, Vec<_>) =
                    inside.into_iter().partition(|line| self.is_done(&ledger, line));
                (Destination::Folder(Mutex::new(ledger)), planned, skipped)
            }
            _ => {
                let encoding = planned.first().map(|line| line.encoding).unwrap_or_default();
                let file = self.target.file().map(PathBuf::as_path);
                let joined = Joined::new(file, encoding, order, most_samples(&planned, &encoding))?;
                (Destination::Joined(Mutex::new(joined)), planned, Vec::new())
            }
        };
        let lines: Vec<usize> = planned.iter().map(|line| line.index).collect();
        let pieces = planned.iter().map(|line| line.line.pieces.len()).sum();
        let mut sink = LineSink::new(&self.context.report, destination, subtitles, planned);
        sink.dump = self.args.output.dump.as_deref().map(Dump::new).transpose()?;
        let progress = match (&self.deal, &self.target, &sink.destination) {
            (Some(deal), Target::Folder(dir), Destination::Folder(ledger)) => {
                let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                let seconds = |line: &PlannedLine| ledger.get(&line.name).map_or(0.0, |entry| entry.seconds);
                let skipped = (skipped.len(), skipped.iter().map(seconds).sum());
                Some(Progress::new(deal, dir, self.total, skipped)?)
            }
            _ => None,
        };
        let report = progress.as_ref().map(Progress::report).or_else(|| batch.report.clone());
        sink.records = report.as_deref().map(ReportWriter::create).transpose()?.map(Mutex::new);
        sink.json = batch.json;
        sink.joined_path = self.target.file().cloned();
        // The file's name is certain when the file is there.
        sink.held = self.default_names.is_some().then(Mutex::default);
        sink.fail_fast = batch.fail_fast;
        sink.aside_in = match &self.target {
            Target::Folder(dir) => Some(dir.clone()),
            target => target.beside().map(Path::to_path_buf),
        };
        if let (Destination::Folder(ledger), Target::Folder(dir)) = (&sink.destination, &self.target) {
            let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            for line in &skipped {
                sink.skip(line, &dir.join(&line.name), ledger.get(&line.name))?;
            }
        }
        if let Some(progress) = &progress {
            progress.write(&sink.tally, false)?;
        }
        for failed in &failed {
            sink.fail(failed)?;
            if sink.is_stopped() {
                break;
            }
        }
        let result = match lines.is_empty() || sink.is_stopped() {
            true => Ok(()),
            false => load(pieces).and_then(|engine| self.speak(&engine, &lines, &sink, progress.as_ref())),
        };
        self.context.report.clear();
        if let Some(progress) = &progress {
            progress.write(&sink.tally, result.is_ok() && !sink.is_stopped())?;
        }
        self.conclude(sink, result, names, skipped.len(), subtitles)
    }

    fn ledger(&self, dir: &Path) -> chattts_rs::Result<Ledger> {
        Ledger::open(DirLock::acquire_for(dir, self.deal.as_ref().map(|deal| deal.shard))?)
    }

    /// Tells whether an earlier run finished a line's file.
    fn is_done(&self, ledger: &Ledger, line: &PlannedLine) -> bool {
        let batch = &self.args.batch;
        let (name, key) = (&line.name, &line.key);
        // A file that cannot be read is made again.
        batch.resume
            && ledger.is_done(name, key)
            && (!batch.verify || ledger.verify(name, key).unwrap_or(false))
    }

    /// Speaks until all lines are delivered.
    fn speak(
        &self,
        engine: &Engine,
        lines: &[usize],
        sink: &LineSink,
        progress: Option<&Progress>,
    ) -> anyhow::Result<()> {
        let Context { report, interrupt } = self.context;
        interrupt.watch();
        let grace = Duration::from_secs_f64(self.args.batch.grace);
        let go_on = |until: &mut Option<Instant>| match interrupt.is_termination() {
            true if Instant::now() < *until.get_or_insert_with(|| Instant::now() + grace) => {
                ControlFlow::Continue(())
            }
            _ => interrupt.check(),
        };
        let mut until = None;
        let devices = engine.devices().count() as f64;
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let ended_lines = || count(&sink.tally.done) + count(&sink.tally.failed);
        let ended_before = ended_lines();
        let limits = match self.target {
            Target::Folder(_) => Limits::default(),
            _ => Limits { ahead: Some(AHEAD) },
        };
        let start = Instant::now();
        let (mut said, mut shown) = (start, start);
        report.lines(lines.len());
        let follows = |index: &usize| sink.lines.get(index).is_some_and(|line| line.follows);
        let sample = match &self.first {
            Some(first) if lines.iter().any(follows) => Some(self.sample_of(first, engine)?),
            _ => None,
        };
        let all = lines.len();
        let lines = lines.iter().take_while(|_| interrupt.check().is_continue()).filter_map(|index| {
            let planned = sink.lines.get(index)?;
            let mut line = planned.line.clone();
            line.traces = sink.dump.is_some();
            if let (true, Some(own)) = (planned.follows, line.voices.first_mut()) {
                own.sample.clone_from(&sample);
            }
            Some((*index, line))
        });
        let grow = |index, samples: &mut Vec<f32>| sink.grow(index, samples);
        let ended = engine.speak_all_growing(lines, limits, &grow, &|outcome| sink.take(outcome), || {
            if shown.elapsed() >= SHOW_EVERY {
                shown = Instant::now();
                let done = sink.tally.done.load(Ordering::Relaxed);
                report.progress(done, engine.stats().tokens, audio_rate(sink, start));
            }
            if said.elapsed() >= SAY_EVERY && !std::io::stderr().is_terminal() {
                said = Instant::now();
                let (done, rate) = (sink.tally.done.load(Ordering::Relaxed), audio_rate(sink, start));
                report.note(&format!("{done} of {} lines, {rate:.2} s of audio a second", sink.lines.len()));
            }
            if let Some(progress) = progress {
                progress.worked(devices * start.elapsed().as_secs_f64());
                progress.keep(&sink.tally);
            }
            if sink.is_stopped() { ControlFlow::Break(()) } else { go_on(&mut until) }
        });
        let tokens = engine.stats().tokens;
        report.detail(&format!(
            "{} lines, {tokens} tokens in {:.2} s: {:.1} tokens/s, {:.2} s of audio a second",
            sink.tally.done.load(Ordering::Relaxed),
            start.elapsed().as_secs_f64(),
            tokens as f64 / start.elapsed().as_secs_f64(),
            audio_rate(sink, start)
        ));
        match ended {
            // It was stopped from within; why is told by whoever stopped it.
            Err(Error::Interrupted) if sink.is_stopped() => Ok(()),
            Ok(()) if interrupt.check().is_break() && ended_lines() - ended_before < all => {
                Err(Error::Interrupted.into())
            }
            Err(Error::Device(reason)) if !reason.starts_with("cpu") => {
                Err(anyhow::Error::from(Error::Device(reason)).context(Lost))
            }
            other => Ok(other?),
        }
    }

    /// Returns a line's first piece as a sample to continue.
    fn sample_of(&self, line: &Line, engine: &Engine) -> anyhow::Result<VoiceSample> {
        let mut first = line.clone();
        first.pieces.truncate(1);
        first.traces = true;
        let text = first.pieces.first().map(|piece| piece.text.clone()).unwrap_or_default();
        let mut speech = engine.speak_line(first)?;
        while let Some(event) = speech.next_within(stream::LOOK) {
            match event.context("the first text, whose voice the others take")? {
                Some(Event::Trace(trace)) => {
                    return Ok(VoiceSample { codes: engine.encode(&trace.wave)?, text });
                }
                _ if self.context.interrupt.check().is_break() => break,
                _ => {}
            }
        }
        Err(Error::Interrupted.into())
    }

    fn conclude(
        &mut self,
        sink: LineSink,
        result: anyhow::Result<()>,
        names: &HashSet<PathBuf>,
        skipped: usize,
        subtitles: Option<super::args::SubtitleKind>,
    ) -> anyhow::Result<()> {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        if let Some(seed) = self.drawn.filter(|_| count(&sink.tally.done) > 0) {
            self.context.report.note(&format!("seed {seed}"));
        }
        if let Err(error) = sink.broken().map_or(result, Err) {
            sink.release(None)?;
            return Err(error);
        }
        let failed = count(&sink.tally.failed);
        let report = &self.context.report;
        if self.total > 1 {
            let seconds = sink.tally.milliseconds.load(Ordering::Relaxed) as f64 / 1e3;
            let (done, truncated) = (count(&sink.tally.done), count(&sink.tally.truncated));
            report.note(&format!(
                "{} lines: {done} spoken ({seconds:.1} s of audio, {truncated} cut off), {skipped} done before, \
                 {failed} failed",
                self.total
            ));
        }
        match &sink.destination {
            Destination::Joined(joined) => {
                let mut joined = joined.lock().unwrap_or_else(PoisonError::into_inner);
                let mut names = self.default_names.take();
                let next = names.as_mut().map(|names| || names.free());
                let written = joined.finish(self.target.file(), subtitles, next)?;
                sink.release(written.as_deref())?;
                if let Some(path) = written {
                    if !self.args.batch.json {
                        sink.list.path(report, &path);
                    }
                    if let Some(player) = &self.player {
                        player.play(self.context, &path)?;
                    }
                }
            }
            Destination::Folder(ledger) => {
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                ledger.check_folder()?;
                match (self.args.batch.prune, &self.deal) {
                    (false, _) => {}
                    // A line that failed has no name here; its file of an earlier run must not go.
                    (true, _) if failed > 0 => {
                        report.warn("--prune: nothing was removed, since lines failed");
                    }
                    (true, Some(deal)) => deal.prune(&mut ledger, names, report)?,
                    (true, None) => shard::prune(&mut ledger, names, report)?,
                }
            }
        }
        // A file of its own that is cut off is for whoever called to look at; one utterance in one file was
        // asked for with its limit.
        let truncated = match self.target {
            Target::Folder(_) => count(&sink.tally.truncated),
            _ => 0,
        };
        if failed + truncated > 0 {
            return Err(SomeFailed { failed, truncated, total: self.total }.into());
        }
        sink.list.finish()
    }

    /// Prints the work that would be done.
    fn dry_run(&self, planned: &[PlannedLine], failed: &[Failed]) -> anyhow::Result<()> {
        let ledger = match &self.target {
            Target::Folder(dir) if dir.join(chattts_rs::batch::STATE_DIR).exists() => {
                let mut ledger = self.ledger(dir)?;
                ledger.settle(planned.iter().map(|line| line.name.as_path()))?;
                Some(ledger)
            }
            _ => None,
        };
        for line in planned {
            let what = if ledger.as_ref().is_some_and(|ledger| self.is_done(ledger, line)) {
                "skip"
            } else {
                "speak"
            };
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

/// Returns the most samples that lines may come to.
fn most_samples(planned: &[PlannedLine], encoding: &chattts_rs::audio::Encoding) -> u64 {
    const TOKENS_PER_SECOND: f64 = 46.875;
    // More than rounding and the renderer's edges add to a piece.
    const SLACK: f64 = 1.0;
    let seconds = |line: &PlannedLine| -> f64 {
        let spoken = line.line.request.sampling.max_tokens as f64 / TOKENS_PER_SECOND + SLACK;
        let seconds: f64 = line.line.pieces.iter().map(|piece| spoken + piece.silence).sum();
        seconds / f64::from(line.line.post_process.speed)
    };
    (planned.iter().map(seconds).sum::<f64>() * f64::from(encoding.sample_rate())) as u64
}

/// Returns the seconds of audio per second of time.
fn audio_rate(sink: &LineSink, start: Instant) -> f64 {
    let milliseconds = sink.tally.milliseconds.load(Ordering::Relaxed) as f64;
    milliseconds / 1e3 / start.elapsed().as_secs_f64().max(1e-9)
}
