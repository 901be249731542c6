//! `amflab inspect --at N --against M`: what differs in all of the state between two steps.

use super::{InspectArgs, open};
use crate::cli::failure::{FINE, Failure, UNDECIDED};
use crate::cli::reading::Reading;
use crate::cli::{Done, complain, print};
use crate::protocol::Many;
use crate::timeline::Fold;
use crate::timeline::differences::differences;
use crate::trace::change::Differences;
use crate::world::World;
use std::fmt::Write;

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
    let (mut reader, profile) = open(&args.recording)?;
    let mut fold = Fold::new(&profile, reader.head());
    let mut look = Reading::new(&args.recording);
    let mut at_low = (low == 0).then(|| fold.world().clone());
    'all: while fold.position() < high
        && let Some(chunk) = reader.next_chunk()?
    {
        for step in &chunk.steps {
            if fold.position() == high || !fold.apply(step) {
                break 'all;
            }
            if fold.position() == low {
                at_low = Some(fold.world().clone());
            }
        }
        if !look.at(chunk.offset + chunk.bytes) {
            break;
        }
    }
    if !look.end() {
        return Ok(None);
    }
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
