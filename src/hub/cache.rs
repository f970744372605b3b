//! One repository in the Hugging Face cache.

use std::path::{Path, PathBuf};
use std::{fs, io};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use crate::error::{Error, Result};

/// The number of digits of a git commit.
const COMMIT_DIGITS: usize = 40;

/// A repository's part of the cache: `refs/<revision>` names a commit, `snapshots/<commit>/…` holds
/// its files as links into `blobs/<etag>`.
pub(super) struct CachedRepo {
    id: String,
    revision: String,
    cached: CacheRepo,
    folder: PathBuf,
}

impl CachedRepo {
    pub(super) fn new(cache: &Path, repo: &str, revision: &str) -> Self {
        let name = Repo::with_revision(repo.to_owned(), RepoType::Model, revision.to_owned());
        let folder = cache.join(name.folder_name());
        let cached = Cache::new(cache.to_path_buf()).repo(name);
        Self { id: repo.to_owned(), revision: revision.to_owned(), cached, folder }
    }

    /// Returns the repository's folder in the cache; it need not exist.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the commit that the revision named when it was last asked for.
    fn commit(&self) -> Option<String> {
        if is_commit(&self.revision) {
            return Some(self.revision.clone());
        }
        let commit = fs::read_to_string(self.folder.join("refs").join(&self.revision)).ok()?;
        let commit = commit.trim();
        commit.chars().all(|c| c.is_ascii_alphanumeric()).then(|| commit.to_owned()).filter(|c| !c.is_empty())
    }

    /// Returns the folder of the revision's files, if the revision was ever asked for.
    pub(super) fn current(&self) -> Option<PathBuf> {
        self.commit().map(|commit| self.snapshot(&commit))
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.cached.pointer_path(commit)
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Records the commit that the revision names.
    pub(super) fn set_ref(&self, commit: &str) -> Result<()> {
        if self.commit().as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(&self.revision);
        self.cached.create_ref(commit).map_err(Error::io("write", &path))
    }

    /// Returns the URL of a file on a server.
    pub(super) fn url(&self, endpoint: &str, file: &str) -> String {
        let (repo, revision) = (&self.id, self.revision.replace('/', "%2F"));
        format!("{endpoint}/{repo}/resolve/{revision}/{file}")
    }
}

fn is_commit(revision: &str) -> bool {
    revision.len() == COMMIT_DIGITS && revision.chars().all(|c| c.is_ascii_hexdigit())
}

/// Links a snapshot's file to its blob: by a relative link, as other programs do, else by a hard link, else by
/// a copy.
pub(super) fn link(blob: &Path, pointer: &Path) -> io::Result<()> {
    let folder = pointer.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    if fs::symlink_metadata(pointer).is_ok() {
        fs::remove_file(pointer)?;
    }
    if let Some(relative) = relative_blob(blob, pointer) {
        // A link may be made and yet lead nowhere where `snapshots` is itself a link.
        if symlink(&relative, pointer).is_ok() {
            if pointer.is_file() {
                return Ok(());
            }
            fs::remove_file(pointer)?;
        }
    }
    fs::hard_link(blob, pointer).or_else(|_| fs::copy(blob, pointer).map(drop))
}

fn relative_blob(blob: &Path, pointer: &Path) -> Option<PathBuf> {
    let repo = blob.parent()?.parent()?;
    let depth = pointer.strip_prefix(repo).ok()?.components().count();
    let mut path: PathBuf = std::iter::repeat_n("..", depth - 1).collect();
    path.push(blob.strip_prefix(repo).ok()?);
    Some(path)
}

#[cfg(unix)]
fn symlink(to: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

#[cfg(windows)]
fn symlink(to: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(to, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_reached_from_any_depth() {
        let blob = Path::new("c/models--a--b/blobs/e");
        let relative = |file: &str| relative_blob(blob, &Path::new("c/models--a--b/snapshots/1").join(file));
        assert_eq!(relative("x.json"), Some("../../blobs/e".into()));
        assert_eq!(relative("asset/gpt/x.json"), Some("../../../../blobs/e".into()));
    }
}
