//! The program's commands and flags, as its own help tells them.

use std::ffi::OsString;
use std::path::Path;

use super::random::Random;
use super::{command, content};

/// Flags that run something, take hours, or end at once.
const LEFT_OUT: [&str; 4] = ["--recogniser", "--play", "--help", "--version"];

pub struct Flag {
    pub name: String,
    /// The name of its value; None if it takes none.
    value: Option<String>,
    /// The values that the help names.
    choices: Vec<String>,
}

/// A command, with the names of its arguments.
pub struct Known {
    pub words: Vec<String>,
    pub arguments: Vec<String>,
    pub flags: Vec<Flag>,
}

/// Asks the program for its commands.
pub fn ask(program: &Path, user: Option<u32>) -> Vec<Known> {
    let mut found = Vec::new();
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let help =
            command(program, user).args(&words).arg("--help").env_remove("CLICOLOR_FORCE").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let below: Vec<&str> = help
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .collect();
        for name in &below {
            open.push([&words[..], &[name.to_string()]].concat());
        }
        if below.is_empty() {
            found.push(Known { arguments: arguments(&help), flags: flags(&help), words });
        }
    }
    found.sort_by(|a, b| a.words.cmp(&b.words));
    found
}

/// Returns the arguments that stand in a command's usage.
fn arguments(help: &str) -> Vec<String> {
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or_default();
    let bare = |word: &str| word.trim_matches(['<', '>', '[', ']', '.']).to_string();
    let is_argument =
        |word: &&str| word.starts_with(['<', '[']) && *word != "[OPTIONS]" && !word.starts_with("<--");
    let mut words = Vec::new();
    let mut is_value = false;
    for word in usage.split_whitespace() {
        if is_argument(&word) && !is_value {
            words.push(bare(word));
        }
        is_value = word.starts_with("--") || word.starts_with("<--");
    }
    words
}

fn flags(help: &str) -> Vec<Flag> {
    let mut found: Vec<Flag> = Vec::new();
    for line in help.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let word = trimmed.split_whitespace().find(|word| word.starts_with("--"));
        let is_flag = (indent == 2 && trimmed.starts_with('-') && trimmed.contains(", --"))
            || indent == 6 && trimmed.starts_with("--");
        if let (true, Some(name)) = (is_flag, word) {
            let after = trimmed.split_once(name).unwrap().1.trim_start();
            let value = after
                .strip_prefix('<')
                .and_then(|rest| rest.split_once('>'))
                .map(|(value, _)| value.to_string());
            found.push(Flag { name: name.to_string(), value, choices: Vec::new() });
        } else if let (Some(flag), Some(choice)) = (found.last_mut(), trimmed.strip_prefix("- ")) {
            flag.choices.extend(choice.split_once(':').map(|(name, _)| name.to_string()));
        } else if let (Some(flag), Some(choices)) =
            (found.last_mut(), trimmed.strip_prefix("[possible values: "))
        {
            flag.choices = choices.trim_end_matches(']').split(", ").map(String::from).collect();
        }
    }
    found.retain(|flag| !LEFT_OUT.contains(&flag.name.as_str()));
    found
}

/// Returns a value that suits what it is called, mostly.
fn plausible(random: &mut Random, what: &str, choices: &[String]) -> OsString {
    // Gigabytes of weights.
    let choices: Vec<&String> = choices.iter().filter(|choice| *choice != "full").collect();
    if !choices.is_empty() && !random.one_in(5) {
        return choices[random.below(choices.len())].into();
    }
    let some: &[&str] = match what {
        "TEXT" | "NOTE" => return content::text(random).replace('\0', "").into(),
        "FILE" => &[
            "text.txt",
            "rows.jsonl",
            "menu.csv",
            "voice.pt",
            "voice.npy",
            "sample.wav",
            "codes.safetensors",
            "roles.toml",
            "homophones.json",
            "made/a.wav",
            "a.flac",
            "a.mp3",
            "a.opus",
            "none.txt",
            "made",
            "../outside/secret.txt",
            "-",
        ],
        "DIR" => &["made", "made/deep/er", "text.txt", "model", "/proc/self", "/nowhere", "..", ""],
        "ROLE" | "NAME" => &[
            "anna",
            "2222",
            "voice.pt",
            "voice.npy",
            "sample.wav",
            "none",
            "mix:anna*0.5+2222*0.5",
            "berta",
            "7",
            "fifo",
            "../outside/secret.csv",
        ],
        "MODEL" => {
            &["noise", "noise", "noise", "demo", "model", "packed.safetensors", "owner/name", "made", ""]
        }
        "DEVICE" => &["cpu", "auto", "cuda", "cuda:0", "cpu,cpu", "cuda:all"],
        "HZ" => &["8000", "16000", "24000", "44100", "48000", "1", "192000", "7999"],
        "N" | "T" | "P" | "K" | "X" | "SHARE" | "LUFS" | "SIZES" => {
            &["0", "1", "2", "3", "4", "7", "0.1", "0.5", "0.9", "1.0", "-20", "16", "40", "1,2"]
        }
        _ => return content::value(random),
    };
    match random.one_in(4) {
        true => content::value(random),
        false => random.pick(some).into(),
    }
}

/// Returns a command line for a command.
pub fn line(random: &mut Random, known: &Known) -> Vec<OsString> {
    let mut args: Vec<OsString> = known.words.iter().map(OsString::from).collect();
    let most = [1, 3, 6, 12][random.below(4)];
    for _ in 0..random.below(most + 1) {
        let flag = &known.flags[random.below(known.flags.len())];
        match &flag.value {
            None => args.push(flag.name.clone().into()),
            Some(what) => {
                let value = plausible(random, what, &flag.choices);
                match random.one_in(3) {
                    true => {
                        let mut joined = OsString::from(format!("{}=", flag.name));
                        joined.push(value);
                        args.push(joined);
                    }
                    false => args.extend([flag.name.clone().into(), value]),
                }
            }
        }
    }
    let has = |args: &[OsString], name: &str| args.iter().any(|arg| arg.to_string_lossy().starts_with(name));
    // Whatever else is wrong, most of them get as far as to speak, and soon come to an end.
    for (name, value) in [
        ("--model", "noise"),
        ("--max-tokens", "12"),
        ("--codes", "codes.safetensors"),
        ("--out", "made/a.wav"),
    ] {
        let is_flag = known.flags.iter().any(|flag| flag.name == name);
        // Without a model it measures random weights of the published size.
        let is_bench = known.words == ["bench"];
        if is_flag
            && !has(&args, name)
            && (!random.one_in(10) || is_bench)
            && !(name == "--out" && has(&args, "--stream"))
        {
            args.extend([name.into(), value.into()]);
        }
    }
    for argument in &known.arguments {
        if !random.one_in(10) {
            args.push(plausible(random, argument, &[]));
        }
    }
    if random.one_in(12) {
        args.insert(random.below(args.len()), content::value(random));
    }
    if random.one_in(30) {
        args.remove(0);
    }
    args.retain(|arg| *arg != "noise-full" && !arg.to_string_lossy().contains("demo-full"));
    args
}
