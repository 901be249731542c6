//! From a draw to commands: requests, faults and what ends them, each given to the cluster as it stands and
//! written down; then everything heals and must settle, and everybody reads everything.

use super::draw::{Drawn, Hazard, Load, share};
use super::effect::{Effect, Ongoing};
use super::fault::{Aim, Fault, FaultKind};
use super::guard::HOLD_SHARE;
use super::near::draw::Near;
use super::recipe::Pick;
use super::stage::{Stage, Stop};
use crate::protocol::id::{AmfId, Block, DiskId, Instant, NodeId, Span};
use crate::session::AUDIT_SIM;
use crate::trace::action::{Action, HoldFilter, Release};
use crate::trace::command::{Condition, HostCommand, Value};
use crate::trace::{Ask, Command, Engine};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Blocks that one request reads at the end.
const RUN_MAX: u64 = 8;
/// Hosts that have enough under way wait so many gaps for an answer; then they leave a request out.
const PATIENCE: u32 = 8;
/// Requests of a burst are at most so many microseconds apart.
const BURST_US: u64 = 100;
/// Of a hundred requests, so many go to an AMF that the access list does not name.
const FOREIGN: u32 = 5;
/// Behind so many of a hundred commands of a script comes a request that is not in it.
const ASKS_MORE: u32 = 6;
/// Behind so many of a hundred commands of a script some time passes.
const PASSES_MORE: u32 = 8;
/// So many of a hundred requests of a script are hardly waited for,
const IMPATIENT: u32 = 20;
/// only up to so many microseconds.
const SOON_US: u64 = 2_000;
/// Nothing in a script is waited for longer than so many leases.
const LONG_LEASES: u64 = 3;
/// What may be late for no longer than this is let go.
const LEAST: Span = Span::micros(10);
/// Nothing is late.
const ENDLESS: Span = Span::secs(3_600);
/// Of a hundred holds that should be let go, so many are not.
const STUBBORN: u32 = 15;
/// Of a hundred blocks, so many are any of the volume.
const COLD: u32 = 5;

/// Draws commands, gives them, and keeps them.
pub struct Director<'a> {
    stage: &'a mut Stage,
    load: &'a Load,
    near: Option<&'a Near>,
    hazards: &'a [Hazard],
    pick: Pick,
    rng: ChaCha8Rng,
    amfs: u8,
    users: Vec<AmfId>,
    disks: u8,
    blocks: u64,
    sectors: u32,
    suspect_after: Span,
    /// Where a rolling recipe is, and whom a steady one hits.
    turn: u8,
    /// Operations so far: labels and contents are numbered.
    count: u32,
    /// What each block was last told to hold.
    last: std::collections::BTreeMap<u64, String>,
    ongoing: Vec<(Instant, Ongoing)>,
    commands: Vec<Command>,
    effects: Vec<Effect>,
}

impl<'a> Director<'a> {
    /// A director for what a seed drew, on a stage of its profile.
    #[must_use]
    pub fn new(stage: &'a mut Stage, drawn: &'a Drawn) -> Self {
        let config = &drawn.profile.config;
        // Apart from the draw, so that a shorter load leaves the draw as it is.
        let mut rng = ChaCha8Rng::seed_from_u64(drawn.seed);
        rng.set_stream(1);
        let turn = rng.random_range(0..config.amfs);
        Self {
            stage,
            load: &drawn.load,
            near: drawn.near.as_ref(),
            hazards: &drawn.hazards,
            pick: drawn.pick,
            rng,
            amfs: config.amfs,
            users: config.users().iter().collect(),
            disks: config.disks_all(),
            blocks: config.blocks,
            sectors: config.sectors_per_block(),
            suspect_after: config.suspect_after,
            turn,
            count: 0,
            last: std::collections::BTreeMap::new(),
            ongoing: Vec::new(),
            commands: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// The whole run. What was given, and what the faults did, is in what comes back, whatever came of it.
    pub fn direct(mut self) -> (Result<(), Stop>, Vec<Command>, Vec<Effect>) {
        let ended = self.run();
        while let Some((_, ongoing)) = self.ongoing.pop() {
            let effect = self.stage.look(|sim, _| ongoing.end(sim));
            self.effects.push(effect);
        }
        (ended, self.commands, self.effects)
    }

    fn run(&mut self) -> Result<(), Stop> {
        match self.near {
            Some(near) => self.follow(near)?,
            None => self.work()?,
        }
        self.heal()?;
        if self.comes_to_rest()? {
            self.read_back()?;
            self.accept_loss()?;
            if self.comes_to_rest()? {
                self.give(Command::Act(Action::Destage(crate::trace::action::Target::All)))?;
            }
        }
        self.give(Command::Audit)
    }

    /// Requests, and faults between them.
    fn work(&mut self) -> Result<(), Stop> {
        for _ in 0..self.load.ops {
            let mut passes = 0;
            while !self.has_room() && passes < PATIENCE {
                self.pass()?;
                passes += 1;
            }
            if passes < PATIENCE {
                self.ask()?;
            }
            self.faults()?;
            self.pass()?;
        }
        Ok(())
    }

    fn faults(&mut self) -> Result<(), Stop> {
        for hazard in self.hazards {
            if self.rng.random_range(0..1_000) < hazard.per_mille {
                self.fault(*hazard)?;
            }
        }
        Ok(())
    }

    // ---- near a script

    /// A script's commands, with faults and requests between them; what is more than the protocol survives
    /// is left out.
    fn follow(&mut self, near: &Near) -> Result<(), Stop> {
        for command in &near.commands {
            self.play(command)?;
            self.end_due()?;
            self.faults()?;
            if share(ASKS_MORE, &mut self.rng) {
                self.ask()?;
            }
            if share(PASSES_MORE, &mut self.rng) {
                self.pass()?;
            }
        }
        Ok(())
    }

    fn play(&mut self, command: &Command) -> Result<(), Stop> {
        match command {
            Command::Host(host) => {
                let label = self.label();
                self.give_if_permitted(Command::Start(label.clone(), host.clone()))?;
                let within = if share(IMPATIENT, &mut self.rng) {
                    Span::micros(self.rng.random_range(0..=SOON_US))
                } else {
                    self.long()
                };
                self.until(Condition::Answered(label), within)
            }
            Command::Await(label) => {
                let within = self.long();
                self.until(Condition::Answered(label.clone()), within)
            }
            Command::Settle | Command::Audit => {
                let within = self.long();
                self.until(Condition::Idle, within)
            }
            Command::RunUntil(condition, within) => {
                let within = within.unwrap_or(ENDLESS).min(self.long());
                self.until(condition.clone(), within)
            }
            Command::Wait(span) => {
                let left = self.let_go()?;
                self.give_if_permitted(Command::Wait((*span).min(left)))
            }
            other => self.give_if_permitted(other.clone()),
        }
    }

    /// Longer than it takes until a crashed AMF is out of the view.
    fn long(&self) -> Span {
        let lease = self.stage.look(|sim, _| sim.config().lease);
        Span(lease.0 * LONG_LEASES)
    }

    fn give_if_permitted(&mut self, command: Command) -> Result<(), Stop> {
        if self.stage.permits(&command) { self.give(command) } else { Ok(()) }
    }

    /// Waits for something, but not so long that a message that is held looks lost.
    fn until(&mut self, condition: Condition, within: Span) -> Result<(), Stop> {
        let within = within.min(self.let_go()?);
        self.give_if_permitted(Command::RunUntil(condition, Some(within)))
    }

    /// How long what is held may be late still; what is due is let go.
    fn let_go(&mut self) -> Result<Span, Stop> {
        while let Some((left, filter)) = self.stage.patience() {
            if left > LEAST {
                return Ok(left);
            }
            // Now and then it costs a member, if one may be lost.
            if share(STUBBORN, &mut self.rng) {
                break;
            }
            self.give_if_permitted(Command::Act(Action::Unhold(filter)))?;
            if self.stage.patience().is_some_and(|(_, again)| again == filter) {
                break;
            }
        }
        Ok(ENDLESS)
    }

    fn give(&mut self, command: Command) -> Result<(), Stop> {
        self.give_and_see(command).map(|_| ())
    }

    /// Gives a command; false: it was not done, or ran out.
    fn give_and_see(&mut self, command: Command) -> Result<bool, Stop> {
        self.commands.push(command);
        let command = self.commands.last().expect("it was pushed");
        match self.stage.give(command) {
            Ok(report) => Ok(!report.is_failure()),
            Err(Stop::Found(found)) => Err(Stop::Found(found)),
            // The guard asks the engine first: only what takes its time can still be refused.
            Err(Stop::NotAllowed) => {
                self.commands.pop();
                Ok(false)
            }
        }
    }

    /// Waits until nothing is outstanding. What does not come to rest is for the audit to name.
    fn comes_to_rest(&mut self) -> Result<bool, Stop> {
        self.give_and_see(Command::RunUntil(Condition::Idle, Some(AUDIT_SIM)))
    }

    // ---- hosts

    fn label(&mut self) -> String {
        self.count += 1;
        format!("o{}", self.count)
    }

    /// Hosts have only so many requests under way.
    fn has_room(&self) -> bool {
        self.stage.look(|_, asked| asked.open.iter().sum::<u32>() < self.load.depth)
    }

    fn user(&mut self) -> AmfId {
        if self.rng.random_range(0..100) < FOREIGN {
            return AmfId(self.rng.random_range(0..self.amfs));
        }
        *self.users.choose(&mut self.rng).expect("somebody may use the volume")
    }

    fn block(&mut self) -> u64 {
        let cold = self.rng.random_range(0..100) < COLD;
        if let Some(near) = self.near.filter(|_| !cold) {
            return *near.blocks.choose(&mut self.rng).expect("a script has a block");
        }
        self.rng.random_range(0..if cold { self.blocks } else { self.load.hot })
    }

    fn value(&mut self, block: u64) -> Value {
        let text = format!("w{}", self.count);
        self.last.insert(block, text.clone());
        Value::Text(text)
    }

    fn ask(&mut self) -> Result<(), Stop> {
        let (amf, at) = (self.user(), self.block());
        let label = self.label();
        let block = Block(at);
        let load = self.load;
        let run = self.rng.random_range(2..=4).min(self.blocks - at);
        let run = u32::try_from(run).expect("at most 4");
        let percent = |rng: &mut ChaCha8Rng| rng.random_range(0..100u32);
        let host = if percent(&mut self.rng) < load.writes {
            let dice = percent(&mut self.rng);
            if dice < load.partial {
                let (sector, count) = self.some_sectors(at);
                HostCommand::WriteSectors(amf, block, sector, count, self.value(at))
            } else if dice < load.partial + load.compare {
                let guess = self.last.get(&at).cloned();
                let right = guess.filter(|_| self.rng.random_bool(0.7));
                let old = right.map_or_else(|| Value::Hex(vec![0]), Value::Text);
                HostCommand::CompareAndWrite(amf, block, old, self.value(at))
            } else if dice < load.partial + load.compare + load.trim {
                self.last.remove(&at);
                HostCommand::Trim(amf, block, 1)
            } else if dice < load.partial + load.compare + load.trim + load.fua {
                HostCommand::WriteFua(amf, block, self.value(at))
            } else {
                HostCommand::Write(amf, block, self.value(at))
            }
        } else {
            let dice = percent(&mut self.rng);
            if dice < load.flush {
                HostCommand::Flush(amf)
            } else if dice < load.flush + load.long_reads {
                HostCommand::Read(amf, block, run.max(1))
            } else {
                HostCommand::Read(amf, block, 1)
            }
        };
        self.give(Command::Start(label, host))
    }

    /// Some sectors that begin in a block, and may end in the next.
    fn some_sectors(&mut self, block: u64) -> (u32, u32) {
        let sector = self.rng.random_range(0..self.sectors);
        let left = (self.blocks - block) * u64::from(self.sectors) - u64::from(sector);
        let most = left.min(u64::from(self.sectors) + 4);
        let count = self.rng.random_range(1..=most);
        (sector, u32::try_from(count).expect("a few sectors"))
    }

    // ---- faults

    fn aim(&mut self) -> Aim {
        let any = self.rng.random_range(0..self.amfs);
        let amf = match self.pick {
            Pick::Any => any,
            Pick::Rolling => {
                self.turn = (self.turn + 1) % self.amfs;
                self.turn
            }
            Pick::Same => self.turn,
        };
        let step = if self.pick == Pick::Same || self.amfs < 3 {
            1
        } else {
            self.rng.random_range(1..self.amfs)
        };
        Aim {
            amf: AmfId(amf),
            other: AmfId((amf + step) % self.amfs),
            disk: DiskId(self.rng.random_range(0..self.disks)),
            block: Block(self.block()),
            amfs: self.amfs,
            suspect_after: self.suspect_after,
        }
    }

    fn fault(&mut self, hazard: Hazard) -> Result<(), Stop> {
        let aim = self.aim();
        let lasting = self.rng.random_range(0..=hazard.lasting_us.saturating_mul(2));
        let lasting = match hazard.kind {
            // Nobody is suspected for it.
            FaultKind::Hold => lasting.min(self.suspect_after.0 / 1_000 / HOLD_SHARE),
            _ => lasting,
        };
        let Some(mut fault) = Fault::draw(hazard.kind, aim, &mut self.rng) else { return Ok(()) };
        if !self.stage.permits(&fault.begin) {
            return Ok(());
        }
        if let Command::Start(label, _) = &mut fault.begin {
            *label = self.label();
        }
        let begin = fault.begin.clone();
        let ongoing = self.stage.look(|sim, asked| Ongoing::begin(fault, sim, asked));
        if hazard.kind.lasts() {
            self.ongoing.push((self.stage.now() + Span::micros(lasting), ongoing));
            let crashed = match &begin {
                Command::Act(Action::Crash(amf)) => Some(*amf),
                _ => None,
            };
            self.give(begin)?;
            return crashed.map_or(Ok(()), |amf| self.lose_of(amf));
        }
        let given = self.give(begin);
        let effect = self.stage.look(|sim, _| ongoing.end(sim));
        self.effects.push(effect);
        given
    }

    /// What a crashed AMF had sent, and was late, is lost with it as often as not.
    fn lose_of(&mut self, amf: AmfId) -> Result<(), Stop> {
        if self.rng.random_bool(0.5) {
            return Ok(());
        }
        let held = self.stage.look(|sim, _| sim.snapshot(&Ask { held_max: 64, ..Ask::BRIEF }).held);
        for held in held.into_iter().filter(|held| held.from == NodeId::Amf(amf)) {
            let command = Command::Act(Action::Lose(Release::Pair(held.from, held.to)));
            if self.stage.permits(&command) {
                self.give(command)?;
            }
        }
        Ok(())
    }

    /// Time passes until the next request; what is over meanwhile is ended when it is.
    fn pass(&mut self) -> Result<(), Stop> {
        let burst = self.rng.random_range(0..100) < self.load.bursts;
        let most = if burst { self.load.gap_us.min(BURST_US) } else { self.load.gap_us };
        let gap = self.rng.random_range(0..=most);
        let long = self.rng.random_range(0..1_000) < self.load.long_gaps;
        let lease = self.stage.look(|sim, _| sim.config().lease.0) / 1_000;
        let much = self.rng.random_range(0..=lease * 5 / 4);
        let until = self.stage.now() + Span::micros(if long { much } else { gap });
        while let Some(next) = self.next_end().filter(|at| *at <= until) {
            if !self.wait_until(next)? {
                return Ok(());
            }
            self.end_due()?;
        }
        self.wait_until(until).map(|_| ())
    }

    fn next_end(&self) -> Option<Instant> {
        self.ongoing.iter().map(|(at, _)| *at).min()
    }

    /// In whole microseconds: a script should be short. What a script holds is let go before it looks lost;
    /// false: it is not, and would cost a member that may not go.
    fn wait_until(&mut self, at: Instant) -> Result<bool, Stop> {
        loop {
            let left = Span::micros(at.since(self.stage.now()).0 / 1_000);
            if left == Span(0) {
                return Ok(true);
            }
            let late = Span::micros(self.let_go()?.0 / 1_000);
            let wait = Command::Wait(left.min(late));
            if !self.stage.permits(&wait) {
                return Ok(false);
            }
            self.give(wait)?;
        }
    }

    fn end_due(&mut self) -> Result<(), Stop> {
        // What a whole microsecond leaves over counts as passed.
        let now = self.stage.now() + Span::micros(1);
        let due = |(at, _): &(Instant, Ongoing)| *at <= now;
        while let Some(index) = self.ongoing.iter().position(due) {
            let (_, ongoing) = self.ongoing.remove(index);
            self.end(&ongoing)?;
        }
        Ok(())
    }

    fn end(&mut self, ongoing: &Ongoing) -> Result<(), Stop> {
        let effect = self.stage.look(|sim, _| ongoing.end(sim));
        self.effects.push(effect);
        let Some(end) = ongoing.fault.end.clone() else { return Ok(()) };
        if self.stage.permits(&end) { self.give(end) } else { Ok(()) }
    }

    // ---- the end

    /// Everything heals.
    fn heal(&mut self) -> Result<(), Stop> {
        self.ongoing.sort_by_key(|(at, _)| *at);
        for (_, ongoing) in core::mem::take(&mut self.ongoing) {
            self.end(&ongoing)?;
        }
        if self.near.is_some() {
            self.give_if_permitted(Command::Act(Action::Unhold(HoldFilter::ALL)))?;
        }
        let disturbed = self.stage.look(|sim, _| !sim.snapshot(&Ask::BRIEF).faults.is_empty());
        if disturbed {
            self.give(Command::Act(Action::Heal))?;
        }
        let amfs = (0..self.amfs).map(AmfId);
        let mut mend = vec![Command::Act(Action::Witness(true))];
        mend.extend(amfs.clone().map(Action::Resume).map(Command::Act));
        mend.extend(amfs.map(Action::Restart).map(Command::Act));
        let disks = self.stage.look(|sim, _| sim.snapshot(&Ask::BRIEF).disks);
        let failed = disks.into_iter().filter(|disk| disk.failed);
        mend.extend(failed.map(|disk| Command::Act(Action::ReplaceDisk(disk.id))));
        for command in mend {
            if self.stage.permits(&command) {
                self.give(command)?;
            }
        }
        let slow = self.stage.look(|sim, _| sim.snapshot(&Ask::BRIEF).disks);
        for disk in slow.iter().filter(|disk| disk.slow.0 > 0) {
            self.give(Command::Act(Action::SlowDisk(disk.id, Span(0))))?;
        }
        Ok(())
    }

    /// What is in doubt in the end is accepted, and can be read again.
    fn accept_loss(&mut self) -> Result<(), Stop> {
        let lost = |sim: &mut crate::sim::Sim| sim.world().witness().view().lost().next().is_some();
        if !self.stage.look(|sim, _| lost(sim)) || !self.comes_to_rest()? {
            return Ok(());
        }
        self.give(Command::Act(Action::AcceptLoss))?;
        self.read_back()
    }

    /// Everybody reads everything that was written to, and a little more.
    fn read_back(&mut self) -> Result<(), Stop> {
        let blocks = (self.load.hot + 2).min(self.blocks);
        for amf in (0..self.amfs).map(AmfId) {
            for first in (0..blocks).step_by(usize::try_from(RUN_MAX).expect("small")) {
                let count = u32::try_from(RUN_MAX.min(blocks - first)).expect("at most 8");
                let label = self.label();
                let read = HostCommand::Read(amf, Block(first), count);
                self.give(Command::Start(label, read))?;
            }
        }
        Ok(())
    }
}
