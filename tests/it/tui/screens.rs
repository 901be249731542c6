//! Golden screens: text and styles, at fixed sizes. `AMFLAB_BLESS=1` rewrites them; read the
//! difference before committing it.

use super::fake;
use amflab::trace::Snapshot;
use amflab::tui::command::Act;
use amflab::tui::glyph;
use amflab::tui::model::{Model, Screen};
use amflab::tui::update::acts;
use amflab::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use std::fmt::Write;
use std::path::PathBuf;

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

/// The styles: letters for those in use, row by row as runs (`a12b3`: twelve cells of `a`, three of `b`;
/// what is plain at the end of a row is left out), and what the letters mean.
pub(crate) fn styles(buffer: &Buffer) -> String {
    const LETTERS: &[u8] = b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut styles = Vec::new();
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = (cell.fg, cell.bg, cell.modifier);
            let at = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            match runs.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => runs.push((at, 1)),
            }
        }
        if runs.last().is_some_and(|(at, _)| *at == 0) {
            runs.pop();
        }
        for (at, count) in runs {
            write!(out, "{}{count}", LETTERS[at] as char).unwrap();
        }
        out.push('\n');
    }
    out.push_str("--- legend\n");
    for (at, (fg, bg, modifier)) in styles.iter().enumerate() {
        writeln!(out, "{} {fg} on {bg} {modifier:?}", LETTERS[at] as char).unwrap();
    }
    out
}

/// Text, then the styles.
fn dump(buffer: &Buffer) -> String {
    format!("{}--- styles\n{}", text(buffer), styles(buffer))
}

pub(crate) fn golden(name: &str, buffer: &Buffer) {
    golden_text(name, &dump(buffer));
}

/// Compares with a golden file, or writes it.
pub(crate) fn golden_text(name: &str, got: &str) {
    let path = folder().join(format!("{name}.txt"));
    if std::env::var_os("AMFLAB_BLESS").is_some() {
        std::fs::write(&path, got).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == want,
        "screen {name} differs from its golden file (AMFLAB_BLESS=1 rewrites it):\n{got}"
    );
}

/// Where golden screens are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/screens")
}

/// What kind of terminal a screen is for.
#[derive(Clone, Copy, Debug)]
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

pub(crate) const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

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
