//! `amflab inspect --inevitable`: when a violation became inevitable.

use super::InspectArgs;
use crate::campaign::foresee::{Blind, FUTURES_MAX, Foresight, Options, STEPS_MAX};
use crate::cli::failure::{FINE, Failure, UNDECIDED};
use crate::cli::progress::Progress;
use crate::cli::{Done, complain, interrupt, print};
use crate::protocol::id::Block;
use crate::trace::Foreseen;
use crate::trace::recording::file;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Columns of a bar.
const BAR: u32 = 20;

/// Tries futures of a recording, and tells what share of them fails.
pub(super) fn inevitable(args: &InspectArgs) -> Done {
    let futures = args.futures.unwrap_or(Options::default().futures);
    if !(1..=FUTURES_MAX).contains(&futures) {
        return Err(Failure::usage(format!("--futures: 1 to {FUTURES_MAX}, not {futures}")));
    }
    let block = args.block.map(Block);
    let seed = args.seed.unwrap_or(1);
    let options = Options { futures, seed, block, ..Options::default() };
    let stop = interrupt::watch();
    let within = Duration::from_secs(args.within.unwrap_or(60));
    let known = foresee(args, options, within, &stop)?;
    let text = if args.json {
        let json = serde_json::json!({
            "foreseen": known,
            "last_fine": known.last_fine(),
            "inevitable_from": known.inevitable_from(),
            "said": known.said(),
        });
        format!("{json}\n")
    } else {
        text(&known)
    };
    print(&text)?;
    if !known.done {
        complain("note", "not everything was tried: the time was up, or it was stopped");
    }
    Ok(if known.done { FINE } else { UNDECIDED })
}

fn foresee(
    args: &InspectArgs,
    options: Options,
    within: Duration,
    stop: &AtomicBool,
) -> Result<Foreseen, Failure> {
    let path = args.recording.display();
    let failed = |error: Blind| Failure::usage(format!("{path}: {error}"));
    let source = file::open(&args.recording).map_err(|error| failed(error.into()))?;
    let is_stopped = || stop.load(Ordering::Relaxed);
    let mut progress = Progress::waiting("looking for the violation");
    let opened = Foresight::open(source, options, &mut |steps| {
        progress.at(steps);
        !is_stopped()
    });
    progress.end();
    let mut foresight = opened.map_err(failed)?;
    let begun = Instant::now();
    let mut progress = Progress::of_few(foresight.progress().1);
    while !is_stopped() && begun.elapsed() < within && foresight.turn() {
        progress.at(foresight.progress().0);
    }
    progress.end();
    Ok(foresight.foreseen())
}

fn text(known: &Foreseen) -> String {
    let key = known.key.map_or_else(String::new, |key| format!(" on {key}"));
    let mut text = format!("{}{key} at step {}\n", known.checker, known.violation);
    let _ = writeln!(text, "{}", known.said());
    for point in &known.points {
        let bar = "#".repeat((point.share() * BAR / 1_000) as usize);
        let (at, failed, futures) = (point.position, point.failed, point.futures);
        let undecided = match point.undecided {
            0 => String::new(),
            n => format!(", {n} undecided"),
        };
        let _ =
            writeln!(text, "{at:>10}  {bar:<20} {failed:>3} of {futures} futures fail{undecided}");
    }
    if known.undecided() > 0 {
        let _ = writeln!(text, "undecided: not at their end after {STEPS_MAX} steps");
    }
    if known.broke > 0 {
        let _ = writeln!(text, "in {} of all futures the core itself broke", known.broke);
    }
    text
}
