//! What the engine is told to do, one arm each: refused in words, or done with a receipt.

use super::cluster::Cluster;
use super::delivery::PUMP_TURNS_MAX;
use super::fabric::Pick;
use super::hosts::Waiter;
use super::inbox::{Item, Worklist};
use super::node::AmfState;
use crate::protocol::id::{AmfId, DiskId, Incarnation, Instant, NodeId};
use crate::protocol::{Amf, AmfInput, Defect, DiskInput, WitnessInput};
use crate::trace::{
    Action, Control, EngineError, EventKind, HoldFilter, LinkSetting, Release, Sides, Step,
    Submitted, Target,
};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

pub(super) type Receipt = Result<String, String>;

impl Cluster {
    /// Does what it is told.
    pub(super) fn act(&self, action: Action) -> Result<Submitted, EngineError> {
        self.check(&action).map_err(EngineError::Refused)?;
        let mut work = Worklist::new();
        let receipt = match action {
            Action::Host(amf, kind) => {
                let op = self.ask(amf, kind, Waiter::Port, &mut work);
                self.pump(&mut work, PUMP_TURNS_MAX);
                return Ok(Submitted::Op(op));
            }
            Action::Destage(target) => self.destage(target, &mut work),
            Action::Evict(amf, block) => {
                let control = Control::Evict(amf, block);
                self.tell_amf(amf, control, AmfInput::Evict(block), &mut work)
            }
            Action::Crash(amf) => self.crash(amf, &mut work),
            Action::Restart(amf) => self.restart(amf, &mut work),
            Action::Pause(amf) => self.pause(amf, &mut work),
            Action::Resume(amf) => self.resume(amf, &mut work),
            Action::ExpireLease(amf) => {
                let control = Control::ExpireLease(amf);
                self.tell_amf(amf, control, AmfInput::ExpireLease, &mut work)
            }
            Action::Partition(sides) => self.partition(&sides),
            Action::Heal => {
                self.fabric.heal();
                Ok("the network is whole".to_owned())
            }
            Action::Link(a, b, setting) => self.set_link(a, b, setting),
            Action::FailDisk(disk) => self.fail_disk(disk, &mut work),
            Action::ReplaceDisk(disk) => Ok(self.replace_disk(disk, &mut work)),
            Action::SlowDisk(disk, by) => {
                self.fabric.slow_disk(disk, by, self.clock.now());
                Ok(format!("{disk} takes {by} longer"))
            }
            Action::Witness(up) => self.set_witness(up, &mut work),
            Action::Defect(defect, on) => Ok(self.set_defect(defect, on, &mut work)),
            Action::Protocol(protocol) => self.begin_switch(protocol),
            Action::Hold(filter) => Ok(self.hold(filter)),
            Action::Unhold(filter) => self.unhold(filter, &mut work),
            Action::Deliver(release) => self.release(release, Pick::Deliver, &mut work),
            Action::Lose(release) => self.release(release, Pick::Lose, &mut work),
            Action::Repeat(release) => self.release(release, Pick::Repeat, &mut work),
            Action::Step(count) => self.step(count, &mut work),
            Action::Tempo(tempo) => self.set_tempo(tempo),
        };
        self.pump(&mut work, PUMP_TURNS_MAX);
        self.timer.nudge();
        receipt.map(Submitted::Done).map_err(EngineError::Refused)
    }

    /// What the action names exists.
    fn check(&self, action: &Action) -> Result<(), String> {
        let node = |node: NodeId| match node {
            NodeId::Amf(amf) => usize::from(amf.0) < self.amfs.len(),
            NodeId::Witness => true,
            NodeId::Disk(disk) => usize::from(disk.0) < self.disks.len(),
        };
        let named: Vec<NodeId> = match action {
            Action::Host(amf, _)
            | Action::Evict(amf, _)
            | Action::Crash(amf)
            | Action::Restart(amf)
            | Action::Pause(amf)
            | Action::Resume(amf)
            | Action::ExpireLease(amf)
            | Action::Destage(Target::One(amf)) => vec![NodeId::Amf(*amf)],
            Action::FailDisk(disk) | Action::ReplaceDisk(disk) | Action::SlowDisk(disk, _) => {
                vec![NodeId::Disk(*disk)]
            }
            Action::Link(a, b, _) => vec![*a, *b],
            Action::Destage(Target::All)
            | Action::Partition(_)
            | Action::Heal
            | Action::Witness(_)
            | Action::Defect(..)
            | Action::Protocol(_)
            | Action::Hold(_)
            | Action::Unhold(_)
            | Action::Deliver(_)
            | Action::Lose(_)
            | Action::Repeat(_)
            | Action::Step(_)
            | Action::Tempo(_) => Vec::new(),
        };
        if self.ended.load(Ordering::SeqCst) {
            return Err("the cluster has been shut down".to_owned());
        }
        named.into_iter().find(|n| !node(*n)).map_or(Ok(()), |n| Err(format!("there is no {n}")))
    }

    fn fault(&self, node: NodeId, words: &str) {
        self.tell(node, EventKind::Fault(words.to_owned()));
    }

    // ---- AMFs

    fn running(id: AmfId, state: &AmfState) -> Result<(), String> {
        match (&state.machine, state.paused) {
            (None, _) => Err(format!("{id} is down")),
            (Some(_), Some(_)) => Err(format!("{id} is paused")),
            (Some(_), None) => Ok(()),
        }
    }

    /// One input to one AMF, as a step of its own.
    pub(super) fn tell_amf(
        &self,
        id: AmfId,
        control: Control,
        input: AmfInput,
        work: &mut Worklist,
    ) -> Receipt {
        let mut state = self.amfs[usize::from(id.0)].lock();
        Self::running(id, &state)?;
        let words = match &control {
            Control::ExpireLease(_) => "its lease has run out",
            Control::Evict(..) => "lets go of a line",
            Control::DropLines(_) => "drops its clean lines",
            _ => "writes its dirty lines",
        };
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(control));
        self.run_amf(id, &mut state, turn, input);
        Ok(format!("{id} {words}"))
    }

    pub(super) fn destage(&self, target: Target, work: &mut Worklist) -> Receipt {
        let Target::One(id) = target else {
            for id in (0..self.config.amfs).map(AmfId) {
                // Those that are down or paused have nothing to say.
                let _ = self.tell_amf(id, Control::Destage(id), AmfInput::Destage, work);
            }
            return Ok("every AMF writes its dirty lines".to_owned());
        };
        self.tell_amf(id, Control::Destage(id), AmfInput::Destage, work)
    }

    fn crash(&self, id: AmfId, work: &mut Worklist) -> Receipt {
        let mut state = self.amfs[usize::from(id.0)].lock();
        if state.machine.is_none() {
            return Err(format!("{id} is down already"));
        }
        let outstanding = state.ops.len();
        let mut turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Crash(id)));
        self.crash_locked(id, &mut state, &mut turn);
        self.end_turn(turn);
        drop(state);
        self.fault(NodeId::Amf(id), &format!("crash {id}"));
        Ok(format!("{id} is down; {outstanding} host operations ended there"))
    }

    fn restart(&self, id: AmfId, work: &mut Worklist) -> Receipt {
        let node = &self.amfs[usize::from(id.0)];
        let mut state = node.lock();
        if state.machine.is_some() {
            return Err(format!("{id} is up already"));
        }
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Restart(id)));
        state.incarnation = Incarnation(state.incarnation.0 + 1);
        let mut machine = Amf::new(&self.config, id, state.incarnation, turn.now);
        machine.observe(self.events.is_on());
        self.end_turn(turn);
        node.set_deadline(machine.deadline());
        state.machine = Some(machine);
        state.down = None;
        drop(state);
        self.fault(NodeId::Amf(id), &format!("restart {id}"));
        Ok(format!("{id} starts, empty, and joins"))
    }

    fn pause(&self, id: AmfId, work: &mut Worklist) -> Receipt {
        let node = &self.amfs[usize::from(id.0)];
        let mut state = node.lock();
        Self::running(id, &state)?;
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Pause(id)));
        state.paused = Some(turn.now);
        self.end_turn(turn);
        node.set_deadline(Instant::NEVER);
        drop(state);
        self.fault(NodeId::Amf(id), &format!("pause {id}"));
        Ok(format!("{id} handles nothing"))
    }

    fn resume(&self, id: AmfId, work: &mut Worklist) -> Receipt {
        let node = &self.amfs[usize::from(id.0)];
        let mut state = node.lock();
        if state.paused.is_none() {
            return Err(format!("{id} is not paused"));
        }
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Resume(id)));
        self.end_turn(turn);
        state.paused = None;
        node.set_deadline(state.machine.as_ref().map_or(Instant::NEVER, Amf::deadline));
        drop(state);
        let index = self.row.index(NodeId::Amf(id));
        let waiting = self.inboxes[index].len();
        if self.inboxes[index].take() {
            work.push(index);
        }
        self.ask_waiting(id, work);
        self.fault(NodeId::Amf(id), &format!("resume {id}"));
        Ok(format!("{id} goes on; {waiting} packets waited for it"))
    }

    // ---- network

    fn partition(&self, named: &[Vec<NodeId>]) -> Receipt {
        let disks = self.config.disks_all();
        let sides = Sides::new(named, self.config.amfs, disks)?;
        let words = sides.command().to_owned();
        self.fabric.partition(sides, self.clock.now());
        self.fault(NodeId::Witness, &words);
        Ok(words)
    }

    fn set_link(&self, a: NodeId, b: NodeId, setting: LinkSetting) -> Receipt {
        if a == b {
            return Err("a link has two ends".to_owned());
        }
        if matches!(a, NodeId::Disk(_)) || matches!(b, NodeId::Disk(_)) {
            return Err("disks are slowed by `slow`, not by a link".to_owned());
        }
        self.fabric.set_link(a, b, setting, self.clock.now());
        let words = crate::trace::Command::Link(a, b, setting).to_string();
        self.fault(a, &words);
        Ok(words)
    }

    // ---- disks, witness, rules

    fn fail_disk(&self, id: DiskId, work: &mut Worklist) -> Receipt {
        let mut state = self.disks[usize::from(id.0)].lock();
        if state.failed.is_some() {
            return Err(format!("{id} has failed already"));
        }
        let turn = self.turn(NodeId::Disk(id), work, || Step::Control(Control::FailDisk(id)));
        state.failed = Some(turn.now);
        self.run_disk(id, &mut state, turn, DiskInput::Fail);
        drop(state);
        self.fault(NodeId::Disk(id), &format!("fail {id}"));
        Ok(format!("{id} answers with errors"))
    }

    fn replace_disk(&self, id: DiskId, work: &mut Worklist) -> String {
        let mut state = self.disks[usize::from(id.0)].lock();
        let turn = self.turn(NodeId::Disk(id), work, || Step::Control(Control::ReplaceDisk(id)));
        state.failed = None;
        self.run_disk(id, &mut state, turn, DiskInput::Replace);
        drop(state);
        self.fault(NodeId::Disk(id), &format!("replace {id}"));
        format!("a blank disk takes the place of {id}")
    }

    fn set_witness(&self, up: bool, work: &mut Worklist) -> Receipt {
        let mut state = self.witness.lock();
        if up != state.down.is_some() {
            return Err(format!("the witness is {} already", if up { "up" } else { "down" }));
        }
        let control = if up { Control::WitnessUp } else { Control::WitnessDown };
        let turn = self.turn(NodeId::Witness, work, || Step::Control(control));
        state.down = (!up).then_some(turn.now);
        let input = if up { WitnessInput::Up } else { WitnessInput::Down };
        self.run_witness(&mut state, turn, input);
        drop(state);
        let words = if up { "witness up" } else { "witness down" };
        self.fault(NodeId::Witness, words);
        Ok(words.to_owned())
    }

    /// One step for all machines together, so every mutex is held, in order.
    fn set_defect(&self, defect: Defect, on: bool, work: &mut Worklist) -> String {
        let defect_now = on.then_some(defect);
        let mut amfs: Vec<_> = self.amfs.iter().map(super::node::Node::lock).collect();
        let mut witness = self.witness.lock();
        let mut disks: Vec<_> = self.disks.iter().map(super::node::Node::lock).collect();
        let step = || Step::Control(Control::SetDefect(defect_now));
        let first = self.turn(NodeId::Witness, work, step);
        let (no, now) = (first.no, first.now);
        self.run_witness(&mut witness, first, WitnessInput::SetDefect(defect_now));
        for (state, id) in amfs.iter_mut().zip((0..).map(AmfId)) {
            let turn = self.same_turn(NodeId::Amf(id), work, no, now);
            self.run_amf(id, state, turn, AmfInput::SetDefect(defect_now));
        }
        for (state, id) in disks.iter_mut().zip((0..).map(DiskId)) {
            let turn = self.same_turn(NodeId::Disk(id), work, no, now);
            self.run_disk(id, state, turn, DiskInput::SetDefect(defect_now));
        }
        *self.defect.lock().unwrap_or_else(PoisonError::into_inner) =
            defect_now.map(|defect| (defect, now));
        drop((amfs, witness, disks));
        let words = format!("defect {defect} {}", if on { "on" } else { "off" });
        self.fault(NodeId::Witness, &words);
        words
    }

    // ---- holding and stepping

    fn hold(&self, filter: HoldFilter) -> String {
        self.fabric.hold(filter, self.clock.now());
        if filter.is_all() {
            self.clock.stop(true);
            return "everything is held and the clock stands still".to_owned();
        }
        crate::trace::Command::Hold(true, filter).to_string()
    }

    fn unhold(&self, filter: HoldFilter, work: &mut Worklist) -> Receipt {
        let free = self.fabric.unhold(filter)?;
        if !self.fabric.holds_all() {
            self.clock.stop(false);
        }
        let count = free.len();
        self.let_through(free, work);
        Ok(format!("{count} messages go on"))
    }

    fn let_through(&self, items: Vec<(NodeId, Item)>, work: &mut Worklist) {
        for (to, item) in items {
            self.put(self.row.index(to), item, work);
        }
    }

    fn release(&self, release: Release, pick: Pick, work: &mut Worklist) -> Receipt {
        let items = self.fabric.release(release, pick)?;
        let count = items.len();
        let what = match pick {
            Pick::Deliver => "delivered",
            Pick::Lose => "lost",
            Pick::Repeat => "delivered and kept",
        };
        if pick == Pick::Lose {
            for (to, item) in items {
                self.lose(to, item);
            }
        } else {
            self.let_through(items, work);
        }
        Ok(format!("{what} {count}"))
    }

    /// In step mode: the oldest held message, else whatever is due next, at its time.
    fn step(&self, count: u32, work: &mut Worklist) -> Receipt {
        if !self.fabric.holds_all() {
            return Err("`step` needs step mode: `hold on` first".to_owned());
        }
        let mut done = 0;
        for _ in 0..count {
            if let Ok(items) = self.fabric.release(Release::Oldest(1), Pick::Deliver) {
                self.let_through(items, work);
            } else if !self.step_time(work) {
                break;
            }
            self.pump(work, PUMP_TURNS_MAX);
            done += 1;
        }
        Ok(format!("{done} steps"))
    }

    /// Moves the clock to whatever is due next, and lets it happen.
    fn step_time(&self, work: &mut Worklist) -> bool {
        let (node, deadline) = self.next_deadline();
        let due = deadline.min(self.fabric.next_due());
        if due == Instant::NEVER {
            return false;
        }
        self.clock.skip(due.since(self.clock.now()));
        let now = self.clock.now();
        self.deliver_due(now, work);
        if deadline <= now {
            self.tick(node, work);
        }
        true
    }

    fn set_tempo(&self, tempo: u32) -> Receipt {
        if !(1..=super::clock::TEMPO_FULL).contains(&tempo) {
            return Err("the tempo is 0.001 to 1".to_owned());
        }
        self.clock.set_tempo(tempo);
        self.fabric.set_slow_motion(tempo < super::clock::TEMPO_FULL);
        Ok(crate::trace::Command::Tempo(tempo).to_string())
    }
}
