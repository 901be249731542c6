//! The runs that are there: which is shown, what each branched off, how long it is.
//!
//! ```text
//! ● main            1,024
//! ○ └─ b1  at 412   1,080
//! ```

use super::super::fuzzy::Filter;
use super::super::model::timeline::RUNS_MAX;
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::{count, left, scroll};
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// How many there are, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    format!("{} of {RUNS_MAX}", model.runs.len().max(1))
}

/// The runs that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let filter = Filter::new(model.filter_of(Pane::Branches));
    let matches = |at: &usize| {
        let run = &model.runs[*at];
        let of = run.of.as_ref().map_or("", |(of, _)| of.as_str());
        filter.matches(&format!("{} {of}", run.name))
    };
    (0..model.runs.len()).filter(matches).collect()
}

fn first_row(area: Rect, model: &Model, shown: &[usize]) -> usize {
    let at = shown.iter().position(|at| *at == model.run_at).unwrap_or(0);
    scroll(at, usize::from(area.height), shown.len())
}

/// The run at this row of the screen.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let shown = shown(model);
    let at = usize::from(row.checked_sub(area.y)?) + first_row(area, model, &shown);
    shown.get(at).copied()
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    if model.runs.len() <= 1 {
        let lines = ["only this run is there", "b, or :fork NAME, begins", "another one here"];
        let lines = lines.map(|line| Line::styled(line, model.style(Role::Dim)));
        return rows::draw(frame, area, &lines);
    }
    let shown = shown(model);
    if shown.is_empty() {
        let text = "no run matches; esc shows all";
        return rows::draw(frame, area, &[Line::styled(text, model.style(Role::Dim))]);
    }
    let first = first_row(area, model, &shown);
    let fitting = usize::from(area.height).min(shown.len() - first);
    thumb::draw(frame, area, first..first + fitting, shown.len(), model);
    let has_keys = model.focus() == Pane::Branches;
    let runs = shown.into_iter().map(|at| (at, &model.runs[at]));
    let lines = runs.skip(first).map(|(at, run)| {
        let glyphs = model.glyphs;
        let on = if run.here { glyphs.on } else { glyphs.off };
        let of = run.of.as_ref().map_or_else(String::new, |(of, at)| format!("  {of}+{at}"));
        let branch = if run.of.is_some() { format!("{} ", glyphs.branch) } else { String::new() };
        let text = format!("{on} {branch}{}{of}  {} steps", run.name, count(run.steps));
        let role = match () {
            () if at == model.run_at && has_keys => Role::Select,
            () if run.here => Role::Title,
            () => Role::Text,
        };
        Line::styled(left(&text, width, glyphs.more), model.style(role))
    });
    let lines: Vec<Line> = lines.collect();
    rows::draw(frame, area, &lines);
}
