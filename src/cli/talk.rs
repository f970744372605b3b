//! Conversations, subtitles and books as lines: what is read from their files, and what is made beside the lines' own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chattts_rs::audio::subtitles::read as read_cues;
use chattts_rs::audio::{Stretcher, Tags, resample};
use chattts_rs::backend::SAMPLE_RATE;
use chattts_rs::batch::manifest::Row;
use chattts_rs::batch::{Entry, NameFields, NameTemplate, Names};
use chattts_rs::speech::Cast;
use chattts_rs::text::{Book, named, pause_after, spoken_seconds, turns};
use serde_json::json;

use super::Usage;
use super::input::Utterance;
use super::joined::Timing;
use super::plan::PlannedLine;

/// The file that lists a book's chapters.
pub const PLAYLIST: &str = "playlist.m3u8";
/// The time by which a cue may be late unnoticed, in seconds: less than a frame of video.
const TOLERANCE: f64 = 0.02;

/// The time that a cue has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// Its begin, in seconds.
    pub start: f64,
    /// The time to the next one, or to the end, in seconds.
    pub room: f64,
    /// Its end, in seconds.
    pub end: f64,
}

/// Adds the turns of a conversation.
pub fn add_turns(text: &str, file: &str, utterances: &mut Vec<Utterance>) {
    for (number, turn) in turns(text) {
        let row = turn.map(|turn| json!({ "speaker": turn.speaker, "text": turn.text }).to_string());
        utterances.push(Utterance::of_line(utterances.len(), file, number, row));
    }
}

/// Adds the cues of subtitles; with a cast, those that begin with a name have a speaker.
pub fn add_cues(text: &str, file: &str, has_cast: bool, utterances: &mut Vec<Utterance>) {
    let cues = read_cues(text);
    let starts: Vec<f64> = cues.iter().filter_map(|(_, cue)| Some(cue.as_ref().ok()?.start)).collect();
    let mut starts = starts.into_iter().skip(1);
    for (number, cue) in cues {
        let slot = cue.as_ref().ok().map(|cue| Slot {
            start: cue.start,
            room: starts.next().unwrap_or(cue.end) - cue.start,
            end: cue.end,
        });
        let row = cue.map(|cue| match named(&cue.text).filter(|_| has_cast) {
            Some((speaker, said)) => json!({ "speaker": speaker, "text": said }).to_string(),
            None => json!({ "text": cue.text }).to_string(),
        });
        let mut utterance = Utterance::of_line(utterances.len(), file, number, row);
        utterance.slot = slot;
        utterances.push(utterance);
    }
}

/// Adds the chapters of a book.
pub fn add_chapters(text: &str, file: &str, is_markdown: bool, utterances: &mut Vec<Utterance>) {
    let path = Path::new(file);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_markdown = is_markdown || ["md", "markdown"].contains(&ending.as_str());
    let book = Book::read(text, is_markdown, &stem);
    let album = book.title.unwrap_or_else(|| stem.to_string());
    for (number, chapter) in book.chapters.into_iter().enumerate() {
        let track = number as u32 + 1;
        // Of one width, and the same when the book has grown.
        let id = format!("{track:03} {}", chapter.title);
        let row = json!({ "text": chapter.text, "id": id, "markdown": is_markdown }).to_string();
        let mut utterance = Utterance::of_line(utterances.len(), file, chapter.line, Ok(row));
        utterance.tags = Some(Tags { title: chapter.title, album: album.clone(), track });
        utterances.push(utterance);
    }
}

/// Returns the names of those who speak, in the order in which they first do.
pub fn speakers(utterances: &[Utterance]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for utterance in utterances {
        let row = utterance.raw().ok().and_then(|raw| Row::parse(raw).ok());
        if let Some(speaker) = row.and_then(|row| row.speaker)
            && !found.iter().any(|known| Cast::fold(known) == Cast::fold(&speaker))
        {
            found.push(speaker);
        }
    }
    found
}

/// Returns the voices that were drawn as `--cast` takes them.
pub fn written(drawn: &[(String, String)]) -> String {
    drawn.iter().map(|(name, role)| format!("{name}={role}")).collect::<Vec<_>>().join(",")
}

/// Gives every line its time in the file of all: its cue's, or behind the line before it.
///
/// # Errors
/// [`Usage`] for a length before the last cue.
pub fn time(planned: &mut [PlannedLine], gap: Option<f64>, length: Option<f64>) -> Result<(), Usage> {
    for line in planned.iter_mut() {
        let text = line.line.text();
        line.timing = match (line.slot, gap, &line.speaker) {
            (Some(Slot { start, room, .. }), ..) => Timing::At { start, room },
            (None, Some(gap), _) => Timing::Next { gap },
            (None, None, Some(_)) => Timing::Next { gap: pause_after(&text, spoken_seconds(&text)) },
            (None, None, None) => Timing::Next { gap: 0.0 },
        };
    }
    let last = planned.iter_mut().max_by_key(|line| line.index);
    if let (Some(Timing::At { start, room }), Some(length)) = (last.map(|line| &mut line.timing), length) {
        if length <= *start {
            return Err(Usage(format!("--length: the last cue begins at {start} s; the video is longer")));
        }
        *room = length - *start;
    }
    Ok(())
}

/// A cue's speech in its time.
pub struct Fitted {
    pub samples: Vec<f32>,
    /// How much faster it is spoken, at least 1.
    pub speed: f32,
    /// Seconds by which it is too long all the same.
    pub over: f64,
}

/// Speaks samples (24 kHz) that are longer than their time faster, by `fastest` at most, and resamples them.
///
/// # Errors
/// As [`Stretcher::new`] and [`resample`].
pub fn fit(samples: Vec<f32>, room: f64, fastest: f32, rate: u32) -> chattts_rs::Result<Fitted> {
    let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
    let speed = ((seconds / room) as f32).clamp(1.0, fastest);
    let mut stretcher = Stretcher::new(speed)?;
    let mut fitted = stretcher.push(&samples);
    fitted.extend(stretcher.finish());
    let over = fitted.len() as f64 / f64::from(SAMPLE_RATE) - room;
    let samples = resample(&fitted, SAMPLE_RATE, rate)?.into_owned();
    Ok(Fitted { samples, speed, over: if over > TOLERANCE { over } else { 0.0 } })
}

/// Returns the files of the speakers in a folder, and gives every line the number of its own.
pub fn stems(
    dir: &Path,
    whole: Option<&PathBuf>,
    extension: &str,
    planned: &mut [PlannedLine],
) -> anyhow::Result<Vec<PathBuf>> {
    let mut names = Names::new(format!("{{id}}.{extension}").parse::<NameTemplate>()?);
    let mut known: Vec<String> = Vec::new();
    let mut paths = Vec::new();
    for line in planned {
        let Some(speaker) = &line.speaker else { continue };
        let number = known.iter().position(|name| *name == Cast::fold(speaker)).unwrap_or_else(|| {
            known.push(Cast::fold(speaker));
            let fields = NameFields { index: 0, id: Some(speaker), seed: 0, role: None, key: "", text: "" };
            paths.push(dir.join(names.name(&fields, speaker)));
            known.len() - 1
        });
        line.stem = Some(number);
    }
    if let Some(whole) = whole.filter(|whole| paths.contains(whole)) {
        let whole = whole.display();
        return Err(Usage(format!("--stems: {whole} is what --out writes to; name another place")).into());
    }
    Ok(paths)
}

/// Returns a playlist of the chapters that are finished.
pub fn playlist<'a>(chapters: impl Iterator<Item = (&'a Path, &'a Tags, &'a Entry)>) -> String {
    let mut text = String::from("#EXTM3U\n");
    for (name, tags, entry) in chapters {
        let title = tags.title.replace(['\n', '\r'], " ");
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "#EXTALB:{}\n#EXTINF:{:.0},{title}\n{}",
            tags.album,
            entry.seconds,
            name.display()
        );
    }
    text
}

/// Completes a cast, or makes one for a conversation without.
pub fn complete(
    cast: Option<Cast>,
    utterances: &[Utterance],
    registry: &chattts_rs::voice::Registry,
    seed: u64,
) -> (Option<Cast>, Vec<(String, String)>) {
    let Some(mut cast) = cast else { return (None, Vec::new()) };
    let drawn = cast.complete(speakers(utterances).into_iter(), registry, seed);
    (Some(cast), drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_faster_up_to_its_limit() {
        let wave: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
        for (room, speed, over) in [(3.0, 1.0, 0.0), (2.0, 1.0, 0.0), (1.6, 1.25, 0.0), (1.0, 1.5, 1.0 / 3.0)]
        {
            let fitted = fit(wave.clone(), room, 1.5, 24_000).unwrap();
            assert!((fitted.speed - speed).abs() < 1e-6 && (fitted.over - over).abs() < 1e-3, "{room}");
            let seconds = fitted.samples.len() as f64 / 24_000.0;
            assert!((seconds - 2.0 / f64::from(speed)).abs() < 1e-4, "{room}: {seconds}");
        }
    }

    #[test]
    fn a_cue_has_the_time_to_the_next_that_can_be_spoken() {
        let text = "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:00:01,500 --> 00:00:03,000\nb\n\n\
                    3\n00:00:04,000 --> 00:00:05,500\nAnna: c\n";
        let mut found = Vec::new();
        add_cues(text, "a.srt", true, &mut found);
        let slots: Vec<_> = found.iter().map(|line| line.slot.map(|slot| (slot.start, slot.room))).collect();
        assert_eq!(slots, [Some((1.0, 3.0)), None, Some((4.0, 1.5))]);
        assert_eq!(speakers(&found), ["Anna"]);
        assert_eq!(found[2].to_string(), "a.srt:10");
    }

    #[test]
    fn chapters_have_numbers_titles_and_an_album() {
        let mut found = Vec::new();
        add_chapters("# Sea\n\n## One\na\n\n## Two\nb\n", "x/book.md", false, &mut found);
        let tags: Vec<_> = found.iter().map(|line| line.tags.clone().unwrap()).collect();
        assert_eq!((tags[1].title.as_str(), tags[1].album.as_str(), tags[1].track), ("Two", "Sea", 2));
        let row = Row::parse(found[0].raw().unwrap()).unwrap();
        assert_eq!((row.id.as_deref(), row.overrides.markup.markdown), (Some("001 One"), Some(true)));
    }
}
