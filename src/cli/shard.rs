//! Shards: which part of the lines this run speaks, as a flag or a scheduler says, and what all of them have done.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chattts_rs::Error;
use chattts_rs::batch::manifest::Row;
use chattts_rs::batch::report::ReportWriter;
use chattts_rs::batch::{
    Ledger, NameFields, Names, Shard, ShardState, Standing, Store, host, is_address, report_name, standing,
    write_file,
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::args::{MergeArgs, StatusArgs};
use super::input::Utterance;
use super::output::print_line;
use super::plan::{Failed, PlannedLine};
use super::report::Report;
use super::sink::Tally;
use super::{Context, Usage};

/// The word by which the scheduler's variables are asked for.
const AUTO: &str = "auto";
/// The time between two writings of a shard's state.
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// Reads `I/N`, `auto` or `auto/N`, of which the latter two ask the scheduler; returns who said so, too.
pub fn parse(text: &str) -> Result<(Shard, String), Usage> {
    let usage = |error: chattts_rs::Error| Usage(format!("--{error}"));
    let (asked, count) = match text.split_once('/') {
        Some((AUTO, count)) => (true, Some(count)),
        _ => (text == AUTO, None),
    };
    if !asked {
        return Ok((text.parse().map_err(usage)?, "--shard".into()));
    }
    let count = count.map(|count| {
        count.parse::<usize>().map_err(|_| Usage(format!("--shard {text}: {count} is no number")))
    });
    from_environment(count.transpose()?, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Finds the shard in the variables of the first scheduler that has set any.
fn from_environment(
    count: Option<usize>,
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<(Shard, String), Usage> {
    let number = |name: &str| -> Result<Option<usize>, Usage> {
        let parsed = get(name).map(|value| {
            value.trim().parse().map_err(|_| Usage(format!("{name} is {value}, which is no number")))
        });
        parsed.transpose()
    };
    let (name, index, known) = if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let index = id.saturating_sub(first);
        if index % step != 0 {
            return Err(Usage(format!("SLURM_ARRAY_TASK_ID {id} is no step of {step} from {first}")));
        }
        ("SLURM_ARRAY_TASK_ID", index / step, number("SLURM_ARRAY_TASK_COUNT")?)
    } else if let Some(index) = number("AWS_BATCH_JOB_ARRAY_INDEX")? {
        ("AWS_BATCH_JOB_ARRAY_INDEX", index, number("AWS_BATCH_JOB_ARRAY_SIZE")?)
    } else if let Some(index) = number("JOB_COMPLETION_INDEX")? {
        ("JOB_COMPLETION_INDEX", index, None)
    } else {
        return Err(Usage(
            "--shard auto: none of SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX and JOB_COMPLETION_INDEX is set; \
             give --shard I/N"
                .into(),
        ));
    };
    let Some(count) = count.or(known) else {
        return Err(Usage(format!("--shard auto: {name} does not say of how many; give --shard auto/N")));
    };
    let shard = Shard::new(index, count).map_err(|error| Usage(format!("{name}: {error}")))?;
    Ok((shard, name.into()))
}

/// What all shards must agree on: the lines of all, and the names of their files.
pub struct Deal {
    pub shard: Shard,
    /// The sha256 of all lines and of the template.
    input: String,
    total: usize,
    /// What names each line that can be read: its id, and the file that it asks for.
    rows: BTreeMap<usize, (Option<String>, Option<String>, String)>,
}

impl Deal {
    /// Keeps the lines of a shard.
    pub fn new(shard: Shard, template: &str, is_manifest: bool, lines: &mut Vec<Utterance>) -> Self {
        let mut hash = Sha256::new();
        hash.update(template);
        let (total, mut rows) = (lines.len(), BTreeMap::new());
        lines.retain(|line| {
            let raw = line.raw().unwrap_or_default();
            hash.update((raw.len() as u64).to_le_bytes());
            hash.update(raw);
            let row = match is_manifest {
                true => Row::parse(raw).ok(),
                false => line.raw().ok().map(|text| Row { text: text.into(), ..Row::default() }),
            };
            // A line that cannot be read is one shard's to report.
            let Some(row) = row else { return shard.has(raw) };
            let is_own = shard.has(row.id.as_deref().unwrap_or(&row.text));
            rows.insert(line.index, (row.id, row.out, line.to_string()));
            is_own
        });
        let input = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Deal { shard, input, total, rows }
    }

    /// Gives every line its file as the other shards do, and returns the files of all shards.
    pub fn name(
        &self,
        planned: &mut Vec<PlannedLine>,
        failed: &mut Vec<Failed>,
        mut names: Names,
    ) -> HashSet<PathBuf> {
        let mut given = BTreeMap::new();
        for (index, (_, out, label)) in &self.rows {
            if let Some(out) = out {
                given.insert(*index, names.explicit(out, label));
            }
        }
        for (index, (id, out, label)) in &self.rows {
            if out.is_none() {
                // The template names nothing else.
                let fields =
                    NameFields { index: *index, id: id.as_deref(), seed: 0, role: None, key: "", text: "" };
                given.insert(*index, Ok(names.name(&fields, label)));
            }
        }
        let all = given.values().filter_map(|name| name.as_ref().ok().cloned()).collect();
        *planned = std::mem::take(planned)
            .into_iter()
            .filter_map(|mut line| match given.remove(&line.index) {
                Some(Ok(name)) => {
                    line.name = name;
                    Some(line)
                }
                Some(Err(error)) => {
                    failed.push(line.failed(error.into()));
                    None
                }
                None => None,
            })
            .collect();
        all
    }

    /// Removes the files of earlier runs whose lines are gone, if all shards are known to have made theirs. The last one
    /// sees to it, for all.
    pub fn prune(
        &self,
        store: &Store,
        ledger: &mut Ledger,
        keep: &HashSet<PathBuf>,
        report: &Report,
    ) -> anyhow::Result<()> {
        let all = standing(store)?;
        let is_ready = |one: &&Standing| one.state.input == self.input && one.state.is_complete();
        let waiting: Vec<_> =
            all.iter().filter(|one| !is_ready(one)).map(|one| one.state.index.to_string()).collect();
        if !waiting.is_empty() {
            report.note(&format!("--prune is left to the last shard; not complete: {}", waiting.join(", ")));
            return Ok(());
        }
        match ledger.widen() {
            Err(Error::InUse { .. }) => {
                report.note("--prune is left to another shard, which is at work");
                Ok(())
            }
            widened => {
                widened?;
                prune(ledger, keep, report)
            }
        }
    }
}

/// Removes the files of earlier runs whose lines are gone.
pub fn prune(ledger: &mut Ledger, keep: &HashSet<PathBuf>, report: &Report) -> anyhow::Result<()> {
    for path in ledger.prune(keep)? {
        report.note(&format!("removed {}", path.display()));
    }
    Ok(())
}

/// The state of a shard while a run works on it.
pub struct Progress {
    store: Store,
    shard: Shard,
    state: Mutex<ShardState>,
    /// Number of lines that earlier runs finished, and the seconds of their audio.
    skipped: (usize, f64),
    /// Seconds of devices in earlier runs.
    device_seconds: f64,
    written: Mutex<Instant>,
}

impl Progress {
    /// Begins a run of a shard in which earlier runs have finished some lines, with so many seconds of audio.
    pub fn new(deal: &Deal, store: &Store, lines: usize, skipped: (usize, f64)) -> chattts_rs::Result<Self> {
        let earlier = ShardState::read(store, deal.shard)?.filter(|state| state.input == deal.input);
        let state = ShardState {
            index: deal.shard.index(),
            count: deal.shard.count(),
            input: deal.input.clone(),
            total: deal.total,
            lines,
            host: host(),
            device_seconds: earlier.map_or(0.0, |state| state.device_seconds),
            ..ShardState::default()
        };
        let device_seconds = state.device_seconds;
        let (store, state) = (store.clone(), Mutex::new(state));
        let written = Mutex::new(Instant::now());
        Ok(Progress { store, shard: deal.shard, state, skipped, device_seconds, written })
    }

    /// Begins the shard's report.
    pub fn report(&self) -> chattts_rs::Result<ReportWriter> {
        ReportWriter::create_in(&self.store, &report_name(self.shard))
    }

    /// Notes the seconds that devices have worked in this run.
    pub fn worked(&self, device_seconds: f64) {
        lock(&self.state).device_seconds = self.device_seconds + device_seconds;
    }

    /// Writes the state now and then.
    pub fn keep(&self, tally: &Tally) {
        let is_due = {
            let mut written = lock(&self.written);
            let is_due = written.elapsed() >= KEEP_EVERY;
            if is_due {
                *written = Instant::now();
            }
            is_due
        };
        if is_due {
            // It is for whoever looks on; what is wrong with the folder shows with the next line.
            let _ = self.write(tally, false);
        }
    }

    /// Writes the state.
    pub fn write(&self, tally: &Tally, has_ended: bool) -> chattts_rs::Result<()> {
        let state = {
            let mut state = lock(&self.state);
            state.done = self.skipped.0 + tally.done.load(Ordering::Relaxed);
            state.failed = tally.failed.load(Ordering::Relaxed);
            state.audio_seconds = self.skipped.1 + tally.milliseconds.load(Ordering::Relaxed) as f64 / 1e3;
            state.has_ended = has_ended;
            state.clone()
        };
        state.write(&self.store)
    }
}

/// What `status` tells of a folder.
#[derive(Serialize)]
struct Whole {
    /// Number of lines; None where no shard has told it.
    lines: Option<usize>,
    done: usize,
    failed: usize,
    missing: Option<usize>,
    audio_seconds: f64,
    device_seconds: Option<f64>,
    shards: Vec<Standing>,
}

impl Whole {
    fn of(store: &Store) -> anyhow::Result<Self> {
        let shards = standing(store)?;
        let Some(total) = shards.first().map(|one| one.state.total) else {
            let (done, audio_seconds) = finished(store)?;
            return Ok(Whole {
                lines: None,
                done,
                failed: 0,
                missing: None,
                audio_seconds,
                device_seconds: None,
                shards,
            });
        };
        let sum = |value: fn(&ShardState) -> usize| shards.iter().map(|one| value(&one.state)).sum::<usize>();
        let seconds = |value: fn(&ShardState) -> f64| shards.iter().map(|one| value(&one.state)).sum::<f64>();
        let (done, failed) = (sum(|state| state.done), sum(|state| state.failed));
        Ok(Whole {
            lines: Some(total),
            done,
            failed,
            missing: Some(total.saturating_sub(done + failed)),
            audio_seconds: seconds(|state| state.audio_seconds),
            device_seconds: Some(seconds(|state| state.device_seconds)),
            shards,
        })
    }

    fn is_complete(&self) -> bool {
        self.failed == 0 && self.missing.unwrap_or(0) == 0
    }

    fn table(&self) -> String {
        let mut table = format!(
            "{:>9} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}  state\n",
            "shard", "lines", "done", "failed", "missing", "audio, s", "devices, s"
        );
        let mut row = |name: &str,
                       lines: String,
                       [done, failed, missing]: [usize; 3],
                       seconds: [f64; 2],
                       words: &str| {
            let [audio, devices] = seconds;
            table += format!(
                "{name:>9} {lines:>9} {done:>9} {failed:>9} {missing:>9} {audio:>11.1} {devices:>11.1}  {words}"
            )
            .trim_end();
            table.push('\n');
        };
        for Standing { state, is_running } in &self.shards {
            let missing = state.lines.saturating_sub(state.done + state.failed);
            let has_begun = state.lines > 0 || state.has_ended || !state.host.is_empty();
            let words = match (is_running, has_begun, state.has_ended) {
                (true, ..) => format!("running on {}", state.host),
                (_, false, _) => "not begun".into(),
                (_, _, true) => "ended".into(),
                (_, _, false) => format!("broken off on {}", state.host),
            };
            let lines = if has_begun { state.lines.to_string() } else { "?".into() };
            let counts = [state.done, state.failed, missing];
            row(&state.index.to_string(), lines, counts, [state.audio_seconds, state.device_seconds], &words);
        }
        let lines = self.lines.map_or("?".into(), |lines| lines.to_string());
        let counts = [self.done, self.failed, self.missing.unwrap_or(0)];
        row("all", lines, counts, [self.audio_seconds, self.device_seconds.unwrap_or(0.0)], "");
        table
    }
}

/// Counts the finished files of a folder without shards.
fn finished(store: &Store) -> anyhow::Result<(usize, f64)> {
    let entries = Ledger::read(store)?;
    Ok((entries.len(), entries.values().map(|entry| entry.seconds).sum()))
}

/// Tells how far the runs of a folder are.
pub fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let whole = Whole::of(&filled(&args.place)?)?;
    match args.json {
        true => print_line(&serde_json::to_string(&whole)?)?,
        false => print_line(whole.table().trim_end())?,
    }
    match whole.is_complete() {
        true => Ok(()),
        false => Err(unfinished(&whole)),
    }
}

/// Returns a place that runs have filled.
fn filled(place: &Path) -> anyhow::Result<Store> {
    let store = Store::open(place)?;
    match store.has_state()? {
        true => Ok(store),
        false => {
            Err(Usage(format!("{} is no folder that `synth --out-dir` has filled", place.display())).into())
        }
    }
}

fn unfinished(whole: &Whole) -> anyhow::Error {
    anyhow::anyhow!("{} lines are missing, {} failed", whole.missing.unwrap_or(0), whole.failed)
}

/// Makes one ledger and one report of those of all shards.
pub fn merge(context: &Context, args: &MergeArgs) -> anyhow::Result<()> {
    let store = filled(&args.dir)?;
    let ledger = store.ledger(None)?;
    let whole = Whole::of(&store)?;
    if let Some(report) = &args.report {
        let mut records = BTreeMap::new();
        for Standing { state, .. } in &whole.shards {
            let text = store.read(&report_name(Shard::new(state.index, state.count)?))?;
            for line in records_in(&text.unwrap_or_default()) {
                let Some(index) = line.get("index").and_then(Value::as_u64) else { continue };
                records.insert(index, line.to_string());
            }
        }
        let text: String = records.into_values().map(|line| line + "\n").collect();
        match is_address(report) {
            true => {
                let (store, name) = Store::of_file(report)?;
                store.write(&name, text.as_bytes())?;
            }
            false => write_file(report, text.as_bytes())?,
        }
    }
    context.report.note(&format!("{} files are done", ledger.len()));
    if !whole.is_complete() {
        return Err(unfinished(&whole));
    }
    Ok(())
}

/// Returns the records of a report, of which a broken run may have left the last one torn.
fn records_in(report: &[u8]) -> impl Iterator<Item = Value> {
    report.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(count: Option<usize>, variables: &[(&str, &str)]) -> Result<String, String> {
        let get =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        match from_environment(count, &get) {
            Ok((shard, by)) => Ok(format!("{shard} by {by}")),
            Err(usage) => Err(usage.0),
        }
    }

    #[test]
    fn schedulers_say_which_shard_it_is() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "8"),
        ];
        assert_eq!(found(None, &slurm).unwrap(), "3/8 by SLURM_ARRAY_TASK_ID");
        let aws = [("AWS_BATCH_JOB_ARRAY_INDEX", "2"), ("AWS_BATCH_JOB_ARRAY_SIZE", "4")];
        assert_eq!(found(None, &aws).unwrap(), "2/4 by AWS_BATCH_JOB_ARRAY_INDEX");
        let job = [("JOB_COMPLETION_INDEX", "0")];
        assert_eq!(found(Some(5), &job).unwrap(), "0/5 by JOB_COMPLETION_INDEX");
        assert!(found(None, &job).unwrap_err().contains("auto/N"));
        assert!(found(Some(2), &[]).unwrap_err().contains("none of"));
        assert!(found(Some(2), &[("JOB_COMPLETION_INDEX", "2")]).unwrap_err().contains("no shard 2 of 2"));
        assert!(found(Some(2), &[("JOB_COMPLETION_INDEX", "x")]).unwrap_err().contains("no number"));
    }

    #[test]
    fn a_flag_is_taken_at_its_word() {
        assert_eq!(parse("1/3").unwrap().0, Shard::new(1, 3).unwrap());
        for wrong in ["3/3", "auto/x", "1", "/3"] {
            assert!(parse(wrong).unwrap_err().0.starts_with("--shard"), "{wrong}");
        }
    }
}
