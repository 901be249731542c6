//! How a script is changed: commands are left out, repeated, moved, aimed elsewhere, given other times;
//! requests, faults and pieces of other scripts are put in between. Nothing is asked here about what the
//! protocol survives: whoever plays it leaves out what is more.

use super::super::draw::{one, share};
use super::super::fault::{Aim, Fault, FaultKind, LATE};
use super::super::simpler::{rename, with_blocks};
use super::{Cast, Situation};
use crate::profile::Profile;
use crate::protocol::id::{AmfId, Block, DiskId, NodeId, Span};
use crate::trace::action::{Action, LinkSetting, Target};
use crate::trace::command::{Condition, HostCommand, Value};
use crate::trace::grammar::parse_command;
use crate::trace::{Command, Limits};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::Path;

/// Most changes of a script.
const CHANGES_MAX: usize = 12;
/// After a change comes another in so many of a hundred scripts.
const ANOTHER: u32 = 65;
/// Most commands of a changed script.
const COMMANDS_MAX: usize = 80;
/// Commands are moved, and faults ended, so many places further at most.
const REACH: usize = 6;
/// What is waited for in vain costs time that nobody needs.
const UNTIL_MAX: Span = Span::millis(20);

/// What commands may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    amfs: u8,
    disks: u8,
    all: u64,
    sectors: u32,
    lease: Span,
    suspect_after: Span,
    limits: Limits,
    /// Blocks that the script names.
    pub named: Vec<u64>,
}

impl Scope {
    /// The scope of a cluster, for a script that names these.
    #[must_use]
    pub fn new(profile: &Profile, cast: &Cast) -> Self {
        let config = &profile.config;
        let mut named: Vec<u64> =
            cast.blocks.iter().copied().filter(|block| *block < config.blocks).collect();
        if named.is_empty() {
            named.push(0);
        }
        Self {
            amfs: config.amfs,
            disks: config.disks_all(),
            all: config.blocks,
            sectors: config.sectors_per_block(),
            lease: config.lease,
            suspect_after: config.suspect_after,
            limits: Limits::of(profile, Path::new(".")),
            named,
        }
    }

    /// Whether a script may say it here: what seeds do can always be repeated as one.
    fn has(&self, command: &Command) -> bool {
        // Labels and values are given later.
        parse_command(&command.to_string(), &self.limits).is_ok()
    }
}

/// A kind of change; the likelier ones are listed more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Drop,
    Again,
    Move,
    Aim,
    Turn,
    Block,
    Time,
    Pause,
    Ask,
    Fault,
    Until,
    Splice,
}

const CHANGES: [Change; 17] = [
    Change::Drop,
    Change::Drop,
    Change::Again,
    Change::Move,
    Change::Move,
    Change::Aim,
    Change::Aim,
    Change::Turn,
    Change::Block,
    Change::Time,
    Change::Pause,
    Change::Ask,
    Change::Ask,
    Change::Fault,
    Change::Fault,
    Change::Until,
    Change::Splice,
];

/// Faults that are put in; the likelier ones more than once.
const FAULTS: [FaultKind; 16] = [
    FaultKind::Hold,
    FaultKind::Hold,
    FaultKind::Hold,
    FaultKind::Crash,
    FaultKind::Crash,
    FaultKind::Pause,
    FaultKind::Cut,
    FaultKind::Delay,
    FaultKind::FarDisk,
    FaultKind::SlowDisk,
    FaultKind::FailDisk,
    FaultKind::SwapDisk,
    FaultKind::Lease,
    FaultKind::Witness,
    FaultKind::Evict,
    FaultKind::Flush,
];

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::Drop => "left out",
            Self::Again => "repeated",
            Self::Move => "moved",
            Self::Aim => "aimed elsewhere",
            Self::Turn => "others take over",
            Self::Block => "other block",
            Self::Time => "other time",
            Self::Pause => "time passes",
            Self::Ask => "a request more",
            Self::Fault => "a fault more",
            Self::Until => "waited for",
            Self::Splice => "a piece of another",
        }
    }
}

/// A changed script, and what was changed.
pub(super) fn change(
    commands: &[Command],
    scope: &Scope,
    others: &[&Situation],
    rng: &mut ChaCha8Rng,
) -> (Vec<Command>, Vec<&'static str>) {
    let mut script = Changer { commands: commands.to_vec(), scope, others, rng };
    let mut changes = Vec::new();
    loop {
        let change = one(&CHANGES, script.rng);
        script.apply(change);
        changes.push(change.word());
        if changes.len() >= CHANGES_MAX || !share(ANOTHER, script.rng) {
            break;
        }
    }
    let mut commands = script.commands;
    commands.retain(|command| scope.has(command));
    commands.truncate(COMMANDS_MAX);
    (numbered(commands), changes)
}

struct Changer<'a> {
    commands: Vec<Command>,
    scope: &'a Scope,
    others: &'a [&'a Situation],
    rng: &'a mut ChaCha8Rng,
}

impl Changer<'_> {
    fn apply(&mut self, change: Change) {
        if self.commands.is_empty() {
            return self.ask(0);
        }
        let at = self.rng.random_range(0..self.commands.len());
        match change {
            Change::Drop => {
                let count = self.rng.random_range(1..=3).min(self.commands.len() - at);
                self.commands.drain(at..at + count);
            }
            Change::Again => {
                let again = self.commands[at].clone();
                let to = self.near(at + 1);
                self.commands.insert(to, again);
            }
            Change::Move => {
                let moved = self.commands.remove(at);
                let to = self.near(at);
                self.commands.insert(to, moved);
            }
            Change::Aim => self.aim(at),
            Change::Turn => self.turn(at),
            Change::Block => {
                let to = self.block();
                self.commands[at] = with_blocks(&self.commands[at], &|_| to);
            }
            Change::Time => self.time(at),
            Change::Pause => {
                let span = self.span();
                self.commands.insert(at, Command::Wait(span));
            }
            Change::Ask => self.ask(at),
            Change::Fault => self.fault(at),
            Change::Until => self.until(at),
            Change::Splice => self.splice(at),
        }
    }

    /// A place near another.
    fn near(&mut self, at: usize) -> usize {
        let low = at.saturating_sub(REACH);
        self.rng.random_range(low..=(at + REACH).min(self.commands.len()))
    }

    fn amf(&mut self) -> AmfId {
        AmfId(self.rng.random_range(0..self.scope.amfs))
    }

    fn disk(&mut self) -> DiskId {
        DiskId(self.rng.random_range(0..self.scope.disks))
    }

    /// One that is named, or its neighbour.
    fn block(&mut self) -> Block {
        let named = one(&self.scope.named, self.rng);
        let next = share(15, self.rng) && named + 1 < self.scope.all;
        Block(named + u64::from(next))
    }

    fn span(&mut self) -> Span {
        let lease = self.scope.lease.0 / 1_000;
        let most = one(&[10, 50, 200, 1_000, 5_000, 50_000, lease / 2, lease * 5 / 4], self.rng);
        Span::micros(self.rng.random_range(1..=most))
    }

    /// One command has another AMF, or another disk.
    fn aim(&mut self, at: usize) {
        let (amf, disk) = (self.amf(), self.disk());
        let mut turn = self.rng.random_range(0..3);
        self.commands[at] = rename(&self.commands[at], &mut |node| {
            // The first that is named, the second, or the third.
            turn -= 1;
            match node {
                NodeId::Amf(_) if turn < 1 => NodeId::Amf(amf),
                NodeId::Disk(_) if turn < 1 => NodeId::Disk(disk),
                NodeId::Amf(_) | NodeId::Disk(_) | NodeId::Witness => node,
            }
        });
    }

    /// From here on two AMFs have each other's part.
    fn turn(&mut self, at: usize) {
        let (one, other) = (NodeId::Amf(self.amf()), NodeId::Amf(self.amf()));
        let at = if share(50, self.rng) { 0 } else { at };
        for command in &mut self.commands[at..] {
            *command = rename(command, &mut |node| match node {
                node if node == one => other,
                node if node == other => one,
                node => node,
            });
        }
    }

    /// Another length of time, if the command at hand, or one behind it, has any.
    fn time(&mut self, at: usize) {
        let drawn = self.span();
        let has = |command: &Command| {
            matches!(
                command,
                Command::Wait(_)
                    | Command::Act(
                        Action::SlowDisk(..) | Action::Link(_, _, LinkSetting::Delay(_))
                    )
                    | Command::RunUntil(..)
            )
        };
        let Some(offset) = self.commands[at..].iter().position(has) else { return };
        match &mut self.commands[at + offset] {
            Command::Wait(span)
            | Command::Act(
                Action::SlowDisk(_, span) | Action::Link(_, _, LinkSetting::Delay(span)),
            ) => *span = drawn,
            Command::RunUntil(_, within) => *within = Some(drawn),
            _ => {}
        }
    }

    fn ask(&mut self, at: usize) {
        let (amf, block) = (self.amf(), self.block());
        let value = || Value::Text(String::new());
        let command = match self.rng.random_range(0..13) {
            12 => Command::Host(HostCommand::WriteFua(amf, block, value())),
            0..4 => Command::Host(HostCommand::Read(amf, block, 1)),
            4..7 => Command::Host(HostCommand::Write(amf, block, value())),
            7 => {
                let sector = self.rng.random_range(0..self.scope.sectors);
                Command::Host(HostCommand::WriteSectors(amf, block, sector, 1, value()))
            }
            8 => Command::Host(HostCommand::CompareAndWrite(amf, block, value(), value())),
            9 => Command::Act(Action::Destage(Target::One(amf))),
            10 => Command::Host(HostCommand::Trim(amf, block, 1)),
            _ => Command::Act(Action::Evict(amf, Some(block))),
        };
        // Half of them are not waited for.
        let command = match command {
            Command::Host(host) if share(50, self.rng) => Command::Start("n".to_owned(), host),
            other => other,
        };
        self.commands.insert(at, command);
    }

    fn fault(&mut self, at: usize) {
        let kind = one(&FAULTS, self.rng);
        let amf = self.amf();
        let step = self.rng.random_range(1..self.scope.amfs.max(2));
        let aim = Aim {
            amf,
            other: AmfId((amf.0 + step) % self.scope.amfs),
            disk: self.disk(),
            block: self.block(),
            amfs: self.scope.amfs,
            suspect_after: self.scope.suspect_after,
        };
        let Some(fault) = Fault::draw(kind, aim, self.rng) else { return };
        let begin = match fault.begin {
            Command::Start(_, host) => Command::Start("n".to_owned(), host),
            other => other,
        };
        if let Some(end) = fault.end {
            let to = at + self.rng.random_range(0..=REACH);
            self.commands.insert(to.min(self.commands.len()), end);
        }
        self.commands.insert(at, begin);
    }

    /// Something is waited for, and what follows happens just then.
    fn until(&mut self, at: usize) {
        let (from, to) = (self.amf(), self.amf());
        let pair = (from != to && share(60, self.rng)).then_some((from, to));
        let kind = one(&LATE, self.rng);
        let (disk, block) = (self.disk(), self.block());
        let condition = match self.rng.random_range(0..6) {
            0..2 => Condition::Sent(kind, pair),
            2..4 => Condition::Delivered(kind, pair),
            4 => Condition::Written(disk, block),
            _ => Condition::Replicated(from, block),
        };
        self.commands.insert(at, Command::RunUntil(condition, Some(UNTIL_MAX)));
    }

    /// A piece of another script: its machines and blocks are those that this one has.
    fn splice(&mut self, at: usize) {
        let Some(other) = self.others.choose(self.rng) else { return };
        let all = &other.plan.commands;
        if all.is_empty() {
            return;
        }
        let from = self.rng.random_range(0..all.len());
        let count = self.rng.random_range(1..=REACH).min(all.len() - from);
        let block = self.block();
        let (amfs, disks) = (self.scope.amfs, self.scope.disks);
        let fitted = all[from..from + count].iter().map(|command| {
            let command = rename(command, &mut |node| match node {
                NodeId::Amf(amf) => NodeId::Amf(AmfId(amf.0 % amfs)),
                NodeId::Disk(disk) => NodeId::Disk(DiskId(disk.0 % disks)),
                NodeId::Witness => node,
            });
            with_blocks(&command, &|_| block)
        });
        let fitted: Vec<Command> = fitted.collect();
        self.commands.splice(at..at, fitted);
    }
}

/// Labels are used once, and every write is of something else: else nobody could tell them apart.
fn numbered(commands: Vec<Command>) -> Vec<Command> {
    let mut numbers = Numbers::default();
    commands.into_iter().filter_map(|command| numbers.of(command)).collect()
}

#[derive(Default)]
struct Numbers {
    started: u32,
    written: u32,
    labels: BTreeMap<String, String>,
    last: BTreeMap<u64, Value>,
}

impl Numbers {
    fn of(&mut self, command: Command) -> Option<Command> {
        Some(match command {
            Command::Host(host) => Command::Host(self.host(host)),
            Command::Start(label, host) => {
                self.started += 1;
                let new = format!("s{}", self.started);
                self.labels.insert(label, new.clone());
                Command::Start(new, self.host(host))
            }
            Command::Await(label) => Command::Await(self.labels.get(&label)?.clone()),
            Command::RunUntil(Condition::Answered(label), within) => {
                Command::RunUntil(Condition::Answered(self.labels.get(&label)?.clone()), within)
            }
            other => other,
        })
    }

    fn host(&mut self, host: HostCommand) -> HostCommand {
        match host {
            HostCommand::Write(amf, block, _) => HostCommand::Write(amf, block, self.value(block)),
            HostCommand::WriteFua(amf, block, _) => {
                HostCommand::WriteFua(amf, block, self.value(block))
            }
            HostCommand::WriteSectors(amf, block, sector, count, _) => {
                HostCommand::WriteSectors(amf, block, sector, count, self.value(block))
            }
            HostCommand::CompareAndWrite(amf, block, ..) => {
                let old = self.last.get(&block.0).cloned();
                let old = old.unwrap_or_else(|| Value::Hex(vec![0]));
                HostCommand::CompareAndWrite(amf, block, old, self.value(block))
            }
            same @ (HostCommand::Read(..)
            | HostCommand::Trim(..)
            | HostCommand::Zero(..)
            | HostCommand::Flush(_)) => same,
        }
    }

    fn value(&mut self, block: Block) -> Value {
        self.written += 1;
        let value = Value::Text(format!("x{}", self.written));
        self.last.insert(block.0, value.clone());
        value
    }
}
