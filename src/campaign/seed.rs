//! One seed, or one plan, from its begin to its end.

use super::direct::Director;
use super::draw::Drawn;
use super::effect::Effect;
use super::plan::Plan;
use super::space::Space;
use super::stage::{Asked, Finding, Stage, Stop, needs_events};
use crate::profile::ProfileError;
use crate::sim::SimOptions;
use crate::trace::Action;
use crate::trace::engine::{Counts, Engine};
use crate::trace::snapshot::Ask;
use crate::trace::step::StepEntry;
use std::path::Path;

/// What became of a seed.
#[derive(Clone, Debug)]
pub struct SeedResult {
    /// What it drew.
    pub drawn: Drawn,
    /// What was done, as a plan that repeats it.
    pub plan: Plan,
    /// What a checker found.
    pub finding: Option<Finding>,
    /// Blocks whose histories were too long to be judged.
    pub undecided: u64,
    /// What each fault did.
    pub effects: Vec<Effect>,
    /// What hosts asked, and how it ended.
    pub asked: Asked,
    /// The cluster's counters.
    pub counts: Counts,
    /// Steps of the simulation.
    pub steps: u64,
    /// Virtual nanoseconds.
    pub nanos: u64,
    /// Every step, if they were wanted.
    pub log: Vec<StepEntry>,
}

/// Runs a seed. `log`: its steps are kept.
///
/// # Errors
/// What is fixed contradicts what the seed drew.
pub fn run_seed(space: &Space, seed: u64, log: bool) -> Result<SeedResult, ProfileError> {
    let drawn = space.draw(seed)?;
    let events = drawn.near.iter().flat_map(|near| &near.commands).any(needs_events);
    let mut stage = Stage::new(&drawn.profile, SimOptions { log, ..Stage::JUDGED }, events);
    if drawn.beyond {
        stage.allow_beyond();
    }
    let director = Director::new(&mut stage, &drawn);
    let (ended, commands, effects) = director.direct();
    let finding = match ended {
        Ok(()) | Err(Stop::NotAllowed) => None,
        Err(Stop::Found(found)) => Some(found),
    };
    let plan = Plan { profile: drawn.base.clone(), sets: drawn.sets.clone(), seed, commands };
    Ok(stage.look(|sim, asked| SeedResult {
        undecided: sim.undecided(),
        finding,
        effects,
        asked: asked.clone(),
        counts: sim.snapshot(&Ask::BRIEF).counts,
        steps: sim.world().step_count(),
        nanos: sim.now().0,
        log: sim.log().to_vec(),
        drawn,
        plan,
    }))
}

/// What became of a plan that was run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanResult {
    /// What a checker found.
    pub finding: Option<Finding>,
    /// After so many commands.
    pub done: usize,
    /// A command was refused, or demanded more than the protocol promises: what was found says nothing.
    pub beyond: bool,
    /// Steps of the simulation.
    pub steps: u64,
    /// Virtual nanoseconds.
    pub nanos: u64,
}

/// Runs a plan, and records it into a new file.
///
/// # Errors
/// What is wrong with its keys or with the file.
pub fn record_plan(plan: &Plan, file: &Path) -> Result<PlanResult, String> {
    run_and_record(plan, false, Some(file))
}

/// Runs a plan. `bounded`: it ends where it demands more than the protocol promises.
///
/// # Errors
/// What is wrong with its keys.
pub fn run_plan(plan: &Plan, bounded: bool) -> Result<PlanResult, String> {
    run_and_record(plan, bounded, None)
}

fn run_and_record(plan: &Plan, bounded: bool, record: Option<&Path>) -> Result<PlanResult, String> {
    let profile = plan.load().map_err(|error| error.to_string())?;
    let events = plan.commands.iter().any(needs_events);
    let keep = record.is_some();
    let mut stage = Stage::new(&profile, SimOptions { keep, ..Stage::JUDGED }, events);
    if bounded {
        // Whoever shrinks a plan keeps to what it was drawn for, as far as a checker can tell.
        stage.allow_beyond();
    } else {
        stage.anything_goes();
    }
    let (mut finding, mut beyond, mut done) = (None, false, 0);
    for command in &plan.commands {
        if bounded && !stage.permits(command) {
            beyond = true;
            break;
        }
        done += 1;
        match stage.give(command) {
            Ok(_) => {}
            Err(stop) => {
                match stop {
                    Stop::Found(found) => finding = Some(found),
                    Stop::NotAllowed => beyond = true,
                }
                break;
            }
        }
    }
    if let Some(file) = record {
        stage.look(|sim, _| {
            sim.submit(Action::Record(Some(file.to_owned())))
                .and_then(|_| sim.submit(Action::Record(None)))
                .map_err(|error| error.to_string())
        })?;
    }
    let (steps, nanos) = stage.look(|sim, _| (sim.world().step_count(), sim.now().0));
    Ok(PlanResult { finding, done, beyond, steps, nanos })
}
