//! `update` as conversations: keys in, effects out.

use super::fake;
use super::screens::{draw, text};
use amflab::protocol::id::{self, AmfId, Block, DiskId, NodeId, OpId, Version};
use amflab::protocol::{Fact, LineState, Rule, Source};
use amflab::trace::action::Action;
use amflab::trace::{
    Command, Condition, Event, EventKind, HoldFilter, HostCommand, LinkSetting, Release, Seek,
    Value,
};
use amflab::tui::command::Act;
use amflab::tui::keymap::{Key, Keymap, Meaning, Sequence};
use amflab::tui::model::{JobShown, Modal, Model, Pane, Screen};
use amflab::tui::snapshot::story;
use amflab::tui::update::{Effect, Msg, update};
use crossterm::event::{KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::collections::VecDeque;

fn console() -> Model {
    fake::model(fake::snapshot())
}

/// Presses keys by name; a word in quotes is typed letter by letter.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for word in keys.split_whitespace() {
        let typed = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
        let names: Vec<String> = match typed {
            Some(typed) => typed.replace('_', " ").chars().map(String::from).collect(),
            None => vec![word.to_owned()],
        };
        for name in names {
            let name = if name == " " { "space".to_owned() } else { name };
            let key: Key = name.parse().unwrap();
            let event = KeyEvent::new(key.code, key.modifiers);
            effects.extend(update(model, Msg::Key(event)));
        }
    }
    effects
}

pub(crate) fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    let kind = MouseEventKind::Down(MouseButton::Left);
    let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
    update(model, Msg::Mouse(event))
}

fn run(command: Command) -> Vec<Effect> {
    vec![Effect::Run(command)]
}

#[test]
fn every_key_of_the_registry_parses_and_is_bound() {
    let map = Keymap::default();
    for entry in amflab::tui::command::ENTRIES {
        for keys in entry.keys {
            let keys: Sequence = keys.parse().unwrap();
            assert_eq!(keys.to_string().parse::<Sequence>().unwrap(), keys);
        }
        assert!(map.key_of(entry).is_some(), "{} has no key", entry.name);
    }
}

#[test]
fn no_two_acts_share_a_key_in_one_place_and_none_hides_a_sequence() {
    assert_eq!(Keymap::default().conflict(), None);
    for (setting, said) in [
        ("zoom=w", "`w` is bound to `ask-write` and to `zoom`"),
        ("zoom=G", "`G` of `zoom` hides `G b` of `goto`"),
        ("zoom=x y", "`x` of `crash-restart` hides `x y` of `zoom`"),
        // In one pane it has a meaning of its own, which would be hidden there.
        ("zoom=v x", "`v` of `level` hides `v x` of `zoom`"),
    ] {
        let error = Keymap::with(&[setting.to_owned()]).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("hint: give"), "{error}");
    }
    let freed = ["ask-write=none", "zoom=w"].map(str::to_owned);
    let map = Keymap::with(&freed).unwrap();
    assert_eq!(map.meaning(&["w".parse().unwrap()], Pane::Amfs), Meaning::Act(Act::Zoom));
}

#[test]
fn a_sequence_shows_what_may_follow_and_esc_leaves() {
    let mut model = console();
    press(&mut model, "G");
    let screen = text(&draw(&mut model, (80, 24)));
    for words in ["╭ G ─", "v  Ladder: to the violation before", "b  Go to a block", "esc leaves"]
    {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    assert_eq!(press(&mut model, "esc"), []);
    assert!(matches!(model.modal, Modal::None));
    press(&mut model, "G 'b8' enter");
    assert_eq!(model.selected.block, Block(8));
    press(&mut model, "G Q");
    assert!(model.notice.as_ref().unwrap().text.contains("G Q does nothing here"));
    assert!(matches!(model.modal, Modal::None));
    for mut event in fake::events() {
        if matches!(event.kind, amflab::trace::EventKind::View { .. }) {
            event.node = amflab::protocol::id::NodeId::Witness;
        }
        model.ladder.take(event);
    }
    press(&mut model, "G e");
    assert_eq!(model.screen, Screen::Ladder);
    assert!(model.ladder.selected().unwrap().text.contains("e1"));
    press(&mut model, "G v");
    assert!(model.notice.as_ref().unwrap().text.contains("no violation before"));
    // At the smallest size, too.
    press(&mut model, "1 G");
    let screen = text(&draw(&mut model, (40, 12)));
    assert!(screen.contains("v  last violation") && screen.contains("w  worst lamp"), "{screen}");
}

#[test]
fn a_sequence_of_ones_own_is_typed_key_by_key() {
    let mut model = console();
    model.keymap = Keymap::with(&["zoom=ctrl-w z z".to_owned()]).unwrap();
    press(&mut model, "ctrl-w z");
    assert!(matches!(&model.modal, Modal::Prefix(keys) if keys.len() == 2) && !model.zoomed);
    press(&mut model, "z");
    assert!(model.zoomed);
    for bad in ["zoom=a b c d", "zoom=a esc", "zoom=", "zoom=ctrl-"] {
        assert!(Keymap::with(&[bad.to_owned()]).is_err(), "{bad}");
    }
}

#[test]
fn a_read_goes_to_what_is_under_the_cursor() {
    let mut model = console();
    let effects = press(&mut model, "right down r enter");
    assert_eq!(effects, run(Command::Host(HostCommand::Read(AmfId(2), Block(18), 1))));
    assert!(matches!(model.modal, Modal::None));
}

#[test]
fn a_write_takes_what_is_typed_as_text_and_hex_as_bytes() {
    let mut model = console();
    let written = |value| run(Command::Host(HostCommand::Write(AmfId(1), Block(17), value)));
    assert_eq!(
        press(&mut model, "w 'say_\"hi\"' enter"),
        written(Value::Text("say \"hi\"".into()))
    );
    assert_eq!(press(&mut model, "w '0x1f00' enter"), written(Value::Hex(vec![0x1f, 0])));
    assert_eq!(press(&mut model, "w esc"), []);
}

#[test]
fn a_block_that_does_not_exist_is_refused_where_it_was_typed() {
    let mut model = console();
    assert_eq!(press(&mut model, "w up '99999' enter 'x' enter"), []);
    let Modal::Dialog(dialog) = &model.modal else { panic!("the dialog stays open") };
    assert!(dialog.error.is_some());
}

#[test]
fn compare_and_write_trim_and_flush() {
    let mut model = console();
    let effects = press(&mut model, "c 'old' enter 'new' enter t enter f");
    let text: Vec<String> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Run(command) => command.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(text, ["caw amf1 17 \"old\" \"new\"", "trim amf1 17", "flush amf1"]);
}

#[test]
fn the_line_completes_recalls_and_keeps_a_wrong_command() {
    let mut model = console();
    assert_eq!(
        press(&mut model, ": 'cras' tab 'amf2' enter"),
        run(Command::Act(Action::Crash(AmfId(2))))
    );
    assert_eq!(press(&mut model, ": up enter"), run(Command::Act(Action::Crash(AmfId(2)))));
    assert_eq!(press(&mut model, ": 'crash_amf9' enter"), []);
    let Modal::Line(line) = &model.modal else { panic!("the line stays open") };
    assert!(line.error.as_ref().is_some_and(|error| error.contains("amf9")), "{line:?}");
    assert_eq!(press(&mut model, "ctrl-u 'zoom' enter"), []);
    assert!(model.zoomed);
}

#[test]
fn the_palette_finds_commands_of_the_cluster_and_acts_of_the_console() {
    let mut model = console();
    press(&mut model, "ctrl-p 'partition' enter");
    let Modal::Line(line) = &model.modal else { panic!("a command with arguments is typed on") };
    assert_eq!(line.input.value(), "partition ");
    assert_eq!(press(&mut model, "esc ctrl-p 'heal' enter"), run(Command::Act(Action::Heal)));
    press(&mut model, "ctrl-p 'zoom' enter");
    assert!(model.zoomed);
}

#[test]
fn step_mode_and_held_messages() {
    let mut model = console();
    assert_eq!(press(&mut model, "space"), run(Command::Act(Action::Hold(HoldFilter::ALL))));
    let mut model = fake::model(fake::trouble());
    assert_eq!(press(&mut model, "s"), run(Command::Act(Action::Unhold(HoldFilter::ALL))));
    assert_eq!(press(&mut model, "n"), run(Command::Act(Action::Deliver(Release::Oldest(1)))));
    model.focus_on(Pane::Traffic);
    let (a, b) = (fake::amf_node(1), fake::amf_node(1));
    // The second held message is the oldest from amf1 to amf1: named by its pair, as scripts can.
    assert_eq!(
        press(&mut model, "down down enter"),
        run(Command::Act(Action::Deliver(Release::Pair(a, b))))
    );
    assert_eq!(press(&mut model, "d"), run(Command::Act(Action::Lose(Release::Pair(a, b)))));
    assert_eq!(press(&mut model, "u"), run(Command::Act(Action::Repeat(Release::Pair(a, b)))));
    // The fifth is the second from amf1 to amf0.
    assert_eq!(
        press(&mut model, "end enter"),
        run(Command::Act(Action::Deliver(Release::Nth(a, fake::amf_node(0), 2))))
    );
}

#[test]
fn tempo_goes_down_and_up_between_its_ends() {
    let mut model = console();
    assert_eq!(press(&mut model, "+"), []);
    assert_eq!(press(&mut model, "-"), run(Command::Act(Action::Tempo(100))));
    model.cluster.now.tempo = 100;
    assert_eq!(press(&mut model, "+"), run(Command::Act(Action::Tempo(1_000))));
}

#[test]
fn one_key_starts_and_stops_the_workload_and_quitting_with_one_asks() {
    let mut model = console();
    assert_eq!(press(&mut model, "p"), run(Command::Workload(false, "gentle".to_owned())));
    assert_eq!(press(&mut model, "q n"), []);
    assert_eq!(press(&mut model, "q y"), [Effect::Quit]);
    update(&mut model, Msg::Workloads(Vec::new()));
    assert_eq!(press(&mut model, "p"), run(Command::Workload(true, "gentle".to_owned())));
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

#[test]
fn crash_and_restart_are_one_key() {
    let mut model = fake::model(fake::trouble());
    assert_eq!(press(&mut model, "x"), run(Command::Act(Action::Crash(AmfId(1)))));
    assert_eq!(press(&mut model, "down x"), run(Command::Act(Action::Restart(AmfId(2)))));
}

#[test]
fn failing_the_last_good_disk_asks_once() {
    let mut model = console();
    let fail = Command::Act(Action::FailDisk(DiskId(0)));
    assert_eq!(press(&mut model, ": 'fail_disk0' enter"), run(fail.clone()));
    // Its partner has just failed, and nobody has asked it since.
    model.cluster.now.disks[1].failed = true;
    assert_eq!(press(&mut model, ": 'fail_disk0' enter"), []);
    assert!(matches!(model.modal, Modal::Confirm(_)));
    press(&mut model, "n");
    model.cluster.now.disks[1].failed = false;
    let mut view = (*model.cluster.now.view).clone();
    view.group.slots[1].state = amflab::protocol::group::SlotState::Failed;
    model.cluster.now.view = std::sync::Arc::new(view);
    assert_eq!(press(&mut model, ": 'fail_disk0' enter"), []);
    assert!(matches!(model.modal, Modal::Confirm(_)));
    assert_eq!(press(&mut model, "y"), run(fail));
}

#[test]
fn the_faults_screen_injects_with_its_targets() {
    let mut model = console();
    press(&mut model, "4");
    assert_eq!(model.screen, Screen::Faults);
    model.focus_on(Pane::Inject);
    assert_eq!(press(&mut model, "right enter"), run(Command::Act(Action::Crash(AmfId(2)))));
    for _ in 0..8 {
        press(&mut model, "down");
    }
    let Some(Effect::Run(Command::Act(Action::Link(_, _, LinkSetting::Drop(ppm))))) =
        press(&mut model, "enter").pop()
    else {
        panic!("the ninth row loses packets")
    };
    assert_eq!(ppm, 200_000);
}

#[test]
fn every_fault_of_the_list_is_a_command_that_parses() {
    let model = console();
    for row in amflab::tui::model::faults::ROWS {
        let command = model.faults.command(row.fault, &model.selected, 4);
        let text = command.to_string();
        assert_eq!(amflab::trace::parse_command(&text, &model.about.limits).as_ref(), Ok(&command));
    }
}

#[test]
fn undo_runs_what_the_receipt_says() {
    let mut model = fake::model(fake::trouble());
    assert_eq!(press(&mut model, "U"), run(Command::Act(Action::ReplaceDisk(DiskId(1)))));
    press(&mut model, "4");
    model.focus_on(Pane::Active);
    assert_eq!(press(&mut model, "enter"), run(Command::Act(Action::Restart(AmfId(2)))));
}

#[test]
fn enter_on_an_operation_shows_its_messages_only() {
    let mut model = console();
    model.focus_on(Pane::Io);
    press(&mut model, "enter");
    assert_eq!((model.filter.as_str(), model.focus()), ("op45", Pane::Traffic));
    let screen = text(&draw(&mut model, (120, 40)));
    assert!(!screen.contains("b300   t1"), "other operations' messages are hidden:\n{screen}");
    press(&mut model, "esc");
    assert_eq!(model.filter, "");
}

#[test]
fn filters_match_whole_words() {
    let mut model = console();
    press(&mut model, "/ 'b30' enter");
    assert!(model.cluster.traffic.lines.iter().all(|line| !line.matches("b30")));
    assert!(model.cluster.traffic.lines.iter().any(|line| line.matches("b30* search")));
}

#[test]
fn the_story_names_the_owner() {
    let model = console();
    let line = model.cluster.io.line(OpId(45)).unwrap();
    let story = line.story.as_deref().unwrap();
    assert_eq!(story, "amf1 asked 3 AMFs, amf0 had it in M and destaged it; 7 messages, 412 us");
}

/// In virtual time what was done before an operation, and what comes of it, may bear the time at which it began,
/// or ended.
#[test]
fn the_story_is_of_what_happened_from_question_to_answer() {
    let done = fake::completion();
    let event = |now, node, kind| Event { step: 1, now, node, kind };
    let lost = |amf| {
        let (before, after) = (LineState::M, LineState::O);
        (NodeId::Amf(AmfId(amf)), fact(Rule::GrantShared, before, after, Some(done.amf)))
    };
    let (op, what) = (done.answer.op, "read b17".to_owned());
    let asked = EventKind::Asked { op, what };
    let answered = EventKind::Answered { op, result: Ok(Vec::new()), value: None };
    let host = NodeId::Amf(done.amf);
    let at = |now, (node, kind): (NodeId, EventKind)| event(now, node, kind);
    let events = VecDeque::from([
        at(done.started, lost(0)),
        event(done.started, host, asked),
        at(done.started, lost(2)),
        event(done.ended, host, answered),
        at(done.ended, lost(3)),
    ]);
    let told = story::tell("amf1 asked 3 AMFs; 7 messages, 412 us", &done, &events);
    assert_eq!(told, "amf1 asked 3 AMFs, amf2 had it in M and shares it now; 7 messages, 412 us");
}

/// What an AMF did with its line for itself, while the operation was under way, is none of its story.
#[test]
fn the_story_is_of_what_was_done_for_the_operation() {
    let done = fake::completion();
    let tell = |facts: &[(u8, EventKind)]| {
        let event = |(amf, kind): &(u8, EventKind)| {
            let node = NodeId::Amf(AmfId(*amf));
            Event { step: 1, now: done.started, node, kind: kind.clone() }
        };
        story::tell("amf1 asked 3 AMFs; no message", &done, &facts.iter().map(event).collect())
    };
    let (for_it, i) = (Some(done.amf), LineState::I);
    let evicted = fact(Rule::Evict, LineState::S, i, None);
    let destaged = fact(Rule::Destaged, LineState::M, LineState::S, None);
    assert_eq!(tell(&[(0, evicted), (2, destaged.clone())]), "amf1 asked 3 AMFs; no message");
    let first = fact(Rule::DestageFirst, i, i, for_it);
    let told = tell(&[(2, first), (2, destaged)]);
    assert_eq!(told, "amf1 asked 3 AMFs, amf2 had it in M and destaged it; no message");
    let dropped = fact(Rule::GrantExclusive, LineState::S, i, for_it);
    let told = tell(&[(3, dropped)]);
    assert_eq!(told, "amf1 asked 3 AMFs, amf3 had it in S and dropped it; no message");
    let lent = fact(Rule::Lend, LineState::O, LineState::L, for_it);
    let told = tell(&[(0, lent)]);
    assert_eq!(told, "amf1 asked 3 AMFs, amf0 had it in O and lent it; no message");
}

/// The disk that the block lies on has failed: it gave nothing.
#[test]
fn the_story_tells_that_a_block_was_computed() {
    let mut done = fake::completion();
    let touched = done.answer.result.as_mut().unwrap();
    touched[0].source = Source::Disk(DiskId(2));
    let kind = fact(Rule::Rebuild, LineState::I, LineState::I, None);
    let event = Event { step: 1, now: done.started, node: NodeId::Amf(done.amf), kind };
    let sentence = "amf1 asked 3 AMFs, nobody had it, disk2 gave it; 6 messages, 420 us";
    assert_eq!(story::tell(sentence, &done, &VecDeque::new()), sentence);
    assert_eq!(
        story::tell(sentence, &done, &VecDeque::from([event])),
        "amf1 asked 3 AMFs, nobody had it, it was computed from the rest of its row; 6 messages, 420 us"
    );
}

/// A rule that was applied to block 17.
fn fact(rule: Rule, before: LineState, after: LineState, peer: Option<AmfId>) -> EventKind {
    let key = Some(id::Key::Block(Block(17)));
    EventKind::Rule(Fact { rule, key, before, after, peer, version: Version::ZERO })
}

#[test]
fn a_click_selects_the_cell_and_tabs_and_hints_are_buttons() {
    let mut model = console();
    let screen = text(&draw(&mut model, (80, 24)));
    let row = screen
        .lines()
        .position(|line| line.starts_with(" amf2   ·") || line.starts_with(" amf2   S"))
        .unwrap();
    click(&mut model, 1 + 7 + 2 * 3, u16::try_from(row).unwrap());
    assert_eq!((model.selected.amf, model.selected.block), (AmfId(2), Block(3)));
    let tabs = screen.lines().next().unwrap();
    let at = u16::try_from(tabs.find("2 Cach").unwrap()).unwrap();
    click(&mut model, at, 0);
    assert_eq!(model.screen, Screen::Caches);
    draw(&mut model, (80, 24));
    press(&mut model, "1");
    let last = text(&draw(&mut model, (80, 24))).lines().last().unwrap().to_owned();
    let at = last.chars().take_while(|c| *c != '?').count();
    click(&mut model, u16::try_from(at).unwrap(), 23);
    assert!(matches!(model.modal, Modal::Help(_)));
}

#[test]
fn the_mouse_can_be_switched_off() {
    let mut model = console();
    assert_eq!(press(&mut model, "M"), [Effect::Mouse(false)]);
    let before = model.selected.clone();
    click(&mut model, 20, 9);
    assert_eq!(model.selected, before);
}

#[test]
fn pasted_lines_do_not_run_by_themselves() {
    let mut model = console();
    press(&mut model, ":");
    assert_eq!(update(&mut model, Msg::Paste("crash amf1\ncrash amf2\n".to_owned())), []);
    let Modal::Line(line) = &model.modal else { panic!("still open") };
    assert_eq!(line.input.value(), "crash amf1 crash amf2 ");
}

#[test]
fn save_and_source_are_effects() {
    let mut model = console();
    assert_eq!(press(&mut model, ": 'save_a.txt' enter"), [Effect::Save("a.txt".into(), false)]);
    assert_eq!(press(&mut model, ": 'save!_a.txt' enter"), [Effect::Save("a.txt".into(), true)]);
    assert_eq!(press(&mut model, ": 'source_a.txt' enter"), [Effect::Source("a.txt".into())]);
}

#[test]
fn keys_can_be_changed() {
    let map = Keymap::with(&["zoom=ctrl-f".to_owned()]).unwrap();
    let key: Key = "ctrl-f".parse().unwrap();
    assert_eq!(map.meaning(&[key], Pane::Amfs), Meaning::Act(Act::Zoom));
    assert_eq!(map.meaning(&["z".parse().unwrap()], Pane::Amfs), Meaning::Nothing);
    assert!(Keymap::with(&["zoom".to_owned()]).is_err());
    assert!(Keymap::with(&["nothing=z".to_owned()]).is_err());
}

#[test]
fn every_theme_has_every_role_and_none_has_colours_without_them() {
    for name in amflab::tui::theme::Theme::names() {
        let theme = amflab::tui::theme::Theme::named(name).unwrap().without_colour();
        for role in amflab::tui::theme::Role::ALL {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{name} {role:?}");
        }
    }
}

#[test]
fn a_slow_tempo_is_shown() {
    let mut model = console();
    model.cluster.now.tempo = 10;
    assert!(text(&draw(&mut model, (80, 24))).contains("tempo 0.01"));
}

#[test]
fn the_picture_of_a_screen_is_well_formed_and_complete() {
    let mut model = console();
    let buffer = draw(&mut model, (80, 24));
    let svg = amflab::tui::screenshot::svg(&buffer, &model.theme);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<text ").count(), svg.matches("</text>").count());
    for word in ["Traffic", "amf3", "no violation", "#ff7b72"] {
        assert!(svg.contains(word), "{word}");
    }
    if let Some(path) = std::env::var_os("AMFLAB_SVG") {
        std::fs::write(path, svg).unwrap();
    }
}

/// The console goes on while a recording is folded; `esc` and `ctrl-c` end that, and nothing else.
#[test]
fn what_is_under_way_is_shown_and_ended_by_esc() {
    let mut model = console();
    let job = JobShown { what: "looking back at main".to_owned(), percent: 38 };
    update(&mut model, Msg::Job(Some(job)));
    let screen = text(&draw(&mut model, (80, 24)));
    assert!(screen.contains("looking back at main") && screen.contains("38%  esc ends it"));
    assert_eq!(press(&mut model, "esc"), [Effect::EndJob]);
    assert_eq!(press(&mut model, "ctrl-c"), [Effect::EndJob], "it does not leave");
    // Other keys mean what they always do, and what is open comes first.
    assert_eq!(press(&mut model, "x"), run(Command::Act(Action::Crash(model.selected.amf))));
    assert_eq!(press(&mut model, "? esc"), []);
    update(&mut model, Msg::Job(None));
    assert!(!text(&draw(&mut model, (80, 24))).contains("esc ends it"));
    assert_eq!(press(&mut model, "esc"), []);
    press(&mut model, "ctrl-c");
    assert!(matches!(model.modal, Modal::Confirm(_)), "it asks, for a workload is running");
}

#[test]
fn a_watch_is_named_in_the_words_of_run_until() {
    let mut model = console();
    let wanted = Condition::All(vec![
        Condition::State(AmfId(1), Block(3), LineState::I),
        Condition::Not(Box::new(Condition::View(2))),
    ]);
    let line = ": 'watch_state_amf1_3_I_and_not_view_2' enter";
    assert_eq!(press(&mut model, line), [Effect::Watch(Some(wanted.clone()))]);
    assert_eq!(model.watch, Some(wanted));
    let screen = text(&draw(&mut model, (200, 60)));
    assert!(screen.contains("watch state amf1 3 I and not view 2"), "in the status bar");
    // Where it has stopped is marked, and gone back to.
    update(&mut model, Msg::Hit(7));
    press(&mut model, "7");
    model.cluster.now.step = 20;
    assert_eq!(press(&mut model, "{"), [Effect::Rewind(Seek::To(7))]);
    assert!(text(&draw(&mut model, (200, 60))).contains("hit of the watch 1"), "in the legend");
    // What only whoever gives the commands knows is refused, at its place in the line.
    for (line, column) in [("'watch_idle'", 1), ("'watch_view_2_and_answered_a'", 1)] {
        assert_eq!(press(&mut model, &format!(": {line} enter")), []);
        let screen = text(&draw(&mut model, (200, 60)));
        assert!(screen.contains(&format!("column {column}: ")), "{screen}");
        press(&mut model, "esc");
    }
    assert_eq!(press(&mut model, ": 'watch_off' enter"), [Effect::Watch(None)]);
    assert_eq!(press(&mut model, "{"), []);
    assert_eq!(model.watch, None);
}

#[test]
fn a_watch_is_completed_as_run_until_is() {
    let mut model = console();
    press(&mut model, ": 'watch_not_sta' tab 'amf2_3_M_a' tab 'not_lo' tab");
    let Modal::Line(line) = &model.modal else { panic!("the line is open") };
    assert_eq!(line.input.value(), "watch not state amf2 3 M and not lock ");
}
