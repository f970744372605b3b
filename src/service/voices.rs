//! The voices that clients may name.

use crate::error::Result;
use crate::speech::shown;
use crate::voice::{Origin, Registered, Registry, Role, SeedKind, VoiceSpec};

/// The names that OpenAI's clients know, and the seeds that speak under them here.
pub const ALIASES: [(&str, u64); 13] = [
    ("alloy", 2222),
    ("ash", 1111),
    ("ballad", 3333),
    ("cedar", 4444),
    ("coral", 7869),
    ("echo", 4099),
    ("fable", 5099),
    ("marin", 5555),
    ("nova", 6653),
    ("onyx", 6666),
    ("sage", 7777),
    ("shimmer", 8888),
    ("verse", 9999),
];

/// Registers OpenAI's names of voices, unless the registry has roles of these names.
///
/// # Errors
/// [`crate::Error::Speaker`] if a name is none.
pub fn with_aliases(mut registry: Registry) -> Result<Registry> {
    for (name, seed) in ALIASES {
        if registry.get(name).is_none() {
            let note = Some("a name that OpenAI's clients know".into());
            let role = Role { note, ..Role::new(VoiceSpec::Seed(SeedKind::TorchF32, seed)) };
            registry.insert(name, role)?;
        }
    }
    Ok(registry)
}

/// A voice as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceEntry {
    /// The name by which requests ask for it.
    pub id: String,
    /// What it is made of: a seed, a mix, or the beginning of a speaker string.
    pub voice: Option<String>,
    /// Whether a spoken sample belongs to it.
    pub has_sample: bool,
    /// The note that was registered with it.
    pub note: Option<String>,
    /// Where it comes from: `registered`, `shipped`, `given` or `created`.
    pub origin: &'static str,
    /// The time at which a client made it, in seconds since 1970, where that is known.
    pub created: Option<u64>,
}

/// Returns all voices that have names.
pub fn list(registry: &Registry) -> Vec<VoiceEntry> {
    registry.list().iter().map(entry).collect()
}

pub(super) fn entry(found: &Registered) -> VoiceEntry {
    VoiceEntry {
        id: found.name.to_string(),
        voice: found.role.voice.as_ref().map(|voice| shown(&voice.to_string())),
        has_sample: found.role.sample.is_some(),
        note: found.role.note.clone(),
        origin: match found.origin {
            Origin::File(_) => "registered",
            Origin::Shipped => "shipped",
            Origin::Given => "given",
        },
        created: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_of_openai_are_voices_of_their_own_and_yield_to_registered_ones() {
        let names: BTreeSet<&str> = ALIASES.iter().map(|(name, _)| *name).collect();
        let seeds: BTreeSet<u64> = ALIASES.iter().map(|(_, seed)| *seed).collect();
        assert_eq!((names.len(), seeds.len()), (ALIASES.len(), ALIASES.len()));
        let mut own = Registry::shipped();
        own.insert("nova", Role::new(VoiceSpec::parse("torch-f16:7").unwrap())).unwrap();
        let registry = with_aliases(own).unwrap();
        let voice = |name: &str| registry.get(name).unwrap().role.voice.clone().unwrap().to_string();
        assert_eq!((voice("nova"), voice("alloy")), ("torch-f16:7".into(), "torch-f32:2222".into()));
        let listed = list(&registry);
        assert_eq!(listed.len(), list(&Registry::shipped()).len() + ALIASES.len());
    }
}
