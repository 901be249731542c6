//! What is plainer: a command that says less, a plan with fewer AMFs, disks and keys, shorter names.

use super::plan::Plan;
use crate::protocol::id::{AmfId, Block, DiskId, NodeId, Span};
use crate::trace::Command;
use crate::trace::action::{Action, HoldFilter, LinkSetting, Release, Target};
use crate::trace::command::{Condition, Expectation, HostCommand, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The profile on which a short script is easiest to read.
const PLAIN_PROFILE: &str = "claims";

/// How much a plan asks of its reader: commands, then machines, then keys, then letters.
#[must_use]
pub fn weight(plan: &Plan) -> (usize, u32, usize, usize) {
    let machines = plan.load().map_or(u32::MAX, |profile| {
        u32::from(profile.config.amfs) + u32::from(profile.config.disks_all())
    });
    (plan.commands.len(), machines, plan.sets.len(), plan.script(&[]).len())
}

/// Bold steps: nothing at the same time, no waits or only the long ones, one where there were several.
#[must_use]
pub fn coarser(plan: &Plan) -> Vec<Plan> {
    let one_by_one = |command: &Command| match command {
        Command::Start(_, host) => Command::Host(host.clone()),
        other => other.clone(),
    };
    let without_waits = |below: Span, commands: &[Command]| -> Vec<Command> {
        let is_short = |command: &&Command| matches!(command, Command::Wait(t) if *t < below);
        commands.iter().filter(|command| !is_short(command)).cloned().collect()
    };
    let waits_for_one = |command: &&Command| {
        matches!(command, Command::Await(_) | Command::RunUntil(Condition::Answered(_), _))
    };
    let rest = plan.commands.iter().filter(|command| !waits_for_one(command));
    let serial: Vec<Command> = rest.map(one_by_one).collect();
    let merged = merged_waits(plan).map_or_else(|| plan.commands.clone(), |plan| plan.commands);
    let limits = [Span(u64::MAX), Span::millis(10), Span::millis(1)];
    let mut all: Vec<Vec<Command>> = Vec::new();
    all.extend(limits.map(|limit| without_waits(limit, &serial)));
    all.extend(limits.map(|limit| without_waits(limit, &plan.commands)));
    all.push(merged);
    all.into_iter().map(|commands| Plan { commands, ..plan.clone() }).collect()
}

/// Ways to say less, the plainest first; each a list of commands that takes the place of one.
#[must_use]
pub fn plainer_commands(command: &Command) -> Vec<Vec<Command>> {
    let one = |commands: Vec<Command>| commands.into_iter().map(|command| vec![command]).collect();
    match command {
        Command::Start(label, host) => {
            let mut all = vec![Command::Host(host.clone())];
            all.extend(plainer_hosts(host).into_iter().map(|h| Command::Start(label.clone(), h)));
            one(all)
        }
        Command::Host(host) => one(plainer_hosts(host).into_iter().map(Command::Host).collect()),
        Command::Wait(span) => one(rounder(*span).into_iter().map(Command::Wait).collect()),
        Command::Act(Action::SlowDisk(disk, span)) => one(rounder(*span)
            .into_iter()
            .map(|span| Command::Act(Action::SlowDisk(*disk, span)))
            .collect()),
        Command::Act(Action::Link(a, b, LinkSetting::Delay(span))) => {
            let delay = |span| Command::Act(Action::Link(*a, *b, LinkSetting::Delay(span)));
            one(rounder(*span).into_iter().map(delay).collect())
        }
        Command::RunUntil(condition, Some(within)) => {
            let until = |within| Command::RunUntil(condition.clone(), within);
            let mut all = vec![until(None)];
            all.extend(rounder(*within).into_iter().map(|within| until(Some(within))));
            one(all)
        }
        Command::Act(Action::Partition(sides)) if sides.len() > 1 => one(sides
            .iter()
            .map(|side| Command::Act(Action::Partition(vec![side.clone()])))
            .collect()),
        _ => Vec::new(),
    }
}

fn plainer_hosts(host: &HostCommand) -> Vec<HostCommand> {
    use HostCommand as H;
    let mut all = Vec::new();
    match host {
        H::WriteSectors(amf, block, sector, count, value) => {
            all.push(H::Write(*amf, *block, value.clone()));
            if (*sector, *count) != (0, 1) {
                all.push(H::WriteSectors(*amf, *block, 0, 1, value.clone()));
                all.push(H::WriteSectors(*amf, *block, *sector, 1, value.clone()));
            }
        }
        H::CompareAndWrite(amf, block, _, new) | H::WriteFua(amf, block, new) => {
            all.push(H::Write(*amf, *block, new.clone()));
        }
        H::Read(amf, block, count) if *count > 1 => {
            let blocks = (0..u64::from(*count)).map(|at| Block(block.0 + at));
            all.extend(blocks.map(|block| H::Read(*amf, block, 1)));
        }
        H::Trim(amf, block, count) | H::Zero(amf, block, count) if *count > 1 => {
            all.push(H::Trim(*amf, *block, 1));
        }
        H::Write(..) | H::Read(..) | H::Trim(..) | H::Zero(..) | H::Flush(_) => {}
    }
    all
}

/// Rounder lengths of time, the roundest first.
fn rounder(span: Span) -> Vec<Span> {
    let mut all = Vec::new();
    for unit in [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000] {
        for ns in [span.0 / unit * unit, span.0.div_ceil(unit) * unit] {
            if ns > 0 && ns != span.0 && !span.0.is_multiple_of(unit) && !all.contains(&Span(ns)) {
                all.push(Span(ns));
            }
        }
    }
    if span.0 > 2_000_000_000 {
        all.insert(0, Span(1_000_000_000));
    }
    all
}

/// Plans that say less: fewer keys, AMFs and disks, a plain profile, a plain seed.
#[must_use]
pub fn plainer_plans(plan: &Plan) -> Vec<Plan> {
    let keys = plan.keys();
    let mut all = Vec::new();
    let with = |changes: &[(&str, &str)]| {
        let mut keys = keys.clone();
        for (key, value) in changes {
            keys.insert((*key).to_owned(), (*value).to_owned());
        }
        plan.with_keys(&keys)
    };
    all.push(with(&[("link.jitter", "0"), ("link.duplicate", "0.0"), ("link.drop", "0.0")]));
    all.push(Plan { seed: 1, ..plan.clone() });
    if plan.profile != PLAIN_PROFILE && !crate::profile::is_path(&plan.profile) {
        all.push(Plan { profile: PLAIN_PROFILE.to_owned(), ..plan.clone() });
    }
    for (layout, disks, copies) in
        [("single", "1", "1"), ("mirror", "2", "2"), ("mirror", "3", "3")]
    {
        all.push(with(&[
            ("group.layout", layout),
            ("group.disks", disks),
            ("group.copies", copies),
            ("group.spares", "0"),
        ]));
    }
    all.extend(merged_waits(plan));
    all.extend(unlabelled(plan));
    all.extend(fewer_amfs(plan));
    all.extend(fewer_blocks(plan));
    for key in keys.keys().filter(|key| *key != "defect") {
        let mut fewer = keys.clone();
        fewer.remove(key);
        all.push(plan.with_keys(&fewer));
    }
    all.retain(|candidate| candidate != plan && candidate.load().is_ok());
    all.dedup();
    all
}

/// One wait where there were several.
fn merged_waits(plan: &Plan) -> Option<Plan> {
    let mut commands: Vec<Command> = Vec::new();
    for command in &plan.commands {
        match (commands.last_mut(), command) {
            (Some(Command::Wait(sum)), Command::Wait(more)) => sum.0 += more.0,
            (Some(_) | None, other) => commands.push(other.clone()),
        }
    }
    (commands.len() < plan.commands.len()).then(|| Plan { commands, ..plan.clone() })
}

/// An operation that is waited for at once, where it was started, gone on from, and waited for further down.
fn unlabelled(plan: &Plan) -> Vec<Plan> {
    let started = plan.commands.iter().filter_map(|command| match command {
        Command::Start(label, _) => Some(label),
        _ => None,
    });
    let without = |label: &String| {
        let commands = plan.commands.iter().filter_map(|command| match command {
            Command::Start(one, host) if one == label => Some(Command::Host(host.clone())),
            Command::Await(one) | Command::RunUntil(Condition::Answered(one), _)
                if one == label =>
            {
                None
            }
            other => Some(other.clone()),
        });
        Plan { commands: commands.collect(), ..plan.clone() }
    };
    let shorter = |other: &Plan| other.commands.len() < plan.commands.len();
    started.map(without).filter(shorter).collect()
}

/// AMFs that are named get the lowest numbers; then there are no more of them than are named, or one more.
fn fewer_amfs(plan: &Plan) -> Vec<Plan> {
    let mut named = BTreeSet::new();
    for command in &plan.commands {
        rename(command, &mut |node| {
            if let NodeId::Amf(amf) = node {
                named.insert(amf.0);
            }
            node
        });
    }
    let keys = plan.keys();
    if keys.contains_key("volume.access") || named.is_empty() {
        return Vec::new();
    }
    let numbers: BTreeMap<u8, u8> = named.iter().copied().zip(0..).collect();
    let renamed: Vec<Command> = plan
        .commands
        .iter()
        .map(|command| {
            rename(command, &mut |node| match node {
                NodeId::Amf(amf) => NodeId::Amf(AmfId(numbers[&amf.0])),
                NodeId::Witness | NodeId::Disk(_) => node,
            })
        })
        .collect();
    let Ok(profile) = plan.load() else { return Vec::new() };
    let used = u8::try_from(named.len()).unwrap_or(u8::MAX);
    let mut all = Vec::new();
    for amfs in used..=profile.config.amfs {
        let mut keys = keys.clone();
        keys.insert("cluster.amfs".to_owned(), amfs.to_string());
        all.push(Plan { commands: renamed.clone(), ..plan.with_keys(&keys) });
    }
    all
}

/// Blocks that are named get the lowest numbers.
fn fewer_blocks(plan: &Plan) -> Option<Plan> {
    let mut named = BTreeSet::new();
    for host in plan.commands.iter().filter_map(host_of) {
        if let Some((block, count)) = blocks_of(host) {
            named.extend(block..block + u64::from(count));
        }
    }
    let numbers: BTreeMap<u64, u64> = named.iter().copied().zip(0..).collect();
    let block = |block: Block| Block(numbers.get(&block.0).copied().unwrap_or(block.0));
    let commands: Vec<Command> =
        plan.commands.iter().map(|command| with_blocks(command, &block)).collect();
    (commands != plan.commands).then(|| Plan { commands, ..plan.clone() })
}

pub(super) fn host_of(command: &Command) -> Option<&HostCommand> {
    match command {
        Command::Host(host) | Command::Start(_, host) => Some(host),
        _ => None,
    }
}

pub(super) fn blocks_of(host: &HostCommand) -> Option<(u64, u32)> {
    match host {
        HostCommand::Write(_, block, _)
        | HostCommand::WriteFua(_, block, _)
        | HostCommand::CompareAndWrite(_, block, ..) => Some((block.0, 1)),
        HostCommand::WriteSectors(_, block, ..) => Some((block.0, 2)),
        HostCommand::Read(_, block, count)
        | HostCommand::Trim(_, block, count)
        | HostCommand::Zero(_, block, count) => Some((block.0, *count)),
        HostCommand::Flush(_) => None,
    }
}

pub(super) fn with_blocks(command: &Command, to: &impl Fn(Block) -> Block) -> Command {
    let host = |host: &HostCommand| match host.clone() {
        HostCommand::Write(amf, block, value) => HostCommand::Write(amf, to(block), value),
        HostCommand::WriteFua(amf, block, value) => HostCommand::WriteFua(amf, to(block), value),
        HostCommand::WriteSectors(amf, block, sector, count, value) => {
            HostCommand::WriteSectors(amf, to(block), sector, count, value)
        }
        HostCommand::Read(amf, block, count) => HostCommand::Read(amf, to(block), count),
        HostCommand::CompareAndWrite(amf, block, old, new) => {
            HostCommand::CompareAndWrite(amf, to(block), old, new)
        }
        HostCommand::Trim(amf, block, count) => HostCommand::Trim(amf, to(block), count),
        HostCommand::Zero(amf, block, count) => HostCommand::Zero(amf, to(block), count),
        HostCommand::Flush(amf) => HostCommand::Flush(amf),
    };
    match command {
        Command::Host(one) => Command::Host(host(one)),
        Command::Start(label, one) => Command::Start(label.clone(), host(one)),
        Command::Act(Action::Evict(amf, Some(block))) => {
            Command::Act(Action::Evict(*amf, Some(to(*block))))
        }
        Command::Expect(Expectation::State(amf, block, state)) => {
            Command::Expect(Expectation::State(*amf, to(*block), *state))
        }
        Command::RunUntil(Condition::State(amf, block, state), within) => {
            Command::RunUntil(Condition::State(*amf, to(*block), *state), *within)
        }
        Command::RunUntil(Condition::Lock(amf, block, mode), within) => {
            Command::RunUntil(Condition::Lock(*amf, to(*block), *mode), *within)
        }
        Command::RunUntil(Condition::Replicated(amf, block), within) => {
            Command::RunUntil(Condition::Replicated(*amf, to(*block)), *within)
        }
        Command::RunUntil(Condition::Written(disk, block), within) => {
            Command::RunUntil(Condition::Written(*disk, to(*block)), *within)
        }
        Command::Act(Action::Corrupt(disk, block)) => {
            Command::Act(Action::Corrupt(*disk, to(*block)))
        }
        other => other.clone(),
    }
}

/// The same hold with other nodes.
fn between(filter: HoldFilter, to: &mut impl FnMut(NodeId) -> NodeId) -> HoldFilter {
    HoldFilter { pair: filter.pair.map(|(from, at)| (to(from), to(at))), ..filter }
}

/// The command with other nodes. An AMF stays an AMF, and a disk a disk, where nothing else would do.
pub(super) fn rename(command: &Command, to: &mut impl FnMut(NodeId) -> NodeId) -> Command {
    let disk = |disk: DiskId, to: &mut dyn FnMut(NodeId) -> NodeId| match to(NodeId::Disk(disk)) {
        NodeId::Disk(disk) => disk,
        NodeId::Witness | NodeId::Amf(_) => disk,
    };
    let release = |release: Release, to: &mut dyn FnMut(NodeId) -> NodeId| match release {
        Release::Pair(from, at) => Release::Pair(to(from), to(at)),
        Release::Nth(from, at, nth) => Release::Nth(to(from), to(at), nth),
        same @ (Release::Oldest(_) | Release::Id(_)) => same,
    };
    match command {
        Command::Act(Action::FailDisk(at)) => return Command::Act(Action::FailDisk(disk(*at, to))),
        Command::Act(Action::ReplaceDisk(at)) => {
            return Command::Act(Action::ReplaceDisk(disk(*at, to)));
        }
        Command::Act(Action::SlowDisk(at, span)) => {
            return Command::Act(Action::SlowDisk(disk(*at, to), *span));
        }
        Command::Act(Action::Corrupt(at, block)) => {
            return Command::Act(Action::Corrupt(disk(*at, to), *block));
        }
        Command::Act(Action::Deliver(what)) => {
            return Command::Act(Action::Deliver(release(*what, to)));
        }
        Command::Act(Action::Lose(what)) => return Command::Act(Action::Lose(release(*what, to))),
        Command::Act(Action::Repeat(what)) => {
            return Command::Act(Action::Repeat(release(*what, to)));
        }
        Command::RunUntil(Condition::Written(at, block), within) => {
            return Command::RunUntil(Condition::Written(disk(*at, to), *block), *within);
        }
        _ => {}
    }
    let mut amf = |amf: AmfId| match to(NodeId::Amf(amf)) {
        NodeId::Amf(amf) => amf,
        NodeId::Witness | NodeId::Disk(_) => amf,
    };
    let mut host = |host: &HostCommand| {
        let mut host = host.clone();
        match &mut host {
            HostCommand::Write(at, ..)
            | HostCommand::WriteSectors(at, ..)
            | HostCommand::WriteFua(at, ..)
            | HostCommand::Read(at, ..)
            | HostCommand::CompareAndWrite(at, ..)
            | HostCommand::Trim(at, ..)
            | HostCommand::Zero(at, ..)
            | HostCommand::Flush(at) => *at = amf(*at),
        }
        host
    };
    match command.clone() {
        Command::Host(one) => Command::Host(host(&one)),
        Command::Start(label, one) => Command::Start(label, host(&one)),
        Command::Act(Action::Destage(Target::One(at))) => {
            Command::Act(Action::Destage(Target::One(amf(at))))
        }
        Command::Act(Action::Evict(at, block)) => Command::Act(Action::Evict(amf(at), block)),
        Command::Act(Action::Crash(at)) => Command::Act(Action::Crash(amf(at))),
        Command::Act(Action::Restart(at)) => Command::Act(Action::Restart(amf(at))),
        Command::Act(Action::Pause(at)) => Command::Act(Action::Pause(amf(at))),
        Command::Act(Action::Resume(at)) => Command::Act(Action::Resume(amf(at))),
        Command::Act(Action::ExpireLease(at)) => Command::Act(Action::ExpireLease(amf(at))),
        Command::Act(Action::Partition(sides)) => Command::Act(Action::Partition(
            sides.into_iter().map(|side| side.into_iter().map(&mut *to).collect()).collect(),
        )),
        Command::Act(Action::Link(a, b, setting)) => {
            Command::Act(Action::Link(to(a), to(b), setting))
        }
        Command::Act(Action::Hold(filter)) => Command::Act(Action::Hold(between(filter, to))),
        Command::Act(Action::Unhold(filter)) => Command::Act(Action::Unhold(between(filter, to))),
        Command::RunUntil(condition, within) => {
            Command::RunUntil(renamed(condition, &mut amf), within)
        }
        other => other,
    }
}

/// The same condition about other AMFs.
fn renamed(condition: Condition, amf: &mut impl FnMut(AmfId) -> AmfId) -> Condition {
    match condition {
        Condition::State(at, block, state) => Condition::State(amf(at), block, state),
        Condition::Lock(at, block, mode) => Condition::Lock(amf(at), block, mode),
        Condition::Sent(kind, pair) => {
            Condition::Sent(kind, pair.map(|(from, at)| (amf(from), amf(at))))
        }
        Condition::Delivered(kind, pair) => {
            Condition::Delivered(kind, pair.map(|(from, at)| (amf(from), amf(at))))
        }
        Condition::Applied(rule, at) => Condition::Applied(rule, amf(at)),
        Condition::Replicated(at, block) => Condition::Replicated(amf(at), block),
        Condition::Not(other) => Condition::Not(Box::new(renamed(*other, amf))),
        Condition::All(all) => {
            Condition::All(all.into_iter().map(|one| renamed(one, &mut *amf)).collect())
        }
        same @ (Condition::Written(..)
        | Condition::View(_)
        | Condition::Answered(_)
        | Condition::Idle
        | Condition::Violation
        | Condition::Replayed) => same,
    }
}

/// Short names: labels and contents are letters, in the order in which they come.
#[must_use]
pub fn tidy(plan: &Plan) -> Plan {
    let mut labels = Names::default();
    let mut values = Names::default();
    let mut value = |value: &Value| match value {
        Value::Text(text) => Value::Text(values.of(text)),
        Value::Hex(_) | Value::File(_) => value.clone(),
    };
    let mut host = |host: &HostCommand| match host.clone() {
        HostCommand::Write(amf, block, new) => HostCommand::Write(amf, block, value(&new)),
        HostCommand::WriteFua(amf, block, new) => HostCommand::WriteFua(amf, block, value(&new)),
        HostCommand::WriteSectors(amf, block, sector, count, new) => {
            HostCommand::WriteSectors(amf, block, sector, count, value(&new))
        }
        HostCommand::CompareAndWrite(amf, block, old, new) => {
            HostCommand::CompareAndWrite(amf, block, value(&old), value(&new))
        }
        same @ (HostCommand::Read(..)
        | HostCommand::Trim(..)
        | HostCommand::Zero(..)
        | HostCommand::Flush(_)) => same,
    };
    let mut commands = Vec::with_capacity(plan.commands.len());
    for command in &plan.commands {
        commands.push(match command {
            Command::Host(one) => Command::Host(host(one)),
            Command::Start(label, one) => Command::Start(labels.of(label), host(one)),
            Command::Await(label) => Command::Await(labels.of(label)),
            Command::RunUntil(Condition::Answered(label), within) => {
                Command::RunUntil(Condition::Answered(labels.of(label)), *within)
            }
            Command::Expect(Expectation::Result(label, outcome)) => {
                Command::Expect(Expectation::Result(labels.of(label), *outcome))
            }
            other => other.clone(),
        });
    }
    Plan { commands, ..plan.clone() }
}

/// Letters for names: `a` to `z`, then `a1` and so on.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&mut self, name: &str) -> String {
        let next = self.0.len();
        let short = || {
            let letter = char::from(b'a' + u8::try_from(next % 26).unwrap_or(0));
            if next < 26 { letter.to_string() } else { format!("{letter}{}", next / 26) }
        };
        self.0.entry(name.to_owned()).or_insert_with(short).clone()
    }
}
