//! What the console itself can be told to do: one table that feeds the key map, the hints, the help
//! overlay, the palette and the `:` line. What the *cluster* can be told to do is in
//! `trace::registry`; the overlay and the palette show both.

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

const fn all(
    act: Act,
    name: &'static str,
    keys: &'static [&'static str],
    short: &'static str,
    help: &'static str,
    group: &'static str,
) -> Entry {
    Entry { act, name, keys, short, help, group, scope: Scope::Everywhere }
}

const fn within(panes: &'static [Pane], entry: Entry) -> Entry {
    Entry { scope: Scope::Panes(panes), ..entry }
}

const GO: &str = "Moving around";
const HOST: &str = "Host I/O";
const STEP: &str = "Stepping and tempo";
const FAULT: &str = "Faults";
const SHOW: &str = "The screen";
const LEARN: &str = "Lessons";

/// The panes about the whole of a run.
const TIMELINE: &[Pane] = &[Pane::Strip, Pane::Around, Pane::Branches, Pane::Compare];

/// Everything the console can be told to do, in the order of the help overlay.
pub const ENTRIES: &[Entry] = &[
    all(Act::Help, "help", &["?", "f1"], "help", "This overlay: every key and every command", GO),
    all(Act::Palette, "palette", &["ctrl-p"], "palette", "Find anything by a few letters", GO),
    all(
        Act::CommandLine,
        "line",
        &[":"],
        "command",
        "Type a command; tab completes, up recalls",
        GO,
    ),
    all(
        Act::Show(Screen::Dashboard),
        "dashboard",
        &["1"],
        "dashboard",
        "Screen 1: everything at a glance",
        GO,
    ),
    all(
        Act::Show(Screen::Caches),
        "caches",
        &["2"],
        "caches",
        "Screen 2: heat map and block card",
        GO,
    ),
    all(
        Act::Show(Screen::Locks),
        "locks",
        &["3"],
        "locks",
        "Screen 3: locks and who waits for whom",
        GO,
    ),
    all(
        Act::Show(Screen::Faults),
        "faults",
        &["4"],
        "faults",
        "Screen 4: inject and undo faults",
        GO,
    ),
    all(
        Act::Show(Screen::Checker),
        "checker",
        &["5"],
        "checker",
        "Screen 5: which blocks are linearizable, and why one is not",
        GO,
    ),
    all(
        Act::Show(Screen::Ladder),
        "ladder",
        &["6"],
        "ladder",
        "Screen 6: what happened, in space and time",
        GO,
    ),
    all(
        Act::Show(Screen::Timeline),
        "timeline",
        &["7"],
        "timeline",
        "Screen 7: the whole run, to go back in, to fork, to compare",
        GO,
    ),
    all(
        Act::Show(Screen::Protocol),
        "protocol-table",
        &["8"],
        "protocol",
        "Screen 8: what an event does to a block, by how it stands",
        GO,
    ),
    all(
        Act::Show(Screen::Learn),
        "learn",
        &["9"],
        "learn",
        "Screen 9: lessons, with tasks, questions and bug hunts",
        GO,
    ),
    all(
        Act::Show(Screen::Beside),
        "side-by-side",
        &["0"],
        "beside",
        "Screen 0: two clusters on the same input, once `beside` has made them",
        GO,
    ),
    all(Act::FocusNext, "next-pane", &["tab"], "pane", "The next pane gets the keys", GO),
    all(
        Act::FocusPrevious,
        "previous-pane",
        &["shift-tab"],
        "",
        "The previous pane gets the keys",
        GO,
    ),
    all(Act::Zoom, "zoom", &["z"], "zoom", "This pane fills the screen, or no longer does", GO),
    all(Act::Up, "up", &["up", "k"], "", "Up", GO),
    all(Act::Down, "down", &["down", "j"], "", "Down", GO),
    all(Act::Left, "left", &["left", "h"], "", "Left; another target on the Faults screen", GO),
    all(Act::Right, "right", &["right", "l"], "", "Right; another target on the Faults screen", GO),
    all(Act::PageUp, "page-up", &["pageup"], "", "Up a page", GO),
    all(Act::PageDown, "page-down", &["pagedown"], "", "Down a page", GO),
    all(Act::First, "first", &["home"], "", "To the first", GO),
    all(Act::Last, "last", &["end"], "", "To the last; follow what is new", GO),
    all(Act::Goto, "goto", &["g", "G b"], "go to block", "Go to a block by its number", GO),
    all(
        Act::FindMark(Mark::Violation, Side::Before),
        "last-violation",
        &["G v"],
        "last violation",
        "Ladder: to the violation before the cursor, the newest first",
        GO,
    ),
    all(
        Act::FindMark(Mark::Violation, Side::After),
        "next-violation",
        &["G V"],
        "next violation",
        "Ladder: to the violation after the cursor",
        GO,
    ),
    all(
        Act::FindMark(Mark::Fault, Side::Before),
        "last-fault",
        &["G f"],
        "last fault",
        "Ladder: to the fault before the cursor, the newest first",
        GO,
    ),
    all(
        Act::FindMark(Mark::Fault, Side::After),
        "next-fault",
        &["G F"],
        "next fault",
        "Ladder: to the fault after the cursor",
        GO,
    ),
    all(
        Act::FindMark(Mark::View, Side::Before),
        "last-view",
        &["G e"],
        "last view",
        "Ladder: to the view change before the cursor, the newest first",
        GO,
    ),
    all(
        Act::FindMark(Mark::View, Side::After),
        "next-view",
        &["G E"],
        "next view",
        "Ladder: to the view change after the cursor",
        GO,
    ),
    all(
        Act::WorstLamp,
        "worst-lamp",
        &["G w"],
        "worst lamp",
        "Checker: to the block with the worst lamp",
        GO,
    ),
    all(
        Act::Jump,
        "jump",
        &["'"],
        "jump",
        "Jump: letters on everything that can be selected; type them",
        GO,
    ),
    all(Act::Back, "back", &["esc"], "back", "Close, clear the filter, end the selection", GO),
    within(
        &[Pane::Traffic],
        all(
            Act::Open,
            "open",
            &["enter"],
            "release/follow",
            "Release the selected held message, or follow its operation",
            GO,
        ),
    ),
    within(
        &[Pane::Io],
        all(
            Act::Open,
            "open",
            &["enter"],
            "open in traffic",
            "Show the messages of the selected operation",
            GO,
        ),
    ),
    within(
        &[Pane::Ladder],
        all(
            Act::Open,
            "open",
            &["enter"],
            "go there",
            "Recording: go to the step of this row; else follow its operation",
            GO,
        ),
    ),
    within(
        &[Pane::Ladder],
        all(
            Act::Follow,
            "follow",
            &["f"],
            "follow",
            "Only what was done for this operation; again: its causes and effects; again: all",
            SHOW,
        ),
    ),
    within(
        &[Pane::Ladder],
        all(
            Act::Level,
            "level",
            &["v"],
            "more/less",
            "Messages; or what leaves and changes, too; or every rule",
            SHOW,
        ),
    ),
    within(
        &[Pane::Ladder],
        all(Act::Places, "places", &["a"], "places", "All places, busy ones, or AMFs only", SHOW),
    ),
    within(
        &[Pane::Ladder],
        all(
            Act::ShiftColumn(Side::Before),
            "column-left",
            &["("],
            "move place",
            "The place that left and right select goes to the left; the mouse drags it by its title",
            SHOW,
        ),
    ),
    within(
        &[Pane::Ladder],
        all(
            Act::ShiftColumn(Side::After),
            "column-right",
            &[")"],
            "",
            "It goes to the right",
            SHOW,
        ),
    ),
    within(
        &[Pane::Ladder],
        all(
            Act::HideColumn,
            "hide-column",
            &["delete", "D"],
            "hide place",
            "The selected place is hidden; `:columns all` shows every one",
            SHOW,
        ),
    ),
    within(
        &[Pane::Log],
        all(
            Act::Open,
            "open",
            &["enter"],
            "go there",
            "The ladder at the step of this line; a recording, and the timeline, go there",
            GO,
        ),
    ),
    within(
        &[Pane::Log],
        all(
            Act::Level,
            "less-of-source",
            &["v"],
            "less of source",
            "Less of the source that left and right select, then none, then all",
            SHOW,
        ),
    ),
    within(
        &[Pane::Ladder, Pane::Around],
        all(
            Act::FindNext,
            "find-next",
            &["m"],
            "next mark",
            "The next match of the filter; without one the next fault, view or violation",
            GO,
        ),
    ),
    within(
        &[Pane::Ladder, Pane::Around],
        all(Act::FindPrevious, "find-previous", &["M"], "", "The match or mark before", GO),
    ),
    within(
        &[Pane::Table, Pane::Cell],
        all(
            Act::Open,
            "open",
            &["enter"],
            "last time",
            "To where the selected cell happened last: in the ladder, or in the recording",
            GO,
        ),
    ),
    within(
        &[Pane::Table, Pane::Cell],
        all(
            Act::Beside,
            "beside",
            &["b"],
            "compare",
            "Another protocol beside the one in force, differences marked; after the last: none",
            SHOW,
        ),
    ),
    within(
        &[Pane::Table, Pane::Cell],
        all(Act::Level, "counts", &["v"], "counts", "How often cells were met here, or not", SHOW),
    ),
    within(
        &[Pane::Table, Pane::Cell],
        all(Act::FindNext, "next-met", &["m"], "next met", "The next cell that was met here", GO),
    ),
    within(
        &[Pane::Table, Pane::Cell],
        all(Act::FindPrevious, "previous-met", &["M"], "", "The cell before that was met here", GO),
    ),
    within(
        &[Pane::Inject],
        all(Act::Open, "open", &["enter"], "inject", "Inject the selected fault", FAULT),
    ),
    within(
        &[Pane::Active],
        all(Act::Open, "open", &["enter"], "undo", "Undo the selected fault", FAULT),
    ),
    within(
        &[Pane::Heat],
        all(Act::Open, "open", &["enter"], "zoom in", "Enlarge the heat map here", GO),
    ),
    within(
        &[Pane::Lamps],
        all(
            Act::Open,
            "open",
            &["enter"],
            "operations",
            "The operations on the selected block",
            GO,
        ),
    ),
    within(
        &[Pane::History],
        all(
            Act::Open,
            "open",
            &["enter"],
            "ladder",
            "The ladder at the selected operation, or at the violation",
            GO,
        ),
    ),
    within(
        &[Pane::Lamps, Pane::History],
        all(
            Act::Foresee,
            "foresee",
            &["i"],
            "inevitable?",
            "When did this violation become inevitable? Tries random futures; again: stops",
            GO,
        ),
    ),
    within(
        &[Pane::Lamps, Pane::History],
        all(
            Act::Cliff,
            "cliff",
            &["I"],
            "",
            "The ladder where it became inevitable; a recording goes to the last fine step",
            GO,
        ),
    ),
    within(
        &[Pane::Lamps, Pane::History],
        all(
            Act::ToLadder,
            "to-ladder",
            &["o"],
            "ladder",
            "The ladder at the selected operation, or at the violation; a recording goes there",
            GO,
        ),
    ),
    within(
        &[Pane::Lessons],
        all(
            Act::Open,
            "open",
            &["enter"],
            "take",
            "Take the selected lesson, where it was left",
            LEARN,
        ),
    ),
    within(
        &[Pane::Lesson],
        all(
            Act::Open,
            "lesson-open",
            &["enter"],
            "go on",
            "On to the next step; or type a command, or an answer, if one is asked for",
            LEARN,
        ),
    ),
    within(
        &[Pane::Lesson],
        all(Act::LessonHint, "hint", &["i"], "hint", "The next hint; it costs a point", LEARN),
    ),
    within(
        // In the list, too: who wants a step back there does not want another run.
        &[Pane::Lesson, Pane::Lessons],
        all(
            Act::LessonBack,
            "lesson-back",
            &["b"],
            "step back",
            "Back to the beginning of the step before",
            LEARN,
        ),
    ),
    within(
        &[Pane::Lesson],
        all(Act::LessonAgain, "lesson-again", &["a"], "again", "This step once more", LEARN),
    ),
    within(
        &[Pane::Lesson],
        all(
            Act::LessonNext,
            "lesson-next",
            &["n"],
            "next",
            "The next step; one that was done before is done again as it was",
            LEARN,
        ),
    ),
    within(
        &[Pane::Lesson],
        all(Act::LessonSolve, "lesson-solve", &["v"], "solution", "Show the solution", LEARN),
    ),
    within(
        &[Pane::Lesson, Pane::Lessons],
        all(
            Act::LessonAnew,
            "lesson-anew",
            &["R"],
            "anew",
            "The lesson from its first step on; what was done in it so far is forgotten",
            LEARN,
        ),
    ),
    within(
        &[Pane::Lesson],
        all(Act::LessonLeave, "lesson-leave", &["e"], "leave", "End the lesson", LEARN),
    ),
    all(Act::Open, "open", &["enter"], "open", "Open what is selected", GO),
    all(Act::Read, "ask-read", &["r"], "read", "Read the selected block at the selected AMF", HOST),
    all(Act::Write, "ask-write", &["w"], "write", "Write it: type the data", HOST),
    all(
        Act::CompareAndWrite,
        "ask-caw",
        &["c"],
        "compare+write",
        "Write it if it still is what you type",
        HOST,
    ),
    all(Act::Trim, "ask-trim", &["t"], "trim", "Trim it: zeroes", HOST),
    all(Act::Flush, "ask-flush", &["f"], "flush", "Flush the selected AMF", HOST),
    all(Act::Why, "ask-why", &["y"], "why", "Why is the selected block busy?", HOST),
    all(
        Act::Workload,
        "workloads",
        &["p"],
        "workload",
        "Start or stop the profile's workloads",
        HOST,
    ),
    all(
        Act::ReplayPause,
        "replay-pause",
        &["P"],
        "pause replay",
        "Pause the replay of a trace, or let it go on",
        HOST,
    ),
    all(
        Act::ReplayStop,
        "replay-stop",
        &["S"],
        "stop replay",
        "Stop the replay; once it is over, take its line off the screen",
        HOST,
    ),
    within(
        &[Pane::Io],
        all(
            Act::OnlyByHand,
            "only-by-hand",
            &["o"],
            "only mine",
            "Only operations by hand, or all",
            HOST,
        ),
    ),
    all(
        Act::StepMode,
        "step-mode",
        &["space", "s"],
        "run/step",
        "Running, or every message held",
        STEP,
    ),
    all(
        Act::ReleaseNext,
        "release-next",
        &["n"],
        "next",
        "Step mode: let the next message go",
        STEP,
    ),
    within(
        &[Pane::Traffic],
        all(
            Act::DropHeld,
            "drop-held",
            &["d"],
            "drop",
            "Step mode: lose the selected message",
            STEP,
        ),
    ),
    within(
        &[Pane::Traffic],
        all(
            Act::DuplicateHeld,
            "duplicate-held",
            &["u"],
            "duplicate",
            "Step mode: deliver it and keep it",
            STEP,
        ),
    ),
    all(Act::SeekBy(1), "seek-next", &["."], "on", "One step on", STEP),
    all(
        Act::SeekBy(-1),
        "seek-back",
        &[","],
        "back",
        "One step back; a cluster that runs stands still meanwhile",
        STEP,
    ),
    all(Act::SeekBy(100), "seek-far", &[">"], "on 100", "100 steps on", STEP),
    all(Act::SeekBy(-100), "seek-far-back", &["<"], "back 100", "100 steps back", STEP),
    all(Act::SeekStart, "seek-start", &["["], "start", "To the beginning of the run", STEP),
    all(Act::SeekEnd, "seek-end", &["]"], "end", "To its end", STEP),
    all(
        Act::GoOn,
        "go-on",
        &["N"],
        "go on",
        "Back from the past: the cluster as it stood; from another run, that which it came from",
        STEP,
    ),
    all(Act::Fork, "fork-here", &["b"], "fork", "Another run that begins here, in step mode", STEP),
    within(
        TIMELINE,
        all(
            Act::ToMark(Stands::Answer, true),
            "next-answer",
            &["o"],
            "operation",
            "On to the next answer to a host: one operation",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::ToMark(Stands::Answer, false),
            "previous-answer",
            &["O"],
            "",
            "Back to the answer before",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::ToMark(Stands::Fault, true),
            "next-fault",
            &["f"],
            "fault",
            "To the next fault",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::ToMark(Stands::Fault, false),
            "previous-fault",
            &["F"],
            "",
            "To the fault before",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::ToMark(Stands::Violation, true),
            "next-violation",
            &["v"],
            "violation",
            "To the next violation",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::ToMark(Stands::Violation, false),
            "previous-violation",
            &["V"],
            "",
            "To the violation before",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::MarkStep,
            "mark-step",
            &["a"],
            "mark",
            "Mark this step; `d` at another one tells what differs",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::Differ,
            "differences",
            &["d"],
            "differences",
            "What differs in all of the state between the marked step and this one",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::JumpWatch(true),
            "next-watch",
            &["}"],
            "next hit",
            "To where what `:watch` names begins to hold next; held: runs on to there",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::JumpWatch(false),
            "previous-watch",
            &["{"],
            "",
            "To where it began to hold before",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::JumpBlock(true),
            "next-of-block",
            &["e"],
            "",
            "To the next event of the selected block",
            STEP,
        ),
    ),
    within(
        TIMELINE,
        all(
            Act::JumpBlock(false),
            "previous-of-block",
            &["E"],
            "",
            "To the event of the selected block before",
            STEP,
        ),
    ),
    all(
        Act::Compare,
        "compare-runs",
        &["C"],
        "compare",
        "This run beside the selected one, or the one it came from",
        STEP,
    ),
    within(
        &[Pane::Branches],
        all(Act::Open, "open", &["enter"], "show", "Show the selected run", STEP),
    ),
    within(
        &[Pane::Branches],
        all(
            Act::DropRun,
            "drop-run",
            &["delete", "D"],
            "give up",
            "Give up the selected run",
            STEP,
        ),
    ),
    within(
        &[Pane::Around],
        all(Act::Open, "open", &["enter"], "go there", "Go to the step of this row", STEP),
    ),
    within(
        &[Pane::Compare],
        all(Act::Open, "open", &["enter"], "go there", "Go to where the runs part", STEP),
    ),
    all(Act::Slower, "slower", &["-"], "slower", "Clock and links ten times slower", STEP),
    all(Act::Faster, "faster", &["+", "="], "faster", "Clock and links ten times faster", STEP),
    all(
        Act::CrashRestart,
        "crash-restart",
        &["x"],
        "crash/restart",
        "Crash or restart the selected AMF (in the group: fail or replace the disk)",
        FAULT,
    ),
    all(
        Act::PauseResume,
        "pause-resume",
        &["X"],
        "pause/resume",
        "Pause or resume the selected AMF",
        FAULT,
    ),
    all(
        Act::UndoFault,
        "undo-fault",
        &["U"],
        "undo fault",
        "Undo the selected, or the newest, fault",
        FAULT,
    ),
    all(Act::Heal, "heal-links", &["H"], "heal", "End partitions and whatever links do", FAULT),
    all(
        Act::Filter,
        "filter",
        &["/"],
        "filter",
        "Filter the list with the keys: `b3` whole, `grnt` fuzzy, `op1*`; in a map the traffic",
        SHOW,
    ),
    within(&[Pane::Heat], all(Act::HeatIn, "heat-in", &["i"], "in", "Enlarge the heat map", SHOW)),
    within(
        &[Pane::Heat],
        all(Act::HeatOut, "heat-out", &["o"], "out", "Shrink the heat map", SHOW),
    ),
    all(
        Act::Arrange(Arrange::Hide),
        "hide-pane",
        &["ctrl-w x"],
        "hide",
        "Dashboard: hide the pane with the keys",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::ShowAll),
        "show-panes",
        &["ctrl-w a"],
        "show all",
        "Dashboard: show every pane again",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::Apart),
        "split-pane",
        &["ctrl-w s"],
        "split/join",
        "Dashboard: a place of its own for this pane, or shared again",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::Taller),
        "taller",
        &["ctrl-w +", "ctrl-w ="],
        "taller",
        "Dashboard: more rows for this pane",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::Shorter),
        "shorter",
        &["ctrl-w -"],
        "shorter",
        "Dashboard: fewer rows for this pane",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::Wider),
        "wider",
        &["ctrl-w >"],
        "wider",
        "Dashboard: more columns for this pane",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::Narrower),
        "narrower",
        &["ctrl-w <"],
        "narrower",
        "Dashboard: fewer columns for this pane",
        SHOW,
    ),
    all(
        Act::Arrange(Arrange::Reset),
        "reset-layout",
        &["ctrl-w 0"],
        "reset",
        "Dashboard: as it is by itself; `:layout save NAME` keeps one",
        SHOW,
    ),
    all(Act::Copy, "copy", &["Y", "ctrl-y"], "copy", "Copy what is selected (OSC 52)", SHOW),
    all(
        Act::Mouse,
        "mouse",
        &["M"],
        "mouse",
        "Mouse on or off (off: the terminal selects text)",
        SHOW,
    ),
    all(Act::Theme, "next-theme", &["T"], "theme", "The next theme", SHOW),
    all(Act::Redraw, "redraw", &["ctrl-l"], "", "Draw everything anew", SHOW),
    all(Act::Suspend, "suspend", &["ctrl-z"], "", "Stop this program; `fg` brings it back", SHOW),
    all(Act::Quit, "quit", &["q", "ctrl-c", "ctrl-q"], "quit", "Leave", SHOW),
];

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

/// Words of the `:` line with arguments, besides the cluster's commands.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "save",
        usage: "save FILE",
        help: "Save the session so far as a script; `save!` replaces a file",
    },
    Verb { name: "source", usage: "source FILE", help: "Run a script's commands here" },
    Verb {
        name: "layout",
        usage: "layout NAME | save NAME | hide PANE | show PANE | list",
        help: "The dashboard as it was saved; `default` fits by itself; `save!` replaces one",
    },
    Verb { name: "lesson", usage: "lesson NAME", help: "Take a lesson, by its name or number" },
    Verb { name: "theme", usage: "theme NAME", help: "Another theme" },
    Verb {
        name: "filter",
        usage: "filter [WORDS]",
        help: "Filter the list with the keys, else the traffic; nothing shows all",
    },
    Verb {
        name: "goto",
        usage: "goto BLOCK",
        help: "Go to a block; in a recording to a step: N, +N, -N, start, end, or bN for a block",
    },
    Verb {
        name: "columns",
        usage: "columns all|PLACE,...",
        help: "Places of the ladder, in this order: hosts, amf0, witness, disk0",
    },
    Verb { name: "svg", usage: "svg FILE", help: "Draw the ladder from the top of the screen on" },
    Verb {
        name: "fork",
        usage: "fork [NAME]",
        help: "Another run that begins here, in step mode: try another order, or a fault",
    },
    Verb {
        name: "branch",
        usage: "branch [NAME]",
        help: "Show another run; without a name that which this one came from",
    },
    Verb { name: "unbranch", usage: "unbranch NAME", help: "Give up a run" },
    Verb { name: "branches", usage: "branches", help: "The runs that are there" },
    Verb {
        name: "compare",
        usage: "compare NAME [NAME]",
        help: "Two runs side by side, from their first difference on",
    },
    Verb {
        name: "diff",
        usage: "diff [STEP [STEP]]",
        help: "What differs in all of the state between two steps: of the marked one, and here",
    },
    Verb {
        name: "watch",
        usage: "watch CONDITION | off",
        help: "Stop where it begins to hold, as `state amf1 3 I`; in a recording, mark where",
    },
    Verb {
        name: "beside",
        usage: "beside KEY=VALUE ..",
        help: "Two simulated clusters on the same input that differ in these keys of the profile",
    },
    Verb { name: "select", usage: "select AMF", help: "Select an AMF" },
];
