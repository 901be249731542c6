//! Colours by role. Views name a [`Role`], never a colour; themes are small TOML files in `assets/themes`,
//! embedded in the binary. `NO_COLOR` is done here (crossterm's own handling of it resets bold and
//! reverse too): the colours go, the modifiers stay, and every state has a letter anyway.

use super::surroundings::Depth;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a piece of the screen is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Ordinary text, and the background of everything.
    Text,
    /// Labels, units, what can be overlooked.
    Dim,
    /// Headings.
    Title,
    /// Frames of panes.
    Border,
    /// The frame and title of the pane that has the keys.
    Focus,
    /// A key in a hint.
    Key,
    /// Numbers worth a look.
    Accent,
    /// All is well.
    Good,
    /// Not as it should be.
    Warn,
    /// Broken.
    Bad,
    /// A modified line.
    StateM,
    /// An owned line.
    StateO,
    /// An exclusive line.
    StateE,
    /// A shared line.
    StateS,
    /// No line.
    StateI,
    /// A lent line.
    StateL,
    /// A read search.
    Shared,
    /// A write invalidate.
    Exclusive,
    /// A grant.
    Grant,
    /// Replication traffic.
    Replica,
    /// Disk traffic.
    Disk,
    /// The selected row of a list.
    Select,
    /// The cell under the cursor.
    Cursor,
    /// The status bar.
    Bar,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 24] = [
        Self::Text,
        Self::Dim,
        Self::Title,
        Self::Border,
        Self::Focus,
        Self::Key,
        Self::Accent,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::StateM,
        Self::StateO,
        Self::StateE,
        Self::StateS,
        Self::StateI,
        Self::StateL,
        Self::Shared,
        Self::Exclusive,
        Self::Grant,
        Self::Replica,
        Self::Disk,
        Self::Select,
        Self::Cursor,
        Self::Bar,
    ];
}

/// One role's look in a theme file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Look {
    fg: Option<Color>,
    bg: Option<Color>,
    bold: bool,
    dim: bool,
    underlined: bool,
    reversed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    summary: String,
    roles: BTreeMap<Role, Look>,
}

/// A named set of looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name in `:theme NAME`.
    pub name: String,
    /// One line for lists.
    pub summary: String,
    styles: BTreeMap<Role, Style>,
}

/// Why a theme cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No built-in theme has this name.
    #[error("there is no theme `{name}`\nhint: the themes are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A theme file cannot be read as one.
    #[error("theme `{name}`: {text}")]
    Bad {
        /// Which.
        name: String,
        /// What is wrong, with the line.
        text: String,
    },
}

const BUILT_IN: [(&str, &str); 4] = [
    ("terminal-16", include_str!("../../assets/themes/terminal-16.toml")),
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("colour-blind", include_str!("../../assets/themes/colour-blind.toml")),
];

impl Theme {
    /// Names of the built-in themes; the first is the default.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in theme.
    ///
    /// # Errors
    /// [`ThemeError::Unknown`] lists the names that exist.
    pub fn named(name: &str) -> Result<Self, ThemeError> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (name, text) = found.ok_or_else(|| ThemeError::Unknown {
            name: name.to_owned(),
            known: Self::names().collect::<Vec<_>>().join(", "),
        })?;
        Self::parse(name, text)
    }

    /// A theme from the text of a theme file.
    ///
    /// # Errors
    /// [`ThemeError::Bad`] for anything that is not a complete theme.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        let bad = |text: String| ThemeError::Bad { name: name.to_owned(), text };
        let file: ThemeFile = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        if let Some(role) = Role::ALL.iter().find(|role| !file.roles.contains_key(role)) {
            return Err(bad(format!("the role {role:?} is missing")));
        }
        let styles = file.roles.iter().map(|(role, look)| (*role, look.style())).collect();
        Ok(Self { name: name.to_owned(), summary: file.summary, styles })
    }

    /// The same theme without colours: bold, reverse and underline stay.
    #[must_use]
    pub fn without_colour(mut self) -> Self {
        for (role, style) in &mut self.styles {
            let had_background = style.bg.is_some() && *role != Role::Text;
            *style = Style { fg: None, bg: None, ..*style };
            if had_background {
                *style = style.add_modifier(Modifier::REVERSED);
            }
        }
        self
    }

    /// The same theme on a terminal with so many colours.
    #[must_use]
    pub fn fit(self, depth: Depth) -> Self {
        match depth {
            Depth::True => self,
            Depth::Indexed => self.map(|color| match color {
                Color::Rgb(r, g, b) => Color::Indexed(nearest(r, g, b)),
                other => other,
            }),
            // Nothing near it is among so few: the looks are those of the theme that has no others.
            Depth::Sixteen => match Self::parse(BUILT_IN[0].0, BUILT_IN[0].1) {
                Ok(sixteen) => Self { styles: sixteen.styles, ..self },
                Err(_) => self,
            },
            Depth::None => self.without_colour(),
        }
    }

    fn map(mut self, to: fn(Color) -> Color) -> Self {
        for style in self.styles.values_mut() {
            *style = Style { fg: style.fg.map(to), bg: style.bg.map(to), ..*style };
        }
        self
    }

    /// The theme after this one, around.
    #[must_use]
    pub fn next_name(&self) -> &'static str {
        let at = Self::names().position(|name| name == self.name).unwrap_or(0);
        BUILT_IN[(at + 1) % BUILT_IN.len()].0
    }

    /// How `role` looks.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

/// The nearest of the table of 256: its cube of six shades each, and its greys.
fn nearest(r: u8, g: u8, b: u8) -> u8 {
    const SHADES: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let far = |one: [u8; 3]| -> u32 {
        let apart = |(a, b): (u8, u8)| u32::from(a.abs_diff(b)).pow(2);
        one.into_iter().zip([r, g, b]).map(apart).sum()
    };
    let shade = |wanted: u8| {
        let nearest = SHADES.iter().enumerate().min_by_key(|(_, shade)| shade.abs_diff(wanted));
        nearest.map_or((0, 0), |(at, shade)| (u8::try_from(at).unwrap_or(0), *shade))
    };
    let (red, green, blue) = (shade(r), shade(g), shade(b));
    let cube = 16 + 36 * red.0 + 6 * green.0 + blue.0;
    let grey = (0..24_u8).min_by_key(|n| far([8 + 10 * n; 3])).unwrap_or(0);
    if far([8 + 10 * grey; 3]) < far([red.1, green.1, blue.1]) { 232 + grey } else { cube }
}

impl Look {
    fn style(self) -> Style {
        let mut style = Style { fg: self.fg, bg: self.bg, ..Style::default() };
        for (on, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.underlined, Modifier::UNDERLINED),
            (self.reversed, Modifier::REVERSED),
        ] {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}
