//! The whole of a run: going to and fro in it, forks, and two runs side by side.

use super::super::model::timeline::Compared;
use super::super::model::{Level, Model, Pane, Screen};
use super::super::view::{compare, layout, strip};
use super::{Effect, acts};
use crate::trace::{Mark, Seek};
use ratatui::layout::Rect;

/// To the next, or the previous, step with this mark.
pub fn jump(model: &mut Model, mark: Mark, on: bool) -> Vec<Effect> {
    let here = model.cluster.now.step;
    if on && !model.is_recording() {
        if mark == Mark::Answer && model.cluster.now.step_mode {
            return vec![Effect::StepOperation];
        }
        model.say(Level::Info, "this is the newest step; what comes has not happened yet");
        return Vec::new();
    }
    let survey = model.timeline.survey();
    let found = if on { survey.next(mark, here) } else { survey.previous(mark, here) };
    let Some(step) = found.filter(|step| *step <= model.steps()) else {
        let side = if on { "after" } else { "before" };
        model.say(Level::Info, format!("no {} {side} step {here}", mark.name()));
        return Vec::new();
    };
    acts::seek(model, Seek::To(step))
}

/// To the next, or the previous, thing that happened to the selected block.
pub fn jump_block(model: &mut Model, on: bool) -> Vec<Effect> {
    if on && !model.is_recording() {
        model.say(Level::Info, "this is the newest step; what comes has not happened yet");
        return Vec::new();
    }
    vec![Effect::FindBlock(model.selected.block, on)]
}

/// A press on the strip: to there.
pub fn press(model: &mut Model, area: Rect, column: u16) -> Vec<Effect> {
    let Some(step) = strip::step_at(area, model, column) else { return Vec::new() };
    if step == model.cluster.now.step || (!model.is_recording() && step >= model.steps()) {
        return Vec::new();
    }
    acts::seek(model, Seek::To(step))
}

/// The mouse is moved with its button down: over the strip the position goes with it.
pub fn drag(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    if model.focus() != Pane::Strip || !matches!(model.modal, super::super::model::Modal::None) {
        return Vec::new();
    }
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Strip));
    let Some(area) = area.filter(|area| (area.y..area.bottom()).contains(&row)) else {
        return Vec::new();
    };
    press(model, area, column.clamp(area.x, area.right().saturating_sub(1)))
}

/// An arrow on the strip: one column of it.
pub fn strip_step(model: &mut Model, on: bool) -> Vec<Effect> {
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Strip));
    let wide = area.map_or(1, |area| strip::steps_of_column(area, model));
    let by = i64::try_from(wide).unwrap_or(i64::MAX);
    acts::seek(model, Seek::By(if on { by } else { -by }))
}

// ---- runs

/// Shows the selected run.
pub fn show_run(model: &mut Model) -> Vec<Effect> {
    let Some(run) = model.runs.get(model.run_at) else {
        model.say(Level::Info, "there is only this run; b begins another one here");
        return Vec::new();
    };
    vec![Effect::Branch(run.name.clone())]
}

/// Gives up the selected run.
pub fn drop_run(model: &mut Model) -> Vec<Effect> {
    let Some(run) = model.runs.get(model.run_at) else {
        model.say(Level::Info, "there is only this run; b begins another one here");
        return Vec::new();
    };
    vec![Effect::Unbranch(run.name.clone())]
}

/// Says which runs there are.
pub fn list(model: &mut Model) -> Vec<Effect> {
    let told = model.runs.iter().map(|run| {
        let of = run.of.as_ref().map_or_else(String::new, |(of, at)| format!(" (of {of}, {at})"));
        format!("{}{of}{}", run.name, if run.here { " <" } else { "" })
    });
    let told: Vec<String> = told.collect();
    let text = if told.is_empty() {
        "there is only this run; b begins another one here".to_owned()
    } else {
        told.join(", ")
    };
    model.say(Level::Info, text);
    Vec::new()
}

/// Compares the run that is shown with the selected one; with that it came from, if that is itself.
pub fn compare(model: &mut Model) -> Vec<Effect> {
    let here = model.runs.iter().find(|run| run.here);
    let selected = model.runs.get(model.run_at).filter(|run| !run.here).map(|run| run.name.clone());
    let other = selected
        .or_else(|| Some(here?.of.as_ref()?.0.clone()))
        .or_else(|| model.runs.iter().find(|run| !run.here).map(|run| run.name.clone()));
    let Some(other) = other else {
        model.say(Level::Info, "there is only this run; b begins another one here");
        return Vec::new();
    };
    vec![Effect::Compare([other, model.run_name().to_owned()])]
}

/// `:compare NAME [NAME]`.
///
/// # Errors
/// Too many names.
pub fn compare_named(model: &Model, text: &str) -> Result<Vec<Effect>, String> {
    let names: Vec<&str> = text.split_whitespace().collect();
    match names[..] {
        [one] => Ok(vec![Effect::Compare([one.to_owned(), model.run_name().to_owned()])]),
        [one, other] => Ok(vec![Effect::Compare([one.to_owned(), other.to_owned()])]),
        _ => Err("`compare` takes one name, or two".to_owned()),
    }
}

/// Two runs are compared: shows them.
pub fn compared(
    model: &mut Model,
    (names, same, sides): ([String; 2], u64, [Vec<String>; 2]),
) -> Vec<Effect> {
    let text = if sides.iter().all(Vec::is_empty) {
        format!("{} and {} are equal: {same} steps", names[0], names[1])
    } else {
        format!("{} and {} part after step {same}", names[0], names[1])
    };
    model.compared = Some(Compared { names, same, sides, first: 0 });
    model.screen = Screen::Timeline;
    model.focus_on(Pane::Compare);
    model.say(Level::Info, text);
    Vec::new()
}

/// Lines of the comparison on, or back.
pub fn scroll(model: &mut Model, down: isize) {
    let rows = compare::shown(model).len();
    if let Some(compared) = &mut model.compared {
        compared.first = compared.first.saturating_add_signed(down).min(rows.saturating_sub(1));
    }
}

/// Goes to where the runs part, in the one that is shown.
pub fn go_to_difference(model: &mut Model) -> Vec<Effect> {
    match &model.compared {
        Some(compared) if compared.names.iter().any(|name| name == model.run_name()) => {
            let same = compared.same;
            if !model.is_recording() && same >= model.cluster.now.step {
                model.say(Level::Info, "this is where they part");
                return Vec::new();
            }
            acts::seek(model, Seek::To(same))
        }
        Some(_) => {
            model.say(Level::Info, "neither of these runs is shown");
            Vec::new()
        }
        None => {
            model.say(Level::Info, "nothing is compared yet; C compares two runs");
            Vec::new()
        }
    }
}
