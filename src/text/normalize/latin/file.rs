//! File names and paths.

use super::address::speak;
use crate::text::normalize::rule::Found;

/// `/usr/local/bin`, `~/notes`, `./run.sh`: two parts at least, or a sign before the first.
pub const ABSOLUTE: &str =
    concat!(r"(?:~|\.{1,2})?/(?:[A-Za-z0-9_.-]{1,40}/){0,12}", r"[A-Za-z0-9_.-]{0,40}[A-Za-z0-9_-]",);

pub const WINDOWS: &str = r"[A-Za-z]:\\(?:[A-Za-z0-9_. -]{1,40}\\){0,12}[A-Za-z0-9_.-]{0,40}[A-Za-z0-9_-]";

/// A name with a known ending, folders before it or not.
pub const FILE: &str = concat!(
    r"(?:[A-Za-z0-9_.-]{1,40}/){0,12}[A-Za-z0-9_-]{1,60}(?:\.[A-Za-z0-9_-]{1,40}){0,3}",
    r"\.(?:txt|pdf|docx?|xlsx?|pptx?|csv|tsv|json|ya?ml|toml|xml|html?|css|jsx?|tsx?|py|rs|go|cpp|cc|hpp|java|",
    r"php|rb|sh|bat|exe|dll|so|zip|gz|tar|rar|7z|mp3|mp4|wav|flac|ogg|m4a|avi|mkv|mov|jpe?g|png|gif|svg|bmp|",
    r"webp|md|rst|log|ini|cfg|conf|sql|db|apk|iso|dmg|ipynb|lock|bin|srt|ass|lrc|epub|mobi|JPE?G|PNG|GIF|PDF|TXT|CSV|DOCX?|MP3|MP4|MOV|ZIP|EXE)",
);

pub fn path(found: &Found) -> Option<String> {
    let path = found.all();
    // "and/or", "5/10": a slash between two words is no path.
    let inside = |c: char| c.is_ascii_alphanumeric() || "./\\_-~)".contains(c);
    if found.previous().is_some_and(inside) || found.next().is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let numeric = path.bytes().all(|b| b.is_ascii_digit() || b"./".contains(&b));
    let rooted = path.starts_with('/') && path.matches('/').count() < 2;
    (!numeric && !rooted).then(|| speak(path, found.numbers()))?
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::latin::testing::{check, chinese, english};

    #[test]
    fn files_and_paths_are_read_sign_by_sign() {
        check(
            english,
            &[
                ("a.txt", "a dot T X T"),
                ("Open readme.md.", "Open readme dot M D."),
                ("node.js", "node dot J S"),
                ("index.html", "index dot H T M L"),
                ("photo.jpeg", "photo dot jpeg"),
                ("song_1.mp3", "song underscore one dot M P three"),
                ("archive.tar.gz", "archive dot tar dot G Z"),
                ("src/main.rs", "S R C slash main dot R S"),
                ("cd /usr/local/bin", "cd slash usr slash local slash bin"),
                ("~/notes", "tilde slash notes"),
                ("./run.sh", "dot slash run dot S H"),
                (r"C:\Windows\System32", r"C colon backslash Windows backslash System three two"),
                ("setup.exe!", "setup dot E X E."),
                ("and/or", "and or"),
                ("either/or choice", "either or choice"),
                ("the end.So what", "the end dot So what"),
            ],
        );
    }

    #[test]
    fn files_in_chinese_have_chinese_signs() {
        check(
            chinese,
            &[
                ("打开readme.md文件", "打开readme点M D文件"),
                ("在/etc/hosts里", "在斜杠etc斜杠hosts里"),
                ("用Node.js写", "用Node点J S写"),
            ],
        );
    }
}
