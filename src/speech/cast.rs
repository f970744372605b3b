//! Who speaks with which voice in a conversation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Overrides, sha256};
use crate::error::{Error, Result};
use crate::voice::Registry;

/// The number of seeds from which voices are drawn.
const SEEDS: u64 = 100_000;

/// The speakers of a conversation, whose names are compared without their case, with what is said of each.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    members: BTreeMap<String, std::result::Result<Overrides, String>>,
    /// The names as they were written, for messages.
    names: Vec<String>,
}

impl Cast {
    /// Returns a speaker's name as it is compared.
    pub fn fold(name: &str) -> String {
        name.trim().to_lowercase()
    }

    /// Adds a speaker: a voice as `role` takes it, or an object of settings, one of which is the voice. What is wrong
    /// with the settings is the error of the speaker's turns.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a speaker without a name, and for one that is there already.
    pub fn add(&mut self, speaker: &str, settings: Value) -> Result<()> {
        let speaker = speaker.trim();
        if speaker.is_empty() {
            return Err(Error::parameter("cast", "a voice without a speaker; write anna=4099"));
        }
        let settings = if settings.is_object() { settings } else { json!({ "role": settings }) };
        let settings = serde_json::from_value::<Overrides>(settings);
        let settings = settings.map_err(|e| format!("the cast, of {speaker}: {e}")).and_then(|settings| {
            let has_voice = settings.voice_codes.is_some()
                || settings.role.as_ref().is_some_and(|role| !role.trim().is_empty());
            if has_voice { Ok(settings) } else { Err(format!("the cast names no voice for {speaker}")) }
        });
        if self.members.insert(Cast::fold(speaker), settings).is_some() {
            return Err(Error::parameter("cast", format!("{speaker} is in it twice")));
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
            let folded = Cast::fold(&speaker);
            if self.members.contains_key(&folded) {
                continue;
            }
            let registered = registry.list().into_iter().find(|role| Cast::fold(role.name) == folded);
            let role = match registered {
                Some(role) => role.name.to_string(),
                None if is_given => continue,
                None => {
                    let role = draw(&folded, seed, &drawn);
                    drawn.push((speaker.clone(), role.clone()));
                    role
                }
            };
            let settings = Overrides { role: Some(role), ..Overrides::default() };
            self.members.insert(folded, Ok(settings));
        }
        drawn
    }

    /// Returns the settings of a speaker.
    ///
    /// # Errors
    /// A sentence that says that the cast does not have them, or what is wrong with its entry.
    pub fn settings(&self, speaker: &str) -> std::result::Result<&Overrides, String> {
        match self.members.get(&Cast::fold(speaker)) {
            Some(settings) => settings.as_ref().map_err(Clone::clone),
            None => Err(format!(
                "{speaker} is neither in the cast ({}) nor a registered role; give {speaker} a voice there",
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

    fn cast(members: &[(&str, Value)]) -> Cast {
        let mut cast = Cast::default();
        members.iter().for_each(|(speaker, settings)| cast.add(speaker, settings.clone()).unwrap());
        cast
    }

    fn role(cast: &Cast, speaker: &str) -> std::result::Result<String, String> {
        cast.settings(speaker).map(|settings| settings.role.clone().unwrap())
    }

    #[test]
    fn a_member_is_a_voice_or_settings_with_one() {
        let settings = json!({ "role": "mix:1*0.5+2*0.5", "speed": 1.25 });
        let cast = cast(&[("Anna", json!(4099)), (" bob ", json!("torch-f16:77")), ("Dr. Li", settings)]);
        assert_eq!(role(&cast, "ANNA "), Ok("4099".into()));
        assert_eq!(role(&cast, "Bob"), Ok("torch-f16:77".into()));
        assert_eq!(cast.settings("dr. li").unwrap().speed, Some(1.25));
    }

    #[test]
    fn what_a_cast_lacks_is_the_speaker_s_own_error() {
        let mut cast =
            cast(&[("anna", json!("")), ("bob", json!(1)), ("eve", json!({"role": 1, "speed": 9}))]);
        let drawn = cast.complete(["Carl".to_string()].into_iter(), &Registry::shipped(), 1);
        assert!(drawn.is_empty());
        assert_eq!(role(&cast, "anna").unwrap_err(), "the cast names no voice for anna");
        assert!(role(&cast, "eve").unwrap_err().contains("`speed`: found 9"));
        let error = role(&cast, "Carl").unwrap_err();
        assert!(error.contains("Carl is neither in the cast (anna, bob, eve)"), "{error}");
        assert!(cast.add(" ", json!(1)).is_err() && cast.add("ANNA", json!(1)).is_err());
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
