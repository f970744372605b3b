//! Prints completions and manual pages.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Cli;
use super::output::{create_folder, print_path, write_file};

/// Prints a completion script.
pub fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chattts-rs", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}

/// Prints the manual page, or writes all pages into a folder.
pub fn man(dir: Option<&Path>) -> anyhow::Result<()> {
    let mut command = for_pages(Cli::command());
    let Some(dir) = dir else {
        io::stdout().write_all(page(command)?.as_bytes())?;
        return Ok(());
    };
    create_folder(dir)?;
    command.build();
    write_pages(&command, dir)?;
    print_path(dir)
}

/// Takes the `help` commands out, which would have pages of their own, and puts the examples where pages have them.
fn for_pages(command: Command) -> Command {
    let after = [command.get_before_help(), command.get_after_long_help()];
    let notes: Vec<String> = after.into_iter().flatten().map(|text| text.to_string()).collect();
    let command = command.disable_help_subcommand(true).mut_subcommands(for_pages);
    if notes.is_empty() { command } else { command.after_long_help(notes.join("\n\n")) }
}

fn write_pages(command: &Command, dir: &Path) -> anyhow::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        write_pages(command, dir)?;
    }
    let path = dir.join(Man::new(command.clone()).get_filename());
    write_file(&path, page(command.clone())?.as_bytes())
}

/// Returns the page of one command.
fn page(command: Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    // Tables and examples keep their lines.
    Ok(page.replacen(".SH EXTRA\n", ".SH NOTES\n.nf\n", 1).replacen(
        "\n.SH VERSION\n",
        "\n.fi\n.SH VERSION\n",
        1,
    ))
}
