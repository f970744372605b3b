//! Plays a finished file by the first player that is on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chattts_rs::Error;
use chattts_rs::audio::Format;

use super::{Context, Usage};

/// The time between two looks whether the player has ended.
const LOOK: Duration = Duration::from_millis(20);

struct Known {
    name: &'static str,
    args: &'static [&'static str],
    /// Whether it takes what is not WAV for samples.
    is_wav_only: bool,
}

const fn known(name: &'static str, args: &'static [&'static str]) -> Known {
    Known { name, args, is_wav_only: false }
}

/// The players, in the order in which they are looked for.
const PLAYERS: [Known; 6] = [
    known("pw-play", &[]),
    known("paplay", &[]),
    Known { name: "aplay", args: &[], is_wav_only: true },
    known("afplay", &[]),
    known("ffplay", &["-nodisp", "-autoexit"]),
    known("play", &[]),
];

/// A player that is on this machine.
pub struct Player {
    program: PathBuf,
    args: &'static [&'static str],
}

impl Player {
    /// Finds the first player on the path that plays a format.
    ///
    /// # Errors
    /// [`Usage`] for a format that does not say how it is to be played; an error that names the players if there is
    /// none.
    pub fn find(format: Format) -> anyhow::Result<Self> {
        if format == Format::Raw {
            return Err(
                Usage("--play: a raw file does not say how it is to be played; wav does".into()).into()
            );
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        for Known { name, args, .. } in
            PLAYERS.iter().filter(|known| format.extension() == "wav" || !known.is_wav_only)
        {
            let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            let places = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
            if let Some(program) = places.map(|folder| folder.join(&name)).find(|program| is_program(program))
            {
                return Ok(Player { program, args });
            }
        }
        bail!("--play: there is no player; install one of {}", PLAYERS.map(|known| known.name).join(", "))
    }

    /// Plays a file, and waits until it is played.
    pub fn play(&self, context: &Context, file: &Path) -> anyhow::Result<()> {
        let name = self.program.display();
        context.report.note(&format!("playing with {name}"));
        // No name may pass for a flag.
        let file = if file.is_absolute() { file.to_path_buf() } else { Path::new(".").join(file) };
        let mut command = Command::new(&self.program);
        // Standard output is for the list of files.
        command.args(self.args).arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        let failed = || format!("--play: cannot run {name}");
        let mut player = command.spawn().with_context(failed)?;
        let ended = loop {
            if let Some(ended) = player.try_wait().with_context(failed)? {
                break ended;
            }
            if context.interrupt.check().is_break() {
                // It may have ended by itself; the file is there in any case.
                let _ = player.kill();
                let _ = player.wait();
                return Err(Error::Interrupted.into());
            }
            std::thread::sleep(LOOK);
        };
        match ended.success() {
            true => Ok(()),
            false if context.interrupt.check().is_break() => Err(Error::Interrupted.into()),
            false => bail!("--play: {name} failed ({ended}); the file is whole"),
        }
    }
}

fn is_program(path: &Path) -> bool {
    let Ok(meta) = path.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    meta.is_file() && may_run
}
