//! Keys that cannot both be meant: the same one twice in one place, or one that hides a sequence.
//!
//! A pane may give a key a meaning of its own in the place of the general one: that is no conflict. But a
//! key that ends where another sequence goes on would never let that one be typed.

use super::command::{Entry, Scope};
use super::keymap::Sequence;
use core::fmt;

/// Two entries whose keys cannot both be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The keys of the first.
    pub keys: String,
    /// The keys of the other, if they are longer.
    pub longer: Option<String>,
    /// The action with the shorter keys, or the first in the registry.
    pub one: &'static str,
    /// The other action.
    pub other: &'static str,
}

impl Conflict {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("give `{}` or `{}` another key, or none", self.one, self.other)
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, one, other, .. } = self;
        match &self.longer {
            Some(longer) => write!(f, "`{keys}` of `{one}` hides `{longer}` of `{other}`"),
            None => write!(f, "`{keys}` is bound to `{one}` and to `{other}`"),
        }
    }
}

/// True if somewhere both can be meant.
fn meet(one: Scope, other: Scope) -> bool {
    match (one, other) {
        (Scope::Panes(one), Scope::Panes(other)) => one.iter().any(|pane| other.contains(pane)),
        (Scope::Everywhere, _) | (_, Scope::Everywhere) => true,
    }
}

/// True if the same keys would have two meanings: both general, or both of one pane.
fn clash(one: Scope, other: Scope) -> bool {
    matches!(one, Scope::Everywhere) == matches!(other, Scope::Everywhere) && meet(one, other)
}

/// The first conflict, in the order of the registry.
#[must_use]
pub(super) fn find(bound: &[(Sequence, &'static Entry)]) -> Option<Conflict> {
    for (at, (keys, entry)) in bound.iter().enumerate() {
        for (other_keys, other) in &bound[at + 1..] {
            if entry.act == other.act {
                continue;
            }
            let told = |keys: &Sequence, longer: Option<&Sequence>, one: &Entry, other: &Entry| {
                Some(Conflict {
                    keys: keys.to_string(),
                    longer: longer.map(ToString::to_string),
                    one: one.name,
                    other: other.name,
                })
            };
            if keys == other_keys && clash(entry.scope, other.scope) {
                return told(keys, None, entry, other);
            }
            if meet(entry.scope, other.scope) {
                if other_keys.goes_on_from(keys.keys()) {
                    return told(keys, Some(other_keys), entry, other);
                }
                if keys.goes_on_from(other_keys.keys()) {
                    return told(other_keys, Some(keys), other, entry);
                }
            }
        }
    }
    None
}
