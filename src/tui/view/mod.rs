//! The screen, drawn from the model. Views never change anything; one small file a pane.

pub mod active;
pub mod amfs;
pub mod around;
pub mod beside;
pub mod branches;
pub mod card;
pub mod cell;
pub mod chain;
pub mod compare;
mod foreseen;
pub mod frame;
pub mod group;
pub mod heat;
pub mod history;
pub mod inject;
pub mod io;
mod job;
pub mod ladder;
pub mod lamps;
pub mod layout;
pub mod lesson;
pub mod lessons;
pub mod locks;
pub mod log;
pub mod matrix;
pub mod protocol;
pub mod replay;
mod rows;
pub mod status;
pub mod strip;
pub mod text;
pub mod thumb;
pub mod traffic;
mod tree;

use super::model::{Model, Pane, Screen};
use super::popup;
use super::theme::Role;
use crate::trace::Ask;
use layout::Plan;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

/// Draws everything.
pub fn draw(frame: &mut Frame, model: &Model) {
    let area = frame.area();
    frame.render_widget(Block::new().style(model.style(Role::Text)), area);
    // The terminal has changed, and nobody has been told yet: the next frame comes with its size.
    if area.as_size() != model.size {
        return;
    }
    let Some(plan) = layout::plan(model) else {
        too_small(frame, area, model);
        return;
    };
    status::tabs(frame, plan.tabs, model);
    for slot in &plan.slots {
        let detail = heading(slot.pane, model);
        let inside = frame::draw(frame, slot, plan.class, model, &detail);
        if !inside.is_empty() {
            render(frame, inside, model, slot.pane);
        }
    }
    if let Some(hint) = plan.hint {
        first_hint(frame, hint, model);
    }
    if let Some(strip) = plan.replay {
        replay::render(frame, strip, model);
    }
    if let Some(strip) = plan.job {
        job::render(frame, strip, model);
    }
    status::bar(frame, plan.status, model);
    status::keys(frame, plan.keys, model);
    popup::draw(frame, &plan, model);
}

fn render(frame: &mut Frame, area: Rect, model: &Model, pane: Pane) {
    match pane {
        Pane::Amfs => amfs::render(frame, area, model),
        Pane::Matrix => matrix::render(frame, area, model),
        Pane::Traffic => traffic::render(frame, area, model),
        Pane::Io => io::render(frame, area, model),
        Pane::Locks => locks::render(frame, area, model),
        Pane::Group => group::render(frame, area, model),
        Pane::Log => log::render(frame, area, model),
        Pane::Heat => heat::render(frame, area, model),
        Pane::Card => card::render(frame, area, model),
        Pane::Chain => chain::render(frame, area, model),
        Pane::Inject => inject::render(frame, area, model),
        Pane::Active => active::render(frame, area, model),
        Pane::Lamps => lamps::render(frame, area, model),
        Pane::History => history::render(frame, area, model),
        Pane::Ladder => ladder::render(frame, area, model),
        Pane::Strip => strip::render(frame, area, model),
        Pane::Around => around::render(frame, area, model),
        Pane::Compare => compare::render(frame, area, model),
        Pane::Branches => branches::render(frame, area, model),
        Pane::Lesson => lesson::render(frame, area, model),
        Pane::Lessons => lessons::render(frame, area, model),
        Pane::Table => protocol::render(frame, area, model),
        Pane::Cell => cell::render(frame, area, model),
        Pane::Other => matrix::render_other(frame, area, model),
        Pane::Figures => beside::render(frame, area, model),
    }
}

/// What stands at the right of a pane's title: its filter, its counts.
fn heading(pane: Pane, model: &Model) -> String {
    let counts = counts(pane, model);
    match (pane, model.filter_of(pane)) {
        // These tell their filters themselves.
        (
            Pane::Traffic | Pane::Lamps | Pane::Ladder | Pane::Around | Pane::Table | Pane::Lessons,
            _,
        )
        | (_, "") => counts,
        (_, words) if counts.is_empty() => format!("/{words}"),
        (_, words) => format!("/{words}  {counts}"),
    }
}

fn counts(pane: Pane, model: &Model) -> String {
    match pane {
        Pane::Amfs => amfs::heading(model),
        Pane::Matrix if model.screen == Screen::Beside => beside::name(0, model),
        Pane::Other => beside::name(1, model),
        Pane::Matrix => matrix::heading(model),
        Pane::Traffic => traffic::heading(model),
        Pane::Io => io::heading(model),
        Pane::Locks => locks::heading(model),
        Pane::Group => group::heading(model),
        Pane::Log => log::heading(model),
        Pane::Heat => heat::heading(model),
        Pane::Card => card::heading(model),
        Pane::Chain => chain::heading(model),
        Pane::Inject => inject::heading(model),
        Pane::Active => active::heading(model),
        Pane::Lamps => lamps::heading(model),
        Pane::History => history::heading(model),
        Pane::Ladder => ladder::heading(model),
        Pane::Strip => strip::heading(model),
        Pane::Around => around::heading(model),
        Pane::Compare => compare::heading(model),
        Pane::Branches => branches::heading(model),
        Pane::Lesson => lesson::heading(model),
        Pane::Lessons => lessons::heading(model),
        Pane::Table => protocol::heading(model),
        Pane::Cell => cell::heading(model),
        Pane::Figures => beside::heading(model),
    }
}

/// What a snapshot must hold for this screen, with at most so many held messages.
#[must_use]
pub fn asked(plan: Option<&Plan>, model: &Model, held_max: usize) -> Ask {
    let (first, end) = blocks_shown(plan, model);
    let shows = |pane| plan.is_some_and(|plan| plan.inner(pane).is_some());
    let history = shows(Pane::History).then_some(model.selected.block);
    let lens = shows(Pane::Card).then_some(model.selected.block);
    let cells = model.screen == Screen::Protocol;
    Ask { first, end, held_max, lamps: shows(Pane::Lamps), history, cells, lens }
}

/// The part of the volume whose lines the screen shows.
fn blocks_shown(plan: Option<&Plan>, model: &Model) -> (u64, u64) {
    let here = model.selected.block.0;
    let Some(plan) = plan else { return (here, here + 1) };
    let (mut first, mut end) = (here, here + 1);
    for area in [Pane::Matrix, Pane::Other].into_iter().filter_map(|pane| plan.inner(pane)) {
        let page = matrix::page(area, model);
        (first, end) = (first.min(page.start), end.max(page.end));
    }
    if plan.inner(Pane::Heat).is_some() {
        let heat = model.heat;
        (first, end) = (first.min(heat.first), end.max(heat.first + heat.blocks));
    }
    (first, end)
}

fn too_small(frame: &mut Frame, area: Rect, model: &Model) {
    let (needs, has) = ((layout::COLUMNS_MIN, layout::ROWS_MIN), (area.width, area.height));
    let lines = [
        "terminal too small".to_owned(),
        format!("needs {}x{}, has {}x{}", needs.0, needs.1, has.0, has.1),
    ];
    let lines: Vec<Line> = lines.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).style(model.style(Role::Warn)), area);
}

/// The same for a recording, in which nothing can be done.
fn recording_hint(frame: &mut Frame, area: Rect, model: &Model) {
    let (key, text) = (model.style(Role::Key), model.style(Role::Text));
    let keys = |parts: &[(&'static str, &'static str)]| {
        let spans = parts.iter().flat_map(|(name, what)| {
            [Span::styled(format!(" {name}"), key), Span::styled(format!(" {what}"), text)]
        });
        spans.collect::<Line>()
    };
    let lines = vec![
        Line::styled(" This is a recording: one can go through it, and change nothing.", text),
        keys(&[(". ,", "a step on, back; "), ("> <", "100 steps; "), ("[ ]", "start, end")]),
        keys(&[
            (":goto N", "goes to step N; "),
            ("b", "forks; "),
            ("?", "all keys  (any key closes this)"),
        ]),
    ];
    frame.render_widget(Paragraph::new(lines).style(text), area);
}

/// Three lines for the first minute; any key closes them.
fn first_hint(frame: &mut Frame, area: Rect, model: &Model) {
    let key = model.style(Role::Key);
    let dim = model.style(Role::Dim);
    let said = |parts: &[(&'static str, bool)]| {
        let spans = parts.iter().map(|(text, is_key)| {
            Span::styled(*text, if *is_key { key } else { model.style(Role::Text) })
        });
        spans.collect::<Line>()
    };
    if model.is_recording() {
        return recording_hint(frame, area, model);
    }
    let workload =
        if model.workload_running() { " stops the workload." } else { " starts the workload." };
    let lines = vec![
        said(&[
            (" Arrows move over the caches; ", false),
            ("r", true),
            (" reads and ", false),
            ("w", true),
            (" writes there; ", false),
            ("p", true),
            (workload, false),
        ]),
        said(&[
            (" ", false),
            ("space", true),
            (" holds messages, ", false),
            ("n", true),
            (" frees one; ", false),
            ("-", true),
            (" slows time; ", false),
            ("x", true),
            (" crashes an AMF; ", false),
            ("4", true),
            (" faults", false),
        ]),
        Line::from_iter([
            Span::styled(" ?", key),
            Span::raw(" all keys, "),
            Span::styled("ctrl-p", key),
            Span::raw(" finds anything, "),
            Span::styled(":", key),
            Span::raw(" takes commands  "),
            Span::styled("(any key closes this)", dim),
        ]),
    ];
    frame.render_widget(Paragraph::new(lines).style(model.style(Role::Text)), area);
}
