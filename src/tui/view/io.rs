//! Host operations: the story of the newest one by hand, then one line each, newest below.
//!
//! ```text
//! amf1 asked 3 AMFs, amf0 had it in M and destaged it, from amf0's cache; 7 messages, 412 us
//! * op45  amf1  read b17                      amf0   412us
//! ```

use super::super::fuzzy::Filter;
use super::super::model::{Model, Pane};
use super::super::snapshot::io::IoLine;
use super::super::theme::Role;
use super::rows;
use super::text::{left, right, shorter, time, wrap};
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let running = model.cluster.now.outstanding;
    let which = if model.only_by_hand { ", only mine" } else { "" };
    format!("{running} running{which}")
}

/// Rows that the story takes.
fn story_rows(area: Rect, model: &Model) -> u16 {
    let Some(story) = story(model) else { return 0 };
    let rows = wrap(story, usize::from(area.width)).len() + usize::from(area.width < 60);
    u16::try_from(rows).unwrap_or(4).min(4).min(area.height / 2)
}

fn story(model: &Model) -> Option<&str> {
    let io = &model.cluster.io;
    let selected = model.selected.op.and_then(|op| io.line(op)).filter(|line| line.story.is_some());
    selected.or_else(|| io.newest_story())?.story.as_deref()
}

fn list(area: Rect, model: &Model) -> Rect {
    let story = story_rows(area, model);
    Rect { y: area.y + story, height: area.height - story, ..area }
}

/// Whether a line is shown.
fn wanted(model: &Model) -> impl Fn(&IoLine) -> bool {
    let words = model.filter_of(Pane::Io);
    let filter = (!words.is_empty()).then(|| Filter::new(words));
    let only_by_hand = model.only_by_hand;
    move |line| {
        let text = || format!("op{} {} {} {}", line.op.0, line.node, line.what, result(line).0);
        (line.by_hand || !only_by_hand) && filter.as_ref().is_none_or(|f| f.matches(&text()))
    }
}

/// The lines to show, oldest first.
fn visible(model: &Model, height: usize) -> Vec<&IoLine> {
    let io = &model.cluster.io;
    let passes = wanted(model);
    let wanted = |line: &&IoLine| passes(line);
    let end = match model.selected.op {
        Some(op) => {
            let at = io.lines.partition_point(|line| line.op <= op);
            (at + height / 3).min(io.lines.len())
        }
        None => io.lines.len(),
    };
    let mut shown: Vec<&IoLine> = io.lines.range(..end).rev().filter(wanted).take(height).collect();
    shown.reverse();
    shown
}

/// The operation at this row.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<crate::protocol::id::OpId> {
    let list = list(area, model);
    let at = usize::from(row.checked_sub(list.y)?);
    visible(model, usize::from(list.height)).get(at).map(|line| line.op)
}

/// The operation `by` lines away from the selected one.
#[must_use]
pub fn neighbour(model: &Model, by: isize) -> Option<crate::protocol::id::OpId> {
    let lines = &model.cluster.io.lines;
    let passes = wanted(model);
    let wanted = |line: &&IoLine| passes(line);
    let steps = by.unsigned_abs();
    let found = match (model.selected.op, by < 0) {
        (None, true) => lines.iter().rev().filter(wanted).take(steps).last(),
        (None, false) => None,
        (Some(op), true) => {
            let at = lines.partition_point(|line| line.op < op);
            lines.range(..at).rev().filter(wanted).take(steps).last().or_else(|| lines.get(at))
        }
        (Some(op), false) => {
            let at = lines.partition_point(|line| line.op <= op);
            lines.range(at..).filter(wanted).nth(steps.saturating_sub(1))
        }
    };
    found.map(|line| line.op)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let rows = story_rows(area, model);
    if let Some(story) = story(model).filter(|_| rows > 0) {
        let text = Paragraph::new(story).style(model.style(Role::Accent)).wrap(Wrap { trim: true });
        frame.render_widget(text, Rect { height: rows, ..area });
    }
    let list = list(area, model);
    let shown = visible(model, usize::from(list.height));
    let all = &model.cluster.io.lines;
    let index =
        |line: Option<&&IoLine>| line.map_or(0, |line| all.partition_point(|l| l.op < line.op));
    let range = index(shown.first())..index(shown.last()) + usize::from(!shown.is_empty());
    thumb::draw(frame, list, range, all.len(), model);
    let lines: Vec<Line> = if shown.is_empty() {
        let text = match model.filter_of(Pane::Io) {
            "" => "r reads, w writes the block under the cursor",
            _ => "no operation matches; esc shows all",
        };
        vec![Line::styled(text, model.style(Role::Dim))]
    } else {
        let widest = shown.iter().map(|line| result(line).0.width()).max().unwrap_or(0);
        let widest = widest.clamp(5, (usize::from(list.width) / 3).max(5));
        shown.into_iter().map(|line| row(line, widest, usize::from(list.width), model)).collect()
    };
    rows::draw(frame, list, &lines);
}

/// What came of an operation, its role, and how long it took.
fn result(line: &IoLine) -> (String, Role, String) {
    let Some(end) = &line.end else {
        return ("running".to_owned(), Role::Warn, String::new());
    };
    let (text, role) = match &end.result {
        Ok(sources) if sources.is_empty() => ("ok".to_owned(), Role::Good),
        Ok(sources) => {
            let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
            (names.join("+"), Role::Good)
        }
        Err(error) => (error.to_string(), Role::Bad),
    };
    (text, role, time(end.took))
}

fn row<'a>(line: &IoLine, result_width: usize, width: usize, model: &Model) -> Line<'a> {
    let glyphs = model.glyphs;
    let (result, role, took) = result(line);
    let mine = if line.by_hand { model.glyphs.pick } else { ' ' };
    let text_role = if line.by_hand { Role::Title } else { Role::Text };
    let value = line.end.as_ref().and_then(|end| end.value.as_deref());
    let what = match value {
        Some(value) => format!("{} = {value}", line.what),
        None => line.what.clone(),
    };
    let wide = if width >= 50 { 8 } else { 0 };
    let rest = width.saturating_sub(2 + wide + 6 + 1 + result_width + 6);
    let mut spans = vec![Span::styled(format!("{mine} "), model.style(Role::Focus))];
    if wide > 0 {
        let op = left(&format!("op{}", line.op.0), wide, glyphs.more);
        spans.push(Span::styled(op, model.style(Role::Dim)));
    }
    spans.extend([
        Span::styled(left(&line.node.to_string(), 6, glyphs.more), model.style(text_role)),
        Span::styled(left(&shorter(&what, rest), rest, glyphs.more), model.style(text_role)),
        Span::styled(right(&result, result_width + 1, glyphs.more), model.style(role)),
        Span::styled(right(&took, 6, glyphs.more), model.style(Role::Dim)),
    ]);
    let mut row = Line::from(spans);
    if model.selected.op == Some(line.op) {
        for span in &mut row.spans {
            span.style = model.style(Role::Select);
        }
    }
    row
}
