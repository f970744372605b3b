//! Keeps the files that texts and manifests name inside a folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::field::shown;
use super::is_audio;
use crate::error::{Error, Result};
use crate::voice::{Registry, VoiceSpec};

/// Says which files voices may be read from when a text or a manifest names them. Whoever writes those need not
/// be who runs the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileRule {
    /// Any file.
    #[default]
    Any,
    /// Regular files in this folder and below it, links followed.
    Under(PathBuf),
}

impl FileRule {
    /// Refuses a role that names a file which may not be read. A registered role may lead to any file: who
    /// registered it chose that.
    ///
    /// # Errors
    /// [`Error::Role`] with [`Error::Outside`] or [`Error::BadFile`] as its reason.
    pub fn check_role(&self, role: &str, registry: &Registry) -> Result<()> {
        let checked = match is_audio(role) {
            true => self.check(Path::new(role.trim())),
            // What is no voice at all is found where the voice is.
            false => registry.parse(role).map_or(Ok(()), |spec| self.check_spec(&spec)),
        };
        checked.map_err(|reason| Error::Role { role: shown(role), reason: Box::new(reason) })
    }

    fn check_spec(&self, spec: &VoiceSpec) -> Result<()> {
        match spec {
            VoiceSpec::File(path) => self.check(path),
            VoiceSpec::Mix(parts) => parts.iter().try_for_each(|(part, _)| self.check_spec(part)),
            _ => Ok(()),
        }
    }

    /// Refuses a file that may not be read.
    ///
    /// # Errors
    /// [`Error::Outside`] for a file elsewhere, which says nothing of whether it exists, and [`Error::BadFile`]
    /// for one that is no regular file.
    pub fn check(&self, path: &Path) -> Result<()> {
        let FileRule::Under(folder) = self else { return Ok(()) };
        let outside = || Error::Outside { path: path.to_path_buf(), folder: folder.clone() };
        let root = fs::canonicalize(folder).map_err(Error::io("read", folder))?;
        match fs::canonicalize(path) {
            Ok(found) if !found.starts_with(&root) => Err(outside()),
            Ok(found) if !found.is_file() => Err(Error::bad_file(path, "it is no regular file; name one")),
            Ok(_) => Ok(()),
            // It cannot be read, which is said where it would be.
            Err(_) if plain(path).is_some_and(|path| path.starts_with(&root)) => Ok(()),
            Err(_) => Err(outside()),
        }
    }
}

/// Returns a path from the root without `.` and `..`, by its letters alone.
fn plain(path: &Path) -> Option<PathBuf> {
    let here = fs::canonicalize(".").ok()?;
    let mut plain = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_outside_are_refused_whichever_way_leads_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out.txt"));
        fs::create_dir(&inside).unwrap();
        for file in [&inside.join("a.txt"), &inside.join("a.wav"), &outside] {
            fs::write(file, "x").unwrap();
        }
        let rule = FileRule::Under(inside.clone());
        let registry = Registry::shipped();
        let at = |name: &str| inside.join(name).display().to_string();
        let mut refused = vec![
            at("../out.txt"),
            at("../gone.txt"),
            at("../out.wav"),
            format!("mix:2222+{}", at("../out.txt")),
        ];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, inside.join("link.txt")).unwrap();
            refused.extend([at("link.txt"), "/proc/self/environ".into(), "/nowhere/at.pt".into()]);
        }
        for role in refused {
            match rule.check_role(&role, &registry) {
                Err(Error::Role { reason, .. }) => {
                    assert!(matches!(*reason, Error::Outside { .. }), "{role}: {reason}");
                }
                other => panic!("{role}: {other:?}"),
            }
            FileRule::Any.check_role(&role, &registry).unwrap();
        }
        let mix = format!("mix:2222*0.5+{}*0.5", at("a.txt"));
        for role in [
            at("a.txt"),
            at("a.wav"),
            at("gone.txt"),
            at("./../in/a.txt"),
            mix,
            "2222".into(),
            "nobody".into(),
        ] {
            rule.check_role(&role, &registry).unwrap();
        }
        assert!(matches!(rule.check(&inside), Err(Error::BadFile { .. })));
    }
}
