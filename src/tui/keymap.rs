//! Keys: their names, and which entry of the registry each means where.

use super::command::{Act, ENTRIES, Entry, Scope, by_name};
use super::model::Pane;
use core::fmt;
use core::str::FromStr;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers, by name: `q`, `ctrl-p`, `shift-tab`, `pageup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// Control or alt; shift is in the character itself.
    pub modifiers: KeyModifiers,
}

const NAMED: [(&str, KeyCode); 17] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("f1", KeyCode::F(1)),
    ("f2", KeyCode::F(2)),
];

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let kept = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            KeyCode::Char(c) if kept.contains(KeyModifiers::CONTROL) => {
                KeyCode::Char(c.to_ascii_lowercase())
            }
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Self { code, modifiers: kept }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (modifiers, name) = if let Some(rest) = text.strip_prefix("ctrl-") {
            (KeyModifiers::CONTROL, rest)
        } else if let Some(rest) = text.strip_prefix("alt-") {
            (KeyModifiers::ALT, rest)
        } else {
            (KeyModifiers::NONE, text)
        };
        let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
        let mut chars = name.chars();
        let code = match (named, chars.next(), chars.next()) {
            (Some(code), ..) => code,
            (None, Some(c), None) => KeyCode::Char(c),
            _ => return Err(format!("`{text}` is no key (`q`, `ctrl-p`, `enter`, `pageup` are)")),
        };
        Ok(Self { code, modifiers })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("alt-")?;
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Which key means what; the registry's keys, less and more what the user changed.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: Vec<(Key, &'static Entry)>,
}

/// Why a key setting was turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key setting `{setting}`: {text}\nhint: write ACTION=KEY, for example zoom=ctrl-f")]
pub struct KeymapError {
    /// As written.
    pub setting: String,
    /// What is wrong.
    pub text: String,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = |entry: &'static Entry| {
            entry.keys.iter().filter_map(move |key| Some((key.parse().ok()?, entry)))
        };
        Self { bound: ENTRIES.iter().flat_map(keys).collect() }
    }
}

impl Keymap {
    /// The registry's keys with settings `ACTION=KEY`; each replaces all keys of the action.
    ///
    /// # Errors
    /// [`KeymapError`] names the setting and what is wrong with it.
    pub fn with(settings: &[String]) -> Result<Self, KeymapError> {
        let mut map = Self::default();
        for setting in settings {
            let bad = |text: String| KeymapError { setting: setting.clone(), text };
            let (name, key) = setting.split_once('=').ok_or_else(|| bad("no `=`".to_owned()))?;
            let act = by_name(name).ok_or_else(|| bad(format!("`{name}` is no action")))?.act;
            let key: Key = key.parse().map_err(bad)?;
            map.bound.retain(|(_, entry)| entry.act != act);
            map.bound.extend(ENTRIES.iter().filter(|e| e.act == act).map(|entry| (key, entry)));
        }
        Ok(map)
    }

    /// What a key means while this pane has the keys: the pane's own meaning first.
    #[must_use]
    pub fn act(&self, key: Key, pane: Pane) -> Option<Act> {
        let here = |scope: Scope| matches!(scope, Scope::Panes(panes) if panes.contains(&pane));
        let mut found = self.bound.iter().filter(|(bound, _)| *bound == key);
        let mut general = None;
        found
            .find_map(|(_, entry)| match entry.scope {
                Scope::Everywhere => {
                    general = general.or(Some(entry.act));
                    None
                }
                scope @ Scope::Panes(_) => here(scope).then_some(entry.act),
            })
            .or(general)
    }

    /// The first key of an entry, for hints.
    #[must_use]
    pub fn key_of(&self, entry: &Entry) -> Option<Key> {
        self.bound
            .iter()
            .find(|(_, e)| e.act == entry.act && e.scope == entry.scope)
            .map(|(key, _)| *key)
    }

    /// All keys of an entry.
    pub fn keys_of<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = Key> + 'a {
        self.bound
            .iter()
            .filter(|(_, e)| e.act == entry.act && e.scope == entry.scope)
            .map(|(key, _)| *key)
    }
}
