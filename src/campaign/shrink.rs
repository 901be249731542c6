//! Shrinking: a plan that fails, made as short and as plain as it will go.
//!
//! A candidate counts only if the same checker fires and nothing was done that the protocol does not
//! promise to survive; with a seeded defect, also only if the healthy build passes it. If a defect's plan
//! does more than is promised, that is enough: a person may know that a held message is nobody's last.
//! Passes repeat until none helps or the budget is used up: commands are left out in ever smaller groups
//! (Zeller's ddmin), then single commands are made plainer, then keys are put back to the profile's own
//! value.
//!
//! Reading order: `Shrinker`, [`super::simpler`] (what a plainer command or plan is).

use super::plan::Plan;
use super::seed::{PlanResult, run_plan};
use super::simpler::{coarser, plainer_commands, plainer_plans, tidy, weight};
use super::stage::Finding;
use crate::trace::Command;

/// Candidates that are tried, if nothing else is said.
pub const BUDGET: u32 = 4_000;

/// What shrinking came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The shortest plan that was found.
    pub plan: Plan,
    /// What it shows.
    pub finding: Finding,
    /// Candidates that were tried.
    pub tried: u32,
    /// Commands of the plan before.
    pub before: usize,
}

/// Why a plan cannot be shrunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotShrink {
    /// Nothing fires.
    #[error("no checker fires: there is nothing to shrink")]
    Fine,
    /// It demands what nobody promises.
    #[error("it demands more than the protocol promises: command {0} may not be given there")]
    Beyond(usize),
    /// The healthy build fails as well.
    #[error("it fails without the defect, too")]
    FailsHealthy,
    /// Running it again gives something else.
    #[error("the shrunk plan does not repeat: {0}")]
    Unstable(String),
}

/// Tries candidates.
struct Shrinker<'a> {
    checker: String,
    /// The key that breaks a rule, if one is broken: without it, nothing may fire.
    defective: bool,
    /// Candidates keep to what the protocol promises to survive.
    bounded: bool,
    best: Plan,
    finding: Finding,
    tried: u32,
    budget: u32,
    /// Asked before every candidate; false: it is enough.
    go_on: &'a mut dyn FnMut(u32, usize) -> bool,
    stopped: bool,
}

/// Shrinks a plan whose run ends in a finding. `go_on` is told how many candidates were tried and how long
/// the best plan is, and may end it.
///
/// # Errors
/// Why it cannot be.
pub fn shrink(
    plan: &Plan,
    budget: u32,
    go_on: &mut dyn FnMut(u32, usize) -> bool,
) -> Result<Shrunk, CannotShrink> {
    let defective = plan.is_defective();
    let within = run(plan, true);
    // That the healthy build passes says more than a guard, which only sees commands.
    let bounded = !(defective && within.beyond);
    let first = if bounded { within } else { run(plan, false) };
    let Some(finding) = first.finding else {
        return Err(if first.beyond {
            CannotShrink::Beyond(first.done + 1)
        } else {
            CannotShrink::Fine
        });
    };
    // Drawn on a broken cluster it may demand too much of a whole one: that says nothing.
    if defective && run(&plan.healthy(), bounded).finding.is_some() {
        return Err(CannotShrink::FailsHealthy);
    }
    let mut shrinker = Shrinker {
        checker: finding.checker.clone(),
        defective,
        bounded,
        best: Plan { commands: plan.commands[..first.done].to_vec(), ..plan.clone() },
        finding,
        tried: 0,
        budget,
        go_on,
        stopped: false,
    };
    shrinker.run();
    let Shrinker { best, finding, tried, .. } = shrinker;
    let plan_before = plan.commands.len();
    // Twice more: what is handed out repeats.
    for _ in 0..2 {
        let again = run(&best, bounded);
        if again.finding.as_ref() != Some(&finding) {
            return Err(CannotShrink::Unstable(format!("{finding:?}, then {:?}", again.finding)));
        }
    }
    Ok(Shrunk { plan: best, finding, tried, before: plan_before })
}

fn run(plan: &Plan, bounded: bool) -> PlanResult {
    run_plan(plan, bounded).unwrap_or(PlanResult {
        finding: None,
        done: 0,
        beyond: true,
        steps: 0,
        nanos: 0,
    })
}

/// The healthy build has nothing to say about it, to its end.
fn passes_healthy(plan: &Plan) -> bool {
    let healthy = run_plan(&plan.healthy(), false);
    healthy.is_ok_and(|result| result.finding.is_none() && !result.beyond)
}

impl Shrinker<'_> {
    fn run(&mut self) {
        self.accept_any(coarser(&self.best));
        let mut largest = self.best.commands.len() / 2;
        loop {
            let before = self.best.clone();
            self.leave_out(largest);
            self.accept_any(coarser(&self.best));
            self.simplify_plan();
            self.simplify_commands();
            if self.best == before || self.stopped {
                break;
            }
            largest = LARGEST_AGAIN;
        }
        let tidied = tidy(&self.best);
        self.accept(tidied);
    }

    /// Takes the first of the candidates that fails in the same way.
    fn accept_any(&mut self, candidates: Vec<Plan>) -> bool {
        candidates.into_iter().any(|candidate| self.accept(candidate))
    }

    /// True if the candidate fails in the same way; then it is the best.
    fn accept(&mut self, candidate: Plan) -> bool {
        // Only ever plainer, so that it comes to an end.
        if self.stopped || weight(&candidate) >= weight(&self.best) {
            return false;
        }
        self.stopped =
            self.tried >= self.budget || !(self.go_on)(self.tried, self.best.commands.len());
        if self.stopped {
            return false;
        }
        self.tried += 1;
        let result = run(&candidate, self.bounded);
        let Some(finding) = result.finding.filter(|found| found.checker == self.checker) else {
            return false;
        };
        let commands = candidate.commands[..result.done].to_vec();
        let candidate = Plan { commands, ..candidate };
        if self.defective && !passes_healthy(&candidate) {
            return false;
        }
        self.best = candidate;
        self.finding = finding;
        true
    }

    fn with_commands(&self, commands: Vec<Command>) -> Plan {
        Plan { commands, ..self.best.clone() }
    }

    /// Leaves out groups of commands: half of them, a quarter, ... single ones; from the end, where what
    /// is left out changes least.
    fn leave_out(&mut self, largest: usize) {
        let mut size = largest.clamp(1, self.best.commands.len().max(1));
        loop {
            let mut end = self.best.commands.len();
            while end > 0 && !self.stopped {
                let start = end.saturating_sub(size);
                let mut commands = self.best.commands.clone();
                commands.drain(start..end);
                self.accept(self.with_commands(commands));
                end = start.min(self.best.commands.len());
            }
            if size == 1 || self.stopped {
                break;
            }
            size /= 2;
        }
        if self.best.commands.len() <= PAIRS_MAX {
            self.leave_out_pairs();
        }
    }

    /// Two that only make sense together: a fault and what ends it, two waits that are one.
    fn leave_out_pairs(&mut self) {
        let mut first = 0;
        while first < self.best.commands.len() && !self.stopped {
            let mut second = first + 1;
            let mut found = false;
            while second < self.best.commands.len().min(first + PAIR_DISTANCE) && !found {
                let mut commands = self.best.commands.clone();
                commands.remove(second);
                commands.remove(first);
                found = self.accept(self.with_commands(commands));
                second += 1;
            }
            first += usize::from(!found);
        }
    }

    fn simplify_commands(&mut self) {
        let mut at = 0;
        while at < self.best.commands.len() && !self.stopped {
            let mut again = true;
            while again {
                again = false;
                let Some(command) = self.best.commands.get(at).cloned() else { break };
                for plainer in plainer_commands(&command) {
                    let mut commands = self.best.commands.clone();
                    commands.splice(at..=at, plainer);
                    if self.accept(self.with_commands(commands)) {
                        again = true;
                        break;
                    }
                }
            }
            at += 1;
        }
    }

    fn simplify_plan(&mut self) {
        // Each that helps changes what the next are made from.
        while !self.stopped && self.accept_any(plainer_plans(&self.best)) {}
    }
}

/// After the first round, groups of at most so many commands are left out together.
const LARGEST_AGAIN: usize = 8;
/// Pairs are tried in plans of at most so many commands.
const PAIRS_MAX: usize = 40;
/// How far apart two commands may be that are left out together.
const PAIR_DISTANCE: usize = 12;
