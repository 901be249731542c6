//! Numbers of things in words for people.

use core::fmt;

/// `1 message`, `7 messages`: a count and what is counted, in the singular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Many<'a>(pub u64, pub &'a str);

impl Many<'_> {
    /// Of a length.
    #[must_use]
    pub fn of(count: usize, what: &str) -> Many<'_> {
        Many(count as u64, what)
    }
}

impl fmt::Display for Many<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, what) = self;
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })
    }
}
