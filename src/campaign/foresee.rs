//! "When did it become inevitable?" From a violation back: of a set of earlier steps, K random futures each,
//! and the share of them that comes to the same violation.
//!
//! A future goes on from the world as it was, with the requests and faults that the recording has up to its
//! violation, at their times; what differs is in which order, and after how long, packets, disks and journals
//! do their work. Losses of packets are the network's, and are not repeated. "The same" is the same checker on
//! the same key; a wrong read, a lamp that turns red, and acknowledged data that an audit does not find are the
//! same. An audit ends every future, and the recording if no step of it shows a violation. A future that does
//! not come to its end within [`STEPS_MAX`] is counted apart: it is neither fine nor does it fail.
//!
//! Positions are tried from the violation back, each twice as far away as the one before, then between the last
//! one with a future that is fine and the first one without. One [`Foresight::turn`] is one future, so that
//! whoever asks can stop, or draw, between any two. Same recording, options and seed: the same shares.

use crate::check::{Lamps, durability, lamps, reads};
use crate::guard::guarded;
use crate::protocol::group::{Group, Place};
use crate::protocol::id::{Block, Instant, Key, Span};
use crate::protocol::{Config, Defect};
use crate::sim::{Flight, Sim, SimOptions, Trunk};
use crate::timeline::head_of;
use crate::trace::action::Target;
use crate::trace::engine::{Advance, Engine, HostPort, Progress};
use crate::trace::foreseen::{Foreseen, Point};
use crate::trace::recording::{Recorded, RecordingError};
use crate::trace::step::{Control, Step, StepEntry};
use crate::trace::{Action, Violation};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

/// Futures of a position, at most.
pub const FUTURES_MAX: u32 = 1_000;
/// Steps before the violation that are looked at.
const BACK_MAX: u64 = 16_384;
/// Steps between two runs that are kept while the violation is looked for.
const KEEP_EVERY: u64 = 2_048;
/// Positions that are tried.
const POINTS_MAX: usize = 32;
/// Steps of one future; what has not come to its end by then is undecided.
pub const STEPS_MAX: u64 = 200_000;
/// Steps between two looks at what was found.
const LOOK_EVERY: u64 = 16;
/// How long a future may go on after the last request or fault, in its own time.
const AFTER: Span = Span::secs(20);

/// How it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Futures of a position.
    pub futures: u32,
    /// Drives them.
    pub seed: u64,
    /// Only a violation of this block.
    pub block: Option<Block>,
    /// Steps of a future, at most [`STEPS_MAX`].
    pub steps: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { futures: 16, seed: 1, block: None, steps: STEPS_MAX }
    }
}

/// Why nothing can be foreseen.
#[derive(Debug, thiserror::Error)]
pub enum Blind {
    /// It is no recording, or cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// No checker found anything in it.
    #[error(
        "no checker finds anything in it\n  hint: `amflab inspect RECORDING` tells what was judged"
    )]
    Fine,
    /// Not about this block.
    #[error("no checker finds anything about b{}", .0.0)]
    FineAbout(Block),
    /// This program does not come to what was recorded.
    #[error("this program does not come to what was recorded, at step {0}")]
    Diverged(u64),
}

/// What became of a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Failed,
    Fine,
    /// It ran out of steps.
    Undecided,
    Broke,
}

/// See the module.
pub struct Foresight {
    options: Options,
    violation: Violation,
    /// The run at some positions.
    trunks: BTreeMap<u64, Trunk>,
    /// What happened from the first of them on.
    steps: Vec<Recorded>,
    base: u64,
    points: BTreeMap<u64, Point>,
    broke: u32,
    /// Positions to be tried, and the one that is.
    queue: VecDeque<u64>,
    done: bool,
}

impl Foresight {
    /// Finds the violation in a recording; `told` hears how many steps were read. False from it: stop.
    ///
    /// # Errors
    /// See [`Blind`].
    pub fn open(
        from: impl Read,
        options: Options,
        told: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Self, Blind> {
        let (mut reader, profile) = head_of(from)?;
        let mut trunk = Trunk::new(&profile, reader.head(), false);
        let mut trunks = VecDeque::from([(0, trunk.clone())]);
        let mut steps: VecDeque<Recorded> = VecDeque::new();
        while let Some(chunk) = reader.next_chunk()? {
            for step in chunk.steps {
                let goes_on = trunk.apply(&step);
                let position = trunk.fold().position();
                steps.push_back(step);
                if let Some(violation) = first(&trunk, options.block) {
                    let violation = Violation { step: position, ..violation };
                    return Ok(Self::at(options, violation, trunks, steps));
                }
                if !goes_on {
                    return Err(Blind::Diverged(position));
                }
                if position.is_multiple_of(KEEP_EVERY) {
                    trunks.push_back((position, trunk.clone()));
                    // The steps from the first of the runs that are kept on are kept, too.
                    while trunks.get(1).is_some_and(|(at, _)| at + BACK_MAX <= position) {
                        let before = trunks.pop_front().map_or(0, |(at, _)| at);
                        let after = trunks.front().map_or(position, |(at, _)| *at);
                        steps.drain(..usize::try_from(after - before).unwrap_or(usize::MAX));
                    }
                }
            }
            if !told(trunk.fold().position()) {
                return Err(options.block.map_or(Blind::Fine, Blind::FineAbout));
            }
        }
        // What no step shows, an audit may, once the run has come to rest.
        match audited(&trunk, &options) {
            Some(violation) => Ok(Self::at(options, violation, trunks, steps)),
            None => Err(options.block.map_or(Blind::Fine, Blind::FineAbout)),
        }
    }

    fn at(
        options: Options,
        violation: Violation,
        trunks: VecDeque<(u64, Trunk)>,
        steps: VecDeque<Recorded>,
    ) -> Self {
        let base = trunks.front().map_or(0, |(at, _)| *at);
        let end = violation.step;
        let back = (0..).map(|n| 1_u64 << n).take_while(|by| *by < end - base);
        let mut queue: VecDeque<u64> = back.map(|by| end - by).collect();
        queue.push_back(base);
        let steps = steps.into();
        let futures = options.futures.clamp(1, FUTURES_MAX);
        Self {
            options: Options { futures, ..options },
            violation,
            trunks: trunks.into_iter().collect(),
            steps,
            base,
            points: BTreeMap::new(),
            broke: 0,
            queue,
            done: false,
        }
    }

    /// What is known so far.
    #[must_use]
    pub fn foreseen(&self) -> Foreseen {
        Foreseen {
            checker: self.violation.checker.clone(),
            key: self.violation.key,
            violation: self.violation.step,
            base: self.base,
            points: self.points.values().copied().collect(),
            futures: self.options.futures,
            broke: self.broke,
            done: self.done,
        }
    }

    /// Futures tried so far, and how many there may be.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let done = self.points.values().map(|point| u64::from(point.futures)).sum();
        (done, POINTS_MAX as u64 * u64::from(self.options.futures))
    }

    /// Tries one future; false: there is nothing more to try.
    pub fn turn(&mut self) -> bool {
        let Some(position) = self.queue.front().copied() else {
            self.done = true;
            return false;
        };
        self.reach(position);
        let tried = self.points.get(&position).map_or(0, |point| point.futures);
        let end = self.future(position, self.options.seed.wrapping_add(u64::from(tried)));
        self.broke += u32::from(end == End::Broke);
        let none = Point { position, futures: 0, failed: 0, undecided: 0 };
        let point = self.points.entry(position).or_insert(none);
        point.futures += 1;
        point.failed += u32::from(end == End::Failed);
        point.undecided += u32::from(end == End::Undecided);
        if point.futures == self.options.futures {
            self.queue.pop_front();
            if self.queue.is_empty() {
                self.queue.extend(self.between());
            }
        }
        self.done = self.queue.is_empty();
        !self.done
    }

    /// The position between the last one with a future that is fine and the first one without.
    fn between(&self) -> Option<u64> {
        if self.points.len() >= POINTS_MAX {
            return None;
        }
        let known = self.foreseen();
        let (fine, from) = (known.last_fine()?, known.inevitable_from());
        (from > fine + 1).then(|| fine + (from - fine) / 2)
    }

    /// Has the run at a position.
    fn reach(&mut self, position: u64) {
        if self.trunks.contains_key(&position) {
            return;
        }
        let Some((at, trunk)) = self.trunks.range(..=position).next_back() else { return };
        let (at, mut trunk) = (*at, trunk.clone());
        for step in &self.steps[self.index(at)..self.index(position)] {
            trunk.apply(step);
        }
        self.trunks.insert(position, trunk);
    }

    fn index(&self, position: u64) -> usize {
        usize::try_from(position - self.base).unwrap_or(usize::MAX).min(self.steps.len())
    }

    fn future(&self, position: u64, seed: u64) -> End {
        let Some(trunk) = self.trunks.get(&position) else { return End::Broke };
        let to_come = &self.steps[self.index(position)..self.index(self.violation.step)];
        let ran = guarded(|| {
            let mut future = Future {
                sim: trunk.future(seed),
                lamps: trunk.lamps().clone(),
                violation: &self.violation,
                left: self.options.steps.min(STEPS_MAX),
                rests: false,
            };
            future.run(to_come.iter().map(|recorded| &recorded.entry))
        });
        ran.unwrap_or(End::Broke)
    }
}

/// The first violation that is known at the end of a run, about this block if one is named.
fn first(trunk: &Trunk, block: Option<Block>) -> Option<Violation> {
    let is_wanted = |key: Option<Key>| block.is_none_or(|block| key == Some(Key::Block(block)));
    let world = trunk.fold().world();
    if world.violations_total() > 0
        && let Some(found) = world.violations().iter().find(|found| is_wanted(found.key))
    {
        return Some(found.clone());
    }
    red(trunk.lamps(), block).map(|block| Violation {
        checker: lamps::CHECKER.to_owned(),
        key: Some(Key::Block(block)),
        text: String::new(),
        step: 0,
    })
}

/// What an audit finds where a recording ends, once the cluster has come to rest.
fn audited(trunk: &Trunk, options: &Options) -> Option<Violation> {
    let is_wanted = |violation: &Violation| {
        options.block.is_none_or(|block| violation.key == Some(Key::Block(block)))
    };
    let found = guarded(|| {
        let mut sim =
            trunk.sim(trunk.profile(), options.seed, SimOptions::default(), Flight::Scheduled);
        let (until, mut left) = (sim.now() + AFTER, options.steps.min(STEPS_MAX));
        while left > 0 && !sim.is_settled() && sim.now() < until {
            let how = Advance { until, steps_max: LOOK_EVERY };
            left = left.saturating_sub(LOOK_EVERY);
            if matches!(sim.advance(how), Err(_) | Ok(Progress::Idle)) {
                break;
            }
        }
        sim.audit();
        sim.world().violations().iter().find(|found| is_wanted(found)).cloned()
    });
    let step = trunk.fold().position();
    found.ok().flatten().map(|violation| Violation { step, ..violation })
}

/// A block whose lamp is red.
fn red(lamps: &Lamps, block: Option<Block>) -> Option<Block> {
    if lamps.shown(false, None).violated == 0 {
        return None;
    }
    let all = lamps.shown(true, None).blocks;
    let mut red = all.iter().take_while(|info| info.lamp == crate::trace::Lamp::Violated);
    red.find(|info| block.is_none_or(|block| info.block == block)).map(|info| info.block)
}

/// A verdict on what hosts saw, or would see, whoever gave it.
fn is_of_hosts(checker: &str) -> bool {
    [reads::CHECKER, lamps::CHECKER, durability::CHECKER].contains(&checker)
}

/// One future, while it runs.
struct Future<'a> {
    sim: Sim,
    lamps: Lamps,
    violation: &'a Violation,
    /// Steps that it may still take.
    left: u64,
    /// Nothing happens in it by itself.
    rests: bool,
}

impl Future<'_> {
    /// Runs it with what the recording has from outside.
    fn run<'s>(&mut self, to_come: impl Iterator<Item = &'s StepEntry>) -> End {
        for entry in to_come {
            let is_from_outside = matches!(&entry.step, Step::Host { .. } | Step::Control(_));
            if !is_from_outside {
                continue;
            }
            if self.run_until(entry.now, false) {
                return End::Failed;
            }
            if self.left == 0 {
                return End::Undecided;
            }
            self.put(entry);
        }
        let until = self.sim.now() + AFTER;
        if self.run_until(until, true) {
            return End::Failed;
        }
        if self.left == 0 && !self.sim.is_settled() {
            return End::Undecided;
        }
        // What no step shows, the audit may.
        self.sim.audit();
        if self.is_same() { End::Failed } else { End::Fine }
    }

    /// Runs it up to a time, or only until it has settled; true: it came to the same.
    fn run_until(&mut self, until: Instant, settles: bool) -> bool {
        self.rests = false;
        while self.left > 0 && !self.rests && self.sim.now() < until {
            if settles && self.sim.is_settled() {
                break;
            }
            if self.step(until) {
                return true;
            }
        }
        false
    }

    /// Some steps; true: it came to the same.
    fn step(&mut self, until: Instant) -> bool {
        let how = Advance { until, steps_max: LOOK_EVERY };
        self.left = self.left.saturating_sub(LOOK_EVERY);
        self.rests = matches!(self.sim.advance(how), Err(_) | Ok(Progress::Idle));
        while let Some(done) = self.sim.poll_completion() {
            self.lamps.on_answer(&done.answer, done.ended);
        }
        self.is_same()
    }

    fn is_same(&mut self) -> bool {
        let Violation { checker, key, .. } = self.violation;
        let of_hosts = is_of_hosts(checker);
        let mut found = self.sim.world().violations().iter();
        let is_it = |found: &Violation| {
            found.key == *key
                && (found.checker == *checker || of_hosts && is_of_hosts(&found.checker))
        };
        if found.any(is_it) {
            return true;
        }
        self.lamps.look();
        match key {
            Some(Key::Block(block)) if of_hosts => red(&self.lamps, Some(*block)).is_some(),
            Some(_) | None => false,
        }
    }

    /// A request, or a fault: as the recording has it, where that makes sense here.
    fn put(&mut self, entry: &StepEntry) {
        match &entry.step {
            Step::Host { amf, request } => {
                let now = self.sim.now();
                let op = self.sim.host(*amf, request.kind.clone());
                self.lamps.on_start(op, *amf, &request.kind, now);
            }
            Step::Control(control) => {
                let broken = self.sim.world().defect();
                if let Some(action) = action_of(control, broken, self.sim.config()) {
                    // What cannot be done here is left out.
                    let _ = self.sim.submit(action);
                }
            }
            Step::Deliver { .. }
            | Step::Lose { .. }
            | Step::Tick { .. }
            | Step::Store { .. }
            | Step::Journal { .. } => {}
        }
    }
}

/// What somebody did who interfered so; `broken`: the rule that is broken on purpose.
fn action_of(control: &Control, broken: Option<Defect>, config: &Config) -> Option<Action> {
    Some(match control {
        Control::Crash(amf) => Action::Crash(*amf),
        Control::PowerFail => Action::PowerFail,
        Control::Restart(amf) => Action::Restart(*amf),
        Control::Pause(amf) => Action::Pause(*amf),
        Control::Resume(amf) => Action::Resume(*amf),
        Control::ExpireLease(amf) => Action::ExpireLease(*amf),
        Control::Evict(amf, block) => Action::Evict(*amf, *block),
        Control::Destage(amf) => Action::Destage(Target::One(*amf)),
        Control::FailDisk(disk) => Action::FailDisk(*disk),
        Control::ReplaceDisk(disk) => Action::ReplaceDisk(*disk),
        Control::Corrupt(disk, at) => {
            let slot = disk.0.min(config.group.disks.saturating_sub(1));
            let (block, _) = Group::new(&config.group).content_at(Place { slot, at: *at });
            Action::Corrupt(*disk, block)
        }
        Control::CorruptJournal(amf) => Action::CorruptJournal(*amf),
        Control::Scrub(_) => Action::Scrub,
        Control::AcceptLoss(_) => Action::AcceptLoss,
        Control::WitnessDown => Action::Witness(false),
        Control::WitnessUp => Action::Witness(true),
        Control::SetProtocol(protocol) => Action::Protocol(*protocol),
        Control::Partition(sides) => Action::Partition(sides.clone()),
        Control::Heal => Action::Heal,
        Control::Link(a, b, setting) => Action::Link(*a, *b, *setting),
        Control::SlowDisk(disk, by) => Action::SlowDisk(*disk, *by),
        Control::SetDefect(Some(defect)) => Action::Defect(*defect, true),
        Control::SetDefect(None) => Action::Defect(broken?, false),
        // A switch drops lines by itself, a power failure or a crash draws what it leaves, and clocks are of
        // this run.
        Control::DropLines(_)
        | Control::LoseWrites(..)
        | Control::KeepJournal(..)
        | Control::Figures(_)
        | Control::Skip(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_was_made_whole_again_is_so_in_every_future() {
        let profile = crate::profile::load("claims", &[]).expect("is built in");
        let off = |broken| action_of(&Control::SetDefect(None), broken, &profile.config);
        let defect = Defect::ALL[0];
        assert_eq!(off(Some(defect)), Some(Action::Defect(defect, false)));
        assert_eq!(off(None), None);
    }
}
