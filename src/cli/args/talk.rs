//! Flags of conversations, subtitles and books.

use std::path::PathBuf;

use chattts_rs::audio::subtitles::read_time;
use clap::{Args, ValueHint};

/// The flags of other texts.
const OTHER_TEXTS: [&str; 6] = ["positional", "text", "file", "json_input", "ssml", "markdown"];

#[derive(Args)]
pub struct TalkArgs {
    /// A conversation: a turn a line, `Anna: text`, in which every speaker has one voice
    ///
    /// `Anna：text`, `**Anna:** text` and `[Anna] text` are the same; a line that names nobody goes on with the turn
    /// before it. A file that ends in .jsonl, .json or .csv is a manifest with a key `speaker`. All turns go into one
    /// file, or each into its own with --out-dir. --voice-from-first lets each speaker sound like their first turn.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = OTHER_TEXTS,
          help_heading = "Conversations and books", hide_short_help = true)]
    pub dialogue: Option<PathBuf>,
    /// Who speaks with which voice: `anna=4099,bob=torch-f16:77`, or a TOML file
    ///
    /// A voice is whatever --role takes. A file has a line `anna = 4099` for each speaker, or a table `[anna]` with any
    /// setting of a manifest: role, speed, prompt, refine, seed. Who is not in it speaks with the registered role of
    /// that name; without --cast, everyone who has no role has a voice drawn by --seed, which is printed.
    #[arg(long, value_name = "CAST", help_heading = "Conversations and books", hide_short_help = true)]
    pub cast: Vec<String>,
    /// Seconds of silence between lines in one file [default: 0; of a conversation by its marks and lengths]
    #[arg(long, value_name = "SECONDS", value_parser = gap, help_heading = "Conversations and books",
          hide_short_help = true)]
    pub gap: Option<f64>,
    /// Write a file for each speaker there too, as long as the one of all, in which the others are silent
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "dialogue",
          conflicts_with_all = ["out_dir", "stream"], help_heading = "Conversations and books", hide_short_help = true)]
    pub stems: Option<PathBuf>,
    /// Subtitles (.srt, .vtt) that become speech in time: each cue begins when it is shown
    ///
    /// What is longer than the time to the next cue is spoken faster, by --fastest at most; what still runs into the
    /// next cue is told. With --cast, cues may begin with a name, as turns do.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = OTHER_TEXTS,
          conflicts_with_all = ["dialogue", "out_dir", "stream", "gap"], help_heading = "Conversations and books",
          hide_short_help = true)]
    pub srt_input: Option<PathBuf>,
    /// How long the speech of --srt-input is: that of the video [default: to the end of the last cue]
    #[arg(long, value_name = "[HH:]MM:SS", value_parser = time, requires = "srt_input",
          help_heading = "Conversations and books", hide_short_help = true)]
    pub length: Option<f64>,
    /// How much faster a cue may be spoken to end in time
    #[arg(long, value_name = "X", default_value_t = 1.35, value_parser = fastest, requires = "srt_input",
          help_heading = "Conversations and books", hide_short_help = true)]
    pub fastest: f32,
    /// Cut --file into chapters at its headings, and write a file for each, with tags and a playlist
    ///
    /// Headings are those of the first two levels in Markdown (.md, or --markdown), else lines such as `Chapter 7` and
    /// `第七章`. Title, track and album are in .flac, .opus and .mp3; playlist.m3u8 lists what is finished.
    #[arg(long, requires_all = ["file", "out_dir"],
          conflicts_with_all = ["dialogue", "srt_input", "shard", "json_input", "ssml", "positional", "text"],
          help_heading = "Conversations and books", hide_short_help = true)]
    pub chapters: bool,
    /// The album of --chapters [default: the book's only heading of the first level, else the file's name]
    #[arg(
        long,
        value_name = "TEXT",
        requires = "chapters",
        help_heading = "Conversations and books",
        hide_short_help = true
    )]
    pub album: Option<String>,
}

fn gap(text: &str) -> Result<f64, String> {
    const MOST: f64 = 60.0;
    let seconds = text.parse().ok().filter(|seconds| (0.0..=MOST).contains(seconds));
    seconds.ok_or_else(|| format!("expected 0 to {MOST} seconds"))
}

fn time(text: &str) -> Result<f64, String> {
    /// A day, which is longer than any video.
    const MOST: f64 = 86_400.0;
    let seconds = read_time(text).filter(|seconds| *seconds > 0.0 && *seconds <= MOST);
    seconds.ok_or_else(|| "expected a time such as 01:23:45.6, or seconds".into())
}

fn fastest(text: &str) -> Result<f32, String> {
    const MOST: f32 = 2.0;
    let speed = text.parse().ok().filter(|speed| (1.0..=MOST).contains(speed));
    speed.ok_or_else(|| format!("expected 1 to {MOST}"))
}
