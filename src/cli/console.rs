//! `amflab [console]`: the console over a live or a simulated cluster.

use super::Done;
use super::failure::{FINE, Failure};
use super::setup::{ClusterArgs, EngineKind};
use crate::tui::{self, ConsoleError, ConsoleOptions};
use clap::Args;

#[derive(Clone, Debug, Args)]
pub(super) struct ConsoleArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The cluster that is shown
    #[arg(long, value_enum, default_value = "live")]
    engine: EngineKind,
    /// ASCII signs and frames only
    #[arg(long)]
    ascii: bool,
    /// A theme: terminal-16, dark, light, colour-blind
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Leaves the mouse to the terminal
    #[arg(long)]
    no_mouse: bool,
    /// Puts an action on another key, as `quit=ctrl-q`; may be given again
    #[arg(long = "key", value_name = "ACTION=KEY")]
    keys: Vec<String>,
}

/// Shows a cluster until the user leaves.
pub(super) fn console(args: &ConsoleArgs) -> Done {
    if !tui::terminal::is_there() {
        return Err(Failure::usage(told(&ConsoleError::NoTerminal)));
    }
    let profile = args.cluster.load("demo")?;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let mut sets = args.cluster.sets.clone();
    sets.retain(|set| !set.is_empty());
    let options = ConsoleOptions {
        ascii: args.ascii,
        no_color,
        theme: args.theme.clone(),
        no_mouse: args.no_mouse,
        keys: args.keys.clone(),
        sets,
    };
    let engine = args.cluster.start(args.engine, &profile, true)?;
    match tui::run(engine, &profile, &options) {
        Ok(()) => Ok(FINE),
        Err(error) => Err(match error {
            ConsoleError::NoTerminal | ConsoleError::Theme(_) | ConsoleError::Keys(_) => {
                Failure::usage(told(&error))
            }
            ConsoleError::Terminal(_) | ConsoleError::Engine(_) => Failure::broken(told(&error)),
        }),
    }
}

/// An error's words, its hint in line with everybody else's.
fn told(error: &ConsoleError) -> String {
    error.to_string().replace("\nhint:", "\n  hint:")
}
