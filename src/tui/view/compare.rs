//! Two runs side by side, from the first step in which they differ: that stands out. What happens in
//! both stands side by side, and is dim.
//!
//! ```text
//! the same up to step 412
//!   main                                   b1
//!                                             413 amf0→amf2    < access-shared b3
//!    413 amf0→amf1    < access-shared b3      415 amf0→amf1    < access-shared b3
//!    414 amf1→amf0    > sends grant b3        416 amf1→amf0    > sends grant b3
//! ```

use super::super::fuzzy::Filter;
use super::super::model::timeline::Compared;
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::left;
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

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
        let told = sides[at].iter().find(|told| !told.is_empty());
        let told = told.map_or("nothing more happens", |told| told.trim_start());
        format!("  {}: {told}", names[at])
    };
    Some(format!("step {}\n{}\n{}", same + 1, side(0), side(1)))
}

/// The rows that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let Some(compared) = &model.compared else { return Vec::new() };
    let filter = Filter::new(model.filter_of(Pane::Compare));
    let rows = compared.sides.iter().map(Vec::len).max().unwrap_or(0);
    let told = |at: usize, side: usize| compared.sides[side].get(at).map_or("", String::as_str);
    let matches = |at: &usize| (0..2).any(|side| filter.matches(told(*at, side)));
    (0..rows).filter(matches).collect()
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let Some(compared) = &model.compared else {
        let text = "nothing is compared yet: C, or :compare NAME NAME";
        return rows::draw(frame, area, &[Line::styled(text, model.style(Role::Dim))]);
    };
    let Compared { names, same, sides, first } = compared;
    let width = usize::from(area.width);
    let half = width.saturating_sub(2) / 2;
    let more = model.glyphs.more;
    let bar = Span::styled(format!("{} ", model.glyphs.bar), model.style(Role::Border));
    let line = |texts: [&str; 2], role: Role| {
        let style = model.style(role);
        Line::from_iter([
            Span::styled(left(texts[0], half, more), style),
            bar.clone(),
            Span::styled(left(texts[1], half, more), style),
        ])
    };
    let mut lines = vec![line([&names[0], &names[1]], Role::Title)];
    let rows = sides.iter().map(Vec::len).max().unwrap_or(0);
    if rows == 0 {
        lines.push(Line::styled(format!("equal: {same} steps"), model.style(Role::Good)));
    }
    // Behind the number of its step.
    let what = |side: usize, at: usize| {
        sides[side].get(at).and_then(|told| told.trim_start().split_once(' ')).map(|(_, what)| what)
    };
    let differs = |at: &usize| what(0, *at) != what(1, *at);
    let parts = (0..rows).find(differs);
    let shown = shown(model);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let fitting = usize::from(list.height).min(shown.len().saturating_sub(*first));
    thumb::draw(frame, list, *first..first + fitting, shown.len(), model);
    for at in shown.into_iter().skip(*first) {
        if lines.len() >= usize::from(area.height) {
            break;
        }
        let told = |side: usize| sides[side].get(at).map_or("", String::as_str);
        let role = match () {
            () if parts == Some(at) => Role::Select,
            () if differs(&at) => Role::Text,
            () => Role::Dim,
        };
        lines.push(line([told(0), told(1)], role));
    }
    rows::draw(frame, area, &lines);
}
