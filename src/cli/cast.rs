//! The cast of a conversation, as flags and files give it.

use std::path::Path;

use anyhow::Context as _;
use chattts_rs::speech::Cast;
use serde_json::json;

use super::Usage;

/// The most bytes of a cast in a file.
const MAX_BYTES: u64 = 16 << 20;

/// Reads what `--cast` says, once or several times.
pub fn read(given: &[String]) -> anyhow::Result<Cast> {
    let mut cast = Cast::default();
    for given in given {
        let is_file = given.ends_with(".toml") || !given.contains('=');
        match is_file {
            true => file(&mut cast, Path::new(given))?,
            false => given.split(',').try_for_each(|given| member(&mut cast, given))?,
        }
    }
    Ok(cast)
}

fn file(cast: &mut Cast, path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    let failed = || format!("--cast {name}: cannot read it; a cast is a TOML file, or anna=4099,bob=77");
    if std::fs::metadata(path).with_context(failed)?.len() > MAX_BYTES {
        return Err(Usage(format!("--cast {name}: it is too large for a cast")).into());
    }
    let text = std::fs::read_to_string(path).with_context(failed)?;
    let table: toml::Table = text.parse().map_err(|e| Usage(format!("--cast {name}: {e}")))?;
    for (speaker, value) in table {
        let value = serde_json::to_value(value).map_err(|e| Usage(format!("--cast {name}: {e}")))?;
        cast.add(&speaker, value)?;
    }
    Ok(())
}

fn member(cast: &mut Cast, member: &str) -> anyhow::Result<()> {
    if member.trim().is_empty() {
        return Ok(());
    }
    let (speaker, role) = member
        .split_once('=')
        .ok_or_else(|| Usage(format!("--cast: `{}` names no voice; write {0}=4099", member.trim())))?;
    Ok(cast.add(speaker, json!({ "role": role.trim() }))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_is_read_from_flags_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cast.toml");
        std::fs::write(
            &file,
            "carl = 7\n[\"Dr. Li\"]\nrole = \"mix:1*0.5+2*0.5\"\nspeed = 1.25\n[eve]\nspeed = 9\n",
        )
        .unwrap();
        let cast = read(&["Anna=4099, bob = torch-f16:77".into(), file.to_str().unwrap().into()]).unwrap();
        let role = |speaker| cast.settings(speaker).map(|settings| settings.role.clone().unwrap());
        assert_eq!(role("ANNA "), Ok("4099".into()));
        assert_eq!(role("Bob"), Ok("torch-f16:77".into()));
        assert_eq!(role("Carl"), Ok("7".into()));
        assert_eq!(cast.settings("dr. li").unwrap().speed, Some(1.25));
        assert!(role("eve").unwrap_err().contains("`speed`: found 9"));
        for wrong in ["anna=1,bob", "=1", "anna=1,Anna=2"] {
            assert!(read(&[wrong.to_string()]).is_err(), "{wrong}");
        }
    }
}
