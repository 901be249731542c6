//! The palette: fuzzy search over both registries.

use super::super::command::{Act, ENTRIES};
use super::super::keymap::Key;
use super::super::model::{Modal, Model, Palette, PaletteItem};
use super::{Effect, acts, line, typing};
use crate::trace::registry;
use crossterm::event::KeyCode;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// Everything that the palette offers, in the order of the registries.
fn everything() -> Vec<PaletteItem> {
    let mut items: Vec<PaletteItem> = Vec::new();
    for entry in ENTRIES {
        let moves =
            matches!(entry.act, Act::Up | Act::Down | Act::Left | Act::Right | Act::Palette);
        let known = items
            .iter()
            .any(|item| matches!(item, PaletteItem::Act { act, .. } if *act == entry.act));
        if !moves && !known {
            items.push(PaletteItem::Act { act: entry.act, name: entry.name, help: entry.help });
        }
    }
    items.extend(registry::ENTRIES.iter().map(|entry| PaletteItem::Command {
        name: entry.name,
        usage: entry.usage,
        help: entry.help,
    }));
    items
}

/// The palette before anything is typed.
#[must_use]
pub fn opened() -> Palette {
    Palette { items: everything(), ..Palette::default() }
}

/// What matches the pattern, best first; a match in the name counts for more than one in the help.
#[must_use]
pub fn search(pattern: &str) -> Vec<PaletteItem> {
    let everything = everything();
    if pattern.trim().is_empty() {
        return everything;
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(pattern, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, PaletteItem)> = Vec::new();
    for item in everything {
        let (name, help) = match &item {
            PaletteItem::Act { name, help, .. } => (*name, *help),
            PaletteItem::Command { usage, help, .. } => (*usage, *help),
        };
        let in_name = pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher);
        let in_help = pattern.score(Utf32Str::new(help, &mut buffer), &mut matcher);
        let score = in_name.map(|score| score * 2).max(in_help);
        if let Some(score) = score {
            scored.push((score, item));
        }
    }
    scored.sort_by_key(|(score, _)| core::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}

/// A key while the palette is open.
pub fn key(model: &mut Model, mut palette: Palette, key: Key) -> Vec<Effect> {
    let last = palette.items.len().saturating_sub(1);
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            return match palette.items.get(palette.at) {
                Some(item) => choose(model, item),
                None => Vec::new(),
            };
        }
        KeyCode::Up => palette.at = palette.at.saturating_sub(1),
        KeyCode::Down => palette.at = (palette.at + 1).min(last),
        KeyCode::PageUp => palette.at = palette.at.saturating_sub(10),
        KeyCode::PageDown => palette.at = (palette.at + 10).min(last),
        _ => {
            typing::key(&mut palette.input, key);
            palette.items = search(palette.input.value());
            palette.at = 0;
        }
    }
    model.modal = Modal::Palette(palette);
    Vec::new()
}

/// Does an act; a command without arguments is run, another goes to the `:` line.
fn choose(model: &mut Model, item: &PaletteItem) -> Vec<Effect> {
    match item {
        PaletteItem::Act { act, .. } => acts::act(model, *act),
        PaletteItem::Command { name, usage, .. } if name == usage => line::run(model, name)
            .unwrap_or_else(|error| {
                line::complain(model, &error);
                Vec::new()
            }),
        PaletteItem::Command { name, .. } => {
            line::open_with(model, &format!("{name} "));
            Vec::new()
        }
    }
}
