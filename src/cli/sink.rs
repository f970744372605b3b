//! Writes spoken lines: file, subtitles, dump, record. Runs on the writers' threads.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use chattts_rs::audio::{Format, Sink, Tags, encode, tagged};
use chattts_rs::batch::report::{Record, ReportWriter, Status};
use chattts_rs::batch::{Content, Entry, Ledger, Made, beside, is_full};
use chattts_rs::{Error, Outcome, Spoken};

use super::args::SubtitleKind;
use super::dump::Dump;
use super::joined::{BLOCK, Joined, Part, Sound, subtitles_of};
use super::output::List;
use super::plan::{Failed, PlannedLine};
use super::report::Report;
use super::talk::{Fitted, fit};

/// The samples of a line above which they are put aside on the disk as they come.
const LONG: usize = 1 << 21;

/// The destination of finished lines.
pub enum Destination {
    /// One file for each line; the ledger knows the finished ones.
    Folder(Mutex<Ledger>),
    /// One file for all lines, in order.
    Joined(Mutex<Joined>),
}

/// Writes outcomes to their destination; the threads that write share it.
pub struct LineSink<'a> {
    pub report: &'a Report,
    pub destination: Destination,
    pub subtitles: Option<SubtitleKind>,
    pub dump: Option<Dump>,
    pub records: Option<Mutex<ReportWriter>>,
    /// Records that wait until the file of their lines is in its place; None where they are written at once.
    pub held: Option<Mutex<Vec<Record>>>,
    pub json: bool,
    pub list: List,
    /// The file that all lines go into, for their records.
    pub joined_path: Option<PathBuf>,
    pub fail_fast: bool,
    /// How much faster a cue may be spoken to end in time.
    pub fastest: f32,
    /// The lines by their index.
    pub lines: BTreeMap<usize, PlannedLine>,
    pub tally: Tally,
    /// Lines whose files are being written, by the files' names.
    written: Mutex<HashMap<String, Written>>,
    /// Samples of long lines that were put aside.
    aside: Mutex<HashMap<usize, File>>,
    /// The folder for such files; None for that of temporary files.
    pub aside_in: Option<PathBuf>,
    /// An error that every line would meet: a full disk, a closed pipe.
    broken: Mutex<Option<anyhow::Error>>,
    stop: AtomicBool,
}

/// A line that is spoken.
struct Written {
    record: Record,
    seconds: f64,
    truncated: bool,
}

/// Counts the finished lines.
#[derive(Default)]
pub struct Tally {
    pub done: AtomicUsize,
    pub truncated: AtomicUsize,
    pub failed: AtomicUsize,
    pub milliseconds: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> LineSink<'a> {
    /// Makes a sink for the lines to be spoken.
    pub fn new(
        report: &'a Report,
        destination: Destination,
        subtitles: Option<SubtitleKind>,
        lines: Vec<PlannedLine>,
    ) -> Self {
        LineSink {
            report,
            destination,
            subtitles,
            dump: None,
            records: None,
            held: None,
            json: false,
            list: List::default(),
            joined_path: None,
            fail_fast: false,
            fastest: 1.0,
            lines: lines.into_iter().map(|line| (line.index, line)).collect(),
            tally: Tally::default(),
            written: Mutex::default(),
            aside: Mutex::default(),
            aside_in: None,
            broken: Mutex::new(None),
            stop: AtomicBool::new(false),
        }
    }

    /// Tells whether the work must stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Returns the error that stopped the work, if there was one.
    pub fn broken(&self) -> Option<anyhow::Error> {
        lock(&self.broken).take()
    }

    /// Takes the samples of a line that grows long, and puts them aside.
    pub fn grow(&self, index: usize, samples: &mut Vec<f32>) {
        if samples.len() < LONG {
            return;
        }
        if let Err(error) = self.put_aside(index, samples) {
            self.break_off(error);
        }
        samples.clear();
    }

    fn put_aside(&self, index: usize, samples: &[f32]) -> anyhow::Result<()> {
        let file = lock(&self.aside).remove(&index);
        let file = match (file, &self.aside_in) {
            (Some(file), _) => Ok(file),
            (None, Some(folder)) => tempfile::tempfile_in(folder),
            (None, None) => tempfile::tempfile(),
        };
        let mut file = file.context("cannot create a temporary file")?;
        for samples in samples.chunks(BLOCK) {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            file.write_all(&bytes).context("cannot write a temporary file")?;
        }
        lock(&self.aside).insert(index, file);
        Ok(())
    }

    /// Writes a line's outcome.
    pub fn take(&self, outcome: Outcome) {
        let Some(line) = self.lines.get(&outcome.index) else { return };
        // After something broke nothing new is finished.
        if lock(&self.broken).is_some() {
            return;
        }
        let aside = lock(&self.aside).remove(&outcome.index);
        let delivered = match outcome.result {
            Ok(spoken) => match self.store(line, spoken, aside) {
                Ok(Some(written)) => self.deliver(written),
                Ok(None) => Ok(()),
                Err(error) => self.befall(line, error),
            },
            Err(error) => self.fail(&line.failed(error.into())),
        };
        if let Err(error) = delivered {
            self.break_off(error);
        }
        self.collect(false);
    }

    /// Stops the work, after which nothing new is finished.
    fn break_off(&self, error: anyhow::Error) {
        lock(&self.broken).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Sees to the lines whose files are written by now, or waits for all of them.
    pub fn collect(&self, all: bool) {
        let Destination::Folder(ledger) = &self.destination else { return };
        let (ended, flushed) = {
            let mut ledger = lock(ledger);
            let ended = ledger.ended(all, true).into_iter();
            let ended: Vec<_> =
                ended.map(|(e, result)| (ledger.path(Path::new(&e.name)), e, result)).collect();
            (ended, ledger.flush(all))
        };
        for (path, entry, result) in ended {
            let Some(written) = lock(&self.written).remove(&entry.name) else { continue };
            let Some(line) = self.lines.get(&written.record.index) else { continue };
            let delivered = match result {
                Ok(()) => {
                    if !self.json {
                        self.list.path(self.report, &path);
                    }
                    self.deliver(written)
                }
                Err(error) => self.befall(line, error.into()),
            };
            if let Err(error) = delivered {
                self.break_off(error);
            }
        }
        if let Err(error) = flushed {
            self.break_off(error.into());
        }
    }

    /// Counts and reports a line that is written.
    fn deliver(&self, written: Written) -> anyhow::Result<()> {
        if written.truncated {
            self.tally.truncated.fetch_add(1, Ordering::Relaxed);
        }
        self.tally.done.fetch_add(1, Ordering::Relaxed);
        self.tally.milliseconds.fetch_add((written.seconds * 1e3) as u64, Ordering::Relaxed);
        self.record(&written.record)
    }

    /// Reports a line that could not be written; returns the error if every other line would meet it too.
    fn befall(&self, line: &PlannedLine, error: anyhow::Error) -> anyhow::Result<()> {
        match self.befalls_all(error) {
            Ok(error) => Err(error),
            Err(error) => self.fail(&line.failed(error)),
        }
    }

    /// Returns an error of writing as Ok if every line would meet it, and as Err if it is this line's own.
    fn befalls_all(&self, error: anyhow::Error) -> Result<anyhow::Error, anyhow::Error> {
        let Destination::Folder(ledger) = &self.destination else { return Ok(error) };
        let ledger = lock(ledger);
        if let Err(moved) = ledger.check_folder() {
            return Ok(moved.into());
        }
        let befalls_all = match error.downcast_ref::<Error>() {
            Some(error) => ledger.befalls_all(error),
            None => error.downcast_ref::<std::io::Error>().is_some_and(is_full),
        };
        if befalls_all { Ok(error) } else { Err(error) }
    }

    /// Reports a line that could not be spoken.
    pub fn fail(&self, failed: &Failed) -> anyhow::Result<()> {
        self.report.error(&format!("{}: {:#}", failed.label, failed.error));
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
        if self.fail_fast {
            self.stop.store(true, Ordering::Relaxed);
        }
        let mut record = Record::new(failed.index, Status::Failed);
        record.id.clone_from(&failed.id);
        record.speaker.clone_from(&failed.speaker);
        record.error = Some(format!("{:#}", failed.error));
        self.record(&record)?;
        if let Destination::Joined(joined) = &self.destination {
            lock(joined).push(failed.index, None)?;
        }
        Ok(())
    }

    /// Reports a line whose file an earlier run finished.
    pub fn skip(&self, line: &PlannedLine, path: &Path, entry: Option<&Entry>) -> anyhow::Result<()> {
        let mut record = Record::new(line.index, Status::Skipped);
        record.id.clone_from(&line.id);
        record.speaker.clone_from(&line.speaker);
        record.path = Some(path.display().to_string());
        if let Some(entry) = entry {
            record.seconds = Some(entry.seconds);
            record.seed = Some(entry.seed);
            record.sha256 = Some(entry.sha256.clone());
        }
        self.record(&record)
    }

    fn record(&self, record: &Record) -> anyhow::Result<()> {
        match &self.held {
            Some(held) => lock(held).push(record.clone()),
            None => self.write_record(record)?,
        }
        Ok(())
    }

    /// Writes the records that were held back, with the file that their lines came into, if there is one.
    pub fn release(&self, path: Option<&Path>) -> anyhow::Result<()> {
        let held = self.held.as_ref().map(|held| std::mem::take(&mut *lock(held)));
        for mut record in held.into_iter().flatten() {
            record.path = record.path.and(path).map(|path| path.display().to_string());
            self.write_record(&record)?;
        }
        Ok(())
    }

    /// Puts the report in its place.
    pub fn finish_records(&self) -> chattts_rs::Result<()> {
        self.records.as_ref().map_or(Ok(()), |records| lock(records).finish())
    }

    fn write_record(&self, record: &Record) -> anyhow::Result<()> {
        if let Some(records) = &self.records {
            lock(records).write(record)?;
        }
        if self.json {
            self.list.record(self.report, &serde_json::to_string(record)?);
        }
        Ok(())
    }

    /// Writes what was spoken, and returns what is to be reported of it unless that is not certain yet.
    fn store(
        &self,
        line: &PlannedLine,
        spoken: Spoken,
        aside: Option<File>,
    ) -> anyhow::Result<Option<Written>> {
        for refined in &spoken.refined {
            self.report.detail(&format!("refined: {}", refined.text));
        }
        if let Some(dump) = &self.dump {
            for trace in &spoken.traces {
                dump.speech(line.index, trace)?;
            }
        }
        let summary = spoken.summary;
        let (seconds, truncated) = (summary.seconds(), summary.is_truncated());
        let mut record = Record::new(line.index, if truncated { Status::Truncated } else { Status::Done });
        record.id.clone_from(&line.id);
        record.speaker.clone_from(&line.speaker);
        record.seconds = Some(seconds);
        record.tokens = Some(summary.tokens);
        record.seed = Some(summary.seed);
        record.ms = Some(((summary.total - summary.queued) * 1e3) as u64);
        record.text = Some(line.line.text());
        if truncated {
            let limit = line.line.request.sampling.max_tokens;
            let what = format!("--max-tokens {limit} were out before the model ended; the speech is cut off");
            self.report.warn(&format!("{}: {what}", line.label));
            record.error = Some(what);
        }
        if summary.seed != summary.asked_seed {
            let (asked, used) = (summary.asked_seed, summary.seed);
            self.report.note(&format!("{}: seed {asked} ends at once; spoken with seed {used}", line.label));
        }
        let Spoken { samples, mut cues, .. } = spoken;
        if let (Some(speaker), Some(first)) = (&line.speaker, cues.first_mut()) {
            let colon = if speaker.is_ascii() { ": " } else { "：" };
            first.text = format!("{speaker}{colon}{}", first.text.trim_start());
        }
        match &self.destination {
            Destination::Folder(ledger) => {
                {
                    let ledger = lock(ledger);
                    ledger.check_folder()?;
                    ledger.check_place(&line.name)?;
                    record.path = Some(ledger.path(&line.name).display().to_string());
                }
                let (name, key, seed) = (&line.name, &line.key, summary.seed);
                let (entry, content) = if aside.is_some() {
                    let part = lock(ledger).part_file(name)?;
                    let out = part.reopen().context("cannot open a temporary file")?;
                    let mut sink = Sink::long(out, &line.encoding)?;
                    Sound { aside, rest: samples }.write(&mut sink)?;
                    sink.finish()?;
                    if let Some(tags) = &line.tags {
                        tag_file(part.path(), line.encoding.format(), tags)?;
                    }
                    (Entry::of_file(name, key, part.path(), seconds, seed)?, Content::Part(part))
                } else {
                    let mut bytes = encode(&samples, &line.encoding)?;
                    if let Some(tags) = &line.tags {
                        bytes = tagged(bytes, line.encoding.format(), tags)?;
                    }
                    (Entry::new(name, key, &bytes, seconds, seed)?, Content::Bytes(bytes))
                };
                record.sha256 = Some(entry.sha256.clone());
                let subtitles = self
                    .subtitles
                    .map(|kind| (beside(name, kind.extension()), subtitles_of(kind, &cues).into_bytes()));
                let made = Made { entry, content, beside: subtitles.into_iter().collect() };
                let file = made.entry.name.clone();
                let mut ledger = lock(ledger);
                lock(&self.written).insert(file.clone(), Written { record, seconds, truncated });
                if let Err(error) = ledger.begin(made, true) {
                    lock(&self.written).remove(&file);
                    return Err(error.into());
                }
                return Ok(None);
            }
            Destination::Joined(joined) => {
                record.path = self.joined_path.as_ref().map(|path| path.display().to_string());
                let failed = || match &self.joined_path {
                    Some(path) => format!("cannot write {}", path.display()),
                    None => "cannot write a temporary file".into(),
                };
                let mut sound = Sound { aside, rest: samples };
                if let Some(slot) = line.slot {
                    let rate = line.encoding.sample_rate();
                    let fitted = fit(sound.samples()?, slot.room, self.fastest, rate)?;
                    self.tell_fit(line, &fitted, &mut record);
                    for cue in &mut cues {
                        cue.start /= f64::from(fitted.speed);
                        cue.end /= f64::from(fitted.speed);
                    }
                    sound = Sound { aside: None, rest: fitted.samples };
                }
                let part = Part { sound, cues, timing: line.timing, stem: line.stem };
                lock(joined).push(line.index, Some(part)).with_context(failed)?;
            }
        }
        Ok(Some(Written { record, seconds, truncated }))
    }

    /// Tells how a cue's speech came into its time, and whether it did.
    fn tell_fit(&self, line: &PlannedLine, fitted: &Fitted, record: &mut Record) {
        let Fitted { speed, over, .. } = *fitted;
        if speed > 1.0 {
            record.faster = Some(speed);
            record.seconds = record.seconds.map(|seconds| seconds / f64::from(speed));
            self.report.detail(&format!("{}: spoken {speed:.2} times as fast, to end in time", line.label));
        }
        if over > 0.0 {
            let what =
                format!("the speech is {over:.2} s longer than its time, at {speed:.2} times its speed");
            self.report.warn(&format!("{}: {what}", line.label));
            record.status = Status::Overlapping;
            record.error = Some(what);
        }
    }
}

/// Puts tags into a file that is as good as finished.
fn tag_file(path: &Path, format: Format, tags: &Tags) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let bytes = std::fs::read(path).with_context(failed)?;
    std::fs::write(path, tagged(bytes, format, tags)?).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    use chattts_rs::audio::Encoding;
    use chattts_rs::batch::{DirLock, STATE_DIR};

    #[test]
    fn an_error_of_writing_ends_the_run_only_if_every_line_would_meet_it() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let ledger = Ledger::open(DirLock::acquire(&out).unwrap()).unwrap();
        let report = Report::new(true, false);
        let sink = LineSink::new(&report, Destination::Folder(Mutex::new(ledger)), None, Vec::new());
        let of = |kind: ErrorKind, path: PathBuf| -> anyhow::Error {
            Error::Io { action: "write", path, reason: kind.into() }.into()
        };
        let file = out.join("a.wav");
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::ReadOnlyFilesystem] {
            assert!(sink.befalls_all(of(kind, file.clone())).is_ok(), "{kind}");
            assert!(sink.befalls_all(anyhow::Error::from(std::io::Error::from(kind)).context("x")).is_ok());
        }
        for kind in [ErrorKind::PermissionDenied, ErrorKind::IsADirectory, ErrorKind::FileTooLarge] {
            assert!(sink.befalls_all(of(kind, file.clone())).is_err(), "{kind}");
        }
        let ledger = out.join(STATE_DIR).join("ledger.jsonl");
        assert!(sink.befalls_all(of(ErrorKind::FileTooLarge, ledger)).is_ok());
        std::fs::rename(&out, dir.path().join("moved")).unwrap();
        assert!(sink.befalls_all(of(ErrorKind::NotFound, file)).is_ok());
    }

    #[test]
    fn a_line_that_was_put_aside_makes_the_file_of_the_whole() {
        let report = Report::new(true, false);
        let joined = Joined::new(None, Encoding::default(), vec![0], 0).unwrap();
        let sink = LineSink::new(&report, Destination::Joined(Mutex::new(joined)), None, Vec::new());
        let wave: Vec<f32> = (0..2 * LONG + 12_345).map(|i| (i as f32 * 0.01).sin()).collect();
        let mut samples = Vec::new();
        for part in wave.chunks(70_000) {
            samples.extend_from_slice(part);
            sink.grow(0, &mut samples);
            assert!(samples.len() < LONG);
        }
        let aside = lock(&sink.aside).remove(&0);
        assert!(aside.is_some() && sink.broken().is_none());
        let mut whole = Sink::new(std::io::Cursor::new(Vec::new()), &Encoding::default()).unwrap();
        Sound { aside, rest: samples }.write(&mut whole).unwrap();
        assert!(whole.finish().unwrap().into_inner() == encode(&wave, &Encoding::default()).unwrap());
    }

    #[test]
    fn a_disk_that_cannot_hold_a_long_line_stops_the_work() {
        let report = Report::new(true, false);
        let joined = Joined::new(None, Encoding::default(), vec![0], 0).unwrap();
        let mut sink = LineSink::new(&report, Destination::Joined(Mutex::new(joined)), None, Vec::new());
        sink.aside_in = Some("/nowhere".into());
        sink.grow(0, &mut vec![0.5; LONG - 1]);
        assert!(!sink.is_stopped());
        sink.grow(0, &mut vec![0.5; LONG]);
        assert!(sink.is_stopped() && sink.broken().is_some());
    }
}
