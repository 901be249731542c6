//! `amflab play`: a recording in the console, read-only.

use super::Done;
use super::beside::as_it_is;
use super::compare::quoted;
use super::console::{Look, show, terminal_needed};
use super::failure::Failure;
use super::inspect::open_judged;
use crate::timeline::Player;
use clap::Args;
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab play run.amfrec
  amflab play run.amfrec --at 12000")]
pub(super) struct PlayArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Begins after so many steps
    #[arg(long, value_name = "N", default_value_t = 0)]
    at: u64,
    #[command(flatten)]
    look: Look,
}

/// Shows a recording until the user leaves.
pub(super) fn play(args: &PlayArgs) -> Done {
    let plain = args.look.plain();
    if plain.is_none() {
        terminal_needed().map_err(|failure| without_terminal(&failure, args))?;
    }
    let options = args.look.options(Vec::new())?;
    let (timeline, past) = open_judged(&args.recording)?;
    let mut profile = timeline.profile().clone();
    // What was recorded is all that happens.
    profile.faults.clear();
    profile.workloads.clear();
    let mut player = Player::new(timeline)?.judged(past);
    player.go_to(args.at)?;
    show(Box::new(player), &profile, &options, plain, None, &as_it_is(&profile))
}

/// What one can do with a recording where the console cannot be shown.
fn without_terminal(failure: &Failure, args: &PlayArgs) -> Failure {
    let what = failure.text.lines().next().unwrap_or_default();
    let file = quoted(&args.recording.display().to_string());
    let hint = format!(
        "`amflab play {file} --plain` prints lines, `amflab inspect {file}` says how it ended"
    );
    Failure::hinted(what, hint)
}
