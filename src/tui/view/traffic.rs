//! The traffic between AMFs, one line a message, newest below; in step mode what is held stands above.
//!
//! ```text
//! search 12  invalidate 5  grant 17  replicate 8  ack 8     saved 42
//! ‖ amf1 → amf2  access-exclusive b17                          (held: n next, enter this, d drop)
//!  12.345 amf1 → amf0  access-exclusive b17     t3.120.1   op45 ✓ 210us
//! ```

use super::super::fuzzy::Filter;
use super::super::model::Model;
use super::super::snapshot::seconds;
use super::super::snapshot::traffic::{Fate, Item, Line as Entry, op_text};
use super::super::theme::Role;
use super::rows;
use super::text::{count, left, right, scroll, time};
use super::thumb;
use crate::protocol::MsgKind;
use crate::trace::event::Passage;
use crate::trace::snapshot::HeldInfo;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// From this width on kinds have their names of the protocol, below it those of the claims.
const NAMES_WHOLE: usize = 84;
/// With this much room behind the kind there is a place for the detail and the time.
const DETAIL_FROM: usize = 30;

/// Counts for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let now = &model.cluster.now;
    let held = match now.held_total {
        0 => String::new(),
        n => format!("{n} held, "),
    };
    let missed = match now.events_lost {
        0 => String::new(),
        n => format!("{} not shown, ", count(n)),
    };
    let text = held + &missed;
    if model.filter.is_empty() {
        let sent: u64 = now.counts.messages.iter().sum();
        format!("{text}{} sent", count(sent))
    } else {
        format!("{text}only `{}`", model.filter)
    }
}

/// Where the parts of the pane are: counts, held messages, passing ones.
fn parts(area: Rect, model: &Model) -> (Rect, Rect, Rect) {
    let counts = u16::from(area.height >= 4);
    let rest = area.height - counts;
    let held = u16::try_from(model.cluster.now.held.len()).unwrap_or(u16::MAX);
    let held = held.min(rest.div_ceil(2));
    let below = area.y + counts + held;
    (
        Rect { height: counts, ..area },
        Rect { y: area.y + counts, height: held, ..area },
        Rect { y: below, height: rest - held, ..area },
    )
}

/// What a click on a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A held message.
    Held(u64),
    /// A line of the traffic.
    Line(u64),
}

/// What is at this row.
#[must_use]
pub fn hit(area: Rect, model: &Model, row: u16) -> Option<Hit> {
    let (_, held, passing) = parts(area, model);
    if (held.y..held.bottom()).contains(&row) {
        let at = held_first(held, model) + usize::from(row - held.y);
        return model.cluster.now.held.get(at).map(|held| Hit::Held(held.id));
    }
    let at = usize::from(row.checked_sub(passing.y)?);
    visible(model, usize::from(passing.height)).get(at).map(|line| Hit::Line(line.id))
}

fn held_first(area: Rect, model: &Model) -> usize {
    let held = &model.cluster.now.held;
    let at = held.iter().position(|held| Some(held.id) == model.selected.held).unwrap_or(0);
    scroll(at, usize::from(area.height), held.len())
}

/// Whether a line is shown.
fn matching(model: &Model) -> impl Fn(&Entry) -> bool {
    let filter = (!model.filter.is_empty()).then(|| Filter::new(&model.filter));
    move |line| filter.as_ref().is_none_or(|filter| line.passes(filter))
}

/// The lines to show, oldest first: the newest, or those around the selected one.
fn visible(model: &Model, height: usize) -> Vec<&Entry> {
    let lines = &model.cluster.traffic.lines;
    let matching = matching(model);
    let end = match model.selected.message {
        Some(id) => {
            // A third of the pane shows what came after the selected line.
            let at = lines.partition_point(|line| line.id <= id);
            let later = lines.range(at..).enumerate().filter(|(_, line)| matching(line));
            later.take(height / 3).last().map_or(at, |(further, _)| at + further + 1)
        }
        None => lines.len(),
    };
    let back = lines.range(..end).rev().filter(|line| matching(line));
    let mut shown: Vec<&Entry> = back.take(height).collect();
    shown.reverse();
    shown
}

/// The line `by` lines away from the selected one (from the newest, if none is), among those shown.
#[must_use]
pub fn neighbour(model: &Model, by: isize) -> Option<u64> {
    let lines = &model.cluster.traffic.lines;
    let passes = matching(model);
    let matching = |line: &&Entry| passes(line);
    let steps = by.unsigned_abs();
    let found = match (model.selected.message, by < 0) {
        (None, true) => lines.iter().rev().filter(matching).take(steps).last(),
        (None, false) => None,
        (Some(id), true) => {
            let at = lines.partition_point(|line| line.id < id);
            let found = lines.range(..at).rev().filter(matching).take(steps).last();
            found.or_else(|| lines.get(at))
        }
        (Some(id), false) => {
            let at = lines.partition_point(|line| line.id <= id);
            lines.range(at..).filter(matching).nth(steps.saturating_sub(1))
        }
    };
    found.map(|line| line.id)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let (counts, held, passing) = parts(area, model);
    frame.render_widget(totals(usize::from(counts.width), model), counts);
    let first = held_first(held, model);
    let waiting = model.cluster.now.held.iter().skip(first).take(usize::from(held.height));
    let next = model.cluster.now.held.first().map(|held| held.id);
    let rows: Vec<Line> =
        waiting.map(|held| held_row(held, next, usize::from(area.width), model)).collect();
    rows::draw(frame, held, &rows);
    let waiting = model.cluster.now.held.len();
    thumb::draw(frame, held, first..first + rows.len(), waiting, model);
    let shown = visible(model, usize::from(passing.height));
    let lines = &model.cluster.traffic.lines;
    let index =
        |line: Option<&&Entry>| line.map_or(0, |line| lines.partition_point(|l| l.id < line.id));
    let range = index(shown.first())..index(shown.last()) + usize::from(!shown.is_empty());
    thumb::draw(frame, passing, range, lines.len(), model);
    let rows: Vec<Line> = if shown.is_empty() {
        vec![Line::styled(nothing(model), model.style(Role::Dim))]
    } else {
        shown.into_iter().map(|line| row(line, usize::from(area.width), model)).collect()
    };
    rows::draw(frame, passing, &rows);
}

fn nothing(model: &Model) -> &'static str {
    if model.filter.is_empty() { "no message yet" } else { "no message matches; esc shows all" }
}

/// The role of a kind.
pub(super) const fn kind_role(kind: MsgKind) -> Role {
    match kind {
        MsgKind::AccessShared | MsgKind::Update => Role::Shared,
        MsgKind::AccessExclusive => Role::Exclusive,
        MsgKind::Grant => Role::Grant,
        MsgKind::Replicate | MsgKind::ReplicateAck => Role::Replica,
        MsgKind::Superseded
        | MsgKind::Retire
        | MsgKind::List
        | MsgKind::DropOld
        | MsgKind::Clear => Role::Dim,
    }
}

fn totals<'a>(width: usize, model: &Model) -> Line<'a> {
    let counts = &model.cluster.now.counts;
    let saved = format!("{} saved", count(counts.broadcasts_saved));
    let mut room = width.saturating_sub(saved.len() + 2);
    let mut spans = Vec::new();
    let lends = model.cluster.now.view.protocol.lends();
    for kind in MsgKind::ALL {
        let number = counts.sent(kind);
        let lending = matches!(kind, MsgKind::Update | MsgKind::Superseded);
        if lending && number == 0 && !lends {
            continue;
        }
        let role = kind_role(kind);
        let word = kind.word();
        let word = if width < 60 { &word[..word.len().min(3)] } else { word };
        let number = count(number);
        let used = word.len() + number.len() + 3;
        if used > room {
            break;
        }
        room -= used;
        spans.push(Span::styled(word, model.style(role)));
        spans.push(Span::styled(format!(" {number}  "), model.style(Role::Text)));
    }
    spans.push(Span::raw(" ".repeat(room + 2)));
    spans.push(Span::styled(saved, model.style(Role::Good)));
    Line::from(spans)
}

fn held_row<'a>(held: &HeldInfo, next: Option<u64>, width: usize, model: &Model) -> Line<'a> {
    let selected = model.selected.held == Some(held.id);
    let sign = if next == Some(held.id) { model.glyphs.pick } else { ' ' };
    let arrow = model.glyphs.arrow;
    let pair = format!("{} {arrow} {}", held.from, held.to);
    let text =
        format!("{sign}{} {} {}", model.glyphs.held, left(&pair, 12, model.glyphs.more), held.what);
    let role = if selected { Role::Select } else { Role::Warn };
    Line::styled(left(&text, width, model.glyphs.more), model.style(role))
}

fn row<'a>(line: &Entry, width: usize, model: &Model) -> Line<'a> {
    let more = model.glyphs.more;
    let clock = right(&seconds(line.now), 8, more);
    let mut row = match &line.item {
        Item::Mark(text, bad) => {
            let role = if *bad { Role::Bad } else { Role::Warn };
            let dash = model.glyphs.rule;
            let text = left(&format!("{dash}{dash} {text}"), width.saturating_sub(9), more);
            Line::from(vec![
                Span::styled(clock, model.style(Role::Dim)),
                Span::raw(" "),
                Span::styled(text, model.style(role)),
            ])
        }
        Item::Message(passage, fate) => message(clock, passage, *fate, width, model),
    };
    if model.selected.message == Some(line.id) {
        row = row.style(model.style(Role::Select));
        for span in &mut row.spans {
            span.style = model.style(Role::Select);
        }
    }
    row
}

fn message<'a>(
    clock: String,
    passage: &Passage,
    fate: Fate,
    width: usize,
    model: &Model,
) -> Line<'a> {
    let glyphs = model.glyphs;
    let role = kind_role(passage.kind);
    let (sign, took, fate_role) = match fate {
        Fate::Flying => (glyphs.flying, String::new(), Role::Accent),
        Fate::Arrived(took) => (glyphs.arrived, time(took), Role::Good),
        Fate::Lost => (glyphs.lost, "lost".to_owned(), Role::Bad),
    };
    let again = if passage.again { "*" } else { "" };
    let name = format!("{}{again}", passage.kind.name());
    let key = passage.key.map_or_else(String::new, |key| key.to_string());
    let pair = format!("{}{}{}", passage.from, glyphs.arrow, passage.to);
    let op = op_text(passage.cause);
    let short = format!("{}{again}", passage.kind.word());
    let wide = width >= NAMES_WHOLE;
    let (kind, kind_width) = if wide { (name, 17) } else { (short, 11) };
    // From amf10 on a pair has two signs more.
    let pair_width = if wide || model.about.amfs > 10 { 12 } else { 10 };
    let mut spans = vec![
        Span::styled(clock, model.style(Role::Dim)),
        Span::raw(" "),
        Span::styled(left(&pair, pair_width, glyphs.more), model.style(Role::Text)),
        Span::styled(left(&kind, kind_width, glyphs.more), model.style(role)),
    ];
    let rest = width.saturating_sub(9 + pair_width + kind_width);
    if rest < DETAIL_FROM {
        let (keys, ops) = if rest >= 14 { (rest - 8, 6) } else { (rest.saturating_sub(2), 0) };
        spans.push(Span::styled(left(&key, keys, glyphs.more), model.style(Role::Text)));
        spans.push(Span::styled(left(&op, ops, glyphs.more), model.style(Role::Dim)));
        spans.push(Span::styled(format!(" {sign}"), model.style(fate_role)));
        return Line::from(spans);
    }
    let detail = left(&passage.detail, rest - 7 - 7 - 2 - 7, glyphs.more);
    spans.push(Span::styled(left(&key, 7, glyphs.more), model.style(Role::Text)));
    spans.push(Span::styled(detail, model.style(Role::Dim)));
    spans.push(Span::styled(right(&op, 7, glyphs.more), model.style(Role::Dim)));
    spans.push(Span::styled(format!(" {sign}"), model.style(fate_role)));
    spans.push(Span::styled(right(&took, 7, glyphs.more), model.style(Role::Dim)));
    Line::from(spans)
}
