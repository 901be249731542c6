//! Every arm of the core ends in a rule: what was applied, in one sentence, and where it is specified.

use super::id::{AmfId, Key, Version};
use core::fmt;
use serde::{Deserialize, Serialize};

/// State of a block's line in one cache (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LineState {
    /// Modified: the only valid copy, dirty.
    M,
    /// Exclusive: the only copy, clean (`sharing`).
    E,
    /// Shared: clean, others may have it too.
    S,
    /// Invalid: absent.
    I,
}

impl LineState {
    /// Every state, most owned first.
    pub const ALL: [Self; 4] = [Self::M, Self::E, Self::S, Self::I];

    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::M => 'M',
            Self::E => 'E',
            Self::S => 'S',
            Self::I => 'I',
        }
    }

    /// A copy that reads may be served from.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        !matches!(self, Self::I)
    }

    /// No other AMF has a copy.
    #[must_use]
    pub const fn is_sole(self) -> bool {
        matches!(self, Self::M | Self::E)
    }
}

impl fmt::Display for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// One application of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The rule.
    pub rule: Rule,
    /// The key it was applied to.
    pub key: Option<Key>,
    /// The line before.
    pub before: LineState,
    /// The line after.
    pub after: LineState,
    /// The other AMF, if one is concerned.
    pub peer: Option<AmfId>,
    /// The version, if one is concerned (else `Version::ZERO`).
    pub version: Version,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.id())?;
        if let Some(key) = self.key {
            write!(f, " {key}")?;
        }
        if self.before != self.after {
            write!(f, " {}->{}", self.before, self.after)?;
        }
        if let Some(peer) = self.peer {
            write!(f, " {peer}")?;
        }
        if self.version != Version::ZERO {
            write!(f, " {}", self.version)?;
        }
        Ok(())
    }
}

macro_rules! rules {
    ($($name:ident, $id:literal, $section:literal, $text:literal;)*) => {
        /// A rule of the protocol. Closed; [`Rule::ALL`] is in the order of PROTOCOL.md.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $(#[doc = $text] $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its short name in events and in docs/PROTOCOL.md.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The rule in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Where PROTOCOL.md states it.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }
        }
    };
}

rules! {
    AskShared, "ask-shared", "2, claims 5 6 9", "A miss broadcasts a read search to every sharing partner.";
    AskExclusive, "ask-exclusive", "2, claims 1 3", "A write broadcasts a write invalidate to every sharing partner.";
    NotShared, "not-shared", "7, claims 10 to 12", "The data is not shared: no broadcast.";
    Hit, "hit", "3", "The line is valid and the lease is live: served from the own cache.";
    QueueBehindKey, "queue", "2", "Only one access per key is outstanding: later operations queue behind it.";
}
