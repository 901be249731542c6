//! What the session's sentence cannot know: who had the block, in which state, what became of that line,
//! and whether the disk could give it at all, as the events of the operation tell it.
//!
//! `amf1 asked 3 AMFs, amf0 had it in M and destaged it; 7 messages, 412 us`

use crate::protocol::id::{Block, Key, NodeId};
use crate::protocol::{LineState, Rule, Source};
use crate::trace::engine::Completion;
use crate::trace::{Event, EventKind};
use std::collections::VecDeque;

/// Owners that are named.
const OWNERS_MAX: usize = 3;

/// The sentence with what is known of the first block in it.
#[must_use]
pub fn tell(sentence: &str, done: &Completion, recent: &VecDeque<Event>) -> String {
    let mut told = sentence.to_owned();
    let Ok(touched) = &done.answer.result else { return told };
    let Some(first) = touched.first() else { return told };
    let (block, events) = (first.touch.block, during(done, recent));
    if let (Source::Disk(disk), true) = (first.source, is_rebuilt(done, block, &events)) {
        told = told.replace(&format!("{disk} gave it"), "it was computed from the rest of its row");
    }
    for (owner, story) in owners(done, block, &events) {
        let plain = format!("{owner} had it in its cache");
        if told.contains(&plain) {
            told = told.replace(&plain, &story);
        } else if let Some((head, tail)) = told.rsplit_once("; ") {
            told = format!("{head}, {story}; {tail}");
        }
    }
    told
}

/// Who gave the block away for this operation, and what became of its line: the AMF's name, and the
/// words. A line that went for another reason, evicted or destaged for itself, is no part of the story.
fn owners(done: &Completion, block: Block, events: &[&Event]) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = Vec::new();
    // Those who let the operation wait for their disk write.
    let mut destaging: Vec<NodeId> = Vec::new();
    for event in events {
        let EventKind::Rule(fact) = &event.kind else { continue };
        let NodeId::Amf(owner) = event.node else { continue };
        if owner == done.amf || fact.key != Some(Key::Block(block)) {
            continue;
        }
        let for_it = fact.peer == Some(done.amf);
        let fate = match (fact.rule, fact.after) {
            (Rule::DestageFirst | Rule::DeferDestaging, _) if for_it => {
                destaging.push(event.node);
                continue;
            }
            (Rule::Destaged, _) if destaging.contains(&event.node) => "and destaged it",
            (Rule::Lend, _) if for_it => "and lent it",
            (Rule::GrantExclusive, LineState::I) if for_it => "and dropped it",
            (Rule::GrantShared, _) if for_it && fact.before != fact.after => "and shares it now",
            _ => continue,
        };
        let name = owner.to_string();
        if said.len() == OWNERS_MAX || said.iter().any(|(known, _)| *known == name) {
            continue;
        }
        said.push((name, format!("{owner} had it in {} {fate}", fact.before)));
    }
    said
}

/// The disk that has the block could not be read.
fn is_rebuilt(done: &Completion, block: Block, events: &[&Event]) -> bool {
    events.iter().any(|event| {
        matches!(&event.kind, EventKind::Rule(fact)
            if fact.rule == Rule::Rebuild && fact.key == Some(Key::Block(block)))
            && event.node == NodeId::Amf(done.amf)
    })
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
