//! Lines become files: speaks what earlier runs have not finished, and keeps the books.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chattts_rs::audio::Tags;
use chattts_rs::batch::report::ReportWriter;
use chattts_rs::batch::{Ledger, Store, is_address};
use chattts_rs::speech::Line;
use chattts_rs::{Engine, Error, Event, Limits, VoiceSample};

use super::super::args::{SubtitleKind, SynthArgs};
use super::super::dump::Dump;
use super::super::joined::{Joined, Timing};
use super::super::output::{Target, print_line};
use super::super::plan::{Failed, PlannedLine};
use super::super::play::Player;
use super::super::shard::{self, Deal, Progress};
use super::super::sink::{Destination, LineSink};
use super::super::{Context, Lost, SomeFailed, stream, talk};
use super::check::DefaultNames;

/// The number of lines that may run ahead of the first one that is not written, where they are joined in order.
const AHEAD: usize = 64;
/// The time between two reports of progress where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// How often the bar moves.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// Lines that are planned, and where they go.
pub struct Job<'a> {
    pub context: &'a Context,
    pub args: &'a SynthArgs,
    pub target: Target,
    /// The names of the target, where none was given.
    pub default_names: Option<DefaultNames>,
    pub player: Option<Player>,
    pub total: usize,
    /// The lines whose speech others continue, by their indices.
    pub firsts: BTreeMap<usize, Line>,
    /// The files of speakers beside that of all.
    pub stems: Vec<PathBuf>,
    /// A book's chapters: their files and tags.
    pub book: Vec<(PathBuf, Tags)>,
    /// The seed, if it was drawn.
    pub drawn: Option<u64>,
    /// The part of the lines that this is, if it is one.
    pub deal: Option<Deal>,
}

impl Job<'_> {
    /// Speaks what is not done yet, and says how it went.
    pub fn run(
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
            Target::Folder(store) => {
                let mut ledger = self.ledger(store)?;
                let mut inside = Vec::new();
                for line in planned {
                    match ledger.check_place(&line.name) {
                        Ok(()) => inside.push(line),
                        Err(error) => failed.push(line.failed(error.into())),
                    }
                }
                let folders: HashSet<&Path> = inside.iter().filter_map(|line| line.name.parent()).collect();
                ledger.sweep(&folders.into_iter().collect::<Vec<_>>())?;
                ledger.settle(inside.iter().map(|line| line.name.as_path()))?;
                let (skipped, planned): (Vec<_>, Vec<_>) =
                    inside.into_iter().partition(|line| self.is_done(&ledger, line));
                (Destination::Folder(Mutex::new(ledger)), planned, skipped)
            }
            _ => {
                let encoding = planned.first().map(|line| line.encoding).unwrap_or_default();
                let file = self.target.file().map(PathBuf::as_path);
                let most = most_samples(&planned, &encoding);
                let joined = Joined::new(file, encoding, order, most)?
                    .with_stems(self.stems.clone())?
                    .with_length(length(&planned));
                (Destination::Joined(Mutex::new(joined)), planned, Vec::new())
            }
        };
        let lines: Vec<usize> = planned.iter().map(|line| line.index).collect();
        let pieces = planned.iter().map(|line| line.line.pieces.len()).sum();
        let mut sink = LineSink::new(&self.context.report, destination, subtitles, planned);
        sink.dump = self.args.output.dump.as_deref().map(Dump::new).transpose()?;
        let progress = match (&self.deal, &self.target, &sink.destination) {
            (Some(deal), Target::Folder(store), Destination::Folder(ledger)) => {
                let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                let seconds = |line: &PlannedLine| ledger.get(&line.name).map_or(0.0, |entry| entry.seconds);
                let skipped = (skipped.len(), skipped.iter().map(seconds).sum());
                Some(Progress::new(deal, store, self.total, skipped)?)
            }
            _ => None,
        };
        let report = match (&progress, &batch.report) {
            (Some(progress), _) => Some(progress.report()?),
            (None, Some(path)) if is_address(path) => {
                let (store, name) = Store::of_file(path)?;
                Some(ReportWriter::create_in(&store, &name)?)
            }
            (None, Some(path)) => Some(ReportWriter::create(path)?),
            (None, None) => None,
        };
        sink.records = report.map(Mutex::new);
        sink.json = batch.json;
        sink.joined_path = self.target.file().cloned();
        // The file's name is certain when the file is there.
        sink.held = self.default_names.is_some().then(Mutex::default);
        sink.fail_fast = batch.fail_fast;
        sink.fastest = self.args.talk.fastest;
        if self.args.lists_nothing {
            sink.list.end();
        }
        sink.aside_in = match &self.target {
            Target::Folder(store) => store.folder().map(Path::to_path_buf),
            target => target.beside().map(Path::to_path_buf),
        };
        if let Destination::Folder(ledger) = &sink.destination {
            let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            for line in &skipped {
                sink.skip(line, &ledger.path(&line.name), ledger.get(&line.name))?;
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
        // What is on its way is as good as made.
        sink.collect(true);
        self.context.report.clear();
        let is_whole = result.is_ok() && !sink.is_stopped();
        let kept = progress.map_or(Ok(()), |progress| progress.write(&sink.tally, is_whole));
        // What ended the work comes before what followed from it.
        self.conclude(sink, result, names, skipped.len(), subtitles)?;
        Ok(kept?)
    }

    fn ledger(&self, store: &Store) -> chattts_rs::Result<Ledger> {
        store.ledger(self.deal.as_ref().map(|deal| deal.shard))
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
        let follows = |index: &usize| sink.lines.get(index).and_then(|line| line.follows);
        let followed: BTreeSet<usize> = lines.iter().filter_map(follows).collect();
        let mut samples = BTreeMap::new();
        for first in followed {
            if let Some(line) = self.firsts.get(&first) {
                samples.insert(first, self.sample_of(line, engine)?);
            }
        }
        let all = lines.len();
        let lines = lines.iter().take_while(|_| interrupt.check().is_continue()).filter_map(|index| {
            let planned = sink.lines.get(index)?;
            let mut line = planned.line.clone();
            line.traces = sink.dump.is_some();
            if let (Some(first), Some(own)) = (planned.follows, line.voices.first_mut()) {
                own.sample = samples.get(&first).cloned();
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
            sink.collect(false);
            if let Some(progress) = progress {
                progress.worked(devices * start.elapsed().as_secs_f64());
                progress.keep(&sink.tally);
            }
            if sink.is_stopped() { ControlFlow::Break(()) } else { go_on(&mut until) }
        });
        if let Some(progress) = progress {
            progress.worked(devices * start.elapsed().as_secs_f64());
        }
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
        subtitles: Option<SubtitleKind>,
    ) -> anyhow::Result<()> {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        if let Some(seed) = self.drawn.filter(|_| count(&sink.tally.done) > 0) {
            self.context.report.note(&format!("seed {seed}"));
        }
        if let Err(error) = sink.broken().map_or(result, Err) {
            sink.release(None)?;
            // What is wrong with the place has been said.
            let _ = sink.finish_records();
            return Err(error);
        }
        sink.finish_records()?;
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
                        self.stems.iter().for_each(|stem| sink.list.path(report, stem));
                    }
                    if let Some(player) = &self.player {
                        player.play(self.context, &path)?;
                    }
                }
            }
            Destination::Folder(ledger) => {
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                ledger.check_folder()?;
                if let (false, Target::Folder(store)) = (self.book.is_empty(), &self.target) {
                    let finished = self
                        .book
                        .iter()
                        .filter_map(|(name, tags)| Some((name.as_path(), tags, ledger.get(name)?)));
                    store.write(talk::PLAYLIST, talk::playlist(finished).as_bytes())?;
                }
                match (self.args.batch.prune, &self.deal, &self.target) {
                    (false, ..) => {}
                    // A line that failed has no name here; its file of an earlier run must not go.
                    (true, ..) if failed > 0 => {
                        report.warn("--prune: nothing was removed, since lines failed");
                    }
                    (true, Some(deal), Target::Folder(store)) => {
                        deal.prune(store, &mut ledger, names, report)?;
                    }
                    (true, ..) => shard::prune(&mut ledger, names, report)?,
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
            Target::Folder(store) if store.has_state()? => {
                let mut ledger = self.ledger(store)?;
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
                Target::Folder(store) => store.path(&line.name),
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
        let around = match line.timing {
            Timing::Next { gap } => gap,
            Timing::At { room, .. } => room,
        };
        seconds / f64::from(line.line.post_process.speed) + around
    };
    let before = planned.first().map_or(0.0, |line| match line.timing {
        Timing::At { start, .. } => start,
        Timing::Next { .. } => 0.0,
    });
    let seconds = |line| seconds(line) + before / planned.len() as f64;
    (planned.iter().map(seconds).sum::<f64>() * f64::from(encoding.sample_rate())) as u64
}

/// Returns the length of the file of all lines, where cues have their times: to the end of the last one's.
fn length(planned: &[PlannedLine]) -> Option<f64> {
    let last = planned.iter().max_by_key(|line| line.index)?;
    match last.timing {
        Timing::At { start, room } => Some(start + room),
        Timing::Next { .. } => None,
    }
}

/// Returns the seconds of audio per second of time.
fn audio_rate(sink: &LineSink, start: Instant) -> f64 {
    let milliseconds = sink.tally.milliseconds.load(Ordering::Relaxed) as f64;
    milliseconds / 1e3 / start.elapsed().as_secs_f64().max(1e-9)
}
