//! The flags, as clap reads them.

mod batch;
mod bench;
mod compute;
mod help;
mod load_test;
mod roles;
mod scan;
mod serve;
mod talk;

use std::path::PathBuf;

use chattts_rs::audio::Format;
use chattts_rs::backend::WeightType;
use chattts_rs::hub::{DEFAULT_REPO, NoiseSize};
use chattts_rs::speech::{MarkupOverrides, ReadingOverrides, SamplingOverrides, homophones};
use chattts_rs::text::Homophones;
use chattts_rs::{Overrides, Result};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

pub use self::batch::{BatchArgs, MergeArgs, StatusArgs};
pub use self::bench::BenchArgs;
pub use self::compute::{ComputeArgs, DevicesArgs};
pub use self::load_test::{Arrivals, LoadTestArgs};
pub use self::roles::{AddArgs, CloneArgs, ExportArgs, ImportArgs, PreviewArgs, RolesArgs, RolesCommand};
pub use self::scan::{FindArgs, Heard, Manner, ScanArgs};
#[cfg(feature = "server")]
pub use self::serve::LogForm;
pub use self::serve::ServeArgs;
pub use self::talk::TalkArgs;

/// ChatTTS, conversational text to speech in Chinese and English.
///
/// Texts in, audio files out. The paths of files written go to standard output, all else to standard error.
/// Exit codes: 0 done, 1 something failed or was cut off, 2 wrong usage, 75 may go well at another time or place,
/// 130 interrupted, 143 terminated, 129 hung up.
///
/// The weights are ChatTTS's own, licensed CC BY-NC 4.0 (not for commercial use); this program is licensed
/// Apache-2.0 and downloads them when it first needs them.
#[derive(Parser)]
#[command(name = "chattts-rs", version, propagate_version = true, arg_required_else_help = true,
          before_help = help::PROGRAM)]
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
    /// Speak texts into audio files
    #[command(
        aliases = ["say", "speak", "tts", "synthesize"], before_help = help::SYNTH, after_long_help = help::SYNTH_MORE
    )]
    Synth(Box<SynthArgs>),
    /// Speak over HTTP, as OpenAI's clients ask for it, with a page to try it
    #[command(before_help = help::SERVE, after_long_help = help::SERVE_MORE)]
    Serve(Box<ServeArgs>),
    /// Tell how far the runs are that fill an output folder, or whether a service is ready
    #[command(after_long_help = help::STATUS)]
    Status(StatusArgs),
    /// Make one ledger and one report of those of an output folder's shards
    Merge(MergeArgs),
    /// Put load on a running service, and say how it answers
    #[command(before_help = help::LOAD_TEST, after_long_help = help::LOAD_TEST_MORE)]
    LoadTest(Box<LoadTestArgs>),
    /// Rewrite texts with pauses, laughs and fillers, as speech would have them
    #[command(after_long_help = help::REFINE)]
    Refine(RefineArgs),
    /// Show texts as they are spoken: numbers, dates, signs and abbreviations in words
    #[command(after_long_help = help::NORMALIZE)]
    Normalize(NormalizeArgs),
    /// Show the tokens of texts, which go to the tokenizer as they are
    Tokenize(TokenizeArgs),
    /// Turn codes into a WAV file, through the DVAE
    Decode(DecodeArgs),
    /// Register, show and hear voices
    #[command(after_long_help = help::ROLES)]
    Roles(Box<RolesArgs>),
    /// Download, check and find the weights
    #[command(subcommand, after_long_help = help::MODEL)]
    Model(ModelCommand),
    /// List what can compute here: NVIDIA cards and the processor
    #[command(after_long_help = help::DEVICES)]
    Devices(DevicesArgs),
    /// Measure speed and memory, or how near each type of weights is to single precision
    #[command(after_long_help = help::BENCH)]
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
    #[command(flatten)]
    pub roles: RolesFlag,
    /// Let every text sound like the first one: its speech is the sample that the others continue
    #[arg(long, conflicts_with_all = ["voice_codes", "stream", "dump"], help_heading = "Voice", hide_short_help = true)]
    pub voice_from_first: bool,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub negations: Negations,
    #[command(flatten)]
    pub homophones: HomophonesFlag,
    /// The input is a manifest: {"text", "id", "out", "role", "seed", "prompt", "speed", "refine", …}
    ///
    /// JSON Lines, a JSON array of objects, or CSV with a header. Every flag of voice and generation is a key, with _
    /// for -; what a line does not say, the flags say. A --file that ends in .jsonl, .json or .csv is one anyway.
    #[arg(long, help_heading = "Many lines", hide_short_help = true)]
    pub json_input: bool,
    /// Let manifests and SSML name voices in any file
    ///
    /// Otherwise only in files in the folder of --file and below it (the current folder, without a file). What
    /// flags name is read from anywhere.
    #[arg(long, help_heading = "Many lines", hide_short_help = true)]
    pub allow_files: bool,
    #[command(flatten)]
    pub talk: TalkArgs,
    #[command(flatten)]
    pub batch: BatchArgs,
    /// For whoever looks for it under this name
    #[arg(long, alias = "voices", hide = true)]
    pub list_voices: bool,
    /// Whether `synth` was not written.
    #[arg(skip)]
    pub is_guessed: bool,
    /// Whether the files are not what is asked for, and so not listed.
    #[arg(skip)]
    pub lists_nothing: bool,
}

/// Flags that switch settings off.
#[derive(Args)]
pub struct Negations {
    /// Speak each text as it is (the default unless --prompt steers refining)
    #[arg(long, help_heading = "Generation", hide_short_help = true)]
    pub no_refine: bool,
    /// Make the wave from codes, through the DVAE, instead of from hidden states
    #[arg(long, help_heading = "Generation", hide_short_help = true)]
    pub no_decoder: bool,
    /// Give the text to the tokenizer untouched
    #[arg(long, conflicts_with_all = READ_FLAGS, help_heading = "Input", hide_short_help = true)]
    pub no_normalize: bool,
    /// Speak every text in one go, however long
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    pub no_split: bool,
}

impl Negations {
    /// Switches settings off.
    pub fn apply(&self, overrides: &mut Overrides) {
        let off = |flag: bool, setting: &mut Option<bool>| {
            if flag {
                *setting = Some(false);
            }
        };
        off(self.no_refine, &mut overrides.refine);
        off(self.no_decoder, &mut overrides.decoder);
        off(self.no_normalize, &mut overrides.normalize);
        off(self.no_split, &mut overrides.split);
    }
}

#[derive(Args)]
pub struct TextArgs {
    /// Texts to work on, one utterance each
    #[arg(value_name = "TEXT")]
    pub positional: Vec<String>,
    /// A text to work on; may be given several times
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "Input")]
    pub text: Vec<String>,
    /// A file with one utterance a line, or `-` for standard input
    ///
    /// Blank lines are skipped.
    #[arg(short, long, short_alias = 'i', alias = "input", value_name = "FILE", value_hint = ValueHint::FilePath,
          help_heading = "Input")]
    pub file: Option<PathBuf>,
}

/// The flags that make no sense for a text that is not read.
const READ_FLAGS: [&str; 7] = ["lang", "strict", "homophones", "name_emoji", "pronounce", "ssml", "markdown"];

#[derive(Args)]
pub struct ReadArgs {
    #[command(flatten)]
    pub reading: ReadingOverrides,
    #[command(flatten)]
    pub homophones: HomophonesFlag,
}

/// The flag of a table that `synth`, `serve` and the commands that read texts take.
#[derive(Args)]
pub struct HomophonesFlag {
    /// A JSON object of one-character strings: what is misread, and what to speak in its place
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Input", hide_short_help = true)]
    homophones: Option<PathBuf>,
}

impl HomophonesFlag {
    /// Reads the table.
    pub fn table(&self) -> Result<Option<Homophones>> {
        self.homophones.as_deref().map(homophones).transpose()
    }
}

/// The flag of a project's own roles.
#[derive(Args)]
pub struct RolesFlag {
    /// A file of roles that come before your own, such as one beside a project
    #[arg(long = "roles", id = "roles", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Voice", hide_short_help = true)]
    pub file: Option<PathBuf>,
}

#[derive(Args)]
pub struct OutputArgs {
    /// The file; its extension is its format. `-` is standard output [default: named after the text]
    ///
    /// Several utterances are joined into it. Folders that do not exist are made. Without --out, --out-dir and
    /// --stream the file is named after the text, in the current folder, and no file that is there is overwritten.
    #[arg(short, long, short_alias = 'w', aliases = ["output", "output-file", "output_file"], value_name = "FILE",
          value_hint = ValueHint::FilePath, conflicts_with = "out_dir", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// A folder for a file per utterance; their paths come as they are finished
    ///
    /// The files are 00000.wav, 00001.wav and so on, unless --name or a manifest says otherwise. In builds that know
    /// object stores it may be s3://BUCKET/PREFIX, and gs:// and az:// as well.
    #[arg(long, aliases = ["output-dir", "output_dir"], value_name = "DIR", value_hint = ValueHint::DirPath,
          help_heading = "Output")]
    pub out_dir: Option<PathBuf>,
    /// What files are made of [default: by the extension, else wav]
    ///
    /// mp3 has 96 kbit/s at 24000 Hz and takes 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 and 48000 Hz; opus,
    /// in Ogg, has about 48 and takes 8000, 12000, 16000, 24000 and 48000. ulaw and alaw are G.711 in WAV, for
    /// telephones. The extensions .wav, .flac, .mp3, .opus, .ogg, .raw, .pcm, .ulaw and .alaw choose a format by
    /// themselves; one that contradicts this is an error.
    #[arg(long, value_name = "FORMAT", value_enum, help_heading = "Output")]
    pub format: Option<Format>,
    /// Bits of a sample [default: 16]
    #[arg(long, value_name = "BITS", value_parser = ["16", "24", "32f"], help_heading = "Output",
          hide_short_help = true)]
    pub bits: Option<String>,
    /// Write subtitles beside every file, with the times of its sentences (estimated within a piece)
    #[arg(long, value_name = "KIND", value_enum, help_heading = "Output", hide_short_help = true)]
    pub subtitles: Option<SubtitleKind>,
    /// Give audio to standard output as it is made, a second behind the model, in any format but flac
    #[arg(long, conflicts_with_all = ["out_dir", "dump", "report", "json", "dry_run"], help_heading = "Output")]
    pub stream: bool,
    /// Play the file when it is finished
    ///
    /// The first of pw-play, paplay, aplay, afplay, ffplay and play that is there does it.
    #[arg(long, conflicts_with_all = ["out_dir", "stream", "dry_run"], help_heading = "Output")]
    pub play: bool,
    /// Keep prompts, tokens, hidden states, mel and wave in DIR/00000.safetensors, …
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output",
          hide_short_help = true)]
    pub dump: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SubtitleKind {
    /// SubRip
    Srt,
    /// WebVTT
    Vtt,
}

impl SubtitleKind {
    /// Returns the extension of its files, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            SubtitleKind::Srt => "srt",
            SubtitleKind::Vtt => "vtt",
        }
    }
}

#[derive(Args, Clone)]
pub struct ModelArgs {
    /// A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]
    ///
    /// A folder holds asset/… or is the asset folder itself. A repository is owner/name or
    /// owner/name@revision; it is downloaded once into the usual cache (HF_HOME, HF_HUB_CACHE, HF_ENDPOINT
    /// for mirrors, HF_TOKEN and HF_HUB_OFFLINE are read). `demo` is a
    /// small voice that the program carries: English and Mandarin, free for any use, and no ChatTTS. `noise`
    /// and `noise-full` (once demo-full) are random weights for tests, of small and of the published shapes.
    #[arg(short, long, value_name = "MODEL", help_heading = "Model")]
    pub model: Option<String>,
    /// Use what is in the cache; never the network
    #[arg(long, help_heading = "Model", hide_short_help = true)]
    pub offline: bool,
}

impl ModelArgs {
    /// Returns the model that is named, or the default one.
    pub fn name(&self) -> &str {
        self.model.as_deref().unwrap_or(DEFAULT_REPO)
    }
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
    pub sampling: SamplingOverrides,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Give the text to the tokenizer untouched
    #[arg(long, conflicts_with_all = ["lang", "strict", "homophones", "name_emoji", "pronounce"], help_heading = "Input")]
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
    pub markup: MarkupOverrides,
    /// One JSON object a text: "text", "replacements", "dropped" with why, "segments"; places in characters
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Under each text, which rule read which part, and what else the part could have been
    #[arg(long, conflicts_with_all = ["json", "ssml", "markdown"], help_heading = "Output")]
    pub explain: bool,
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
    /// The file, whose extension is its format; `-` is standard output
    #[arg(short, long, alias = "output", value_name = "FILE", value_hint = ValueHint::FilePath,
          help_heading = "Output")]
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
        #[arg(long, value_name = "TYPE", value_enum, default_value_t = WeightType::Q8)]
        dtype: WeightType,
        #[command(flatten)]
        model: ModelArgs,
    },
    /// Write the small voice that the program carries in the published layout (38 MB)
    Demo {
        /// Where; the weights go to DIR/asset
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
    /// Write random weights in the published layout, for tests and measurements
    Noise {
        /// Where; the weights go to DIR/asset
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Small shapes, or those of the published model (1.2 GB)
        #[arg(long, value_enum, default_value_t = NoiseSize::Tiny)]
        size: NoiseSize,
        /// Other seeds give other weights; `--model noise` and `noise-full` are those of the default
        #[arg(long, value_name = "N", default_value_t = chattts_rs::backend::NOISE_SEED)]
        seed: u64,
    },
}
