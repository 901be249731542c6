//! The space-time diagram in the console: of a cluster that runs, and of a recording.

use super::conversation::{click, press};
use super::fake;
use super::screens::{Form, draw, shown, text};
use crate::ladder::recorded;
use amflab::protocol::id::{Block, OpId};
use amflab::timeline::ladder::{Address, What};
use amflab::timeline::{Player, Timeline};
use amflab::trace::action::Action;
use amflab::trace::{Ask, Command, Engine, Event, Mark};
use amflab::tui::model::{About, Model, Pane, Screen};
use amflab::tui::snapshot::Cluster;
use amflab::tui::theme::Theme;
use amflab::tui::update::{Effect, Msg, update};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::style::Modifier;
use std::sync::Arc;
use tempfile::TempDir;

/// What happened in a conversation with a crash, two views and a takeover.
pub(crate) fn events() -> Vec<Event> {
    let folder = TempDir::new().unwrap();
    let file = recorded(&folder, "cex-R1.txt");
    let mut timeline = Timeline::open(std::fs::File::open(file).unwrap(), &mut |_| {}).unwrap();
    let len = timeline.len();
    timeline.look(0, len).unwrap()
}

/// A console on a cluster that runs, in which that happened.
pub(super) fn running(form: Form) -> Model {
    let mut model = shown(fake::snapshot(), Screen::Ladder, form);
    model.hint = false;
    for event in events() {
        update(&mut model, Msg::Event(event));
    }
    model
}

/// A console on a recording: effects are carried out as the console does.
pub(super) struct Played {
    pub(super) model: Model,
    pub(super) player: Player,
    asked: usize,
    _folder: TempDir,
}

impl Played {
    pub(super) fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let file = recorded(&folder, "cex-R1.txt");
        let timeline = Timeline::open(std::fs::File::open(file).unwrap(), &mut |_| {}).unwrap();
        let about = About::new(timeline.profile());
        let mut player = Player::new(timeline).unwrap();
        let cluster = Cluster::new(player.snapshot(&Ask::BRIEF));
        let theme = Theme::named(Theme::names().next().unwrap()).unwrap();
        let mut model = Model::new(about, cluster, theme);
        (model.size.width, model.size.height, model.hint) = (100, 30, false);
        Self { model, player, asked: 0, _folder: folder }
    }

    pub(super) fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let effects = press(&mut self.model, key);
            self.carry_out(effects);
        }
    }

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let more = match effect {
                Effect::Tell(from, to) => {
                    self.asked += 1;
                    let events = self.player.told(from, to).unwrap().unwrap();
                    update(&mut self.model, Msg::Told((from, to), events))
                }
                Effect::Run(Command::Act(Action::Seek(to))) => {
                    self.player.submit(amflab::trace::Action::Seek(to)).unwrap();
                    let snapshot = self.player.snapshot(&Ask::BRIEF);
                    update(&mut self.model, Msg::Snapshot(Box::new(snapshot)))
                }
                other => panic!("{other:?}"),
            };
            self.carry_out(more);
        }
    }

    pub(super) fn screen(&mut self) -> String {
        text(&draw(&mut self.model, (100, 30)))
    }

    fn step(&self) -> u64 {
        self.model.ladder.selected().unwrap().at.step
    }
}

#[test]
fn an_empty_one_says_what_to_do() {
    let mut empty = shown(fake::snapshot(), Screen::Ladder, Form::Default);
    assert!(text(&draw(&mut empty, (80, 24))).contains("nothing has happened yet"));
}

#[test]
fn the_newest_rows_are_shown_until_one_is_chosen() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    let newest = model.ladder.selected().unwrap();
    press(&mut model, "up up up");
    let chosen = model.ladder.selected().unwrap();
    assert!(chosen.at < newest.at && model.ladder.cursor == Some(chosen.at));
    for mut event in events() {
        event.step += 1_000;
        update(&mut model, Msg::Event(event));
    }
    assert_eq!(model.ladder.selected().unwrap().at, chosen.at, "what comes does not move it");
    press(&mut model, "end");
    assert!(model.ladder.cursor.is_none() && model.ladder.selected().unwrap().at.step > 1_000);
    press(&mut model, "home");
    let first = model.ladder.selected().unwrap();
    press(&mut model, "down pagedown pageup up");
    assert_eq!(model.ladder.selected().unwrap().at, first.at, "there and back");
}

#[test]
fn paging_down_shows_every_row_once() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    press(&mut model, "v home");
    let all = model.ladder.after(Address::default(), usize::MAX);
    let mut seen = vec![model.ladder.selected().unwrap()];
    for _ in 1..all.len() {
        press(&mut model, "down");
        seen.push(model.ladder.selected().unwrap());
    }
    assert_eq!(seen, all);
    for row in all.iter().rev().skip(1) {
        press(&mut model, "up");
        assert_eq!(&model.ladder.selected().unwrap(), row);
    }
}

#[test]
fn levels_and_places_and_following_narrow_and_widen_what_is_shown() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    let rows = |model: &Model| model.ladder.after(Address::default(), usize::MAX).len();
    let states = rows(&model);
    press(&mut model, "v");
    let rules = rows(&model);
    press(&mut model, "v");
    let messages = rows(&model);
    assert!(messages < states && states < rules, "{messages} {states} {rules}");
    press(&mut model, "v home down down down");
    while model.ladder.selected().unwrap().op != Some(OpId(2)) {
        press(&mut model, "down");
    }
    press(&mut model, "f");
    let own = rows(&model);
    press(&mut model, "f");
    let cone = rows(&model);
    assert!(own < cone && cone < states, "{own} {cone} {states}");
    press(&mut model, "f");
    assert_eq!(rows(&model), states);
    press(&mut model, "f esc");
    assert_eq!(rows(&model), states, "esc ends it, too");

    let screen = |model: &mut Model| text(&draw(model, (100, 30)));
    assert!(screen(&mut model).contains("hosts"));
    press(&mut model, "a a");
    assert!(!screen(&mut model).contains("hosts") && screen(&mut model).contains("amf3"));
    press(&mut model, ": 'columns_disk0,amf1' enter");
    let head = screen(&mut model).lines().nth(2).unwrap().to_owned();
    assert!(head.find("disk0").unwrap() < head.find("amf1").unwrap(), "{head}");
    press(&mut model, ": 'columns_amf9' enter");
    assert!(screen(&mut model).contains("`amf9` is no place"));
    press(&mut model, "esc : 'columns_all' enter");
    assert!(screen(&mut model).contains("hosts"));
}

#[test]
fn what_is_selected_here_is_selected_everywhere() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    press(&mut model, "/ 'commit_b1' enter home m");
    let row = model.ladder.selected().unwrap();
    assert!(row.text.starts_with("commit b1"), "{row:?}");
    assert_eq!(model.selected.block, Block(1));
    press(&mut model, "m m m m m m");
    assert!(text(&draw(&mut model, (100, 30))).contains("no match after this row"));
    press(&mut model, "esc home m");
    assert!(model.ladder.selected().unwrap().what.is_band(), "without words: the next mark");
    press(&mut model, "M");
    assert!(text(&draw(&mut model, (100, 30))).contains("before this row"));
}

/// The cursor is one with that of the traffic, the log of messages, both ways.
#[test]
fn a_message_that_is_selected_in_the_traffic_is_selected_here_and_the_other_way_round() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    press(&mut model, "home");
    while !matches!(model.ladder.selected().unwrap().what, What::Leaves { .. }) {
        press(&mut model, "down");
    }
    let step = model.ladder.selected().unwrap().at.step;
    let line = model.cluster.traffic.by_id(model.selected.message.unwrap()).unwrap();
    assert_eq!(line.steps.0, step);
    press(&mut model, "1");
    model.focus_on(Pane::Traffic);
    model.cluster.now.held.clear();
    press(&mut model, "down down");
    let line = model.cluster.traffic.by_id(model.selected.message.unwrap()).unwrap();
    let step = line.steps.0;
    press(&mut model, "6");
    assert_eq!(model.ladder.selected().unwrap().at.step, step);
}

#[test]
fn clicks_select_rows_and_hide_places() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    press(&mut model, "home");
    click(&mut model, 30, 9);
    let row = model.ladder.selected().unwrap();
    assert_eq!(row.at, model.ladder.page(26).0[6].at, "titles, then rows");
    let head = |model: &mut Model| text(&draw(model, (100, 30))).lines().nth(2).unwrap().to_owned();
    let at = head(&mut model).find("hosts").unwrap();
    let at = u16::try_from(at).unwrap();
    click(&mut model, at, 2);
    // A title can be dragged, too: it is hidden once it is let go where it was.
    let kind = MouseEventKind::Up(MouseButton::Left);
    let event = MouseEvent { kind, column: at, row: 2, modifiers: KeyModifiers::NONE };
    update(&mut model, Msg::Mouse(event));
    let hidden = text(&draw(&mut model, (100, 30)));
    assert!(hidden.contains("hosts is hidden"), "{hidden}");
}

#[test]
fn a_recording_is_asked_for_what_is_around_the_cursor_and_goes_where_it_is() {
    let mut played = Played::open();
    played.press("6");
    assert_eq!((played.asked, played.model.ladder.told), (1, Some((0, 220))), "all of a short one");
    played.press("end");
    let end = played.step();
    assert!(end > 200, "{end}");
    assert_eq!(played.model.cluster.now.step, 0, "to look is not to go");
    played.press("up up enter");
    assert_eq!(played.model.cluster.now.step, played.step(), "enter goes there");
    let before = played.step();
    played.press(",");
    assert_eq!(played.model.cluster.now.step, before - 1);
    assert!(played.step() <= before, "the cursor goes with the recording");
    played.press("home");
    let first = played.model.ladder.after(Address::default(), 1)[0].at;
    assert_eq!(played.model.ladder.selected().unwrap().at, first);
    assert_eq!(played.asked, 1, "nothing is asked for twice");
    assert!(played.screen().contains("steps 0 to 220"));
}

/// A recording is not told as a whole: what stands out elsewhere in it is found all the same.
#[test]
fn marks_are_found_where_the_ladder_was_not_told_of_them() {
    let mut played = Played::open();
    let survey = played.player.survey().unwrap();
    played.model.timeline.know(Some(Arc::clone(&survey)));
    let faults =
        || std::iter::successors(survey.next(Mark::Fault, 0), |at| survey.next(Mark::Fault, *at));
    assert!(played.model.ladder.told.is_none() && faults().count() > 0);
    for step in faults() {
        played.press("1 G F");
        let row = played.model.ladder.selected().unwrap();
        assert_eq!((row.at.step, matches!(row.what, What::Fault(_))), (step, true), "{row:?}");
        assert_eq!(played.model.cluster.now.step, 0, "to look is not to go");
    }
    played.press("G F");
    let before = survey.previous(Mark::Fault, played.step());
    let notice = played.model.notice.as_ref().unwrap().text.clone();
    let other = before.map(|step| format!("; there is one at step {step}")).unwrap_or_default();
    assert_eq!(notice, format!("no fault after this row{other}"));
    played.press("G v");
    assert!(played.screen().contains("no violation before this row"));
}

#[test]
fn a_picture_of_the_screen_is_written_into_a_new_file() {
    let mut model = running(Form::Default);
    draw(&mut model, (100, 30));
    press(&mut model, "home");
    let effects = press(&mut model, ": 'svg_ladder.svg' enter");
    let [Effect::Write(path, picture)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(path.to_str(), Some("ladder.svg"));
    assert!(picture.starts_with("<svg ") && picture.contains("op1 write b0"));
}

/// What is looked for stands out in its row, without a colour, too, and the title says what it is.
#[test]
fn what_the_filter_finds_stands_out_and_the_title_says_what_it_is() {
    let mut played = Played::open();
    played.press("6 / 'grant_b0' enter");
    let buffer = draw(&mut played.model, (100, 30));
    let screen = text(&buffer);
    let title = screen.lines().nth(1).unwrap();
    assert!(title.contains("/grant b0"), "{title}");
    let is_marked = |y: u16| {
        let cells = (0..buffer.area.width).map(|x| &buffer[(x, y)]);
        cells.filter(|cell| cell.modifier.contains(Modifier::UNDERLINED)).count() > 5
    };
    // The last row of the pane tells the selected one once more.
    let rows =
        (3..20).filter(|y| screen.lines().nth(usize::from(*y)).unwrap().contains("grant b0"));
    let found: Vec<u16> = rows.filter(|y| is_marked(*y)).collect();
    assert!(found.len() > 1, "{screen}");
    let others = (3..20).filter(|y| !found.contains(y)).filter(|y| is_marked(*y));
    assert_eq!(others.count(), 0, "{screen}");
    played.press("esc home");
    while played.model.ladder.selected().unwrap().op.is_none() {
        played.press("down");
    }
    played.press("f");
    let title = played.screen().lines().nth(1).unwrap().to_owned();
    assert!(title.contains("only op"), "{title}");
}
