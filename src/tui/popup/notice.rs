//! A notice too long for its line: the whole of it above the status bar, until the next key.
//!
//! ```text
//!  gave up waiting for the hosts to be answered: amf0: 5 host operations;
//!  amf1 is joining
//!  claims  sim  e1  broadcast  ...
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::super::view::status;
use super::super::view::text::wrap;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

/// Most rows that text above a line takes.
const ROWS_MAX: u16 = 6;

/// Draws the notice if its own line has no room for it.
pub fn render(frame: &mut Frame, bar: Rect, model: &Model) {
    let Some(notice) = &model.notice else { return };
    if status::has_room(&notice.text, model) {
        return;
    }
    let style = model.style(status::role_of(notice.level));
    above(frame, bar, &notice.text, style, model);
}

/// Draws wrapped text right above a line, over what is there.
pub(super) fn above(frame: &mut Frame, line: Rect, text: &str, style: Style, model: &Model) {
    let rows = wrap(text, usize::from(line.width).saturating_sub(2));
    let height = u16::try_from(rows.len()).unwrap_or(ROWS_MAX).min(ROWS_MAX).min(line.y);
    let rows: Vec<Line> = rows.into_iter().map(|row| Line::raw(format!(" {row}"))).collect();
    let text = Paragraph::new(rows).style(model.style(Role::Text).patch(style));
    let area = Rect { y: line.y - height, height, ..line };
    frame.render_widget(Clear, area);
    frame.render_widget(text, area);
}
