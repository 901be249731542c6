//! A lamp for every block, worst first: does some order of effects explain what hosts saw?
//!
//! ```text
//!   block   lamp              ops  run open
//! ▸ b17     x violated         41    1    0
//!   b3      ? unknown       1,204    0    1  more than 64 writes were not answered
//!   b0      * linearizable     97    0    0
//! ```

use super::super::fuzzy::Filter;
use super::super::model::Model;
use super::super::theme::Role;
use super::rows;
use super::text::{count, left, right, scroll, wrap};
use super::thumb;
use crate::protocol::id::Block;
use crate::trace::{Lamp, LampInfo};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns before the reasons.
const COLUMNS: usize = 44;
/// Narrower than this no reason is shown.
const WHY_MIN: usize = 16;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let Some(lamps) = &model.cluster.now.lamps else { return String::new() };
    if !model.lamp_filter.is_empty() {
        return format!("/{}: {}", model.lamp_filter, shown(model).count());
    }
    if lamps.all() == Lamp::Linearizable {
        return match lamps.linearizable {
            0 => String::new(),
            n => format!("{} linearizable", count(n)),
        };
    }
    // In signs: words have no room in a narrow pane, and the worst rows below say both.
    let parts = [
        (lamps.violated, Lamp::Violated),
        (lamps.unknown, Lamp::Unknown),
        (lamps.linearizable, Lamp::Linearizable),
    ];
    let parts = parts.into_iter().filter(|(n, _)| *n > 0);
    let parts = parts.map(|(n, lamp)| format!("{} {}", count(n), sign(lamp, model).0));
    parts.collect::<Vec<_>>().join("  ")
}

/// The lamps that the filter lets through, worst first.
pub fn shown(model: &Model) -> impl Iterator<Item = &LampInfo> {
    let blocks = model.cluster.now.lamps.as_ref().map(|lamps| &lamps.blocks[..]);
    let filter = (!model.lamp_filter.is_empty()).then(|| Filter::new(&model.lamp_filter));
    blocks.unwrap_or_default().iter().filter(move |info| {
        filter.as_ref().is_none_or(|filter| {
            filter.matches(&format!("b{} {} {}", info.block.0, info.lamp.word(), info.why))
        })
    })
}

/// The block `by` rows from the selected one.
#[must_use]
pub fn neighbour(model: &Model, by: isize) -> Option<Block> {
    let blocks: Vec<Block> = shown(model).map(|info| info.block).collect();
    let at = blocks.iter().position(|block| *block == model.selected.block);
    let at = at.map_or(0, |at| at.saturating_add_signed(by).min(blocks.len() - 1));
    blocks.get(at).copied()
}

/// The block at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<Block> {
    let (first, _) = first_row(area, model);
    let at = usize::from(row.checked_sub(area.y + 1)?) + first;
    shown(model).nth(at).map(|info| info.block)
}

/// The first row shown, and how many there are.
fn first_row(area: Rect, model: &Model) -> (usize, usize) {
    let (mut at, mut total) = (0, 0);
    for (row, info) in shown(model).enumerate() {
        if info.block == model.selected.block {
            at = row;
        }
        total = row + 1;
    }
    (scroll(at, usize::from(area.height.saturating_sub(1)), total), total)
}

/// A lamp's sign and its role.
#[must_use]
pub fn sign(lamp: Lamp, model: &Model) -> (char, Role) {
    match lamp {
        Lamp::Violated => (model.glyphs.lost, Role::Bad),
        Lamp::Unknown => ('?', Role::Warn),
        Lamp::Linearizable => (model.glyphs.on, Role::Good),
    }
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let dim = model.style(Role::Dim);
    let width = usize::from(area.width);
    let (first, total) = first_row(area, model);
    if total == 0 {
        let lines = wrap(nothing(model), width).into_iter().map(|row| Line::styled(row, dim));
        return rows::draw(frame, area, &lines.collect::<Vec<_>>());
    }
    let heading = "  block    lamp             ops  run  open".to_owned();
    let mut lines = vec![Line::styled(left(&heading, width, ' '), dim)];
    let shown = shown(model).skip(first).take(usize::from(area.height.saturating_sub(1)));
    lines.extend(shown.map(|info| row(info, width, model)));
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    thumb::draw(frame, list, first..first + lines.len() - 1, total, model);
    rows::draw(frame, area, &lines);
}

/// Why the list is empty.
fn nothing(model: &Model) -> &'static str {
    nobody_looks(model).unwrap_or(if model.lamp_filter.is_empty() {
        "no block was read or written yet; r reads, w writes the selected one"
    } else {
        "no lamp matches the filter; esc clears it"
    })
}

/// Why there are no lamps at all; `None`: there are.
#[must_use]
pub fn nobody_looks(model: &Model) -> Option<&'static str> {
    match &model.cluster.now.lamps {
        Some(_) => None,
        None => Some("nobody judges this cluster"),
    }
}

fn row<'a>(info: &LampInfo, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let selected = info.block == model.selected.block;
    let pick = if selected { model.glyphs.pick } else { ' ' };
    let (sign, role) = sign(info.lamp, model);
    let number = |n: u32| if n == 0 { String::new() } else { n.to_string() };
    let mut spans = vec![
        Span::styled(format!("{pick} "), model.style(Role::Focus)),
        Span::styled(left(&format!("b{}", info.block.0), 9, more), model.style(Role::Title)),
        Span::styled(format!("{sign} {:<13}", info.lamp.word()), model.style(role)),
        Span::styled(right(&count(info.ops), 6, more), model.style(Role::Text)),
        Span::styled(right(&number(info.under_way), 5, more), model.style(Role::Accent)),
        Span::styled(right(&number(info.open), 6, more), model.style(Role::Warn)),
    ];
    if width >= COLUMNS + WHY_MIN && !info.why.is_empty() {
        let why = left(&info.why, width - COLUMNS, more);
        spans.push(Span::styled(format!("  {why}"), model.style(Role::Dim)));
    }
    if selected {
        for span in &mut spans[1..] {
            span.style = model.style(Role::Select);
        }
    }
    Line::from(spans)
}
