//! The whole of a run in the console: going to and fro, forks, two runs side by side.

use super::conversation::{click, press};
use super::fake;
use super::ladder::Played;
use super::screens::{Form, draw, golden, shown, text};
use amflab::protocol::id::Block;
use amflab::trace::action::Action;
use amflab::trace::{Ask, Command, Engine, HoldFilter, Mark, Seek};
use amflab::tui::model::timeline::{RunShown, Shown, TimelineState};
use amflab::tui::model::{About, Model, Pane, Screen};
use amflab::tui::snapshot::Cluster;
use amflab::tui::update::{Effect, Msg, update};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// A recording in which one stands in the middle, and a run that branched off it.
pub(super) fn played(form: Form) -> Played {
    let mut played = Played::open();
    let plain = shown(fake::snapshot(), Screen::Timeline, form);
    played.model.glyphs = plain.glyphs;
    played.model.theme = plain.theme;
    played.model.no_color = plain.no_color;
    let survey = played.player.survey();
    played.model.timeline.know(survey);
    played.press("7 : 'goto_120' enter");
    let run = |name: &str, of: Option<(&str, u64)>, steps, here| RunShown {
        name: name.to_owned(),
        of: of.map(|(name, at)| (name.to_owned(), at)),
        steps,
        here,
    };
    played.model.runs =
        vec![run("main", None, 220, true), run("late", Some(("main", 97)), 131, false)];
    played.model.notice = None;
    played
}

fn compared(model: &mut Model) {
    let arrow = model.glyphs.arrow.to_string();
    let side = |words: &[&str]| words.iter().map(|word| word.replace('→', &arrow)).collect();
    let names = ["main".to_owned(), "late".to_owned()];
    let sides = [
        side(&["    98 amf0→amf1    < grant b3 no copy", "    99 amf1→disk0   < disk0 wrote b3"]),
        side(&["", "    98 amf1→disk0   < disk0 wrote b3", "   101 amf1         F crash amf1"]),
    ];
    update(model, Msg::Compared(Box::new((names, 97, sides))));
    model.notice = None;
}

/// Two runs beside each other.
pub(super) fn comparing(form: Form) -> Model {
    let mut played = played(form);
    compared(&mut played.model);
    played.model
}

#[test]
fn a_run_that_begins_says_what_it_has() {
    let mut running = shown(fake::snapshot(), Screen::Timeline, Form::Default);
    let screen = text(&draw(&mut running, (80, 24)));
    assert!(screen.contains("nothing has happened yet") && screen.contains("only this run"));
}

#[test]
fn a_recording_goes_from_mark_to_mark() {
    let mut played = played(Form::Default);
    let survey = played.player.survey().unwrap();
    played.press("[");
    assert_eq!(played.model.cluster.now.step, 0);
    let mut at = 0;
    while let Some(next) = survey.next(Mark::Answer, at) {
        played.press("o");
        assert_eq!(played.model.cluster.now.step, next, "from answer to answer");
        at = next;
    }
    assert!(at > 0, "hosts are answered in it");
    played.press("o");
    assert!(played.screen().contains("no answer to a host after step"));
    played.press("O");
    assert_eq!(Some(played.model.cluster.now.step), survey.previous(Mark::Answer, at));
    played.press("[ f");
    assert_eq!(Some(played.model.cluster.now.step), survey.next(Mark::Fault, 0), "a crash");
    played.press("[ v");
    assert!(played.screen().contains("no violation after step 0"));
    let effects = press(&mut played.model, "e");
    assert_eq!(effects, [Effect::FindBlock(played.model.selected.block, true)]);
}

#[test]
fn the_strip_is_pressed_and_scrubbed() {
    let mut played = played(Form::Default);
    draw(&mut played.model, (100, 30));
    let effects = click(&mut played.model, 1, 2);
    assert_eq!(effects, [Effect::Run(Command::Act(Action::Seek(Seek::To(0))))], "its left end");
    assert_eq!(played.model.focus(), Pane::Strip);
    played.carry_out(effects);
    let mut drag = |column| {
        let kind = MouseEventKind::Drag(MouseButton::Left);
        let event = MouseEvent { kind, column, row: 2, modifiers: KeyModifiers::NONE };
        let effects = update(&mut played.model, Msg::Mouse(event));
        played.carry_out(effects);
        played.model.cluster.now.step
    };
    let middle = drag(50);
    assert!((90..=130).contains(&middle), "{middle}");
    assert_eq!(drag(99), 220, "beyond its edge: its end");
    played.press("left");
    let back = played.model.cluster.now.step;
    assert!((215..220).contains(&back), "a column back: {back}");
}

#[test]
fn a_run_that_goes_on_is_looked_back_at() {
    let mut model = shown(fake::snapshot(), Screen::Timeline, Form::Default);
    let here = model.cluster.now.step;
    assert_eq!(press(&mut model, ","), [Effect::Rewind(Seek::By(-1))]);
    assert_eq!(press(&mut model, "["), [Effect::Rewind(Seek::To(0))]);
    assert_eq!(press(&mut model, ": 'seek_7' enter"), [Effect::Rewind(Seek::To(7))]);
    assert_eq!(press(&mut model, "]"), [], "it is there already");
    assert_eq!(press(&mut model, "b"), [Effect::Fork(None)]);
    assert_eq!(press(&mut model, ": 'fork_other' enter"), [Effect::Fork(Some("other".to_owned()))]);
    assert_eq!(press(&mut model, ": 'branch_main' enter"), [Effect::Branch("main".to_owned())]);
    let names = ["main".to_owned(), "b1".to_owned()];
    assert_eq!(press(&mut model, ": 'compare_main_b1' enter"), [Effect::Compare(names)]);
    model.timeline.take(&amflab::trace::Event {
        step: here - 3,
        now: model.cluster.now.now,
        node: amflab::protocol::id::NodeId::Witness,
        kind: amflab::trace::EventKind::Fault("crash amf1".to_owned()),
    });
    assert_eq!(press(&mut model, "F"), [Effect::Rewind(Seek::To(here - 3))]);
    model.select_block(9);
    assert_eq!(press(&mut model, "E"), [Effect::FindBlock(Block(9), false)]);
    assert_eq!(press(&mut model, "e o"), [], "what comes has not happened");
    // While everything is held, one operation can be let happen.
    model.cluster.now.step_mode = true;
    assert_eq!(press(&mut model, "o"), [Effect::StepOperation]);
    assert_eq!(press(&mut model, "."), [Effect::Run(Command::Act(Action::Step(1)))]);
    // In the past nothing runs: the key that lets it run leads back.
    model.cluster.now.step_mode = false;
    let hold = Command::Act(Action::Hold(HoldFilter::ALL));
    assert_eq!(press(&mut model, "space"), [Effect::Run(hold)]);
    model.timeline.rewound = true;
    assert_eq!(press(&mut model, "space"), [Effect::GoOn]);
}

#[test]
fn at_its_end_the_past_becomes_the_present() {
    let mut played = played(Form::Default);
    played.model.timeline.rewound = true;
    played.press("] ,");
    assert_eq!(played.model.cluster.now.step, 219);
    played.press(".");
    assert_eq!(press(&mut played.model, "."), [Effect::GoOn]);
}

#[test]
fn another_run_is_shown_and_the_first_one_again() {
    let mut played = played(Form::Default);
    let before = text(&draw(&mut played.model, (120, 40)));
    let mut model = played.model.clone();
    let profile = fake::profile();
    let other = Cluster::new(fake::snapshot());
    let mut stage = Shown::new(About::new(&profile), other, TimelineState::default());
    model.select_block(2);
    model.exchange(&mut stage);
    assert_eq!(model.about.blocks, 16_384);
    assert_eq!(model.cluster.now, fake::snapshot());
    model.select_block(9_000);
    model.exchange(&mut stage);
    assert!(model.selected.block.0 < model.about.blocks, "inside this volume");
    model.select_block(played.model.selected.block.0);
    model.selected = played.model.selected.clone();
    assert_eq!(text(&draw(&mut model, (120, 40))), before);
}

#[test]
fn runs_are_chosen_compared_and_given_up() {
    let mut played = played(Form::Default);
    let model = &mut played.model;
    draw(model, (100, 30));
    model.focus_on(Pane::Branches);
    assert_eq!(press(model, "down enter"), [Effect::Branch("late".to_owned())]);
    let both = ["late".to_owned(), "main".to_owned()];
    assert_eq!(press(model, "C"), [Effect::Compare(both)]);
    assert_eq!(press(model, "delete"), [Effect::Unbranch("late".to_owned())]);
    press(model, ": 'branches' enter");
    assert!(text(&draw(model, (100, 30))).contains("main <, late (of main, 97)"));
    compared(model);
    assert_eq!(model.focus(), Pane::Compare);
    let screen = text(&draw(model, (100, 30)));
    assert!(screen.contains("98 amf0→amf1    < grant b3") && screen.contains("F crash amf1"));
    assert_eq!(press(model, "enter"), [Effect::Run(Command::Act(Action::Seek(Seek::To(97))))]);
    press(model, "esc");
    assert_eq!(model.focus(), Pane::Around);
    let names = ["a".to_owned(), "b".to_owned()];
    update(model, Msg::Compared(Box::new((names, 5, [Vec::new(), Vec::new()]))));
    assert!(text(&draw(model, (100, 30))).contains("a and b are equal: 5 steps"));
    assert_eq!(press(model, "enter"), [], "neither is shown");
    let asked = played.player.snapshot(&Ask::BRIEF);
    assert_eq!(asked.engine, "recording");
}

/// Steps differ before anything is seen of it: what stands out is the first event that does.
#[test]
fn the_first_difference_that_is_seen_stands_out() {
    let mut played = played(Form::Default);
    let side = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let names = ["main".to_owned(), "late".to_owned()];
    let sides = [
        side(&["    98 amf0→amf1    < grant b3 no copy", "    99 amf1         F crash amf1"]),
        side(&["    99 amf0→amf1    < grant b3 no copy", "   100 amf1         F pause amf1"]),
    ];
    update(&mut played.model, Msg::Compared(Box::new((names, 97, sides))));
    played.model.notice = None;
    golden("compare-seen-80x24", &draw(&mut played.model, (80, 24)));
}

#[test]
fn runs_and_rows_of_a_comparison_are_filtered() {
    let mut played = played(Form::Default);
    let model = &mut played.model;
    draw(model, (100, 30));
    model.focus_on(Pane::Branches);
    press(model, "/ 'lte' enter");
    let screen = text(&draw(model, (100, 30)));
    assert!(screen.contains("late") && !screen.contains("main  220"), "{screen}");
    assert_eq!(
        press(model, "enter"),
        [Effect::Branch("late".to_owned())],
        "what is shown is selected"
    );
    press(model, "esc");
    compared(model);
    press(model, "/ 'crash' enter");
    let screen = text(&draw(model, (100, 30)));
    assert!(screen.contains("F crash amf1") && !screen.contains("grant b3"), "{screen}");
}

#[test]
fn a_marked_step_is_held_against_another_one() {
    let mut played = played(Form::Default);
    played.press("d");
    assert!(played.screen().contains("no step of this run is marked"));
    played.press(": 'goto_60' enter a : 'goto_200' enter");
    assert_eq!(played.model.marked_step(), Some(60));
    let screen = played.screen();
    let under = screen.lines().nth(4).unwrap();
    assert!(
        under.contains(" a ") && under.contains("step 200"),
        "the mark is on the strip: {under}"
    );
    assert_eq!(press(&mut played.model, "d"), [Effect::Differ(60, 200)]);
    let found = played.player.differences(60, 200).unwrap().unwrap();
    let one = found.changes.iter().find(|change| change.what.starts_with("line ")).unwrap().clone();
    update(&mut played.model, Msg::Differences(Box::new(found)));
    for size in [(40, 12), (80, 24), (200, 60)] {
        let screen = text(&draw(&mut played.model, size));
        assert!(screen.contains("Steps 60 and 200: "), "{screen}");
    }
    // It is filtered as the help is, by the machine, too.
    let words = format!("/ '{}_{}' enter", one.place(), one.what.split(' ').nth(1).unwrap());
    press(&mut played.model, &words);
    let screen = text(&draw(&mut played.model, (120, 40)));
    assert!(screen.contains(&one.what) && screen.contains(&one.place()), "{screen}");
    press(&mut played.model, "esc esc");
    assert!(!text(&draw(&mut played.model, (120, 40))).contains("Steps 60 and 200"));
    // Steps are named on the line, too; wrong ones are refused there.
    let line = |words: &str| format!(": '{words}' enter");
    assert_eq!(press(&mut played.model, &line("diff_3_7")), [Effect::Differ(3, 7)]);
    assert_eq!(press(&mut played.model, &line("diff_999999")), []);
    assert!(text(&draw(&mut played.model, (120, 40))).contains("`999999` is no step of this run"));
}
