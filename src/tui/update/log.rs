//! The log: moving in it, and from a line to its step in ladder and timeline.

use super::super::model::{Level, Model, Pane, Screen};
use super::super::view::log as view;
use super::{Effect, acts, ladder};
use crate::trace::Seek;

/// So many sources, and lines, on.
pub fn go(model: &mut Model, across: isize, down: isize) {
    if across != 0 {
        model.log.next_source(across);
    }
    if down == 0 {
        return;
    }
    match view::neighbour(model, down) {
        Some(id) => select(model, id),
        None if down > 0 && model.is_recording() => {
            let last = model.log_lines().last().map(|line| line.id);
            if let Some(id) = last {
                select(model, id);
            }
        }
        // Past the newest: what comes is followed, here and in the ladder.
        None if down > 0 => ladder::follow_newest(model),
        None => {}
    }
}

/// Selects a line; the ladder's cursor goes to its step.
pub fn select(model: &mut Model, id: u64) {
    let Some(line) = model.log.line(id) else { return };
    let step = model.step_of(line);
    if let Some(step) = step {
        ladder::point_at(model, step);
    }
    model.log.cursor = Some(id);
}

/// The ladder's cursor is somewhere else now: the line of that step is selected, if there is one.
pub fn follow(model: &mut Model, step: u64) {
    let here = model.log.cursor.and_then(|id| model.log.line(id));
    if here.and_then(|line| model.step_of(line)) == Some(step) {
        return;
    }
    let lines = model.log_lines();
    let of_step = lines.iter().find(|line| model.step_of(line) == Some(step));
    model.log.cursor = of_step.map(|line| line.id);
}

/// Goes to the step of the selected line: a recording to its position, the Timeline back in a cluster that
/// runs; elsewhere the ladder is shown.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let line = model.log.cursor.and_then(|id| model.log.line(id));
    let Some(line) = line else {
        model.say(Level::Info, "choose a line with the arrows");
        return Vec::new();
    };
    let Some(step) = model.step_of(line) else {
        model.say(Level::Info, "this line is about no step of the run that is shown");
        return Vec::new();
    };
    if model.is_recording() {
        return acts::seek(model, Seek::To(step));
    }
    if model.screen == Screen::Timeline {
        return vec![Effect::Rewind(Seek::To(step))];
    }
    if !ladder::show_step(model, step) {
        model.say(Level::Info, format!("step {step} is no longer in what the ladder knows"));
        return Vec::new();
    }
    let effects = acts::show(model, Screen::Ladder);
    model.focus_on(Pane::Ladder);
    effects
}

/// Leaves what narrows the view, the last thing first.
pub fn back(model: &mut Model) {
    if model.log.cursor.take().is_none() {
        model.filters.remove(&Pane::Log);
    }
}
