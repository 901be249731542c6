//! When the violation became inevitable: of positions before it, the share of random futures that fail, as a
//! sparkline from the earliest to the violation (each position has its column, whatever lies between).
//!
//! ```text
//! inevitable? step 412 made it inevitable: from 411 some futures are fine
//! ▁▁▂▂▅██✗  from step 0 to 420, 16 futures each; I goes there
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::text::{left, wrap};
use ratatui::text::{Line, Span};

/// The rows; none before anybody asked.
pub(super) fn lines<'a>(model: &Model, width: usize) -> Vec<Line<'a>> {
    let Some(shown) = &model.foreseen else { return Vec::new() };
    let dim = model.style(Role::Dim);
    let Some(known) = &shown.known else {
        let text = format!("inevitable? {}", shown.said);
        return vec![Line::styled(left(&text, width, model.glyphs.more), dim)];
    };
    let word = if shown.is_running { "so far: " } else { "" };
    let rows = wrap(&format!("inevitable? {word}{}", known.said()), width);
    let mut lines: Vec<Line> =
        rows.into_iter().map(|row| Line::styled(row, model.style(Role::Title))).collect();
    let mut spans: Vec<Span> = known
        .points
        .iter()
        .map(|point| {
            let share = point.share();
            let step = usize::try_from(share * 7 / 1_000).unwrap_or(0);
            let role = match share {
                _ if point.undecided == point.futures => Role::Dim,
                1_000 => Role::Bad,
                0 => Role::Good,
                _ => Role::Warn,
            };
            Span::styled(model.glyphs.spark[step].to_string(), model.style(role))
        })
        .collect();
    spans.push(Span::styled(model.glyphs.lost.to_string(), model.style(Role::Bad)));
    let more = if shown.is_running { "i stops" } else { "I goes there" };
    let (base, violation, futures) = (known.base, known.violation, known.futures);
    let first = known.points.first().map_or(base, |point| point.position);
    let text = format!(" step {first} to {violation}, {futures} futures each; {more}");
    let room = width.saturating_sub(spans.len());
    spans.push(Span::styled(left(&text, room, model.glyphs.more), dim));
    lines.push(Line::from(spans));
    lines
}
