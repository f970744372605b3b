//! Who speaks with which voice in a conversation.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use chattts_rs::Overrides;
use chattts_rs::speech::sha256;
use chattts_rs::voice::Registry;
use serde_json::{Value, json};

use super::Usage;

/// The number of seeds from which voices are drawn.
const SEEDS: u64 = 100_000;
/// The most bytes of a cast in a file.
const MAX_BYTES: u64 = 16 << 20;

/// The speakers of a conversation by their folded names, with what is said of each.
#[derive(Default)]
pub struct Cast {
    members: BTreeMap<String, Result<Overrides, String>>,
    /// The names as they were written, for messages.
    names: Vec<String>,
}

/// Returns a name as it is compared.
pub fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Cast {
    /// Reads what `--cast` says, once or several times.
    pub fn read(given: &[String]) -> anyhow::Result<Self> {
        let mut cast = Cast::default();
        for given in given {
            let is_file = given.ends_with(".toml") || !given.contains('=');
            match is_file {
                true => cast.file(Path::new(given))?,
                false => given.split(',').try_for_each(|member| cast.member(member))?,
            }
        }
        Ok(cast)
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = path.display();
        let failed = || format!("--cast {name}: cannot read it; a cast is a TOML file, or anna=4099,bob=77");
        if std::fs::metadata(path).with_context(failed)?.len() > MAX_BYTES {
            return Err(Usage(format!("--cast {name}: it is too large for a cast")).into());
        }
        let text = std::fs::read_to_string(path).with_context(failed)?;
        let table: toml::Table = text.parse().map_err(|e| Usage(format!("--cast {name}: {e}")))?;
        for (speaker, value) in table {
            let value = serde_json::to_value(value).map_err(|e| Usage(format!("--cast {name}: {e}")))?;
            let settings = if value.is_object() { value } else { json!({ "role": value }) };
            self.add(&speaker, settings)?;
        }
        Ok(())
    }

    fn member(&mut self, member: &str) -> Result<(), Usage> {
        if member.trim().is_empty() {
            return Ok(());
        }
        let (speaker, role) = member
            .split_once('=')
            .ok_or_else(|| Usage(format!("--cast: `{}` names no voice; write {0}=4099", member.trim())))?;
        self.add(speaker, json!({ "role": role.trim() }))
    }

    fn add(&mut self, speaker: &str, settings: Value) -> Result<(), Usage> {
        let speaker = speaker.trim();
        if speaker.is_empty() {
            return Err(Usage("--cast: a voice without a speaker; write anna=4099".into()));
        }
        let settings = serde_json::from_value::<Overrides>(settings);
        let settings = settings.map_err(|e| format!("the cast, of {speaker}: {e}")).and_then(|settings| {
            let has_voice = settings.voice_codes.is_some()
                || settings.role.as_ref().is_some_and(|role| !role.trim().is_empty());
            if has_voice { Ok(settings) } else { Err(format!("the cast names no voice for {speaker}")) }
        });
        if self.members.insert(fold(speaker), settings).is_some() {
            return Err(Usage(format!("--cast: {speaker} is in it twice")));
        }
        self.names.push(speaker.into());
        Ok(())
    }

    /// Completes a cast with the registered roles of those that are not in it, and, if nobody is, with voices that a
    /// seed draws. Returns the speakers and the voices that were drawn.
    pub fn complete(
        &mut self,
        speakers: impl Iterator<Item = String>,
        registry: &Registry,
        seed: u64,
    ) -> Vec<(String, String)> {
        let is_given = !self.members.is_empty();
        let mut drawn: Vec<(String, String)> = Vec::new();
        for speaker in speakers {
            let folded = fold(&speaker);
            if self.members.contains_key(&folded) {
                continue;
            }
            let registered = registry.list().into_iter().find(|role| fold(role.name) == folded);
            let role = match registered {
                Some(role) => role.name.to_string(),
                None if is_given => continue,
                None => {
                    let role = draw(&folded, seed, &drawn);
                    drawn.push((speaker.clone(), role.clone()));
                    role
                }
            };
            let mut settings = Overrides::default();
            settings.role = Some(role);
            self.members.insert(folded, Ok(settings));
        }
        drawn
    }

    /// Returns the settings of a speaker.
    ///
    /// # Errors
    /// A sentence that says that the cast does not have them, or what is wrong with its entry.
    pub fn settings(&self, speaker: &str) -> Result<&Overrides, String> {
        match self.members.get(&fold(speaker)) {
            Some(settings) => settings.as_ref().map_err(Clone::clone),
            None => Err(format!(
                "{speaker} is neither in the cast ({}) nor a registered role; add {speaker}=VOICE to --cast",
                self.names.join(", ")
            )),
        }
    }
}

/// Draws the voice of a speaker by their name, so that a conversation that grows keeps its voices; no two have one.
fn draw(speaker: &str, seed: u64, taken: &[(String, String)]) -> String {
    let digest = sha256(format!("{seed} {speaker}").as_bytes());
    let mut number =
        u64::from_str_radix(digest.get(..15).unwrap_or_default(), 16).unwrap_or_default() % SEEDS;
    loop {
        let role = format!("torch-f32:{number}");
        if !taken.iter().any(|(_, other)| *other == role) {
            return role;
        }
        number = (number + 1) % SEEDS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(given: &[&str]) -> Cast {
        Cast::read(&given.iter().map(|given| given.to_string()).collect::<Vec<_>>()).unwrap()
    }

    fn role(cast: &Cast, speaker: &str) -> Result<String, String> {
        cast.settings(speaker).map(|settings| settings.role.clone().unwrap())
    }

    #[test]
    fn a_cast_is_read_from_flags_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cast.toml");
        std::fs::write(
            &file,
            "carl = 7\n[\"Dr. Li\"]\nrole = \"mix:1*0.5+2*0.5\"\nspeed = 1.25\n[eve]\nspeed = 9\n",
        )
        .unwrap();
        let cast = cast(&["Anna=4099, bob = torch-f16:77", file.to_str().unwrap()]);
        assert_eq!(role(&cast, "ANNA "), Ok("4099".into()));
        assert_eq!(role(&cast, "Bob"), Ok("torch-f16:77".into()));
        assert_eq!(role(&cast, "Carl"), Ok("7".into()));
        assert_eq!(cast.settings("dr. li").unwrap().speed, Some(1.25));
        assert!(role(&cast, "eve").unwrap_err().contains("`speed`: found 9"));
    }

    #[test]
    fn what_a_cast_lacks_is_the_speaker_s_own_error() {
        let mut cast = cast(&["anna=,bob=1"]);
        let drawn = cast.complete(["Carl".to_string()].into_iter(), &Registry::shipped(), 1);
        assert!(drawn.is_empty());
        assert_eq!(role(&cast, "anna").unwrap_err(), "the cast names no voice for anna");
        let error = role(&cast, "Carl").unwrap_err();
        assert!(error.contains("Carl is neither in the cast (anna, bob)"), "{error}");
        for wrong in ["anna=1,bob", "=1", "anna=1,Anna=2"] {
            assert!(Cast::read(&[wrong.to_string()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn voices_are_registered_ones_or_drawn_by_name_and_seed() {
        let speakers = || ["Anna", "2222", "Bob", "anna"].map(String::from).into_iter();
        let complete = |seed| {
            let mut cast = Cast::default();
            let drawn = cast.complete(speakers(), &Registry::shipped(), seed);
            (drawn, role(&cast, "2222").unwrap())
        };
        let (drawn, registered) = complete(5);
        assert_eq!(registered, "2222");
        assert_eq!(drawn.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Anna", "Bob"]);
        assert_ne!(drawn[0].1, drawn[1].1);
        assert_eq!(complete(5).0, drawn);
        assert_ne!(complete(6).0, drawn);
        assert_eq!(draw("anna", 5, &[]), drawn[0].1);
    }
}
