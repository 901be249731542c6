//! What comes from the cluster: snapshots, events, completions, the outcome of commands.

use super::super::model::{Level, Model};
use super::{Effect, LogLevel, Ran};
use crate::trace::engine::Completion;
use crate::trace::{Command, Event, EventKind, Snapshot};

/// A newer snapshot.
pub fn snapshot(model: &mut Model, snapshot: Snapshot) -> Vec<Effect> {
    let had = model.cluster.now.violations_total;
    model.cluster.take(snapshot);
    let now = &model.cluster.now;
    let held = model.selected.held;
    if held.is_some_and(|id| now.held.iter().all(|held| held.id != id)) {
        model.selected.held = None;
    }
    model.selected.fault = model.selected.fault.min(now.faults.len().saturating_sub(1));
    model.selected.lock = model.selected.lock.min(now.locks.len().saturating_sub(1));
    if now.violations_total > had
        && let Some(last) = now.violations.last()
    {
        let text = format!("VIOLATION {}: {}", last.checker, last.text);
        model.say(Level::Bad, text);
    }
    Vec::new()
}

/// Something happened.
pub fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    let logged = match &event.kind {
        EventKind::View { .. } | EventKind::Joined(_) => Some((LogLevel::Info, "view")),
        EventKind::Fault(_) => Some((LogLevel::Warn, "fault")),
        EventKind::Violation(_) => Some((LogLevel::Error, "check")),
        EventKind::Note(_) => Some((LogLevel::Info, "note")),
        EventKind::Asked { .. }
        | EventKind::Answered { .. }
        | EventKind::Sent(_)
        | EventKind::Delivered(_)
        | EventKind::Lost(_)
        | EventKind::Rule(_)
        | EventKind::Disk { .. } => None,
    };
    let clock = super::super::snapshot::seconds(event.now);
    let effect = logged.map(|(level, target)| {
        Effect::Log(level, target, format!("{clock} {} {}", event.node, event.kind))
    });
    model.cluster.event(event);
    effect.into_iter().collect()
}

/// A host operation was answered.
pub fn completed(model: &mut Model, done: &Completion) -> Vec<Effect> {
    let story = model.cluster.completed(done);
    let op = done.answer.op;
    let mine = model.cluster.io.line(op).is_some_and(|line| line.by_hand);
    if mine {
        let level = if done.answer.result.is_ok() { Level::Info } else { Level::Bad };
        model.say(level, story);
    }
    Vec::new()
}

/// A command was carried out, or not.
pub fn ran(model: &mut Model, command: &Command, result: Result<Ran, String>) -> Vec<Effect> {
    match result {
        Ok(Ran::Started(op)) => {
            model.cluster.io.by_hand(op);
            model.selected.op = None;
            Vec::new()
        }
        Ok(Ran::Done(text)) => {
            if let Command::Workload(running, name) = command {
                model.workloads.insert(name.clone(), *running);
            }
            let said = if text.is_empty() { command.to_string() } else { text };
            model.say(Level::Info, said.lines().next().unwrap_or_default());
            vec![Effect::Log(LogLevel::Info, "command", format!("{command}: {said}"))]
        }
        Err(text) => {
            model.say(Level::Bad, text.replace('\n', "  "));
            vec![Effect::Log(LogLevel::Warn, "command", format!("{command}: {text}"))]
        }
    }
}
