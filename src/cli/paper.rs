//! `hobnob completions` and `hobnob man`: what a shell and `man` have to know, made from the command line's own description.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Outcome, described};

/// For which shell.
#[derive(Args)]
pub struct Completions {
    /// The shell; its own place for completions is where the output goes
    #[arg(value_enum)]
    shell: Shell,
}

/// Where the pages go.
#[derive(Args)]
pub struct Pages {
    /// Write hobnob.1 and a page for each subcommand to this folder, instead of the first to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints a shell's completions of all commands.
pub fn completions(args: Completions) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut described(), "hobnob", &mut text);
    write(&text)
}

/// Prints or writes the manual.
pub fn pages(args: Pages) -> Outcome {
    let mut command = described();
    command.build();
    let Some(dir) = args.dir else {
        return write(&page(&command)?);
    };
    std::fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    each(&dir, &command, "hobnob")
}

fn write(text: &[u8]) -> Outcome {
    use std::io::{ErrorKind, Write};
    let mut output = std::io::stdout().lock();
    match output.write_all(text).and_then(|()| output.flush()) {
        // Who reads no further has read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}

fn page(command: &clap::Command) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text).map_err(|e| e.to_string())?;
    Ok(text)
}

/// A page of the command, named by its words (`hobnob-key-create.1`), and of all below it.
fn each(dir: &Path, command: &clap::Command, name: &str) -> Outcome {
    let path = dir.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    for tool in command.get_subcommands().filter(|tool| tool.get_name() != "help") {
        each(dir, tool, &format!("{name}-{}", tool.get_name()))?;
    }
    Ok(())
}
