//! A registered role, and its form in a file of roles.

use serde::{Deserialize, Serialize};

use super::{FileVoice, SeedKind, VoiceSample, VoiceSpec};
use crate::error::{Error, Result};

/// A registered voice, which [`super::resolve`] returns for its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Its speaker vector: a seed, a speaker string or a mix.
    pub voice: Option<VoiceSpec>,
    /// A spoken sample that the model continues: its codes and its words.
    pub sample: Option<VoiceSample>,
    /// The user's own note about the role.
    pub note: Option<String>,
    /// The place that the voice was taken from.
    pub source: Option<String>,
}

impl Role {
    /// Makes a role without sample, note or source.
    pub fn new(voice: VoiceSpec) -> Self {
        Role { voice: Some(voice), ..Role::default() }
    }
}

/// A role in the form that a file holds.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRole {
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<WrittenSeed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "a seed is a number or a text such as \"torch-f32:2222\"")]
enum WrittenSeed {
    Number(i64),
    Text(String),
}

fn wrong<T>(reason: impl Into<String>) -> Result<T> {
    Err(Error::Speaker(reason.into()))
}

impl WrittenRole {
    /// Reads the role.
    ///
    /// # Errors
    /// [`Error::Speaker`] that says which field is wrong or missing.
    pub(super) fn read(self) -> Result<Role> {
        let given = [self.seed.is_some(), self.speaker.is_some(), self.mix.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return wrong("only one of `seed`, `speaker` and `mix` can be given");
        }
        let voice = if let Some(seed) = self.seed {
            Some(seed.read()?)
        } else if let Some(speaker) = self.speaker {
            match FileVoice::decode(&speaker)? {
                FileVoice::Codes(_) => {
                    return wrong("`speaker` holds a voice prompt, which belongs into `codes`");
                }
                voice => Some(VoiceSpec::String { text: speaker.split_whitespace().collect(), voice }),
            }
        } else if let Some(mix) = self.mix {
            Some(VoiceSpec::parse_mix(mix.trim().strip_prefix("mix:").unwrap_or(&mix))?)
        } else {
            None
        };
        let sample = match (self.codes, self.text) {
            (Some(codes), Some(text)) if !text.trim().is_empty() => match FileVoice::decode(&codes)? {
                FileVoice::Codes(codes) => Some(VoiceSample { codes, text }),
                FileVoice::Speaker(_) => {
                    return wrong("`codes` holds a speaker, which belongs into `speaker`");
                }
            },
            (None, None) => None,
            (Some(_), _) => return wrong("`codes` need `text`, the words that they speak"),
            (None, Some(_)) => return wrong("`text` is given without the `codes` that speak it"),
        };
        if voice.is_none() && sample.is_none() {
            return wrong("one of `seed`, `speaker`, `mix` or `codes` is needed");
        }
        Ok(Role { voice, sample, note: self.note, source: self.source })
    }

    /// Writes a role in the form that a file holds.
    ///
    /// # Errors
    /// [`Error::Speaker`] for a voice that only points elsewhere, or a role that reading would refuse.
    pub(super) fn of(role: &Role) -> Result<Self> {
        let mut written =
            WrittenRole { note: role.note.clone(), source: role.source.clone(), ..WrittenRole::default() };
        match &role.voice {
            None => {}
            Some(VoiceSpec::Seed(..)) => {
                written.seed = role.voice.as_ref().map(|seed| WrittenSeed::Text(seed.to_string()));
            }
            Some(VoiceSpec::String { text, .. }) => written.speaker = Some(text.clone()),
            Some(VoiceSpec::Mix(_)) => {
                let mix = role.voice.as_ref().map(ToString::to_string).unwrap_or_default();
                written.mix = Some(mix.trim_start_matches("mix:").to_string());
            }
            Some(other) => {
                return wrong(format!(
                    "{other} cannot be registered; a seed with its kind, a speaker or a mix can"
                ));
            }
        }
        if let Some(VoiceSample { codes, text }) = &role.sample {
            (written.codes, written.text) = (Some(codes.encode()?), Some(text.clone()));
        }
        Ok(written)
    }
}

impl WrittenSeed {
    /// Reads a seed. A number is here a seed of the default kind, and never another role.
    fn read(self) -> Result<VoiceSpec> {
        let text = match self {
            WrittenSeed::Number(number) => number.to_string(),
            WrittenSeed::Text(text) => text,
        };
        let kind = SeedKind::default();
        if let Ok(seed) = kind.parse_seed(text.trim()) {
            return Ok(VoiceSpec::Seed(kind, seed));
        }
        match VoiceSpec::parse(&text) {
            Ok(seed @ VoiceSpec::Seed(..)) => Ok(seed),
            Err(e) => Err(e),
            Ok(_) => wrong(format!("{text:?} is no seed; write N or KIND:N")),
        }
    }
}
