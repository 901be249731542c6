//! Active faults: what was done, since when, its receipt, and what ends it.
//!
//! ```text
//! ▸ link amf0 amf1 drop 20%                 since 12.345
//!     dropped 7 messages
//!     enter: link amf0 amf1 clear
//! ```

use super::super::model::Model;
use super::super::snapshot::seconds;
use super::super::theme::Role;
use super::rows;
use super::text::{left, scroll};
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

fn first_fault(area: Rect, model: &Model) -> usize {
    let fitting = usize::from(area.height) / ROWS;
    scroll(model.selected.fault, fitting.max(1), model.cluster.now.faults.len())
}

/// The fault at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let at = usize::from(row.checked_sub(area.y)?) / ROWS + first_fault(area, model);
    (at < model.cluster.now.faults.len()).then_some(at)
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
    for (at, fault) in faults.iter().enumerate().skip(first_fault(area, model)) {
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
        let receipt = if fault.receipt.is_empty() { "no effect yet" } else { &fault.receipt };
        lines.push(Line::styled(format!("    {receipt}"), model.style(Role::Warn)));
        let key = if selected { "enter, U: " } else { "undo: " };
        lines.push(Line::from(vec![
            Span::styled(format!("    {key}"), model.style(Role::Key)),
            Span::styled(fault.undo.clone(), model.style(Role::Text)),
        ]));
    }
    rows::draw(frame, area, &lines);
}
