//! A lesson in the console: its cluster takes the place of the console's own, which waits meanwhile.

use super::super::model::learn::{LessonRow, StepShown};
use super::super::model::timeline::TimelineState;
use super::super::model::{About, Heat, Level, Model, Screen, Selected};
use super::super::update::{LearnEffect, Msg, acts};
use super::execute::told;
use super::stage::Stage;
use super::{Console, ConsoleError};
use crate::lesson::{self, Attempt, Kind, Progress, ProgressTrouble, Refusal, Verdict};
use crate::session::{Report, Session, Status};
use crate::trace::{Ask, Command};

/// Lessons as the console has them.
pub(super) struct Lessons {
    progress: Progress,
    taken: Option<Taken>,
}

/// A lesson that is being taken.
struct Taken {
    attempt: Attempt,
    /// Which of its clusters is on the screen.
    cluster: u64,
    /// Its end was written down.
    is_kept: bool,
    /// The console's own cluster, and what was selected in it.
    own: Stage,
    selected: Selected,
    heat: Heat,
}

impl Lessons {
    pub(super) fn new(progress: Progress) -> Self {
        Self { progress, taken: None }
    }

    /// A lesson is being taken: time stands still.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// Writes down where the lesson that is taken stands.
    fn keep(&mut self) -> Result<(), ProgressTrouble> {
        let is_open = |taken: &&Taken| !taken.attempt.is_over() && !taken.is_kept;
        let Some(taken) = self.taken.as_ref().filter(is_open) else {
            return Ok(());
        };
        self.progress.left(&taken.attempt.lesson().name, taken.attempt.midway())
    }

    /// The list, with what was done so far.
    pub(super) fn rows(&self) -> Vec<LessonRow> {
        let lessons = lesson::builtin().iter().filter_map(|(name, _)| lesson::load(name).ok());
        lessons
            .map(|lesson| {
                let kept = self.progress.of(&lesson.name);
                LessonRow {
                    passed: kept.is_some_and(|kept| kept.passed),
                    best: kept.map(|kept| (kept.points, kept.of)),
                    left_at: self.progress.midway(&lesson.name).map(|left| (left.at + 1, left.of)),
                    name: lesson.name,
                    title: lesson.title,
                    summary: lesson.summary,
                    minutes: lesson.minutes,
                    claims: lesson.claims,
                }
            })
            .collect()
    }
}

impl Console {
    /// What the Learn screen wants done.
    pub(super) fn learn(
        &mut self,
        session: &mut Session,
        effect: LearnEffect,
    ) -> Result<(), ConsoleError> {
        self.acted = true;
        let done = match effect {
            LearnEffect::List => {
                let rows = self.lessons.rows();
                return self.tell(session, Msg::LessonList(rows));
            }
            LearnEffect::Open(name) => return self.open_lesson(session, &name, false),
            LearnEffect::Anew(name) => return self.open_lesson(session, &name, true),
            LearnEffect::Leave => return self.leave_lesson(session),
            LearnEffect::Next => self.move_on(session, Attempt::next),
            LearnEffect::Back => self.move_on(session, Attempt::back),
            LearnEffect::Again => self.move_on(session, Attempt::again),
            LearnEffect::Hint => self.hint(session),
            LearnEffect::Solve => self.solve(session),
            LearnEffect::Answer(answers) => self.answer(session, &answers),
        };
        match done {
            Ok(()) => Ok(()),
            Err(refusal) => {
                // Answers that were not taken are asked for again.
                let asks = self.model.learn.step.as_ref().is_some_and(|s| !s.questions.is_empty());
                if asks || matches!(refusal, Refusal::Broken(_)) {
                    self.show_step(session, |_| {})?;
                }
                self.tell(session, Msg::Say(Level::Bad, refusal.to_string()))
            }
        }
    }

    /// Takes a lesson: where it was left, or from its beginning.
    fn open_lesson(
        &mut self,
        session: &mut Session,
        name: &str,
        is_anew: bool,
    ) -> Result<(), ConsoleError> {
        if self.is_elsewhere() {
            let text =
                "not while you look back, or are on a branch; N goes on, `:branch` goes back";
            return self.tell(session, Msg::Say(Level::Bad, text.to_owned()));
        }
        let lesson = match lesson::load(name) {
            Ok(lesson) => lesson,
            Err(why) => {
                let why = why.replace("\n  hint:", "  hint:");
                return self.tell(session, Msg::Say(Level::Bad, why));
            }
        };
        // What is left of the one that is taken may be what is asked for.
        self.leave_lesson(session)?;
        let begun = self.lessons.progress.begin(lesson, !is_anew);
        let (attempt, other) = match begun {
            Ok(begun) => begun,
            Err(refusal) => {
                return self.tell(session, Msg::Say(Level::Bad, refusal.to_string()));
            }
        };
        let (here, seen) = (self.here.clone(), TimelineState::default());
        let mut own = Stage::of_session(here, other, attempt.profile(), self, seen);
        // A hunt's secret.
        own.about().config.defect = None;
        let (selected, heat) = (self.model.selected.clone(), self.model.heat);
        self.exchange(session, &mut own);
        (self.model.selected, self.model.heat) = Model::at_first(&self.model.about);
        let cluster = attempt.cluster();
        let is_kept = false;
        self.lessons.taken = Some(Taken { attempt, cluster, is_kept, own, selected, heat });
        // Everything that led here is told.
        self.refresh(session)?;
        let at = self.lessons.taken.as_ref().map_or(0, |taken| taken.attempt.at());
        self.show_step(session, |_| {})?;
        if at == 0 {
            return Ok(());
        }
        let text = format!("it goes on at step {}; R begins it anew", at + 1);
        self.tell(session, Msg::Say(Level::Info, text))
    }

    /// Ends the lesson, if one is taken: the console's own cluster goes on.
    pub(super) fn leave_lesson(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        if !self.end_lesson(session) {
            return Ok(());
        }
        session.pump();
        let rows = self.lessons.rows();
        self.tell(session, Msg::LessonList(rows))?;
        self.tell(session, Msg::Lesson(None))?;
        self.refresh(session)
    }

    /// The console's own cluster is there again; false: it was.
    pub(super) fn end_lesson(&mut self, session: &mut Session) -> bool {
        // What cannot be written was said when the step began.
        drop(self.lessons.keep());
        let Some(Taken { mut own, selected, heat, .. }) = self.lessons.taken.take() else {
            return false;
        };
        self.exchange(session, &mut own);
        (self.model.selected, self.model.heat) = (selected, heat);
        true
    }

    /// The screen shows another cluster of the lesson.
    fn switch(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        taken.cluster = taken.attempt.cluster();
        let mut about = About::new(taken.attempt.profile());
        // A hunt's secret.
        about.config.defect = None;
        // Everything that led here is told again.
        self.mark = 0;
        let snapshot = session.snapshot(&Ask::BRIEF);
        self.tell(session, Msg::Switched(Box::new(about), Box::new(snapshot)))?;
        self.refresh(session)
    }

    /// Shows the step as it stands, with what is to be added to it.
    fn show_step(
        &mut self,
        session: &mut Session,
        add: impl FnOnce(&mut StepShown),
    ) -> Result<(), ConsoleError> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        if taken.cluster != taken.attempt.cluster() {
            self.switch(session)?;
        }
        // The stories of what was done are in the events.
        self.take_events(session)?;
        let Some(taken) = &self.lessons.taken else { return Ok(()) };
        let mut shown = StepShown::of(&taken.attempt);
        for told in taken.attempt.scene().iter().chain(taken.attempt.happened()) {
            shown.retell(&told.report, &self.with_story(session, &told.report));
        }
        add(&mut shown);
        let mut said = self.lessons.keep().err().map(|trouble| in_a_line(&trouble));
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        if taken.attempt.is_over() && !taken.is_kept {
            taken.is_kept = true;
            let (name, score) = (taken.attempt.lesson().name.clone(), taken.attempt.score());
            let kept = self.lessons.progress.ended(&name, &score);
            said = kept.err().map(|trouble| in_a_line(&trouble));
            let rows = self.lessons.rows();
            self.tell(session, Msg::LessonList(rows))?;
        }
        self.tell(session, Msg::Lesson(Some(Box::new(shown))))?;
        self.refresh(session)?;
        match said {
            Some(trouble) => self.tell(session, Msg::Say(Level::Bad, trouble)),
            None => Ok(()),
        }
    }

    /// What came of a command, its sentence completed by what was seen, as everywhere in the console.
    fn with_story(&self, session: &Session, report: &Report) -> Report {
        let mut report = report.clone();
        let done = report.op.and_then(|op| session.completion(op));
        if let (Some(done), [sentence]) = (done, &mut report.lines[..]) {
            *sentence = self.model.cluster.story(done, sentence);
        }
        report
    }

    /// To another step.
    fn move_on(
        &mut self,
        session: &mut Session,
        step: impl FnOnce(&mut Attempt, &mut Session) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        step(&mut taken.attempt, session)?;
        self.shown(session, |_| {})
    }

    /// As [`Self::show_step`]; what goes wrong with the screen is told like a refusal.
    fn shown(
        &mut self,
        session: &mut Session,
        add: impl FnOnce(&mut StepShown),
    ) -> Result<(), Refusal> {
        self.show_step(session, add).map_err(|error| Refusal::No(error.to_string()))
    }

    fn hint(&mut self, session: &mut Session) -> Result<(), Refusal> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        if taken.attempt.hint().is_none() {
            return Err(Refusal::No("there is no more hint".to_owned()));
        }
        self.with_what_was_done(session)
    }

    /// The step as it stands, and what was done in it stays on the screen.
    fn with_what_was_done(&mut self, session: &mut Session) -> Result<(), Refusal> {
        let step = self.model.learn.step.clone().unwrap_or_default();
        self.shown(session, |shown| {
            shown.done = step.done;
            shown.verdict = step.verdict;
            for (question, typed) in shown.questions.iter_mut().zip(step.questions) {
                question.answer = question.answer.take().or(typed.answer);
            }
        })
    }

    fn solve(&mut self, session: &mut Session) -> Result<(), Refusal> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        let told = taken.attempt.give_up(session)?;
        let mut verdict = vec!["This is the solution.".to_owned()];
        if let Some(Kind::Hunt { defect, .. }) = taken.attempt.step().map(|step| &step.kind) {
            verdict.push(format!("The broken rule is {defect}: it {}.", defect.summary()));
        }
        // The stories of what was done are in the events.
        self.shown(session, |_| {})?;
        let told: Vec<_> = told
            .into_iter()
            .map(|told| (self.with_story(session, &told.report), told.command))
            .collect();
        self.shown(session, |shown| {
            for (report, command) in &told {
                shown.did(command, report);
            }
            shown.verdict = verdict;
        })
    }

    fn answer(&mut self, session: &mut Session, answers: &[String]) -> Result<(), Refusal> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        let answered = taken.attempt.answer(session, answers)?;
        let right = answered.iter().filter(|answered| answered.is_right).count();
        let of = answered.len();
        self.shown(session, |shown| {
            shown.verdict = vec![format!("{right} of {of} right.")];
        })
    }

    /// A command of the learner, from whatever key or line.
    pub(super) fn lesson_command(
        &mut self,
        session: &mut Session,
        command: &Command,
    ) -> Result<(), ConsoleError> {
        let Some(taken) = &mut self.lessons.taken else { return Ok(()) };
        let before = taken.cluster;
        let given = match taken.attempt.give(session, command) {
            Ok(given) => given,
            Err(refusal) => return self.tell(session, Msg::Say(Level::Bad, refusal.to_string())),
        };
        let is_new = taken.attempt.cluster() != before;
        if !is_new {
            self.take_events(session)?;
            let report = given.report.clone();
            let said = told(session, command.clone(), report);
            self.tell(session, said)?;
            if self.model.screen == Screen::Learn {
                // It stands in the lesson; here it would hide the caches.
                self.model.notice = None;
            }
        }
        let is_elsewhere = self.model.screen != Screen::Learn;
        let report =
            if is_new { given.report.clone() } else { self.with_story(session, &given.report) };
        let step = self.model.learn.step.clone().unwrap_or_default();
        self.show_step(session, |shown| {
            shown.done = step.done;
            shown.did(command, &report);
            shown.judged(&given.verdict);
        })?;
        match given.verdict {
            Verdict::Solved | Verdict::Found { .. } if is_elsewhere => {
                let text = "the task is done; 9 leads to the lesson".to_owned();
                self.tell(session, Msg::Say(Level::Info, text))
            }
            Verdict::Innocent(finding) => {
                let text = format!("fires with every rule whole, too: {finding}");
                self.tell(session, Msg::Say(Level::Warn, text))
            }
            Verdict::Open if given.report.status == Status::Refused => {
                let text = given.report.lines.join("  ");
                self.tell(session, Msg::Say(Level::Bad, text))
            }
            Verdict::Open | Verdict::Solved | Verdict::Found { .. } => Ok(()),
        }
    }
}

impl Console {
    /// The lesson, or the list, that the console was asked to begin with.
    pub(super) fn begin_with_lesson(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(name) = self.lesson.take() else { return Ok(()) };
        self.model.hint = false;
        for effect in acts::show(&mut self.model, Screen::Learn) {
            self.effect(session, effect)?;
        }
        if name.is_empty() { Ok(()) } else { self.open_lesson(session, &name, false) }
    }
}

fn in_a_line(trouble: &ProgressTrouble) -> String {
    trouble.to_string().replace("\n  hint:", "  hint:")
}
