//! Keys and pasted text while something is open.

use super::super::keymap::Key;
use super::super::model::{HelpState, Level, Modal, Model, Pane};
use super::super::popup::{differences, help};
use super::super::view::{active, amfs, branches, group, inject, locks};
use super::{Effect, dialog, jump, learn, line, moves, palette, timeline, typing};
use crate::protocol::id::{AmfId, DiskId};
use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::Input;

/// Longest text that is taken from the clipboard, in characters.
const PASTE_CHARS_MAX: usize = 8_192;

/// A key while something is open. It is taken out first: what keeps open puts itself back.
pub fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    let open = core::mem::take(&mut model.modal);
    if is_cancel(key) {
        return Vec::new();
    }
    match open {
        Modal::None => Vec::new(),
        Modal::Help(state) => {
            let scrolled =
                scroll_key(state, key, help_rows(model), |state| help::line_count(state, model));
            model.modal = scrolled.map_or(Modal::None, Modal::Help);
            Vec::new()
        }
        Modal::Differences(state, found) => {
            let scrolled = scroll_key(state, key, help_rows(model), |state| {
                differences::line_count(state, &found, model)
            });
            model.modal = scrolled.map_or(Modal::None, |state| Modal::Differences(state, found));
            Vec::new()
        }
        Modal::Jump(state) => jump::key(model, state, key),
        Modal::Prefix(mut keys) => {
            if key.code == KeyCode::Esc {
                return Vec::new();
            }
            keys.push(key);
            super::keys(model, keys)
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
        Modal::Answer(input) => learn::answer(model, input, key),
    }
}

fn is_cancel(key: Key) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c')
}

/// The key ends what is under way.
pub fn ends(key: Key) -> bool {
    key.code == KeyCode::Esc || is_cancel(key)
}

/// A key while a text is open that is longer than the screen: it scrolls, or filters. `None`: it closes.
fn scroll_key(
    mut state: HelpState,
    key: Key,
    rows: usize,
    lines: impl Fn(&HelpState) -> usize,
) -> Option<HelpState> {
    if state.is_typing {
        match key.code {
            KeyCode::Enter => state.is_typing = false,
            KeyCode::Esc => state = HelpState::default(),
            _ => typing::key(&mut state.filter, key),
        }
        state.scroll = 0;
        return Some(state);
    }
    let last = lines(&state);
    match key.code {
        KeyCode::Down | KeyCode::Char('j') => state.scroll += 1,
        KeyCode::Up | KeyCode::Char('k') => state.scroll = state.scroll.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => state.scroll += 10,
        KeyCode::PageUp => state.scroll = state.scroll.saturating_sub(10),
        KeyCode::Home => state.scroll = 0,
        KeyCode::End => state.scroll = last,
        KeyCode::Char('/') => state.is_typing = true,
        KeyCode::Esc if !state.filter.value().is_empty() => state = HelpState::default(),
        _ => return None,
    }
    state.scroll = state.scroll.min(help::last_scroll(last, rows));
    Some(state)
}

/// Rows of the help overlay's text.
fn help_rows(model: &Model) -> usize {
    usize::from(model.size.height.saturating_sub(4))
}

/// The list with the keys is filtered while the words are typed.
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
    filtered(model);
    Vec::new()
}

/// A list has another filter: what is selected in it is one of its rows.
pub fn filtered(model: &mut Model) {
    let first = |shown: Vec<usize>, at: usize| {
        if shown.contains(&at) { at } else { shown.first().copied().unwrap_or(at) }
    };
    match model.filtered() {
        Pane::Traffic => model.selected.message = None,
        Pane::Io | Pane::History => model.selected.op = None,
        Pane::Log => model.log.cursor = None,
        Pane::Locks => model.selected.lock = first(locks::shown(model), model.selected.lock),
        Pane::Inject => model.faults.at = first(inject::shown(model), model.faults.at),
        Pane::Active => model.selected.fault = first(active::shown(model), model.selected.fault),
        Pane::Lessons => model.learn.at = 0,
        Pane::Amfs => {
            let at = first(amfs::shown(model), usize::from(model.selected.amf.0));
            moves::select_amf(model, AmfId(u8::try_from(at).unwrap_or(0)));
        }
        Pane::Group => {
            let at = first(group::shown(model), usize::from(model.selected.disk.0));
            model.selected.disk = DiskId(u8::try_from(at).unwrap_or(0));
        }
        Pane::Branches => model.run_at = first(branches::shown(model), model.run_at),
        Pane::Compare => timeline::scroll(model, isize::MIN),
        _ => {}
    }
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
            filtered(model);
        }
        Modal::Goto(input) | Modal::Answer(input) => insert(input, &text),
        Modal::Dialog(dialog) => {
            if let Some((_, input)) = dialog.fields.get_mut(dialog.at) {
                insert(input, &text);
            }
        }
        Modal::Help(state) | Modal::Differences(state, _) if state.is_typing => {
            insert(&mut state.filter, &text);
        }
        Modal::None
        | Modal::Help(_)
        | Modal::Differences(..)
        | Modal::Jump(_)
        | Modal::Prefix(_)
        | Modal::Confirm(_) => {}
    }
    Vec::new()
}

fn insert(input: &mut Input, text: &str) {
    for c in text.chars() {
        typing::insert(input, c);
    }
}
