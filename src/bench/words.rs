//! Counts the words of spoken sentences that a recogniser heard as other ones: what a change costs, in the unit that
//! listeners care about.

use std::io::Write as _;
use std::ops::AddAssign;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::text::{NormalizeOptions, normalize};

/// English sentences to speak, which the training of no model of ours has seen; without numbers and names.
pub fn sentences() -> impl Iterator<Item = &'static str> {
    include_str!("words/english.txt").lines()
}

/// Holds a number of words and how many of them were heard wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WordErrors {
    /// Words replaced, left out and put in.
    pub errors: usize,
    /// Words that were written.
    pub words: usize,
}

impl WordErrors {
    /// Compares what was heard with what was written, by the fewest words to change (Levenshtein, 1966). Case and
    /// punctuation do not count, and a number may be heard in digits.
    pub fn between(written: &str, heard: &str) -> Self {
        let (written, heard) = (words(written), words(heard));
        let mut row: Vec<usize> = (0..=heard.len()).collect();
        for (i, word) in written.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, other) in heard.iter().enumerate() {
                let replaced = diagonal + usize::from(word != other);
                diagonal = row[j + 1];
                row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
            }
        }
        WordErrors { errors: row[heard.len()], words: written.len() }
    }

    /// Returns errors ÷ words; 0 if nothing was written. More than 1 is possible.
    pub fn rate(&self) -> f64 {
        self.errors as f64 / self.words.max(1) as f64
    }
}

impl AddAssign for WordErrors {
    fn add_assign(&mut self, other: Self) {
        self.errors += other.errors;
        self.words += other.words;
    }
}

fn words(text: &str) -> Vec<String> {
    let read = normalize(&text.replace('’', "'"), &NormalizeOptions::default()).text;
    read.to_lowercase()
        .replace('\'', "")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

/// Runs a recogniser: a command that reads the path of a sound file a line and prints what it heard, a line for each.
///
/// # Errors
/// [`Error::Parameter`] if the command cannot be run, fails, or prints another number of lines.
pub fn recognise(command: &str, files: &[PathBuf]) -> Result<Vec<String>> {
    let bad = |reason: String| Error::parameter("recogniser", format!("`{command}` {reason}"));
    let mut parts = command.split_whitespace();
    let program = parts.next().ok_or_else(|| bad("names no program".into()))?;
    let mut child = Command::new(program)
        .args(parts)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| bad(format!("cannot be run: {e}")))?;
    let list: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    // From a thread of its own: the recogniser may print before it has read all.
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(list.as_bytes())));
    let output = child.wait_with_output().map_err(|e| bad(format!("failed: {e}")))?;
    // A recogniser that has gone has said so by its status.
    let _ = writer.join();
    if !output.status.success() {
        return Err(bad(format!("failed: {}", output.status)));
    }
    let heard: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(String::from).collect();
    match heard.len() == files.len() {
        true => Ok(heard),
        false => Err(bad(format!("printed {} lines for {} files", heard.len(), files.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(written: &str, heard: &str) -> (usize, usize) {
        let WordErrors { errors, words } = WordErrors::between(written, heard);
        (errors, words)
    }

    #[test]
    fn words_replaced_left_out_and_put_in_are_counted() {
        assert_eq!(count("The boy was there.", "the boy was there"), (0, 4));
        assert_eq!(count("the boy was there", "the toy was"), (2, 4));
        assert_eq!(count("the boy", "oh the the boy"), (2, 2));
        assert_eq!(count("the boy", ""), (2, 2));
        assert_eq!(count("", "a b"), (2, 0));
    }

    #[test]
    fn numbers_and_apostrophes_may_be_written_either_way() {
        assert_eq!(count("It's twenty three degrees.", "its 23 degrees"), (0, 4));
        assert_eq!(count("don’t", "don't"), (0, 1));
    }

    #[test]
    fn the_rate_of_several_is_that_of_all_their_words() {
        let mut sum = WordErrors { errors: 1, words: 2 };
        sum += WordErrors { errors: 0, words: 8 };
        assert_eq!(sum.rate(), 0.1);
    }

    #[cfg(unix)]
    #[test]
    fn a_recogniser_answers_a_line_a_file_or_is_an_error() {
        let files = ["a.wav", "b c.wav"].map(PathBuf::from);
        assert_eq!(recognise("cat", &files).unwrap(), ["a.wav", "b c.wav"]);
        for (command, part) in [("", "names no program"), ("no-such-program", "cannot be run")] {
            assert!(recognise(command, &files).unwrap_err().to_string().contains(part));
        }
        for (command, part) in [("true", "printed 0 lines for 2 files"), ("false", "failed")] {
            assert!(recognise(command, &files).unwrap_err().to_string().contains(part));
        }
    }
}
