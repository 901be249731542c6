//! What the session's sentence cannot know: who had the block, in which state, and what became of
//! that line, as the events of the operation tell it.
//!
//! `amf1 asked 3 AMFs, amf0 had it in M and destaged it; 7 messages, 412 us`

use crate::protocol::LineState;
use crate::protocol::id::{Block, Key, NodeId};
use crate::trace::engine::Completion;
use crate::trace::event::DiskWhat;
use crate::trace::{Event, EventKind};
use std::collections::VecDeque;

/// Owners that are named.
const OWNERS_MAX: usize = 3;

/// The sentence with the owners in it.
#[must_use]
pub fn tell(sentence: &str, done: &Completion, recent: &VecDeque<Event>) -> String {
    let mut told = sentence.to_owned();
    for (owner, story) in owners(done, recent) {
        let plain = format!("{owner} had it in its cache");
        if told.contains(&plain) {
            told = told.replace(&plain, &story);
        } else if let Some((head, tail)) = told.rsplit_once("; ") {
            told = format!("{head}, {story}; {tail}");
        }
    }
    told
}

/// Who had the first block, and what became of its line: the AMF's name, and the words.
fn owners(done: &Completion, recent: &VecDeque<Event>) -> Vec<(String, String)> {
    let Ok(touched) = &done.answer.result else { return Vec::new() };
    let Some(block) = touched.first().map(|touched| touched.touch.block) else { return Vec::new() };
    let events = during(done, recent);
    let mut said: Vec<(String, String)> = Vec::new();
    for event in &events {
        let EventKind::Rule(fact) = &event.kind else { continue };
        let NodeId::Amf(owner) = event.node else { continue };
        let lost = fact.before.is_valid() && fact.before != fact.after;
        if owner == done.amf || fact.key != Some(Key::Block(block)) || !lost {
            continue;
        }
        let name = owner.to_string();
        if said.len() == OWNERS_MAX || said.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let fate = match (wrote(&events, event.node, block), fact.after) {
            (true, _) => "and destaged it",
            (false, LineState::I) => "and dropped it",
            (false, LineState::L) => "and lent it",
            (false, LineState::M | LineState::O | LineState::E | LineState::S) => {
                "and shares it now"
            }
        };
        said.push((name, format!("{owner} had it in {} {fate}", fact.before)));
    }
    said
}

/// What happened from its question to its answer: in virtual time what was done before it may bear the same
/// time.
fn during<'a>(done: &Completion, recent: &'a VecDeque<Event>) -> Vec<&'a Event> {
    let since = recent.iter().rev().take_while(|event| event.now >= done.started);
    let mut events: Vec<&Event> = since.filter(|event| event.now <= done.ended).collect();
    events.reverse();
    let wanted = done.answer.op;
    let asked = events.iter().position(|event| match &event.kind {
        EventKind::Asked { op, .. } => *op == wanted,
        _ => false,
    });
    events.drain(..asked.unwrap_or(0));
    let answered = events.iter().position(|event| match &event.kind {
        EventKind::Answered { op, .. } => *op == wanted,
        _ => false,
    });
    events.truncate(answered.unwrap_or(events.len()));
    events
}

fn wrote(events: &[&Event], node: NodeId, block: Block) -> bool {
    events.iter().any(|event| {
        matches!(&event.kind, EventKind::Disk { amf, what: DiskWhat::Write, block: at, .. }
            if NodeId::Amf(*amf) == node && *at == block)
    })
}
