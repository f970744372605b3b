//! Flags of `load-test`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

#[derive(Args)]
pub struct LoadTestArgs {
    /// The service: http://HOST:PORT
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub url: String,
    /// Requests a second, whether or not those before were answered; a step each, such as 2,4,8
    #[arg(long, value_name = "RATES", value_delimiter = ',', value_parser = rate,
          required_unless_present = "concurrency", help_heading = "Load")]
    pub rate: Vec<f64>,
    /// Requests at a time, each followed by the next, in place of --rate; a step each, such as 1,8,32
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', conflicts_with_all = ["rate", "arrivals", "clients"],
          value_parser = clap::value_parser!(u32).range(1..=MOST_CLIENTS), help_heading = "Load")]
    pub concurrency: Vec<u32>,
    /// Seconds of each step in which requests are sent
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = duration, help_heading = "Load")]
    pub duration: f64,
    /// Requests of each step, in place of --duration
    #[arg(long, value_name = "N", conflicts_with = "duration",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000), help_heading = "Load")]
    pub requests: Option<u32>,
    /// How the requests of --rate come
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Arrivals::Poisson, help_heading = "Load")]
    pub arrivals: Arrivals,
    /// Connections at most; a request that finds none free is late, and its latency counts that
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=MOST_CLIENTS),
          help_heading = "Load")]
    pub clients: u32,
    /// Seconds after which a request without an answer has failed
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = duration, help_heading = "Load")]
    pub timeout: f64,
    /// A file of texts, one a line, which are spoken in turn [default: a few sentences]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Requests")]
    pub file: Option<PathBuf>,
    /// What the answers are; only of pcm and wav is the length known by their bytes
    #[arg(long, value_name = "FORMAT", default_value = "pcm", value_parser = ["pcm", "wav", "mp3", "opus", "flac"],
          help_heading = "Requests")]
    pub format: String,
    /// More fields of each request, as a JSON object: {"voice": "alloy", "max_tokens": 200}
    #[arg(long, value_name = "JSON", help_heading = "Requests")]
    pub fields: Option<String>,
    /// The seed of the first request of each step; the others count on
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Requests")]
    pub seed: u32,
    /// What the service speaks
    #[arg(long, value_name = "API", value_enum, default_value_t = Api::Http, help_heading = "Requests")]
    pub api: Api,
    /// A file of keys, of which the first is sent
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Requests")]
    pub api_key_file: Option<PathBuf>,
    /// Write all figures there, as JSON; `-` prints them in place of the table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub json: Option<PathBuf>,
    /// Draw latency and throughput over the load there
    #[arg(long, value_name = "FILE.svg", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub plot: Option<PathBuf>,
}

/// The most connections.
const MOST_CLIENTS: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arrivals {
    /// At random and apart from each other, as those of many clients
    Poisson,
    /// Equally far apart
    Constant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Api {
    /// OpenAI's speech API
    Http,
}

fn within(text: &str, most: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| *number > 0.0 && *number <= most);
    number.ok_or_else(|| format!("a number above 0 and at most {most}"))
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 100_000.0)
}

fn duration(text: &str) -> Result<f64, String> {
    within(text, 1_000_000.0)
}
