//! The one error type of the library.

use std::fmt::{self, Display, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: what was wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {}", Visible(path.display()), Visible(reason))]
    Io {
        /// The action that failed: "read", "write", "create", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer; it is part of the message, and so not its source too.
        reason: std::io::Error,
    },

    /// A model's file is there, but is not what it should be: truncated, not a safetensors file,
    /// not the JSON it should hold, …
    #[error("{}: {}", Visible(file.display()), Visible(reason))]
    BadFile {
        /// The file.
        file: PathBuf,
        /// The problem and what to do about it.
        reason: String,
    },

    /// A checkpoint file lacks a tensor.
    #[error(
        "{}: tensor `{}` is missing; this is not the file ChatTTS publishes under that name \
         (`chattts-rs model verify` compares checksums)",
        Visible(file.display()),
        Visible(tensor)
    )]
    MissingTensor {
        /// The checkpoint file.
        file: PathBuf,
        /// The tensor's name.
        tensor: String,
    },

    /// A tensor has another shape than its neighbours or `gpt/config.json` ask for.
    #[error(
        "{}: tensor `{}` has shape {found:?}, expected {expected}",
        Visible(file.display()),
        Visible(tensor)
    )]
    TensorShape {
        /// The checkpoint file.
        file: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape that was expected; `_` stands for any size.
        expected: String,
        /// The shape that was found.
        found: Vec<usize>,
    },

    /// A tensor is stored in a type that is not a float this program reads.
    #[error(
        "{}: tensor `{}` is stored as {found}; f32, f16 and bf16 are read",
        Visible(file.display()),
        Visible(tensor)
    )]
    TensorType {
        /// The checkpoint file.
        file: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The type that was found.
        found: String,
    },

    /// The model is neither in the named folder nor in the cache, and could not be downloaded.
    #[error("{}", Visible(.0))]
    ModelNotFound(String),

    /// The model is not here, and the network does not lead to where it could be downloaded from.
    #[error("{}", Visible(.0))]
    Unreachable(String),

    /// A download failed.
    #[error("cannot download {file} of {}: {}", Visible(repo), Visible(reason))]
    Download {
        /// The repository, `owner/name`.
        repo: String,
        /// The file inside it.
        file: String,
        /// The reason.
        reason: String,
    },

    /// A voice is not what a voice should be: wrong length, foreign string, no statistics, …
    #[error("voice: {}", Visible(.0))]
    Speaker(String),

    /// A control tag that the model does not know.
    #[error("unknown control tag {}; known here: {known}", Visible(tag))]
    UnknownTag {
        /// The tag as it was written.
        tag: String,
        /// The tags that would have been accepted.
        known: String,
    },

    /// A parameter is out of its range.
    #[error("{name}: {}", Visible(reason))]
    Parameter {
        /// The parameter's name as the command line spells it, without dashes.
        name: &'static str,
        /// The problem and the values that are accepted.
        reason: String,
    },

    /// A text without anything that the model can speak.
    #[error("nothing to speak: {}", Visible(.0))]
    EmptyText(String),

    /// A text (with its voice prompt) that does not fit the model's context.
    #[error(
        "the text is too long: {tokens} tokens of prompt, at most {limit} fit the model's context; split it"
    )]
    TextTooLong {
        /// Positions that the prompt takes.
        tokens: usize,
        /// Positions of the model's context.
        limit: usize,
    },

    /// The model drew its end token at once.
    #[error("the model ended before its first token with seed {seed}; try another seed")]
    EndedAtOnce {
        /// The generation seed.
        seed: u64,
    },

    /// The model computed NaN.
    #[error(
        "the model computed values that are not numbers; its weights are damaged or not ChatTTS's \
         (`chattts-rs model verify` compares checksums)"
    )]
    NotANumber,

    /// A device that was asked for cannot be used.
    #[error("device: {}", Visible(.0))]
    Device(String),

    /// The system gives no memory.
    #[error(
        "no memory for {}: {} were asked for and the system does not give them; fewer or shorter texts at a \
         time, a smaller model or a higher limit help",
        Visible(what),
        amount(*bytes)
    )]
    Memory {
        /// What it was asked for.
        what: String,
        /// The bytes that were asked for.
        bytes: u64,
    },

    /// The system gives no thread.
    #[error(
        "the system gives no thread ({0}); a higher limit of a user's or a container's processes or of memory helps, \
         or fewer programs at once"
    )]
    Threads(std::io::Error),

    /// The tokenizer's file could not be used.
    #[error("{}: not a usable tokenizer: {}", Visible(file.display()), Visible(reason))]
    Tokenizer {
        /// The file.
        file: PathBuf,
        /// The message of the tokenizer library.
        reason: String,
    },

    /// Audio could not be resampled or encoded.
    #[error("audio: {}", Visible(.0))]
    Audio(String),

    /// Another run works in the output folder.
    #[error(
        "{} is in use by {}; wait for it or choose another folder",
        Visible(dir.display()),
        Visible(holder)
    )]
    InUse {
        /// The output folder.
        dir: PathBuf,
        /// The process that holds it, as it describes itself.
        holder: String,
    },

    /// A place where other users could put files in the way of what is written.
    #[error("{} {}", Visible(path.display()), Visible(reason))]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// The problem and what to do about it.
        reason: String,
    },

    /// A text or a manifest names a file that lies outside the folder to which it is confined.
    #[error(
        "{} does not lie in the folder {}, outside of which no file is read here",
        Visible(path.display()),
        Visible(folder.display())
    )]
    Outside {
        /// The file as it was named.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },

    /// A text has characters that would not be spoken, and was to be spoken whole.
    #[error("{}", Visible(.0))]
    NotSpoken(String),

    /// The work was interrupted by its caller.
    #[error("interrupted")]
    Interrupted,

    /// A role of a request that does not lead to a voice.
    #[error("role {}: {reason}", Visible(role))]
    Role {
        /// The role, cut where it is long.
        role: String,
        /// The reason; it is part of the message, and so not its source too.
        reason: Box<Error>,
    },

    /// Markup that is not well formed or not known.
    #[error("{}", Visible(.0))]
    Markup(String),

    /// An internal error: a fault of this program or of the machine.
    #[error("internal error: {}", Visible(.0))]
    Internal(String),
}

/// Shows what somebody else wrote, in a message: what a terminal would act on, or what turns the text around it, is
/// escaped, but for ends of lines and tabs. Errors of this library are shown so.
pub struct Visible<T>(pub T);

impl<T: Display> Display for Visible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_hidden) {
            let (plain, hidden) = rest.split_at(at);
            self.0.write_str(plain)?;
            rest = hidden.trim_start_matches(is_hidden);
            let hidden = &hidden[..hidden.len() - rest.len()];
            hidden.chars().try_for_each(|c| write!(self.0, "{}", c.escape_default()))?;
        }
        self.0.write_str(rest)
    }
}

fn is_hidden(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() && !matches!(c, '\n' | '\t')
}

/// Returns bytes as a user reads them.
fn amount(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{bytes} bytes"),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

#[doc(hidden)]
impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Error::Internal(format!("tensor operation failed: {error}"))
    }
}

/// The kind of an error, with a number that stays: for programs that are not written in Rust, and for a
/// service's responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[repr(u16)]
pub enum ErrorKind {
    /// A parameter or a control tag is not accepted.
    InvalidParameter = 1,
    /// The text or its markup cannot be spoken as it is.
    InvalidText = 2,
    /// The voice cannot be used: no such role, no such file, not a voice.
    InvalidVoice = 3,
    /// The model's files are not here and cannot be fetched.
    ModelNotFound = 4,
    /// The model's files are not what they should be.
    ModelInvalid = 5,
    /// A download failed.
    Download = 6,
    /// A file could not be read or written.
    Io = 7,
    /// A device cannot be had, or has failed.
    Device = 8,
    /// The model ended before it spoke; another seed may help.
    EndedAtOnce = 9,
    /// Audio could not be resampled or encoded.
    Audio = 10,
    /// Another process uses what is asked for.
    Busy = 11,
    /// The work was cancelled.
    Cancelled = 12,
    /// A fault of this program.
    Internal = 13,
}

impl ErrorKind {
    /// Returns its number, which stays the same from version to version.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// Tells whether the same request may succeed when it is made again.
    pub fn is_retryable(self) -> bool {
        matches!(self, ErrorKind::Download | ErrorKind::Io | ErrorKind::Device | ErrorKind::Busy)
    }
}

impl Error {
    /// Returns its kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            // A name that is no model's is found when it is read.
            Error::Parameter { name: "model", .. } => ErrorKind::ModelNotFound,
            Error::Parameter { .. } | Error::UnknownTag { .. } => ErrorKind::InvalidParameter,
            Error::EmptyText(_) | Error::TextTooLong { .. } | Error::NotSpoken(_) | Error::Markup(_) => {
                ErrorKind::InvalidText
            }
            Error::Speaker(_) | Error::Outside { .. } => ErrorKind::InvalidVoice,
            Error::Role { reason, .. } => match reason.kind() {
                kind @ (ErrorKind::Io | ErrorKind::Internal) => kind,
                _ => ErrorKind::InvalidVoice,
            },
            Error::ModelNotFound(_) | Error::Unreachable(_) => ErrorKind::ModelNotFound,
            Error::BadFile { .. }
            | Error::MissingTensor { .. }
            | Error::TensorShape { .. }
            | Error::TensorType { .. }
            | Error::Tokenizer { .. }
            | Error::NotANumber => ErrorKind::ModelInvalid,
            Error::Download { .. } => ErrorKind::Download,
            Error::Io { .. } | Error::Unsafe { .. } => ErrorKind::Io,
            Error::Device(_) | Error::Memory { .. } | Error::Threads(_) => ErrorKind::Device,
            Error::EndedAtOnce { .. } => ErrorKind::EndedAtOnce,
            Error::Audio(_) => ErrorKind::Audio,
            Error::InUse { .. } => ErrorKind::Busy,
            Error::Interrupted => ErrorKind::Cancelled,
            Error::Internal(_) => ErrorKind::Internal,
        }
    }

    /// Makes a function for `map_err` on the result of a file operation.
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Error + 'a {
        move |reason| Error::Io { action, path: path.to_path_buf(), reason }
    }

    pub(crate) fn unsafe_place(path: &Path, reason: impl Into<String>) -> Error {
        Error::Unsafe { path: path.to_path_buf(), reason: reason.into() }
    }

    /// Returns the error of memory that cannot be had.
    pub(crate) fn memory(what: impl Into<String>, bytes: usize) -> Error {
        Error::Memory { what: what.into(), bytes: bytes as u64 }
    }

    /// Returns the error of a file; a reason that repeats very much of it is cut.
    pub(crate) fn bad_file(file: &Path, reason: impl Into<String>) -> Error {
        const LONGEST: usize = 1_000;
        let mut reason = Visible(reason.into()).to_string();
        if reason.len() > LONGEST {
            reason.truncate(reason.floor_char_boundary(LONGEST));
            reason.push('…');
        }
        Error::BadFile { file: file.to_path_buf(), reason }
    }

    pub(crate) fn parameter(name: &'static str, reason: impl Into<String>) -> Error {
        Error::Parameter { name, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_shown_in_a_message_and_not_done() {
        let hostile = "a\u{1b}]0;x\u{7}b\u{9b}2J\u{202e}c\r\u{7f}\n\td你😀";
        let shown = "a\\u{1b}]0;x\\u{7}b\\u{9b}2J\\u{202e}c\\r\\u{7f}\n\td你😀";
        assert_eq!(Visible(hostile).to_string(), shown);
        let path = PathBuf::from(hostile);
        for error in [
            Error::Speaker(hostile.into()),
            Error::bad_file(&path, "x"),
            Error::MissingTensor { file: "x".into(), tensor: hostile.into() },
            Error::UnknownTag { tag: hostile.into(), known: "x".into() },
            Error::Role { role: hostile.into(), reason: Box::new(Error::Interrupted) },
            Error::unsafe_place(&path, "x"),
        ] {
            assert!(error.to_string().contains(shown), "{error}");
        }
    }

    #[test]
    fn a_message_repeats_no_more_of_a_file_than_somebody_reads() {
        let message = Error::bad_file(Path::new("a.json"), "\u{7f}好".repeat(1_000)).to_string();
        assert!(message.contains("a.json: \\u{7f}好") && message.ends_with('…'), "{message}");
        assert!(message.len() < 1_100, "{} bytes", message.len());
    }
}
