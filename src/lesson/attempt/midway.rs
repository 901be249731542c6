//! A lesson that was left in the middle: what is kept of an attempt so that it goes on there. Its commands are
//! repeated, as they are when one goes back a step, so the cluster is what it was.

use super::{Answered, Attempt, Record, Refusal};
use crate::lesson::model::{Kind, Lesson};
use crate::lesson::score::Outcome;
use crate::session::Session;
use crate::trace::{Command, Limits, parse_command};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// An attempt that is not over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Midway {
    /// Which text of the lesson it is about: of another one, nothing of this is of use.
    pub lesson: u32,
    /// Steps that are behind, and how many there are.
    pub at: usize,
    /// All of them.
    pub of: usize,
    /// The step that one is at is done.
    pub done: bool,
    /// Commands that were given in it.
    #[serde(default)]
    pub given: Vec<String>,
    /// What is remembered of each step up to there.
    #[serde(default)]
    pub steps: Vec<Memory>,
}

/// What is remembered of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Hints given, and those of them that cost a point.
    #[serde(default)]
    hints: [usize; 2],
    /// The commands with which it was done.
    #[serde(default)]
    kept: Vec<String>,
    /// Answers, and what really was, the first time.
    #[serde(default)]
    answers: Vec<[String; 2]>,
    /// Which of them were right.
    #[serde(default)]
    right: Vec<bool>,
    /// How it was done, the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

/// The text of a lesson in short.
fn digest(lesson: &Lesson) -> u32 {
    crc32c::crc32c(format!("{lesson:?}").as_bytes())
}

fn told(commands: &[Command]) -> Vec<String> {
    commands.iter().map(ToString::to_string).collect()
}

impl Attempt {
    /// What is to be kept of it; `None`: nothing was done yet, or it is over.
    #[must_use]
    pub fn midway(&self) -> Option<Midway> {
        let touched =
            self.records.iter().any(|record| record.outcome.is_some() || record.hints > 0);
        if self.is_over() || (self.at == 0 && !touched && self.script().is_empty()) {
            return None;
        }
        let memory = |record: &Record| Memory {
            outcome: record.outcome,
            hints: [record.hints, record.paid],
            kept: told(&record.kept),
            answers: record
                .answered
                .iter()
                .map(|answered| [answered.answer.clone(), answered.truth.clone()])
                .collect(),
            right: record.answered.iter().map(|answered| answered.is_right).collect(),
        };
        Some(Midway {
            lesson: digest(&self.lesson),
            at: self.at,
            of: self.lesson.steps.len(),
            done: self.done,
            given: told(self.script()),
            // One may have gone back: what is known of later steps counts, too.
            steps: self.records.iter().map(memory).collect(),
        })
    }

    /// Goes on where an attempt was left; `None`: it was one of another text of this lesson, or what was kept
    /// of it does not fit.
    ///
    /// # Errors
    /// The cluster cannot be made.
    pub fn resume(
        lesson: &Arc<Lesson>,
        midway: &Midway,
    ) -> Result<Option<(Self, Session)>, Refusal> {
        let steps = lesson.steps.len();
        if midway.lesson != digest(lesson) || midway.at >= steps || midway.steps.len() != steps {
            return Ok(None);
        }
        let (mut attempt, mut session) = Self::start(Arc::clone(lesson))?;
        for (at, memory) in midway.steps.iter().enumerate() {
            let Some(record) = attempt.remembered(at, memory) else { return Ok(None) };
            attempt.records[at] = record;
        }
        for _ in 0..midway.at {
            match attempt.next(&mut session) {
                Ok(()) => {}
                Err(Refusal::No(_)) => return Ok(None),
                Err(broken) => return Err(broken),
            }
        }
        let Some(given) = attempt.read(attempt.at, &midway.given) else { return Ok(None) };
        if midway.done && attempt.records[attempt.at].outcome.is_some() {
            attempt.repeat(&mut session)?;
            return Ok(Some((attempt, session)));
        }
        for command in &given {
            match attempt.give(&mut session, command) {
                Ok(_) | Err(Refusal::No(_)) => {}
                Err(broken) => return Err(broken),
            }
        }
        Ok(Some((attempt, session)))
    }

    /// Commands of a step as they were written down; `None`: they are none.
    fn read(&self, at: usize, lines: &[String]) -> Option<Vec<Command>> {
        let limits = Limits::of(self.lesson.profile_at(at), Path::new("."));
        lines.iter().map(|line| parse_command(line, &limits).ok()).collect()
    }

    fn remembered(&self, at: usize, memory: &Memory) -> Option<Record> {
        let Memory { outcome, hints: [hints, paid], kept, answers, right } = memory;
        let kept = self.read(at, kept)?;
        let mut answered = Vec::new();
        if let Kind::Predict { questions, .. } = &self.lesson.steps[at].kind
            && !answers.is_empty()
        {
            if answers.len() != questions.len() || right.len() != questions.len() {
                return None;
            }
            for ((question, [answer, truth]), is_right) in questions.iter().zip(answers).zip(right)
            {
                let (question, answer, truth) = (question.clone(), answer.clone(), truth.clone());
                answered.push(Answered { question, answer, is_right: *is_right, truth });
            }
        }
        Some(Record { outcome: *outcome, hints: *hints, paid: *paid, kept, answered })
    }
}
