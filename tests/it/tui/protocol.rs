//! The Protocol screen: the table of the protocol in force, what was met, another protocol beside it.

use super::conversation::{click, press};
use super::fake;
use super::screens::{Form, draw, shown, text};
use crate::explore::table;
use amflab::protocol::cell::{Cell, Lock, State, Trigger};
use amflab::protocol::id::{AmfId, Block, Instant};
use amflab::protocol::{LineState, Protocol};
use amflab::trace::action::Action;
use amflab::trace::{Cells, Command, Met, Seek};
use amflab::tui::model::{Level, Model, Pane, Screen};
use amflab::tui::update::{Effect, Msg, update};
use std::sync::Arc;

fn cell(line: LineState, lock: Lock, trigger: Trigger) -> Cell {
    Cell { state: State { line, lock }, trigger }
}

fn met(count: u64, step: u64) -> Met {
    Met { count, step, now: Instant(12_340_000_000), amf: AmfId(2), block: Block(17) }
}

/// What a cluster has met: hits, a miss, an invalidate, and what only a fault brings about.
fn cells() -> Cells {
    let mut cells = Cells::default();
    cells.add(cell(LineState::M, Lock::Idle, Trigger::Read), met(1_204, 900));
    cells.add(cell(LineState::I, Lock::Idle, Trigger::Read), met(97, 880));
    cells.add(cell(LineState::S, Lock::Idle, Trigger::ExclusiveOlder), met(1, 871));
    cells.add(cell(LineState::I, Lock::Idle, Trigger::View), met(12_345, 650));
    cells
}

/// A console that shows the table.
pub(super) fn running(form: Form) -> Model {
    let mut model = shown(fake::snapshot(), Screen::Protocol, form);
    model.hint = false;
    model.cluster.now.cells = Some(cells());
    let made = table(model.protocol_in_force()).clone();
    update(&mut model, Msg::Table(Arc::new(made)));
    model
}

pub(super) fn beside(form: Form) -> Model {
    let mut model = running(form);
    assert_eq!(press(&mut model, "b"), [Effect::Explore(Protocol::Broadcast)]);
    update(&mut model, Msg::Table(Arc::new(table(Protocol::Broadcast).clone())));
    assert_eq!(press(&mut model, "b"), [Effect::Explore(Protocol::Moesi)]);
    update(&mut model, Msg::Table(Arc::new(table(Protocol::Moesi).clone())));
    model
}

fn screen(model: &mut Model) -> String {
    text(&draw(model, (80, 24)))
}

/// One cell in words.
pub(super) fn cell_in_words(form: Form) -> Model {
    let mut model = running(form);
    model.focus_on(Pane::Cell);
    model
}

/// Nobody waits for a table: it is asked for once, and comes later.
#[test]
fn a_table_is_asked_for_once() {
    let mut model = fake::model(fake::snapshot());
    assert_eq!(press(&mut model, "8"), [Effect::Explore(Protocol::Sharing)]);
    assert_eq!(model.screen, Screen::Protocol);
    assert_eq!(update(&mut model, Msg::Snapshot(Box::new(fake::snapshot()))), []);
    assert!(screen(&mut model).contains("finding out what the core does under sharing"));
    assert_eq!(press(&mut model, "1 8"), []);
    update(&mut model, Msg::Table(Arc::new(table(Protocol::Sharing).clone())));
    assert!(screen(&mut model).contains("M  idle"));
}

/// Another protocol comes into force: its table is asked for.
#[test]
fn the_table_is_the_one_of_the_protocol_in_force() {
    let mut model = running(Form::Default);
    let mut snapshot = fake::snapshot();
    let mut view = (*snapshot.view).clone();
    view.protocol = Protocol::Moesi;
    snapshot.view = Arc::new(view);
    let effects = update(&mut model, Msg::Snapshot(Box::new(snapshot)));
    assert_eq!(effects, [Effect::Explore(Protocol::Moesi)]);
    update(&mut model, Msg::Table(Arc::new(table(Protocol::Moesi).clone())));
    assert!(screen(&mut model).contains("moesi: 0 of"));
}

#[test]
fn the_cursor_stays_in_the_table_and_the_cell_is_told() {
    let mut model = running(Form::Default);
    press(&mut model, "up left");
    assert_eq!(model.protocol.cursor, cell(LineState::M, Lock::Idle, Trigger::Read));
    let told = screen(&mut model);
    assert!(told.contains("met 1,204 times, last at 12.340 s, step 900, amf2 b17"), "{told}");
    assert!(told.contains("to M idle"), "{told}");
    press(&mut model, "right right right right right");
    assert_eq!(model.protocol.cursor.trigger, Trigger::SharedOlder);
    press(&mut model, "tab down down down down");
    let told = screen(&mut model);
    assert!(told.contains("H1: no grant carries the only copy"), "{told}");
    press(&mut model, "tab end");
    for _ in 0..60 {
        press(&mut model, "right");
    }
    let last = model.grid();
    assert_eq!(Some(&model.protocol.cursor.state), last.rows.last());
    assert_eq!(Some(&model.protocol.cursor.trigger), last.columns.last());
    screen(&mut model);
}

#[test]
fn the_filter_hides_rows_and_columns() {
    let mut model = running(Form::Default);
    let all = model.grid();
    press(&mut model, "/ d e f e r enter");
    let few = model.grid();
    assert!(few.rows.len() < all.rows.len() && few.columns.len() < all.columns.len(), "{few:?}");
    assert!(few.columns.contains(&Trigger::ExclusiveYounger));
    press(&mut model, "esc / q q q enter");
    assert!(screen(&mut model).contains("no cell of sharing matches the filter"));
    press(&mut model, "up down left right home end enter m esc");
    assert_eq!(model.grid(), all);
}

#[test]
fn a_second_protocol_stands_beside_and_differences_are_marked() {
    let mut model = beside(Form::Default);
    let told = screen(&mut model);
    assert!(told.contains('#'), "{told}");
    press(&mut model, "right right right right right");
    let lines = amflab::tui::view::cell::lines(&model);
    let says = |text: &str| lines.iter().any(|(_, line)| line.contains(text));
    assert!(says("sharing: to M destaging") && says("moesi: to O idle"), "{lines:?}");
    // After the last: none.
    press(&mut model, "b b b");
    assert_eq!(model.protocol.other, None);
}

#[test]
fn what_was_met_is_found_and_gone_to() {
    let mut model = running(Form::Default);
    let events = super::ladder::events();
    let step = events[events.len() / 2].step;
    for event in events {
        update(&mut model, Msg::Event(event));
    }
    press(&mut model, "m");
    let invalidated = cell(LineState::S, Lock::Idle, Trigger::ExclusiveOlder);
    assert_eq!(model.protocol.cursor, invalidated);
    press(&mut model, "M");
    assert_eq!(model.protocol.cursor, cell(LineState::M, Lock::Idle, Trigger::Read));
    press(&mut model, "M");
    assert_eq!(model.notice.as_ref().map(|notice| notice.level), Some(Level::Info));
    press(&mut model, "right enter");
    assert!(screen(&mut model).contains("not met here yet"), "an unmet cell has no last time");
    let mut cells = cells();
    cells.add(invalidated, met(1, step));
    model.cluster.now.cells = Some(cells);
    press(&mut model, "m enter");
    assert_eq!(model.screen, Screen::Ladder);
    assert_eq!(model.ladder.selected().map(|row| row.at.step), Some(step));
    assert_eq!(model.selected.block, Block(17));
}

#[test]
fn a_recording_is_gone_to_that_step() {
    let mut model = running(Form::Default);
    model.cluster.now.engine = "recording";
    let effects = press(&mut model, "enter");
    let seek = Effect::Run(Command::Act(Action::Seek(Seek::To(900))));
    assert!(effects.contains(&seek), "{effects:?}");
}

#[test]
fn a_click_selects_a_cell_and_a_second_one_opens_it() {
    let mut model = running(Form::Default);
    let told = screen(&mut model);
    let row =
        told.lines().position(|line| line.trim_start().starts_with("I  idle")).expect("a row");
    let head = told.lines().find(|line| line.contains("search")).expect("names of events");
    let column = head.find("read").expect("a column");
    let at = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    click(&mut model, at.0, at.1);
    assert_eq!(model.protocol.cursor, cell(LineState::I, Lock::Idle, Trigger::Read));
    assert_eq!(model.screen, Screen::Protocol);
    click(&mut model, at.0, at.1);
    assert_eq!(model.screen, Screen::Ladder);
}
