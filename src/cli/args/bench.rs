//! Flags of `bench`.

use chattts_rs::{BackendChoice, Precision};
use clap::Args;

/// The flags that matter for speed only, and not for precision.
const SPEED_FLAGS: [&str; 4] = ["batch_size", "runs", "warm_up", "rounds"];

#[derive(Args)]
pub struct BenchArgs {
    /// A folder with the weights, a Hugging Face repository, `demo` or `noise-full`
    ///
    /// As for `synth`, but without --model nothing is downloaded: it is 2Noise/ChatTTS if that is in the cache, else
    /// noise-full, random weights of the published shapes.
    #[arg(short, long, value_name = "MODEL", help_heading = "Model")]
    pub model: Option<String>,
    /// Use what is in the cache; never the network
    #[arg(long, help_heading = "Model")]
    pub offline: bool,
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Model")]
    pub device: String,
    /// What computes there, one measurement each, such as auto,candle
    #[arg(long, value_name = "BACKENDS", value_enum, value_delimiter = ',',
          default_values_t = [BackendChoice::Auto], help_heading = "Model")]
    pub backend: Vec<BackendChoice>,
    /// In which types to compute, such as f32,q8 [default: auto; with --precision those of the device]
    #[arg(long, value_name = "TYPES", value_enum, value_delimiter = ',', help_heading = "Model")]
    pub dtype: Vec<Precision>,
    /// The share of a card's free memory that texts worked on may take
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = super::compute::share, help_heading = "Model")]
    pub memory_fraction: f64,
    /// Threads to compute with [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Model")]
    pub threads: Option<u16>,
    /// Compare each type with f32 on the same inputs, in place of measuring speed
    #[arg(long, conflicts_with_all = SPEED_FLAGS, help_heading = "Measurement")]
    pub precision: bool,
    /// With --precision: count the words that a recogniser mishears in each type's speech
    ///
    /// CMD reads the path of a WAV file a line and prints what it heard, a line for each, as
    /// packaging/voice/recognise.py does. It is split at spaces.
    #[arg(long, value_name = "CMD", requires = "precision", help_heading = "Measurement")]
    pub recogniser: Option<String>,
    /// Time a card's steps kernel by kernel, beside what they must at least take, in place of measuring speed
    #[arg(long, conflicts_with_all = ["precision", "rounds", "threads"], help_heading = "Measurement")]
    pub profile: bool,
    /// Texts that are worked on together, one measurement each
    #[arg(long, value_name = "SIZES", value_delimiter = ',', default_values_t = [1, 16],
          value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Measurement")]
    pub batch_size: Vec<u16>,
    /// Tokens of each line, 46.875 a second; with --precision at most so many, with --profile rounded up to eights
    #[arg(long, value_name = "N", default_value_t = 128,
          value_parser = clap::value_parser!(u16).range(2..=2048), help_heading = "Measurement")]
    pub tokens: u16,
    /// How often each measurement is made in a process
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Measurement")]
    pub runs: u16,
    /// Runs before them that do not count
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(0..=1000), help_heading = "Measurement")]
    pub warm_up: u16,
    /// Processes of each measurement; the measurements take turns
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Measurement")]
    pub rounds: u16,
    /// The generation seed of the first line; the others count on from it
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        help_heading = "Measurement"
    )]
    pub seed: u64,
    /// Print one JSON object: machine, model, options, and median, min and max of each result
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// For the program's own use: take one measurement; the clock, in ns, when this process was started
    #[arg(long, value_name = "NS", hide = true)]
    pub measure_since: Option<u64>,
}
