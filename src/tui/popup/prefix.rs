//! Which key: what may follow the keys of a sequence that was begun, right above the status bar.
//!
//! ```text
//!                 ╭ G ────────────────────────────────────╮
//!                 │ v  To the next violation              │
//!                 │ f  To the next fault                  │
//!                 ╰──────────────────────────── esc leave ╯
//! ```

use super::super::keymap::{self, Key};
use super::super::model::Model;
use super::super::theme::Role;
use super::super::view::text::left;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

/// Columns of the box with whole sentences.
const WIDTH_MAX: u16 = 64;
/// Rows above the box that stay in sight.
const ROWS_LEFT: u16 = 2;

/// Draws the box above the bar.
pub fn render(frame: &mut Frame, bar: Rect, keys: &[Key], model: &Model) {
    let followers = model.keymap.followers(keys, model.focus());
    let most = usize::from(bar.y.saturating_sub(ROWS_LEFT + 2)).max(1);
    let columns = followers.len().div_ceil(most).max(1);
    let rows = followers.len().div_ceil(columns);
    let width = bar.width.min(if columns == 1 { WIDTH_MAX } else { bar.width });
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2).min(bar.y);
    let at = Rect { x: bar.right() - width, y: bar.y - height, width, height };
    let inside = super::framed(frame, at, &keymap::told(keys), "esc leaves", model);
    let wide = usize::from(inside.width) / columns;
    let key_wide = followers.iter().map(|(rest, _)| rest.width()).max().unwrap_or(1);
    let lines = (0..rows).map(|row| {
        let cells = followers.iter().skip(row).step_by(rows);
        let spans = cells.flat_map(|(rest, entry)| {
            let words =
                if columns == 1 || entry.short.is_empty() { entry.help } else { entry.short };
            let words = left(words, wide.saturating_sub(key_wide + 3), model.glyphs.more);
            [
                Span::styled(left(rest, key_wide, ' '), model.style(Role::Key)),
                Span::styled(format!("  {words} "), model.style(Role::Text)),
            ]
        });
        spans.collect::<Line>()
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inside);
}
