//! Flags of many lines in one folder, and the commands that look after it.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Args)]
pub struct BatchArgs {
    /// Texts that are worked on together: a number, or `auto` by cores and free memory
    #[arg(
        long,
        value_name = "N",
        default_value = "auto",
        help_heading = "Many lines",
        hide_short_help = true
    )]
    pub batch_size: String,
    /// Names of files in --out-dir: {index}, {index:05}, {id}, {seed}, {role}, {hash}, {text}; .wav is added
    ///
    /// {hash} is 12 digits of the content key, {text} the first 40 letters and digits. A name that ends in an
    /// extension chooses the format by it, as --out does; one without gets that of the format.
    #[arg(long, value_name = "TEMPLATE", requires = "out_dir", help_heading = "Many lines")]
    pub name: Option<String>,
    /// Leave alone what an earlier run finished in --out-dir and nothing has changed since
    ///
    /// A finished file is known by its name and its length. One that was changed and has its length still is
    /// found with --verify alone.
    #[arg(long, requires = "out_dir", help_heading = "Many lines")]
    pub resume: bool,
    /// With --resume, compare the checksum of every finished file too
    #[arg(long, requires = "resume", help_heading = "Many lines", hide_short_help = true)]
    pub verify: bool,
    /// Afterwards remove files of earlier runs in --out-dir whose lines are gone
    #[arg(long, requires = "out_dir", help_heading = "Many lines", hide_short_help = true)]
    pub prune: bool,
    /// Speak one of N parts of the lines, I from 0, beside other runs that speak the others into the same --out-dir
    ///
    /// Lines are dealt by a hash of their id, or of their text where they have none. `auto` takes I and N, `auto/N` takes
    /// I from the scheduler: SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX or JOB_COMPLETION_INDEX (Kubernetes).
    /// `chattts-rs status` tells how far all of them are, `chattts-rs merge` makes one report of theirs.
    #[arg(long, value_name = "I/N", requires = "out_dir", conflicts_with_all = ["voice_from_first", "dump", "report"],
          help_heading = "Many lines", hide_short_help = true)]
    pub shard: Option<String>,
    /// After SIGTERM begin no line, and give those that were begun so many seconds to end
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds, help_heading = "Many lines",
          hide_short_help = true)]
    pub grace: f64,
    /// Say what would be done, and do nothing
    #[arg(long, help_heading = "Many lines", hide_short_help = true)]
    pub dry_run: bool,
    /// Stop at the first line that fails
    #[arg(long, help_heading = "Many lines", hide_short_help = true)]
    pub fail_fast: bool,
    /// Write what became of each line, as JSON Lines; `-` is --json
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Many lines",
          hide_short_help = true)]
    pub report: Option<PathBuf>,
    /// Print what became of each line, as JSON Lines, in place of paths
    #[arg(long, help_heading = "Many lines", hide_short_help = true)]
    pub json: bool,
}

/// Reads a time of a day at most.
fn seconds(text: &str) -> Result<f64, String> {
    const DAY: f64 = 86_400.0;
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=DAY).contains(&seconds) => Ok(seconds),
        _ => Err(format!("expected 0 to {DAY} seconds")),
    }
}

#[derive(Args)]
pub struct StatusArgs {
    /// The output folder, s3://BUCKET/PREFIX, or the address of a service: http://HOST:PORT
    #[arg(value_name = "DIR|URL", value_hint = ValueHint::DirPath)]
    pub place: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct MergeArgs {
    /// The output folder, or s3://BUCKET/PREFIX, in which no run is at work
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Write what became of each line, in order, as JSON Lines
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
}
