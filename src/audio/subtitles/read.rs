//! Reads subtitles: SubRip and WebVTT.

use super::{Cue, milliseconds, time};

/// A cue or the reason why it cannot be used, and the number of the line with its times, from 1.
pub type FoundCue = (usize, Result<Cue, String>);

/// What stands between a cue's times.
const ARROW: &str = "-->";
/// The words with which blocks of WebVTT begin that are no cues.
const BLOCKS: [&str; 4] = ["WEBVTT", "NOTE", "STYLE", "REGION"];

/// Reads the cues of a SubRip or WebVTT file. A text's lines become one, without tags; a voice tag of WebVTT
/// (`<v Anna>`) becomes `Anna: `. A cue that ends before it begins, begins before the one before it has ended, or has no
/// text cannot be used, and neither can a block without times.
pub fn read(text: &str) -> Vec<FoundCue> {
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut clock = 0.0f64;
    let mut at = 0;
    while at < lines.len() {
        if lines[at].is_empty() {
            at += 1;
            continue;
        }
        let end = lines[at..].iter().position(|line| line.is_empty()).map_or(lines.len(), |n| at + n);
        let block = &lines[at..end];
        match block.iter().position(|line| line.contains(ARROW)) {
            Some(times) => {
                let cue = cue(block[times], &block[times + 1..], clock);
                if let Ok(cue) = &cue {
                    clock = cue.end;
                }
                found.push((at + times + 1, cue));
            }
            None if BLOCKS.iter().any(|word| block[0].starts_with(word)) => {}
            // A number that a player would pass over, too.
            None if block.len() == 1 && block[0].bytes().all(|b| b.is_ascii_digit()) => {}
            None => {
                found.push((at + 1, Err("no times; a cue has a line `00:00:01,000 --> 00:00:02,500`".into())))
            }
        }
        at = end;
    }
    found
}

fn cue(times: &str, text: &[&str], clock: f64) -> Result<Cue, String> {
    let wrong = || format!("`{times}` are no times; they are written `00:00:01,000 --> 00:00:02,500`");
    let (start, end) = times.split_once(ARROW).ok_or_else(wrong)?;
    // Behind the end there may be settings.
    let end = end.split_whitespace().next().unwrap_or_default();
    let (Some(start), Some(end)) = (read_time(start.trim()), read_time(end)) else { return Err(wrong()) };
    let shown = |seconds: f64| time(milliseconds(seconds), ',');
    if end <= start {
        return Err(format!("it ends at {}, and begins at {}", shown(end), shown(start)));
    }
    if milliseconds(start) < milliseconds(clock) {
        return Err(format!(
            "it begins at {}, before the cue before it ends, at {}",
            shown(start),
            shown(clock)
        ));
    }
    let text = plain(&text.join(" "));
    match text.is_empty() {
        true => Err("it has no text".into()),
        false => Ok(Cue { start, end, text }),
    }
}

/// Reads a time: seconds, `MM:SS` or `HH:MM:SS`, with a fraction behind a comma or a full stop.
pub fn read_time(text: &str) -> Option<f64> {
    let is_known = |c: char| c.is_ascii_digit() || matches!(c, ':' | ',' | '.');
    if text.is_empty() || !text.chars().all(is_known) {
        return None;
    }
    let text = text.replace(',', ".");
    let parts: Vec<&str> = text.split(':').collect();
    let (seconds, before) = parts.split_last()?;
    if before.len() > 2 || before.iter().any(|part| part.contains('.')) {
        return None;
    }
    let mut whole: f64 = 0.0;
    for part in before {
        whole = 60.0 * (whole + part.parse::<f64>().ok()?);
    }
    let seconds: f64 = seconds.parse().ok()?;
    if !before.is_empty() && seconds >= 60.0 {
        return None;
    }
    // Added in milliseconds, so that a time is the number that is nearest to what was written.
    Some(((whole + seconds) * 1e3).round() / 1e3).filter(|time| time.is_finite())
}

/// Returns a text without tags and with what they escape.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        out.push_str(&rest[..at]);
        let tag = &rest[at..];
        let (close, is_tag) = match tag.starts_with('<') {
            true => (
                '>',
                tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c.is_ascii_digit()),
            ),
            // Of SubStation: {\an8}.
            false => ('}', tag.starts_with("{\\")),
        };
        match tag.find(close).filter(|_| is_tag) {
            Some(end) => {
                if let Some(name) = tag[1..end].strip_prefix("v ").map(str::trim)
                    && out.trim().is_empty()
                {
                    out = format!("{name}: ");
                }
                rest = &tag[end + close.len_utf8()..];
            }
            None => {
                out.push_str(&tag[..1]);
                rest = &tag[1..];
            }
        }
    }
    out.push_str(rest);
    let out = out.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    // Subtitles mark a change of speaker so.
    out.strip_prefix("- ").map_or(out.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::super::{srt, vtt};
    use super::*;

    fn cue(start: f64, end: f64, text: &str) -> Cue {
        Cue { start, end, text: text.into() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let cues =
            [cue(0.0, 1.5, "你好，世界。"), cue(1.75, 3725.063, "a < b & c"), cue(3725.063, 4000.0, "x")];
        for text in
            [srt(&cues), vtt(&cues), srt(&cues).replace('\n', "\r\n"), format!("\u{feff}{}", srt(&cues))]
        {
            let found: Vec<Cue> = read(&text).into_iter().map(|(_, cue)| cue.unwrap()).collect();
            assert_eq!(found, cues, "{text}");
        }
    }

    #[test]
    fn tags_settings_and_blocks_that_are_no_cues_are_passed_over() {
        let text = "WEBVTT - x\n\nNOTE\nnothing\n\nSTYLE\n::cue {}\n\nid\n00:01.000 --> 00:02.000 align:start\n\
                    <v Anna>Hi <i>there</i>,\n{\\an8}you {x} 1 < 2.</v>\n\n7\n\n8\n1:02:03,5 --> 1:02:04\n- Bye.\n";
        let found = read(text);
        assert_eq!(found[0], (10, Ok(cue(1.0, 2.0, "Anna: Hi there, you {x} 1 < 2."))));
        assert_eq!(found[1], (17, Ok(cue(3723.5, 3724.0, "Bye."))));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_cue_that_is_wrong_is_told_and_costs_no_other() {
        let text = "1\n00:00:01,000 --> 00:00:03,000\na\n\n2\n00:00:02,999 --> 00:00:04,000\nb\n\n\
                    3\n00:00:03,000 --> 00:00:03,000\nc\n\n4\n00:00:03,000 -> 00:00:04,000\nd\n\n\
                    5\n00:00:3x --> 00:00:04,000\ne\n\n6\n00:00:05,000 --> 00:00:06,000\n<i></i>\n\n\
                    7\n00:00:03,000 --> 00:00:04,000\nf\n";
        let found: Vec<(usize, String)> = read(text)
            .into_iter()
            .map(|(line, cue)| (line, cue.map_or_else(|e| e, |cue| format!("{} {}", cue.start, cue.text))))
            .collect();
        let expected = [
            (2, "1 a"),
            (6, "it begins at 00:00:02,999, before the cue before it ends, at 00:00:03,000"),
            (10, "it ends at 00:00:03,000, and begins at 00:00:03,000"),
            (13, "no times; a cue has a line `00:00:01,000 --> 00:00:02,500`"),
            (
                18,
                "`00:00:3x --> 00:00:04,000` are no times; they are written `00:00:01,000 --> 00:00:02,500`",
            ),
            (22, "it has no text"),
            (26, "3 f"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_string())));
    }

    #[test]
    fn times_are_read_in_every_form() {
        for (text, seconds) in
            [("5", 5.0), ("90.25", 90.25), ("01:30", 90.0), ("1:00:00.001", 3600.001), ("00:00:00,1", 0.1)]
        {
            assert_eq!(read_time(text), Some(seconds), "{text}");
        }
        for text in ["", "1:60", "-1", "a", "1:2:3:4", "1.5:00", "1e3", ":", "1:", "..", "inf"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }
}
