//! The user's own settings: a TOML file in, a sound [`Config`] out. Every mistake is told with its line,
//! as those of a profile are, and two actions on one key are a mistake.
//!
//! [`parse`] reads, [`print`](fn@print) writes the file that `amflab config init` makes.

mod print;

pub use print::print;

use super::command::{ENTRIES, by_name};
use super::keymap::{Keymap, Rebinding};
use super::theme::Theme;
use crate::profile::error::list;
use crate::profile::kind::{At, Kind, Refusal};
use crate::profile::source::{self, Lines, raw};
use crate::profile::value::Raw;
use crate::profile::{Place, Problem};
use crate::trace::grammar::nearest;
use core::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, and where it stands.
type Written<'a> = Spanned<DeValue<'a>>;

/// Largest file that is read, in bytes.
pub const CONFIG_BYTES_MAX: usize = 256 * 1024;
/// Most frames a second that can be asked for.
pub const FRAMES_MAX: u64 = 60;
/// Frames a second, unless said otherwise.
pub const FRAMES: u64 = 30;
/// The layout that is nobody's: what fits the size of the terminal.
pub const LAYOUT_DEFAULT: &str = "default";

/// When to draw with ASCII only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ascii {
    /// If the locale or the terminal has nothing else.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Ascii {
    /// Every choice, as it is written.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Auto, "auto"), (Self::Always, "always"), (Self::Never, "never")];
}

/// What the user wants of every console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A theme by name.
    pub theme: &'static str,
    /// When to draw with ASCII only.
    pub ascii: Ascii,
    /// Clicks and the wheel are taken.
    pub mouse: bool,
    /// The first hint is shown.
    pub hint: bool,
    /// The layout that the dashboard begins with.
    pub layout: String,
    /// Speed of clock and links at the start, in thousandths.
    pub tempo: u32,
    /// Most frames a second.
    pub frames: u32,
    /// Other keys.
    pub keys: Vec<Rebinding>,
}

impl Default for Config {
    fn default() -> Self {
        Draft::default().config(Vec::new())
    }
}

/// A file that cannot be used: at least one problem, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, &self.problems)
    }
}

/// What the section `[console]` says, before it is looked at as a whole.
#[derive(Clone, Debug)]
struct Draft {
    theme: usize,
    ascii: usize,
    mouse: bool,
    hint: bool,
    layout: String,
    tempo: f64,
    frames: u64,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            theme: 0,
            ascii: 0,
            mouse: true,
            hint: true,
            layout: LAYOUT_DEFAULT.to_owned(),
            tempo: 1.0,
            frames: FRAMES,
        }
    }
}

impl Draft {
    fn config(&self, keys: Vec<Rebinding>) -> Config {
        // Inside its range, which a test of the table keeps.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1,000")]
        let tempo = (self.tempo * 1_000.0).round() as u32;
        Config {
            theme: Theme::names().nth(self.theme).unwrap_or_default(),
            ascii: Ascii::ALL[self.ascii.min(Ascii::ALL.len() - 1)].0,
            mouse: self.mouse,
            hint: self.hint,
            layout: self.layout.clone(),
            tempo,
            frames: u32::try_from(self.frames).unwrap_or(u32::MAX),
            keys,
        }
    }
}

/// One setting: its name, what it accepts, what it means.
struct Setting {
    name: &'static str,
    kind: Kind<Draft>,
    doc: &'static str,
}

fn themes() -> Vec<&'static str> {
    Theme::names().collect()
}

fn asciis() -> Vec<&'static str> {
    Ascii::ALL.iter().map(|(_, name)| *name).collect()
}

fn choice(names: fn() -> Vec<&'static str>, at: At<Draft, usize>) -> Kind<Draft> {
    Kind::Choice { names, later: &[], at }
}

/// Everything in `[console]`.
fn settings() -> Vec<Setting> {
    let setting = |name, kind, doc| Setting { name, kind, doc };
    vec![
        setting("theme", choice(themes, |d| &mut d.theme), "Colours by name"),
        setting(
            "ascii",
            choice(asciis, |d| &mut d.ascii),
            "ASCII signs and frames only; auto: if the locale or the terminal has nothing else",
        ),
        setting("mouse", Kind::Bool { at: |d| &mut d.mouse }, "Clicks and the wheel are taken"),
        setting("hint", Kind::Bool { at: |d| &mut d.hint }, "The first hint is shown"),
        setting(
            "layout",
            Kind::Name { at: |d| &mut d.layout },
            "Layout of the dashboard at the start, as `:layout save NAME` kept it",
        ),
        setting(
            "tempo",
            Kind::Float { min: 0.001, max: 1.0, at: |d| &mut d.tempo },
            "Speed of clock and links at the start",
        ),
        setting(
            "frames",
            Kind::Int { min: 1, max: FRAMES_MAX, at: |d| &mut d.frames },
            "Most frames a second under load; what is typed is drawn at once",
        ),
    ]
}

/// Reads a config file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let name = path.display().to_string();
    let text = source::read(&name, CONFIG_BYTES_MAX, "a config file")
        .map_err(|problem| ConfigError { problems: vec![problem] })?;
    parse(&name, &text)
}

/// Reads the text of a config file; `file` names it in errors.
///
/// # Errors
/// Everything that is wrong with it, each with its line.
pub fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    let lines = Lines::new(file, text);
    let table = source::table(text, &lines).map_err(|problems| ConfigError { problems })?;
    let mut reader =
        Reader { lines, draft: Draft::default(), keys: Vec::new(), problems: Vec::new() };
    reader.file(table.get_ref());
    reader.conflict();
    if reader.problems.is_empty() {
        let keys = reader.keys.into_iter().map(|(_, change)| change).collect();
        return Ok(reader.draft.config(keys));
    }
    Err(ConfigError { problems: reader.problems })
}

struct Reader {
    lines: Lines,
    draft: Draft,
    keys: Vec<(Place, Rebinding)>,
    problems: Vec<Problem>,
}

impl Reader {
    fn refuse(&mut self, place: Place, key: &str, text: String, hint: Option<String>) {
        self.problems.push(Problem { place, key: key.to_owned(), text, hint });
    }

    fn file(&mut self, table: &DeTable) {
        for (name, place, value) in self.entries(table) {
            let Some(inside) = value.get_ref().as_table() else {
                let text = "stands in no section; allowed: [console], [keys]".to_owned();
                let known = settings().iter().any(|setting| setting.name == name);
                let hint = known.then(|| "write [console] above it".to_owned());
                self.refuse(place, &name, text, hint);
                continue;
            };
            match name.as_str() {
                "console" => self.console(inside),
                "keys" => self.keys(inside),
                _ => {
                    let near = nearest(&name, ["console", "keys"]);
                    let hint = near.map(|near| format!("did you mean [{near}]?"));
                    let text = "there is no such section; allowed: [console], [keys]".to_owned();
                    self.refuse(place, &name, text, hint);
                }
            }
        }
    }

    /// Keys and values of a table in the order of their lines.
    fn entries<'t, 'a>(&self, table: &'t DeTable<'a>) -> Vec<(String, Place, &'t Written<'a>)> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&Spanned<_>, &'t Written<'a>)| {
            let name: &std::borrow::Cow<str> = key.get_ref();
            (name.clone().into_owned(), self.lines.place(key.span().start), value)
        };
        entries.into_iter().map(entry).collect()
    }

    fn console(&mut self, table: &DeTable) {
        let all = settings();
        for (name, place, value) in self.entries(table) {
            let path = format!("console.{name}");
            let Some(setting) = all.iter().find(|setting| setting.name == name) else {
                let names: Vec<&str> = all.iter().map(|setting| setting.name).collect();
                let near = nearest(&name, names.iter().copied());
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                let text = format!("there is no such key; allowed: {}", names.join(", "));
                self.refuse(place, &path, text, hint);
                continue;
            };
            if let Err(Refusal { text, hint }) = setting.kind.read(&mut self.draft, &raw(value)) {
                self.refuse(place, &path, text, hint);
            }
        }
    }

    fn keys(&mut self, table: &DeTable) {
        for (name, place, value) in self.entries(table) {
            let path = format!("keys.{name}");
            if by_name(&name).is_none() {
                let near = nearest(&name, ENTRIES.iter().map(|entry| entry.name));
                let hint = near.map_or_else(
                    || "`amflab config init` writes a file with all of them".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.refuse(place, &path, "there is no such action".to_owned(), Some(hint));
                continue;
            }
            let hint = || Some("write \"q\", [\"q\", \"ctrl-w q\"], or [] for none".to_owned());
            let Some(keys) = texts(&raw(value)) else {
                let text = "is neither a key nor a list of keys".to_owned();
                self.refuse(place, &path, text, hint());
                continue;
            };
            match Rebinding::new(&name, keys.iter().map(String::as_str)) {
                Ok(change) => self.keys.push((place, change)),
                Err(text) => self.refuse(place, &path, text, hint()),
            }
        }
    }

    /// Looks whether the keys fit together, and puts it where one of them was changed.
    fn conflict(&mut self) {
        let mut map = Keymap::default();
        self.keys.iter().for_each(|(_, change)| map.rebind(change));
        let Some(conflict) = map.conflict() else { return };
        let named = |action: &str| self.keys.iter().find(|(_, change)| change.action == action);
        if let Some((place, change)) = named(conflict.one).or_else(|| named(conflict.other)) {
            let other = if change.action == conflict.one { conflict.other } else { conflict.one };
            let hint = Some(format!("give `{other}` another key as well, or none: {other} = []"));
            let (place, path) = (place.clone(), format!("keys.{}", change.action));
            self.refuse(place, &path, conflict.to_string(), hint);
        }
    }
}

/// A text, or a list of texts.
fn texts(value: &Raw) -> Option<Vec<String>> {
    let one = |value: &Raw| match value {
        Raw::Text(text) => Some(text.clone()),
        _ => None,
    };
    match value {
        Raw::List(all) => all.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}
