//! What the repository shows its users works: README, examples, completions, manual.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::hub_server::HubServer;
use common::{Program, finish, tiny_model, wav};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chattts-rs");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program's folder in front of the search path.
fn search_path() -> String {
    let dir = Path::new(PROGRAM).parent().unwrap();
    format!("{}:{}", dir.display(), std::env::var("PATH").unwrap_or_default())
}

/// The lines of the README's blocks of one language, in order.
fn readme_blocks(language: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut lines = String::new();
    let mut inside = false;
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some(opened) => inside = opened == language,
            None if inside => lines.push_str(&format!("{line}\n")),
            None => {}
        }
    }
    lines
}

#[test]
fn the_library_in_the_readme_is_the_documentation_test() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let docs: Vec<&str> = lib.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let example: String = docs
        .iter()
        .skip_while(|line| line.trim() != "```")
        .skip(1)
        .take_while(|line| line.trim() != "```")
        .filter(|line| !line.trim_start().starts_with("# "))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    assert_eq!(readme_blocks("rust"), example);
}

#[test]
fn the_readme_is_read_in_ten_minutes() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 200, "{} lines", readme.lines().count());
    // What CI looks for and runs.
    for block in [
        "cargo test --release ",
        "packaging/",
        "cargo build --release --features cuda",
        "cc examples/speak.c",
    ] {
        assert!(readme_blocks("bash").lines().any(|line| line.starts_with(block)), "{block}");
    }
}

#[cfg(unix)]
#[test]
fn every_command_of_the_readme_runs_twice() {
    let commands = readme_blocks("sh");
    assert!(commands.lines().filter(|line| line.contains("chattts-rs ")).count() >= 10, "{commands}");
    assert!(!commands.contains("cargo"), "a command that this test cannot run: {commands}");

    // The real model is played by a small one.
    let server = HubServer::start(tiny_model());
    let p = Program::new().env("HF_ENDPOINT", &server.url()).env("PATH", &search_path());
    // Who reads it twice finds that everything works a second time.
    for time in ["once", "twice"] {
        let mut shell = p.command("bash");
        shell.args(["-euo", "pipefail", "-c", &commands]);
        let ran = finish(shell, b"");
        assert_eq!(ran.code, Some(0), "{time}: {ran:#?}");
    }
    let spoken = "Hello-This-is-a-small-voice-that-speaks";
    let named: Vec<PathBuf> =
        fs::read_dir(p.dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let named = named.iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(spoken));
    assert_eq!(named.count(), 2, "no file of the first run is overwritten");
    for file in ["chattts.wav", "menu/00002.wav", "lesson.wav", "weather.wav", "prompts/welcome.wav"] {
        assert!(!wav(&fs::read(p.path(file)).unwrap()).1.is_empty(), "{file}");
    }
}

#[test]
fn the_library_example_speaks() {
    let example: PathBuf = Path::new(PROGRAM).parent().unwrap().join("examples/speak");
    let p = Program::new();
    let mut command = p.command(&example);
    command.args(["hello", "hello.wav"]);
    let ran = finish(command, b"");
    assert_eq!(ran.code, Some(0), "{} {ran:?}", example.display());
    let (rate, samples) = wav(&fs::read(p.path("hello.wav")).unwrap());
    assert_eq!(rate, 16_000);
    assert!(!samples.is_empty());
}

#[test]
fn the_batch_example_speaks_each_line() {
    let example: PathBuf = Path::new(PROGRAM).parent().unwrap().join("examples/batch");
    let p = Program::new();
    let mut command = p.command(&example);
    command.arg("lines");
    let ran = finish(command, "你好。\n\nHello there.\n".as_bytes());
    assert_eq!(ran.code, Some(0), "{} {ran:?}", example.display());
    assert!(ran.err.contains("line 2: nothing to speak"), "{}", ran.err);
    for file in ["lines/00000.wav", "lines/00002.wav"] {
        assert!(ran.out.contains(file) && !wav(&fs::read(p.path(file)).unwrap()).1.is_empty(), "{}", ran.out);
    }
}

#[cfg(unix)]
#[test]
fn the_shell_pipeline_renders_its_menu() {
    let p = Program::new().env("PATH", &search_path());
    let ran = finish(p.command(root().join("examples/pipeline.sh")), b"");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert_eq!(lines[1], ["menu/00001.wav", "Welcome, please choose a language."]);
    for line in lines {
        assert_eq!(wav(&fs::read(p.path(line[0])).unwrap()).0, 8_000);
    }
}

#[test]
fn committed_completions_are_current() {
    let p = Program::new();
    for (shell, file) in [
        ("bash", "chattts-rs.bash"),
        ("zsh", "_chattts-rs"),
        ("fish", "chattts-rs.fish"),
        ("powershell", "_chattts-rs.ps1"),
    ] {
        let committed = fs::read_to_string(root().join("completions").join(file)).unwrap();
        let current = p.ok(&["completions", shell]).out;
        assert!(
            committed == current,
            "completions/{file} is not what `chattts-rs completions {shell}` prints; write it anew"
        );
    }
}

#[test]
fn the_manual_has_a_page_per_command() {
    let p = Program::new();
    let page = p.ok(&["man"]).out;
    assert!(page.contains(".TH chattts-rs 1") && page.contains("Hello there."), "{page}");
    p.ok(&["man", "pages"]);
    for page in ["chattts-rs.1", "chattts-rs-synth.1", "chattts-rs-model-verify.1"] {
        assert!(p.path("pages").join(page).exists(), "{page}");
    }
    let pages = fs::read_dir(p.path("pages")).unwrap();
    let names: Vec<String> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("help")), "{names:?}");
    let page = fs::read_to_string(p.path("pages/chattts-rs-devices.1")).unwrap();
    assert!(
        page.contains(".nf\n") && page.contains("CHATTTS_RS_GRAPHS=off"),
        "what the help says behind its flags is in the manual"
    );
}

#[test]
fn the_help_names_the_default_voice_and_every_command() {
    let p = Program::new();
    let help = p.ok(&["synth", "--help"]).out;
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(words.join(" ").contains("the voice is that of seed 2222"), "{help}");
    let help = p.ok(&["--help"]).out;
    for command in ["synth", "refine", "tokenize", "decode", "model", "bench", "completions", "man"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in {help}");
    }
    assert!(help.contains("CC BY-NC 4.0"));
}
