//! `--role`: who speaks.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;
use chattts_rs::speaker::SpeakerStats;
use chattts_rs::{SeedKind, Speaker};

use super::Usage;

/// A voice by one of its names.
#[derive(Clone, Debug)]
pub enum Role {
    /// The voice drawn from a seed.
    Seed(SeedKind, u64),
    /// A speaker vector.
    Speaker(Speaker),
    /// Left to the model.
    None,
}

impl Role {
    /// Reads a seed, a speaker string, the name of a file that holds one, or `none`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        if text == "none" {
            return Ok(Role::None);
        }
        if let Ok(seed) = text.parse() {
            return Ok(Role::Seed(SeedKind::default(), seed));
        }
        if let Some((kind, seed)) = text.split_once(':')
            && let Ok(kind) = SeedKind::from_str(kind)
        {
            let seed = seed.parse().map_err(|_| {
                Usage(format!(
                    "--role {text}: {seed:?} is no seed; seeds are whole numbers from 0 to 2^64 − 1"
                ))
            })?;
            return Ok(Role::Seed(kind, seed));
        }
        let path = Path::new(text);
        if path.is_file() {
            let content = fs::read_to_string(path).with_context(|| format!("cannot read {text}"))?;
            return Speaker::decode(content.trim()).map(Role::Speaker).with_context(|| text.to_string());
        }
        if text.chars().next().is_some_and(|c| c >= '\u{3d00}') {
            return Ok(Role::Speaker(Speaker::decode(text)?));
        }
        Err(Usage(format!(
            "--role {text}: neither a seed (N, torch-f32:N, torch-f16:N), nor a speaker string, nor a file that \
             holds one, nor `none`"
        ))
        .into())
    }

    /// The speaker, by a model's statistics of voices.
    pub fn speaker(&self, stats: Option<&SpeakerStats>) -> chattts_rs::Result<Option<Speaker>> {
        match self {
            Role::Seed(kind, seed) => {
                let stats = stats.ok_or_else(SpeakerStats::missing)?;
                stats.sample(*kind, *seed).map(Some)
            }
            Role::Speaker(speaker) => Ok(Some(speaker.clone())),
            Role::None => Ok(None),
        }
    }
}
