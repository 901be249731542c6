//! The log: its cursor is one with those of ladder and timeline, and its lines are filtered by source.

use super::conversation::{click, press};
use super::fake;
use super::ladder::{Played, events};
use super::screens::{Form, draw, shown, text};
use amflab::timeline::ladder::{Column, What};
use amflab::trace::action::Action;
use amflab::trace::{Command, Event, EventKind, Seek};
use amflab::tui::model::log::LINES_MAX;
use amflab::tui::model::{LogLevel, Model, Pane, Screen};
use amflab::tui::update::{Effect, Msg, update};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// A cluster that runs, in which an AMF has crashed and views were decided.
pub(super) fn running(form: Form) -> Model {
    let mut model = shown(fake::snapshot(), Screen::Ladder, form);
    for event in events() {
        update(&mut model, Msg::Event(event));
    }
    draw(&mut model, (120, 40));
    model
}

/// Ladder and log, each at the same step.
pub(super) fn linked(form: Form) -> Model {
    let mut model = running(form);
    model.focus_on(Pane::Log);
    press(&mut model, "home down");
    model
}

/// The step of the selected line.
fn selected(model: &Model) -> Option<u64> {
    let line = model.log.cursor.and_then(|id| model.log.line(id));
    line.and_then(|line| model.step_of(line))
}

fn cursor(model: &Model) -> u64 {
    model.ladder.selected().unwrap().at.step
}

#[test]
fn a_line_that_is_selected_moves_the_ladder_and_the_other_way_round() {
    let mut model = running(Form::Default);
    let steps: Vec<u64> =
        model.log_lines().iter().map(|line| model.step_of(line).unwrap()).collect();
    assert!(steps.len() >= 3, "a crash and views: {steps:?}");
    assert_eq!(selected(&model), None, "what is new is followed");
    press(&mut model, "tab home");
    assert_eq!(model.focus(), Pane::Log);
    for step in &steps {
        assert_eq!((selected(&model), cursor(&model)), (Some(*step), *step));
        press(&mut model, "down");
    }
    assert_eq!((selected(&model), model.ladder.cursor), (None, None), "past the newest");
    press(&mut model, "home");
    let what = model.ladder.selected().unwrap().what;
    assert!(
        matches!(what, What::Fault(_) | What::View(_) | What::Note(_)),
        "what the line is about: {what:?}"
    );
    // In the ladder, to the mark after this one: its line is selected.
    press(&mut model, "tab m");
    assert!(cursor(&model) > steps[0] && steps.contains(&cursor(&model)));
    assert_eq!(selected(&model), Some(cursor(&model)));
    let there = cursor(&model);
    while steps.contains(&cursor(&model)) {
        press(&mut model, "down");
    }
    // A step without a line: none is selected, and those around it are in sight.
    assert_eq!(selected(&model), None);
    let screen = text(&draw(&mut model, (120, 40)));
    let last = model.log_lines().into_iter().rev();
    let before = last.into_iter().find(|line| model.step_of(line).unwrap() <= cursor(&model));
    assert!(before.unwrap().step.as_ref().unwrap().1 >= there);
    assert!(screen.contains(&before.unwrap().text), "{screen}");
}

#[test]
fn every_line_of_the_ladders_step_is_marked() {
    let mut model = running(Form::Default);
    let step = model.step_of(model.log_lines()[0]).unwrap();
    model.write_log(LogLevel::Warn, "note", "the same step".to_owned(), Some(step));
    model.write_log(LogLevel::Warn, "note", "another step".to_owned(), Some(step + 1));
    press(&mut model, "tab z home");
    let screen = text(&draw(&mut model, (120, 40)));
    let row = |words: &str| screen.lines().find(|line| line.contains(words)).unwrap().to_owned();
    assert!(row("the same step").contains('▸'), "{screen}");
    assert!(!row("another step").contains('▸'), "{screen}");
}

#[test]
fn enter_goes_to_the_step_of_a_line() {
    let mut model = running(Form::Default);
    press(&mut model, "1");
    model.focus_on(Pane::Log);
    press(&mut model, "home");
    let step = selected(&model).unwrap();
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!((model.screen, cursor(&model)), (Screen::Ladder, step));
    press(&mut model, "7");
    model.focus_on(Pane::Log);
    assert_eq!(
        press(&mut model, "enter"),
        [Effect::Rewind(Seek::To(step))],
        "the timeline looks back"
    );
    model.write_log(LogLevel::Info, "command", "tempo 0.1".to_owned(), None);
    press(&mut model, "end up enter");
    assert!(model.notice.as_ref().unwrap().text.contains("about no step"));
}

#[test]
fn a_recording_goes_there_and_tells_a_line_once() {
    let mut played = Played::open();
    played.press("7");
    let mut log = |events: Vec<Event>| {
        for event in events {
            update(&mut played.model, Msg::Event(event));
        }
    };
    let (early, late): (Vec<Event>, Vec<Event>) =
        events().into_iter().partition(|event| event.step < 120);
    log(late);
    log(early);
    log(events());
    let lines = played.model.log_lines();
    let steps: Vec<u64> = lines.iter().map(|line| played.model.step_of(line).unwrap()).collect();
    let mut once: Vec<(u64, &str)> = lines
        .iter()
        .map(|line| (played.model.step_of(line).unwrap(), line.text.as_str()))
        .collect();
    assert!(steps.is_sorted(), "in the order of the run: {steps:?}");
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), steps.len());
    let size = (160, 48);
    draw(&mut played.model, size);
    played.model.focus_on(Pane::Log);
    played.press("home");
    assert_eq!(selected(&played.model), Some(steps[0]));
    let seek = Effect::Run(Command::Act(Action::Seek(Seek::To(steps[0]))));
    assert_eq!(press(&mut played.model, "enter"), [seek]);
}

/// Numbers of steps mean nothing in another run.
#[test]
fn lines_of_another_run_are_linked_with_nothing() {
    let mut model = running(Form::Default);
    let mut snapshot = fake::snapshot();
    snapshot.step = 0;
    model.focus_on(Pane::Log);
    press(&mut model, "home");
    model.switch(model.about.clone(), snapshot);
    assert_eq!(selected(&model), None);
    assert!(model.log_lines().iter().all(|line| model.step_of(line).is_none()));
}

#[test]
fn sources_are_shown_less_and_lines_filtered() {
    let mut model = running(Form::Default);
    update(&mut model, Msg::Logged(LogLevel::Error, "store".to_owned(), "disk2: torn".to_owned()));
    model.focus_on(Pane::Log);
    model.zoomed = true;
    let screen = |model: &mut Model| text(&draw(model, (120, 40)));
    let all = screen(&mut model);
    assert!(all.contains("EWI  :view") && all.contains("store disk2: torn"), "{all}");
    let views = |text: &str| text.lines().filter(|line| line.contains("I view")).count();
    assert!(views(&all) >= 2, "{all}");
    while model.log.source() != "view" {
        press(&mut model, "right");
    }
    press(&mut model, "v");
    let fewer = screen(&mut model);
    assert!(views(&fewer) == 0 && fewer.contains("view: warnings"), "{fewer}");
    press(&mut model, "v v v");
    assert_eq!(screen(&mut model), all, "round");
    press(&mut model, "/ 'torn' enter");
    let one = screen(&mut model);
    assert!(one.contains("torn") && !one.contains("I view"), "{one}");
    press(&mut model, "esc");
    assert!(model.log_lines().len() > 2 || !model.zoomed);
}

#[test]
fn the_log_is_bounded() {
    let mut model = fake::model(fake::snapshot());
    for step in 0..LINES_MAX as u64 + 10 {
        let kind = EventKind::Note(format!("note {step}"));
        let node = amflab::protocol::id::NodeId::Witness;
        let now = amflab::protocol::id::Instant(step);
        update(&mut model, Msg::Event(Event { step, now, node, kind }));
    }
    let lines = model.log_lines();
    assert_eq!(lines.len(), LINES_MAX);
    assert_eq!(model.step_of(lines[0]), Some(10), "the oldest go");
}

// ---- the places of the ladder

fn head(model: &mut Model) -> Vec<String> {
    let screen = text(&draw(model, (120, 40)));
    screen.lines().nth(2).unwrap().split_whitespace().skip(2).map(str::to_owned).collect()
}

fn mouse(model: &mut Model, kind: MouseEventKind, (column, row): (u16, u16)) {
    let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
    assert_eq!(update(model, Msg::Mouse(event)), []);
}

/// Where the title of a place stands.
fn title(model: &mut Model, name: &str) -> (u16, u16) {
    let screen = text(&draw(model, (120, 40)));
    let line = screen.lines().nth(2).unwrap();
    let at = line.find(&format!(" {name} ")).unwrap() + 1;
    (u16::try_from(line[..at].chars().count()).unwrap(), 2)
}

#[test]
fn places_are_reordered_and_hidden_by_keys() {
    let mut model = running(Form::Default);
    let usual = head(&mut model);
    assert_eq!(usual[..3], ["hosts", "amf0", "amf1"], "{usual:?}");
    press(&mut model, "right right ) )");
    assert_eq!(model.ladder.column, Some(Column::Amf(amflab::protocol::id::AmfId(0))));
    assert_eq!(head(&mut model)[..4], ["hosts", "amf1", "amf2", "amf0"]);
    press(&mut model, "( ( ( (");
    assert_eq!(head(&mut model)[..3], ["amf0", "hosts", "amf1"]);
    assert!(model.notice.as_ref().unwrap().text.contains("amf0 is the first place"));
    press(&mut model, "delete");
    assert!(!head(&mut model).contains(&"amf0".to_owned()));
    press(&mut model, ": 'columns_all' enter");
    assert_eq!(head(&mut model), usual);
}

#[test]
fn a_title_is_dragged_and_one_that_is_only_pressed_is_hidden() {
    let mut model = running(Form::Default);
    let (down, up) =
        (MouseEventKind::Down(MouseButton::Left), MouseEventKind::Up(MouseButton::Left));
    let drag = MouseEventKind::Drag(MouseButton::Left);
    let from = title(&mut model, "hosts");
    mouse(&mut model, down, from);
    assert_eq!(head(&mut model)[0], "hosts", "nothing is done before it is let go");
    let onto = title(&mut model, "amf1");
    mouse(&mut model, drag, onto);
    assert_eq!(head(&mut model)[..3], ["amf0", "amf1", "hosts"]);
    mouse(&mut model, up, onto);
    assert_eq!(head(&mut model)[..3], ["amf0", "amf1", "hosts"], "it is not hidden");
    let at = title(&mut model, "amf0");
    click(&mut model, at.0, at.1);
    mouse(&mut model, up, at);
    assert_eq!(head(&mut model)[..2], ["amf1", "hosts"]);
}

/// Every place comes into sight, however narrow the screen is.
#[test]
fn the_selected_place_is_always_on_the_screen() {
    let mut model = running(Form::Default);
    draw(&mut model, (60, 24));
    let last = amflab::tui::model::ladder::columns(&model).len();
    for _ in 0..last {
        press(&mut model, "right");
        let wanted = model.ladder.column.unwrap().title();
        let screen = text(&draw(&mut model, (60, 24)));
        let head = screen.lines().nth(2).unwrap();
        let short = wanted.replace("hosts", "H").replace("witness", "W").replace("amf", "a");
        let short = short.replace("disk", "d");
        assert!(head.contains(&wanted) || head.contains(&short), "{wanted}: {head}");
    }
    press(&mut model, &"left ".repeat(last));
    assert_eq!(model.ladder.first_column, 0);
}
