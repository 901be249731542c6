//! The places of the space-time diagram: which are drawn, in which order.

use super::super::model::ladder::{Places, columns as shown};
use super::super::model::{Level, Modal, Model, Pane};
use super::super::view::{ladder as view, layout};
use super::Effect;
use crate::timeline::ladder::Column;

/// So many places on; those on the screen go with it.
pub fn go(model: &mut Model, across: isize) {
    let columns = shown(model);
    let Some(last) = columns.len().checked_sub(1) else { return };
    let here = model.ladder.column.and_then(|column| columns.iter().position(|at| *at == column));
    let to = match here {
        Some(at) => at.saturating_add_signed(across).min(last),
        // The first move is onto the screen.
        None => model.ladder.first_column.min(last),
    };
    model.ladder.column = Some(columns[to]);
    show(model, to);
}

/// The place with this index is on the screen.
fn show(model: &mut Model, index: usize) {
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Ladder));
    model.ladder.first_column = model.ladder.first_column.min(index);
    let Some(area) = area else { return };
    while model.ladder.first_column < index {
        let drawn = view::diagram(area, model).columns.len();
        if index < model.ladder.first_column + drawn {
            break;
        }
        model.ladder.first_column += 1;
    }
}

/// The selected place goes one to the left, or to the right.
pub fn shift(model: &mut Model, right: bool) -> Vec<Effect> {
    if model.ladder.column.is_none() {
        go(model, 0);
    }
    let columns = shown(model);
    let here = columns.iter().position(|column| Some(*column) == model.ladder.column);
    let Some(at) = here else {
        model.ladder.column = None;
        model.say(Level::Info, "choose a place with left and right");
        return Vec::new();
    };
    let to = if right { at + 1 } else { at.wrapping_sub(1) };
    if to >= columns.len() {
        let side = if right { "last" } else { "first" };
        model.say(Level::Info, format!("{} is the {side} place", columns[at].title()));
        return Vec::new();
    }
    put(model, at, to);
    Vec::new()
}

/// The place at an index goes to another one; those between make room.
fn put(model: &mut Model, at: usize, to: usize) {
    let mut columns = shown(model);
    let column = columns.remove(at);
    columns.insert(to, column);
    model.ladder.column = Some(column);
    model.ladder.places = Places::Only(columns);
    show(model, to);
    let text = format!("{}: place {}; `:columns all` is the usual order", column.title(), to + 1);
    model.say(Level::Info, text);
}

/// The selected place is drawn no more.
pub fn hide_selected(model: &mut Model) -> Vec<Effect> {
    let columns = shown(model);
    let Some(at) = columns.iter().position(|column| Some(*column) == model.ladder.column) else {
        model.say(Level::Info, "choose a place with left and right");
        return Vec::new();
    };
    hide(model, columns[at]);
    let left = shown(model);
    model.ladder.column = left.get(at.min(left.len() - 1)).copied();
    Vec::new()
}

// ---- by the mouse

/// The button is pressed on a title.
pub fn grab(model: &mut Model, column: Column) {
    model.ladder.column = Some(column);
    model.ladder.grabbed = Some((column, false));
}

/// The mouse is moved with its button down: the place goes along. False: it holds none.
pub fn drag(model: &mut Model, x: u16) -> bool {
    let Some((column, _)) = model.ladder.grabbed.filter(|_| matches!(model.modal, Modal::None))
    else {
        return false;
    };
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Ladder));
    let Some(area) = area else { return true };
    let Some(under) = view::title_at(area, model, x, area.y) else { return true };
    let columns = shown(model);
    let index = |wanted: Column| columns.iter().position(|column| *column == wanted);
    if let (Some(at), Some(to)) = (index(column), index(under))
        && at != to
    {
        put(model, at, to);
        model.ladder.grabbed = Some((column, true));
    }
    true
}

/// The button is let go: a title that was only pressed is a place to be hidden.
pub fn release(model: &mut Model) {
    if let Some((column, false)) = model.ladder.grabbed.take() {
        hide(model, column);
    }
}

// ---- which are drawn

/// The next set of places.
pub fn places(model: &mut Model) -> Vec<Effect> {
    model.ladder.first_column = 0;
    model.ladder.places = match model.ladder.places {
        Places::All => Places::Busy,
        Places::Busy => Places::Amfs,
        Places::Amfs | Places::Only(_) => Places::All,
    };
    Vec::new()
}

/// A place is drawn no more.
pub fn hide(model: &mut Model, column: Column) {
    let left: Vec<Column> = shown(model).into_iter().filter(|other| *other != column).collect();
    if left.is_empty() {
        return model.say(Level::Info, "one place stays; `:columns all` shows every one");
    }
    model.say(
        Level::Info,
        format!("{} is hidden; `:columns all` shows every place", column.title()),
    );
    model.ladder.places = Places::Only(left);
}

/// `:columns all`, `:columns amf1,amf0,disk2`.
///
/// # Errors
/// One of them is no place of this cluster.
pub fn named(model: &mut Model, text: &str) -> Result<(), String> {
    model.ladder.first_column = 0;
    if text == "all" {
        model.ladder.places = Places::All;
        return Ok(());
    }
    let all = Column::all(model.about.amfs, model.about.disks);
    let named = |name: &str| {
        all.iter().find(|column| column.title() == name).copied().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|column| column.title()).collect();
            format!("`{name}` is no place ({})", names.join(", "))
        })
    };
    let words = text.split([',', ' ']).filter(|word| !word.is_empty());
    let columns = words.map(named).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Err("`columns` needs places, or `all`".to_owned());
    }
    model.ladder.places = Places::Only(columns);
    Ok(())
}
