//! Moving: the keys from pane to pane, cursors and selections inside them.

use super::super::command::Act;
use super::super::model::faults::{Aim, ROWS};
use super::super::model::{Heat, Model, Pane};
use super::super::view::{
    active, amfs, branches, group, history, inject, io, lamps, layout, locks, matrix, traffic,
};
use super::{Effect, ladder, learn, log, protocol, timeline};
use crate::protocol::Defect;
use crate::protocol::id::{AmfId, DiskId};

/// Rows of a page where the pane does not say.
const PAGE: isize = 10;
/// Fewest blocks in the heat map.
const HEAT_BLOCKS_MIN: u64 = 64;

/// The next, or previous, pane of the screen gets the keys.
pub fn focus(model: &mut Model, forward: bool) -> Vec<Effect> {
    let panes = model.panes();
    let at = panes.iter().position(|pane| *pane == model.focus()).unwrap_or(0);
    let step = if forward { 1 } else { panes.len() - 1 };
    model.focus_on(panes[(at + step) % panes.len()]);
    Vec::new()
}

/// An arrow.
pub fn step(model: &mut Model, act: Act) -> Vec<Effect> {
    if let (Pane::Strip, Act::Left | Act::Right) = (model.focus(), act) {
        return timeline::strip_step(model, act == Act::Right);
    }
    let (across, down) = match act {
        Act::Left => (-1, 0),
        Act::Right => (1, 0),
        Act::Up => (0, -1),
        _ => (0, 1),
    };
    go(model, across, down);
    ladder::want(model)
}

/// A page, or an end.
pub fn page(model: &mut Model, act: Act) -> Vec<Effect> {
    let pane = model.focus();
    let follows = matches!(pane, Pane::Traffic | Pane::Io);
    if matches!(pane, Pane::Ladder | Pane::Around) {
        match act {
            Act::First => return ladder::first(model),
            Act::Last => return ladder::last(model),
            _ => ladder::page(model, act == Act::PageDown),
        }
        return ladder::want(model);
    }
    match act {
        Act::PageUp if is_matrix(pane) => turn(model, false),
        Act::PageDown if is_matrix(pane) => turn(model, true),
        Act::PageUp | Act::PageDown if pane == Pane::Lesson => {
            learn::page(model, act == Act::PageDown);
        }
        Act::PageUp => go(model, 0, -PAGE),
        Act::PageDown => go(model, 0, PAGE),
        Act::First => match pane {
            Pane::Heat | Pane::Card => model.select_block(model.heat_or_zero()),
            pane if is_matrix(pane) => model.select_block(0),
            _ => go(model, 0, -1_000_000),
        },
        _ if follows => {
            let held = &model.cluster.now.held;
            if pane == Pane::Traffic && !held.is_empty() {
                model.selected.held = held.last().map(|held| held.id);
            }
            model.selected.message = None;
            model.selected.op = None;
        }
        _ => match pane {
            Pane::Heat | Pane::Card => model.select_block(u64::MAX),
            pane if is_matrix(pane) => model.select_block(u64::MAX),
            _ => go(model, 0, 1_000_000),
        },
    }
    Vec::new()
}

impl Model {
    fn heat_or_zero(&self) -> u64 {
        if self.focus() == Pane::Heat { self.heat.first } else { 0 }
    }
}

/// Panes in which arrows move over blocks and AMFs.
fn is_matrix(pane: Pane) -> bool {
    matches!(pane, Pane::Matrix | Pane::Other | Pane::Figures)
}

/// Where the matrix is; of two, where either is.
fn matrix_area(model: &Model) -> Option<ratatui::layout::Rect> {
    let plan = layout::plan(model)?;
    plan.inner(Pane::Matrix).or_else(|| plan.inner(Pane::Other))
}

/// A page of the matrix on, or back.
fn turn(model: &mut Model, on: bool) {
    let Some(area) = matrix_area(model) else { return };
    let page = matrix::page(area, model);
    let size = (page.end - page.start).max(1);
    let at = model.selected.block.0;
    model.select_block(if on { at.saturating_add(size) } else { at.saturating_sub(size) });
}

fn shift(value: u64, by: isize) -> u64 {
    value.saturating_add_signed(by as i64)
}

fn shift_row(at: usize, by: isize, rows: usize) -> usize {
    at.saturating_add_signed(by).min(rows.saturating_sub(1))
}

/// The row `by` further among those that are shown; the first, if `at` is none of them.
fn among(shown: &[usize], at: usize, by: isize) -> usize {
    let here = shown.iter().position(|row| *row == at);
    let next = here.map_or(0, |here| shift_row(here, by, shown.len()));
    shown.get(next).copied().unwrap_or(at)
}

/// The number `by` further, around.
fn around(at: u8, by: isize, count: u8) -> u8 {
    let count = i64::from(count.max(1));
    let at = (i64::from(at) + by as i64).rem_euclid(count);
    u8::try_from(at).unwrap_or(0)
}

fn go(model: &mut Model, across: isize, down: isize) {
    match model.focus() {
        Pane::Matrix | Pane::Other | Pane::Figures => matrix_go(model, across, down),
        Pane::Heat => heat_go(model, across, down),
        Pane::Card => model.select_block(shift(model.selected.block.0, across + down)),
        Pane::Amfs => {
            let at = among(&amfs::shown(model), usize::from(model.selected.amf.0), down);
            select_amf(model, AmfId(u8::try_from(at).unwrap_or(0)));
        }
        Pane::Group => {
            let at = among(&group::shown(model), usize::from(model.selected.disk.0), down);
            model.selected.disk = DiskId(u8::try_from(at).unwrap_or(0));
        }
        Pane::Traffic => traffic_go(model, down),
        Pane::Ladder | Pane::Around => ladder::go(model, across, down),
        Pane::Strip => {}
        Pane::Branches => {
            model.run_at = among(&branches::shown(model), model.run_at, down);
        }
        Pane::Compare => timeline::scroll(model, down),
        Pane::Lesson | Pane::Lessons => learn::go(model, down),
        Pane::Table => protocol::go(model, across, down),
        Pane::Cell => protocol::scroll(model, across + down),
        Pane::Io => {
            if down != 0 {
                model.selected.op = io::neighbour(model, down);
            }
        }
        Pane::Locks | Pane::Chain => lock_go(model, down),
        Pane::History if down != 0 => {
            if let Some(op) = history::neighbour(model, down) {
                model.selected.op = Some(op);
            }
        }
        Pane::Lamps | Pane::History => {
            if let Some(block) = lamps::neighbour(model, across + down) {
                model.select_block(block.0);
            }
        }
        Pane::Inject => inject_go(model, across, down),
        Pane::Active => {
            let shown = active::shown(model);
            model.selected.fault = among(&shown, model.selected.fault, down);
        }
        Pane::Log => log::go(model, across, down),
    }
}

/// Selects an AMF; the other end of links stays another one.
pub fn select_amf(model: &mut Model, amf: AmfId) {
    model.selected.amf = amf;
    if model.selected.peer == amf {
        model.selected.peer = AmfId(around(amf.0, 1, model.about.amfs));
    }
}

/// Up and down go from AMF to AMF, and over the edge to the next band of blocks.
fn matrix_go(model: &mut Model, across: isize, down: isize) {
    let at = shift(model.selected.block.0, across);
    model.select_block(at);
    if down == 0 {
        return;
    }
    let amfs = isize::from(model.about.amfs);
    let row = isize::from(model.selected.amf.0) + down;
    let wanted = row.rem_euclid(amfs);
    let bands = row.div_euclid(amfs);
    let area = matrix_area(model);
    let band = area.map_or(1, |area| matrix::band(area, model));
    let by = bands * isize::try_from(band).unwrap_or(1);
    let block = model.selected.block.0;
    let inside = by >= 0 || block >= by.unsigned_abs() as u64;
    if !inside || shift(block, by) >= model.about.blocks {
        return;
    }
    model.select_block(shift(block, by));
    select_amf(model, AmfId(u8::try_from(wanted).unwrap_or(0)));
}

fn heat_go(model: &mut Model, across: isize, down: isize) {
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Heat));
    let Some(area) = area else { return };
    let (cell, row) = super::super::view::heat::row_blocks(area, model);
    let by = across * isize::try_from(cell).unwrap_or(1) + down * isize::try_from(row).unwrap_or(1);
    let last = model.heat.first + model.heat.blocks - 1;
    let at = shift(model.selected.block.0, by).clamp(model.heat.first, last);
    model.select_block(at);
}

/// Enlarges the heat map four times around the selected block, or shrinks it.
pub fn heat(model: &mut Model, enlarge: bool) -> Vec<Effect> {
    let all = model.about.blocks;
    let least = HEAT_BLOCKS_MIN.min(all);
    let Heat { blocks, .. } = model.heat;
    let wanted = if enlarge { blocks / 4 } else { blocks.saturating_mul(4) };
    let blocks = wanted.clamp(least, all);
    let first = model.selected.block.0.saturating_sub(blocks / 2).min(all - blocks);
    model.heat = Heat { first, blocks };
    Vec::new()
}

/// In step mode the cursor is on the held messages, else on the lines of the traffic.
fn traffic_go(model: &mut Model, down: isize) {
    if down == 0 {
        return;
    }
    let held = &model.cluster.now.held;
    if held.is_empty() {
        model.selected.message = traffic::neighbour(model, down);
        ladder::point(model);
        return;
    }
    let at = held.iter().position(|held| Some(held.id) == model.selected.held);
    let at = at.map_or(0, |at| shift_row(at, down, held.len()));
    model.selected.held = held.get(at).map(|held| held.id);
}

fn lock_go(model: &mut Model, down: isize) {
    let at = among(&locks::shown(model), model.selected.lock, down);
    select_lock(model, at);
}

/// Selects a row of the lock table, and its block.
pub fn select_lock(model: &mut Model, at: usize) {
    model.selected.lock = at;
    let key = model.cluster.now.locks.get(model.selected.lock).map(|lock| lock.key);
    if let Some(crate::protocol::id::Key::Block(block)) = key {
        model.select_block(block.0);
    }
}

fn inject_go(model: &mut Model, across: isize, down: isize) {
    model.faults.at = among(&inject::shown(model), model.faults.at, down);
    if across == 0 {
        return;
    }
    let amfs = model.about.amfs;
    match ROWS[model.faults.at].aim {
        Aim::Amf => select_amf(model, AmfId(around(model.selected.amf.0, across, amfs))),
        Aim::Link => next_pair(model, across),
        Aim::Disk => {
            let at = around(model.selected.disk.0, across, model.about.disks);
            model.selected.disk = DiskId(at);
        }
        Aim::Defect => {
            let count = Defect::ALL.len();
            let step = if across > 0 { 1 } else { count - 1 };
            model.faults.defect = (model.faults.defect + step) % count;
        }
        Aim::Witness | Aim::All => {}
    }
}

/// Goes through all pairs of AMFs, the lower id first.
fn next_pair(model: &mut Model, across: isize) {
    let amfs = model.about.amfs;
    let pairs: Vec<(u8, u8)> = (0..amfs).flat_map(|a| (a + 1..amfs).map(move |b| (a, b))).collect();
    let (a, b) = (model.selected.amf.0, model.selected.peer.0);
    let now = (a.min(b), a.max(b));
    let at = pairs.iter().position(|pair| *pair == now).unwrap_or(0);
    let step = if across > 0 { 1 } else { pairs.len().saturating_sub(1) };
    if let Some((a, b)) = pairs.get((at + step) % pairs.len().max(1)) {
        (model.selected.amf, model.selected.peer) = (AmfId(*a), AmfId(*b));
    }
}
