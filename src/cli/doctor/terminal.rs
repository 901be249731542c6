//! The terminal: its size, colours and signs, and what stands between it and the program.

use super::{Finding, State};
use crate::tui;
use crate::tui::surroundings::{Depth, Surroundings};
use crate::tui::view::layout::{COLUMNS_MIN, ROWS_MIN};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use std::io::{self, IsTerminal, Write};

/// The size that every screen is made for.
const COMFORT: (u16, u16) = (80, 24);
/// Signs that the console draws with.
const SIGNS: [char; 4] = ['●', '→', '▸', '█'];

pub(super) fn findings() -> Vec<Finding> {
    let here = Surroundings::here();
    let mut found = vec![terminal(&here), colours(&here), text(&here)];
    if tui::terminal::is_there() && !here.is_dumb() {
        found.push(width(&here));
        found.push(mouse(&here));
        found.push(clipboard(&here));
    }
    found.push(between(&here));
    found
}

fn terminal(here: &Surroundings) -> Finding {
    let what = "terminal";
    if !tui::terminal::is_there() {
        let input = if io::stdin().is_terminal() { "output" } else { "input" };
        let text = format!("none: standard {input} is no terminal");
        let advice = "`amflab --plain` and `amflab run` work without one";
        return Finding::new(what, State::Note, text).advise(advice);
    }
    if here.is_dumb() {
        let text = "TERM=dumb: it cannot place text";
        return Finding::new(what, State::Warn, text).advise("use `amflab --plain`");
    }
    let term = if here.term.is_empty() { "unset" } else { &here.term };
    let Ok((width, height)) = crossterm::terminal::size() else {
        let text = format!("of unknown size, TERM={term}");
        return Finding::new(what, State::Bad, text).advise("set its size: `stty cols 80 rows 24`");
    };
    let text = format!("{width}x{height}, TERM={term}");
    if width < COLUMNS_MIN || height < ROWS_MIN {
        let advice = format!("make it {COLUMNS_MIN}x{ROWS_MIN} at least, or use `--plain`");
        return Finding::new(what, State::Bad, text).advise(advice);
    }
    if width < COMFORT.0 || height < COMFORT.1 {
        let advice = format!("panes share their place below {}x{}", COMFORT.0, COMFORT.1);
        return Finding::new(what, State::Warn, text).advise(advice);
    }
    Finding::new(what, State::Ok, text)
}

fn colours(here: &Surroundings) -> Finding {
    let what = "colours";
    match here.depth() {
        Depth::None if here.no_color => Finding::new(what, State::Note, "off: NO_COLOR is set"),
        Depth::None => Finding::new(what, State::Note, "none: bold, reverse and letters tell all"),
        Depth::Sixteen => {
            let text = "the terminal's own 16: every theme looks like terminal-16";
            let advice = "if it has more: TERM=xterm-256color, or COLORTERM=truecolor";
            Finding::new(what, State::Note, text).advise(advice)
        }
        Depth::Indexed => {
            let text = "256: colours of themes are the nearest of these";
            Finding::new(what, State::Ok, text).advise("if it has more: COLORTERM=truecolor")
        }
        Depth::True => Finding::new(what, State::Ok, "16 million: every theme as it is meant"),
    }
}

fn text(here: &Surroundings) -> Finding {
    let locale = if here.locale.is_empty() { "unset" } else { &here.locale };
    let text = format!("locale {locale}");
    match here.only_ascii() {
        None => Finding::new("text", State::Ok, text),
        Some(why) => Finding::new("text", State::Warn, format!("{text}: signs are ASCII ({why})"))
            .advise("set LC_ALL=C.UTF-8, or start with --ascii=never if the terminal is right"),
    }
}

/// Writes the console's signs, and asks the terminal where its cursor is then.
fn width(here: &Surroundings) -> Finding {
    let what = "sign width";
    if here.only_ascii().is_some() {
        return Finding::new(what, State::Note, "not looked at: signs are ASCII");
    }
    match columns() {
        Ok(columns) if usize::from(columns) == SIGNS.len() => {
            Finding::new(what, State::Ok, "a sign takes one column")
        }
        Ok(columns) => {
            let text = format!("{} signs take {columns} columns", SIGNS.len());
            let advice = "let ambiguous characters be narrow, or start with --ascii";
            Finding::new(what, State::Warn, text).advise(advice)
        }
        Err(error) => {
            Finding::new(what, State::Note, format!("the terminal does not say: {error}"))
        }
    }
}

fn columns() -> io::Result<u16> {
    let mut out = io::stdout();
    enable_raw_mode()?;
    let signs: String = SIGNS.iter().collect();
    let asked = write!(out, "\r{signs}").and_then(|()| out.flush());
    let column = asked.and_then(|()| cursor::position()).map(|(column, _)| column);
    let clear = crossterm::terminal::Clear(crossterm::terminal::ClearType::CurrentLine);
    let cleared = execute!(out, clear, cursor::MoveToColumn(0));
    disable_raw_mode()?;
    cleared?;
    column
}

fn mouse(here: &Surroundings) -> Finding {
    let what = "mouse";
    if here.term == "linux" {
        return Finding::new(what, State::Note, "the Linux console has none; keys do everything");
    }
    let found = Finding::new(what, State::Note, "`M` leaves it to the terminal, to select text");
    if here.tmux { found.advise("in tmux: `set -g mouse on`") } else { found }
}

/// Whether `Y` reaches the clipboard: nobody answers, so that only what is known can be told.
fn clipboard(here: &Surroundings) -> Finding {
    let what = "clipboard";
    let text = "copies by OSC 52";
    if here.tmux {
        let advice = "in tmux: `set -s set-clipboard on`";
        return Finding::new(what, State::Note, text).advise(advice);
    }
    if here.screen || here.vte || here.term == "linux" {
        let text = format!("{text}, which this terminal is not known to take");
        return Finding::new(what, State::Warn, text)
            .advise("`M` leaves the mouse to the terminal, to select and copy");
    }
    Finding::new(what, State::Note, text).advise("some terminals must be told to allow it")
}

fn between(here: &Surroundings) -> Finding {
    let layers: Vec<&str> = [(here.ssh, "ssh"), (here.tmux, "tmux"), (here.screen, "screen")]
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
    if layers.is_empty() {
        return Finding::new("between", State::Note, "nothing: no ssh, no tmux, no screen");
    }
    let text = layers.join(", ");
    let found = Finding::new("between", State::Note, text);
    if here.tmux {
        return found.advise("if `esc` is slow in tmux: `set -s escape-time 10`");
    }
    found
}
