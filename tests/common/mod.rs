//! What several test programs share.

// Each test program uses another part of it.
#![allow(dead_code)]

pub mod clean;
pub mod hub_server;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The small checkpoint, `asset/…` in it.
pub fn tiny_model() -> PathBuf {
    fixtures().join("tiny/model")
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// What is said where a card is asked for and there is none; nothing where this build has cards to use.
pub fn without_cards() -> Option<&'static str> {
    #[cfg(feature = "cuda-kernels")]
    return match chattts_rs::backend::cuda::count() {
        Ok(count) if count > 0 => None,
        _ => Some("no NVIDIA"),
    };
    #[cfg(not(feature = "cuda-kernels"))]
    Some("this build has no CUDA support; compute on `cpu` or `auto`")
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub out: String,
    pub err: String,
}

/// The program in an empty folder of its own, without the user's settings.
pub struct Program {
    pub dir: TempDir,
    env: Vec<(String, String)>,
}

impl Program {
    pub fn new() -> Self {
        Program { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).env("NO_PROXY", "127.0.0.1");
        const SETTINGS: [&str; 7] = [
            "HF_HOME",
            "HF_HUB_CACHE",
            "HF_ENDPOINT",
            "HF_TOKEN",
            "HF_HUB_OFFLINE",
            "XDG_CACHE_HOME",
            "CHATTTS_RS_CACHE",
        ];
        for name in SETTINGS {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn chattts(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_chattts-rs"))
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with_input(args, b"")
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.chattts();
        command.args(args);
        finish(command, input)
    }

    /// Runs, and fails the test unless the program ends well.
    pub fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran
    }
}

impl Program {
    /// Runs, and fails the test unless every line is spoken; some may be cut off, which the exit code tells.
    pub fn spoken(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        let cut_off =
            ran.code == Some(1) && ran.err.contains("were cut off") && !ran.err.contains("utterances failed");
        assert!(ran.code == Some(0) || cut_off, "{args:?}: {ran:?}");
        ran
    }
}

pub fn finish(mut command: Command, input: &[u8]) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        stdout: output.stdout,
    }
}

pub fn wav(bytes: &[u8]) -> (u32, Vec<i16>) {
    let reader = hound::WavReader::new(bytes).unwrap();
    let rate = reader.spec().sample_rate;
    (rate, reader.into_samples().collect::<Result<_, _>>().unwrap())
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Files in a folder, hidden ones too; what the program keeps for itself is a folder.
pub fn files_in(dir: &Path) -> usize {
    std::fs::read_dir(dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_file())
        .count()
}

/// Seconds of something that rises and falls as speech does.
pub fn sample(seconds: f64, rate: u32) -> Vec<f32> {
    let count = (seconds * f64::from(rate)) as usize;
    let at = |i: usize| i as f64 / f64::from(rate);
    let syllables =
        |t: f64| (std::f64::consts::PI * 3.0 * t).sin().powi(2) * if t % 1.5 < 1.2 { 1.0 } else { 0.0 };
    let voice = |t: f64| {
        (1..12)
            .map(|k| (2.0 * std::f64::consts::PI * 140.0 * f64::from(k) * t).sin() / f64::from(k))
            .sum::<f64>()
    };
    (0..count).map(|i| (0.2 * syllables(at(i)) * voice(at(i))) as f32).collect()
}

/// The same as a WAV file.
pub fn write_sample(p: &Program, name: &str, seconds: f64) {
    p.write(name, chattts_rs::audio::wav(&sample(seconds, 24_000), 24_000).unwrap());
}
