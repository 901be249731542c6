//! Filters in every list, jump mode, and the layout of the dashboard.

use super::conversation::press;
use super::fake;
use super::pty::Console;
use super::screens::{draw, golden, text};
use amflab::protocol::id::AmfId;
use amflab::tui::model::arrangement::{Arrangement, PANES};
use amflab::tui::model::{Modal, Model, Pane, Screen};
use amflab::tui::update::jump::{LABELS_MAX, labels};
use amflab::tui::update::{Effect, Msg, update};
use amflab::tui::view::layout;
use proptest::prelude::*;

fn trouble() -> Model {
    fake::model(fake::trouble())
}

fn screen(model: &mut Model, size: (u16, u16)) -> String {
    text(&draw(model, size))
}

#[test]
fn a_slash_filters_the_list_that_has_the_keys_and_esc_shows_all() {
    for (digit, pane, words, kept, gone) in [
        ("1", Pane::Traffic, "srch", "search     b", "no copy"),
        ("1", Pane::Io, "op45", "read b17", "write b33"),
        ("1", Pane::Io, "wrt", "write b33", "read b160"),
        ("3", Pane::Locks, "disk", "v to disk", "* holds"),
        ("4", Pane::Inject, "blank", "replace by a blank one", "crash: memory"),
        ("4", Pane::Active, "disk1", "fail disk1", "drop 20%"),
        ("5", Pane::Lamps, "viol", "violated", "linearizable "),
        ("5", Pane::History, "op46", "op46", "op41"),
        ("1", Pane::Amfs, "down", "amf2", "amf3"),
        ("1", Pane::Group, "disk1", "disk1", "disk2"),
    ] {
        let mut model = trouble();
        press(&mut model, digit);
        model.focus_on(pane);
        if pane == Pane::Traffic {
            model.cluster.now.held.clear();
        }
        // What the status bar says counts as nothing of the list.
        let list = |model: &mut Model| {
            let size = (120, 40);
            let all = screen(model, size);
            let area = layout::plan(model).and_then(|plan| plan.inner(pane)).unwrap();
            let rows = all.lines().skip(usize::from(area.y)).take(usize::from(area.height));
            let row = |line: &str| -> String {
                line.chars().skip(usize::from(area.x)).take(usize::from(area.width)).collect()
            };
            rows.map(row).collect::<Vec<_>>().join("\n")
        };
        assert!(list(&mut model).contains(gone), "{pane:?}: {}", list(&mut model));
        press(&mut model, &format!("/ '{words}' enter"));
        let shown = list(&mut model);
        assert!(shown.contains(kept) && !shown.contains(gone), "{pane:?} {words}:\n{shown}");
        let titled = words.replace('_', " ");
        assert!(screen(&mut model, (120, 40)).contains(&titled), "the title says it");
        press(&mut model, "esc esc");
        assert!(list(&mut model).contains(gone), "{pane:?}: esc shows all");
    }
}

#[test]
fn what_is_selected_is_one_of_the_rows_that_are_shown() {
    let mut model = trouble();
    press(&mut model, "4");
    model.focus_on(Pane::Inject);
    press(&mut model, "/ 'witns' enter");
    let command = |model: &mut Model| match press(model, "enter").pop() {
        Some(Effect::Run(command)) => command.to_string(),
        other => panic!("{other:?}"),
    };
    // The first row that names the witness, not the crash that was selected before.
    assert_eq!(command(&mut model), "partition amf1 | amf0 amf2 amf3 witness");
    press(&mut model, "end");
    assert_eq!(command(&mut model), "witness up");
    press(&mut model, "up");
    assert_eq!(command(&mut model), "witness down");
}

#[test]
fn the_help_is_filtered_while_one_types() {
    let mut model = trouble();
    press(&mut model, "? / 'zoom'");
    let shown = screen(&mut model, (80, 24));
    assert!(shown.contains("Help /zoom") && shown.contains("This pane fills the screen"));
    assert!(!shown.contains("Find anything by a few letters"), "{shown}");
    press(&mut model, "enter");
    assert!(matches!(&model.modal, Modal::Help(help) if !help.is_typing));
    press(&mut model, "esc");
    assert!(screen(&mut model, (80, 24)).contains("Find anything by a few letters"));
    press(&mut model, "esc");
    assert!(matches!(model.modal, Modal::None));
}

#[test]
fn labels_are_as_short_as_can_be_and_all_different() {
    for count in [0, 1, 26, 27, 300, LABELS_MAX, LABELS_MAX + 9] {
        let all = labels(count);
        assert_eq!(all.len(), count.min(LABELS_MAX));
        assert!(all.iter().all(|label| label.len() == if count > 26 { 2 } else { 1 }));
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), all.len());
    }
}

/// Opens jump mode and types the letters of what stands at the first place that `wanted` says.
fn jump(model: &mut Model, wanted: &amflab::tui::model::Aim) {
    press(model, "'");
    let Modal::Jump(jump) = &model.modal else { panic!("the letters are shown") };
    let label = jump.labels.iter().find(|(aim, _)| aim == wanted).map(|(_, label)| label.clone());
    let label = label.unwrap_or_else(|| panic!("{wanted:?} has no letters: {:?}", jump.labels));
    for letter in label.chars() {
        press(model, &letter.to_string());
    }
    assert!(matches!(model.modal, Modal::None));
}

#[test]
fn letters_select_rows_cells_and_panes_and_do_nothing_else() {
    use amflab::tui::model::Aim;
    let mut model = trouble();
    draw(&mut model, (120, 40));
    jump(&mut model, &Aim::Amf(AmfId(3)));
    assert_eq!((model.selected.amf, model.focus()), (AmfId(3), Pane::Amfs));
    jump(&mut model, &Aim::Cell(AmfId(2), amflab::protocol::id::Block(4)));
    assert_eq!((model.selected.block.0, model.focus()), (4, Pane::Matrix));
    jump(&mut model, &Aim::Pane(Pane::Log));
    assert_eq!(model.focus(), Pane::Log);
    press(&mut model, "4");
    draw(&mut model, (120, 40));
    // The row that is selected already: a click would run it, letters do not.
    model.focus_on(Pane::Inject);
    press(&mut model, "'");
    let Modal::Jump(opened) = &model.modal else { panic!() };
    let first = opened.labels.iter().find(|(aim, _)| *aim == Aim::Fault(0)).unwrap().1.clone();
    let effects: Vec<Effect> =
        first.chars().flat_map(|letter| press(&mut model, &letter.to_string())).collect();
    assert_eq!(effects, []);
    press(&mut model, "' esc");
    assert!(matches!(model.modal, Modal::None));
    press(&mut model, "'");
    update(&mut model, Msg::Resize(100, 30));
    assert!(matches!(model.modal, Modal::None), "another size, other places");
}

#[test]
fn letters_stand_where_they_select_at_every_size() {
    for size in [(40, 12), (80, 24), (120, 40)] {
        let mut model = trouble();
        draw(&mut model, size);
        press(&mut model, "'");
        golden(&format!("jump-{}x{}", size.0, size.1), &draw(&mut model, size));
    }
    for screen in Screen::ALL {
        let mut model = trouble();
        model.screen = screen;
        for size in [(40, 12), (80, 24), (200, 60)] {
            draw(&mut model, size);
            press(&mut model, "'");
            draw(&mut model, size);
            press(&mut model, "esc");
        }
    }
}

#[test]
fn a_sequence_is_shown_at_every_size() {
    for size in [(40, 12), (80, 24), (120, 40)] {
        let mut model = trouble();
        press(&mut model, "ctrl-w");
        golden(&format!("prefix-{}x{}", size.0, size.1), &draw(&mut model, size));
    }
}

fn places(model: &mut Model, size: (u16, u16)) -> Vec<(Pane, ratatui::layout::Rect)> {
    draw(model, size);
    let plan = layout::plan(model).unwrap();
    plan.slots.iter().map(|slot| (slot.pane, slot.area)).collect()
}

fn of(places: &[(Pane, ratatui::layout::Rect)], pane: Pane) -> Option<ratatui::layout::Rect> {
    places.iter().find(|(shown, _)| *shown == pane).map(|(_, area)| *area)
}

#[test]
fn panes_are_hidden_grown_and_given_a_place_of_their_own() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut model = trouble();
        let before = places(&mut model, size);
        model.focus_on(Pane::Traffic);
        press(&mut model, "ctrl-w + ctrl-w +");
        let taller = places(&mut model, size);
        assert!(
            of(&taller, Pane::Traffic).unwrap().height
                >= of(&before, Pane::Traffic).unwrap().height
        );
        press(&mut model, "ctrl-w < ctrl-w < ctrl-w <");
        let narrower = places(&mut model, size);
        assert!(
            of(&narrower, Pane::Traffic).unwrap().width < of(&before, Pane::Traffic).unwrap().width
        );
        press(&mut model, "ctrl-w x");
        let hidden = places(&mut model, size);
        assert_eq!(of(&hidden, Pane::Traffic), None);
        assert_ne!(model.focus(), Pane::Traffic);
        // Every place of the screen belongs to somebody still.
        let cells =
            |all: &[(Pane, ratatui::layout::Rect)]| all.iter().map(|(_, a)| a.area()).sum::<u32>();
        assert_eq!(cells(&hidden), cells(&before), "{size:?}");
        press(&mut model, "ctrl-w 0");
        assert_eq!(places(&mut model, size), before);
    }
    let mut model = trouble();
    model.focus_on(Pane::Locks);
    press(&mut model, "ctrl-w s");
    let apart = places(&mut model, (80, 24));
    assert!(of(&apart, Pane::Locks).is_some() && of(&apart, Pane::Io).is_some());
    press(&mut model, "ctrl-w s");
    assert_eq!(of(&places(&mut model, (80, 24)), Pane::Io), None);
}

#[test]
fn one_pane_stays_and_only_the_dashboard_is_arranged() {
    let mut model = trouble();
    for _ in 0..9 {
        press(&mut model, "ctrl-w x");
    }
    assert_eq!(places(&mut model, (120, 40)).len(), 1);
    assert!(model.notice.as_ref().unwrap().text.contains("one pane stays"));
    press(&mut model, "tab tab ctrl-w a");
    assert_eq!(model.arrangement, Arrangement::default());
    press(&mut model, "2 ctrl-w x");
    assert!(model.notice.as_ref().unwrap().text.contains("only the dashboard"));
}

#[test]
fn a_layout_is_saved_by_name_and_taken_again() {
    let mut model = trouble();
    press(&mut model, ": 'layout_hide_log' enter");
    model.focus_on(Pane::Io);
    press(&mut model, "ctrl-w > ctrl-w s");
    let wanted = model.arrangement.clone();
    let Some(Effect::SaveLayout(name, saved, false)) =
        press(&mut model, ": 'layout_save_mine' enter").pop()
    else {
        panic!("it is saved")
    };
    assert_eq!(name, "mine");
    press(&mut model, ": 'layout_default' enter");
    assert_eq!(model.arrangement, Arrangement::default());
    assert_eq!(press(&mut model, ": 'layout_mine' enter"), [Effect::LoadLayout("mine".to_owned())]);
    update(&mut model, Msg::Layout(name, Ok(saved)));
    assert_eq!(model.arrangement, wanted);
    for wrong in ["layout save a/b", "layout save default", "layout hide nothing", "layout save"] {
        press(&mut model, &format!(": '{}' enter", wrong.replace(' ', "_")));
        assert!(matches!(&model.modal, Modal::Line(line) if line.error.is_some()), "{wrong}");
        press(&mut model, "esc");
    }
}

#[test]
fn a_layout_file_with_mistakes_is_refused_with_its_lines() {
    for (text, said) in [
        ("hidden = [\"lgo\"]", "m.toml:1: hidden: `lgo` is no pane of the dashboard"),
        ("hidden = 3", "m.toml:1: hidden: is no list of panes"),
        ("\n[tall]\ntraffic = 99", "m.toml:3: traffic: is no number from -80 to 80"),
        ("[tal]\n", "m.toml:1: tal: is none of"),
        (
            "hidden = [\"amfs\",\"caches\",\"traffic\",\"io\",\"locks\",\"group\",\"log\"]",
            "hides every pane",
        ),
        ("hidden = [", "this is no TOML"),
    ] {
        let error = Arrangement::parse("m.toml", text).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
}

fn arrangement() -> impl Strategy<Value = Arrangement> {
    let panes = || proptest::collection::btree_set(0..PANES.len(), 0..6);
    let shares = || proptest::collection::btree_map(0..PANES.len(), -80..=80_i8, 0..4);
    (panes(), panes(), shares(), shares()).prop_map(|(hidden, apart, tall, wide)| {
        let mut made = Arrangement::default();
        for at in hidden {
            made.hide(PANES[at].0);
        }
        made.apart = apart.into_iter().map(|at| PANES[at].0).collect();
        for (shares, across) in [(tall, false), (wide, true)] {
            for (at, by) in shares {
                made.grow(PANES[at].0, across, by);
            }
        }
        made
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_layout_is_written_read_and_drawn(made in arrangement(), width in 70..210_u16, height in 20..64_u16) {
        prop_assert_eq!(Arrangement::parse("m", &made.text()).unwrap(), made.clone());
        let mut model = trouble();
        model.arrangement = made;
        let shown = places(&mut model, (width, height));
        prop_assert!(!shown.is_empty());
        // No two places overlap.
        for (at, (_, one)) in shown.iter().enumerate() {
            for (_, other) in &shown[at + 1..] {
                prop_assert!(one.intersection(*other).is_empty(), "{shown:?}");
            }
        }
    }
}

#[test]
fn layouts_are_kept_beside_the_config_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[console]\nlayout = \"mine\"\n").unwrap();
    let args = ["--engine", "sim", "--config", file.to_str().unwrap()];
    let mut console = Console::real(120, 40, &args);
    // It was not saved yet.
    console.until_text("mine.toml: cannot be opened");
    console.type_keys(":layout hide traffic\r");
    console.until("no traffic", |screen, _| !screen.contains(" Traffic "));
    console.type_keys(":layout save mine\r");
    console.until_text("saved; `:layout mine`");
    console.type_keys(":layout save mine\r");
    console.until_text("`:layout save! mine` replaces it");
    console.type_keys(":layout list\r");
    console.until_text("layouts: default, mine");
    console.type_keys(":q!\r");
    assert!(console.ends().0);
    let mut console = Console::real(120, 40, &args);
    console.until_text("layout mine");
    console.until("no traffic", |screen, _| !screen.contains(" Traffic "));
    console.type_keys(":layout default\r");
    console.until_text(" Traffic ");
    console.type_keys(":q!\r");
    assert!(console.ends().0);
}
