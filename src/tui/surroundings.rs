//! What the environment says about the terminal: whether it shows line drawing, how many colours it has,
//! and what stands between it and the program. Pure: whoever asks brings the variables.

/// How many colours can be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, reverse and underline only.
    None,
    /// The 16 named ones.
    Sixteen,
    /// The table of 256.
    Indexed,
    /// 24 bits.
    #[default]
    True,
}

/// What the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `TERM`.
    pub term: String,
    /// `COLORTERM`.
    pub color_term: String,
    /// The locale for characters: `LC_ALL`, `LC_CTYPE` or `LANG`, the first that is set.
    pub locale: String,
    /// Inside tmux.
    pub tmux: bool,
    /// Inside GNU screen.
    pub screen: bool,
    /// Over ssh.
    pub ssh: bool,
    /// Terminals of the VTE family, which have no OSC 52.
    pub vte: bool,
    /// `NO_COLOR` is set.
    pub no_color: bool,
}

/// Terminals whose name alone says that they have 24-bit colour.
const TRUE_COLOUR: [&str; 7] =
    ["direct", "kitty", "alacritty", "wezterm", "ghostty", "foot", "iterm"];
/// Terminals without colours.
const NO_COLOUR: [&str; 5] = ["dumb", "vt100", "vt102", "vt220", "vt320"];

impl Surroundings {
    /// By variables of the environment; an empty one counts as unset.
    pub fn of(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name| var(name).filter(|value| !value.is_empty());
        let has = |name| var(name).is_some();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(var);
        let term = var("TERM").unwrap_or_default();
        let tmux = has("TMUX");
        Self {
            screen: !tmux && (has("STY") || term.starts_with("screen")),
            term,
            color_term: var("COLORTERM").unwrap_or_default(),
            locale: locale.unwrap_or_default(),
            tmux,
            ssh: has("SSH_TTY") || has("SSH_CONNECTION"),
            vte: has("VTE_VERSION"),
            no_color: has("NO_COLOR"),
        }
    }

    /// The environment of this process.
    #[must_use]
    pub fn here() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// The terminal cannot place text: nothing can be drawn on it.
    #[must_use]
    pub fn is_dumb(&self) -> bool {
        self.term == "dumb"
    }

    /// The locale says that text is UTF-8.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.locale.to_lowercase().replace('-', "").contains("utf8")
    }

    /// Why only ASCII can be relied on; `None`: line drawing can.
    #[must_use]
    pub fn only_ascii(&self) -> Option<String> {
        if self.term == "linux" {
            return Some("the Linux console has few signs".to_owned());
        }
        match self.locale.as_str() {
            _ if self.is_utf8() => None,
            "" => Some("no locale is set".to_owned()),
            locale => Some(format!("the locale {locale} is not UTF-8")),
        }
    }

    /// How many colours it has.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let named = |names: &[&str]| names.iter().any(|name| self.term.contains(name));
        if self.no_color || named(&NO_COLOUR) {
            Depth::None
        } else if matches!(self.color_term.as_str(), "truecolor" | "24bit") || named(&TRUE_COLOUR) {
            Depth::True
        } else if named(&["256", "tmux", "screen"]) {
            Depth::Indexed
        } else {
            Depth::Sixteen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Surroundings {
        let find = |name: &str| vars.iter().find(|(known, _)| *known == name);
        Surroundings::of(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_first_locale_that_is_set_says_whether_text_is_utf_8() {
        let locale = |vars: &[(&str, &str)]| with(vars).only_ascii();
        assert_eq!(locale(&[("LANG", "de_DE.UTF-8")]), None);
        assert_eq!(locale(&[("LANG", "C.utf8"), ("LC_ALL", "")]), None);
        let said = locale(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "POSIX")]);
        assert_eq!(said.as_deref(), Some("the locale POSIX is not UTF-8"));
        assert_eq!(locale(&[]).as_deref(), Some("no locale is set"));
        let console = [("LANG", "C.UTF-8"), ("TERM", "linux")];
        assert!(locale(&console).is_some_and(|why| why.contains("Linux console")));
    }

    #[test]
    fn colours_are_what_every_layer_lets_through() {
        let depth = |term, color| with(&[("TERM", term), ("COLORTERM", color)]).depth();
        assert_eq!(depth("xterm-256color", "truecolor"), Depth::True);
        assert_eq!(depth("xterm-256color", ""), Depth::Indexed);
        assert_eq!(depth("xterm-kitty", ""), Depth::True);
        assert_eq!(depth("tmux", ""), Depth::Indexed);
        assert_eq!(depth("linux", ""), Depth::Sixteen);
        assert_eq!(depth("vt220", ""), Depth::None);
        let no = with(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
        assert_eq!(no.depth(), Depth::None);
    }

    #[test]
    fn layers_between_are_known() {
        let inside = with(&[("TMUX", "/tmp/x"), ("TERM", "screen-256color"), ("SSH_TTY", "t")]);
        assert!(inside.tmux && !inside.screen && inside.ssh);
        assert!(with(&[("TERM", "screen")]).screen);
        assert!(with(&[("TERM", "dumb")]).is_dumb());
    }
}
