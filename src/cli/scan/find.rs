//! Finds voices of a scan by what was measured.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::measure::{CALM, FAST, HIGH, Heard, LIVELY, LOW, SLOW};
use super::{Usage, VOICES};
use crate::cli::args::{FindArgs, Heard as Gender, Manner};
use crate::cli::output::print_line;

/// Reads the voices of a scan.
fn read(dir: &Path) -> anyhow::Result<Vec<Heard>> {
    let path = dir.join(VOICES);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; `chattts-rs roles scan --seeds 1-500 --out-dir {}` makes it",
            path.display(),
            dir.display()
        )
    })?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), number + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

/// Returns the voice of a name in a scan.
pub fn of_scan(dir: &Path, name: &str) -> anyhow::Result<Heard> {
    let found = read(dir)?.into_iter().find(|voice| voice.name == name || voice.role == name);
    found.with_context(|| {
        format!("no voice {name} in {}; `roles find --in` shows those that are there", dir.display())
    })
}

/// Prints the voices that are wanted.
pub fn find(args: &FindArgs) -> anyhow::Result<()> {
    let pitch = bounds(
        "--pitch",
        args.pitch.as_deref(),
        [("low", 0.0, LOW), ("middle", LOW, HIGH), ("high", HIGH, f64::MAX)],
    )?;
    let rate = bounds(
        "--rate",
        args.rate.as_deref(),
        [("slow", 0.0, SLOW), ("middle", SLOW, FAST), ("fast", FAST, f64::MAX)],
    )?;
    let manner = args.manner.map(|manner| match manner {
        Manner::Calm => (0.0, CALM),
        Manner::Lively => (LIVELY, f64::MAX),
    });
    let lies = |value: Option<f64>, bounds: Option<(f64, f64)>| {
        bounds.is_none_or(|(low, high)| value.is_some_and(|value| (low..=high).contains(&value)))
    };
    let gender = args.heard.map(|gender| match gender {
        Gender::Female => "female",
        Gender::Male => "male",
    });
    let is_wanted = |voice: &Heard| {
        lies(voice.pitch, pitch)
            && lies(voice.rate, rate)
            && lies(voice.range, manner)
            && args.stable.is_none_or(|least| voice.stability.is_some_and(|stable| stable >= least))
            && gender.is_none_or(|gender| voice.often_heard_as() == Some(gender))
    };
    let mut found: Vec<Heard> = read(&args.dir)?.into_iter().filter(is_wanted).collect();
    if found.is_empty() {
        anyhow::bail!("no voice in {} is like that; ask for less, or scan more seeds", args.dir.display());
    }
    // Those that fail are the last, however stable the rest is.
    let worth = |voice: &Heard| voice.stability.unwrap_or(0.0) - voice.failed - voice.cut_off;
    found.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    for voice in found.iter().take(args.most) {
        match args.json {
            true => print_line(&serde_json::to_string(voice)?)?,
            false => print_line(&format!("{}\t{}\t{}", voice.name, voice.role, voice.label))?,
        }
    }
    Ok(())
}

/// Reads a word or two numbers.
fn bounds(
    flag: &str,
    asked: Option<&str>,
    words: [(&str, f64, f64); 3],
) -> Result<Option<(f64, f64)>, Usage> {
    let Some(asked) = asked else { return Ok(None) };
    if let Some((_, low, high)) = words.iter().find(|(word, ..)| *word == asked) {
        return Ok(Some((*low, *high)));
    }
    let numbers = asked.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    let [a, b, c] = words.map(|(word, ..)| word);
    match numbers {
        Some((low, high)) if low <= high => Ok(Some((low, high))),
        _ => Err(Usage(format!("{flag} {asked}: expected {a}, {b}, {c}, or two numbers such as 90-130"))),
    }
}
