//! Flags of `roles scan` and `roles find`.

use std::path::PathBuf;

use chattts_rs::SeedKind;
use clap::{Args, ValueEnum, ValueHint};

use super::{ComputeArgs, ModelArgs};

#[derive(Args)]
pub struct ScanArgs {
    /// The seeds whose voices are heard, such as 1-500 or 2222,4099,5000-5100
    #[arg(long, value_name = "SEEDS", value_parser = seeds, required_unless_present = "voices")]
    pub seeds: Option<Seeds>,
    /// How the seeds draw: torch-f32 as published lists mean them, torch-f16, cuda, forge, …
    #[arg(long, value_name = "KIND", default_value = "torch-f32", value_parser = kind, requires = "seeds")]
    pub kind: SeedKind,
    /// A folder of voices: .txt, .pt, .csv, .json, .safetensors and .npy
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub voices: Option<PathBuf>,
    /// The folder of what is heard and found; the same command goes on where it stopped
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out_dir: PathBuf,
    /// Sentences of your own, one a line [default: one in Chinese and one in English]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// How often each voice says each sentence, with another generation seed each time
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=20))]
    pub takes: u8,
    /// Texts that are worked on together: a number, or `auto` by cores and free memory
    #[arg(long, value_name = "N", default_value = "auto")]
    pub batch_size: String,
    /// The tokens at which a sentence is cut off; 46.875 are a second
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub max_tokens: u32,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

#[derive(Args)]
pub struct FindArgs {
    /// The folder of a scan
    #[arg(long = "in", value_name = "DIR", default_value = "scan", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// How high: low, middle, high, or in Hz: 90-130
    #[arg(long, value_name = "PITCH")]
    pub pitch: Option<String>,
    /// How fast: slow, middle, fast, or in syllables a second: 3.5-4.5
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,
    /// How much the pitch moves
    #[arg(long, value_name = "MANNER", value_enum)]
    pub manner: Option<Manner>,
    /// The least stability, 0 to 1
    #[arg(long, value_name = "X", value_parser = share)]
    pub stable: Option<f64>,
    /// As what a voice of this pitch is often heard
    #[arg(long, value_name = "GENDER", value_enum)]
    pub heard: Option<Heard>,
    /// Voices to show, the most stable first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub most: usize,
    /// One JSON object a voice
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Manner {
    /// Four semitones at most
    Calm,
    /// Seven semitones and more
    Lively,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Heard {
    /// 180 Hz and more
    Female,
    /// 155 Hz and less
    Male,
}

/// Seeds in the order in which they were named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

fn seeds(text: &str) -> Result<Seeds, String> {
    /// More than anyone hears.
    const MOST: usize = 100_000;
    let mut found: Vec<u64> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (Ok(from), Ok(to)) = (from.trim().parse::<u64>(), to.trim().parse::<u64>()) else {
            return Err(format!("`{part}` is neither a seed nor two, such as 1-500"));
        };
        if from > to || (to - from) as usize >= MOST || found.len() + (to - from) as usize >= MOST {
            return Err(format!("`{part}`: the first one comes first, and {MOST} seeds are heard at most"));
        }
        found.extend(from..=to);
    }
    let mut known = std::collections::HashSet::new();
    found.retain(|seed| known.insert(*seed));
    if found.is_empty() { Err("no seed; give some, such as 1-500".into()) } else { Ok(Seeds(found)) }
}

fn kind(text: &str) -> Result<SeedKind, String> {
    match chattts_rs::voice::VoiceSpec::parse(&format!("{text}:1")) {
        Ok(chattts_rs::voice::VoiceSpec::Seed(kind, _)) => Ok(kind),
        _ => Err("expected torch-f32, torch-f16, cuda, forge, forge-f32 or forge-cuda".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected 0 to 1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_numbers_and_ranges() {
        assert_eq!(seeds("7, 1-3,2"), Ok(Seeds(vec![7, 1, 2, 3])));
        for wrong in ["", "a", "3-1", "1-", "0-200000", "0-18446744073709551615", "-3"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(kind("cuda").unwrap().to_string(), "cuda");
        assert!(kind("mix").is_err() && kind("x").is_err());
    }
}
