//! The dialogs for host operations: fields in, the text of a command out.

use super::super::keymap::Key;
use super::super::model::{Dialog, DialogKind, Level, Modal, Model};
use super::{Effect, typing};
use crossterm::event::KeyCode;
use tui_input::Input;

/// Opens a dialog on what is selected.
pub fn open(model: &mut Model, kind: DialogKind) -> Vec<Effect> {
    let amf = Input::new(model.selected.amf.to_string());
    let block = Input::new(model.selected.block.0.to_string());
    let fields = match kind {
        DialogKind::Trim => vec![("AMF", amf), ("block", block)],
        DialogKind::Write => vec![("AMF", amf), ("block", block), ("data", Input::default())],
        DialogKind::CompareAndWrite => vec![
            ("AMF", amf),
            ("block", block),
            ("old", Input::default()),
            ("new", Input::default()),
        ],
    };
    let at = match kind {
        DialogKind::Trim => 1,
        DialogKind::Write | DialogKind::CompareAndWrite => 2,
    };
    model.modal = Modal::Dialog(Dialog { kind, fields, at, error: None });
    Vec::new()
}

/// The command that the fields make.
#[must_use]
pub fn command_text(dialog: &Dialog) -> String {
    let name = match dialog.kind {
        DialogKind::Write => "write",
        DialogKind::CompareAndWrite => "caw",
        DialogKind::Trim => "trim",
    };
    let mut text = name.to_owned();
    for (field, input) in &dialog.fields {
        text.push(' ');
        match *field {
            "data" | "old" | "new" => text.push_str(&value_text(input.value())),
            _ => text.push_str(input.value().trim()),
        }
    }
    text
}

/// What was typed as data: `0x..` and `@FILE` as they are, everything else as text.
fn value_text(typed: &str) -> String {
    let is_hex = typed
        .strip_prefix("0x")
        .is_some_and(|hex| !hex.is_empty() && hex.chars().all(|c| c.is_ascii_hexdigit()));
    let quoted = typed.len() >= 2 && typed.starts_with('"') && typed.ends_with('"');
    if is_hex || quoted || typed.starts_with('@') {
        return typed.to_owned();
    }
    crate::trace::Value::Text(typed.to_owned()).to_string()
}

/// A key while a dialog is open.
pub fn key(model: &mut Model, mut dialog: Dialog, key: Key) -> Vec<Effect> {
    let fields = dialog.fields.len();
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => return enter(model, dialog),
        KeyCode::Tab | KeyCode::Down => dialog.at = (dialog.at + 1) % fields,
        KeyCode::BackTab | KeyCode::Up => dialog.at = (dialog.at + fields - 1) % fields,
        _ => {
            if let Some((_, input)) = dialog.fields.get_mut(dialog.at) {
                typing::key(input, key);
                dialog.error = None;
            }
        }
    }
    model.modal = Modal::Dialog(dialog);
    Vec::new()
}

fn enter(model: &mut Model, mut dialog: Dialog) -> Vec<Effect> {
    // An empty field of data is one that was not reached yet, not a block of zeroes.
    let is_data = |name: &str| matches!(name, "data" | "old" | "new");
    let is_empty = |(name, input): &(&str, Input)| is_data(name) && input.value().is_empty();
    if let Some(empty) = dialog.fields.iter().position(is_empty) {
        if dialog.at == empty {
            dialog.error = Some("type the data; 0x00 is a block of zeroes".to_owned());
        }
        dialog.at = empty;
        model.modal = Modal::Dialog(dialog);
        return Vec::new();
    }
    let text = command_text(&dialog);
    match super::line::run(model, &text) {
        Ok(effects) => {
            let block = dialog.fields.iter().find(|(name, _)| *name == "block");
            if let Some(block) = block.and_then(|(_, input)| input.value().trim().parse().ok()) {
                model.select_block(block);
            }
            if effects.is_empty() {
                model.say(Level::Info, text);
            }
            effects
        }
        Err(error) => {
            dialog.error = Some(error);
            model.modal = Modal::Dialog(dialog);
            Vec::new()
        }
    }
}
