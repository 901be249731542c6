//! Golden screens: text and styles, at fixed sizes. `AMFLAB_BLESS=1` rewrites them; read the
//! difference before committing it.

use super::fake;
use amflab::protocol::id::Instant;
use amflab::trace::Snapshot;
use amflab::tui::command::Act;
use amflab::tui::glyph;
use amflab::tui::model::{Model, Pane, Screen};
use amflab::tui::update::acts;
use amflab::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use std::fmt::Write;
use std::path::PathBuf;
use tracing_subscriber::layer::SubscriberExt;

/// Draws a model at a size.
pub(crate) fn draw(model: &mut Model, size: (u16, u16)) -> Buffer {
    model.size = Size::new(size.0, size.1);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| view::draw(frame, model)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text of a screen, a line each.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// Text, then the styles: a letter for each style in use, the same grid, and what the letters mean.
fn dump(buffer: &Buffer) -> String {
    let mut styles = Vec::new();
    let mut grid = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = (cell.fg, cell.bg, cell.modifier);
            let at = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            row.push(b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[at] as char);
        }
        grid.push_str(row.trim_end_matches('.'));
        grid.push('\n');
    }
    let mut out = text(buffer);
    out.push_str("--- styles\n");
    out.push_str(&grid);
    out.push_str("--- legend\n");
    for (at, (fg, bg, modifier)) in styles.iter().enumerate() {
        let letter = b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[at] as char;
        writeln!(out, "{letter} {fg} on {bg} {modifier:?}").unwrap();
    }
    out
}

pub(crate) fn golden(name: &str, buffer: &Buffer) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/screens")
        .join(format!("{name}.txt"));
    let got = dump(buffer);
    if std::env::var_os("AMFLAB_BLESS").is_some() {
        std::fs::write(&path, &got).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == want,
        "screen {name} differs from its golden file (AMFLAB_BLESS=1 rewrites it):\n{}",
        text(buffer)
    );
}

#[derive(Clone, Copy)]
pub(crate) enum Form {
    Default,
    Ascii,
    NoColour,
}

pub(crate) fn shown(snapshot: Snapshot, screen: Screen, form: Form) -> Model {
    let mut model = fake::model(snapshot);
    model.screen = screen;
    match form {
        Form::Default => {}
        Form::Ascii => model.glyphs = &glyph::ASCII,
        Form::NoColour => {
            model.no_color = true;
            model.theme = model.theme.clone().without_colour();
        }
    }
    model
}

impl Form {
    /// Every form, and what its files are called.
    pub(crate) const ALL: [(Self, &'static str); 3] =
        [(Self::Default, ""), (Self::Ascii, "-ascii"), (Self::NoColour, "-no-colour")];
}

pub(crate) const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

#[test]
fn dashboard_at_every_size_and_in_every_form() {
    for size in SIZES {
        for (form, name) in Form::ALL {
            let mut model = shown(fake::snapshot(), Screen::Dashboard, form);
            let name = format!("dashboard-{}x{}{name}", size.0, size.1);
            golden(&name, &draw(&mut model, size));
        }
    }
}

#[test]
fn a_cluster_in_trouble() {
    for size in SIZES {
        let mut model = shown(fake::trouble(), Screen::Dashboard, Form::Default);
        model.focus_on(Pane::Traffic);
        model.selected.held = Some(701);
        golden(&format!("trouble-{}x{}", size.0, size.1), &draw(&mut model, size));
    }
}

#[test]
fn the_other_screens() {
    for size in SIZES {
        for (screen, name) in
            [(Screen::Caches, "caches"), (Screen::Locks, "locks"), (Screen::Faults, "faults")]
        {
            let mut model = shown(fake::trouble(), screen, Form::Default);
            golden(&format!("{name}-{}x{}", size.0, size.1), &draw(&mut model, size));
        }
    }
}

#[test]
fn lamps_and_the_operations_behind_them() {
    for size in SIZES {
        for (form, name) in
            [(Form::Default, ""), (Form::Ascii, "-ascii"), (Form::NoColour, "-no-colour")]
        {
            for (snapshot, which) in [(fake::snapshot(), "fine"), (fake::trouble(), "trouble")] {
                let mut model = shown(snapshot, Screen::Checker, form);
                model.select_block(17);
                let at = Instant(12_340_000_000 + 15 * 137_000);
                model.cluster.faults.push_back((at, "crash amf2".to_owned()));
                let name = format!("checker-{which}-{}x{}{name}", size.0, size.1);
                golden(&name, &draw(&mut model, size));
            }
        }
    }
    let mut model = shown(fake::trouble(), Screen::Checker, Form::Default);
    model.select_block(17);
    model.focus_on(Pane::History);
    golden("checker-operations-40x12", &draw(&mut model, (40, 12)));
}

#[test]
fn what_opens_above_the_screen() {
    let opened = [
        (Act::Help, "help"),
        (Act::Palette, "palette"),
        (Act::CommandLine, "line"),
        (Act::Write, "write"),
        (Act::Quit, "quit"),
    ];
    for (act, name) in opened {
        let mut model = shown(fake::snapshot(), Screen::Dashboard, Form::Default);
        acts::act(&mut model, act);
        golden(&format!("{name}-80x24"), &draw(&mut model, (80, 24)));
    }
}

#[test]
fn first_hint_and_too_small() {
    let mut model = shown(fake::snapshot(), Screen::Dashboard, Form::Default);
    model.hint = true;
    golden("hint-80x24", &draw(&mut model, (80, 24)));
    golden("too-small-39x12", &draw(&mut model, (39, 12)));
}

/// The log belongs to the whole process, and the other screens here have an empty one.
#[test]
fn the_log_with_something_in_it() {
    let name =
        format!("{}::log_in_a_process_of_its_own", module_path!().split_once("::").unwrap().1);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let told = child.args(["--ignored", "--exact", &name, "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "a child of the test above"]
fn log_in_a_process_of_its_own() {
    tui_logger::set_default_level(tui_logger::LevelFilter::Info);
    let log = tracing_subscriber::registry().with(tui_logger::TuiTracingSubscriberLayer);
    tracing::subscriber::with_default(log, || {
        tracing::info!(target: "command", "workload start gentle");
        tracing::warn!(target: "fault", "1.204 witness amf2 has crashed");
        tracing::info!(target: "view", "3.310 witness e2: amf0 amf1 amf3");
        tracing::error!(target: "check", "4.001 amf1 reads: step 812: b3 holds w1#7, not w1#9");
        tracing::warn!(target: "command", "deliver: no message is held");
        tracing::info!(target: "note", "the process did not run: 3 s taken out of the clock");
    });
    tui_logger::move_events();
    for size in SIZES {
        let mut model = shown(fake::snapshot(), Screen::Dashboard, Form::Default);
        model.focus_on(Pane::Log);
        model.zoomed = size.0 < 200;
        let mut buffer = draw(&mut model, size);
        without_rate(&mut buffer);
        golden(&format!("log-{}x{}", size.0, size.1), &buffer);
    }
}

/// The widget writes lines a second into its frame, by the clock on the wall: frame is put there.
fn without_rate(buffer: &mut Buffer) {
    for y in 0..buffer.area.height {
        let row: Vec<String> =
            (0..buffer.area.width).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        let Some(from) = row.windows(5).position(|cells| cells.concat() == "[log=") else {
            continue;
        };
        let wide = row[from..].iter().position(|cell| cell == "]").unwrap() + 1;
        for x in from..from + wide {
            buffer[(u16::try_from(x).unwrap(), y)].set_symbol("─");
        }
    }
}

#[test]
fn a_replay_at_every_size_and_in_every_state() {
    use amflab::session::{ReplayProgress, ReplayState};
    use amflab::tui::model::ReplayShown;
    for size in SIZES {
        for (state, mismatches, name) in [
            (ReplayState::Running, 0, "running"),
            (ReplayState::Paused, 0, "paused"),
            (ReplayState::Done, 3, "wrong"),
        ] {
            let mut model = shown(fake::snapshot(), Screen::Dashboard, Form::Default);
            model.replay = Some(ReplayShown {
                progress: ReplayProgress {
                    name: "cloudphysics-20k.vscsi".to_owned(),
                    state,
                    requests: 20_000,
                    asked: 8_124,
                    answered: 8_120,
                    errors: mismatches / 3,
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
            golden(&format!("replay-{name}-{}x{}", size.0, size.1), &draw(&mut model, size));
        }
    }
}

#[test]
fn a_long_notice_stands_whole_above_the_status_bar() {
    let mut model = shown(fake::snapshot(), Screen::Dashboard, Form::Default);
    let text = "amf0 waits for exclusive access to b0 with t1.135.0; amf1 has not granted yet: \
                it has a read of its own with the older ticket t1.134.1";
    model.say(amflab::tui::model::Level::Warn, text);
    golden("notice-80x24", &draw(&mut model, (80, 24)));
}

#[test]
fn no_size_makes_a_view_panic() {
    for screen in Screen::ALL {
        for pane in screen.panes() {
            for zoomed in [false, true] {
                let mut model = shown(fake::trouble(), screen, Form::Default);
                model.focus_on(*pane);
                model.zoomed = zoomed;
                model.hint = true;
                for width in [1, 5, 39, 40, 41, 69, 70, 79, 109, 110, 160, 240] {
                    for height in [1, 5, 11, 12, 13, 19, 20, 31, 32, 45, 67] {
                        draw(&mut model, (width, height));
                    }
                }
            }
        }
    }
}
