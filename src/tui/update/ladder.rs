//! The space-time diagram: moving in it, following, and asking a recording for more.

use super::super::command::{Mark, Side};
use super::super::fuzzy::Filter;
use super::super::model::ladder::{MARGIN_STEPS, TOLD_STEPS, columns as shown};
use super::super::model::{Level, Model, Pane, Screen};
use super::super::view::{ladder as view, layout};
use super::{Effect, acts, columns, engine, log, moves};
use crate::protocol::id::Key;
use crate::timeline::ladder::cone::Reach;
use crate::timeline::ladder::{Address, Column, Row, What, svg};
use crate::trace::{Event, Seek};
use std::path::PathBuf;

/// Rows of one step that are looked through for what stands out.
const ROWS_OF_STEP: usize = 64;

/// Rows of the diagram on the screen.
fn height(model: &Model) -> usize {
    let Some(plan) = layout::plan(model) else { return 1 };
    let rows = match plan.inner(Pane::Around) {
        Some(area) => usize::from(area.height),
        None => plan.inner(Pane::Ladder).map_or(1, view::height),
    };
    rows.max(1)
}

/// So many columns and rows on.
pub fn go(model: &mut Model, across: isize, down: isize) {
    if across != 0 {
        columns::go(model, across);
    }
    if down != 0 {
        let height = height(model);
        model.ladder.step(down, height);
        select(model);
    }
}

/// So many screens on.
pub fn page(model: &mut Model, on: bool) {
    let by = isize::try_from(height(model)).unwrap_or(1);
    go(model, 0, if on { by } else { -by });
}

/// To the first row that is known; of a recording to its beginning.
pub fn first(model: &mut Model) -> Vec<Effect> {
    if model.is_recording() {
        return around(model, 0);
    }
    let height = height(model);
    if let Some(row) = model.ladder.after(Address::default(), 1).pop() {
        model.ladder.go_to(&row, height);
        select(model);
    }
    Vec::new()
}

/// To the newest row; of a recording to its end.
pub fn last(model: &mut Model) -> Vec<Effect> {
    if let Some(info) = model.cluster.now.recording.as_ref().filter(|_| model.is_recording()) {
        return around(model, info.steps);
    }
    follow_newest(model);
    Vec::new()
}

/// What comes is shown, here, in the traffic and in the log.
pub fn follow_newest(model: &mut Model) {
    model.ladder.follow_newest();
    (model.selected.message, model.log.cursor) = (None, None);
}

/// Clicks select a row; a second one opens it.
pub fn click(model: &mut Model, row: &Row) -> Vec<Effect> {
    if model.ladder.selected().is_some_and(|selected| selected.at == row.at) {
        return open(model);
    }
    let height = height(model);
    model.ladder.go_to(row, height);
    select(model);
    Vec::new()
}

/// Selects the row at an address, or the next one that is shown.
pub fn select_at(model: &mut Model, at: Address) {
    let height = height(model);
    if let Some(row) = model.ladder.after(at, 1).pop() {
        model.ladder.go_to(&row, height);
        select(model);
    }
}

/// The cursor goes to a row, and what comes before it is in sight.
pub fn go_to(model: &mut Model, row: &Row) {
    let height = height(model);
    model.ladder.show(row, height);
    select(model);
}

/// What the row is about is selected everywhere else.
fn select(model: &mut Model) {
    let Some(row) = model.ladder.selected() else { return };
    if let Some(Key::Block(block)) = row.key {
        model.select_block(block.0);
    }
    if row.op.is_some() {
        model.selected.op = row.op;
    }
    if let Column::Amf(amf) = row.what.place() {
        moves::select_amf(model, amf);
    }
    if let Some(line) = model.cluster.traffic.at_step(row.at.step) {
        model.selected.message = Some(line.id);
    }
    log::follow(model, row.at.step);
}

/// A message was selected in the traffic: the cursor goes to where it was sent, if that is known.
pub fn point(model: &mut Model) {
    let line = model.selected.message.and_then(|id| model.cluster.traffic.by_id(id));
    let Some(step) = line.map(|line| line.steps.0) else { return };
    point_at(model, step);
    log::follow(model, step);
}

/// The cursor goes to a step: to what stands out there, if something does.
pub fn point_at(model: &mut Model, step: u64) {
    let at = Address { step, event: 0 };
    let rows = model.ladder.after(at, ROWS_OF_STEP);
    let of_step = || rows.iter().take_while(|row| row.at.step == step);
    let row = of_step().find(|row| row.what.is_band()).or_else(|| of_step().next());
    let height = height(model);
    match row {
        Some(row) => model.ladder.show(row, height),
        // A recording is asked for it.
        None if model.is_recording() => model.ladder.cursor = Some(at),
        None => {}
    }
}

/// Goes to where the row is: a recording to that step. Of a cluster that runs the ladder follows the
/// operation, and the timeline looks back.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.ladder.selected() else { return Vec::new() };
    if model.is_recording() {
        return acts::seek(model, Seek::To(row.at.step));
    }
    if model.focus() == Pane::Around {
        return vec![Effect::Rewind(Seek::To(row.at.step))];
    }
    follow(model)
}

/// Follows the operation of the selected row: what was done for it; then cause and effect; then no more.
pub fn follow(model: &mut Model) -> Vec<Effect> {
    let op = model.ladder.selected().and_then(|row| row.op);
    let followed = model.ladder.followed.as_ref().map(|followed| (followed.op, followed.reach));
    match (followed, op) {
        (Some((op, Reach::Own)), _) => model.ladder.follow(op, Reach::Cone),
        (Some((_, Reach::Cone)), _) => model.ladder.followed = None,
        (None, Some(op)) => model.ladder.follow(op, Reach::Own),
        (None, None) => {
            let text = "this was done for no operation: choose a message, a request or an answer";
            model.say(Level::Info, text);
        }
    }
    Vec::new()
}

/// Leaves what narrows the view, the last thing first.
pub fn back(model: &mut Model) {
    if model.ladder.followed.take().is_some() {
        return;
    }
    if !model.filter.is_empty() {
        return model.filter.clear();
    }
    if model.zoomed {
        return model.zoomed = false;
    }
    if !model.is_recording() {
        follow_newest(model);
    }
}

/// More, or less, of what happens.
pub fn level(model: &mut Model) -> Vec<Effect> {
    model.ladder.level = model.ladder.level.next();
    let height = height(model);
    if let Some(row) = model.ladder.selected().filter(|_| model.ladder.cursor.is_some()) {
        model.ladder.go_to(&row, height);
    }
    Vec::new()
}

/// The next row on, or back, that matches the filter; without one: the next fault, view or violation.
pub fn find(model: &mut Model, on: bool) -> Vec<Effect> {
    let words = model.filter.clone();
    let found = if words.is_empty() {
        model.ladder.find(on, |row| row.what.is_band())
    } else {
        let filter = Filter::new(&words);
        model.ladder.find(on, |row| view::matches(row, &filter))
    };
    let Some(row) = found else {
        if words.is_empty() {
            return find_far(model, &[Mark::Fault, Mark::View, Mark::Violation], on);
        }
        let side = if on { "after" } else { "before" };
        model.say(Level::Info, format!("no match {side} this row, among what is known here"));
        return Vec::new();
    };
    let height = height(model);
    model.ladder.go_to(&row, height);
    select(model);
    want(model)
}

/// The same for what only the timeline knows of: a recording is asked for it.
fn find_far(model: &mut Model, marks: &[Mark], on: bool) -> Vec<Effect> {
    let here = model.ladder.selected().map_or(model.cluster.now.step, |row| row.at.step);
    let survey = model.timeline.survey();
    let next = || marks.iter().filter_map(|mark| survey.next(mark.of_step(), here)).min();
    let previous = || marks.iter().filter_map(|mark| survey.previous(mark.of_step(), here)).max();
    let found = if on { next() } else { previous() };
    if let Some(step) = found.filter(|_| model.is_recording()) {
        return around(model, step);
    }
    let what = marks.iter().map(|mark| mark.of_step().name()).collect::<Vec<_>>().join(" or ");
    let side = if on { "after" } else { "before" };
    let other = if on { previous() } else { next() };
    let text = match (found, other) {
        (Some(step), _) => format!("the {what} {side} this is at step {step}: 7 looks back there"),
        (None, Some(step)) => format!("no {what} {side} this row; there is one at step {step}"),
        (None, None) => format!("no {what} {side} this row"),
    };
    model.say(Level::Info, text);
    Vec::new()
}

/// Shows the ladder, and goes to the nearest mark of a kind before or after its cursor.
pub fn mark(model: &mut Model, mark: Mark, side: Side) -> Vec<Effect> {
    let mut effects = acts::show(model, Screen::Ladder);
    model.ladder.followed = None;
    let is = |row: &Row| match mark {
        Mark::Fault => matches!(row.what, What::Fault(_)),
        Mark::Violation => matches!(row.what, What::Violation(_)),
        Mark::View => matches!(row.what, What::View(Column::Witness)),
    };
    // The newest row, where nothing is selected, is one of those before the cursor.
    let newest = model.ladder.selected().filter(|row| model.ladder.cursor.is_none() && is(row));
    let found = match side {
        Side::Before => newest.or_else(|| model.ladder.find(false, is)),
        Side::After => model.ladder.find(true, is),
    };
    let Some(row) = found else {
        effects.extend(find_far(model, &[mark], side == Side::After));
        return effects;
    };
    let height = height(model);
    model.ladder.go_to(&row, height);
    select(model);
    effects.extend(want(model));
    effects
}

/// Draws what is on the screen into a file.
pub fn picture(model: &Model, path: PathBuf) -> Vec<Effect> {
    let (page, _) = model.ladder.page(svg::ROWS_MAX.min(PICTURE_ROWS));
    let title = format!("{}, {}", model.about.profile, view::heading(model));
    let columns = shown(model);
    vec![Effect::Write(path, svg::svg(&page, &columns, &title))]
}

/// Rows of a picture, from the top of the screen on.
const PICTURE_ROWS: usize = 400;

/// Asks a recording for what is around the cursor, if that is not told yet.
pub fn want(model: &mut Model) -> Vec<Effect> {
    let shows = |pane| model.screen.panes().contains(&pane);
    if !model.is_recording() || !(shows(Pane::Ladder) || shows(Pane::Around)) {
        return Vec::new();
    }
    let steps = model.cluster.now.recording.as_ref().map_or(0, |info| info.steps);
    let here = model.ladder.cursor.map_or(model.cluster.now.step, |cursor| cursor.step);
    let near = |(from, to): (u64, u64)| {
        (from == 0 || here >= from + MARGIN_STEPS) && (to >= steps || here + MARGIN_STEPS <= to)
    };
    if model.ladder.told.is_some_and(near) || model.ladder.asked.is_some_and(near) {
        return Vec::new();
    }
    ask(model, here, steps)
}

fn ask(model: &mut Model, here: u64, steps: u64) -> Vec<Effect> {
    let from = here.saturating_sub(TOLD_STEPS / 2);
    let to = (from + TOLD_STEPS).min(steps);
    let from = to.saturating_sub(TOLD_STEPS);
    model.ladder.asked = Some((from, to));
    vec![Effect::Tell(from, to)]
}

/// Puts the cursor to a step of the recording, and asks for what is there.
fn around(model: &mut Model, step: u64) -> Vec<Effect> {
    let at = Address { step, event: 0 };
    model.ladder.cursor = Some(at);
    let mut effects = want(model);
    if effects.is_empty() {
        land(model);
    }
    effects.truncate(1);
    effects
}

/// The cursor goes to a step of a cluster that runs; false: it is not known any more.
pub fn show_step(model: &mut Model, step: u64) -> bool {
    let row = model.ladder.after(Address { step, event: 0 }, 1).pop();
    let Some(row) = row.filter(|row| row.at.step == step || model.ladder.knows(step)) else {
        return false;
    };
    let height = height(model);
    model.ladder.show(&row, height);
    select(model);
    true
}

/// What was asked for has come.
pub fn told(model: &mut Model, range: (u64, u64), events: Vec<Event>) -> Vec<Effect> {
    for event in &events {
        engine::remark(model, event);
    }
    model.ladder.tell(range, events);
    if model.ladder.cursor.is_none() {
        let step = model.cluster.now.step;
        model.ladder.cursor = Some(Address { step, event: 0 });
    }
    land(model);
    Vec::new()
}

/// The cursor is on a row (where only a step was named, on what stands out there), and what came before it
/// is in sight.
fn land(model: &mut Model) {
    if let Some(Address { step, event: 0 }) = model.ladder.cursor {
        point_at(model, step);
    }
    let height = height(model);
    let Some(row) = model.ladder.selected() else { return };
    model.ladder.show(&row, height);
    select(model);
}

/// The recording stands elsewhere now: the cursor goes there.
pub fn moved(model: &mut Model) -> Vec<Effect> {
    if !model.is_recording() {
        return Vec::new();
    }
    around(model, model.cluster.now.step)
}
