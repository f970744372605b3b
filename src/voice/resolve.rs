//! Finds the voice of a name.

use std::path::Path;

use super::{
    FileVoice, Registered, Registry, SeedKind, Speaker, SpeakerStats, Voice, VoiceSpec, read_speaker,
    spec::MAX_ID,
};
use crate::error::{Error, Result};

/// The most roles that may lead to one another.
const MAX_DEPTH: usize = 8;
/// The most voices that one name may lead to: mixes of mixes must not grow without end.
const MAX_VOICES: usize = 256;
/// The most names that a message lists.
const LISTED: usize = 12;

/// Finds a voice: draws it from its seed by the model's statistics, decodes or reads it, looks it up, or mixes
/// it. A bare number is the role registered by it, or a seed if there is no such role.
///
/// # Errors
/// [`Error::Speaker`] for a role that is not registered, roles that lead in a circle, a part of a mix that has
/// no speaker vector, codes without their words, a missing file, or a seed without statistics; for a file, an
/// error of [`read_speaker`].
pub fn resolve(spec: &VoiceSpec, registry: &Registry, stats: Option<&SpeakerStats>) -> Result<Voice> {
    Resolver { registry, stats, on_the_way: vec![], voices: 0 }.voice(spec, None)
}

struct Resolver<'a> {
    registry: &'a Registry,
    stats: Option<&'a SpeakerStats>,
    /// Roles that are being resolved, the outermost first.
    on_the_way: Vec<&'a str>,
    voices: usize,
}

fn wrong<T>(reason: impl Into<String>) -> Result<T> {
    Err(Error::Speaker(reason.into()))
}

impl<'a> Resolver<'a> {
    fn voice(&mut self, spec: &VoiceSpec, folder: Option<&Path>) -> Result<Voice> {
        self.voices += 1;
        if self.voices > MAX_VOICES {
            return wrong(format!("the mix leads to more than {MAX_VOICES} voices"));
        }
        let speaker = match spec {
            VoiceSpec::None => return Ok(Voice::default()),
            VoiceSpec::Number(number) => match self.registry.get(&number.to_string()) {
                Some(role) if *number <= MAX_ID => return self.role(role),
                _ => self.seed(SeedKind::default(), *number)?,
            },
            VoiceSpec::Seed(kind, seed) => self.seed(*kind, *seed)?,
            VoiceSpec::String { voice, .. } => speaker_of(voice.clone(), "the string")?,
            VoiceSpec::File(path) => {
                let path = folder.map_or_else(|| path.clone(), |folder| folder.join(path));
                if !path.exists() {
                    return wrong(format!("no such file: {}", path.display()));
                }
                speaker_of(read_speaker(&path)?, &path.display().to_string())?
            }
            VoiceSpec::Name(name) => match self.registry.get(name) {
                Some(role) => return self.role(role),
                None => return wrong(self.unknown(name)),
            },
            VoiceSpec::Mix(parts) => {
                let speaker = |(part, weight): &(VoiceSpec, f32)| match self.voice(part, folder)?.speaker {
                    Some(speaker) => Ok((speaker, *weight)),
                    None => wrong(format!("{part} has no speaker vector and cannot be mixed")),
                };
                Speaker::mix(&parts.iter().map(speaker).collect::<Result<Vec<_>>>()?)?
            }
        };
        Ok(Voice { speaker: Some(speaker), sample: None })
    }

    fn seed(&self, kind: SeedKind, seed: u64) -> Result<Speaker> {
        self.stats.ok_or_else(SpeakerStats::missing)?.sample(kind, seed)
    }

    fn role(&mut self, found: Registered<'a>) -> Result<Voice> {
        let circle = self.on_the_way.contains(&found.name);
        self.on_the_way.push(found.name);
        if circle || self.on_the_way.len() > MAX_DEPTH {
            let what = if circle { "roles lead in a circle" } else { "roles lead to one another too far" };
            return wrong(format!("{what}: {} ({})", self.on_the_way.join(" → "), found.origin));
        }
        let speaker = match &found.role.voice {
            Some(voice) => self.voice(voice, found.origin.folder())?.speaker,
            None => None,
        };
        self.on_the_way.pop();
        Ok(Voice { speaker, sample: found.role.sample.clone() })
    }

    fn unknown(&self, name: &str) -> String {
        let roles = self.registry.list();
        let shown: Vec<&str> = roles.iter().rev().take(LISTED).map(|role| role.name).collect();
        let more = if roles.len() > LISTED { ", …" } else { "" };
        format!(
            "no role is registered as {name}; registered are {}{more}. A file without a known ending is written \
             with its folder: ./{name}",
            shown.join(", ")
        )
    }
}

fn speaker_of(voice: FileVoice, place: &str) -> Result<Speaker> {
    match voice {
        FileVoice::Speaker(speaker) => Ok(speaker),
        FileVoice::Codes(_) => wrong(format!(
            "{place} holds a voice prompt, whose words must be known too; register it as a role with `codes` and \
             `text`"
        )),
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
