//! All there is to tell of one block, for people.

use crate::protocol::id::{Block, Key};
use crate::session::why::why;
use crate::trace::{BlockHistory, Lens, Snapshot};
use std::fmt::Write;

/// Operations that are told.
const OPS_MAX: usize = 16;

/// Who has it, what would be left of it, why it is busy, what was done with it.
pub(super) fn text(shot: &Snapshot, block: Block) -> String {
    let mut text = format!("b{}\n", block.0);
    if let Some(lens) = &shot.lens {
        copies(lens, &mut text);
        let (_, said) = lens.power_said();
        let _ = writeln!(text, "  if power failed everywhere now: {said}");
        for (amf, _, said) in lens.failures_said() {
            let _ = writeln!(text, "  if {amf} failed now: {said}");
        }
    }
    let busy = shot.locks.iter().find(|lock| lock.key == Key::Block(block));
    let lines = busy.map_or_else(Vec::new, |lock| why(shot, lock.amf, block));
    for line in &lines {
        let _ = writeln!(text, "  {line}");
    }
    if lines.is_empty() {
        text.push_str("  not locked\n");
    }
    if let Some(history) = shot.lamps.as_ref().and_then(|lamps| lamps.history.as_deref()) {
        operations(history, &mut text);
    }
    text
}

fn copies(lens: &Lens, text: &mut String) {
    for copy in &lens.cached {
        let missing = if copy.missing.is_empty() {
            String::new()
        } else {
            format!(", not acknowledged by {}", copy.missing)
        };
        let (amf, letter) = (copy.amf, copy.state.letter());
        let _ = writeln!(text, "  {amf} {letter} {} {}{missing}", copy.version, copy.value);
    }
    for kept in &lens.replicas {
        let (keeper, owner, version) = (kept.keeper, kept.owner, kept.version);
        let _ = writeln!(text, "  {keeper} keeps {version} for {owner}: {}", kept.value);
    }
    for kept in &lens.journals {
        let _ = writeln!(text, "  {}'s journal {} {}", kept.keeper, kept.version, kept.value);
    }
    for disk in &lens.disks {
        let role = ["data", "parity P", "parity Q"];
        let role = role.get(usize::from(disk.parity)).copied().unwrap_or("data");
        let version = disk.version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        let line = format!(
            "  {} at {}, {role}, {}: {version} {}",
            disk.disk, disk.at, disk.standing, disk.value
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn operations(history: &BlockHistory, text: &mut String) {
    let said =
        if history.said.is_empty() { "some order explains every answer" } else { &history.said };
    let _ = writeln!(text, "  {}: {said}", history.lamp.word());
    let first = history.ops.len().saturating_sub(OPS_MAX);
    for (at, op) in history.ops.iter().enumerate().skip(first) {
        let is_it = |one: &u32| *one as usize == at;
        let mark = match history.order.iter().position(is_it) {
            _ if history.conflict.iter().any(is_it) => "!".to_owned(),
            Some(place) => (place + 1).to_string(),
            None => "-".to_owned(),
        };
        let step = op.asked_at.map_or_else(String::new, |step| format!(", step {step}"));
        let result = if op.result == "none" { "under way" } else { &op.result };
        let (number, amf, kind) = (op.op.0, op.amf, &op.kind);
        let _ = writeln!(text, "  {mark:>3} op{number} {amf} {kind} {} {result}{step}", op.value);
    }
}
