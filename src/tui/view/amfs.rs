//! The AMFs, one row each.
//!
//! ```text
//!   AMF    state       view  lease  cache           hit  dirty  repl    ops/s  last minute
//! ▸ amf0 ● serving     e3     1.8s  █████░░ 61/96   87%     12     8    1,234  ▁▂▃▅▇▅
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::text::{count, left, percent, right, scroll, time};
use crate::trace::snapshot::{AmfInfo, AmfStatus};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Columns of the whole table without the sparkline.
const COLUMNS_FULL: usize = 73;
/// Columns of the gauge.
const GAUGE: usize = 7;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let amfs = &model.cluster.now.amfs;
    let serving = amfs.iter().filter(|amf| amf.status == AmfStatus::Serving).count();
    format!("{serving} of {} serve", amfs.len())
}

/// The row of the list at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let at = usize::from(row.checked_sub(area.y + 1)?) + first_row(area, model);
    (at < model.cluster.now.amfs.len()).then_some(at)
}

fn first_row(area: Rect, model: &Model) -> usize {
    let rows = usize::from(area.height.saturating_sub(1));
    scroll(usize::from(model.selected.amf.0), rows, model.cluster.now.amfs.len())
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let mut lines = vec![Line::styled(headings(width), model.style(Role::Dim))];
    let first = first_row(area, model);
    let rows = model.cluster.now.amfs.iter().enumerate().skip(first);
    lines.extend(rows.take(usize::from(area.height)).map(|(at, amf)| row(at, amf, width, model)));
    frame.render_widget(Paragraph::new(lines), area);
}

fn headings(width: usize) -> String {
    if width < COLUMNS_FULL {
        return "  AMF    state     view     lines   hit dirty".to_owned();
    }
    let text = "  AMF    state      view    lease  cache               hit  dirty   repl   ops/s";
    if width > COLUMNS_FULL + 12 { format!("{text}  last minute") } else { text.to_owned() }
}

fn row<'a>(at: usize, amf: &AmfInfo, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let selected = model.selected.amf == amf.id;
    let pick = if selected { model.glyphs.pick } else { ' ' };
    let name_role = if selected { Role::Title } else { Role::Text };
    let (sign, word, role) = status(amf, model);
    let mut spans = vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(left(&amf.id.to_string(), 6, more), model.style(name_role)),
        Span::styled(format!("{sign} {}", left(word, 9, more)), model.style(role)),
    ];
    let mut cell = |text: String, role: Role| {
        spans.push(Span::styled(text, model.style(role)));
    };
    let hit = percent(amf.hits, amf.hits + amf.misses);
    let dirty_role = if amf.dirty > 0 { Role::StateM } else { Role::Dim };
    let view = left(&amf.epoch.to_string(), 6, more);
    if width < COLUMNS_FULL {
        cell(view, Role::Text);
        cell(right(&format!("{}/{}", amf.lines_used, amf.lines_max), 9, more), Role::Text);
        cell(right(&hit, 6, more), Role::Accent);
        cell(right(&count(u64::from(amf.dirty)), 6, more), dirty_role);
        return Line::from(spans);
    }
    cell(view, Role::Text);
    let lease_role = if amf.lease_left.0 == 0 { Role::Warn } else { Role::Text };
    cell(right(&time(amf.lease_left), 7, more), lease_role);
    cell("  ".to_owned(), Role::Text);
    let (full, empty) = gauge(u64::from(amf.lines_used), u64::from(amf.lines_max), model);
    cell(full, Role::StateS);
    cell(empty, Role::Border);
    let lines = format!("{}/{}", count(u64::from(amf.lines_used)), count(u64::from(amf.lines_max)));
    cell(format!(" {}", left(&lines, 11, more)), Role::Text);
    cell(right(&hit, 4, more), Role::Accent);
    cell(right(&count(u64::from(amf.dirty)), 7, more), dirty_role);
    let replicas = if amf.recovering > 0 {
        (format!("{} adopt", count(u64::from(amf.recovering))), Role::Warn)
    } else {
        (count(u64::from(amf.replicas)), Role::Replica)
    };
    cell(right(&replicas.0, 7, more), replicas.1);
    cell(right(&count(model.cluster.rates.per_second(at)), 8, more), Role::Text);
    if width > COLUMNS_FULL + 12 {
        cell(format!("  {}", spark(at, width - COLUMNS_FULL - 9, model)), Role::Accent);
    }
    Line::from(spans)
}

fn status(amf: &AmfInfo, model: &Model) -> (char, &'static str, Role) {
    let glyphs = model.glyphs;
    match amf.status {
        AmfStatus::Serving if amf.last_survivor => (glyphs.on, "last one", Role::Warn),
        AmfStatus::Serving => (glyphs.on, "serving", Role::Good),
        AmfStatus::NoLease => (glyphs.off, "no lease", Role::Warn),
        AmfStatus::Joining => (glyphs.off, "joining", Role::Warn),
        AmfStatus::Paused => (glyphs.held, "paused", Role::Warn),
        AmfStatus::Down => (glyphs.lost, "down", Role::Bad),
    }
}

fn gauge(part: u64, whole: u64, model: &Model) -> (String, String) {
    let (full, empty) = model.glyphs.gauge;
    let parts = part.saturating_mul(GAUGE as u64).div_ceil(whole.max(1));
    let filled = usize::try_from(parts).map_or(GAUGE, |parts| parts.min(GAUGE));
    (full.to_string().repeat(filled), empty.to_string().repeat(GAUGE - filled))
}

fn spark(at: usize, width: usize, model: &Model) -> String {
    let peak = model.cluster.rates.peak().max(1);
    let steps = model.glyphs.spark;
    let scaled = |n: u64| {
        let step = n.saturating_mul(steps.len() as u64 - 1).div_ceil(peak);
        steps[usize::try_from(step).map_or(0, |step| step.min(steps.len() - 1))]
    };
    model.cluster.rates.newest(at, width).into_iter().map(scaled).collect()
}

/// The style of a whole row, for panes that list AMFs.
#[must_use]
pub fn row_style(selected: bool, model: &Model) -> Style {
    if selected { model.style(Role::Select) } else { Style::default() }
}
