//! Help: every key and every command, made from the two registries.
//!
//! ```text
//! ╭ Help ────────────────────────────────────────────╮
//! │ Moving around                                    │
//! │   ? f1        This overlay: every key and ...    │
//! ╰──────────────────────── up, down  esc close ─────╯
//! ```

use super::super::command::{ENTRIES, Scope, VERBS};
use super::super::model::{HelpState, Model};
use super::super::theme::Role;
use super::super::view::text::left;
use crate::trace::registry;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Draws the overlay.
pub fn render(frame: &mut Frame, area: Rect, help: &HelpState, model: &Model) {
    let size = (area.width.min(92), area.height.saturating_sub(2));
    let keys = "up, down, page up, page down  esc close";
    let inside = super::open(frame, size, "Help", keys, model);
    let lines = lines(usize::from(inside.width), model);
    let first = help.scroll.min(last_scroll(lines.len(), usize::from(inside.height)));
    let shown: Vec<Line> = lines.into_iter().skip(first).take(usize::from(inside.height)).collect();
    frame.render_widget(Paragraph::new(shown), inside);
}

/// The furthest that a text of so many lines scrolls.
#[must_use]
pub fn last_scroll(lines: usize, height: usize) -> usize {
    lines.saturating_sub(height)
}

/// How many lines the overlay has.
#[must_use]
pub fn line_count(model: &Model) -> usize {
    lines(80, model).len()
}

fn lines<'a>(width: usize, model: &Model) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut group = "";
    for entry in ENTRIES {
        if entry.group != group {
            group = entry.group;
            title(&mut lines, group, model);
        }
        let keys: Vec<String> = model.keymap.keys_of(entry).map(|key| key.to_string()).collect();
        let place = match entry.scope {
            Scope::Everywhere => String::new(),
            Scope::Panes(panes) => {
                let names: Vec<&str> = panes.iter().map(|pane| pane.title()).collect();
                format!(" ({})", names.join(", "))
            }
        };
        lines.push(row(&keys.join(" "), &format!("{}{place}", entry.help), 16, width, model));
    }
    title(&mut lines, "On the : line", model);
    for verb in VERBS {
        lines.push(row(verb.usage, verb.help, 34, width, model));
    }
    for group in registry::Group::ALL {
        title(&mut lines, group.title(), model);
        for entry in registry::ENTRIES.iter().filter(|entry| entry.group == group) {
            lines.push(row(entry.usage, entry.help, 34, width, model));
        }
    }
    title(&mut lines, "Signs", model);
    for (sign, meaning) in [
        ("M E S", "modified (dirty), exclusive, shared; r: a replica kept for another AMF"),
        ("* ? v '", "locked, waits, on its way to disk, not replicated yet"),
        ("volatile", "acknowledged writes would not survive the end of this process"),
    ] {
        lines.push(row(sign, meaning, 16, width, model));
    }
    lines
}

fn title(lines: &mut Vec<Line<'_>>, text: &str, model: &Model) {
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines.push(Line::styled(text.to_owned(), model.style(Role::Title)));
}

fn row<'a>(key: &str, text: &str, wide: usize, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let wide = wide.min(width / 2);
    Line::from(vec![
        Span::styled(format!("  {} ", left(key, wide, more)), model.style(Role::Key)),
        Span::styled(left(text, width.saturating_sub(wide + 3), more), model.style(Role::Text)),
    ])
}
