//! `completions SHELL` and `man`: both made from the definition of the command line.

use super::failure::{FINE, Failure};
use super::{Cli, Done, print};
use crate::trace::registry::{ENTRIES, Group};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::fmt::Write;

#[derive(Clone, Debug, Args)]
pub(super) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// A completion script.
pub(super) fn completions(args: &CompletionArgs) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "amflab", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(FINE)
}

/// The manual page: the command line, then every command of the script language.
pub(super) fn man() -> Done {
    let failed = |error: std::io::Error| Failure::broken(format!("the manual page: {error}"));
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(failed)?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    text.push_str(".SH COMMANDS OF SCRIPTS AND OF THE CONSOLE\n");
    for group in Group::ALL {
        let _ = writeln!(text, ".SS {}", group.title());
        for entry in ENTRIES.iter().filter(|entry| entry.group == group) {
            let _ =
                writeln!(text, ".TP\n\\fB{}\\fR\n{}", escaped(entry.usage), escaped(entry.help));
        }
    }
    print(&text)?;
    Ok(FINE)
}

/// What troff would take for its own.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")
}
