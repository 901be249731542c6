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
use super::super::view::text::{left, wrap};
use crate::trace::registry;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Columns of the overlay; what is wider is hard to read.
const WIDTH_MAX: u16 = 92;

/// Draws the overlay.
pub fn render(frame: &mut Frame, area: Rect, help: &HelpState, model: &Model) {
    let size = (area.width.min(WIDTH_MAX), area.height.saturating_sub(2));
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
    let width = model.size.width.min(WIDTH_MAX).saturating_sub(2);
    lines(usize::from(width), model).len()
}

fn lines<'a>(width: usize, model: &Model) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut groups: Vec<&str> = Vec::new();
    for entry in ENTRIES {
        if !groups.contains(&entry.group) {
            groups.push(entry.group);
        }
    }
    for group in groups {
        title(&mut lines, group, model);
        for entry in ENTRIES.iter().filter(|entry| entry.group == group) {
            let keys: Vec<String> =
                model.keymap.keys_of(entry).map(|key| key.to_string()).collect();
            let place = match entry.scope {
                Scope::Everywhere => String::new(),
                Scope::Panes(panes) => {
                    let names: Vec<&str> = panes.iter().map(|pane| pane.title()).collect();
                    format!(" ({})", names.join(", "))
                }
            };
            let text = format!("{}{place}", entry.help);
            row(&mut lines, &keys.join(" "), &text, 16, width, model);
        }
    }
    title(&mut lines, "On the : line", model);
    for verb in VERBS {
        row(&mut lines, verb.usage, verb.help, 34, width, model);
    }
    for group in registry::Group::ALL {
        title(&mut lines, group.title(), model);
        for entry in registry::ENTRIES.iter().filter(|entry| entry.group == group) {
            row(&mut lines, entry.usage, entry.help, 34, width, model);
        }
    }
    title(&mut lines, "Signs", model);
    for (sign, meaning) in [
        ("M E S", "modified (dirty), exclusive, shared; r: a replica kept for another AMF"),
        ("* ? v '", "locked, waits, on its way to disk, not replicated yet"),
        ("volatile", "acknowledged writes would not survive the end of this process"),
    ] {
        row(&mut lines, sign, meaning, 16, width, model);
    }
    lines
}

fn title(lines: &mut Vec<Line<'_>>, text: &str, model: &Model) {
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines.push(Line::styled(text.to_owned(), model.style(Role::Title)));
}

/// Keys, or how a command is written, and what it does; what is too long goes on below.
fn row(lines: &mut Vec<Line<'_>>, key: &str, text: &str, wide: usize, width: usize, model: &Model) {
    let wide = wide.min(width / 2);
    let left_rows = wrap(key, wide);
    let right_rows = wrap(text, width.saturating_sub(wide + 3));
    for at in 0..left_rows.len().max(right_rows.len()) {
        let cell = |rows: &[String]| rows.get(at).cloned().unwrap_or_default();
        let key = left(&cell(&left_rows), wide, model.glyphs.more);
        lines.push(Line::from(vec![
            Span::styled(format!("  {key} "), model.style(Role::Key)),
            Span::styled(cell(&right_rows), model.style(Role::Text)),
        ]));
    }
}
