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
    /// Gives them out in parts.
    pub fn read(mut self, mut take: impl FnMut(&[f32]) -> anyhow::Result<()>) -> anyhow::Result<()> {
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
                take(&samples)?;
            }
        }
        take(&self.rest)
    }

    /// Writes them into a sink.
    pub fn write<W: Write + Seek>(self, sink: &mut Sink<W>) -> anyhow::Result<()> {
        self.read(|samples| Ok(sink.push(samples)?))
    }

    /// Returns all of them.
    pub fn samples(self) -> anyhow::Result<Vec<f32>> {
        let mut all = Vec::new();
        self.read(|samples| {
            all.extend_from_slice(samples);
            Ok(())
        })?;
        Ok(all)
    }
}

/// When a line is heard in the file of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timing {
    /// Behind the line before it; so many seconds of silence follow.
    Next { gap: f64 },
    /// At its time, for as long as there is room, in seconds; the rest is mixed with what follows.
    At { start: f64, room: f64 },
}

impl Default for Timing {
    fn default() -> Self {
        Timing::Next { gap: 0.0 }
    }
}

/// A line on its way into the file.
pub struct Part {
    pub sound: Sound,
    pub cues: Vec<Cue>,
    pub timing: Timing,
    /// The number of its speaker's own file.
    pub stem: Option<usize>,
}

/// A file that grows.
struct Track {
    sink: Sink<File>,
    file: NamedTempFile,
}

impl Track {
    fn new(beside: Option<&Path>, encoding: &Encoding, most_samples: u64) -> anyhow::Result<Self> {
        let file = match beside {
            Some(path) => super::output::part_file(path)?,
            None => NamedTempFile::new().context("cannot create a temporary file")?,
        };
        let out = file.reopen().context("cannot open a temporary file")?;
        let sink = match most_samples > encoding.max_samples() {
            true => Sink::long(out, encoding)?,
            false => Sink::new(out, encoding)?,
        };
        Ok(Track { sink, file })
    }

    fn finish(self) -> anyhow::Result<NamedTempFile> {
        self.sink.finish()?;
        Ok(self.file)
    }
}

/// The file into which lines are joined, while it grows, and those of speakers beside it.
pub struct Joined {
    /// That of all lines, then those of speakers; empty once they are finished.
    tracks: Vec<Track>,
    stems: Vec<PathBuf>,
    encoding: Encoding,
    most_samples: u64,
    /// Lines that are still to come, in order.
    order: VecDeque<usize>,
    /// Lines that came before their turn.
    early: BTreeMap<usize, Option<Part>>,
    cues: Vec<Cue>,
    lines: usize,
    /// Samples that are written.
    samples: u64,
    /// Samples of silence before the next line.
    owed: u64,
    /// Samples of a line that ran out of room.
    tail: Vec<f32>,
    /// The length of the file, if that is given, in seconds.
    length: Option<f64>,
}

impl Joined {
    /// Creates a file that grows beside its place, or where temporary files are, to so many samples at most.
    pub fn new(
        beside: Option<&Path>,
        encoding: Encoding,
        order: Vec<usize>,
        most_samples: u64,
    ) -> anyhow::Result<Self> {
        Ok(Joined {
            tracks: vec![Track::new(beside, &encoding, most_samples)?],
            stems: Vec::new(),
            encoding,
            most_samples,
            order: order.into(),
            early: BTreeMap::new(),
            cues: Vec::new(),
            lines: 0,
            samples: 0,
            owed: 0,
            tail: Vec::new(),
            length: None,
        })
    }

    /// Writes these files beside the one of all, each for the lines of its number.
    pub fn with_stems(mut self, stems: Vec<PathBuf>) -> anyhow::Result<Self> {
        for path in &stems {
            self.tracks.push(Track::new(Some(path), &self.encoding, self.most_samples)?);
        }
        self.stems = stems;
        Ok(self)
    }

    /// Makes the file so many seconds long.
    pub fn with_length(mut self, length: Option<f64>) -> Self {
        self.length = length;
        self
    }

    /// Adds a line, or notes that it has no sound, and writes all lines whose turn has come.
    pub fn push(&mut self, index: usize, part: Option<Part>) -> anyhow::Result<()> {
        self.early.insert(index, part);
        while let Some(next) = self.order.front().copied()
            && let Some(part) = self.early.remove(&next)
        {
            self.order.pop_front();
            if let Some(part) = part.filter(|_| !self.tracks.is_empty()) {
                self.add(part)?;
                self.lines += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, part: Part) -> anyhow::Result<()> {
        let Part { sound, cues, timing, stem } = part;
        match timing {
            Timing::Next { gap } => {
                self.fill_to(self.samples + self.owed)?;
                self.owed = self.at(gap);
                self.show(cues);
                sound.read(|samples| self.write(samples, stem))
            }
            Timing::At { start, room } => {
                let (at, end) = (self.at(start), self.at(start + room));
                self.fill_to(at)?;
                self.show(cues);
                let mut samples = sound.samples()?;
                let tail = std::mem::take(&mut self.tail);
                samples.resize(samples.len().max(tail.len()), 0.0);
                samples.iter_mut().zip(&tail).for_each(|(sample, tail)| *sample += tail);
                let room = end.saturating_sub(at) as usize;
                if samples.len() > room {
                    self.tail = samples.split_off(room);
                    if self.order.is_empty() {
                        fade_out(&mut samples);
                    }
                }
                self.write(&samples, stem)
            }
        }
    }

    /// Adds the cues of a line that begins here.
    fn show(&mut self, cues: Vec<Cue>) {
        let offset = self.samples as f64 / f64::from(self.encoding.sample_rate());
        let moved = |cue: Cue| Cue { start: cue.start + offset, end: cue.end + offset, text: cue.text };
        self.cues.extend(cues.into_iter().map(moved));
    }

    /// Returns the sample at a time in seconds.
    fn at(&self, seconds: f64) -> u64 {
        (seconds * f64::from(self.encoding.sample_rate())).round() as u64
    }

    /// Writes what is left of the lines before, and silence, up to a sample.
    fn fill_to(&mut self, sample: u64) -> anyhow::Result<()> {
        let missing = sample.saturating_sub(self.samples) as usize;
        let rest = self.tail.split_off(self.tail.len().min(missing));
        let tail = std::mem::replace(&mut self.tail, rest);
        self.write(&tail, None)?;
        let silence = [0.0; BLOCK / size_of::<f32>()];
        let mut left = missing - tail.len();
        while left > 0 {
            let part = left.min(silence.len());
            self.write(&silence[..part], None)?;
            left -= part;
        }
        Ok(())
    }

    /// Appends samples to the file of all and to that of their speaker, and silence to the others.
    fn write(&mut self, samples: &[f32], stem: Option<usize>) -> anyhow::Result<()> {
        let silence = if self.tracks.len() > 1 { vec![0.0; samples.len()] } else { Vec::new() };
        for (number, track) in self.tracks.iter_mut().enumerate() {
            let is_heard = number == 0 || stem == Some(number - 1);
            track.sink.push(if is_heard { samples } else { &silence })?;
        }
        self.samples += samples.len() as u64;
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
        if self.lines == 0 {
            return Ok(None);
        }
        if let Some(length) = self.length {
            self.fill_to(self.at(length))?;
        }
        let mut tracks = std::mem::take(&mut self.tracks).into_iter();
        let Some(whole) = tracks.next() else { return Ok(None) };
        let mut file = whole.finish()?;
        for (track, stem) in tracks.zip(&self.stems) {
            persist(track.finish()?, stem)?;
        }
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

/// Lets the end of what is cut off fade.
fn fade_out(samples: &mut [f32]) {
    /// Samples of the fade, which is over before it is heard as one.
    const FADE: usize = 240;
    let count = samples.len().min(FADE);
    let from = samples.len() - count;
    for (at, sample) in samples[from..].iter_mut().enumerate() {
        *sample *= (count - at) as f32 / count as f32;
    }
}

/// Writes the subtitles of a file beside it.
fn write_subtitles(path: &Path, kind: SubtitleKind, cues: &[Cue]) -> chattts_rs::Result<()> {
    write_file(&beside(path, kind.extension()), subtitles_of(kind, cues).as_bytes())
}

/// Returns the text of subtitles.
pub fn subtitles_of(kind: SubtitleKind, cues: &[Cue]) -> String {
    match kind {
        SubtitleKind::Srt => srt(cues),
        SubtitleKind::Vtt => vtt(cues),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(samples: Vec<f32>, timing: Timing, stem: Option<usize>) -> Option<Part> {
        let cues = vec![Cue { start: 0.0, end: 0.5, text: "x".into() }];
        Some(Part { sound: Sound { aside: None, rest: samples }, cues, timing, stem })
    }

    fn read(path: &Path) -> Vec<f32> {
        chattts_rs::audio::Recording::read(path).unwrap().samples
    }

    fn encoding() -> Encoding {
        let float = chattts_rs::audio::SampleFormat::F32;
        Encoding::new(chattts_rs::audio::Format::Wav, Some(float), Some(8_000)).unwrap()
    }

    fn finished(mut joined: Joined, path: &Path) -> (Vec<f32>, Vec<f64>) {
        let none: Option<fn() -> PathBuf> = None;
        joined.finish(Some(&path.to_path_buf()), None, none).unwrap();
        (read(path), joined.cues.iter().map(|cue| cue.start).collect())
    }

    #[test]
    fn cues_begin_at_their_times_and_what_runs_over_is_mixed_and_at_the_end_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let mut joined =
            Joined::new(Some(&path), encoding(), vec![0, 1, 2, 3], 0).unwrap().with_length(Some(2.0));
        let at = |start, room| Timing::At { start, room };
        joined.push(1, part(vec![0.25; 4_000], at(1.0, 0.75), None)).unwrap();
        joined.push(3, part(vec![0.25; 4_000], at(1.75, 0.25), None)).unwrap();
        joined.push(2, None).unwrap();
        joined.push(0, part(vec![0.5; 8_000], at(0.5, 0.5), None)).unwrap();
        let (wave, starts) = finished(joined, &path);
        assert_eq!((wave.len(), starts), (16_000, vec![0.5, 1.0, 1.75]));
        let levels = [(0, 0.0), (4_000, 0.5), (8_000, 0.75), (11_999, 0.75), (12_000, 0.0), (14_000, 0.25)];
        for (sample, level) in levels {
            assert_eq!(wave[sample], level, "{sample}");
        }
        assert!(wave[15_999] > 0.0 && wave[15_999] < 0.01);
    }

    #[test]
    fn speakers_have_files_of_one_length_that_add_up_to_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let stems: Vec<PathBuf> = ["x/anna.wav", "x/bob.wav"].map(|name| dir.path().join(name)).into();
        let joined = Joined::new(Some(&path), encoding(), vec![0, 1, 2], 0).unwrap();
        let mut joined = joined.with_stems(stems.clone()).unwrap();
        let gap = Timing::Next { gap: 0.25 };
        for (index, stem) in [(0, 0), (1, 1), (2, 0)] {
            joined.push(index, part(vec![0.1 * (index + 1) as f32; 1_000], gap, Some(stem))).unwrap();
        }
        let (wave, starts) = finished(joined, &path);
        // Between lines alone, and not behind the last.
        assert_eq!((wave.len(), starts), (7_000, vec![0.0, 0.375, 0.75]));
        let parts: Vec<Vec<f32>> = stems.iter().map(|stem| read(stem)).collect();
        assert!(parts[0].iter().zip(&parts[1]).map(|(a, b)| a + b).eq(wave.iter().copied()));
        assert!(
            parts[1][3_000..4_000].iter().all(|sample| *sample != 0.0)
                && parts[1][..3_000].iter().all(|s| *s == 0.0)
        );
    }
}
