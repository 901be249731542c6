//! Jump mode: every row, cell and title that can be selected gets a letter or two; typing them selects it.
//!
//! What a label stands for is kept by what it *is*: a list may move while one looks for the letters.

use super::super::keymap::Key;
use super::super::model::{Aim, Jump, Level, Modal, Model, Pane};
use super::super::view::layout::{self, Plan, Slot};
use super::super::view::{
    active, amfs, around, branches, frame, group, heat, history, inject, io, ladder, lamps,
    lessons, locks, log, matrix, protocol, traffic,
};
use super::{Effect, ladder as ladder_moves, log as log_moves, moves};
use crate::protocol::id::{AmfId, DiskId};
use crossterm::event::KeyCode;
use ratatui::layout::Rect;

/// Letters of labels, those under the fingers first.
const LETTERS: &[u8; 26] = b"asdfjklghqwertyuiopzxcvbnm";
/// Most labels: two letters each.
pub const LABELS_MAX: usize = LETTERS.len() * LETTERS.len();
/// Two labels in one row are so far apart at least.
const APART: u16 = 3;

/// Where something can be selected, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Column and row of its label.
    pub at: (u16, u16),
    /// What it is.
    pub aim: Aim,
}

/// Everything on the screen that can be selected, from the pane with the keys on.
#[must_use]
pub fn targets(model: &Model, plan: &Plan) -> Vec<Target> {
    let mut slots: Vec<&Slot> = plan.slots.iter().collect();
    slots.sort_by_key(|slot| slot.pane != model.focus());
    let mut found = Vec::new();
    for slot in slots {
        titles(slot, &mut found);
        inside(model, slot.pane, frame::inner(slot.area, plan.class), &mut found);
    }
    found.truncate(LABELS_MAX);
    found
}

fn titles(slot: &Slot, found: &mut Vec<Target>) {
    let mut last = None;
    for column in slot.area.x..slot.area.right() {
        let pane = frame::title_at(slot, column);
        if let Some(pane) = pane.filter(|_| pane != last) {
            found.push(Target { at: (column, slot.area.y), aim: Aim::Pane(pane) });
        }
        last = pane;
    }
}

/// What of a pane can be selected, and where it stands.
fn inside(model: &Model, pane: Pane, area: Rect, found: &mut Vec<Target>) {
    match pane {
        Pane::Table => {
            let cells = protocol::cells(area, model).into_iter();
            found.extend(cells.map(|(at, cell)| Target { at, aim: Aim::Event(cell) }));
            return;
        }
        Pane::Log => return found.extend(log::targets(area, model)),
        Pane::Ladder => {
            let places = ladder::places(area, model).into_iter();
            found.extend(places.map(|(at, place)| Target { at, aim: Aim::Place(place) }));
        }
        _ => {}
    }
    let cells = matches!(pane, Pane::Matrix | Pane::Heat);
    let mut above = None;
    for row in area.y..area.bottom() {
        let columns = if cells { area.x..area.right() } else { area.x..area.x + 1 };
        let (mut before, mut free) = (None, area.x);
        for column in columns {
            let aim = aim(model, pane, area, (column, row));
            if aim.is_some() && aim != before && aim != above && column >= free {
                found.extend(aim.clone().map(|aim| Target { at: (column, row), aim }));
                free = column + APART;
            }
            before = aim;
        }
        if !cells {
            above = before;
        }
        if found.len() > LABELS_MAX {
            return;
        }
    }
}

/// What is at this place of a pane.
fn aim(model: &Model, pane: Pane, area: Rect, (column, row): (u16, u16)) -> Option<Aim> {
    let small = |at: usize| u8::try_from(at).ok();
    match pane {
        Pane::Amfs => amfs::row_at(area, model, row).and_then(small).map(|at| Aim::Amf(AmfId(at))),
        Pane::Group => {
            group::row_at(area, model, row).and_then(small).map(|at| Aim::Disk(DiskId(at)))
        }
        Pane::Matrix => matrix::cell_at(area, model, column, row).map(|(a, b)| Aim::Cell(a, b)),
        Pane::Heat => heat::block_at(area, model, column, row).map(|b| Aim::Block(pane, b)),
        Pane::Lamps => lamps::row_at(area, model, row).map(|b| Aim::Block(pane, b)),
        Pane::Traffic => traffic::hit(area, model, row).map(Aim::Message),
        Pane::Io => io::row_at(area, model, row).map(Aim::Op),
        Pane::Locks => locks::row_at(area, model, row).map(Aim::Lock),
        Pane::Inject => inject::row_at(area, model, row).map(Aim::Fault),
        Pane::Active => active::row_at(area, model, row).map(Aim::Active),
        Pane::Ladder => ladder::row_at(area, model, row).map(|row| Aim::Row(pane, row.at)),
        Pane::Around => around::row_at(area, model, row).map(|row| Aim::Row(pane, row.at)),
        Pane::History => history::row_at(area, model, row).map(Aim::Seen),
        Pane::Branches => {
            let run = branches::row_at(area, model, row).and_then(|at| model.runs.get(at));
            run.map(|run| Aim::Run(run.name.clone()))
        }
        Pane::Lessons => {
            let at = lessons::row_at(area, model, row);
            let lesson = at.and_then(|at| model.learn.shown().nth(at));
            lesson.map(|lesson| Aim::Lesson(lesson.name.clone()))
        }
        // Of the first two it is known elsewhere; of the others see `WITHOUT_TARGETS`.
        Pane::Table
        | Pane::Log
        | Pane::Card
        | Pane::Chain
        | Pane::Strip
        | Pane::Compare
        | Pane::Lesson
        | Pane::Other
        | Pane::Figures
        | Pane::Cell => None,
    }
}

/// Panes in which nothing can be selected, and why; their titles are targets.
pub const WITHOUT_TARGETS: &[(Pane, &str)] = &[
    (Pane::Card, "it tells of the one block that is selected elsewhere"),
    (Pane::Chain, "it tells of the one lock that is selected in the list"),
    (Pane::Strip, "a place on it is gone to at once: to jump would do something"),
    (Pane::Compare, "it is read from its top, where the runs part; arrows scroll it"),
    (Pane::Lesson, "a text; arrows scroll it"),
    (Pane::Other, "it shows the blocks that are selected in the matrix beside it"),
    (Pane::Figures, "a table of figures: nothing in it is selected"),
    (Pane::Cell, "it tells of the one cell that is selected in the table"),
];

/// Gives everything its letters.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(plan) = layout::plan(model) else { return Vec::new() };
    let found = targets(model, &plan);
    let labels = labels(found.len());
    let labels = found.into_iter().map(|target| target.aim).zip(labels).collect();
    model.modal = Modal::Jump(Jump { labels, typed: String::new() });
    Vec::new()
}

/// So many labels: of one letter if these are enough.
#[must_use]
pub fn labels(count: usize) -> Vec<String> {
    let letter = |at: usize| char::from(LETTERS[at % LETTERS.len()]);
    (0..count.min(LABELS_MAX))
        .map(|at| match count {
            0..=26 => letter(at).to_string(),
            _ => [letter(at / LETTERS.len()), letter(at)].iter().collect(),
        })
        .collect()
}

/// A key while the letters are shown.
pub fn key(model: &mut Model, mut jump: Jump, key: Key) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Backspace => {
            jump.typed.pop();
        }
        KeyCode::Char(c) => jump.typed.push(c.to_ascii_lowercase()),
        _ => {}
    }
    if let Some((aim, _)) = jump.labels.iter().find(|(_, label)| *label == jump.typed) {
        let aim = aim.clone();
        return choose(model, &aim);
    }
    if jump.labels.iter().any(|(_, label)| label.starts_with(&jump.typed)) {
        model.modal = Modal::Jump(jump);
    } else {
        model.say(Level::Info, format!("nothing has the letters {}", jump.typed));
    }
    Vec::new()
}

/// Selects it, and gives its pane the keys. Nothing is opened or done.
fn choose(model: &mut Model, aim: &Aim) -> Vec<Effect> {
    let pane = match *aim {
        Aim::Pane(pane) => pane,
        Aim::Amf(amf) => {
            moves::select_amf(model, amf);
            Pane::Amfs
        }
        Aim::Disk(disk) => {
            model.selected.disk = disk;
            Pane::Group
        }
        Aim::Cell(amf, block) => {
            moves::select_amf(model, amf);
            model.select_block(block.0);
            Pane::Matrix
        }
        Aim::Block(pane, block) => {
            model.select_block(block.0);
            pane
        }
        Aim::Message(traffic::Hit::Held(id)) => {
            model.selected.held = Some(id);
            Pane::Traffic
        }
        Aim::Message(traffic::Hit::Line(id)) => {
            model.selected.message = Some(id);
            Pane::Traffic
        }
        Aim::Op(op) => {
            model.selected.op = Some(op);
            Pane::Io
        }
        Aim::Lock(at) => {
            moves::select_lock(model, at);
            Pane::Locks
        }
        Aim::Fault(at) => {
            model.faults.at = at;
            Pane::Inject
        }
        Aim::Active(at) => {
            model.selected.fault = at;
            Pane::Active
        }
        Aim::Row(pane, at) => {
            ladder_moves::select_at(model, at);
            pane
        }
        Aim::Place(place) => {
            model.ladder.column = Some(place);
            Pane::Ladder
        }
        Aim::Seen(op) => {
            model.selected.op = Some(op);
            Pane::History
        }
        Aim::LogLine(id) => {
            log_moves::select(model, id);
            Pane::Log
        }
        Aim::Source(at) => {
            model.log.source_at = at;
            Pane::Log
        }
        Aim::Run(ref name) => {
            let at = model.runs.iter().position(|run| run.name == *name);
            model.run_at = at.unwrap_or(model.run_at);
            Pane::Branches
        }
        Aim::Lesson(ref name) => {
            let at = model.learn.shown().position(|lesson| lesson.name == *name);
            model.learn.at = at.unwrap_or(model.learn.at);
            Pane::Lessons
        }
        Aim::Event(cell) => {
            (model.protocol.cursor, model.protocol.detail_top) = (cell, 0);
            Pane::Table
        }
    };
    model.focus_on(pane);
    ladder_moves::want(model)
}
