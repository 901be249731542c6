//! Why is this key busy? The chain of who waits for whom, from the selected row of the lock table.
//!
//! ```text
//! b17: amf2 waits for a grant of amf1 (exclusive, t3.121.2, 4 ms)
//! └─ amf1 holds exclusive for op45 (t3.120.1, 12 ms), and defers amf2: holds a conflicting access
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::locks::phase;
use super::rows;
use super::text::{left, time};
use crate::protocol::id::AmfId;
use crate::trace::snapshot::{AmfStatus, LockInfo, LockPhase};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Links of a chain that are followed.
const LINKS_MAX: usize = 8;

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
    let mut chain = Vec::new();
    follow(lock, 0, &mut Vec::new(), &mut chain, model);
    let width = usize::from(area.width);
    let lines: Vec<Line> = chain
        .into_iter()
        .map(|(depth, text, role)| {
            let branch = if depth == 0 { "" } else { model.glyphs.branch };
            let lead = format!("{}{branch} ", "   ".repeat(depth.saturating_sub(1)));
            let room = width.saturating_sub(lead.chars().count());
            Line::from(vec![
                Span::styled(lead, model.style(Role::Border)),
                Span::styled(left(&text, room, model.glyphs.more), model.style(role)),
            ])
        })
        .collect();
    rows::draw(frame, area, &lines);
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
            None => links.push((depth + 1, absent(missing, model), Role::Dim)),
        }
    }
    for (amf, mode, ticket, why) in &lock.deferred {
        if !seen.contains(amf) {
            links.push((depth + 1, format!("defers {amf} ({mode}, {ticket}): {why}"), Role::Text));
        }
    }
}

/// An AMF that has not granted, and has nothing to do with the key itself.
fn absent(amf: AmfId, model: &Model) -> String {
    let info = model.cluster.now.amfs.iter().find(|info| info.id == amf);
    match info.map(|info| info.status) {
        Some(AmfStatus::Down) => format!("{amf} is down: a view without it ends the wait"),
        Some(AmfStatus::Paused) => format!("{amf} is paused"),
        Some(AmfStatus::Joining | AmfStatus::NoLease) => format!("{amf} is joining"),
        Some(AmfStatus::Serving) | None => format!("{amf}: the message or its grant is on its way"),
    }
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
