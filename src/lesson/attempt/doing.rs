//! What a learner does in a step, and how it is judged.

use super::{Answered, Attempt, Given, Refusal, Told, Verdict, no};
use crate::lesson::hunt::{found, healthy, length};
use crate::lesson::model::Kind;
use crate::lesson::question::Question;
use crate::lesson::read::not_in_lessons;
use crate::lesson::score::Outcome;
use crate::lesson::stage::{Trouble, execute, finding, fresh};
use crate::protocol::Defect;
use crate::session::expect::value_of;
use crate::session::{Report, Session, Status};
use crate::trace::{Action, Command, Limits};

/// Most commands that a learner gives in one step.
const GIVEN_MAX: usize = 300;

impl Attempt {
    /// A command of the learner.
    ///
    /// # Errors
    /// It makes no sense now (nothing was done then), or the cluster cannot go on.
    pub fn give(&mut self, session: &mut Session, command: &Command) -> Result<Given, Refusal> {
        if let Some(why) = not_in_lessons(command) {
            return no(why);
        }
        let looks = matches!(command, Command::Why(..) | Command::Note(_));
        let is_over = self.is_over();
        let kind = self.step().map(|step| step.kind.clone());
        match kind {
            _ if looks || is_over => {}
            Some(Kind::Task(_) | Kind::Hunt { .. }) if self.done => {
                return no("this is done; go on to the next step");
            }
            Some(Kind::Hunt { .. }) if self.spoiled => {
                return no("a checker has fired already; begin this step again");
            }
            Some(Kind::Hunt { .. }) if matches!(command, Command::Act(Action::Defect(..))) => {
                return no("in a hunt the rule that is broken is not yours to choose");
            }
            Some(Kind::Predict { .. }) => return no("say first what will be"),
            Some(Kind::Narration) => return no("there is nothing to do in this step; go on"),
            Some(Kind::Task(_) | Kind::Hunt { .. }) | None => {}
        }
        if self.script().len() >= GIVEN_MAX {
            return no(format!("{GIVEN_MAX} commands are enough; begin this step again"));
        }
        if looks && (self.done || self.spoiled) {
            // It is looked at, and nothing is judged once more.
            let report = execute(session, command)?;
            return Ok(Given { report, verdict: Verdict::Open });
        }
        if let Some(Kind::Hunt { defect, solution, .. }) = kind {
            return self.hunt(session, command, defect, length(&solution));
        }
        let report = execute(session, command)?;
        let at = self.last();
        self.history[at].push(command.clone());
        if !is_over && !looks {
            self.look()?;
        }
        let verdict = if self.done { self.solved() } else { Verdict::Open };
        Ok(Given { report, verdict })
    }

    fn solved(&mut self) -> Verdict {
        let kept = self.script().to_vec();
        let record = self.record();
        record.outcome.get_or_insert(Outcome::Solved);
        record.kept = kept;
        Verdict::Solved
    }

    fn hunt(
        &mut self,
        session: &mut Session,
        command: &Command,
        defect: Defect,
        best: usize,
    ) -> Result<Given, Refusal> {
        let at = self.at;
        self.history[at].push(command.clone());
        let (report, finding) = match execute(session, command) {
            Ok(report) => {
                let finding = finding(session).map(|it| format!("{}: {}", it.checker, it.text));
                (report, finding)
            }
            Err(Trouble::Core(text)) => {
                // What is left of that cluster is of no use to anybody.
                self.replace(session, fresh(self.profile())?);
                (Report { status: Status::Failed, lines: vec![text.clone()], op: None }, Some(text))
            }
            Err(trouble @ Trouble::Engine(_)) => return Err(trouble.into()),
        };
        let Some(finding) = finding else { return Ok(Given { report, verdict: Verdict::Open }) };
        let script = self.script().to_vec();
        if let Some(text) = found(&healthy(self.profile()), &self.history[at])? {
            self.spoiled = true;
            return Ok(Given { report, verdict: Verdict::Innocent(text) });
        }
        let commands = length(&script);
        self.done = true;
        let record = self.record();
        record.outcome.get_or_insert(Outcome::Found { commands, best });
        record.kept = script;
        Ok(Given { report, verdict: Verdict::Found { finding, defect, commands, best } })
    }

    /// What the learner says will be: an answer for each question. Then it is made to happen.
    ///
    /// # Errors
    /// An answer is none (nothing was done then), nothing is asked, or the cluster cannot go on.
    pub fn answer(
        &mut self,
        session: &mut Session,
        answers: &[String],
    ) -> Result<Vec<Answered>, Refusal> {
        let Some(Kind::Predict { then, questions, .. }) = self.step().map(|step| step.kind.clone())
        else {
            return no("nothing is asked here");
        };
        if self.done {
            return no("this is answered; go on to the next step");
        }
        if answers.len() != questions.len() {
            return no(format!("{} answers are wanted, not {}", questions.len(), answers.len()));
        }
        let limits = self.limits();
        let expected: Result<Vec<Command>, String> = questions
            .iter()
            .zip(answers)
            .map(|(question, answer)| question.expectation(answer, &limits))
            .collect();
        let expected = expected.map_err(Refusal::No)?;
        let then: Vec<Command> = then.into_iter().map(|(_, command)| command).collect();
        self.happened = self.perform(session, &then)?;
        let mut answered = Vec::new();
        for ((question, answer), expected) in questions.iter().zip(answers).zip(&expected) {
            let (is_right, truth) = self.judge(session, question, expected, &limits)?;
            let (question, answer) = (question.clone(), answer.trim().to_owned());
            answered.push(Answered { question, answer, is_right, truth });
        }
        self.done = true;
        let right = answered.iter().filter(|answered| answered.is_right).count();
        let record = self.record();
        record.outcome.get_or_insert(Outcome::Answered { right });
        record.answered.clone_from(&answered);
        Ok(answered)
    }

    /// Whether an expectation holds, and what really is.
    fn judge(
        &self,
        session: &mut Session,
        question: &Question,
        expected: &Command,
        limits: &Limits,
    ) -> Result<(bool, String), Refusal> {
        if let Some((_, block)) = question.content(limits) {
            // Looking may take a read, which changes states: in a copy.
            let mut copy = self.copy()?;
            let op = copy.begin(expected).map_err(Trouble::Engine)?.op();
            let is_right = execute(&mut copy, expected)?.status == Status::Fine;
            let done = op.and_then(|op| copy.completion(op));
            let truth = done.and_then(|done| value_of(done, block));
            let truth = truth.map_or_else(|| "nothing".to_owned(), |truth| truth.to_string());
            return Ok((is_right, truth));
        }
        let is_right = execute(session, expected)?.status == Status::Fine;
        for candidate in question.candidates(limits) {
            let Ok(expected) = question.expectation(&candidate, limits) else { continue };
            if execute(session, &expected)?.status == Status::Fine {
                return Ok((is_right, candidate));
            }
        }
        Ok((is_right, "something else".to_owned()))
    }

    /// The next hint of this step, while there is something to do. It costs nothing once the step was done.
    pub fn hint(&mut self) -> Option<String> {
        let step = self.step().filter(|_| !self.done)?;
        let given = self.records[self.at].hints;
        let hint = step.hints.get(given)?.clone();
        let record = self.record();
        record.hints += 1;
        record.paid += usize::from(record.outcome.is_none());
        Some(hint)
    }

    /// Shows the solution: the step is begun anew, and done as the lesson would do it.
    ///
    /// # Errors
    /// There is nothing to solve, or the cluster cannot go on.
    pub fn give_up(&mut self, session: &mut Session) -> Result<Vec<Told>, Refusal> {
        if self.is_done() {
            return no("there is nothing left to do in this step");
        }
        let Some(step) = self.step() else { return no("the lesson is over") };
        let commands = match &step.kind {
            Kind::Narration => Vec::new(),
            Kind::Task(ask) => ask.solution.clone(),
            Kind::Predict { then, .. } => then.iter().map(|(_, command)| command.clone()).collect(),
            Kind::Hunt { solution, .. } => solution.clone(),
        };
        self.go(session, self.at)?;
        let at = self.at;
        let mut told = Vec::new();
        for command in &commands {
            self.history[at].push(command.clone());
            match execute(session, command) {
                Ok(report) => told.push(Told { command: command.clone(), report }),
                Err(Trouble::Core(text)) => {
                    self.replace(session, fresh(self.profile())?);
                    let report = Report { status: Status::Failed, lines: vec![text], op: None };
                    told.push(Told { command: command.clone(), report });
                    break;
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
        self.look()?;
        self.done = true;
        let record = self.record();
        record.outcome.get_or_insert(Outcome::GivenUp);
        record.kept = commands;
        Ok(told)
    }
}
