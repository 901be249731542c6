//! The lock table: what each AMF has to do with each key.
//!
//! ```text
//!   key    AMF   does       mode      ticket     waits for  defers      q    age
//! ▸ b17    amf1  * holds    exclusive t3.120.1              amf 2       2   12ms
//! ```

use super::super::fuzzy::Filter;
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::{left, right, scroll, time};
use super::thumb;
use crate::protocol::id::{AmfId, Mode};
use crate::trace::snapshot::{LockInfo, LockPhase};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the whole table.
const COLUMNS_FULL: usize = 78;
/// Columns more for those that are waited for, where there is room.
const WAITS_MORE_MAX: usize = 32;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let locks = &model.cluster.now.locks;
    let holding = locks.iter().filter(|lock| lock.phase == LockPhase::Holding).count();
    let waiting = locks.iter().filter(|lock| lock.phase == LockPhase::Waiting).count();
    format!("{holding} held, {waiting} waiting")
}

/// The row of the table at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let shown = shown(model);
    let at = usize::from(row.checked_sub(area.y + 1)?) + first_row(area, model, &shown);
    shown.get(at).copied()
}

/// Rows of the table that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let locks = &model.cluster.now.locks;
    let filter = Filter::new(model.filter_of(Pane::Locks));
    let text = |lock: &LockInfo| {
        format!("{} {} {} {}", lock.key, lock.amf, phase(lock.phase).0, lock.mode)
    };
    (0..locks.len()).filter(|at| filter.matches(&text(&locks[*at]))).collect()
}

fn first_row(area: Rect, model: &Model, shown: &[usize]) -> usize {
    let rows = usize::from(area.height.saturating_sub(1));
    let at = shown.iter().position(|at| *at == model.selected.lock).unwrap_or(0);
    scroll(at, rows, shown.len())
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let locks = &model.cluster.now.locks;
    let heading = if width < COLUMNS_FULL {
        "  key    AMF   does       mode  waits for".to_owned()
    } else {
        let waits = left("waits for", waits_columns(width), ' ');
        format!("  key    AMF   does       mode      ticket     {waits}defers      q    age")
    };
    let mut lines = vec![Line::styled(heading, model.style(Role::Dim))];
    let shown = shown(model);
    if shown.is_empty() {
        let text = match locks.len() {
            0 => "  nothing is locked",
            _ => "  no lock matches; esc shows all",
        };
        lines.push(Line::styled(text, model.style(Role::Dim)));
    }
    let first = first_row(area, model, &shown);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let rows = shown.iter().skip(first).take(usize::from(list.height));
    let fitting = rows.len();
    lines.extend(rows.map(|at| row(&locks[*at], *at == model.selected.lock, width, model)));
    thumb::draw(frame, list, first..first + fitting, shown.len(), model);
    rows::draw(frame, area, &lines);
}

/// Columns of those that are waited for: whatever the others leave.
fn waits_columns(width: usize) -> usize {
    11 + width.saturating_sub(COLUMNS_FULL).min(WAITS_MORE_MAX)
}

/// The word of a phase, with a sign, and its role.
#[must_use]
pub fn phase(phase: LockPhase) -> (&'static str, Role) {
    match phase {
        LockPhase::Holding => ("* holds", Role::Good),
        LockPhase::Waiting => ("? waits", Role::Warn),
        LockPhase::Suspended => ("? suspended", Role::Warn),
        LockPhase::Recovering => ("! adopts", Role::Accent),
        LockPhase::Destaging => ("v to disk", Role::Disk),
        LockPhase::Queued => ("  queue", Role::Dim),
    }
}

/// The role of a mode.
#[must_use]
pub fn mode_role(mode: Mode) -> Role {
    match mode {
        Mode::Shared => Role::Shared,
        Mode::Exclusive => Role::Exclusive,
    }
}

fn names(amfs: impl Iterator<Item = AmfId>) -> String {
    amfs.map(|amf| amf.0.to_string()).collect::<Vec<_>>().join(",")
}

fn row<'a>(lock: &LockInfo, selected: bool, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let pick = if selected { model.glyphs.pick } else { ' ' };
    let (word, role) = phase(lock.phase);
    let missing = names(lock.missing.iter());
    let missing = if missing.is_empty() { missing } else { format!("amf {missing}") };
    let mut spans = vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(left(&lock.key.to_string(), 7, more), model.style(Role::Title)),
        Span::styled(left(&lock.amf.to_string(), 6, more), model.style(Role::Text)),
        Span::styled(left(word, 11, more), model.style(role)),
    ];
    if width < COLUMNS_FULL {
        let short = match lock.mode {
            Mode::Shared => "shar",
            Mode::Exclusive => "excl",
        };
        spans.push(Span::styled(left(short, 6, more), model.style(mode_role(lock.mode))));
        let rest = width.saturating_sub(32);
        spans.push(Span::styled(left(&missing, rest, more), model.style(Role::Text)));
    } else {
        let ticket = lock.ticket.map_or_else(String::new, |ticket| ticket.to_string());
        let deferred = names(lock.deferred.iter().map(|(amf, ..)| *amf));
        let deferred = if deferred.is_empty() { deferred } else { format!("amf {deferred}") };
        let queued = if lock.queued == 0 { String::new() } else { lock.queued.to_string() };
        spans.extend([
            Span::styled(left(&lock.mode.to_string(), 10, more), model.style(mode_role(lock.mode))),
            Span::styled(left(&ticket, 11, more), model.style(Role::Dim)),
            Span::styled(left(&missing, waits_columns(width), more), model.style(Role::Warn)),
            Span::styled(left(&deferred, 10, more), model.style(Role::Text)),
            Span::styled(right(&queued, 3, more), model.style(Role::Text)),
            Span::styled(right(&time(lock.age), 7, more), model.style(Role::Dim)),
        ]);
    }
    if selected {
        for span in &mut spans[1..] {
            span.style = model.style(Role::Select);
        }
    }
    Line::from(spans)
}
