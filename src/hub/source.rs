//! The names by which a user may choose a model.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::DEFAULT_REPO;
use crate::error::{Error, Result};

const DEFAULT_REVISION: &str = "main";
const ACCEPTED: &str = "accepted are a folder that holds the files, a file of `model convert`, a Hugging Face repository as \
                        owner/name or owner/name@revision, `demo`, `noise` and `noise-full`";

/// The source of a model. The default is [`DEFAULT_REPO`] at `main`.
///
/// Parsed from `demo`, `noise`, `noise-full`, an existing folder or file or `owner/name[@revision]`, in this order;
/// a folder that is called `demo` is written `./demo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A folder that holds `asset/…`, or the asset folder itself.
    Folder(PathBuf),
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// A branch, a tag or a commit's 40 hexadecimal digits.
        revision: String,
    },
    /// A file that `chattts-rs model convert` wrote.
    Packed(PathBuf),
    /// The small voice that the program carries; it has no files.
    Demo,
    /// Random weights that the program makes itself, for tests and measurements; they speak noise and have no files.
    Noise(NoiseSize),
}

/// How large the random weights of [`ModelSource::Noise`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum NoiseSize {
    /// Small shapes, made at once.
    Tiny,
    /// The shapes of the published model.
    Full,
}

impl ModelSource {
    /// Names a repository at its `main` branch.
    pub fn hub(repo: impl Into<String>) -> Self {
        Self::Hub { repo: repo.into(), revision: DEFAULT_REVISION.into() }
    }

    /// Returns true if the program carries or makes the model, so that it has no files.
    pub fn is_builtin(&self) -> bool {
        matches!(self, Self::Demo | Self::Noise(_))
    }
}

impl Default for ModelSource {
    fn default() -> Self {
        Self::hub(DEFAULT_REPO)
    }
}

impl fmt::Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) | Self::Packed(path) => write!(f, "{}", path.display()),
            Self::Hub { repo, revision } if revision == DEFAULT_REVISION => f.write_str(repo),
            Self::Hub { repo, revision } => write!(f, "{repo}@{revision}"),
            Self::Demo => f.write_str("demo"),
            Self::Noise(NoiseSize::Tiny) => f.write_str("noise"),
            Self::Noise(NoiseSize::Full) => f.write_str("noise-full"),
        }
    }
}

impl FromStr for ModelSource {
    type Err = Error;

    /// Reads the name of a model.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a folder that does not exist and for anything that is none of the
    /// accepted forms.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "demo" => return Ok(Self::Demo),
            "noise" => return Ok(Self::Noise(NoiseSize::Tiny)),
            // Of before, when all that the program brought was random.
            "noise-full" | "demo-full" => return Ok(Self::Noise(NoiseSize::Full)),
            _ => {}
        }
        let folder = Path::new(text);
        if folder.is_dir() {
            return Ok(Self::Folder(folder.to_path_buf()));
        }
        if folder.is_file() {
            return Ok(Self::Packed(folder.to_path_buf()));
        }
        let (repo, revision) = text.split_once('@').unwrap_or((text, DEFAULT_REVISION));
        if looks_like_a_path(repo) {
            return Err(refuse(format!("the folder `{text}` does not exist")));
        }
        match repo.split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) && is_revision(revision) => {
                Ok(Self::Hub { repo: repo.to_owned(), revision: revision.to_owned() })
            }
            _ => Err(refuse(format!("`{text}` is neither an existing folder nor a repository; {ACCEPTED}"))),
        }
    }
}

fn refuse(reason: String) -> Error {
    Error::parameter("model", reason)
}

fn looks_like_a_path(text: &str) -> bool {
    text.starts_with(['.', '/', '~'])
        || text.ends_with('/')
        || text.contains(['\\', ':'])
        || text.matches('/').count() > 1
}

fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && part.chars().all(allowed)
}

// A revision becomes a path below `refs/`, so its parts must not lead out of there.
fn is_revision(text: &str) -> bool {
    text.split('/').all(|part| is_name(part) && !part.contains(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ModelSource, String> {
        text.parse().map_err(|error: Error| error.to_string())
    }

    #[test]
    fn names_of_models_and_repositories_are_recognised() {
        assert_eq!(parse("demo"), Ok(ModelSource::Demo));
        assert_eq!(parse("noise"), Ok(ModelSource::Noise(NoiseSize::Tiny)));
        for full in ["noise-full", "demo-full"] {
            assert_eq!(parse(full), Ok(ModelSource::Noise(NoiseSize::Full)));
        }
        assert_eq!(parse("2Noise/ChatTTS"), Ok(ModelSource::default()));
        let other =
            |repo: &str, revision: &str| ModelSource::Hub { repo: repo.into(), revision: revision.into() };
        assert_eq!(parse("me/my.model-2"), Ok(other("me/my.model-2", "main")));
        assert_eq!(parse("me/mine@v0.2"), Ok(other("me/mine", "v0.2")));
        assert_eq!(parse("me/mine@refs/pr/1"), Ok(other("me/mine", "refs/pr/1")));
    }

    #[test]
    fn an_existing_folder_wins_over_a_repository_name() {
        // Tests run in the package's root, where this folder is.
        assert_eq!(parse("src/hub"), Ok(ModelSource::Folder("src/hub".into())));
    }

    #[test]
    fn a_path_that_does_not_exist_is_not_taken_for_a_repository() {
        for text in [
            "./nowhere",
            "../no-folder-of-this-name",
            "/no/such/folder",
            "~/model",
            "a/b/c",
            "models/",
            r"C:\model",
            "C:/model",
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains("does not exist") && message.contains(text), "{text}: {message}");
        }
    }

    #[test]
    fn anything_else_names_the_accepted_forms() {
        for text in ["chattts", "", "me/mine@", "me/mine@../x", "me/mi ne", "-x/y", "me/mine@a..b"] {
            let message = parse(text).unwrap_err();
            assert!(message.contains("owner/name") && message.contains("demo"), "{text}: {message}");
        }
    }

    #[test]
    fn a_file_is_taken_for_a_packed_model() {
        assert_eq!(parse("Cargo.toml"), Ok(ModelSource::Packed("Cargo.toml".into())));
    }

    #[test]
    fn display_parses_back() {
        for text in ["demo", "noise", "noise-full", "2Noise/ChatTTS", "me/mine@v1", "src/hub", "Cargo.toml"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }
}
