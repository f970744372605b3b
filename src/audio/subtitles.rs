//! Subtitles of speech: SubRip and WebVTT.

mod read;

use std::fmt::Write as _;

pub use read::{FoundCue, read, read_time};

/// A text and the time at which it is spoken.
#[derive(Debug, Clone, PartialEq)]
pub struct Cue {
    /// Begin of the text, in seconds from the start of the audio.
    pub start: f64,
    /// End of the text, in seconds from the start of the audio.
    pub end: f64,
    /// The text that is spoken, in one line or more.
    pub text: String,
}

/// Returns the cues as a SubRip file (`.srt`). Times are rounded to milliseconds and never run back: a cue
/// begins no earlier than the one before it ended, and lasts a millisecond at least. Cues without text are left
/// out, and so are empty lines, which would end a cue. SubRip has no way to write `-->` in a text; it becomes
/// `→`.
pub fn srt(cues: &[Cue]) -> String {
    let mut file = String::new();
    for (index, cue) in timed(cues).enumerate() {
        let text = cue.text.replace("-->", "→");
        let separator = if index == 0 { "" } else { "\n" };
        let (start, end) = (time(cue.start, ','), time(cue.end, ','));
        // Writing to a string does not fail.
        let _ = writeln!(file, "{separator}{}\n{start} --> {end}\n{text}", index + 1);
    }
    file
}

/// Returns the cues as a WebVTT file (`.vtt`), with the same times and lines as [`srt`] has. `&`, `<` and `>`
/// are escaped, and `-->` with them.
pub fn vtt(cues: &[Cue]) -> String {
    let mut file = String::from("WEBVTT\n");
    for cue in timed(cues) {
        let text = cue.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let (start, end) = (time(cue.start, '.'), time(cue.end, '.'));
        let _ = writeln!(file, "\n{start} --> {end}\n{text}");
    }
    file
}

/// A cue whose times are in milliseconds and whose text has no empty line.
struct Timed {
    start: u64,
    end: u64,
    text: String,
}

fn timed(cues: &[Cue]) -> impl Iterator<Item = Timed> {
    let spoken = cues.iter().map(|cue| (cue, lines(&cue.text))).filter(|(_, text)| !text.is_empty());
    spoken.scan(0, |clock, (cue, text)| {
        let start = milliseconds(cue.start).max(*clock);
        let end = milliseconds(cue.end).max(start.saturating_add(1));
        *clock = end;
        Some(Timed { start, end, text })
    })
}

fn milliseconds(seconds: f64) -> u64 {
    // What is negative or not a number becomes 0.
    (seconds * 1_000.0).round() as u64
}

/// Returns the lines that are not empty.
fn lines(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn time(milliseconds: u64, point: char) -> String {
    let seconds = milliseconds / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{:03}", seconds % 60, milliseconds % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start: f64, end: f64, text: &str) -> Cue {
        Cue { start, end, text: text.into() }
    }

    #[test]
    fn two_cues_are_these_files() {
        let cues = [cue(0.0, 1.5, "你好，世界。"), cue(1.75, 3725.0625, "And\r\nonce more.")];
        assert_eq!(
            srt(&cues),
            "1\n00:00:00,000 --> 00:00:01,500\n你好，世界。\n\n\
             2\n00:00:01,750 --> 01:02:05,063\nAnd\nonce more.\n"
        );
        assert_eq!(
            vtt(&cues),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n你好，世界。\n\n\
             00:00:01.750 --> 01:02:05.063\nAnd\nonce more.\n"
        );
    }

    #[test]
    fn no_cues_are_valid_files() {
        assert_eq!(srt(&[]), "");
        assert_eq!(vtt(&[]), "WEBVTT\n");
    }

    #[test]
    fn what_the_formats_mean_otherwise_is_escaped() {
        let cues = [cue(0.0, 1.0, "a --> b ---> c & <i>d</i> &amp;")];
        assert_eq!(srt(&cues), "1\n00:00:00,000 --> 00:00:01,000\na → b -→ c & <i>d</i> &amp;\n");
        assert_eq!(
            vtt(&cues),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n\
             a --&gt; b ---&gt; c &amp; &lt;i&gt;d&lt;/i&gt; &amp;amp;\n"
        );
    }

    #[test]
    fn empty_lines_and_empty_cues_are_left_out() {
        let cues = [cue(0.0, 1.0, " \n"), cue(1.0, 2.0, "\n one \r\r\n \n\ntwo\n"), cue(2.0, 3.0, "")];
        assert_eq!(srt(&cues), "1\n00:00:01,000 --> 00:00:02,000\none\ntwo\n");
        assert_eq!(vtt(&cues), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\none\ntwo\n");
    }

    #[test]
    fn hours_have_as_many_digits_as_they_need() {
        let cues = [cue(359999.9996, 3600000.0, "late")];
        assert_eq!(srt(&cues), "1\n100:00:00,000 --> 1000:00:00,000\nlate\n");
        assert_eq!(vtt(&cues), "WEBVTT\n\n100:00:00.000 --> 1000:00:00.000\nlate\n");
    }

    #[test]
    fn times_never_run_back() {
        let cues = [
            cue(-1.0, 1.0, "early"),
            cue(0.5, 0.75, "inside the one before"),
            cue(2.0, 2.0, "no time"),
            cue(f64::NAN, f64::INFINITY, "no number"),
            cue(3.0, 4.0, "after the end"),
        ];
        let times: Vec<u64> = timed(&cues).flat_map(|cue| [cue.start, cue.end]).collect();
        assert_eq!(times, [0, 1000, 1000, 1001, 2000, 2001, 2001, u64::MAX, u64::MAX, u64::MAX]);
        assert_eq!(srt(&cues[..2]).lines().nth(5).unwrap(), "00:00:01,000 --> 00:00:01,001");
    }
}
