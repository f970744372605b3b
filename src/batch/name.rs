//! Valid names of output files: a relative path, with `/` between folders, that means the same file on Linux,
//! macOS and Windows and never leads out of the output folder.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Result};
use crate::message::cut;
use crate::speech::field::is_unseen;

/// The most bytes of one component that the usual file systems hold.
pub(super) const MAX_COMPONENT: usize = 255;
/// The character that replaces a value, or a character, that cannot be in a name.
pub(super) const FILLER: char = '_';
/// The most characters of an ending that counts as an extension.
const MAX_EXTENSION: usize = 8;
/// Names that Windows takes for devices, whatever extension follows.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Checks a path that a line asks for: it must stay inside the output folder, be relative with `/` between
/// folders, and have components that all file systems take as names. `./` and doubled slashes are dropped;
/// nothing else changes.
///
/// # Errors
/// [`Error::Parameter`] that says what is wrong with it.
pub fn checked_out(out: &str) -> Result<PathBuf> {
    check(out).map(PathBuf::from).map_err(|reason| Error::parameter("out", reason))
}

/// Returns the name of a file that goes with another, such as its subtitles: with this extension in the place of
/// its own, or behind it where they are the same.
pub fn beside(path: &Path, extension: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let stem = match name.to_str().map(split_extension) {
        Some((stem, own)) if !own[own.len().min(1)..].eq_ignore_ascii_case(extension) => stem.into(),
        Some(_) => name.to_os_string(),
        None => path.file_stem().unwrap_or_default().to_os_string(),
    };
    let mut beside = stem;
    beside.push(".");
    beside.push(extension);
    path.with_file_name(beside)
}

/// Does what [`checked_out`] does, and returns the bare reason as its error.
pub(super) fn check(path: &str) -> Result<String, String> {
    let shown = shown(path);
    if path.is_empty() {
        return Err("an empty path names no file".into());
    }
    if path.starts_with('/') {
        return Err(format!("{shown} is absolute; give a path inside the output folder"));
    }
    if path.contains('\\') {
        return Err(format!("{shown} holds a backslash; `/` stands between folders"));
    }
    if path.ends_with('/') {
        return Err(format!("{shown} names a folder, not a file"));
    }
    let parts: Vec<&str> = components(path).collect();
    if parts.is_empty() {
        return Err(format!("{shown} names no file"));
    }
    match parts.iter().find_map(|part| fault(part)) {
        Some(fault) => Err(format!("{shown}: {fault}")),
        None => Ok(parts.join("/")),
    }
}

pub(super) fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

fn fault(part: &str) -> Option<String> {
    if part == ".." {
        return Some("`..` leads out of the output folder".into());
    }
    if part.starts_with('.') {
        return Some(format!(
            "`{}` begins with a dot; such names are the program's own",
            part.escape_debug()
        ));
    }
    if let Some(c) = part.chars().find(|c| !is_allowed(*c)) {
        return Some(format!("a name cannot hold {}", c.escape_debug()));
    }
    if part.ends_with(['.', ' ']) {
        return Some(format!("`{part}` ends with a dot or a blank, which Windows drops"));
    }
    if is_device(part) {
        return Some(format!("`{part}` is a device on Windows"));
    }
    if part.len() > MAX_COMPONENT {
        return Some(format!("a name of {} bytes; at most {MAX_COMPONENT} are taken", part.len()));
    }
    None
}

/// Tells whether a character may stand in a name: no separator, no character that Windows reserves, none that
/// is invisible or turns the text around it.
pub(super) fn is_allowed(c: char) -> bool {
    let reserved = matches!(c, '/' | '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*');
    !reserved && !is_unseen(c)
}

/// Changes a component so that no rule is broken: the last step of every rendered name.
pub(super) fn tidy(part: &str) -> String {
    let part = part.trim_matches(' ');
    let mut tidy: String = part.chars().map(|c| if is_allowed(c) { c } else { FILLER }).collect();
    if tidy.starts_with('.') {
        let dots = tidy.len() - tidy.trim_start_matches('.').len();
        tidy.replace_range(..dots, &FILLER.to_string().repeat(dots));
    }
    tidy.truncate(tidy.trim_end_matches(['.', ' ']).len());
    if tidy.is_empty() || is_device(&tidy) {
        tidy.insert(0, FILLER);
    }
    fit(&tidy, "")
}

/// Returns the component with `suffix` in front of its extension, its stem cut so that all fits.
pub(super) fn fit(part: &str, suffix: &str) -> String {
    let (stem, extension) = split_extension(part);
    let room = MAX_COMPONENT.saturating_sub(suffix.len() + extension.len());
    let mut stem = cut(stem, room);
    if suffix.is_empty() && extension.is_empty() {
        stem = stem.trim_end_matches(['.', ' ']);
    }
    format!("{stem}{suffix}{extension}")
}

/// Splits a name into stem and extension, which keeps its dot. An ending without a letter, as in `v1.2`, is no
/// extension.
fn split_extension(part: &str) -> (&str, &str) {
    let Some(dot) = part.rfind('.').filter(|dot| *dot > 0) else {
        return (part, "");
    };
    let (stem, extension) = part.split_at(dot);
    let ending = &extension[1..];
    let is_extension = ending.len() <= MAX_EXTENSION
        && ending.chars().all(|c| c.is_ascii_alphanumeric())
        && ending.chars().any(|c| c.is_ascii_alphabetic());
    if is_extension { (stem, extension) } else { (part, "") }
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end_matches(' ').to_lowercase();
    let numbered = |port: &str| {
        let mut rest = stem.strip_prefix(port).unwrap_or_default().chars();
        matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

/// Returns a form that two names share if a file system that ignores case, or how an accent is written, takes
/// them for one.
pub(super) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // By way of upper case: `ß` and `ſ` then meet `ss` and `s`. Taking two files for one costs a number in a
    // name; taking one for two would cost a file.
    name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// Returns a path for a message: whole if short, without characters that a terminal would act on.
fn shown(path: &str) -> Cow<'_, str> {
    const LONGEST: usize = 120;
    let whole = path.len() <= LONGEST;
    match path.chars().all(is_path) && whole {
        true => Cow::Borrowed(path),
        false => {
            let dots = if whole { "" } else { "…" };
            Cow::Owned(format!("{}{dots}", cut(path, LONGEST).escape_debug()))
        }
    }
}

fn is_path(c: char) -> bool {
    is_allowed(c) || matches!(c, '/' | '\\' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_are_taken_as_they_are() {
        for path in
            ["a.wav", "a/b/c.wav", "你好.wav", "a b,c'd(1)~.wav", "con-1.wav", "-", "comma.wav", "com10"]
        {
            assert_eq!(checked_out(path).unwrap(), PathBuf::from(path));
        }
        assert_eq!(checked_out("./a//./b.wav").unwrap(), PathBuf::from("a/b.wav"));
        let longest = format!("{}.wav", "x".repeat(251));
        assert!(checked_out(&longest).is_ok());
    }

    #[test]
    fn paths_that_lead_out_or_are_no_name_somewhere_are_refused_with_the_reason() {
        let long = "x".repeat(256);
        let cases = [
            ("", "empty"),
            ("/etc/passwd", "absolute"),
            ("../a.wav", "leads out"),
            ("a/../../b.wav", "leads out"),
            ("a/..", "leads out"),
            ("..\\a.wav", "backslash"),
            ("C:/a.wav", "cannot hold :"),
            ("C:a.wav", "cannot hold :"),
            ("\\\\host\\share", "backslash"),
            ("a/", "folder"),
            (".", "no file"),
            ("./", "folder"),
            (".chattts-rs/ledger.jsonl", "the program's own"),
            (".CHATTTS-RS/lock", "the program's own"),
            ("a/.hidden", "begins with a dot"),
            ("a\0b.wav", "\\0"),
            ("a\nb.wav", "\\n"),
            ("a\u{202e}vaw.b", "\\u{202e}"),
            ("a?.wav", "cannot hold ?"),
            ("a./b.wav", "dot or a blank"),
            ("a.wav ", "dot or a blank"),
            ("a/NUL.wav", "device"),
            ("com¹.tar.gz", "device"),
            ("aux .wav", "device"),
            (long.as_str(), "256 bytes"),
        ];
        for (path, reason) in cases {
            match checked_out(path) {
                Err(Error::Parameter { name: "out", reason: found }) => {
                    assert!(found.contains(reason), "{path:?}: {found}");
                    assert!(!found.contains('\n') && !found.contains('\0'), "{found:?}");
                }
                other => panic!("{path:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn whatever_is_tidied_is_a_name_that_passes_the_check() {
        let long_han = "说".repeat(200);
        let long_dots = format!("{}.wav", ".".repeat(400));
        let blanks = format!("{}a", " ".repeat(300));
        let blank_at_the_cut = format!("{} tail", "x".repeat(254));
        let worst = [
            "",
            ".",
            "..",
            "...",
            " ",
            "a.",
            ".chattts-rs",
            ".chattts-x.part",
            "a/b",
            "a\\b",
            "C:",
            "nul",
            "NUL.txt",
            "con .",
            "COM1",
            "lpt³.x",
            "\0",
            "\u{7f}\u{85}\u{202e}",
            &long_han,
            &long_dots,
            &blanks,
            &blank_at_the_cut,
        ];
        for part in worst {
            let tidied = tidy(part);
            assert_eq!(check(&tidied).as_deref(), Ok(tidied.as_str()), "{part:?}");
            let numbered = fit(&tidied, "-2");
            assert_eq!(check(&numbered).as_deref(), Ok(numbered.as_str()), "{part:?}");
        }
    }

    #[test]
    fn a_cut_keeps_the_extension_and_whole_characters() {
        let name = tidy(&format!("{}.wav", "说".repeat(100)));
        assert!(name.ends_with("说.wav") && (253..=255).contains(&name.len()), "{name}");
        assert_eq!(fit("a.b.wav", "-2"), "a.b-2.wav");
        assert_eq!(fit("v1.2", "-2"), "v1.2-2");
    }

    #[test]
    fn what_goes_with_a_file_never_has_its_name() {
        for (path, expected) in [
            ("a/b.wav", "a/b.srt"),
            ("b", "b.srt"),
            ("v1.2", "v1.2.srt"),
            ("b.srt", "b.srt.srt"),
            ("b.SRT", "b.SRT.srt"),
        ] {
            assert_eq!(beside(Path::new(path), "srt"), Path::new(expected));
        }
    }

    #[test]
    fn names_that_some_file_system_takes_for_one_fold_together() {
        for (a, b) in
            [("A.WAV", "a.wav"), ("É", "e\u{301}"), ("straße", "STRASSE"), ("Σς", "σΣ"), ("が", "か\u{3099}")]
        {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("é"), fold("e"));
        assert_ne!(fold("你"), fold("好"));
    }
}
