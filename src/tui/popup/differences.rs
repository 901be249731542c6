//! What differs between two steps, machine by machine.
//!
//! ```text
//! ╭ Steps 97 and 131: 12 things differ ──────────────╮
//! │ amf1                                             │
//! │ ~ line b3        S v1.8.0 "a" → M v1.9.1 "b"     │
//! │ + lock b3        holding exclusive t3.9.1        │
//! │ - replica b7 ..  v1.6.0                          │
//! ╰──────────── up, down  / filter  esc close ───────╯
//! ```

use super::super::fuzzy::Filter;
use super::super::model::{HelpState, Model};
use super::super::theme::Role;
use super::super::view::text::{left, wrap};
use crate::protocol::Many;
use crate::trace::change::{Change, Differences};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the overlay.
const WIDTH_MAX: u16 = 120;
/// Columns of what differs, at most.
const WHAT_WIDE: usize = 24;

/// Draws the overlay.
pub fn render(
    frame: &mut Frame,
    area: Rect,
    state: &HelpState,
    found: &Differences,
    model: &Model,
) {
    let [from, to] = found.positions;
    let all = found.changes.len() as u64 + found.more;
    let differ = if all == 1 { "differs" } else { "differ" };
    let title = format!("Steps {from} and {to}: {} {differ}", Many(all, "thing"));
    super::help::scrolled(frame, area, WIDTH_MAX, &title, state, model, |width| {
        lines(width, state, found, model)
    });
}

/// How many lines it has.
#[must_use]
pub fn line_count(state: &HelpState, found: &Differences, model: &Model) -> usize {
    let width = super::help::width(model, WIDTH_MAX);
    lines(width, state, found, model).len()
}

fn lines<'a>(width: usize, state: &HelpState, found: &Differences, model: &Model) -> Vec<Line<'a>> {
    let filter = Filter::new(state.filter.value());
    let mut lines = Vec::new();
    let mut place = String::new();
    for change in &found.changes {
        let value = told(change, model);
        let here = change.place();
        if !filter.matches(&format!("{here} {} {value}", change.what)) {
            continue;
        }
        if here != place {
            lines.push(Line::styled(here.clone(), model.style(Role::Title)));
            place = here;
        }
        let (sign, role) = match (&change.before, &change.after) {
            (None, _) => ('+', Role::Good),
            (_, None) => ('-', Role::Bad),
            (Some(_), Some(_)) => ('~', Role::Text),
        };
        let wide = WHAT_WIDE.min(width / 3);
        let whats = wrap(&change.what, wide);
        let values = wrap(&value, width.saturating_sub(wide + 3));
        for at in 0..whats.len().max(values.len()) {
            let cell = |rows: &[String]| rows.get(at).cloned().unwrap_or_default();
            let sign = if at == 0 { sign } else { ' ' };
            let what = left(&cell(&whats), wide, model.glyphs.more);
            lines.push(Line::from_iter([
                Span::styled(format!("{sign} {what} "), model.style(Role::Key)),
                Span::styled(cell(&values), model.style(role)),
            ]));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing matches", model.style(Role::Dim)));
    }
    if found.more > 0 {
        let text = format!("and {} more that are not listed", found.more);
        lines.push(Line::styled(text, model.style(Role::Dim)));
    }
    lines
}

fn told(change: &Change, model: &Model) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{before} {} {after}", model.glyphs.arrow),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}
