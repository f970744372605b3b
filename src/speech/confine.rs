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
    /// No file. Whether there is one of a name that is asked for is not looked at, let alone told.
    Nothing,
}

impl FileRule {
    /// Refuses a role that names a file which may not be read. A registered role may lead to any file: who
    /// registered it chose that.
    ///
    /// # Errors
    /// [`Error::Role`] with [`Error::Outside`] or [`Error::BadFile`] as its reason.
    pub fn check_role(&self, role: &str, registry: &Registry) -> Result<()> {
        let checked = match is_audio(role) {
            _ if *self == FileRule::Nothing => check_known(role, registry),
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
        let folder = match self {
            FileRule::Any => return Ok(()),
            FileRule::Under(folder) => folder,
            FileRule::Nothing => return Err(no_file(path)),
        };
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

/// Refuses a role that is not known by itself, without a file.
fn check_known(role: &str, registry: &Registry) -> Result<()> {
    match is_audio(role) {
        true => Err(no_file(Path::new(role.trim()))),
        false => check_known_spec(&VoiceSpec::parse(role)?, registry),
    }
}

fn check_known_spec(spec: &VoiceSpec, registry: &Registry) -> Result<()> {
    match spec {
        VoiceSpec::File(path) => Err(no_file(path)),
        VoiceSpec::Mix(parts) => parts.iter().try_for_each(|(part, _)| check_known_spec(part, registry)),
        // Looked up later it might be taken for a file.
        VoiceSpec::Name(name) if registry.get(name).is_none() => {
            let names: Vec<&str> = registry.list().iter().map(|role| role.name).collect();
            Err(Error::Speaker(format!(
                "no role is registered as {name}; there are {}, and any seed, speaker string or mix",
                names.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

fn no_file(path: &Path) -> Error {
    Error::Speaker(format!(
        "{}: voices are not read from files here; name one, or give a seed",
        path.display()
    ))
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

    #[test]
    fn where_no_file_is_read_none_is_looked_for() {
        let mut registry = Registry::shipped();
        registry.insert("anna", crate::voice::Role::new(VoiceSpec::parse("torch-f32:1").unwrap())).unwrap();
        let check = |role: &str| FileRule::Nothing.check_role(role, &registry).map_err(|e| e.to_string());
        // The tests run where these files are.
        for file in ["./LICENSE", "/etc/passwd", "a.wav", "x.pt", "mix:2222+./LICENSE"] {
            assert!(check(file).unwrap_err().contains("not read from files"), "{file}");
        }
        for name in ["LICENSE", "Cargo.toml", "NOSUCHTHING", "mix:anna+LICENSE"] {
            let error = check(name).unwrap_err();
            assert!(error.contains("no role is registered as") && error.contains("anna"), "{error}");
        }
        for role in ["anna", "2222", "77777", "torch-f16:2222", "mix:anna*0.7+4099*0.3", "none"] {
            check(role).unwrap();
        }
        assert!(FileRule::Nothing.check(Path::new("LICENSE")).is_err());
    }
}
