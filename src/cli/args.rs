//! The flags, as clap reads them.

mod bench;
mod compute;
mod roles;

use std::path::PathBuf;

use chattts_rs::hub::DEFAULT_REPO;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

pub use self::bench::BenchArgs;
pub use self::compute::{ComputeArgs, DevicesArgs, Dtype};
pub use self::roles::{AddArgs, CloneArgs, ExportArgs, ImportArgs, PreviewArgs, RolesArgs, RolesCommand};
use super::reading::Markup;

/// The voice that speaks when none is named: a seed of the published voice lists.
pub const DEFAULT_ROLE: &str = "2222";

/// ChatTTS, conversational text to speech in Chinese and English.
///
/// Texts in, WAV files out. The paths of files written go to standard output, all else to standard error.
/// Exit codes: 0 done, 1 something failed or was cut off, 2 wrong usage, 130 interrupted, 143 terminated.
///
/// The weights are ChatTTS's own, licensed CC BY-NC 4.0 (not for commercial use); this program is licensed
/// Apache-2.0 and downloads them when it first needs them.
#[derive(Parser)]
#[command(name = "chattts-rs", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

#[derive(Args, Clone, Copy)]
pub struct Verbosity {
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say how long things take
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Speak texts into WAV files
    Synth(Box<SynthArgs>),
    /// Rewrite texts with pauses, laughs and fillers, as speech would have them
    Refine(RefineArgs),
    /// Show texts as they are spoken: numbers, dates, signs and abbreviations in words
    Normalize(NormalizeArgs),
    /// Show the tokens of texts, which go to the tokenizer as they are
    Tokenize(TokenizeArgs),
    /// Turn codes into a WAV file, through the DVAE
    Decode(DecodeArgs),
    /// Register, show and hear voices
    Roles(Box<RolesArgs>),
    /// Download, check and find the weights
    #[command(subcommand)]
    Model(ModelCommand),
    /// List what can compute here: NVIDIA cards and the processor
    Devices(DevicesArgs),
    /// Measure speed and memory, or how near each type of weights is to single precision
    Bench(BenchArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write all pages into a folder
    Man {
        /// Write chattts-rs.1 and a page per command there
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct SynthArgs {
    #[command(flatten)]
    pub texts: TextArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Who speaks: a role, a seed, a speaker string, a file, a spoken sample, a mix, or `none`
    ///
    /// A registered name or number (see `roles list`); N or torch-f32:N, the voice that published voice lists mean
    /// by seed N; torch-f16:N, cuda:N and forge:N, what the Python package draws on a CPU with PyTorch up to 2.11,
    /// on a GPU, and what Speech-AI-Forge draws; a speaker string; a .txt, .pt, .csv, .safetensors or .json file
    /// that holds one; a .wav, .flac or .mp3 sample with --role-text; mix:A*0.7+B*0.3; `none` leaves the voice to
    /// the model. Without --role (and --voice) the voice is that of seed 2222.
    #[arg(long, value_name = "ROLE", help_heading = "Voice")]
    pub role: Option<String>,
    /// What the sample given as --role says, word for word
    #[arg(long, value_name = "TEXT", requires = "role", help_heading = "Voice")]
    pub role_text: Option<String>,
    /// A file of roles that come before your own, such as one beside a project
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Voice")]
    pub roles: Option<PathBuf>,
    /// Let every text sound like the first one: its speech is the sample that the others continue
    #[arg(long, conflicts_with_all = ["voice", "stream", "dump"], help_heading = "Voice")]
    pub voice_from_first: bool,
    /// A sample to continue, as codes (4, n) in a safetensors file; takes --voice-text
    #[arg(long, value_name = "FILE", requires = "voice_text", value_hint = ValueHint::FilePath, help_heading = "Voice")]
    pub voice: Option<PathBuf>,
    /// What the sample says, word for word
    #[arg(long, value_name = "TEXT", requires = "voice", help_heading = "Voice")]
    pub voice_text: Option<String>,
    /// Control tags: [oral_0-9] [laugh_0-2] [break_0-7] steer refining (and switch it on), [speed_0-9] the pace
    #[arg(long, value_name = "TAGS", help_heading = "Generation")]
    pub prompt: Option<String>,
    /// Rewrite each text with pauses, laughs and fillers first
    #[arg(long, conflicts_with = "no_refine", help_heading = "Generation")]
    pub refine: bool,
    /// Speak each text as it is (the default unless --prompt steers refining)
    #[arg(long, help_heading = "Generation")]
    pub no_refine: bool,
    /// For speech; refining keeps its own defaults
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Make the wave from codes, through the DVAE, instead of from hidden states
    #[arg(long, help_heading = "Generation")]
    pub no_decoder: bool,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub markup: MarkupArgs,
    /// Give the text to the tokenizer untouched
    #[arg(long, conflicts_with_all = READ_FLAGS, help_heading = "Input")]
    pub no_normalize: bool,
    /// Lines are JSON objects: {"text", "id", "out", "role", "seed", "prompt", "speed", "refine", …}
    ///
    /// Every flag of voice and generation is a key, with _ for -; what a line does not say, the flags say.
    #[arg(long, help_heading = "Input")]
    pub json_input: bool,
    /// Speak texts in pieces, sentence by sentence, in one voice
    ///
    /// The default for texts above about 30 s of speech, unless --no-normalize or --dump is given.
    #[arg(long, conflicts_with = "no_split", help_heading = "Input")]
    pub split: bool,
    /// Speak every text in one go, however long
    #[arg(long, help_heading = "Input")]
    pub no_split: bool,
    #[command(flatten)]
    pub batch: BatchArgs,
}

#[derive(Args)]
pub struct BatchArgs {
    /// Texts that are worked on together: a number, or `auto` by cores and free memory
    #[arg(long, value_name = "N", default_value = "auto", help_heading = "Batch")]
    pub batch_size: String,
    /// Names of files in --out-dir: {index}, {index:05}, {id}, {seed}, {role}, {hash}, {text}
    #[arg(long, value_name = "TEMPLATE", requires = "out_dir", help_heading = "Batch")]
    pub name: Option<String>,
    /// Leave alone what an earlier run finished in --out-dir and nothing has changed since
    #[arg(long, requires = "out_dir", help_heading = "Batch")]
    pub resume: bool,
    /// Afterwards remove files of earlier runs in --out-dir whose lines are gone
    #[arg(long, requires = "out_dir", help_heading = "Batch")]
    pub prune: bool,
    /// Say what would be done, and do nothing
    #[arg(long, help_heading = "Batch")]
    pub dry_run: bool,
    /// Stop at the first line that fails
    #[arg(long, help_heading = "Batch")]
    pub fail_fast: bool,
    /// Write what became of each line, as JSON Lines
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Batch")]
    pub report: Option<PathBuf>,
    /// Print what became of each line, as JSON Lines, in place of paths
    #[arg(long, help_heading = "Batch")]
    pub json: bool,
}

#[derive(Args)]
pub struct TextArgs {
    /// Texts to work on, one utterance each
    #[arg(value_name = "TEXT")]
    pub positional: Vec<String>,
    /// A text to work on; may be given several times
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "Input")]
    pub text: Vec<String>,
    /// A file with one utterance a line (blank lines are skipped), or `-` for standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Input")]
    pub file: Option<PathBuf>,
}

/// What makes no sense for a text that is not read.
const READ_FLAGS: [&str; 6] = ["lang", "strict", "homophones", "name_emoji", "ssml", "markdown"];

#[derive(Args)]
pub struct ReadArgs {
    /// The language texts are read in
    #[arg(long, value_name = "LANG", value_enum, default_value_t = Lang::Auto, help_heading = "Input")]
    pub lang: Lang,
    /// Fail a text of which a character would not be spoken, instead of warning
    #[arg(long, help_heading = "Input")]
    pub strict: bool,
    /// A JSON object of one-character strings: what is misread, and what to speak in its place
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Input")]
    pub homophones: Option<PathBuf>,
    /// Speak emoji by their names instead of leaving them out
    #[arg(long, help_heading = "Input")]
    pub name_emoji: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Each sentence in its own
    Auto,
    /// Chinese
    Zh,
    /// English
    En,
}

#[derive(Args)]
pub struct MarkupArgs {
    /// Texts are SSML: speak, p, s, break, say-as, sub, prosody rate, voice; a file is one text
    #[arg(long, conflicts_with = "markdown", help_heading = "Input")]
    pub ssml: bool,
    /// Texts are Markdown, read without its signs; a file is one text
    #[arg(long, help_heading = "Input")]
    pub markdown: bool,
}

impl MarkupArgs {
    pub fn kind(&self) -> Markup {
        match (self.ssml, self.markdown) {
            (true, _) => Markup::Ssml,
            (_, true) => Markup::Markdown,
            _ => Markup::None,
        }
    }
}

#[derive(Args)]
pub struct OutputArgs {
    /// The WAV file; several utterances are joined into it. `-` is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath,
          required_unless_present_any = ["out_dir", "stream"], conflicts_with = "out_dir", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// A folder for one WAV file per utterance: 00000.wav, 00001.wav, …
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub out_dir: Option<PathBuf>,
    /// What files are made of; ulaw and alaw are G.711 in WAV, for telephones
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FileFormat::Wav, help_heading = "Output")]
    pub format: FileFormat,
    /// Bits of a sample [default: 16]
    #[arg(long, value_name = "BITS", value_parser = ["16", "24", "32f"], hide_possible_values = false, help_heading = "Output")]
    pub bits: Option<String>,
    /// Samples per second; the model's own rate is 24000 [default: 24000, G.711: 8000]
    #[arg(long, value_name = "HZ", help_heading = "Output")]
    pub sample_rate: Option<u32>,
    /// Cut what is quiet at both ends; digital silence is always cut
    #[arg(long, help_heading = "Output")]
    pub trim: bool,
    /// Bring every text to this loudness, such as -16, without clipping
    #[arg(long, value_name = "LUFS", allow_negative_numbers = true, help_heading = "Output")]
    pub normalize_loudness: Option<f64>,
    /// Write subtitles beside every file, with the times of its sentences (estimated within a piece)
    #[arg(long, value_name = "KIND", value_enum, help_heading = "Output")]
    pub subtitles: Option<SubtitleKind>,
    /// Give audio to standard output as it is made, a second behind the model: raw, or WAV of unknown length
    #[arg(long, conflicts_with_all = ["out_dir", "dump", "report", "json", "dry_run"], help_heading = "Output")]
    pub stream: bool,
    /// Keep prompts, tokens, hidden states, mel and wave in DIR/00000.safetensors, …
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub dump: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum FileFormat {
    Wav,
    Flac,
    Raw,
    Ulaw,
    Alaw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SubtitleKind {
    /// SubRip
    Srt,
    /// WebVTT
    Vtt,
}

#[derive(Args)]
pub struct ModelArgs {
    /// A folder with the weights, a Hugging Face repository, or `demo` / `demo-full`
    ///
    /// A folder holds asset/… or is the asset folder itself. A repository is owner/name or
    /// owner/name@revision; it is downloaded once into the usual cache (HF_HOME, HF_HUB_CACHE, HF_ENDPOINT
    /// for mirrors, HF_TOKEN and HF_HUB_OFFLINE are read). `demo` and `demo-full` are the program's own
    /// random weights, of small and of the published shapes, which speak noise and need no download.
    #[arg(short, long, value_name = "MODEL", default_value = DEFAULT_REPO, help_heading = "Model")]
    pub model: String,
    /// Use what is in the cache; never the network
    #[arg(long, help_heading = "Model")]
    pub offline: bool,
}

#[derive(Args)]
pub struct SamplingArgs {
    /// The generation seed; the same seed gives the same speech. Drawn and printed if absent
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Generation")]
    pub seed: Option<u64>,
    /// Divides the logits: higher is livelier. One value, or one per codebook
    #[arg(
        long,
        value_name = "T",
        allow_negative_numbers = true,
        value_delimiter = ',',
        help_heading = "Generation"
    )]
    pub temperature: Option<Vec<f32>>,
    /// Draw from the likeliest tokens that together reach this probability
    #[arg(long, value_name = "P", allow_negative_numbers = true, help_heading = "Generation")]
    pub top_p: Option<f64>,
    /// Draw from at most so many tokens
    #[arg(long, value_name = "K", allow_negative_numbers = true, help_heading = "Generation")]
    pub top_k: Option<usize>,
    /// Above 1, what was drawn in the last 16 steps becomes less likely
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Generation")]
    pub repetition_penalty: Option<f32>,
    /// Stop after so many tokens; of speech, 46.875 are a second
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Generation")]
    pub max_tokens: Option<usize>,
    /// Do not end before so many tokens
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Generation")]
    pub min_tokens: Option<usize>,
    /// How a seed's random numbers run: anew at every step, or on from step to step
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Rng::Repeat, help_heading = "Generation")]
    pub rng: Rng,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Rng {
    /// Seeded anew at every step (the Python package's manual_seed)
    Repeat,
    /// Seeded once (torch.manual_seed before the call)
    Stream,
}

#[derive(Args)]
pub struct RefineArgs {
    #[command(flatten)]
    pub texts: TextArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Control tags: [oral_0-9] [laugh_0-2] [break_0-7]
    #[arg(long, value_name = "TAGS", help_heading = "Generation")]
    pub prompt: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Give the text to the tokenizer untouched
    #[arg(long, conflicts_with_all = ["lang", "strict", "homophones", "name_emoji"], help_heading = "Input")]
    pub no_normalize: bool,
    /// Keep prompts and tokens in DIR/00000.safetensors, …
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub dump: Option<PathBuf>,
}

#[derive(Args)]
pub struct NormalizeArgs {
    #[command(flatten)]
    pub texts: TextArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub markup: MarkupArgs,
    /// One JSON object a text: "text", "replacements", "dropped" with why, "segments"; places in characters
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Args)]
pub struct TokenizeArgs {
    #[command(flatten)]
    pub texts: TextArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// One JSON object a text, with "text", "ids" and "tokens"
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Args)]
pub struct DecodeArgs {
    /// A safetensors file with `codes` (4, n), values 0 to 624
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub codes: PathBuf,
    /// The WAV file; `-` is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub out: PathBuf,
    /// Samples per second; the model's own rate is 24000
    #[arg(long, value_name = "HZ", default_value_t = 24_000, help_heading = "Output")]
    pub sample_rate: u32,
    /// Keep codes, mel and wave in DIR/00000.safetensors
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub dump: Option<PathBuf>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

#[derive(Subcommand)]
pub enum ModelCommand {
    /// Download what is missing and print the folder
    Download {
        #[command(flatten)]
        model: ModelArgs,
    },
    /// Compare every file with the published checksums
    Verify {
        #[command(flatten)]
        model: ModelArgs,
    },
    /// Print the folder that the weights are in
    Path {
        #[command(flatten)]
        model: ModelArgs,
    },
    /// Write a model as one file that a process can begin to use at once
    #[command(long_about = "Write a model as one file that a process can begin to use at once: its weights \
        as the processor's kernels want them, to be mapped into memory. Pass the file as --model. (Commands \
        that speak keep such a file of every large model in the cache folder, so this is for machines \
        that get the file alone.)")]
    Convert {
        /// The file to write
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// In which type to keep the weights
        #[arg(long, value_name = "TYPE", value_enum, default_value_t = Packing::Q8)]
        dtype: Packing,
        #[command(flatten)]
        model: ModelArgs,
    },
    /// Write random weights in the published layout
    Demo {
        /// Where; the weights go to DIR/asset
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Small shapes, or those of the published model (1.2 GB)
        #[arg(long, value_enum, default_value_t = Size::Tiny)]
        size: Size,
        /// Other seeds give other weights; `--model demo` and `demo-full` are those of the default
        #[arg(long, value_name = "N", default_value_t = chattts_rs::model::DEMO_SEED)]
        seed: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Packing {
    /// Single precision
    F32,
    /// 8 bits
    Q8,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Size {
    Tiny,
    Full,
}
