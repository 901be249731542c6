//! Active faults: what was done, since when, its receipt, and what ends it.
//!
//! ```text
//! ▸ link amf0 amf1 drop 20%                 since 12.345
//!     dropped 7 messages
//!     enter: link amf0 amf1 clear
//! ```

use super::super::fuzzy::Filter;
use super::super::model::{Model, Pane};
use super::super::snapshot::seconds;
use super::super::theme::Role;
use super::rows;
use super::text::{left, scroll};
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Rows of one fault.
const ROWS: usize = 3;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    model.cluster.now.faults.len().to_string()
}

/// Faults that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let faults = &model.cluster.now.faults;
    let filter = Filter::new(model.filter_of(Pane::Active));
    let matches = |at: &usize| {
        let fault = &faults[*at];
        filter.matches(&format!("{} {} {}", fault.what, fault.receipt, fault.undo))
    };
    (0..faults.len()).filter(matches).collect()
}

fn first_fault(area: Rect, model: &Model, shown: &[usize]) -> usize {
    let fitting = usize::from(area.height) / ROWS;
    let at = shown.iter().position(|at| *at == model.selected.fault).unwrap_or(0);
    scroll(at, fitting.max(1), shown.len())
}

/// The fault at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let shown = shown(model);
    let at = usize::from(row.checked_sub(area.y)?) / ROWS + first_fault(area, model, &shown);
    shown.get(at).copied()
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let more = model.glyphs.more;
    let faults = &model.cluster.now.faults;
    if faults.is_empty() {
        let lines = vec![
            Line::styled("none: everything works", model.style(Role::Good)),
            Line::styled("select one on the left, enter injects it", model.style(Role::Dim)),
        ];
        rows::draw(frame, area, &lines);
        return;
    }
    let mut lines = Vec::new();
    let shown = shown(model);
    if shown.is_empty() {
        lines.push(Line::styled("no fault matches; esc shows all", model.style(Role::Dim)));
    }
    let first = first_fault(area, model, &shown);
    let fitting = (usize::from(area.height) / ROWS).min(shown.len() - first);
    thumb::draw(frame, area, first..first + fitting, shown.len(), model);
    for (at, fault) in shown.into_iter().skip(first).map(|at| (at, &faults[at])) {
        let selected = at == model.selected.fault;
        let pick = if selected { model.glyphs.pick } else { ' ' };
        let role = if selected { Role::Title } else { Role::Bad };
        let since = format!(" since {}", seconds(fault.since));
        let room = width.saturating_sub(2 + since.len());
        lines.push(Line::from(vec![
            Span::styled(format!("{pick} "), model.style(Role::Focus)),
            Span::styled(left(&fault.what, room, more), model.style(role)),
            Span::styled(since, model.style(Role::Dim)),
        ]));
        lines.push(Line::styled(format!("    {}", fault.effect()), model.style(Role::Warn)));
        let key = if selected { "enter, U: " } else { "undo: " };
        lines.push(Line::from(vec![
            Span::styled(format!("    {key}"), model.style(Role::Key)),
            Span::styled(fault.undo.clone(), model.style(Role::Text)),
        ]));
    }
    rows::draw(frame, area, &lines);
}
