//! What the checker judges: operations on one register, with the times between which each of them
//! took effect.

/// A point in the order of starts and answers. Only the order counts; a start and an answer at one
/// tick are taken as concurrent.
pub type Tick = u64;

/// A name for some content of the register; what it stands for is the business of the [`Space`].
///
/// [`Space`]: super::Space
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content(pub u32);

/// What an operation did, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Found this content.
    Read(Content),
    /// Put this content there.
    Write(Content),
    /// A compare-and-write that found `old` and put `new` there.
    Swap {
        /// What it compared with.
        old: Content,
        /// What it wrote.
        new: Content,
    },
    /// A compare-and-write that found anything but this content, and changed nothing.
    Miss(Content),
}

impl Act {
    /// What it puts down, if anything.
    pub const fn written(self) -> Option<Content> {
        match self {
            Self::Write(new) | Self::Swap { new, .. } => Some(new),
            Self::Read(_) | Self::Miss(_) => None,
        }
    }

    /// What it looks for, if anything.
    pub const fn looked_for(self) -> Option<Content> {
        match self {
            Self::Read(content) | Self::Swap { old: content, .. } | Self::Miss(content) => {
                Some(content)
            }
            Self::Write(_) => None,
        }
    }

    /// The same with other names for contents.
    pub(super) fn renamed(self, rename: impl Fn(Content) -> Content) -> Self {
        match self {
            Self::Read(content) => Self::Read(rename(content)),
            Self::Write(content) => Self::Write(rename(content)),
            Self::Swap { old, new } => Self::Swap { old: rename(old), new: rename(new) },
            Self::Miss(content) => Self::Miss(rename(content)),
        }
    }

    /// It leaves the content as it is.
    pub const fn is_observer(self) -> bool {
        match self {
            Self::Read(_) | Self::Miss(_) => true,
            // What is compared and written is the same: all it does is look.
            Self::Swap { old, new } => old.0 == new.0,
            Self::Write(_) => false,
        }
    }
}

/// One operation. Those that certainly failed are left out: they have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// It takes effect after this.
    pub start: Tick,
    /// And before this; `None`: at any time, or never.
    pub end: Option<Tick>,
    /// What it does.
    pub act: Act,
}
