//! What is open above the screen. One enum: two things can never be open at once.

use super::super::command::Act;
use super::super::keymap::Key;
use super::super::update::Effect;
use super::super::view::traffic::Hit;
use super::Pane;
use crate::protocol::Cell;
use crate::protocol::id::{AmfId, Block, DiskId, OpId};
use crate::timeline::ladder::{Address, Column};
use crate::trace::change::Differences;
use std::sync::Arc;
use tui_input::Input;

/// What is open above the screen.
#[derive(Clone, Debug, Default)]
pub enum Modal {
    /// Nothing: keys go to the pane.
    #[default]
    None,
    /// The help overlay.
    Help(HelpState),
    /// What differs between two steps.
    Differences(HelpState, Arc<Differences>),
    /// The palette.
    Palette(Palette),
    /// The `:` line.
    Line(LineInput),
    /// The letters of jump mode.
    Jump(Jump),
    /// The keys of a sequence so far: what may follow is shown.
    Prefix(Vec<Key>),
    /// The filter of the traffic.
    Filter(Input),
    /// The number of a block to go to.
    Goto(Input),
    /// The answer to a question of a lesson.
    Answer(Input),
    /// A host operation.
    Dialog(Dialog),
    /// A question.
    Confirm(Confirm),
}

/// A text that is scrolled and filtered, as the help is.
#[derive(Clone, Debug, Default)]
pub struct HelpState {
    /// First line shown.
    pub scroll: usize,
    /// Words that a line must have.
    pub filter: Input,
    /// They are being typed.
    pub is_typing: bool,
}

/// The letters of jump mode.
#[derive(Clone, Debug, Default)]
pub struct Jump {
    /// What can be selected, and its letters.
    pub labels: Vec<(Aim, String)>,
    /// What is typed of them.
    pub typed: String,
}

/// Something that can be selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// A pane, by its title.
    Pane(Pane),
    /// An AMF.
    Amf(AmfId),
    /// A disk.
    Disk(DiskId),
    /// A block at an AMF.
    Cell(AmfId, Block),
    /// A block in a pane.
    Block(Pane, Block),
    /// A message.
    Message(Hit),
    /// A host operation.
    Op(OpId),
    /// A row of the lock table.
    Lock(usize),
    /// A fault to inject.
    Fault(usize),
    /// An active fault.
    Active(usize),
    /// A row of the ladder, or of the events of the timeline.
    Row(Pane, Address),
    /// A place of the ladder.
    Place(Column),
    /// An operation on the selected block.
    Seen(OpId),
    /// A line of the log.
    LogLine(u64),
    /// A source of the log.
    Source(usize),
    /// A run, by its name.
    Run(String),
    /// A lesson, by its name.
    Lesson(String),
    /// A cell of the state x event table.
    Event(Cell),
}

/// The palette.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// What is typed.
    pub input: Input,
    /// What matches, best first.
    pub items: Vec<PaletteItem>,
    /// Which of them is selected.
    pub at: usize,
}

/// One line of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaletteItem {
    /// Something the console does.
    Act {
        /// What.
        act: Act,
        /// Its name.
        name: &'static str,
        /// A sentence.
        help: &'static str,
    },
    /// A command; it is put on the `:` line.
    Command {
        /// Its first word.
        name: &'static str,
        /// How it is written.
        usage: &'static str,
        /// A sentence.
        help: &'static str,
    },
}

/// The `:` line.
#[derive(Clone, Debug, Default)]
pub struct LineInput {
    /// What is typed.
    pub input: Input,
    /// What could stand at the end; shown while there is a choice.
    pub candidates: Vec<String>,
    /// Which of them is in the line.
    pub at: Option<usize>,
    /// How far back in the history; `None`: not in it.
    pub recalled: Option<usize>,
    /// What is wrong with the line, if it was tried.
    pub error: Option<String>,
}

/// Which operation a dialog asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKind {
    /// Write.
    Write,
    /// Compare and write.
    CompareAndWrite,
    /// Trim.
    Trim,
}

/// A host operation to be typed.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Which.
    pub kind: DialogKind,
    /// Its fields: name, and what is typed.
    pub fields: Vec<(&'static str, Input)>,
    /// The field with the cursor.
    pub at: usize,
    /// What is wrong, if it was tried.
    pub error: Option<String>,
}

/// A question that is asked once.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The question.
    pub question: String,
    /// What may be lost.
    pub reason: String,
    /// What `y` does.
    pub then: Vec<Effect>,
}
