//! A run up to some step, with everything that is needed to go on from there: the world, and judges that
//! have seen what hosts saw, so that a fork neither misses what the run had promised nor finds what is no
//! fault.
//!
//! A trunk grows step by step ([`Trunk::apply`]) and can be forked anywhere on the way: [`Trunk::sim`].

use super::{Flight, Sim, SimOptions};
use crate::check::history;
use crate::check::{Lamps, ReadChecker, Start};
use crate::profile::Profile;
use crate::protocol::Answer;
use crate::protocol::id::{Block, Instant};
use crate::timeline::Fold;
use crate::timeline::head_of;
use crate::trace::recording::{Bounds, Head, Recorded, Recorder, RecordingError};
use crate::trace::step::{Control, Step};
use std::io::Read;

/// How widely the delays of a [future](Trunk::future) vary, in percent of each.
const VARIES: u32 = 400;

/// See the module.
#[derive(Clone, Debug)]
pub struct Trunk {
    profile: Profile,
    fold: Fold,
    judge: ReadChecker,
    history: Option<history::Recorder<Vec<u8>>>,
    lamps: Lamps,
    answers: Vec<Answer>,
}

impl Trunk {
    /// Before the first step. `history`: keep what hosts saw, so that a fork's audit judges all of it.
    #[must_use]
    pub fn new(profile: &Profile, head: &Head, history: bool) -> Self {
        let per = profile.config.sectors_per_block();
        let start = if head.origin.blank { Start::Zero } else { Start::Unknown };
        Self {
            profile: profile.clone(),
            fold: Fold::new(profile, head),
            judge: ReadChecker::new(per, start),
            history: history.then(|| history::Recorder::new(Vec::new(), per, start)),
            lamps: Lamps::new(per, start),
            answers: Vec::new(),
        }
    }

    /// The profile of the run.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The run up to here.
    #[must_use]
    pub fn fold(&self) -> &Fold {
        &self.fold
    }

    /// What every block's lamp shows here.
    #[must_use]
    pub fn lamps(&self) -> &Lamps {
        &self.lamps
    }

    /// Takes the next step; false: it cannot be applied, and the trunk ends here.
    pub fn apply(&mut self, recorded: &Recorded) -> bool {
        let now = recorded.entry.now;
        match &recorded.entry.step {
            Step::Host { amf, request } if !self.fold.world().is_asked(request.op) => {
                self.judge.on_start(request.op, &request.kind, now);
                self.lamps.on_start(request.op, *amf, &request.kind, now);
                if let Some(history) = &mut self.history {
                    history.on_start(request.op, *amf, &request.kind, now);
                }
            }
            Step::Control(Control::AcceptLoss(_)) => self.forget_what_is_lost(now),
            Step::Host { .. }
            | Step::Deliver { .. }
            | Step::Lose { .. }
            | Step::Tick { .. }
            | Step::Store { .. }
            | Step::Journal { .. }
            | Step::Control(_) => {}
        }
        let mut answers = core::mem::take(&mut self.answers);
        let goes_on =
            self.fold.apply_with(recorded, &mut |answer: &Answer| answers.push(answer.clone()));
        answers.drain(..).for_each(|answer| self.on_answer(&answer, now));
        self.answers = answers;
        goes_on
    }

    fn on_answer(&mut self, answer: &Answer, now: Instant) {
        for found in self.judge.on_answer(answer.op, answer, now) {
            self.fold.world_mut().report(&found.checker, found.key, found.text);
        }
        // What it finds beyond that the lamp shows.
        self.lamps.on_answer(answer, now);
        self.lamps.look_at_all();
        if let Some(history) = &mut self.history {
            history.on_answer(answer, now).expect("memory takes every line");
        }
    }

    fn forget_what_is_lost(&mut self, now: Instant) {
        for lost in self.fold.world().doubt() {
            let blocks = lost.first.0..lost.first.0 + lost.blocks;
            blocks.for_each(|block| self.judge.forget(Block(block)));
            self.lamps.forget(lost.first, lost.blocks);
            if let Some(history) = &mut self.history {
                history.on_lost(lost.first, lost.blocks, now).expect("memory takes every line");
            }
        }
    }

    /// A simulation that goes on from here under `profile`: that of the run, with other links, disks or
    /// timing of hosts if that is wanted. What the judges of `options` have seen so far counts.
    #[must_use]
    pub fn sim(&self, profile: &Profile, seed: u64, options: SimOptions, flight: Flight) -> Sim {
        let world = self.fold.world().clone();
        let mut sim = Sim::over(world, profile, seed, options, flight);
        sim.judge = options.judge.then(|| self.judge.clone());
        sim.history = self.history.clone().filter(|_| options.history);
        let (messages, buried) = self.fold.apart();
        (sim.messages, sim.buried) = (messages, buried.clone());
        sim
    }

    /// One of the futures that this may have, judged: as [`Self::sim`], with links whose delays vary so
    /// widely that seeds come to other orders.
    #[must_use]
    pub fn future(&self, seed: u64) -> Sim {
        let mut profile = self.profile.clone();
        profile.link.jitter = profile.link.jitter.max(VARIES);
        self.sim(&profile, seed, SimOptions::default(), Flight::Scheduled)
    }
}

/// A simulated cluster that goes on from a position of a recording, and what its blocks' lamps show there.
#[derive(Debug)]
pub struct Fork {
    /// In step mode; its steps are kept behind those of the recording.
    pub sim: Sim,
    /// The profile of the recording.
    pub profile: Profile,
    /// The lamps at that position.
    pub lamps: Lamps,
}

/// Goes on from position `at` of a recording, or from its end, in step mode: somebody is to choose what comes next.
/// The fork keeps all of its steps, as far as they are [not too many](Bounds::USUAL), so that it can be
/// recorded, rewound and forked in its turn.
///
/// # Errors
/// It is no recording, cannot be read, or is not so long.
pub fn fork<R: Read>(from: R, at: Option<u64>, seed: u64) -> Result<Fork, RecordingError> {
    let (mut reader, profile) = head_of(from)?;
    let mut trunk = Trunk::new(&profile, reader.head(), false);
    let nodes = (profile.config.amfs, profile.config.disks_all());
    let mut recorder = Recorder::new(reader.head().clone(), nodes, Bounds::USUAL);
    let upto = at.unwrap_or(u64::MAX);
    'all: while let Some(chunk) = reader.next_chunk()? {
        for recorded in &chunk.steps {
            if trunk.fold.position() == upto || !trunk.apply(recorded) {
                break 'all;
            }
            recorder.push(recorded);
        }
    }
    let len = trunk.fold.position();
    if let Some(end) = trunk.fold.trouble().filter(|end| at.is_none() && end.is_end) {
        // The machine is as that step has left it: half done.
        let why = format!("step {} cannot be followed: {}", end.step, end.why);
        return Err(RecordingError::Unusable(why, "fork before that step"));
    }
    if at.is_some_and(|at| len < at) {
        let why = format!("the recording has {len} steps that can be followed");
        return Err(RecordingError::Unusable(why, "fork where it can be gone to"));
    }
    let options = SimOptions { keep: true, ..SimOptions::default() };
    let mut sim = trunk.sim(&profile, seed, options, Flight::Held);
    sim.recorder = Some(recorder);
    Ok(Fork { sim, profile, lamps: trunk.lamps })
}
