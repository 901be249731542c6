//! One way through a lesson: where the learner is, what was done, what it is worth.
//!
//! The caller owns the [`Session`] (it may be on a screen) and lends it; going back puts another one in
//! its place, in which the commands up to there are repeated. `doing`: what the learner does in a step;
//! `midway`: what is kept of an attempt that is left before its end.

mod doing;
mod midway;

pub use midway::Midway;

use super::model::{Kind, Lesson, Step};
use super::question::Question;
use super::score::{Outcome, Score};
use super::stage::{Trouble, execute, fresh, repeated};
use crate::protocol::Defect;
use crate::session::{Report, Session};
use crate::trace::{Action, Command, Limits};
use std::path::Path;
use std::sync::Arc;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It makes no sense now; in words.
    #[error("{0}")]
    No(String),
    /// The cluster cannot go on.
    #[error(transparent)]
    Broken(#[from] Trouble),
}

fn no<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::No(why.into()))
}

/// A command, and what it said at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The command.
    pub command: Command,
    /// What it said.
    pub report: Report,
}

/// How a task stands after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not done yet.
    Open,
    /// The task is done.
    Solved,
    /// A checker fired, and only because of the broken rule.
    Found {
        /// What it said.
        finding: String,
        /// The rule that is broken.
        defect: Defect,
        /// Commands of the script.
        commands: usize,
        /// Those of the best script known.
        best: usize,
    },
    /// A checker fires with every rule whole, too: the script asks for more than is promised.
    Innocent(String),
}

/// What came of a command of the learner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What the command said.
    pub report: Report,
    /// How the task stands.
    pub verdict: Verdict,
}

/// A learner's answer, and what really was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// The learner's answer.
    pub answer: String,
    /// It is right.
    pub is_right: bool,
    /// What the engine says.
    pub truth: String,
}

/// What is remembered of a step, also when the learner goes back.
#[derive(Clone, Debug, Default)]
struct Record {
    /// How it was done, the first time.
    outcome: Option<Outcome>,
    /// Hints given.
    hints: usize,
    /// Those of them that were given before the step was done the first time.
    paid: usize,
    /// The commands with which the learner did it.
    kept: Vec<Command>,
    /// What was predicted, the first time.
    answered: Vec<Answered>,
}

/// One way through a lesson.
#[derive(Clone, Debug)]
pub struct Attempt {
    lesson: Arc<Lesson>,
    at: usize,
    /// What the step asks is done.
    done: bool,
    /// Commands given in each step, those of the scene first.
    history: Vec<Vec<Command>>,
    records: Vec<Record>,
    /// What the task wants, and whether it is so.
    checks: Vec<(String, bool)>,
    /// What was told when the step began.
    scene: Vec<Told>,
    /// What was told when the prediction came to be.
    happened: Vec<Told>,
    /// A checker has fired for a script that is no proof.
    spoiled: bool,
    /// How often a cluster took the place of another.
    clusters: u64,
}

impl Attempt {
    /// Begins a lesson: its first step, and the cluster for it.
    ///
    /// # Errors
    /// The cluster cannot be made.
    pub fn start(lesson: Arc<Lesson>) -> Result<(Self, Session), Refusal> {
        let steps = lesson.steps.len();
        let mut session = fresh(lesson.profile_at(0))?;
        let mut attempt = Self {
            lesson,
            at: 0,
            done: false,
            history: vec![Vec::new(); steps],
            records: vec![Record::default(); steps],
            checks: Vec::new(),
            scene: Vec::new(),
            happened: Vec::new(),
            spoiled: false,
            clusters: 0,
        };
        attempt.enter(&mut session)?;
        Ok((attempt, session))
    }

    /// The lesson.
    #[must_use]
    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// Number of the step, from 0; the number of steps once the lesson is over.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The step; `None`: the lesson is over.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        self.lesson.steps.get(self.at)
    }

    /// The lesson is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.step().is_none()
    }

    /// What the step asks is done, or it asks nothing: [`Self::next`] goes on.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done || self.step().is_none_or(|step| step.kind == Kind::Narration)
    }

    /// Another number: another cluster has taken the place of the one before.
    #[must_use]
    pub fn cluster(&self) -> u64 {
        self.clusters
    }

    /// What was told when the step began: the commands of its scene.
    #[must_use]
    pub fn scene(&self) -> &[Told] {
        &self.scene
    }

    /// What was told when the prediction of this step came to be.
    #[must_use]
    pub fn happened(&self) -> &[Told] {
        &self.happened
    }

    /// What the task wants, and whether it is so.
    #[must_use]
    pub fn checks(&self) -> &[(String, bool)] {
        &self.checks
    }

    /// Hints of this step that were given.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        let given = self.records.get(self.at).map_or(0, |record| record.hints);
        self.step().map_or(&[], |step| &step.hints[..given.min(step.hints.len())])
    }

    /// How the step was done, the first time.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.records.get(self.at)?.outcome
    }

    /// What was predicted in this step, and what really was; empty before.
    #[must_use]
    pub fn answered(&self) -> &[Answered] {
        let is_there = |record: &&Record| self.done && !record.answered.is_empty();
        self.records.get(self.at).filter(is_there).map_or(&[], |record| &record.answered)
    }

    /// The commands that the learner gave in this step.
    #[must_use]
    pub fn script(&self) -> &[Command] {
        let Some(step) = self.step() else { return &[] };
        self.history[self.at].get(step.scene.len()..).unwrap_or_default()
    }

    /// What exists in the cluster of this step.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::of(self.lesson.profile_at(self.last()), Path::new("."))
    }

    /// The profile of the cluster of this step.
    #[must_use]
    pub fn profile(&self) -> &crate::profile::Profile {
        self.lesson.profile_at(self.last())
    }

    /// What the attempt is worth so far.
    #[must_use]
    pub fn score(&self) -> Score {
        let records = self.records.iter().map(|record| (record.outcome.as_ref(), record.paid));
        Score::of(&self.lesson, records)
    }

    /// The step whose cluster is there: the last one once the lesson is over.
    fn last(&self) -> usize {
        self.at.min(self.lesson.steps.len() - 1)
    }

    fn record(&mut self) -> &mut Record {
        let at = self.last();
        &mut self.records[at]
    }

    /// The commands given so far in the cluster that is there.
    fn past(&self) -> impl Iterator<Item = &Command> {
        let base = self.lesson.base_of(self.last());
        self.history[base..=self.last()].iter().flatten()
    }

    /// Puts another cluster in the place of the one that is there.
    fn replace(&mut self, session: &mut Session, other: Session) {
        *session = other;
        self.clusters += 1;
    }

    /// The cluster once more: what is done to it does not matter.
    fn copy(&self) -> Result<Session, Trouble> {
        repeated(self.profile(), self.past())
    }

    /// Sets the scene of the step; the cluster is there.
    fn enter(&mut self, session: &mut Session) -> Result<(), Refusal> {
        (self.done, self.spoiled) = (false, false);
        (self.scene, self.happened, self.checks) = (Vec::new(), Vec::new(), Vec::new());
        let Some(step) = self.step() else { return Ok(()) };
        let scene: Vec<Command> = step.scene.iter().map(|(_, command)| command.clone()).collect();
        self.history[self.at].clear();
        self.scene = self.perform(session, &scene)?;
        self.look()
    }

    /// Gives commands, and remembers them.
    fn perform(
        &mut self,
        session: &mut Session,
        commands: &[Command],
    ) -> Result<Vec<Told>, Refusal> {
        let mut told = Vec::new();
        for command in commands {
            let report = execute(session, command)?;
            let at = self.last();
            self.history[at].push(command.clone());
            told.push(Told { command: command.clone(), report });
        }
        Ok(told)
    }

    /// Looks, in a copy, whether the task is done.
    fn look(&mut self) -> Result<(), Refusal> {
        let Some(Kind::Task(ask)) = self.step().map(|step| &step.kind) else { return Ok(()) };
        let mut copy = self.copy()?;
        let mut checks = Vec::new();
        let mut is_fine = true;
        for (_, check) in &ask.checks {
            let report = execute(&mut copy, check)?;
            // A host's error is what a later line may expect.
            let holds = !report.is_failure();
            is_fine &= holds;
            let is_held = matches!(check, Command::Act(Action::Lose(_)));
            let looks = matches!(check, Command::Expect(_) | Command::RunUntil(..));
            if !holds || looks || is_held {
                let text = match check {
                    // How long it is waited for is nothing to do.
                    Command::RunUntil(condition, _) => condition.to_string(),
                    // What can be lost is held; to lose it is not what is asked for.
                    check if is_held => check.to_string().replacen("lose", "held", 1),
                    check => check.to_string(),
                };
                let text = text.strip_prefix("expect ").unwrap_or(&text);
                checks.push((text.to_owned(), holds));
            }
        }
        self.checks = checks;
        self.done = is_fine;
        Ok(())
    }

    /// On to the next step. One that was done before, and to which the learner has gone back, is done
    /// again as it was done then.
    ///
    /// # Errors
    /// There is something to do first, the lesson is over, or the cluster cannot go on.
    pub fn next(&mut self, session: &mut Session) -> Result<(), Refusal> {
        let Some(step) = self.step() else { return no("the lesson is over") };
        if !self.is_done() {
            if self.records[self.at].outcome.is_none() {
                return no(match step.kind {
                    Kind::Predict { .. } => "say first what will be",
                    Kind::Narration | Kind::Task(_) | Kind::Hunt { .. } => {
                        "there is something to do first"
                    }
                });
            }
            self.repeat(session)?;
        }
        self.at += 1;
        if self.step().is_some_and(|step| step.fresh.is_some()) {
            self.replace(session, fresh(self.profile())?);
        }
        self.enter(session)
    }

    /// Does a step as it was done before, from its beginning.
    fn repeat(&mut self, session: &mut Session) -> Result<(), Refusal> {
        let Some(step) = self.step() else { return Ok(()) };
        let commands = match &step.kind {
            Kind::Predict { then, .. } => then.iter().map(|(_, command)| command.clone()).collect(),
            Kind::Narration | Kind::Task(_) => self.records[self.at].kept.clone(),
            // The next step has a cluster of its own, or goes on with what the scene has made.
            Kind::Hunt { .. } => Vec::new(),
        };
        if !self.script().is_empty() {
            self.go(session, self.at)?;
        }
        let told = self.perform(session, &commands)?;
        self.look()?;
        if matches!(self.step().map(|step| &step.kind), Some(Kind::Predict { .. })) {
            self.happened = told;
        }
        self.done = true;
        Ok(())
    }

    /// Back to the beginning of the step before.
    ///
    /// # Errors
    /// This is the first step, or the cluster cannot be made.
    pub fn back(&mut self, session: &mut Session) -> Result<(), Refusal> {
        match self.at.checked_sub(1) {
            Some(to) => self.go(session, to),
            None => no("this is the first step"),
        }
    }

    /// This step from its beginning; after the end, the last one.
    ///
    /// # Errors
    /// The cluster cannot be made.
    pub fn again(&mut self, session: &mut Session) -> Result<(), Refusal> {
        self.go(session, self.last())
    }

    /// To the beginning of a step that was reached before: its cluster is made anew.
    fn go(&mut self, session: &mut Session, to: usize) -> Result<(), Refusal> {
        let base = self.lesson.base_of(to);
        let past = self.history[base..to].iter().flatten();
        let other = repeated(self.lesson.profile_at(to), past)?;
        self.replace(session, other);
        for history in &mut self.history[to..] {
            history.clear();
        }
        self.at = to;
        self.enter(session)
    }
}
