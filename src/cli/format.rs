//! Finds the format of a file by its name.

use std::path::Path;

use chattts_rs::audio::Format;

use super::Usage;

/// Endings of formats that players know and this program does not write.
const NOT_BUILT_IN: [&str; 7] = ["m4a", "aac", "mp4", "webm", "wma", "aif", "aiff"];
/// The most characters of an ending that counts as an extension.
const MAX_EXTENSION: usize = 8;

/// Returns the format of a file: the one that is asked for, which its extension must not contradict, or that of the
/// extension. Without either it is WAV.
pub fn of_name(asked: Option<Format>, name: &str) -> Result<Format, String> {
    let Some(extension) = extension(name) else { return Ok(asked.unwrap_or_default()) };
    match (by_extension(&extension), asked) {
        (Some(format), None) => Ok(format),
        (Some(format), Some(asked)) if format == asked || asked.extension() == extension => Ok(asked),
        (Some(format), Some(asked)) => {
            Err(format!("{name} would be {format} by its name, and --format is {asked}; give one of them"))
        }
        (None, _) if NOT_BUILT_IN.contains(&extension.as_str()) => Err(format!(
            "{name}: {extension} is not built in; .wav, .flac, .mp3, .opus (.ogg), .raw (.pcm), .ulaw and .alaw are, \
             and other programs make {extension} of them"
        )),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Err(format!(
            "{name}: .{extension} is no format that is known (.wav, .flac, .mp3, .opus, .ogg, .raw, .pcm, .ulaw and \
             .alaw are); say with --format what the file is to be"
        )),
    }
}

/// Returns the format of a file that a flag names.
pub fn of_flag(asked: Option<Format>, flag: &str, path: &Path) -> Result<Format, Usage> {
    of_name(asked, &path.to_string_lossy()).map_err(|reason| Usage(format!("{flag} {reason}")))
}

/// Returns the format of a line that names its own file; without an extension there it is that of the other lines.
pub fn of_line(asked: Option<Format>, others: Format, out: &str) -> Result<Format, String> {
    extension(out).map_or(Ok(others), |_| of_name(asked, out))
}

/// Returns a template of names that ends in an extension, and the format of its files.
pub fn of_template(asked: Option<Format>, template: Option<&str>) -> Result<(String, Format), Usage> {
    let template = template.unwrap_or("{index:05}");
    // What stands behind the last field and folder; a field's value is never taken for an extension.
    let tail = template.rsplit(['/', '}']).next().unwrap_or_default();
    // The stem may be a field.
    let tail = if tail.len() < template.len() { format!("_{tail}") } else { tail.to_string() };
    let format = of_name(asked, &tail).map_err(|reason| Usage(format!("--name {template}: {reason}")))?;
    Ok(match extension(&tail) {
        Some(_) => (template.to_string(), format),
        None => (format!("{template}.{}", format.extension()), format),
    })
}

fn by_extension(extension: &str) -> Option<Format> {
    match extension {
        "wav" | "wave" => Some(Format::Wav),
        "pcm" => Some(Format::Raw),
        "ogg" | "oga" => Some(Format::Opus),
        other => other.parse().ok(),
    }
}

/// Returns the extension of a name in lower case; an ending without a letter, as in `v1.2`, is none.
fn extension(name: &str) -> Option<String> {
    let name = name.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.')?;
    let is_extension = !stem.is_empty()
        && ending.len() <= MAX_EXTENSION
        && ending.chars().all(|c| c.is_ascii_alphanumeric())
        && ending.chars().any(|c| c.is_ascii_alphabetic());
    is_extension.then(|| ending.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_what_a_file_is() {
        for (name, format) in [
            ("a.wav", Format::Wav),
            ("a.WAVE", Format::Wav),
            ("b/a.flac", Format::Flac),
            ("a.pcm", Format::Raw),
            ("a.raw", Format::Raw),
            ("a.ulaw", Format::Ulaw),
            ("a.alaw", Format::Alaw),
            ("a.mp3", Format::Mp3),
            ("a.Opus", Format::Opus),
            ("a.ogg", Format::Opus),
            ("a", Format::Wav),
            ("v1.2", Format::Wav),
            ("a.mp3/b", Format::Wav),
            ("-", Format::Wav),
        ] {
            assert_eq!(of_name(None, name), Ok(format), "{name}");
        }
        assert_eq!(of_name(Some(Format::Ulaw), "a.wav"), Ok(Format::Ulaw));
        assert_eq!(of_name(Some(Format::Flac), "a.foo"), Ok(Format::Flac));
        for (asked, name, reason) in [
            (Some(Format::Flac), "a.wav", "would be wav by its name, and --format is flac"),
            (Some(Format::Wav), "a.ulaw", "would be ulaw"),
            (Some(Format::Wav), "a.m4a", "m4a is not built in; .wav, .flac"),
            (None, "a.AAC", "aac is not built in"),
            (Some(Format::Wav), "a.ogg", "would be opus"),
            (None, "a.foo", ".foo is no format"),
        ] {
            let error = of_name(asked, name).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_template_gets_the_extension_that_it_lacks() {
        for (asked, template, made, format) in [
            (None, None, "{index:05}.wav", Format::Wav),
            (Some(Format::Alaw), None, "{index:05}.wav", Format::Alaw),
            (None, Some("{id}"), "{id}.wav", Format::Wav),
            (Some(Format::Flac), Some("x.y/{id}"), "x.y/{id}.flac", Format::Flac),
            (None, Some("{id}.flac"), "{id}.flac", Format::Flac),
            (None, Some("{id}.{seed}"), "{id}.{seed}.wav", Format::Wav),
            (None, Some("{id}-v1.2"), "{id}-v1.2.wav", Format::Wav),
        ] {
            assert_eq!(of_template(asked, template).unwrap(), (made.to_string(), format), "{template:?}");
        }
        let error = of_template(None, Some("{id}.m4a")).unwrap_err().to_string();
        assert!(error.contains("--name {id}.m4a: ") && error.contains("not built in"), "{error}");
    }
}
