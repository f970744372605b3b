//! The errors of a model that is not where it was looked for: what is missing, where, and the ways out.

use std::path::Path;

use super::cache::CachedRepo;
use super::download::Failure;
use super::{HubConfig, ModelSource, PUBLISHED, asset_folder, missing_below};
use crate::error::Error;

const MIRROR: &str = "https://hf-mirror.com";

/// Why a repository's files cannot be had.
pub enum Cause {
    NotDownloaded,
    Offline,
    NoConnection(String),
    Untrusted(String),
    Refused { file: &'static str, status: u16, reason: String },
}

/// Returns the error of a file that could not be fetched.
pub fn refusal(source: &ModelSource, config: &HubConfig, file: &'static str, failure: Failure) -> Error {
    let reason = failure.reason();
    let cause = match failure {
        Failure::Local(error) => return error,
        Failure::Connect(_) => Cause::NoConnection(reason),
        Failure::Untrusted(_) => Cause::Untrusted(reason),
        Failure::Status(status, _) => Cause::Refused { file, status: status.as_u16(), reason },
        Failure::Transfer(_) | Failure::Slow(_) => {
            return Error::Download {
                repo: source.to_string(),
                file: file.into(),
                reason: format!("{reason}; what is here is kept, run it again to continue"),
            };
        }
        Failure::Answer(_) | Failure::Damaged(_) => {
            return Error::Download { repo: source.to_string(), file: file.into(), reason };
        }
    };
    let root = asset_folder(source, config).ok().flatten();
    not_in_cache(source, config, &missing_below(root.as_deref()), &cause)
}

/// Returns the error of a model that is not in the cache, with what is missing, where it was looked for, ways out.
pub fn not_in_cache(source: &ModelSource, config: &HubConfig, missing: &[&str], cause: &Cause) -> Error {
    let endpoint = &config.endpoint;
    let kind = match cause {
        Cause::NoConnection(_) => Error::Unreachable,
        _ => Error::ModelNotFound,
    };
    let cause = match cause {
        Cause::NotDownloaded => {
            "is not on this machine, or not all of it; `chattts-rs model download` fetches it".into()
        }
        Cause::Offline => "is not on this machine, or not all of it, and offline is switched on \
                           (HF_HUB_OFFLINE, or the caller's own word)"
            .into(),
        Cause::NoConnection(reason) | Cause::Untrusted(reason) => {
            format!(
                "is not on this machine, or not all of it, and {endpoint} could not be reached ({reason})"
            )
        }
        Cause::Refused { file, status, reason } => {
            let hint = match (status, &config.token) {
                (401 | 403, None) => {
                    "; the repository is private, gated or misspelt: set HF_TOKEN to a token that may read it"
                }
                (401 | 403, Some(_)) => {
                    "; the token (HF_TOKEN) may not read this repository, or the repository is misspelt"
                }
                (404, _) => "; check the repository's name and revision",
                _ => "",
            };
            format!("could not be downloaded: {endpoint} answered {reason} for {file}{hint}")
        }
    };
    let mut looked_in = String::new();
    if let ModelSource::Hub { repo, revision } = source {
        let cached = CachedRepo::new(&config.cache, repo, revision);
        let folder = cached.folder().display();
        looked_in = format!("\n  cache:     {folder}\n  address:   {}", cached.url(endpoint, ""));
    }
    kind(format!(
        "the model {source} {cause}\n  missing:   {}{looked_in}\n{}",
        missing.join(", "),
        ways_out(source)
    ))
}

fn ways_out(source: &ModelSource) -> String {
    format!(
        "Ways out:\n  \
         1. download it where there is a network (`chattts-rs model download` there, or any downloader \
         for {source}), copy the folder here and name it as the model\n  \
         2. download through a mirror: HF_ENDPOINT={MIRROR}\n  \
         3. speak with the small voice that the program carries: the model `demo`"
    )
}

/// Returns the error of a folder that holds no whole model.
pub fn not_in_folder(folder: &Path, root: Option<&Path>, missing: &[&str]) -> Error {
    let Some(root) = root else {
        return Error::ModelNotFound(format!("the folder {} does not exist", folder.display()));
    };
    let names: Vec<&str> = missing.iter().map(|file| file.trim_start_matches("asset/")).collect();
    let also = if missing.len() == PUBLISHED.iter().filter(|item| item.needed).count() {
        format!("\n  looked in: {0} and {0}{1}asset", folder.display(), std::path::MAIN_SEPARATOR)
    } else {
        format!("\n  looked in: {}", root.display())
    };
    Error::ModelNotFound(format!(
        "{} does not hold a whole ChatTTS model\n  missing:   {}{also}",
        folder.display(),
        names.join(", ")
    ))
}
