//! `profiles|workloads|defects list|show NAME`. A list has one item a line, and no header.

use super::failure::{FINE, Failure};
use super::{Done, print};
use crate::profile;
use crate::protocol::Defect;
use crate::trace::grammar::nearest;
use clap::Subcommand;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ListCommand {
    /// Names them, one a line
    List,
    /// Says everything about one
    Show {
        /// Its name
        name: String,
    },
}

/// One name a line.
pub(super) fn list(names: &[&str]) -> Done {
    let mut text = names.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    print(&text)?;
    Ok(FINE)
}

pub(super) fn unknown(what: &str, name: &str, names: &[&str]) -> Failure {
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("allowed: {}", names.join(", ")),
    };
    Failure::hinted(format!("there is no {what} `{name}`"), hint)
}

/// The built-in profiles; `show` prints an effective one with every default.
pub(super) fn profiles(command: &ListCommand) -> Done {
    match command {
        ListCommand::List => list(&profile::names()),
        ListCommand::Show { name } => {
            print(&profile::to_toml(&profile::load(name, &[])?))?;
            Ok(FINE)
        }
    }
}

/// The built-in workloads; `show` prints one as its file says it.
pub(super) fn workloads(command: &ListCommand) -> Done {
    let names = profile::workload_names();
    match command {
        ListCommand::List => list(&names),
        ListCommand::Show { name } => {
            print(profile::workload_text(name).ok_or_else(|| unknown("workload", name, &names))?)?;
            Ok(FINE)
        }
    }
}

/// The seeded defects.
pub(super) fn defects(command: &ListCommand) -> Done {
    let names = Defect::ALL.map(Defect::name);
    match command {
        ListCommand::List => list(&names),
        ListCommand::Show { name } => {
            let one = name.parse::<Defect>().map_err(|_| unknown("defect", name, &names))?;
            let on = format!("--set defect={name}, or `defect {name} on` in a script");
            print(&format!("{name}\n  {}\n  switched on by {on}\n", one.summary()))?;
            Ok(FINE)
        }
    }
}
