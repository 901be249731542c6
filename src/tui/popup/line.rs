//! The `:` line at the foot of the screen, with what could be completed above it.
//!
//! ```text
//!  crash  caw                                   <- tab goes through them
//! :cr|
//! ```

use super::super::command::VERBS;
use super::super::model::{LineInput, Model};
use super::super::theme::Role;
use super::super::view::text::left;
use super::notice;
use crate::trace::registry;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;
use tui_input::Input;

/// Draws the line, and above it candidates, an error, or how the command is written.
pub fn render(frame: &mut Frame, area: Rect, line: &LineInput, model: &Model) {
    prompt(frame, area, ":", &line.input, model);
    if let Some(error) = &line.error {
        notice::above(frame, area, error, model.style(Role::Bad), model);
        return;
    }
    let above = Rect { y: area.y.saturating_sub(1), height: 1, ..area };
    frame.render_widget(Clear, above);
    frame.render_widget(
        Line::raw(" ".repeat(usize::from(area.width))).style(model.style(Role::Text)),
        above,
    );
    frame.render_widget(remark(line, usize::from(area.width), model), above);
}

fn remark<'a>(line: &LineInput, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    if !line.candidates.is_empty() {
        let mut spans = vec![Span::raw(" ")];
        let mut used = 1;
        // The candidate in the line must be among those shown.
        let from = line.at.unwrap_or(0).saturating_sub(4);
        for (at, word) in line.candidates.iter().enumerate().skip(from) {
            used += word.chars().count() + 2;
            if used > width {
                break;
            }
            let role = if line.at == Some(at) { Role::Select } else { Role::Text };
            spans.push(Span::styled(word.clone(), model.style(role)));
            spans.push(Span::raw("  "));
        }
        return Line::from(spans);
    }
    let name = line.input.value().split_whitespace().next().unwrap_or_default();
    let text = match registry::find(name) {
        Some(entry) => format!(" {}    {}", entry.usage, entry.help),
        None => match VERBS.iter().find(|verb| verb.name == name.trim_end_matches('!')) {
            Some(verb) => format!(" {}    {}", verb.usage, verb.help),
            None => " a command; tab completes, up recalls, esc closes".to_owned(),
        },
    };
    Line::styled(left(&text, width, more), model.style(Role::Dim))
}

/// Draws a line to type in, with its cursor.
pub fn prompt(frame: &mut Frame, area: Rect, label: &str, input: &Input, model: &Model) {
    frame.render_widget(Clear, area);
    let wide = u16::try_from(label.len()).unwrap_or(0);
    let room = area.width.saturating_sub(wide + 1);
    let scroll = input.visual_scroll(usize::from(room));
    let shown: String = input.value().chars().skip(scroll).take(usize::from(room)).collect();
    let blank = Line::raw(" ".repeat(usize::from(area.width))).style(model.style(Role::Text));
    frame.render_widget(blank, area);
    let line = Line::from(vec![
        Span::styled(label.to_owned(), model.style(Role::Key)),
        Span::styled(shown, model.style(Role::Text)),
    ]);
    frame.render_widget(line, area);
    let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    frame.set_cursor_position((area.x + wide + column.min(room), area.y));
}
