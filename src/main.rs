//! The command line of ChatTTS.

mod cli;

#[global_allocator]
static ALLOCATOR: cli::memory::Allocator = cli::memory::Allocator;

fn main() -> std::process::ExitCode {
    cli::run()
}
