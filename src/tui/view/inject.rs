//! Faults to inject: a list by target. Up and down select, left and right change the target, enter does it.
//!
//! ```text
//! AMF ‹amf1›
//! ▸  crash: memory is gone          crash amf1
//!    restart, empty
//! ```

use super::super::fuzzy::Filter;
use super::super::model::faults::{Aim, ROWS, Row};
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::{left, scroll};
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// The command that enter would run, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    ROWS.get(model.faults.at).map_or_else(String::new, |row| {
        model.faults.command(row.fault, &model.selected, model.about.amfs).to_string()
    })
}

/// A line of the list: a heading, or a row.
enum Entry {
    Heading(Aim),
    Row(usize, &'static Row),
}

/// Rows of the list that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let filter = Filter::new(model.filter_of(Pane::Inject));
    let matches = |at: &usize| {
        let row = &ROWS[*at];
        let command = model.faults.command(row.fault, &model.selected, model.about.amfs);
        filter.matches(&format!("{} {} {command}", row.aim.title(), row.title))
    };
    (0..ROWS.len()).filter(matches).collect()
}

fn entries(model: &Model) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut last = None;
    for (at, row) in shown(model).into_iter().map(|at| (at, &ROWS[at])) {
        if last != Some(row.aim) {
            entries.push(Entry::Heading(row.aim));
            last = Some(row.aim);
        }
        entries.push(Entry::Row(at, row));
    }
    entries
}

fn first_line(area: Rect, model: &Model, entries: &[Entry]) -> usize {
    let at = entries.iter().position(|e| matches!(e, Entry::Row(at, _) if *at == model.faults.at));
    scroll(at.unwrap_or(0), usize::from(area.height), entries.len())
}

/// The row of [`ROWS`] at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let entries = entries(model);
    let at = usize::from(row.checked_sub(area.y)?) + first_line(area, model, &entries);
    match entries.get(at)? {
        Entry::Heading(_) => None,
        Entry::Row(at, _) => Some(*at),
    }
}

/// What a target is at the moment.
#[must_use]
pub fn target(aim: Aim, model: &Model) -> String {
    let on = &model.selected;
    match aim {
        Aim::Amf => on.amf.to_string(),
        Aim::Link => format!("{} - {}", on.amf, on.peer),
        Aim::Disk => on.disk.to_string(),
        Aim::Defect => model.faults.defect().name().to_owned(),
        Aim::Witness | Aim::All => String::new(),
    }
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let entries = entries(model);
    let width = usize::from(area.width);
    let more = model.glyphs.more;
    let first = first_line(area, model, &entries);
    let lines: Vec<Line> = entries
        .iter()
        .skip(first)
        .take(usize::from(area.height))
        .map(|entry| match entry {
            Entry::Heading(aim) => {
                let target = target(*aim, model);
                let mut spans = vec![Span::styled(aim.title(), model.style(Role::Dim))];
                if !target.is_empty() {
                    spans.push(Span::styled(" < ", model.style(Role::Key)));
                    spans.push(Span::styled(target, model.style(Role::Title)));
                    spans.push(Span::styled(" >", model.style(Role::Key)));
                }
                Line::from(spans)
            }
            Entry::Row(at, row) => {
                let selected = *at == model.faults.at;
                let pick = if selected { model.glyphs.pick } else { ' ' };
                let role = if selected { Role::Select } else { Role::Text };
                let text = left(&format!(" {}", row.title), width.saturating_sub(3), more);
                Line::from(vec![
                    Span::styled(format!(" {pick} "), model.style(Role::Focus)),
                    Span::styled(text, model.style(role)),
                ])
            }
        })
        .collect();
    if lines.is_empty() {
        let none = Line::styled("no fault matches; esc shows all", model.style(Role::Dim));
        return rows::draw(frame, area, &[none]);
    }
    rows::draw(frame, area, &lines);
    thumb::draw(frame, area, first..first + lines.len(), entries.len(), model);
    let below = entries.len() - first - lines.len();
    if below > 0 && area.height > 0 {
        // At the right of the last row: the titles are short.
        let text = format!(" {below} more");
        let wide = u16::try_from(text.len()).unwrap_or(area.width).min(area.width);
        let at = Rect { x: area.right() - wide, y: area.bottom() - 1, width: wide, height: 1 };
        rows::draw(frame, at, &[Line::styled(text, model.style(Role::Accent))]);
    }
}
