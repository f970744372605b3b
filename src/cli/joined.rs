//! The file into which lines are joined, in their order.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Read as _, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chattts_rs::audio::subtitles::{Cue, srt, vtt};
use chattts_rs::audio::{Encoding, Sink};
use chattts_rs::batch::{beside, part_file, write_file};
use tempfile::NamedTempFile;

use super::args::SubtitleKind;
use super::output::{persist, persist_new};

/// Bytes that are put aside and read back at once.
pub const BLOCK: usize = 1 << 16;

/// A line's samples: those that were put aside, then the others.
pub struct Sound {
    pub aside: Option<File>,
    pub rest: Vec<f32>,
}

impl Sound {
    /// Writes them into a sink.
    pub fn write<W: Write + Seek>(mut self, sink: &mut Sink<W>) -> anyhow::Result<()> {
        if let Some(mut file) = self.aside.take() {
            let failed = "cannot read back what was put aside";
            file.rewind().context(failed)?;
            let mut bytes = Vec::with_capacity(BLOCK);
            let mut samples = Vec::with_capacity(BLOCK / size_of::<f32>());
            loop {
                bytes.clear();
                samples.clear();
                if (&file).take(BLOCK as u64).read_to_end(&mut bytes).context(failed)? == 0 {
                    break;
                }
                samples.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
                sink.push(&samples)?;
            }
        }
        Ok(sink.push(&self.rest)?)
    }
}

/// The file into which lines are joined, while it grows.
pub struct Joined {
    /// The sink of the samples; None once it failed or was finished.
    sink: Option<Sink<File>>,
    /// None once it was finished.
    file: Option<NamedTempFile>,
    encoding: Encoding,
    /// Lines that are still to come, in order.
    order: VecDeque<usize>,
    /// Lines that came before their turn.
    early: BTreeMap<usize, Option<(Sound, Vec<Cue>)>>,
    cues: Vec<Cue>,
    lines: usize,
}

impl Joined {
    /// Creates a file that grows beside its place, or where temporary files are, to so many samples at most.
    pub fn new(
        beside: Option<&Path>,
        encoding: Encoding,
        order: Vec<usize>,
        most_samples: u64,
    ) -> anyhow::Result<Self> {
        let file = match beside {
            Some(path) => super::output::part_file(path)?,
            None => NamedTempFile::new().context("cannot create a temporary file")?,
        };
        let out = file.reopen().context("cannot open a temporary file")?;
        let sink = match most_samples > encoding.max_samples() {
            true => Sink::long(out, &encoding)?,
            false => Sink::new(out, &encoding)?,
        };
        Ok(Joined {
            sink: Some(sink),
            file: Some(file),
            encoding,
            order: order.into(),
            early: BTreeMap::new(),
            cues: Vec::new(),
            lines: 0,
        })
    }

    /// Adds a line's samples, or notes that it has none, and writes all lines whose turn has come.
    pub fn push(&mut self, index: usize, spoken: Option<(Sound, Vec<Cue>)>) -> anyhow::Result<()> {
        self.early.insert(index, spoken);
        let rate = f64::from(self.encoding.sample_rate());
        while let Some(next) = self.order.front().copied()
            && let Some(spoken) = self.early.remove(&next)
        {
            self.order.pop_front();
            let (Some((sound, cues)), Some(sink)) = (spoken, &mut self.sink) else { continue };
            let offset = sink.samples() as f64 / rate;
            let moved = |cue: Cue| Cue { start: cue.start + offset, end: cue.end + offset, text: cue.text };
            self.cues.extend(cues.into_iter().map(moved));
            sound.write(sink)?;
            self.lines += 1;
        }
        Ok(())
    }

    /// Completes the file and puts it in its place, or on standard output; returns the place, if there is one. Where
    /// `next` gives other names, nothing that has come to lie there is replaced.
    pub fn finish(
        &mut self,
        path: Option<&PathBuf>,
        subtitles: Option<SubtitleKind>,
        next: Option<impl FnMut() -> PathBuf>,
    ) -> anyhow::Result<Option<PathBuf>> {
        let Some(sink) = self.sink.take().filter(|_| self.lines > 0) else { return Ok(None) };
        sink.finish()?;
        let Some(mut file) = self.file.take() else { return Ok(None) };
        match (path, next) {
            (Some(path), None) => {
                if let Some(kind) = subtitles {
                    write_subtitles(path, kind, &self.cues)?;
                }
                persist(file, path)?;
            }
            (Some(path), Some(mut next)) => {
                let mut path = path.clone();
                while let Some(refused) = self.put_new(file, &path, subtitles)? {
                    file = refused;
                    path = next();
                }
                return Ok(Some(path));
            }
            (None, _) => {
                let mut file = file.reopen()?;
                let mut stdout = std::io::stdout().lock();
                std::io::copy(&mut file, &mut stdout)?;
                stdout.flush()?;
            }
        }
        Ok(path.cloned())
    }

    /// Puts the file and its subtitles where nothing is; returns the file if something is there.
    fn put_new(
        &self,
        file: NamedTempFile,
        path: &Path,
        subtitles: Option<SubtitleKind>,
    ) -> anyhow::Result<Option<NamedTempFile>> {
        let words = subtitles.map(|kind| (beside(path, kind.extension()), subtitles_of(kind, &self.cues)));
        if let Some((path, text)) = &words {
            let mut part = part_file(path)?;
            part.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
            if persist_new(part, path)?.is_some() {
                return Ok(Some(file));
            }
        }
        let refused = persist_new(file, path)?;
        if let (Some(_), Some((path, _))) = (&refused, words) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(refused)
    }
}

/// Writes the subtitles of a file beside it.
pub fn write_subtitles(path: &Path, kind: SubtitleKind, cues: &[Cue]) -> chattts_rs::Result<()> {
    write_file(&beside(path, kind.extension()), subtitles_of(kind, cues).as_bytes())
}

fn subtitles_of(kind: SubtitleKind, cues: &[Cue]) -> String {
    match kind {
        SubtitleKind::Srt => srt(cues),
        SubtitleKind::Vtt => vtt(cues),
    }
}
