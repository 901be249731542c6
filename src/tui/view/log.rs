//! The log: what the engine and the console remark. Lines about the step where the ladder's cursor is
//! are marked; without a selected line those around that step are shown, else the newest. Where there is
//! room (zoom: `z`), the sources stand beside it, with tui-logger's target selector.
//!
//! ```text
//!   W fault  11.204 amf2 has crashed
//! ▸ I view   12.310 witness e2: amf0 amf1 amf3
//! ```

use super::super::model::log::LogLine;
use super::super::model::{Aim, LogLevel, Model, Pane};
use super::super::theme::Role;
use super::super::update::jump::Target;
use super::rows;
use super::text::{left, wrap};
use super::thumb;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use tui_logger::{LevelFilter, TuiLoggerTargetWidget, TuiWidgetEvent, TuiWidgetState};

/// From this width on, the target selector is shown.
const SELECTOR_COLUMNS: u16 = 80;
/// Letters of the levels, and a colon, before a target's name.
const LEVEL_COLUMNS: usize = 6;
/// Columns before a line's words: the mark, and the level.
const LEAD: usize = 4;
/// From this width on lines name their source.
const SOURCE_COLUMNS: usize = 56;

/// What of the selected source is shown, if that is not all.
#[must_use]
pub fn heading(model: &Model) -> String {
    let limited = |(source, level): (&String, &LevelFilter)| match level {
        LevelFilter::Off => Some(format!("no {source}")),
        LevelFilter::Error => Some(format!("{source}: errors")),
        LevelFilter::Warn => Some(format!("{source}: warnings")),
        LevelFilter::Info | LevelFilter::Debug | LevelFilter::Trace => None,
    };
    let parts: Vec<String> = model.log.levels.iter().filter_map(limited).collect();
    parts.join(", ")
}

/// The places of the selector, if there is one, and of the lines.
fn places(area: Rect, model: &Model) -> (Option<Rect>, Rect) {
    if area.width < SELECTOR_COLUMNS {
        return (None, area);
    }
    let widest = model.log.levels.keys().map(String::len).max().unwrap_or(0) + LEVEL_COLUMNS;
    let wide = u16::try_from(widest).unwrap_or(u16::MAX).min(area.width / 3);
    let [selector, lines] =
        Layout::horizontal([Constraint::Length(wide), Constraint::Fill(1)]).spacing(2).areas(area);
    (Some(selector), lines)
}

/// The rows on the screen, and the line that each is of.
fn page<'a>(area: Rect, model: &'a Model) -> Vec<(String, &'a LogLine)> {
    let height = usize::from(area.height);
    let lines = model.log_lines();
    let (width, named) = (usize::from(area.width), usize::from(area.width) >= SOURCE_COLUMNS);
    let rows = |line: &'a LogLine| -> Vec<(String, &'a LogLine)> {
        let source = if named { format!("{} ", line.source) } else { String::new() };
        let text = wrap(&format!("{source}{}", line.text), width.saturating_sub(LEAD).max(8));
        text.into_iter().map(|row| (row, line)).collect()
    };
    let end = anchor(&lines, model).map_or(lines.len(), |at| at + 1);
    let mut above = Vec::new();
    for line in lines[..end].iter().rev().take(height) {
        above.extend(rows(line).into_iter().rev());
    }
    let below: Vec<_> = lines[end..].iter().take(height).flat_map(|line| rows(line)).collect();
    // A third of the pane is for what comes after the line that is looked for.
    let after = (height / 3).max(height.saturating_sub(above.len())).min(below.len());
    above.truncate(height - after);
    above.reverse();
    above.extend(below.into_iter().take(after));
    above
}

/// The line that has to be in sight: the selected one, or the last one up to the ladder's cursor.
fn anchor(lines: &[&LogLine], model: &Model) -> Option<usize> {
    if let Some(cursor) = model.log.cursor {
        return lines.iter().position(|line| line.id == cursor);
    }
    let step = model.ladder_step()?;
    let upto = |line: &&LogLine| model.step_of(line).is_some_and(|at| at <= step);
    lines.iter().rposition(upto)
}

/// The line at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<u64> {
    let (_, area) = places(area, model);
    let at = usize::from(row.checked_sub(area.y)?);
    page(area, model).get(at).map(|(_, line)| line.id)
}

/// The sources and the lines on the screen, and where they stand.
#[must_use]
pub fn targets(area: Rect, model: &Model) -> Vec<Target> {
    let (selector, area) = places(area, model);
    let mut found = Vec::new();
    if let Some(selector) = selector {
        let sources = first_source(selector, model)..model.log.levels.len();
        for (at, y) in sources.zip(selector.y..selector.bottom()) {
            found.push(Target { at: (selector.x, y), aim: Aim::Source(at) });
        }
    }
    let mut before = None;
    for ((_, line), y) in page(area, model).into_iter().zip(area.y..area.bottom()) {
        if before != Some(line.id) {
            found.push(Target { at: (area.x, y), aim: Aim::LogLine(line.id) });
        }
        before = Some(line.id);
    }
    found
}

/// The source at this place of the pane.
#[must_use]
pub fn source_at(area: Rect, model: &Model, column: u16, row: u16) -> Option<usize> {
    let (selector, _) = places(area, model);
    let selector = selector.filter(|area| area.contains((column, row).into()))?;
    let at = usize::from(row - selector.y) + first_source(selector, model);
    (at < model.log.levels.len()).then_some(at)
}

/// The first source that is in sight; as the selector scrolls.
fn first_source(area: Rect, model: &Model) -> usize {
    (model.log.source_at + 1).saturating_sub(usize::from(area.height))
}

/// The line `by` lines away from the selected one; `None`: past the newest.
#[must_use]
pub fn neighbour(model: &Model, by: isize) -> Option<u64> {
    let lines = model.log_lines();
    let last = lines.len().checked_sub(1)?;
    let Some(here) = anchor(&lines, model) else {
        let at = if by < 0 { last.saturating_sub(by.unsigned_abs() - 1) } else { return None };
        return lines.get(at).map(|line| line.id);
    };
    // From a step without a line of its own the first move is to the line before it.
    let by = if model.log.cursor.is_none() && by < 0 { by + 1 } else { by };
    let at = here.saturating_add_signed(by);
    lines.get(at).map(|line| line.id)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let (sources, area) = places(area, model);
    if let Some(sources) = sources {
        selector(frame, sources, model);
    }
    let page = page(area, model);
    if page.is_empty() {
        let text = match model.filter_of(Pane::Log) {
            "" => "nothing was remarked yet: faults, views, notes, commands come here",
            _ => "no line matches; esc shows all",
        };
        let rows = wrap(text, usize::from(area.width)).into_iter();
        let lines: Vec<Line> = rows.map(|row| Line::styled(row, model.style(Role::Dim))).collect();
        return rows::draw(frame, area, &lines);
    }
    let all = model.log_lines();
    let index = |row: Option<&(String, &LogLine)>| {
        row.map_or(0, |(_, line)| all.partition_point(|other| other.id < line.id))
    };
    thumb::draw(frame, area, index(page.first())..index(page.last()) + 1, all.len(), model);
    let mut before = None;
    let lines = page.iter().map(|(text, line)| {
        let is_first = before != Some(line.id);
        before = Some(line.id);
        row(text, line, is_first, usize::from(area.width), model)
    });
    let lines: Vec<Line> = lines.collect();
    rows::draw(frame, area, &lines);
}

fn row<'a>(text: &str, line: &LogLine, is_first: bool, width: usize, model: &Model) -> Line<'a> {
    let step = model.step_of(line);
    let is_here = step.is_some() && step == model.ladder_step();
    let is_selected = model.log.cursor == Some(line.id);
    let pick = if is_first && (is_here || is_selected) { model.glyphs.pick } else { ' ' };
    let level = if is_first { line.level.letter() } else { ' ' };
    let late = model.is_recording() && step.is_some_and(|step| step > model.cluster.now.step);
    let role = match line.level {
        _ if is_here => Role::Title,
        // It has not happened yet where the recording stands.
        _ if late => Role::Dim,
        LogLevel::Error => Role::Bad,
        LogLevel::Warn => Role::Warn,
        LogLevel::Info => Role::Text,
    };
    let role = if is_selected { Role::Select } else { role };
    let text = left(&format!("{level} {text}"), width.saturating_sub(2), model.glyphs.more);
    Line::from(vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(text, model.style(role)),
    ])
}

/// The sources. The widget's state is made anew from the model: it is drawn once for nothing, so that it
/// knows its rows, and then goes to the selected one.
fn selector(frame: &mut Frame, area: Rect, model: &Model) {
    let state = model.log.levels.iter().fold(TuiWidgetState::new(), |state, (source, level)| {
        state.set_level_for_target(source, *level)
    });
    let dim = model.style(Role::Dim);
    let has_keys = model.focus() == Pane::Log;
    let picked = if has_keys { Role::Select } else { Role::Text };
    let widget = || {
        TuiLoggerTargetWidget::default()
            .style(model.style(Role::Text))
            .style_show(model.style(Role::Key))
            .style_hide(dim)
            .highlight_style(model.style(picked))
            .state(&state)
    };
    ratatui::widgets::Widget::render(widget(), area, &mut Buffer::empty(area));
    for _ in 0..model.log.source_at {
        state.transition(TuiWidgetEvent::DownKey);
    }
    frame.render_widget(widget(), area);
}
