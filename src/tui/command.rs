//! What the console itself can be told to do: one table that feeds the key map, the hints, the help
//! overlay, the palette and the `:` line. What the *cluster* can be told to do is in
//! `trace::registry`; the overlay and the palette show both.

mod entries;
mod verbs;

pub use self::entries::ENTRIES;
pub use self::verbs::VERBS;

use super::model::{Pane, Screen};
use crate::trace::Mark as Stands;

/// Something the console does. Anything that touches the cluster becomes a `trace::Command` in `update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Leave.
    Quit,
    /// The help overlay.
    Help,
    /// The palette.
    Palette,
    /// The `:` line.
    CommandLine,
    /// Another screen.
    Show(Screen),
    /// The next pane gets the keys.
    FocusNext,
    /// The previous pane gets the keys.
    FocusPrevious,
    /// The pane with the keys fills the screen, or no longer does.
    Zoom,
    /// Close what is open, clear the filter, end the selection.
    Back,
    /// Up one.
    Up,
    /// Down one.
    Down,
    /// Left one.
    Left,
    /// Right one.
    Right,
    /// Up a page.
    PageUp,
    /// Down a page.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// Open what is selected; do it.
    Open,
    /// Read the selected block at the selected AMF.
    Read,
    /// Write it.
    Write,
    /// Compare-and-write it.
    CompareAndWrite,
    /// Trim it.
    Trim,
    /// Flush the selected AMF.
    Flush,
    /// Ask why the selected block is busy.
    Why,
    /// Running or step mode.
    StepMode,
    /// Release the next held message.
    ReleaseNext,
    /// Drop the selected held message.
    DropHeld,
    /// Deliver the selected held message and keep it.
    DuplicateHeld,
    /// In a recording: so many steps on, or back.
    SeekBy(i64),
    /// In a recording: to its beginning.
    SeekStart,
    /// In a recording: to its end.
    SeekEnd,
    /// To the next, or the previous, step with this mark.
    ToMark(Stands, bool),
    /// To where what is watched for begins to hold next, or did before.
    JumpWatch(bool),
    /// This step is marked, to be compared with.
    MarkStep,
    /// What differs between the marked step and this one.
    Differ,
    /// To the next, or the previous, thing that happened to the selected block.
    JumpBlock(bool),
    /// A run that was looked back at goes on.
    GoOn,
    /// Another run that begins here.
    Fork,
    /// Compare the run that is shown with the selected one, or with that it came from.
    Compare,
    /// Give up the selected run.
    DropRun,
    /// Slower.
    Slower,
    /// Faster.
    Faster,
    /// Start or stop the profile's workloads.
    Workload,
    /// The replay stands still, or goes on.
    ReplayPause,
    /// End the replay; take its line off the screen.
    ReplayStop,
    /// Crash or restart the selected AMF; fail or replace the selected disk.
    CrashRestart,
    /// Pause or resume the selected AMF.
    PauseResume,
    /// Undo the selected, or the newest, fault.
    UndoFault,
    /// Heal every link.
    Heal,
    /// Show only messages that match.
    Filter,
    /// Only operations by hand, or all.
    OnlyByHand,
    /// Enlarge the heat map.
    HeatIn,
    /// Shrink the heat map.
    HeatOut,
    /// Go to a block.
    Goto,
    /// Copy what is selected.
    Copy,
    /// Mouse on or off.
    Mouse,
    /// The next theme.
    Theme,
    /// Stop this program; `fg` brings it back.
    Suspend,
    /// The ladder at the selected operation, or at the violation.
    ToLadder,
    /// Find out when the violation became inevitable, or stop it.
    Foresee,
    /// Go to the step that made it inevitable.
    Cliff,
    /// Follow the operation of the selected row; then its causes and effects; then no more.
    Follow,
    /// More, or less, of what happens.
    Level,
    /// Letters on everything that can be selected.
    Jump,
    /// The dashboard is arranged otherwise.
    Arrange(Arrange),
    /// Which places are drawn.
    Places,
    /// The selected place of the ladder goes one to the left, or to the right.
    ShiftColumn(Side),
    /// The selected place of the ladder is drawn no more.
    HideColumn,
    /// To the mark before the cursor of the ladder, or after it.
    FindMark(Mark, Side),
    /// To the block with the worst lamp.
    WorstLamp,
    /// The next match, or the next fault, view or violation.
    FindNext,
    /// The one before.
    FindPrevious,
    /// To the next step of the lesson.
    LessonNext,
    /// To the step before.
    LessonBack,
    /// This step once more.
    LessonAgain,
    /// The next hint.
    LessonHint,
    /// Show the solution.
    LessonSolve,
    /// The lesson from its beginning.
    LessonAnew,
    /// End the lesson.
    LessonLeave,
    /// Another protocol beside the one in force.
    Beside,
    /// Draw everything anew.
    Redraw,
}

/// A change of the dashboard's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrange {
    /// The pane with the keys is hidden.
    Hide,
    /// Every pane is shown.
    ShowAll,
    /// The pane with the keys gets a place of its own, or shares one again.
    Apart,
    /// The pane with the keys gets more of its column.
    Taller,
    /// Less.
    Shorter,
    /// The pane with the keys gets more of its row.
    Wider,
    /// Less.
    Narrower,
    /// As it is by itself.
    Reset,
}

/// What stands out in the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Something is broken on purpose, or mended.
    Fault,
    /// An invariant is broken.
    Violation,
    /// A view is decided.
    View,
}

impl Mark {
    /// As the timeline knows it.
    #[must_use]
    pub const fn of_step(self) -> Stands {
        match self {
            Self::Fault => Stands::Fault,
            Self::Violation => Stands::Violation,
            Self::View => Stands::View,
        }
    }
}

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Towards the beginning.
    Before,
    /// Towards the end.
    After,
}

/// Where a key means this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// On every screen.
    Everywhere,
    /// Only while one of these panes has the keys. These come first.
    Panes(&'static [Pane]),
}

/// One thing to do.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What.
    pub act: Act,
    /// Its name on the `:` line and in key settings.
    pub name: &'static str,
    /// Keys, as [`super::keymap::Key`] writes them.
    pub keys: &'static [&'static str],
    /// A word or two for the hints.
    pub short: &'static str,
    /// A sentence for the help overlay and the palette.
    pub help: &'static str,
    /// Under which heading.
    pub group: &'static str,
    /// Where.
    pub scope: Scope,
}

/// The entry with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The entry of this act: its first one.
#[must_use]
pub fn of(act: Act) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.act == act)
}

/// A word of the `:` line that takes arguments and is not about the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// A sentence.
    pub help: &'static str,
}
