//! Two clusters side by side: the screen, and the console over them.

use super::fake;
use super::pty::Console;
use super::screens::{Form, draw, shown, text};
use crate::cli::amflab_with;
use amflab::protocol::{LineState, Protocol};
use amflab::trace::Snapshot;
use amflab::trace::beside::{Beside, Side};
use amflab::tui::command::Act;
use amflab::tui::model::{Model, Pane, Screen};
use amflab::tui::update::{Effect, Msg, acts, line, update};
use amflab::tui::view::layout;
use std::sync::Arc;

/// The cluster that never was, and beside it one that broadcasts.
fn two() -> Snapshot {
    let mut first = fake::snapshot();
    let mut other = fake::snapshot();
    other.view =
        Arc::new(amflab::protocol::View { protocol: Protocol::Broadcast, ..(*other.view).clone() });
    other.counts.messages.iter_mut().for_each(|count| *count = *count * 5 / 2);
    other.counts.broadcasts += 900;
    other.counts.broadcasts_saved = 0;
    other.counts.disk_reads /= 2;
    for line in other.amfs.iter_mut().flat_map(|amf| &mut amf.lines) {
        if line.state == LineState::E {
            line.state = LineState::S;
        }
    }
    let side = |name: &str, read_ns, write_ns| Side {
        name: name.to_owned(),
        answered: 1_985,
        errors: 0,
        hits: 1_500,
        misses: 612,
        read_ns: Some(read_ns),
        write_ns: Some(write_ns),
    };
    let sides = [
        side("protocol=sharing", [80_000, 412_000], [200_000, 1_430_000]),
        side("protocol=broadcast", [240_000, 404_000], [200_000, 2_900_000]),
    ];
    first.beside = Some(Box::new(Beside { sides, other }));
    first
}

/// Both matrices and all figures.
pub(super) fn both(form: Form) -> Model {
    let mut model = shown(two(), Screen::Beside, form);
    model.focus_on(Pane::Figures);
    model
}

fn model() -> Model {
    both(Form::Default)
}

#[test]
fn one_cluster_says_how_there_may_be_two() {
    let mut model = shown(fake::snapshot(), Screen::Beside, Form::Default);
    let shown = text(&draw(&mut model, (80, 24)));
    assert!(shown.contains(":beside protocol=moesi"), "{shown}");
    // And elsewhere nothing speaks of it.
    model.screen = Screen::Dashboard;
    assert!(!text(&draw(&mut model, (200, 60))).contains("0 Beside"));
    let mut model = shown_elsewhere();
    assert!(text(&draw(&mut model, (200, 60))).contains("0 Beside"));
}

fn shown_elsewhere() -> Model {
    shown(two(), Screen::Dashboard, Form::Default)
}

#[test]
fn arrows_move_in_both_and_a_click_selects_in_either() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut model = model();
    let before = draw(&mut model, (120, 40));
    let (block, amf) = (model.selected.block.0, model.selected.amf.0);
    acts::act(&mut model, Act::Right);
    acts::act(&mut model, Act::Down);
    assert_eq!((model.selected.block.0, model.selected.amf.0), (block + 1, amf + 1));
    let after = draw(&mut model, (120, 40));
    // Where the cursor was and is: at the same places of both matrices.
    let changed = |columns: core::ops::Range<u16>| {
        let places = (2..18).flat_map(|y| columns.clone().map(move |x| (x, y)));
        let differ = places.filter(|place| before[*place] != after[*place]);
        differ.map(|(x, y)| (x - columns.start, y)).collect::<Vec<_>>()
    };
    let left = changed(0..60);
    assert!(left.len() >= 4, "{left:?}");
    assert_eq!(left, changed(60..120));
    // The sixth cell of the first row of the right one.
    let area = layout::plan(&model).and_then(|plan| plan.inner(Pane::Other)).unwrap();
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: area.x + 7 + 2 * 5,
        row: area.y + 1,
        modifiers: KeyModifiers::NONE,
    };
    update(&mut model, Msg::Mouse(click));
    let selected = &model.selected;
    assert_eq!((selected.block.0, selected.amf.0, model.focus()), (5, 0, Pane::Other));
}

#[test]
fn words_of_the_line() {
    let mut model = model();
    let effects = line::run(&mut model, "beside protocol=moesi  cache.lines=8").unwrap();
    let sets = ["protocol=moesi", "cache.lines=8"].map(str::to_owned).to_vec();
    assert_eq!(effects, [Effect::Beside(sets)]);
}

/// The real program: two clusters from the start, and two clusters begun later, which is left again.
#[test]
fn the_console_shows_two_clusters() {
    let mut console = Console::real(120, 40, &["--beside", "protocol=broadcast"]);
    console.until_text("protocol=sharing");
    console.until_text("protocol=broadcast");
    console.type_keys("p");
    console.until("the workload stopped", |screen, _| !screen.contains("workload on"));
    console.type_keys(":write amf0 5 \"hello\"\r");
    console.until_text("messages a request");
    console.type_keys("1");
    console.until_text("0 Beside");
    console.type_keys("q");
    let (fine, _) = console.ends();
    assert!(fine);
    let mut console = Console::real(120, 40, &["--engine", "sim"]);
    console.until_text("workload on");
    console.type_keys(":beside cache.lines=8\r");
    console.until_text("lines=64");
    console.until_text("lines=8");
    console.until_text("run b1");
    console.type_keys(":branch main\r");
    console.until_text("it stands where it was left");
    console.type_keys("qy");
    let (fine, _) = console.ends();
    assert!(fine);
}

#[test]
fn plain_lines_have_the_figures_too() {
    let typed = "write amf0 3 \"x\"\nread amf1 3\nread amf2 3\nstate\n";
    let args = ["--plain", "--config", "none", "--beside", "protocol=broadcast"];
    let ran = amflab_with(&args, typed);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let line = ran.out.lines().find(|line| line.starts_with("hit ratio")).unwrap_or_default();
    assert_eq!(
        line,
        "hit ratio: 0.00 % with protocol=sharing, 0.00 % with protocol=broadcast, no difference"
    );
    assert!(ran.out.contains("messages a request: "), "{}", ran.out);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let refused = |args: &[&str], words: &[&str]| {
        let plain = ["--plain", "--config", "none"];
        let ran = amflab_with(&[&plain, args].concat(), "");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        for word in words {
            assert!(ran.err.contains(word), "{word}: {}", ran.err);
        }
    };
    refused(&["--beside", "protocol=meosi"], &["cluster.protocol", "moesi"]);
    refused(&["--beside", "cache.lins=8"], &["cache.lins", "did you mean"]);
    refused(&["--beside", "cluster.amfs=5"], &["the same requests"]);
    refused(&["--beside", "protocol=sharing"], &["would be the same"]);
    refused(&["--beside", "protocol"], &["protocol"]);
    refused(&["--beside", "protocol=moesi", "--engine", "live"], &["hint: "]);
}
