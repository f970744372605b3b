//! File names and paths.

use super::address::speak;
use crate::text::normalize::rule::{Found, is_letter_or_digit};
use crate::text::normalize::table::Words;

/// `/usr/local/bin`, `~/notes`, `./run.sh`: two parts at least, or a sign before the first.
pub const ABSOLUTE: &str =
    concat!(r"(?:~|\.{1,2})?/(?:[A-Za-z0-9_.-]{1,40}/){0,12}", r"[A-Za-z0-9_.-]{0,40}[A-Za-z0-9_-]",);

pub const WINDOWS: &str = r"[A-Za-z]:\\(?:[A-Za-z0-9_. -]{1,40}\\){0,12}[A-Za-z0-9_.-]{0,40}[A-Za-z0-9_-]";

/// A name with a known ending, folders before it or not.
pub const FILE: &str = concat!(
    r"(?:[A-Za-z0-9_.-]{1,40}/){0,12}[A-Za-z0-9_-]{1,60}(?:\.[A-Za-z0-9_-]{1,40}){0,3}",
    r"\.(?:txt|pdf|docx?|xlsx?|pptx?|csv|tsv|json|ya?ml|toml|xml|html?|css|jsx?|tsx?|py|rs|go|cpp|cc|hpp|java|",
    r"php|rb|sh|bat|exe|dll|so|zip|gz|tar|rar|7z|mp3|mp4|wav|flac|ogg|m4a|avi|mkv|mov|jpe?g|png|gif|svg|bmp|",
    r"webp|md|rst|log|ini|cfg|conf|sql|db|apk|iso|dmg|ipynb|lock|bin|srt|ass|lrc|epub|mobi|c|h|asm|am|ac|m4|mk|texi|tex|p[lmo]|el|lua|vim|patch|diff|deb|rpm|tgz|bz2|xz|cmake|spec|service|desktop|JPE?G|PNG|GIF|PDF|TXT|CSV|DOCX?|MP3|MP4|MOV|ZIP|EXE)",
);

/// Folders that are known by their names alone: /etc.
static ROOTS: Words = Words::new("latin/words", "file: roots");

pub fn path(found: &Found) -> Option<String> {
    let path = found.all();
    // "and/or", "5/10": a slash between two words is no path.
    let inside = |c: char| c.is_ascii_alphanumeric() || "./\\_-~)".contains(c);
    (!found.previous().is_some_and(inside) && !found.next().is_some_and(is_letter_or_digit)).then_some(())?;
    let numeric = path.bytes().all(|b| b.is_ascii_digit() || b"./".contains(&b));
    let rooted =
        path.matches('/').count() < 2 && path.strip_prefix('/').is_some_and(|name| !ROOTS.contains(name));
    (!numeric && !rooted).then(|| speak(path, found.numbers()))?
}
