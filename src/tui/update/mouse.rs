//! Clicks and the wheel: they select, give panes the keys, and press what looks like a button.

use super::super::command::Act;
use super::super::model::{Modal, Model, Pane};
use super::super::view::layout::{Plan, Slot};
use super::super::view::{
    active, amfs, around, branches, frame, group, heat, history, inject, io, ladder, lamps, layout,
    lessons, locks, log, matrix, protocol, status, traffic,
};
use super::{Effect, acts, columns, moves, timeline};
use crate::protocol::id::{AmfId, DiskId, Key, OpId};
use crate::timeline::ladder::Row;
use crate::trace::Command;
use crate::trace::action::Action;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

/// Lines that one notch of the wheel goes.
const NOTCH: usize = 3;

/// A click, or the wheel.
pub fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if !model.mouse {
        return Vec::new();
    }
    let (column, row) = (event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => click(model, column, row),
        MouseEventKind::ScrollUp => wheel(model, column, row, Act::Up),
        MouseEventKind::ScrollDown => wheel(model, column, row, Act::Down),
        MouseEventKind::Drag(MouseButton::Left) => {
            if columns::drag(model, column) {
                return Vec::new();
            }
            timeline::drag(model, column, row)
        }
        MouseEventKind::Up(MouseButton::Left) => {
            columns::release(model);
            Vec::new()
        }
        MouseEventKind::Down(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => Vec::new(),
    }
}

fn wheel(model: &mut Model, column: u16, row: u16, act: Act) -> Vec<Effect> {
    if let Modal::Help(help) | Modal::Differences(help, _) = &mut model.modal {
        let up = act == Act::Up;
        help.scroll = if up { help.scroll.saturating_sub(NOTCH) } else { help.scroll + NOTCH };
        return Vec::new();
    }
    if !matches!(model.modal, Modal::None) {
        return Vec::new();
    }
    let pane = layout::plan(model).and_then(|plan| plan.slot_at(column, row).map(|slot| slot.pane));
    let Some(pane) = pane else { return Vec::new() };
    model.focus_on(pane);
    model.clicked = None;
    match pane {
        Pane::Heat => moves::heat(model, act == Act::Up),
        Pane::Matrix | Pane::Other => {
            let turn = if act == Act::Up { Act::PageUp } else { Act::PageDown };
            moves::page(model, turn)
        }
        _ => {
            let mut effects = Vec::new();
            for _ in 0..NOTCH {
                effects = moves::step(model, act);
            }
            effects
        }
    }
}

fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    model.hint = false;
    // A click beside what is open closes it; questions want an answer.
    match model.modal {
        Modal::None => {}
        Modal::Confirm(_) => return Vec::new(),
        _ => {
            model.modal = Modal::None;
            return Vec::new();
        }
    }
    let Some(plan) = layout::plan(model) else { return Vec::new() };
    if row == plan.tabs.y {
        return match status::screen_at(model, column) {
            Some(screen) => acts::show(model, screen),
            None => Vec::new(),
        };
    }
    if row == plan.keys.y {
        return match status::hint_at(model, column) {
            Some(act) => acts::act(model, act),
            None => Vec::new(),
        };
    }
    let Some(slot) = plan.slot_at(column, row).cloned() else { return Vec::new() };
    if row == slot.area.y
        && let Some(pane) = frame::title_at(&slot, column)
    {
        model.focus_on(pane);
        return Vec::new();
    }
    let had_focus = model.focus() == slot.pane;
    model.focus_on(slot.pane);
    // Rows may have moved so that the selected one is in the middle: what counts is where the mouse is.
    let before = model.clicked.replace((column, row));
    if had_focus
        && before == Some((column, row))
        && let Some(effects) = second(model, slot.pane)
    {
        return effects;
    }
    inside(model, &plan, &slot, (column, row), had_focus)
}

/// A second click at the same place opens what the first selected; `None`: there it is like the first.
fn second(model: &mut Model, pane: Pane) -> Option<Vec<Effect>> {
    Some(match pane {
        Pane::Table => super::protocol::open(model),
        Pane::Inject => acts::inject(model),
        Pane::Active => acts::act(model, Act::UndoFault),
        Pane::Lessons => super::learn::take(model),
        Pane::Branches => timeline::show_run(model),
        _ => return None,
    })
}

/// A click inside a pane selects.
fn inside(
    model: &mut Model,
    plan: &Plan,
    slot: &Slot,
    at: (u16, u16),
    focused: bool,
) -> Vec<Effect> {
    let area = frame::inner(slot.area, plan.class);
    let (column, row) = at;
    match slot.pane {
        Pane::Amfs => {
            if let Some(at) = amfs::row_at(area, model, row) {
                moves::select_amf(model, AmfId(u8::try_from(at).unwrap_or(0)));
            }
        }
        Pane::Group => {
            if let Some(at) = group::row_at(area, model, row) {
                model.selected.disk = DiskId(u8::try_from(at).unwrap_or(0));
            }
        }
        Pane::Matrix | Pane::Other => {
            if let Some((amf, block)) = matrix::cell_at(area, model, column, row) {
                moves::select_amf(model, amf);
                model.select_block(block.0);
            }
        }
        Pane::Heat => {
            if let Some(block) = heat::block_at(area, model, column, row) {
                model.select_block(block.0);
            }
        }
        Pane::Traffic => return message(model, traffic::hit(area, model, row)),
        Pane::Io => {
            let op = io::row_at(area, model, row);
            if op.is_some() && op == model.selected.op {
                return acts::act(model, Act::Open);
            }
            model.selected.op = op;
        }
        Pane::Locks => {
            if let Some(at) = locks::row_at(area, model, row) {
                model.selected.lock = at;
                let key = model.cluster.now.locks.get(at).map(|lock| lock.key);
                if let Some(Key::Block(block)) = key {
                    model.select_block(block.0);
                }
            }
        }
        Pane::Inject => {
            if let Some(at) = inject::row_at(area, model, row) {
                model.faults.at = at;
            }
        }
        Pane::Active => {
            if let Some(at) = active::row_at(area, model, row) {
                model.selected.fault = at;
            }
        }
        Pane::Lamps => {
            if let Some(block) = lamps::row_at(area, model, row) {
                model.select_block(block.0);
            }
        }
        Pane::Ladder => {
            if let Some(place) = ladder::title_at(area, model, column, row) {
                columns::grab(model, place);
            } else if let Some(row) = ladder::row_at(area, model, row) {
                return event(model, &row);
            }
        }
        Pane::Table => {
            if let Some(cell) = protocol::cell_at(area, model, column, row) {
                super::protocol::select(model, cell);
            }
        }
        Pane::Lessons => {
            if let Some(at) = lessons::row_at(area, model, row) {
                model.learn.at = at;
            }
        }
        Pane::Lesson => return if focused { super::learn::enter(model) } else { Vec::new() },
        Pane::Strip => return timeline::press(model, area, column),
        Pane::Around => {
            if let Some(row) = around::row_at(area, model, row) {
                return event(model, &row);
            }
        }
        Pane::Branches => {
            if let Some(at) = branches::row_at(area, model, row) {
                model.run_at = at;
            }
        }
        Pane::Log => return remark(model, area, at, focused),
        Pane::History => return operation(model, history::row_at(area, model, row), focused),
        Pane::Card | Pane::Chain | Pane::Compare | Pane::Cell | Pane::Figures => {}
    }
    Vec::new()
}

/// A click on what happened, in the ladder or in the timeline.
fn event(model: &mut Model, row: &Row) -> Vec<Effect> {
    let effects = super::ladder::click(model, row);
    if effects.is_empty() { super::ladder::want(model) } else { effects }
}

/// A click on an operation on the selected block.
fn operation(model: &mut Model, op: Option<OpId>, focused: bool) -> Vec<Effect> {
    let again = focused && op.is_some() && model.selected.op == op;
    model.selected.op = op.or(model.selected.op);
    if again { super::checker::to_ladder(model) } else { Vec::new() }
}

/// A click into the log: on a source, or on a line.
fn remark(model: &mut Model, area: Rect, (column, row): (u16, u16), focused: bool) -> Vec<Effect> {
    if let Some(at) = log::source_at(area, model, column, row) {
        model.log.source_at = at;
        return Vec::new();
    }
    let Some(id) = log::row_at(area, model, row) else { return Vec::new() };
    if focused && model.log.cursor == Some(id) {
        return super::log::open(model);
    }
    super::log::select(model, id);
    super::ladder::want(model)
}

fn message(model: &mut Model, hit: Option<traffic::Hit>) -> Vec<Effect> {
    match hit {
        Some(traffic::Hit::Held(id)) if model.selected.held == Some(id) => {
            return vec![Effect::Run(Command::Act(Action::Deliver(acts::release(model, id))))];
        }
        Some(traffic::Hit::Held(id)) => model.selected.held = Some(id),
        Some(traffic::Hit::Line(id)) => {
            model.selected.message = Some(id);
            super::ladder::point(model);
        }
        None => model.selected.message = None,
    }
    Vec::new()
}
