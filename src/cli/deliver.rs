//! What becomes of a spoken line: file, subtitles, dump, record. Runs on the writers' threads.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use chattts_rs::audio::subtitles::{Cue, srt, vtt};
use chattts_rs::audio::{Encoding, Sink, encode, normalize_loudness, resample, trim_quiet, trim_silence};
use chattts_rs::batch::report::{Record, ReportWriter, Status};
use chattts_rs::batch::{Entry, Ledger, write_file};
use chattts_rs::model::SAMPLE_RATE;
use chattts_rs::pipeline::{Outcome, Spoken};

use super::args::SubtitleKind;
use super::dump::Dump;
use super::output::{persist, print_line, print_path};
use super::plan::{Failed, Piece, Todo};
use super::report::Report;

/// Where finished lines go.
pub enum Destination {
    /// A file each; the ledger knows which are finished.
    Folder(Mutex<Ledger>),
    /// All into one, in order.
    Joined(Mutex<Joined>),
}

/// The one file that lines are joined into, while it grows.
pub struct Joined {
    /// None once it failed or was finished.
    sink: Option<Sink<File>>,
    file: tempfile::NamedTempFile,
    encoding: Encoding,
    /// Lines that are still to come, in order.
    order: std::collections::VecDeque<usize>,
    /// Lines that came before their turn.
    early: BTreeMap<usize, Option<Treated>>,
    cues: Vec<Cue>,
    lines: usize,
}

/// Delivers outcomes; shared by the threads that write.
pub struct Delivery<'a> {
    pub report: &'a Report,
    pub destination: Destination,
    pub subtitles: Option<SubtitleKind>,
    pub dump: Option<Dump>,
    pub records: Option<Mutex<ReportWriter>>,
    pub json: bool,
    /// The file that all lines go into, for their records.
    pub joined_path: Option<PathBuf>,
    pub fail_fast: bool,
    /// By index.
    pub todo: BTreeMap<usize, Todo>,
    pub tally: Tally,
    /// Something that would befall every line: a full disk, a closed pipe.
    broken: Mutex<Option<anyhow::Error>>,
    stop: AtomicBool,
}

/// Counts of what was done.
#[derive(Default)]
pub struct Tally {
    pub done: AtomicUsize,
    pub truncated: AtomicUsize,
    pub failed: AtomicUsize,
    pub milliseconds: AtomicU64,
}

/// What a sentence takes at least, by estimate.
const LEAST_SECONDS: f64 = 0.01;

/// A line's samples at its file's rate, and when its pieces sound in them.
struct Treated {
    samples: Vec<f32>,
    cues: Vec<Cue>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Delivery<'a> {
    /// Over the lines to be spoken.
    pub fn new(
        report: &'a Report,
        destination: Destination,
        subtitles: Option<SubtitleKind>,
        todo: Vec<Todo>,
    ) -> Self {
        Delivery {
            report,
            destination,
            subtitles,
            dump: None,
            records: None,
            json: false,
            joined_path: None,
            fail_fast: false,
            todo: todo.into_iter().map(|line| (line.index, line)).collect(),
            tally: Tally::default(),
            broken: Mutex::new(None),
            stop: AtomicBool::new(false),
        }
    }

    /// Whether to go on.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What broke, if something did.
    pub fn broken(&self) -> Option<anyhow::Error> {
        lock(&self.broken).take()
    }

    /// Takes a line's outcome.
    pub fn take(&self, outcome: Outcome) {
        let Some(line) = self.todo.get(&outcome.index) else { return };
        // After something broke nothing new is finished.
        if lock(&self.broken).is_some() {
            return;
        }
        let delivered = match outcome.result {
            Ok(spoken) => self.finish(line, &spoken),
            Err(error) => self.fail(&Failed {
                index: line.index,
                label: line.label.clone(),
                id: line.id.clone(),
                error: error.into(),
            }),
        };
        if let Err(error) = delivered {
            *lock(&self.broken) = Some(error);
            self.stop.store(true, Ordering::Relaxed);
        }
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
        record.error = Some(format!("{:#}", failed.error));
        self.record(&record)?;
        if let Destination::Joined(joined) = &self.destination {
            lock(joined).push(failed.index, None)?;
        }
        Ok(())
    }

    /// Reports a line whose file an earlier run finished.
    pub fn skip(&self, line: &Todo, path: &Path, entry: Option<&Entry>) -> anyhow::Result<()> {
        let mut record = Record::new(line.index, Status::Skipped);
        record.id.clone_from(&line.id);
        record.path = Some(path.display().to_string());
        if let Some(entry) = entry {
            record.seconds = Some(entry.seconds);
            record.seed = Some(entry.seed);
            record.sha256 = Some(entry.sha256.clone());
        }
        self.record(&record)
    }

    fn record(&self, record: &Record) -> anyhow::Result<()> {
        if let Some(records) = &self.records {
            lock(records).write(record)?;
        }
        if self.json {
            print_line(&serde_json::to_string(record)?)?;
        }
        Ok(())
    }

    fn finish(&self, line: &Todo, spoken: &Spoken) -> anyhow::Result<()> {
        if let Some(dump) = &self.dump {
            for piece in &spoken.pieces {
                dump.speech(line.index, piece)?;
            }
        }
        let treated = Self::treat(line, spoken)?;
        let seconds = treated.samples.len() as f64 / f64::from(line.encoding.sample_rate());
        let truncated = spoken.is_truncated();
        let mut record = Record::new(line.index, if truncated { Status::Truncated } else { Status::Done });
        record.id.clone_from(&line.id);
        record.seconds = Some(seconds);
        record.tokens = Some(spoken.tokens());
        record.seed = Some(spoken.seed);
        record.ms = u64::try_from(spoken.time.as_millis()).ok();
        record.text = Some(line.text());
        if truncated {
            self.tally.truncated.fetch_add(1, Ordering::Relaxed);
            let limit = line.request.sampling.max_tokens;
            let what = format!("--max-tokens {limit} were out before the model ended; the speech is cut off");
            self.report.warn(&format!("{}: {what}", line.label));
            record.error = Some(what);
        }
        if spoken.seed != line.request.seed {
            let (asked, used) = (line.request.seed, spoken.seed);
            self.report.note(&format!("{}: seed {asked} ends at once; spoken with seed {used}", line.label));
        }
        match &self.destination {
            Destination::Folder(ledger) => {
                let bytes = encode(&treated.samples, &line.encoding)?;
                let entry = Entry::new(&line.name, &line.key, &bytes, seconds, spoken.seed)?;
                record.sha256 = Some(entry.sha256.clone());
                let dir = lock(ledger).dir().to_path_buf();
                let path = dir.join(&line.name);
                if let Some(kind) = self.subtitles {
                    write_subtitles(&path, kind, &treated.cues)?;
                }
                lock(ledger).store(entry, &bytes, true)?;
                record.path = Some(path.display().to_string());
                if !self.json {
                    print_path(&path)?;
                }
            }
            Destination::Joined(joined) => {
                record.path = self.joined_path.as_ref().map(|path| path.display().to_string());
                lock(joined).push(line.index, Some(treated))?;
            }
        }
        self.tally.done.fetch_add(1, Ordering::Relaxed);
        self.tally.milliseconds.fetch_add((seconds * 1e3) as u64, Ordering::Relaxed);
        self.record(&record)
    }

    /// Pieces joined, trimmed, resampled, brought to their loudness.
    fn treat(line: &Todo, spoken: &Spoken) -> chattts_rs::Result<Treated> {
        let rate = line.encoding.sample_rate();
        let mut joined: Vec<f32> = Vec::new();
        let mut cues = Vec::new();
        for (piece, Piece { silence, cues: shown, .. }) in spoken.pieces.iter().zip(&line.pieces) {
            let wave = match line.trim {
                true => trim_quiet(&piece.wave, SAMPLE_RATE),
                false => trim_silence(&piece.wave),
            };
            let at = |samples: usize| samples as f64 / f64::from(SAMPLE_RATE);
            cues.extend(cues_of(shown, at(joined.len()), at(joined.len() + wave.len())));
            joined.extend_from_slice(wave);
            joined.extend(std::iter::repeat_n(0.0, (silence * f64::from(SAMPLE_RATE)) as usize));
        }
        let mut samples = resample(&joined, SAMPLE_RATE, rate)?.into_owned();
        if let Some(target) = line.loudness {
            normalize_loudness(&mut samples, rate, target)?;
        }
        Ok(Treated { samples, cues })
    }
}

/// A piece's sentences and when they sound: the piece's own time is exact, within it each gets its share by
/// the estimate of how long it takes to say.
fn cues_of(sentences: &[(String, f64)], start: f64, end: f64) -> Vec<Cue> {
    let total: f64 = sentences.iter().map(|(_, seconds)| seconds.max(LEAST_SECONDS)).sum();
    let mut said = 0.0;
    let mut from = start;
    let cue = |(text, seconds): &(String, f64)| {
        said += seconds.max(LEAST_SECONDS);
        let to = start + (end - start) * said / total;
        Cue { start: std::mem::replace(&mut from, to), end: to, text: text.clone() }
    };
    sentences.iter().map(cue).collect()
}

fn write_subtitles(path: &Path, kind: SubtitleKind, cues: &[Cue]) -> chattts_rs::Result<()> {
    let (extension, text) = match kind {
        SubtitleKind::Srt => ("srt", srt(cues)),
        SubtitleKind::Vtt => ("vtt", vtt(cues)),
    };
    write_file(&path.with_extension(extension), text.as_bytes())
}

impl Joined {
    /// A file that grows beside its place, or where temporary files are.
    pub fn new(beside: Option<&Path>, encoding: Encoding, order: Vec<usize>) -> anyhow::Result<Self> {
        let file = match beside {
            Some(path) => super::output::part_file(path)?,
            None => tempfile::NamedTempFile::new().context("cannot create a temporary file")?,
        };
        let out = file.reopen().context("cannot open a temporary file")?;
        Ok(Joined {
            sink: Some(Sink::new(out, &encoding)?),
            file,
            encoding,
            order: order.into(),
            early: BTreeMap::new(),
            cues: Vec::new(),
            lines: 0,
        })
    }

    /// Takes a line's samples, or that it has none, and writes all whose turn has come.
    fn push(&mut self, index: usize, treated: Option<Treated>) -> chattts_rs::Result<()> {
        self.early.insert(index, treated);
        let rate = f64::from(self.encoding.sample_rate());
        while let Some(next) = self.order.front().copied()
            && let Some(treated) = self.early.remove(&next)
        {
            self.order.pop_front();
            let (Some(treated), Some(sink)) = (treated, &mut self.sink) else { continue };
            let offset = sink.samples() as f64 / rate;
            let moved = |cue: Cue| Cue { start: cue.start + offset, end: cue.end + offset, text: cue.text };
            self.cues.extend(treated.cues.into_iter().map(moved));
            sink.push(&treated.samples)?;
            self.lines += 1;
        }
        Ok(())
    }

    /// Completes the file and puts it in its place, or on standard output.
    pub fn finish(mut self, path: Option<&PathBuf>, subtitles: Option<SubtitleKind>) -> anyhow::Result<()> {
        let Some(sink) = self.sink.take().filter(|_| self.lines > 0) else { return Ok(()) };
        sink.finish()?;
        match path {
            Some(path) => {
                if let Some(kind) = subtitles {
                    write_subtitles(path, kind, &self.cues)?;
                }
                persist(self.file, path)
            }
            None => {
                let mut file = self.file.reopen()?;
                let mut stdout = std::io::stdout().lock();
                std::io::copy(&mut file, &mut stdout)?;
                std::io::Write::flush(&mut stdout)?;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_share_the_time_of_their_piece() {
        let sentences = [("一".to_string(), 1.0), ("二".to_string(), 3.0), ("三".to_string(), 0.0)];
        let cues = cues_of(&sentences, 2.0, 12.0);
        assert_eq!((cues[0].start, cues[2].end), (2.0, 12.0));
        assert!(cues.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
        assert!((cues[0].end - 4.5).abs() < 0.1 && cues[2].end > cues[2].start, "{cues:?}");
        assert_eq!(cues.iter().map(|cue| cue.text.as_str()).collect::<String>(), "一二三");
        assert!(cues_of(&[], 0.0, 1.0).is_empty());
    }
}
