//! A lesson against itself: its solutions solve it, what it calls wrong does not, and predictions can be
//! wrong. What a teacher wants to know before a learner does, and what the tests of the built-in lessons
//! are.

use super::attempt::{Attempt, Refusal, Verdict};
use super::hunt::{found, healthy};
use super::model::{Kind, Lesson, Step};
use super::read::LessonError;
use super::score::Score;
use crate::profile::{Place, Problem};
use crate::session::{Report, Session};
use crate::trace::{Command, Limits};
use std::sync::Arc;

/// Goes through the lesson with its own solutions, and tries what is wrong on the way.
///
/// # Errors
/// Everything that is not as the lesson says, with its line.
pub fn prove(lesson: &Lesson) -> Result<Score, LessonError> {
    let mut prover = Prover { lesson: Arc::new(lesson.clone()), problems: Vec::new() };
    let ended = prover.whole();
    let score = match ended {
        Ok(score) => score,
        Err(refusal) => {
            prover.refuse(1, "step", refusal.to_string());
            Score::default()
        }
    };
    if prover.problems.is_empty() {
        return Ok(score);
    }
    Err(LessonError { problems: prover.problems })
}

struct Prover {
    lesson: Arc<Lesson>,
    problems: Vec<Problem>,
}

impl Prover {
    fn refuse(&mut self, line: usize, key: &str, text: impl Into<String>) {
        let place = Place::Line { file: self.lesson.file.clone(), line };
        let hint = None;
        self.problems.push(Problem { place, key: key.to_owned(), text: text.into(), hint });
    }

    fn whole(&mut self) -> Result<Score, Refusal> {
        let (mut attempt, mut session) = Attempt::start(Arc::clone(&self.lesson))?;
        while let Some(step) = attempt.step().cloned() {
            let before = self.problems.len();
            self.scene(&attempt, &step);
            self.step(&mut attempt, &mut session, &step)?;
            if self.problems.len() > before {
                // What comes after would be wrong for the same reason.
                break;
            }
            attempt.next(&mut session)?;
        }
        Ok(attempt.score())
    }

    fn scene(&mut self, attempt: &Attempt, step: &Step) {
        for ((line, command), told) in step.scene.iter().zip(attempt.scene()) {
            if told.report.is_failure() {
                self.refuse(*line, "do", failed(command, &told.report));
            }
        }
    }

    fn step(
        &mut self,
        attempt: &mut Attempt,
        session: &mut Session,
        step: &Step,
    ) -> Result<(), Refusal> {
        match &step.kind {
            Kind::Narration => {}
            Kind::Task(ask) => {
                if attempt.is_done() {
                    self.refuse(step.line, "check", "holds before anything was done");
                    return Ok(());
                }
                for command in &ask.wrong {
                    let verdict = attempt.give(session, command)?.verdict;
                    if verdict == Verdict::Solved {
                        self.refuse(step.line, "wrong", format!("`{command}` solves the task"));
                        return Ok(());
                    }
                }
                attempt.again(session)?;
                self.solve(attempt, session, step, &ask.solution)?;
            }
            Kind::Predict { .. } => self.predict(attempt, session, step)?,
            Kind::Hunt { solution, .. } => {
                let profile = attempt.profile().clone();
                let scene = step.scene.iter().map(|(_, command)| command);
                let script: Vec<Command> = scene.chain(solution).cloned().collect();
                if found(&profile, &script)?.is_none() {
                    self.refuse(step.line, "solution", "no checker fires with the broken rule");
                    return Ok(());
                }
                if let Some(text) = found(&healthy(&profile), &script)? {
                    let text = format!("a checker fires with every rule whole, too: {text}");
                    self.refuse(step.line, "solution", text);
                    return Ok(());
                }
                self.solve(attempt, session, step, solution)?;
            }
        }
        Ok(())
    }

    /// Gives the solution; the last command of it, and none before, does what is wanted.
    fn solve(
        &mut self,
        attempt: &mut Attempt,
        session: &mut Session,
        step: &Step,
        solution: &[Command],
    ) -> Result<(), Refusal> {
        for (at, command) in solution.iter().enumerate() {
            let given = attempt.give(session, command)?;
            if attempt.is_done() {
                let more = solution.len() - at - 1;
                if more > 0 {
                    let text = format!("is done {more} commands before its end");
                    self.refuse(step.line, "solution", text);
                }
                return Ok(());
            }
            let is_hunt = matches!(step.kind, Kind::Hunt { .. });
            if given.report.is_failure() && !is_hunt {
                self.refuse(step.line, "solution", failed(command, &given.report));
                return Ok(());
            }
        }
        let open = attempt.checks().iter().filter(|(_, holds)| !holds);
        let open: Vec<&str> = open.map(|(text, _)| text.as_str()).collect();
        let text = format!("does not do what is asked; what does not hold: {}", open.join(", "));
        self.refuse(step.line, "solution", text);
        Ok(())
    }

    /// Answers wrongly, goes back, and answers rightly.
    fn predict(
        &mut self,
        attempt: &mut Attempt,
        session: &mut Session,
        step: &Step,
    ) -> Result<(), Refusal> {
        let Kind::Predict { questions, .. } = &step.kind else { return Ok(()) };
        let limits = attempt.limits();
        let any: Vec<String> =
            questions.iter().map(|question| something(question, &limits, "")).collect();
        // In an attempt of its own: the first answer counts.
        let mut other = attempt.clone();
        let truths: Vec<String> =
            other.answer(session, &any)?.into_iter().map(|answered| answered.truth).collect();
        let wrong: Vec<String> = questions
            .iter()
            .zip(&truths)
            .map(|(question, truth)| something(question, &limits, truth))
            .collect();
        let mut other = attempt.clone();
        other.again(session)?;
        for (question, answered) in questions.iter().zip(other.answer(session, &wrong)?) {
            if answered.is_right {
                let text = format!("`{}` is right for `{}`, too", answered.answer, question.probe);
                self.refuse(question.line, "ask", text);
            }
        }
        attempt.again(session)?;
        for (question, answered) in questions.iter().zip(attempt.answer(session, &truths)?) {
            if !answered.is_right {
                let text = format!("no answer to `{}` is right", question.probe);
                self.refuse(question.line, "ask", text);
            }
        }
        Ok(())
    }
}

/// An answer of the right form that is not `truth`.
fn something(question: &super::Question, limits: &Limits, truth: &str) -> String {
    let candidates = question.candidates(limits);
    let fits =
        |answer: &&String| answer.as_str() != truth && question.expectation(answer, limits).is_ok();
    candidates.iter().find(fits).cloned().unwrap_or_else(|| "\"nobody wrote this\"".to_owned())
}

fn failed(command: &Command, report: &Report) -> String {
    let said = report.lines.join("; ");
    if said.is_empty() { format!("`{command}` failed") } else { format!("`{command}`: {said}") }
}
