//! The command line: flags, their meaning, and a file per command.

mod args;
mod bench;
mod cast;
mod decode;
mod devices;
mod dump;
mod format;
mod guess;
mod input;
mod interrupt;
mod joined;
mod load_test;
mod mapped;
pub mod memory;
mod model;
mod normalize;
mod options;
mod output;
mod places;
mod plan;
mod play;
mod ready;
mod refine;
mod report;
mod roles;
mod scan;
mod serve;
mod shard;
mod shell;
mod sink;
mod stream;
mod synth;
mod talk;
mod tokenize;
mod voices;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use chattts_rs::{Error, Visible};
use clap::Parser;

use args::{Cli, Command};
use interrupt::Interrupt;
use report::Report;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// The same may go well at another time, or on another machine: EX_TEMPFAIL of sysexits.h.
const ELSEWHERE: u8 = 75;

/// Holds what every command needs.
struct Context {
    report: Arc<Report>,
    interrupt: Interrupt,
}

/// An error of usage: flags that do not go together, or values that mean nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// The end of a device that was there when the work began.
#[derive(Debug, thiserror::Error)]
#[error("a device was lost")]
struct Lost;

/// An error that says how many utterances failed or were cut off; each was reported when it happened.
#[derive(Debug)]
struct SomeFailed {
    failed: usize,
    /// Number of utterances that were spoken, but cut off before their end.
    truncated: usize,
    total: usize,
}

impl std::error::Error for SomeFailed {}

impl std::fmt::Display for SomeFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.failed, self.truncated) {
            (failed, 0) => write!(f, "{failed} of {} utterances failed", self.total),
            (0, truncated) => write!(f, "{truncated} of {} utterances were cut off", self.total),
            (failed, truncated) => {
                write!(f, "{failed} of {} utterances failed, {truncated} were cut off", self.total)
            }
        }
    }
}

/// Parses the command line, runs the command, and reports how it ended.
pub fn run() -> ExitCode {
    let guessed = match guess::command(std::env::args_os().collect()) {
        Ok(guessed) => guessed,
        Err(usage) => {
            Report::new(false, false).error(&usage.to_string());
            return USAGE.into();
        }
    };
    let mut cli = match parse(&guessed.args) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    if let Command::Synth(args) = &mut cli.command {
        args.is_guessed = guessed.is_guessed;
    }
    let report = Arc::new(Report::new(cli.verbosity.quiet, cli.verbosity.verbose));
    if let Err(e) = mapped::watch() {
        report.error(&format!("cannot listen for a file that is lost: {e}"));
        return FAILED.into();
    }
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(e) => {
            report.error(&format!("cannot listen for signals: {e}"));
            return FAILED.into();
        }
    };
    let context = Context { report, interrupt };
    #[cfg(feature = "cuda-kernels")]
    match chattts_rs::backend::cuda::Switches::from_env() {
        Ok(switches) => {
            switches.set();
            options::cache_folder().into_iter().for_each(chattts_rs::backend::cuda::remember_in);
        }
        Err(error) => return exit(&context, &error.into()),
    }
    let result = match cli.command {
        Command::Synth(args) => synth::run(&context, *args),
        Command::Serve(args) => serve::run(&context, *args),
        Command::Status(args) => match ready::address(&args.place) {
            Some(address) => ready::ask(address),
            None => shard::status(&args),
        },
        Command::Merge(args) => shard::merge(&context, &args),
        Command::LoadTest(args) => load_test::run(&context, &args),
        Command::Refine(args) => refine::run(&context, args),
        Command::Normalize(args) => normalize::run(&context, &args),
        Command::Tokenize(args) => tokenize::run(&context, args),
        Command::Decode(args) => decode::run(&context, args),
        Command::Roles(args) => roles::run(&context, &args),
        Command::Model(command) => model::run(&context, command),
        Command::Devices(args) => devices::run(&context, &args),
        Command::Bench(args) => bench::run(&context, &args),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { dir } => shell::man(dir.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit(&context, &error),
    }
}

/// Parses the arguments; an error shows them without what a terminal would act on.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args).map_err(|error| {
        // The message of clap quotes them, in colours, which are not to be told from theirs afterwards.
        let visible = args.iter().map(|arg| Visible(arg.to_string_lossy()).to_string());
        match Cli::try_parse_from(visible) {
            Err(same) if same.kind() == error.kind() => same,
            _ => {
                let message = Visible(error.render().to_string()).to_string();
                clap::Error::raw(error.kind(), message.trim_start_matches("error: "))
            }
        }
    })
}

/// Returns the flags that may help with an error; the library, which knows no flags, cannot name them.
fn flags(error: &Error) -> Option<&'static str> {
    match error {
        Error::ModelNotFound(_) | Error::Unreachable(_) => {
            Some("--model DIR names a folder, --model demo the small voice of the program itself")
        }
        Error::Outside { .. } => Some("--allow-files lets texts and manifests name files anywhere"),
        Error::Role { reason, .. } => flags(reason),
        Error::EndedAtOnce { .. } => Some("--seed N is another one"),
        Error::Speaker(reason) if reason.contains("is already in") => {
            Some("--replace puts the new one in its place")
        }
        Error::Device(reason) if reason.contains("fit") || reason.contains("out of memory") => {
            Some("--batch-size N sets how many, --memory-fraction SHARE what they may take")
        }
        Error::Memory { .. } => Some("--batch-size 1 speaks one text at a time"),
        Error::Device(reason) if !reason.starts_with("cpu") => Some("--device cpu is the processor"),
        _ => None,
    }
}

/// Returns a line's error with the flags that may help with it.
fn with_flags(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref().and_then(flags) {
        Some(flags) => anyhow::anyhow!("{error:#}; {flags}"),
        None => error,
    }
}

fn exit(context: &Context, error: &anyhow::Error) -> ExitCode {
    // A reader that has seen enough is no error.
    if let Some(e) = error.downcast_ref::<std::io::Error>()
        && e.kind() == std::io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    // What befell a single text has been said.
    if !matches!(error.downcast_ref(), Some(SomeFailed { total: 1, .. })) {
        let flags = error.downcast_ref().and_then(flags).map_or(String::new(), |flags| format!("\n{flags}"));
        context.report.error(&format!("{error:#}{flags}"));
    }
    let code = match error.downcast_ref::<Error>() {
        Some(Error::Interrupted) => context.interrupt.exit_code(),
        Some(Error::Parameter { .. } | Error::UnknownTag { .. }) => USAGE,
        _ if error.is::<Usage>() => USAGE,
        _ if error.is::<Lost>() => ELSEWHERE,
        Some(Error::InUse { .. } | Error::Download { .. } | Error::Unreachable(_)) => ELSEWHERE,
        Some(Error::Io { reason, .. }) if is_lost_storage(reason) => ELSEWHERE,
        _ => FAILED,
    };
    code.into()
}

/// Tells whether a file system has gone, as those of a network and of a broken disk do, or has no room left.
fn is_lost_storage(reason: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    /// An input/output error of Linux and other systems.
    const EIO: i32 = 5;
    let kinds = [
        Kind::StaleNetworkFileHandle,
        Kind::NotConnected,
        Kind::TimedOut,
        Kind::HostUnreachable,
        Kind::NetworkUnreachable,
        Kind::NetworkDown,
        Kind::StorageFull,
        Kind::QuotaExceeded,
    ];
    kinds.contains(&reason.kind()) || cfg!(unix) && reason.raw_os_error() == Some(EIO)
}
