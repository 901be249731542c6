//! Keys and pasted text while something is open.

use super::super::keymap::Key;
use super::super::model::{Level, Modal, Model};
use super::super::popup::help;
use super::{Effect, dialog, line, palette, typing};
use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::Input;

/// Longest text that is taken from the clipboard, in characters.
const PASTE_CHARS_MAX: usize = 8_192;

/// A key while something is open. It is taken out first: what keeps open puts itself back.
pub fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    let cancel = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    let open = core::mem::take(&mut model.modal);
    if cancel {
        return Vec::new();
    }
    match open {
        Modal::None => Vec::new(),
        Modal::Help(mut state) => {
            let last = help::line_count(model);
            match key.code {
                KeyCode::Down | KeyCode::Char('j') => state.scroll += 1,
                KeyCode::Up | KeyCode::Char('k') => state.scroll = state.scroll.saturating_sub(1),
                KeyCode::PageDown | KeyCode::Char(' ') => state.scroll += 10,
                KeyCode::PageUp => state.scroll = state.scroll.saturating_sub(10),
                KeyCode::Home => state.scroll = 0,
                KeyCode::End => state.scroll = last,
                _ => return Vec::new(),
            }
            state.scroll = state.scroll.min(help::last_scroll(last, help_rows(model)));
            model.modal = Modal::Help(state);
            Vec::new()
        }
        Modal::Palette(state) => palette::key(model, state, key),
        Modal::Line(state) => line::key(model, state, key),
        Modal::Dialog(state) => dialog::key(model, state, key),
        Modal::Confirm(confirm) => match key.code {
            KeyCode::Char('y' | 'Y') => confirm.then,
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => Vec::new(),
            _ => {
                model.modal = Modal::Confirm(confirm);
                Vec::new()
            }
        },
        Modal::Filter(input) => filter(model, input, key),
        Modal::Goto(input) => goto(model, input, key),
    }
}

/// Rows of the help overlay's text.
fn help_rows(model: &Model) -> usize {
    usize::from(model.size.height.saturating_sub(4))
}

/// The traffic, or the list of lamps, is filtered while the words are typed.
fn filter(model: &mut Model, mut input: Input, key: Key) -> Vec<Effect> {
    match key.code {
        KeyCode::Enter => return Vec::new(),
        KeyCode::Esc => model.filter_mut().clear(),
        _ => {
            typing::key(&mut input, key);
            input.value().trim().clone_into(model.filter_mut());
            model.modal = Modal::Filter(input);
        }
    }
    model.selected.message = None;
    Vec::new()
}

fn goto(model: &mut Model, mut input: Input, key: Key) -> Vec<Effect> {
    match key.code {
        KeyCode::Enter => {
            if let Err(error) = line::goto(model, input.value().trim()) {
                model.say(Level::Bad, error);
            }
        }
        KeyCode::Esc => {}
        _ => {
            typing::key(&mut input, key);
            model.modal = Modal::Goto(input);
        }
    }
    Vec::new()
}

/// Pasted text goes where text is typed; line ends become spaces, so that nothing runs by itself.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let text: String =
        text.chars().take(PASTE_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match &mut model.modal {
        Modal::Palette(state) => {
            insert(&mut state.input, &text);
            state.items = palette::search(state.input.value());
            state.at = 0;
        }
        Modal::Line(state) => {
            insert(&mut state.input, &text);
            line::forget(state);
        }
        Modal::Filter(input) => {
            insert(input, &text);
            let words = input.value().trim().to_owned();
            *model.filter_mut() = words;
        }
        Modal::Goto(input) => insert(input, &text),
        Modal::Dialog(dialog) => {
            if let Some((_, input)) = dialog.fields.get_mut(dialog.at) {
                insert(input, &text);
            }
        }
        Modal::None | Modal::Help(_) | Modal::Confirm(_) => {}
    }
    Vec::new()
}

fn insert(input: &mut Input, text: &str) {
    for c in text.chars() {
        typing::insert(input, c);
    }
}
