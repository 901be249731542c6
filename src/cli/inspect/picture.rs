//! The state of a recorded cluster, for people and as JSON.

use super::Inspection;
use crate::protocol::Many;
use crate::protocol::id::{DiskId, Instant};
use crate::timeline::Verdicts;
use crate::trace::snapshot::{Ask, Snapshot};
use crate::trace::{Lamp, narrate};
use crate::world::InFlight;
use serde_json::{Value, json};
use std::fmt::Write;

/// Lines of one kind that people are shown; all are counted.
const LINES_MAX: usize = 24;

impl Inspection {
    fn snapshot(&mut self) -> Snapshot {
        let (lens, history) = (self.block, self.block);
        let ask = Ask { held_max: usize::MAX, lamps: true, lens, history, ..Ask::ALL };
        let mut snapshot = crate::timeline::picture(&self.fold, &ask);
        self.past.add(&mut snapshot, &ask);
        snapshot
    }

    /// Everything.
    pub(super) fn json(&mut self) -> String {
        let shot = self.snapshot();
        let (requests, answers) = self.past.seen();
        let (head, world) = (self.reader.head(), self.fold.world());
        let state = json!({
            "at": self.fold.position(),
            "now_ns": world.now().0,
            "recording": {
                "code": head.code, "engine": head.engine, "profile": head.profile_name,
                "seed": head.seed, "blank": head.origin.blank,
            },
            "state": shot,
            "links": self.links(),
            "disks": self.disks(),
            "checker": {
                "requests": requests,
                "answers": answers,
                "violations": shot.violations_total,
                "lamps": shot.lamps.as_ref().map(crate::trace::Lamps::all),
                "verdict": if shot.violations_total > 0 { "violation" } else { "ok" },
            },
            "divergence": self.fold.trouble(),
        });
        format!("{state}\n")
    }

    /// Packets on their way.
    fn links(&self) -> Vec<Value> {
        let net = self.fold.world().in_flight();
        let packets = net.in_flight().into_iter().filter_map(|(from, to, no)| {
            let packet = net.packet(from, to, no)?;
            let (from, to) = (from.to_string(), to.to_string());
            Some(json!({ "from": from, "to": to, "no": no, "what": narrate::words(packet) }))
        });
        packets.collect()
    }

    /// What is on each disk.
    fn disks(&self) -> Vec<Value> {
        let world = self.fold.world();
        let disks = (0..self.profile.config.disks_all()).map(DiskId);
        let blocks = disks.map(|disk| {
            let blocks = world.records_on(disk).map(|(at, record)| {
                let (version, data) = (record.version.to_string(), record.data.to_string());
                json!({ "at": at, "version": version, "data": data })
            });
            json!({ "disk": disk.to_string(), "blocks": blocks.collect::<Vec<_>>() })
        });
        blocks.collect()
    }

    /// For people.
    pub(super) fn text(&mut self) -> String {
        let shot = self.snapshot();
        let (requests, answers) = self.past.seen();
        let (head, world) = (self.reader.head(), self.fold.world());
        let mut text = String::new();
        let now = world.now().since(Instant(0));
        let _ = writeln!(
            text,
            "{} recording, profile {}, seed {}; after {}, at {now}",
            head.engine,
            head.profile_name,
            head.seed,
            Many(self.fold.position(), "step")
        );
        let view = &shot.view;
        let up = if shot.witness.up { shot.witness.doing.as_str() } else { "down" };
        let members: Vec<String> = view.members.iter().map(|(amf, _)| amf.to_string()).collect();
        let _ = writeln!(
            text,
            "view {} under {}: {}; witness {up}",
            view.epoch.0,
            view.protocol,
            members.join(" ")
        );
        amfs(&shot, &mut text);
        for disk in &shot.disks {
            let failed = if disk.failed { ", answers with errors" } else { "" };
            let blocks = world.written_on(disk.id) as u64;
            let (blocks, queue) = (Many(blocks, "block"), disk.queue);
            let _ = writeln!(text, "{} {}: {blocks}, {queue} in work{failed}", disk.id, disk.role);
        }
        let faults = shot.faults.iter().map(|fault| {
            let since = fault.since.since(Instant(0));
            format!("{} since {since}; `{}` ends it", fault.what, fault.undo)
        });
        section(&mut text, "faults in force", &faults.collect::<Vec<_>>());
        let locks = shot.locks.iter().map(|lock| {
            let phase = format!("{:?} {:?}", lock.phase, lock.mode).to_lowercase();
            format!("{} {} {phase}", lock.key, lock.amf)
        });
        section(&mut text, "locks", &locks.collect::<Vec<_>>());
        let links =
            shot.held.iter().map(|held| format!("{} > {}  {}", held.from, held.to, held.what));
        section(&mut text, "on their way", &links.collect::<Vec<_>>());
        section(&mut text, "not settled", &shot.unsettled);
        let _ = writeln!(
            text,
            "checker: {}, {answers} answered, {}",
            Many(requests, "request"),
            Many(shot.violations_total, "violation")
        );
        lamps(&shot, &mut text);
        for violation in &shot.violations {
            let (step, checker) = (violation.step, &violation.checker);
            let _ = writeln!(text, "VIOLATION at step {step}, {checker}: {}", violation.text);
        }
        if let Some(block) = self.block {
            text.push_str(&super::block::text(&shot, block));
        }
        if let Some(trouble) = self.fold.trouble() {
            let _ = writeln!(text, "this program does not come to the same: {trouble}");
        }
        text
    }
}

fn amfs(shot: &Snapshot, text: &mut String) {
    for amf in &shot.amfs {
        let status = format!("{:?}", amf.status).to_lowercase();
        let _ = writeln!(
            text,
            "{} {status}: epoch {}, {}/{} lines, {} dirty, {} replicas, {} of {} requests hit",
            amf.id,
            amf.epoch.0,
            amf.lines_used,
            amf.lines_max,
            amf.dirty,
            amf.replicas,
            amf.hits,
            amf.hits + amf.misses
        );
        let lines = amf.lines.iter().map(|line| {
            let marks = match (line.unreplicated, line.destaging) {
                (false, false) => "",
                (true, false) => " unreplicated",
                (false, true) => " destaging",
                (true, true) => " unreplicated destaging",
            };
            format!("b{} {} {}{marks}", line.block.0, line.state, line.version)
        });
        section(text, "lines", &lines.collect::<Vec<_>>());
    }
}

/// How many lamps there are, and those that are not green.
fn lamps(shot: &Snapshot, text: &mut String) {
    let Some(lamps) = &shot.lamps else { return };
    let _ = writeln!(
        text,
        "lamps: {} violated, {} unknown, {} linearizable",
        lamps.violated, lamps.unknown, lamps.linearizable
    );
    let bad = lamps.blocks.iter().filter(|info| info.lamp != Lamp::Linearizable).map(|info| {
        let since = info.since.map_or_else(String::new, |step| format!(" since step {step}"));
        format!("b{} {}{since}: {}", info.block.0, info.lamp.word(), info.why)
    });
    section(text, "not green", &bad.collect::<Vec<_>>());
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {title}: {}", lines.len());
    for line in lines.iter().take(LINES_MAX) {
        let _ = writeln!(text, "    {line}");
    }
    if lines.len() > LINES_MAX {
        let _ = writeln!(text, "    and {} more (--json has all)", lines.len() - LINES_MAX);
    }
}
