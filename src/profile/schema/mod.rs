//! The table of all keys: section, name, type, range, meaning. The parser, its messages, the nearest
//! key, the effective profile and the documentation all come from here.

mod lists;
mod tables;

pub(super) use lists::{fault, workload};
pub(super) use tables::sections;

use super::draft::Draft;
use super::kind::{At, Kind};
use super::value::Unit;
use crate::protocol::id::Span;

/// A key of `T`.
pub(super) struct Key<T> {
    /// Its name.
    pub(super) name: &'static str,
    /// What it accepts, and where that goes.
    pub(super) kind: Kind<T>,
    /// What it means.
    pub(super) doc: &'static str,
    /// The default in words, where it depends on other keys.
    pub(super) default: &'static str,
}

impl<T> Key<T> {
    const fn new(name: &'static str, kind: Kind<T>, doc: &'static str) -> Self {
        Self { name, kind, doc, default: "" }
    }

    const fn by_default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// A section that is a table.
pub(super) struct Section {
    /// Its name; empty: the keys above the first section.
    pub(super) name: &'static str,
    /// Its keys.
    pub(super) keys: Vec<Key<Draft>>,
}

/// Names of the sections that are lists of tables.
pub(super) const LISTS: [&str; 2] = ["workload", "fault"];

/// Most workloads, and most faults, in a profile.
pub(super) const LIST_MAX: usize = 256;

const DAY: Span = Span::secs(86_400);
const MINUTE: Span = Span::secs(60);

fn int<T>(name: &'static str, range: (u64, u64), at: At<T, u64>, doc: &'static str) -> Key<T> {
    Key::new(name, Kind::Int { min: range.0, max: range.1, at }, doc)
}

fn time<T>(
    name: &'static str,
    unit: Unit,
    range: (Span, Span),
    at: At<T, Span>,
    doc: &'static str,
) -> Key<T> {
    Key::new(name, Kind::Time { unit, min: range.0, max: range.1, at }, doc)
}

fn choice<T>(
    name: &'static str,
    names: fn() -> Vec<&'static str>,
    later: &'static [&'static str],
    at: At<T, usize>,
    doc: &'static str,
) -> Key<T> {
    Key::new(name, Kind::Choice { names, later, at }, doc)
}

/// A key, in words: for the documentation, the help and `profiles show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// `cluster`, `workload`; empty: above the first section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// What it is: `a time`, `a whole number`.
    pub type_name: &'static str,
    /// The unit of a plain number; empty: it has none.
    pub unit: &'static str,
    /// What is allowed.
    pub range: String,
    /// The default as TOML, or in words where it depends on other keys.
    pub default: String,
    /// What it means.
    pub doc: &'static str,
}

fn info<T: Default>(section: &'static str, keys: &[Key<T>], to: &mut Vec<KeyInfo>) {
    let mut defaults = T::default();
    for key in keys {
        let default = match key.default {
            "" => key.kind.show(&mut defaults).unwrap_or_default(),
            words => words.to_owned(),
        };
        to.push(KeyInfo {
            section,
            key: key.name,
            type_name: key.kind.type_name(),
            unit: key.kind.unit(),
            range: key.kind.range(),
            default,
            doc: key.doc,
        });
    }
}

/// Every key there is, in the order in which an effective profile shows them.
#[must_use]
pub fn schema() -> Vec<KeyInfo> {
    let mut all = Vec::new();
    for section in sections() {
        info(section.name, &section.keys, &mut all);
    }
    info("workload", &workload(), &mut all);
    info("fault", &fault(), &mut all);
    all
}
