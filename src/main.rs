//! The command line of ChatTTS.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
