//! The cache matrix: blocks across, AMFs down, in as many bands as fit. A cell is the letter of the
//! line's state and a mark; the cursor selects block and AMF.
//!
//! ```text
//!        16              24              32
//! amf0   M' S  ·  ·  ·  E  ·  ·  S* ·  ·
//! amf1   ·  S  r  ·  ·  ·  ·  ·  S  ·  ·
//! M modified  E exclusive  S shared  r replica   * locked ? waits v to disk ' not replicated
//! ```

use super::super::model::Model;
use super::super::snapshot::line_of;
use super::super::theme::Role;
use super::rows;
use super::text::{count, scroll};
use crate::protocol::LineState;
use crate::protocol::id::{AmfId, Block, Key};
use crate::trace::snapshot::{LineInfo, LockPhase, Snapshot};
use core::ops::Range;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns before the first cell.
const LABEL: u16 = 7;
/// Narrower than this there is no legend.
const LEGEND_COLUMNS: u16 = 62;
/// From this width on the legend has whole words.
const LEGEND_FULL: u16 = 88;
/// Columns of a cell.
const CELL: u16 = 2;

/// How the pane is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    /// Blocks in a band.
    blocks: u64,
    /// Bands.
    bands: u64,
    /// AMFs shown of each band.
    amfs: usize,
    /// The first AMF shown.
    first_amf: usize,
    /// A legend fits below.
    legend: bool,
}

fn shape(area: Rect, model: &Model) -> Shape {
    let all = model.cluster.now.amfs.len();
    let fitting = area.width.saturating_sub(LABEL) / CELL;
    let blocks = u64::from(if fitting >= 4 { fitting / 4 * 4 } else { fitting.max(1) });
    let height = usize::from(area.height);
    let legend = height >= all + 2 && area.width >= LEGEND_COLUMNS;
    let rows = height - usize::from(legend);
    let amfs = all.min(rows.saturating_sub(1)).max(1);
    let bands = (rows / (amfs + 1)).max(1) as u64;
    let first_amf = scroll(usize::from(model.selected.amf.0), amfs, all);
    Shape { blocks, bands, amfs, first_amf, legend }
}

/// The blocks that the pane shows: the page that holds the selected one.
#[must_use]
pub fn page(area: Rect, model: &Model) -> Range<u64> {
    let shape = shape(area, model);
    let size = shape.blocks * shape.bands;
    let first = model.selected.block.0 / size * size;
    first..(first + size).min(model.about.blocks)
}

/// Blocks in a band: how far the cursor goes between bands.
#[must_use]
pub fn band(area: Rect, model: &Model) -> u64 {
    shape(area, model).blocks
}

/// The block and AMF at a position.
#[must_use]
pub fn cell_at(area: Rect, model: &Model, column: u16, row: u16) -> Option<(AmfId, Block)> {
    let shape = shape(area, model);
    let page = page(area, model);
    let across = u64::from(column.checked_sub(area.x + LABEL)? / CELL);
    let down = usize::from(row.checked_sub(area.y)?);
    let band = down / (shape.amfs + 1);
    let amf = shape.first_amf + (down % (shape.amfs + 1)).checked_sub(1)?;
    let block = page.start + band as u64 * shape.blocks + across;
    let inside = across < shape.blocks && (band as u64) < shape.bands && block < page.end;
    let amf = AmfId(u8::try_from(amf).ok()?);
    inside.then_some((amf, Block(block)))
}

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let selected = &model.selected;
    let used: u64 = model.cluster.now.amfs.iter().map(|amf| u64::from(amf.lines_used)).sum();
    let total = count(model.about.blocks);
    let lines = if used == 1 { "line" } else { "lines" };
    format!("b{} at {} of {total} blocks, {} {lines}", selected.block.0, selected.amf, count(used))
}

/// Draws the pane. The cells go straight into the buffer: there are thousands, and text that is laid out
/// is looked through for what a letter is.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    cluster(frame, area, &model.cluster.now, model);
}

/// Draws the same of the cluster beside this one.
pub fn render_other(frame: &mut Frame, area: Rect, model: &Model) {
    let Some(beside) = &model.cluster.now.beside else {
        let text = "there is one cluster here";
        return rows::draw(frame, area, &[Line::styled(text, model.style(Role::Dim))]);
    };
    cluster(frame, area, &beside.other, model);
}

fn cluster(frame: &mut Frame, area: Rect, now: &Snapshot, model: &Model) {
    let shape = shape(area, model);
    let page = page(area, model);
    let mut y = area.y;
    for band in 0..shape.bands {
        let first = page.start + band * shape.blocks;
        if first >= page.end {
            break;
        }
        let blocks = first..(first + shape.blocks).min(page.end);
        if y < area.bottom() {
            frame.buffer_mut().set_line(area.x, y, &ruler(&blocks, model), area.width);
        }
        y += 1;
        for at in shape.first_amf..shape.first_amf + shape.amfs {
            if y < area.bottom() {
                let row_area = Rect { y, height: 1, ..area };
                row(frame.buffer_mut(), row_area, (now, at), &blocks, model);
            }
            y += 1;
        }
    }
    if shape.legend {
        let at = Rect { y: area.bottom() - 1, height: 1, ..area };
        frame.render_widget(legend(area.width, now, model), at);
    }
}

fn ruler<'a>(blocks: &Range<u64>, model: &Model) -> Line<'a> {
    let mut text = " ".repeat(usize::from(LABEL));
    // A number every eight blocks, where the eights are.
    let mut block = blocks.start.next_multiple_of(4);
    while block < blocks.end {
        let at = usize::from(LABEL)
            + usize::from(CELL) * usize::try_from(block - blocks.start).unwrap_or(0);
        text.push_str(&" ".repeat(at.saturating_sub(text.len())));
        text.push('b');
        text.push_str(&block.to_string());
        block += 8;
    }
    Line::styled(text, model.style(Role::Dim))
}

fn row(
    buffer: &mut Buffer,
    area: Rect,
    (now, at): (&Snapshot, usize),
    blocks: &Range<u64>,
    model: &Model,
) {
    let Some(amf) = now.amfs.get(at) else { return };
    let selected = model.selected.amf == amf.id;
    let role = if selected { Role::Title } else { Role::Dim };
    let name = format!("{:<width$}", amf.id.to_string(), width = usize::from(LABEL));
    buffer.set_stringn(area.x, area.y, name, usize::from(area.width), model.style(role));
    let mut kept: Vec<Block> = amf.replicas_kept.iter().map(|(_, kept, _)| *kept).collect();
    kept.sort_unstable();
    let mut locks: Vec<(Block, LockPhase)> = Vec::new();
    for lock in now.locks.iter().filter(|lock| lock.amf == amf.id) {
        if let Key::Block(block) = lock.key {
            locks.push((block, lock.phase));
        }
    }
    locks.sort_by_key(|(block, _)| *block);
    let mut x = area.x + LABEL;
    for block in blocks.clone().map(Block) {
        let line = line_of(now, at, block);
        let (sign, role) = match line {
            Some(line) => (line.state.letter(), state_role(line.state)),
            None if kept.binary_search(&block).is_ok() => ('r', Role::Replica),
            None => (model.glyphs.none, Role::StateI),
        };
        let first = locks.partition_point(|(locked, _)| *locked < block);
        let phase =
            locks.get(first).filter(|(locked, _)| *locked == block).map(|(_, phase)| *phase);
        let mark = mark(phase, line);
        let under = selected && model.selected.block == block;
        let style = if under { model.style(Role::Cursor) } else { model.style(role) };
        for (x, letter) in (x..area.right()).zip([sign, mark]) {
            buffer[(x, area.y)].set_char(letter).set_style(style);
        }
        x = x.saturating_add(CELL);
    }
}

/// The role of a line's state.
#[must_use]
pub fn state_role(state: LineState) -> Role {
    match state {
        LineState::M => Role::StateM,
        LineState::O => Role::StateO,
        LineState::E => Role::StateE,
        LineState::S => Role::StateS,
        LineState::I => Role::StateI,
        LineState::L => Role::StateL,
    }
}

fn mark(phase: Option<LockPhase>, line: Option<&LineInfo>) -> char {
    match phase {
        Some(LockPhase::Holding) => '*',
        Some(LockPhase::Waiting | LockPhase::Suspended | LockPhase::Recovering) => '?',
        Some(LockPhase::Destaging) => 'v',
        Some(LockPhase::Queued) | None => match line {
            Some(line) if line.destaging => 'v',
            Some(line) if line.unreplicated => '\'',
            Some(_) | None => ' ',
        },
    }
}

fn legend<'a>(width: u16, now: &Snapshot, model: &Model) -> Line<'a> {
    let dim = model.style(Role::Dim);
    let wide = width >= LEGEND_FULL;
    let word = |long: &'static str, short: &'static str| if wide { long } else { short };
    let lends = now.view.protocol.lends();
    let parts = [
        ("M", Role::StateM, word(" modified  ", " dirty ")),
        ("O", Role::StateO, " owned "),
        ("L", Role::StateL, " lent "),
        ("E", Role::StateE, word(" exclusive  ", " alone ")),
        ("S", Role::StateS, word(" shared  ", " shared ")),
        ("r", Role::Replica, word(" replica   ", " replica ")),
        ("*", Role::Text, word(" locked ", " lock ")),
        ("?", Role::Text, word(" waits ", " wait ")),
        ("v", Role::Text, word(" to disk ", " disk ")),
        ("'", Role::Text, word(" not replicated", " new")),
    ];
    let parts = parts
        .into_iter()
        .filter(|(_, role, _)| lends || !matches!(role, Role::StateO | Role::StateL));
    let spans = parts.flat_map(|(sign, role, text)| {
        [Span::styled(sign, model.style(role)), Span::styled(text, dim)]
    });
    spans.collect()
}
