//! Lessons as the screen shows them: the list, and the step at hand. The attempt itself is outside.

use crate::lesson::{Attempt, Kind, Question, Score, Verdict};
use crate::session::Report;
use crate::trace::Command;

/// Lines that are kept of what was done in a step.
const DONE_MAX: usize = 200;

/// A lesson of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonRow {
    /// Its name.
    pub name: String,
    /// A few words.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// How long it takes.
    pub minutes: u8,
    /// Claims that are its subject.
    pub claims: Vec<u8>,
    /// It was passed.
    pub passed: bool,
    /// Points of the best attempt, and how many there were; `None`: never ended.
    pub best: Option<(u32, u32)>,
    /// The step at which an attempt was left, from 1, and how many there are.
    pub left_at: Option<(usize, usize)>,
}

impl LessonRow {
    /// True if every word of a filter is in it, or letters of the name in their order.
    #[must_use]
    pub fn matches(&self, filter: &str) -> bool {
        let claims = self.claims.iter().map(|claim| format!(" claim {claim} "));
        let text = format!("{} {} {}", self.name, self.title, self.summary).to_lowercase();
        let text = text + &claims.collect::<String>();
        filter.to_lowercase().split_whitespace().all(|word| {
            let mut letters = self.name.chars();
            text.contains(word) || word.chars().all(|c| letters.any(|other| other == c))
        })
    }
}

/// A question, and what the learner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionShown {
    /// Which.
    pub question: Question,
    /// What the learner said.
    pub answer: Option<String>,
    /// What really was, once it was.
    pub truth: Option<String>,
    /// The answer is right.
    pub is_right: bool,
}

/// The step at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepShown {
    /// Name of the lesson.
    pub lesson: String,
    /// Its title.
    pub title: String,
    /// Number of the step, from 1.
    pub number: usize,
    /// How many there are.
    pub steps: usize,
    /// `read`, `task`, `predict`, `hunt`; `end` once it is over.
    pub kind: &'static str,
    /// The narration.
    pub say: String,
    /// What is asked.
    pub text: String,
    /// What was done in this step, and what it said; a command begins with `> `.
    pub done: Vec<String>,
    /// What the task wants, and whether it is so.
    pub checks: Vec<(String, bool)>,
    /// What is to be predicted.
    pub questions: Vec<QuestionShown>,
    /// Hints that were given.
    pub hints: Vec<String>,
    /// How many there are.
    pub hints_all: usize,
    /// Nothing is left to do in this step.
    pub is_done: bool,
    /// What came of it: a hunt's finding, for example.
    pub verdict: Vec<String>,
    /// What is said once the step is done.
    pub after: String,
    /// What the attempt is worth so far.
    pub score: Score,
}

impl StepShown {
    /// Of an attempt.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Self {
        let lesson = attempt.lesson();
        let mut shown = Self {
            lesson: lesson.name.clone(),
            title: lesson.title.clone(),
            number: attempt.at() + 1,
            steps: lesson.steps.len(),
            kind: "end",
            is_done: attempt.is_done(),
            score: attempt.score(),
            ..Self::default()
        };
        let Some(step) = attempt.step() else { return shown };
        shown.kind = step.kind.word();
        step.say.clone_into(&mut shown.say);
        step.kind.text().clone_into(&mut shown.text);
        shown.checks = attempt.checks().to_vec();
        shown.hints = attempt.hints().to_vec();
        shown.hints_all = step.hints.len();
        if attempt.is_done() {
            step.after.clone_into(&mut shown.after);
        }
        if let Kind::Predict { questions, .. } = &step.kind {
            let answered = attempt.answered();
            shown.questions = questions
                .iter()
                .enumerate()
                .map(|(at, question)| QuestionShown {
                    question: question.clone(),
                    answer: answered.get(at).map(|answered| answered.answer.clone()),
                    truth: answered.get(at).map(|answered| answered.truth.clone()),
                    is_right: answered.get(at).is_some_and(|answered| answered.is_right),
                })
                .collect();
        }
        for told in attempt.scene().iter().chain(attempt.happened()) {
            shown.did(&told.command, &told.report);
        }
        shown
    }

    /// A command was given in this step.
    pub fn did(&mut self, command: &Command, report: &Report) {
        let typed = command.to_string();
        // What only says the command once more says nothing.
        let said = report.lines.iter().filter(|line| **line != typed).cloned();
        self.done.push(format!("> {typed}"));
        self.done.extend(said);
        let more = self.done.len().saturating_sub(DONE_MAX);
        self.done.drain(..more);
    }

    /// Says what came of a command in other words.
    pub fn retell(&mut self, said: &Report, better: &Report) {
        for (said, better) in said.lines.iter().zip(&better.lines) {
            if let Some(line) = self.done.iter_mut().find(|line| *line == said) {
                better.clone_into(line);
            }
        }
    }

    /// What a command came to.
    pub fn judged(&mut self, verdict: &Verdict) {
        self.verdict = match verdict {
            Verdict::Open => Vec::new(),
            Verdict::Solved => vec!["Done.".to_owned()],
            Verdict::Found { finding, defect, commands, best } => vec![
                format!("Found: {finding}"),
                format!("The broken rule is {defect}: it {}.", defect.summary()),
                format!("Your script has {commands} commands; the best known has {best}."),
            ],
            Verdict::Innocent(finding) => vec![
                "A checker fires, but it does so with every rule whole, too:".to_owned(),
                finding.clone(),
                "Begin this step again.".to_owned(),
            ],
        };
    }

    /// The first question without an answer.
    #[must_use]
    pub fn next_question(&self) -> Option<usize> {
        let open = |question: &QuestionShown| question.answer.is_none();
        self.questions.iter().position(open).filter(|_| !self.is_done)
    }

    /// True once the lesson is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.kind == "end"
    }
}

/// Lessons as the screen shows them.
#[derive(Clone, Debug, Default)]
pub struct LearnState {
    /// Every lesson.
    pub rows: Vec<LessonRow>,
    /// The selected one among those that the filter lets through.
    pub at: usize,
    /// Words a lesson must have to be shown.
    pub filter: String,
    /// The step at hand, while a lesson is taken.
    pub step: Option<StepShown>,
    /// First row of the step that is shown.
    pub scroll: usize,
}

impl LearnState {
    /// The lessons that the filter lets through.
    pub fn shown(&self) -> impl Iterator<Item = &LessonRow> {
        self.rows.iter().filter(|row| row.matches(&self.filter))
    }

    /// The selected lesson.
    #[must_use]
    pub fn selected(&self) -> Option<&LessonRow> {
        self.shown().nth(self.at)
    }
}
