//! The list of lessons, and what is to be known of the selected one.
//!
//! ```text
//!   * 01 What is an AMF?                                6 min   7/7
//! > - 02 A write takes its data from the host           6 min
//!   ...
//!  What the host gave is what the cache holds ... (claim 2)
//! ```

use super::super::model::Model;
use super::super::model::learn::LessonRow;
use super::super::theme::Role;
use super::rows;
use super::text::{left, right, scroll, wrap};
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Rows below the list for the selected lesson, its rule included.
const ABOUT_ROWS: u16 = 3;
/// Below this height the list has all rows.
const ABOUT_MIN: u16 = 8;
/// Columns behind the title.
const TAIL: usize = 15;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let learn = &model.learn;
    if !learn.filter.is_empty() {
        return format!("/{}: {}", learn.filter, learn.shown().count());
    }
    let passed = learn.rows.iter().filter(|row| row.passed).count();
    format!("{passed} of {} passed", learn.rows.len())
}

/// Rows of the list itself.
fn list_rows(area: Rect) -> usize {
    usize::from(if area.height < ABOUT_MIN { area.height } else { area.height - ABOUT_ROWS })
}

/// The lesson at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let total = model.learn.shown().count();
    let rows = list_rows(area);
    let below = usize::from(row.checked_sub(area.y)?);
    let at = scroll(model.learn.at, rows, total) + below;
    (below < rows && at < total).then_some(at)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let dim = model.style(Role::Dim);
    let total = model.learn.shown().count();
    if total == 0 {
        let said = if model.learn.rows.is_empty() {
            "there are no lessons here"
        } else {
            "no lesson matches the filter; esc clears it"
        };
        return rows::draw(frame, area, &[Line::styled(said, dim)]);
    }
    let height = list_rows(area);
    let first = scroll(model.learn.at, height, total);
    let shown = model.learn.shown().enumerate().skip(first).take(height);
    let mut lines: Vec<Line> =
        shown.map(|(at, row)| line(row, at == model.learn.at, width, model)).collect();
    let list = Rect { height: u16::try_from(height).unwrap_or(area.height), ..area };
    thumb::draw(frame, list, first..first + lines.len(), total, model);
    if let Some(row) = model.learn.selected().filter(|_| area.height >= ABOUT_MIN) {
        while lines.len() < height {
            lines.push(Line::raw(""));
        }
        let rule = model.glyphs.rule.repeat(width);
        lines.push(Line::styled(rule, model.style(Role::Border)));
        let claims: Vec<String> = row.claims.iter().map(ToString::to_string).collect();
        let claims = match claims.len() {
            0 => String::new(),
            1 => format!(" Claim {}.", claims[0]),
            _ => format!(" Claims {}.", claims.join(", ")),
        };
        let about = wrap(&format!("{}{claims}", row.summary), width);
        lines.extend(about.into_iter().map(|row| Line::styled(row, model.style(Role::Text))));
    }
    rows::draw(frame, area, &lines);
}

fn line<'a>(row: &LessonRow, selected: bool, width: usize, model: &Model) -> Line<'a> {
    let glyphs = model.glyphs;
    let pick = if selected { glyphs.pick } else { ' ' };
    let (mark, role) = match (row.passed, row.best) {
        (true, _) => (glyphs.arrived, Role::Good),
        (false, Some(_)) => (glyphs.off, Role::Warn),
        (false, None) => (glyphs.none, Role::Dim),
    };
    let number = row.name.split('-').next().unwrap_or_default();
    let points = match (row.left_at, row.best) {
        (Some((at, _)), _) => format!("step {at}"),
        (None, Some((points, of))) => format!("{points}/{of}"),
        (None, None) => String::new(),
    };
    let room = width.saturating_sub(7 + TAIL);
    let title = left(&row.title, room, glyphs.more);
    let mut spans = vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(format!("{mark} "), model.style(role)),
        Span::styled(format!("{number} "), model.style(Role::Dim)),
        Span::styled(title, model.style(Role::Title)),
        Span::styled(format!(" {:>2} min", row.minutes), model.style(Role::Dim)),
        Span::styled(right(&points, 8, glyphs.more), model.style(Role::Accent)),
    ];
    if selected {
        for span in &mut spans[1..] {
            span.style = model.style(Role::Select);
        }
    }
    Line::from(spans)
}
