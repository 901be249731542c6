//! One block: where it is, in which versions, how safe it is, why it is busy, what happened to it last.
//!
//! ```text
//! sectors 136 to 143
//! lies on disk0, disk1 at 17
//! cached  amf0  M v3.120.0 "hello"
//! replica amf1  r v3.120.0 for amf0 "hello"
//! journal amf0  j v3.120.0 "hello"
//! stored  disk0 d v3.97.1 "hell"
//! power off  * v3.120.0 "hello" survives, from amf0's journal
//! amf0 fails * {1} completes v3.120.0
//! b17: amf1 waits for exclusive (12 ms, t3.121.1); not granted by {0}
//! └─ amf0 holds shared for op45
//! last    12.345 amf1 grant-exclusive M->I
//! ```

use super::super::model::Model;
use super::super::snapshot::seconds;
use super::super::theme::Role;
use super::matrix::state_role;
use super::text::{left, wrap};
use super::{chain, rows};
use crate::protocol::group::Group;
use crate::trace::lens::Tone;
use crate::trace::{EventKind, Lens};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Rows for the newest events, before parts are set apart.
const EVENTS_WANTED: usize = 3;

/// The block, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    format!("b{}", model.selected.block.0)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut parts = vec![place(model)];
    if let Some(lens) =
        model.cluster.now.lens.as_ref().filter(|lens| lens.block == model.selected.block)
    {
        parts.push(copies(lens, width, model));
        parts.push(safety(lens, width, model));
    }
    parts.push(chain_lines(model, width));
    // Where there is room for it, parts stand apart.
    let wanted: usize = parts.iter().map(Vec::len).sum();
    let gap = usize::from(wanted + parts.len() + EVENTS_WANTED <= height);
    let mut lines = Vec::new();
    for part in parts {
        lines.extend(part);
        lines.extend(core::iter::repeat_n(Line::default(), gap));
    }
    let room = height.saturating_sub(lines.len());
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

/// A copy: who has it, a letter, the version, and what it is or what is to be said of it.
fn copy<'a>(
    (who, letter, role): (String, String, Role),
    version: &str,
    rest: (&str, Role),
    is_first: bool,
    width: usize,
    (name, model): (&'static str, &Model),
) -> Line<'a> {
    let room = width.saturating_sub(8 + 6 + 2 + version.chars().count() + 1);
    Line::from(vec![
        label(if is_first { name } else { "" }, model),
        Span::raw(left(&who, 6, model.glyphs.more)),
        Span::styled(format!("{letter} "), model.style(role)),
        Span::raw(format!("{version} ")),
        Span::styled(left(rest.0, room, model.glyphs.more), model.style(rest.1)),
    ])
}

/// Who caches it, and keeps it for whom.
fn copies<'a>(lens: &Lens, width: usize, model: &Model) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for cached in &lens.cached {
        let at = usize::from(cached.amf.0);
        let line = model.cluster.line(at, lens.block);
        let rest = match line {
            Some(line) if line.destaging => ("on its way to disk", Role::Warn),
            _ if !cached.missing.is_empty() => ("not replicated yet", Role::Warn),
            Some(_) | None => (&*cached.value, Role::Dim),
        };
        let letter =
            (cached.amf.to_string(), cached.state.letter().to_string(), state_role(cached.state));
        let version = cached.version.to_string();
        lines.push(copy(letter, &version, rest, lines.is_empty(), width, ("cached", model)));
    }
    if lines.is_empty() {
        let none = Span::styled("nowhere", model.style(Role::Dim));
        lines.push(Line::from(vec![label("cached", model), none]));
    }
    for (at, kept) in lens.replicas.iter().enumerate() {
        let who = (kept.keeper.to_string(), "r".to_owned(), Role::Replica);
        let rest = format!("for {} {}", kept.owner, kept.value);
        let version = kept.version.to_string();
        lines.push(copy(who, &version, (&rest, Role::Dim), at == 0, width, ("replica", model)));
    }
    for (at, kept) in lens.journals.iter().enumerate() {
        let who = (kept.keeper.to_string(), "j".to_owned(), Role::Replica);
        let version = kept.version.to_string();
        let rest = (&*kept.value, Role::Dim);
        lines.push(copy(who, &version, rest, at == 0, width, ("journal", model)));
    }
    for (at, disk) in lens.disks.iter().enumerate() {
        let letter = ["d", "P", "Q"].get(usize::from(disk.parity)).copied().unwrap_or("d");
        let (rest, role) = match &*disk.standing {
            "online" => (&*disk.value, Role::Dim),
            bad => (bad, Role::Warn),
        };
        let version = disk.version.map_or_else(String::new, |version| version.to_string());
        let who = (disk.disk.to_string(), letter.to_owned(), Role::Text);
        lines.push(copy(who, &version, (rest, role), at == 0, width, ("stored", model)));
    }
    lines
}

/// What would be left if power failed, or an AMF; and by which settings.
fn safety<'a>(lens: &Lens, width: usize, model: &Model) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut say = |name: &str, tone: Tone, text: &str| {
        let (sign, role) = match tone {
            Tone::Good => (model.glyphs.on, Role::Good),
            Tone::Fair => ('?', Role::Warn),
            Tone::Bad => (model.glyphs.lost, Role::Bad),
        };
        for (at, row) in wrap(text, width.saturating_sub(13)).into_iter().enumerate() {
            let (name, sign) = if at == 0 { (name, sign) } else { ("", ' ') };
            lines.push(Line::from(vec![
                Span::styled(format!("{name:<11}"), model.style(Role::Dim)),
                Span::styled(format!("{sign} "), model.style(role)),
                Span::styled(row, model.style(role)),
            ]));
        }
    };
    let (tone, text) = lens.power_said();
    say("power off", tone, &text);
    for (amf, tone, text) in lens.failures_said() {
        say(&format!("{amf} fails"), tone, &text);
    }
    let config = &model.about.config;
    let journal = if config.journal { "on" } else { "off" };
    let durability = &model.about.durability;
    let text = format!("journal {journal}, disks {durability}, {} replicas", config.replicas);
    lines.push(Line::from(vec![
        Span::styled("settings ", model.style(Role::Dim)),
        Span::styled(
            left(&text, width.saturating_sub(9), model.glyphs.more),
            model.style(Role::Dim),
        ),
    ]));
    lines
}

/// Why it is busy: the chain of who waits for whom.
fn chain_lines<'a>(model: &Model, width: usize) -> Vec<Line<'a>> {
    let mut locks: Vec<_> = model.cluster.locks_of(model.selected.block).collect();
    // Who waits longest has the most to tell.
    locks.sort_by_key(|lock| (!lock.phase.waits(), core::cmp::Reverse(lock.age)));
    if let Some(lock) = locks.first() {
        return chain::lines(lock, width, model);
    }
    let free = Span::styled("not locked", model.style(Role::Dim));
    vec![Line::from(vec![label("locks", model), free])]
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
