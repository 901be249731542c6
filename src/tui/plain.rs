//! The cluster in words, for whoever listens instead of looking: one event a line, no column, no sign.
//!
//! ```text
//! 3.204 s: amf2 has crashed
//! 5.310 s: view e2 holds, with amf0 amf1 amf3
//! ```

use super::model::Model;
use super::snapshot::seconds;
use crate::protocol::Many;
use crate::protocol::id::{Key, OpId};
use crate::trace::event::{DiskWhat, Passage};
use crate::trace::snapshot::{AmfInfo, AmfStatus};
use crate::trace::{Event, EventKind};

/// Which events are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Events {
    /// None: only what comes of commands.
    None,
    /// What changes the cluster, and what is wrong with it.
    #[default]
    Some,
    /// Also what hosts ask, and what they are answered.
    Hosts,
    /// Also messages and disks.
    All,
}

impl Events {
    /// Every choice, as it is written.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::None, "none"), (Self::Some, "some"), (Self::Hosts, "hosts"), (Self::All, "all")];
}

/// An event in a line of words; `None`: it is not told.
#[must_use]
pub fn event(event: &Event, wanted: Events) -> Option<String> {
    let node = event.node;
    let (from, text) = match &event.kind {
        EventKind::Violation(found) => {
            (Events::Some, format!("VIOLATION, {}: {}", found.checker, found.text))
        }
        EventKind::Fault(text) => (Events::Some, format!("fault: {text}")),
        EventKind::Note(text) => (Events::Some, format!("{node} remarks: {text}")),
        EventKind::View { epoch, members } => {
            (Events::Some, format!("{node}: view {epoch} holds, with {members}"))
        }
        EventKind::Joined(incarnation) => {
            (Events::Some, format!("{node} joined, as incarnation {}", incarnation.0))
        }
        EventKind::Asked { op, what } => {
            (Events::Hosts, format!("{node} is asked: {what}{}", for_op(*op)))
        }
        EventKind::Answered { op, result, value } => {
            let result = match result {
                Ok(sources) if sources.is_empty() => "ok".to_owned(),
                Ok(sources) => {
                    let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
                    format!("ok, from {}", names.join(" and "))
                }
                Err(error) => format!("failed, {error}"),
            };
            let value = value.as_ref().map_or_else(String::new, |value| format!(", value {value}"));
            (Events::Hosts, format!("{node} answers{}: {result}{value}", for_op(*op)))
        }
        EventKind::Sent(message) => {
            (Events::All, format!("{} sends {}: {}", message.from, message.to, about(message)))
        }
        EventKind::Delivered(message) => {
            (Events::All, format!("{} gets from {}: {}", message.to, message.from, about(message)))
        }
        EventKind::Lost(message) => {
            let (from, to) = (message.from, message.to);
            (Events::All, format!("lost between {from} and {to}: {}", about(message)))
        }
        EventKind::Disk { amf, what, block, parity, error, .. } => {
            let parity = if *parity { "the parity of " } else { "" };
            let what = match (what, error) {
                (_, Some(error)) => format!("refuses {amf} ({error:?})"),
                (DiskWhat::Read, None) => format!("reads for {amf}"),
                (DiskWhat::Write, None) => format!("writes for {amf}"),
                (DiskWhat::Other, None) => format!("serves {amf}"),
            };
            (Events::All, format!("{node} {what}: {parity}block {}", block.0))
        }
        // What a message did follows from it; rules have a screen of their own.
        EventKind::Rule(_) => return None,
    };
    (from <= wanted).then(|| format!("{} s: {}", seconds(event.now), one_line(&text)))
}

fn for_op(op: OpId) -> String {
    if op == OpId::NONE { String::new() } else { format!(" for operation {}", op.0) }
}

fn about(message: &Passage) -> String {
    let again = if message.again { ", again" } else { "" };
    let key = match message.key {
        Some(Key::Block(block)) => format!(" of block {}", block.0),
        Some(key) => format!(" of {key}"),
        None => String::new(),
    };
    let detail =
        if message.detail.is_empty() { String::new() } else { format!(", {}", message.detail) };
    format!("{}{key}{detail}{again}{}", message.kind.name(), for_op(message.cause))
}

/// A line stays a line, whatever a value holds.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How the cluster stands, in one sentence: said after every command.
#[must_use]
pub fn summary(model: &Model) -> String {
    let now = &model.cluster.now;
    let serving = now.amfs.iter().filter(|amf| amf.status == AmfStatus::Serving).count();
    let mut parts = vec![format!("{serving} of {} AMFs serve", now.amfs.len())];
    if let (true, Some(recording)) = (model.is_recording(), &now.recording) {
        parts.push(format!("step {} of {}", now.step, recording.steps));
    }
    parts.push(match now.faults.len() {
        0 => "no fault".to_owned(),
        n => Many::of(n, "fault").to_string(),
    });
    if now.step_mode {
        parts.push(format!("time stands still, {} held", Many::of(now.held_total, "message")));
    }
    if now.outstanding > 0 {
        parts.push(format!("{} under way", many(now.outstanding, "request")));
    }
    if !now.doubt.is_empty() {
        parts.push(format!("{} in doubt", Many::of(now.doubt.len(), "region")));
    }
    parts.push(match now.violations_total {
        0 => "no violation".to_owned(),
        n => many(n, "VIOLATION"),
    });
    if now.events_lost > 0 {
        parts.push(format!("{} events were not told", now.events_lost));
    }
    format!("now, at {} s: {}.", model.cluster.clock(), parts.join(", "))
}

fn many(count: u64, what: &'static str) -> String {
    Many::of(usize::try_from(count).unwrap_or(usize::MAX), what).to_string()
}

/// How everything stands, a line each.
#[must_use]
pub fn state(model: &Model) -> Vec<String> {
    let now = &model.cluster.now;
    let mut lines: Vec<String> = now.amfs.iter().map(amf).collect();
    for disk in &now.disks {
        let failed = if disk.failed { ", it answers with errors" } else { "" };
        let damaged = match disk.damaged {
            0 => String::new(),
            n => format!(", {n} damaged blocks"),
        };
        lines.push(format!("{} is {}{failed}{damaged}", disk.id, disk.role));
    }
    let up = if now.witness.up { now.witness.doing.as_str() } else { "down" };
    lines.push(format!("the witness is {up}"));
    for fault in &now.faults {
        let (what, effect, undo) = (&fault.what, fault.effect(), &fault.undo);
        lines.push(format!("fault: {what}; {effect}; `{undo}` ends it"));
    }
    for held in &now.held {
        lines.push(format!("held, from {} to {}: {}", held.from, held.to, held.what));
    }
    for lock in &now.locks {
        let missing = match lock.missing.len() {
            0 => String::new(),
            _ => format!(", waits for {}", lock.missing),
        };
        let phase = super::view::locks::phase(lock.phase).0;
        let phase = phase.trim_start_matches(|c: char| !c.is_alphabetic());
        lines.push(format!("{} {phase} {}, {}{missing}", lock.amf, lock.key, lock.mode));
    }
    let workloads = model.workloads.iter().map(|(name, on)| {
        format!("the workload {name} is {}", if *on { "running" } else { "not running" })
    });
    lines.extend(workloads);
    lines.extend(super::view::beside::lines(now));
    lines.iter().map(|line| one_line(line)).collect()
}

fn amf(amf: &AmfInfo) -> String {
    let status = match amf.status {
        AmfStatus::Serving => "serves",
        AmfStatus::NoLease => "has no lease",
        AmfStatus::Joining => "is joining",
        AmfStatus::Paused => "is paused",
        AmfStatus::Down => return format!("{} is down", amf.id),
    };
    format!(
        "{} {status}, view {}, {} of {} lines, {} dirty, {} replicas kept for others",
        amf.id, amf.epoch, amf.lines_used, amf.lines_max, amf.dirty, amf.replicas
    )
}

/// What can be typed, a line each.
#[must_use]
pub fn help(name: &str) -> Vec<String> {
    let known = crate::trace::registry::ENTRIES.iter();
    if !name.is_empty() {
        let found = known.filter(|entry| entry.name == name);
        let lines: Vec<String> = found.map(|e| format!("{}: {}", e.usage, e.help)).collect();
        return if lines.is_empty() {
            vec![format!("there is no command `{name}`")]
        } else {
            lines
        };
    }
    let mut lines = vec![
        "state: how everything stands, a line each".to_owned(),
        "events none, some, hosts or all: which events are told".to_owned(),
        "help COMMAND: how a command is written; help alone: all of them".to_owned(),
        "quit: ends; so does the end of the input".to_owned(),
    ];
    let verbs = super::command::VERBS.iter();
    let verbs = verbs.filter(|verb| matches!(verb.name, "save" | "source" | "goto"));
    lines.extend(verbs.map(|verb| format!("{}: {}", verb.usage, verb.help)));
    lines.extend(known.map(|entry| format!("{}: {}", entry.usage, entry.help)));
    lines
}
