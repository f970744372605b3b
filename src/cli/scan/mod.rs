//! Runs `roles scan` and `roles find`: hears many voices, measures them, and finds those that are wanted.

mod find;
mod measure;
mod page;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use chattts_rs::audio::Recording;
use chattts_rs::batch::write_file;
use clap::Parser as _;
use rayon::prelude::*;
use serde_json::{Value, json};

pub use self::find::{find, of_scan};
use self::measure::{Heard, Take, syllables};
use super::args::{Cli, Command, ScanArgs};
use super::{Context, SomeFailed, Usage, synth};

/// The files of a scan, in its folder.
const LINES: &str = "lines.jsonl";
const REPORT: &str = "report.jsonl";
const VOICES: &str = "voices.jsonl";
const TABLE: &str = "voices.csv";
const PAGE: &str = "index.html";
const AUDIO: &str = "audio";
/// The sentences where none are given.
const SENTENCES: [&str; 2] = [
    "今天天气很好，我们一起去公园散步，好吗？",
    "The weather is lovely today, so let us take a long walk in the park.",
];
/// The endings of files of voices.
const VOICE_FILES: [&str; 6] = ["txt", "pt", "csv", "json", "safetensors", "npy"];
/// Tokens of a second, and the share of the most tokens from which a sentence was cut off.
const TOKENS_PER_SECOND: f64 = 46.875;
const CUT_OFF: f64 = 0.97;

/// A voice that is to be heard.
struct Voice {
    name: String,
    role: String,
}

/// Hears voices and measures them.
pub fn run(context: &Context, args: &ScanArgs) -> anyhow::Result<()> {
    let voices = voices(args)?;
    let sentences = sentences(args.file.as_deref())?;
    fs::create_dir_all(&args.out_dir)
        .with_context(|| format!("cannot create the folder {}", args.out_dir.display()))?;
    let at = |name: &str| args.out_dir.join(name);
    let mut lines = String::new();
    for voice in &voices {
        for (number, sentence) in sentences.iter().enumerate() {
            for take in 0..args.takes {
                let out = file(&voice.name, number, take);
                lines += &format!(
                    "{}\n",
                    json!({ "id": out, "out": out, "text": sentence, "role": voice.role, "seed": take })
                );
            }
        }
    }
    write_file(&at(LINES), lines.as_bytes())?;
    speak(context, args, &at(LINES), &at(REPORT))?;
    let start = Instant::now();
    let status = status(&at(REPORT))?;
    let most = f64::from(args.max_tokens) / TOKENS_PER_SECOND * CUT_OFF;
    let heard: Vec<Heard> =
        voices.par_iter().map(|voice| hear(args, voice, &sentences, &status, most)).collect();
    let rows: Vec<String> = heard.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    write_file(&at(VOICES), (rows.join("\n") + "\n").as_bytes())?;
    write_file(&at(TABLE), table(&heard)?.as_bytes())?;
    write_file(&at(PAGE), page::page(&heard, &sentences)?.as_bytes())?;
    let seconds = start.elapsed().as_secs_f64();
    context.report.note(&format!("{} voices measured in {seconds:.1} s", heard.len()));
    super::output::print_path(&at(PAGE))
}

fn voices(args: &ScanArgs) -> anyhow::Result<Vec<Voice>> {
    let mut voices = Vec::new();
    if let Some(seeds) = &args.seeds {
        let kind = args.kind.to_string();
        let is_usual = args.kind == chattts_rs::SeedKind::default();
        voices.extend(seeds.0.iter().map(|seed| Voice {
            name: if is_usual { seed.to_string() } else { format!("{kind}-{seed}") },
            role: format!("{kind}:{seed}"),
        }));
    }
    if let Some(dir) = &args.voices {
        let failed = || format!("cannot read the folder {}", dir.display());
        let mut files: Vec<PathBuf> = fs::read_dir(dir)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .with_context(failed)?;
        files.retain(|path| {
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            VOICE_FILES.contains(&ending.as_str()) && path.is_file()
        });
        files.sort();
        if files.is_empty() {
            return Err(
                Usage(format!("--voices {}: there is no file of a voice in it", dir.display())).into()
            );
        }
        for path in files {
            let role = fs::canonicalize(&path).with_context(failed)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // What a path of one component may hold, so that it is the file's name as well.
            let name: String = name
                .chars()
                .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' })
                .collect();
            let name = name.trim_start_matches('.').to_string();
            if voices.iter().any(|voice: &Voice| voice.name == name) {
                return Err(Usage(format!("--voices: two voices are called {name}; rename one")).into());
            }
            voices.push(Voice { name, role: role.display().to_string() });
        }
    }
    Ok(voices)
}

fn sentences(file: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let Some(file) = file else { return Ok(SENTENCES.map(String::from).to_vec()) };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let lines: Vec<String> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(String::from)
        .collect();
    if lines.is_empty() {
        return Err(Usage(format!("--file {}: there is no sentence in it", file.display())).into());
    }
    Ok(lines)
}

/// Returns the file of a sentence, in the scan's folder.
fn file(voice: &str, sentence: usize, take: u8) -> String {
    format!("{AUDIO}/{voice}-{}-{take}.flac", sentence + 1)
}

/// Speaks the lines as `synth --resume` does, whatever became of single ones.
fn speak(context: &Context, args: &ScanArgs, lines: &Path, report: &Path) -> anyhow::Result<()> {
    let max_tokens = args.max_tokens.to_string();
    let fixed = ["chattts-rs", "synth", "--resume", "--json-input", "--allow-files", "--format", "flac"];
    let mut words: Vec<std::ffi::OsString> = fixed.map(Into::into).into();
    words.extend(["--batch-size", &args.batch_size, "--max-tokens", &max_tokens].map(Into::into));
    for (flag, path) in [("--file", lines), ("--out-dir", args.out_dir.as_path()), ("--report", report)] {
        words.extend([flag.into(), path.as_os_str().to_os_string()]);
    }
    let Command::Synth(mut synth) = Cli::try_parse_from(words).map_err(|e| Usage(e.to_string()))?.command
    else {
        return Ok(());
    };
    synth.model = args.model.clone();
    synth.compute = args.compute.clone();
    synth.lists_nothing = true;
    match synth::run(context, *synth) {
        Err(error) if error.is::<SomeFailed>() => Ok(()),
        ended => ended,
    }
}

/// Returns what became of each file.
fn status(report: &Path) -> anyhow::Result<HashMap<String, String>> {
    let text = fs::read_to_string(report).with_context(|| format!("cannot read {}", report.display()))?;
    let read = |line: &str| -> Option<(String, String)> {
        let record: Value = serde_json::from_str(line).ok()?;
        Some((record["id"].as_str()?.into(), record["status"].as_str()?.into()))
    };
    Ok(text.lines().filter_map(read).collect())
}

/// Measures the sentences of a voice that were spoken.
fn hear(
    args: &ScanArgs,
    voice: &Voice,
    sentences: &[String],
    status: &HashMap<String, String>,
    most: f64,
) -> Heard {
    let (mut takes, mut files, mut cut_off) = (Vec::new(), Vec::new(), 0);
    for (number, sentence) in sentences.iter().enumerate() {
        for take in 0..args.takes {
            let name = file(&voice.name, number, take);
            let state = status.get(&name).map_or("failed", String::as_str);
            if state == "failed" {
                continue;
            }
            let Ok(recording) = Recording::read(&args.out_dir.join(&name)) else { continue };
            let measured = Take::of(&recording, number, syllables(sentence));
            // Of what an earlier run has spoken the length tells it.
            cut_off += usize::from(state == "truncated" || measured.seconds >= most);
            takes.push(measured);
            files.push(name);
        }
    }
    let asked = sentences.len() * usize::from(args.takes);
    Heard::of(&voice.name, &voice.role, &takes, asked, cut_off, files)
}

/// Returns the voices as CSV (RFC 4180).
fn table(heard: &[Heard]) -> anyhow::Result<String> {
    const COLUMNS: [&str; 16] = [
        "name",
        "role",
        "pitch",
        "pitch_low",
        "pitch_high",
        "range",
        "rate",
        "loudness",
        "signal_to_noise",
        "clipped",
        "failed",
        "cut_off",
        "distance",
        "stability",
        "label",
        "files",
    ];
    let mut text = COLUMNS.join(",") + "\r\n";
    for voice in heard {
        let record = serde_json::to_value(voice)?;
        let field = |column: &&str| match &record[*column] {
            Value::Null => String::new(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => quoted(text),
            Value::Array(files) => {
                quoted(&files.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
            }
            other => quoted(&other.to_string()),
        };
        text += &(COLUMNS.iter().map(field).collect::<Vec<_>>().join(",") + "\r\n");
    }
    Ok(text)
}

fn quoted(text: &str) -> String {
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.into(),
    }
}
