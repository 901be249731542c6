//! Keys: their names, sequences of them, and which entry of the registry each means where.

use super::command::{Act, ENTRIES, Entry, Scope, by_name};
use super::conflict::{self, Conflict};
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

/// Most keys of a sequence.
pub const SEQUENCE_MAX: usize = 3;

const NAMED: [(&str, KeyCode); 27] = [
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
    ("f3", KeyCode::F(3)),
    ("f4", KeyCode::F(4)),
    ("f5", KeyCode::F(5)),
    ("f6", KeyCode::F(6)),
    ("f7", KeyCode::F(7)),
    ("f8", KeyCode::F(8)),
    ("f9", KeyCode::F(9)),
    ("f10", KeyCode::F(10)),
    ("f11", KeyCode::F(11)),
    ("f12", KeyCode::F(12)),
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

/// Keys pressed one after the other: `q`, `ctrl-w s`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(Vec<Key>);

impl Sequence {
    /// The keys, at least one.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// True if it begins with these keys and goes on.
    #[must_use]
    pub fn goes_on_from(&self, keys: &[Key]) -> bool {
        self.0.len() > keys.len() && self.0.starts_with(keys)
    }
}

impl FromStr for Sequence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys = text.split_whitespace().map(str::parse).collect::<Result<Vec<Key>, _>>()?;
        let escapes = keys.iter().skip(1).any(|key| key.code == KeyCode::Esc);
        match keys.len() {
            0 => Err("no key is named".to_owned()),
            1..=SEQUENCE_MAX if !escapes => Ok(Self(keys)),
            1..=SEQUENCE_MAX => Err(format!("`{text}`: `esc` leaves a sequence, and ends none")),
            more => Err(format!("`{text}`: {more} keys are too many; allowed: {SEQUENCE_MAX}")),
        }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(&self.0))
    }
}

/// Keys as they are written.
#[must_use]
pub fn told(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

/// Other keys for an action: they replace all that it had; none take it off the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebinding {
    /// The action's name in the registry.
    pub action: &'static str,
    /// Its keys.
    pub sequences: Vec<Sequence>,
}

impl Rebinding {
    /// Of an action by name, and its keys as they are written.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn new<'a>(name: &str, keys: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let entry = by_name(name).ok_or_else(|| format!("`{name}` is no action"))?;
        let sequences = keys.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { action: entry.name, sequences })
    }
}

/// What keys mean that were pressed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// They are a whole sequence.
    Act(Act),
    /// They begin one.
    Prefix,
    /// Neither.
    Nothing,
}

/// Which key means what; the registry's keys, less and more what the user changed.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: Vec<(Sequence, &'static Entry)>,
}

/// Why a key setting was turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// It cannot be read.
    #[error(
        "key setting `{setting}`: {text}\nhint: write ACTION=KEY, for example zoom=ctrl-f, \
         \"zoom=ctrl-w z\", or zoom=none"
    )]
    Setting {
        /// As written.
        setting: String,
        /// What is wrong.
        text: String,
    },
    /// Two actions want the same key.
    #[error("keys: {conflict}\nhint: {}", .conflict.hint())]
    Conflict {
        /// Which.
        conflict: Conflict,
    },
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
        map.set(settings)?;
        Ok(map)
    }

    /// Changes it by settings `ACTION=KEY`, and looks whether all of it fits together.
    ///
    /// # Errors
    /// [`KeymapError`] names the setting and what is wrong with it.
    pub fn set(&mut self, settings: &[String]) -> Result<(), KeymapError> {
        for setting in settings {
            let bad = |text: String| KeymapError::Setting { setting: setting.clone(), text };
            let (name, keys) = setting.split_once('=').ok_or_else(|| bad("no `=`".to_owned()))?;
            let keys = Some(keys).filter(|keys| *keys != "none");
            self.rebind(&Rebinding::new(name, keys.into_iter()).map_err(bad)?);
        }
        conflict::find(&self.bound)
            .map_or(Ok(()), |found| Err(KeymapError::Conflict { conflict: found }))
    }

    /// Gives an action other keys. Whether they fit is for [`Self::conflict`] to say.
    pub fn rebind(&mut self, change: &Rebinding) {
        let Some(act) = by_name(change.action).map(|entry| entry.act) else { return };
        self.bound.retain(|(_, entry)| entry.act != act);
        for sequence in &change.sequences {
            let entries = ENTRIES.iter().filter(|entry| entry.act == act);
            self.bound.extend(entries.map(|entry| (sequence.clone(), entry)));
        }
    }

    /// Two actions that want the same key in one place, or a key that hides a sequence.
    #[must_use]
    pub fn conflict(&self) -> Option<Conflict> {
        conflict::find(&self.bound)
    }

    /// What keys mean while this pane has the keys: the pane's own meaning first.
    #[must_use]
    pub fn meaning(&self, keys: &[Key], pane: Pane) -> Meaning {
        let own = |entry: &Entry| matches!(entry.scope, Scope::Panes(_));
        let here = |own_first: bool| {
            let reach = self.reach(pane).filter(move |(_, entry)| own(entry) == own_first);
            let mut exact = reach.clone().filter(|(sequence, _)| sequence.keys() == keys);
            let mut longer = reach.filter(|(sequence, _)| sequence.goes_on_from(keys));
            match (exact.next(), longer.next()) {
                (Some((_, entry)), _) => Meaning::Act(entry.act),
                (None, Some(_)) => Meaning::Prefix,
                (None, None) => Meaning::Nothing,
            }
        };
        match here(true) {
            Meaning::Nothing => here(false),
            found => found,
        }
    }

    /// What may follow these keys while this pane has the keys: the rest of the sequence, and what it
    /// does.
    #[must_use]
    pub fn followers(&self, keys: &[Key], pane: Pane) -> Vec<(String, &'static Entry)> {
        let mut found: Vec<(String, &'static Entry)> = Vec::new();
        for (sequence, entry) in self.reach(pane).filter(|(all, _)| all.goes_on_from(keys)) {
            let rest = told(&sequence.keys()[keys.len()..]);
            match found.iter_mut().find(|(_, known)| core::ptr::eq(*known, *entry)) {
                Some((rests, _)) => *rests = format!("{rests}, {rest}"),
                None => found.push((rest, entry)),
            }
        }
        found
    }

    /// What is bound where this pane has the keys.
    fn reach(&self, pane: Pane) -> impl Iterator<Item = &(Sequence, &'static Entry)> + Clone {
        self.bound.iter().filter(move |(_, entry)| match entry.scope {
            Scope::Everywhere => true,
            Scope::Panes(panes) => panes.contains(&pane),
        })
    }

    /// The first keys of an entry, for hints.
    #[must_use]
    pub fn key_of(&self, entry: &Entry) -> Option<&Sequence> {
        self.keys_of(entry).next()
    }

    /// All keys of an entry.
    pub fn keys_of(&self, entry: &Entry) -> impl Iterator<Item = &Sequence> + use<'_> {
        let (act, scope) = (entry.act, entry.scope);
        let own = self.bound.iter().filter(move |(_, e)| e.act == act && e.scope == scope);
        own.map(|(keys, _)| keys)
    }
}
