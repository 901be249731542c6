//! What the engine is told to do, one arm each: refused in words, or done with a receipt.

use super::cluster::Cluster;
use super::delivery::PUMP_TURNS_MAX;
use super::fabric::Pick;
use super::inbox::{Item, Worklist};
use super::node::AmfState;
use crate::protocol::id::{AmfId, Block, DiskId, Incarnation, Instant, NodeId};
use crate::protocol::{Amf, AmfInput, Config, Defect, DiskInput, WitnessInput};
use crate::trace::standing::{NO_USER, place_on};
use crate::trace::{
    Action, Control, EngineError, EventKind, HoldFilter, LinkSetting, Release, Sides, Standing,
    Step, Target,
};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// To how many things it was done, where it is done to some; or why not.
pub(super) type Done = Result<usize, String>;

impl Standing for Cluster {
    fn config(&self) -> &Config {
        &self.config
    }
    fn is_down(&self, amf: AmfId) -> bool {
        self.amfs[usize::from(amf.0)].lock().machine.is_none()
    }
    fn is_paused(&self, amf: AmfId) -> bool {
        self.amfs[usize::from(amf.0)].lock().paused.is_some()
    }
    fn has_failed(&self, disk: DiskId) -> bool {
        self.disks[usize::from(disk.0)].lock().failed.is_some()
    }
    fn witness_is_up(&self) -> bool {
        self.witness.lock().down.is_none()
    }
    fn is_step_mode(&self) -> bool {
        self.fabric.holds_all()
    }
}

impl Cluster {
    /// Does what it is told.
    pub(super) fn act(&self, action: &Action) -> Result<String, EngineError> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(EngineError::Refused("the cluster has been shut down".to_owned()));
        }
        action.check(self).map_err(EngineError::Refused)?;
        let mut work = Worklist::new();
        let done = self.carry_out(action, &mut work);
        self.pump(&mut work, PUMP_TURNS_MAX);
        self.timer.nudge();
        let count = done.map_err(EngineError::Refused)?;
        Ok(action.receipt(count))
    }

    /// What may have changed since it was checked is looked at again under the machine's mutex.
    fn carry_out(&self, action: &Action, work: &mut Worklist) -> Done {
        match action {
            Action::Destage(target) => self.destage(*target, work),
            Action::Evict(amf, block) => {
                self.tell_amf(*amf, Control::Evict(*amf, *block), AmfInput::Evict(*block), work)
            }
            Action::Crash(amf) => self.crash(*amf, work),
            Action::Restart(amf) => self.restart(*amf, work),
            Action::Pause(amf) => self.pause(*amf, work),
            Action::Resume(amf) => self.resume(*amf, work),
            Action::ExpireLease(amf) => {
                self.tell_amf(*amf, Control::ExpireLease(*amf), AmfInput::ExpireLease, work)
            }
            Action::Partition(sides) => self.partition(sides, work),
            Action::Heal => {
                self.disturb(Control::Heal, work);
                self.fabric.heal();
                self.fault(NodeId::Witness, "heal");
                Ok(0)
            }
            Action::Link(a, b, setting) => self.set_link(*a, *b, *setting, work),
            Action::FailDisk(disk) => self.fail_disk(*disk, work),
            Action::ReplaceDisk(disk) => {
                self.replace_disk(*disk, work);
                Ok(0)
            }
            Action::CorruptJournal(amf) => Ok(self.corrupt_journal(*amf, work)),
            Action::Corrupt(disk, block) => self.corrupt(*disk, *block, work),
            Action::Scrub => self.begin_scrub(work),
            Action::AcceptLoss => self.accept_loss(work),
            Action::SlowDisk(disk, by) => {
                self.disturb(Control::SlowDisk(*disk, *by), work);
                self.fabric.slow_disk(*disk, *by, self.clock.now());
                self.fault(NodeId::Disk(*disk), &action.to_string());
                Ok(0)
            }
            Action::Witness(up) => self.set_witness(*up, work),
            Action::Defect(defect, on) => {
                self.set_defect(*defect, *on, work);
                Ok(0)
            }
            Action::PowerFail => self.power_fail(work),
            Action::Protocol(protocol) => self.begin_switch(*protocol),
            Action::Hold(filter) => {
                self.hold(*filter);
                Ok(0)
            }
            Action::Unhold(filter) => self.unhold(*filter, work),
            Action::Deliver(release) => self.release(*release, Pick::Deliver, work),
            Action::Lose(release) => self.release(*release, Pick::Lose, work),
            Action::Repeat(release) => self.release(*release, Pick::Repeat, work),
            Action::Step(count) => Ok(self.step(*count, work)),
            Action::Tempo(tempo) => {
                self.set_tempo(*tempo);
                Ok(0)
            }
            Action::Record(Some(file)) => self.steps.start(file).map(|()| 0),
            Action::Record(None) => self.steps.stop("record off").map(|()| 0),
            Action::Seek(_) => unreachable!("refused by the check before"),
        }
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
    ) -> Done {
        let mut state = self.amfs[usize::from(id.0)].lock();
        Self::running(id, &state)?;
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(control));
        self.run_amf(id, &mut state, turn, input);
        Ok(0)
    }

    pub(super) fn destage(&self, target: Target, work: &mut Worklist) -> Done {
        let Target::One(id) = target else {
            for id in (0..self.config.amfs).map(AmfId) {
                // Those that are down or paused have nothing to say.
                let _ = self.tell_amf(id, Control::Destage(id), AmfInput::Destage, work);
            }
            return Ok(0);
        };
        self.tell_amf(id, Control::Destage(id), AmfInput::Destage, work)
    }

    pub(super) fn crash(&self, id: AmfId, work: &mut Worklist) -> Done {
        let mut state = self.amfs[usize::from(id.0)].lock();
        if state.machine.is_none() {
            return Err(format!("{id} is down already"));
        }
        let mut turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Crash(id)));
        self.crash_locked(id, &mut state, &mut turn);
        self.end_turn(turn);
        drop(state);
        self.fault(NodeId::Amf(id), &format!("crash {id}"));
        Ok(0)
    }

    pub(super) fn restart(&self, id: AmfId, work: &mut Worklist) -> Done {
        let node = &self.amfs[usize::from(id.0)];
        let mut state = node.lock();
        if state.machine.is_some() {
            return Err(format!("{id} is up already"));
        }
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Restart(id)));
        state.incarnation = Incarnation(state.incarnation.0 + 1);
        let mut machine = Amf::new(&self.config, id, state.incarnation, turn.now);
        machine.load_journal(state.journal.load());
        machine.handle(turn.now, AmfInput::SetDefect(self.defect_now()));
        machine.observe(self.events.is_on());
        self.end_turn(turn);
        node.set_deadline(machine.deadline());
        state.machine = Some(machine);
        state.down = None;
        drop(state);
        self.fault(NodeId::Amf(id), &format!("restart {id}"));
        Ok(0)
    }

    fn pause(&self, id: AmfId, work: &mut Worklist) -> Done {
        let node = &self.amfs[usize::from(id.0)];
        let mut state = node.lock();
        Self::running(id, &state)?;
        let turn = self.turn(NodeId::Amf(id), work, || Step::Control(Control::Pause(id)));
        state.paused = Some(turn.now);
        self.end_turn(turn);
        node.set_deadline(Instant::NEVER);
        drop(state);
        self.fault(NodeId::Amf(id), &format!("pause {id}"));
        Ok(0)
    }

    fn resume(&self, id: AmfId, work: &mut Worklist) -> Done {
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
        if self.inboxes[index].take() {
            work.push(index);
        }
        self.ask_waiting(id, work);
        self.fault(NodeId::Amf(id), &format!("resume {id}"));
        Ok(0)
    }

    // ---- network

    /// What is done to the network is a step that no machine handles; it is numbered like one of the witness.
    fn disturb(&self, control: Control, work: &mut Worklist) {
        let state = self.witness.lock();
        let turn = self.turn(NodeId::Witness, work, || Step::Control(control));
        drop((turn, state));
    }

    /// What is asked from now on belongs to the figures of the run, or does not any more.
    pub(crate) fn mark_figures(&self, on: bool, work: &mut Worklist) {
        self.disturb(Control::Figures(on), work);
    }

    fn partition(&self, named: &[Vec<NodeId>], work: &mut Worklist) -> Done {
        let disks = self.config.disks_all();
        let sides = Sides::new(named, self.config.amfs, disks)?;
        self.disturb(Control::Partition(named.to_vec()), work);
        let words = sides.command().to_owned();
        self.fabric.partition(sides, self.clock.now());
        self.fault(NodeId::Witness, &words);
        Ok(0)
    }

    fn set_link(&self, a: NodeId, b: NodeId, setting: LinkSetting, work: &mut Worklist) -> Done {
        // The way to a real disk is no link of ours.
        if matches!(a, NodeId::Disk(_)) || matches!(b, NodeId::Disk(_)) {
            return Err("disks have no links here; hint: slow disk0 50ms".to_owned());
        }
        self.disturb(Control::Link(a, b, setting), work);
        self.fabric.set_link(a, b, setting, self.clock.now());
        let words = Action::Link(a, b, setting).to_string();
        self.fault(a, &words);
        Ok(0)
    }

    // ---- disks, witness, rules

    fn fail_disk(&self, id: DiskId, work: &mut Worklist) -> Done {
        let mut state = self.disks[usize::from(id.0)].lock();
        if state.failed.is_some() {
            return Err(format!("{id} has failed already"));
        }
        let turn = self.turn(NodeId::Disk(id), work, || Step::Control(Control::FailDisk(id)));
        state.failed = Some(turn.now);
        self.run_disk(id, &mut state, turn, DiskInput::Fail);
        drop(state);
        self.fault(NodeId::Disk(id), &format!("fail {id}"));
        Ok(0)
    }

    fn replace_disk(&self, id: DiskId, work: &mut Worklist) {
        let mut state = self.disks[usize::from(id.0)].lock();
        let turn = self.turn(NodeId::Disk(id), work, || Step::Control(Control::ReplaceDisk(id)));
        state.failed = None;
        self.run_disk(id, &mut state, turn, DiskInput::Replace);
        drop(state);
        self.fault(NodeId::Disk(id), &format!("replace {id}"));
    }

    fn corrupt(&self, id: DiskId, block: Block, work: &mut Worklist) -> Done {
        let view = Arc::clone(self.witness.lock().machine.view());
        let at = place_on(&self.config, &view.group, id, block)?;
        let mut state = self.disks[usize::from(id.0)].lock();
        let turn = self.turn(NodeId::Disk(id), work, || Step::Control(Control::Corrupt(id, at)));
        self.run_disk(id, &mut state, turn, DiskInput::Corrupt { at });
        drop(state);
        self.fault(NodeId::Disk(id), &format!("corrupt {id} at {at}"));
        Ok(0)
    }

    /// In this run only: what lies in the files stays as it is.
    fn corrupt_journal(&self, id: AmfId, work: &mut Worklist) -> usize {
        let mut state = self.amfs[usize::from(id.0)].lock();
        let _ = self.turn(NodeId::Amf(id), work, || Step::Control(Control::CorruptJournal(id)));
        let count = state.journal.damage();
        drop(state);
        self.fault(NodeId::Amf(id), &format!("corrupt-journal {id}"));
        count
    }

    /// By the lowest AMF that runs.
    fn begin_scrub(&self, work: &mut Worklist) -> Done {
        for id in (0..self.config.amfs).map(AmfId) {
            if self.tell_amf(id, Control::Scrub(id), AmfInput::Scrub, work).is_ok() {
                return Ok(0);
            }
        }
        Err("no AMF runs".to_owned())
    }

    /// By the lowest member that may use the volume.
    fn accept_loss(&self, work: &mut Worklist) -> Done {
        for id in self.config.users().iter() {
            let node = self.amfs[usize::from(id.0)].lock();
            let is_member = node.machine.as_ref().is_some_and(crate::protocol::Amf::is_member);
            drop(node);
            let (control, input) = (Control::AcceptLoss(id), AmfInput::AcceptLoss);
            if is_member && self.tell_amf(id, control, input, work).is_ok() {
                return Ok(0);
            }
        }
        Err(NO_USER.to_owned())
    }

    pub(super) fn set_witness(&self, up: bool, work: &mut Worklist) -> Done {
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
        Ok(0)
    }

    /// One step for all machines together, so every mutex is held, in order.
    fn set_defect(&self, defect: Defect, on: bool, work: &mut Worklist) {
        let defect_now = on.then_some(defect);
        let mut amfs: Vec<_> = self.amfs.iter().map(super::node::Node::lock).collect();
        let mut witness = self.witness.lock();
        let mut disks: Vec<_> = self.disks.iter().map(super::node::Node::lock).collect();
        let step = || Step::Control(Control::SetDefect(defect_now));
        let first = self.turn(NodeId::Witness, work, step);
        let (no, now) = (first.no, first.now);
        self.steps.expect_more(no, u32::try_from(amfs.len() + disks.len()).unwrap_or(u32::MAX));
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
    }

    // ---- holding and stepping

    fn hold(&self, filter: HoldFilter) {
        self.fabric.hold(filter, self.clock.now());
        if filter.is_all() {
            self.clock.stop(true);
        }
    }

    fn unhold(&self, filter: HoldFilter, work: &mut Worklist) -> Done {
        let free = self.fabric.unhold(filter)?;
        if !self.fabric.holds_all() {
            self.clock.stop(false);
        }
        let count = free.len();
        self.let_through(free, work);
        Ok(count)
    }

    fn let_through(&self, items: Vec<(NodeId, Item)>, work: &mut Worklist) {
        for (to, item) in items {
            self.put(self.row.index(to), item, work);
        }
    }

    fn release(&self, release: Release, pick: Pick, work: &mut Worklist) -> Done {
        let items = self.fabric.release(release, pick)?;
        let count = items.len();
        if pick == Pick::Lose {
            for (to, item) in items {
                self.lose(to, item);
            }
        } else {
            self.let_through(items, work);
        }
        Ok(count)
    }

    /// In step mode: the oldest held message, else whatever is due next, at its time.
    fn step(&self, count: u32, work: &mut Worklist) -> usize {
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
        done
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

    fn set_tempo(&self, tempo: u32) {
        self.clock.set_tempo(tempo);
        self.fabric.set_slow_motion(tempo < super::clock::TEMPO_FULL);
    }
}
