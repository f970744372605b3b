//! The source of a model's files: a folder, the Hugging Face cache, a download.
//!
//! The only user of hf-hub (for the cache's layout) and of ureq (for the transfers).

mod answer;
mod cache;
mod certificates;
mod config;
mod download;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod not_found;
mod source;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use self::cache::CachedRepo;
pub use self::config::HubConfig;
use self::download::{Downloader, Failure, Fetched, Place};
use self::not_found::{Cause, not_in_cache, not_in_folder, refusal};
pub use self::source::{ModelSource, NoiseSize};
use crate::error::{Error, Result};
use crate::stamp;

/// The repository that ChatTTS is published in.
pub const DEFAULT_REPO: &str = "2Noise/ChatTTS";

const HASH_CHUNK: usize = 1 << 20;
/// The stamp of a repository in the cache: its files' checksums.
const CHECKED: &str = ".chattts-rs-checked";
/// The most passes of a download. Upstream may publish a new commit while its files are fetched; the files of
/// the old commit are then not in the snapshot of the new one yet.
const MAX_PASSES: usize = 3;

struct Published {
    /// Its path in the repository.
    file: &'static str,
    sha256: &'static str,
    /// Whether the program reads it; the others only make the cache a whole model.
    needed: bool,
}

const fn published(file: &'static str, sha256: &'static str, needed: bool) -> Published {
    Published { file, sha256, needed }
}

const DECODER: &str = "asset/Decoder.safetensors";
const DVAE: &str = "asset/DVAE.safetensors";
const EMBED: &str = "asset/Embed.safetensors";
const VOCOS: &str = "asset/Vocos.safetensors";
const GPT_CONFIG: &str = "asset/gpt/config.json";
const GPT: &str = "asset/gpt/model.safetensors";
const TOKENIZER: &str = "asset/tokenizer/tokenizer.json";
const SPEAKER_STATISTICS: &str = "spk_stat.safetensors";

/// The published files; small ones first, so that a download that must fail fails early.
const PUBLISHED: [Published; 9] = [
    published(GPT_CONFIG, "0aaa1ecd96c49ad4f473459eb1982fa7ad79fa5de08cde2781bf6ad1f9a0c236", true),
    published(TOKENIZER, "843838a64e121e23e774cc75874c6fe862198d9f7dd43747914633a8fd89c20e", true),
    published(
        "asset/tokenizer/special_tokens_map.json",
        "bd0ac9d9bb1657996b5c5fbcaa7d80f8de530d01a283da97f89deae5b1b8d011",
        false,
    ),
    published(
        "asset/tokenizer/tokenizer_config.json",
        "43e9d658b554fa5ee8d8e1d763349323bfef1ed7a89c0794220ab8861387d421",
        false,
    ),
    published(DECODER, "77aa55e0a977949c4733df3c6f876fa85860d3298cba63295a7bc6901729d4e0", true),
    published(DVAE, "1d0b044a8368c0513100a2eca98456b289e6be6a18b7a63be1bcaa315ea874d9", true),
    published(EMBED, "2ff0be7134934155741b643b74e32fb6bf3eec41257984459b2ed60cdb4c48b0", true),
    published(VOCOS, "07e5561491cce41f7f90cfdb94b2ff263ff5742c3d89339db99b17ad82cc3f44", true),
    published(GPT, "cd0806fd971f52f6a22c923ec64982b305e817bcc41ca83417fcf9141b984a0f", true),
];

/// The paths of a model's files, all of which exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// The asset folder.
    pub root: PathBuf,
    /// Hidden states → mel.
    pub decoder: PathBuf,
    /// Audio → codes, codes → mel.
    pub dvae: PathBuf,
    /// Embeddings and output heads.
    pub embed: PathBuf,
    /// Mel → wave.
    pub vocos: PathBuf,
    /// The Llama's sizes.
    pub gpt_config: PathBuf,
    /// The Llama.
    pub gpt: PathBuf,
    /// The BERT WordPiece tokenizer.
    pub tokenizer: PathBuf,
    /// Mean and deviation of voices; not published, and only looked for in a folder.
    pub spk_stat: Option<PathBuf>,
}

impl ModelFiles {
    fn below(root: &Path) -> Self {
        let path = |file| below(root, file);
        Self {
            decoder: path(DECODER),
            dvae: path(DVAE),
            embed: path(EMBED),
            vocos: path(VOCOS),
            gpt_config: path(GPT_CONFIG),
            gpt: path(GPT),
            tokenizer: path(TOKENIZER),
            spk_stat: None,
            root: root.to_path_buf(),
        }
    }
}

/// Reports the progress of [`fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transfer<'a> {
    /// The transfer of a file begins; reported once a file.
    Started {
        /// Its path in the repository.
        file: &'a str,
        /// Its size, if the server tells.
        bytes: Option<u64>,
        /// Number of the file among those to fetch, from 0.
        index: usize,
        /// Number of files to fetch.
        count: usize,
    },
    /// More of a file has arrived.
    Advanced {
        /// Its path in the repository.
        file: &'a str,
        /// Bytes of it that have arrived, including those of earlier attempts. It falls if a server must start
        /// again.
        position: u64,
    },
    /// A file is complete; also reported without [`Transfer::Started`] if nothing of it had to be transferred.
    Finished {
        /// Its path in the repository.
        file: &'a str,
    },
    /// A transfer failed and is tried again.
    Retrying {
        /// Its path in the repository.
        file: &'a str,
        /// The reason of the failure.
        reason: String,
        /// The wait before the next attempt.
        wait: Duration,
    },
    /// Another program is downloading the file; this one waits for it.
    Waiting {
        /// Its path in the repository.
        file: &'a str,
    },
    /// A message for the user, in one sentence; at most one a file.
    Warning(String),
}

/// The result of [`verify`] for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCheck {
    /// Its path in the repository, `asset/…`.
    pub file: &'static str,
    /// Path of the file, or where it would be.
    pub path: PathBuf,
    /// The result of the comparison.
    pub state: FileState,
}

/// Says how a file compares with the published one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// The sha256 is the published one.
    Published,
    /// Another file, which need not be wrong: upstream has re-uploaded files.
    Differs {
        /// Its sha256.
        found: String,
    },
    /// The file does not exist.
    Missing,
    /// The file exists, but cannot be read; with the system's message.
    Unreadable(String),
}

/// Finds a model's files without touching the network.
///
/// # Errors
/// [`Error::ModelNotFound`] that names every missing file and the folder it was looked for in;
/// [`Error::Parameter`] for a model that the program carries or makes, which has no files.
pub fn locate(source: &ModelSource, config: &HubConfig) -> Result<ModelFiles> {
    let root = asset_folder(source, config)?;
    let missing = missing_below(root.as_deref());
    match (source, root) {
        (_, Some(root)) if missing.is_empty() => {
            let mut files = ModelFiles::below(&root);
            if matches!(source, ModelSource::Folder(_)) {
                files.spk_stat = Some(root.join(SPEAKER_STATISTICS)).filter(|path| path.is_file());
            }
            Ok(files)
        }
        (ModelSource::Folder(folder), root) => Err(not_in_folder(folder, root.as_deref(), &missing)),
        _ => Err(not_in_cache(source, config, &missing, &Cause::NotDownloaded)),
    }
}

/// Finds a model's files and downloads those that are missing, continuing where an earlier download was
/// interrupted. Downloaded files are then checked, with a [`Transfer::Warning`] where a checksum differs.
///
/// # Errors
/// Those of [`locate`] for a folder; [`Error::ModelNotFound`] where the server refuses; [`Error::Unreachable`] where
/// it cannot be reached; [`Error::Download`] if a transfer broke off or brought something else than was announced;
/// [`Error::Io`] if the cache cannot be written.
pub fn fetch(
    source: &ModelSource,
    config: &HubConfig,
    on_event: &mut dyn FnMut(Transfer<'_>),
) -> Result<ModelFiles> {
    let located = locate(source, config);
    let ModelSource::Hub { repo, revision } = source else { return located };
    if located.is_ok() {
        return located;
    }
    // Names are looked up by a thread of their own.
    crate::threads::start(None)?;
    let cached = CachedRepo::new(&config.cache, repo, revision);
    if config.offline {
        let missing = missing_below(asset_folder(source, config)?.as_deref());
        return Err(not_in_cache(source, config, &missing, &Cause::Offline));
    }

    let mut downloader = Downloader::new(config, &cached, on_event)?;
    let mut fetched = Vec::new();
    let mut unpublished = HashSet::new();
    for _ in 0..MAX_PASSES {
        let root = cached.current();
        let absent: Vec<&Published> = PUBLISHED
            .iter()
            .filter(|item| !unpublished.contains(item.file))
            .filter(|item| !root.as_ref().is_some_and(|root| root.join(item.file).is_file()))
            .collect();
        if !absent.iter().any(|item| item.needed) {
            break;
        }
        for (index, item) in absent.iter().enumerate() {
            match downloader.fetch(item.file, Place { index, count: absent.len() }) {
                Ok(file) => {
                    // A later pass may have brought a newer commit's file.
                    fetched.retain(|(known, _): &(&Published, Fetched)| known.file != item.file);
                    fetched.push((*item, file));
                }
                Err(Failure::Status(..) | Failure::Answer(_)) if !item.needed => {
                    unpublished.insert(item.file);
                }
                Err(failure) => return Err(refusal(source, config, item.file, failure)),
            }
        }
    }
    for warning in warnings(repo, &fetched) {
        downloader.event(Transfer::Warning(warning));
    }
    locate(source, config)
}

/// Compares a model's files with the checksums of the published ones.
///
/// # Errors
/// [`Error::Parameter`] for a model that the program carries or makes, [`Error::ModelNotFound`] for a folder that does not exist.
pub fn verify(source: &ModelSource, config: &HubConfig) -> Result<Vec<FileCheck>> {
    let root = match asset_folder(source, config)? {
        Some(root) => root,
        None => match source {
            ModelSource::Folder(folder) => return Err(not_in_folder(folder, None, &missing_below(None))),
            _ => folder(source, config).unwrap_or_default().join("asset"),
        },
    };
    crate::threads::start(None)?;
    let check = |item: &Published| {
        let path = below(&root, item.file);
        let state = if !path.is_file() {
            FileState::Missing
        } else {
            match sha256(&path) {
                Ok(found) if found == item.sha256 => FileState::Published,
                Ok(found) => FileState::Differs { found },
                Err(error) => FileState::Unreadable(error.to_string()),
            }
        };
        FileCheck { file: item.file, path, state }
    };
    Ok(PUBLISHED.par_iter().map(check).collect())
}

/// Returns the folder where a source's files are or would be: for the hub the snapshot's folder, or the
/// repository's in the cache before anything was downloaded. A packed model and one of the program have none.
///
/// The folder of a complete model may be given as [`ModelSource::Folder`].
pub fn folder(source: &ModelSource, config: &HubConfig) -> Option<PathBuf> {
    match source {
        ModelSource::Folder(folder) => Some(folder.clone()),
        ModelSource::Hub { repo, revision } => {
            let cached = CachedRepo::new(&config.cache, repo, revision);
            Some(cached.current().unwrap_or_else(|| cached.folder().to_path_buf()))
        }
        ModelSource::Packed(_) | ModelSource::Demo | ModelSource::Noise(_) => None,
    }
}

/// Returns the folder that holds `Decoder.safetensors`, or the likeliest one if none does.
fn asset_folder(source: &ModelSource, config: &HubConfig) -> Result<Option<PathBuf>> {
    match source {
        ModelSource::Folder(folder) if !folder.is_dir() => Ok(None),
        ModelSource::Folder(folder) => {
            let inner = folder.join("asset");
            let better = missing_below(Some(&inner)).len() <= missing_below(Some(folder)).len();
            Ok(Some(if inner.is_dir() && better { inner } else { folder.clone() }))
        }
        ModelSource::Hub { repo, revision } => {
            let cached = CachedRepo::new(&config.cache, repo, revision);
            Ok(cached.current().map(|snapshot| snapshot.join("asset")))
        }
        ModelSource::Demo | ModelSource::Noise(_) => {
            Err(Error::parameter("model", format!("`{source}` is the program's own and has no files")))
        }
        ModelSource::Packed(_) => Err(Error::parameter(
            "model",
            format!("`{source}` is a packed model; its files are those it was converted from"),
        )),
    }
}

fn below(root: &Path, file: &str) -> PathBuf {
    // Component by component, so that messages on Windows do not mix separators.
    root.iter().chain(Path::new(file.trim_start_matches("asset/")).iter()).collect()
}

fn missing_below(root: Option<&Path>) -> Vec<&'static str> {
    PUBLISHED
        .iter()
        .filter(|item| item.needed && !root.is_some_and(|root| below(root, item.file).is_file()))
        .map(|item| item.file)
        .collect()
}

/// Returns the sha256 of a file, in lower-case hexadecimal digits.
fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; HASH_CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn is_sha256(name: &str) -> bool {
    name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit())
}

fn warnings(repo: &str, fetched: &[(&Published, Fetched)]) -> Vec<String> {
    let warning = |(item, file): &(&Published, Fetched)| match sha256(&file.path) {
        Ok(found) => foreign(item, &file.path, &found),
        Err(error) => Some(format!("{} cannot be read back: {error}", item.file)),
    };
    match repo {
        DEFAULT_REPO => fetched.par_iter().filter_map(warning).collect(),
        _ => Vec::new(),
    }
}

/// Returns the warning of a file that is not the published one.
fn foreign(item: &Published, path: &Path, found: &str) -> Option<String> {
    (found != item.sha256).then(|| {
        format!(
            "{} is not the file that this program was written for: its sha256 is {found}, expected {}; upstream may \
             have replaced it, or if the voice sounds wrong delete {} and download it again",
            item.file,
            item.sha256,
            path.display()
        )
    })
}

/// Compares the files of the published model in the cache with the published checksums, and returns a warning for
/// each that differs. A file is read once; a stamp in the cache remembers its checksum for as long as it stays the
/// same. Nothing is compared of another model, or where no stamp can be kept.
pub fn differences(source: &ModelSource, config: &HubConfig) -> Vec<String> {
    let ModelSource::Hub { repo, revision } = source else { return Vec::new() };
    let cached = CachedRepo::new(&config.cache, repo, revision);
    let Some(root) = cached.current().filter(|_| repo == DEFAULT_REPO && crate::threads::start(None).is_ok())
    else {
        return Vec::new();
    };
    let beside = cached.folder().join(CHECKED);
    let known = stamp::read(&beside);
    let files = PUBLISHED.iter().filter(|item| item.needed).filter_map(|item| {
        let path = root.join(item.file);
        let identity = stamp::identity(&std::fs::metadata(&path).ok()?);
        Some((item, path, identity))
    });
    let files: Vec<_> = files.collect();
    let sum_of = |(.., identity): &&(&Published, PathBuf, String)| {
        known.iter().find_map(|line| line.strip_suffix(identity.as_str())?.strip_suffix(' '))
    };
    // Where it cannot be remembered, it would be done each time, which takes seconds.
    if files.iter().any(|file| sum_of(&file).is_none()) && !stamp::write(&beside, &known) {
        return Vec::new();
    }
    let sums: Vec<Option<String>> = files
        .par_iter()
        .map(|file| sum_of(&file).map(str::to_owned).or_else(|| sha256(&file.1).ok()))
        .collect();
    let lines = files
        .iter()
        .zip(&sums)
        .filter_map(|((.., identity), sum)| Some(format!("{} {identity}", sum.as_ref()?)));
    let lines: Vec<String> = lines.collect();
    if lines != known {
        stamp::write(&beside, &lines);
    }
    files.iter().zip(&sums).filter_map(|((item, path, _), sum)| foreign(item, path, sum.as_ref()?)).collect()
}
