//! The state x event table of the protocol in force: what an event does to a block, by how it stands, and
//! how often that happened here. A second protocol below it, or beside it where there is room.
//!
//! ```text
//!                 read       write      search     invalidate
//!   M  idle       = 41       MX 12      Md 3       Md
//!   S  idle       = 1,204    Sx 7       =          I 9
//! ▸ I  waits-S    =          =          = 2        [I]
//! = the state stays  ! after a fault  · never met  ✗ impossible
//! ```

use super::super::model::Model;
use super::super::model::protocol::Grid;
use super::super::theme::Role;
use super::rows;
use super::text::{left, scroll, wrap};
use crate::explore::print::{code, short};
use crate::explore::{Class, Table};
use crate::protocol::cell::{Cell, State, Trigger};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// From this width on a second protocol stands beside the first, not below it.
const BESIDE_MIN: u16 = 150;
/// From this width on rows have their names.
const NAMES_MIN: u16 = 60;
/// Columns of a row's sign: the line, and what is done with the block.
const LABEL_SHORT: usize = 5;
/// From this height on there is a legend.
const LEGEND_MIN: u16 = 8;
/// Columns of a count.
const COUNT: usize = 5;

/// What the title says besides.
#[must_use]
pub fn heading(model: &Model) -> String {
    let protocol = model.protocol_in_force();
    let Some(table) = model.protocol.table(protocol) else { return protocol.to_string() };
    let grid = model.grid();
    if !model.protocol.filter.is_empty() {
        let cells = all(&grid).filter(|cell| model.lets_through(table, *cell)).count();
        return format!("{protocol} /{}: {cells} cells", model.protocol.filter);
    }
    let can = all(&grid).filter(|cell| table.class(*cell) <= Class::Fault).count();
    let met = all(&grid).filter(|cell| model.met(*cell).is_some()).count();
    let beside = model.protocol.other.map_or_else(String::new, |other| format!(" | {other}"));
    format!("{protocol}{beside}: {met} of {can} cells met")
}

fn all(grid: &Grid) -> impl Iterator<Item = Cell> + '_ {
    let row = |state: &State| {
        let state = *state;
        grid.columns.iter().map(move |trigger| Cell { state, trigger: *trigger })
    };
    grid.rows.iter().flat_map(row)
}

/// Where a table is drawn, and what of it.
struct Pane<'a> {
    area: Rect,
    table: Option<&'a Table>,
    title: String,
}

/// The places of the one or two tables, and of the legend.
fn panes(area: Rect, model: &Model) -> (Vec<Pane<'_>>, Rect) {
    let legend = u16::from(area.height >= LEGEND_MIN);
    let [body, legend] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(legend)]).areas(area);
    let first = model.protocol_in_force();
    let pane = |area, protocol: crate::protocol::Protocol| Pane {
        area,
        table: model.protocol.table(protocol),
        title: protocol.to_string(),
    };
    let Some(other) = model.protocol.other else { return (vec![pane(body, first)], legend) };
    let half = [Constraint::Fill(1), Constraint::Fill(1)];
    let [one, two] = if area.width >= BESIDE_MIN {
        Layout::horizontal(half).spacing(2).areas(body)
    } else {
        Layout::vertical(half).areas(body)
    };
    (vec![pane(one, first), pane(two, other)], legend)
}

/// Columns before the first cell.
fn label_width(area: Rect) -> usize {
    if area.width >= NAMES_MIN { LABEL_SHORT + 11 } else { LABEL_SHORT }
}

/// How wide each column is: as its name and its widest cell.
fn widths(grid: &Grid, model: &Model) -> Vec<usize> {
    let tables: Vec<&Table> = model.tables().collect();
    let count = if model.protocol.counts { COUNT } else { 0 };
    let width = |trigger: &Trigger| {
        let cells = grid.rows.iter().flat_map(|state| {
            let cell = Cell { state: *state, trigger: *trigger };
            tables.iter().map(move |table| short(table, cell).len())
        });
        (cells.max().unwrap_or(0) + count).max(trigger.name().len()) + 2
    };
    grid.columns.iter().map(width).collect()
}

/// The columns that are shown, with the column of the screen where each begins; the cursor's is among them.
fn visible(widths: &[usize], at: usize, room: usize) -> Vec<(usize, usize)> {
    let mut first = at;
    let mut used = widths.get(at).copied().unwrap_or(0);
    while first > 0 && used + widths[first - 1] <= room {
        first -= 1;
        used += widths[first];
    }
    let mut x = 0;
    let mut shown = Vec::new();
    for (column, width) in widths.iter().enumerate().skip(first) {
        if x > 0 && x + width > room {
            break;
        }
        shown.push((column, x));
        x += width;
    }
    shown
}

/// The cell at a place of the screen.
#[must_use]
pub fn cell_at(area: Rect, model: &Model, x: u16, y: u16) -> Option<Cell> {
    let (panes, _) = panes(area, model);
    let pane = panes.into_iter().find(|pane| pane.area.contains((x, y).into()))?;
    let grid = model.grid();
    let window = Window::new(pane.area, &grid, model);
    let row = usize::from(y.checked_sub(pane.area.y + 1)?) + window.top;
    let at = usize::from(x - pane.area.x).checked_sub(window.label)?;
    let (column, _) = window.shown.into_iter().rev().find(|(_, begins)| *begins <= at)?;
    grid.cell(row, column)
}

/// The cells on the screen, each once, and where they stand.
#[must_use]
pub fn cells(area: Rect, model: &Model) -> Vec<((u16, u16), Cell)> {
    let (panes, _) = panes(area, model);
    let grid = model.grid();
    let Some(pane) = panes.first().filter(|pane| pane.table.is_some()) else { return Vec::new() };
    let window = Window::new(pane.area, &grid, model);
    let small = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    let mut found = Vec::new();
    for (below, row) in (window.top..grid.rows.len()).take(window.height).enumerate() {
        for (column, begins) in &window.shown {
            let x = pane.area.x + small(window.label + begins);
            let y = pane.area.y + 1 + small(below);
            found.extend(grid.cell(row, *column).map(|cell| ((x, y), cell)));
        }
    }
    found
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let grid = model.grid();
    let (panes, last) = panes(area, model);
    for pane in panes {
        match pane.table {
            Some(table) if grid.rows.is_empty() => {
                let text =
                    format!("no cell of {} matches the filter; esc clears it", table.protocol);
                say(frame, pane.area, model, &text);
            }
            Some(table) => draw(frame, &pane, table, &grid, model),
            None => {
                let text = format!("finding out what the core does under {} ...", pane.title);
                say(frame, pane.area, model, &text);
            }
        }
    }
    rows::draw(frame, last, &[legend(model)]);
}

fn say(frame: &mut Frame, area: Rect, model: &Model, text: &str) {
    let dim = model.style(Role::Dim);
    let lines = wrap(text, usize::from(area.width)).into_iter().map(|row| Line::styled(row, dim));
    rows::draw(frame, area, &lines.collect::<Vec<_>>());
}

fn legend(model: &Model) -> Line<'static> {
    let (dim, warn) = (model.style(Role::Dim), model.style(Role::Warn));
    let glyphs = model.glyphs;
    let mut spans = vec![
        Span::styled("= stays  ", dim),
        Span::styled("!", warn),
        Span::styled(format!(" fault  {} never  {} impossible  ", glyphs.none, glyphs.lost), dim),
    ];
    if model.protocol.other.is_some() {
        spans.push(Span::styled("#", model.style(Role::Accent)));
        spans.push(Span::styled(" differs  ", dim));
    }
    let codes = "d destaging s/x waits S/X holds shared/exclusive r recovering a away";
    spans.push(Span::styled(codes, dim));
    Line::from(spans)
}

/// What of a table is on the screen.
struct Window {
    /// Columns of the screen before the first cell.
    label: usize,
    /// Columns, and where each begins.
    shown: Vec<(usize, usize)>,
    widths: Vec<usize>,
    /// Row and column of the cursor.
    cursor: (usize, usize),
    /// The first row.
    top: usize,
    /// Rows.
    height: usize,
}

impl Window {
    fn new(area: Rect, grid: &Grid, model: &Model) -> Self {
        let label = label_width(area);
        let cursor = grid.position(model.protocol.cursor);
        let height = usize::from(area.height.saturating_sub(1));
        let widths = widths(grid, model);
        let room = usize::from(area.width).saturating_sub(label);
        let shown = visible(&widths, cursor.1, room);
        Self {
            label,
            shown,
            widths,
            cursor,
            top: scroll(cursor.0, height, grid.rows.len()),
            height,
        }
    }

    /// The names of the events; what is off the screen is said.
    fn head<'a>(&self, title: &str, grid: &Grid, model: &Model) -> Line<'a> {
        let more = model.glyphs.more;
        let is_cut = self.shown.first().is_some_and(|(at, _)| *at > 0);
        let title = if is_cut {
            format!("{}{more} ", left(title, self.label.saturating_sub(2), ' '))
        } else {
            left(title, self.label, ' ')
        };
        let mut head = vec![Span::styled(title, model.style(Role::Title))];
        for (at, _) in &self.shown {
            let style = model.style(if *at == self.cursor.1 { Role::Focus } else { Role::Dim });
            let name = left(grid.columns[*at].name(), self.widths[*at], ' ');
            head.push(Span::styled(name, style));
        }
        if self.shown.last().is_some_and(|(at, _)| at + 1 < self.widths.len()) {
            head.push(Span::styled(more.to_string(), model.style(Role::Accent)));
        }
        Line::from(head)
    }

    fn line<'a>(&self, table: &Table, row: usize, grid: &Grid, model: &Model) -> Line<'a> {
        let state = grid.rows[row];
        let is_here = row == self.cursor.0;
        let pick = if is_here { model.glyphs.pick } else { ' ' };
        let name = if self.label > LABEL_SHORT { state.lock.name() } else { "" };
        let name_width = self.label - LABEL_SHORT;
        let role = super::matrix::state_role(state.line);
        let mut spans = vec![
            Span::styled(format!("{pick} "), model.style(Role::Focus)),
            Span::styled(format!("{:<3}", code(state)), model.style(role)),
            Span::styled(format!("{name:<name_width$}"), model.style(Role::Text)),
        ];
        for (at, _) in &self.shown {
            let cell = Cell { state, trigger: grid.columns[*at] };
            let (text, style) = cell_text(table, cell, model);
            let is_cursor = is_here && *at == self.cursor.1;
            let style = if is_cursor { model.style(Role::Cursor) } else { style };
            spans.push(Span::styled(left(&text, self.widths[*at] - 1, model.glyphs.more), style));
            spans.push(Span::raw(" "));
        }
        Line::from(spans)
    }
}

fn draw(frame: &mut Frame, pane: &Pane, table: &Table, grid: &Grid, model: &Model) {
    let window = Window::new(pane.area, grid, model);
    let mut lines = vec![window.head(&pane.title, grid, model)];
    let rows = (window.top..grid.rows.len()).take(window.height);
    lines.extend(rows.map(|row| window.line(table, row, grid, model)));
    rows::draw(frame, pane.area, &lines);
}

/// What a cell shows, and how.
fn cell_text(table: &Table, cell: Cell, model: &Model) -> (String, Style) {
    let class = table.class(cell);
    let met = model.met(cell).map_or(0, |met| met.count);
    let text = match class {
        Class::Impossible => model.glyphs.lost.to_string(),
        Class::Never => model.glyphs.none.to_string(),
        Class::Normal | Class::Fault => short(table, cell),
    };
    let text = if model.is_different(cell) { format!("#{text}") } else { text };
    let role = match class {
        _ if !model.lets_through(table, cell) => Role::Dim,
        _ if model.is_different(cell) => Role::Accent,
        Class::Normal | Class::Fault if met == 0 => Role::Dim,
        Class::Fault => Role::Warn,
        Class::Normal => Role::Text,
        Class::Never if met > 0 => Role::Warn,
        Class::Never | Class::Impossible => Role::Dim,
    };
    let is_shown = model.protocol.counts && met > 0 && table.protocol == model.protocol_in_force();
    let text = if is_shown { format!("{text} {}", brief(met)) } else { text };
    (text, model.style(role))
}

/// A count in four columns.
fn brief(n: u64) -> String {
    match n {
        0..=9_999 => n.to_string(),
        10_000..=999_999 => format!("{}k", n / 1_000),
        1_000_000..=999_999_999 => format!("{}M", n / 1_000_000),
        _ => format!("{}G", n / 1_000_000_000),
    }
}
