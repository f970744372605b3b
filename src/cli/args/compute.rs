//! Flags of where and how to compute.

use chattts_rs::{BackendChoice, Precision};
use clap::Args;

#[derive(Args, Clone)]
pub struct ComputeArgs {
    /// Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "auto",
        help_heading = "Model",
        hide_short_help = true
    )]
    pub device: String,
    /// What computes there
    #[arg(long, value_name = "BACKEND", value_enum, default_value_t = BackendChoice::Auto,
          help_heading = "Model", hide_short_help = true)]
    pub backend: BackendChoice,
    /// In which type to compute
    #[arg(long, value_name = "TYPE", value_enum, default_value_t = Precision::Auto,
          help_heading = "Model", hide_short_help = true)]
    pub dtype: Precision,
    /// The share of a card's free memory that texts worked on may take
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = share,
          help_heading = "Model", hide_short_help = true)]
    pub memory_fraction: f64,
    /// Threads to compute with [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024),
          help_heading = "Model", hide_short_help = true)]
    pub threads: Option<u16>,
}

/// Reads a share of something, above 0 and at most 1.
pub fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "a number above 0 and at most 1".into())
}

#[derive(Args)]
pub struct DevicesArgs {
    /// Run every kernel on each card beside its twin in plain Rust, and compare
    #[arg(long)]
    pub check: bool,
    /// With --check: what is tried, on every device that it computes on
    #[arg(long, value_name = "BACKEND", value_enum, default_value_t = BackendChoice::Auto, requires = "check")]
    pub backend: BackendChoice,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
