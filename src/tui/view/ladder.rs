//! The space-time diagram: one column a place, one row an event.
//!
//! ```text
//! seconds     hosts    amf0    amf1    disk0
//! 0.002600      ├──────▶        │        │    op1 write b0 "alpha"
//!               │      ├──inv───▶        │    access-exclusive b0 t1.1.0
//! step 41  amf1 got access-exclusive amf0->amf1 b0 t1.1.0
//! ```

use super::super::fuzzy::Filter;
use super::super::model::ladder::{Places, columns};
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::{count, left};
use super::thumb;
use super::traffic::kind_role;
use crate::timeline::ladder::cone::Reach;
use crate::timeline::ladder::draw::{ASCII, Frame as Diagram, Ink, Piece, RICH};
use crate::timeline::ladder::{Column, Row};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Rows of the pane that are no rows of the diagram: the titles, and what is selected.
const OTHER_ROWS: u16 = 2;

/// Rows of the diagram.
#[must_use]
pub fn height(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(OTHER_ROWS))
}

/// What is shown, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let ladder = &model.ladder;
    let mut words = Vec::new();
    // What is left out, or looked for, comes first: the rest may be cut.
    if !model.filter.is_empty() {
        words.push(format!("/{}", model.filter));
    }
    if let Some(followed) = &ladder.followed {
        let reach = match followed.reach {
            Reach::Own => "only",
            Reach::Cone => "cause and effect of",
        };
        words.push(format!("{reach} op{}", followed.op.0));
    }
    words.push(ladder.level.name().to_owned());
    words.push(match &ladder.places {
        Places::All => "all places".to_owned(),
        Places::Busy => "busy places".to_owned(),
        Places::Amfs => "AMFs".to_owned(),
        Places::Only(columns) => format!("{} places", columns.len()),
    });
    match ladder.told {
        Some((from, to)) => words.push(format!("steps {from} to {to}")),
        None => words.push(format!("{} events", count(ladder.known() as u64))),
    }
    words.join(&format!(" {} ", model.glyphs.dot))
}

/// How it is laid out.
#[must_use]
pub fn diagram(area: Rect, model: &Model) -> Diagram {
    let signs = if *model.glyphs == super::super::glyph::ASCII { ASCII } else { RICH };
    let width = usize::from(area.width);
    Diagram::fit(&columns(model), model.ladder.first_column, width, signs)
}

/// The row of the diagram at this row of the screen.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<Row> {
    let at = usize::from(row.checked_sub(area.y + 1)?);
    let (page, _) = model.ladder.page(height(area));
    page.into_iter().nth(at)
}

/// The place whose title is here.
#[must_use]
pub fn title_at(area: Rect, model: &Model, column: u16, row: u16) -> Option<Column> {
    if row != area.y {
        return None;
    }
    diagram(area, model).column_at(usize::from(column.checked_sub(area.x)?))
}

/// The places on the screen, and where their titles stand.
#[must_use]
pub fn places(area: Rect, model: &Model) -> Vec<((u16, u16), Column)> {
    let diagram = diagram(area, model);
    let begins = |index: usize| u16::try_from(diagram.begins(index)).unwrap_or(u16::MAX);
    let place = |(index, column): (usize, &Column)| ((area.x + begins(index), area.y), *column);
    diagram.columns.iter().enumerate().map(place).collect()
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let diagram = diagram(area, model);
    let (page, at) = model.ladder.page(height(area));
    let mut lines = vec![head(&diagram, model)];
    if page.is_empty() {
        lines.push(Line::styled(nothing(model), model.style(Role::Dim)));
    }
    let here = model.cluster.now.step;
    let mut before = None;
    let filter = (!model.filter.is_empty()).then(|| Filter::new(&model.filter));
    for (index, row) in page.iter().enumerate() {
        let mut drawn = line(diagram.line(row, before == Some(row.now)), model);
        let is_match = filter.as_ref().is_some_and(|filter| matches(row, filter));
        if model.is_recording() && row.at.step > here {
            // It has not happened yet where the recording stands.
            drawn.spans.iter_mut().for_each(|span| span.style = model.style(Role::Dim));
        }
        if is_match {
            // Its words stand out, also without a colour, and where it has not happened yet.
            if let Some(words) = drawn.spans.last_mut() {
                words.style = matching(model);
            }
        }
        if Some(index) == at {
            drawn.spans.iter_mut().for_each(|span| span.style = model.style(Role::Select));
        }
        lines.push(drawn);
        before = Some(row.now);
    }
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(OTHER_ROWS), ..area };
    let (shown, events) = model.ladder.place(&page);
    thumb::draw(frame, body, shown, events, model);
    rows::draw(frame, Rect { height: area.height.saturating_sub(1), ..area }, &lines);
    let Some(row) = at.and_then(|at| page.get(at)) else { return };
    let last = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    let told = told(row, model);
    let told = left(&told, usize::from(area.width), model.glyphs.more);
    rows::draw(frame, last, &[Line::styled(told, model.style(Role::Title))]);
}

/// The titles; the selected one is marked while the pane has the keys.
fn head<'a>(diagram: &Diagram, model: &Model) -> Line<'a> {
    let head = line(diagram.head(), model);
    let picked = diagram.columns.iter().position(|column| Some(*column) == model.ladder.column);
    let Some(at) = picked.filter(|_| model.focus() == Pane::Ladder) else { return head };
    let role = |index: usize| if index == at { Role::Cursor } else { Role::Text };
    let mut spans = Vec::new();
    for span in head.spans {
        // The titles are one piece, each as wide as its column.
        if span.content.chars().count() != diagram.body() || diagram.body() == 0 {
            spans.push(span);
            continue;
        }
        let cells: Vec<char> = span.content.chars().collect();
        for (index, title) in cells.chunks(diagram.column).enumerate() {
            let title: String = title.iter().collect();
            spans.push(Span::styled(title, model.style(role(index))));
        }
    }
    Line::from(spans)
}

fn nothing(model: &Model) -> &'static str {
    let ladder = &model.ladder;
    match (ladder.is_empty(), model.is_recording()) {
        (true, true) => "nothing happened here",
        (true, false) => "nothing has happened yet: r reads, w writes, p starts the workload",
        (false, _) => "nothing of what is known is shown; esc shows all, v shows more",
    }
}

/// What is selected, in full.
fn told(row: &Row, model: &Model) -> String {
    let dot = model.glyphs.dot;
    let op = row.op.map_or_else(String::new, |op| format!(" {dot} for op{}", op.0));
    let place = row.what.place().title();
    format!("step {} {dot} {place} {dot} {}{op}", row.at.step, row.text)
}

/// How the words of a row look that has what is looked for.
pub(super) fn matching(model: &Model) -> Style {
    model.style(Role::Accent).add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
}

/// The row has every word.
#[must_use]
pub fn matches(row: &Row, filter: &Filter) -> bool {
    let op = row.op.map_or_else(String::new, |op| format!("op{}", op.0));
    let text = format!("{} {op} {}", row.what.place().title(), row.text.replace("->", " "));
    filter.matches(&text)
}

fn line<'a>(pieces: Vec<Piece>, model: &Model) -> Line<'a> {
    let span = |(ink, text): Piece| Span::styled(text, model.style(role(ink)));
    pieces.into_iter().map(span).collect()
}

/// How a piece of the diagram looks.
const fn role(ink: Ink) -> Role {
    match ink {
        Ink::Life => Role::Border,
        Ink::Dim => Role::Dim,
        Ink::Text => Role::Text,
        Ink::Host => Role::Accent,
        Ink::Message(kind) => kind_role(kind),
        Ink::Disk => Role::Disk,
        Ink::State => Role::Title,
        Ink::View => Role::Warn,
        Ink::Bad | Ink::Violation => Role::Bad,
    }
}
