//! A file of roles: TOML, one table `[roles.NAME]` a role.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::check_name;
use super::role::{Role, WrittenRole};
use crate::error::{Error, Result};
use crate::files;
use crate::message::unknown_there;

/// The most bytes of a file of roles.
const MAX_BYTES: u64 = 256 << 20;

/// The roles of a file, by their names.
pub(super) type Roles = BTreeMap<String, Role>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadFile {
    #[serde(default)]
    roles: BTreeMap<String, Spanned<WrittenRole>>,
}

#[derive(Serialize)]
struct WrittenFile<'a> {
    roles: BTreeMap<&'a str, WrittenRole>,
}

/// Reads a file of roles; a missing one holds none.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::BadFile`] that names the line.
pub(super) fn load(path: &Path) -> Result<Roles> {
    read_text(path).and_then(|text| parse(path, &text))
}

/// Registers a role in a file, which is created if it is missing. Everything else in the file stays, comments
/// too. A role that is there already, the same in everything, stays as well.
///
/// # Errors
/// [`Error::Speaker`] if the name is none, the role has no voice, or the name is taken by another role and not to
/// be replaced; [`Error::Io`] or [`Error::BadFile`] for the file.
pub fn add_role(path: &Path, name: &str, role: &Role, replace: bool) -> Result<()> {
    check_name(name)?;
    edit(path, |roles, text| {
        // Read as it will be, so that no file is left that cannot be read.
        let read = WrittenRole::of(role)?.read()?;
        match roles.get(name) {
            Some(old) if *old == read => return Ok(text.to_string()),
            Some(_) if !replace => {
                return Err(Error::Speaker(format!(
                    "role {name} is already in {}, and is another",
                    path.display()
                )));
            }
            _ => {}
        }
        let section = write(&[(name, role)])?;
        let text = without(text, name);
        roles.insert(name.to_string(), read);
        let gap = if text.trim().is_empty() { "" } else { "\n\n" };
        Ok(format!("{}{gap}{section}", text.trim_end()))
    })
}

/// Takes a role out of a file.
///
/// # Errors
/// [`Error::Speaker`] if it is not there, [`Error::Io`] or [`Error::BadFile`] for the file.
pub fn remove_role(path: &Path, name: &str) -> Result<()> {
    edit(path, |roles, text| match roles.remove(name) {
        Some(_) => Ok(without(text, name)),
        None => Err(Error::Speaker(format!("no role {name} in {}", path.display()))),
    })
}

/// Changes a file under a lock, so that of two writers at once none loses what the other wrote.
fn edit(path: &Path, change: impl FnOnce(&mut Roles, &str) -> Result<String>) -> Result<()> {
    // A link stays one: what it points to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let lock = lock_path(path, folder);
    let guard = files::open_own(&lock, false)?;
    guard.lock().map_err(Error::io("lock", &lock))?;

    let text = read_text(path)?;
    let mut roles = parse(path, &text)?;
    let mut text = change(&mut roles, &text)?;
    if parse(path, &text).ok().as_ref() != Some(&roles) {
        // Written in a way that cannot be edited line by line, such as one table for all roles.
        text = write(&roles.iter().map(|(name, role)| (name.as_str(), role)).collect::<Vec<_>>())?;
    }
    save(path, folder, &text)
}

fn lock_path(path: &Path, folder: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".lock");
    folder.join(name)
}

/// Writes a new file beside the old one and renames it, so that a reader finds either of them complete.
fn save(path: &Path, folder: &Path, text: &str) -> Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".roles-");
    // As a new file would be; the system takes off what the user's mask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(Error::io("create", folder))?;
    if let Ok(old) = fs::metadata(path) {
        fs::set_permissions(file.path(), old.permissions()).map_err(Error::io("write", path))?;
    }
    file.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    file.as_file().sync_all().map_err(Error::io("write", path))?;
    file.persist(path).map_err(|e| Error::io("write", path)(e.error))?;
    Ok(())
}

fn read_text(path: &Path) -> Result<String> {
    let bytes = match files::read(path, MAX_BYTES) {
        Err(Error::Io { reason, .. }) if reason.kind() == ErrorKind::NotFound => return Ok(String::new()),
        other => other?,
    };
    String::from_utf8(bytes).map_err(|_| Error::bad_file(path, "it is not UTF-8, and so no file of roles"))
}

fn parse(path: &Path, text: &str) -> Result<Roles> {
    let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    let file: ReadFile = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or_else(String::new, |span| format!("line {}: ", line(span.start)));
        Error::bad_file(path, format!("{at}{}", reworded(e.message())))
    })?;
    let role = |(name, written): (String, Spanned<WrittenRole>)| {
        let start = written.span().start;
        check_name(&name)
            .and_then(|()| written.into_inner().read())
            // Counted for the one that is wrong alone: the count goes through the whole file.
            .map_err(|e| Error::bad_file(path, format!("line {}: role {name}: {e}", line(start))))
            .map(|role| (name, role))
    };
    file.roles.into_iter().map(role).collect()
}

/// Returns a message of the TOML reader in words that are fit for a user.
fn reworded(message: &str) -> String {
    let unknown_key = || {
        let (key, known) = message.strip_prefix("unknown field `")?.rsplit_once("`, expected ")?;
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        Some(unknown_there(key, &known))
    };
    unknown_key().unwrap_or_else(|| without_values(message))
}

/// Returns a message of the TOML reader without the values of the file that it quotes, cut if a key makes it long.
fn without_values(message: &str) -> String {
    const MOST: usize = 300;
    let mut said = match (message.split_once('"'), message.rsplit_once("\", expected ")) {
        (Some((said, _)), Some((_, expected))) => format!("{}, expected {expected}", said.trim_end()),
        (Some((said, _)), None) => said.trim_end().to_string(),
        (None, _) => message.to_string(),
    };
    if said.len() > MOST {
        said.truncate(said.floor_char_boundary(MOST));
        said.push('…');
    }
    said
}

fn write(roles: &[(&str, &Role)]) -> Result<String> {
    let roles = roles
        .iter()
        .map(|(name, role)| Ok((*name, WrittenRole::of(role)?)))
        .collect::<Result<BTreeMap<_, _>>>()?;
    toml::to_string(&WrittenFile { roles })
        .map_err(|e| Error::Speaker(format!("the roles cannot be written: {e}")))
}

/// Returns a text without the table of a role and the comment lines right before it.
fn without(text: &str, name: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_header =
        |line: &&str| line.trim_start().starts_with('[') && toml::from_str::<toml::Table>(line).is_ok();
    let is_its = |line: &str| {
        toml::from_str::<toml::Table>(line)
            .ok()
            .and_then(|table| table.get("roles")?.as_table()?.get(name).map(|_| ()))
            .is_some()
    };
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    let Some(header) = lines.iter().position(|line| is_header(line) && is_its(line)) else {
        return text.to_string();
    };
    let (before, from) = lines.split_at(header);
    let (_, after) = from.split_at(1 + from.iter().skip(1).take_while(|line| !is_header(line)).count());
    let kept_before = before.len() - before.iter().rev().take_while(|line| is_comment(line)).count();
    // The next role's comments stay with it.
    let body = from.len() - after.len();
    let comments = from.iter().take(body).rev().take_while(|line| is_comment(line)).count();
    let kept_after = from.iter().skip(body - comments);
    before.iter().take(kept_before).chain(kept_after).copied().collect()
}

#[cfg(test)]
#[path = "role_file_tests.rs"]
mod tests;
