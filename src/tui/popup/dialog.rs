//! A host operation to be typed; the command it makes stands below the fields.
//!
//! ```text
//! ╭ Write ──────────────────────────────╮
//! │ AMF    amf1                         │
//! │ block  17                           │
//! │ data   hello                        │
//! │ > write amf1 17 "hello"             │
//! ╰───────── tab next  enter do it ─────╯
//! ```

use super::super::model::{Dialog, DialogKind, Model};
use super::super::theme::Role;
use super::super::update::dialog::command_text;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

/// Columns of the names of fields.
const LABEL: u16 = 8;

/// The title of a dialog.
#[must_use]
pub fn title(kind: DialogKind) -> &'static str {
    match kind {
        DialogKind::Write => "Write",
        DialogKind::CompareAndWrite => "Compare and write",
        DialogKind::Trim => "Trim",
    }
}

/// Draws the dialog.
pub fn render(frame: &mut Frame, area: Rect, dialog: &Dialog, model: &Model) {
    let fields = u16::try_from(dialog.fields.len()).unwrap_or(4);
    let width = area.width.min(60);
    let keys = "tab next field  enter do it  esc cancel";
    let inside = super::open(frame, (width, fields + 5), title(dialog.kind), keys, model);
    let room = inside.width.saturating_sub(LABEL + 1);
    for (row, (at, (name, input))) in
        (inside.y..inside.bottom()).zip(dialog.fields.iter().enumerate())
    {
        let here = at == dialog.at;
        let scroll = input.visual_scroll(usize::from(room));
        let shown: String = input.value().chars().skip(scroll).take(usize::from(room)).collect();
        let label = if here { Role::Key } else { Role::Dim };
        let line = Line::from(vec![
            Span::styled(format!("{name:<width$}", width = usize::from(LABEL)), model.style(label)),
            Span::styled(shown, model.style(if here { Role::Title } else { Role::Text })),
        ]);
        frame.render_widget(line, Rect { y: row, height: 1, ..inside });
        if here {
            let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
            frame.set_cursor_position((inside.x + LABEL + column.min(room), row));
        }
    }
    let (text, role) = match &dialog.error {
        Some(error) => (error.clone(), Role::Bad),
        None => (format!(": {}", command_text(dialog)), Role::Accent),
    };
    let below = Rect {
        y: inside.y + fields + 1,
        height: inside.height.saturating_sub(fields + 1),
        ..inside
    };
    let text = Paragraph::new(text).style(model.style(role)).wrap(Wrap { trim: true });
    frame.render_widget(text, below);
}
