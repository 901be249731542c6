//! The Protocol screen: moving in the table, the protocol beside it, and where a cell happened last.

use super::super::model::{Level, Model, Screen};
use super::{Effect, acts, ladder};
use crate::explore::Table;
use crate::protocol::{Cell, Protocol};
use crate::trace::Seek;
use std::sync::Arc;

/// Tables that this screen needs and that nobody makes yet.
pub fn want(model: &mut Model) -> Vec<Effect> {
    if model.screen != Screen::Protocol {
        return Vec::new();
    }
    let protocols = [Some(model.protocol_in_force()), model.protocol.other];
    let wanted = model.protocol.want(protocols.into_iter().flatten());
    wanted.into_iter().map(Effect::Explore).collect()
}

/// A table has been made.
pub fn table(model: &mut Model, table: Arc<Table>) -> Vec<Effect> {
    model.protocol.tell(table);
    settle(model);
    Vec::new()
}

/// The cursor is on a cell that is shown.
fn settle(model: &mut Model) {
    let grid = model.grid();
    let (row, column) = grid.position(model.protocol.cursor);
    if let Some(cell) = grid.cell(row, column) {
        model.protocol.cursor = cell;
    }
}

/// So many columns and rows on.
pub fn go(model: &mut Model, across: isize, down: isize) {
    let grid = model.grid();
    let (row, column) = grid.position(model.protocol.cursor);
    let last = |len: usize| len.saturating_sub(1);
    let row = row.saturating_add_signed(down).min(last(grid.rows.len()));
    let column = column.saturating_add_signed(across).min(last(grid.columns.len()));
    if let Some(cell) = grid.cell(row, column) {
        (model.protocol.cursor, model.protocol.detail_top) = (cell, 0);
    }
}

/// Another protocol beside the one in force; after the last: none.
pub fn beside(model: &mut Model) -> Vec<Effect> {
    let here = model.protocol_in_force();
    let others: Vec<Protocol> = Protocol::ALL.into_iter().filter(|other| *other != here).collect();
    let at = model.protocol.other.and_then(|other| others.iter().position(|one| *one == other));
    model.protocol.other = others.get(at.map_or(0, |at| at + 1)).copied();
    settle(model);
    want(model)
}

/// How often cells were met is shown, or not.
pub fn counts(model: &mut Model) -> Vec<Effect> {
    model.protocol.counts = !model.protocol.counts;
    Vec::new()
}

/// The next cell, or the one before, that was met here; row by row.
pub fn find(model: &mut Model, on: bool) -> Vec<Effect> {
    let grid = model.grid();
    let here = grid.position(model.protocol.cursor);
    let cells = |row: &usize| {
        let row = *row;
        (0..grid.columns.len()).map(move |column| (row, column)).collect::<Vec<_>>()
    };
    let rows: Vec<usize> = (0..grid.rows.len()).collect();
    let mut all: Vec<(usize, usize)> = rows.iter().flat_map(cells).collect();
    if !on {
        all.reverse();
    }
    let is_beyond = |at: &(usize, usize)| if on { *at > here } else { *at < here };
    let met = |at: (usize, usize)| grid.cell(at.0, at.1).filter(|cell| model.met(*cell).is_some());
    match all.into_iter().filter(is_beyond).find_map(met) {
        Some(cell) => model.protocol.cursor = cell,
        None => model.say(Level::Info, "no further cell was met here"),
    }
    Vec::new()
}

/// To where the cell happened last: in the ladder, and in a recording to that step.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let cell = model.protocol.cursor;
    let grid = model.grid();
    if !grid.rows.contains(&cell.state) || !grid.columns.contains(&cell.trigger) {
        return Vec::new();
    }
    let Some(met) = model.met(cell) else {
        model.say(Level::Info, format!("{cell}: not met here yet"));
        return Vec::new();
    };
    model.select_block(met.block.0);
    super::moves::select_amf(model, met.amf);
    let mut effects = acts::show(model, Screen::Ladder);
    if model.is_recording() {
        effects.extend(acts::seek(model, Seek::To(met.step)));
    } else if !ladder::show_step(model, met.step) {
        model.say(Level::Info, format!("step {} is no longer in what the ladder knows", met.step));
    }
    effects
}

/// A cell was clicked.
pub fn select(model: &mut Model, cell: Cell) {
    (model.protocol.cursor, model.protocol.detail_top) = (cell, 0);
}

/// Leaves what narrows the view, the last thing first.
pub fn back(model: &mut Model) {
    if !model.protocol.filter.is_empty() {
        return model.protocol.filter.clear();
    }
    if model.protocol.other.take().is_none() {
        model.zoomed = false;
    }
}

/// The cell's text, so many lines on.
pub fn scroll(model: &mut Model, down: isize) {
    let last = super::super::view::cell::lines(model).len() * 2;
    model.protocol.detail_top = model.protocol.detail_top.saturating_add_signed(down).min(last);
}
