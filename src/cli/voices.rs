//! Checks `--role`: the files where roles are registered, and whether a voice can exist at all.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chattts_rs::speech::is_audio;
use chattts_rs::voice::{Registry, VoiceSpec};

use super::Usage;

/// The name of the file of the user's roles.
const ROLES_FILE: &str = "roles.toml";

/// Returns the path of the user's own file of roles, whether it exists or not.
pub fn user_roles() -> anyhow::Result<PathBuf> {
    use etcetera::BaseStrategy as _;
    let dirs = etcetera::choose_base_strategy().context("cannot tell where your home folder is")?;
    Ok(dirs.config_dir().join("chattts-rs").join(ROLES_FILE))
}

/// Returns every registered role: of a project's file, the user's own, and the shipped ones.
pub fn registry(project: Option<&Path>) -> anyhow::Result<Registry> {
    registry_over([], project)
}

/// Returns every registered role, those of some files before all others; such a file need not exist.
pub fn registry_over<'a>(
    first: impl IntoIterator<Item = &'a PathBuf>,
    project: Option<&Path>,
) -> anyhow::Result<Registry> {
    let mut files: Vec<PathBuf> = first.into_iter().cloned().collect();
    if let Some(project) = project {
        if !project.exists() {
            return Err(anyhow::anyhow!("--roles {}: there is no such file", project.display()));
        }
        files.push(project.to_path_buf());
    }
    // Without a home folder, or with one that is none, there are no roles of one's own.
    files.extend(user_roles().ok().filter(|file| file.exists()));
    Ok(Registry::load(&files)?)
}

/// Refuses a voice that cannot exist: one of a wrong form, a role that is not registered, a file that does not
/// exist.
pub fn check(role: &str, registry: &Registry) -> Result<(), Usage> {
    if is_audio(role) {
        return check_spec(&VoiceSpec::File(role.trim().into()), registry);
    }
    let spec = registry.parse(role);
    let spec = spec.map_err(|e| Usage(format!("--role {}: {e}", chattts_rs::speech::shown(role))))?;
    check_spec(&spec, registry)
}

fn check_spec(spec: &VoiceSpec, registry: &Registry) -> Result<(), Usage> {
    match spec {
        VoiceSpec::Name(name) if registry.get(name).is_none() => Err(Usage(format!(
            "--role {name}: no such role; `chattts-rs roles list` shows those that are registered. A voice is also a \
             seed (N, torch-f32:N, torch-f16:N, cuda:N, forge:N), a speaker string, a file, mix:A*0.7+B*0.3 or `none`"
        ))),
        VoiceSpec::File(path) if !path.exists() => {
            Err(Usage(format!("--role {}: there is no such file", path.display())))
        }
        VoiceSpec::Mix(parts) => parts.iter().try_for_each(|(part, _)| check_spec(part, registry)),
        _ => Ok(()),
    }
}

/// Returns the message for a sample without its words.
pub fn needs_words(role: &str) -> String {
    format!("--role {role}: a spoken sample; give what it says, word for word, with --role-text")
}
