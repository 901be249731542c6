//! The newest operations on the selected block as intervals: one lane an AMF, time to the right (not to
//! scale: every start and answer has its place). Numbers are the order of effects that explains the
//! answers; if there is none, those that contradict each other stand out.
//!
//! ```text
//! * linearizable: this order explains every answer
//!  amf0  [1 w #12-------] |   [3 r #12]
//!  amf1        [2 r #12---]
//!  faults                 x
//!   1  op40   write  w1#12      ok          12.345    412us
//! ```

use super::super::fuzzy::Filter;
use super::super::model::{Model, Pane};
use super::super::snapshot::seconds;
use super::super::theme::Role;
use super::lamps::{self, sign};
use super::text::{count, left, scroll, shorter, time, wrap};
use super::{foreseen, rows};
use crate::protocol::Many;
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::trace::{BlockHistory, Lamp, SeenOp};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns before the lanes.
const LABEL: usize = 6;
/// Columns from one start or answer to the next while something is under way, at least.
const BUSY_MIN: usize = 4;
/// The same at most.
const BUSY_MAX: usize = 14;
/// Columns from an answer to the next start while nothing is.
const GAP: usize = 2;
/// Columns of an operation that has just begun.
const OPEN_MIN: usize = 3;
/// Narrower bars say nothing of values.
const VALUE_MIN: usize = 8;

/// The block, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let block = format!("b{}", model.selected.block.0);
    match history(model) {
        Some(history) if history.before > 0 => {
            format!("{block}, newest {}, {} before", history.ops.len(), count(history.before))
        }
        Some(history) => format!("{block}, {}", Many::of(history.ops.len(), "operation")),
        None => block,
    }
}

fn history(model: &Model) -> Option<&BlockHistory> {
    let history = model.cluster.now.lamps.as_ref()?.history.as_deref()?;
    (history.block == model.selected.block).then_some(history)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    rows::draw(frame, area, &page(area, model).0);
}

/// The operation at this row of the pane.
#[must_use]
pub fn row_at(area: Rect, model: &Model, row: u16) -> Option<OpId> {
    let (text, first, ops) = page(area, model);
    let at = usize::from(row.checked_sub(area.y)?);
    let at = at.checked_sub(first).filter(|_| at < text.len())?;
    ops.get(at).copied()
}

/// What is on the screen, and from which row on it lists which operations.
fn page(area: Rect, model: &Model) -> (Vec<Line<'_>>, usize, Vec<OpId>) {
    let width = usize::from(area.width);
    let Some(history) = history(model).filter(|history| !history.ops.is_empty()) else {
        let nobody = "nobody has read or written this block; r reads, w writes it";
        let text = lamps::nobody_looks(model).unwrap_or(nobody);
        let rows = wrap(text, width).into_iter();
        let mut lines: Vec<Line> =
            rows.map(|row| Line::styled(row, model.style(Role::Dim))).collect();
        lines.extend(foreseen::lines(model, width));
        return (lines, 0, Vec::new());
    };
    let mut text = verdict(history, width, model);
    let picture = Picture::new(history, width.saturating_sub(LABEL), model);
    let height = usize::from(area.height);
    let lanes = picture.lanes(model);
    // The list needs some rows, too.
    let room = height.saturating_sub(text.len() + 4).max(3);
    let (rest, lanes_shown) = (lanes.len().saturating_sub(room), lanes.into_iter().take(room));
    text.extend(lanes_shown);
    if rest > 0 {
        let more = format!("      {} not shown; z zooms", Many::of(rest, "lane"));
        text.push(Line::styled(more, model.style(Role::Dim)));
    }
    text.extend(picture.foot(model));
    let foreseen = foreseen::lines(model, width);
    let room = height.saturating_sub(text.len() + foreseen.len());
    let first = text.len();
    let shown = list(history, room, model);
    text.extend(shown.iter().map(|at| row(history, *at, width, model)));
    text.truncate(height.saturating_sub(foreseen.len()));
    let listed = text.len().saturating_sub(first);
    let ops = shown.into_iter().take(listed).map(|at| history.ops[at].op).collect();
    text.extend(foreseen);
    (text, first, ops)
}

/// What the lamp shows, and why.
fn verdict<'a>(history: &BlockHistory, width: usize, model: &Model) -> Vec<Line<'a>> {
    let (sign, role) = sign(history.lamp, model);
    let mut text = format!("{sign} {}", history.lamp.word());
    if !history.said.is_empty() {
        text = format!("{text}: {}", history.said);
    } else if !history.order.is_empty() {
        text.push_str(": the numbers are an order of effects that explains every answer");
    }
    if !history.conflict.is_empty() {
        text.push_str("; the operations marked ! contradict each other");
    }
    let rows = wrap(&text, width).into_iter().take(4);
    rows.map(|row| Line::styled(row, model.style(role))).collect()
}

/// What each operation is to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Its place in the order of effects, from 1.
    Place(usize),
    Conflicts,
    None,
}

fn part(history: &BlockHistory, at: usize) -> Part {
    let is_it = |op: &u32| *op as usize == at;
    if history.conflict.iter().any(is_it) {
        return Part::Conflicts;
    }
    history.order.iter().position(is_it).map_or(Part::None, |place| Part::Place(place + 1))
}

/// A bar of the diagram: where it begins and ends, in columns.
struct Bar {
    op: usize,
    from: usize,
    to: usize,
}

/// The diagram: which operations, and where.
struct Picture<'a> {
    history: &'a BlockHistory,
    bars: Vec<Bar>,
    /// Starts and answers that have a place: when, and their column.
    moments: Vec<(Instant, usize)>,
    columns: usize,
    /// Faults and views inside the picture, each with its column.
    faults: Vec<(usize, Instant, String)>,
}

impl<'a> Picture<'a> {
    fn new(history: &'a BlockHistory, columns: usize, model: &Model) -> Self {
        let shown = chosen(history, columns);
        let fits = |wide: &usize| width_of(&moments_of(history, &shown, *wide)) <= columns;
        let wide = (BUSY_MIN..=BUSY_MAX).rev().find(fits).unwrap_or(BUSY_MIN);
        let moments = moments_of(history, &shown, wide);
        let column = |tick: u64| {
            let at = moments.partition_point(|moment| moment.tick < tick);
            moments.get(at).map_or(0, |moment| moment.column)
        };
        let end = width_of(&moments).min(columns).saturating_sub(1);
        let bar = |at: usize| {
            let op = &history.ops[at];
            let to = op.ends.map_or(end, column).min(end);
            Bar { op: at, from: column(op.starts).min(end), to }
        };
        let bars = shown.into_iter().map(bar).collect();
        let moments: Vec<_> = moments.iter().map(|moment| (moment.at, moment.column)).collect();
        let faults = faults(history, model);
        let faults =
            faults.filter_map(|(at, what)| Some((column_of(&moments, *at)?, *at, what.clone())));
        let faults = faults.collect();
        Self { history, bars, moments, columns, faults }
    }

    /// Columns without a bar, from one to another, with the faults that fall on them.
    fn gap(&self, from: usize, to: usize, model: &Model) -> Vec<Span<'static>> {
        let mut spans = Vec::new();
        let mut at = from;
        for (column, ..) in self.faults.iter().filter(|(column, ..)| (from..to).contains(column)) {
            if *column < at {
                continue;
            }
            spans.push(Span::raw(" ".repeat(column - at)));
            spans.push(Span::styled(model.glyphs.bar, model.style(Role::Bad)));
            at = column + 1;
        }
        spans.push(Span::raw(" ".repeat(to.saturating_sub(at))));
        spans
    }

    /// The lanes: of each AMF as many as its operations overlap.
    fn lanes(&self, model: &Model) -> Vec<Line<'static>> {
        let mut lanes: Vec<(AmfId, Vec<&Bar>)> = Vec::new();
        for bar in &self.bars {
            let amf = self.history.ops[bar.op].amf;
            let is_free = |(of, bars): &&mut (AmfId, Vec<&Bar>)| {
                *of == amf && bars.last().is_none_or(|last| last.to < bar.from)
            };
            match lanes.iter_mut().find(is_free) {
                Some((_, bars)) => bars.push(bar),
                None => lanes.push((amf, vec![bar])),
            }
        }
        lanes.sort_by_key(|(amf, _)| *amf);
        let mut before = None;
        let lane = |(amf, bars): &(AmfId, Vec<&Bar>)| {
            let label = if before == Some(*amf) { String::new() } else { amf.to_string() };
            before = Some(*amf);
            self.lane(&label, bars, model)
        };
        lanes.iter().map(lane).collect()
    }

    fn lane(&self, label: &str, bars: &[&Bar], model: &Model) -> Line<'static> {
        let mut spans =
            vec![Span::styled(left(label, LABEL, model.glyphs.more), model.style(Role::Title))];
        let mut at = 0;
        for bar in bars {
            spans.extend(self.gap(at, bar.from, model));
            let text = self.bar_text(bar, model);
            at = bar.to + 1;
            let op = self.history.ops[bar.op].op;
            let is_selected = model.selected.op == Some(op) && model.focus() == Pane::History;
            let role = if is_selected { Role::Select } else { self.role(bar) };
            spans.push(Span::styled(text, model.style(role)));
        }
        spans.extend(self.gap(at, self.columns, model));
        Line::from(spans)
    }

    fn role(&self, bar: &Bar) -> Role {
        let op = &self.history.ops[bar.op];
        match part(self.history, bar.op) {
            Part::Conflicts => Role::Bad,
            Part::Place(_) | Part::None if op.result == "none" => Role::Accent,
            Part::Place(_) | Part::None if op.result != "ok" => Role::Warn,
            Part::Place(_) | Part::None if op.kind == "read" => Role::Shared,
            Part::Place(_) | Part::None => Role::Exclusive,
        }
    }

    /// `[3 r #12--]`: its ends, its place, what it does.
    fn bar_text(&self, bar: &Bar, model: &Model) -> String {
        let op = &self.history.ops[bar.op];
        let rule = model.glyphs.rule;
        let is_open = op.ends.is_none();
        let (first, last) = model.glyphs.ends;
        let last = if is_open { model.glyphs.arrow } else { last };
        let wide = bar.to - bar.from + 1;
        if wide < 3 {
            return first.to_string() + &last.to_string().repeat(wide.saturating_sub(1));
        }
        let letter = op.kind.chars().next().unwrap_or('?');
        let mark = match part(self.history, bar.op) {
            Part::Place(place) => place.to_string(),
            Part::Conflicts => "!".to_owned(),
            Part::None => String::new(),
        };
        let room = wide - 2;
        let label = if room < VALUE_MIN {
            format!("{mark}{letter}")
        } else {
            format!("{mark} {letter} {}", op.value)
        };
        let label = shorter(label.trim(), room);
        let used = label.chars().count();
        let inside = if used <= room {
            format!("{label}{}", rule.repeat(room - used))
        } else {
            left(&label, room, model.glyphs.more)
        };
        format!("{first}{inside}{last}")
    }

    /// Faults under the lanes, and when the picture begins and ends.
    fn foot(&self, model: &Model) -> Vec<Line<'static>> {
        let (Some((first, _)), Some((last, _))) = (self.moments.first(), self.moments.last())
        else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if let Some((_, at, what)) = self.faults.last() {
            let mut row = vec![' '; self.columns];
            for (column, ..) in &self.faults {
                if let Some(cell) = row.get_mut(*column) {
                    *cell = model.glyphs.lost;
                }
            }
            lines.push(Line::from(vec![
                Span::styled(left("faults", LABEL, ' '), model.style(Role::Dim)),
                Span::styled(row.into_iter().collect::<String>(), model.style(Role::Bad)),
            ]));
            let more = match self.faults.len() {
                0 | 1 => String::new(),
                n => format!(" ({} before)", n - 1),
            };
            let text = format!("      {} {}: {what}{more}", model.glyphs.lost, seconds(*at));
            lines.push(Line::styled(text, model.style(Role::Bad)));
        }
        let text = format!("      {} s to {} s, not to scale", seconds(*first), seconds(*last));
        lines.push(Line::styled(text, model.style(Role::Dim)));
        lines
    }
}

/// What was broken, and which views began: of a recording as it says itself, else as they came.
fn faults<'a>(
    history: &'a BlockHistory,
    model: &'a Model,
) -> impl Iterator<Item = &'a (Instant, String)> {
    let is_recording = model.is_recording();
    let told = history.faults.iter();
    let seen = model.cluster.faults.iter().filter(move |_| !is_recording);
    told.chain(seen)
}

/// Where a time lies in the picture: at the first start or answer after it.
fn column_of(moments: &[(Instant, usize)], at: Instant) -> Option<usize> {
    let (first, last) = (moments.first()?, moments.last()?);
    if at < first.0 || at > last.0 {
        return None;
    }
    let next = moments.partition_point(|(now, _)| *now < at);
    moments.get(next).map(|(_, column)| column.saturating_sub(1))
}

/// A start or an answer, and its column.
struct Moment {
    tick: u64,
    at: Instant,
    column: usize,
}

/// The starts and answers of these operations, in order: `wide` columns apart where something is under
/// way between them, else close together.
fn moments_of(history: &BlockHistory, ops: &[usize], wide: usize) -> Vec<Moment> {
    let of = |at: &usize| {
        let op = &history.ops[*at];
        [Some((op.starts, op.start, 1_isize)), op.ends.zip(op.end).map(|(tick, at)| (tick, at, -1))]
    };
    let mut all: Vec<_> = ops.iter().flat_map(of).flatten().collect();
    all.sort_unstable();
    let (mut column, mut under_way) = (0, 0);
    let mut moments = Vec::with_capacity(all.len());
    for (tick, at, change) in all {
        moments.push(Moment { tick, at, column });
        under_way += change;
        column += if under_way > 0 { wide } else { GAP };
    }
    moments
}

/// Columns that these take; the last one may stand for something that goes on.
fn width_of(moments: &[Moment]) -> usize {
    moments.last().map_or(0, |last| last.column + OPEN_MIN)
}

/// The operations that the diagram has room for: those in conflict, then the newest.
fn chosen(history: &BlockHistory, columns: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = history.conflict.iter().map(|at| *at as usize).collect();
    // Of a contradiction one wants to see the values.
    let wide = if chosen.is_empty() { BUSY_MIN } else { VALUE_MIN + 2 };
    for at in (0..history.ops.len()).rev().filter(|at| !history.conflict.contains(&small(*at))) {
        chosen.push(at);
        if width_of(&moments_of(history, &chosen, wide)) > columns {
            chosen.pop();
            break;
        }
    }
    chosen.sort_unstable();
    chosen
}

fn small(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The operations that there is room for, around the selected one.
fn list(history: &BlockHistory, room: usize, model: &Model) -> Vec<usize> {
    let order = shown(history, model);
    let at = selected(history, model).and_then(|op| order.iter().position(|one| *one == op));
    let first = match at {
        Some(at) => scroll(at, room, order.len()),
        None if history.lamp == Lamp::Violated => 0,
        None => order.len().saturating_sub(room),
    };
    order.into_iter().skip(first).take(room).collect()
}

/// The operations of the list that the filter lets through, in its order.
fn shown(history: &BlockHistory, model: &Model) -> Vec<usize> {
    let filter = Filter::new(model.filter_of(Pane::History));
    let matches = |at: &usize| {
        let op = &history.ops[*at];
        let words = format!("op{} {} {} {} {}", op.op.0, op.amf, op.kind, op.value, result(op));
        filter.matches(&words)
    };
    ordered(history).into_iter().filter(matches).collect()
}

/// The selected operation, if it is one of these.
fn selected(history: &BlockHistory, model: &Model) -> Option<usize> {
    let op = model.selected.op?;
    history.ops.iter().position(|seen| seen.op == op)
}

/// The operation that the ladder is opened at: the selected one; else of a contradiction the last.
#[must_use]
pub fn chosen_op(model: &Model) -> Option<&SeenOp> {
    let history = history(model)?;
    let last =
        history.conflict.iter().map(|at| *at as usize).max_by_key(|at| history.ops[*at].ends);
    selected(history, model).or(last).map(|at| &history.ops[at])
}

/// The operation `by` rows from the selected one.
#[must_use]
pub fn neighbour(model: &Model, by: isize) -> Option<OpId> {
    let history = history(model)?;
    let order = shown(history, model);
    let last = order.len().checked_sub(1)?;
    let at = selected(history, model).and_then(|op| order.iter().position(|one| *one == op));
    let newest = if history.lamp == Lamp::Violated { 0 } else { last };
    let at = at.map_or(newest, |at| at.saturating_add_signed(by).min(last));
    Some(history.ops[order[at]].op)
}

/// The operations in the order of their effects, then those without; or those in conflict, then the
/// others by their starts.
fn ordered(history: &BlockHistory) -> Vec<usize> {
    let mut order: Vec<usize> = history.order.iter().map(|at| *at as usize).collect();
    let rest = (0..history.ops.len()).filter(|at| !order.contains(at)).collect::<Vec<_>>();
    if history.lamp == Lamp::Violated {
        order.splice(0..0, history.conflict.iter().map(|at| *at as usize));
        order.extend(rest.into_iter().filter(|at| part(history, *at) != Part::Conflicts));
    } else {
        order.extend(rest);
    }
    order
}

fn row<'a>(history: &BlockHistory, at: usize, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let op = &history.ops[at];
    let (mark, role) = match part(history, at) {
        Part::Place(place) => (format!("{place:>3}"), Role::Accent),
        Part::Conflicts => ("  !".to_owned(), Role::Bad),
        Part::None => (format!("  {}", model.glyphs.none), Role::Dim),
    };
    let result_role = if op.result == "ok" { Role::Good } else { Role::Warn };
    let wide = usize::from(width >= 56);
    let rest = width.saturating_sub(3 + 9 + 5 + 6 + 11 + wide * 17);
    let mut spans = vec![
        Span::styled(format!("{mark} "), model.style(role)),
        Span::styled(left(&format!("op{}", op.op.0), 8, more), model.style(Role::Dim)),
        Span::styled(left(&op.amf.to_string(), 6, more), model.style(Role::Text)),
        Span::styled(left(&op.kind, 6, more), model.style(Role::Text)),
        Span::styled(
            left(&shorter(&op.value, rest.saturating_sub(1)), rest.saturating_sub(1), more),
            model.style(Role::Title),
        ),
        Span::styled(format!(" {}", left(result(op), 10, more)), model.style(result_role)),
    ];
    if wide > 0 {
        let took = op.end.map_or_else(String::new, |end| time(end.since(op.start)));
        let text = format!("{:>9} {took:>6}", seconds(op.start));
        spans.push(Span::styled(text, model.style(Role::Dim)));
    }
    if model.selected.op == Some(op.op) && model.focus() == Pane::History {
        for span in &mut spans {
            span.style = model.style(Role::Select);
        }
    }
    Line::from(spans)
}

fn result(op: &SeenOp) -> &str {
    if op.result == "none" { "under way" } else { &op.result }
}
