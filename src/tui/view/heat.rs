//! The address space as a heat map: each cell is one block, or a run of blocks.
//!
//! ```text
//! b0      ····░▒▓█···M·S·S··E····
//! b1024   ···········
//! one cell = 16 blocks   M modified  E exclusive  S shared
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::matrix::state_role;
use super::rows;
use super::text::{count, left};
use crate::protocol::LineState;
use crate::protocol::id::Block;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns before the first cell.
const LABEL: u16 = 9;

/// What a cell holds.
#[derive(Clone, Copy, Default)]
struct Cell {
    lines: u32,
    modified: u32,
    owned: u32,
    exclusive: u32,
    lent: u32,
}

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let heat = model.heat;
    let end = heat.first + heat.blocks - 1;
    format!("b{} to b{end} of {}", heat.first, count(model.about.blocks))
}

fn shape(area: Rect, model: &Model) -> (u64, u64, u64) {
    let across = u64::from(area.width.saturating_sub(LABEL).max(4) / 4 * 4);
    let down = u64::from(area.height.saturating_sub(2).max(1));
    let least = model.heat.blocks.div_ceil(across * down);
    let per_cell = if least > 8 { least.next_multiple_of(8) } else { least.next_power_of_two() };
    (across, down, per_cell)
}

/// Blocks in a row of the map: how far the cursor goes up and down.
#[must_use]
pub fn row_blocks(area: Rect, model: &Model) -> (u64, u64) {
    let (across, _, per_cell) = shape(area, model);
    (per_cell, across * per_cell)
}

/// The block at a position.
#[must_use]
pub fn block_at(area: Rect, model: &Model, column: u16, row: u16) -> Option<Block> {
    let (across, down, per_cell) = shape(area, model);
    let x = u64::from(column.checked_sub(area.x + LABEL)?);
    let y = u64::from(row.checked_sub(area.y)?);
    let block = model.heat.first + (y * across + x) * per_cell;
    let end = model.heat.first + model.heat.blocks;
    (x < across && y < down && block < end).then_some(Block(block))
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let (across, down, per_cell) = shape(area, model);
    let cells = gather(across * down, per_cell, model);
    let under = model.selected.block.0.checked_sub(model.heat.first).map(|at| at / per_cell);
    let mut lines = Vec::new();
    for row in 0..down {
        let first = model.heat.first + row * across * per_cell;
        if first >= model.heat.first + model.heat.blocks {
            break;
        }
        let name = left(&format!("b{first}"), usize::from(LABEL), model.glyphs.more);
        let mut spans = vec![Span::styled(name, model.style(Role::Dim))];
        for column in 0..across {
            let at = row * across + column;
            let block = first + column * per_cell;
            if block >= model.heat.first + model.heat.blocks {
                break;
            }
            let cell = usize::try_from(at).ok().and_then(|at| cells.get(at)).copied();
            let (sign, role) = paint(cell.unwrap_or_default(), per_cell, model);
            let role = if under == Some(at) { Role::Cursor } else { role };
            spans.push(Span::styled(sign.to_string(), model.style(role)));
        }
        lines.push(Line::from(spans));
    }
    rows::draw(frame, area, &lines);
    let at = Rect { y: area.bottom() - 1, height: 1, ..area };
    frame.render_widget(legend(area.width, per_cell, model), at);
}

fn gather(cells: u64, per_cell: u64, model: &Model) -> Vec<Cell> {
    let mut map = vec![Cell::default(); usize::try_from(cells).unwrap_or(0)];
    for line in model.cluster.now.amfs.iter().flat_map(|amf| &amf.lines) {
        let Some(at) = line.block.0.checked_sub(model.heat.first) else { continue };
        let at = usize::try_from(at / per_cell).unwrap_or(usize::MAX);
        let Some(cell) = map.get_mut(at) else { continue };
        cell.lines += 1;
        match line.state {
            LineState::M => cell.modified += 1,
            LineState::O => cell.owned += 1,
            LineState::E => cell.exclusive += 1,
            LineState::L => cell.lent += 1,
            LineState::S | LineState::I => {}
        }
    }
    map
}

/// A single block shows the letter of its most owned line; a run shows how much of it is cached, in
/// the colour of its most owned line.
fn paint(cell: Cell, per_cell: u64, model: &Model) -> (char, Role) {
    let found = [
        (LineState::M, cell.modified),
        (LineState::O, cell.owned),
        (LineState::E, cell.exclusive),
        (LineState::S, cell.lines - cell.lent),
        (LineState::L, cell.lent),
    ];
    let Some((state, _)) = found.into_iter().find(|(_, lines)| *lines > 0) else {
        return (model.glyphs.none, Role::StateI);
    };
    if per_cell == 1 {
        return (state.letter(), state_role(state));
    }
    let steps = model.glyphs.heat;
    let step = (u64::from(cell.lines) * (steps.len() as u64 - 1)).div_ceil(per_cell);
    let step = usize::try_from(step).map_or(steps.len() - 1, |step| step.min(steps.len() - 1));
    (steps[step], state_role(state))
}

fn legend<'a>(width: u16, per_cell: u64, model: &Model) -> Line<'a> {
    let dim = model.style(Role::Dim);
    let each = if per_cell == 1 { "1 block".to_owned() } else { format!("{per_cell} blocks") };
    let mut spans = vec![Span::styled(format!("cell = {each}  "), dim)];
    let lends = model.cluster.now.view.protocol.lends();
    for state in [LineState::M, LineState::O, LineState::E, LineState::L, LineState::S] {
        let word = match state {
            LineState::O | LineState::L if !lends => continue,
            LineState::M if width < 60 => " dirty ",
            LineState::E if width < 60 => " alone ",
            LineState::M => " modified  ",
            LineState::O => " owned ",
            LineState::E => " exclusive  ",
            LineState::L => " lent ",
            LineState::S | LineState::I => " shared",
        };
        spans.push(Span::styled(state.letter().to_string(), model.style(state_role(state))));
        spans.push(Span::styled(word, dim));
    }
    Line::from(spans)
}
