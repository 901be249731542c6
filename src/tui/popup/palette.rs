//! The palette: everything the console and the cluster can be told, found by a few letters.
//!
//! ```text
//! ╭ Palette ─────────────────────────────────────────╮
//! │ > crsh                                           │
//! │ ▸ crash AMF            the AMF stops; ...        │
//! ╰───────────────────────── enter do it  esc close ─╯
//! ```

use super::super::command;
use super::super::model::{Model, Palette, PaletteItem};
use super::super::theme::Role;
use super::super::view::text::{left, scroll};
use super::super::view::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Draws the palette.
pub fn render(frame: &mut Frame, area: Rect, palette: &Palette, model: &Model) {
    let size = (area.width.min(76), area.height.saturating_sub(2).min(20));
    let title = format!("Palette {}", palette.items.len());
    let inside = super::open(frame, size, &title, "enter do it  esc close", model);
    let prompt = Rect { height: 1, ..inside };
    super::line::prompt(frame, prompt, "> ", &palette.input, model);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let height = usize::from(list.height);
    let first = scroll(palette.at, height, palette.items.len());
    let width = usize::from(list.width);
    let rows = palette.items.iter().enumerate().skip(first).take(height);
    let lines: Vec<Line> =
        rows.map(|(at, item)| row(item, at == palette.at, width, model)).collect();
    if lines.is_empty() {
        frame.render_widget(Line::styled("nothing matches", model.style(Role::Dim)), list);
    }
    thumb::draw(frame, list, first..first + lines.len(), palette.items.len(), model);
    frame.render_widget(Paragraph::new(lines), list);
}

fn row<'a>(item: &PaletteItem, selected: bool, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let (name, help) = match item {
        PaletteItem::Act { act, name, help } => {
            let key = command::of(*act).and_then(|entry| model.keymap.key_of(entry));
            let key = key.map_or_else(String::new, |key| format!(" [{key}]"));
            (format!("{name}{key}"), *help)
        }
        PaletteItem::Command { usage, help, .. } => (format!(":{usage}"), *help),
    };
    let pick = if selected { model.glyphs.pick } else { ' ' };
    let (first, second) =
        if selected { (Role::Select, Role::Select) } else { (Role::Text, Role::Dim) };
    let wide = (width / 2).min(34);
    Line::from(vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(left(&name, wide, more), model.style(first)),
        Span::styled(
            left(&format!(" {help}"), width.saturating_sub(wide + 2), more),
            model.style(second),
        ),
    ])
}
