//! The strip above the status bar while a recording is folded: what for, how far, and how to end it.
//!
//! ```text
//!  looking back at main ██████░░░░░░░░░░ 38%  esc ends it
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::text::gauge;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the bar; on a narrow screen none.
const BAR: usize = 16;
/// From this width on there is one.
const WIDE: u16 = 70;

/// Draws the strip.
pub(super) fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let Some(job) = &model.job else { return };
    let bar = if area.width >= WIDE { BAR } else { 0 };
    let spans = [
        Span::styled(format!(" {} ", job.what), model.style(Role::Title)),
        Span::styled(gauge(job.percent, bar, model.glyphs), model.style(Role::Accent)),
        Span::styled(format!(" {}%  ", job.percent), model.style(Role::Text)),
        Span::styled("esc", model.style(Role::Key)),
        Span::styled(" ends it", model.style(Role::Dim)),
    ];
    frame.render_widget(Line::from_iter(spans), area);
}
