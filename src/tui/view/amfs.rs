//! The AMFs, one row each.
//!
//! ```text
//!   AMF   state      view  lease  cache     lines  hit  dirty  repl   ops/s  last minute
//! ▸ amf0  ● serving  e3     1.8s  █████░░   61/96  87%     12     8   1,234  ▁▂▃▅▇▅
//! ```

use super::super::fuzzy::Filter;
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::{count, left, percent, right, scroll, time};
use super::thumb;
use crate::trace::snapshot::{AmfInfo, AmfStatus};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// From this width on the view and the dirty lines are shown.
const COLUMNS_SOME: usize = 46;
/// Columns of all numbers, without those of the lines.
const FULL_BESIDES_LINES: usize = 19 + 5 + 6 + 2 + 5 + 7 + 6 + 8;
/// Shorter sparklines say nothing.
const SPARK_MIN: usize = 5;
/// Longest sparkline: a minute.
const SPARK_MAX: usize = 120;
/// Columns of the gauge.
const GAUGE: usize = 7;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let amfs = &model.cluster.now.amfs;
    let serving = amfs.iter().filter(|amf| amf.status == AmfStatus::Serving).count();
    format!("{serving} of {} serve", amfs.len())
}

/// The AMFs that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let amfs = &model.cluster.now.amfs;
    let filter = Filter::new(model.filter_of(Pane::Amfs));
    let matches = |at: &usize| {
        let amf = &amfs[*at];
        filter.matches(&format!("{} {} {}", amf.id, status(amf, model).1, amf.epoch))
    };
    (0..amfs.len()).filter(matches).collect()
}

/// The AMF at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let shown = shown(model);
    let at = usize::from(row.checked_sub(area.y + 1)?) + first_row(area, model, &shown);
    shown.get(at).copied()
}

fn first_row(area: Rect, model: &Model, shown: &[usize]) -> usize {
    let rows = usize::from(area.height.saturating_sub(1));
    let at = shown.iter().position(|at| *at == usize::from(model.selected.amf.0)).unwrap_or(0);
    scroll(at, rows, shown.len())
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let mut lines = vec![Line::styled(headings(width, model), model.style(Role::Dim))];
    let shown = shown(model);
    let first = first_row(area, model, &shown);
    let total = shown.len();
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let rows = shown.into_iter().skip(first).take(usize::from(list.height));
    lines.extend(rows.map(|at| row(at, &model.cluster.now.amfs[at], width, model)));
    thumb::draw(frame, list, first..first + lines.len() - 1, total, model);
    rows::draw(frame, area, &lines);
}

/// Columns of `used/max`, the same for all.
fn lines_width(model: &Model) -> usize {
    let widths = model.cluster.now.amfs.iter().map(|amf| lines_text(amf).len());
    widths.max().unwrap_or(0).max(5)
}

fn lines_text(amf: &AmfInfo) -> String {
    format!("{}/{}", count(u64::from(amf.lines_used)), count(u64::from(amf.lines_max)))
}

/// Which columns there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    some: bool,
    full: bool,
    gauge: bool,
    spark: usize,
}

fn columns(width: usize, model: &Model) -> Columns {
    let full = FULL_BESIDES_LINES + lines_width(model);
    let gauge = full + GAUGE + 1;
    let has_gauge = width > gauge + SPARK_MIN + 2;
    let used = if has_gauge { gauge } else { full } + 2;
    let spark = width.saturating_sub(used).min(SPARK_MAX);
    Columns {
        some: width >= COLUMNS_SOME,
        full: width >= full,
        gauge: has_gauge,
        spark: if spark >= SPARK_MIN { spark } else { 0 },
    }
}

fn headings(width: usize, model: &Model) -> String {
    let shown = columns(width, model);
    let mut text = "  AMF   state      ".to_owned();
    if !shown.full {
        text += if shown.some { "view      lines   hit  dirty" } else { "    lines  hit" };
        return text;
    }
    text += "view  lease  ";
    if shown.gauge {
        text += &left("cache", GAUGE + 1, ' ');
    }
    text += &right("lines", lines_width(model), ' ');
    text += "  hit  dirty  repl   ops/s";
    match shown.spark {
        0 => {}
        1..11 => text += "  trend",
        _ => text += "  last minute",
    }
    text
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
        Span::styled(format!("{sign} {}", left(&word, 9, more)), model.style(role)),
    ];
    let mut cell = |text: String, role: Role| {
        spans.push(Span::styled(text, model.style(role)));
    };
    let hit = percent(amf.hits, amf.hits + amf.misses);
    let dirty_role = if amf.dirty > 0 { Role::StateM } else { Role::Dim };
    let lines = lines_text(amf);
    let shown = columns(width, model);
    if shown.some {
        cell(left(&amf.epoch.to_string(), 5, more), Role::Text);
    }
    if !shown.full {
        cell(right(&lines, 10, more), Role::Text);
        cell(right(&hit, 5, more), Role::Accent);
        if shown.some {
            cell(right(&count(u64::from(amf.dirty)), 7, more), dirty_role);
        }
        return Line::from(spans);
    }
    let (lease, lease_role) = match amf.lease_left.0 {
        0 => ("-".to_owned(), Role::Warn),
        _ => (time(amf.lease_left), Role::Text),
    };
    cell(right(&lease, 6, more), lease_role);
    cell("  ".to_owned(), Role::Text);
    if shown.gauge {
        let (full, empty) = gauge(u64::from(amf.lines_used), u64::from(amf.lines_max), model);
        cell(full, Role::StateS);
        cell(format!("{empty} "), Role::Border);
    }
    cell(right(&lines, lines_width(model), more), Role::Text);
    cell(right(&hit, 5, more), Role::Accent);
    cell(right(&count(u64::from(amf.dirty)), 7, more), dirty_role);
    cell(right(&count(u64::from(amf.replicas)), 6, more), Role::Replica);
    cell(right(&count(model.cluster.rates.per_second(at)), 8, more), Role::Text);
    if shown.spark > 0 {
        cell(format!("  {}", spark(at, shown.spark, model)), Role::Accent);
    }
    Line::from(spans)
}

fn status(amf: &AmfInfo, model: &Model) -> (char, String, Role) {
    let glyphs = model.glyphs;
    let (sign, word, role) = match amf.status {
        AmfStatus::Serving if amf.recovering > 0 => {
            return (glyphs.on, format!("adopts {}", amf.recovering), Role::Warn);
        }
        AmfStatus::Serving if amf.last_survivor => (glyphs.on, "last one", Role::Warn),
        AmfStatus::Serving => (glyphs.on, "serving", Role::Good),
        AmfStatus::NoLease => (glyphs.off, "no lease", Role::Warn),
        AmfStatus::Joining => (glyphs.off, "joining", Role::Warn),
        AmfStatus::Paused => (glyphs.held, "paused", Role::Warn),
        AmfStatus::Down => (glyphs.lost, "down", Role::Bad),
    };
    (sign, word.to_owned(), role)
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
