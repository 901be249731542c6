//! What comes from the cluster: snapshots, events, completions, the outcome of commands.

use super::super::model::{Level, LogLevel, Model, ReplayShown};
use super::{Effect, ladder, protocol};
use crate::protocol::id::Key;
use crate::timeline::TOLD_STEPS_MAX;
use crate::trace::engine::Completion;
use crate::trace::{Command, Event, EventKind, Seek, Snapshot};

/// A newer snapshot.
pub fn snapshot(model: &mut Model, snapshot: Snapshot) -> Vec<Effect> {
    let had = model.cluster.now.violations_total;
    let stood = model.cluster.now.step;
    model.cluster.take(snapshot);
    let now = &model.cluster.now;
    let held = model.selected.held;
    if held.is_some_and(|id| now.held.iter().all(|held| held.id != id)) {
        model.selected.held = None;
    }
    model.selected.fault = model.selected.fault.min(now.faults.len().saturating_sub(1));
    model.selected.lock = model.selected.lock.min(now.locks.len().saturating_sub(1));
    // Of a run the first is what matters: further ones are counted in the status bar, and in the log.
    let first = now.violations.first().filter(|_| had == 0 && now.violations_total > 0);
    let here = now.violations.iter().rfind(|found| found.step == now.step);
    let here = here.filter(|_| model.is_recording() && now.step != stood);
    if let Some(found) = here.or(first) {
        let (checker, text, key) = (&found.checker, &found.text, found.key);
        let name = key.map(|key| key.to_string()).filter(|name| !text.starts_with(name));
        let at = name.map_or_else(String::new, |name| format!(" {name}"));
        let said = format!("VIOLATION {checker}{at}: {text}");
        model.say(Level::Bad, said);
        if let Some(Key::Block(block)) = key.filter(|_| model.is_recording()) {
            // Who went there wants to see that block, on every screen.
            model.selected.block = block;
        }
    }
    if model.is_recording() && model.cluster.now.step != stood {
        return ladder::moved(model);
    }
    protocol::want(model)
}

/// A recording is about to go to another position. What was told of another stretch of it goes: only
/// what happened on a short way on is told without a gap.
pub fn seeking(model: &mut Model, to: Seek) {
    let now = &model.cluster.now;
    let len = now.recording.as_ref().map_or(0, |recording| recording.steps);
    let to = match to {
        Seek::To(to) if to > len => return,
        Seek::To(to) => to,
        Seek::By(steps) => now.step.saturating_add_signed(steps).min(len),
        Seek::End => len,
    };
    if to < now.step || to - now.step > TOLD_STEPS_MAX {
        model.cluster.forget();
        (model.selected.message, model.selected.op) = (None, None);
    }
}

/// What the log says of an event, if it says something.
pub fn remark(model: &mut Model, event: &Event) {
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
    let Some((level, source)) = logged else { return };
    let clock = super::super::snapshot::seconds(event.now);
    let told = event.kind.to_string();
    // The source stands before it.
    let told = ["fault ", "note "].iter().find_map(|word| told.strip_prefix(word)).unwrap_or(&told);
    model.write_log(level, source, format!("{clock} {} {told}", event.node), Some(event.step));
}

/// Something happened.
pub fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    remark(model, &event);
    if !model.is_recording() {
        model.ladder.take(event.clone());
        model.timeline.take(&event);
    }
    model.cluster.event(event);
    Vec::new()
}

/// A host operation of this console was answered.
pub fn completed(model: &mut Model, done: &Completion, sentence: &str) -> Vec<Effect> {
    model.cluster.io.by_hand(done.answer.op);
    let story = model.cluster.completed(done, sentence);
    let level = if done.answer.result.is_ok() { Level::Info } else { Level::Bad };
    model.say(level, story);
    Vec::new()
}

/// How a replay stands; its end is said.
pub fn replay(model: &mut Model, shown: ReplayShown) -> Vec<Effect> {
    let was_under_way = model.replay.as_ref().is_none_or(ReplayShown::is_under_way);
    let ends = was_under_way && !shown.is_under_way();
    let progress = &shown.progress;
    let said = ends.then(|| {
        format!(
            "replay {}: {} of {} requests, {} reads verified, {} mismatches, {} errors{}",
            progress.name,
            progress.answered,
            progress.requests,
            progress.reads,
            shown.mismatches,
            progress.errors,
            progress.retried_told()
        )
    });
    let is_bad = shown.mismatches > 0 || progress.errors > 0;
    model.replay = Some(shown);
    let Some(said) = said else { return Vec::new() };
    let (level, log) =
        if is_bad { (Level::Bad, LogLevel::Warn) } else { (Level::Info, LogLevel::Info) };
    model.say(level, said.clone());
    model.write_log(log, "command", said, None);
    Vec::new()
}

/// A command is through.
pub fn ran(
    model: &mut Model,
    command: &Command,
    result: Result<Vec<String>, String>,
) -> Vec<Effect> {
    let (level, log, said) = match result {
        Ok(lines) if lines.is_empty() => (Level::Info, LogLevel::Info, command.to_string()),
        Ok(lines) => (Level::Info, LogLevel::Info, lines.join("  ")),
        Err(text) => (Level::Bad, LogLevel::Warn, text.replace('\n', "  ")),
    };
    model.say(level, said.clone());
    let line = if said == command.to_string() { said } else { format!("{command}: {said}") };
    model.write_log(log, "command", line, None);
    Vec::new()
}
