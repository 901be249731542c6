//! The screens, and the panes on them.

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Everything at a glance.
    Dashboard,
    /// The address space, and one block.
    Caches,
    /// Locks, and who waits for whom.
    Locks,
    /// What can be broken, and what is.
    Faults,
    /// Whether what hosts saw is linearizable.
    Checker,
    /// What happened, in space and time.
    Ladder,
    /// The whole of a run, to go to and fro in and to fork.
    Timeline,
    /// Lessons.
    Learn,
    /// What an event does to a block, by how it stands.
    Protocol,
    /// Two clusters on the same input.
    Beside,
}

/// A pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// The AMFs.
    Amfs,
    /// Blocks by AMFs.
    Matrix,
    /// Messages.
    Traffic,
    /// Host operations.
    Io,
    /// The lock table.
    Locks,
    /// The redundancy group.
    Group,
    /// The log.
    Log,
    /// The address space.
    Heat,
    /// One block.
    Card,
    /// Who waits for whom.
    Chain,
    /// Faults to inject.
    Inject,
    /// Active faults.
    Active,
    /// Lamps.
    Lamps,
    /// The newest operations on one block.
    History,
    /// The space-time diagram.
    Ladder,
    /// The whole run, as a strip.
    Strip,
    /// What happened around the position.
    Around,
    /// Two runs, side by side.
    Compare,
    /// The runs that are there.
    Branches,
    /// The step of a lesson.
    Lesson,
    /// The lessons.
    Lessons,
    /// The state x event table.
    Table,
    /// One cell of it, in words.
    Cell,
    /// Blocks by AMFs, of the cluster beside this one.
    Other,
    /// Two clusters in figures.
    Figures,
}

impl Screen {
    /// Every screen, in the order of their digits.
    pub const ALL: [Self; 10] = [
        Self::Dashboard,
        Self::Caches,
        Self::Locks,
        Self::Faults,
        Self::Checker,
        Self::Ladder,
        Self::Timeline,
        Self::Protocol,
        Self::Learn,
        Self::Beside,
    ];

    /// The digit that shows it.
    #[must_use]
    pub const fn digit(self) -> u8 {
        match self {
            Self::Dashboard => 1,
            Self::Caches => 2,
            Self::Locks => 3,
            Self::Faults => 4,
            Self::Checker => 5,
            Self::Ladder => 6,
            Self::Protocol => 8,
            Self::Timeline => 7,
            Self::Learn => 9,
            Self::Beside => 0,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Dashboard => "Dashboard",
            Self::Caches => "Caches",
            Self::Locks => "Locks",
            Self::Faults => "Faults",
            Self::Checker => "Checker",
            Self::Ladder => "Ladder",
            Self::Protocol => "Protocol",
            Self::Timeline => "Timeline",
            Self::Learn => "Learn",
            Self::Beside => "Beside",
        }
    }

    /// The same in at most six letters.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Dashboard => "Dash",
            Self::Caches => "Cache",
            Self::Locks => "Lock",
            Self::Faults => "Fault",
            Self::Checker => "Check",
            Self::Ladder => "Ladder",
            Self::Protocol => "Proto",
            Self::Timeline => "Time",
            Self::Learn => "Learn",
            Self::Beside => "Beside",
        }
    }

    /// Its panes, in the order of `tab`.
    #[must_use]
    pub const fn panes(self) -> &'static [Pane] {
        match self {
            Self::Dashboard => &[
                Pane::Amfs,
                Pane::Matrix,
                Pane::Traffic,
                Pane::Io,
                Pane::Locks,
                Pane::Group,
                Pane::Log,
            ],
            Self::Caches => &[Pane::Heat, Pane::Card],
            Self::Locks => &[Pane::Locks, Pane::Chain],
            Self::Faults => &[Pane::Inject, Pane::Active, Pane::Amfs, Pane::Group],
            Self::Checker => &[Pane::Lamps, Pane::History],
            Self::Ladder => &[Pane::Ladder, Pane::Log],
            Self::Timeline => &[
                Pane::Around,
                Pane::Strip,
                Pane::Branches,
                Pane::Traffic,
                Pane::Log,
                Pane::Compare,
            ],
            Self::Learn => &[Pane::Lesson, Pane::Lessons],
            Self::Protocol => &[Pane::Table, Pane::Cell],
            Self::Beside => &[Pane::Figures, Pane::Matrix, Pane::Other],
        }
    }
}

impl Pane {
    /// Its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Amfs => "AMFs",
            Self::Matrix => "Caches",
            Self::Traffic => "Traffic",
            Self::Io => "Host I/O",
            Self::Locks => "Locks",
            Self::Group => "Group",
            Self::Log => "Log",
            Self::Heat => "Address space",
            Self::Card => "Block",
            Self::Chain => "Why is it busy?",
            Self::Inject => "Inject",
            Self::Active => "Active faults",
            Self::Lamps => "Lamps",
            Self::History => "Operations",
            Self::Ladder => "Ladder",
            Self::Strip => "Run",
            Self::Around => "Events",
            Self::Compare => "Compare",
            Self::Branches => "Branches",
            Self::Lesson => "Lesson",
            Self::Lessons => "Lessons",
            Self::Table => "States and events",
            Self::Cell => "Cell",
            Self::Other => "Caches beside",
            Self::Figures => "Figures",
        }
    }
}
