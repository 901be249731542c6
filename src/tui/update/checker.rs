//! The Checker screen: from a verdict to what happened.

use super::super::model::{ForeseenShown, Level, Model, Screen};
use super::super::view::history;
use super::{Effect, acts, ladder};
use crate::protocol::id::{Block, Key, OpId};
use crate::timeline::ladder::Address;
use crate::trace::{Foreseen, Lamp, Seek};

/// Where one wants to look: an operation, and in a recording its step.
struct Aim {
    op: OpId,
    step: Option<u64>,
}

/// The selected operation; else the violation of the selected block.
fn aim(model: &Model) -> Option<Aim> {
    let block = model.selected.block;
    let now = &model.cluster.now;
    let seen = history::chosen_op(model).map(|seen| {
        let is_selected = model.selected.op == Some(seen.op);
        (seen.op, if is_selected { seen.asked_at } else { seen.answered_at.or(seen.asked_at) })
    });
    let info = now.lamps.as_ref()?.blocks.iter().find(|info| info.block == block);
    let since = info.filter(|info| info.lamp == Lamp::Violated).and_then(|info| info.since);
    let found = now.violations.iter().find(|found| found.key == Some(Key::Block(block)));
    let since = since.or(found.map(|found| found.step));
    match (seen, since) {
        (Some((op, step)), _) if model.selected.op == Some(op) => Some(Aim { op, step }),
        (Some((op, step)), since) => Some(Aim { op, step: since.or(step) }),
        (None, Some(step)) => Some(Aim { op: OpId::NONE, step: Some(step) }),
        (None, None) => None,
    }
}

/// Shows the ladder at the selected operation, or at the violation; a recording goes to that step.
pub fn to_ladder(model: &mut Model) -> Vec<Effect> {
    let Some(Aim { op, step }) = aim(model) else {
        let text = "choose an operation with the arrows; a block that is violated shows where";
        model.say(Level::Info, text);
        return Vec::new();
    };
    if model.is_recording() {
        let Some(step) = step else {
            model.say(Level::Info, format!("op{} was asked before what is known here", op.0));
            return Vec::new();
        };
        return show_step(model, step);
    }
    let rows = model.ladder.after(Address::default(), usize::MAX);
    let row = rows.iter().find(|row| op != OpId::NONE && row.op == Some(op));
    let row = row.or_else(|| rows.iter().find(|row| Some(row.at.step) == step)).cloned();
    let Some(row) = row else {
        model.say(
            Level::Info,
            format!("op{} is no longer in the ladder: it was too long ago", op.0),
        );
        return Vec::new();
    };
    let effects = acts::show(model, Screen::Ladder);
    ladder::go_to(model, &row);
    effects
}

/// The selected block, if something was found about it.
fn violated(model: &Model) -> Option<Block> {
    let (block, now) = (model.selected.block, &model.cluster.now);
    let lamps = now.lamps.as_ref().map(|lamps| &lamps.blocks[..]).unwrap_or_default();
    let is_red = lamps.iter().any(|info| info.block == block && info.lamp == Lamp::Violated);
    let is_found = now.violations.iter().any(|found| found.key == Some(Key::Block(block)));
    (is_red || is_found).then_some(block)
}

/// Begins to find out when the violation became inevitable, or stops it.
pub fn foresee(model: &mut Model) -> Vec<Effect> {
    if let Some(shown) = model.foreseen.as_mut().filter(|shown| shown.is_running) {
        shown.is_running = false;
        "stopped".clone_into(&mut shown.said);
        return vec![Effect::StopForeseeing];
    }
    let block = violated(model);
    let said = "looking for the violation in the run so far".to_owned();
    model.foreseen = Some(ForeseenShown { block, known: None, said, is_running: true });
    vec![Effect::Foresee(block)]
}

/// More is known, or nothing can be.
pub fn foreseen(model: &mut Model, news: Result<Box<Foreseen>, String>) -> Vec<Effect> {
    let Some(shown) = model.foreseen.as_mut().filter(|shown| shown.is_running) else {
        return Vec::new();
    };
    match news {
        Ok(known) => {
            shown.is_running = !known.done;
            let said = known.said();
            let is_over = known.done;
            shown.known = Some(*known);
            if is_over {
                model.say(Level::Info, said);
            }
        }
        Err(error) => {
            (shown.is_running, shown.said) = (false, error.replace('\n', " "));
            let said = shown.said.clone();
            model.say(Level::Bad, said);
        }
    }
    Vec::new()
}

/// Goes to where it became inevitable: the last step from which some futures were fine.
pub fn cliff(model: &mut Model) -> Vec<Effect> {
    let known = model.foreseen.as_ref().and_then(|shown| shown.known.as_ref());
    let Some(known) = known else {
        model.say(Level::Info, "nothing is known of that yet: i finds out");
        return Vec::new();
    };
    let step = known.last_fine().unwrap_or_else(|| known.inevitable_from());
    show_step(model, step)
}

/// The ladder at a step; a recording goes there.
fn show_step(model: &mut Model, step: u64) -> Vec<Effect> {
    if model.is_recording() {
        model.ladder.cursor = Some(Address { step, event: 0 });
        let mut effects = acts::show(model, Screen::Ladder);
        effects.extend(acts::seek(model, Seek::To(step)));
        return effects;
    }
    let Some(row) = model.ladder.after(Address { step, event: 0 }, 1).pop() else {
        model.say(Level::Info, format!("step {step} is no longer in the ladder"));
        return Vec::new();
    };
    let effects = acts::show(model, Screen::Ladder);
    ladder::go_to(model, &row);
    effects
}
