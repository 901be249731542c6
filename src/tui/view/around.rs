//! What happened around the position, one event a line: the same rows, and the same cursor, as in the
//! space-time diagram. What has not happened yet where one stands is dim.
//!
//! ```text
//!    411 amf1→amf0    > sends access-exclusive b17 t3.120.1
//! ▸  412 amf1→amf0    < access-exclusive b17 t3.120.1
//!    413 amf0         ~ b17 M -> I
//! ```

use super::super::fuzzy::Filter;
use super::super::model::Model;
use super::super::theme::Role;
use super::ladder::{matches, matching};
use super::rows;
use super::text::left;
use super::thumb;
use crate::timeline::ladder::{Row, What};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// What is shown, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    super::ladder::heading(model)
}

/// The rows on the screen: as many before the cursor as after it.
fn shown(area: Rect, model: &Model) -> Vec<Row> {
    let height = usize::from(area.height);
    let ladder = &model.ladder;
    let Some(here) = ladder.selected() else { return Vec::new() };
    let after = ladder.after(here.at, height);
    let before = ladder.before(Some(here.at), height - (height / 2).min(after.len()));
    let mut rows = before;
    rows.extend(after);
    rows.truncate(height);
    rows
}

/// The row at this row of the screen.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<Row> {
    let at = usize::from(row.checked_sub(area.y)?);
    shown(area, model).into_iter().nth(at)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let rows = shown(area, model);
    let selected = model.ladder.selected().map(|row| row.at);
    let here = model.cluster.now.step;
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    if rows.is_empty() {
        let text =
            if model.is_recording() { "nothing happened here" } else { "nothing has happened yet" };
        lines.push(Line::styled(text, model.style(Role::Dim)));
    }
    // The last row of the position, where it stands.
    let stands = rows.iter().rposition(|row| row.at.step <= here);
    let filter = (!model.filter.is_empty()).then(|| Filter::new(&model.filter));
    for (index, row) in rows.iter().enumerate() {
        let pick = if Some(index) == stands { model.glyphs.pick } else { ' ' };
        let text = format!("{pick}{:>6} {}", row.at.step, row.told(model.glyphs.arrow));
        let style = match () {
            () if Some(row.at) == selected => model.style(Role::Select),
            () if filter.as_ref().is_some_and(|filter| matches(row, filter)) => matching(model),
            () if model.is_recording() && row.at.step > here => model.style(Role::Dim),
            () => model.style(role(row)),
        };
        lines.push(Line::styled(left(&text, width, model.glyphs.more), style));
    }
    let (range, total) = model.ladder.place(&rows);
    thumb::draw(frame, area, range, total, model);
    rows::draw(frame, area, &lines);
}

const fn role(row: &Row) -> Role {
    match &row.what {
        What::Arrow { lost: true, .. } | What::Fault(_) | What::Violation(_) => Role::Bad,
        What::View(_) | What::Joined(_) => Role::Warn,
        What::State(..) | What::Commit(..) => Role::Title,
        What::Rule(_) | What::Leaves { .. } => Role::Dim,
        What::Arrow { .. } | What::Note(_) => Role::Text,
    }
}
