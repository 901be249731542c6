//! The frame of a pane: a box where there is room, else a rule with the title.
//!
//! ```text
//! ╭ Host I/O · Locks · Group ────── 12 running ╮      ─ Host I/O · Locks · Group ──── 12 running ─
//! │ the pane                                   │       the pane
//! ╰────────────────────────────────────────────╯
//! ```

use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::layout::{Class, Slot};
use super::text::left;
use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders};
use unicode_width::UnicodeWidthStr;

/// Fewest columns of a pane's counts and filters that say something.
const DETAIL_MIN: usize = 12;

/// What is left for the pane inside its frame.
#[must_use]
pub fn inner(area: Rect, class: Class) -> Rect {
    if class >= Class::Large {
        return area.inner(Margin::new(2, 1));
    }
    let left = u16::from(area.x > 0);
    Rect {
        x: area.x + left + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(left + 2),
        height: area.height.saturating_sub(1),
    }
}

/// Draws the frame of a slot; `detail` stands at the right of its title.
pub fn draw(frame: &mut Frame, slot: &Slot, class: Class, model: &Model, detail: &str) -> Rect {
    let focused = model.focus() == slot.pane;
    let edge = model.style(if focused { Role::Focus } else { Role::Border });
    let area = slot.area;
    let dot = model.glyphs.dot;
    let mut title = vec![Span::styled(" ", edge)];
    for (at, pane) in titles(slot).into_iter().enumerate() {
        if at > 0 {
            title.push(Span::styled(format!(" {dot} "), model.style(Role::Dim)));
        }
        let role = match (pane == slot.pane, focused) {
            (true, true) => Role::Focus,
            (true, false) => Role::Title,
            (false, _) => Role::Dim,
        };
        title.push(Span::styled(pane.title(), model.style(role)));
    }
    title.push(Span::styled(" ", edge));
    let room = usize::from(area.width).saturating_sub(4);
    let (title, used) = fit(title, room);
    // What is too long is cut, as long as something is left of it.
    let free = room.saturating_sub(used + 3);
    let detail = if detail.is_empty() || free < detail.width().min(DETAIL_MIN) {
        Line::default()
    } else {
        let shown = left(detail, free.min(detail.width()), model.glyphs.more);
        Line::styled(format!(" {} ", shown.trim_end()), model.style(Role::Dim)).right_aligned()
    };
    let block = Block::new().border_set(model.glyphs.border).border_style(edge);
    if class >= Class::Large {
        frame.render_widget(block.borders(Borders::ALL).title(title).title(detail), area);
    } else {
        let rule = model.glyphs.rule.repeat(usize::from(area.width));
        let top = Rect { height: 1, ..area };
        frame.render_widget(Span::styled(rule, edge), top);
        let inside = top.inner(Margin::new(1, 0));
        let width = u16::try_from(used).unwrap_or(u16::MAX);
        frame.render_widget(title, Rect { width: width.min(inside.width), ..inside });
        let wide = u16::try_from(detail.width()).unwrap_or(u16::MAX).min(inside.width);
        let at = Rect { x: inside.right() - wide, width: wide, ..inside };
        frame.render_widget(detail.left_aligned(), at);
        if area.x > 0 {
            let bar = Span::styled(model.glyphs.bar, model.style(Role::Border));
            for y in area.y..area.bottom() {
                frame.render_widget(&bar, Rect::new(area.x, y, 1, 1));
            }
        }
    }
    inner(area, class)
}

/// The panes whose titles are shown, in order: from the shown one on, if not all of them fit.
fn titles(slot: &Slot) -> Vec<Pane> {
    let wide: usize = slot.stack.iter().map(|pane| pane.title().width() + 3).sum();
    let mut panes = slot.stack.clone();
    if wide + 4 > usize::from(slot.area.width)
        && let Some(at) = panes.iter().position(|pane| *pane == slot.pane)
    {
        panes.rotate_left(at);
    }
    panes
}

/// As many spans as fit, and their width.
fn fit(spans: Vec<Span<'_>>, room: usize) -> (Line<'_>, usize) {
    let mut used = 0;
    let mut kept = Vec::new();
    for span in spans {
        if used + span.width() > room {
            break;
        }
        used += span.width();
        kept.push(span);
    }
    (Line::from(kept), used)
}

/// The pane whose title is at this column of a slot's first row.
#[must_use]
pub fn title_at(slot: &Slot, column: u16) -> Option<Pane> {
    let mut x = usize::from(slot.area.x) + 2;
    for pane in titles(slot) {
        let wide = pane.title().width();
        if (x..x + wide).contains(&usize::from(column)) {
            return Some(pane);
        }
        x += wide + 3;
    }
    None
}
