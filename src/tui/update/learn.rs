//! The Learn screen: what its keys do, and what comes back from the attempt.

use super::super::keymap::Key;
use super::super::model::learn::StepShown;
use super::super::model::{Confirm, Level, LineInput, Modal, Model, Pane, Screen};
use super::super::view::{layout, lesson};
use super::{Effect, LearnEffect, typing};
use crossterm::event::KeyCode;
use tui_input::Input;

/// Rows that an arrow scrolls in a page.
const PAGE: usize = 10;

fn learn(effect: LearnEffect) -> Vec<Effect> {
    vec![Effect::Learn(effect)]
}

/// `enter` in the list: takes the selected lesson.
pub fn take(model: &mut Model) -> Vec<Effect> {
    let Some(name) = model.learn.selected().map(|row| row.name.clone()) else {
        model.say(Level::Info, "no lesson matches the filter; esc clears it");
        return Vec::new();
    };
    open(model, &name)
}

/// Takes a lesson; asks once if another one is under way.
pub fn open(model: &mut Model, name: &str) -> Vec<Effect> {
    let effects = learn(LearnEffect::Open(name.to_owned()));
    match &model.learn.step {
        Some(step) if !step.is_over() => {
            model.modal = Modal::Confirm(Confirm {
                question: format!("Leave {}?", step.lesson),
                reason: "It is not over; it goes on at this step next time.".to_owned(),
                then: effects,
            });
            Vec::new()
        }
        Some(_) | None => effects,
    }
}

/// Why nothing is done where no lesson is taken.
fn no_lesson(model: &mut Model) -> Vec<Effect> {
    model.say(Level::Info, "no lesson is taken; 9 shows them");
    Vec::new()
}

/// `enter` in a lesson: on, or what there is to do first.
pub fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(step) = &model.learn.step else { return no_lesson(model) };
    if step.is_over() {
        return learn(LearnEffect::Leave);
    }
    if step.is_done {
        return learn(LearnEffect::Next);
    }
    if step.next_question().is_some() {
        model.modal = Modal::Answer(Input::default());
        return Vec::new();
    }
    model.modal = Modal::Line(LineInput::default());
    Vec::new()
}

/// To the next step, also if this one was done before.
pub fn next(model: &mut Model) -> Vec<Effect> {
    step(model, LearnEffect::Next)
}

/// To the step before.
pub fn back(model: &mut Model) -> Vec<Effect> {
    step(model, LearnEffect::Back)
}

/// This step once more.
pub fn again(model: &mut Model) -> Vec<Effect> {
    step(model, LearnEffect::Again)
}

/// The next hint.
pub fn hint(model: &mut Model) -> Vec<Effect> {
    step(model, LearnEffect::Hint)
}

fn step(model: &mut Model, effect: LearnEffect) -> Vec<Effect> {
    if model.learn.step.is_none() { no_lesson(model) } else { learn(effect) }
}

/// The solution; asks once.
pub fn solve(model: &mut Model) -> Vec<Effect> {
    let Some(step) = &model.learn.step else { return no_lesson(model) };
    if step.is_done {
        model.say(Level::Info, "there is nothing left to do in this step");
        return Vec::new();
    }
    model.modal = Modal::Confirm(Confirm {
        question: "Show the solution?".to_owned(),
        reason: "It is worth no points, and the lesson cannot be passed with it.".to_owned(),
        then: learn(LearnEffect::Solve),
    });
    Vec::new()
}

/// Ends the lesson; asks once if it is not over.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(step) = &model.learn.step else { return no_lesson(model) };
    if step.is_over() {
        return learn(LearnEffect::Leave);
    }
    model.modal = Modal::Confirm(Confirm {
        question: "Leave the lesson?".to_owned(),
        reason: "It is not over; it goes on at this step next time.".to_owned(),
        then: learn(LearnEffect::Leave),
    });
    Vec::new()
}

/// The lesson that is taken, or the selected one, from its beginning; asks once if something is lost by it.
pub fn anew(model: &mut Model) -> Vec<Effect> {
    let taken = model.learn.step.as_ref().filter(|_| model.focus() != Pane::Lessons);
    let (name, at) = match (taken, model.learn.selected()) {
        (Some(step), _) => (step.lesson.clone(), Some(step.number)),
        (None, Some(row)) => (row.name.clone(), row.left_at.map(|(at, _)| at)),
        (None, None) => return no_lesson(model),
    };
    let effects = learn(LearnEffect::Anew(name.clone()));
    if at.is_none() || taken.is_some_and(StepShown::is_over) {
        return effects;
    }
    model.modal = Modal::Confirm(Confirm {
        question: format!("Begin {name} anew?"),
        reason: "What was done in it so far is forgotten.".to_owned(),
        then: effects,
    });
    Vec::new()
}

/// A key while an answer is typed.
pub fn answer(model: &mut Model, mut input: Input, key: Key) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {}
        _ => {
            typing::key(&mut input, key);
            model.modal = Modal::Answer(input);
            return Vec::new();
        }
    }
    let typed = input.value().trim().to_owned();
    let Some(step) = &mut model.learn.step else { return Vec::new() };
    let Some(at) = step.next_question() else { return Vec::new() };
    model.learn.scroll = usize::MAX;
    let question = &step.questions[at].question;
    let foreign = question.foreign(&typed, model.cluster.now.view.protocol);
    let why = || question.expectation(&typed, &model.about.limits).err();
    if let Some(why) = foreign.filter(|_| !typed.is_empty()).or_else(why) {
        step.verdict = vec![why];
        model.modal = Modal::Answer(input);
        return Vec::new();
    }
    step.verdict.clear();
    step.questions[at].answer = Some(typed);
    if step.next_question().is_some() {
        model.modal = Modal::Answer(Input::default());
        return Vec::new();
    }
    let answers = step.questions.iter().filter_map(|question| question.answer.clone()).collect();
    learn(LearnEffect::Answer(answers))
}

/// The step at hand is another one, or stands otherwise.
pub fn shown(model: &mut Model, step: Option<StepShown>) -> Vec<Effect> {
    let was = model.learn.step.as_ref().map(|step| (step.lesson.clone(), step.number));
    let is = step.as_ref().map(|step| (step.lesson.clone(), step.number));
    // A new step is read from its top; what comes of something stands at its end.
    model.learn.scroll = if was == is { usize::MAX } else { 0 };
    let ended = model.learn.step.as_ref().filter(|step| step.is_over() && is.is_none());
    if let Some(passed) = ended.filter(|step| step.score.is_passed()).map(|s| s.lesson.clone()) {
        // Back in the list: the one after it is next.
        let at = model.learn.shown().position(|row| row.name == passed);
        let last = model.learn.shown().count().saturating_sub(1);
        model.learn.at = at.map_or(model.learn.at, |at| (at + 1).min(last));
    }
    let began = was.as_ref().map(|(name, _)| name) != is.as_ref().map(|(name, _)| name);
    model.learn.step = step;
    if began {
        let pane = if model.learn.step.is_some() { Pane::Lesson } else { Pane::Lessons };
        model.screen = Screen::Learn;
        model.focus_on(pane);
    }
    Vec::new()
}

/// The screen is shown: the lesson, or the list, gets the keys.
pub fn show(model: &mut Model) -> Vec<Effect> {
    let pane = if model.learn.step.is_some() { Pane::Lesson } else { Pane::Lessons };
    model.focus_on(pane);
    if model.learn.rows.is_empty() { learn(LearnEffect::List) } else { Vec::new() }
}

/// Up or down: in the list a lesson, in a lesson a row.
pub fn go(model: &mut Model, down: isize) {
    if model.focus() == Pane::Lessons {
        let last = model.learn.shown().count().saturating_sub(1);
        model.learn.at = model.learn.at.saturating_add_signed(down).min(last);
        return;
    }
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Lesson));
    let last = area.map_or(0, |area| lesson::last_scroll(area, model));
    model.learn.scroll = model.learn.scroll.min(last).saturating_add_signed(down).min(last);
}

/// A page up or down.
pub fn page(model: &mut Model, is_down: bool) {
    let area = layout::plan(model).and_then(|plan| plan.inner(Pane::Lesson));
    let rows = area.map_or(PAGE, |area| usize::from(area.height.saturating_sub(1)).max(1));
    let rows = isize::try_from(rows).unwrap_or(1);
    go(model, if is_down { rows } else { -rows });
}
