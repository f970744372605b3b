//! Reads the catalogue of a voice leaderboard.

use std::path::Path;

use anyhow::Context as _;
use chattts_rs::SeedKind;
use chattts_rs::batch::manifest::csv_records;
use chattts_rs::voice::{Role, VoiceSpec, check_name};

use super::{Context, Usage, of_file, register};

/// The columns that may hold a voice's name, and those by which voices are rated, the best first.
const IDS: [&str; 4] = ["seed_id", "id", "seed", "name"];
const RATINGS: [&str; 3] = ["rank_multi", "score", "rating"];
/// The columns that a note tells.
const TOLD: [&str; 7] = ["gender", "age", "feature", "rank_long", "rank_multi", "rank_single", "score"];
/// The endings of files of voices beside a catalogue.
const FILES: [&str; 5] = ["pt", "csv", "txt", "json", "safetensors"];
/// The most bytes of a catalogue.
const MAX_BYTES: u64 = 64 << 20;

/// Registers the voices of a catalogue, or those that are rated best.
pub fn import(
    context: &Context,
    roles: &Path,
    catalogue: &Path,
    top: Option<usize>,
    replace: bool,
) -> anyhow::Result<()> {
    let shown = catalogue.display();
    let failed = || format!("cannot read {shown}");
    if std::fs::metadata(catalogue).with_context(failed)?.len() > MAX_BYTES {
        return Err(Usage(format!("--catalogue {shown}: it is too large for one")).into());
    }
    let text = std::fs::read_to_string(catalogue).with_context(failed)?;
    let mut records = csv_records(&text).map_err(|e| anyhow::anyhow!("{shown}: {e}"))?.into_iter();
    let (_, header) = records.next().with_context(|| format!("{shown}: it is empty"))?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    let column = |name: &str| header.iter().position(|column| column == name);
    let id = IDS.iter().find_map(|name| column(name)).with_context(|| {
        format!("{shown}: the header names no voice: one of {} is needed", IDS.join(", "))
    })?;
    let rating = RATINGS.iter().find_map(|name| column(name));
    let mut lines: Vec<(usize, Vec<String>)> = records.collect();
    if let Some(top) = top {
        let rating = rating.with_context(|| {
            format!("{shown}: --top takes a column of ratings: one of {}", RATINGS.join(", "))
        })?;
        let rated =
            |fields: &[String]| fields.get(rating).and_then(|field| number(field)).unwrap_or(f64::MIN);
        lines.sort_by(|(_, a), (_, b)| rated(b).total_cmp(&rated(a)));
        lines.truncate(top);
    }
    let (mut done, mut bad) = (0, 0);
    for (line, fields) in &lines {
        let found =
            voice(catalogue, fields.get(id).map_or("", |id| id.trim())).and_then(|(name, mut role)| {
                let told = TOLD.iter().filter_map(|name| {
                    let field = fields.get(column(name)?)?.trim();
                    (!field.is_empty()).then(|| format!("{name} {field}"))
                });
                role.note = Some(told.collect::<Vec<_>>().join("; ")).filter(|note| !note.is_empty());
                register(context, roles, &name, &role, replace)
            });
        match found {
            Ok(()) => done += 1,
            Err(error) => {
                bad += 1;
                context.report.error(&format!("{shown}:{line}: {error:#}"));
            }
        }
    }
    context.report.note(&format!("{done} roles are registered in {}", roles.display()));
    match bad {
        0 => Ok(()),
        bad => Err(anyhow::anyhow!("{bad} of {} lines of {shown} name no voice", lines.len())),
    }
}

/// Returns the voice of an id: a seed, or the file of that name beside the catalogue.
fn voice(catalogue: &Path, id: &str) -> anyhow::Result<(String, Role)> {
    let plain = id.strip_prefix("seed_").unwrap_or(id);
    let name = format!("lb-{plain}");
    check_name(&name)?;
    if let Ok(seed) = plain.parse() {
        return Ok((name, Role::new(VoiceSpec::Seed(SeedKind::default(), seed))));
    }
    let folder = catalogue.parent().unwrap_or(Path::new("."));
    let file = FILES.iter().map(|ending| folder.join(format!("{id}.{ending}"))).find(|file| file.is_file());
    let file = file.with_context(|| format!("`{id}` is no seed, and {id}.pt is not beside the catalogue"))?;
    Ok((name, of_file(&file, None)?))
}

/// Reads a number, with a percent sign or without.
fn number(field: &str) -> Option<f64> {
    field.trim().trim_end_matches('%').parse().ok()
}
