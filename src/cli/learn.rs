//! `amflab learn [NAME]`: the console, on the list of lessons or in one of them.

use super::Done;
use super::beside::as_it_is;
use super::console::{Look, show};
use super::failure::Failure;
use super::setup::{ClusterArgs, EngineKind, Judge};
use clap::Args;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab learn                        the list of lessons
  amflab learn 1                      the first one
  amflab learn ./mine.toml            one of your own")]
pub(super) struct LearnArgs {
    /// The lesson: its name, its number, or a file (with a `/`, or ending in `.toml`)
    name: Option<String>,
    #[command(flatten)]
    look: Look,
}

/// Shows lessons until the user leaves.
pub(super) fn learn(args: &LearnArgs) -> Done {
    if let Some(name) = &args.name {
        super::lessons::load(name)?;
    }
    let plain = args.look.plain();
    if plain.is_none() && !crate::tui::terminal::is_there() {
        let hint = "`amflab lessons run NAME` works without one";
        return Err(Failure::hinted("the console needs a terminal", hint));
    }
    // Between lessons there is a small cluster to play with.
    let cluster = ClusterArgs::default();
    let profile = cluster.load("claims")?;
    let engine = cluster.start(EngineKind::Sim, &profile, Judge::Reads)?;
    let mut options = args.look.options(Vec::new())?;
    options.lesson = Some(args.name.clone().unwrap_or_default());
    show(engine, &profile, &options, plain, None, &as_it_is(&profile))
}
