//! Two runs side by side, from the first step in which they differ: that stands out.
//!
//! ```text
//! the same up to step 412
//!        main                              b1
//!    413 amf1: packet 7 from amf0          amf2: packet 3 from amf0
//!    414 amf2: packet 3 from amf0          amf1: packet 7 from amf0
//! ```

use super::super::model::Model;
use super::super::model::timeline::Compared;
use super::super::theme::Role;
use super::rows;
use super::text::left;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Room for the number of a step, and a space.
const NUMBER: usize = 9;

/// Which, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let Some(compared) = &model.compared else { return String::new() };
    let [a, b] = &compared.names;
    format!("{a} and {b}, the same up to step {}", compared.same)
}

/// Where they part, to be copied.
#[must_use]
pub fn text(model: &Model) -> Option<String> {
    let Compared { names, same, sides, .. } = model.compared.as_ref()?;
    let side = |at: usize| {
        let told = sides[at].first().map_or("has no more steps", String::as_str);
        format!("  {}: {told}", names[at])
    };
    Some(format!("step {}\n{}\n{}", same + 1, side(0), side(1)))
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let Some(compared) = &model.compared else {
        let text = "nothing is compared yet: C, or :compare NAME NAME";
        return rows::draw(frame, area, &[Line::styled(text, model.style(Role::Dim))]);
    };
    let Compared { names, same, sides, first } = compared;
    let width = usize::from(area.width);
    let half = width.saturating_sub(NUMBER + 2) / 2;
    let more = model.glyphs.more;
    let bar = Span::styled(format!("{} ", model.glyphs.bar), model.style(Role::Border));
    let line = |number: String, texts: [&str; 2], role: Role| {
        let style = model.style(role);
        Line::from_iter([
            Span::styled(format!("{number:>8} "), model.style(Role::Dim)),
            Span::styled(left(texts[0], half, more), style),
            bar.clone(),
            Span::styled(left(texts[1], half, more), style),
        ])
    };
    let mut lines = vec![line("step".to_owned(), [&names[0], &names[1]], Role::Title)];
    let rows = sides.iter().map(Vec::len).max().unwrap_or(0);
    if rows == 0 {
        lines.push(Line::styled(format!("equal: {same} steps"), model.style(Role::Good)));
    }
    for at in *first..rows {
        if lines.len() >= usize::from(area.height) {
            break;
        }
        let told = |side: usize| sides[side].get(at).map_or("", String::as_str);
        let number = (same + 1 + at as u64).to_string();
        let role = match () {
            () if at == 0 => Role::Select,
            () if told(0) == told(1) => Role::Dim,
            () => Role::Text,
        };
        lines.push(line(number, [told(0), told(1)], role));
    }
    rows::draw(frame, area, &lines);
}
