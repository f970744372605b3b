//! Guesses what a command line without a command means: `chattts-rs "Hello."` speaks.

use std::ffi::OsString;

use clap::{Command, CommandFactory};

use super::Usage;
use super::args::Cli;

/// The command that is meant where none is named.
const SPEAK: &str = "synth";
/// Arguments that may stand before a command.
const FRONT: [&str; 4] = ["-q", "--quiet", "-v", "--verbose"];
/// Arguments that ask about the program itself.
const ABOUT: [&str; 5] = ["-h", "--help", "-V", "--version", "help"];

/// A command line with a command, which may have been guessed.
pub struct Guessed {
    /// The arguments, the program's name first.
    pub args: Vec<OsString>,
    /// Whether the command was not named.
    pub is_guessed: bool,
}

/// Adds the command that speaks where none is named.
///
/// # Errors
/// [`Usage`] for a word that is nearly a command.
pub fn command(mut args: Vec<OsString>) -> Result<Guessed, Usage> {
    let is_front = |arg: &&OsString| FRONT.iter().any(|flag| *arg == flag);
    let place = 1 + args.iter().skip(1).take_while(is_front).count();
    let Some(first) = args.get(place).map(|arg| arg.to_string_lossy().into_owned()) else {
        return Ok(Guessed { args, is_guessed: false });
    };
    if ABOUT.contains(&first.as_str()) || is_command(&first) {
        return Ok(Guessed { args, is_guessed: false });
    }
    if let Some(near) = near(&first) {
        return Err(Usage(format!(
            "`{first}` is no command; did you mean `{near}`? `chattts-rs {SPEAK} {first}` speaks it"
        )));
    }
    args.insert(place, SPEAK.into());
    Ok(Guessed { args, is_guessed: true })
}

/// Tells whether a word is a command, by any of its names.
pub fn is_command(word: &str) -> bool {
    names(&Cli::command()).iter().any(|name| name == word)
}

fn names(command: &Command) -> Vec<String> {
    let of = |command: &Command| -> Vec<String> {
        std::iter::once(command.get_name()).chain(command.get_all_aliases()).map(String::from).collect()
    };
    command.get_subcommands().flat_map(of).collect()
}

/// Returns the command that a word is a misspelling of: one letter in five is wrong.
fn near(word: &str) -> Option<String> {
    if !word.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let distance = |name: &String| strsim::osa_distance(&word.to_lowercase(), name);
    let nearest = names(&Cli::command()).into_iter().min_by_key(distance)?;
    (distance(&nearest) <= nearest.len() / 5).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(line: &str) -> Result<(String, bool), String> {
        let args = line.split('|').map(OsString::from).collect();
        let guessed = command(args).map_err(|e| e.to_string())?;
        let args: Vec<_> = guessed.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        Ok((args.join("|"), guessed.is_guessed))
    }

    #[test]
    fn a_line_without_a_command_speaks() {
        for line in
            ["x|Hello.|-o|a.wav", "x|hello", "x|-q|hello", "x|-t|hello", "x|--model|demo|hello", "x|你好"]
        {
            let (args, is_guessed) = guess(line).unwrap();
            assert!(is_guessed && args.contains("|synth|") && args.len() == line.len() + 6, "{args}");
        }
        for line in
            ["x", "x|-q", "x|--help", "x|-V", "x|help|synth", "x|say|hi", "x|-v|model|path", "x|roles"]
        {
            assert_eq!(guess(line), Ok((line.to_string(), false)));
        }
    }

    #[test]
    fn a_misspelt_command_is_not_spoken() {
        for (word, name) in
            [("sinth", "synth"), ("rolse", "roles"), ("normalise", "normalize"), ("Bench", "bench")]
        {
            let error = guess(&format!("x|{word}")).unwrap_err();
            assert!(error.contains(&format!("did you mean `{name}`")), "{error}");
        }
    }
}
