//! A question, asked once.
//!
//! ```text
//! ╭ Fail disk0? ──────────────────────────╮
//! │ It holds the last good copy.          │
//! ╰──────────────── y yes  n, esc no ─────╯
//! ```

use super::super::model::{Confirm, Model};
use super::super::theme::Role;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

/// Draws the question.
pub fn render(frame: &mut Frame, area: Rect, confirm: &Confirm, model: &Model) {
    let width = area.width.min(56);
    let columns = usize::from(width.saturating_sub(4)).max(1);
    let rows = u16::try_from(confirm.reason.width().div_ceil(columns)).unwrap_or(3) + 3;
    let inside = super::open(frame, (width, rows), &confirm.question, "y yes  n, esc no", model);
    let text = Paragraph::new(confirm.reason.as_str()).wrap(Wrap { trim: true });
    frame.render_widget(text.style(model.style(Role::Text)), inside);
}
