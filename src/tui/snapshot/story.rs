//! What happened to a host operation, in one sentence:
//! "amf1 asked 3 AMFs, amf0 had it in M and destaged it; from amf0's cache; 7 messages, 412 us".

use crate::protocol::id::{Key, NodeId};
use crate::protocol::{LineState, MsgKind, Source, Touched};
use crate::trace::engine::Completion;
use crate::trace::event::DiskWhat;
use crate::trace::{Event, EventKind};
use std::collections::VecDeque;

/// Tells the story of an answered operation from its account and from the events seen meanwhile.
#[must_use]
pub fn tell(done: &Completion, recent: &VecDeque<Event>) -> String {
    let took = done.ended.since(done.started);
    let total: u64 = done.messages.iter().sum();
    let messages = match total {
        0 => "no message".to_owned(),
        1 => "1 message".to_owned(),
        n => format!("{n} messages"),
    };
    let body = match &done.answer.result {
        Ok(touched) => answered(done, touched, recent),
        Err(error) => format!("{} answered {error}", done.amf),
    };
    format!("{body}; {messages}, {took}")
}

fn answered(done: &Completion, touched: &[Touched], recent: &VecDeque<Event>) -> String {
    let amf = done.amf;
    let Some(first) = touched.first() else {
        return format!("{amf} made everything it had acknowledged durable");
    };
    let sent = |kind: MsgKind| done.messages[kind.index()];
    let searches = sent(MsgKind::AccessShared);
    let invalidates = sent(MsgKind::AccessExclusive);
    let mut parts = Vec::new();
    if searches > 0 {
        parts.push(format!("{amf} asked {}", amfs(searches)));
    }
    if invalidates > 0 {
        parts.push(format!("{amf} sent invalidates to {}", amfs(invalidates)));
    }
    if parts.is_empty() {
        let hit = touched.iter().all(|t| t.hit);
        parts.push(match (first.source, done.saved > 0) {
            (Source::Host, true) => format!("{amf} wrote without a broadcast (not shared)"),
            (Source::Host, false) => format!("{amf} wrote"),
            (_, true) => format!("{amf} read without a broadcast (not shared)"),
            (Source::Cache | Source::Amf(_) | Source::Disk(_), false) if hit => {
                format!("{amf} had it in its cache")
            }
            (Source::Cache | Source::Amf(_) | Source::Disk(_), false) => {
                format!("{amf} served it")
            }
        });
    }
    parts.extend(owners(done, first, recent));
    let replicas = sent(MsgKind::Replicate);
    if replicas > 0 {
        parts.push(format!("replicated to {}", amfs(replicas)));
    }
    match first.source {
        Source::Amf(peer) => parts.push(format!("from {peer}'s cache")),
        Source::Disk(disk) => parts.push(format!("nobody had it: from {disk}")),
        Source::Cache | Source::Host => {}
    }
    if touched.len() > 1 {
        parts.push(format!("{} blocks", touched.len()));
    }
    parts.join(", ")
}

fn amfs(count: u64) -> String {
    if count == 1 { "1 AMF".to_owned() } else { format!("{count} AMFs") }
}

/// Who had the first block, in which state, and what became of that line.
fn owners(done: &Completion, first: &Touched, recent: &VecDeque<Event>) -> Vec<String> {
    let block = first.touch.block;
    let during = |event: &&Event| event.now >= done.started && event.now <= done.ended;
    let events: Vec<&Event> = recent.iter().rev().take_while(|e| e.now >= done.started).collect();
    let mut said = Vec::new();
    for event in events.iter().rev().copied().filter(during) {
        let EventKind::Rule(fact) = &event.kind else { continue };
        let NodeId::Amf(owner) = event.node else { continue };
        let changed = fact.before.is_valid() && fact.before != fact.after;
        if owner == done.amf || fact.key != Some(Key::Block(block)) || !changed {
            continue;
        }
        let destaged = events.iter().any(|e| {
            matches!(&e.kind, EventKind::Disk { amf, what: DiskWhat::Write, block: at, .. }
                if *amf == owner && *at == block)
        });
        let fate = match (destaged, fact.after) {
            (true, _) => " and destaged it",
            (false, LineState::I) => " and dropped it",
            (false, LineState::M | LineState::E | LineState::S) => " and keeps it shared",
        };
        let text = format!("{owner} had it in {}{fate}", fact.before);
        if !said.contains(&text) && said.len() < 3 {
            said.push(text);
        }
    }
    said
}
