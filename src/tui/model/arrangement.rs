//! How the dashboard differs from what fits the terminal by itself: panes that are hidden, panes with a
//! place of their own, and shares. What is not said stays as the size of the terminal has it.
//!
//! ```text
//! hidden = ["log"]
//! apart = ["locks"]
//!
//! [tall]
//! traffic = 20
//! ```

use super::{Pane, Screen};
use crate::profile::error::list;
use crate::profile::source::{self, Lines, raw};
use crate::profile::value::Raw;
use crate::profile::{Place, Problem};
use crate::trace::grammar::nearest;
use core::fmt::{self, Write};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeTable;

/// Most that a share is changed by, in hundredths of the place it is a part of.
pub const SHARE_MAX: i8 = 80;
/// What one key changes.
pub const SHARE_STEP: i8 = 5;
/// Largest file, in bytes.
pub const LAYOUT_BYTES_MAX: usize = 64 * 1024;

/// How the dashboard differs from what fits by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Not shown.
    pub hidden: BTreeSet<Pane>,
    /// Shown in a place of their own where others share one.
    pub apart: BTreeSet<Pane>,
    /// Hundredths of its column more, or less.
    pub tall: BTreeMap<Pane, i8>,
    /// Hundredths of its row more, or less.
    pub wide: BTreeMap<Pane, i8>,
}

/// A layout that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LayoutError {
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, &self.problems)
    }
}

/// The panes of the dashboard, and their names in files and commands.
pub const PANES: [(Pane, &str); 7] = [
    (Pane::Amfs, "amfs"),
    (Pane::Matrix, "caches"),
    (Pane::Traffic, "traffic"),
    (Pane::Io, "io"),
    (Pane::Locks, "locks"),
    (Pane::Group, "group"),
    (Pane::Log, "log"),
];

/// The pane of a name.
///
/// # Errors
/// There is none; what there is.
pub fn pane(name: &str) -> Result<Pane, String> {
    let found = PANES.iter().find(|(_, known)| *known == name);
    found.map(|(pane, _)| *pane).ok_or_else(|| {
        let names = PANES.map(|(_, name)| name);
        let near = nearest(name, names);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("`{name}` is no pane of the dashboard ({}){hint}", names.join(", "))
    })
}

fn word(pane: Pane) -> &'static str {
    PANES.iter().find(|(known, _)| *known == pane).map_or("", |(_, name)| name)
}

impl Arrangement {
    /// True if the pane is to be seen somewhere.
    #[must_use]
    pub fn shows(&self, pane: Pane) -> bool {
        !self.hidden.contains(&pane)
    }

    /// Hides a pane; `false`: it is the last one.
    pub fn hide(&mut self, pane: Pane) -> bool {
        let left = Screen::Dashboard.panes().iter().filter(|pane| self.shows(**pane)).count();
        left > 1 && self.hidden.insert(pane)
    }

    /// Gives a pane more, or less, of its column or row.
    pub fn grow(&mut self, pane: Pane, across: bool, by: i8) {
        let shares = if across { &mut self.wide } else { &mut self.tall };
        let share = shares.entry(pane).or_default();
        *share = share.saturating_add(by).clamp(-SHARE_MAX, SHARE_MAX);
        shares.retain(|_, share| *share != 0);
    }

    /// As the text of a file.
    #[must_use]
    pub fn text(&self) -> String {
        let names = |panes: &BTreeSet<Pane>| {
            let names: Vec<String> = panes.iter().map(|p| format!("\"{}\"", word(*p))).collect();
            names.join(", ")
        };
        let mut out = "# A layout of amflab's dashboard. tall and wide: hundredths more or less \
                       than by itself.\n"
            .to_owned();
        let _ = writeln!(out, "hidden = [{}]", names(&self.hidden));
        let _ = writeln!(out, "apart = [{}]", names(&self.apart));
        for (title, shares) in [("tall", &self.tall), ("wide", &self.wide)] {
            let _ = writeln!(out, "\n[{title}]");
            for (pane, share) in shares {
                let _ = writeln!(out, "{} = {share}", word(*pane));
            }
        }
        out
    }

    /// From the text of a file, which errors call `file`.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its lines.
    pub fn parse(file: &str, text: &str) -> Result<Self, LayoutError> {
        let lines = Lines::new(file, text);
        let table = source::table(text, &lines).map_err(|problems| LayoutError { problems })?;
        let (mut read, mut problems) = (Self::default(), Vec::new());
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let (name, place) = (key.get_ref().as_ref(), lines.place(key.span().start));
            let mut bad = |text: String| {
                let (place, key) = (place.clone(), name.to_owned());
                problems.push(Problem { place, key, text, hint: None });
            };
            match (name, value.get_ref().as_table()) {
                ("hidden", None) => panes(&raw(value)).map_or_else(&mut bad, |p| read.hidden = p),
                ("apart", None) => panes(&raw(value)).map_or_else(&mut bad, |p| read.apart = p),
                ("tall", Some(inside)) => read.tall = shares(inside, &lines, &mut problems),
                ("wide", Some(inside)) => read.wide = shares(inside, &lines, &mut problems),
                _ => bad("is none of hidden = [..], apart = [..], [tall], [wide]".to_owned()),
            }
        }
        if !PANES.iter().any(|(pane, _)| read.shows(*pane)) {
            let (place, key) = (Place::File(file.to_owned()), "hidden".to_owned());
            let text = "hides every pane".to_owned();
            problems.push(Problem { place, key, text, hint: None });
        }
        if problems.is_empty() { Ok(read) } else { Err(LayoutError { problems }) }
    }
}

fn panes(value: &Raw) -> Result<BTreeSet<Pane>, String> {
    let Raw::List(all) = value else { return Err("is no list of panes".to_owned()) };
    let one = |value: &Raw| match value {
        Raw::Text(name) => pane(name),
        other => Err(format!("{} is no pane", other.quote())),
    };
    all.iter().map(one).collect()
}

fn shares(table: &DeTable, lines: &Lines, problems: &mut Vec<Problem>) -> BTreeMap<Pane, i8> {
    let mut read = BTreeMap::new();
    for (key, value) in table {
        let number = match raw(value) {
            Raw::Int(n) => i8::try_from(n).ok().filter(|n| (-SHARE_MAX..=SHARE_MAX).contains(n)),
            _ => None,
        };
        let number = number.ok_or(format!("is no number from -{SHARE_MAX} to {SHARE_MAX}"));
        match pane(key.get_ref()).and_then(|pane| Ok((pane, number?))) {
            Ok((pane, share)) => {
                read.insert(pane, share);
            }
            Err(text) => {
                let place = lines.place(key.span().start);
                let key = key.get_ref().clone().into_owned();
                problems.push(Problem { place, key, text, hint: None });
            }
        }
    }
    read
}
