//! Prints completions and manual pages.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::output::{create_folder, print_path};

/// Prints a completion script.
pub fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chattts-rs", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}

/// Prints the manual page, or writes all pages into a folder.
pub fn man(dir: Option<&Path>) -> anyhow::Result<()> {
    let mut command = Cli::command();
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        io::stdout().write_all(&page)?;
        return Ok(());
    };
    create_folder(dir)?;
    command.build();
    clap_mangen::generate_to(command, dir).with_context(|| format!("cannot write to {}", dir.display()))?;
    print_path(dir)
}
