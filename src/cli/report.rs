//! Prints messages for the user on standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chattts_rs::Visible;
use chattts_rs::hub::Transfer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Returns a name, of a file for instance, in which ends of lines are escaped too.
pub fn one_line(name: &str) -> String {
    Visible(name).to_string().replace('\n', "\\n").replace('\t', "\\t")
}

/// Prints messages and progress bars for the user, without mixing them up.
pub struct Report {
    quiet: bool,
    verbose: bool,
    bars: bool,
    bar: ProgressBar,
    /// Whether the bar is on the screen.
    shown: AtomicBool,
}

impl Report {
    /// Makes a report. Bars appear on a terminal only, and not when quiet.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let bars = !quiet && std::io::stderr().is_terminal();
        let target = if bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Report { quiet, verbose, bars, bar, shown: AtomicBool::new(false) }
    }

    fn line(&self, line: &str) {
        let line = Visible(line).to_string();
        // A closed standard error is no reason to stop.
        let write = || {
            let _ = writeln!(std::io::stderr(), "{line}");
        };
        match self.shown.load(Ordering::Relaxed) {
            true => self.bar.suspend(write),
            false => write(),
        }
    }

    /// Prints an error.
    pub fn error(&self, message: &str) {
        self.line(&format!("error: {message}"));
    }

    /// Prints a warning that the user should know.
    pub fn warn(&self, message: &str) {
        if !self.quiet {
            self.line(&format!("warning: {message}"));
        }
    }

    /// Prints a note that the user may like to know.
    pub fn note(&self, message: &str) {
        if !self.quiet {
            self.line(message);
        }
    }

    /// Prints a detail for `--verbose`.
    pub fn detail(&self, message: &str) {
        if self.verbose {
            self.line(message);
        }
    }

    /// Shows that a text is being worked on.
    pub fn utterance(&self, what: &impl Display, index: usize, total: usize) {
        self.name(what, index, total);
        self.start("{spinner} {prefix}: {msg}, {elapsed}");
    }

    /// Shows that work without a count of tokens is in progress.
    pub fn busy(&self, what: &impl Display, index: usize, total: usize) {
        self.name(what, index, total);
        self.start("{spinner} {prefix}, {elapsed}");
    }

    fn name(&self, what: &impl Display, index: usize, total: usize) {
        let of = if total > 1 { format!("[{}/{total}] ", index + 1) } else { String::new() };
        self.bar.set_prefix(one_line(&format!("{of}{what}")));
    }

    /// Shows that so many lines are being worked on.
    pub fn lines(&self, total: usize) {
        self.bar.set_length(total as u64);
        self.start("{spinner} [{bar:30}] {pos}/{len} lines, {msg}, {eta} left");
    }

    /// Shows the progress of lines: lines done, tokens drawn, seconds of audio per second.
    pub fn progress(&self, done: usize, tokens: u64, rate: f64) {
        if self.bars {
            self.bar.set_position(done as u64);
            self.bar.set_message(format!("{tokens} tokens, {rate:.2} s of audio a second"));
        }
    }

    fn start(&self, template: &str) {
        if self.bars {
            let style = ProgressStyle::with_template(template);
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            self.show();
            // The bar needs a thread to move by itself, and panics where there is none.
            if std::thread::Builder::new().spawn(|| ()).is_ok() {
                self.bar.enable_steady_tick(Duration::from_millis(100));
            }
        }
    }

    fn show(&self) {
        self.shown.store(true, Ordering::Relaxed);
        self.bar.reset();
    }

    /// Shows the number of tokens drawn so far.
    pub fn tokens(&self, count: u64) {
        if self.bars {
            self.bar.set_message(format!("{count} tokens"));
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
        self.shown.store(false, Ordering::Relaxed);
    }

    /// Shows the progress of a download.
    pub fn transfer(&self, event: &Transfer) {
        match event {
            Transfer::Started { file, bytes, index, count } => {
                let of = format!("[{}/{count}] {file}", index + 1);
                if self.bars {
                    let template = match bytes {
                        Some(_) => "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
                        None => "{msg} {bytes} {bytes_per_sec}",
                    };
                    let style = ProgressStyle::with_template(template);
                    self.bar.set_style(
                        style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "),
                    );
                    match bytes {
                        Some(bytes) => self.bar.set_length(*bytes),
                        None => self.bar.unset_length(),
                    }
                    self.bar.set_message(one_line(&of));
                    self.show();
                } else {
                    let size = bytes.map_or(String::new(), |n| format!(" ({:.1} MB)", n as f64 / 1e6));
                    self.note(&format!("downloading {of}{size}"));
                }
            }
            Transfer::Advanced { position, .. } => self.bar.set_position(*position),
            Transfer::Finished { file } => {
                self.clear();
                self.detail(&format!("{file} is here"));
            }
            Transfer::Retrying { file, reason, wait } => {
                self.warn(&format!("{file}: {reason}; trying again in {:.0} s", wait.as_secs_f64().ceil()));
            }
            Transfer::Waiting { file } => {
                self.note(&format!("{file}: another program is downloading it; waiting for its end"));
            }
            Transfer::Warning(message) => self.warn(message),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_shown_and_not_done() {
        let message = "a\u{1b}]0;x\u{7}b\u{9b}2J\u{202e}c\r\u{7f}\n\td你😀";
        assert_eq!(Visible(message).to_string(), "a\\u{1b}]0;x\\u{7}b\\u{9b}2J\\u{202e}c\\r\\u{7f}\n\td你😀");
        assert_eq!(one_line("a\nb"), "a\\nb");
        assert_eq!(one_line("a b"), "a b");
    }
}
