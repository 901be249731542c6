//! The Learn screen: golden pictures, keys, and a learner at a real terminal.

use super::conversation::{click, press};
use super::fake;
use super::pty::{Console, assert_given_back};
use super::screens::{Form, draw, golden, shown, text};
use amflab::lesson::{Attempt, Score, parse};
use amflab::protocol::Protocol;
use amflab::session::Session;
use amflab::trace::parse_command;
use amflab::tui::model::learn::{LessonRow, StepShown};
use amflab::tui::model::{Modal, Model, Pane, Screen};
use amflab::tui::update::{Effect, LearnEffect, Msg, update};
use std::sync::Arc;

const LESSON: &str = r#"
title = "What is shared?"
summary = "for tests"

[[step]]
say = """
A copy of a block in a cache is a *line*. Its state is one letter, and there is more to say about it than there is
room on a small screen, so that one has to scroll down for the end of it.
  M  modified: the only valid copy, newer than the disks
  S  shared: a valid copy; others may have one, too
"""
do = """
write amf1 1 "here"
"""
task = "Let amf0 have block 3 in M, with a write that a host makes."
check = """
expect state amf0 3 M
expect value amf0 3 "alpha"
"""
solution = """
write amf0 3 "alpha"
"""
wrong = """
read amf0 3
"""
hints = ["write AMF BLOCK \"text\"", "write amf0 3 \"alpha\""]
after = "amf0 asked everybody, and everybody granted."

[[step]]
say = "amf1 is going to read what amf0 has written."
predict = "In which states will the block be?"
then = """
read amf1 3
"""
ask = ["state amf0 3", "state amf1 3", "source"]
hints = ["Two copies, both valid."]
after = "Both copies are valid: S and S."
"#;

fn started() -> (Attempt, Session) {
    let lesson = parse("shared", "shared.toml", LESSON).unwrap();
    Attempt::start(Arc::new(lesson)).unwrap()
}

fn give(attempt: &mut Attempt, session: &mut Session, shown: &mut StepShown, text: &str) {
    let command = parse_command(text, &attempt.limits()).unwrap();
    let given = attempt.give(session, &command).unwrap();
    let done = core::mem::take(&mut shown.done);
    *shown = StepShown::of(attempt);
    shown.done = done;
    shown.did(&command, &given.report);
    shown.judged(&given.verdict);
}

/// What the screen is told at five moments of a lesson.
fn moments() -> Vec<(&'static str, StepShown)> {
    let (mut attempt, mut session) = started();
    let begun = StepShown::of(&attempt);
    let mut tried = begun.clone();
    give(&mut attempt, &mut session, &mut tried, "write amf0 3 \"beta\"");
    attempt.hint();
    tried.hints = attempt.hints().to_vec();
    let mut solved = begun.clone();
    give(&mut attempt, &mut session, &mut solved, "write amf0 3 \"alpha\"");
    attempt.next(&mut session).unwrap();
    let mut asked = StepShown::of(&attempt);
    asked.questions[0].answer = Some("S".to_owned());
    attempt.answer(&mut session, &["S", "I", "amf0"].map(str::to_owned)).unwrap();
    let mut answered = StepShown::of(&attempt);
    answered.verdict = vec!["2 of 3 right.".to_owned()];
    attempt.next(&mut session).unwrap();
    let over = StepShown::of(&attempt);
    vec![
        ("begun", begun),
        ("tried", tried),
        ("solved", solved),
        ("asked", asked),
        ("answered", answered),
        ("over", over),
    ]
}

fn rows() -> Vec<LessonRow> {
    let titles = ["What is an AMF?", "A write takes its data from the host", "The read search"];
    titles
        .into_iter()
        .enumerate()
        .map(|(at, title)| LessonRow {
            name: format!("0{}-{}", at + 1, title.to_lowercase().replace([' ', '?'], "-")),
            title: title.to_owned(),
            summary: format!("What there is to know about {}.", title.to_lowercase()),
            minutes: 6,
            claims: vec![1 + u8::try_from(at).unwrap()],
            passed: at == 0,
            best: [Some((7, 7)), Some((2, 9)), None][at],
            left_at: [None, None, Some((2, 5))][at],
        })
        .collect()
}

pub(super) fn learning(step: Option<StepShown>, form: Form) -> Model {
    let mut model = shown(fake::snapshot(), Screen::Learn, form);
    model.learn.rows = rows();
    model.learn.at = 1;
    let pane = if step.is_some() { Pane::Lesson } else { Pane::Lessons };
    model.learn.step = step;
    model.focus_on(pane);
    model
}

/// At one of those moments.
pub(super) fn at(wanted: &str, form: Form) -> Model {
    let (_, step) = moments().into_iter().find(|(which, _)| *which == wanted).unwrap();
    let mut model = learning(Some(step), form);
    if matches!(wanted, "tried" | "solved" | "answered") {
        model.learn.scroll = usize::MAX;
    }
    model
}

#[test]
fn an_answer_is_typed_on_the_line_with_keys() {
    let asked = moments().swap_remove(3).1;
    let mut model = learning(Some(asked), Form::Default);
    assert_eq!(press(&mut model, "enter 's'"), []);
    golden("learn-answer-80x24", &draw(&mut model, (80, 24)));
    // Two are missing: the line opens again for the next one.
    assert_eq!(press(&mut model, "enter"), []);
    assert!(matches!(model.modal, Modal::Answer(_)));
    let answers = ["S", "s", "amf0"].map(str::to_owned).to_vec();
    assert_eq!(press(&mut model, "'amf0' enter"), [Effect::Learn(LearnEffect::Answer(answers))]);
    assert!(matches!(model.modal, Modal::None));
}

/// A letter that is not offered is no wrong answer: it is asked for again.
#[test]
fn a_state_that_the_protocol_does_not_have_is_no_answer() {
    let asked = moments().swap_remove(3).1;
    let mut model = learning(Some(asked), Form::Default);
    Arc::make_mut(&mut model.cluster.now.view).protocol = Protocol::Broadcast;
    let next = model.learn.step.as_ref().and_then(StepShown::next_question);
    for (keys, said) in [
        ("'e'", "`E` is no line state of broadcast (M S I)"),
        ("'x'", "`X` is no line state of broadcast (M S I)"),
        ("", "an answer is missing"),
    ] {
        assert_eq!(press(&mut model, &format!("enter {keys} enter")), []);
        let step = model.learn.step.as_ref().unwrap();
        assert_eq!((step.verdict[0].as_str(), step.next_question()), (said, next));
        press(&mut model, "esc");
    }
}

#[test]
fn keys_of_a_lesson_are_its_own() {
    let [begun, _, solved, ..] = &moments()[..] else { panic!("there are more") };
    let mut model = learning(Some(begun.1.clone()), Form::Default);
    let one = |effect| vec![Effect::Learn(effect)];
    assert_eq!(press(&mut model, "i"), one(LearnEffect::Hint));
    assert_eq!(press(&mut model, "b"), one(LearnEffect::Back));
    assert_eq!(press(&mut model, "a"), one(LearnEffect::Again));
    assert_eq!(press(&mut model, "n"), one(LearnEffect::Next));
    // What cannot be taken back is asked for.
    assert_eq!(press(&mut model, "v"), []);
    assert_eq!(press(&mut model, "y"), one(LearnEffect::Solve));
    assert_eq!(press(&mut model, "e n"), []);
    assert_eq!(press(&mut model, "e y"), one(LearnEffect::Leave));
    // A task wants a command.
    assert_eq!(press(&mut model, "enter"), []);
    assert!(matches!(model.modal, Modal::Line(_)));
    press(&mut model, "esc");
    let mut model = learning(Some(solved.1.clone()), Form::Default);
    assert_eq!(press(&mut model, "enter"), one(LearnEffect::Next));
    assert_eq!(press(&mut model, "v"), [], "there is nothing to solve");
}

#[test]
fn the_list_is_filtered_and_a_lesson_taken_from_it() {
    let mut model = learning(None, Form::Default);
    model.screen = Screen::Dashboard;
    press(&mut model, "9 home");
    assert_eq!((model.screen, model.focus(), model.learn.at), (Screen::Learn, Pane::Lessons, 0));
    press(&mut model, "/ 'search' enter");
    assert_eq!(model.learn.shown().count(), 1);
    assert!(text(&draw(&mut model, (80, 24))).contains("/search: 1"));
    let name = rows()[2].name.clone();
    assert_eq!(press(&mut model, "enter"), [Effect::Learn(LearnEffect::Open(name))]);
    press(&mut model, "esc down down down");
    assert_eq!((model.learn.shown().count(), model.learn.at), (3, 2));
    // Fuzzy, and by claim.
    press(&mut model, "/ 'wrthst' enter");
    assert_eq!(
        model.learn.selected().map(|row| row.title.as_str()),
        Some(rows()[1].title.as_str())
    );
    press(&mut model, "esc / 'claim_3' enter");
    assert_eq!(model.learn.selected().map(|row| row.name.clone()), Some(rows()[2].name.clone()));
    press(&mut model, "esc");
    draw(&mut model, (80, 24));
    assert_eq!(click(&mut model, 10, 3), []);
    let first = rows()[1].name.clone();
    assert_eq!(click(&mut model, 10, 3), [Effect::Learn(LearnEffect::Open(first))]);
}

#[test]
fn a_new_step_is_read_from_its_top_and_what_comes_of_it_from_its_end() {
    let moments = moments();
    let mut model = learning(None, Form::Default);
    model.screen = Screen::Dashboard;
    update(&mut model, Msg::Lesson(Some(Box::new(moments[0].1.clone()))));
    assert_eq!((model.screen, model.focus(), model.learn.scroll), (Screen::Learn, Pane::Lesson, 0));
    model.screen = Screen::Caches;
    update(&mut model, Msg::Lesson(Some(Box::new(moments[1].1.clone()))));
    assert_eq!(model.screen, Screen::Caches, "a lesson does not take the screen");
    model.screen = Screen::Learn;
    let end = text(&draw(&mut model, (40, 12)));
    assert!(end.contains("hint 1 of 2"), "{end}");
    press(&mut model, "home");
    let top = text(&draw(&mut model, (40, 12)));
    assert!(top.contains("A copy of a block") && top.contains("more"), "{top}");
    press(&mut model, "down");
    assert_eq!(model.learn.scroll, 1);
    press(&mut model, "end");
    assert_eq!(text(&draw(&mut model, (40, 12))), end);
    update(&mut model, Msg::Lesson(Some(Box::new(moments[3].1.clone()))));
    assert_eq!(model.learn.scroll, 0);
    update(&mut model, Msg::Lesson(None));
    assert_eq!(model.focus(), Pane::Lessons);
}

#[test]
fn without_a_lesson_its_keys_say_so() {
    let mut model = learning(None, Form::Default);
    assert_eq!(press(&mut model, ": 'lesson-back' enter"), []);
    assert!(model.notice.as_ref().is_some_and(|notice| notice.text.contains("no lesson")));
    assert_eq!(
        press(&mut model, ": 'lesson_7' enter"),
        [Effect::Learn(LearnEffect::Open("7".to_owned()))]
    );
    let over = StepShown { kind: "end", score: Score::default(), ..StepShown::default() };
    model.learn.step = Some(over);
    model.focus_on(Pane::Lesson);
    assert_eq!(press(&mut model, "enter"), [Effect::Learn(LearnEffect::Leave)]);
}

/// The first lesson from its first word to its end card, at a real terminal.
#[test]
fn a_learner_does_the_first_lesson() {
    let folder = tempfile::tempdir().unwrap();
    let progress = folder.path().join("progress.toml").display().to_string();
    let mut console = Console::real(80, 24, &["learn", "--progress", &progress]);
    console.until_text("What is an AMF?");
    console.type_keys("\r");
    console.until_text("step 1 of 4");
    console.type_keys("\r");
    console.until_text("[ ] state amf0 3 M");
    // A mistake, a hint, and the way back.
    console.type_keys("\rwrite amf1 3 \"alpha\"\r");
    console.until_text("amf1 told 1 AMF");
    console.type_keys("i");
    console.until_text("hint 1 of 2");
    console.type_keys("a");
    console.until("begun again", |screen, _| !screen.contains("amf1 told"));
    // The cluster of the lesson is on the other screens, too; a command there counts.
    console.type_keys("1:write amf0 3 \"alpha\"\r");
    console.until_text("9 leads to the lesson");
    console.type_keys("9\r");
    console.until_text("step 3 of 4");
    console.type_keys("\rS\rx\r");
    console.until_text("`X` is no");
    console.type_keys("\x7fS\r1\r");
    console.until_text("3 of 3 right");
    console.type_keys("\r");
    console.until_text("step 4 of 4");
    console.type_keys("b");
    console.until_text("step 3 of 4");
    console.type_keys("n");
    console.until_text("step 4 of 4");
    console.type_keys("\rread amf1 3\r");
    console.until_text("Done.");
    console.type_keys("\r");
    console.until_text("PASSED");
    console.until_text("6 of 7");
    console.type_keys("\r");
    console.until_text("1 of 23 passed");
    console.type_keys("q");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
    let kept = std::fs::read_to_string(&progress).unwrap();
    assert!(kept.contains("01-what-is-an-amf") && kept.contains("points = 6"), "{kept}");
}

/// A lesson in the console of another cluster: that one waits, and comes back as it was.
#[test]
fn a_lesson_gives_the_cluster_back() {
    let folder = tempfile::tempdir().unwrap();
    let progress = folder.path().join("progress.toml").display().to_string();
    let args = ["--engine", "sim", "-p", "claims", "--lesson", "20", "--progress", &progress];
    let mut console = Console::real(100, 30, &args);
    console.until_text("step 1 of 5");
    console.type_keys("ey");
    console.until_text("of 23 passed");
    console.type_keys("1:write amf1 7 \"own\"\r");
    console.until_text("amf1 told 1 AMF");
    console.type_keys(":lesson 3\r");
    console.until_text("step 1 of 5");
    console.type_keys("1:read amf0 7\r");
    console.until_text("there is nothing to do in this step");
    console.type_keys(":lesson-leave\ry");
    console.until_text("of 23 passed");
    // What had happened is still there.
    console.type_keys("6");
    console.until_text("write b7 \"own\"");
    console.type_keys("1:read amf0 7\r");
    console.until_text("\"own\"");
    console.type_keys("q");
    assert!(console.ends().0);
}

#[test]
fn new_words_stand_out_and_a_state_is_one_that_the_protocol_has() {
    let (_, begun) = moments().remove(0);
    let mut model = learning(Some(begun), Form::Default);
    let screen = text(&draw(&mut model, (80, 24)));
    assert!(screen.contains("in a cache is a line. Its state"), "{screen}");
    let asked = moments().into_iter().find(|(which, _)| *which == "asked").unwrap().1;
    for (protocol, states) in [
        (Protocol::Broadcast, "(M S I)"),
        (Protocol::Sharing, "(M E S I)"),
        (Protocol::Moesi, "(M O E S I L)"),
    ] {
        let mut model = learning(Some(asked.clone()), Form::Default);
        Arc::make_mut(&mut model.cluster.now.view).protocol = protocol;
        let screen = text(&draw(&mut model, (80, 24)));
        assert!(screen.contains(&format!("block 3 in amf1 {states}?")), "{screen}");
    }
}

#[test]
fn who_does_not_pass_is_told_why_and_who_does_finds_the_next_lesson() {
    let (_, over) = moments().pop().unwrap();
    let failed = StepShown {
        score: Score { done: 0, right: 1, ..over.score },
        lesson: rows()[0].name.clone(),
        ..over.clone()
    };
    let mut model = learning(Some(failed), Form::Default);
    let screen = text(&draw(&mut model, (100, 30)));
    assert!(screen.contains("NOT PASSED"), "{screen}");
    assert!(screen.contains("has to be done without its solution: 0 of 1 were."), "{screen}");
    assert!(screen.contains("have to be right the first time: 1 of 3 were."), "{screen}");
    update(&mut model, Msg::Lesson(None));
    assert_eq!(model.learn.at, 1, "as it was");
    let passed = StepShown { lesson: rows()[1].name.clone(), ..over };
    assert!(passed.score.is_passed());
    let mut model = learning(Some(passed), Form::Default);
    update(&mut model, Msg::Lesson(None));
    assert_eq!((model.learn.at, model.focus()), (2, Pane::Lessons), "the one after it");
    assert_eq!(press(&mut model, "b"), [], "no other run begins there");
}

/// A lesson that was left, also by who leaves the console, goes on where it was; it can be begun anew.
#[test]
fn a_lesson_goes_on_where_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let progress = folder.path().join("progress.toml").display().to_string();
    let args = ["--engine", "sim", "-p", "claims", "--lesson", "1", "--progress", &progress];
    let mut console = Console::real(100, 30, &args);
    console.until_text("step 1 of 4");
    console.type_keys("\r");
    console.until_text("step 2 of 4");
    console.type_keys("i");
    console.until_text("hint 1 of 2");
    console.type_keys("q");
    assert!(console.ends().0);
    let mut console = Console::real(100, 30, &args);
    console.until_text("it goes on at step 2; R begins it anew");
    console.until_text("hint 1 of 2");
    console.type_keys("e");
    console.until_text("it goes on at this step next time");
    console.type_keys("y");
    console.until_text("of 23 passed");
    console.until_text("step 2");
    console.type_keys("\r");
    console.until_text("it goes on at step 2");
    console.type_keys("R");
    console.until_text("What was done in it so far is forgotten");
    console.type_keys("y");
    console.until_text("step 1 of 4");
    console.type_keys("q");
    assert!(console.ends().0);
    let kept = std::fs::read_to_string(&progress).unwrap();
    assert!(!kept.contains("midway"), "nothing was done yet: {kept}");
}
