//! The redundancy group: layout, disks, refill, the witness.
//!
//! ```text
//! mirror of 2, 4 disks and 1 spare, 64 MiB, epoch 3     witness ● stable
//!   disk   slot  state          reads  writes  queue  fenced
//! ▸ disk0     0  ● online       1,204     311      0       0  +50 ms
//! ```
//!
//! Behind a disk's figures: blocks whose check sum is wrong, and those that were repaired; what is wrong
//! with its store; how slow it was made.

use super::super::fuzzy::Filter;
use super::super::model::{Model, Pane};
use super::super::theme::Role;
use super::rows;
use super::text::{bytes, count, left, right, scroll, time};
use super::thumb;
use crate::protocol::Layout;
use crate::protocol::group::SlotState;
use crate::trace::snapshot::DiskInfo;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the whole table.
const COLUMNS_FULL: usize = 58;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let disks = &model.cluster.now.disks;
    let failed = disks.iter().filter(|disk| disk.failed).count();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let scrub = model.cluster.now.scrub.map(|(_, report)| report);
    let scrub = scrub.map_or_else(String::new, |report| format!(", {report}"));
    format!("{} disks{failed}{scrub}", disks.len())
}

/// The disks that the filter lets through.
#[must_use]
pub fn shown(model: &Model) -> Vec<usize> {
    let disks = &model.cluster.now.disks;
    let filter = Filter::new(model.filter_of(Pane::Group));
    let matches =
        |at: &usize| filter.matches(&format!("{} {}", disks[*at].id, state(&disks[*at], model).0));
    (0..disks.len()).filter(matches).collect()
}

/// The disk at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<usize> {
    let shown = shown(model);
    let at = usize::from(row.checked_sub(area.y + 2)?) + first_row(area, model, &shown);
    shown.get(at).copied()
}

fn first_row(area: Rect, model: &Model, shown: &[usize]) -> usize {
    let rows = usize::from(area.height.saturating_sub(2));
    let at = shown.iter().position(|at| *at == usize::from(model.selected.disk.0)).unwrap_or(0);
    scroll(at, rows, shown.len())
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let heading = if width < COLUMNS_FULL {
        "  disk   slot state       reads writes"
    } else {
        "  disk   slot  state          reads  writes  queue  fenced"
    };
    let mut lines = vec![summary(width, model), Line::styled(heading, model.style(Role::Dim))];
    let shown = shown(model);
    let first = first_row(area, model, &shown);
    let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let rows = shown.iter().skip(first).take(usize::from(list.height));
    lines.extend(rows.map(|at| row(&model.cluster.now.disks[*at], width, model)));
    thumb::draw(frame, list, first..first + lines.len() - 2, shown.len(), model);
    rows::draw(frame, area, &lines);
}

fn summary<'a>(width: usize, model: &Model) -> Line<'a> {
    let group = &model.about.config.group;
    let layout = match group.layout {
        Layout::Single => "single disk".to_owned(),
        Layout::Stripe => "stripe".to_owned(),
        Layout::Mirror => format!("mirror of {}", group.copies),
        Layout::Raid5 | Layout::Raid6 => {
            let parity = group.layout.parity();
            format!("{} {}+{parity}", group.layout.name(), group.disks - parity)
        }
    };
    let volume = bytes(model.about.blocks * u64::from(model.about.block_size));
    let spare = if group.spares > 0 { format!(" + {} spare", group.spares) } else { String::new() };
    let mut text = format!("{layout}, {volume}");
    if width >= COLUMNS_FULL {
        text = format!("{layout}, {} disks{spare}, chunk {}, {volume}", group.disks, group.chunk);
    }
    let slots = &model.cluster.now.view.group.slots;
    let degraded = slots.iter().any(|slot| slot.state != SlotState::Online);
    let degraded = if degraded && group.layout.is_redundant() { ", degraded" } else { "" };
    let witness = &model.cluster.now.witness;
    let (sign, role, doing) = if witness.up {
        (model.glyphs.on, Role::Good, witness.doing.as_str())
    } else {
        (model.glyphs.lost, Role::Bad, "down")
    };
    let used = text.len() + degraded.len() + 13;
    let doing = left(doing, width.saturating_sub(used).min(doing.len()), model.glyphs.more);
    Line::from(vec![
        Span::styled(text, model.style(Role::Text)),
        Span::styled(degraded, model.style(Role::Warn)),
        Span::styled("   witness ", model.style(Role::Dim)),
        Span::styled(format!("{sign} {doing}"), model.style(role)),
    ])
}

fn state(disk: &DiskInfo, model: &Model) -> (String, Role) {
    let glyphs = model.glyphs;
    if let Some(done) = disk.rebuilt {
        return (format!("{} refill {}%", glyphs.off, done / 10), Role::Warn);
    }
    match (disk.failed, disk.role.as_str()) {
        (true, _) => (format!("{} failed", glyphs.lost), Role::Bad),
        (false, "online") => (format!("{} online", glyphs.on), Role::Good),
        (false, "failed") => (format!("{} out", glyphs.lost), Role::Bad),
        (false, other) => (format!("{} {other}", glyphs.off), Role::Dim),
    }
}

fn row<'a>(disk: &DiskInfo, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let selected = model.selected.disk == disk.id;
    let pick = if selected { model.glyphs.pick } else { ' ' };
    let slot = disk.slot.map_or_else(|| "-".to_owned(), |slot| slot.to_string());
    let (state, role) = state(disk, model);
    let name_role = if selected { Role::Title } else { Role::Text };
    let mut spans = vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(left(&disk.id.to_string(), 7, more), model.style(name_role)),
        Span::styled(right(&slot, 4, more), model.style(Role::Dim)),
    ];
    if width < COLUMNS_FULL {
        spans.extend([
            Span::styled(format!(" {}", left(&state, 12, more)), model.style(role)),
            Span::styled(right(&count(disk.reads), 5, more), model.style(Role::Text)),
            Span::styled(right(&count(disk.writes), 7, more), model.style(Role::Text)),
        ]);
        return Line::from(spans);
    }
    let fenced_role = if disk.fenced > 0 { Role::Warn } else { Role::Dim };
    spans.extend([
        Span::styled(format!("  {}", left(&state, 13, more)), model.style(role)),
        Span::styled(right(&count(disk.reads), 7, more), model.style(Role::Text)),
        Span::styled(right(&count(disk.writes), 8, more), model.style(Role::Text)),
        Span::styled(right(&disk.queue.to_string(), 7, more), model.style(Role::Dim)),
        Span::styled(right(&count(disk.fenced), 8, more), model.style(fenced_role)),
    ]);
    if disk.damaged > 0 {
        let text = format!("  {} damaged", count(disk.damaged));
        spans.push(Span::styled(text, model.style(Role::Bad)));
    }
    if disk.repaired > 0 {
        let text = format!("  {} repaired", count(disk.repaired));
        spans.push(Span::styled(text, model.style(Role::Warn)));
    }
    if let Some(cause) = disk.cause() {
        let room = width.saturating_sub(COLUMNS_FULL + 2);
        let text = format!("  {}", left(cause, room.min(cause.len()), more));
        spans.push(Span::styled(text, model.style(Role::Bad)));
    }
    if disk.slow.0 > 0 {
        spans.push(Span::styled(format!("  +{}", time(disk.slow)), model.style(Role::Warn)));
    }
    Line::from(spans)
}
