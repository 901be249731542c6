//! One block: where it is, in which versions, who locks it, how safe it is, what happened to it last.
//!
//! ```text
//! sectors 136 to 143    on disk0, disk1
//! amf0  M  v3.120.1  not replicated yet
//! safe? cached ●  replicated ●  on disk ○
//! locks amf1 holds exclusive, t3.120.1, 12 ms
//! last  12.345 amf1 grant-exclusive M->I
//! ```

use super::super::model::Model;
use super::super::snapshot::seconds;
use super::super::theme::Role;
use super::locks::{mode_role, phase};
use super::matrix::state_role;
use super::rows;
use super::text::{left, time};
use crate::protocol::group::Group;
use crate::protocol::id::{AmfId, Version};
use crate::trace::EventKind;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// The block, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    format!("b{}", model.selected.block.0)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let mut lines = place(model);
    lines.push(Line::default());
    lines.extend(copies(model));
    lines.push(Line::default());
    lines.extend(safety(model));
    lines.push(Line::default());
    lines.extend(locks(model, width));
    lines.push(Line::default());
    let room = usize::from(area.height).saturating_sub(lines.len());
    lines.extend(events(model, width, room));
    rows::draw(frame, area, &lines);
}

fn label<'a>(text: &'static str, model: &Model) -> Span<'a> {
    Span::styled(format!("{text:<8}"), model.style(Role::Dim))
}

fn place<'a>(model: &Model) -> Vec<Line<'a>> {
    let block = model.selected.block;
    let per = u64::from(model.about.config.sectors_per_block());
    let slots = &model.cluster.now.view.group.slots;
    let group = Group::new(&model.about.config.group);
    let places = group.places(block);
    let at = places.first().map_or(0, |place| place.at);
    let slot = |p: u8| group.slot_for(at, crate::protocol::group::Role::Parity(p));
    let parity: Vec<String> = (0..group.parity())
        .filter_map(|p| slots.get(usize::from(slot(p))))
        .map(|slot| slot.disk.to_string())
        .collect();
    let parity = match &*parity {
        [] => String::new(),
        some => format!(", parity on {}", some.join(", ")),
    };
    let disks: Vec<String> = places
        .iter()
        .filter_map(|place| slots.get(usize::from(place.slot)))
        .map(|slot| slot.disk.to_string())
        .collect();
    vec![
        Line::from(vec![
            label("sectors", model),
            Span::raw(format!("{} to {}", block.0 * per, block.0 * per + per - 1)),
        ]),
        Line::from(vec![
            label("lies on", model),
            Span::raw(format!("{} at {at}{parity}", disks.join(", "))),
        ]),
    ]
}

fn copies<'a>(model: &Model) -> Vec<Line<'a>> {
    let block = model.selected.block;
    let mut lines = Vec::new();
    for (at, amf) in model.cluster.now.amfs.iter().enumerate() {
        let Some(line) = model.cluster.line(at, block) else { continue };
        let remark = match (line.destaging, line.unreplicated) {
            (true, _) => "  on its way to disk",
            (false, true) => "  not replicated yet",
            (false, false) => "",
        };
        lines.push(Line::from(vec![
            label(if lines.is_empty() { "cached" } else { "" }, model),
            Span::raw(format!("{:<6}", amf.id.to_string())),
            Span::styled(format!("{} ", line.state.letter()), model.style(state_role(line.state))),
            Span::raw(line.version.to_string()),
            Span::styled(remark, model.style(Role::Warn)),
        ]));
    }
    for (keeper, owner, version) in replicas(model) {
        let first = lines.is_empty();
        lines.push(Line::from(vec![
            label(if first { "cached" } else { "" }, model),
            Span::raw(format!("{:<6}", keeper.to_string())),
            Span::styled("r ", model.style(Role::Replica)),
            Span::raw(version.to_string()),
            Span::styled(format!("  replica for {owner}"), model.style(Role::Dim)),
        ]));
    }
    if lines.is_empty() {
        lines.push(Line::from(vec![
            label("cached", model),
            Span::styled("nowhere", model.style(Role::Dim)),
        ]));
    }
    lines
}

/// Replicas of the selected block: who keeps it, for whom, which version.
fn replicas(model: &Model) -> Vec<(AmfId, AmfId, Version)> {
    let block = model.selected.block;
    let amfs = model.cluster.now.amfs.iter();
    amfs.flat_map(|amf| {
        let kept = amf.replicas_kept.iter().filter(move |(_, kept, _)| *kept == block);
        kept.map(move |(owner, _, version)| (amf.id, *owner, *version))
    })
    .collect()
}

/// `in 1 cache`, `at 2 partners`, `in no cache`.
fn places(word: &str, count: usize, noun: &str) -> String {
    match count {
        0 => format!("{word} no {noun}"),
        1 => format!("{word} 1 {noun}"),
        _ => format!("{word} {count} {noun}s"),
    }
}

/// Cached, replicated, on disk: a line each, with a sign.
fn safety<'a>(model: &Model) -> Vec<Line<'a>> {
    let block = model.selected.block;
    let amfs = 0..model.cluster.now.amfs.len();
    let lines: Vec<_> = amfs.filter_map(|at| model.cluster.line(at, block)).collect();
    let newest = lines.iter().map(|line| line.version).max();
    let dirty = lines.iter().find(|line| line.state.is_dirty());
    let kept = replicas(model).len();
    let cached = (!lines.is_empty(), places("in", lines.len(), "cache"));
    let replicated = match dirty {
        Some(line) if line.unreplicated => (false, "not acknowledged yet".to_owned()),
        Some(_) => (kept > 0, places("at", kept, "partner")),
        None if kept > 0 => (true, places("at", kept, "partner")),
        None => (false, "not needed".to_owned()),
    };
    let on_disk = match (dirty, newest) {
        (Some(_), _) => (false, "older: dirty in a cache".to_owned()),
        (None, Some(version)) if version != Version::ZERO => (true, version.to_string()),
        (None, _) => (true, "as last written".to_owned()),
    };
    let row = |name: &'static str, (yes, text): (bool, String)| {
        let sign = if yes { model.glyphs.on } else { model.glyphs.off };
        let role = if yes { Role::Good } else { Role::Dim };
        Line::from(vec![
            label(name, model),
            Span::styled(format!("{sign} "), model.style(role)),
            Span::raw(text),
        ])
    };
    vec![row("cache", cached), row("replica", replicated), row("disk", on_disk)]
}

fn locks<'a>(model: &Model, width: usize) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for lock in model.cluster.locks_of(model.selected.block).take(6) {
        let (word, role) = phase(lock.phase);
        let ticket = lock.ticket.map_or_else(String::new, |ticket| format!(" {ticket}"));
        let first = lines.is_empty();
        let rest = format!("{ticket} {}", time(lock.age));
        lines.push(Line::from(vec![
            label(if first { "locks" } else { "" }, model),
            Span::raw(format!("{:<6}", lock.amf.to_string())),
            Span::styled(format!("{word} "), model.style(role)),
            Span::styled(lock.mode.to_string(), model.style(mode_role(lock.mode))),
            Span::styled(
                left(&rest, width.saturating_sub(33), model.glyphs.more),
                model.style(Role::Dim),
            ),
        ]));
    }
    if lines.is_empty() {
        let free = Span::styled("not locked", model.style(Role::Dim));
        lines.push(Line::from(vec![label("locks", model), free]));
    }
    lines
}

fn events<'a>(model: &Model, width: usize, room: usize) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for event in model.cluster.events_of(model.selected.block).take(room) {
        let what = match &event.kind {
            EventKind::Rule(fact) if fact.before != fact.after => {
                format!("{} {}->{}", fact.rule.id(), fact.before, fact.after)
            }
            EventKind::Rule(fact) => fact.rule.id().to_owned(),
            other => other.to_string(),
        };
        let text = format!("{} {} {what}", seconds(event.now), event.node);
        let first = lines.is_empty();
        lines.push(Line::from(vec![
            label(if first { "last" } else { "" }, model),
            Span::raw(left(&text, width.saturating_sub(8), model.glyphs.more)),
        ]));
    }
    if lines.is_empty() && room > 0 {
        let none = Span::styled("nothing seen yet", model.style(Role::Dim));
        lines.push(Line::from(vec![label("last", model), none]));
    }
    lines
}
