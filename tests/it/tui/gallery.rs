//! The gallery: every screen at every size, for every kind of terminal. One golden file a screen and size:
//! its text, its styles, the text in ASCII, and the styles without colours. `AMFLAB_BLESS=1` rewrites
//! them; look at the difference before committing it.

use super::conversation::press;
use super::screens::{Form, SIZES, draw, folder, golden_text, shown, styles, text};
use super::{beside, checker, fake, ladder, learn, log, protocol, timeline};
use amflab::protocol::id::Instant;
use amflab::session::{ReplayProgress, ReplayState};
use amflab::tui::model::{Aim, Modal, Model, Pane, ReplayShown, Screen};
use amflab::tui::update::Effect;
use amflab::tui::update::jump::{self, Target};
use amflab::tui::view::layout;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::collections::BTreeSet;

/// One of the gallery: what its files are called, and how it is made for a kind of terminal.
type Shot = (&'static str, fn(Form) -> Model);

/// Everything that is in the gallery. A new screen has its place here, or a test fails.
const SHOTS: &[Shot] = &[
    ("dashboard", |form| shown(fake::snapshot(), Screen::Dashboard, form)),
    ("trouble", trouble),
    ("log", remarks),
    ("replay-running", |form| replay(form, ReplayState::Running, 0)),
    ("replay-paused", |form| replay(form, ReplayState::Paused, 0)),
    ("replay-wrong", |form| replay(form, ReplayState::Done, 3)),
    ("caches", |form| shown(fake::trouble(), Screen::Caches, form)),
    ("card", checker::card),
    ("locks", |form| shown(fake::trouble(), Screen::Locks, form)),
    ("faults", |form| shown(fake::trouble(), Screen::Faults, form)),
    ("checker-fine", |form| lamps(fake::snapshot(), form)),
    ("checker-trouble", |form| lamps(fake::trouble(), form)),
    ("checker-operations", operations),
    ("checker-cliff", checker::cliff),
    ("ladder", ladder::running),
    ("ladder-log", log::linked),
    ("timeline", |form| timeline::played(form).model),
    ("compare", timeline::comparing),
    ("beside", beside::both),
    ("protocol-unknown", |form| shown(fake::snapshot(), Screen::Protocol, form)),
    ("learn-list", |form| learn::learning(None, form)),
    ("learn-begun", |form| learn::at("begun", form)),
    ("learn-tried", |form| learn::at("tried", form)),
    ("learn-solved", |form| learn::at("solved", form)),
    ("learn-asked", |form| learn::at("asked", form)),
    ("learn-answered", |form| learn::at("answered", form)),
    ("learn-over", |form| learn::at("over", form)),
];

/// The same of the screen for which the core is explored first, which takes a while.
const TABLES: &[Shot] = &[
    ("protocol", protocol::running),
    ("protocol-two", protocol::beside),
    ("protocol-cell", protocol::cell_in_words),
];

/// Golden screens of other tests: what opens above a screen, at one size or a few.
const OTHERS: &[&str] = &[
    "compare-seen-80x24",
    "help-80x24",
    "hint-80x24",
    "jump-120x40",
    "jump-40x12",
    "jump-80x24",
    "learn-answer-80x24",
    "line-80x24",
    "notice-80x24",
    "palette-80x24",
    "prefix-120x40",
    "prefix-40x12",
    "prefix-80x24",
    "quit-80x24",
    "too-small-39x12",
    "write-80x24",
];

fn trouble(form: Form) -> Model {
    let mut model = shown(fake::trouble(), Screen::Dashboard, form);
    model.focus_on(Pane::Traffic);
    model.selected.held = Some(701);
    model
}

fn lamps(snapshot: amflab::trace::Snapshot, form: Form) -> Model {
    let mut model = shown(snapshot, Screen::Checker, form);
    model.select_block(17);
    let at = Instant(12_340_000_000 + 15 * 137_000);
    model.cluster.faults.push_back((at, "crash amf2".to_owned()));
    model
}

fn operations(form: Form) -> Model {
    let mut model = lamps(fake::trouble(), form);
    model.focus_on(Pane::History);
    model
}

/// The log, as large as it gets.
fn remarks(form: Form) -> Model {
    use amflab::tui::model::LogLevel::{Error, Info, Warn};
    let mut model = shown(fake::snapshot(), Screen::Dashboard, form);
    for (level, source, text, step) in [
        (Info, "command", "workload start gentle", None),
        (Warn, "fault", "1.204 witness amf2 has crashed", Some(88)),
        (Info, "view", "3.310 witness e2: amf0 amf1 amf3", Some(412)),
        (Error, "check", "4.001 amf1 reads: step 812: b3 holds w1#7, not w1#9", Some(812)),
        (Warn, "command", "deliver: no message is held", None),
        (Info, "note", "the process did not run: 3 s taken out of the clock", None),
        (Error, "store", "disk2: the database is torn: it is opened again from its log", None),
    ] {
        model.write_log(level, source, text.to_owned(), step);
    }
    model.log.cursor = Some(2);
    model.focus_on(Pane::Log);
    model.zoomed = true;
    model
}

fn replay(form: Form, state: ReplayState, mismatches: u64) -> Model {
    let mut model = shown(fake::snapshot(), Screen::Dashboard, form);
    model.replay = Some(ReplayShown {
        progress: ReplayProgress {
            name: "cloudphysics-20k.vscsi".to_owned(),
            state,
            requests: 20_000,
            asked: 8_124,
            answered: 8_120,
            errors: mismatches / 3,
            retried: 0,
            touches: 24_310,
            reads: 5_900,
            violations_before: 0,
            is_flat_out: true,
        },
        requests_per_s: 1_240,
        touches_per_s: 3_711,
        ran_ms: 6_540,
        mismatches,
    });
    model
}

fn has_colour(buffer: &Buffer) -> bool {
    let plain = |color| matches!(color, Color::Reset);
    buffer.content.iter().any(|cell| !plain(cell.fg) || !plain(cell.bg))
}

#[test]
fn every_screen_at_every_size_for_every_terminal() {
    look(SHOTS);
}

#[test]
fn every_table_at_every_size_for_every_terminal() {
    look(TABLES);
}

fn look(shots: &[Shot]) {
    for (name, make) in shots {
        let [mut plain, mut ascii, mut bare] =
            [Form::Default, Form::Ascii, Form::NoColour].map(make);
        for size in SIZES {
            let name = format!("{name}-{}x{}", size.0, size.1);
            let [plain, ascii, bare] =
                [&mut plain, &mut ascii, &mut bare].map(|model| draw(model, size));
            assert!(has_colour(&plain), "{name}");
            assert!(!has_colour(&bare), "{name}: a colour without colours");
            assert_eq!(text(&bare), text(&plain), "{name}: colours change no text");
            let seven_bits = text(&ascii);
            assert!(seven_bits.is_ascii(), "{name} in ASCII:\n{seven_bits}");
            assert_eq!(styles(&ascii), styles(&plain), "{name}: signs change no style");
            let sections = [
                ("", text(&plain)),
                ("--- styles\n", styles(&plain)),
                ("--- ascii\n", seven_bits),
                ("--- styles without colours\n", styles(&bare)),
            ];
            let all = sections.map(|(head, body)| [head, &*body].concat()).concat();
            golden_text(&name, &all);
        }
    }
}

#[test]
fn every_screen_is_in_the_gallery() {
    let shots: Vec<Screen> = SHOTS.iter().map(|(_, make)| make(Form::Default).screen).collect();
    for screen in Screen::ALL {
        assert!(shots.contains(&screen), "{screen:?} is in no picture: add it to SHOTS");
    }
    let all = || SHOTS.iter().chain(TABLES);
    let names: BTreeSet<&str> = all().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), all().count(), "a name twice");
}

/// A golden file that no test reads says nothing of the program.
#[test]
fn every_golden_screen_is_of_some_test() {
    let shots = SHOTS
        .iter()
        .chain(TABLES)
        .flat_map(|(name, _)| SIZES.map(|(width, height)| format!("{name}-{width}x{height}.txt")));
    let others = OTHERS.iter().map(|name| format!("{name}.txt"));
    let known: BTreeSet<String> = shots.chain(others).collect();
    let files = std::fs::read_dir(folder()).unwrap();
    let there: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, known);
}

#[test]
fn the_way_to_all_keys_is_on_every_screen() {
    for (name, make) in SHOTS {
        let mut model = make(Form::Default);
        for pane in model.panes() {
            model.focus_on(pane);
            for size in SIZES {
                let screen = text(&draw(&mut model, size));
                let keys = screen.lines().last().unwrap();
                assert!(keys.contains("? help"), "{name}, {pane:?} at {size:?}: {keys}");
            }
        }
    }
}

// ---- jump mode

/// Everything on a screen that has letters, and the pane that it is in.
fn targets(model: &mut Model) -> Vec<(Pane, Target)> {
    draw(model, (200, 60));
    let plan = layout::plan(model).unwrap();
    let found = jump::targets(model, &plan).into_iter();
    let inside = |target: &Target| !matches!(target.aim, Aim::Pane(_));
    found
        .filter(inside)
        .map(|target| (plan.slot_at(target.at.0, target.at.1).unwrap().pane, target))
        .collect()
}

/// Every pane has something that letters select, or a reason why not; and what they select has the keys
/// then, without anything being done.
#[test]
fn letters_reach_into_every_pane() {
    let mut reached = BTreeSet::new();
    for (name, make) in SHOTS.iter().chain(TABLES) {
        let model = make(Form::Default);
        for pane in model.panes() {
            let mut model = model.clone();
            model.focus_on(pane);
            let mut known = BTreeSet::new();
            for (pane, target) in targets(&mut model) {
                reached.insert(pane);
                // One of each pane is pressed.
                if !known.insert(pane) {
                    continue;
                }
                let mut pressed = model.clone();
                press(&mut pressed, "'");
                let Modal::Jump(opened) = &pressed.modal else { panic!("{name}: letters") };
                let label = opened.labels.iter().find(|(aim, _)| *aim == target.aim);
                let label = label.unwrap_or_else(|| panic!("{name}: {target:?}")).1.clone();
                let effects: Vec<Effect> =
                    label.chars().flat_map(|key| press(&mut pressed, &key.to_string())).collect();
                let asks = |effect: &Effect| matches!(effect, Effect::Tell(..));
                assert!(effects.iter().all(asks), "{name}, {pane:?}: {effects:?}");
                // What stands beside a lesson is looked at, and has keys on its own screen.
                let has_keys = pressed.panes().contains(&pane);
                assert_eq!(pressed.focus() == pane, has_keys, "{name}: {target:?}");
            }
        }
    }
    for pane in Screen::ALL.iter().flat_map(|screen| screen.panes()) {
        let reason = jump::WITHOUT_TARGETS.iter().find(|(without, _)| without == pane);
        assert_eq!(reached.contains(pane), reason.is_none(), "{pane:?}: {reason:?}");
    }
}

/// In every pane `/` takes words for a list of that screen, and `esc` takes them away again. A screen
/// without a list says so.
#[test]
fn a_filter_is_typed_in_every_pane() {
    for (name, make) in SHOTS {
        let model = make(Form::Default);
        for pane in model.panes() {
            let mut model = model.clone();
            model.zoomed = false;
            model.focus_on(pane);
            press(&mut model, "/");
            if matches!(model.screen, Screen::Caches | Screen::Beside) {
                assert!(model.notice.as_ref().unwrap().text.contains("no list on this screen"));
                continue;
            }
            assert!(matches!(model.modal, Modal::Filter(_)), "{name}, {pane:?}");
            press(&mut model, "'zzqx' enter");
            let filtered = model.filtered();
            assert_eq!(model.filter_of(filtered), "zzqx", "{name}, {pane:?}");
            let seen = model.panes().contains(&filtered) || filtered == Pane::Traffic;
            assert!(seen, "{name}, {pane:?}: {filtered:?} is elsewhere");
            for size in SIZES {
                draw(&mut model, size);
            }
            press(&mut model, "up down pageup pagedown home end left right");
            model.focus_on(filtered);
            press(&mut model, "esc esc esc");
            assert_eq!(model.filter_of(filtered), "", "{name}, {pane:?}: esc shows all");
        }
    }
}
