//! Why is this key busy? The chain of who waits for whom, from the selected row of the lock table.
//!
//! ```text
//! b17: amf2 waits for a grant of amf1 (exclusive, t3.121.2, 4 ms)
//! └─ amf1 holds exclusive for op45 (t3.120.1, 12 ms), and defers amf2: holds a conflicting access
//! ```

use super::super::model::Model;
use super::super::snapshot::traffic::{Fate, Item};
use super::super::theme::Role;
use super::locks::phase;
use super::rows;
use super::text::{time, wrap};
use crate::protocol::MsgKind;
use crate::protocol::id::{AmfId, NodeId};
use crate::trace::snapshot::{AmfStatus, LockInfo, LockPhase};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Links of a chain that are followed.
const LINKS_MAX: usize = 8;
/// Messages that are looked through for the missing one.
const MESSAGES_MAX: usize = 512;

/// The key, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    selected(model).map_or_else(String::new, |lock| lock.key.to_string())
}

fn selected(model: &Model) -> Option<&LockInfo> {
    model.cluster.now.locks.get(model.selected.lock)
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let Some(lock) = selected(model) else {
        let text = "nothing is locked: every block is free";
        frame.render_widget(Line::styled(text, model.style(Role::Dim)), area);
        return;
    };
    let lines = lines(lock, usize::from(area.width), model);
    rows::draw(frame, area, &lines);
}

/// The chain from a lock on.
pub(super) fn lines<'a>(lock: &LockInfo, width: usize, model: &Model) -> Vec<Line<'a>> {
    let mut chain = Vec::new();
    follow(lock, 0, &mut Vec::new(), &mut chain, model);
    let line = |(depth, text, role): Link| {
        let branch = if depth == 0 { "" } else { model.glyphs.branch };
        let lead = match depth {
            0 => String::new(),
            _ => format!("{}{branch} ", "   ".repeat(depth - 1)),
        };
        let used = lead.chars().count();
        let rows = wrap(&text, width.saturating_sub(used).max(12)).into_iter().enumerate();
        let rows = rows.map(move |(at, row)| {
            let lead = if at == 0 { lead.clone() } else { " ".repeat(used) };
            let lead = Span::styled(lead, model.style(Role::Border));
            Line::from(vec![lead, Span::styled(row, model.style(role))])
        });
        rows.collect::<Vec<_>>()
    };
    chain.into_iter().flat_map(line).collect()
}

type Link = (usize, String, Role);

fn follow(
    lock: &LockInfo,
    depth: usize,
    seen: &mut Vec<AmfId>,
    links: &mut Vec<Link>,
    model: &Model,
) {
    let (_, role) = phase(lock.phase);
    links.push((depth, sentence(lock), role));
    seen.push(lock.amf);
    if depth == LINKS_MAX {
        return;
    }
    for missing in lock.missing.iter() {
        if seen.contains(&missing) {
            links.push((depth + 1, format!("{missing}: see above"), Role::Dim));
            continue;
        }
        let locks = &model.cluster.now.locks;
        match locks.iter().find(|other| other.key == lock.key && other.amf == missing) {
            Some(other) => follow(other, depth + 1, seen, links, model),
            None => links.push((depth + 1, absent(missing, lock, model), Role::Warn)),
        }
    }
    for (amf, mode, ticket, why) in &lock.deferred {
        if !seen.contains(amf) {
            links.push((depth + 1, format!("defers {amf} ({mode}, {ticket}): {why}"), Role::Text));
        }
    }
}

/// An AMF that has not granted, and has nothing to do with the key itself: which message is missing.
fn absent(amf: AmfId, lock: &LockInfo, model: &Model) -> String {
    let info = model.cluster.now.amfs.iter().find(|info| info.id == amf);
    let standing = match info.map(|info| info.status) {
        Some(AmfStatus::Down) => return format!("{amf} is down: a view without it ends the wait"),
        Some(AmfStatus::Paused) => format!("{amf} is paused"),
        Some(AmfStatus::Joining | AmfStatus::NoLease) => format!("{amf} is joining"),
        Some(AmfStatus::Serving) | None => amf.to_string(),
    };
    match missing(amf, lock, model) {
        Some(message) => format!("{standing}: {message}"),
        None => format!("{standing}: the request or its grant is on its way"),
    }
}

/// The message between two AMFs that one of them waits for: held, on its way, or lost.
fn missing(amf: AmfId, lock: &LockInfo, model: &Model) -> Option<String> {
    let (here, there) = (NodeId::Amf(lock.amf), NodeId::Amf(amf));
    let now = &model.cluster.now;
    let between = |from, to| (from, to) == (here, there) || (from, to) == (there, here);
    let is_about = |kind: Option<MsgKind>| {
        kind.is_none_or(|kind| {
            matches!(kind, MsgKind::AccessShared | MsgKind::AccessExclusive | MsgKind::Grant)
        })
    };
    let key = lock.key.to_string();
    let has_key = |what: &str| what.split([' ', ',', ':']).any(|word| word == key);
    let held = now
        .held
        .iter()
        .find(|held| between(held.from, held.to) && is_about(held.kind) && has_key(&held.what));
    if let Some(held) = held {
        let word = if model.is_recording() { "is on its way" } else { "is held" };
        return Some(format!("{} {word} to {}", held.what, held.to));
    }
    let lines = model.cluster.traffic.lines.iter().rev().take(MESSAGES_MAX);
    let mut seen = lines.filter_map(|line| match &line.item {
        Item::Message(passage, fate) => Some((line.now, passage, fate)),
        Item::Mark(..) => None,
    });
    let (at, passage, fate) = seen.find(|(_, passage, fate)| {
        between(NodeId::Amf(passage.from), NodeId::Amf(passage.to))
            && is_about(Some(passage.kind))
            && passage.key == Some(lock.key)
            && !matches!(fate, Fate::Arrived(_))
    })?;
    let word = if *fate == Fate::Lost { "was lost, and is sent again" } else { "is on its way" };
    let age = time(now.now.since(at));
    Some(format!("{} to {} {word}, sent {age} ago", passage.kind.word(), passage.to))
}

fn sentence(lock: &LockInfo) -> String {
    let (key, amf, mode) = (lock.key, lock.amf, lock.mode);
    let ticket = lock.ticket.map_or_else(String::new, |ticket| format!(", {ticket}"));
    let age = time(lock.age);
    let queue = match lock.queued {
        0 => String::new(),
        1 => ", 1 operation queues behind it".to_owned(),
        n => format!(", {n} operations queue behind it"),
    };
    let cause = super::super::snapshot::traffic::op_text(lock.cause);
    match lock.phase {
        LockPhase::Holding => {
            format!("{key}: {amf} holds {mode} for {cause} ({age}{ticket}){queue}")
        }
        LockPhase::Waiting => {
            format!(
                "{key}: {amf} waits for {mode} ({age}{ticket}); not granted by {}{queue}",
                lock.missing
            )
        }
        LockPhase::Suspended => {
            format!("{key}: {amf} waits behind a recovery ({age}{ticket}){queue}")
        }
        LockPhase::Recovering => format!("{key}: {amf} adopts it ({age}{ticket}){queue}"),
        LockPhase::Destaging => format!("{key}: {amf} writes it to disk ({age}){queue}"),
        LockPhase::Queued => format!("{key}: {amf} has operations queued ({age}){queue}"),
    }
}
