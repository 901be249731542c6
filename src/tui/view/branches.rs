//! The runs that are there: which is shown, what each branched off, how long it is.
//!
//! ```text
//! ● main            1,024
//! ○ └─ b1  at 412   1,080
//! ```

use super::super::model::Model;
use super::super::model::timeline::RUNS_MAX;
use super::super::theme::Role;
use super::rows;
use super::text::{count, left, scroll};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// How many there are, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    format!("{} of {RUNS_MAX}", model.runs.len().max(1))
}

/// The run at this row of the screen.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let first = scroll(model.run_at, usize::from(area.height), model.runs.len());
    let at = first + usize::from(row.checked_sub(area.y)?);
    (at < model.runs.len()).then_some(at)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    if model.runs.len() <= 1 {
        let lines = ["only this run is there", "b, or :fork NAME, begins", "another one here"];
        let lines = lines.map(|line| Line::styled(line, model.style(Role::Dim)));
        return rows::draw(frame, area, &lines);
    }
    let first = scroll(model.run_at, usize::from(area.height), model.runs.len());
    let has_keys = model.focus() == super::super::model::Pane::Branches;
    let lines = model.runs.iter().enumerate().skip(first).map(|(at, run)| {
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
