//! Flags of `roles`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{ComputeArgs, FindArgs, ModelArgs, ScanArgs, help};

#[derive(Args)]
pub struct RolesArgs {
    /// A file of roles that comes before your own, and is the one that is changed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true)]
    pub roles: Option<PathBuf>,
    #[command(subcommand)]
    pub command: RolesCommand,
}

#[derive(Subcommand)]
pub enum RolesCommand {
    /// Print every role: its name, what it is, where it comes from
    List {
        /// One JSON object a role
        #[arg(long)]
        json: bool,
    },
    /// Print all about one role, as JSON
    Show {
        /// Its name or number
        role: String,
    },
    /// Register a voice: a seed, a string, a file, a mix
    Add(AddArgs),
    /// Take a role out of the file
    Remove {
        /// Its name or number
        name: String,
    },
    /// Print a voice as the string that other programs read
    Export(ExportArgs),
    /// Register the voice in a file, or all roles of another file of roles
    Import(ImportArgs),
    /// Register the voice of a spoken sample
    Clone(CloneArgs),
    /// Hear a role
    Preview(PreviewArgs),
    /// Hear many voices, measure them, and make a page to choose from
    #[command(after_long_help = help::SCAN)]
    Scan(Box<ScanArgs>),
    /// Find voices of a scan: low, calm, stable, …
    #[command(after_long_help = help::FIND)]
    Find(FindArgs),
}

#[derive(Args)]
pub struct AddArgs {
    /// Its name, or a number from 0 to 32767
    pub name: String,
    /// The voice, as --role takes it
    pub role: String,
    /// A scan's folder, in which the voice has this name; its description becomes the note
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub from: Option<PathBuf>,
    /// What a sample says, for the codes of one
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// What you want to remember about it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Put it in the place of a role of that name
    #[arg(long)]
    pub replace: bool,
}

#[derive(Args)]
pub struct ExportArgs {
    /// A role, or any voice that --role takes
    pub role: String,
    /// Where; standard output if absent
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

#[derive(Args)]
pub struct ImportArgs {
    /// A .txt, .pt, .csv, .safetensors or .json file, roles in a .toml file, or `-` for a string from a pipe
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "catalogue")]
    pub file: Option<PathBuf>,
    /// A CSV of a voice leaderboard: a column seed_id (or id), and any of ratings, gender, age and feature
    ///
    /// Each line becomes a role `lb-ID` with the rest as its note. An id that is no seed is the file of that name beside
    /// the catalogue, such as ID.pt.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["file", "name", "text"])]
    pub catalogue: Option<PathBuf>,
    /// With --catalogue, only the N lines that are rated best: by rank_multi, else score
    #[arg(long, value_name = "N", requires = "catalogue")]
    pub top: Option<usize>,
    /// Its name [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What a sample says, for the codes of one
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Put it in the place of a role of that name
    #[arg(long)]
    pub replace: bool,
}

#[derive(Args)]
pub struct CloneArgs {
    /// The sample: WAV, FLAC or MP3, 3 to 30 seconds of one voice
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub wav: PathBuf,
    /// What it says, word for word
    #[arg(long, value_name = "TEXT")]
    pub text: String,
    /// The role's name, or a number from 0 to 32767
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What you want to remember about it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Put it in the place of a role of that name
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

#[derive(Args)]
pub struct PreviewArgs {
    /// A role, or any voice that --role takes but a spoken sample
    pub role: String,
    /// The file, whose extension is its format; `-` is standard output
    #[arg(short, long, alias = "output", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// What is said [default: a sentence in Chinese and one in English]
    #[arg(short, long, value_name = "TEXT")]
    pub text: Option<String>,
    /// The generation seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
}
