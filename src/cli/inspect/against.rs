//! `amflab inspect --at N --against M`: what differs in all of the state between two steps.

use super::{InspectArgs, open};
use crate::cli::failure::{FINE, Failure, UNDECIDED};
use crate::cli::progress::Progress;
use crate::cli::{Done, complain, interrupt, print};
use crate::protocol::Many;
use crate::timeline::Fold;
use crate::timeline::compare::Steps;
use crate::timeline::differences::differences;
use crate::trace::change::Differences;
use crate::world::World;
use std::fmt::Write;
use std::sync::atomic::Ordering;

/// Steps between two looks at ctrl-c.
const LOOK_EVERY: u64 = 4_096;

/// Folds up to both steps, and tells what differs.
pub(super) fn against(args: &InspectArgs, from: u64, to: u64) -> Done {
    let Some([one, other]) = worlds(args, from.min(to), from.max(to))? else {
        complain("note", "interrupted: nothing is said");
        return Ok(UNDECIDED);
    };
    let [before, after] = if from <= to { [one, other] } else { [other, one] };
    let found = differences(&before, &after);
    let text = if args.json { json(&found) } else { text(&found) };
    print(&text)?;
    Ok(FINE)
}

/// The cluster at two positions; `None`: ctrl-c came before.
fn worlds(args: &InspectArgs, low: u64, high: u64) -> Result<Option<[World; 2]>, Failure> {
    let (reader, profile) = open(&args.recording)?;
    let mut fold = Fold::new(&profile, reader.head());
    let mut steps = Steps::new(reader);
    let interrupted = interrupt::watch();
    let mut progress = Progress::new(None);
    let mut at_low = None;
    loop {
        let here = fold.position();
        if here == low {
            at_low = Some(fold.world().clone());
        }
        if here.is_multiple_of(LOOK_EVERY) {
            progress.at(here);
            if interrupted.load(Ordering::Relaxed) {
                progress.end();
                return Ok(None);
            }
        }
        if here == high {
            break;
        }
        let step = steps.take()?;
        if !step.is_some_and(|step| fold.apply(&step)) {
            break;
        }
    }
    progress.end();
    if let Some(trouble) = fold.trouble().filter(|_| fold.position() < high) {
        return Err(Failure::broken(trouble));
    }
    let Some(at_low) = at_low.filter(|_| fold.position() == high) else {
        let steps = Many(fold.position(), "step");
        return Err(Failure::usage(format!("the recording has {steps}")));
    };
    Ok(Some([at_low, fold.world().clone()]))
}

fn json(found: &Differences) -> String {
    format!("{}\n", serde_json::json!(found))
}

fn text(found: &Differences) -> String {
    let [from, to] = found.positions;
    let all = found.changes.len() as u64 + found.more;
    let differ = if all == 1 { "differs" } else { "differ" };
    let mut text = format!("between steps {from} and {to}: {} {differ}\n", Many(all, "thing"));
    let mut place = String::new();
    for change in &found.changes {
        let here = change.place();
        if here != place {
            let _ = writeln!(text, "{here}");
            place = here;
        }
        let what = &change.what;
        let _ = match (&change.before, &change.after) {
            (Some(before), Some(after)) => writeln!(text, "  ~ {what}: {before} -> {after}"),
            (None, Some(after)) => writeln!(text, "  + {what}: {after}"),
            (Some(before), None) => writeln!(text, "  - {what}: {before}"),
            (None, None) => Ok(()),
        };
    }
    if found.more > 0 {
        let _ = writeln!(text, "and {} more", found.more);
    }
    text
}
